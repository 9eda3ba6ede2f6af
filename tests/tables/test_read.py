"""Reading: the same company however its files are written, provided that they say how."""

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from tests.bad.base_company import TABLES, write
from tests.tables.shops import small
from twin.tables.digest import input_hash
from twin.tables.faults import Fault, Faults, quoted
from twin.tables.headings import extra
from twin.tables.read import read
from twin.tables.rows import TABLES as MODELS
from twin.tables.rows import Settings


def faults(folder: Path) -> list[Fault]:
    with pytest.raises(Faults) as error:
        read(folder)
    return list(error.value.faults)


def page(book: openpyxl.Workbook, name: str, csv: str) -> None:
    sheet = book.create_sheet(name)
    for line in csv.replace('"', "").splitlines():
        sheet.append([cell or None for cell in line.split(",")])


def test_the_form_of_a_message() -> None:
    fault = Fault("N020", "company.xlsx", "not a number; write 1200", "products", 2, "price", "1,200")
    assert str(fault) == "N020 company.xlsx!products:2:price: found '1,200'; not a number; write 1200"
    assert quoted("a\x1b[31m\nb") == r"'a\x1b[31m\nb'"
    assert len(quoted("x" * 10**6)) < 70


def test_chinese_tables_and_headings(tmp_path: Path) -> None:
    company = small(tmp_path / "en")
    files = {}
    for model in MODELS:
        header, *lines = TABLES[f"{model.table}.csv"].splitlines()
        names = [extra(model.model_fields[name], "zh") for name in header.split(",")]
        if model.table == "company":
            lines = [line.replace("minimum_cash", "最低现金").replace("days", "天数") for line in lines]
        files[f"{model.zh}.csv"] = "\n".join([",".join(names), *lines])
    (tmp_path / "zh").mkdir()
    assert read(write(tmp_path / "zh", files)).company == company


def test_byte_order_mark_case_blanks_and_windows_line_ends(tmp_path: Path) -> None:
    company = small(tmp_path)
    content = TABLES["products.csv"].replace("product,", " PRODUCT ,").replace("\n", "\r\n")
    write(tmp_path, {"products.csv": b"\xef\xbb\xbf" + content.encode()})
    assert read(tmp_path).company == company


def test_declared_formats(tmp_path: Path) -> None:
    """A German file of semicolons, decimal commas and points for thousands, and a Chinese one in GB18030."""
    company = small(tmp_path)
    german = "product;category;supplier;price;cost;vat;pack\nA;dry;V1;10;6,00;0,13;1\n"
    german += "B;fresh;V2;20,5;12,25;0,09;6\n"
    opening = TABLES["opening.csv"].replace("1000,3000", '1000,"3.000,00"')
    calendar = TABLES["calendar.csv"].replace("Spring Festival", "春节").replace("2026-02-17", "46070")
    declared = "file;setting;value\n;thousands;point\n*;decimal;,\nproducts.csv;delimiter;semicolon\n"
    declared += "calendar;encoding;gb18030\nCalendar.CSV;dates;excel\n"
    # What is said of one file wins over what is said of all.
    for model in MODELS:
        if model.table not in ("products", "opening"):
            declared += f"{model.table};decimal;point\n{model.table};thousands;none\n"
    files = {"products.csv": german, "opening.csv": opening, "format.csv": declared}
    write(tmp_path, {**files, "calendar.csv": calendar.encode("gb18030")})
    read_back = read(tmp_path).company
    assert read_back.products == company.products
    assert read_back.opening == company.opening
    assert read_back.calendar[0].date == date(2026, 2, 17)
    assert read_back.calendar[0].label == "春节"


def test_the_fault_names_the_declaration_that_mends_it(tmp_path: Path) -> None:
    """Every declaration named in a message is one that the format table takes."""
    small(tmp_path)
    write(tmp_path, {"demand.csv": TABLES["demand.csv"].replace("2.5", '"2,5"')})
    [fault] = faults(tmp_path)
    assert "declare decimal: ','" in fault.message
    write(tmp_path, {"format.csv": "file,setting,value\ndemand,decimal,comma\n"})
    assert read(tmp_path).company.demand[1].mean == Decimal("2.5")


def test_a_workbook_of_typed_cells(tmp_path: Path) -> None:
    """Numbers, dates, ticks, numbers as ids; declared formats do not touch what the workbook itself holds."""
    company = small(tmp_path)
    book = openpyxl.Workbook()
    page(book, "format", "file,setting,value\ndemand,decimal,comma")
    demand = book.create_sheet("Demand")
    demand.append(["node", "product", "mean [units/day]", "size"])
    demand.append(["# S1", "A", 999, None])
    for row in (
        ["S1", "A", 5, None],
        ["S1", "B", 2.5, 4.0],
        ["S2", "A", "3,0", None],
        [None] * 4,
        ["S2", "B", 0.7 + 0.3, 4],
    ):
        demand.append(row)
    calendar = book.create_sheet("calendar")
    calendar.append(["date", "category", "demand_factor", "business_day", "label"])
    calendar.append([datetime(2026, 2, 17), None, 2, False, "Spring Festival"])
    calendar.append([date(2026, 2, 18), "fresh", 1.5, None, None])
    opening = book.create_sheet("opening")
    opening.append(["account", "amount"])
    for line in TABLES["opening.csv"].splitlines()[1:]:
        opening.append([int(cell) for cell in line.split(",")])
    book.create_sheet("# notes").append(["whatever"])
    book.save(tmp_path / "company.xlsx")
    for table in ("demand", "calendar", "opening"):
        (tmp_path / f"{table}.csv").unlink()
    assert read(tmp_path).company == company
    assert input_hash(read(tmp_path).company) == input_hash(company)


