"""A table as a workbook of one sheet: numbers stay numbers, text is harmless."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from twin.tables.parse import harmless
from twin.tables.write import beside

NARROW, MARGIN = 10, 2


def write_sheet(path: Path, title: str, headings: list[str], rows: Iterable[Iterable[Any]]) -> None:
    """One sheet under bold headings that stay in sight; columns as wide as what they hold."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None, "a new workbook has a sheet"
    page.title = title
    page.append(headings)
    for cell in page[1]:
        cell.font = Font(bold=True)
    page.freeze_panes = "B2"
    for row in rows:
        page.append([harmless(x) if isinstance(x, str) else x for x in row])
    for at, column in enumerate(page.iter_cols(values_only=True), start=1):
        widest = max(len(x) for x in column if isinstance(x, str))
        page.column_dimensions[get_column_letter(at)].width = max(NARROW, widest + MARGIN)
    with beside(path) as temporary:
        book.save(temporary)
