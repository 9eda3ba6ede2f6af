"""Companies of the reference cases of goods: stores side by side, or three stages in a row; money never
binds.

Products are independent repetitions of one another. Demand that is not met waits.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels import quantiles
from kernels.bits import Pair, threefry2x32, uniform
from twin.assembly import Model, assemble
from twin.exogenous import Luck, Params, Today
from twin.ledger import ACCOUNT
from twin.network import Network
from twin.state import changed
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.rows import Settings

CASH = 10**9


@dataclass(frozen=True)
class Place:
    """A stocking point. Levels are those of its own (installation) position; lead is days -> probability."""

    name: str
    mean: float
    up_to: float
    lead: Mapping[int, float] = field(default_factory=lambda: {1: 1.0})
    reorder_point: int | None = None
    review: int = 1
    source: str = "supplier"
    kind: str = "store"
    deviation: float = 0.0


def company(places: list[Place], products: int, days: int) -> Company:
    """The places with all their stock at the opening: what they would hold had there never been any demand."""
    names = [f"p{i}" for i in range(products)]
    stock = [
        rows.Stock(node=x.name, product=p, units=round(x.up_to), value=round(x.up_to)) for x in places for p in names
    ]
    worth = {kind: sum(round(x.up_to) * products for x in places if x.kind == kind) for kind in ("dc", "store")}
    levels = [
        rows.PolicyRow(
            node=x.name,
            order_up_to=Decimal(str(x.up_to)),
            reorder_point=x.reorder_point,
            review_days=x.review,
        )
        for x in places
    ]
    balances = {"1000": CASH, "1200": worth["dc"], "1210": worth["store"], "3000": CASH + sum(worth.values())}
    return Company(
        nodes=(rows.Node(node="supplier", kind="supplier"), *(rows.Node(node=x.name, kind=x.kind) for x in places)),
        products=tuple(rows.Product(product=p, price="2", cost="1", vat="0", lost_share="0") for p in names),
        demand=tuple(
            rows.Demand(node=x.name, product=p, mean=str(x.mean)) for x in places if x.kind == "store" for p in names
        ),
        suppliers=(rows.Supplier(supplier="supplier", net_days=30),),
        opening=tuple(rows.Opening(account=code, amount=amount) for code, amount in balances.items()),
        settings=Settings(days=days, weekend="none", gate="spot", tax_rate="0"),
        lanes=tuple(
            rows.Lane(source=x.source, destination=x.name, lead_time_law="empirical", lead_time=1) for x in places
        ),
        lead_times=tuple(
            rows.LeadTime(source=x.source, destination=x.name, days=d, count=round(100 * share))
            for x in places
            for d, share in x.lead.items()
        ),
        stock=tuple(stock),
        policies=tuple(levels),
        factors=tuple(
            rows.Factors(factor=name, deviation=0)
            for name in ("company_year", "company_week", "category_week", "store_day")
        ),
    )


def shop(places: list[Place], products: int, days: int) -> Model:
    """The assembled company; levels and opening stock that are no whole numbers (smooth mode) are put in by
    hand.
    """
    model = assemble(company(places, products, days))
    s = model.structure
    up_to, deviation = np.array(model.policy.order_up_to), np.array(model.params.demand_size)
    for x in places:
        up_to[s.node[x.name]] = x.up_to
        deviation[:, s.node[x.name]] = x.deviation
    point = np.where(model.policy.reorder_point == model.policy.order_up_to, up_to, model.policy.reorder_point)
    first = model.opening
    balances = np.array(first.ledger.balances)
    worth, is_store = 100 * up_to.sum(axis=1), model.network.is_store
    for code, value in ((1200, worth @ (1 - is_store)), (1210, worth @ is_store)):
        balances[ACCOUNT[3000]] += balances[ACCOUNT[code]] - value
        balances[ACCOUNT[code]] = value
    book = changed(first.ledger, balances=balances, stock_value=100 * up_to)
    return dataclasses.replace(
        model,
        policy=changed(model.policy, order_up_to=up_to, reorder_point=point),
        params=changed(model.params, demand_size=deviation),
        opening=changed(first, goods=changed(first.goods, on_hand=up_to), ledger=book),
    )


def normal_demand(network: Network, params: Params, today: Today, key: Pair) -> Luck:
    """A source of the tests: normal demand, not rounded and not cut at 0 (params.demand_size is its
    deviation).
    """

    def inner(a: tuple[Array, Array], b: tuple[Array, Array]) -> Pair:
        return threefry2x32(a, b)

    of_day = threefry2x32(key, (today.days.day.astype(jnp.uint32), jnp.uint32(1000)))
    by_node = inner(of_day, (network.node_hash[0], network.node_hash[1]))
    bits = inner(
        (by_node[0][:, None], by_node[1][:, None]),
        (network.product_hash[0][None, :], network.product_hash[1][None, :]),
    )
    of_lane = inner(threefry2x32(of_day, (jnp.uint32(0), jnp.uint32(1))), (network.lane_hash[0], network.lane_hash[1]))
    none = jnp.zeros((1, 1), jnp.float64)
    return Luck(
        demand=params.demand_mean + params.demand_size * quantiles.normal(uniform(bits)),
        lead_time=quantiles.tabulated(uniform(of_lane), params.lead_cdf),
        capped=jnp.zeros(network.sizes.lanes, jnp.float64),
        return_w=none,
        shrink_w=none,
    )
