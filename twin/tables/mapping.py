"""Whose columns are whose: a company's own extract, as its systems wrote it, read as a table of ours.

The file `mapping.csv` in the folder history/ has a row for each of their columns; nothing is renamed by guess. A
proposal comes from the headings and the first cells (`proposed`), is printed, and counts when a person has saved it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from pydantic_core import PydanticCustomError

from twin.tables.columns import Column, LongTable
from twin.tables.declared import ALLOWED, Format
from twin.tables.faults import Fault, Faults
from twin.tables.headings import column_named, kind, plain
from twin.tables.parse import parse_sheet
from twin.tables.rows import REQUIRED, Row, column
from twin.tables.sheets import csv_sheet
from twin.tables.values import AboveZero, Id, fail, number

FILE = "mapping.csv"
NET = "net_units"  # sales less returns in one column: below zero it is a return
# What extracts call our columns; compared as `plain` does.
_KNOWN_AS = {
    "date": ("day", "trans_date", "transaction_date", "sales_date", "posting_date", "datum", "dt", "buchungsdatum"),
    "node": ("store", "store_id", "store_nbr", "shop", "site", "plant", "location", "branch", "outlet", "filiale",
             "werk", "warehouse"),
    "product": ("sku", "item", "item_id", "item_nbr", "material", "article", "artikel", "upc", "product_id", "gtin"),
    "units": ("qty", "quantity", "sales_qty", "units_sold", "menge", "absatz", "unit_sales"),
    "price": ("unit_price", "sell_price", "net_price", "selling_price", "preis", "shelf_price"),
    "promotion": ("promo", "on_promotion", "onpromotion", "promo_flag", "aktion"),
    "returns": ("return_qty", "returned", "qty_returned", "retouren"),
    "on_hand_close": ("closing_stock", "stock", "on_hand", "eod_stock", "soh", "stock_on_hand", "bestand"),
    "on_hand_open": ("opening_stock", "bod_stock"),
    "order_id": ("po", "po_number", "order_number", "purchase_order", "bestellung", "ebeln"),
    "source": ("supplier", "vendor", "supplier_id", "vendor_id", "lieferant", "lifnr"),
    "ordered": ("order_date", "po_date", "placed", "bestelldatum", "bedat"),
    "received": ("receipt_date", "delivery_date", "gr_date", "arrived", "wareneingang"),
    "ordered_units": ("order_qty", "qty_ordered", "ordered_qty", "bestellmenge"),
    "received_units": ("receipt_qty", "qty_received", "received_qty", "delivered_qty"),
    "invoiced": ("invoice_date", "bill_date", "rechnungsdatum"),
    "due": ("due_date", "faellig"),
    "paid": ("payment_date", "paid_date", "clearing_date", "augbl"),
    "amount": ("invoice_amount", "value", "betrag"),
    "counterparty": ("customer", "customer_id", "debtor", "payer", "kunde"),
    "invoice": ("invoice_id", "invoice_number", "rechnung"),
}  # fmt: skip
_DATES = ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S")
_ALIKE = 0.8
_LOOKED_AT = 200


class Mapped(Row):
    """A row of the mapping table."""

    table, zh = "mapping", "映射"
    about = "Which of their columns is which of ours, and how it is written."
    file: Id = column(REQUIRED, "文件", "", "their file, e.g. VBRP.csv")
    reads_as: Id = column(REQUIRED, "表", "", "our table, e.g. sales")
    theirs: str | None = column(None, "原列", "", "their heading", "the file has none: a constant")
    ours: Id | None = column(None, "列", "", f"our column; {NET} for sales less returns", "left out")
    factor: AboveZero | None = column(None, "系数", "", "our units in one of theirs", "1")
    dates: str | None = column(None, "日期格式", "", "how dates are written, e.g. %d.%m.%Y", "2026-01-31")
    decimal: str | None = column(None, "小数点", "", "decimal sign of the file", "point, or as in format")
    encoding: Literal["utf-8", "gb18030", "latin-1"] | None = column(None, "编码", "", "of the file", "as in format")
    delimiter: str | None = column(None, "分隔符", "", "of the file", "comma, or as in format")
    constant: str | None = column(None, "常数", "", "what the column holds in every row")


def read_mapping(folder: Path) -> list[Mapped]:
    """The rows of the mapping table; none where there is none. Raises Faults."""
    path = folder / FILE
    if not path.is_file():
        return []
    parsed = parse_sheet(csv_sheet(path), Mapped, Format())
    rows: list[Mapped] = parsed.rows
    faults = list(parsed.faults)
    for entry in rows:
        for name, allowed in (("decimal", ALLOWED["decimal"]), ("delimiter", ALLOWED["delimiter"])):
            value = getattr(entry, name)
            if value is not None and value not in allowed:
                faults.append(Fault("N019", FILE, f"allowed for {name}: {' '.join(allowed)}", found=value))
    if faults:
        raise Faults(faults)
    return rows


def form_of(entries: Iterable[Mapped], form: Format) -> Format:
    """How the file is written; what the mapping says wins over what the format table says."""
    for entry in entries:
        said = {name: getattr(entry, name) for name in ("decimal", "encoding", "delimiter") if getattr(entry, name)}
        form = replace(form, **said)
    return form


def mapped(table: LongTable, entries: Sequence[Mapped], model: type[Row], form: Format) -> LongTable:
    """The file under our headings; raises Faults where a cell does not keep to what the mapping says of it."""
    by_heading = {plain(entry.theirs): entry for entry in entries if entry.theirs}
    missing = sorted(e.theirs for name, e in by_heading.items()
                     if e.theirs and name not in {plain(heading) for heading in table.sheet.header})  # fmt: skip
    faults = [Fault("H001", table.sheet.file, f"column '{name}' of {FILE} is missing; found: "
                    f"{', '.join(table.sheet.header)}", None, 1) for name in missing]  # fmt: skip
    header, columns = [], []
    for heading, cells in zip(table.sheet.header, table.columns, strict=True):
        entry = by_heading.get(plain(heading))
        for name, rewritten in _as_ours(heading, cells, entry, model, form, table, faults):
            header.append(name)
            columns.append(rewritten)
    for entry in entries:
        if not entry.theirs and entry.ours and entry.constant is not None:
            header.append(entry.ours)
            columns.append(Column(table.rows * 0, [entry.constant]))
    if faults:
        raise Faults(faults)
    return replace(table, sheet=replace(table.sheet, header=header), columns=columns)


def _as_ours(
    heading: str,
    cells: Column,
    entry: Mapped | None,
    model: type[Row],
    form: Format,
    table: LongTable,
    faults: list[Fault],
) -> list[tuple[str, Column]]:
    if entry is None:
        return [(heading, cells)]
    if not entry.ours:
        return []
    what = "number" if entry.ours == NET else kind(model.model_fields[entry.ours])
    texts = []
    for at, found in enumerate(cells.distinct):
        try:
            texts.append(_rewritten(found, entry, what, form))
        except PydanticCustomError as error:
            row = int(table.rows[(cells.codes == at).argmax()])
            faults.append(Fault(error.type, table.sheet.file, error.message(), None, row, heading, found))
            texts.append("")
    if entry.ours != NET:
        return [(entry.ours, Column(cells.codes, texts))]
    below = [text.lstrip().startswith("-") for text in texts]
    sold = ["0" if less else text for text, less in zip(texts, below, strict=True)]
    back = [text.lstrip()[1:] if less else "0" for text, less in zip(texts, below, strict=True)]
    return [("units", Column(cells.codes, sold)), ("returns", Column(cells.codes, back))]


def _rewritten(found: str, entry: Mapped, what: str, form: Format) -> str:
    """A cell as it would stand in a file of ours written in this form."""
    if not found.strip():
        return found
    if what == "date" and entry.dates:
        try:
            return datetime.strptime(found.strip(), entry.dates).date().isoformat()
        except ValueError:
            raise fail("S004", "is not written as {form}, which {file} says", form=entry.dates, file=FILE) from None
    if what == "yes_no" and found.strip() in ("0", "1", "Y", "N", "y", "n"):
        return "yes" if found.strip() in ("1", "Y", "y") else "no"
    if what == "number" and entry.factor:
        value = number(form.standard(found, "number")) * entry.factor
        return format(value.normalize() if value else Decimal(0), "f").replace(".", form.decimal)
    return found


def proposed(table: LongTable, model: type[Row]) -> list[Mapped]:
    """What their columns may be, from headings and first cells; empty where all headings are ours.

    A heading is matched by name, then by the words of other systems, then by likeness of letters; what fits nothing
    is proposed to be left out.
    """
    theirs = [heading for heading in table.sheet.header if not _ours(heading, model)]
    if not theirs:
        return []
    free = [name for name in model.model_fields if not any(_ours(h, model) == name for h in table.sheet.header)]
    rows = []
    for heading in theirs:
        ours = _likely(heading, free)
        if ours:
            free.remove(ours)
        cells = table.columns[table.sheet.header.index(heading)].distinct[:_LOOKED_AT]
        what = kind(model.model_fields[ours]) if ours else ""
        if ours == "units" and any(re.match(r"\s*-\d", cell) for cell in cells):
            ours = NET
        rows.append(Mapped(file=table.sheet.file, reads_as=model.table, theirs=heading, ours=ours,
                           dates=_date_form(cells) if what == "date" else None,
                           decimal="," if what == "number" and _comma(cells) else None))  # fmt: skip
    return rows


def _ours(heading: str, model: type[Row]) -> str | None:
    try:
        return column_named(model, heading).column
    except PydanticCustomError:
        return None


def _likely(heading: str, free: list[str]) -> str | None:
    name = plain(heading)
    for ours in free:
        if name in _KNOWN_AS.get(ours, ()):
            return ours
    scores = {
        ours: max(SequenceMatcher(None, name, known).ratio() for known in (ours, *_KNOWN_AS.get(ours, ())))
        for ours in free
    }
    best = max(scores, key=lambda ours: scores[ours], default=None)
    return best if best is not None and scores[best] >= _ALIKE else None


def _date_form(cells: Sequence[str]) -> str | None:
    """The one form that reads every date; none where it is ours or where two forms fit: that is for a person to say."""
    fits = [form for form in _DATES if all(_reads(cell, form) for cell in cells if cell.strip())]
    return fits[0] if len(fits) == 1 and fits != ["%Y-%m-%d"] else None


def _reads(cell: str, form: str) -> bool:
    try:
        datetime.strptime(cell.strip(), form)
    except ValueError:
        return False
    return True


def _comma(cells: Sequence[str]) -> bool:
    return any(re.fullmatch(r"\s*-?\d+,\d+\s*", cell) for cell in cells)


def as_csv(rows: Iterable[Mapped]) -> str:
    """The table as it is saved."""
    names: Mapping[str, object] = Mapped.model_fields
    lines = [",".join(names)]
    for entry in rows:
        cells = ["" if getattr(entry, name) is None else str(getattr(entry, name)) for name in names]
        lines.append(",".join(f'"{cell}"' if re.search('[,";]', cell) else cell for cell in cells))
    return "\n".join(lines) + "\n"
