"""A fast rule for all elements and a slow one for the few that it leaves open.

The fast rule marks an element that it cannot decide with a negative code. Marked elements are gathered, one
from each row of a few hundred, and decided together; passes follow until none is left. Nothing overflows,
whatever the share of marked elements, and an element's result depends on that element alone.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import custom_vmap

from kernels.stages import stage

_ROW = 512
_ROWS_WORTH_FITTING = range(256, 1025)


def whole_batch(function: Callable[..., Array]) -> Callable[..., Array]:
    """An elementwise function of equally shaped arrays that `vmap` calls once, with the batch as an axis.

    Plain `vmap` would turn its loops into loops over every element of every future, each carried through a
    select.
    """
    batched = custom_vmap(function)

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
    flat = [a.reshape(-1) for a in arguments]
    count, width = code.size, _row_width(code.size)
    rows = -(-count // width)
    starts = jnp.arange(rows, dtype=jnp.int32) * width
    column = lax.broadcasted_iota(jnp.int32, (rows, width), 1)

    def one_pass(state: tuple[Array, Array]) -> tuple[Array, Array]:
        codes, _ = state
        table = jnp.pad(codes, (0, rows * width - count)).reshape(rows, width)
        first = jnp.min(jnp.where(table < 0, column, width), axis=1)
        where = jnp.minimum(starts + jnp.minimum(first, width - 1), count - 1)
        found = codes.at[where].get(mode="promise_in_bounds")
        some = jnp.any(first < width)
        values = stage(some, slow, found, *(a.at[where].get(mode="promise_in_bounds") for a in flat))
        codes = codes.at[where].set(jnp.where(found < 0, values, found), mode="promise_in_bounds")
        return codes, some

    # The loop begins without looking: a look outside of it would make XLA compute the codes twice.
    decided = lax.while_loop(lambda state: state[1], one_pass, (code.reshape(-1), jnp.array(True)))[0]
    return decided.reshape(code.shape)


def _row_width(count: int) -> int:
    """A divisor of the count near 512, so that no padding is needed; else 512."""
    fitting = [width for width in _ROWS_WORTH_FITTING if count % width == 0]
    return min(fitting, key=lambda width: abs(width - _ROW), default=min(_ROW, max(count, 1)))
