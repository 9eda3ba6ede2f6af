"""Quantile functions of laws on the line: accurate, differentiable, good for any source of uniforms."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats
from scipy.stats import qmc

from bench import accuracy
from kernels import quantiles

COUNT = 1 << 12

normal = jax.jit(quantiles.normal)
gamma = jax.jit(quantiles.gamma)
poisson = jax.jit(quantiles.poisson)
lognormal = jax.jit(quantiles.lognormal)
lognormal_factor = jax.jit(quantiles.lognormal_factor)
weibull = jax.jit(quantiles.weibull)


def uniforms(dtype=np.float64, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == np.float64:
        return accuracy.uniforms(rng, COUNT)
    u = (rng.integers(0, 2**23, COUNT) + 0.5) * 2.0**-23
    u[:2] = 2.0**-24, 1.0 - 2.0**-24
    return u.astype(dtype)


def draw(low: float, high: float, seed: int) -> np.ndarray:
    return accuracy.between(np.random.default_rng(seed), low, high, COUNT)


def slope(function, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central difference with a relative step."""
    return (np.asarray(function(x * (1.0 + step))) - np.asarray(function(x * (1.0 - step)))) / (2.0 * step * x)


def test_importing_the_kernels_touches_no_device():
    # a platform that does not exist fails at the first array
    names = ("bits", "quantiles", "ratio", "ration", "rings")
    code = "import jax; " + "; ".join(f"import kernels.{name}" for name in names)
    code += "; assert not jax.config.jax_enable_x64"
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "JAX_PLATFORMS": "none_such"}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_normal_has_all_digits():
    u = uniforms()
    z = np.asarray(normal(u))
    some = np.r_[0:4, 4:COUNT:20]
    assert accuracy.normal_error(u[some], z[some]).max() < 2e-15
    np.testing.assert_allclose(z, special.ndtri(u), rtol=4e-15)
    assert not np.asarray(normal(np.full(COUNT, 0.5))).any()
    # an antithetic uniform gives the same number with the other sign, to the last bit
    np.testing.assert_array_equal(normal(1.0 - u), -z)


def test_normal_in_float32():
    u = uniforms(np.float32)
    z = normal(u)
    assert z.dtype == jnp.float32
    np.testing.assert_allclose(z, special.ndtri(u.astype(np.float64)), rtol=1e-6)


def test_normal_has_its_slope():
    u = np.linspace(0.01, 0.99, COUNT)
    derivative = jax.jit(jax.vmap(jax.grad(quantiles.normal)))(u)
    np.testing.assert_allclose(derivative, 1.0 / stats.norm.pdf(special.ndtri(u)), rtol=1e-12)


GAMMA_SHAPES = [(0.05, 0.3), (0.3, 17.0), (17.0, 60.0), (60.0, 1e4), (1e4, 1e7)]


@pytest.mark.parametrize(("low", "high"), GAMMA_SHAPES)
def test_gamma_has_twelve_digits(low, high):
    u, shape = uniforms(), draw(low, high, 1)
    x = np.asarray(gamma(u, shape, np.ones(COUNT)))
    assert np.all(np.isfinite(x) & (x >= 0.0))
    some = np.r_[0:4, 4 : COUNT : 300 if low >= 1e4 else 30]
    some = some[x[some] > 1e-290]
    assert accuracy.gamma_error(u[some], shape[some], x[some]).max() < 1e-12


@pytest.mark.parametrize(("low", "high", "error"), [(0.05, 0.3, 1e-3), (0.3, 20.0, 1e-4), (20.0, 1e7, 1e-5)])
def test_gamma_in_float32(low, high, error):
    u, shape = uniforms(np.float32), draw(low, high, 2).astype(np.float32)
    x = gamma(u, shape, np.ones(COUNT, np.float32))
    exact = np.asarray(gamma(u.astype(np.float64), shape.astype(np.float64), np.ones(COUNT)))
    assert x.dtype == jnp.float32
    normal_numbers = exact > 1e-30
    np.testing.assert_allclose(np.asarray(x)[normal_numbers], exact[normal_numbers], rtol=error)


