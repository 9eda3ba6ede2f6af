"""Division that is exact: whole numbers in float64, quotients rounded once by an integer rule.

XLA may divide by multiplying with a reciprocal and may contract a*b + c, so a plain quotient of two whole numbers can
come out on the wrong side of a whole number. Here the remainder is recomputed exactly and the quotient corrected.
Products above 2^53 are kept in two words (Dekker, Numer. Math. 18 (1971), section 5).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

_LOW_BITS = 27


def _divisor(d: Array) -> Array:
    """d, or 1 where d is 0: nothing is ever divided by zero, callers mask or multiply by zero afterwards."""
    return jnp.where(d == 0, jnp.ones_like(d), d)


def _halves(x: Array) -> tuple[Array, Array]:
    """x = high + low with 26 significant bits each, low signed; on the bits, which no compiler re-associates away."""
    words = jax.lax.bitcast_convert_type(x, jnp.int64) + jnp.int64(1 << (_LOW_BITS - 1))
    high = jax.lax.bitcast_convert_type(words & jnp.int64(-(1 << _LOW_BITS)), jnp.float64)
    return high, x - high


def _product(a: Array, b: Array) -> tuple[Array, Array]:
    """a * b = p + e exactly, p within a hair of the rounded product.

    Every product here is exact, so that fusing it with a sum changes nothing. (A plain a * b would not do: a compiler
    may fuse it into `p - s` below, which then holds e already.)
    """
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    p = ah * bh + ((ah * bl + al * bh) + al * bl)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _corrected(q: Array, r: Array, d: Array) -> tuple[Array, Array]:
    """Quotient and remainder after the correction of an estimate that is off by a few units at most."""
    step = jnp.floor(r / d)
    q, r = q + step, r - step * d
    step = (r >= d).astype(q.dtype) - (r < 0).astype(q.dtype)
    return q + step, r - step * d


def _half_even(q: Array, r: Array, d: Array) -> Array:
    """Round q + r/d to nearest, ties to even, by comparing 2r with d."""
    odd = q - 2.0 * jnp.floor(q * 0.5)
    return q + jnp.where(2.0 * r == d, odd, (2.0 * r > d).astype(q.dtype))


def _quotient(n: ArrayLike, d: ArrayLike) -> tuple[Array, Array, Array]:
    n, d = jnp.broadcast_arrays(jnp.asarray(n, jnp.float64), jnp.asarray(d, jnp.float64))
    d = _divisor(d)
    q = jnp.floor(n / d)
    r = n - q * d
    step = (r >= d).astype(q.dtype) - (r < 0).astype(q.dtype)
    return q + step, r - step * d, d


def _product_quotient(a: ArrayLike, b: ArrayLike, d: ArrayLike) -> tuple[Array, Array, Array]:
    a, b, d = jnp.broadcast_arrays(*(jnp.asarray(x, jnp.float64) for x in (a, b, d)))
    d = _divisor(d)
    q = jnp.floor(a * b / d)
    p, e = _product(a, b)
    s, f = _product(q, d)
    q, r = _corrected(q, (p - s) + (e - f), d)
    return q, r, d


def ratio(n: ArrayLike, d: ArrayLike) -> Array:
    """floor(n / d) for whole n >= 0, d >= 0, n and 2d below 2^53; n where d = 0."""
    return _quotient(n, d)[0]


def ratio_even(n: ArrayLike, d: ArrayLike) -> Array:
    """n / d to nearest, ties to even; same domain as `ratio`."""
    return _half_even(*_quotient(n, d))


def mul_div(a: ArrayLike, b: ArrayLike, d: ArrayLike) -> Array:
    """floor(a b / d) for whole a, b, d >= 0 below 2^53 with a quotient below 2^53; the product may pass 2^53."""
    return _product_quotient(a, b, d)[0]


def mul_div_even(a: ArrayLike, b: ArrayLike, d: ArrayLike) -> Array:
    """a b / d to nearest, ties to even; same domain as `mul_div`."""
    return _half_even(*_product_quotient(a, b, d))


def _scaled(a: ArrayLike, b: ArrayLike, d: ArrayLike) -> tuple[Array, Array, Array]:
    """a b / d digit by digit: a in two digits of base 2^26, long division by d. No product leaves 53 bits."""
    a, b, d = jnp.broadcast_arrays(*(jnp.asarray(x, jnp.float64) for x in (a, b, d)))
    d = _divisor(d)
    high = jnp.floor(a * 2.0**-26)
    low = a - high * 2.0**26
    q1, r1, _ = _quotient(high * b, d)
    q0, r0, _ = _quotient(r1 * 2.0**26 + low * b, d)
    return q1 * 2.0**26 + q0, r0, d


def scale(a: ArrayLike, b: ArrayLike, d: ArrayLike) -> Array:
    """floor(a b / d) for whole a < 2^53, b <= d < 2^26: a share of an amount, at a third of the price of `mul_div`.

    More generally b may pass d as long as b < 2^26 and the quotient stays below 2^53.
    """
    return _scaled(a, b, d)[0]


def scale_even(a: ArrayLike, b: ArrayLike, d: ArrayLike) -> Array:
    """a b / d to nearest, ties to even; same domain as `scale`."""
    return _half_even(*_scaled(a, b, d))


def _true_ratio(n: ArrayLike, d: ArrayLike) -> Array:
    d = jnp.asarray(d, jnp.float64)
    return jnp.asarray(n / _divisor(d))


def _true_mul_div(a: ArrayLike, b: ArrayLike, d: ArrayLike) -> Array:
    d = jnp.asarray(d, jnp.float64)
    return jnp.asarray(a * b / _divisor(d))


def _identity(x: Array) -> Array:
    return x


class Arithmetic(NamedTuple):
    """The two modes of one code path: how quotients of whole numbers are rounded.

    Every function maps float64 arrays to float64 arrays. `round_` is nearest whole number, ties to even.
    """

    name: str
    ratio: Callable[[ArrayLike, ArrayLike], Array]
    ratio_even: Callable[[ArrayLike, ArrayLike], Array]
    mul_div: Callable[[ArrayLike, ArrayLike, ArrayLike], Array]
    mul_div_even: Callable[[ArrayLike, ArrayLike, ArrayLike], Array]
    scale: Callable[[ArrayLike, ArrayLike, ArrayLike], Array]
    scale_even: Callable[[ArrayLike, ArrayLike, ArrayLike], Array]
    floor: Callable[[Array], Array]
    round_: Callable[[Array], Array]


EXACT = Arithmetic("exact", ratio, ratio_even, mul_div, mul_div_even, scale, scale_even, jnp.floor, jnp.round)
SMOOTH = Arithmetic(
    "smooth", _true_ratio, _true_ratio, _true_mul_div, _true_mul_div, _true_mul_div, _true_mul_div, _identity, _identity
)
