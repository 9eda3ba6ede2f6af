"""The nouns: values, views of them, operations, and the programme they make up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

ONCE, DAILY, LAST = 0, 1, 2
REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min", "reduce_or", "reduce_and", "reduce_prod"}
# read any element of what they read; all others but reductions read the one that they make
FAR = {"gather", "dynamic_slice", "dot_general", "argmin", "argmax", "fold"}


class Shape(NamedTuple):
    """What an operation makes."""

    shape: tuple[int, ...]
    dtype: np.dtype


class Unsupported(NotImplementedError):
    """An operation that the code generator does not know."""


@dataclass(eq=False, repr=False)
class Value:
    """An array. source: ("in", k), ("each", k), ("by_day", k), ("carry", k) or ("const",); () for what an Op makes.

    Of a loop that is called with lanes innermost (`kernels.native.days`), also ("lanes", k), ("lanes_by_day", k) and
    ("tape", offset), and for what leaves it ("out", k) and ("out_by_day", k).
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    varies: bool
    when: int
    source: tuple[Any, ...] = ()
    data: np.ndarray | None = None
    writers: list["Op"] = field(default_factory=list)
    same_memory: "Value | None" = None  # written in place of this one

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def outside(self) -> bool:
        """Whether it lies in memory of the caller."""
        return bool(self.source) and self.source[0] != "carry"

    @property
    def memory(self) -> "Value":
        return self if self.same_memory is None else self.same_memory.memory


# Views are kept as NumPy views of an array that nobody reads: NumPy knows which reshapes need no copy.
_GROUND = np.zeros(1, np.int8)


@dataclass(frozen=True, eq=False)
class View:
    """Elements of a value under other names. lay: strides in elements; its address less the ground's is the offset."""

    value: Value
    lay: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.lay.shape

    @property
    def strides(self) -> tuple[int, ...]:
        return self.lay.strides

    @cached_property
    def offset(self) -> int:
        return _address(self.lay) - _GROUND_AT

    @cached_property
    def key(self) -> tuple[Any, ...]:
        return id(self.value), self.shape, self.strides, self.offset

    def is_whole(self) -> bool:
        """Every element of the value once, in memory order."""
        return self.offset == 0 and self.lay.size == self.value.size and self.lay.flags.c_contiguous


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


_GROUND_AT = _address(_GROUND)


@lru_cache(maxsize=4096)
def dense(shape: tuple[int, ...]) -> np.ndarray:
    """The lay of a whole array in C order."""
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    return np.lib.stride_tricks.as_strided(_GROUND, shape, strides)


def spread(x: View, shape: tuple[int, ...]) -> View:
    """x broadcast to a shape."""
    return x if x.shape == shape else View(x.value, np.broadcast_to(x.lay, shape))


def whole(value: Value) -> View:
    return View(value, dense(value.shape))


@dataclass(eq=False, repr=False)
class Op:
    """One operation over a space of indices. reads: views; makes: the value it computes in a register, if any;
    into: memory it writes, as a view (pieces of a concatenation, scatters)."""

    name: str
    space: tuple[int, ...]
    varies: bool
    when: int
    reads: list[View]
    makes: Value | None = None
    into: View | None = None
    params: dict[str, Any] = field(default_factory=dict)
    after: list["Op"] = field(default_factory=list)  # must come in a later loop than these


@dataclass
class Program:
    """ops by when; carried: (first value, carry, value at the day's end); outputs: (view, by day?)."""

    ops: list[Op]
    days: int
    shared: list[Value]
    each: list[Value]
    by_day: list[Value]
    carried: list[tuple[View, Value, View]]
    outputs: list[tuple[View, bool]]


def trim(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without its axes of length 1: the loops it needs."""
    return tuple(n for n in shape if n != 1)


def scan_counts(params: dict[str, Any]) -> tuple[int, int]:
    """How many arguments of a scan are constants and how many are carried: JAX 0.12 groups them, 0.10 counts them."""
    if "ft_in" in params:
        consts, carried, _ = params["ft_in"].unpack()
        return len(consts), len(carried)
    return params["num_consts"], params["num_carry"]
