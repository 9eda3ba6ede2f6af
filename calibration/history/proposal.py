"""Which of our tables a company's own files may be, for a person to look at and save as the mapping."""

from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from calibration.history.contract import TABLES
from twin.tables.columns import Column, LongTable, long_parquet
from twin.tables.declared import Format
from twin.tables.faults import Faults
from twin.tables.headings import plain
from twin.tables.mapping import FILE, Mapped, as_csv, proposed, read_mapping
from twin.tables.rows import Row
from twin.tables.sheets import Sheet, csv_records

_ENCODINGS, _DELIMITERS = ("utf-8", "gb18030", "latin-1"), (",", ";", "\t", "|")
SAMPLE = 500  # rows that are looked at
FITS = 0.5  # share of a table's required columns that a file must seem to have


def proposal(folder: Path) -> str:
    """The text of a mapping.csv for the files whose headings are not ours; empty where there is nothing to map."""
    if not folder.is_dir():
        return ""
    known = {entry.file for entry in read_mapping(folder)}
    found: list[Mapped] = []
    for file in sorted(folder.iterdir()):
        if file.suffix.casefold() not in (".csv", ".parquet", ".txt") or file.name in {*known, FILE}:
            continue
        if plain(file.stem) == "format":
            continue
        opened = _opened(file)
        if opened is not None:
            found += _table_of(file, *opened)
    return as_csv(found) if found else ""


def _opened(file: Path) -> tuple[LongTable, Format] | None:
    """The file by the first encoding and delimiter that give more than one column; None where none does."""
    for encoding in _ENCODINGS:
        for delimiter in _DELIMITERS:
            form = Format(encoding=encoding, delimiter=delimiter)
            try:
                table = long_parquet(file) if file.suffix.casefold() == ".parquet" else _sample(file, form)
            except (Faults, OSError, StopIteration):
                continue
            if len(table.sheet.header) > 1:
                return table, form
    return None


def _sample(file: Path, form: Format) -> LongTable:
    """The first rows of a CSV file; rows of another width are left out."""
    records = csv_records(file, form.encoding, form.delimiter)
    header_row, header = next(records)
    rows = [record for record in islice(records, SAMPLE) if len(record[1]) == len(header)]
    columns = []
    for cells in zip(*(cells for _, cells in rows), strict=True) if rows else [()] * len(header):
        codes, distinct = pd.factorize(np.array(cells, object))
        columns.append(Column(codes.astype(np.int32), [str(cell) for cell in distinct]))
    numbers = np.array([row for row, _ in rows], np.int32)
    return LongTable(Sheet(file.name, None, header, [], header_row), columns, numbers)


def _table_of(file: Path, table: LongTable, form: Format) -> list[Mapped]:
    """Rows for the table of ours that fits best; none where its headings are ours already or nothing fits."""
    best: tuple[float, list[Mapped]] = (0.0, [])
    for model in TABLES:
        rows = proposed(table, model)
        if not rows and _share(table, rows, model) == 1:
            return []
        share = _share(table, rows, model) + 0.5 * (plain(file.stem) in (plain(model.table), plain(model.zh)))
        if share > best[0]:
            best = share, rows
    default = Format()
    said = {
        "encoding": form.encoding if form.encoding != default.encoding else None,
        "delimiter": form.delimiter if form.delimiter != default.delimiter else None,
    }
    return [row.model_copy(update=said) for row in best[1]] if best[0] >= FITS else []


def _share(table: LongTable, rows: list[Mapped], model: type[Row]) -> float:
    """Share of the required columns that the headings have or are taken to mean."""
    names = {plain(heading) for heading in table.sheet.header} | {row.ours for row in rows if row.ours}
    names |= {"units"} if "net_units" in names else set()
    needed = [name for name, info in model.model_fields.items() if info.is_required()]
    return sum(name in names for name in needed) / len(needed)
