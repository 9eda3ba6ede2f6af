"""A company built from real data: tables, a base case and three stresses, set beside real grocers.

    python notebooks/real_grocer.py DATA [--out DIR] [--draws N]

The joint company is an ASSUMPTION: no public set joins demand, margins and terms. Demand and prices are those
of one retailer (dunnhumby, Breakfast at the Frat, 2010-2011), margins those of another (Dominick's orange
juice, 1990s), terms, cash and expenses the medians of 33 US retailers (10-K tables, 2016-2025). What no set
tells is a named constant below, with its reason; whatever is neither is a default of the tables. Nothing is
fitted to the figures it is compared with.
"""

# %% What is not in the data
import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scenarios import statistics, store
from scenarios.run import stress
from scenarios.stress import BASE, Case, prepare, run_case
from scenarios.sweep.log import Tally
from twin.assembly import DEFAULT_FACTORS, POISSON
from twin.assembly.calendar import calendar_of
from twin.assembly.policy import demand_moments, lead_moments, replenishment
from twin.assembly.structure import structure
from twin.state import changed
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.read import read
from twin.tables.rows import Settings
from twin.tables.write import write_folder

SCENARIOS = ["supplier-out", "demand-slump", "terms-cut"]  # one that hits goods, one demand, one money

SALES_TAX = 0  # US sales tax is the customer's, passed through, and most food bears none
INCOME_TAX = 0.21  # US federal rate; state tax left out
CASE = 12  # units a case: the usual case of cereal and snacks; the set has no case sizes
DC_REVIEW_DAYS = 7  # one order a week to each manufacturer: what fills a truck is not in the data
OWN_SUPPLIER_SHARE = 0.05  # manufacturers with a smaller share of purchases come through one wholesaler
EXPENSE_DAYS = 7  # expenses are paid weekly, as wages are; 10-K tables do not say when
WEEKS = 52  # the last year of the demand set, so that every season counts once
SEEN_WEEKS = 26  # a store carries what it sold in at least half of them; a missing week is not a zero
STORE_BRANDS = (10, 11)  # Dominick's own juice in the numbering of R's bayesm; brands 1-9 are national

# LEDGER.md 8, sanity ranges of a grocer, from general knowledge; the cycle's range is what the others allow.
GROCERY = {
    "DIO": (20, 35),
    "DPO": (30, 60),
    "DSO": (2, 8),
    "CCC": (20 + 2 - 60, 35 + 8 - 30),
    "gross margin": (10, 40),
}
PEERS = ("Walmart", "Costco", "Target")
UNITS = {"DIO": "days", "DPO": "days", "DSO": "days", "CCC": "days", "gross margin": "%"}


# %% Demand and prices: Breakfast at the Frat
@dataclass(frozen=True)
class Demand:
    """The last year of the set as laws: places, prices and the factors that places share."""

    places: pd.DataFrame  # store_id, upc_id, mean units a day, size of the negative binomial (NaN: Poisson)
    products: pd.DataFrame  # upc_id, manufacturer, category, price
    company_week: float  # standard deviations of the logarithms of shared factors
    category_week: float
    baskets: float  # a store and week
    promoted: float  # share of units sold in weeks with a feature, display or price cut


