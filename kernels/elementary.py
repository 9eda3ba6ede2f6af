"""Logarithm, exponential and polynomials in a dozen instructions, for float32 and float64.

Bits give the exponent, a short series the rest; the error stays below two units in the last place. There are
no special cases (zero, infinity, subnormal numbers) and no derivatives: whoever calls these brings both.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

# Cody & Waite: ln 2 in two parts, the first with trailing zeros, so that a whole number times it is exact.
_LN2_HIGH = {64: 6.93147180369123816490e-01, 32: 0.693359375}
_LN2_LOW = {bits: math.log(2.0) - high for bits, high in _LN2_HIGH.items()}
_LN2_LOW[64] = 1.90821492927058770002e-10
_INTEGER = {64: jnp.int64, 32: jnp.int32}
_MANTISSA = {64: 52, 32: 23}
_BIAS = {64: 1023, 32: 127}
_SQRT_HALF_BITS = {64: 0x3FE6A09E667F3BCD, 32: 0x3F3504F3}
# Terms after which the series drop below half a unit in the last place.
_LOG_TERMS = {64: 10, 32: 5}
_EXP_TERMS = {64: 14, 32: 8}


def polynomial(coefficients: Sequence[float], x: Array) -> Array:
    """c_0 + c_1 x + .. by halves (Estrin): even and odd powers apart, so that a processor overlaps them."""
    if len(coefficients) == 1:
        return jnp.full_like(x, coefficients[0])
    if len(coefficients) == 2:
        return x * coefficients[1] + coefficients[0]
    if len(coefficients) == 3:
        return x * (x * coefficients[2] + coefficients[1]) + coefficients[0]
    square = x * x
    return x * polynomial(coefficients[1::2], square) + polynomial(coefficients[::2], square)


def width(x: Array) -> int:
    """Bits of one element: 64 or 32."""
    return 8 * int(x.dtype.itemsize)


def epsilon(x: Array) -> float:
    """The distance from 1 to the next number: 2^-52 or 2^-23."""
    return float(2.0 ** -_MANTISSA[width(x)])


def _as_float(x: Array, integer: Array, bits: int) -> Array:
    """A whole number in [0, 2^mantissa) to float, by the bits of 2^mantissa + it (AVX2 casts no int64)."""
    anchor = 2.0 ** _MANTISSA[bits]
    pattern = int(_BIAS[bits] + _MANTISSA[bits]) << _MANTISSA[bits]
    return lax.bitcast_convert_type(integer | _INTEGER[bits](pattern), x.dtype) - anchor


def _power_of_two(n: Array, bits: int) -> Array:
    """2^n for whole n held in a float: n + bias lands in the low bits of a sum, a shift moves it up."""
    shifted = lax.bitcast_convert_type(n + (2.0 ** _MANTISSA[bits] + _BIAS[bits]), _INTEGER[bits])
    return lax.bitcast_convert_type(shifted << _INTEGER[bits](_MANTISSA[bits]), n.dtype)


def _split(x: Array) -> tuple[Array, Array]:
    """x = 2^e g with sqrt(1/2) <= g < sqrt(2): e, as a float, and g."""
    bits = width(x)
    integer, mantissa, bias = _INTEGER[bits], _MANTISSA[bits], _BIAS[bits]
    words = lax.bitcast_convert_type(x, integer)
    exponent = (words - integer(_SQRT_HALF_BITS[bits])) & integer(-(1 << mantissa))
    field = lax.shift_right_logical(exponent + integer(bias << mantissa), integer(mantissa))
    return _as_float(x, field, bits) - float(bias), lax.bitcast_convert_type(words - exponent, x.dtype)


def _log_of(e: Array, f: Array) -> Array:
    """e ln 2 + log(1 + f), the latter 2 atanh(s) = f - f^2/2 + s (f^2/2 + R), s = f / (2 + f), R = O(s^2)."""
    bits = width(f)
    s = f * (1.0 / (2.0 + f))
    z = s * s
    tail = z * polynomial([2.0 / (2 * k + 3) for k in range(_LOG_TERMS[bits])], z)
    half = 0.5 * f * f
    return e * _LN2_HIGH[bits] - ((half - (s * (half + tail) + e * _LN2_LOW[bits])) - f)


def log(x: Array) -> Array:
    """Natural logarithm of a normal number x > 0."""
    e, g = _split(x)
    return _log_of(e, g - 1.0)


def log1p(x: Array) -> Array:
    """log(1 + x) for x >= 0; what 1 + x loses in rounding is put back, so that small x keep their digits.

    With 1 + x = 2^e g after rounding, f = (1 + x) 2^-e - 1. It is not written as x - ((1 + x) - 1), which XLA
    folds.
    """
    e, g = _split(1.0 + x)
    scale = _power_of_two(-e, width(x))
    return _log_of(e, (g - 1.0) + ((scale - g) + x * scale))


def exp(x: Array) -> Array:
    """e^x; 0 below the smallest normal number, infinite above the largest."""
    bits = width(x)
    least, most = math.log(2.0) * (2 - _BIAS[bits]), math.log(2.0) * _BIAS[bits]
    inside = jnp.clip(x, least, most)
    n = jnp.round(inside * (1.0 / math.log(2.0)))
    rest = (inside - n * _LN2_HIGH[bits]) - n * _LN2_LOW[bits]
    high = polynomial([1.0 / math.factorial(k) for k in range(2, _EXP_TERMS[bits])], rest)
    value = (1.0 + (rest + rest * rest * high)) * _power_of_two(n, bits)
    return jnp.where(x < least, 0.0, jnp.where(x > most, jnp.inf, value))
