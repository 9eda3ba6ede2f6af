"""Reference cases of goods (PEERS.md 3): the twin's average cost against exact and published values.

Every case runs at fixed seeds and must lie within four standard errors of its value, the standard error (from
independent futures) being at most 0.5 % of it. The published figure and our own closed form are compared
first.

Timing, for all cases that PEERS.md states as OBD (order before demand, lead time L): what is ordered at the
end of our day t - 1 (step 8, after that day's demand) is their order of period t. Available in step 2 of day
t - 1 + l here, in period t + L there, so l = L + 1 for stages that face customers. A stage that supplies
another one ships at the end of our day, their next period's beginning, so l = L there. Costs are on the net
stock of the close.
"""

import dataclasses
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from tests.twin import closed_forms as exact
from tests.twin.reference_shops import Place, company, normal_demand, shop
from twin.assembly import Model
from twin.assembly.policy import replenishment
from twin.assembly.structure import structure
from twin.engines import fastest
from twin.exogenous import Source, poisson_demand
from twin.policies import replenish
from twin.record import Record, nothing
from twin.simulate import simulate
from twin.state import Flows, State
from twin.tables import rows

FUTURES, PRODUCTS, DAYS, WARM_UP = 512, 4, 300, 60

# (L, p): base stock and cost of PEERS.md 3.2 (normal) and 3.3 (Poisson), h = 1. Six cells each.
NORMAL = {
    (1, 4): (11.9044, 3.16741), (1, 39): (14.4349, 5.28984), (4, 9): (29.5850, 6.27882),
    (7, 19): (47.4438, 9.33477), (10, 4): (59.4661, 7.42823), (10, 39): (65.4007, 12.40578),
}  # fmt: skip
POISSON = {
    (1, 4): (13, 4.6124), (1, 39): (17, 8.1079), (2, 9): (20, 7.1230), (3, 19): (28, 9.7655),
    (4, 4): (29, 7.1698), (4, 39): (35, 12.4010),
}  # fmt: skip
# 3.8, zero lead time, h = 1: (p, K, mean): (s, S, cost)
REORDER = {(4, 5, 6): (4, 10, 8.034112), (9, 64, 10): (6, 40, 35.021555), (9, 64, 50): (42, 108, 70.975212)}
# 3.11: lead-time laws of mean 4 days, mean demand 3, h = 1, b = 10, level 17
LAWS = {"fixed": {4: 1.0}, "uniform": dict.fromkeys(range(1, 8), 1 / 7), "two": {1: 0.5, 7: 0.5}}
# 3.10: days of lead time; four lanes of the same law give more orders to look at
LEAD = {2: 0.2, 3: 0.5, 5: 0.3}


def poisson_places() -> list[Place]:
    places = [Place(f"3.3 {L} {p}", 5, S, {L + 1: 1.0}) for (L, p), (S, _) in POISSON.items()]
    places += [Place("3.1", 50, 56)]
    places += [Place(f"3.8 {key}", key[2], S, {1: 1.0}, s) for key, (s, S, _) in REORDER.items()]
    places += [Place(f"3.11 {name}", 3, 17, law) for name, law in LAWS.items()]
    places += [Place(f"3.11 fixed {S}", 3, S, LAWS["fixed"]) for S in (16, 18)]
    later = {days + 1: share for days, share in LEAD.items()}
    return places + [Place(f"3.10 {i}", 5, 400, later, review=7) for i in range(4)]


def normal_places() -> list[Place]:
    places = [Place(f"3.2 {L} {p}", 5, S, {L + 1: 1.0}, deviation=1.6) for (L, p), (S, _) in NORMAL.items()]
    return [*places, Place("3.1", 50, 56.60396, deviation=8)]


def serial_places() -> list[Place]:
    """Echelon levels 6.484, 12.028, 22.72 (the grid's, whose simulated cost is published) as installation
    levels.
    """
    return [
        Place("stage 3", 0, 22.72 - 12.028, {2: 1.0}, kind="dc"),
        Place("stage 2", 0, 12.028 - 6.484, {1: 1.0}, kind="dc", source="stage 3"),
        Place("stage 1", 5, 6.484, {1: 1.0}, source="stage 2", deviation=1),
    ]


def _costs(state: State, flows: Flows) -> dict[str, Any]:
    """Means over products, by node; every node has one lane, in the order of the nodes."""
    g = state.goods
    net = g.on_hand - g.backorders
    lines = flows.ordered[: net.shape[0]]
    kinds = {
        "over": jnp.maximum(net, 0.0),
        "short": jnp.maximum(-net, 0.0),
        "ordered": (lines > 0).astype(net.dtype),
        "ready": (net > 0).astype(net.dtype),
        "sold": flows.sold,
    }
    return {name: jnp.mean(table, axis=1) for name, table in kinds.items()}