def demand_of(data: Path, stores: int | None) -> Demand:
    """Mean, dispersion and shared factors by moments.

    The expected sale of a place in a week is its mean times the index of its category in that week, so that
    weeks which are good for everybody count as shared factors and only the rest as the place's own
    dispersion.
    """
    folder = data / "breakfast_frat"
    weekly = pd.read_parquet(folder / "weekly.parquet").astype({"upc_id": str, "store_id": str})
    shops = pd.read_csv(folder / "stores.csv", dtype={"store_id": str})
    products = pd.read_csv(folder / "products.csv", dtype={"upc_id": str})
    last = sorted(weekly["week_end_date"].unique())[-WEEKS:]
    weekly = weekly[weekly["week_end_date"].isin(last)]
    if stores is not None:
        weekly = weekly[weekly["store_id"].isin(sorted(weekly["store_id"].unique())[:stores])]
    seen = weekly.groupby(["store_id", "upc_id"])["units"].transform("size")
    weekly = weekly[seen >= SEEN_WEEKS].merge(products[["upc_id", "manufacturer", "category"]], on="upc_id")

    place = weekly.groupby(["store_id", "upc_id"])["units"]
    weekly["mean"] = place.transform("mean")
    company = _index(weekly, ["week_end_date"])
    category = _index(weekly, ["week_end_date", "category"])
    weekly["expected"] = weekly["mean"] * category
    # weekly sums of independent days: variance = m + m^2 / (7 size)
    weekly["excess"] = (weekly["units"] - weekly["expected"]) ** 2 - weekly["expected"]
    weekly["square"] = weekly["expected"] ** 2
    sums = weekly.groupby(["store_id", "upc_id"])[["excess", "square", "units"]].sum()
    places = (place.mean() / 7).rename("mean").reset_index()
    size = (sums["square"] / 7 / sums["excess"].where(sums["excess"] > 0)).to_numpy()
    paid = weekly.groupby("upc_id")[["spend", "units"]].sum()
    price = paid["spend"] / paid["units"]
    promoted = weekly[["feature", "display", "tpr_only"]].any(axis=1)
    return Demand(
        places=places.assign(size=size),
        products=products.set_index("upc_id").loc[paid.index].assign(price=price).reset_index(),
        company_week=float(np.log(company.groupby(weekly["week_end_date"]).first()).std()),
        category_week=float(
            np.log((category / company).groupby([weekly["week_end_date"], weekly["category"]]).first()).std()
        ),
        baskets=float(shops.loc[shops["store_id"].isin(weekly["store_id"]), "avg_weekly_baskets"].mean()),
        promoted=float(weekly.loc[promoted, "units"].sum() / weekly["units"].sum()),
    )


def _index(weekly: pd.DataFrame, by: list[str]) -> pd.Series:
    """Units of a group of rows / what their places sell in a mean week, on every row of the group."""
    groups = weekly.groupby(by)
    return groups["units"].transform("sum") / groups["mean"].transform("sum")


# %% Margins: Dominick's
@dataclass(frozen=True)
class Margins:
    """Gross margin as a share of price, weighted by sales."""

    national: float
    store_brand: float


def margins_of(data: Path) -> Margins:
    weekly = pd.read_parquet(data / "orangejuice_dominicks" / "weekly.parquet")
    weekly["sales"] = weekly["own_price_per_oz"] * weekly["ounces"]
    weekly["cost"] = weekly["own_cost_per_oz"] * weekly["ounces"]
    sums = weekly.groupby(weekly["brand"].isin(STORE_BRANDS))[["sales", "cost"]].sum()
    share = 1 - sums["cost"] / sums["sales"]
    return Margins(national=float(share[False]), store_brand=float(share[True]))


# %% Terms, cash and expenses: medians of retail
@dataclass(frozen=True)
class Medians:
    """Medians over firm-years."""

    payable_days: int
    receivable_days: int
    cash_days: float  # of revenue
    operating_margin: float


def panel_of(data: Path) -> pd.DataFrame:
    return pd.read_csv(data / "retail_financials" / "annual_panel.csv", parse_dates=["fiscal_year_end"])


def medians_of(panel: pd.DataFrame) -> Medians:
    """A firm without a receivables line counts with DSO 0: too small to report is below the median anyway."""
    return Medians(
        payable_days=round(panel["DPO"].median()),
        receivable_days=round(panel["DSO"].median()),
        cash_days=float((panel["cash"] / panel["revenue"] * 365).median()),
        operating_margin=float((panel["operating_income"] / panel["revenue"]).median()),
    )


# %% The company
def suppliers_of(products: pd.DataFrame, bought: pd.Series) -> pd.Series:
    """The supplier of each product: its manufacturer, or the wholesaler where that one is small."""
    share = bought.groupby(products["manufacturer"]).transform("sum") / bought.sum()
    names = products["manufacturer"].str.lower().str.replace(r"[^a-z0-9]+", "-", regex=True).str.strip("-")
    return names.where(share >= OWN_SUPPLIER_SHARE, "wholesaler")


