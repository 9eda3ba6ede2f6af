"""What must hold between the rows of the history, and what a reader of its figures should know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from twin.tables.check_ids import unknown
from twin.tables.columns import Codes
from twin.tables.company import Company
from twin.tables.faults import Fault
from twin.tables.routing import routes
from twin.tables.sheets import Sheet

TWO_SEASONS = 730
OUTLIER_MADS = 50
_SHOWN_MOST = 20
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Recorded:
    """A typed table of the history, and where each of its rows stands in its file."""

    frame: pd.DataFrame
    rows: Codes
    sheet: Sheet
    headings: Mapping[str, str]

    def fault(self, code: str, where: Mask, column: str | None, message: str, severity: str = "E") -> Fault:
        """A fault at the first of the rows, which says how many there are."""
        places = np.flatnonzero(where)
        more = f" (and in {len(places) - 1:,} more rows)" if len(places) > 1 else ""
        found = None if column is None else _cell(self.frame[column].iloc[places[0]])
        return Fault(
            code,
            self.sheet.file,
            message + more,
            self.sheet.sheet,
            int(self.rows[places[0]]),
            None if column is None else self.headings[column],
            found,
            severity,
        )

    def about(self, code: str, message: str, severity: str = "W") -> Fault:
        """A fault of the table as a whole."""
        return Fault(code, self.sheet.file, message, self.sheet.sheet, severity=severity)

    def known(self, company: Company) -> pd.DataFrame:
        """The rows about nodes and products that the company has."""
        keep = np.ones(len(self.frame), bool)
        for column, names in _ids(company, self.frame).items():
            keep &= self.frame[column].isin(names).to_numpy()
        kept = self.frame[keep].reset_index(drop=True)
        for column in _ids(company, kept):
            kept[column] = kept[column].cat.remove_unused_categories()
        return kept


def _cell(value: Any) -> str:
    return (
        str(value.date())
        if isinstance(value, pd.Timestamp)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _ids(company: Company, frame: pd.DataFrame) -> dict[str, list[str]]:
    nodes = [node.node for node in company.nodes]
    own = [node.node for node in company.nodes if node.kind != "supplier"]
    known = {"source": nodes, "node": own, "product": [product.product for product in company.products]}
    return {column: names for column, names in known.items() if column in frame}


def sales_checks(sales: Recorded, company: Company, until: date) -> Iterator[Fault]:
    faults = [
        *_strangers(sales, company),
        *_future(sales, "date", until),
        *_twice(sales, ["date", "node", "product", *({"recorded"} & set(sales.frame))], ["units", "price"]),
    ]
    yield from faults
    if any(fault.severity == "E" for fault in faults):
        return  # figures of a wrong table would only raise more questions
    yield from _gaps(sales)
    yield from _sold_out(sales)
    yield from _short(sales, company)
    yield from _outliers(sales)


def receipts_checks(receipts: Recorded, company: Company, until: date) -> Iterator[Fault]:
    yield from _strangers(receipts, company)
    yield from _future(receipts, "ordered", until)
    yield from _future(receipts, "received", until)
    yield from _twice(receipts, ["order_id", "source", "node", "product", "ordered", "received"], ["received_units"])
    frame = receipts.frame
    early = (frame.received < frame.ordered).to_numpy()
    if early.any():
        yield receipts.fault("S003", early, "received", "came before it was ordered; swap the two dates?")
    undated = (frame.received.isna() & (frame.received_units > 0)).to_numpy()
    if undated.any():
        yield receipts.fault(
            "S003", undated, "received_units", "units came but the day is empty; give the date received"
        )
    unsaid = (frame.received.notna() & frame.received_units.isna()).to_numpy()
    if unsaid.any():
        yield receipts.fault("S003", unsaid, "received", "it came, but not how much; give received_units")


def _strangers(recorded: Recorded, company: Company) -> Iterator[Fault]:
    """Ids that the company does not have: near misses are errors, others are left out with a warning."""
    for column, names in _ids(company, recorded.frame).items():
        cells = recorded.frame[column]
        strange = [name for name in cells.cat.categories if name not in set(names)]
        for name in strange[:_SHOWN_MOST]:
            finding = unknown(recorded.sheet.name, None, column, name, column, names)
            severity = "E" if finding.code == "H010" else "W"
            message = finding.message + ("" if severity == "E" else "; these rows are left out")
            yield recorded.fault(finding.code, (cells == name).to_numpy(), column, message, severity)
        if len(strange) > _SHOWN_MOST:
            yield recorded.about(
                "N012", f"and {len(strange) - _SHOWN_MOST:,} more in {column}; their rows are left out"
            )


def _future(recorded: Recorded, column: str, until: date) -> Iterator[Fault]:
    late = (recorded.frame[column] >= pd.Timestamp(until)).to_numpy()
    if late.any():
        yield recorded.fault("H006", late, column, f"is not before the start on {until}; history ends the day before")


def _twice(recorded: Recorded, key: list[str], values: list[str]) -> Iterator[Fault]:
    again = recorded.frame.duplicated(key).to_numpy()
    if not again.any():
        return
    first = np.flatnonzero(again)[0]
    same = (recorded.frame[key] == recorded.frame[key].iloc[first]).all(axis=1).to_numpy()
    other = int(recorded.rows[np.flatnonzero(same)[0]]) if same.any() else None
    equal = not recorded.frame[values].iloc[np.flatnonzero(same)].drop_duplicates().shape[0] > 1
    how = "with the same figures" if equal else f"with different {' or '.join(values)}"
    yield recorded.fault(
        "H005",
        again,
        key[-1],
        f"this {', '.join(key)} appears in row {other} already, {how}; keep one or add them up",
    )


def _gaps(sales: Recorded) -> Iterator[Fault]:
    """Days without a row between the first and the last day of a node and product."""
    days = sales.frame.groupby(["node", "product"], observed=True)["date"].agg(["min", "max", "nunique"])
    missing = (days["max"] - days["min"]).dt.days + 1 - days["nunique"]
    if missing.sum():
        node, product = missing.idxmax()
        yield sales.about(
            "H007",
            f"{int(missing.sum()):,} missing days, most of {product} at {node} ({int(missing.max()):,}); "
            "they count as not recorded: add rows with 0 units where nothing was sold",
        )


def _sold_out(sales: Recorded) -> Iterator[Fault]:
    if "on_hand_close" in sales.frame and sales.frame.on_hand_close.notna().any():
        share = float((sales.frame.on_hand_close == 0).sum() / sales.frame.on_hand_close.notna().sum())
        if share > 0:
            yield sales.about("H011", f"{share:.1%} of days sold out: demand is censored, sales understate it")


def _short(sales: Recorded, company: Company) -> Iterator[Fault]:
    dates = sales.frame.groupby("product", observed=True)["date"].agg(["min", "max"])
    days = (dates["max"] - dates["min"]).dt.days + 1
    longest = max((float(lane.lead_time or 7) for lane in routes(company).lanes), default=7)
    short = days[days < TWO_SEASONS]
    if len(short):
        yield sales.about(
            "H012",
            f"{int(short.min()):,} days of history for product {short.idxmin()}, {len(short):,} products "
            f"below two years; seasonality needs >= {TWO_SEASONS}, the longest lead time is "
            f"{longest:g}",
        )


def _outliers(sales: Recorded) -> Iterator[Fault]:
    """Units further than 50 median absolute deviations from the median of their node and product."""
    keys = [sales.frame["node"], sales.frame["product"]]
    units = sales.frame["units"]
    median = units.groupby(keys, observed=True).transform("median")
    away = (units - median).abs()
    spread = away.groupby(keys, observed=True).transform("median").clip(lower=1)
    wild = (away > OUTLIER_MADS * spread).to_numpy()
    for place in np.flatnonzero(wild)[:_SHOWN_MOST]:
        one = np.zeros(len(wild), bool)
        one[place] = True
        yield sales.fault(
            "H018", one, "units", f"median {median.iloc[place]:g}; is it a wrong unit, or a real event?", "W"
        )
    if wild.sum() > _SHOWN_MOST:
        yield sales.about("H018", f"and {wild.sum() - _SHOWN_MOST:,} more rows far from their median")