def test_gamma_has_slopes_in_u_shape_and_scale():
    u, shape, scale = np.linspace(0.01, 0.99, COUNT), draw(0.1, 1e3, 3), draw(0.1, 10.0, 4)

    def total(u, shape, scale):
        return jnp.sum(quantiles.gamma(u, shape, scale))

    in_u, in_shape, in_scale = jax.jit(jax.grad(total, (0, 1, 2)))(u, shape, scale)
    x = np.asarray(gamma(u, shape, scale))
    np.testing.assert_allclose(in_u, 1.0 / stats.gamma.pdf(x, shape, scale=scale), rtol=1e-9)
    np.testing.assert_allclose(in_shape, slope(lambda a: gamma(u, a, scale), shape, 1e-4), rtol=1e-5)
    np.testing.assert_allclose(in_scale, x / scale, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("futures", [1, 7, 256])
def test_gamma_depends_on_nothing_beside_it(futures):
    # shapes are not batched, as a parameter of the company would be
    u, shape = uniforms(), np.resize(draw(0.05, 1e3, 5)[:15], COUNT)
    batch = jax.jit(jax.vmap(quantiles.gamma, (0, None, None)))
    found = batch(u[: futures * 15].reshape(futures, 3, 5), shape[:15].reshape(3, 5), np.ones((3, 5)))
    np.testing.assert_array_equal(np.ravel(found), np.asarray(gamma(u, shape, np.ones(COUNT)))[: futures * 15])


def test_a_value_depends_on_nothing_beside_it():
    """The continuous and the tabulated laws, one future at a time and 40 at once, bit for bit; counts: test_counts."""
    q, futures, places = quantiles, 40, 15
    u = uniforms()[: futures * places].reshape(futures, places)
    u[:, 0] = np.random.default_rng(12).uniform(size=futures)
    a = draw(0.1, 5.0, 13)[:places]
    table = np.broadcast_to(np.linspace(0.05, 1.0, 20), (places, 20))

    def every_law(u, a):
        return (
            q.normal(u), q.lognormal(u, a, a), q.lognormal_factor(u, a), q.weibull(u, a, a), q.gamma(u, a, a),
            q.bernoulli(u, a / 6.0), q.tabulated(u, table), q.empirical(u, table),
        )  # fmt: skip

    together = jax.jit(jax.vmap(every_law, (0, None)))(u, a)
    alone = jax.jit(every_law)
    for i in range(futures):
        for law, (one, all_) in enumerate(zip(alone(u[i], a), together, strict=True)):
            np.testing.assert_array_equal(one, all_[i], err_msg=str(law))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_lognormal_and_weibull(dtype):
    rtol = 1e-13 if dtype == np.float64 else 2e-5
    u = uniforms(dtype)
    location, sigma, shape = (x.astype(dtype) for x in (draw(0.1, 5.0, 6), draw(0.01, 2.0, 7), draw(0.5, 5.0, 8)))
    wide = u.astype(np.float64)
    z = special.ndtri(wide)
    found = {
        "lognormal": lognormal(u, location, sigma),
        "factor": lognormal_factor(u, sigma),
        "weibull": weibull(u, shape, location),
    }
    expected = {
        "lognormal": np.exp(location + sigma.astype(np.float64) * z),
        "factor": np.exp(sigma.astype(np.float64) * (z - 0.5 * sigma)),
        "weibull": location * (-np.log1p(-wide)) ** (1.0 / shape.astype(np.float64)),
    }
    for name, value in found.items():
        assert value.dtype == dtype
        np.testing.assert_allclose(value, expected[name], rtol=rtol, err_msg=name)


def test_lognormal_factor_has_mean_1_and_weibull_its_mean():
    u = (np.arange(COUNT) + 0.5) / COUNT
    assert abs(np.mean(lognormal_factor(u, np.full(COUNT, 0.4))) - 1.0) < 1e-3
    mean = 3.0 * special.gamma(1.0 + 1.0 / 1.7)
    assert abs(np.mean(weibull(u, np.full(COUNT, 1.7), np.full(COUNT, 3.0))) - mean) < 1e-3 * mean


def test_lognormal_and_weibull_have_slopes():
    u, sigma = np.linspace(0.01, 0.99, COUNT), draw(0.1, 1.0, 9)
    gradient = jax.grad(lambda s: jnp.sum(lognormal_factor(u, s)))(sigma)
    factor = np.asarray(lognormal_factor(u, sigma))
    np.testing.assert_allclose(gradient, factor * (special.ndtri(u) - sigma), rtol=1e-12, atol=1e-13)
    gradient = jax.grad(lambda a: jnp.sum(weibull(u, a, sigma)))(sigma + 1.0)
    differences = slope(lambda a: weibull(u, a, sigma), sigma + 1.0)
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-9)


