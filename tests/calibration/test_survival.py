"""The negative binomial's survival function beside SciPy and mpmath, in every tail, with its derivatives."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import stats

from calibration.demand import distributions, survival
from calibration.panel import EXACT, INTERVAL, MASKED, RIGHT_CENSORED

CASES = 4000
TERMS = survival.terms_for(2000.0)


@pytest.fixture(scope="module")
def cases():
    """(k, mean, size): bounds to 2,000, sizes .05 to 300, means from far below to far above the bound."""
    rng = np.random.default_rng(5)
    k = np.floor(np.exp(rng.uniform(0, np.log(2000), CASES)))
    size = np.exp(rng.uniform(np.log(0.05), np.log(300), CASES))
    return k, k * np.exp(rng.normal(0, 1.2, CASES)), size


def exact(k, mean, size):
    """log P(D >= k) by mpmath."""
    k, mean, size = map(mpmath.mpf, (k, mean, size))
    return mpmath.log(mpmath.betainc(k, size, 0, mean / (mean + size), regularized=True))


def test_survival_equals_scipy_in_every_tail(cases):
    k, mean, size = cases
    with jax.enable_x64(True):
        ours = jax.jit(survival.log_survival, static_argnums=3)(*map(jnp.asarray, cases), TERMS)
    theirs = stats.nbinom.logsf(k - 1, size, size / (size + mean))
    known = theirs > -650
    assert known.mean() > 0.9
    # relative where the logarithm is large, absolute where P is near 1
    error = np.abs(np.asarray(ours) - theirs)[known] / np.maximum(1.0, np.abs(theirs[known]))
    assert error.max() < 1e-8


def test_survival_and_its_derivatives_equal_mpmath(cases):
    chosen = np.linspace(0, CASES - 1, 24).astype(int)
    k, mean, size = (x[chosen] for x in cases)
    with jax.enable_x64(True):
        arrays = [jnp.asarray(x) for x in (k, mean, size)]

        def total(k, mean, size):
            found = survival.log_survival(k, mean, size, TERMS)
            return found.sum(), found

        both = jax.value_and_grad(total, (1, 2), has_aux=True)
        (_, value), slopes = jax.jit(both)(*arrays)
    with mpmath.workdps(40):
        for n, here in enumerate(zip(k, mean, size, strict=True)):
            assert float(value[n]) == pytest.approx(float(exact(*here)), rel=1e-8, abs=1e-13)
            for place in (1, 2):
                step = mpmath.mpf(here[place]) * mpmath.mpf(10) ** -12
                up, down = (
                    [mpmath.mpf(x) + sign * step * (i == place) for i, x in enumerate(here)] for sign in (1, -1)
                )
                slope = (exact(*up) - exact(*down)) / (2 * step)
                assert float(slopes[place - 1][n]) == pytest.approx(float(slope), rel=1e-8, abs=1e-13)


def test_probabilities_of_the_record_sum_to_one():
    """Exact below the bound and at least the bound are all there is; an interval is the sum of its counts."""
    with jax.enable_x64(True):
        demand = distributions.ZeroInflatedNegativeBinomial(jnp.float64(2.5), jnp.float64(0.7), jnp.float64(-1.3))
        counts = jnp.arange(7)
        below = jnp.exp(demand.log_prob(counts))
        assert float(below.sum() + jnp.exp(demand.log_survival(7))) == pytest.approx(1, abs=1e-13)
        for low, high in ((0, 4), (2, 6)):
            inside = float(below[low : high + 1].sum())
            assert float(jnp.exp(demand.log_between(low, high))) == pytest.approx(inside, rel=1e-12)
        assert float(demand.log_survival(0)) == 0


def test_a_cell_counts_as_its_kind_says():
    with jax.enable_x64(True):
        demand = distributions.ZeroInflatedNegativeBinomial(jnp.full(4, 2.5), jnp.full(4, 0.7), jnp.full(4, -1.3))
        kind, bound = jnp.array([EXACT, RIGHT_CENSORED, INTERVAL, MASKED]), jnp.array([9, 3, 5, 9])
        found = distributions.Observed(demand, kind, bound).log_prob(jnp.array([2, 1, 4, 8]))
        one = distributions.ZeroInflatedNegativeBinomial(jnp.float64(2.5), jnp.float64(0.7), jnp.float64(-1.3))
        wanted = [one.log_prob(2), one.log_survival(3), one.log_between(4, 5), 0.0]
        np.testing.assert_allclose(found, [float(x) for x in wanted], rtol=1e-12)
        plain = jnp.where(kind == INTERVAL, EXACT, kind)
        cells = [distributions.Observed(demand, plain, bound, intervals=some).log_prob(jnp.array([2, 1, 4, 8]))
                 for some in (True, False)]  # fmt: skip
        np.testing.assert_array_equal(*cells)


def test_draws_have_the_moments_of_the_law():
    with jax.enable_x64(True):
        law = distributions.ZeroInflatedNegativeBinomial(jnp.float64(3.0), jnp.float64(1.5), jnp.float64(-1.0))
        draws = np.asarray(jax.jit(law.sample, static_argnums=1)(jax.random.key(1), (40_000,)))
        error = 5 * np.sqrt(float(law.variance) / len(draws))
        assert abs(draws.mean() - float(law.mean)) < error
        assert abs((draws == 0).mean() - float(jnp.exp(law.log_prob(0)))) < 5 * 0.5 / np.sqrt(len(draws))
