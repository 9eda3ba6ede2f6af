"""Cornish-Fisher expansions of count and gamma quantiles, evaluated: `cornish_fisher` has the coefficients.

Written for float32; float64 works as well.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from kernels import cornish_fisher
from kernels.cornish_fisher import COUNT_MIN, Rows
from kernels.elementary import polynomial

# What float32 adds to the error, as a share of the mean and of the distance from it.
_SINGLE = 5e-7
_SINGLE_SKEWED = 1.3e-6


class Expansion(NamedTuple):
    """The real x of which the quantile is ceil(x), where that holds, and a bound of its error there."""

    x: Array
    tame: Array
    error: Array


def poisson(z: Array, mean: Array) -> Expansion:
    fit = cornish_fisher.poisson()
    sigma = jnp.sqrt(mean)
    distance = sigma * z + _parity_polynomial(fit.rows, z, 1.0 / sigma, 0)
    tame = (jnp.abs(z) < fit.z_max) & (sigma > fit.sigma_min)
    return Expansion(mean + distance, tame, fit.error + _SINGLE * (mean + jnp.abs(distance)))


def negative_binomial(z: Array, mean: Array, odds: Array) -> Expansion:
    """odds = mean / size."""
    width = odds + 0.5
    sigma = jnp.sqrt(mean * (1.0 + odds))
    inverse = 1.0 / sigma
    rho = width * inverse
    broad, skewed = cornish_fisher.broad(), cornish_fisher.skewed()

    own = _parity_polynomial(broad.lattice, z, rho, 1)
    own = own + _parity_polynomial(broad.kurtosis, z, rho, 1) * (inverse * inverse)
    far_broad = sigma * z + width * _parity_polynomial(broad.gamma, z, rho, 0) + own * inverse
    eighth = (z * z) * (z * z) * (z * z) * (z * z)
    error_broad = (broad.error + broad.error_width * width) * (0.125 + 0.875 / broad.z_max**8 * eighth)

    t, r, y = _skewed_gamma(skewed, z, rho)
    own = _triangle_polynomial(skewed.lattice, t, r) + polynomial(skewed.small, r) * (1.0 / y)
    far_skewed = (y - 1.0) * sigma * sigma * (1.0 / width) + own * inverse
    tame_skewed = (rho < skewed.rho_max) & (t > -1.0) & (y > skewed.y_min)

    is_broad = rho < broad.rho_max
    distance = jnp.where(is_broad, far_broad, far_skewed)
    x = (mean - 0.5) + distance
    tame = (jnp.abs(z) < broad.z_max) & (is_broad | tame_skewed) & (x > COUNT_MIN - 1.5)
    error = jnp.where(is_broad, error_broad, skewed.error + skewed.error_mean * mean)
    error = error + jnp.where(is_broad, _SINGLE, _SINGLE_SKEWED) * (mean + jnp.abs(distance))
    return Expansion(x, tame, error)


def gamma(z: Array, shape: Array) -> tuple[Array, Array]:
    """The quantile of the gamma law with mean 1 to about four digits, and where the expansion holds."""
    broad, skewed = cornish_fisher.broad(), cornish_fisher.skewed()
    rho = 1.0 / jnp.sqrt(shape)
    y_broad = 1.0 + rho * (z + rho * _parity_polynomial(broad.gamma, z, rho, 0))
    t, _, y_skewed = _skewed_gamma(skewed, z, rho)
    is_broad = rho < broad.rho_max
    tame_skewed = (rho < skewed.rho_max) & (t > -1.0) & (y_skewed > skewed.y_min)
    return jnp.where(is_broad, y_broad, y_skewed), (jnp.abs(z) < broad.z_max) & (is_broad | tame_skewed)


def _skewed_gamma(fit: cornish_fisher.SkewedFit, z: Array, rho: Array) -> tuple[Array, Array, Array]:
    """t, r and y of a `SkewedFit`; t runs from -1 to 1 while z runs from low_0 - low_1 / rho to z_max."""
    low, (middle, half) = fit.low, fit.rho_scale
    t = (2.0 * z * rho - (fit.z_max + low[0]) * rho + low[1]) * (1.0 / ((fit.z_max - low[0]) * rho + low[1]))
    r = (rho - middle) * (1.0 / half)
    return t, r, _triangle_polynomial(fit.gamma, t, r)


def _parity_polynomial(rows: Rows, z: Array, x: Array, shift: int) -> Array:
    """sum_j x^j rows[j](z), rows[j] of the parity of j + shift."""
    square, total = z * z, jnp.zeros_like(z)
    for j in reversed(range(len(rows))):
        row = polynomial(rows[j], square)
        total = total * x + (row * z if (j + shift) % 2 else row)
    return total


def _triangle_polynomial(rows: Rows, t: Array, r: Array) -> Array:
    """sum_j r^j rows[j](t)."""
    total = jnp.zeros_like(t)
    for row in reversed(rows):
        total = total * r + polynomial(row, t)
    return total
