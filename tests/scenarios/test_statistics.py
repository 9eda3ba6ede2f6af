"""Intervals cover what they say, by exact sums and by closed forms over 200 seeds; too few futures are refused."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kernels import quantiles
from kernels.bits import threefry2x32, uniform
from scenarios import posterior, statistics
from scenarios.statistics import TooFew
from twin import measures

SEEDS = 200
# LEDGER.md 7, R16: cash 500, flows N(2, 60) a day, 90 days; by quadrature, daily closes
SHORTFALL, CASH_AT_RISK = 0.252078, 756.2671


def covered(hits: int, of: int, level: float) -> bool:
    """Whether so many hits are what the level says: two-sided binomial, one false alarm in a thousand."""
    return bool(stats.binomtest(hits, of, level).pvalue > 1e-3)


@pytest.mark.parametrize("n", [20, 64])
def test_wilson_covers_as_computed_exactly(n):
    """Coverage at p is a finite sum of binomial probabilities; on average over p it is the level, and it dips little
    (Brown, Cai & DasGupta, Stat. Sci. 16 (2001), 101-133, figure 5).
    """
    k = np.arange(n + 1)
    found = [statistics.probability(np.arange(n) < hits) for hits in k]
    low, high = np.array([x.low for x in found]), np.array([x.high for x in found])
    z, p = stats.norm.ppf(0.975), k / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert low == pytest.approx(middle - half / (1 + z * z / n), abs=1e-12)
    at = np.linspace(0.005, 0.995, 199)
    inside = (low[None] <= at[:, None]) & (at[:, None] <= high[None])
    coverage = (stats.binom.pmf(k[None], n, at[:, None]) * inside).sum(axis=1)
    assert coverage.mean() == pytest.approx(0.95, abs=0.01)
    assert coverage.min() > 0.83


@pytest.fixture(scope="module")
def walks():
    """(seed, future, day) cash of R16 on our own random numbers."""
    with jax.enable_x64(True):
        day = jnp.arange(90, dtype=jnp.uint32)

        @jax.jit
        def cash(seed, draw):
            key = threefry2x32((jnp.uint32(0), seed), (jnp.uint32(0), draw))
            bits = threefry2x32(key, (day, jnp.zeros_like(day)))
            return 500 + jnp.cumsum(2 + 60 * quantiles.normal(uniform(bits)))

        draws = jnp.arange(100, dtype=jnp.uint32)
        each = jax.vmap(jax.vmap(cash, in_axes=(None, 0)), in_axes=(0, None))
        return np.asarray(each(jnp.arange(SEEDS, dtype=jnp.uint32), draws))


def test_the_shortfall_probability_is_covered_over_200_seeds(walks):
    hits = 0
    for one in walks:
        found = statistics.probability(measures.shortfall(one))
        hits += found.low <= SHORTFALL <= found.high
    k = np.arange(101)
    low = [statistics.probability(np.arange(100) < hit).low for hit in k]
    high = [statistics.probability(np.arange(100) < hit).high for hit in k]
    exact = stats.binom.pmf(k, 100, SHORTFALL) @ ((np.array(low) <= SHORTFALL) & (np.array(high) >= SHORTFALL))
    assert covered(hits, SEEDS, float(exact))


def test_mean_and_quantile_of_terminal_cash_are_covered_over_200_seeds(walks):
    """Terminal cash is N(680, 60 sqrt(90)); its 5 % quantile is 756.2671 below the start (R16: cash at risk)."""
    law = stats.norm(500 + 2 * 90, 60 * np.sqrt(90))
    assert law.ppf(0.05) == pytest.approx(500 - CASH_AT_RISK, abs=1e-3)
    means = [statistics.mean(one[:, -1]) for one in walks]
    assert covered(sum(x.low <= law.mean() <= x.high for x in means), SEEDS, 0.95)
    tails = [statistics.supported(one[:, -1], 0.05) for one in walks]
    hits = sum(x.low <= law.ppf(0.05) <= x.high for x in tails)
    # order statistics are whole numbers: they cover at least what they say
    low, high = stats.binom.ppf(0.025, 100, 0.05) - 1, stats.binom.ppf(0.975, 100, 0.05)
    exact = stats.binom.cdf(high, 100, 0.05) - stats.binom.cdf(low, 100, 0.05)
    assert exact >= 0.95
    assert covered(hits, SEEDS, float(exact))


@pytest.mark.parametrize("level", [0.001, 0.01, 0.05, 0.5, 0.95, 0.999])
def test_what_n_cannot_support_is_refused_with_the_n_it_would_take(level):
    need = statistics.needed(level)
    sample = np.random.default_rng(0).random(need)
    found = statistics.supported(sample, level)
    assert np.isfinite([found.low, found.high]).all() and found.n == need
    with pytest.raises(TooFew, match=f"needs at least {need:,} futures; there are {need - 1:,}"):
        statistics.supported(sample[1:], level)
    # by its own meaning: with probability 97.5 % the extremes of n enclose the quantile on the far side
    assert max(level, 1 - level) ** need <= 0.025 < max(level, 1 - level) ** (need - 1)


def test_a_thousandth_from_500_futures_is_refused():
    with pytest.raises(TooFew) as refused:
        statistics.supported(np.zeros(500), 0.999)
    assert (refused.value.n, refused.value.need) == (500, 3688)


def test_fieller_covers_the_ratio_of_two_means():
    """Correlated normal pairs with means 3 and 2; where the denominator may be 0 the interval is refused."""
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(SEEDS):
        y = rng.normal(2, 2, 60)
        x = 3 + 0.8 * (y - 2) + rng.normal(0, 1, 60)
        found = statistics.ratio(x, y)
        assert found.low < found.value < found.high
        hits += found.low <= 1.5 <= found.high
    assert covered(hits, SEEDS, 0.95)
    assert math.isnan(statistics.ratio(np.ones(10), np.array([1.0, -1.0] * 5) + 1e-3).low)


# -------------------- the split of a spread


def pairs(rng, draws, parameters, luck):
    """Conjugate case: theta ~ N(0, parameters), two futures theta + N(0, luck) for each."""
    theta = rng.normal(0, np.sqrt(parameters), (draws, 1))
    return (theta + rng.normal(0, np.sqrt(luck), (draws, 2))).ravel()


@pytest.mark.parametrize(("parameters", "luck"), [(1.0, 1.0), (0.2, 1.8), (3.0, 0.5)])
def test_the_split_is_unbiased_and_its_interval_covers(parameters, luck):
    rng = np.random.default_rng(11)
    found = [posterior.split(pairs(rng, 50, parameters, luck)) for _ in range(SEEDS)]
    for name, truth in (("parameters", parameters), ("luck", luck)):
        values = np.array([getattr(x, name) for x in found])
        assert values.mean() == pytest.approx(truth, abs=4 * values.std() / np.sqrt(SEEDS))
    share = parameters / (parameters + luck)
    assert covered(sum(x.low <= share <= x.high for x in found), SEEDS, 0.95)


def test_without_a_second_future_there_is_no_split():
    with pytest.raises(ValueError, match="at least 2"):
        posterior.split(np.ones(2))
    nothing = posterior.split(np.repeat(np.arange(5.0), 2))
    assert nothing.luck == 0 and nothing.share == 1
