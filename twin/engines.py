"""Engines: how a function of one future becomes a programme for a block of them.

`xla` is the definition: vmap over futures, XLA's scan over days, every device. `native` compiles the same trace to C++
for the processor at hand, keeps a few futures in its cache from the first day to the last, and gives the same bits in
exact mode. `on_chip` compiles it to CUDA for one GPU; no GPU has run it yet. What is differentiated takes its loop over
days from `differentiable`. An engine maps (future, shared, opening, each) to a programme (shared, opening, each) ->
outputs with a leading future axis. future: (shared, opening, one) -> outputs. shared: what all futures see. opening:
the state that each begins with. each: pytree with leading axis future.
"""

import warnings
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from kernels import native as generator
from kernels.native import chip
from kernels.native import days as turns
from twin.checkpointed import checkpointed
from twin.state import State

Future = Callable[[Any, State, Any], Any]
Programme = Callable[[Any, State, Any], Any]
Engine = Callable[[Future, Any, State, Any], Programme]

# Compute capabilities of GPUs on which `bench/gpu.sh` has seen `on_chip` give the bits of `xla`.
SEEN_TO_AGREE: tuple[str, ...] = ()

programmes: dict[Any, Programme] = {}
_compiling = Lock()


@lru_cache(maxsize=64)
def _vectorised(future: Future, devices: int) -> Any:
    def block(shared: Any, opening: State, each: Any) -> Any:
        count = jax.tree.leaves(each)[0].shape[0]
        # a carry that is batched from the start saves vmap a second pass over the day
        openings = jax.tree.map(lambda x: jnp.broadcast_to(x, (count, *x.shape)), opening)
        return jax.vmap(lambda start, one: future(shared, start, one))(openings, each)

    if devices == 1:
        return jax.jit(block)
    mesh = Mesh(jax.local_devices()[:devices], ("draw",))
    same, apart = PartitionSpec(), PartitionSpec("draw")  # type: ignore[no-untyped-call]
    return jax.jit(jax.shard_map(block, mesh=mesh, in_specs=(same, same, apart), out_specs=apart, check_vma=False))


def xla(future: Future, shared: Any, opening: State, each: Any) -> Programme:
    """One programme of XLA for a whole block, on whatever devices JAX has: each takes an equal share of the futures."""
    count, devices = len(jax.tree.leaves(each)[0]), jax.local_device_count()
    # futures never meet, so a share of a block gives the bits of the whole
    many = devices if count % devices == 0 else 1
    programme: Programme = _vectorised(future, many).lower(shared, opening, each).compile()
    return programme


def native(future: Future, shared: Any, opening: State, each: Any) -> Programme:
    """C++ for this processor. Raises NoCompiler, or Unsupported where the generator does not know an operation."""
    programme = generator.compiled(future, (shared, opening), each)
    return lambda shared, opening, each: programme((shared, opening), each)


def on_chip(future: Future, shared: Any, opening: State, each: Any) -> Programme:
    """CUDA for one GPU, a block of threads for each future. No GPU has run it yet: `SEEN_TO_AGREE` says when one has.

    Raises NoCompiler, or Unsupported where the generator does not know an operation.
    """
    programme = generator.compiled(future, (shared, opening), each, chip.on_gpu)
    return lambda shared, opening, each: programme((shared, opening), each)


def why_not_on_chip() -> str | None:
    """Why `fastest` does not take `on_chip` on this machine's GPU, or None."""
    capability = jax.local_devices()[0].compute_capability
    unseen = f"no GPU of compute capability {capability} has been seen to give XLA's bits; bench/gpu.sh would show it"
    return chip.why_not() or (None if capability in SEEN_TO_AGREE else unseen)


def why_not_native() -> str | None:
    """Which other engine `fastest` takes here and why, or None."""
    if jax.default_backend() != "cpu":
        why = why_not_on_chip()
        return "a GPU is played on its chip" if why is None else f"a GPU is played by XLA, not on its chip: {why}"
    if generator.find_compiler() is None:
        return "no C++ compiler found; with g++ or clang++ futures play about twice as fast"
    return None


def differentiable(step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, days: Any) -> tuple[Any, Any]:
    """A loop for `play` that a derivative goes through, inside `vmap` over futures: native where this machine can.

    Else, with a warning where the generator gave up, `checkpointed`. Either way memory grows as the root of the days.
    """
    return checkpointed(step, carry, days) if why_not_native() else turns.loop(step, carry, days, checkpointed)


def fastest(future: Future, shared: Any, opening: State, each: Any) -> Programme:
    """`native` on a processor, `on_chip` on a GPU where that can, else `xla`, with a warning where a generator gave up.

    Compiled once for arguments of these shapes, however often and by how many threads it is asked for.
    """
    leaves, tree = jax.tree.flatten((shared, opening, each))
    key = future, tree, tuple((np.shape(x), np.result_type(x).str) for x in leaves)
    with _compiling:
        if key not in programmes:
            programmes[key] = _compiled(future, shared, opening, each)
    return programmes[key]


def _compiled(future: Future, shared: Any, opening: State, each: Any) -> Programme:
    why_not, engine = (why_not_native, native) if jax.default_backend() == "cpu" else (why_not_on_chip, on_chip)
    if why_not() is None:
        try:
            return engine(future, shared, opening, each)
        except (generator.NoCompiler, generator.Unsupported) as error:
            name = engine.__name__
            warnings.warn(f"XLA plays the futures, more slowly: the {name} engine stopped at {error}", stacklevel=3)
    return xla(future, shared, opening, each)
