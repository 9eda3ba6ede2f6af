"""A company to files: a workbook to be filled in and read again, or a folder of CSV or Parquet.

What is written reads back as the same company with the same input hash. Only what was given is written: an
empty cell is a default. Files are written beside their place and renamed, so that none is ever half there.
"""

import csv
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pyarrow as pa
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from pyarrow import parquet
from pydantic.fields import FieldInfo

from twin.tables.about_zh import ABOUT_ZH
from twin.tables.company import Company
from twin.tables.digest import given
from twin.tables.headings import choices, extra, kind, written
from twin.tables.parse import harmless
from twin.tables.rows import TABLES, Row, Settings
from twin.tables.values import REMARK

_GREEN, _GREY = "C6E0B4", "EDEDED"
_TAB_GREEN, _TAB_GREY = "70AD47", "BFBFBF"
_SUFFIXES = (".csv", ".parquet", ".xlsx")


def write_workbook(company: Company, path: str | Path, lang: Literal["en", "zh"] = "en") -> None:
    """One sheet per table, required ones green; descriptions and example rows are remarks, not read."""
    book = openpyxl.Workbook(write_only=True)
    for model in TABLES:
        page = book.create_sheet(model.zh if lang == "zh" else model.table)
        page.sheet_properties.tabColor = _TAB_GREEN if model.required else _TAB_GREY
        page.freeze_panes = "A3"
        for place, (name, info) in enumerate(model.model_fields.items(), 1):
            wide = len(written(name, info, lang)) * (2 if lang == "zh" else 1)
            page.column_dimensions[get_column_letter(place)].width = min(max(wide + 2, 10), 40)
        page.row_dimensions[2].height = 45
        page.append(list(_headings(page, model, lang)))
        page.append(list(_descriptions(page, model, lang)))
        rows = company.table(model.table)
        for row in rows:
            page.append([_cell(page, row, name, info) for name, info in model.model_fields.items()])
        for example in () if rows else _examples(model, lang):
            page.append([_styled(page, cell, italic=True) for cell in example])
    with beside(Path(path)) as temporary:
        book.save(temporary)


def write_folder(company: Company, path: str | Path, kind: Literal["csv", "parquet"] = "csv") -> None:
    """One file per table that has rows. Refuses a folder with other tables: they would be read as well."""
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {model: company.table(model.table) for model in TABLES if company.table(model.table)}
    wanted = {f"{model.table}.{kind}" for model in tables}
    others = sorted(
        entry.name for entry in folder.iterdir() if entry.suffix.casefold() in _SUFFIXES and entry.name not in wanted
    )
    if others:
        raise FileExistsError(f"{folder} already holds {', '.join(others)}; write to an empty folder")
    for model, rows in tables.items():
        columns = list(model.model_fields)
        cells = [[_text(row, column) for column in columns] for row in rows]
        with beside(folder / f"{model.table}.{kind}") as temporary:
            if kind == "csv":
                _write_csv(temporary, columns, cells)
            else:
                parquet.write_table(_arrow(columns, cells), temporary)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder: it takes the place of `path` if all went well, else vanishes."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644)  # mkstemp's own mode would hide the file from colleagues
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_csv(path: Path, columns: Sequence[str], cells: Sequence[Sequence[str | None]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(cells)


def _arrow(columns: Sequence[str], cells: Sequence[Sequence[str | None]]) -> pa.Table:
    """Text in every column, as in CSV: a decimal in a binary float would not always come back the same."""
    by_column = zip(*cells, strict=True)
    return pa.table({name: pa.array(values, pa.string()) for name, values in zip(columns, by_column, strict=True)})


def _text(row: Row, column: str) -> str | None:
    """The cell of a text file: numbers as they are, text made harmless."""
    cell = given(row, column)
    return harmless(cell) if cell is not None and isinstance(getattr(row, column), str) else cell


def _cell(page: Any, row: Row, column: str, info: FieldInfo) -> Any:
    """The cell of a workbook: numbers and dates as such where a spreadsheet keeps them exactly, else text."""
    cell = given(row, column)
    if cell is None:
        return None
    value = getattr(row, column)
    if kind(info) == "date":
        found = WriteOnlyCell(page, value)
        found.number_format = "yyyy-mm-dd"
        return found
    if kind(info) == "number":
        number = int(value) if value == int(value) else float(value)
        # 15 digits are what a spreadsheet keeps; longer numbers travel as text.
        return number if Decimal(format(number, ".15g")) == value else cell
    if not cell[0].isdigit():
        return harmless(cell)
    found = WriteOnlyCell(page, cell)
    found.number_format = "@"  # text stays text when it is edited: 00123, 1-2
    return found


def _headings(page: Any, model: type[Row], lang: str) -> Iterator[Any]:
    for name, info in model.model_fields.items():
        fill = _GREEN if info.is_required() else _GREY
        yield _styled(page, written(name, info, lang), bold=True, fill=fill)


def _descriptions(page: Any, model: type[Row], lang: str) -> Iterator[Any]:
    """The second row: a remark that says what each column is and what holds where it is empty."""
    for place, (name, info) in enumerate(model.model_fields.items()):
        words = ABOUT_ZH[model.table][name] if lang == "zh" else f"{info.description}{_empty(info)}"
        yield _styled(page, f"{REMARK} {words}" if place == 0 else words, italic=True)


def _empty(info: FieldInfo) -> str:
    if info.is_required():
        return ""
    source = extra(info, "source")
    default = "" if info.default is None else f"{info.default}"
    return f"; empty: {default or source}" + (f" ({source})" if default and source and source != default else "")


def _examples(model: type[Row], lang: str) -> Iterator[list[str]]:
    """Example rows for a table without rows; the settings are listed with their defaults."""
    if model.table == "company":
        for name, info in Settings.model_fields.items():
            default = "" if info.default is None else str(info.default)
            # Without the mark it is a row as it is read.
            yield [f"{REMARK} {extra(info, 'zh') if lang == 'zh' else name}", default]
        return
    words = {"number": "1", "date": "2026-01-31", "yes_no": "yes", "text": "A1"}
    cells = [choices(info)[0] if kind(info) == "choice" else words[kind(info)] for info in model.model_fields.values()]
    yield [f"{REMARK} {'示例' if lang == 'zh' else 'example'}: {cells[0]}", *cells[1:]]


def _styled(page: Any, cell: str, bold: bool = False, italic: bool = False, fill: str = "") -> Any:
    found = WriteOnlyCell(page, cell)
    found.data_type = "s"
    found.font = Font(bold=bold, italic=italic, color="808080" if italic else "000000")
    found.alignment = Alignment(wrap_text=True, vertical="top")
    if fill:
        found.fill = PatternFill("solid", fgColor=fill)
    return found
