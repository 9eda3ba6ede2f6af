"""The daily history beside the workbook: sales and receipts, as CSV or Parquet in the folder history/.

It is read as text like every other table, and two typed frames come back; rates and statistics are somebody
else's business. Rows about nodes and products that the company does not have are left out with a warning.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from twin.tables.columns import Codes, Column, LongTable, long_table
from twin.tables.company import Company
from twin.tables.declared import Declarations, Format, format_of
from twin.tables.faults import Fault, Faults
from twin.tables.headings import kind, may_be_empty, plain
from twin.tables.history_checks import Recorded, receipts_checks, sales_checks
from twin.tables.mapping import NET, form_of, mapped, read_mapping
from twin.tables.parse import match_header
from twin.tables.read import declared_in, inside
from twin.tables.rows import REQUIRED, Row, column
from twin.tables.values import Day, Id, Price, Units, YesNo

FOLDER = "history"
UNITS_MOST = 2**24  # whole numbers that single precision keeps


class Sale(Row):
    table, zh, key = "sales", "销售", ("date", "node", "product")
    about = "What each store sold of each product each day. A day without a row counts as not recorded."
    date: Day = column(REQUIRED, "日期", "date", "the day")
    node: Id = column(REQUIRED, "节点", "", "the store")
    product: Id = column(REQUIRED, "商品", "", "the product")
    units: Units = column(REQUIRED, "数量", "unit", "units sold")
    price: Price | None = column(REQUIRED, "售价", "currency/unit", "price net of VAT, empty where unknown")
    promotion: YesNo = column(REQUIRED, "促销", "", "whether it was promoted that day")
    on_hand_close: Units | None = column(None, "日末库存", "unit", "stock at the end of the day", "not recorded")
    returns: Units | None = column(None, "退货", "unit", "units that came back that day", "not recorded")
    recorded: Day | None = column(None, "登记日期", "date", "the day this row became known", "the row's own day")


class Receipt(Row):
    table, zh = "receipts", "收货"
    about = "Order lines to suppliers and own nodes: when they were placed and when they came."
    order_id: Id = column(REQUIRED, "订单号", "", "the order")
    source: Id = column(REQUIRED, "来源", "", "supplier or own node")
    node: Id = column(REQUIRED, "节点", "", "the node that ordered")
    product: Id = column(REQUIRED, "商品", "", "the product")
    ordered: Day = column(REQUIRED, "订货日期", "date", "the day of the order")
    received: Day | None = column(REQUIRED, "收货日期", "date", "the day it came, empty if it is still open")
    ordered_units: Units = column(REQUIRED, "订货数量", "unit", "units ordered")
    received_units: Units | None = column(REQUIRED, "收货数量", "unit", "units that came, empty if it is still open")


@dataclass(frozen=True)
class History:
    """Typed frames; None where there is no file. Ids are categories, optional numbers floats with NaN."""

    sales: pd.DataFrame | None
    receipts: pd.DataFrame | None
    warnings: list[Fault]


Checks = Callable[[Recorded, Company, date], Iterator[Fault]]
_TABLES: tuple[tuple[type[Row], Checks], ...] = ((Sale, sales_checks), (Receipt, receipts_checks))


def read_history(path: str | Path, company: Company, until: date | None = None) -> History:
    """The history in the folder `path`/history. Raises `Faults` with everything that is wrong with it.

    `until` is the first day that is not history, by default the company's start.
    """
    folder = Path(path) / FOLDER
    faults: list[Fault] = []
    frames: dict[str, pd.DataFrame] = {}
    if folder.is_dir() and not folder.resolve().is_relative_to(Path(path).resolve()):
        raise Faults([Fault("S011", FOLDER, "leads out of the company's folder; copy the files into it")])
    declarations, problems = declared_in(Path(path), folder)
    faults += problems
    for model, checks in _TABLES:
        try:
            recorded = read_table(folder, model, declarations)
        except Faults as error:
            faults += error.faults
            continue
        if recorded is not None:
            problems = list(checks(recorded, company, until or company.settings.start))
            faults += problems
            frames[model.table] = recorded.known(company)
    if any(fault.severity == "E" for fault in faults):
        raise Faults(faults)
    return History(frames.get("sales"), frames.get("receipts"), faults)


def read_table(folder: Path, model: type[Row], declarations: Declarations) -> Recorded | None:
    """A table of the folder, through its mapping where there is one; None where there is no file. Raises Faults."""
    if not folder.is_dir():
        return None
    entries = [e for e in read_mapping(folder) if plain(e.reads_as) in (plain(model.table), plain(model.zh))]
    file = _file(folder, model, {entry.file for entry in entries})
    if file is None:
        return None
    form = form_of(entries, format_of(declarations, file.name))
    table = long_table(file, form)
    if not entries:
        return typed(table, model, form)
    theirs = {entry.ours: entry.theirs for entry in entries if entry.ours and entry.theirs}
    if NET in theirs:
        theirs |= dict.fromkeys(("units", "returns"), theirs[NET])
    try:
        recorded = typed(mapped(table, entries, model, form), model, form)
    except Faults as error:
        raise Faults(
            replace(f, column=theirs.get(f.column, f.column) if f.column else None) for f in error.faults
        ) from None
    recorded = replace(recorded, headings={**recorded.headings, **theirs})
    return _together(recorded, model) if NET in theirs else recorded


def _together(recorded: Recorded, model: type[Row]) -> Recorded:
    """What came back joins the sales of its day, where the extract has a row of each."""
    frame, key = recorded.frame, list(model.key)
    back = ((frame["units"] == 0) & (frame["returns"] > 0)).to_numpy()
    one_each = ~(frame[key].assign(back=back).duplicated(keep=False).to_numpy())
    returned = frame.loc[back & one_each, [*key, "returns"]]
    sold = pd.MultiIndex.from_frame(frame.loc[~back & one_each, key].astype(object))
    joins = pd.MultiIndex.from_frame(returned[key].astype(object)).isin(sold)
    added = returned[joins].set_index(key)["returns"]
    added.index = pd.MultiIndex.from_frame(returned.loc[joins, key].astype(object))
    rows = np.flatnonzero(~back & one_each)
    frame = frame.copy()
    places = added.index.get_indexer(sold)
    frame.iloc[rows[places >= 0], frame.columns.get_loc("returns")] = added.to_numpy()[places[places >= 0]]
    keep = np.ones(len(frame), bool)
    keep[np.flatnonzero(back & one_each)[joins]] = False
    return replace(recorded, frame=frame[keep].reset_index(drop=True), rows=recorded.rows[keep])


def _file(folder: Path, model: type[Row], theirs: set[str]) -> Path | None:
    """The one file of a table, called in either language, or as the mapping calls it. Raises Faults."""
    names = {plain(model.table), plain(model.zh)}
    found = [
        entry
        for entry in sorted(folder.iterdir())
        if entry.name in theirs or (plain(entry.stem) in names and entry.suffix.casefold() in (".csv", ".parquet"))
    ]
    faults = []
    if len(found) > 1:
        both = " and ".join(entry.name for entry in found)
        faults.append(Fault("N010", found[1].name, f"the table {model.table} is given twice: {both}; keep one"))
    faults += [Fault("N001", name, "is named in the mapping and not there") for name in sorted(theirs)
               if name not in {entry.name for entry in found}]  # fmt: skip
    faults += [problem for entry in found[:1] if (problem := inside(entry, folder))]
    if faults:
        raise Faults(faults)
    return found[0] if found else None


def typed(table: LongTable, model: type[Row], form: Format) -> Recorded:
    """The columns as numbers, dates and categories; raises Faults if any cell cannot be read."""
    places, _, faults = match_header(table.sheet, model)
    values: dict[str, Any] = {}
    for name, place in places.items():
        parsed, problems = _parsed(table.columns[place], model.model_fields[name], form)
        for code, at, message in problems:
            where = np.flatnonzero(table.columns[place].codes == at)
            more = f" (and in {len(where) - 1:,} more rows)" if len(where) > 1 else ""
            faults.append(
                table.sheet.fault(
                    code,
                    message + more,
                    int(table.rows[where[0]]),
                    table.sheet.header[place],
                    table.columns[place].distinct[at],
                )
            )
        if not problems:
            values[name] = _array(parsed, table.columns[place].codes, model.model_fields[name])
    if any(fault.severity == "E" for fault in faults):
        raise Faults(faults)
    headings = {name: table.sheet.header[place] for name, place in places.items()}
    return Recorded(pd.DataFrame(values), table.rows, table.sheet, headings)


def _parsed(cells: Column, info: FieldInfo, form: Format) -> tuple[list[Any], list[tuple[str, int, str]]]:
    """Each distinct text through the rules of its column; problems as (code, place of the text, message)."""
    rules: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(rules)
    what = kind(info)
    values: list[Any] = []
    problems = []
    for at, cell in enumerate(cells.distinct):
        value: Any = None
        try:
            standard = form.standard(cell, what)
            if standard.strip() or not may_be_empty(info):
                value = adapter.validate_python(standard if standard.strip() else None)
            if isinstance(value, int) and value > UNITS_MOST:
                problems.append(("H013", at, f"exceeds {UNITS_MOST:,}; is it a total or a wrong unit?"))
        except PydanticCustomError as error:
            problems.append((error.type, at, error.message()))
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            problems.append((_code(detail["type"], cell, info), at, _message(detail["msg"], cell, info)))
        values.append(value)
    return values, problems


def _code(code: str, cell: str, info: FieldInfo) -> str:
    """The history's own codes (RELIABILITY.md 5, H rows) for what the parsers of cells find."""
    if code == "N021" and kind(info) == "number":
        return "H008" if cell.strip().startswith("-") and cell.strip()[1:2].isdigit() else _not_finite(cell)
    if code == "N020" and ("," in cell or " " in cell.strip()):
        return "H004"
    if code == "N011" and ("\n" in cell or "\r" in cell):
        return "H016"
    return code


def _not_finite(cell: str) -> str:
    return "H013" if any(sign.isdigit() for sign in cell) else "H009"


def _message(message: str, cell: str, info: FieldInfo) -> str:
    if _code("N021", cell, info) == "H008" and ">= 0" in message:
        return "sales and stock are not negative; give what came back in the column returns"
    return message


def _array(values: list[Any], codes: Codes, info: FieldInfo) -> Any:
    """The column of a frame: categories, dates, whole numbers, or floats where a cell may be empty."""
    what = kind(info)
    if what in ("text", "choice"):
        categories = sorted({value for value in values if value is not None})
        place = {name: at for at, name in enumerate(categories)} | {None: -1}  # pandas' own code of nothing
        return pd.Categorical.from_codes(np.array([place[value] for value in values])[codes], categories)
    if what == "date":
        return np.array(values, "datetime64[s]")[codes]  # None becomes "not a time"
    if what == "yes_no":
        return np.array(values, bool)[codes]
    if may_be_empty(info) or any(isinstance(value, Decimal) for value in values):
        return np.array([np.nan if value is None else float(value) for value in values])[codes]
    return np.array(values, np.int64)[codes]
