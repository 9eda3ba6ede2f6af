"""The page of a calibration: a right fit looks right, wrong readings of the same history do not, and all of it is said.

Made-up trees: demand is drawn from a known law, so are the fit's draws, and shelves run empty.
"""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from calibration.inference.gates import least, most
from calibration.panel import EXACT, INTERVAL, MASKED, RIGHT_CENSORED
from calibration.report.history import by_segment, pits, weeks
from calibration.report.page import page
from calibration.report.priors import days_of, lanes, middle, parameters
from twin.results import labels

DRAWS, STORES, ITEMS, DAYS = 50, 3, 12, 91


def fitted(wrong: float = 1.0, seed: int = 7) -> xr.DataTree:
    """A fit whose draws are `wrong` times the true demand; slow and fast items, a third of the days promoted."""
    rng = np.random.default_rng(seed)
    place = ("store", "item", "day")
    promotion = np.broadcast_to(rng.random((1, ITEMS, DAYS)) < 0.3, (STORES, ITEMS, DAYS)).astype(float)
    mean = np.geomspace(0.1, 40.0, ITEMS)[:, None] * (1 + promotion)
    demand = rng.negative_binomial(3.0, 3.0 / (3.0 + mean))
    stock = rng.poisson(1.5 * mean) + 1
    empty, hidden, halved = demand >= stock, rng.random(demand.shape) < 0.05, rng.random(demand.shape) < 0.1
    kind = np.select([hidden, empty, halved], [MASKED, RIGHT_CENSORED, INTERVAL], EXACT)
    sold = np.minimum(demand, stock)
    value = np.where(kind == INTERVAL, np.maximum(sold - 1, 0), np.where(hidden, 0, sold))
    drawn = rng.negative_binomial(3.0, 3.0 / (3.0 + wrong * mean), (1, DRAWS, *demand.shape))
    days = labels(map(str, np.datetime64("2025-10-02") + np.arange(DAYS)))
    of_item = (("chain", "draw"), rng.normal(-1.6, 0.2, (1, 40)))
    cdf = np.tile(np.array([0.1, 0.5, 0.9, 1.0]), (40, 2, 1))
    names = {"lane": labels(["far to dc", "dc to store"])}
    tree = xr.DataTree.from_dict({
        "posterior": xr.Dataset({"mean_elasticity": of_item, "mean_lift": of_item}),
        "posterior_predictive": xr.Dataset({"demand": (("chain", "draw", *place), drawn)}),
        "observed_data": xr.Dataset(
            {"demand": (place, value), "kind": (place, kind), "bound": (place, sold),
             "stock": (place, np.where(hidden, np.nan, stock))}, {"day": days}),
        "constant_data": xr.Dataset(
            {"weight": (place, (kind != MASKED).astype(float)), "promotion": (place, promotion),
             "category": ("item", labels(["<slow>"] * 6 + ["fast"] * 6))}),
        "parameters": xr.Dataset({"lead_cdf": (("draw", "lane", "lead_day"), cdf)}, names),
        "lead_times/posterior": xr.Dataset({"lane_level": ("lane", np.zeros(1))}, {"lane": labels(["far to dc"])}),
        "lead_times/constant_data": xr.Dataset({"lead_cdf": (("lane", "lead_day"), cdf[0] ** 2)}, names),
    })  # fmt: skip
    tree.attrs.update(company="A & B", as_of="2026-01-01", engine="laplace")
    return tree


def read_as(tree: xr.DataTree, **changed: np.ndarray) -> xr.DataTree:
    """The same fit beside another reading of the history."""
    place = ("store", "item", "day")
    found = tree.copy()
    found["observed_data"] = xr.DataTree(
        tree["observed_data"].to_dataset().assign({name: (place, x) for name, x in changed.items()})
    )
    return found


def of(tree: xr.DataTree, name: str) -> np.ndarray:
    return np.asarray(tree["observed_data"].dataset[name].values)


def known(pit: np.ndarray) -> np.ndarray:
    return pit[~np.isnan(pit)]


def test_pit_of_a_right_fit_is_uniform_with_a_tenth_of_the_days_sold_out() -> None:
    tree = fitted()
    censored = of(tree, "kind") == RIGHT_CENSORED
    assert 0.1 < censored.mean() < 0.4
    pit = pits(tree, np.random.default_rng(0))
    assert np.isnan(pit[of(tree, "kind") == MASKED]).all()
    assert stats.kstest(known(pit), "uniform").pvalue > 1e-3
    segments = by_segment(tree, pit)
    assert all(c.passed for s in segments.values() for c in s.covers)
    assert sum(s.covers[0].n for s in segments.values()) == 2 * len(known(pit))  # all, and each in one segment
    assert {name.split(", ")[-1] for name in segments} == {"all", "ordinary days", "promotion"}
    assert segments["all"].censored == pytest.approx(censored.sum() / len(known(pit)))


def test_sold_out_days_taken_for_demand_show_in_the_pit_and_in_coverage() -> None:
    tree = fitted()
    kind = of(tree, "kind")
    naive = read_as(tree, kind=np.where(kind == RIGHT_CENSORED, EXACT, kind))
    pit = pits(naive, np.random.default_rng(0))
    assert stats.kstest(known(pit), "uniform").pvalue < 1e-6
    assert np.mean(known(pit) > 0.9) < 0.09  # the high ends are gone
    assert not all(c.passed for c in by_segment(naive, pit)["all"].covers)


