"""Derivatives of the whole company: they equal finite differences wherever there is a derivative at all.

One small company, eight futures and random numbers for each; every parameter that is declared smooth is moved along a
random direction of its cells. Between x - h and x + h the company is one smooth function if every min, max and where
went the same way at x - h, x and x + h (tests/twin/branches.py). Such instances must agree to 1e-6; the others are
listed with both one-sided slopes.
"""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.conftest import strict
from tests.twin import small_shop
from tests.twin.branches import watched
from twin.assembly import Model
from twin.simulate import scan
from twin.state import changed
from twin.tune.gradients import by_future, gradients, slopes
from twin.tune.measures import (
    Measure,
    average_cash,
    economic_value,
    fill_rate,
    lowest_covenant,
    lowest_headroom,
    profit,
    stock_value,
    units_held,
    working_capital,
)
from twin.tune.outcomes import Outcome, Plan
from twin.tune.parameters import PARAMETERS, Dial, Method, NotSmooth, Parts, Theta, dial

pytestmark = pytest.mark.slow  # the gradient of the whole day takes a minute to compile

# seasons belong to another rule of ordering: tests/twin/test_tune_company.py
SMOOTH = [name for name, parameter in PARAMETERS.items() if parameter.method is Method.pathwise and name != "season"]
INSTANCES, DAYS, TESTED, STEP, NOMINAL = 16, 16, 12, 1e-5, 1e4
EXPECTED, LANE = 3e5, 18.0  # ppm of expected receipts, units a day
BUFFER = 8e4  # cents that the gate keeps back, so that it binds in some futures
# features of the rich company only
ABSENT = ("gate_beta", "storage_rate", "deposit_share", "lane_capacity", "source_capacity")


@cache
def company(cash: int, rich: bool) -> Model:
    """The small company, cut to a few days; its covenants are tested on one of them."""
    with strict():
        model = small_shop.shop(cash=cash, line=900, wages=4500, rich=rich)
    inputs = model.inputs["base"]
    shocks = {field: changed(shock, change=shock.change[:DAYS]) for field, shock in inputs.shocks.items()}
    days = jax.tree.map(lambda x: np.array(x[:DAYS]), inputs.days)
    days.covenant_day[TESTED] = 1.0
    return replace(model, inputs={"base": changed(inputs, days=days, shocks=shocks)})


@cache
def measures(rich: bool) -> tuple[Measure, ...]:
    """The goals and every constraint that has a derivative; the mean of all futures where it is that of the worst."""
    model = company(600, rich)
    return (
        profit(), economic_value(0.1), average_cash(), fill_rate(model), stock_value(), working_capital(),
        lowest_headroom(None), lowest_covenant(model, None), units_held(model),
    )  # fmt: skip


@cache
def plan(cash: int = 600, empty: bool = False, rich: bool = False) -> Plan:
    """The small company with levels that are no whole numbers and money that binds; numbers do not compile."""
    model = company(cash, rich)
    rng = np.random.default_rng(cash)
    stock = changed(
        model.policy,
        order_up_to=model.policy.order_up_to * rng.uniform(0.4, 1.2, model.policy.order_up_to.shape),
    )
    stock = changed(stock, reorder_point=stock.order_up_to)
    # what binds nowhere moves nothing: little is expected of receipts, and lanes are narrow
    tight = changed(
        model.network, credit_limit=model.network.credit_limit / 6, gate_buffer=np.asarray(BUFFER),
        gate_beta=np.asarray(EXPECTED), lane_capacity=np.minimum(model.network.lane_capacity, LANE),
    )  # fmt: skip
    parts = Parts.of(model)._replace(policy=stock, network=tight)
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
    return Plan(parts, dials, params, small_shop.flat_demand, block=INSTANCES, loop=scan)


def companies(dials: dict[str, Dial]) -> dict[str, np.ndarray]:
    """A random company for each future: every parameter off its value by some tenths, in its random direction."""
    rng = np.random.default_rng(1)
    return {name: 0.15 * rng.normal(size=(INSTANCES, 1)) for name in dials}


def measured(batch: Outcome, base: Outcome, rich: bool) -> np.ndarray:
    """(draw, measure) what each future adds to each measure, linear about `base`."""
    parts = [by_future(batch, measure, base).sum(axis=1) for measure in measures(rich)]
    return np.stack(parts, axis=1) / INSTANCES


@cache
def derivatives(rich: bool) -> tuple[np.ndarray, ...]:
    """Values by (instance, measure); AD and slopes (left, right) by (parameter, instance, measure); smooth sides.

    Slopes are those of the whole step, then those of no step: twice the half step's less the whole step's.
    """
    chosen = plan(rich=rich)
    draws, place = np.arange(INSTANCES), companies(chosen.dials)

    def play(theta: Theta) -> tuple[Outcome, np.ndarray]:
        batch = chosen.play(theta, draws, "smooth", watched)
        branches = batch.pop("branches")
        return batch, branches

    base, branches = play(place)
    count = len(measures(rich))
    ad = np.zeros((len(SMOOTH), INSTANCES, count))
    slope, limit = np.zeros((2, *ad.shape)), np.zeros((2, *ad.shape))
    same = np.zeros((2, *ad.shape[:2]), bool)
    for k, measure in enumerate(measures(rich)):
        rows = chosen.pull(place, draws, slopes(base, (measure,), [np.ones(len(measure.labels))]))
        for i, name in enumerate(SMOOTH):
            ad[i, :, k] = rows[name][:, 0]
    here = measured(base, base, rich)
    for i, name in enumerate(SMOOTH):
        for side, step in enumerate((-STEP, STEP)):
            whole, went = play({**place, name: place[name] + step})
            half, _ = play({**place, name: place[name] + step / 2})
            slope[side, i] = (measured(whole, base, rich) - here) / step
            limit[side, i] = 2 * (measured(half, base, rich) - here) / (step / 2) - slope[side, i]
            same[side, i] = (went == branches).all(axis=(1, 2))
    return here, ad, slope, limit, same


@pytest.mark.parametrize("rich", [False, True])
def test_derivatives_equal_finite_differences(rich: bool) -> None:
    values, ad, slope, limit, side = derivatives(rich)
    (left, right), same = slope, side.all(axis=0)
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
    # a kink on one side leaves the other side's slope; kinks on both sides leave the slopes between them
    slack = 1e-6 * np.abs(ad) + rounding
    one_sided = (np.abs(ad - limit) <= slack + 5 * rounding) & side[..., None]
    between = (ad >= np.minimum(left, right) - slack) & (ad <= np.maximum(left, right) + slack)
    right_one = np.where(side.any(axis=0)[..., None], one_sided.any(axis=0), between)
    assert right_one[~same].all(), [(SMOOTH[i], j, k) for i, j, k in np.argwhere(~right_one & ~same[:, :, None])]
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
    base.pop("branches")
    weights = [np.ones(len(measure.labels)) for measure in measures(False)]
    rows = chosen.pull(at, draws, slopes(base, measures(False), weights))
    assert all(np.isfinite(x).all() for x in rows.values())
    assert any(np.abs(x).max() > 0 for x in rows.values())


def test_a_trigger_has_no_pathwise_derivative() -> None:
    levels = plan().dials["stock"]
    triggers = replace(plan(), dials={"reorder_point": levels})
    with pytest.raises(NotSmooth, match=r"reorder_point.*evolution strategies"):
        gradients(
            triggers, {"reorder_point": np.zeros(1)}, np.arange(4), (profit(),), [np.ones(1)],
            methods={"reorder_point": Method.pathwise},
        )  # fmt: skip
