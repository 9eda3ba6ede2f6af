"""P(D >= k) of the negative binomial, as a logarithm, with derivatives of every order in mean and size.

NumPyro's own distribution function has no derivative in the size, and 1 - cdf loses the tail (CALIBRATION.md 4).
"""

import math

import jax.numpy as jnp
from jax import Array, lax

from calibration.demand.elementary import log, log_gamma


def terms_for(largest: float) -> int:
    """Terms of the fraction that leave a relative error below 1e-9 for bounds and sizes up to this; found by trial."""
    return 36 + math.ceil(14.0 * math.log(max(largest, 10.0) / 10.0))


def log_survival(k: Array, mean: Array, size: Array, terms: int) -> Array:
    """log P(D >= k), D negative binomial with variance mean + mean^2 / size; elementwise. 0 for k <= 0.

    P(D >= k) = I_q(k, size), q = mean / (mean + size): the incomplete beta function, taken from the side of its smaller
    tail as the continued fraction DLMF 8.17.22. It has no other regime, so there is no hand-over inside a tail.
    k: whole, of the dtype of mean; mean, size > 0.
    """
    some = jnp.maximum(k, 1.0)
    log_below = jnp.log1p(mean / size)  # -log P(success) = -log(1 - q)
    log_odds = log(mean) - log(size)
    log_front = some * (log_odds - log_below) - size * log_below
    log_front += log_gamma(some + size) - log_gamma(some) - log_gamma(size)
    total = mean + size
    upper = mean * (some + size + 2.0) < total * (some + 1.0)
    p, q = jnp.where(upper, some, size), jnp.where(upper, size, some)
    x = jnp.where(upper, mean, size) / total
    tail = log_front - log(p * _fraction(p, q, x, terms))
    return jnp.where(k <= 0, 0.0, jnp.where(upper, tail, jnp.log1p(-jnp.exp(jnp.where(upper, -1.0, tail)))))


def _fraction(p: Array, q: Array, x: Array, terms: int) -> Array:
    """1 + d_1 / (1 + d_2 / (1 + ..)) of DLMF 8.17.22 and 8.17.23, two terms a step from the far end."""

    def steps(value: Array, m: Array) -> tuple[Array, None]:
        even = m * (q - m) * x / ((p + 2.0 * m - 1.0) * (p + 2.0 * m))
        m = m - 1.0
        odd = -(p + m) * (p + q + m) * x / ((p + 2.0 * m) * (p + 2.0 * m + 1.0))
        return 1.0 + odd / (1.0 + even / value), None

    from_last = jnp.arange((terms + 1) // 2, 0, -1).astype(p.dtype)
    return lax.scan(steps, jnp.ones_like(p), from_last)[0]


def log_between(low: Array, high: Array, mean: Array, size: Array, terms: int) -> Array:
    """log P(low <= D <= high); elementwise, low <= high."""
    above = log_survival(high + 1.0, mean, size, terms)
    at_least = log_survival(low, mean, size, terms)
    return at_least + jnp.log(-jnp.expm1(above - at_least))
