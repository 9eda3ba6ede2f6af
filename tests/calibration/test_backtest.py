"""The back-test itself: scores against closed forms, a planted leak, the monitor's false alarms, approval."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from calibration.backtest import cycle, rivals
from calibration.backtest.judged import by_horizon, by_segment, judge
from calibration.backtest.leak import leaks
from calibration.backtest.monitor import AMBER, RED, e_process, watch
from calibration.backtest.origins import TooShort, rolling_origins
from calibration.backtest.page import page
from calibration.backtest.scores import LEVELS, accuracy, closing_error, coverage, crps, pinball, pit


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_crps_of_a_normal_is_the_closed_form() -> None:
    """Gneiting and Raftery 2007, eq. 21: sigma (z (2 Phi - 1) + 2 phi - 1 / sqrt(pi))."""
    actual = np.array([-1.0, 0.3, 2.5])
    expected = actual * (2 * stats.norm.cdf(actual) - 1) + 2 * stats.norm.pdf(actual) - 1 / np.sqrt(np.pi)
    np.testing.assert_allclose(crps(actual, rng().normal(size=(20_000, 3))), expected, atol=0.02)


def test_pinball_of_a_point_forecast_is_the_weighted_error() -> None:
    draws = np.full((10, 2), 4.0)
    expected = [np.mean([(1 - a) * 1.0 for a in LEVELS]), np.mean([a * 2.0 for a in LEVELS])]
    np.testing.assert_allclose(pinball(np.array([3.0, 6.0]), draws), expected)


def test_pit_is_uniform_for_counts_with_many_zeros_and_not_for_a_wrong_law() -> None:
    r = rng()
    rate = 0.4
    actual, draws = r.poisson(rate, 4000), r.poisson(rate, (99, 4000))
    assert stats.kstest(pit(actual, draws, r), "uniform").pvalue > 1e-3
    assert stats.kstest(pit(actual, r.poisson(1.5 * rate, (99, 4000)), r), "uniform").pvalue < 1e-6
    right, narrow = (coverage(pit(actual, d, r)) for d in (draws, np.full((99, 4000), 1)))
    assert right.passed and not narrow.passed


def test_the_band_of_coverage_holds_a_right_forecast_at_the_size_reached() -> None:
    r = rng()
    seen = [coverage(r.random(100)) for _ in range(400)]
    assert np.mean([c.passed for c in seen]) > 0.99  # where 76-84 % would fail 26 % of them
    assert np.mean([0.76 <= c.share <= 0.84 for c in seen]) < 0.85
    assert seen[0].low < 0.76 and seen[0].high > 0.84 and seen[0].n == 100


def test_accuracy_and_closing_error_by_hand() -> None:
    actual, said = np.array([100.0, 200.0, 100.0]), np.array([90.0, 220.0, 100.0])
    assert accuracy(actual, said) == pytest.approx(1 - 30 / 400)
    error = closing_error(np.array([50.0, 70.0]), np.array([40.0, 90.0]), np.array([100.0, 300.0]))
    np.testing.assert_allclose(error, [0.05, 0.1])


def test_origins_keep_their_whole_future_inside_the_record() -> None:
    found = rolling_origins(date(2024, 1, 1), date(2026, 1, 1), learn=365, horizon=91, every=28)
    assert found[0] == date(2024, 12, 31) and len(found) == 10
    assert (date(2026, 1, 1) - found[-1]).days >= 91
    with pytest.raises(TooShort, match="5 origins"):
        rolling_origins(date(2024, 1, 1), date(2024, 8, 1), learn=90, horizon=91, every=7)


def test_last_years_week_and_the_plan() -> None:
    weeks = np.arange(120.0)
    np.testing.assert_array_equal(rivals.seasonal_naive(weeks, 60, 3), [8, 9, 10])
    np.testing.assert_array_equal(rivals.plan_forward(weeks, 60, 2), [60, 61])
    # a year is 52 weeks of growth by 1: every error is 52
    np.testing.assert_array_equal(rivals.seasonal_draws(weeks, 110, 2), np.full((58, 2), [110.0, 111.0]))
    with pytest.raises(ValueError, match="52 weeks"):
        rivals.seasonal_naive(weeks, 51, 1)


def test_a_planted_leak_is_caught_and_named() -> None:
    record = {"sales": rng().poisson(5, 60).astype(float), "stock": rng().poisson(50, 60).astype(float)}

    def honest(seen, origin):
        return seen["sales"][:origin].mean() + 0 * seen["stock"][:origin]

    def by_one_day(seen, origin):
        return seen["sales"][: origin + 1].mean()

    def by_scale(seen, origin):  # a mean of the whole record looks harmless
        return seen["sales"][:origin].mean() * seen["stock"][:origin] / seen["stock"].mean()

    assert leaks(honest, record, [20, 40]) == []
    assert leaks(by_one_day, record, [20, 40]) == ["sales"]
    assert leaks(by_scale, record, [20, 40]) == ["stock"]


def test_the_monitor_rarely_cries_wolf_however_often_one_looks() -> None:
    wealth = e_process(rng().random((2000, 365)))[:, -1]
    # Ville: P(sup e >= 20) <= 1 / 20; 3 standard errors of 2,000 worlds
    assert (wealth >= AMBER).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert (wealth >= RED).mean() <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 2000)


def test_the_monitor_sees_a_shift_and_says_which() -> None:
    r = rng()
    calm = {f"s{n}": r.random(120) for n in range(3)}
    assert watch(calm).state == "green"
    up = np.concatenate([r.random(60), r.beta(2.5, 1, 60)])
    alarm = watch(calm | {"beer": up})
    assert alarm.state in ("amber", "red") and alarm.segments == ["beer"] and "above" in alarm.why
    wide = watch({"tea": r.beta(0.3, 0.3, 120)})
    assert wide.state == "red" and "wider" in wide.why


def posterior(text: str, failed: list[str], as_of: date = date(2026, 1, 5)):
    def fit(start: Path | None, to: Path) -> cycle.Fitted:
        to.mkdir()
        (to / "draws").write_text(text + (f" after {(start / 'draws').read_text()}" if start else ""))
        return cycle.Fitted(as_of, failed)

    return fit


def test_a_candidate_is_used_only_when_approved_and_the_last_good_one_is_kept(tmp_path: Path) -> None:
    cycle.refit(tmp_path, posterior("first", []))
    assert not (tmp_path / cycle.IN_USE).exists()
    cycle.approve(tmp_path, "A. Controller")
    cycle.refit(tmp_path, posterior("bad", ["r_hat"]))
    with pytest.raises(cycle.NotApproved, match="failed r_hat"):
        cycle.approve(tmp_path, "A. Controller")
    assert (tmp_path / cycle.IN_USE / "draws").read_text() == "first"
    cycle.refit(tmp_path, posterior("second", []))
    with pytest.raises(cycle.NotApproved, match="name"):
        cycle.approve(tmp_path, " ")
    cycle.approve(tmp_path, "A. Controller")
    assert (tmp_path / cycle.IN_USE / "draws").read_text() == "second after first"
    with pytest.raises(cycle.NotApproved, match="no new candidate"):
        cycle.approve(tmp_path, "A. Controller")
    cycle.roll_back(tmp_path, "A. Controller")
    assert (tmp_path / cycle.IN_USE / "draws").read_text() == "first"
    assert [step["step"] for step in cycle.history(tmp_path)] == [
        "fitted", "approved", "fitted", "fitted", "approved", "rolled back"]  # fmt: skip


def test_a_fit_that_dies_leaves_what_is_in_use(tmp_path: Path) -> None:
    cycle.refit(tmp_path, posterior("first", []))
    cycle.approve(tmp_path, "me")

    def dies(start: Path | None, to: Path) -> cycle.Fitted:
        to.mkdir()
        raise RuntimeError("power")

    with pytest.raises(RuntimeError):
        cycle.refit(tmp_path, dies)
    assert (tmp_path / cycle.IN_USE / "draws").read_text() == "first"
    (tmp_path / cycle.IN_USE).rename(tmp_path / cycle.KEPT)  # an approval cut off half-way
    cycle.refit(tmp_path, posterior("second", []))
    assert (tmp_path / cycle.IN_USE / "draws").read_text() == "first"


def test_all_forecasters_are_judged_on_the_same_outcomes_and_the_page_shows_them(tmp_path: Path) -> None:
    r = rng()
    weeks = r.normal(1000, 100, (300, 3))
    actual = {"receipts": weeks, "payments": weeks - 50, "cash": weeks.cumsum(axis=1)}
    right = {"receipts": r.normal(1000, 100, (300, 80, 3)), "payments": r.normal(950, 100, (300, 80, 3))}
    narrow = {"receipts": r.normal(1000, 20, (300, 80, 3)), "payments": r.normal(950, 20, (300, 80, 3))}
    far = {"receipts": r.normal(1500, 100, (300, 80, 3))}
    table = judge(actual, {"twin": right, "plug-in": narrow, "naive": far}, naive="naive")
    at = table.set_index(["forecaster", "measure"])
    twin, plug_in = at.loc[("twin", "receipts")], at.loc[("plug-in", "receipts")]
    assert twin["band_low"] <= twin["covers_80"] <= twin["band_high"] < 0.9
    assert plug_in["covers_80"] < 0.5
    point = judge(actual, {"plan": {"receipts": weeks[:, None]}}, naive="plan")
    assert np.isnan(point["covers_80"]).all()  # one draw has no range, whatever its ranks
    assert twin["skill"] > 0.5 and at.loc[("naive", "receipts"), "skill"] == 0
    # E|X - median| of a normal is sigma sqrt(2 / pi): 1 - 79.8 / 1000
    assert twin["accuracy"] == pytest.approx(1 - 0.1 * np.sqrt(2 / np.pi), abs=0.01)
    np.testing.assert_allclose(by_horizon(weeks, right["receipts"]).mean(), twin["accuracy"], atol=1e-3)
    segments = by_segment(r.random(300), ["fast", "slow", "new"] * 100)
    assert [c.n for c in segments.values()] == [100, 100, 100]
    page(tmp_path / "backtest.html", "Back-test <A & B>", actual, {"twin": right, "plug-in": narrow}, table, segments)
    text = (tmp_path / "backtest.html").read_text()
    assert "&lt;A &amp; B&gt;" in text and text.count("<svg") == 4 and "<script" not in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["backtest.html"]
