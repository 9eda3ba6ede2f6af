"""What is wrong with a file of the company: a code, a place, what was found, and what to do about it.

The codes are those of RELIABILITY.md 5. Faults are collected, never raised one by one: a user mends a whole
workbook in one go. `Finding` is what a check across tables says of a row it knows by its number in the
table; `Fault` is the same in the user's terms: file, sheet, spreadsheet row, the heading as it was written.
"""

import difflib
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from twin.tables.values import REMARK, is_spreadsheet_error

SHOWN_MOST = 200
_QUOTED_MOST = 60
_COMPARED_MOST = 2000


@dataclass(frozen=True)
class Fault:
    """One fault. `row` is the spreadsheet's row number (1 is the header), `column` the heading as written."""

    code: str
    file: str
    message: str
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    found: str | None = None
    severity: str = "E"

    def __str__(self) -> str:
        place = self.file if self.sheet is None else f"{self.file}!{self.sheet}"
        if self.row is not None:
            place += f":{self.row}"
        if self.column is not None:
            place += f":{self.column}"
        found = "" if self.found is None else f"found {quoted(self.found)}; "
        return f"{self.code} {place}: {found}{self.message}"


class Faults(Exception):
    """Everything that keeps the files from being a company, all at once. `warnings` are included."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        lines = [str(fault) for fault in self.faults[:SHOWN_MOST]]
        if len(self.faults) > SHOWN_MOST:
            lines.append(f"... and {len(self.faults) - SHOWN_MOST} more")
        return "\n".join(lines)


class Finding(NamedTuple):
    """What a check across tables found in row `row` (counted from 0; None: the table as a whole)."""

    code: str
    table: str
    row: int | None
    column: str | None
    found: str | None
    message: str
    severity: str = "E"
    other: int | None = None  # an earlier row that it clashes with


@dataclass(frozen=True)
class Origin:
    """Where the rows of a table came from, to say where a fault is."""

    file: str
    sheet: str | None = None
    rows: Sequence[int] = ()
    headings: Mapping[str, str] = field(default_factory=dict)

    def place(self, finding: Finding) -> Fault:
        column = self.headings.get(finding.column, finding.column) if finding.column else None
        message = finding.message
        if finding.other is not None:
            message += f" (first in row {self._number(finding.other)})"
        row = None if finding.row is None else self._number(finding.row)
        return Fault(finding.code, self.file, message, self.sheet, row, column, finding.found, finding.severity)

    def _number(self, row: int) -> int:
        return self.rows[row] if self.rows else row + 2


def quoted(found: str) -> str:
    """A user's text, short and harmless: line breaks and terminal codes are written out."""
    return repr(found if len(found) <= _QUOTED_MOST else found[: _QUOTED_MOST - 3] + "...")


def is_remark(cell: str) -> bool:
    """Whether a first cell marks its row as a remark or an example: '#' first, but '#N/A' is a fault."""
    found = cell.strip()
    return found.startswith(REMARK) and not is_spreadsheet_error(found)


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """'; did you mean x?', or nothing where no allowed name is near."""
    near = _nearest(found, tuple(allowed))
    return f"; did you mean {quoted(near)}?" if near else ""


@functools.lru_cache(maxsize=1000)
def _nearest(found: str, allowed: tuple[str, ...]) -> str | None:
    for same in (str.casefold, lambda name: name.lstrip("0")):
        alike = [name for name in allowed if same(name) == same(found)]
        if alike:
            return alike[0]
    if len(allowed) > _COMPARED_MOST:  # comparing letter by letter would take longer than reading the files
        return None
    folded = {name.casefold(): name for name in allowed}
    near = difflib.get_close_matches(found.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names for a message, the first few of many."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
