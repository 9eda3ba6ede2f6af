"""A table of the report before it is HTML or a sheet: headings with units, rows of typed cells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from scenarios.report.words import Words
from scenarios.statistics import Estimate

# money: currency, shown in the display unit; exact: currency to the cent; points: difference of shares.
Kind = Literal["text", "money", "exact", "share", "points", "days", "count", "date", "number"]


@dataclass(frozen=True)
class Value:
    """A cell of another kind than its column."""

    value: Any
    kind: Kind
    signed: bool = False


@dataclass(frozen=True)
class Noted:
    """Words with a second, smaller line."""

    text: str
    note: str

    def line(self, words: Words) -> str:
        """Both in one line."""
        return words("format.heading", name=self.text, unit=self.note)


@dataclass(frozen=True)
class Column:
    """A heading and what stands under it; signed: a difference, with + or minus."""

    heading: str
    kind: Kind = "text"
    signed: bool = False
    group: str = ""  # a heading over several columns
    note: str = ""  # a second, smaller line of the heading


@dataclass(frozen=True)
class Row:
    """Cells, and how the row is set: head, total, hardest or plain."""

    cells: Sequence[Any]
    style: str = ""


@dataclass(frozen=True)
class Table:
    """One table: a key (also its place in the page), title, columns, rows and a note below."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""
    wide: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def n(self) -> int | None:
        """The number of futures behind every estimate, where it is one number."""
        found = {cell.n for row in self.rows for cell in map(bare, row.cells) if isinstance(cell, Estimate)}
        return found.pop() if len(found) == 1 else None


def bare(cell: Any) -> Any:
    """A cell's value without its own kind."""
    return cell.value if isinstance(cell, Value) else cell


def typed(cell: Any, column: Column) -> tuple[Any, Kind, bool]:
    """Value, kind and sign of a cell: its own, or its column's; words in a column of numbers are words."""
    if isinstance(cell, Value):
        return cell.value, cell.kind, cell.signed
    if isinstance(cell, str | Noted):
        return cell, "text", False
    return cell, column.kind, column.signed


def heading(column: Column, words: Words) -> str:
    """A heading with its unit; the unit of amounts to the cent stands in the table's title."""
    units: dict[str, str] = {
        "money": words.unit,
        "share": words("unit.share"),
        "points": words("unit.points"),
        "days": words("unit.days"),
    }
    unit = units.get(column.kind)
    return column.heading if unit is None else words("format.heading", name=column.heading, unit=unit)


def title(table: Table, words: Words, *, exact: bool) -> str:
    """A table's title, with the unit of amounts to the cent: the currency in the workbook, else the display unit."""
    if any(column.kind == "exact" for column in table.columns):
        return words("format.heading", name=table.title, unit=words.whole_unit if exact else words.unit)
    return table.title


def written(value: float, kind: Kind, signed: bool, words: Words) -> str:
    """A number as the page shows it; its unit stands in the heading."""
    if kind in ("money", "exact"):
        return words.money(value, signed)
    if kind == "share":
        return words.percent(value, signed)
    if kind == "points":
        return words.points(value, signed)
    if kind == "days":
        return words.days(value, signed)
    return words.number(value, 0, signed)


def shown(cell: Any, column: Column, words: Words, n: int | None) -> tuple[str, str]:
    """The two lines of a cell: the figure, and its interval (with n where the table's n is not one number)."""
    value, kind, signed = typed(cell, column)
    if value is None:
        return words("format.nothing"), ""
    if isinstance(value, Estimate):
        figure = written(value.value, kind, signed, words)
        interval = words.interval(value, lambda bound: written(bound, kind, signed, words))
        if n is None:
            interval = words("format.with_n", interval=interval, n=f"{value.n:,}").strip()
        return figure, interval
    if isinstance(value, date):
        return words.full_date(value), ""
    if isinstance(value, Noted):
        return value.text, value.note
    if isinstance(value, str):
        return value, ""
    if kind == "exact" and value == 0:
        return words("format.nothing"), ""
    return written(float(value), kind, signed, words), ""
