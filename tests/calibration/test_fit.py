"""`fit` beside a closed form: a linear Gaussian hierarchy, whose posterior is a Gaussian with a known precision."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr

from calibration.inference import fit, gates, svi
from calibration.inference.fit import write
from calibration.inference.laplace import Blocks
from scenarios import calibrating

GROUPS, ITEMS, EACH = 2, 6, 5
GROUP_OF = np.arange(ITEMS) % GROUPS


def hierarchy(data):
    """mu ~ N(0, 3); group ~ N(mu, 1); item ~ N(group of it, 0.5); y ~ N(item, 1)."""
    mu = numpyro.sample("mu", dist.Normal(0.0, 3.0))
    with numpyro.plate("group", GROUPS, dim=-1):
        group = numpyro.sample("of_group", dist.Normal(mu, 1.0))
    with numpyro.plate("item", ITEMS, dim=-1):
        item = numpyro.sample("of_item", dist.Normal(group[GROUP_OF], 0.5))
        numpyro.factor("likelihood", dist.Normal(item, 1.0).log_prob(data).sum(0))


def closed_form(y):
    """Means and covariance of (mu, groups, items): precision and its right-hand side, term by term."""
    n = 1 + GROUPS + ITEMS
    precision, right = np.zeros((n, n)), np.zeros(n)
    precision[0, 0] += 1 / 9

    def tie(a, b, sd):
        precision[np.ix_([a, b], [a, b])] += np.array([[1, -1], [-1, 1]]) / sd**2

    for g in range(GROUPS):
        tie(0, 1 + g, 1.0)
    for i in range(ITEMS):
        tie(1 + GROUP_OF[i], 1 + GROUPS + i, 0.5)
        precision[1 + GROUPS + i, 1 + GROUPS + i] += EACH
        right[1 + GROUPS + i] += y[:, i].sum()
    covariance = np.linalg.inv(precision)
    return covariance @ right, covariance


@pytest.fixture(scope="module")
def y():
    return np.random.default_rng(5).normal(1.0, 1.5, (EACH, ITEMS))


@pytest.mark.parametrize("engine", ["laplace", "nuts"])
def test_the_posterior_is_the_closed_form(y, engine):
    number = 4000
    found = fit(
        hierarchy, jnp.asarray(y), engine=engine, blocks=Blocks("item", "group", GROUP_OF), steps=800, warm_up=500,
        draws=number if engine == "laplace" else number // 4,
    )  # fmt: skip
    assert not [gate for gate in gates.table(found) if not gate.passed]
    draws = np.concatenate(
        [found["posterior"][name].values.reshape(number, -1) for name in ("mu", "of_group", "of_item")], axis=1
    )
    mean, covariance = closed_form(y)
    # five standard errors; chains are taken to be worth a quarter of their draws
    worth = number if engine == "laplace" else number / 4
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(draws.mean(axis=0) - mean) / spread, 5 / np.sqrt(worth))
    products = np.outer(spread, spread)
    np.testing.assert_array_less(np.abs(np.cov(draws.T) - covariance) / products, 5 * np.sqrt(2 / worth))


def test_a_quick_look_never_passes_its_gates(y, tmp_path):
    found = fit(hierarchy, jnp.asarray(y), engine="svi", draws=10, steps=400)
    for _ in range(2):  # the second in place of the first
        write(found, tmp_path / "p.zarr")
    assert [file.name for file in tmp_path.iterdir()] == ["p.zarr"]
    again = xr.open_datatree(tmp_path / "p.zarr", engine="zarr", consolidated=False)
    assert gates.table(again) == gates.table(found)
    assert again["posterior"]["of_item"].dims == ("chain", "draw", "item")
    with pytest.raises(gates.Blocked, match="mean-field intervals are too narrow"):
        gates.release(found)


def test_the_command_offers_the_steps_that_the_fit_takes():
    assert calibrating.STEPS == svi.STEPS
