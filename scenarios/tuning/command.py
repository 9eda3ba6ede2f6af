"""The command `tandem tune`. Imports what it needs when it runs, so that `--help` answers at once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

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


class Lang(StrEnum):
    en = "en"
    zh = "zh"


def tune(
    company: Annotated[Path, typer.Argument(help="The company: its folder or its .xlsx workbook.", metavar="DIR")],
    out: Annotated[Path, typer.Option(help="Folder for the results; must not exist.", metavar="DIR")],
    service: Annotated[float | None, typer.Option(help="Least fill rate, as 0.97.", min=0.0, max=1.0)] = None,
    per: Annotated[Per, typer.Option(help="Hold the fill rate for the company, each store or each category.")] = (
        Per.company
    ),
    budget: Annotated[float | None, typer.Option(help="Most stock at cost, on average, in currency.", min=1.0)] = None,
    headroom: Annotated[
        float | None, typer.Option(help="Least lowest headroom, mean of the worst 5 % of futures, in currency.")
    ] = None,
    by: Annotated[Groups, typer.Option(help="Which levels move together.")] = Groups.store_product,
    steps: Annotated[int, typer.Option(help="Steps of the search.", min=1, max=10_000, metavar="N")] = 60,
    draws: Annotated[
        int, typer.Option(help="Fresh futures that the result is held to.", min=2, max=1_000_000, metavar="N")
    ] = 256,
    seed: Annotated[int, typer.Option(help="Same seed, same luck.", min=0, max=2**63 - 1, metavar="N")] = 0,
    lang: Annotated[Lang, typer.Option(help="Language of page and workbooks.")] = Lang.en,
) -> None:
    """Move every stock level to where it earns its cash; write the new levels, the reasons and the difference made."""
    from scenarios.tuning.page import shown, unsettled
    from scenarios.tuning.run import Asked, Unmet, write_tuning
    from scenarios.tuning.words import words_in
    from twin.tables.read import read
    from twin.tune.figures import figures
    from twin.tune.search import NotFinite

    if out.exists():
        raise Stop(EXIT.usage, f"{out} is there already: give another --out, or remove it")
    found = read(company)
    for warning in found.warnings:
        console.warn(str(warning))
    asked = Asked(by.value, service, per.value, budget, headroom, steps, draws, seed)
    try:
        tuned, listed = write_tuning(found.company, asked, out, lang.value)
    except Unmet as error:
        raise Stop(EXIT.impossible, str(error)) from None
    except NotFinite as error:
        raise Stop(EXIT.ledger, f"numerical fault, please report it: {error}") from None
    before, after = figures(tuned.start), figures(tuned.end)
    words = words_in("en")
    currency = found.company.settings.currency
    console.table(["figure", "before", "after"], [
        [words[name].format(currency=currency), *(shown(name, x[name].mean()) for x in (before, after))]
        for name in before
    ])  # fmt: skip
    if tuned.unsettled:
        console.warn(unsettled(tuned, words))
    moved = sum(change.old != change.new for change in listed)
    console.say(f"{moved} of {len(listed)} levels moved; results: {out}\nnext: tandem check {out / 'company.xlsx'}")
