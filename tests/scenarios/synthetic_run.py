"""A small run built from arrays, without simulating: what the report's tests read.

The figures are random but hang together as those of a real run do: cash is opening cash and the sum of its lines, in
whole cents; counts of met demand never exceed demand.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from scenarios import store
from scenarios.sweep import measured
from scenarios.sweep.plan import DAILY, Plan
from twin.record import CASH_LINES, PROFIT_LINES
from twin.results import PER_DRAW, SERIES
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.rows import Settings
from twin.tables.write import write_folder

DRAWS, DAYS = 24, 98
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
OPENING_CASH = 412_345.67
NODES = ("DC", "S1", SCRIPT)
MONTH_ENDS = [26, 54, 85]  # of 98 days from 5 January 2026: also the covenants' test days


def company(**changes: Any) -> Company:
    """A supplier, a centre, two stores, one of them with a name that no page may run."""
    settings = Settings(name=f"Shop {SCRIPT}", days=DAYS, display_unit=1000, minimum_cash="20000.00")
    stores = NODES[1:]
    small = Company(
        nodes=(
            rows.Node(node="SUP", kind="supplier"),
            rows.Node(node="DC", kind="dc"),
            *(rows.Node(node=name, kind="store") for name in stores),
        ),
        products=(
            rows.Product(product="P", price="10", cost="7"),
            rows.Product(product="Q", price="4", cost="3", pack=6),
        ),
        demand=tuple(rows.Demand(node=n, product=p, mean="5") for n in stores for p in ("P", "Q")),
        suppliers=(rows.Supplier(supplier="SUP", net_days=30),),
        opening=(
            rows.Opening(account="1000", amount=str(OPENING_CASH)),
            rows.Opening(account="3000", amount=str(OPENING_CASH)),
        ),
        settings=settings,
        facilities=(rows.Facility(facility="revolver", limit="100000", rate="0.05"),),
        covenants=(
            rows.Covenant(covenant="minimum_liquidity", threshold="50000", test="month_end"),
            rows.Covenant(covenant="minimum_net_worth", threshold="1000"),
        ),
    )
    return replace(small, **changes)


@dataclass
class Luck:
    """Random numbers in the shapes of a run."""

    rng: np.random.Generator
    stress: float

    def cents(self, low: float, high: float, *shape: int) -> np.ndarray:
        return np.rint(self.rng.uniform(low, high, shape or (DRAWS, DAYS)) * 100) / 100


def futures(number: int) -> dict[str, np.ndarray]:
    """The daily series (draw, day) of one scenario; the higher its number the worse it goes."""
    luck = Luck(np.random.default_rng(number), 1.0 - 0.15 * number)
    data: dict[str, Any] = {key: luck.cents(0, 9_000) for key in SERIES}
    for line in CASH_LINES:
        sign = 2 * luck.stress if line == "receipts" else -1 if line in ("suppliers", "taxes") else 0
        data[f"cash_{line}"] = sign * luck.cents(0, 9_000)
    flow = sum(np.rint(data[f"cash_{line}"] * 100).astype(np.int64) for line in CASH_LINES)
    data["cash"] = (round(100 * OPENING_CASH) + np.cumsum(flow, axis=1)) / 100
    data["headroom"] = data["cash"] + 100_000
    for line in PROFIT_LINES:
        data[line] = luck.cents(-900, -100)
    data["revenue"], data["cost_of_sales"] = luck.cents(9_000, 11_000), luck.cents(-7_500, -7_000)
    data["default"] = np.zeros((DRAWS, DAYS), bool)
    data["default"][: 4 * number, 60:] = True
    data["capped"] = np.zeros((DRAWS, DAYS))
    data["covenant_minimum_liquidity"] = data["headroom"]
    data["covenant_minimum_net_worth"] = luck.cents(500, 4_000)
    return data


def service(number: int) -> np.ndarray:
    """Demand and what was met of it: (measure, day, node)."""
    luck = Luck(np.random.default_rng(50 + number), 1.0 - 0.15 * number)
    demand = np.rint(luck.rng.uniform(50, 90, (DAYS, len(NODES)))) * [0, 1, 1]
    return np.stack([demand, np.floor(demand * luck.stress)])


def per_draw(luck: Luck, number: int, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    figures = {name: luck.rng.uniform(10, 60, DRAWS) * luck.stress for name in PER_DRAW}
    figures |= {name: np.full(DRAWS, -1) for name in ("covenant", "covenant_day", "late_day", "first_overdue_day")}
    figures["survives"] = ~data["default"].any(axis=1)
    figures["lowest_cash"] = data["cash"].min(axis=1)
    figures["lowest_cash_day"] = data["cash"].argmin(axis=1)
    figures["lowest_headroom"] = data["headroom"].min(axis=1)
    figures["lowest_service"] = luck.rng.uniform(0.6, 0.9, DRAWS) * luck.stress
    figures["ccc"] = figures["dio"] + figures["dso"] - figures["dpo"]
    figures["covenant"][: 2 * number], figures["covenant_day"][: 2 * number] = 0, 54
    figures["late_day"][: 4 * number] = 60
    return figures


def figures(of: Company, luck: Luck, number: int, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every measure that a run keeps of each future."""
    found = per_draw(luck, number, data)
    found |= {f"total_{name}": data[name].sum(axis=1) for name in measured.FLOWS}
    found |= {f"month_end_{name}": data[name][:, MONTH_ENDS].mean(axis=1) for name in measured.BALANCES}
    for row in of.covenants:
        slack = data[f"covenant_{row.covenant}"][:, MONTH_ENDS] - float(row.threshold)
        found[f"slack_{row.covenant}"] = slack.min(axis=1)
    return found


