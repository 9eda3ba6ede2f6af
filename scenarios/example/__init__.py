"""The example company that `tandem new` makes: a grocer with its history, statements, and the truth behind them.

Everything comes from one seed. The truth is written beside the tables and never read by the twin.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from scenarios.example import books, finance, history, seasons, tables, trading, truth
from twin.tables.company import Company
from twin.tables.write import write_folder, write_workbook

WORKBOOK = "company.xlsx"
WARM_UP = 130  # days before the history, until stock is what the policy makes of it
STATEMENT_DAYS = 365 + 100  # the statements, and terms before them, need so many days whatever is shown
DC_STORES = 8  # below so many stores one dc serves all


@dataclass(frozen=True)
class Example:
    """A company and what lies beside its tables."""

    company: Company
    sales: pd.DataFrame  # history/sales.csv
    receipts: pd.DataFrame  # history/receipts.csv
    truth: dict[str, Any]  # truth/parameters.json
    true_frames: dict[str, pd.DataFrame]  # truth/*.csv


def generate(
    stores: int = 24,
    products: int = 40,
    days: int = 730,
    seed: int = 0,
    substitution: bool = False,
    unflagged_stockouts: bool = False,
) -> Example:
    """The example company of a seed.

    stores, products: at least 1. days: of history, the last one before the start. substitution: part of the demand
    lost takes another line of the category. unflagged_stockouts: closing stock is not recorded on some of the days
    that ended without stock.
    """
    if min(stores, products, days) < 1:
        raise ValueError(f"stores {stores}, products {products}, days {days}: each must be at least 1")
    lead = max(STATEMENT_DAYS - days, 0) + WARM_UP
    t = truth.draw(stores, products, days, lead, seasons.YEAR, seed, substitution)
    dcs = ["dc-east", "dc-west"] if stores >= DC_STORES else ["dc-east"]
    net = trading.network(t, dcs)
    traded = trading.trade(t, net, truth.demand(t, seed), truth.lead_times(t, len(dcs), seed), seed)
    planned = books.plan(t)
    kept = books.keep(t, net, traded, planned)
    money = finance.finance(t, kept, planned)
    opening = finance.opening(t, net, traded, kept, money)
    return Example(
        company=tables.company(t, net, kept, money, opening),
        sales=history.sales(t, net, traded, days, seed, unflagged_stockouts),
        receipts=history.receipts(t, net, traded, days),
        truth=truth.plain(t) | {"seed": seed, "unflagged_stockouts": unflagged_stockouts},
        true_frames=history.true_frames(t, traded, days),
    )


def write(
    example: Example,
    folder: str | Path,
    kind: Literal["xlsx", "csv", "parquet"] = "xlsx",
    lang: Literal["en", "zh"] = "en",
) -> None:
    """Write tables, history and truth into a new or empty folder; raises FileExistsError where there are files.

    lang: "en" or "zh", the workbook's headings.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; write to a new folder")
    if kind == "xlsx":
        write_workbook(example.company, folder / WORKBOOK, lang)
    else:
        write_folder(example.company, folder, kind)
    history.write_history(example.sales, example.receipts, folder / "history")
    history.write_truth(example.truth, example.true_frames, folder / "truth")


__all__ = ["Example", "generate", "write"]
