"""A traced function of one future, compiled to C++ for this machine's processor.

XLA plays a day as some hundred small programmes over arrays of all futures of a block; each passes through memory.
Here the very same trace becomes one loop nest per index space, with the futures of one vector side by side in
registers: a few futures stay in the processor's cache from the first day to the last. The trace is the definition;
nothing is written by hand twice.

    function(*shared, one) -> outputs        traced once, for one future
    programme = compiled(function, shared, each)
    programme(shared, each) -> outputs       of all futures, leading axis future

The steps: `trace` reads it, `schedule` gathers operations into loops, `source` writes C++, `compiler` builds. For a
GPU `cuda` writes and `chip` builds.
"""

import ctypes
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kernels.native import schedule, source
from kernels.native.compiler import NoCompiler, built, find_compiler
from kernels.native.program import Program, Unsupported
from kernels.native.trace import read

__all__ = ["NoCompiler", "Programme", "Unsupported", "compiled", "find_compiler"]

LANES = 4  # futures in a vector: four float64 fill a register of AVX2
_ALIGNMENT = 64
_programmes: dict[Any, Any] = {}


class Programme:
    """A compiled function. Calls may run side by side: each has its own memory, and releases the interpreter's lock."""

    def __init__(self, function: Callable[..., Any], shared: tuple[Any, ...], each: Any) -> None:
        one = jax.eval_shape(lambda every: jax.tree.map(lambda x: x[0], every), each)
        trace, shape = jax.make_jaxpr(function, return_shape=True)(*shared, one)
        self.program: Program = read(trace, len(jax.tree.leaves(each)))
        phases, self.memory = schedule.plan(self.program, LANES)
        self.library = built(source.units(self.program, phases, self.memory, LANES, min(os.cpu_count() or 1, 8)))
        self.tree = jax.tree.structure(shape)

    def __call__(self, shared: tuple[Any, ...], each: Any) -> Any:
        """Outputs as NumPy arrays, leading axis future."""
        rows = [np.asarray(x) for x in jax.tree.leaves(each)]
        futures = len(rows[0])
        groups = -(-futures // LANES)
        # the last vector is filled up by repeating futures
        rows = [np.ascontiguousarray(np.resize(x, (groups * LANES, *x.shape[1:]))) for x in rows]
        leaves = zip(jax.tree.leaves(shared), self.program.shared, strict=True)
        given = [np.asarray(x, value.dtype, order="C") for x, value in leaves]
        days = self.program.days
        out = [
            np.zeros((groups * LANES, *([days] if by_day else []), *view.shape), view.value.dtype)
            for view, by_day in self.program.outputs
        ]
        varying, common = _aligned(self.memory.varying), _aligned(self.memory.shared)
        pointers = (_pointers(arrays) for arrays in (given, rows, out))
        self.library.play(*pointers, _address(varying), _address(common), ctypes.c_long(groups))
        return jax.tree.unflatten(self.tree, [x[:futures] for x in out])


def compiled(
    function: Callable[..., Any], shared: tuple[Any, ...], each: Any, how: Callable[..., Any] = Programme
) -> Any:
    """The programme of a function for arguments of these shapes. Numbers never recompile.

    function: (*shared, one) -> outputs, with one `lax.scan` over the days at its top. shared: pytrees of arrays that
    all futures see. each: a pytree of arrays with leading axis future; the function sees one row. how: `Programme`, or
    what compiles it otherwise (`kernels.native.chip`).
    Raises NoCompiler, or Unsupported for a function that does what the generator does not know.
    """
    seen = (shared, jax.tree.map(lambda x: x[0], each))
    leaves, tree = jax.tree.flatten(seen)
    shapes = tuple((np.shape(x), np.result_type(x).str) for x in leaves)
    key = how, function, tree, shapes, jax.config.jax_enable_x64  # type: ignore[attr-defined]
    if key not in _programmes:
        _programmes[key] = how(function, shared, each)
    return _programmes[key]


def _aligned(size: int) -> np.ndarray:
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size]


def _address(x: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


def _pointers(arrays: list[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * max(len(arrays), 1))(*(x.ctypes.data for x in arrays))
