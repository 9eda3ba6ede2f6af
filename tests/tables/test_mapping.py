"""A company's own extract through its mapping: the same frames as the same facts in our words."""

from pathlib import Path

import pandas as pd
import pytest

from calibration.history.proposal import proposal
from tests.bad.base_company import HISTORY, write
from tests.tables.shops import small
from twin.tables.faults import Faults
from twin.tables.history import read_history

EXTRACT = """Datum;Filiale;Artikel;Menge;Preis;Aktion;Kasse
05.01.2024;S1;A;2,5;10,0;0;7
05.01.2024;S1;A;-1;10,0;0;7
06.01.2024;S1;A;2;10,0;1;8
"""
MAPPING = """file,reads_as,theirs,ours,factor,dates,decimal,encoding,delimiter
VBRP.csv,sales,Datum,date,,%d.%m.%Y,",",latin-1,;
VBRP.csv,sales,Filiale,node,,,,,
VBRP.csv,sales,Artikel,product,,,,,
VBRP.csv,sales,Menge,net_units,2,,,,
VBRP.csv,sales,Preis,price,,,,,
VBRP.csv,sales,Aktion,promotion,,,,,
VBRP.csv,sales,Kasse,,,,,,
"""


def extract(folder: Path, text: str = EXTRACT, mapping: str = MAPPING) -> Path:
    (folder / "history").mkdir(parents=True, exist_ok=True)
    (folder / "history" / "VBRP.csv").write_bytes(text.encode("latin-1"))
    if mapping:
        (folder / "history" / "mapping.csv").write_text(mapping)
    return folder


def test_their_words_units_dates_and_signs_become_ours(tmp_path: Path) -> None:
    company = small(extract(tmp_path))
    sales = read_history(tmp_path, company).sales
    assert sales is not None
    rows = sales[["date", "units", "returns", "price", "promotion"]].values.tolist()
    assert rows == [
        [pd.Timestamp("2024-01-05"), 5, 2.0, 10.0, False],
        [pd.Timestamp("2024-01-06"), 4, 0.0, 10.0, True],
    ]


@pytest.mark.parametrize(
    ("text", "mapping", "fault"),
    [
        (EXTRACT.replace("05.01.2024;S1;A;2,5", "5 Jan;S1;A;2,5"), MAPPING, r"S004 VBRP\.csv:2:Datum: found '5 Jan'"),
        (EXTRACT.replace("2,5", "x"), MAPPING, r"N020 VBRP\.csv:2:Menge: found 'x'"),
        (EXTRACT.replace("2,5", "2,3"), MAPPING, r"N018 VBRP\.csv:2"),
        (EXTRACT.replace("Menge", "Anzahl"), MAPPING, r"H001 VBRP\.csv:1: column 'Menge' of mapping\.csv is missing"),
        (EXTRACT, MAPPING.replace('","', "x"), r"N019 mapping\.csv"),
        (EXTRACT, MAPPING.replace("VBRP.csv", "VBRK.csv"), r"N001 VBRK\.csv"),
    ],
)
def test_faults_name_their_file_row_and_heading(tmp_path: Path, text: str, mapping: str, fault: str) -> None:
    company = small(extract(tmp_path, text, mapping))
    with pytest.raises(Faults, match=fault):
        read_history(tmp_path, company)


def test_the_proposal_reads_what_it_was_made_from(tmp_path: Path) -> None:
    """Headings, date form, decimal sign, delimiter and returns are found; saved, the file reads without a fault."""
    text = proposal(extract(tmp_path, EXTRACT.replace("2,5", "2"), "") / "history")
    lines = {line.split(",")[2]: line for line in text.splitlines()[1:]}
    assert {name: line.split(",")[3] for name, line in lines.items()} == {
        "Datum": "date", "Filiale": "node", "Artikel": "product", "Menge": "net_units", "Preis": "price",
        "Aktion": "promotion", "Kasse": ""}  # fmt: skip
    assert "%d.%m.%Y" in lines["Datum"] and ";" in lines["Datum"]
    (tmp_path / "history" / "mapping.csv").write_text(text)
    sales = read_history(tmp_path, small(tmp_path)).sales
    assert sales is not None and sales["units"].tolist() == [2, 2]
    assert proposal(tmp_path / "history") == ""


def test_headings_that_are_ours_need_no_mapping(tmp_path: Path) -> None:
    write(tmp_path, HISTORY)
    assert proposal(tmp_path / "history") == ""
