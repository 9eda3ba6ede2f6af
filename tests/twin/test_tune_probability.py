"""Conditional Monte Carlo: derivatives of a probability, against quadrature, differences and evolution strategies."""

import json
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from scipy import stats

from tests.conftest import strict
from tests.twin import small_shop
from twin.assembly import Model
from twin.exogenous import Params, drawn, replay
from twin.simulate import scan
from twin.state import changed
from twin.tune import conditional
from twin.tune.gradients import Gradient, by_future, gradients, play_smooth, values
from twin.tune.groups import stock_dial
from twin.tune.measures import Limit, Measure, profit, shortfall
from twin.tune.outcomes import Plan
from twin.tune.parameters import Method, NotSmooth, Theta, dial
from twin.tune.search import Effort
from twin.tune.tuned import tune

R16 = json.loads((Path(__file__).parent.parent / "reference" / "finance_cases.json").read_text())["R16"]
MINIMUM = 5_000.0  # money; headroom of the shop falls below it in about one future of seven
DEVIATION = 0.1  # of the logs of the company's year and of its weeks
MONEY = 10_000.0  # cents for each 1 of theta
FUTURES, MANY, WALKS = 256, 4096, 4000


@jax.jit
def both(at: Array, room: Array) -> tuple[Array, Array]:
    share, back = jax.vjp(partial(conditional.share_below, at), room)
    return share, jnp.sum(back(jnp.ones_like(share))[0], axis=1)


def shares(found: conditional.Probe) -> tuple[np.ndarray, np.ndarray]:
    """(draw,) each: the share below, and its derivative in what moves the room at every point alike."""
    with jax.enable_x64(True):
        share, slope = both(**found)
        return np.asarray(share), np.asarray(slope)


def test_cash_that_walks() -> None:
    """R16 (LEDGER.md 7; example A of 5.5): the probability and its derivative in the opening cash, by quadrature.

    Cash begins at 500 and moves by N(2, 60) a day, 90 days; the mean of the days' normal numbers is averaged over.
    """
    given, expected = R16["params"], R16["expected"]
    count, days = WALKS, given["T"]
    shocks = np.random.default_rng(16).normal(size=(count, days))
    walk = given["cash0"] + np.cumsum(given["mu"] + given["sigma"] * shocks, axis=1)
    own = shocks.sum(axis=1) / np.sqrt(days)
    tilt = given["sigma"] * np.arange(1, days + 1) / np.sqrt(days)

    def lowest(rows: np.ndarray, s: np.ndarray) -> np.ndarray:
        return (walk[rows] + (s - own[rows])[:, None] * tilt).min(axis=1)

    share, slope = shares(conditional.points(lowest, count))
    plain = walk.min(axis=1) < 0
    for each, value in (
        (share, expected["P_discrete_exact"]), (slope, expected["dP_dcash0"])
    ):  # fmt: skip
        error = each.std(ddof=1) / np.sqrt(count)
        print(f"{value:.6g}: found {each.mean():.6g} +- {error:.2g}, z {(each.mean() - value) / error:.2f}")
        assert error < 0.03 * abs(value)
        assert abs(each.mean() - value) <= 4 * error
    assert share.std() < 0.5 * plain.std()


def test_share_below_a_line() -> None:
    """Never, always, beyond one root, between two, and in the tail: the normal measure of where a line is below 0."""
    lines = [lambda s: 0 * s + 1, lambda s: 0 * s - 1, lambda s: s - 0.3, lambda s: np.abs(s) - 1.2, lambda s: 3.7 - s]
    known = [0.0, 1.0, stats.norm.cdf(0.3), 1 - 2 * stats.norm.sf(1.2), stats.norm.sf(3.7)]

    def room(rows: np.ndarray, s: np.ndarray) -> np.ndarray:
        return np.array([lines[row % len(lines)](x) for row, x in zip(rows, s, strict=True)])

    found = conditional.points(room, WALKS)  # as many as the walks: one programme for both
    assert (np.diff(found["at"], axis=1) >= 0).all()
    np.testing.assert_allclose(shares(found)[0][: len(lines)], known, rtol=0, atol=1e-15)


def test_refused_where_there_is_nothing_to_average_over() -> None:
    """No company-wide shock, or a history that is replayed: an error that names evolution strategies."""
    still = replace(plan(), params=changed(plan().params, company_year=np.zeros(()), company_week=np.zeros(())))
    for one in (still, replace(plan(), source=replay)):
        with pytest.raises(NotSmooth, match=r"company-wide shock.*use method 'evolution strategies'"):
            conditional.probe(one, begun(one), np.arange(2), lambda batch: batch["headroom"].min(1), "P")
    with pytest.raises(ValueError, match="never below 0"):
        shortfall(0.0)


# -------------------- a company


def flat(u: Array, mean: Array, params: Params) -> Array:
    """Whole units, uniform on 0 .. 2 x mean: compiles quickly."""
    return jnp.floor(u * (2.0 * mean + 1.0))


SOURCE = drawn(flat)


@cache
def model() -> Model:
    with strict():
        shop = small_shop.shop(cash=15_000, line=3_000, wages=13_000)
    wide = np.full(1, DEVIATION)
    # whether there is an order line is a jump in every level
    network = changed(shop.network, order_cost=np.zeros_like(shop.network.order_cost))
    params = changed(shop.params, company_year=wide, company_week=wide)
    return replace(shop, network=network, source=SOURCE, params=params)


