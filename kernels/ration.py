"""Dividing a quantity so that nothing is lost and nothing is created.

Part i of a total T over weights w is floor(T C_i / D) - floor(T C_(i-1) / D), with D the sum of the weights and C_i
their running sum: the differences telescope, so the parts add to T exactly, whatever the rounding. Without rounding
(smooth mode) it is T w_i / D. Rationing serves claims the same way from min(available, D): nobody gets more than the
claim, and enough serves everybody in full.
"""

import jax.numpy as jnp
from jax import Array, lax

from kernels.ratio import Arithmetic


def running_sum(x: Array, axis: int) -> Array:
    """Inclusive cumulative sum along an axis; exact for whole numbers below 2^53 in any order of addition.

    Hillis & Steele (Comm. ACM 29 (1986)): log2(n) shifted additions, which fuse where XLA's own loop does not.
    """
    size, step = x.shape[axis], 1
    while step < size:
        none = jnp.zeros_like(lax.slice_in_dim(x, 0, step, axis=axis))
        x = x + jnp.concatenate([none, lax.slice_in_dim(x, 0, size - step, axis=axis)], axis=axis)
        step *= 2
    return x


def split(total: Array, weights: Array, axis: int, arithmetic: Arithmetic, *, of: str = "units") -> Array:
    """Divide `total` over `weights` along `axis`, in the order of that axis; all zero where the weights are.

    weights: float64, whole and >= 0 in exact mode. total: the shape of weights without `axis`. of: what is divided:
    "units" where total times the sum of weights stays below 2^53, "value" for cents over units or ppm (weights that
    add to less than 2^26), "money" for cents over cents.
    """
    total = jnp.expand_dims(total, axis)
    size = weights.shape[axis]
    if size == 1:
        return jnp.where(weights > 0, total, 0.0)
    if arithmetic.name == "smooth":
        return arithmetic.mul_div(total, weights, jnp.sum(weights, axis=axis, keepdims=True))
    upto = running_sum(weights, axis)
    whole = lax.slice_in_dim(upto, size - 1, size, axis=axis)
    if of == "units":
        shared = arithmetic.ratio(total * upto, whole)
    else:
        shared = {"value": arithmetic.scale, "money": arithmetic.mul_div}[of](total, upto, whole)
    none = jnp.zeros_like(whole)
    return shared - jnp.concatenate([none, lax.slice_in_dim(shared, 0, size - 1, axis=axis)], axis=axis)


def ration(available: Array, claims: Array, axis: int, arithmetic: Arithmetic, *, of: str = "units") -> Array:
    """Serve `claims` along `axis` from `available`; arguments as for `split`."""
    if claims.shape[axis] == 1:
        return jnp.minimum(jnp.expand_dims(available, axis), claims)
    granted = jnp.minimum(available, jnp.sum(claims, axis=axis))
    return split(granted, claims, axis, arithmetic, of=of)
