"""The example company: valid, tied to the cent, the same for the same seed, and a plausible grocer.

The small company is checked through the files that `tandem new` writes and by a short stress run; the study of ten
seeds at full size is slow and prints its table.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scenarios import example, library, stress
from scenarios.example import Example, generate
from twin import results
from twin.tables import rows
from twin.tables.check import check
from twin.tables.company import Company
from twin.tables.digest import input_hash
from twin.tables.history import read_history
from twin.tables.read import read

SMALL = {"stores": 3, "products": 8, "days": 120}
STOCK = ("1200", "1210", "1220", "1230")


@pytest.fixture(scope="module")
def small() -> Example:
    return generate(**SMALL)


@pytest.fixture(scope="module")
def full() -> Example:
    return generate()


def account(company: Company, *codes: str) -> float:
    return sum(float(row.amount) for row in company.opening if row.account in codes)


def yearly(company: Company, column: str) -> float:
    return sum(float(getattr(row, column)) for row in company.statements)


def outstanding(company: Company) -> dict[str, float]:
    """Days outstanding from month ends; gross figures at the mean VAT rate of the lines' sales."""
    vat = {product.product: 1 + float(product.vat) for product in company.products}
    price = {product.product: float(product.price) for product in company.products}
    net = sum(float(row.mean) * price[row.product] for row in company.demand)
    gross = sum(float(row.mean) * price[row.product] * vat[row.product] for row in company.demand) / net
    sales, cost = yearly(company, "revenue") / 365, yearly(company, "cost_of_sales") / 365
    return {
        "dio": yearly(company, "stock") / 12 / cost,
        "dso": yearly(company, "receivables") / 12 / (sales * gross),
        "dpo": yearly(company, "payables") / 12 / (cost * gross),
    }


def test_what_is_written_reads_back_without_a_fault(small: Example, tmp_path: Path) -> None:
    """Workbook, history and truth through the same door as a user's own company; nothing is wrong with them."""
    example.write(small, tmp_path / "shop")
    company, warnings = read(tmp_path / "shop")
    assert warnings == []
    assert input_hash(company) == input_hash(small.company)
    history = read_history(tmp_path / "shop", company)
    assert not [fault for fault in history.warnings if fault.severity == "E"]
    assert history.sales is not None
    assert history.receipts is not None
    assert len(history.sales) == SMALL["stores"] * SMALL["products"] * SMALL["days"]
    assert len(history.receipts) == len(small.receipts)
    assert history.sales["units"].sum() == small.sales["units"].sum()
    truth = json.loads((tmp_path / "shop" / "truth" / "parameters.json").read_text(encoding="utf-8"))
    assert set(truth["lines"]) == {product.product for product in company.products}
    with pytest.raises(FileExistsError):
        example.write(small, tmp_path / "shop")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_kind_of_file_holds_the_same_company(small: Example, tmp_path: Path, kind: str) -> None:
    example.write(small, tmp_path / kind, kind)  # type: ignore[arg-type]
    assert input_hash(read(tmp_path / kind).company) == input_hash(small.company)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """Two runs of a seed write the same files; another seed writes others."""
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        example.write(generate(stores=2, products=3, days=40, seed=seed), tmp_path / name, "csv")
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) > 20
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
    assert (tmp_path / "a/history/sales.csv").read_bytes() != (tmp_path / "c/history/sales.csv").read_bytes()


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 5, 30), (9, 41, 60)])
def test_any_size_is_a_company(size: tuple[int, int, int]) -> None:
    """One shop with one line, and more lines than the catalogue holds."""
    stores, products, days = size
    found = generate(stores, products, days)
    assert check(found.company) == []
    assert len(found.company.demand) == stores * products
    assert found.sales["date"].nunique() == days


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        generate(stores=0)


def test_every_table_a_grocer_needs_is_there(full: Example) -> None:
    """All tables but those that only say what the others imply: sourcing, observed lead times, own shocks."""
    company = full.company
    missing = {model.table for model in rows.TABLES if not company.table(model.table)}
    assert missing == {"lead_times", "sourcing", "shocks"}
    assert sum(node.kind == "supplier" for node in company.nodes) == 6
    assert sum(node.kind == "dc" for node in company.nodes) == 2
    assert len({product.category for product in company.products}) == 8
    assert {str(product.vat) for product in company.products} == {"0.09", "0.13"}
    assert {lane.incoterm for lane in company.lanes} == {"DDP", "FOB"}
    assert all(30 <= row.net_days <= 60 for row in company.suppliers)
    assert {row.label for row in company.planned} >= {"payroll", "rent", "other", "capex", "dividend", "maturity"}
    labels = {row.label for row in company.calendar}
    assert "spring-festival" in labels
    last_payroll = max(row.date for row in company.planned if row.label == "payroll")
    assert (last_payroll - company.settings.start).days >= company.settings.days + company.settings.gate_days - 31


def test_statements_tie_to_the_opening(full: Example) -> None:
    """The last month's cash, stock, payables and receivables are those of the balance sheet, which balances."""
    company = full.company
    assert check(company) == []
    assert [row.month.isoformat()[:7] for row in company.statements] == [f"2025-{m:02}" for m in range(1, 13)]
    last = company.statements[-1]
    cent = pytest.approx
    assert float(last.cash) == cent(account(company, "1000"), abs=0.005)
    assert float(last.stock) == cent(account(company, *STOCK), abs=0.005)
    assert float(last.payables) == cent(account(company, "2000"), abs=0.005)
    assert float(last.receivables) == cent(account(company, "1100", "1110"), abs=0.005)


