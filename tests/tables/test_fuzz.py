"""Damaged files: whatever the bytes, reading gives a company or `Faults`, never another exception.

Bytes are flipped, files cut, cells swapped with cells of another kind. The budget is small: the point is that
no kind of damage has a way out that we did not think of, and a longer run is one number away.
"""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bad.base_company import HISTORY, TABLES, write
from tests.tables.shops import small
from twin.tables.company import Company
from twin.tables.faults import Faults
from twin.tables.history import read_history
from twin.tables.read import read
from twin.tables.write import write_folder, write_workbook

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow,
               HealthCheck.function_scoped_fixture])  # fmt: skip
ODD_CELLS = ["", "nan", "1e999", "-1", "'", '"', "=1", "#N/A", "２", "yes", "1,5", "a|b", "\x00", "\n",
             "2026-13-01",
             "9" * 70, "DC1", "V1", "0", "1", "uniform(", "\ud7ff\u202e"]  # fmt: skip


def survives(folder: Path) -> None:
    try:
        company = read(folder).company
    except Faults as error:
        assert error.faults
        assert all(fault.code and fault.file and str(fault) for fault in error.faults)
    else:
        assert isinstance(company, Company)


@given(st.sampled_from(sorted(TABLES)), st.randoms(use_true_random=False))
@settings(FEW, max_examples=80)
def test_cells_of_another_kind(tmp_path: Path, file: str, luck: random.Random) -> None:
    lines = [line.split(",") for line in TABLES[file].splitlines()]
    for _ in range(luck.randint(1, 3)):
        line = luck.choice(lines)
        line[luck.randrange(len(line))] = luck.choice(ODD_CELLS)
    survives(write(tmp_path, {**TABLES, file: "\n".join(",".join(line) for line in lines)}))


@given(st.sampled_from(sorted(TABLES)), st.integers(0, 400), st.binary(min_size=1, max_size=4))
@settings(FEW, max_examples=40)
def test_bytes_of_a_text_file(tmp_path: Path, file: str, place: int, junk: bytes) -> None:
    content = TABLES[file].encode()
    survives(write(tmp_path, {**TABLES, file: content[:place] + junk + content[place + len(junk) :]}))
    survives(write(tmp_path, {file: content[: place % len(content)]}))


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
@given(luck=st.randoms(use_true_random=False))
@FEW
def test_bytes_of_a_binary_file(kind: str, tmp_path: Path, luck: random.Random) -> None:
    good = tmp_path / "good"
    name = "company.xlsx" if kind == "xlsx" else "nodes.parquet"
    if not good.exists():
        company = small(tmp_path / "small")
        good.mkdir()
        if kind == "xlsx":
            write_workbook(company, good / name)
        else:
            write_folder(company, good, "parquet")
    content = bytearray((good / name).read_bytes())
    if luck.random() < 0.3:
        content = content[: luck.randrange(len(content))]
    else:
        for _ in range(luck.randint(1, 8)):
            content[luck.randrange(len(content))] = luck.randrange(256)
    (tmp_path / "bad").mkdir(exist_ok=True)
    survives(write(tmp_path / "bad", {name: bytes(content)}))


@given(st.randoms(use_true_random=False))
@FEW
def test_a_damaged_history(tmp_path: Path, luck: random.Random) -> None:
    company = small(tmp_path)
    files: dict[str, str | bytes] = {}
    for name, content in HISTORY.items():
        lines = [line.split(",") for line in content.splitlines()[:30]]
        for _ in range(luck.randint(0, 3)):
            line = luck.choice(lines)
            line[luck.randrange(len(line))] = luck.choice(ODD_CELLS)
        data = "\n".join(",".join(line) for line in lines).encode()
        cut = luck.randrange(len(data))
        files[name] = data[:cut] if luck.random() < 0.2 else data
    write(tmp_path, files)
    try:
        read_history(tmp_path, company)
    except Faults as error:
        assert error.faults
