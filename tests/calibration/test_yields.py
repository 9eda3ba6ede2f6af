"""What comes of an order: the distribution sums to one, lines are closed before they count, suppliers are pooled."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calibration.yields import InflatedBetaBinomial, deliveries


def test_the_distribution_is_the_mixture_it_names():
    n, none, whole, fill, concentration = 12, 0.1, 0.6, 0.7, 5.0
    with jax.enable_x64(True):
        law = InflatedBetaBinomial(*(jnp.float64(x) for x in (none, whole, fill, concentration)), np.float64(n))
        found = np.exp(jax.jit(law.log_prob)(jnp.arange(n + 1.0)))
    expected = 0.3 * stats.betabinom.pmf(np.arange(n + 1), n, fill * concentration, (1 - fill) * concentration)
    expected[0] += none
    expected[n] += whole
    # NumPyro's beta-binomial keeps six digits
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.slow  # compiling JAX's binomial draws takes ten seconds
def test_draws_follow_the_distribution():
    with jax.enable_x64(True):
        law = InflatedBetaBinomial(*(jnp.float64(x) for x in (0.1, 0.6, 0.7, 5.0)), np.float64(12))
        drawn = np.asarray(law.sample(jax.random.key(0), (20_000,)))
        expected = np.exp(law.log_prob(jnp.arange(13.0)))
    # chi-squared at one in a thousand
    assert stats.chisquare(np.bincount(drawn.astype(int), minlength=13), expected * len(drawn)).pvalue > 0.001


def test_only_closed_lines_have_a_yield():
    day = pd.Timestamp("2024-01-01")
    lines = pd.DataFrame({
        "order_id": ["a", "a", "b", "c", "d", "d"], "product": "p", "source": ["s", "s", "t", "s", "t", "t"],
        "ordered": day, "received": [day + pd.Timedelta(days=d) for d in (2, 3, 4, 20, 2, 30)],
        "ordered_units": [10, 10, 10, 10, 10, 10], "received_units": [4, 4, 12, 10, 5, 5],
    })  # fmt: skip
    found, suppliers, over = deliveries(lines, day + pd.Timedelta(days=10))
    # c and the second half of d have not come yet
    assert found.came.tolist() == [8.0, 10.0] and found.ordered.tolist() == [10.0, 10.0]
    assert suppliers == ("s", "t") and found.supplier.tolist() == [0, 1] and over == 1
    assert pytest.approx(1.0) == deliveries(lines, day + pd.Timedelta(days=40))[0].came.sum() / 38
