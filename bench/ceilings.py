"""What the machine can do and what the day asks of it: memory triad and peak arithmetic, bytes and operations counted.

Operations: every element that an arithmetic primitive of the traced day writes, of one future, branches as if taken,
loops once. Bytes: what one day of a loop over memory must move, each carried number read once and written once, of
rings only the slots touched. Both per stocking point and day; the compiler may add to either, or save some.
"""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bench.company import MIDDLE, Size, model
from bench.engines import cores
from kernels.ratio import EXACT
from twin.policies import replenish
from twin.record import COMPANY
from twin.simulate import play
from twin.state import Dues, Goods, Ledger

_LENGTH = 1 << 23  # three arrays of 64 MiB: past every cache
_CHAIN, _VECTOR, _ROUNDS = 8, 256, 80_000
_TURNS = 5
# What moves, shapes or chooses, but computes nothing.
_FREE = {"broadcast_in_dim", "reshape", "squeeze", "transpose", "slice", "concatenate", "pad", "convert_element_type",
         "bitcast_convert_type", "gather", "scatter", "scatter-add", "dynamic_slice", "dynamic_update_slice", "copy",
         "iota", "stop_gradient", "rev", "split", "copy_p"}  # fmt: skip


class Ceilings(NamedTuple):
    """Of all cores together: bytes a second of a = b + s c, and float64 operations a second of multiply-adds."""

    bytes_per_second: float
    operations_per_second: float


class Counts(NamedTuple):
    """What the whole day asks for, per stocking point and day."""

    bytes: float
    operations: float


def measure() -> Ceilings:
    """The best of a few turns, all cores at work. Needs Numba."""
    from bench.peers.loops import multiply_add, triad

    a, b, c = (np.ones(_LENGTH) for _ in range(3))
    parts = list(zip(*(np.array_split(x, cores()) for x in (a, b, c)), strict=True))
    small = [np.ones(_VECTOR) for _ in range(cores())]
    with ThreadPoolExecutor(cores()) as pool:

        def best(call: Callable[[Any], None], work: list[Any]) -> float:
            found = []
            for _ in range(_TURNS + 1):  # the first compiles
                began = time.perf_counter()
                list(pool.map(call, work))
                found.append(time.perf_counter() - began)
            return min(found[1:])

        moving = best(lambda part: triad(*part), parts)
        adding = best(lambda x: multiply_add(x, _ROUNDS, 0.999, 0.001), small)
    return Ceilings(3 * 8 * _LENGTH / moving, 2.0 * _CHAIN * _VECTOR * _ROUNDS * cores() / adding)


def count(size: Size = MIDDLE, days: int = 7) -> Counts:
    """Bytes and operations of a day in exact mode. days: of the traced loop; any number gives the same counts."""
    m = model(size, days)
    first = jax.tree.map(lambda x: x[0], m.params)

    def future(network: Any, policy: Any, params: Any, inputs: Any, opening: Any, draw: jax.Array) -> Any:
        seed = (jnp.uint32(0), jnp.uint32(0))
        return play(
            network, replenish, policy, m.source, params, inputs, opening, draw, seed, arithmetic=EXACT, record=COMPANY
        )

    with jax.enable_x64(True):
        traced = jax.make_jaxpr(future)(m.network, m.policy, first, m.inputs["base"], m.opening, jnp.uint32(0))
    operations = _operations(traced.jaxpr)
    return Counts(_carried_bytes(m) / size.stocking_points, operations / size.stocking_points)


def _operations(jaxpr: Any) -> float:
    """Elements written by arithmetic, inner programmes included."""
    total = 0.0
    for eqn in jaxpr.eqns:
        inner = [x for value in eqn.params.values() for x in (value if isinstance(value, tuple | list) else (value,))]
        bodies = [getattr(x, "jaxpr", x) for x in inner if hasattr(getattr(x, "jaxpr", x), "eqns")]
        if bodies:
            found = [_operations(body) for body in bodies]
            total += max(found) if eqn.primitive.name == "cond" else sum(found)
        elif eqn.primitive.name not in _FREE:
            # a sum or a product of matrices computes what it reads
            sides = eqn.invars if eqn.primitive.name.startswith(("reduce", "dot", "cum", "arg")) else eqn.outvars
            total += max((math.prod(v.aval.shape) for v in sides if hasattr(v.aval, "shape")), default=0)
    return total


def _carried_bytes(m: Any) -> float:
    """Read and written in a day by a loop that keeps its state in memory."""
    rings = {"slot": 2, "due_slot": 2, "return_slot": 2, "life_slot": 2}  # today's slot, and the one written
    sizes = m.network.sizes.axes() | {"account": m.network.posting.shape[1], "entry": m.network.posting.shape[0]}
    numbers = 0
    for kind in (Goods, Dues, Ledger):
        for array in kind.__dataclass_fields__.values():
            numbers += math.prod(rings.get(axis, sizes[axis]) for axis in array.metadata["axes"])
    return 2.0 * 8.0 * numbers