@cache
def poisson() -> tuple[Model, dict[str, np.ndarray]]:
    """All Poisson cases at once, exact mode."""
    model = shop(poisson_places(), PRODUCTS, DAYS)
    first = model.structure.node["3.10 0"]
    lanes = slice(first, first + 4)

    def costs_and_lead_times(state: State, flows: Flows) -> dict[str, Any]:
        """And, for the four places of 3.10, demand while an order is on its way, not counting the day it
        left.
        """
        waiting = (state.goods.in_transit > 0) & (flows.shipped == 0)
        parts = {"left": flows.shipped > 0, "lead_demand": jnp.where(waiting, flows.demand, 0.0)}
        return _costs(state, flows) | {name: table[lanes] for name, table in parts.items()}

    return model, played(model, poisson_demand, "exact", Record(costs_and_lead_times, nothing, nothing))


@cache
def normal() -> tuple[Model, dict[str, np.ndarray]]:
    """All cases of normal demand at once, smooth mode: the stores and, beside them, the three stages in a row."""
    model = shop(normal_places() + serial_places(), PRODUCTS, DAYS)
    return model, played(model, normal_demand, "smooth", Record(_costs, nothing, nothing))


def played(model: Model, source: Source, mode: str, record: Record) -> dict[str, np.ndarray]:
    """Daily series of all futures after the warm-up, axes (draw, day, node)."""
    run = simulate(
        model.network, replenish, model.policy, source, model.params, model.inputs["base"], model.opening,
        np.arange(FUTURES), seed=20260105, mode=mode, record=record, engine=fastest,
    )  # fmt: skip
    # smooth mode adds up rounding errors: 1e-12 of a turnover of about 1e9 cents a run
    assert run.residuals.max() <= (0 if mode == "exact" else 1e-3)
    return {name: series[:, WARM_UP:] for name, series in run.series.items()}


def agree(name: str, by_future: np.ndarray, value: float) -> None:
    """|z| <= 4 and a standard error of at most 0.5 % of the value. by_future: one independent mean a future."""
    mean, error = by_future.mean(), by_future.std(ddof=1) / np.sqrt(len(by_future))
    z = (mean - value) / error
    print(f"{name}: exact {value:.5f} found {mean:.5f} z {z:+.2f} standard error {100 * error / value:.3f} %")
    assert error <= 0.005 * abs(value)
    assert abs(z) <= 4


def by_future(run: tuple[Model, dict[str, np.ndarray]], place: str, h: float, p: float, K: float = 0) -> np.ndarray:
    """(draw,) average cost a day at a place."""
    model, series = run
    at = model.structure.node[place]
    daily = h * series["over"] + p * series["short"] + K * series["ordered"]
    return daily[:, :, at].mean(axis=1)


def test_3_1_newsvendor() -> None:
    """With L = 0 every day starts with the full base stock, which is a newsvendor's day.

    What is left over is carried and not salvaged: the explicit form's profit is r sold - c S + v left over.
    """
    S, value = exact.base_stock_normal(1, 0.18, 0.70, 50, 8)
    assert (S, value) == pytest.approx((56.60396, 1.997605), abs=1e-5)
    agree("3.1 normal", by_future(normal(), "3.1", 0.18, 0.70), value)
    pmf = exact.poisson_pmf(50)
    value = exact.cost(56, 0.18, 0.70, pmf)
    assert exact.best_level(0.18, 0.70, pmf) == 56
    assert value == pytest.approx(1.797235, abs=1e-6)
    agree("3.1 Poisson", by_future(poisson(), "3.1", 0.18, 0.70), value)
    # r = 1, c = 0.3, v = 0.12 is overage 0.18 and underage 0.7
    model, series = poisson()
    at = model.structure.node["3.1"]
    sold = 56 - series["over"][:, :, at]
    profit = (sold - 0.3 * 56 + 0.12 * series["over"][:, :, at]).mean(axis=1)
    agree("3.1 explicit", profit, 33.202765)


@pytest.mark.parametrize(("L", "p"), NORMAL)
def test_3_2_base_stock_normal(L: int, p: int) -> None:
    S, value = exact.base_stock_normal(L + 1, 1, p, 5, 1.6)
    assert NORMAL[L, p] == pytest.approx((S, value), abs=5.1e-5)
    agree(f"3.2 L={L} p={p}", by_future(normal(), f"3.2 {L} {p}", 1, p), value)


@pytest.mark.parametrize(("L", "p"), POISSON)
def test_3_3_base_stock_poisson(L: int, p: int) -> None:
    S, published = POISSON[L, p]
    pmf = exact.poisson_pmf(5 * (L + 1))
    value = exact.cost(S, 1, p, pmf)
    assert exact.best_level(1, p, pmf) == S
    assert value == pytest.approx(published, abs=5.1e-5)
    agree(f"3.3 L={L} p={p}", by_future(poisson(), f"3.3 {L} {p}", 1, p), value)


