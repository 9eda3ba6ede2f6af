"""The company built from real data: valid tables that say what the sets say. Skips without the data."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from twin.tables.check import ensure
from twin.tables.company import Company
from twin.tables.digest import input_hash
from twin.tables.read import read
from twin.tables.write import write_folder

SCRIPT = Path(__file__).parent.parent.parent / "notebooks" / "real_grocer.py"


@pytest.fixture(scope="module")
def grocer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("real_grocer", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["real_grocer"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def build(grocer: ModuleType, data: Path, stores: int | None) -> Company:
    demand = grocer.demand_of(data, stores)
    return grocer.company_of(demand, grocer.margins_of(data), grocer.medians_of(grocer.panel_of(data)))


def test_the_tables_are_valid_and_read_back(grocer: ModuleType, data: Path, tmp_path: Path) -> None:
    """No fault and no warning, and what is written gives the same input hash."""
    company = build(grocer, data, stores=10)
    assert ensure(company) == []
    write_folder(company, tmp_path / "company")
    assert input_hash(read(tmp_path / "company").company) == input_hash(company)


def test_demand_is_what_was_sold(grocer: ModuleType, data: Path) -> None:
    """Mean demand x the weeks in which a place was seen = its units in the set, place by place."""
    weekly = pd.read_parquet(data / "breakfast_frat" / "weekly.parquet")
    last = sorted(weekly["week_end_date"].unique())[-grocer.WEEKS :]
    weekly = weekly[weekly["week_end_date"].isin(last)]
    sold = weekly.groupby(["store_id", "upc_id"])["units"].agg(["sum", "size"])
    for row in build(grocer, data, stores=5).demand:
        units, weeks = sold.loc[row.node.removeprefix("store-"), row.product]
        assert float(row.mean) * 7 * weeks == pytest.approx(units, abs=7 * weeks * 0.00006)


def test_margins_and_terms_are_those_of_the_sets(grocer: ModuleType, data: Path) -> None:
    company = build(grocer, data, stores=5)
    margins, medians = grocer.margins_of(data), grocer.medians_of(grocer.panel_of(data))
    found = {round(1 - float(p.cost / p.price), 3) for p in company.products}
    assert found == {round(margins.national, 3), round(margins.store_brand, 3)}
    assert {row.net_days for row in company.suppliers} == {medians.payable_days} == {47}


@pytest.mark.slow
def test_the_whole_story_runs(data: Path, tmp_path: Path) -> None:
    """A few stores and futures: figures, stresses and explanations are written, the label is there."""
    out = tmp_path / "out"
    words = [sys.executable, str(SCRIPT), str(data), "--out", str(out), "--draws", "4", "--stores", "4"]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert "ASSUMPTION" in done.stdout
    table = pd.read_csv(out / "comparison.csv", index_col="measure")
    assert list(table.index) == ["DIO", "DPO", "DSO", "CCC", "gross margin"]
    base = table["base"]
    assert base["CCC"] == pytest.approx(base["DIO"] + base["DSO"] - base["DPO"], abs=1e-3)
    assert json.loads((out / "run" / "manifest.json").read_text())["complete"]
    assert (out / "explained.txt").read_text().startswith("DIO: ")
