"""The fused likelihood beside NumPyro's cells; the posterior's names, gates and file; what blocks a fit."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from calibration.demand import model, predictive
from calibration.demand.data import data
from calibration.demand.distributions import Observed, ZeroInflatedNegativeBinomial
from calibration.demand.fused import LogMean, log_likelihood
from calibration.demand.parameters import Horizon, parameters
from calibration.inference import arrowhead, fit, gates
from calibration.inference.fit import write
from calibration.inference.laplace import Blocks
from calibration.panel import EXACT, INTERVAL, MASKED, RIGHT_CENSORED
from tests.calibration.demand_cases import small_panel


@pytest.fixture(scope="module")
def panel():
    return small_panel()


def somewhere(panel, seed):
    """(log mean, size, zero logit) at random."""
    rng = np.random.default_rng(seed)
    stores, items, days = panel.shape
    level, line = rng.normal(0.7, 0.5, (stores, items)), rng.normal(0, 0.3, (1, items, days))
    place = rng.normal(0, 0.1, (stores, days))
    return LogMean(*map(jnp.asarray, (level, line, place))), jnp.exp(rng.normal(0.9, 0.4, items)), jnp.asarray(
        rng.normal(-2.3, 0.6, items))  # fmt: skip


def test_every_kind_of_cell_occurs(panel):
    assert {EXACT, RIGHT_CENSORED, INTERVAL, MASKED} == set(np.unique(panel.kind).tolist())


def test_fused_likelihood_equals_the_sum_over_cells_with_its_gradient(panel):
    with jax.enable_x64(True):
        arrays = data(panel)

        def fused(log_mean, size, logit):
            return log_likelihood(log_mean, size, logit, arrays)

        def by_cell(log_mean, size, logit):
            law = ZeroInflatedNegativeBinomial(jnp.exp(log_mean.cells()), size[:, None], logit[:, None])
            cells = Observed(law, jnp.asarray(panel.kind), jnp.asarray(panel.bound))
            return (cells.log_prob(jnp.asarray(panel.value)) * panel.weight).sum((0, 2))

        at = somewhere(panel, 1)
        found = [
            jax.jit(jax.value_and_grad(lambda *p, f=f: (f(*p).sum(), f(*p)), (0, 1, 2), has_aux=True))(*at)
            for f in (fused, by_cell)
        ]
        for one, other in zip(*map(jax.tree.leaves, found), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)


def test_exact_cells_have_scipys_density():
    """Another derivation: SciPy's negative binomial beside a zero."""
    mean, size, logit = np.array([0.3, 2.0, 40.0]), np.array([0.2, 1.5, 30.0]), np.array([-3.0, -0.5, 1.0])
    zero, law = 1 / (1 + np.exp(-logit)), stats.nbinom(size, size / (size + mean))
    with jax.enable_x64(True):
        ours = ZeroInflatedNegativeBinomial(*map(jnp.asarray, (mean, size, logit)))
        counts = np.array([0, 1, 7, 90])[:, None]
        theirs = np.log(zero * (counts == 0) + (1 - zero) * law.pmf(counts))
        np.testing.assert_allclose(jax.jit(ours.log_prob)(counts), theirs, rtol=1e-10)
        np.testing.assert_allclose(ours.mean, (1 - zero) * law.mean(), rtol=1e-12)
        second = (1 - zero) * (law.var() + law.mean() ** 2)
        np.testing.assert_allclose(ours.variance, second - ((1 - zero) * law.mean()) ** 2, rtol=1e-10)


@pytest.fixture(scope="module")
def posterior(panel):
    arrays = data(panel)
    return fit(
        model.demand, arrays, blocks=Blocks("item", "category", panel.category), start=model.start(arrays),
        coords=model.coordinates(panel), draws=200, steps=1500, seed=2, provenance={"as_of": "2023-03-27"},
    )  # fmt: skip


@pytest.mark.slow  # the whole demand model takes minutes to compile; `test_fit` holds engines to a closed form
def test_posterior_has_named_axes_and_where_it_comes_from(posterior, panel):
    assert posterior["posterior"]["level"].dims == ("chain", "draw", "store", "item")
    assert posterior["posterior"]["category_week"].dims == ("chain", "draw", "category", "week")
    assert list(posterior["posterior"]["item"].values) == panel.items
    assert not [d for v in posterior["posterior"].data_vars.values() for d in v.dims if "axis" in d or "dim_" in d]
    assert posterior.attrs["engine"] == "laplace" and posterior.attrs["as_of"] == "2023-03-27"
    assert len(posterior.attrs["data_sha256"]) == 64


