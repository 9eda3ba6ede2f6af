"""What is in an .xlsx workbook: sheets of text. Formula cells are read by their stored value.

The archive is looked through before any library opens it: how large it becomes, and that its XML declares
no entities.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl

from twin.tables.faults import Fault, Faults, is_remark
from twin.tables.sheets import COLUMNS_MOST, ROWS_MOST, Sheet, Stored, as_text
from twin.tables.values import text

EXPANDED_MOST = 500 * 2**20
RATIO_MOST = 100
_RATIO_FROM = 10 * 2**20  # small archives of equal rows may shrink a hundredfold
_MEMBERS_MOST = 10_000
_SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def workbook_sheets(path: Path) -> list[Sheet]:
    """All sheets that hold anything; raises Faults if the file is no workbook or unsafe to open."""
    try:
        # One open file for both: the library would leave its own open when it fails.
        with open(path, "rb") as stream, zipfile.ZipFile(stream) as archive:
            formulas = _look_through(path, archive)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about styles and extensions, which do not matter here
                book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            try:
                return [
                    sheet for page in book.worksheets if (sheet := _sheet(path, archive, page, formulas)) is not None
                ]
            finally:
                book.close()
    except Faults:
        raise
    except Exception as error:  # a damaged workbook can fail anywhere inside zip, XML or the library
        reason = str(error).split("\n", 1)[0][:120] or type(error).__name__
        remedy = "save it as .xlsx without a password"
        raise Faults([Fault("N001", path.name, f"is not a readable workbook ({reason}); {remedy}")]) from None


def _look_through(path: Path, archive: zipfile.ZipFile) -> set[str]:
    """Refuses archives that grow too large or declare entities; returns the members that hold formulas."""
    members = archive.infolist()
    expanded = sum(member.file_size for member in members)
    packed = max(sum(member.compress_size for member in members), 1)
    if len(members) > _MEMBERS_MOST or expanded > EXPANDED_MOST:
        raise Faults(
            [
                Fault(
                    "H015",
                    path.name,
                    f"expands to {expanded:,} bytes in {len(members)} parts; limit "
                    f"{EXPANDED_MOST:,}: split it, or give large tables as CSV",
                )
            ]
        )
    if expanded > _RATIO_FROM and expanded > RATIO_MOST * packed:
        raise Faults(
            [
                Fault(
                    "H015",
                    path.name,
                    f"expands {expanded // packed}-fold; limit {RATIO_MOST}: save it anew in a spreadsheet program",
                )
            ]
        )
    formulas = set()
    for member in members:
        if not member.filename.lower().endswith((".xml", ".rels")):
            continue
        content = archive.read(member)
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\0" in content:
            raise Faults(
                [
                    Fault(
                        "N004",
                        path.name,
                        f"{member.filename} declares XML entities or is not UTF-8; "
                        "save it anew in a spreadsheet program",
                    )
                ]
            )
        if re.search(rb"<(\w+:)?f[\s>/]", content):
            formulas.add(member.filename)
    return formulas


def _sheet(path: Path, archive: zipfile.ZipFile, page: Any, formulas: set[str]) -> Sheet | None:
    member = page._worksheet_path.lstrip("/")
    unstored = _formulas_without_value(archive, member) if member in formulas else set()
    page.reset_dimensions()  # the size that a workbook states of itself is often wrong
    rows = _rows(page, {row for row, _ in unstored})
    found = next(rows, None)
    if found is None:
        return None
    header_row, header = found
    while header and not header[-1]:
        header.pop()
    sheet = Sheet(path.name, page.title, header, [], header_row)
    for row, cells in rows:
        if len(sheet.rows) >= ROWS_MOST or len(cells) > COLUMNS_MOST:
            raise Faults([sheet.fault("N026", f"more than {ROWS_MOST:,} rows or {COLUMNS_MOST} columns", row)])
        if any(cells[len(header) :]):
            sheet.faults.append(
                sheet.fault(
                    "H002",
                    "a cell stands beside the last heading; give it a heading",
                    row,
                    found=next(filter(None, cells[len(header) :])),
                )
            )
        cells = (cells + [""] * len(header))[: len(header)]
        formulas_here = [place for place in range(len(header)) if (row, place + 1) in unstored]
        if formulas_here:  # such a row has no values to be read: it is left out
            message = "is a formula that was never calculated; open and save the workbook in a spreadsheet program"
            sheet.faults.extend(sheet.fault("H009", message, row, header[place]) for place in formulas_here)
            continue
        sheet.rows.append((row, cells))
    return sheet


def _rows(page: Any, wanted: set[int]) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) of every row that is neither blank nor a remark, and of the wanted rows."""
    for row, values in enumerate(page.iter_rows(values_only=True), 1):
        cells = [_cell(value) for value in values] if any(value is not None for value in values) else []
        if row in wanted or (any(cells) and not is_remark(cells[0])):
            yield row, cells


def _cell(value: Any) -> str:
    if isinstance(value, float) and value - value == 0:
        # Spreadsheets show and keep 15 digits; what lies beyond is the noise of a formula (0.1 + 0.2).
        return Stored(text(Decimal(format(value, ".15g"))))
    if isinstance(value, datetime | date | time | timedelta):
        return as_text(value) if isinstance(value, date) else Stored(value)
    return as_text(value)


def _formulas_without_value(archive: zipfile.ZipFile, member: str) -> set[tuple[int, int]]:
    """Cells (row, column) that hold a formula and no result: as empty cells they would mean a default."""
    found = set()
    with archive.open(member) as stream:
        for _, element in ElementTree.iterparse(stream):
            if element.tag == f"{_SPREADSHEET}c" and element.find(f"{_SPREADSHEET}f") is not None:
                value = element.findtext(f"{_SPREADSHEET}v")
                if not value and element.get("t") != "str":  # an empty text is a result
                    found.add(openpyxl.utils.cell.coordinate_to_tuple(element.get("r")))
            if element.tag == f"{_SPREADSHEET}row":
                element.clear()
    return found