def test_3_5_serial() -> None:
    """FoSCT example 6.1: local holding costs 7, 4, 2 downstream first, p = 37.12, lead times (OBD) 0, 1, 2.

    Stage 1 faces customers, so l = 1; stages 2 and 3 supply, so l = 1 and 2. Stock upstream is counted at our
    close, after shipping, which is their period's stock after its shipments. Goods on the way cost nothing
    here; stockpyl charges them 30 a period (4 x 5 x 1 + 2 x 5 x 1), which turns its C* = 47.6645 into
    17.6645.
    """
    model, series = normal()
    node = model.structure.node
    daily = 37.12 * series["short"][:, :, node["stage 1"]]
    for stage, h in (("stage 1", 7.0), ("stage 2", 4.0), ("stage 3", 2.0)):
        daily = daily + h * series["over"][:, :, node[stage]]
    agree("3.5 serial", daily.mean(axis=1), 17.6645)


@pytest.mark.parametrize("key", REORDER)
def test_3_8_reorder_point(key: tuple[int, int, int]) -> None:
    """Zero lead time, order if the position is at or below s before demand: l = 1, ordered at the close
    before.
    """
    (p, K, mean), (s, S, published) = key, REORDER[key]
    value = exact.reorder_cost(s, S, 1, p, K, mean)
    assert value == pytest.approx(published, abs=5.1e-7)
    agree(f"3.8 p={p} K={K} mean={mean}", by_future(poisson(), f"3.8 {key}", 1, p, K), value)


def test_3_10_lead_time_demand() -> None:
    """Demand between an order and its arrival: mean 17, variance 48, 90, 95 and 99 % quantiles 27, 30, 35.

    A lead time of L periods here: ordered at the end of day t, available in step 2 of day t + L + 1, with the
    demand of L whole days in between. Reviews every seven days and L <= 5 keep orders apart.
    """
    pmf = exact.lead_time_demand(LEAD, 5)
    k = np.arange(len(pmf))
    assert pmf @ k == pytest.approx(17)
    assert pmf @ (k - 17) ** 2 == pytest.approx(48)
    upto = np.cumsum(pmf)
    assert [int(np.searchsorted(upto, q)) for q in (0.90, 0.95, 0.99)] == [27, 30, 35]
    found = orders_of_3_10()
    agree("3.10 mean", found.mean(axis=1), 17)
    agree("3.10 variance", ((found - 17) ** 2).mean(axis=1), 48)
    for q, level in ((0.90, 27), (0.95, 30), (0.99, 35)):
        agree(f"3.10 P(X <= {level})", (found <= level).mean(axis=1), upto[level])
        assert (found <= level - 1).mean() < q <= (found <= level).mean()


def test_3_10_planners_formula() -> None:
    """The safety stock of a default policy: N(50, 8^2) a day over 4 days, deviation 1.5, is 126.140 at 95 %.

    sd = sqrt(4 x 64 + 50^2 x 1.5^2) = 76.6877; a negative binomial of mean 50 and size 2500 / 14 has variance
    64.
    """
    place = Place("shop", 50, 0)
    plain = company([place], 1, 30)
    lane = rows.Lane(source="supplier", destination="shop", lead_time=4, lead_time_deviation="1.5")
    demand = rows.Demand(node="shop", product="p0", mean=50, size=str(2500 / 14))
    level = rows.PolicyRow(service_level="0.95")
    planned = dataclasses.replace(plain, lanes=(lane,), lead_times=(), demand=(demand,), policies=(level,))
    found = replenishment(planned, structure(planned))
    assert found.order_up_to[0, 0] == np.ceil(4 * 50 + 126.140)


def orders_of_3_10() -> np.ndarray:
    """(draw, order) demand between each order and its arrival, of orders that left and arrived after the
    warm-up.
    """
    _, series = poisson()
    left, demand = series["left"], series["lead_demand"]
    days = np.flatnonzero(left.any(axis=(0, 2, 3)))
    assert (np.diff(days) == 7).all()
    spans = [demand[:, day + 1 : day + 7].sum(axis=1) for day in days[:-1]]
    return np.stack(spans, axis=1).reshape(FUTURES, -1)


@pytest.mark.parametrize("law", LAWS)
def test_3_11_crossing(law: str) -> None:
    """(S - 1, S) with orders that cross. One lead time for all that leaves on a day, so Palm's invariance
    holds for the fixed law only; random laws are held to the exact daily value.

    Their continuous time at a random instant is our close: what was demanded on the l days up to it is on the
    way.
    """
    pmf = exact.outstanding(LAWS[law], 3)
    value = exact.cost(17, 1, 10, pmf)
    agree(f"3.11 {law}", by_future(poisson(), f"3.11 {law}", 1, 10), value)
    if law == "fixed":
        assert value == pytest.approx(6.59572, abs=5.1e-6)
        for S, published in ((16, 6.70992), (18, 6.90309)):
            value = exact.cost(S, 1, 10, pmf)
            assert value == pytest.approx(published, abs=5.1e-6)
            agree(f"3.11 S={S}", by_future(poisson(), f"3.11 fixed {S}", 1, 10), value)
        model, series = poisson()
        ready = series["ready"][:, :, model.structure.node["3.11 fixed"]].mean(axis=1)
        assert pmf[:17].sum() == pytest.approx(0.89871, abs=5.1e-6)
        agree("3.11 P(X < S)", ready, pmf[:17].sum())
    else:
        assert abs(value / 6.59572 - 1) > 0.05, "far from Palm's value: the test can tell them apart"