@pytest.mark.slow
def test_gates_are_kept_with_the_fit_and_a_failed_one_blocks_it(posterior, tmp_path):
    write(posterior, tmp_path / "p.zarr")
    again = xr.open_datatree(tmp_path / "p.zarr", engine="zarr", consolidated=False)
    kept = gates.table(again)
    assert kept == gates.table(posterior)
    assert {gate.name for gate in kept} >= {"last Newton step", "share of blocks with k-hat below 0.7"}
    failed = xr.DataTree.from_dict({
        "diagnostics": gates.dataset([gates.most("a", 1, 2, ""), gates.least("b", 1, 2, "more draws")])
    })  # fmt: skip
    with pytest.raises(gates.Blocked, match="b: 1, limit 2; more draws"):
        gates.release(failed)


def test_arrow_head_equals_the_dense_hessian_and_its_inverse():
    """A quadratic with four shared coordinates (two of them by class) and three items of two coordinates.

    Two more stand alone: known to the shared ones, not to each other; their curvature alone is wanted.
    """
    layout = arrowhead.Layout(np.array([5, 0]), np.array([[3], [7]]), np.array([[1, 2], [4, 6], [8, 9]]),
                              np.array([0, 1, 0]), np.array([10, 11]))  # fmt: skip
    rng = np.random.default_rng(4)
    knows = np.zeros((10, 10), bool)
    knows[[5, 0]] = True
    knows[3, 3] = knows[7, 7] = True
    for item, group in zip(layout.items, layout.classes[layout.of_item, 0], strict=True):
        knows[np.ix_(item, [*item, group])] = True
    knows |= knows.T
    dense = np.where(knows, rng.normal(size=(10, 10)), 0)
    dense = dense + dense.T + 12 * np.eye(10)
    whole = np.zeros((12, 12))
    whole[:10, :10] = dense
    whole[10:, [5, 0]] = whole[[5, 0], 10:] = 1.0
    whole[[10, 11], [10, 11]] = 3.0, 4.0
    with jax.enable_x64(True):
        found = arrowhead.hessian(arrowhead.columns_of(jax.grad(lambda z: 0.5 * z @ whole @ z)), jnp.ones(12), layout)
    np.testing.assert_allclose(found.alone, [3.0, 4.0], rtol=1e-12)
    factored = arrowhead.factor(found)
    right = rng.normal(size=12)
    np.testing.assert_allclose(arrowhead.solve(factored, right)[:10], np.linalg.solve(dense, right[:10]), rtol=1e-10)
    np.testing.assert_allclose(arrowhead.spread(factored, 12)[:10], np.sqrt(np.diag(np.linalg.inv(dense))), rtol=1e-10)


@pytest.mark.slow  # compiles for a quarter of a minute
def test_cells_kept_with_a_fit_have_the_law_and_the_density_of_their_kind(panel):
    """A posterior that is a point, so that SciPy has every density and the mean of the draws."""
    arrays = data(panel)
    point = {name: np.asarray(x, float) for name, x in model.start(arrays).items()}
    sites = {name: (("chain", "draw", *(f"{name}_{n}" for n in range(x.ndim))), np.tile(x, (1, 200, *[1] * x.ndim)))
             for name, x in point.items()}  # fmt: skip
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(sites)})
    found = predictive.groups(tree, arrays, panel, seed=5)
    drawn, density = (found[name]["demand"].values[0] for name in ("posterior_predictive", "log_likelihood"))
    assert drawn.shape == density.shape == (predictive.DRAWS, *panel.shape)  # the record is shorter than the bound
    assert list(found["log_likelihood"]["day"].values) == [str(day) for day in panel.days]
    size, zero = np.exp(point["log_size"]), 1 / (1 + np.exp(-point["zero_logit"]))
    mean = np.exp(point["level"][:, :, None] + (point["elasticity"][:, None] * panel.log_price
                                                + point["lift"][:, None] * panel.promotion))  # fmt: skip
    law = stats.nbinom(np.broadcast_to(size[:, None], mean.shape), 1 / (1 + mean / size[:, None]))
    stays = (1 - zero)[:, None]
    exact = np.log(np.where(panel.value == 0, zero[:, None], 0.0) + stays * law.pmf(panel.value))
    at_least = np.log(stays * law.sf(panel.bound - 1))
    for kind, expected in ((EXACT, exact), (RIGHT_CENSORED, at_least), (MASKED, np.zeros(mean.shape))):
        here = (panel.kind == kind) & ((kind != RIGHT_CENSORED) | (panel.bound > 0))
        np.testing.assert_allclose(density[0][here], expected[here], atol=2e-4)
    error = np.sqrt((drawn.var(axis=0)).sum() / len(drawn))
    assert abs(drawn.mean(axis=0).sum() - (stays * mean).sum()) < 5 * error


