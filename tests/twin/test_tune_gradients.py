"""Derivatives of the whole company: they equal finite differences wherever there is a derivative at all.

One small company, eight futures and random numbers for each; every parameter that is declared smooth is moved along a
random direction of its cells. Between x - h and x + h the company is one smooth function if every min, max and where
went the same way at x - h, x and x + h (tests/twin/branches.py). Such instances must agree to 1e-6; the others are
listed with both one-sided slopes.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.conftest import strict
from tests.twin import small_shop
from tests.twin.branches import watched
from twin.ledger import ACCOUNT
from twin.record import profit_weights
from twin.simulate import Record, nothing, scan
from twin.state import Flows, State, changed
from twin.tune.gradients import gradients, slopes
from twin.tune.measures import Measure
from twin.tune.outcomes import Plan
from twin.tune.parameters import PARAMETERS, Dial, Method, NotSmooth, Parts, dial

pytestmark = pytest.mark.slow  # the gradient of the whole day takes a minute to compile

SMOOTH = [name for name, parameter in PARAMETERS.items() if parameter.method is Method.pathwise]
INSTANCES, DAYS, STEP, NOMINAL = 16, 16, 1e-5, 1e4
BUFFER = 8e4  # cents that the gate keeps back, so that it binds in some futures
# features of the rich company only
ABSENT = ("gate_beta", "storage_rate", "deposit_share", "lane_capacity", "source_capacity")


def _daily(state: State, flows: Flows) -> dict[str, Any]:
    return {"headroom": flows.headroom, "trial": jnp.sum(flows.balances)}


def _summed(state: State, flows: Flows) -> dict[str, Any]:
    stock = jnp.sum(flows.balances[jnp.asarray([ACCOUNT[1200], ACCOUNT[1210]])])
    return {"profit": flows.amounts @ profit_weights(), "met": jnp.sum(flows.met), "stock": stock}


RECORD = Record(_daily, _summed, nothing)
MEASURES = (
    Measure("profit", "money", lambda b: b["profit"][:, None] / 100),
    Measure("fill rate", "", lambda b: b["met"][:, None] / 300),
    Measure("lowest headroom", "money", lambda b: jnp.min(b["headroom"], axis=1)[:, None] / 100),
    Measure("stock", "money", lambda b: b["stock"][:, None] / 100),
)


@cache
def plan(cash: int = 600, empty: bool = False, rich: bool = False) -> Plan:
    """The small company with levels that are no whole numbers and money that binds; numbers do not compile."""
    with strict():
        model = small_shop.shop(cash=cash, line=900, wages=4500, rich=rich)
    rng = np.random.default_rng(cash)
    stock = changed(
        model.policy,
        order_up_to=model.policy.order_up_to * rng.uniform(0.4, 1.2, model.policy.order_up_to.shape),
    )
    stock = changed(stock, reorder_point=stock.order_up_to)
    tight = changed(
        model.network, credit_limit=model.network.credit_limit / 6, gate_buffer=np.asarray(BUFFER)
    )  # fmt: skip
    inputs = model.inputs["base"]
    shocks = {field: changed(shock, change=shock.change[:DAYS]) for field, shock in inputs.shocks.items()}
    inputs = changed(inputs, days=jax.tree.map(lambda x: x[:DAYS], inputs.days), shocks=shocks)
    parts = Parts.of(model)._replace(policy=stock, network=tight, inputs=inputs)
    if empty:
        parts = PARAMETERS["opening_stock"].put(parts, jnp.zeros_like(parts.opening.goods.on_hand))
    dials = {}
    for name in SMOOTH:
        value = np.asarray(PARAMETERS[name].get(parts), np.float64)
        size = np.where(np.isfinite(value) & (np.abs(value) < 1e12), np.abs(value), 0.0)
        # what is 0 in some places only stays 0 there: a source that is not used, a shelf that is empty
        size = size if size.any() else np.full_like(size, NOMINAL)
        unit = size * rng.normal(size=value.shape)
        dials[name] = dial(unit, np.zeros(value.shape))
    params = jax.tree.map(lambda x: x[0], model.params)
    return Plan(parts, dials, params, small_shop.flat_demand, record=RECORD, block=INSTANCES, loop=scan)


def companies(dials: dict[str, Dial]) -> dict[str, np.ndarray]:
    """A random company for each future: every parameter off its value by some tenths, in its random direction."""
    rng = np.random.default_rng(1)
    return {name: 0.15 * rng.normal(size=(INSTANCES, 1)) for name in dials}


def measured(batch: dict[str, np.ndarray]) -> np.ndarray:
    """(draw, measure)."""
    low = batch["headroom"].min(axis=1)
    return np.stack([batch["profit"] / 100, batch["met"] / 300, low / 100, batch["stock"] / 100], axis=1)


@cache
def derivatives(rich: bool) -> tuple[np.ndarray, ...]:
    """Values by (instance, measure); AD, left and right slopes by (parameter, instance, measure); which are smooth."""
    chosen = plan(rich=rich)
    draws = np.arange(INSTANCES)
    place = companies(chosen.dials)
    base = chosen.play(place, draws, "smooth", watched)
    ad = np.zeros((len(SMOOTH), INSTANCES, len(MEASURES)))
    left, right, same = np.zeros_like(ad), np.zeros_like(ad), np.zeros(ad.shape[:2], bool)
    given = {name: x for name, x in base.items() if name != "branches"}
    for k in range(len(MEASURES)):
        weights = [np.array([float(i == k)]) * INSTANCES for i in range(len(MEASURES))]
        rows = chosen.pull(place, draws, slopes(given, MEASURES, weights))
        for i, name in enumerate(SMOOTH):
            ad[i, :, k] = rows[name][:, 0]
    for i, name in enumerate(SMOOTH):
        sides = [chosen.play({**place, name: place[name] + h}, draws, "smooth", watched) for h in (-STEP, STEP)]
        left[i] = (measured(base) - measured(sides[0])) / STEP
        right[i] = (measured(sides[1]) - measured(base)) / STEP
        same[i] = np.all([(side["branches"] == base["branches"]).all(axis=(1, 2)) for side in sides], axis=0)
    return measured(base), ad, left, right, same


@pytest.mark.parametrize("rich", [False, True])
def test_derivatives_equal_finite_differences(rich: bool) -> None:
    values, ad, left, right, same = derivatives(rich)
    central = (left + right) / 2
    scale = np.abs(values).max(axis=0)
    rounding = 1e-15 * scale / STEP * 50
    wrong = np.abs(ad - central) > 1e-6 * np.maximum(np.abs(ad), np.abs(central)) + rounding
    for i, name in enumerate(SMOOTH):
        print(f"{name}: {same[i].sum()} of {INSTANCES} instances smooth, largest |AD| {np.abs(ad[i]).max(0)}")
        for j in np.flatnonzero(~same[i]):
            print(f"  future {j}: left {left[i, j]}, AD {ad[i, j]}, right {right[i, j]}")
    assert not (wrong & same[:, :, None]).any()
    assert same.mean() >= 0.8
    between = (ad >= np.minimum(left, right) - rounding - 1e-6 * np.abs(ad)) & (
        ad <= np.maximum(left, right) + rounding + 1e-6 * np.abs(ad)
    )
    assert between[~same].all(), [(SMOOTH[i], j, k) for i, j, k in np.argwhere(~between & ~same[:, :, None])]
    # every parameter that the company has moves something
    moved = {name for i, name in enumerate(SMOOTH) if np.abs(ad[i]).max() > 0}
    assert moved >= set(SMOOTH) - set(() if rich else ABSENT)


@pytest.mark.parametrize(("cash", "empty"), [(0, False), (500, False), (600, True)])
def test_finite_at_the_edges(cash: int, empty: bool) -> None:
    """No cash, cash at the minimum (500) to the cent, and empty shelves."""
    chosen = plan(cash=cash, empty=empty)
    draws = np.arange(INSTANCES)
    at = {name: np.zeros(1) for name in chosen.dials}
    base = chosen.play(at, draws, "smooth", watched)
    given = {name: x for name, x in base.items() if name != "branches"}
    rows = chosen.pull(at, draws, slopes(given, MEASURES, [np.ones(1)] * len(MEASURES)))
    assert all(np.isfinite(x).all() for x in rows.values())
    assert any(np.abs(x).max() > 0 for x in rows.values())


def test_a_trigger_has_no_pathwise_derivative() -> None:
    levels = plan().dials["stock"]
    triggers = replace(plan(), dials={"reorder_point": levels})
    with pytest.raises(NotSmooth, match=r"reorder_point.*evolution strategies"):
        gradients(
            triggers, {"reorder_point": np.zeros(1)}, np.arange(4), MEASURES, [np.ones(1)] * 4,
            methods={"reorder_point": Method.pathwise},
        )  # fmt: skip
