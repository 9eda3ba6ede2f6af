"""A small company for the invariants: two suppliers, a dc, three stores, three products.

It comes lean, so that its day compiles quickly, and rich, with every feature that is data. Numbers (cash,
line, wages) are arguments and do not change the shape.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from kernels import quantiles
from kernels.bits import Pair
from twin.assembly import Model, assemble
from twin.exogenous import Luck, Params, Today, uniforms
from twin.network import Network
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.rows import Settings

DAYS = 42
ASSETS = {"1100": 2000, "1110": 1500, "1200": 5000, "1210": 6000, "1220": 900, "1230": 300, "1500": 9000}
DEBTS = {"2000": 5000, "2100": 800, "2200": 300, "2210": 100, "2300": 50, "2500": 4000}


def products(rich: bool) -> tuple[rows.Product, ...]:
    milk: dict[str, Any] = {"shelf_life": 6, "shrink": "0.01", "storage_cost": "0.01"} if rich else {}
    rice = {"return_share": "0.04", "return_lag": 3, "recoverable_value": "22"} if rich else {}
    return (
        rows.Product(product="milk", category="cold", price="12.99", cost="8.35", vat="0.09", pack=6, **milk),
        rows.Product(product="rice", category="dry", price="31.5", cost="21.07", nolv="0.7", **rice),
        rows.Product(product="soap", category="dry", price="8.49", cost="3.999", lost_share="0.3", pack=4),
    )


def lanes(rich: bool) -> tuple[rows.Lane, ...]:
    far: dict[str, Any] = {"deposit": "0.2"} if rich else {}
    capacity = 80 if rich else None
    return (
        rows.Lane(source="far", destination="dc", incoterm="FOB", lead_time=5, lead_time_deviation=2,
                  lead_time_max=14, freight="0.31", order_cost="12.5", **far),
        rows.Lane(source="near", destination="dc", lead_time=3, lead_time_deviation=1, lead_time_law="lognormal",
                  lead_time_max=9, crossing="no", minimum_order=12),
        rows.Lane(source="near", destination="c", lead_time=2, lead_time_deviation="0.5", lead_time_max=6),
        *(rows.Lane(source="dc", destination=n, lead_time=1, freight="0.1", capacity=capacity) for n in "abc"),
    )  # fmt: skip


def sourcing() -> tuple[rows.Sourcing, ...]:
    """Rice comes from far, milk from near, soap from both; store c has a second source for soap."""
    shared = [("far", "0.4", "3.80"), ("near", "0.6", "4.10")]
    return (
        rows.Sourcing(node="dc", product="rice", source="far"),
        rows.Sourcing(node="dc", product="milk", source="near"),
        *(rows.Sourcing(node="dc", product="soap", source=s, share=x, cost=cost) for s, x, cost in shared),
        *(rows.Sourcing(node=n, product=p, source="dc") for n in "abc" for p in ("milk", "rice")),
        *(rows.Sourcing(node=n, product="soap", source="dc") for n in "ab"),
        rows.Sourcing(node="c", product="soap", source="dc", priority=2),
        rows.Sourcing(node="c", product="soap", source="near", priority=1, cost="4.2"),
    )


def planned(wages: int) -> tuple[rows.Planned, ...]:
    given = [("2026-01-09", wages, "payroll"), ("2026-01-30", wages, "payroll"), ("2026-01-12", 700, "rent")]
    given += [("2026-01-20", 150, "tax"), ("2026-02-02", 800, "maturity"), ("2026-01-26", 250, "capex")]
    given += [("2026-02-06", 200, "dividend"), ("2026-01-16", 400, "equity")]
    return tuple(rows.Planned(date=day, amount=amount, label=label) for day, amount, label in given)


def company(
    cash: int = 1000, line: int = 3000, grace: int = 30, wages: int = 6000, rich: bool = False, isolated: bool = False
) -> Company:
    """rich: with every feature. isolated: with a supplier, a store and a product that touch nothing else."""
    capital = cash + sum(ASSETS.values()) - sum(DEBTS.values())
    balances = {"1000": cash, **ASSETS, **DEBTS, "3000": capital}
    means = {"milk": 9, "rice": 5, "soap": "7.5"}
    more: dict[str, tuple[Any, ...]] = dict.fromkeys(
        ("nodes", "products", "demand", "suppliers", "lanes", "sourcing"), ()
    )
    if isolated:
        more = {
            "nodes": (rows.Node(node="alone", kind="supplier"), rows.Node(node="island", kind="store")),
            "products": (rows.Product(product="nuts", category="other", price="5", cost="2"),),
            "demand": (rows.Demand(node="island", product="nuts", mean=4),),
            "suppliers": (rows.Supplier(supplier="alone", net_days=7),),
            "lanes": (rows.Lane(source="alone", destination="island", lead_time=2),),
            "sourcing": (rows.Sourcing(node="island", product="nuts", source="alone"),),
        }
    return Company(
        nodes=(
            rows.Node(node="far", kind="supplier"),
            rows.Node(node="near", kind="supplier", capacity=90 if rich else None),
            rows.Node(node="dc", kind="dc", capacity=150 if rich else None),
            *(rows.Node(node=n, kind="store", channel="trade" if n == "b" else "card") for n in "abc"),
            *more["nodes"],
        ),
        products=products(rich) + more["products"],
        demand=tuple(
            rows.Demand(node=n, product=p, mean=mean, size="3.5", zero_share="0.1" if n == "c" else "0")
            for n in "abc"
            for p, mean in means.items()
        )
        + more["demand"],
        suppliers=(
            rows.Supplier(supplier="far", net_days=30, penalty_rate="0.18"),
            rows.Supplier(supplier="near", net_days=9, credit_limit=9000),
            *more["suppliers"],
        ),
        opening=tuple(rows.Opening(account=code, amount=amount) for code, amount in balances.items()),
        settings=Settings(days=DAYS, minimum_cash=500, grace_days=grace, accrual_days=10, gate_days=14,
                          gate="look_ahead" if rich else "spot", inventory_advance="0.5" if rich else None,
                          base_reserves=100, base_in_transit="yes", certificate="weekly"),
        lanes=lanes(rich) + more["lanes"],
        sourcing=sourcing() + more["sourcing"],
        # the isolated store begins empty, so that the balance sheet's stock is spread as without it
        stock=tuple(
            rows.Stock(node=n, product=p, units=units)
            for n, units in (("dc", 120), ("a", 40), ("b", 40), ("c", 40))
            for p in means
        ),
        receivables=(
            rows.Receivable(channel="card", days=1, fee="0.006", advance="0.9"),
            rows.Receivable(channel="trade", kind="b2b", days=14, share="0.7", advance="0.8"),
            rows.Receivable(channel="trade", kind="b2b", days=25, share="0.29", advance="0.8"),
            rows.Receivable(channel="trade", kind="b2b", days=30, share="0.01", bad="yes", advance="0.8"),
        ),
        facilities=(
            rows.Facility(facility="revolver", limit=line, rate="0.07", fee="0.003"),
            rows.Facility(facility="term_loan", rate="0.05", day_count="30/360"),
        ),
        covenants=(
            rows.Covenant(covenant="minimum_liquidity", threshold=1000, test="month_end"),
            rows.Covenant(covenant="minimum_net_worth", threshold=5000, test="month_end"),
        ),
        planned=planned(wages),
    )  # fmt: skip


def shock(name: str, field: str, start: int = 10, days: int = 20, **changes: Any) -> rows.Shock:
    return rows.Shock(scenario="x", shock=name, field=field, start=start, days=days, **changes)


def scenarios(rich: bool = False) -> dict[str, Sequence[rows.Shock]]:
    """null: nothing; zero: shocks of severity 0; ab and ba: disjoint fields under exchanged ids; late: from
    day 21.
    """
    hit: dict[str, dict[str, Any]] = {"demand": {"factor": "0.55"}, "cost": {"factor": "1.2", "supplier": "near"}}
    if rich:
        hit |= {"dispatch_capacity": {"factor": 0, "supplier": "far"}, "rate": {"add": "0.03"}}
        hit |= {"lead_time": {"factor": "1.3", "shape": "ramp"}, "stock_loss": {"add": "0.2", "node": "dc"}}
    names = sorted(hit)
    return {
        "null": [],
        "zero": [shock(f"z-{f}", f, severity="0", **how) for f, how in hit.items()],
        "ab": [shock(f"s{i}", f, **hit[f]) for i, f in enumerate(names)],
        "ba": [shock(f"s{9 - i}", f, **hit[f]) for i, f in enumerate(names)],
        "late": [shock("late", "demand", start=21, factor="2.5", severity="uniform(0.2, 1)")],
    }


def one_more() -> dict[str, Sequence[rows.Shock]]:
    """A scenario of the same fields that no other test plays."""
    return {"more": [shock("more", "demand", factor="1.5"), shock("dearer", "cost", factor="1.1")]}


def shop(plan: dict[str, Sequence[rows.Shock]] | None = None, **numbers: Any) -> Model:
    return assemble(company(**numbers), scenarios(numbers.get("rich", False)) if plan is None else plan)


def flat_demand(network: Network, params: Params, today: Today, key: Pair) -> Luck:
    """A source of the tests that compiles quickly: demand is uniform on 0 .. 2 x mean, lead times are as
    declared.
    """
    u = uniforms(network, today.days.day, key)
    mean = params.demand_mean * today.effective.demand / 1e6
    none = jnp.zeros((1, 1), jnp.float64)
    return Luck(
        demand=jnp.floor(u.places[0] * (2.0 * mean + 1.0)),
        lead_time=quantiles.tabulated(u.lead_time, params.lead_cdf),
        capped=(u.lead_time > params.lead_capped).astype(jnp.float64),
        return_w=jnp.floor(1e6 * u.places[1]) if network.sizes.return_slots else none,
        shrink_w=jnp.floor(1e6 * u.places[-1]) if network.sizes.shrink else none,
    )


def reversed_rows(given: Company) -> Company:
    """The same company with the rows of every table in the opposite order."""
    tables = {name: rows_[::-1] for name, rows_ in vars(given).items() if name != "settings"}
    return Company(**tables, settings=given.settings)