@pytest.mark.slow  # compiles for a quarter of a minute
def test_shocks_that_a_fit_does_not_keep_are_drawn_anew_in_every_draw(panel):
    """Store-days that differ by e^1: their totals scatter over the draws as much as over the days."""
    arrays = data(panel)
    point = {name: np.asarray(x, float) for name, x in model.start(arrays).items() if name != "store_day"}
    point |= {"s_store_day": np.ones(()), "level": point["level"] + 5.0}  # so fast that chance counts for nothing
    sites = {name: (("chain", "draw", *(f"{name}_{n}" for n in range(x.ndim))), np.tile(x, (1, 60, *[1] * x.ndim)))
             for name, x in point.items()}  # fmt: skip
    found = predictive.groups(xr.DataTree.from_dict({"posterior": xr.Dataset(sites)}), arrays, panel, seed=5)
    total = np.log(found["posterior_predictive"]["demand"].values[0].sum(axis=2) + 1.0)  # (draw, store, day)
    assert 0.9 < total.std(axis=0).mean() < 1.4


@pytest.mark.slow  # compiles for a quarter of a minute
def test_a_record_that_decides_by_itself_is_listed_first(panel):
    """One day at fifty times its item's mean, under draws of the levels as wide as one week of sales leaves them."""
    arrays = data(panel)
    point = {name: np.asarray(x, float) for name, x in model.start(arrays).items() if name != "store_day"}
    point["s_store_day"] = np.asarray(1e-3)
    rng = np.random.default_rng(8)
    sites = {name: (("chain", "draw", *(f"{name}_{n}" for n in range(x.ndim))), np.tile(x, (1, 1000, *[1] * x.ndim)))
             for name, x in point.items()}  # fmt: skip
    sites["level"] = (sites["level"][0], sites["level"][1] + rng.normal(0, 0.3, sites["level"][1].shape))
    value, kind = panel.value.copy(), panel.kind.copy()
    value[1, 2, 40], kind[1, 2, 40] = 50 * max(1, int(panel.value[1, 2].mean())), EXACT
    odd = replace(panel, value=value, kind=kind, weight=np.where(kind == MASKED, 0.0, 1.0))
    listed, (gate,) = predictive.influence(xr.DataTree.from_dict({"posterior": xr.Dataset(sites)}), arrays, odd, seed=1)
    first = [str(listed[name].values[0]) for name in ("store", "item", "day")]
    assert first == [panel.stores[1], panel.items[2], str(panel.days[40])]
    assert listed["khat"].values[0] > 0.7 and (np.diff(listed["khat"].values) <= 0).all()
    assert gate.passed and "0.67" in gate.name  # one record among many; 1 - 1 / log10 1000


def test_too_many_records_that_decide_by_themselves_block_a_fit():
    khat = np.full(1000, 0.2)
    assert gates.of_influence(khat, 10_000, "orders")[0].passed
    khat[:11] = 0.71
    (failed,) = gates.of_influence(khat, 10_000, "orders")
    assert not failed.passed and failed.figure == pytest.approx(0.989) and "orders" in failed.remedy
    assert gates.of_influence(np.full(5, 0.65), 100, "cells")[0].figure == 0  # a hundred draws carry k-hat 0.5


def test_parameters_of_the_twin_in_closed_form(panel):
    """Two weeks of calendar at twice the tables' factor, a raised price, a drift: worked out by hand."""
    stores, items, _ = panel.shape
    weeks, weekday = 12, np.array([0.3, -0.1, -0.1, -0.1, 0.0, 0.0, 0.0])
    own = {
        "level": (("store", "item"), np.full((stores, items), np.log(2.0))),
        "elasticity": (("item",), np.full(items, -1.5)), "log_size": (("item",), np.full(items, 0.7)),
        "zero_logit": (("item",), np.full(items, -1.0)),
        "weekday": (("category", "day_of_week"), np.tile(weekday, (2, 1))),
        "season": (("category", "harmonic"), np.zeros((2, 4))),
        "holiday": (("category", "holiday_id"), np.zeros((2, 1))),
        "drift": (("week",), np.linspace(0, 0.11, weeks)), "company_week": (("week",), np.full(weeks, 0.05)),
        "s_company_week": ((), 0.1), "s_category_week": ((), 0.2), "s_store_day": ((), 0.05), "s_drift": ((), 0.01),
    }  # fmt: skip
    draws = xr.Dataset(own).expand_dims(chain=1, draw=2)
    days = panel.days[-1] + np.arange(1, 15)
    horizon = Horizon(days, np.ones((stores, 14)), np.full((items, 14), 2.0), np.full(items, np.log(1.1)))
    found = parameters(draws, panel, horizon)
    wanted = 2 * np.exp(0.11 - 0.05) * np.exp((0.1**2 + 0.2**2 + 0.05**2) / 2) * 1.1**-1.5
    wanted *= np.exp(weekday).mean() / 2 / (1 + np.exp(-1.0))
    np.testing.assert_allclose(found["demand_mean"], np.full((2, stores, items), wanted), rtol=1e-12)
    np.testing.assert_allclose(found["company_year"], 0.01 * np.sqrt(52 / 3), rtol=1e-12)
    assert list(found["node"].values) == panel.stores and list(found["product"].values) == panel.items