def manifest(names: list[str]) -> dict[str, Any]:
    shocks: dict[str, Any] = {"base": []}
    for name in names:
        shocks[name] = [
            {"scenario": name, "shock": FORMULA, "field": "demand", "start": 28, "days": 42, "factor": "0.7"},
            {"scenario": name, "shock": "s2", "field": "terms", "start": 28, "days": 3650, "net_days": 15},
            {"scenario": name, "shock": "s3", "field": "rate", "start": 7, "days": 7, "add": "0.03", "node": "S1|S2"},
        ]
    events = [
        ("refused", {"supplier": "SUP", "node": "DC", "product": SCRIPT, "units": 12}),
        ("empty_shelf", {"node": SCRIPT, "product": "P", "units": 3}),
        ("overdue", {"amount": 1234.5}),
        ("breach", {"covenant": "minimum_liquidity", "value": 45_678.9}),
        ("default", {}),
        ("lowest_cash", {"amount": 0.0}),
    ]
    told = [
        {"kind": kind, "date": f"2026-02-0{i}", "day": 27 + i, "figures": f} for i, (kind, f) in enumerate(events, 1)
    ]
    return {
        "input_hash": "0123456789abcdef" * 4,
        "scenarios": names,
        "left_out": [],
        "shocks": shocks,
        "draws": DRAWS,
        "seed": 7,
        "mode": "exact",
        "residuals": {"base/joint": 0.0},
        "story": {"scenario": names[-1], "draw": 3, "events": told} if names else None,
        "middle": 5,
        "versions": {"tandem-twin": "0.1.0", "jax": FORMULA},
        "device": "cpu",
        "seconds": 1.5,
        "complete": True,
    }


def write_run(folder: Path, names: list[str], of: Company | None = None) -> Path:
    """A run folder as `scenarios.run.stress` leaves it."""
    of = of or company()
    told = manifest(names)
    plan = Plan(told["input_hash"], told["shocks"], DRAWS, 7, DRAWS, DAYS, 6, (DAILY,))
    dates = [date(2026, 1, 5) + timedelta(days=t) for t in range(DAYS)]
    structure = SimpleNamespace(nodes=NODES, products=("P", "Q"))
    model: Any = SimpleNamespace(company=of, structure=structure, calendar=SimpleNamespace(dates=dates))
    folder.mkdir(parents=True)
    shards = store.Shards(folder, store.lay_out(folder, plan, model))
    daily = list(measured.daily_measures(model))
    for place, case in enumerate(plan.cases):
        joint, at = place in plan.joint, {"case": place, "scenario": place}
        number = place if joint else place % 3
        data = futures(number)
        luck = Luck(np.random.default_rng(100 + place), 1.0 - 0.15 * number if joint else 1.0)
        found = figures(of, luck, number, data)
        shards.write("per_draw", at, np.stack([found[name] for name in measured.per_draw_measures(model)]))
        if joint:
            shards.write(DAILY, at, np.stack([data[name] for name in daily]))
            shards.write("summary", at, np.stack([measured.summary(np.asarray(data[name], float)) for name in daily]))
            shards.write("service", at, service(number))
            if case.scenario == "base":
                shards.write("told", {"role": 0}, np.stack([data[name][told["middle"]] for name in daily]))
            if [case.scenario] == names[-1:]:
                shards.write("told", {"role": 1}, np.stack([data[name][told["middle"]] for name in daily]))
    write_folder(of, folder / store.INPUTS, kind="csv")
    store.write_manifest(folder, told)
    return folder


def statements(
    revenue: float, cost: float, stock: float, payables: float, receivables: float
) -> tuple[rows.Statement, ...]:
    """Twelve equal months of 2025; a year's flows, balances of every month end."""
    return tuple(
        rows.Statement(
            month=date(2025, month, 1),
            revenue=f"{revenue / 12:.2f}",
            cost_of_sales=f"{cost / 12:.2f}",
            expenses="1000",
            cash="1000",
            stock=f"{stock:.2f}",
            payables=f"{payables:.2f}",
            receivables=f"{receivables:.2f}",
        )
        for month in range(1, 13)
    )
