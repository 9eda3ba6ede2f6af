"""The loop over days for gradients: memory grows as the square root of the days.

Days are cut into about sqrt(T) blocks. Going forward only the state at the start of each block is kept; going back,
one block at a time is played again, then one day at a time (Griewank & Walther, ACM TOMS 26 (2000), 19-45, with two
levels: at most three plays of each day instead of a tape of all of them).
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def checkpointed(step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, days: Any) -> tuple[Any, Any]:
    """A loop for `play`: the same numbers as `scan`, day by day."""
    count = jax.tree.leaves(days)[0].shape[0]
    length = math.isqrt(count - 1) + 1
    blocks = -(-count // length)
    spare = blocks * length - count

    def fold(x: Any) -> Any:
        # days that fill up the last block repeat the last day and change nothing
        filled = jnp.concatenate([x, jnp.repeat(x[-1:], spare, axis=0)]) if spare else x
        return jnp.reshape(filled, (blocks, length, *x.shape[1:]))

    real = jnp.reshape(jnp.arange(blocks * length, dtype=jnp.int32) < count, (blocks, length))

    @jax.checkpoint
    def one(carry: Any, today: Any) -> tuple[Any, Any]:
        given, counts = today
        after, out = step(carry, given)
        return jax.tree.map(lambda new, old: jnp.where(counts, new, old), after, carry) if spare else after, out

    @jax.checkpoint
    def block(carry: Any, several: Any) -> tuple[Any, Any]:
        return lax.scan(one, carry, several)

    carry, out = lax.scan(block, carry, (jax.tree.map(fold, days), real))
    return carry, jax.tree.map(lambda x: jnp.reshape(x, (blocks * length, *x.shape[2:]))[:count], out)