@cache
def plan() -> Plan:
    cells, _ = stock_dial(model(), "store-product")
    cash = dial(np.full((), MONEY), np.zeros((), int))
    return Plan.of(model(), {"stock": cells, "opening_cash": cash}, loop=scan, block=64)


@cache
def short() -> Measure:
    return shortfall(MINIMUM)


def begun(chosen: Plan) -> Theta:
    """Levels that are no whole numbers: on those, orders of nothing at all tie with orders."""
    rng = np.random.default_rng(0)
    size = {name: 1 + int(np.max(dial.group)) for name, dial in chosen.dials.items()}
    return {name: rng.uniform(0.01, 0.02, count) for name, count in size.items()}


def shifted(theta: Theta, name: str, step: np.ndarray) -> Theta:
    return {**theta, name: theta[name] + step}


@cache
def found(method: Method | None = None) -> dict[str, Gradient]:
    methods = {} if method is None else dict.fromkeys(plan().dials, method)
    return gradients(plan(), begun(plan()), np.arange(FUTURES), (short(),), [np.ones(1)], methods=methods)


@pytest.mark.slow
def test_the_level_of_demand_is_one_normal_number() -> None:
    """s is standard normal; at its own s a future is the one that is always played; elsewhere, the company's factors
    are moved by the same factor on every day.
    """
    chosen, draws = plan(), np.arange(4000)
    at = conditional.levels(chosen, draws, "")
    rows = np.arange(len(draws))
    one = at(rows, np.ones(len(draws)))
    c = np.log(one / at(rows, np.zeros(len(draws))))
    weeks = small_shop.DAYS // 7
    np.testing.assert_allclose(c, DEVIATION * np.sqrt(1 + 1 / weeks), rtol=1e-12)
    s = 1 - np.log(one) / c
    assert stats.kstest(s, "norm").pvalue > 1e-3
    few = draws[:4]
    ever = chosen.play(begun(chosen), few, "smooth")
    again = chosen.play(begun(chosen), few, "smooth", level=at(rows[:4], s[:4]))
    np.testing.assert_allclose(again["headroom"], ever["headroom"], rtol=1e-9)


@pytest.mark.slow
def test_the_derivative_is_that_of_the_probability() -> None:
    """Against finite differences of the same futures averaged, and of many plain ones with common random numbers."""
    chosen, theta, draws = plan(), begun(plan()), np.arange(FUTURES)
    many = np.arange(FUTURES, FUTURES + MANY)
    conditioned = by_future(play_smooth(chosen, theta, draws, (short(),)), short())[:, 0]
    plain = by_future(chosen.play(theta, many, "smooth"), short())[:, 0]
    apart = conditioned.mean() - plain.mean()
    error = np.sqrt(conditioned.var() / FUTURES + plain.var() / MANY)
    print(f"probability {conditioned.mean():.4f}, plain {plain.mean():.4f} +- {error:.4f}")
    assert abs(apart) <= 4 * error
    for name, step in (("opening_cash", 2.0), ("stock", 0.5)):
        got, way = found()[name], np.ones_like(theta[name])
        assert got.method is Method.conditional
        assert (got.kinked < 0.5).all() and (got.largest < 40 * np.sqrt(FUTURES) * got.error).all()
        near = []
        for side in (-1e-5, 1e-5):
            batch = play_smooth(chosen, shifted(theta, name, side * way), draws, (short(),))
            near.append(values(batch, (short(),))[0][0])
        slope = (near[1] - near[0]) / 2e-5
        far = [
            by_future(chosen.play(shifted(theta, name, side * way), many, "smooth"), short())[:, 0]
            for side in (-step, step)
        ]
        each = (far[1] - far[0]) / (2 * step)
        # the parts of one future move together: their errors add at most
        joint = np.hypot(got.error.sum(), each.std() / np.sqrt(MANY))
        print(f"{name}: found {got.mean.sum():.6f}, near {slope:.6f}, many {each.mean():.6f}, joint error {joint:.6f}")
        assert got.mean.sum() == pytest.approx(slope, rel=1e-4)
        assert abs(got.mean.sum() - each.mean()) <= 4 * joint


@pytest.mark.slow
def test_less_noise_than_evolution_strategies() -> None:
    """Of the variance of evolution strategies with as many futures, a hundredth at most, and they agree."""
    ours, theirs = found(), found(Method.evolution)
    for name in ours:
        less = (theirs[name].error / ours[name].error) ** 2
        print(f"{name}: variance smaller by {less.min():.0f} to {less.max():.0f}, median {np.median(less):.0f}")
        assert np.median(less) > 100
        assert (np.abs(ours[name].mean - theirs[name].mean) <= 4 * theirs[name].error).all()


@pytest.mark.slow
def test_a_chance_constraint_is_met() -> None:
    """Every level of its own, profit, and headroom below the minimum in no more than a tenth of fresh futures."""
    limit = Limit(short(), most=0.1, scale=0.05)
    effort = Effort(steps=25, futures=16, rate=0.3)
    tuned = tune(model(), profit(), (limit,), effort=effort, futures=FUTURES)
    before = by_future(tuned.start, short()).mean()
    held = tuned.held[0]
    print(f"before {before:.4f}, after {held.value:.4f} [{held.low:.4f}, {held.high:.4f}]; {tuned.path.multipliers}")
    assert before > 0.1
    assert held.missed == 0 and held.low <= 0.1
    assert np.isfinite(tuned.terms["limit on probability of shortfall"]).all()
    assert np.abs(tuned.terms["limit on probability of shortfall"]).max() > 0
