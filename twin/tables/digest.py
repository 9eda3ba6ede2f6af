"""The fingerprint of a company: what was given, in one canonical form, whatever files it came in."""

import hashlib
import json
from collections.abc import Iterator

from twin.tables.company import Company
from twin.tables.rows import TABLES, Row
from twin.tables.values import text


def input_hash(company: Company) -> str:
    """SHA-256 of the validated tables, as hexadecimal digits.

    Tables and columns stand in the dictionary's order, rows are sorted, numbers have their shortest form,
    dates are ISO, and what is not given is null: defaults are not filled in, row order does not matter.
    """
    digest = hashlib.sha256()
    for line in canonical(company):
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def canonical(company: Company) -> Iterator[str]:
    """The lines that are hashed: for each table that has rows its name and columns, then its rows."""
    for model in TABLES:
        rows = company.table(model.table)
        if rows:
            columns = list(model.model_fields)
            yield _line([model.table, *columns])
            yield from sorted(_line([given(row, column) for column in columns]) for row in rows)


def given(row: Row, column: str) -> str | None:
    """The text of a cell that was given, None otherwise."""
    value = getattr(row, column) if column in row.model_fields_set else None
    return None if value is None else text(value)


def _line(cells: list[str | None]) -> str:
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
