"""The report's tables as one .xlsx: numbers stay numbers with formats, units stand in headings, text is harmless."""

import math
import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from scenarios.report import (
    assumptions,
    bridge,
    differences,
    fans,
    glossary,
    reconcile,
    service,
    strategy,
    verdict,
    weeks,
)
from scenarios.report.findings import Findings, findings
from scenarios.report.tables import Kind, Noted, Table, bare, heading, typed
from scenarios.report.tables import title as full_title
from scenarios.report.words import Words, words_of
from scenarios.statistics import Estimate
from scenarios.stress import BASE
from twin.tables.write import beside

# What a spreadsheet may take for a formula, after blanks and in full width too (RELIABILITY.md 6.7).
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
STYLES = {
    "base": (False, "F3F4F6"),
    "hardest": (True, ""),
    "total": (True, "E5E7EB"),
    "subtotal": (True, "F3F4F6"),
    "off": (True, "F8D7DA"),
}


def write_tables(run: Path, out: Path | None = None, lang: str = "en") -> Path:
    """Write the tables of a run; beside its results where no path is given. Raises NoRun, NotTied, ValueError."""
    found = findings(Path(run))
    words = words_of(found, lang)
    book = openpyxl.Workbook(write_only=True)
    tables = all_tables(found, words)
    contents(book, found, tables, words)
    for table in tables:
        sheet(book, table, words)
    path = Path(out) if out is not None else Path(run) / f"tables-{lang}.xlsx"
    path.parent.mkdir(parents=True, exist_ok=True)
    with beside(path) as temporary:
        book.save(temporary)
    return path


def all_tables(found: Findings, words: Words) -> list[Table]:
    """Every table of the report, in its order; those that a run cannot have are left out."""
    tables: list[Table | None] = [
        verdict.verdict_table(found, words),
        verdict.joining_table(found, words),
        verdict.story_table(found, words),
        verdict.levers_table(found, words),
        *strategy.tables(found.answers, words),
        reconcile.reconcile_table(found, words),
        *(differences.differences_tables(found, words) if found.stresses else []),
        *(weeks.weeks_table(found, words, name) for name in dict.fromkeys([BASE, found.hardest])),
        bridge.bridge_table(bridge.bridges(found), words),
        fans.fan_table(found, fans.all_fans(found), words),
        service.service_table(found, words),
        assumptions.assumptions_table(found, words),
        assumptions.severities_table(found, words),
        assumptions.run_table(found, words),
        glossary.glossary_table(words),
    ]
    return [table for table in tables if table is not None and table.rows]


def harmless(text: str) -> str:
    """Text that no spreadsheet runs: a quote before what looks like a formula, control characters taken out."""
    clean = "".join(c for c in text if c in "\t\n\r" or unicodedata.category(c) != "Cc")
    start = unicodedata.normalize("NFKC", clean).lstrip(" \u3000")[:1]
    return f"'{clean}" if start and start in DANGEROUS else clean


def contents(book: Any, found: Findings, tables: list[Table], words: Words) -> None:
    """The first sheet: company, futures, unit, and what stands where."""
    page = book.create_sheet(words("workbook.contents"))
    page.column_dimensions["A"].width, page.column_dimensions["B"].width = 30, 90
    facts = [
        (words("workbook.company"), found.company.settings.name),
        (words("run.horizon"), words("run.from_to", days=len(found.dates), start=words.full_date(found.dates[0]),
                                     end=words.full_date(found.dates[-1]))),
        (words("workbook.futures"), len(found.draws)),
        (words("workbook.amounts"), words.unit),
    ]  # fmt: skip
    for label, value in facts:
        page.append([text_cell(page, label, bold=True), cell_of(page, value, "count", False, words)])
    page.append([])
    page.append([text_cell(page, words(f"workbook.{word}"), bold=True) for word in ("sheet", "about")])
    for table in tables:
        page.append([text_cell(page, sheet_name(table, words)), text_cell(page, full_title(table, words, exact=True))])


def sheet_name(table: Table, words: Words) -> str:
    return words(f"workbook.sheets.{table.key}")[:31]