def test_sold_out_days_left_out_show_in_the_pit() -> None:
    tree = fitted()
    kind = of(tree, "kind")
    dropped = read_as(tree, kind=np.where(kind == RIGHT_CENSORED, MASKED, kind))
    assert stats.kstest(known(pits(dropped, np.random.default_rng(0))), "uniform").pvalue < 1e-6


@pytest.mark.parametrize("wrong", [0.8, 1.25])
def test_a_fit_a_quarter_off_shows_on_the_side_it_is_off(wrong: float) -> None:
    pit = known(pits(fitted(wrong), np.random.default_rng(0)))
    assert (pit.mean() > 0.52) if wrong < 1 else (pit.mean() < 0.48)


def test_sales_by_week_are_beside_sales_of_the_same_stock() -> None:
    tree = fitted()
    found = weeks(tree)
    assert found.groups == ["company", "fast", "<slow>"]
    assert found.sold.shape == (3, 13) and found.said.shape == (DRAWS, 3, 13)
    assert str(found.begin[0]) == "2025-10-02" and found.left_out == found.uncut == 0
    np.testing.assert_allclose(found.sold[0], found.sold[1:].sum(axis=0))
    kind = of(tree, "kind")
    middle_of = np.where(kind == INTERVAL, (of(tree, "demand") + of(tree, "bound")) / 2, of(tree, "demand"))
    assert found.sold[0].sum() == pytest.approx(middle_of[kind != MASKED].sum())
    error = found.said[:, 0].sum(axis=1).std() * np.sqrt(1 + 1 / DRAWS)
    halves = (kind == INTERVAL).sum() / 2  # of which an interval's middle may be off
    off = found.said[:, 0].sum(axis=1).mean() - found.sold[0].sum()
    assert abs(off) < 4 * error + halves
    # demand beside sales: what a page that forgot the stock would show
    uncut = weeks(read_as(tree, stock=np.where(kind == RIGHT_CENSORED, of(tree, "stock"), np.nan)))
    assert uncut.uncut > 0.5
    assert uncut.said[:, 0].sum(axis=1).mean() - uncut.sold[0].sum() > 4 * error + halves


def test_days_with_stock_for_part_of_the_day_are_left_out_on_both_sides() -> None:
    tree = fitted()
    kind = of(tree, "kind")
    found = weeks(read_as(tree, stock=np.where(kind == RIGHT_CENSORED, np.nan, of(tree, "stock"))))
    assert found.left_out == pytest.approx((kind == RIGHT_CENSORED).sum() / (kind != MASKED).sum())
    kept = np.isin(kind, (EXACT, INTERVAL))
    assert found.said.max() <= np.where(kept, of(tree, "stock"), 0).reshape(-1, 13, 7).sum(axis=(0, 2)).max()


def test_priors_and_lead_times_in_their_own_units() -> None:
    elasticity, lift = parameters(fitted()["posterior"].to_dataset())
    assert elasticity.prior.mean == pytest.approx(-1.5)
    assert elasticity.prior.low == pytest.approx(-1.5 - 1.2816, abs=5e-3)
    # e^x - 1 of a normal law: mean e^(m + s^2 / 2) - 1, quantiles as they are
    assert lift.prior.mean == pytest.approx(100 * np.expm1(0.4 + 0.125), rel=5e-3)
    assert lift.prior.high == pytest.approx(100 * np.expm1(0.4 + 0.5 * 1.2816), rel=5e-3)
    mean, late = days_of(np.array([0.1, 0.5, 0.9, 1.0]))
    assert mean == pytest.approx(1 * 0.1 + 2 * 0.4 + 3 * 0.4 + 4 * 0.1) and late == 4
    (lane,) = lanes(fitted())  # the other one's law stayed that of the tables
    assert lane.name == "far to dc" and lane.mean == middle(np.full(3, mean))
    assert lane.mean_of_tables == pytest.approx(1 + 0.99 + 0.75 + 0.19)


def test_the_page_says_what_failed_and_what_to_do(tmp_path: Path) -> None:
    good = [least("bulk effective draws, fewest", 900, 400, "more draws")]
    bad = [most("drift of variance parameters", 0.2, 0.05, "more <SVI> steps")]
    page(tmp_path / "calibration.html", fitted(), {"demand": bad, "lead times": good}, "This fit may not be used.")
    text = (tmp_path / "calibration.html").read_text()
    assert "<h1>Calibration: A &amp; B</h1>" in text and "2026-01-01" in text and "<script" not in text
    assert "This fit may not be used." in text and "Failed: demand: drift of variance parameters" in text
    assert text.count("FAILED") == 1 and "more &lt;SVI&gt; steps" in text and "<slow>" not in text
    assert text.count("<svg") == 5
    page(tmp_path / "calibration.html", fitted(), {"demand": good}, "This fit may be used.")
    assert "It passed every gate." in (tmp_path / "calibration.html").read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == ["calibration.html"]
