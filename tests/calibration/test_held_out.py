"""Weeks kept from a fit: nothing of them reaches it, what is said of them is theirs, and wrong ranges are called so."""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from calibration.backtest import held_out
from calibration.backtest.held_out import Told, by_week_of_arrival
from calibration.backtest.held_out_page import page
from calibration.backtest.judged import judge
from calibration.demand.data import data
from calibration.lead_times.forecast import cdf, residual, whole_days
from calibration.panel import EXACT, MASKED, Panel
from calibration.report.history import WEEK, by_segment, pits
from calibration.synthetic import Settings, draw
from calibration.synthetic.tables import panel
from tests.calibration.test_page import fitted

DAYS, AHEAD = 70, 4
COMPANY = Settings(stores=2, items=4, days=DAYS, category_week=0.05, store_day=0.05)


def history() -> tuple[Panel, Panel]:
    """(all of it, what was known four weeks before its end)."""
    whole = panel(draw(COMPANY, 3))
    return whole, held_out.until(whole, DAYS - WEEK * AHEAD)


def test_nothing_of_the_hidden_days_reaches_the_fit() -> None:
    whole, then = history()
    hidden = np.arange(DAYS) >= DAYS - WEEK * AHEAD
    altered = replace(
        whole, value=np.where(hidden, 10 * whole.value + 7, whole.value), stock=np.where(hidden, 1e6, whole.stock),
        kind=np.where(hidden, EXACT, whole.kind).astype(np.int8), bound=np.where(hidden, 3, whole.bound),
    )  # fmt: skip
    honest, tried = (data(held_out.as_known(x, then)) for x in (whole, altered))
    for a, b in zip(jax.tree.leaves(honest), jax.tree.leaves(tried), strict=True):
        np.testing.assert_array_equal(a, b)
    seen = held_out.as_known(whole, then)
    assert (seen.kind[..., hidden] == MASKED).all() and (seen.weight[..., hidden] == 0).all()
    np.testing.assert_array_equal(seen.value[..., ~hidden], whole.value[..., ~hidden])
    # planned, and known beforehand
    np.testing.assert_array_equal(seen.promotion, whole.promotion)


def test_an_item_that_came_later_and_a_record_made_later_are_not_known() -> None:
    whole, then = history()
    fewer = replace(
        then, items=then.items[1:], category=then.category[1:],
        **{name: getattr(then, name)[:, 1:] for name in ("value", "bound", "kind", "weight", "stock", "rule")},
    )  # fmt: skip
    fewer.kind[0, 0, 5] = MASKED
    seen = held_out.as_known(whole, fewer)
    assert (seen.kind[:, 0] == MASKED).all() and (seen.value[:, 0] == 0).all()
    assert seen.kind[0, 1, 5] == MASKED
    np.testing.assert_array_equal(seen.value[:, 2, :20], whole.value[:, 2, :20])