def test_a_formula_is_read_by_its_stored_value(tmp_path: Path) -> None:
    company = small(tmp_path)
    (tmp_path / "factors.csv").unlink()
    book = openpyxl.Workbook()
    page(book, "factors", "factor,deviation\ncompany_year,")
    book["factors"]["B2"] = 0.05
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(tmp_path / "company.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v>0.05</v>", b"<f>0.1/2</f><v>5.0000000000000003E-2</v>"))
    assert read(tmp_path).company == company


def test_parquet_of_typed_columns(tmp_path: Path) -> None:
    company = small(tmp_path)
    for table in ("demand", "orders", "planned"):
        (tmp_path / f"{table}.csv").unlink()
    demand = pd.DataFrame({"node": ["S1", "S1", "S2", "S2"], "product": pd.Categorical(["A", "B", "A", "B"]),
                           "mean": [5, 2.5, 3, 1], 
                           "size": pd.array([None, 4, None, 4], "Int64")})  # fmt: skip
    demand["mean"] = demand["mean"].astype("float32")
    demand.set_index("node").reset_index().to_parquet(tmp_path / "demand.parquet")
    orders = pd.DataFrame({"source": ["V2", "V1"], "node": "DC1", "product": ["B", "A"], "units": [12, 50],
                           "arrives": pd.to_datetime(["2026-01-10", None]), "value": [144.0, None],
                           "deposit": [None, 30.0]})  # fmt: skip
    orders.to_parquet(tmp_path / "orders.parquet")
    planned = pd.DataFrame(
        {"date": [date(2026, 1, 25)], "amount": [Decimal("800.00")], "label": "payroll", "note": "January"}
    )
    planned.to_parquet(tmp_path / "planned.parquet")
    assert read(tmp_path).company == company


def test_all_faults_of_all_files_come_together(tmp_path: Path) -> None:
    small(tmp_path)
    write(tmp_path, {
        "products.csv": TABLES["products.csv"].replace("10,6", "ten,-6"),
        "nodes.csv": TABLES["nodes.csv"].replace("dc,", "DC,"),
        "opening.csv": TABLES["opening.csv"].replace("3514", "3500"),
        "shocks.csv": TABLES["shocks.csv"].replace("0.7", "-0.7"),
    })  # fmt: skip
    assert sorted(fault.code for fault in faults(tmp_path)) == ["M001", "N007", "N020", "N021", "S005"]


def test_faults_of_one_table_are_not_repeated_by_what_builds_on_it(tmp_path: Path) -> None:
    """With a wrong node all its lanes, stock and demand would seem to hang in the air."""
    small(tmp_path)
    write(tmp_path, {"nodes.csv": TABLES["nodes.csv"].replace("S1,store,card,", "S1,shop,card,")})
    assert [str(fault).split(": ")[0] for fault in faults(tmp_path)] == ["N007 nodes.csv:5:kind"]


def test_missing_files(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    assert [fault.code for fault in faults(tmp_path / "shop")] == ["N009"] * 5
    [fault] = faults(tmp_path / "shpo")
    assert (fault.code, "did you mean 'shop'?" in fault.message) == ("N001", True)
    (tmp_path / "notes.txt").write_text("no company")
    assert [fault.code for fault in faults(tmp_path / "notes.txt")] == ["N001"]


def test_a_workbook_alone(tmp_path: Path) -> None:
    company = small(tmp_path / "csv")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, content in TABLES.items():
        if name not in ("shocks.csv", "sourcing.csv"):
            page(book, name[:-4], content)
    book.save(tmp_path / "shop.xlsx")
    read_back = read(tmp_path / "shop.xlsx").company
    assert (read_back.nodes, read_back.open_items) == (company.nodes, company.open_items)
    del book["opening"]
    book.save(tmp_path / "shop.xlsx")
    assert str(faults(tmp_path / "shop.xlsx")[0]).startswith("N009 shop.xlsx!opening: ")


def test_settings_that_mean_none(tmp_path: Path) -> None:
    small(tmp_path)
    write(tmp_path, {"company.csv": TABLES["company.csv"] + "grace_days,none\nbalance_sheet_test,yes\n"})
    settings = read(tmp_path).company.settings
    assert settings.grace_days is None
    assert settings.model_fields_set - {"grace_days", "balance_sheet_test"} == {
        "name", "currency", "start", "days", "minimum_cash"}  # fmt: skip
    assert Settings().grace_days == 30


def test_settings_in_any_order_are_found_again(tmp_path: Path) -> None:
    small(tmp_path)
    write(tmp_path, {"company.csv": "setting,value\ntax_rate,0.6\ndays,4000\nname,Example\nstart,2026-01-05\n"})
    assert [str(fault)[:24] for fault in faults(tmp_path)] == [
        "S013 company.csv:3:value",
        "M013 company.csv:2:value",
    ]


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    company = small(tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "stock.csv").rename(tmp_path / "more" / "stock.csv")
    (tmp_path / "stock.csv").symlink_to("more/stock.csv")
    assert read(tmp_path).company == company


def test_a_folder_of_reports_is_no_company(tmp_path):
    """What is not read is a warning only, and must not hide that every table is missing."""
    (tmp_path / "tables-en.xlsx").write_bytes(b"")
    found = [fault.code for fault in faults(tmp_path)]
    assert found.count("N009") == 5
