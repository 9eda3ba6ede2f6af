"""The history: typed frames from CSV and Parquet alike, and what is left out is said."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.bad.base_company import HISTORY, TABLES, write
from tests.tables.shops import small
from twin.tables import columns
from twin.tables.declared import Format
from twin.tables.faults import Faults
from twin.tables.history import Receipt, Sale, read_history
from twin.tables.read import read
from twin.tables.sheets import csv_sheet


def test_frames_are_typed(tmp_path: Path) -> None:
    company = small(tmp_path)
    write(tmp_path, HISTORY)
    history = read_history(tmp_path, company)
    assert history.sales is not None and history.receipts is not None
    assert dict(history.sales.dtypes.astype(str)) == {
        "date": "datetime64[s]", "node": "category", "product": "category", "units": "int64",
        "price": "float64", "promotion": "bool", "on_hand_close": "float64",
    }  # fmt: skip
    assert history.sales.iloc[1].tolist() == [pd.Timestamp("2024-01-06"), "S1", "A", 4, 10.0, False, 9.0]
    assert history.receipts["received"].isna().tolist() == [False, True]
    assert np.isnan(history.receipts["received_units"].iloc[1])
    assert list(history.receipts) == list(Receipt.model_fields)


def test_csv_and_parquet_give_the_same_frames(tmp_path: Path) -> None:
    company = small(tmp_path)
    write(tmp_path, HISTORY)
    first = read_history(tmp_path, company)
    assert first.sales is not None and first.receipts is not None
    first.sales.to_parquet(tmp_path / "history" / "sales.parquet")
    first.receipts.to_parquet(tmp_path / "history" / "receipts.parquet")
    (tmp_path / "history" / "sales.csv").unlink()
    (tmp_path / "history" / "receipts.csv").unlink()
    second = read_history(tmp_path, company)
    pd.testing.assert_frame_equal(first.sales, second.sales)
    pd.testing.assert_frame_equal(first.receipts, second.receipts)


def test_headings_and_encoding_as_in_the_tables(tmp_path: Path) -> None:
    company = small(tmp_path)
    lines = HISTORY["history/sales.csv"].splitlines()
    content = "\n".join(
        ["日期;节点;商品;数量 [件];售价;促销;日末库存", *(line.replace(",", ";") for line in lines[1:])]
    )
    content = content.replace(";10;no;", ";10,0;否;").replace("2024-01-06", "45297")
    declared = "file,setting,value\n销售,encoding,gb18030\n销售,delimiter,;\n销售,decimal,comma\n销售,dates,excel\n"
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "销售.csv").write_bytes(content.encode("gb18030"))
    write(tmp_path, {"format.csv": declared})
    assert read(tmp_path).warnings == []  # the declarations are for a file that read itself does not see
    history = read_history(tmp_path, company)
    assert history.sales is not None
    assert history.sales["date"].iloc[1] == pd.Timestamp("2024-01-06")
    assert (history.sales["price"] == 10).all()


def test_rows_about_strangers_are_left_out(tmp_path: Path) -> None:
    company = small(tmp_path)
    sales = HISTORY["history/sales.csv"]
    write(
        tmp_path,
        {"history/sales.csv": sales + "2024-01-05,closed shop,A,1,10,no,\n2024-01-05,S2,X,1,10,no,\n"},
    )
    history = read_history(tmp_path, company)
    assert history.sales is not None
    assert len(history.sales) == 731
    assert list(history.sales["node"].cat.categories) == ["S1"]
    assert [str(fault).split(": ")[0] for fault in history.warnings if fault.code == "N012"] == [
        "N012 sales.csv:733:node", "N012 sales.csv:734:product"]  # fmt: skip


def test_the_end_of_the_history_can_be_moved(tmp_path: Path) -> None:
    company = small(tmp_path)
    write(tmp_path, HISTORY)
    with pytest.raises(Faults, match=r"H006 sales\.csv:368:date"):
        read_history(tmp_path, company, until=date(2025, 1, 5))
    write(tmp_path, {"company.csv": TABLES["company.csv"].replace("2026-01-05", "2025-01-05")})
    assert read_history(tmp_path, company, until=date(2026, 1, 5)).sales is not None


def test_no_history_is_no_fault(tmp_path: Path) -> None:
    history = read_history(tmp_path, small(tmp_path))
    assert (history.sales, history.receipts, history.warnings) == (None, None, [])


def test_a_folder_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    company = small(tmp_path / "shop")
    write(tmp_path, HISTORY)
    (tmp_path / "shop" / "history").symlink_to(tmp_path / "history")
    with pytest.raises(Faults, match="S011 history: leads out"):
        read_history(tmp_path / "shop", company)


def test_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same texts and row numbers as one reading of the whole file, remarks and blank rows left out."""
    path = tmp_path / "long.csv"
    path.write_text("a,b\n" + "".join(f"{i % 7},{'# ' * (i % 5 == 0)}x{i}\n\n# no,row\n" for i in range(50)))
    sheet = csv_sheet(path)
    for size in (1, 3, 1000):
        monkeypatch.setattr(columns, "_CHUNK", size)
        table = columns.long_csv(path, Format())
        cells = [[column.distinct[code] for code in column.codes] for column in table.columns]
        assert [list(row) for row in zip(*cells, strict=True)] == [cells for _, cells in sheet.rows]
        assert table.rows.tolist() == [row for row, _ in sheet.rows]


def test_the_dictionary_of_the_history_is_complete() -> None:
    assert list(Sale.model_fields)[:6] == ["date", "node", "product", "units", "price", "promotion"]
    assert {name for name, info in Sale.model_fields.items() if info.is_required()} == {
        "date", "node", "product", "units", "price", "promotion"}  # fmt: skip