def test_bernoulli_has_its_share():
    u = (np.arange(COUNT) + 0.5) / COUNT
    for share in (0.0, 0.25, 1.0):
        drawn = np.asarray(quantiles.bernoulli(u, np.full(COUNT, share)))
        assert drawn.sum() == share * COUNT
        assert np.all(np.diff(drawn) >= 0)


def test_tabulated_and_empirical_are_the_smallest_value_that_reaches_u():
    u = np.r_[uniforms()[:500], 0.2, np.nextafter(0.2, 1.0), 0.7, np.nextafter(0.7, 1.0), 0.5, 0.75]
    cdf = np.array([0.2, 0.2, 0.7, 1.0])
    expected = [next(k for k, share in enumerate(cdf, 1) if share >= x) for x in u]
    np.testing.assert_array_equal(quantiles.tabulated(u, np.broadcast_to(cdf, (u.size, 4))), expected)
    values = np.array([1.5, 2.0, 2.0, 9.0])
    expected = np.quantile(values, u, method="inverted_cdf")
    np.testing.assert_array_equal(quantiles.empirical(u, np.broadcast_to(values, (u.size, 4))), expected)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0 - 2.0**-30])
def test_zero_inflated_is_the_mixture(share):
    u, mean = uniforms(), draw(0.5, 50.0, 10)
    k = np.asarray(quantiles.zero_inflated(u, np.full(COUNT, share), lambda rest: poisson(rest, mean)))
    # P(X <= k) of the mixture, within what 52 bits of u leave
    law = lambda k: np.where(k < 0, 0.0, share + (1.0 - share) * special.gammaincc(k + 1.0, mean))  # noqa: E731
    assert np.all(law(k) >= u - 1e-15)
    assert np.all(law(k - 1.0) <= u + 1e-15)
    assert np.all(np.isfinite(k))


def test_antithetic_and_sobol_uniforms_plug_in():
    """The mean of a Poisson demand of 4.2 in four products, by plain, antithetic and scrambled Sobol uniforms."""
    half = COUNT // 8
    rng = np.random.default_rng(11)
    plain = rng.uniform(size=(COUNT // 4, 4))
    antithetic = np.concatenate([plain[:half], 1.0 - plain[:half]])
    # points of 30 bits, moved to the middle of their cell: 0 is not in the open interval
    points = qmc.Sobol(4, rng=12, bits=30).random(COUNT // 4)
    sobol = (np.floor(points * 2.0**30) + 0.5) * 2.0**-30
    errors, means = {}, np.full(COUNT, 4.2)
    for name, u in (("plain", plain), ("antithetic", antithetic), ("sobol", sobol)):
        demand = np.asarray(poisson(u.ravel(), means)).reshape(-1, 4)
        errors[name] = abs(demand.sum(axis=1).mean() - 16.8)
        if name == "antithetic":
            assert np.corrcoef(demand[:half].sum(axis=1), demand[half:].sum(axis=1))[0, 1] < -0.9
    standard = np.sqrt(16.8 / (COUNT // 4))
    assert errors["plain"] < 4.0 * standard
    assert errors["antithetic"] < standard
    assert errors["sobol"] < 0.1 * standard