def test_history_ends_with_the_opening_stock(full: Example) -> None:
    """What the shops closed with on the last day is what the stock table opens with."""
    last = full.sales[full.sales["date"] == full.sales["date"].max()]
    closing = {(n, p): int(x) for n, p, x in zip(last["node"], last["product"], last["on_hand_close"], strict=True)}
    opening = {(row.node, row.product): row.units for row in full.company.stock}
    assert all(opening[at] == units for at, units in closing.items())
    open_lines = full.receipts[full.receipts["received"].isna()]
    suppliers = {row.supplier for row in full.company.suppliers}
    owed = sum(row.units for row in full.company.orders if row.source in suppliers)
    assert int(open_lines["ordered_units"].sum()) == owed


def test_ratios_of_a_plausible_grocer(full: Example) -> None:
    """LEDGER.md 8: gross margin 18-26 %, DIO 20-35, DPO 30-60, DSO 1-8, EBIT 2-5 % of sales."""
    company = full.company
    sales = yearly(company, "revenue")
    margin = sales - yearly(company, "cost_of_sales")
    assert 0.18 < margin / sales < 0.26
    assert 0.02 < (margin - yearly(company, "expenses")) / sales < 0.05
    days = outstanding(company)
    assert 20 < days["dio"] < 35
    assert 30 < days["dpo"] < 60
    assert 1 < days["dso"] < 8
    stores = sum(node.kind == "store" for node in company.nodes)
    assert 60_000 < sales / 365 / stores < 120_000


def test_stock_outs_hide_demand(full: Example) -> None:
    """About 3 % of store-line-days end without stock, more on promotions; the truth knows what was wanted."""
    out = full.sales["on_hand_close"] == 0
    assert 0.01 < out.mean() < 0.05
    assert out[full.sales["promotion"]].mean() > 2 * out[~full.sales["promotion"]].mean()
    hidden = full.true_frames["demand"]
    assert (hidden["demand"] > hidden["sold"]).all()
    assert (hidden["demand"] - hidden["sold"]).sum() / full.sales["units"].sum() < 0.05


def test_intermittent_lines_and_shared_factors_are_in_the_history(full: Example) -> None:
    """Days without sales, and a year factor that the whole company shares."""
    sales = full.sales[full.sales["product"] == "small-appliances"]
    assert (sales["units"] == 0).mean() > 0.4
    factors = full.true_frames["factors"]
    years = factors[factors["factor"] == "company_year"]
    assert years["value"].nunique() == 2
    assert set(factors["factor"]) == {row.factor for row in full.company.factors}


def test_switches() -> None:
    """Substitution moves demand to another line; unflagged stock-outs hide the closing stock of some of them."""
    plain = generate(**SMALL)
    moved = generate(**SMALL, substitution=True)
    products = {row.product: row.category for row in plain.company.products}
    assert len(set(products.values())) == len(products)  # one line a category: nowhere to go
    assert (moved.true_frames["demand"]["from_other_lines"] == 0).all()
    wide = generate(stores=2, products=24, days=60, substitution=True).true_frames["demand"]
    assert (wide["from_other_lines"] > 0).any()
    vague = generate(**SMALL, unflagged_stockouts=True)
    lacking = vague.sales["on_hand_close"].isna()
    assert 0.3 < lacking.sum() / (plain.sales["on_hand_close"] == 0).sum() < 0.7
    assert (plain.sales.loc[lacking.to_numpy(), "on_hand_close"] == 0).all()
    pd.testing.assert_frame_equal(plain.receipts, vague.receipts)


def figures(company: Company, names: list[str], draws: int) -> dict[str, dict[str, np.ndarray]]:
    model, scenarios = stress.prepare(company, names)
    found = {}
    for name in (stress.BASE, *names):
        shocks = scenarios.get(name, [])
        run = stress.run_case(model, shocks, stress.Case(name, "joint"), np.arange(draws), seed=0)
        assert run.residuals.max() == 0
        found[name] = results.per_draw(model, run)
    return found


def test_base_case_reproduces_the_statements(small: Example) -> None:
    """Revenue and margin within 5 %, days outstanding within 5 days: the report calls that reconciled.

    With Poisson demand, which compiles in a third of the time: what is compared are means.
    """
    plain = tuple(rows.Demand(node=row.node, product=row.product, mean=row.mean) for row in small.company.demand)
    company = replace(small.company, demand=plain)
    base = figures(company, [], 8)["base"]
    sales = yearly(company, "revenue")
    assert base["revenue_total"].mean() == pytest.approx(sales, rel=0.05)
    assert base["gross_profit"].mean() == pytest.approx(sales - yearly(company, "cost_of_sales"), rel=0.05)
    for name, days in outstanding(company).items():
        assert base[name].mean() == pytest.approx(days, abs=5)
    assert base["survives"].all()


@pytest.mark.slow
def test_ten_seeds_are_financed_realistically_tight() -> None:
    """Base survives in 99 %; one single shock and the compound lie between 5 and 95 %; the gate refuses orders."""
    names = library.core()
    for seed in range(10):
        found = figures(generate(days=30, seed=seed).company, names, 128)
        survival = {name: float(f["survives"].mean()) for name, f in found.items()}
        refused = {name: float((f["refused_total"] > 0).mean()) for name, f in found.items()}
        print(seed, survival, refused["compound"])
        assert survival["base"] >= 0.99
        assert 0.05 < survival["compound"] < 0.95
        assert any(0.05 < survival[name] < 0.95 for name in names if name != "compound")
        assert refused["compound"] > 0
