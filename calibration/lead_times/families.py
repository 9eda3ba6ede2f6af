"""Three families of lead times by mean and shape, with log distribution and survival functions.

All take the mean m in days and a shape k such that the squared coefficient of variation is 1 / k: exactly for Gamma and
LogNormal; for Weibull nearly, its exponent being k^0.543 (Justus et al., J. Appl. Meteorol. 17 (1978), 350-353). So
one prior serves all three. Every function is elementwise and broadcasts, has gradients in m and k, and keeps its
relative precision in the tails, where 1 - cdf would have lost it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.scipy import special

GAMMA, LOGNORMAL, WEIBULL = range(3)
NAMES = ("gamma", "lognormal", "weibull")
JUSTUS = 0.543

TINY = 1e-300
TERMS = 160  # of the expansions of the gamma law: 1e-12 for shapes up to 300, a deviation of 6 % of the mean
AT_ONCE = 4  # terms in one step of the loop

# (log P(T <= t), log P(T > t)) of (t, mean, shape), t > 0 in days.
Family = Callable[[Array, Array, Array], tuple[Array, Array]]


def lognormal_parameters(mean: Array, shape: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of log T."""
    variance = jnp.log1p(1.0 / shape)
    return jnp.log(mean) - variance / 2.0, jnp.sqrt(variance)


def weibull_parameters(mean: Array, shape: Array) -> tuple[Array, Array]:
    """Scale in days and exponent."""
    exponent = shape**JUSTUS
    return mean / jnp.exp(special.gammaln(1.0 + 1.0 / exponent)), exponent


def _lognormal(t: Array, mean: Array, shape: Array) -> tuple[Array, Array]:
    location, scale = lognormal_parameters(mean, shape)
    z = (jnp.log(t) - location) / scale
    return special.log_ndtr(z), special.log_ndtr(-z)


def _weibull(t: Array, mean: Array, shape: Array) -> tuple[Array, Array]:
    scale, exponent = weibull_parameters(mean, shape)
    hazard = (t / scale) ** exponent
    return log_complement(-hazard), -hazard


def _gamma(t: Array, mean: Array, shape: Array) -> tuple[Array, Array]:
    """JAX's own incomplete gamma functions have no second derivative in the shape, and underflow."""
    x, k = jnp.broadcast_arrays(t * shape / mean, shape)
    left = x < k + 1.0
    below, above = _left_tail(jnp.where(left, x, k), k), _right_tail(jnp.where(left, k + 2.0, x), k)
    return jnp.where(left, below, log_complement(above)), jnp.where(left, log_complement(below), above)


def _forward(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """The elementwise function with slopes that go along with its loop: a gradient keeps no tape of the terms."""

    @jax.custom_jvp
    def wrapped(x: Array, k: Array) -> Array:
        return function(x, k)

    @wrapped.defjvp
    def slope(at: tuple[Array, Array], change: tuple[Array, Array]) -> tuple[Array, Array]:
        x, k = at
        ones = jnp.ones_like(x)
        value, by_x = jax.jvp(lambda x: function(x, k), (x,), (ones,))
        _, by_k = jax.jvp(lambda k: function(x, k), (k,), (ones,))
        return value, by_x * change[0] + by_k * change[1]

    return wrapped


@_forward
def _left_tail(x: Array, k: Array) -> Array:
    """log P(k, x) = log(x^k e^-x / Gamma(k + 1) sum x^n / (k + 1)_n), DLMF 8.7.1."""

    def add(carry: tuple[Array, Array], n: Array) -> tuple[tuple[Array, Array], None]:
        term, total = carry
        term = term * x / (k + n)
        return (term, total + term), None

    one = jnp.ones_like(x)
    (_, total), _ = lax.scan(add, (one, one), jnp.arange(1, TERMS, dtype=x.dtype), unroll=AT_ONCE)
    return k * jnp.log(x) - x - special.gammaln(k + 1.0) + jnp.log(total)


@_forward
def _right_tail(x: Array, k: Array) -> Array:
    """log Q(k, x) by Legendre's continued fraction, from its far end; DLMF 8.9.2."""

    def step(fraction: Array, n: Array) -> tuple[Array, None]:
        return n * (n - k) / (x + 2.0 * n + 1.0 - k - fraction), None

    fraction, _ = lax.scan(step, jnp.zeros_like(x), jnp.arange(TERMS, 0, -1, dtype=x.dtype), unroll=AT_ONCE)
    return k * jnp.log(x) - x - special.gammaln(k) - jnp.log(x + 1.0 - k - fraction)


FAMILIES: tuple[Family, ...] = (_gamma, _lognormal, _weibull)


def log_complement(log_p: Array) -> Array:
    """log(1 - p) of log p < 0 (Maechler 2012, log1mexp)."""
    small = log_p < -0.6931471805599453
    return jnp.where(
        small,
        jnp.log1p(-jnp.exp(jnp.where(small, log_p, -1.0))),
        jnp.log(-jnp.expm1(jnp.where(small, -1.0, log_p))),
    )


def log_between(family: Family, lower: Array, upper: Array, mean: Array, shape: Array) -> Array:
    """log P(lower < T <= upper) in days; lower 0 and upper inf are allowed, both together give 0.

    The difference is taken in the tail where the interval lies, so that neither side cancels.
    """
    is_open, from_zero = jnp.isinf(upper), lower <= 0
    # stand-ins keep the gradient of the branches that are not taken finite
    above = jnp.where(is_open, jnp.maximum(lower, 1.0) * 2.0, upper)
    below = jnp.where(from_zero, above / 2.0, lower)
    ends = jnp.stack(jnp.broadcast_arrays(below, above, mean)[:2])
    (cdf_below, cdf_above), (sf_below, sf_above) = family(ends, mean, shape)
    right = sf_below < cdf_above
    larger, smaller = jnp.where(right, sf_below, cdf_above), jnp.where(right, sf_above, cdf_below)
    # bounds so far out that they cannot be told apart still have a gap
    inside = larger + log_complement(jnp.minimum(smaller - larger, -TINY))
    whole = jnp.where(is_open, 0.0, cdf_above)
    return jnp.where(from_zero, whole, jnp.where(is_open, sf_below, inside))
