"""Shadow prices of a company, as a list and as a workbook."""

from pathlib import Path

import numpy as np

from scenarios.tuning.words import words_in
from scenarios.tuning.workbook import write_sheet
from twin.assembly import assemble
from twin.tables.company import Company
from twin.tune.measures import profit
from twin.tune.pareto import Steps, silent
from twin.tune.shadow import Price, lead_time_prices, smooth_prices, terms_prices

HEADINGS = ("one_more", "where_it_is", "worth", "error", "per_unit")


def shadow_prices(company: Company, futures: int, seed: int = 0, progress: Steps = silent) -> list[Price]:
    """What one more is worth in profit over the horizon, by kind, the dearest first; one day less of lead time."""
    model, draws = assemble(company, {}), np.arange(futures)
    kinds = {"stock, credit, cash": smooth_prices, "payment terms": terms_prices, "lead times": lead_time_prices}
    found: list[Price] = []
    for done, (name, priced) in enumerate(kinds.items()):
        progress(name, done, len(kinds))
        found += priced(model, profit(), draws, seed=seed)
    order = {of: place for place, of in enumerate(dict.fromkeys(price.of for price in found))}
    return sorted(found, key=lambda price: (order[price.of], -abs(price.value)))


def write_prices(found: list[Price], currency: str, path: Path, lang: str) -> None:
    """All prices as one sheet."""
    words = words_in(lang)
    rows = ((words[f"price of {x.of}"], x.where, round(x.value, 4), round(x.error, 4), x.unit) for x in found)
    write_sheet(path, words["prices"], [words[name].format(currency=currency) for name in HEADINGS], rows)