def company_of(demand: Demand, margins: Margins, medians: Medians) -> Company:
    """Tables of the joint company: manufacturers and a wholesaler, one DC, the stores of the set."""
    products = demand.products
    own = products["manufacturer"] == "PRIVATE LABEL"
    cost = products["price"] * (1 - np.where(own, margins.store_brand, margins.national))
    daily = demand.places.groupby("upc_id")["mean"].sum().reindex(products["upc_id"]).to_numpy()
    products = products.assign(cost=cost, supplier=suppliers_of(products, cost * daily))
    revenue, sold_cost = float(products["price"] @ daily), float(products["cost"] @ daily)
    suppliers = sorted(products["supplier"].unique())
    stores = sorted(demand.places["store_id"].unique())
    settings = Settings(name="A grocer from public data (assumption)", currency="USD", tax_rate=INCOME_TAX)
    company = Company(
        nodes=(
            *(rows.Node(node=name, kind="supplier") for name in suppliers),
            rows.Node(node="dc", kind="dc"),
            *(rows.Node(node=f"store-{name}", kind="store") for name in stores),
        ),
        products=tuple(
            rows.Product(
                product=row.upc_id, category=row.category.lower(), supplier=row.supplier,
                price=round(row.price, 4), cost=round(row.cost, 4), vat=SALES_TAX, pack=CASE,
            )
            for row in products.itertuples()
        ),
        demand=tuple(
            rows.Demand(
                node=f"store-{row.store_id}", product=row.upc_id, mean=round(row.mean, 4),
                **({} if np.isnan(row.size) else {"size": float(f"{row.size:.4g}")}),
            )
            for row in demand.places.itertuples(index=False)
        ),
        suppliers=tuple(rows.Supplier(supplier=name, net_days=medians.payable_days) for name in suppliers),
        opening=(),
        settings=settings,
        receivables=(rows.Receivable(channel="card", days=medians.receivable_days),),
        policies=(rows.PolicyRow(node="dc", review_days=DC_REVIEW_DAYS),),
        factors=(
            rows.Factors(factor="company_week", deviation=round(demand.company_week, 4)),
            rows.Factors(factor="category_week", deviation=round(demand.category_week, 4)),
        ),
        planned=expenses_of(settings, revenue - sold_cost - medians.operating_margin * revenue),
    )  # fmt: skip
    return Company(**(vars(company) | {"opening": opening_of(company, medians, revenue, sold_cost)}))


def expenses_of(settings: Settings, daily: float) -> tuple[rows.Planned, ...]:
    """What gross margin leaves above the median operating margin, paid at the end of each week."""
    weeks = range(EXPENSE_DAYS - 1, settings.days, EXPENSE_DAYS)
    amount = round(daily * EXPENSE_DAYS, 2)
    dates = [settings.start + pd.Timedelta(days=day) for day in weeks]
    return tuple(rows.Planned(date=date, amount=amount, label="other") for date in dates)


def opening_of(company: Company, medians: Medians, revenue: float, sold_cost: float) -> tuple[Any, ...]:
    """A balance sheet in the steady state of the company's own rules: the figures show no start-up effect.

    Stock is what the policies hold on average: safety stock, half an order cycle and half a case; dues are
    flows times terms; equity is the rest.
    """
    held = stock_parts(company)
    stock = {kind: sum(part for (at, _), part in held.items() if at == kind) for kind in ("dc", "store")}
    amounts = {
        "1000": medians.cash_days * revenue,
        "1100": medians.receivable_days * revenue,
        "1200": stock["dc"],
        "1210": stock["store"],
        "1230": sold_cost,  # a day on the road from the DC to the stores
        "2000": medians.payable_days * sold_cost,
    }
    amounts = {code: round(amount, 2) for code, amount in amounts.items()}
    amounts["3000"] = round(sum(amounts.values()) - 2 * amounts["2000"], 2)
    return tuple(rows.Opening(account=code, amount=amount) for code, amount in amounts.items())


def stock_parts(company: Company) -> dict[tuple[str, str], float]:
    """Mean stock on hand at cost that the replenishment rules ask for, by place and cause."""
    s = structure(company)
    policy = replenishment(company, s)
    (mean, _), (lead, _) = demand_moments(company, s), lead_moments(s)
    cost = np.array([float(s.product_rows[name].cost) for name in s.products])
    carried = mean > 0
    causes = {
        "safety stock": (policy.order_up_to - mean * (lead + policy.period - 1)) * carried,
        "half an order cycle": mean * (policy.period - 1) / 2,
        "half a case": (CASE - 1) / 2 * carried,
    }
    is_dc = np.array([s.node_rows[name].kind == "dc" for name in s.nodes])
    return {
        (kind, cause): float((units @ cost)[is_dc == (kind == "dc")].sum())
        for cause, units in causes.items()
        for kind in ("dc", "store")
    }


