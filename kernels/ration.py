"""Dividing a quantity so that nothing is lost and nothing is created.

Part i of a total T over weights w is floor(T C_i / D) - floor(T C_(i-1) / D), with D the sum of the weights and C_i
their running sum: the differences telescope, so the parts add to T exactly, whatever the rounding. Without rounding
(smooth mode) it is T w_i / D. Rationing serves claims from min(available, D): nobody gets more than the claim, and
enough serves everybody in full. It divides in proportion to the claims, or by priority, or to equal fractiles.
"""

import jax.numpy as jnp
from jax import Array, lax

from kernels.ratio import Arithmetic

# Halvings of the bracket of a fractile: to about 1e-12 of its width.
_HALVINGS = 40


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


def by_priority(available: Array, claims: Array, axis: int) -> Array:
    """Serve `claims` along `axis` in full, one after the other, until nothing is left; whole numbers stay whole.

    available: the shape of claims without `axis`.
    """
    before = running_sum(claims, axis) - claims
    return jnp.clip(jnp.expand_dims(available, axis) - before, 0.0, claims)


def fair_share(
    available: Array, claims: Array, need: Array, deviation: Array, axis: int, arithmetic: Arithmetic
) -> Array:
    """Serve `claims` along `axis` so that all who get some, but not all, come to one fractile of their demand.

    Claimant i gets clip(need_i + z deviation_i, 0, claim_i), with z common and as large as `available` allows: the
    equal-fractile allocation of Eppen & Schrage, "Centralized ordering policies in a multi-warehouse system" (TIMS
    Studies in the Management Sciences 16 (1981) 51-67). need: mean demand until the next delivery less what the
    claimant has; deviation: of that demand, > 0; both float64, shaped as claims. available: that shape without `axis`.
    In exact mode (claims and available whole) shares are rounded down; what is left goes to those next in line for one
    more unit, by `ration`. Slopes, in smooth mode, are those of the shares: z moves with all its arguments.
    """
    whole = arithmetic.name == "exact"
    granted = jnp.minimum(jnp.expand_dims(available, axis), jnp.sum(claims, axis=axis, keepdims=True))
    inverse = 1.0 / deviation

    def shares(z: Array) -> Array:
        return arithmetic.floor(jnp.clip(need + z * deviation, 0.0, claims))

    def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        z = 0.5 * (low + high)
        fits = jnp.sum(shares(z), axis=axis, keepdims=True) <= granted
        return jnp.where(fits, z, low), jnp.where(fits, high, z)

    # nobody gets anything at the one end, everybody everything at the other
    low = jnp.min(-need * inverse, axis=axis, keepdims=True)
    high = jnp.max((claims - need) * inverse, axis=axis, keepdims=True)
    margin = 1e-9 * (1.0 + jnp.abs(low) + jnp.abs(high))
    low, high = lax.fori_loop(0, _HALVINGS, halve, lax.stop_gradient((low - margin, high + margin)))
    if whole:
        certain, next_in_line = shares(low), shares(high)
        left = jnp.squeeze(granted - jnp.sum(certain, axis=axis, keepdims=True), axis)
        return certain + ration(left, next_in_line - certain, axis, arithmetic)
    # shares are straight lines between kinks: one step of Newton ends on the exact z, and carries its slopes
    between = (need + low * deviation > 0) & (need + low * deviation < claims)
    slope = jnp.sum(jnp.where(between, deviation, 0.0), axis=axis, keepdims=True)
    gap = granted - jnp.sum(shares(low), axis=axis, keepdims=True)
    return shares(low + jnp.where(slope > 0, gap / jnp.where(slope > 0, slope, 1.0), 0.0))
