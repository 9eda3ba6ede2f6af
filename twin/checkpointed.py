"""The loop over days for gradients: memory grows as the square root of the days.

Days are cut into about sqrt(T) blocks. Going forward only the state at the start of each block is kept; going back,
one block at a time is played again, then one day at a time (Griewank & Walther, ACM TOMS 26 (2000), 19-45, with two
levels: at most three plays of each day instead of a tape of all of them). The draws of a block are kept, so that the
third play of a day does not draw again: a few numbers a place save the dearest part of a day (a quarter of the time
of a gradient; keeping all draws of the horizon saved no more).
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

DRAWS = "luck"  # the name under which `play` marks a day's draws
_KEEP_DRAWS = jax.checkpoint_policies.save_only_these_names(DRAWS)


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

    @partial(jax.checkpoint, policy=_KEEP_DRAWS)
    def one(carry: Any, today: Any) -> tuple[Any, Any]:
        given, counts = today
        if not spare:
            return step(carry, given)
        nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(step, carry, given)[1])
        return lax.cond(counts, step, lambda carry, given: (carry, nothing), carry, given)

    @jax.checkpoint
    def block(carry: Any, several: Any) -> tuple[Any, Any]:
        return lax.scan(one, carry, several)

    carry, out = lax.scan(block, carry, (jax.tree.map(fold, days), real))
    return carry, jax.tree.map(lambda x: jnp.reshape(x, (blocks * length, *x.shape[2:]))[:count], out)
