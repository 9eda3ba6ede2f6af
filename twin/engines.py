"""Engines: how a function of one future becomes a programme for a block of them.

`xla` is the definition: vmap over futures, XLA's scan over days, every device. `native` compiles the same trace to C++
for the processor at hand, keeps a few futures in its cache from the first day to the last, and gives the same bits in
exact mode. An engine maps (future, shared, opening, each) to a programme (shared, opening, each) -> outputs with a
leading future axis. future: (shared, opening, one) -> outputs. shared: what all futures see. opening: the state that
each begins with. each: pytree with leading axis future.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from kernels import native as compiled_natively
from twin.state import State

Future = Callable[[Any, State, Any], Any]
Programme = Callable[[Any, State, Any], Any]
Engine = Callable[[Future, Any, State, Any], Programme]


@lru_cache(maxsize=64)
def _vectorised(future: Future) -> Any:
    def block(shared: Any, opening: State, each: Any) -> Any:
        count = jax.tree.leaves(each)[0].shape[0]
        # a carry that is batched from the start saves vmap a second pass over the day
        openings = jax.tree.map(lambda x: jnp.broadcast_to(x, (count, *x.shape)), opening)
        return jax.vmap(lambda start, one: future(shared, start, one))(openings, each)

    return jax.jit(block)


def xla(future: Future, shared: Any, opening: State, each: Any) -> Programme:
    """One programme of XLA for a whole block, on whatever device JAX runs."""
    programme: Programme = _vectorised(future).lower(shared, opening, each).compile()
    return programme


def native(future: Future, shared: Any, opening: State, each: Any) -> Programme:
    """C++ for this processor. Raises NoCompiler, or Unsupported where the generator does not know an operation."""
    programme = compiled_natively.compiled(future, (shared, opening), each)
    return lambda shared, opening, each: programme((shared, opening), each)
