"""Quantile functions: one uniform number in, one value of the law out. Elementwise, no rejection, float64 or
float32.

Any uniform will do: Threefry bits, 1 - u for an antithetic future, a coordinate of a scrambled Sobol point.
All lie in the open interval (0, 1). The quantile of a count or category is a step function of its parameters:
its derivatives are 0. Others are differentiable in all arguments.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from kernels import elementary
from kernels.counts import negative_binomial, poisson
from kernels.gamma import gamma
from kernels.normal import normal

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


def lognormal(u: Array, location: Array, sigma: Array) -> Array:
    """exp(location + sigma z): location and sigma are mean and standard deviation of the logarithm; sigma >= 0."""
    return jnp.exp(location + sigma * normal(u))


def lognormal_factor(u: Array, sigma: Array) -> Array:
    """A factor with mean 1: exp(sigma z - sigma^2 / 2), sigma >= 0 the standard deviation of its logarithm."""
    return jnp.exp(sigma * normal(u) - 0.5 * sigma * sigma)


def weibull(u: Array, shape: Array, scale: Array) -> Array:
    """scale (-log(1 - u))^(1 / shape); shape and scale > 0."""
    # XLA divides by what is broadcast, and only by that, as a product with its reciprocal: results would depend on it
    return scale * jnp.exp(jnp.log(-jnp.log1p(-u)) * (1.0 / shape))


def bernoulli(u: Array, share: Array) -> Array:
    """1 with probability `share` in [0, 1], else 0; 1 for the largest u."""
    return (u > 1.0 - share).astype(u.dtype)


def tabulated(u: Array, cdf: Array) -> Array:
    """Quantile of a law on 1, 2, .. n given by its distribution function.

    cdf: (..., n), last entry 1. Returns the smallest k with cdf[k - 1] >= u, shape of u.
    """
    return 1.0 + jnp.sum((cdf[..., :-1] < u[..., None]).astype(u.dtype), axis=-1)


def exceeding(u: Array, cdf: Array, age: Array) -> Array:
    """Quantile of a law on 1, 2, .. n of what is longer than `age`: L given L > age; age + 1 where the law has no such.

    cdf: (..., n), last entry 1; age: whole, >= 0, shape of u. Returns the smallest k > age with
    cdf[k - 1] - cdf[age - 1] >= u (1 - cdf[age - 1]); a product and a difference are compared, so that no compiler can
    contract them and every engine finds the same k.
    """
    days = jnp.arange(1, cdf.shape[-1] + 1, dtype=u.dtype)
    days = jnp.broadcast_to(days, cdf.shape)
    passed = jnp.max(jnp.where(days <= age[..., None], cdf, 0.0), axis=-1)
    among = u * (1.0 - passed)
    k = 1.0 + jnp.sum((cdf[..., :-1] - passed[..., None] < among[..., None]).astype(u.dtype), axis=-1)
    return jnp.maximum(k, age + 1.0)


def empirical(u: Array, values: Array) -> Array:
    """Quantile of observed values, each equally likely: the smallest value with a share >= u at or below it.

    values: (..., n), ascending. Returns the shape of u.
    """
    n = values.shape[-1]
    rank = jnp.clip(jnp.ceil(u * float(n)).astype(jnp.int32) - 1, 0, n - 1)
    return jnp.take_along_axis(values, rank[..., None], axis=-1)[..., 0]


def zero_inflated(u: Array, zero_share: Array, quantile: Callable[[Array], Array]) -> Array:
    """Zero with probability `zero_share` in [0, 1), else a draw of `quantile` from the same uniform."""
    rest = (u - zero_share) / (1.0 - zero_share)
    # rounding must not carry a uniform to 0 or 1
    edge = 0.5 * elementary.epsilon(u)
    return jnp.where(rest > 0, quantile(jnp.clip(rest, edge, 1.0 - edge)), 0.0)