# %% The figures
def measured(run: xr.Dataset) -> dict[str, np.ndarray]:
    """Measures of every future of one scenario; averages over daily closes."""
    margin = 100 * run["gross_profit"] / run["revenue_total"]
    days = {name: run[name.lower()].values for name in ("DIO", "DPO", "DSO", "CCC")}
    return days | {"gross margin": margin.values}


def as_filed(run: xr.Dataset) -> dict[str, float]:
    """The same from year-end balances over cost of sales, as the panel has them, mean of futures.

    Year end is the mean close of the last week: a Sunday alone would carry a whole weekend of card sales.
    """
    days = run.sizes["day"]
    sold, revenue = -run["cost_of_sales"].sum("day"), run["revenue"].sum("day")
    last = run[["inventory", "payables", "receivables"]].isel(day=slice(-7, None)).mean("day")
    dio, dpo = last["inventory"] / sold * days, last["payables"] / sold * days
    dso = last["receivables"] / revenue * days
    found = {
        "DIO": dio,
        "DPO": dpo,
        "DSO": dso,
        "CCC": dio + dso - dpo,
        "gross margin": 100 * (1 - sold / revenue),
    }
    return {name: float(values.mean()) for name, values in found.items()}


def peers_of(panel: pd.DataFrame) -> pd.DataFrame:
    """Latest year of the three grocers, and the medians of the whole panel; gross margin in per cent."""
    figures = panel.assign(**{"gross margin": 100 * panel["gross_margin"]})
    latest = figures.sort_values("fiscal_year_end").groupby("company").last().loc[list(PEERS), list(UNITS)]
    return pd.concat([latest, figures[list(UNITS)].median().to_frame("retail median").T])


def comparison(runs: xr.Dataset, panel: pd.DataFrame) -> pd.DataFrame:
    """One row per measure: the twin, its stresses, the grocery range, the peers."""
    base = runs.sel(scenario="base")
    figures, filed, peers = measured(base), as_filed(base), peers_of(panel)
    stressed = {name: measured(runs.sel(scenario=name)) for name in SCENARIOS}
    table = []
    for name, unit in UNITS.items():
        low, high = GROCERY[name]
        table.append(
            {"measure": name, "unit": unit, "base": figures[name].mean(),
             "base 5%": np.quantile(figures[name], 0.05), "base 95%": np.quantile(figures[name], 0.95),
             "base as filed": filed[name]}
            | {scenario: found[name].mean() for scenario, found in stressed.items()}
            | {"grocery low": low, "grocery high": high}
            | {peer: peers.loc[peer, name] for peer in peers.index}
        )  # fmt: skip
    return pd.DataFrame(table).set_index("measure")


def outcomes(runs: xr.Dataset) -> pd.DataFrame:
    """What the stresses do to goods and money, with the number of futures behind it."""
    table = []
    for name in ("base", *SCENARIOS):
        run = runs.sel(scenario=name)
        survival = statistics.probability(run["survives"].values)
        table.append({
            "scenario": name,
            "survives": survival.value, "survives low": survival.low, "survives high": survival.high,
            "lowest cash, USD 1000": float(run["lowest_cash"].mean()) / 1000,
            "in week": 1 + float(run["lowest_cash_day"].median()) // 7,
            "fill rate, %": 100 * float(run["fill_rate"].mean()),
            "lowest weekly service, %": 100 * float(run["lowest_service"].mean()),
            "orders refused, USD 1000": float(run["refused_total"].mean()) / 1000,
            "n": survival.n,
        })  # fmt: skip
    return pd.DataFrame(table).set_index("scenario")


# %% What does not fit, and why, from the numbers themselves
def explain(
    table: pd.DataFrame, company: Company, runs: xr.Dataset, demand: Demand, medians: Medians,
    without: dict[str, float],
) -> list[str]:  # fmt: skip
    """Sentences whose numbers are computed; each says by how much something differs, and what makes it so."""
    base = runs.sel(scenario="base")
    return [
        *(_verdict(name, table.loc[name]) for name in table.index),
        "",
        *_why_stock(table.loc["DIO"], company, base, demand),
        *_why_service(base, demand, without),
        *_why_terms(table, company, medians),
        _why_cycle(table),
        _why_margin(table.loc["gross margin"]),
    ]


def _verdict(name: str, row: pd.Series) -> str:
    value, low, high = row["base"], row["grocery low"], row["grocery high"]
    place = "inside"
    if not low <= value <= high:
        place = f"{low - value:.1f} below" if value < low else f"{value - high:.1f} above"
    closest = min(PEERS, key=lambda peer: abs(row[peer] - value))
    return (
        f"{name}: {value:.1f} {row['unit']}, {place} the grocery range of {low} to {high}; "
        f"closest is {closest} with {row[closest]:.1f}."
    )


