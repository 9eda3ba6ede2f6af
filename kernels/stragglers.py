"""A fast rule for all elements and a slow one for the few that it leaves open.

The fast rule marks an element that it cannot decide with a negative code. One look at all elements packs the marks
into words of bits; then marked elements are gathered, as many at a time as one in five hundred would be, at most one
from each word, and decided together, until no bit is left. Nothing overflows, whatever the share of marked elements,
and an element's result depends on that element alone.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import custom_vmap

from kernels.stages import stage

_BITS = 32
# Elements decided together: few, so that lanes do not idle; at least so many, for a pass costs the same with one.
_ONE_IN, _AT_LEAST = 512, 64


def whole_batch(function: Callable[..., Array]) -> Callable[..., Array]:
    """An elementwise function of equally shaped arrays that `vmap` calls once, for the whole batch, on one axis.

    Plain `vmap` would turn its loops into loops over every element of every future, each carried through a
    select; and a last axis of 20 would leave a fifth of the elements without vector instructions.
    """

    @custom_vmap
    def batched(*arrays: Array) -> Array:
        return function(*(a.reshape(-1) for a in arrays)).reshape(arrays[0].shape)

    @batched.def_vmap
    def rule(axis_size: int, in_batched: list[bool], *arrays: Array) -> tuple[Array, bool]:
        full = [
            a if is_batched else lax.broadcast(a, (axis_size,))
            for a, is_batched in zip(arrays, in_batched, strict=True)
        ]
        return batched(*full), True

    return batched


def decide(code: Array, arguments: tuple[Array, ...], slow: Callable[..., Array]) -> Array:
    """Replace each code < 0 by slow(code, *arguments) of that element, >= 0. All arrays have one shape."""

    # A function of this name stands in the trace: `kernels.native` calls `slow` where it finds a mark instead.
    @jax.jit
    def decide(code: Array, *arguments: Array) -> Array:
        return _in_passes(code, arguments, slow)

    return decide(code, *arguments)


def _in_passes(code: Array, arguments: tuple[Array, ...], slow: Callable[..., Array]) -> Array:
    count = code.size
    depth = _word_length(count)
    width = -(-count // depth)
    lanes = min(width, max(count // _ONE_IN, _AT_LEAST))
    flat = [a.reshape(-1) for a in arguments]
    place = jnp.arange(width, dtype=jnp.int32)

    def one_pass(state: tuple[Array, Array]) -> tuple[Array, Array]:
        codes, words = state
        # the first words with a bit left, and the lowest bit of each
        some = words != 0
        lane = jnp.where(some, jnp.cumsum(some.astype(jnp.int32)) - 1, lanes)
        chosen = jnp.full(lanes, width, jnp.int32).at[lane].set(place, mode="drop")
        real = chosen < width
        word = words.at[chosen].get(mode="fill", fill_value=1)
        rest = word & (word - jnp.uint32(1))
        bit = lax.population_count((word ^ rest) - jnp.uint32(1)).astype(jnp.int32)
        where = bit * width + chosen
        # a lane without an element repeats the first: what nobody marked may be nothing that `slow` can decide
        where = jnp.where(real, where, where[:1])
        found = codes.at[where].get(mode="promise_in_bounds")
        values = stage(real[0], slow, found, *(a.at[where].get(mode="promise_in_bounds") for a in flat))
        codes = codes.at[jnp.where(real, where, count)].set(values, mode="drop")
        return codes, words.at[chosen].set(rest, mode="drop")

    marked = jnp.pad(code.reshape(-1) < 0, (0, width * depth - count)).reshape(depth, width)
    bits = lax.broadcasted_iota(jnp.uint32, (depth, width), 0)
    words = jnp.sum(jnp.where(marked, jnp.uint32(1) << bits, jnp.uint32(0)), axis=0, dtype=jnp.uint32)
    codes, _ = lax.while_loop(lambda state: jnp.any(state[1] != 0), one_pass, (code.reshape(-1), words))
    return codes.reshape(code.shape)


def _word_length(count: int) -> int:
    """The longest that divides the count, so that no padding is needed; else all bits."""
    return next((length for length in range(_BITS, _BITS // 2, -1) if count % length == 0), _BITS)
