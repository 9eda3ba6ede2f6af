"""Poisson and negative binomial quantiles are exact, whatever is computed beside them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from bench import accuracy
from kernels import bits, quantiles

COUNT = 1 << 14
# What is promised is 1e-13. SciPy's own tails are good to about 1e-15 here.
MISS_MAX = 2e-15

poisson = jax.jit(quantiles.poisson)
negative_binomial = jax.jit(quantiles.negative_binomial)


def draw(low: float, high: float, seed: int) -> np.ndarray:
    return accuracy.between(np.random.default_rng(seed), low, high, COUNT)


def uniforms(seed: int = 0) -> np.ndarray:
    return accuracy.uniforms(np.random.default_rng(seed), COUNT)


MEANS = [(1e-8, 0.05), (0.05, 300.0), (300.0, 1e4)]
SIZES = [(0.05, 0.3), (0.3, 50.0), (50.0, 1e4), (1e4, 1e8)]


@pytest.mark.parametrize(("low", "high"), MEANS)
def test_poisson_is_exact(low, high):
    u, mean = uniforms(), draw(low, high, 1)
    k = np.asarray(poisson(u, mean))
    assert accuracy.count_miss(u, k, accuracy.poisson(mean)).max() < MISS_MAX


@pytest.mark.parametrize(("size_low", "size_high"), SIZES)
@pytest.mark.parametrize(("low", "high"), MEANS)
def test_negative_binomial_is_exact(low, high, size_low, size_high):
    u, mean, size = uniforms(), draw(low, high, 2), draw(size_low, size_high, 3)
    k = np.asarray(negative_binomial(u, mean, size))
    assert accuracy.count_miss(u, k, accuracy.negative_binomial(mean, size)).max() < MISS_MAX


def test_large_means_are_exact():
    # SciPy's incomplete gamma function is wrong by 1e-7 here: a few elements, in 40 digits
    u, mean, size = uniforms(), draw(1e4, 1e7, 4), draw(0.05, 50.0, 5)
    some = np.r_[0:4, 4 : COUNT : COUNT // 24]
    k = np.asarray(poisson(u, mean))[some]
    assert accuracy.count_miss(u[some], k, accuracy.poisson_in_digits(mean[some])).max() < MISS_MAX
    k = np.asarray(negative_binomial(u, mean, size))[some]
    tails = accuracy.negative_binomial_in_digits(mean[some], size[some])
    assert accuracy.count_miss(u[some], k, tails).max() < MISS_MAX
    size = draw(50.0, 1e8, 6)
    k = np.asarray(negative_binomial(u, mean, size))
    assert accuracy.count_miss(u, k, accuracy.negative_binomial(mean, size)).max() < MISS_MAX


def test_a_step_beside_a_jump_decides():
    # Every element here is undecidable in float32. k is drawn first, then u is put 1e-13 below and above P(X <= k).
    mean, size = draw(0.05, 300.0, 7), draw(0.3, 50.0, 8)
    middle = np.random.default_rng(9).uniform(1e-3, 0.999, COUNT)
    k = np.asarray(poisson(middle, mean))
    jump = special.gammaincc(k + 1.0, mean)
    inside = jump < 0.9999
    for offset, expected in ((-1e-13, k), (1e-13, k + 1.0)):
        found = np.asarray(poisson(np.minimum(jump + offset, 1.0 - 1e-15), mean))
        np.testing.assert_array_equal(found[inside], expected[inside])
    k = np.asarray(negative_binomial(middle, mean, size))
    jump = special.betainc(size, k + 1.0, size / (size + mean))
    inside = jump < 0.9999
    for offset, expected in ((-1e-13, k), (1e-13, k + 1.0)):
        found = np.asarray(negative_binomial(np.minimum(jump + offset, 1.0 - 1e-15), mean, size))
        np.testing.assert_array_equal(found[inside], expected[inside])


def test_scipy_agrees_where_it_is_right():
    u = np.clip(np.random.default_rng(10).uniform(size=COUNT), 1e-12, 1.0 - 1e-12)
    mean, size = draw(1e-3, 1e3, 11), draw(0.3, 1e3, 12)
    np.testing.assert_array_equal(poisson(u, mean), stats.poisson.ppf(u, mean))
    expected = stats.nbinom.ppf(u, size, size / (size + mean))
    np.testing.assert_array_equal(negative_binomial(u, mean, size), expected)


def test_ends_of_the_domain():
    u, zero = uniforms(), np.zeros(COUNT)
    assert not np.any(poisson(u, zero))
    assert not np.any(negative_binomial(u, zero, draw(0.05, 1e8, 13)))
    ends = np.resize([2.0**-53, 1e-15, 0.5 - 2.0**-53, 0.5 + 2.0**-53, 1.0 - 1e-15, 1.0 - 2.0**-53], COUNT)
    for mean in (1e-300, 1e-8, 0.05, 16.0, 1e6, 1e7):
        k = np.asarray(poisson(ends, np.full(COUNT, mean)))
        assert np.all(np.isfinite(k) & (k >= 0) & (k <= 20.0 + mean + 10.0 * np.sqrt(mean)))
        for size in (0.05, 1.0, 1e3, 1e8):
            k = np.asarray(negative_binomial(ends, np.full(COUNT, mean), np.full(COUNT, size)))
            # 40 / size is where a gamma law of so small a shape keeps 1e-16
            assert np.all(np.isfinite(k) & (k >= 0))
            assert np.all(k <= 20.0 + mean * (1.0 + 40.0 / size + 10.0 / np.sqrt(size)) + 10.0 * np.sqrt(mean))


def test_counts_never_fall_when_u_or_the_mean_rises():
    rows = COUNT // 256
    u = np.sort(uniforms(14).reshape(rows, 256), axis=1).ravel()
    mean, size = np.repeat(draw(0.05, 1e4, 15)[:rows], 256), np.repeat(draw(0.05, 1e4, 16)[:rows], 256)
    assert np.all(np.diff(np.asarray(poisson(u, mean)).reshape(rows, 256)) >= 0)
    assert np.all(np.diff(np.asarray(negative_binomial(u, mean, size)).reshape(rows, 256)) >= 0)
    # and for one u, a larger mean
    u = np.repeat(np.random.default_rng(17).uniform(size=rows), 256)
    mean = np.sort(draw(0.05, 1e4, 18).reshape(rows, 256), axis=1).ravel()
    assert np.all(np.diff(np.asarray(poisson(u, mean)).reshape(rows, 256)) >= 0)
    assert np.all(np.diff(np.asarray(negative_binomial(u, mean, size)).reshape(rows, 256)) >= 0)


@pytest.mark.parametrize("mean", [0.3, 3.7, 16.2, 140.0])
def test_drawn_counts_have_the_law(mean):
    counter = jnp.arange(COUNT, dtype=jnp.uint32)
    u = np.asarray(bits.uniform(bits.threefry2x32((np.uint32(5), np.uint32(6)), (counter, np.uint32(0)))))
    size, full = 0.7, np.full(COUNT, mean)
    laws = (
        (poisson(u, full), stats.poisson(mean)),
        (negative_binomial(u, full, np.full(COUNT, size)), stats.nbinom(size, size / (size + mean))),
    )
    for drawn, law in laws:
        # cells with equal shares as far as steps allow, each expecting ten or more
        edges = np.unique(law.ppf(np.linspace(0.0, 1.0, 65)[1:-1]))
        expected = np.diff(np.r_[0.0, law.cdf(edges), 1.0]) * COUNT
        cells = np.bincount(np.searchsorted(edges, np.asarray(drawn)), minlength=expected.size)
        excess = ((cells - expected) ** 2 / expected)[expected > 10.0].sum()
        assert stats.chi2.sf(excess, expected.size - 1) > 1e-4


SHAPE = (3, 5)


def counts_of_one_future(u, mean, size):
    """(node, product), as the day calls it: u and mean of this future, sizes of all."""
    return quantiles.poisson(u, mean), quantiles.negative_binomial(u, mean, size)


def futures(count):
    """u, mean: (count, node, product), size: (node, product), and the counts as one flat array has them."""
    u, mean = uniforms(19), draw(0.05, 1e3, 20)
    size = np.resize(draw(0.05, 1e4, 21)[: SHAPE[0] * SHAPE[1]], COUNT)
    several = (np.ravel(x)[: count * SHAPE[0] * SHAPE[1]].reshape(count, *SHAPE) for x in
               (u, mean, poisson(u, mean), negative_binomial(u, mean, size)))  # fmt: skip
    u, mean, *counts = several
    return u, mean, size[: SHAPE[0] * SHAPE[1]].reshape(SHAPE), counts


@pytest.mark.parametrize("batch", [256, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 7, 1024))])
def test_a_count_depends_on_nothing_beside_it(batch):
    u, mean, size, expected = futures(batch)
    found = jax.jit(jax.vmap(counts_of_one_future, (0, 0, None)))(u, mean, size)
    for one, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_future_alone_counts_the_same():
    u, mean, size, expected = futures(300)
    alone = jax.jit(counts_of_one_future)
    for i in range(300):
        for one, same in zip(alone(u[i], mean[i], size), expected, strict=True):
            np.testing.assert_array_equal(one, same[i])


def test_new_numbers_compile_nothing():
    poisson(uniforms(), draw(0.05, 1e3, 1))
    negative_binomial(uniforms(), draw(0.05, 1e3, 1), draw(0.05, 1e3, 1))
    before = poisson._cache_size(), negative_binomial._cache_size()
    for seed in range(10):
        poisson(uniforms(seed), draw(0.05, 1e3, seed))
        negative_binomial(uniforms(seed), draw(0.05, 1e3, seed), draw(0.05, 1e3, seed))
    assert (poisson._cache_size(), negative_binomial._cache_size()) == before


def test_counts_are_constants_to_a_gradient():
    # policies of futures of days: two nested batches of a differentiated scan, and still the same counts
    u, mean, size, expected = futures(12)

    def loss(level, days):
        def day(stock, now):
            u, mean = now
            # level - 2 is 1, so that the means are those of `futures`
            counts = counts_of_one_future(u, mean * (level - 2.0), size * (level - 2.0))
            return stock + level * level * jnp.sum(counts[0] + counts[1]), counts

        return jax.lax.scan(day, jnp.zeros(()), days)

    gradient = jax.vmap(jax.vmap(jax.grad(loss, has_aux=True), (None, 0)), (None, 0))
    slope, counts = jax.jit(gradient)(3.0, tuple(x.reshape(2, 3, 2, *SHAPE) for x in (u, mean)))
    for one, same in zip(counts, expected, strict=True):
        np.testing.assert_array_equal(one, same.reshape(2, 3, 2, *SHAPE))
    # the price has a slope, the counts have none
    np.testing.assert_allclose(slope, 6.0 * np.sum(counts, axis=(0, 3, 4, 5)), rtol=1e-15)
    assert np.all(np.asarray(slope) > 0)


@pytest.mark.parametrize(("low", "high", "share_max"), [(1e-6, 300.0, 3e-4), (300.0, 1e5, 1e-2)])
def test_float32_is_seldom_off_and_then_by_one(low, high, share_max):
    u = ((np.random.default_rng(24).integers(0, 2**23, COUNT) + 0.5) * 2.0**-23).astype(np.float32)
    mean, size = draw(low, high, 25).astype(np.float32), draw(0.3, 50.0, 26).astype(np.float32)
    for quantile, arguments in ((poisson, (u, mean)), (negative_binomial, (u, mean, size))):
        single = np.asarray(quantile(*arguments))
        exact = np.asarray(quantile(*(x.astype(np.float64) for x in arguments)))
        assert single.dtype == np.float32
        assert np.abs(single - exact).max() <= 1.0
        assert np.mean(single != exact) < share_max
