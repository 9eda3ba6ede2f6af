"""Logarithm, exponential and log-gamma with derivatives of every order, as short vector code.

`kernels.elementary` brings the values; XLA's own float64 logarithm is a call per element, and its log-gamma with
derivatives takes longer to compile than the rest of the model together.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from kernels import elementary

_SHIFT = 12
# log Gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2 in odd powers of 1 / x: DLMF 5.11.1.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
# e^x - 1 is all of log(1 + e^x) beyond this.
_SOFT_MOST = 40.0


@jax.custom_jvp
def log(x: Array) -> Array:
    """Natural logarithm of a normal number x > 0."""
    return elementary.log(x)


@log.defjvp
def _log_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return log(primals[0]), tangents[0] / primals[0]


@jax.custom_jvp
def exp(x: Array) -> Array:
    """e^x."""
    return elementary.exp(x)


@exp.defjvp
def _exp_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    value = exp(primals[0])
    return value, tangents[0] * value


def softplus(x: Array) -> Array:
    """log(1 + e^x)."""
    small = x < _SOFT_MOST
    return jnp.where(small, log(1.0 + exp(jnp.where(small, x, 0.0))), x)


def log_gamma(x: Array) -> Array:
    """log Gamma(x), x > 0; Gamma(x) = Gamma(x + 12) / (x (x + 1) .. (x + 11)), the shifted one by Stirling's series."""
    shifted = x + float(_SHIFT)
    inverse = 1.0 / shifted
    square = inverse * inverse
    series = inverse * elementary.polynomial(_STIRLING, square)
    stirling = (shifted - 0.5) * log(shifted) - shifted + 0.5 * math.log(2.0 * math.pi) + series
    below = jnp.zeros_like(x)
    for i in range(0, _SHIFT, 4):  # four factors at a time stay in float32's range
        a, b, c, d = (x + float(i + j) for j in range(4))
        below = below + log((a * b) * (c * d))
    return stirling - below
