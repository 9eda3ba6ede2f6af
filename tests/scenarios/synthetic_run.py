"""A small run built from arrays, without simulating: what the report's tests read.

The figures are random but hang together as those of a real run do: cash is opening cash and the sum of its lines, in
whole cents; counts of met demand never exceed demand.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scenarios import store
from twin.record import CASH_LINES, PROFIT_LINES
from twin.results import PER_DRAW, SERIES, labels
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.rows import Settings
from twin.tables.write import write_folder

DRAWS, DAYS = 24, 98
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
OPENING_CASH = 412_345.67
NODES = ("DC", "S1", SCRIPT)


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


def joint(name: str, number: int) -> xr.Dataset:
    """The joint results of one scenario; the higher its number the worse it goes."""
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
    variables = {key: (("scenario", "draw", "day"), value[None]) for key, value in data.items()}
    figures = per_draw(luck, number, data)
    units = {key: {"units": PER_DRAW[key][0]} for key in figures}
    variables |= {key: (("scenario", "draw"), value[None], units[key]) for key, value in figures.items()}
    covenants = np.stack([data["headroom"], luck.cents(500, 4_000)], axis=-1)
    variables["covenant_value"] = (("scenario", "draw", "day", "covenant_name"), covenants[None])
    demand = np.rint(luck.rng.uniform(50, 90, (DAYS, len(NODES)))) * [0, 1, 1]
    variables["node_demand"] = (("scenario", "day", "node"), demand[None])
    variables["node_met"] = (("scenario", "day", "node"), np.floor(demand * luck.stress)[None])
    tested = np.zeros((DAYS, 2), bool)
    tested[[26, 54, 85]] = True
    variables["covenant_tested"] = (("scenario", "day", "covenant_name"), tested[None])
    return xr.Dataset(
        variables,
        {
            "scenario": labels([name]),
            "draw": np.arange(DRAWS, dtype=np.uint32),
            "day": np.arange(DAYS),
            "date": ("day", pd.date_range("2026-01-05", periods=DAYS).to_numpy()),
            "node": labels(NODES),
            "covenant_name": labels(["minimum_liquidity", "minimum_net_worth"]),
        },
    )


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


def variants(cases: list[str]) -> xr.Dataset:
    """One number per future for each case that is not joint."""
    parts = []
    for number, _ in enumerate(cases):
        luck = Luck(np.random.default_rng(100 + number), 1.0)
        parts.append(
            per_draw(luck, number % 3, {key: joint_part(luck, key) for key in ("cash", "headroom", "default")})
        )
    data = {name: (("case", "draw"), np.stack([part[name] for part in parts])) for name in PER_DRAW}
    return xr.Dataset(data, {"case": labels(cases), "draw": np.arange(DRAWS, dtype=np.uint32)})


def joint_part(luck: Luck, key: str) -> np.ndarray:
    return np.zeros((DRAWS, DAYS), bool) if key == "default" else luck.cents(0, 90_000)


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
        "shocks": shocks,
        "draws": DRAWS,
        "seed": 7,
        "mode": "exact",
        "residuals": {"base/joint": 0.0},
        "story": {"scenario": names[-1], "draw": 3, "events": told} if names else None,
        "versions": {"tandem-twin": "0.1.0", "jax": FORMULA},
        "device": "cpu",
        "seconds": 1.5,
        "complete": True,
    }


def write_run(folder: Path, names: list[str], of: Company | None = None) -> Path:
    """A run folder as `scenarios.run.stress` leaves it."""
    folder.mkdir(parents=True)
    for number, name in enumerate(["base", *names]):
        store.append(folder, "joint", joint(name, number), "scenario")
    cases = [f"{name}/{variant}" for variant in ("goods_only", "treasury_only") for name in ("base", *names)]
    cases += [f"{names[-1]}/{lever}" for lever in ("longer_terms", "larger_line", "smaller_orders")] if names else []
    store.append(folder, "variants", variants(cases), "case")
    write_folder(of or company(), folder / "inputs", kind="csv")
    store.write_manifest(folder, manifest(names))
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
