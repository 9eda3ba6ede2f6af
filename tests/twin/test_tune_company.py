"""Whole tunings of a small company: what joining stock and money is worth, absurd starts, limits, shadow prices."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.conftest import strict
from tests.twin import small_shop
from twin.assembly import Model
from twin.tune.figures import figures
from twin.tune.gradients import by_future
from twin.tune.groups import supplied
from twin.tune.measures import Limit, fill_rate, profit, stock_value
from twin.tune.pareto import joined
from twin.tune.search import Effort
from twin.tune.shadow import priced_plan, smooth_prices
from twin.tune.tuned import FRESH, Infeasible, interval, played, tune, with_levels

EFFORT = Effort(steps=25, futures=16, rate=0.3)
FUTURES = 64


@cache
def shop(cash: int) -> Model:
    with strict():
        return replace(small_shop.shop(cash=cash), source=small_shop.flat_demand)


@pytest.mark.slow
def test_joining_is_worth_nothing_where_cash_never_binds() -> None:
    found = joined(shop(10**7), by="category", effort=EFFORT, futures=FUTURES)
    assert np.array_equal(found.joint.order_up_to, found.siloed.order_up_to)
    assert (found.difference == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("cover", [0.0, 3650.0])
def test_absurd_starts(cover: float) -> None:
    """No stock, and ten years of it: 99 % of what the start loses against a sensible one is won back."""
    model = shop(10**7)
    mean = np.asarray(model.network.forecast)
    level = np.where(supplied(model), np.maximum(cover * mean, 0.0), 0.0)
    found, own = (
        tune(
            model,
            profit(),
            by="store-product",
            start=start,
            effort=replace(EFFORT, steps=60, rate=1.0),
            futures=FUTURES,
        )
        for start in (level, None)
    )
    ours, theirs = figures(found.end)["profit"], figures(own.end)["profit"]
    lost = theirs - figures(played(model, with_levels(model, level), np.arange(FRESH, FRESH + FUTURES)))["profit"]
    print(cover, interval(ours - theirs), lost.mean())
    assert lost.mean() > 1000
    assert (theirs - ours).mean() <= 0.01 * lost.mean()
    assert all(np.isfinite(x).all() for x in figures(found.end).values())
    assert np.isfinite(found.after.order_up_to).all()


@pytest.mark.slow
def test_limits_hold_on_fresh_futures_or_are_refused() -> None:
    model = shop(10**7)
    service = Limit(fill_rate(model), least=0.97, scale=0.01)
    found = tune(model, profit(), (service,), by="category", effort=EFFORT, futures=FUTURES)
    assert found.held[0].missed == 0 and found.held[0].high >= 0.97
    both = (service, Limit(stock_value(), most=1.0, scale=1000.0))
    with pytest.raises(Infeasible, match="least violation found"):
        tune(model, profit(), both, by="category", effort=replace(EFFORT, steps=5), futures=FUTURES)


@pytest.mark.slow
def test_shadow_prices_are_paired_differences() -> None:
    """One unit of level or of opening stock, one currency unit of credit or cash: within three standard errors."""
    model = shop(1000)
    draws = np.arange(FUTURES)
    prices = {(price.of, price.where): price for price in smooth_prices(model, profit(), draws)}
    plan, names = priced_plan(model, 16, 0)
    step = 1e-3
    for name, count in ((name, len(names[name])) for name in plan.dials):
        for k in range(count):
            if (name, names[name][k]) not in prices:
                continue
            sides = []
            for side in (-step, step):
                theta = {other: np.zeros(len(names[other])) for other in plan.dials}
                theta[name][k] = side
                sides.append(by_future(plan.play(theta, draws, "smooth"), profit())[:, 0])
            each = (sides[1] - sides[0]) / (2 * step)
            price = prices[name, names[name][k]]
            noise = np.hypot(each.std(ddof=1) / np.sqrt(FUTURES), price.error)
            assert price.value == pytest.approx(each.mean(), abs=max(3 * noise, 1e-6)), (name, k)