def _why_stock(row: pd.Series, company: Company, base: xr.Dataset, demand: Demand) -> list[str]:
    costs = {p.product: float(p.cost) for p in company.products}
    cost = xr.DataArray([costs[name] for name in base["product"].values], dims="product")
    daily = float(-base["cost_of_sales"].sum("day").mean() / base.sizes["day"])
    at_node = (base["place_stock"] * cost).sum("product") / daily
    at_dc, total = float(at_node.sel(node="dc")), float(at_node.sum())
    by_cause = stock_parts(company)
    parts = {f"{cause} ({kind})": part / daily for (kind, cause), part in by_cause.items() if part}
    ruled = sum(parts.values())
    lines = [
        f"DIO, where: {at_dc:.1f} days at the DC, {total - at_dc:.1f} in the stores, "
        f"{row['base'] - total:.1f} on the road between them.",
        "DIO, why so much: " + ", ".join(f"{name} {days:.1f}" for name, days in parts.items())
        + f"; the rules ask for {ruled:.1f} days on the shelf, {total - ruled:+.1f} from swings of demand "
        "that they do not see.",
    ]  # fmt: skip
    gap = min(row[peer] for peer in PEERS) - row["base"]
    if gap > 0:
        units = demand.places["mean"].mean()
        baskets = demand.places.groupby("store_id")["mean"].sum().mean() * 7 / demand.baskets
        lines.append(
            f"DIO, why {gap:.1f} days below the leanest peer: the set holds {len(company.products)} leading "
            f"items that sell {units:.1f} units a store and day where they are carried, {baskets:.3f} units "
            "in a mean basket of the store. A grocer carries tens of thousands of slower items, general "
            "merchandise, and stock for display, seasons and promotions; the twin holds only what its "
            "rules need for the items it has."
        )
    return lines


def _why_service(base: xr.Dataset, demand: Demand, without: dict[str, float]) -> list[str]:
    """No filing tells service; this says why the base case loses sales although nothing is refused."""
    missed = 100 * (1 - float(base["fill_rate"].mean()))
    by = {name: missed - 100 * (1 - fill) for name, fill in without.items()}
    largest = max(by, key=lambda name: by[name])
    return [
        f"Service: {missed:.1f} % of demand finds an empty shelf, "
        f"{float(base['refused_total'].mean()):,.0f} USD of orders are refused. In the same futures "
        + ", ".join(f"without {name} it is {100 * (1 - fill):.1f} %" for name, fill in without.items())
        + f": most of it comes from {largest}. The set is weekly, and {100 * demand.promoted:.0f} % of it "
        "was sold in weeks with a feature, display or price cut. The grocer knew those weeks and ordered "
        "ahead; here their variance falls on independent days as luck, and the levels are the normal "
        "formula's at its default service.",
    ]  # fmt: skip


def fill_without(company: Company, draws: int) -> dict[str, float]:
    """Fill rate of the base case in the same futures with one source of spread taken out."""
    model, _ = prepare(company, SCENARIOS)
    params = model.params
    calm = {name: np.zeros_like(getattr(params, name)) for name in DEFAULT_FACTORS}
    changes = {
        "factors shared by places": changed(params, **calm),
        "the places' own dispersion": changed(params, demand_size=np.full_like(params.demand_size, POISSON)),
    }
    found = {}
    for name, other in changes.items():
        ids = np.arange(draws, dtype=np.uint32)
        run = run_case(replace(model, params=other), [], Case(BASE, "joint"), ids, seed=0)
        met, wanted = run.totals["met"].sum(axis=(1, 2)), run.totals["demand"].sum(axis=(1, 2))
        found[name] = float((met / wanted).mean())
    return found


