"""Writing: what goes out comes back exactly, from every kind of file; a crash leaves nothing half-written."""

import csv
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings

from tests.tables.shops import companies, small
from twin.tables import rows
from twin.tables.check import ensure
from twin.tables.company import Company
from twin.tables.digest import input_hash
from twin.tables.faults import Faults
from twin.tables.read import read
from twin.tables.rows import TABLES
from twin.tables.write import beside, write_folder, write_workbook


def every_way(company: Company, folder: Path) -> dict[str, Company]:
    """The company after a round trip through each kind of file."""
    folder.mkdir()
    write_workbook(company, folder / "en.xlsx")
    write_workbook(company, folder / "zh.xlsx", "zh")
    write_folder(company, folder / "csv")
    write_folder(company, folder / "parquet", "parquet")
    return {name: read(folder / name).company for name in ("en.xlsx", "zh.xlsx", "csv", "parquet")}


def test_round_trips_of_the_small_company(tmp_path: Path) -> None:
    company = small(tmp_path / "small")
    for way, back in every_way(company, tmp_path / "out").items():
        assert back == company, way
        assert input_hash(back) == input_hash(company), way
        for model in TABLES:
            given_before = [row.model_fields_set for row in company.table(model.table)]
            empty = {name for row in company.table(model.table) for name in row.model_fields_set
                     if getattr(row, name) is None}  # fmt: skip
            assert not empty
            assert [row.model_fields_set for row in back.table(model.table)] == given_before, (way, model)


@given(companies())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_round_trips_of_random_companies(tmp_path_factory: pytest.TempPathFactory, company: Company) -> None:
    try:
        ensure(company)
    except Faults as error:
        # Random ids may begin with a sign or look alike; what is refused in Python is refused in files too.
        assert {fault.code for fault in error.faults if fault.severity == "E"} <= {"N010"}
        return
    for way, back in every_way(company, tmp_path_factory.mktemp("shop") / "out").items():
        assert back == company, way
        assert input_hash(back) == input_hash(company), way


def test_numbers_that_a_spreadsheet_cannot_keep_travel_as_text(tmp_path: Path) -> None:
    company = small(tmp_path / "small")
    exact = rows.Demand(node="S1", product="A", mean="0.12345678901234567890123")
    large = rows.Opening(account="1000", amount="90071992547409.91")
    changed = Company(**{**vars(company), "demand": (exact,), "opening": (large,)})
    write_workbook(changed, tmp_path / "exact.xlsx")
    with pytest.raises(Faults) as error:
        read(tmp_path / "exact.xlsx")
    assert "90,071,992,547,409.91" in str(error.value)
    back = openpyxl.load_workbook(tmp_path / "exact.xlsx")
    assert back["demand"]["C3"].value == "0.12345678901234567890123"


def test_the_look_of_the_workbook(tmp_path: Path) -> None:
    write_workbook(small(tmp_path / "small"), tmp_path / "en.xlsx")
    write_workbook(Company((), (), (), (), ()), tmp_path / "zh.xlsx", "zh")
    book = openpyxl.load_workbook(tmp_path / "en.xlsx")
    assert book.sheetnames == [model.table for model in TABLES]
    products = book["products"]
    assert [products[cell].value for cell in ("A1", "D1")] == ["product", "price [currency/unit]"]
    assert products["A2"].value.startswith("# ")
    assert products["D1"].fill.fgColor.rgb != products["F1"].fill.fgColor.rgb  # required and optional
    assert products.freeze_panes == "A3"
    assert products.sheet_properties.tabColor.rgb == book["demand"].sheet_properties.tabColor.rgb
    assert products.sheet_properties.tabColor.rgb != book["lanes"].sheet_properties.tabColor.rgb
    assert all(10 <= products.column_dimensions[letter].width <= 40 for letter in "ABC")
    chinese = openpyxl.load_workbook(tmp_path / "zh.xlsx")
    assert chinese.sheetnames == [model.zh for model in TABLES]
    assert chinese["线路"]["C1"].value == "平均提前期 [天]"
    assert chinese["线路"]["A3"].value.startswith("# 示例")


def test_an_empty_workbook_is_a_template(tmp_path: Path) -> None:
    """Only the required tables are missed: descriptions and examples do not count as rows."""
    write_workbook(Company((), (), (), (), ()), tmp_path / "new.xlsx")
    with pytest.raises(Faults) as error:
        read(tmp_path / "new.xlsx")
    assert [fault.code for fault in error.value.faults] == ["N009"] * 5


def test_text_that_looks_like_a_formula_is_made_harmless(tmp_path: Path) -> None:
    company = small(tmp_path / "small")
    quote = rows.Planned(date="2026-02-01", amount="1", label="rent", note="'=1+1")
    changed = Company(**{**vars(company), "planned": (quote,)})
    for back in every_way(changed, tmp_path / "out").values():
        assert back.planned == (quote,)
    with open(tmp_path / "out" / "csv" / "planned.csv", encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream))[1][3] == "''=1+1"


def test_a_folder_with_other_tables_is_refused(tmp_path: Path) -> None:
    company = small(tmp_path)
    with pytest.raises(FileExistsError, match=r"company.csv.*empty folder"):
        write_folder(company, tmp_path, "parquet")
    write_folder(company, tmp_path)  # the same files again are fine
    assert read(tmp_path).company == company


def test_a_crash_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), beside(path) as temporary:  # noqa: PT012, what is tested is the leaving
        temporary.write_text("half")
        raise ZeroDivisionError
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.csv"]
    assert path.read_text() == "old"
