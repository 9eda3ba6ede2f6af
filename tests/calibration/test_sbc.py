"""The check that checks calibration: its bands hold, it passes what is right and finds what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from arviz_stats.ecdf_utils import ecdf_pit

from calibration import sbc
from calibration.lead_times.model import LeadTime
from calibration.studies.sbc_lead_times import READINGS, Design, recorded


def test_uniform_numbers_stay_inside_the_band_as_often_as_it_says():
    rng = np.random.default_rng(7)
    kept = np.mean([sbc.inside(rng.random(100)) for _ in range(1000)])
    # binomial 99.9 % interval of 0.95 at 1000
    assert 0.927 <= kept <= 0.971


def test_the_band_is_that_of_arviz():
    at, _, low, high = ecdf_pit(np.random.default_rng(0).random(100), 0.95, 4000, rng=np.random.default_rng(1))
    b = sbc.band(100)
    # one count of a hundred: the bands are steps, and both are simulated
    np.testing.assert_allclose(np.interp(b.at, at, low), b.low / 100, atol=0.021)
    np.testing.assert_allclose(np.interp(b.at, at, high), b.high / 100, atol=0.021)


def test_ranks_are_uniform_where_posterior_and_truth_agree_ties_or_not():
    rng = np.random.default_rng(3)
    for digits in (10, 0):  # without and with ties
        drawn = np.round(rng.normal(0, 1.5, (64, 400)), digits)
        u = sbc.uniforms(drawn[0], drawn[1:], rng)
        assert sbc.p_value(u) > 0.001


REPLICATES = 128
GRID = [np.exp(np.linspace(2.0, 4.0, 40)), np.exp(np.linspace(0.5, 2.7, 24))]  # means in days, and shapes


def ranks(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Uniform numbers of mean and shape of 128 lanes of 30 orders by reading; the prior is uniform on the grid.

    On a grid the posterior is exact, with no sampler between likelihood and rank: sampling is for the slow study.
    """
    rng = np.random.default_rng(seed)
    placed = Design(suppliers=1, lanes=1, orders=30, days=60).placed()
    grid = np.stack([x.ravel() for x in np.meshgrid(*GRID, indexing="ij")])
    chosen = rng.integers(0, grid.shape[1], REPLICATES)
    everywhere = LeadTime(*(jnp.asarray(x)[:, None, None] for x in grid))

    @jax.jit
    def posterior(key, mean, shape):
        took = jnp.floor(LeadTime(mean * jnp.ones(30), shape).days(key))
        seen = [reading(recorded(placed, took, 60)) for reading in READINGS.values()]
        bounds = jnp.stack([jnp.stack([x.lower, x.upper], axis=-1) for x in seen])
        return jax.nn.softmax(everywhere.log_prob(bounds).sum(axis=-1), axis=0)

    keys = jax.random.split(jax.random.key(seed), REPLICATES)
    mass = np.asarray(jax.lax.map(lambda x: posterior(*x), (keys, *jnp.asarray(grid[:, chosen]))))
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in READINGS}
    for name, value in zip(("mean", "shape"), grid, strict=True):
        true = value[chosen][:, None]
        for of_reading, weight in zip(found.values(), np.moveaxis(mass, 2, 0), strict=True):
            below, at = (weight * (value < true)).sum(axis=1), (weight * (value == true)).sum(axis=1)
            of_reading[name] = below + rng.random(REPLICATES) * at
    return found


def test_open_orders_are_right_and_the_wrong_likelihoods_are_found():
    """R = 128, a third of the orders open; bands of 99.9 %, which the wrong likelihoods leave all the same."""
    with jax.enable_x64(True):
        found = ranks()
    for name, u in found["censored"].items():
        assert sbc.inside(u, 0.999), (name, sbc.p_value(u))
    for wrong in ("closed only", "age as lead time"):
        assert not sbc.inside(found[wrong]["mean"], 0.999)
        assert sbc.p_value(found[wrong]["mean"]) < 1e-6  # the test has power


@pytest.mark.slow  # compiling NUTS takes a quarter of a minute
def test_blocks_are_fitted_as_if_each_were_alone():
    """Two conjugate normals of one run, means and deviations exact."""

    def model(seen):
        numpyro.sample("seen", dist.Normal(numpyro.sample("mu", dist.Normal(0.0, 1.0)), 1.0).expand([20]), obs=seen)

    with jax.enable_x64(True):
        seen = jax.random.normal(jax.random.key(0), (2, 20)) + jnp.array([[0.0], [2.0]])
        draws, divergent = sbc.Batched(model, seen[0], 2, warmup=150, draws=600, thin=1).fit(seen, jax.random.key(1))
    mu, seen = np.asarray(draws["mu"]), np.asarray(seen)
    assert divergent == 0
    np.testing.assert_allclose(mu.mean(axis=0), seen.sum(axis=1) / 21, atol=0.05)
    np.testing.assert_allclose(mu.std(axis=0), 1 / np.sqrt(21), rtol=0.15)