def sheet(book: Any, table: Table, words: Words) -> None:
    """One table: title, note, headings, rows. An estimate takes four columns: value, interval, n."""
    page: WriteOnlyWorksheet = book.create_sheet(sheet_name(table, words))
    split = [has_estimate(table, i) for i in range(len(table.columns))]
    page.freeze_panes = "B4"
    titles = list(headings(table, split, words))
    for place in range(1, len(titles) + 1):
        text = table.columns[0].kind == "text" and place == 1
        page.column_dimensions[get_column_letter(place)].width = 42 if text else width(table, len(titles))
    page.append([text_cell(page, full_title(table, words, exact=True), bold=True, size=13)])
    page.append([text_cell(page, table.note, grey=True)])
    page.append([head_cell(page, title) for title in titles])
    for row in table.rows:
        bold, fill = STYLES.get(row.style, (False, ""))
        cells = list(row_cells(page, row.cells, table.columns, split, words))
        for cell in cells:
            if cell is not None and (bold or fill):
                cell.font = Font(bold=bold)
                if fill:
                    cell.fill = PatternFill("solid", fgColor=fill)
        page.append(cells)


def width(table: Table, columns: int) -> int:
    texts = all(column.kind == "text" for column in table.columns)
    return 38 if texts else 16 if columns < 60 else 12


def has_estimate(table: Table, place: int) -> bool:
    return any(isinstance(bare(row.cells[place]), Estimate) for row in table.rows)


def headings(table: Table, split: list[bool], words: Words) -> Iterator[str]:
    for column, four in zip(table.columns, split, strict=True):
        title = heading(column, words)
        if column.note:
            title = words("format.heading", name=title, unit=column.note)
        if column.group:
            title = words("joining.column", measure=column.group, variant=title)
        yield title
        if four:
            yield words("unit.low", heading=title)
            yield words("unit.high", heading=title)
            yield words("unit.n", heading=title)


def row_cells(page: Any, cells: Any, columns: Any, split: list[bool], words: Words) -> Iterator[Any]:
    for cell, column, four in zip(cells, columns, split, strict=True):
        value, kind, signed = typed(cell, column)
        if isinstance(value, Estimate):
            for bound in value[:3]:
                yield cell_of(page, bound, kind, signed, words)
            yield cell_of(page, value.n, "count", False, words)
        else:
            yield cell_of(page, value, kind, signed, words)
            yield from [None] * (3 if four else 0)


def cell_of(page: Any, value: Any, kind: Kind, signed: bool, words: Words) -> Any:
    """A cell: numbers as numbers in the unit of the heading, dates as dates, everything else as harmless text."""
    if isinstance(value, str | Noted):
        return text_cell(page, value.line(words) if isinstance(value, Noted) else value)
    if isinstance(value, date):
        cell = WriteOnlyCell(page, value)
        cell.number_format = "yyyy-mm-dd"
        return cell
    if value is None or not math.isfinite(value):
        return None
    cell = WriteOnlyCell(page, scaled(float(value), kind, words) if kind != "count" else int(value))
    cell.number_format = number_format(kind, signed, words)
    return cell


def scaled(value: float, kind: Kind, words: Words) -> float:
    """Money in the display unit, points in per cent; whatever is exact stays as it is."""
    if kind == "money":
        return value / words.display_unit
    return 100 * value if kind == "points" else value


def number_format(kind: Kind, signed: bool, words: Words) -> str:
    decimals = {"money": max(words.money_decimals, 2 if words.display_unit > 1 else 0), "exact": 2, "points": 1,
                "days": 1, "count": 0, "number": 2}  # fmt: skip
    if kind == "share":
        return "0.0%"
    places = decimals[kind]
    plain = "#,##0" + ("." + "0" * places if places else "")
    return f"+{plain};-{plain};{plain}" if signed else plain


def text_cell(page: Any, text: str, bold: bool = False, grey: bool = False, size: int = 11) -> Any:
    if not text:
        return None
    cell = WriteOnlyCell(page, harmless(text))
    cell.data_type = "s"
    cell.font = Font(bold=bold, italic=grey, color="FF6B7280" if grey else "FF1F2937", size=size)
    return cell


def head_cell(page: Any, text: str) -> Any:
    cell = text_cell(page, text, bold=True)
    cell.alignment = Alignment(wrap_text=True, vertical="bottom")
    cell.border = Border(bottom=Side(style="medium", color="FF1F2937"))
    return cell
