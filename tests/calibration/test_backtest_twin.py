"""The twin as forecaster: with the truth in hand it repeats what happened, to the cent, from any origin."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from calibration.backtest.reality import Reality, forecast, live, weekly
from calibration.backtest.study import run
from tests.twin.small_shop import company, flat_demand
from twin.assembly import Model, assemble
from twin.engines import fastest
from twin.tables import rows


@cache
def shop() -> Model:
    """Every node has one source for a product, so that orders replayed are orders placed."""
    whole = company()
    one = tuple(
        row
        for row in whole.sourcing
        if not (row.product == "soap" and (row.source == "far" or (row.node, row.source) == ("c", "near")))
    )
    one = tuple(rows.Sourcing(node=r.node, product=r.product, source=r.source) for r in one)
    return replace(assemble(replace(whole, sourcing=one), {}), source=flat_demand)


@cache
def reality() -> Reality:
    return live(shop(), 6, draw=3, seed=5, engine=fastest)


@pytest.mark.parametrize("replay", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_from_an_origin_the_true_future_repeats_what_happened(replay: bool) -> None:
    model, real = shop(), reality()
    after = {name: x[21:35] for name, x in real.series.items()}
    told = {name: x[:, None].swapaxes(0, 1) for name, x in after.items()}
    orders = real.orders[21:35] if replay else None
    said = forecast(model, model.params, real.states[21], 21, 14, np.array([3], np.uint32), orders=orders, seed=5)
    for name, value in weekly(told).items():
        np.testing.assert_array_equal(said[name], value, name)


def test_weekly_measures_tie_to_the_daily_record() -> None:
    real = reality()
    weeks = weekly({name: x[None] for name, x in real.series.items()})
    assert weeks["cash"].shape == (1, 6)
    change = np.diff(real.series["cash"][[6, 13, 20, 27, 34, 41]])
    lines = [name for name in real.series if name.startswith("cash_")]
    moved = sum(real.series[name][7:].reshape(5, 7).sum(axis=1) for name in lines)
    np.testing.assert_array_equal(change, moved)
    np.testing.assert_array_equal(real.demand.sum(axis=(1, 2)), real.series["demand"])


@pytest.mark.slow
def test_the_posterior_covers_unseen_weeks_of_cash_and_the_plug_in_does_not() -> None:
    """800 independent companies, one origin each: the 99.9 % binomial band of an 80 % range is about 0.75 to 0.85."""
    rows = {(r["forecaster"], r["measure"]): r for r in run(shop(), 800)["rows"]}
    receipts = rows["posterior", "receipts"]
    assert receipts["n"] == 800
    for measure in ("receipts", "payments", "cash"):
        row = rows["posterior", measure]
        assert row["band_low"] <= row["covers_80"] <= row["band_high"], row
    assert rows["plug-in", "receipts"]["covers_80"] < receipts["band_low"]
    assert receipts["skill"] > 0
