"""The input hash: what was given counts, how it was written does not."""

import hashlib
from pathlib import Path

from tests.bad.base_company import TABLES, write
from tests.tables.shops import small
from twin.tables.digest import canonical, input_hash
from twin.tables.read import read


def changed(folder: Path, file: str, old: str, new: str) -> str:
    assert old in TABLES[file]
    folder.mkdir(exist_ok=True)
    return input_hash(read(write(folder, {**TABLES, file: TABLES[file].replace(old, new, 1)})).company)


def test_the_canonical_form(tmp_path: Path) -> None:
    """Lines as anyone could write them: a change here changes every hash that was ever stored."""
    lines = list(canonical(small(tmp_path)))
    start = lines.index('["sourcing","node","product","source","share","priority","cost","minimum_order"]')
    assert lines[start + 1] == '["DC1","B","V2","1",null,"12","12"]'
    assert lines[0] == '["nodes","node","kind","source","channel","capacity","storage_cost"]'
    assert lines[1] == '["DC1","dc",null,null,"500",null]'
    assert input_hash(small(tmp_path)) == hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def test_the_order_of_rows_and_columns_does_not_matter(tmp_path: Path) -> None:
    company = small(tmp_path / "a")
    files = {}
    for name, content in TABLES.items():
        header, *lines = content.splitlines()
        files[name] = "\n".join([header, *reversed(lines)])
    files["demand.csv"] = "mean,product,node,size\n1,B,S2,4\n5,A,S1,\n2.5,B,S1,4\n3,A,S2,\n"
    (tmp_path / "b").mkdir()
    assert input_hash(read(write(tmp_path / "b", files)).company) == input_hash(company)


def test_how_a_number_is_written_does_not_matter(tmp_path: Path) -> None:
    same = input_hash(small(tmp_path / "a"))
    assert changed(tmp_path / "b", "demand.csv", "S1,A,5,", "S1,A,5.00,") == same
    assert changed(tmp_path / "b", "products.csv", "10,6,", "1e1,+06.0,") == same
    assert changed(tmp_path / "b", "calendar.csv", ",no,", ",NO,") == same
    assert changed(tmp_path / "b", "receivables.csv", "0.02,yes", "0.02,是") == same


def test_what_is_given_matters(tmp_path: Path) -> None:
    same = input_hash(small(tmp_path / "a"))
    assert changed(tmp_path / "b", "demand.csv", "S1,A,5,", "S1,A,6,") != same
    # A default that is given is no longer an assumption, although it is the same number.
    assert changed(tmp_path / "b", "company.csv", "days,364", "days,364\ntax_lag,15") != same
