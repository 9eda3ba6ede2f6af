"""What is in a CSV or Parquet file: a heading and rows of text, nothing interpreted yet.

Every limit of RELIABILITY.md 5 and 6 is kept here: size, rows, columns, length of a cell, encoding,
quoting, ragged rows. Rows whose first cell starts with '#' are remarks or examples and are left out; blank
rows too.
"""

import csv
import itertools
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from twin.tables.faults import Fault, Faults, is_remark, listed
from twin.tables.values import REMARK, text

FILE_MOST = 2**30
ROWS_MOST = 2**20
COLUMNS_MOST = 256
CELL_MOST = csv.field_size_limit()  # 131,072 characters unless the program says otherwise: see H014


_MAYBE_NOTHING = ("", REMARK, " ", "\t", "\u3000")


class Stored(str):
    """Text of a cell that the file holds as a number or a date: declared formats do not apply to it."""

    __slots__ = ()


@dataclass(frozen=True)
class Sheet:
    """One table as it stands in a file. Rows carry their spreadsheet number and a cell per heading."""

    file: str
    sheet: str | None
    header: list[str]
    rows: list[tuple[int, list[str]]]
    header_row: int = 1
    faults: list[Fault] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.sheet if self.sheet is not None else self.file.rsplit(".", 1)[0]

    def fault(
        self,
        code: str,
        message: str,
        row: int | None = None,
        column: str | None = None,
        found: str | None = None,
    ) -> Fault:
        return Fault(code, self.file, message, self.sheet, row, column, found)


def csv_sheet(path: Path, encoding: str = "utf-8", delimiter: str = ",") -> Sheet:
    """A whole CSV file. Ragged rows are faults and left out; a file that cannot be read raises Faults."""
    records = csv_records(path, encoding, delimiter)
    header_row, header = next(records)
    sheet = Sheet(path.name, None, header, [], header_row)
    for row, cells in records:
        if len(cells) != len(header):
            sheet.faults.append(sheet.fault("H002", ragged(len(cells), len(header)), row))
        else:
            sheet.rows.append((row, cells))
        if len(sheet.rows) > ROWS_MOST:
            raise Faults([sheet.fault("N026", f"more than {ROWS_MOST:,} rows; split the company", row)])
    return sheet


def ragged(found: int, wanted: int) -> str:
    hint = "; a number with a decimal comma must stand in quotes" if found > wanted else ""
    return f"the row has {found} fields, the header has {wanted}{hint}"