def test_rivals_know_the_weeks_before_each_origin_and_no_other() -> None:
    whole, _ = history()
    origins = [DAYS - 28, DAYS - 14]
    sold = np.where(held_out.comparable(whole.value, whole.kind, whole.bound, whole.stock, whole.weight)[0],
                    whole.value, 0)  # fmt: skip
    weeks = sold.sum(axis=(0, 1)).reshape(-1, WEEK).sum(axis=1)
    found = held_out.rivals(whole, origins, 2)
    assert set(found) == {held_out.LAST_WEEKS}  # no year yet
    recent = found[held_out.LAST_WEEKS]
    for n, origin in enumerate(origins):
        before = weeks[: origin // WEEK][-6:]
        np.testing.assert_allclose(recent["met"][n], np.repeat(before[:, None], 2, axis=1))
    worth = (sold * np.rint(100 * whole.price)).sum(axis=(0, 1)).reshape(-1, WEEK).sum(axis=1)
    np.testing.assert_allclose(recent["takings"][1, -1], worth[origins[1] // WEEK - 1])


def test_what_is_on_order_comes_in_the_weeks_its_law_says_given_its_age() -> None:
    """Lognormal and gamma lanes; P(week | T > age) by distribution functions."""
    mean, shape, family = np.array([9.0, 30.0]), np.array([4.0, 9.0]), np.array([1, 0])
    age, units = np.array([4, 33]), np.array([10.0, 1000.0])
    luck = np.random.default_rng(0).random((200_000, 2))
    took = whole_days(residual(luck, age + 0.0, mean, shape, family), "down")
    said = by_week_of_arrival(took, age, units, 3).mean(axis=0)

    def by_day(n: int) -> np.ndarray:
        """P(whole days <= age + n): rounded down, T <= age + n + 1; what is open at its age has T > age."""
        at = cdf(np.maximum(age + n + 1.0, age), mean, shape, family)
        open_ = 1 - cdf(age + 0.0, mean, shape, family)
        return np.asarray((at - cdf(age + 0.0, mean, shape, family)) / open_)

    expected = [units @ (by_day(WEEK * (w + 1) - 1) - (by_day(WEEK * w - 1) if w else by_day(-1))) for w in range(3)]
    np.testing.assert_allclose(said, expected, rtol=0.02)


def test_ranges_too_narrow_and_too_wide_fail_and_right_ones_do_not() -> None:
    rng = np.random.default_rng(1)
    right = rng.random(20_000)
    assert all(gate.passed for gate in held_out.gates(right))
    narrow = held_out.gates(rng.beta(0.7, 0.7, 20_000))
    wide = held_out.gates(rng.beta(1.5, 1.5, 20_000))
    assert not any(gate.passed for gate in (*narrow, *wide))
    assert all("too narrow" in gate.remedy for gate in narrow) and all("too wide" in gate.remedy for gate in wide)
    few = np.append(rng.random(30), np.nan)  # of thirty cells chance alone may leave out many
    assert held_out.gates(few)[0].limit > 0.2


def test_the_page_says_whether_ranges_hold_and_shows_every_measure(tmp_path: Path) -> None:
    tree, rng = fitted(), np.random.default_rng(2)
    hidden = {name: tree[name].to_dataset().isel(day=slice(-28, None)) for name in
              ("posterior_predictive", "observed_data", "constant_data")}  # fmt: skip
    measures = ("met", "takings", "arrivals")
    told = [Told(xr.DataTree.from_dict(hidden), {name: rng.random(4) for name in measures},
                 {name: rng.random((20, 4)) for name in measures}) for _ in range(2)]  # fmt: skip
    told[1] = told[1]._replace(actual={name: told[1].actual[name] for name in measures[:2]})
    actual, said = held_out.together(told)
    assert list(actual) == ["met", "takings"]  # an origin with nothing on order has no arrivals
    cells = held_out.cells(told)
    pit = pits(cells, rng)
    assert pit.shape[2] == 56
    origins = [np.datetime64("2025-10-02"), np.datetime64("2025-10-30")]
    table = judge(actual, {"fit": said, held_out.LAST_WEEKS: said}, naive=held_out.LAST_WEEKS)
    for gates, says in ((held_out.gates(rng.random(9_000)), "ranges hold"), (held_out.gates(rng.beta(3, 3, 9_000)),
                                                                            "not to be trusted")):  # fmt: skip
        page(tmp_path / "held_out.html", "A & B", origins, actual, {"fit": said}, table, pit,
             by_segment(cells, pit), gates, "Two fits.")  # fmt: skip
        text = (tmp_path / "held_out.html").read_text()
        assert says in text and "A &amp; B" in text and text.count("<svg") == 4
    assert "units on order" not in text


@pytest.mark.slow
def test_orders_foretold_by_a_fit_come_as_foretold() -> None:
    """A made-up supplier of ten days: what is on order comes in the weeks that it comes in."""
    rng = np.random.default_rng(4)
    placed = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.repeat(np.arange(200), 2), unit="D")
    took = np.maximum(np.floor(rng.gamma(8.0, 10.0 / 8.0, 400)), 1)
    lines = pd.DataFrame({
        "order_id": [f"o{n}" for n in range(400)], "product": "tea", "source": "far",
        "node": np.where(np.arange(400) % 2, "a", "b"), "ordered": placed,
        "received": placed + pd.to_timedelta(took, unit="D"), "ordered_units": 100.0, "received_units": 90.0,
    })  # fmt: skip
    origin = pd.Timestamp("2025-07-01")
    then = lines[lines["ordered"] < origin].copy()
    late = then["received"] >= origin
    then.loc[late, ["received", "received_units"]] = [pd.NaT, np.nan]
    blank = Told(xr.DataTree(), {"met": np.zeros(3)}, {})
    how = {"engine": "laplace", "draws": 400, "steps": 1000, "seed": 0}
    families = held_out.families_known(then, origin.date(), how)
    assert set(families) == {("far", "a"), ("far", "b")}
    told = held_out.with_arrivals(blank, then, lines, origin.date(), families, how)
    came, said = told.actual["arrivals"], told.said["arrivals"]
    assert came.sum() == pytest.approx(90.0 * late.sum())
    # what orders brought so far: 0.9 of what was ordered
    assert said.sum(axis=1).mean() == pytest.approx(90.0 * late.sum(), rel=0.02)
    low, high = np.quantile(said, [0.001, 0.999], axis=0)
    assert ((low <= came) & (came <= high)).all()