def _why_terms(table: pd.DataFrame, company: Company, medians: Medians) -> list[str]:
    next_open, days = calendar_of(company).next_business_day, np.arange(company.settings.days)
    terms = (medians.payable_days, medians.receivable_days)
    wait = {term: float((next_open[days + term] - days - term).mean()) for term in terms}
    dpo, dso = table.loc["DPO"], table.loc["DSO"]
    return [
        f"DPO: bills are net {medians.payable_days} days, the median of all retailers, and wait "
        f"{wait[medians.payable_days]:.1f} days more for banks to open; the twin shows {dpo['base']:.1f}. "
        f"Walmart and Costco, who sell more food than the median retailer, show {dpo['Walmart']:.1f} and "
        f"{dpo['Costco']:.1f}. Terms are an input: the gap is the choice of the median, not a result.",
        f"DSO: sales settle after {medians.receivable_days} days, the median again, and wait "
        f"{wait[medians.receivable_days]:.1f} days for banks; the twin shows {dso['base']:.1f}. An "
        "input too; the line of a filing holds more than card sales, which settle in about two days.",
    ]


def _why_cycle(table: pd.DataFrame) -> str:
    """The difference of the cycle to the two food-heavy peers is the sum of three differences."""
    gaps = {name: table.loc[name, "base"] - table.loc[name, ["Walmart", "Costco"]].mean() for name in UNITS}
    return (
        f"CCC: {gaps['CCC']:+.1f} days against the mean of Walmart and Costco = {gaps['DIO']:+.1f} stock "
        f"{gaps['DSO']:+.1f} receivables {-gaps['DPO']:+.1f} payables. The joint company pays like the "
        "median retailer of any kind and holds the stock of leading food items only: joining them is the "
        "assumption. Filed the way 10-Ks are (year end, over cost of sales) the cycle is "
        f"{table.loc['CCC', 'base as filed']:.1f} days."
    )


def _why_margin(row: pd.Series) -> str:
    return (
        f"Gross margin: {row['base']:.1f} % is Dominick's on orange juice, national and store brands "
        f"weighted by this company's sales; {row['base'] - row['Walmart']:+.1f} points against Walmart, "
        f"{row['base'] - row['Costco']:+.1f} against Costco, {row['base'] - row['retail median']:+.1f} "
        "against the median retailer. One category of the 1990s stands for four others; shrink and freight "
        "are not in it."
    )


# %% The story
def report(title: str, table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, float_format="%.4f")
    print(f"\n{title}\n{table.round(3 if 'survives' in table else 1).T.to_string()}")


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("data", type=Path, metavar="DATA", help="the folder of real data")
    parser.add_argument("--out", type=Path, help="a new folder for everything written (default: temporary)")
    parser.add_argument("--draws", type=int, default=64, help="futures of each scenario")
    parser.add_argument("--stores", type=int, help="only so many stores, for a quick look")
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="real-grocer-"))

    demand, margins = demand_of(options.data, options.stores), margins_of(options.data)
    panel = panel_of(options.data)
    medians = medians_of(panel)
    print("ASSUMPTION: demand of one retailer, margins of another, terms of a third; no such company exists.")
    units = demand.places["mean"].sum() * 364
    print(f"Demand: {len(demand.places)} store-products, {units:,.0f} units a year; weekly factors: company "
          f"{demand.company_week:.3f}, categories {demand.category_week:.3f}.")  # fmt: skip
    print(f"Margins: national brands {margins.national:.1%}, store brand {margins.store_brand:.1%}.")
    print(f"Retail medians: pay after {medians.payable_days} days, collect after {medians.receivable_days}, "
          f"cash for {medians.cash_days:.1f} days of sales; operating margin "
          f"{medians.operating_margin:.1%}.")  # fmt: skip

    write_folder(company_of(demand, margins, medians), out / "company")
    company, warnings = read(out / "company")  # what a user would have: only what the tables say
    for warning in warnings:
        print(warning)
    suppliers = sum(node.kind == "supplier" for node in company.nodes)
    stores = len(company.nodes) - suppliers - 1
    print(f"{suppliers} suppliers, one DC, {stores} stores: tables in {out / 'company'}")

    def progress(tally: Tally) -> None:
        print(f"\r{tally.done + 1}/{tally.tasks} {tally.label:<40}", end="", file=sys.stderr, flush=True)

    stress(company, SCENARIOS, out / "run", draws=options.draws, keep=("daily",), progress=progress)
    print(file=sys.stderr)
    runs = store.joint(out / "run").load()
    table = comparison(runs, panel)
    report("Ratios: mean of futures over daily closes, beside real grocers", table, out / "comparison.csv")
    report("Stresses", outcomes(runs), out / "stresses.csv")
    text = explain(table, company, runs, demand, medians, fill_without(company, options.draws))
    (out / "explained.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\nWhat fits and what does not\n" + "\n".join(text))
    print(f"\nWritten: {out}")


if __name__ == "__main__":
    main()
