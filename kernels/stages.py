"""Walls in a long programme: what passes one is computed once and stored.

XLA fuses chains of cheap operations into every consumer and so computes and compiles them again and again; for a day
of some thousand operations that doubles both times. (`lax.optimization_barrier` does not stop it on the CPU.)
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax


def stage(needed: Array, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments) if `needed` (one truth value), else zeros.

    The conditional is the wall: XLA computes what enters and leaves it once and stores it. `needed` may be true
    always, as long as the compiler cannot know it.
    """
    once = jax.jit(function, inline=True)  # asked for shapes and then for the branch, it is traced once
    shapes = jax.eval_shape(once, *arguments)

    def zeros(*_: Any) -> Any:
        return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    return lax.cond(needed, once, zeros, *arguments)


def some(u: Array) -> Array:
    """True, which the compiler cannot know: the first of these uniform numbers is not 2."""
    return jnp.any(u.reshape(-1)[:1] != 2.0)