def csv_records(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) of the header and all rows, one by one; raises Faults where reading must stop."""
    _check_bytes(path)
    # utf-8-sig: a byte order mark would otherwise become part of the first heading.
    with open(path, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        try:
            yield from _records(path, stream, delimiter)
        except UnicodeDecodeError:
            raise Faults([_wrong_encoding(path, encoding)]) from None


def _records(path: Path, stream: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    width = 0
    for row in itertools.count(1):
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise Faults([_bad_quoting(path, row, str(error))]) from None
        first = cells[0] if cells else ""
        # Asked of every row of a long history: only few rows begin so that they may be left out.
        if first[:1] in _MAYBE_NOTHING and (not any(cells) or is_remark(first)):
            continue
        if not width:
            width = len(cells)
            _check_header(path, row, cells, delimiter)
        yield row, cells
    if not width:
        raise Faults([Fault("H001", path.name, "the file is empty; the first row must hold the headings", row=1)])


def _check_bytes(path: Path) -> None:
    """What can be said of a file before it is decoded."""
    size = path.stat().st_size
    if size > FILE_MOST:
        raise Faults([Fault("H015", path.name, f"has {size:,} bytes; limit {FILE_MOST:,}: split it")])
    if not size:
        raise Faults([Fault("H001", path.name, "the file is empty; the first row must hold the headings", row=1)])
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise Faults([Fault("N004", path.name, "is UTF-16; save it as CSV UTF-8")])
        zero = data.find(b"\0")
        if zero >= 0:
            many = data[:4096].count(b"\0") > 8
            remedy = "is it UTF-16 or not text at all? save it as CSV UTF-8" if many else "take it out"
            code = "N004" if many else "H016"
            raise Faults([Fault(code, path.name, f"contains a zero byte at byte {zero}; {remedy}")])
        # A carriage return alone, in a file of other line ends, would cut a row in two.
        if data.find(b"\n") >= 0 and re.search(rb"\r(?!\n)", data):
            raise Faults([Fault("H016", path.name, "mixes line ends (a lone carriage return); save it anew")])


def _check_header(path: Path, row: int, header: list[str], delimiter: str) -> None:
    if len(header) > COLUMNS_MOST:
        raise Faults([Fault("N026", path.name, f"{len(header)} columns; limit {COLUMNS_MOST}", row=row)])
    if len(header) == 1:
        for other, name in ((";", "semicolon"), ("\t", "tab"), ("|", "bar"), (",", "comma")):
            if other != delimiter and other in header[0]:
                raise Faults(
                    [
                        Fault(
                            "H003",
                            path.name,
                            "only one column found: the file seems to be separated by "
                            f"'{name}'; declare delimiter: {name}",
                            row=row,
                            found=header[0],
                        )
                    ]
                )


def _wrong_encoding(path: Path, encoding: str) -> Fault:
    data = path.read_bytes()
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        place = error.start
    else:
        place = 0
    other = "gb18030" if encoding == "utf-8" else "utf-8"
    try:
        data.decode(other)
    except UnicodeDecodeError:
        remedy = "save it as CSV UTF-8"
    else:
        remedy = f"save it as CSV UTF-8, or declare encoding: {other}"
    return Fault("N004", path.name, f"not {encoding.upper()} at byte {place}; {remedy}")


def _bad_quoting(path: Path, row: int, problem: str) -> Fault:
    if "unexpected end" in problem:
        return Fault("H014", path.name, f"a quote opened on row {row} is never closed", row=row)
    if "field limit" in problem or "larger than" in problem:
        message = f"a cell has more than {CELL_MOST:,} characters; was a quote opened and never closed?"
        return Fault("H014", path.name, message, row=row)
    return Fault("H014", path.name, f"wrong quoting ({problem}); double the quotes inside a quoted cell", row=row)


def parquet_sheet(path: Path) -> Sheet:
    """A whole Parquet file as text."""
    content = parquet_table(path)
    columns = [texts(column) for column in content.columns]
    rows = [(number, list(cells)) for number, cells in enumerate(zip(*columns, strict=True), 2) if any(cells)]
    rows = [row for row in rows if not is_remark(row[1][0])]
    return Sheet(path.name, None, content.column_names, rows)


def parquet_table(path: Path, rows_most: int = ROWS_MOST) -> pa.Table:
    """The columns of a Parquet file, without pandas' index; raises Faults."""
    try:
        file = parquet.ParquetFile(path, memory_map=False)
        about = file.metadata
        expanded = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if about.num_rows > rows_most or about.num_columns > COLUMNS_MOST or expanded > FILE_MOST:
            raise Faults(
                [
                    Fault(
                        "N026",
                        path.name,
                        f"{about.num_rows:,} rows and {about.num_columns} columns in "
                        f"{expanded:,} bytes; limits {rows_most:,}, {COLUMNS_MOST}, {FILE_MOST:,}",
                    )
                ]
            )
        content = file.read()
        content.validate(full=True)  # text that is not UTF-8 shows here, not as a traceback later
    except Faults:
        raise
    except Exception as error:  # a damaged file can fail anywhere inside the library
        raise Faults([Fault("N001", path.name, f"is not a readable Parquet file ({_short(error)})")]) from None
    nested = [
        name
        for name, kind in zip(content.column_names, content.schema.types, strict=True)
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    ]
    if nested:
        raise Faults([Fault("N020", path.name, f"columns of lists or bytes: {listed(nested)}; give plain values")])
    return content.select([i for i, name in enumerate(content.column_names) if not name.startswith("__index_level")])


def texts(column: pa.ChunkedArray | pa.Array) -> list[str]:
    """The cells of a Parquet column as text; single precision by the shortest text that means it."""
    single = np.float32 if pa.types.is_float32(column.type) else None
    return [
        as_text(float(str(single(value))) if single and value is not None else value) for value in column.to_pylist()
    ]


def as_text(value: Any) -> str:
    """The shortest text of a value that a file holds as such."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return Stored("TRUE" if value else "FALSE")
    if isinstance(value, datetime):
        midnight = value.tzinfo is None and value.time() == datetime.min.time()
        return Stored(value.date() if midnight else value.isoformat(" "))
    if isinstance(value, float):
        return Stored(text(Decimal(repr(value))) if value - value == 0 else repr(value))  # nan and inf as they are
    return Stored(text(value) if isinstance(value, int | Decimal | date) else value)


def _short(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:120] or type(error).__name__
