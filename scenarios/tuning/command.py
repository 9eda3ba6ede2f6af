"""The commands `tandem tune`, `front` and `prices`. They import what they need when they run: `--help` is quick."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from scenarios import console
from scenarios.console import EXIT, Stop


class Groups(StrEnum):
    """Which levels move together."""

    store_product = "store-product"
    category = "category"
    tier = "tier"
    node = "node"
    product = "product"
    company = "company"


class Per(StrEnum):
    """What a service limit is held for, each."""

    company = "company"
    store = "store"
    category = "category"


class Goal(StrEnum):
    """What is to be as high as possible."""

    profit = "profit"
    economic_value = "economic-value"
    headroom = "headroom"


class Lang(StrEnum):
    en = "en"
    zh = "zh"


Company = Annotated[Path, typer.Argument(help="The company: its folder or its .xlsx workbook.", metavar="DIR")]
Out = Annotated[Path, typer.Option(help="Folder for the results; must not exist.", metavar="DIR")]
By = Annotated[Groups, typer.Option(help="Which levels move together.")]
Steps = Annotated[int, typer.Option(help="Steps of each search.", min=1, max=10_000, metavar="N")]
Fresh = Annotated[
    int, typer.Option(help="Fresh futures that the result is held to.", min=2, max=1_000_000, metavar="N")
]
Seed = Annotated[int, typer.Option(help="Same seed, same luck.", min=0, max=2**63 - 1, metavar="N")]
Language = Annotated[Lang, typer.Option(help="Language of page and workbooks.")]


def tune(
    company: Company,
    out: Out,
    goal: Annotated[
        Goal, typer.Option(help="Profit, profit less a charge on capital, or the lowest headroom of the worst 5 %.")
    ] = Goal.profit,
    capital_charge: Annotated[
        float, typer.Option(help="Charge of economic-value, a year, as 0.1.", min=0.0, max=1.0)
    ] = 0.1,
    service: Annotated[float | None, typer.Option(help="Least fill rate, as 0.97.", min=0.0, max=1.0)] = None,
    per: Annotated[Per, typer.Option(help="Hold the fill rate for the company, each store or each category.")] = (
        Per.company
    ),
    budget: Annotated[float | None, typer.Option(help="Most stock at cost, on average, in currency.", min=1.0)] = None,
    shelf: Annotated[
        float | None, typer.Option(help="Most units on hand in any store, on average over the days.", min=1.0)
    ] = None,
    headroom: Annotated[
        float | None, typer.Option(help="Least lowest headroom, mean of the worst 5 % of futures, in currency.")
    ] = None,
    covenant: Annotated[
        float | None, typer.Option(help="The same of every covenant on its test days, in currency.")
    ] = None,
    shortfall: Annotated[
        float | None,
        typer.Option(help="Most futures, as 0.05, whose headroom falls below the minimum cash.", min=0.0, max=1.0),
    ] = None,
    by: By = Groups.store_product,
    steps: Steps = 60,
    draws: Fresh = 256,
    seed: Seed = 0,
    lang: Language = Lang.en,
) -> None:
    """Move every stock level to where it earns its cash; write the new levels, the reasons and the difference made."""
    from scenarios.tuning.page import shown, unsettled
    from scenarios.tuning.run import Asked, Unmet, write_tuning
    from scenarios.tuning.words import words_in
    from twin.tune.figures import figures

    ready = _ready(company, out)
    asked = Asked(
        by.value, goal.value, capital_charge, service, per.value, budget, shelf, headroom, covenant, shortfall,
        steps, draws, seed,
    )  # fmt: skip
    if covenant is not None and not ready.covenants:
        raise Stop(EXIT.usage, "--covenant: the company has no covenants; give --headroom for its cash")
    if shortfall is not None and not ready.settings.minimum_cash:
        raise Stop(EXIT.usage, "--shortfall: the company's minimum cash is 0, and headroom never falls below 0")
    try:
        with _searching() as progress:
            tuned, listed = write_tuning(ready, asked, out, lang.value, progress)
    except Unmet as error:
        raise Stop(EXIT.impossible, str(error)) from None
    before, after = figures(tuned.start), figures(tuned.end)
    words = words_in("en")
    currency = ready.settings.currency
    console.table(["figure", "before", "after"], [
        [words[name].format(currency=currency), *(shown(name, x[name].mean()) for x in (before, after))]
        for name in before
    ])  # fmt: skip
    if tuned.unsettled:
        console.warn(unsettled(tuned, words))
    moved = sum(change.old != change.new for change in listed)
    console.say(f"{moved} of {len(listed)} levels moved; results: {out}\nnext: tandem check {out / 'company.xlsx'}")


def front(
    company: Company,
    out: Out,
    service: Annotated[
        list[float] | None,
        typer.Option(help="Least fill rate of a point; give it once for each. Default: 0.95 0.97 0.98 0.99."),
    ] = None,
    by: By = Groups.category,
    steps: Steps = 40,
    draws: Fresh = 256,
    seed: Seed = 0,
    lang: Language = Lang.en,
) -> None:
    """What service costs: the best policies for rising fill rates, as a picture and as workbooks to upload.

    Beside them stands the policy that is best for stock alone and is then financed, so that the worth of tuning stock
    and money together is a number.
    """
    from scenarios.tuning.front import SHOWN, named, sentence, write_front
    from scenarios.tuning.page import shown
    from scenarios.tuning.words import words_in

    services = tuple(service or (0.95, 0.97, 0.98, 0.99))
    if wrong := [x for x in services if not 0 < x < 1]:
        raise Stop(EXIT.usage, f"--service {wrong[0]:g}: a fill rate between 0 and 1, as 0.97")
    ready = _ready(company, out)
    with _searching() as progress:
        value, found = write_front(
            ready, services, out, by=by.value, steps=steps, futures=draws, seed=seed, lang=lang.value, progress=progress
        )
    words, currency = words_in("en"), ready.settings.currency
    console.table([words["policy"], words["file"], *(words[key].format(currency=currency) for key in SHOWN)], [
        [name, file, *(shown(key, point.figures[key].mean()) for key in SHOWN)]
        for name, file, point in named(value, found, words)
    ])  # fmt: skip
    for level, why in found.unmet.items():
        console.warn(words["unmet"].format(service=f"{100 * level:g}", why=why))
    page = out / f"front-{lang.value}.html"
    console.say(f"{sentence(value, currency, words)}\nresults: {out}\nnext: open {page}")


def prices(
    company: Company,
    out: Annotated[Path | None, typer.Option(help="Write every price to this .xlsx.", metavar="FILE")] = None,
    top: Annotated[int, typer.Option(help="Rows shown of each kind, the dearest first.", min=1, metavar="N")] = 5,
    draws: Annotated[int, typer.Option(help="Futures.", min=2, max=100_000, metavar="N")] = 64,
    seed: Seed = 0,
    lang: Language = Lang.en,
) -> None:
    """Shadow prices: what one unit, day or unit of credit more is worth in profit over the horizon, by place.

    All else stays as it is, levels too: where a day less of lead time loses money, they have become too high.
    """
    from scenarios.tuning.prices import HEADINGS, shadow_prices, write_prices
    from scenarios.tuning.words import words_in

    if out is not None and out.suffix.casefold() != ".xlsx":
        raise Stop(EXIT.usage, f"{out}: give a name that ends in .xlsx")
    ready = console.company(company)
    with _searching() as progress:
        found = shadow_prices(ready, draws, seed, progress)
    words, shown_of = words_in("en"), Counter[str]()
    rows = []
    for price in found:
        shown_of[price.of] += 1
        if shown_of[price.of] <= top:
            rows.append(
                [
                    words[f"price of {price.of}"],
                    price.where,
                    f"{price.value:+,.2f}",
                    f"{price.error:,.2f}",
                    f"1 {price.unit}",
                ]
            )
    console.table([words[name].format(currency=ready.settings.currency) for name in HEADINGS], rows)
    if out is not None:
        write_prices(found, ready.settings.currency, out, lang.value)
        console.say(f"all {len(found):,} prices: {out}")


def _ready(company: Path, out: Path) -> Any:
    """The company, if the results have a place."""
    if out.exists():
        raise Stop(EXIT.usage, f"{out} is there already: give another --out, or remove it")
    return console.company(company)


@contextmanager
def _searching() -> Iterator[Callable[[str, int, int], None]]:
    """A bar. What cannot be searched is said; a goal that is not a number is our fault, and said."""
    from twin.tune.parameters import NotSmooth
    from twin.tune.search import NotFinite

    try:
        with console.counting() as progress:
            yield progress
    except NotSmooth as error:
        raise Stop(EXIT.usage, str(error)) from None
    except NotFinite as error:
        raise Stop(EXIT.ledger, f"numerical fault, please report it: {error}") from None
