"""A company for the strategy team's tests: two suppliers, a dc, two stores, two products; lean: it compiles soon.

One model has room for every study of these tests, so that all of them run one programme. Demand is the mean, exactly,
unless a test asks for luck.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from kernels.bits import Pair
from scenarios import survival
from twin.assembly import Model, assemble
from twin.exogenous import Luck, Params, Today, uniforms
from twin.network import Network
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.rows import Settings

DAYS = 140
STOCK = {"dc": 60, "north": 24, "south": 24}
COST = {"tea": 10, "oil": 20}
PRICE = {"tea": "14", "oil": "26"}
MEAN = 4


def company(cash: int = 12_000, line: int = 20_000, wages: int = 2_000, dc_stock: int = 60) -> Company:
    stock = STOCK | {"dc": dc_stock}
    worth = {name: units * sum(COST.values()) for name, units in stock.items()}
    balances = {"1000": cash, "1200": worth["dc"], "1210": worth["north"] + worth["south"]}
    balances["3000"] = sum(balances.values())
    fridays = [f"2026-{month:02}-{day:02}" for month in range(1, 6) for day in (9, 23)]
    return Company(
        nodes=(
            rows.Node(node="hills", kind="supplier"),
            rows.Node(node="port", kind="supplier"),
            rows.Node(node="dc", kind="dc"),
            rows.Node(node="north", kind="store"),
            rows.Node(node="south", kind="store"),
        ),
        products=tuple(
            rows.Product(product=p, price=PRICE[p], cost=cost, vat="0", supplier="hills" if p == "tea" else "port")
            for p, cost in COST.items()
        ),
        demand=tuple(rows.Demand(node=n, product=p, mean=MEAN) for n in ("north", "south") for p in COST),
        suppliers=(rows.Supplier(supplier="hills", net_days=20), rows.Supplier(supplier="port", net_days=10)),
        opening=tuple(rows.Opening(account=code, amount=amount) for code, amount in balances.items()),
        settings=Settings(days=DAYS, minimum_cash=1000, weekend="none", gate="spot", tax_rate="0"),
        lanes=(
            rows.Lane(source="hills", destination="dc", lead_time=3, lead_time_deviation=0),
            rows.Lane(source="port", destination="dc", lead_time=5, lead_time_deviation=0),
            *(rows.Lane(source="dc", destination=n, lead_time=1) for n in ("north", "south")),
        ),
        stock=tuple(
            rows.Stock(node=n, product=p, units=u, value=u * COST[p]) for n, u in stock.items() for p in COST
        ),
        policies=tuple(rows.PolicyRow(node=n, order_up_to=units) for n, units in stock.items()),
        receivables=(rows.Receivable(channel="card", days=1),),
        facilities=(rows.Facility(facility="revolver", limit=line, rate="0.06"),),
        covenants=(rows.Covenant(covenant="minimum_net_worth", threshold=1000, test="month_end"),),
        planned=tuple(rows.Planned(date=day, amount=wages, label="payroll") for day in fridays),
        factors=tuple(
            rows.Factors(factor=name, deviation=0)
            for name in ("company_year", "company_week", "category_week", "store_day")
        ),
    )  # fmt: skip


def shock(name: str, field: str, days: int = 60, **changes: Any) -> rows.Shock:
    return rows.Shock(scenario=name, shock=name, field=field, start=28, days=days, **changes)


# One scenario per axis of the reverse stress tests.
AXES = {
    "slump": [shock("slump", "demand", factor="0.7")],
    "dearer": [shock("dearer", "cost", factor="1.2")],
    "cheaper": [shock("cheaper", "price", factor="0.8")],
    "cut": [shock("cut", "commitment", days=1, factor="0.4", shape="regime")],
    "out": [shock("out", "dispatch_capacity", days=30, factor="0", supplier="hills")],
}
TOGETHER = [row for shocks in AXES.values() for row in shocks]


def mean_demand(network: Network, params: Params, today: Today, key: Pair) -> Luck:
    """Demand is its mean, lead times are as declared."""
    none = jnp.zeros((1, 1), jnp.float64)
    return Luck(
        demand=today.arithmetic.scale_even(params.demand_mean, today.effective.demand, 1e6),
        lead_time=network.mean_lead,
        capped=jnp.zeros_like(network.mean_lead),
        return_w=none,
        shrink_w=none,
    )


def noisy_demand(network: Network, params: Params, today: Today, key: Pair) -> Luck:
    """Uniform on 0 .. 2 x mean: luck that compiles quickly."""
    u = uniforms(network, today.days.day, key)
    mean = params.demand_mean * today.effective.demand / 1e6
    return Luck(
        demand=today.arithmetic.floor(u.places[0] * (2.0 * mean + 1.0)),
        lead_time=network.mean_lead,
        capped=jnp.zeros_like(network.mean_lead),
        return_w=jnp.zeros((1, 1), jnp.float64),
        shrink_w=jnp.zeros((1, 1), jnp.float64),
    )


def model(**numbers: Any) -> Model:
    """With room for all axes at once and for outages of every place."""
    made = assemble(company(**numbers), {survival.SCENARIO: survival.outages(), "axes": TOGETHER, **AXES})
    assert np.asarray(made.network.mean_lead).max() == 5
    return made
