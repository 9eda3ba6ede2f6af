"""Quantile functions: one uniform number in, one value of the law out. Elementwise, no rejection, float64 or float32.

Any uniform will do: Threefry bits, 1 - u for an antithetic future, a coordinate of a scrambled Sobol point. All lie in the
open interval (0, 1). The quantile of a count or category is a step function of its parameters: its derivatives are 0.
Others are differentiable in all arguments.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import tails
from kernels.counts import negative_binomial, poisson
from kernels.normal import normal
from kernels.stragglers import whole_batch

__all__ = [
    "bernoulli",
    "empirical",
    "gamma",
    "lognormal",
    "lognormal_factor",
    "negative_binomial",
    "normal",
    "poisson",
    "tabulated",
    "weibull",
    "zero_inflated",
]

_ROUNDS_MAX = 40


def lognormal(u: Array, location: Array, sigma: Array) -> Array:
    """exp(location + sigma z): location and sigma are mean and standard deviation of the logarithm."""
    return jnp.exp(location + sigma * normal(u))


def lognormal_factor(u: Array, sigma: Array) -> Array:
    """A lognormal factor with mean 1: exp(sigma z - sigma^2 / 2), sigma the standard deviation of its logarithm."""
    return jnp.exp(sigma * normal(u) - 0.5 * sigma * sigma)


def weibull(u: Array, shape: Array, scale: Array) -> Array:
    """scale (-log(1 - u))^(1 / shape)."""
    return scale * jnp.exp(jnp.log(-jnp.log1p(-u)) / shape)


def gamma(u: Array, shape: Array, scale: Array) -> Array:
    """Gamma quantile with mean shape scale; shape from 0.05 to 1e8."""
    u, shape, scale = jnp.broadcast_arrays(*(jnp.asarray(x) for x in (u, shape, scale)))
    return scale * _standard_gamma(u, shape)


def bernoulli(u: Array, share: Array) -> Array:
    """1 with probability `share`, else 0; 1 for the largest u."""
    return (u > 1.0 - share).astype(u.dtype)


def tabulated(u: Array, cdf: Array) -> Array:
    """Quantile of a law on 1, 2, .. n given by its distribution function.

    cdf: (..., n), last entry 1. Returns the smallest k with cdf[k - 1] >= u, shape of u.
    """
    return 1.0 + jnp.sum((cdf[..., :-1] < u[..., None]).astype(u.dtype), axis=-1)


def empirical(u: Array, values: Array) -> Array:
    """Quantile of observed values, each equally likely: the smallest value with a share >= u at or below it.

    values: (..., n), ascending. Returns the shape of u.
    """
    n = values.shape[-1]
    rank = jnp.clip(jnp.ceil(u * float(n)).astype(jnp.int32) - 1, 0, n - 1)
    return jnp.take_along_axis(values, rank[..., None], axis=-1)[..., 0]


def zero_inflated(u: Array, zero_share: Array, quantile: Callable[[Array], Array]) -> Array:
    """Zero with probability `zero_share` in [0, 1), else a draw of `quantile` from the same uniform number."""
    rest = (u - zero_share) / (1.0 - zero_share)
    # rounding must not carry a uniform to 0 or 1
    edge = 0.5 * float(jnp.finfo(u.dtype).eps)
    return jnp.where(rest > 0, quantile(jnp.clip(rest, edge, 1.0 - edge)), 0.0)


@jax.custom_jvp
def _standard_gamma(u: Array, shape: Array) -> Array:
    return _solved_gamma(u, shape)


@_standard_gamma.defjvp
def _standard_gamma_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    """From P(shape, x(u, shape)) = u: dx/du = 1 / density, dx/dshape = -(dP/dshape) / density."""
    u, shape = primals
    x = _standard_gamma(u, shape)
    density = jnp.exp((shape - 1.0) * jnp.log(x) - x - lax.lgamma(shape))
    return x, tangents[0] / density + tangents[1] * lax.random_gamma_grad(shape, x)


@whole_batch
def _solved_gamma(u: Array, shape: Array) -> Array:
    """Newton's steps for the logarithm of x on the logarithm of the smaller tail.

    Both are concave or nearly straight in log x. Start: Wilson & Hilferty (1931), or for small x the first term of the
    series, P = x^a / Gamma(a + 1).
    """
    upper = u > 0.5
    aim = jnp.where(upper, 1.0 - u, u)
    first = (jnp.log(u) + lax.lgamma(shape + 1.0)) / shape
    root = jnp.maximum(1.0 - 1.0 / (9.0 * shape) + normal(u) / (3.0 * jnp.sqrt(shape)), 0.05)
    start = jnp.where(first < math.log(0.2) + jnp.log1p(shape), first, jnp.log(shape) + 3.0 * jnp.log(root))
    precise = 4.0 * float(jnp.finfo(u.dtype).eps)

    def improve(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        rounds, log_x, done = state
        lower_tail, upper_tail, moment = tails.gamma(shape, jnp.exp(log_x))
        tail = jnp.where(upper, upper_tail, lower_tail)
        length = jnp.log(tail / aim) * tail / moment
        step = jnp.clip(jnp.where(upper, length, -length), -3.0, 3.0)
        return rounds + 1, jnp.where(done, log_x, log_x + step), done | (jnp.abs(step) <= precise)

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        return jnp.any(~state[2]) & (state[0] < _ROUNDS_MAX)

    # below this P = x^a / Gamma(a + 1) is exact
    done = first < jnp.log(0.01 * precise)
    return jnp.exp(lax.while_loop(unfinished, improve, (jnp.zeros((), jnp.int32), start, done))[1])
