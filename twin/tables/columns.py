"""Long tables as columns of text: every distinct text once, and for each row its place among them.

A history has millions of rows but few distinct dates, ids and quantities. Parsing each text once keeps the
careful rules of `values` and costs seconds, not minutes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from twin.tables.declared import Format
from twin.tables.faults import Fault, Faults
from twin.tables.parse import unquoted
from twin.tables.sheets import Sheet, csv_records, parquet_table, ragged, texts

ROWS_MOST = 50_000_000
_CHUNK = 500  # rows; larger ones are slower: their cells no longer stay in the processor's cache
_RAGGED_MOST = 20

Codes = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class Column:
    """A column: `distinct[codes[i]]` is the text of row i."""

    codes: Codes
    distinct: list[str]


@dataclass(frozen=True)
class LongTable:
    """A file as columns, in the order of its header, with the spreadsheet number of each row."""

    sheet: Sheet  # file, header and faults; its rows stay empty
    columns: list[Column]
    rows: Codes


def long_csv(path: Path, form: Format) -> LongTable:
    """A CSV file in chunks, so that the text of all rows never stands in memory at once."""
    records = csv_records(path, form.encoding, form.delimiter)
    header_row, header = next(records)
    sheet = Sheet(path.name, None, header, [], header_row)
    known: list[dict[str, int]] = [{} for _ in header]
    codes: list[list[Codes]] = [[] for _ in header]
    rows: list[Codes] = []
    bad = count = 0
    while chunk := list(islice(records, _CHUNK)):
        width = len(header)
        good = [record for record in chunk if len(record[1]) == width]
        if len(good) < len(chunk):
            wrong = [record for record in chunk if len(record[1]) != width]
            sheet.faults.extend(
                sheet.fault("H002", ragged(len(cells), width), row)
                for row, cells in wrong[: max(_RAGGED_MOST - bad, 0)]
            )
            bad += len(wrong)
        count += len(good)
        if count > ROWS_MOST:
            raise Faults([sheet.fault("N026", f"more than {ROWS_MOST:,} rows; give the last two or three years")])
        if good:
            rows.append(np.fromiter((row for row, _ in good), np.int32, len(good)))
            for place, cells in enumerate(zip(*(cells for _, cells in good), strict=True)):
                codes[place].append(_encode(cells, known[place]))
    if bad > _RAGGED_MOST:
        sheet.faults.append(sheet.fault("H002", f"and {bad - _RAGGED_MOST:,} more rows with a wrong number of fields"))
    columns = [
        Column(_joined(parts), [unquoted(cell) for cell in seen]) for parts, seen in zip(codes, known, strict=True)
    ]
    return LongTable(sheet, columns, _joined(rows))


def _encode(cells: Sequence[str], known: dict[str, int]) -> Codes:
    """The places of a chunk's texts among all known ones; new texts are added at the end."""
    local, distinct = pd.factorize(np.array(cells, dtype=object))
    places = [known.setdefault(cell, len(known)) for cell in distinct]
    codes: Codes = np.array(places, np.int32)[local]
    return codes


def _joined(parts: Iterable[Codes]) -> Codes:
    return np.concatenate([np.zeros(0, np.int32), *parts])


def long_parquet(path: Path) -> LongTable:
    """A Parquet file; row numbers are those of the same table in a spreadsheet."""
    content = parquet_table(path, ROWS_MOST)
    sheet = Sheet(path.name, None, content.column_names, [])
    columns = []
    for column in content.columns:
        encoded = pc.dictionary_encode(column, null_encoding="encode").combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.chunk(0) if encoded.num_chunks else pc.dictionary_encode(pa.array([], column.type))
        columns.append(
            Column(
                encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32),
                [unquoted(cell) for cell in texts(encoded.dictionary)],
            )
        )
    return LongTable(sheet, columns, np.arange(2, content.num_rows + 2, dtype=np.int32))


def long_table(path: Path, form: Format) -> LongTable:
    """The file as columns; raises Faults if it cannot be read or has no rows."""
    table = long_parquet(path) if path.suffix.casefold() == ".parquet" else long_csv(path, form)
    if not len(table.rows):
        raise Faults([*table.sheet.faults, Fault("N009", path.name, "has no rows; take the file away or fill it")])
    return table
