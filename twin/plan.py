"""What a run takes of memory, counted from sizes before anything is compiled.

A block of futures holds, for each: its state twice (a day reads one and writes the next), the temporaries of a day,
and everything it records until the block is done. A gradient also keeps the states that the backward pass starts from,
about twice the square root of the days with `twin.checkpointed`.
"""

import math
import os
from typing import Any, NamedTuple

import jax

from twin.network import Network
from twin.simulate import Record
from twin.state import Flows, State, declared_shapes

STATES = 2
# Arrays of a day's flows that are alive at once, in days' worth of `Flows`; measured against XLA's own account of the
# example company's programme (tests/twin/test_plan.py).
FLOWS_ALIVE = 3
PART_OF_MEMORY = 0.8  # the rest is the compiler's, the host's and everybody else's


class DoesNotFit(MemoryError):
    """Not even one future fits; the message has the numbers."""


class Footprint(NamedTuple):
    """Bytes of one future on the device, and of what all futures share."""

    state: int
    day: int
    recorded: int
    kept_for_gradient: int
    shared: int

    @property
    def future(self) -> int:
        return STATES * self.state + self.day + self.recorded + self.kept_for_gradient


def footprint(
    network: Network, opening: State, shared: Any, record: Record, days: int, gradient: bool = False
) -> Footprint:
    """Bytes of a run of so many days. shared: pytree of what all futures see. gradient: with `twin.checkpointed`."""
    sizes = network.sizes.axes() | dict(zip(("entry", "account"), network.posting.shape, strict=True))
    flows = declared_shapes(Flows, sizes)
    by_day = _bytes(jax.eval_shape(record.series, opening, flows)) + _bytes(
        jax.eval_shape(record.pooled, opening, flows)
    )
    totals = _bytes(jax.eval_shape(record.totals, opening, flows))
    state = _bytes(opening)
    levels = 2 * (math.isqrt(days - 1) + 1) if gradient else 0
    return Footprint(state, FLOWS_ALIVE * _bytes(flows), days * by_day + totals, levels * state, _bytes(shared))


def _bytes(tree: Any) -> int:
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def memory() -> int:
    """Bytes that a run may take of this machine's device: of its memory if it says, else of the machine's."""
    stats = jax.local_devices()[0].memory_stats() or {}
    total = stats.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(PART_OF_MEMORY * total)


def futures_at_once(need: Footprint, wanted: int, available: int | None = None) -> int:
    """How many of the wanted futures fit, at least 1. Raises DoesNotFit with the numbers."""
    available = memory() if available is None else available
    fitting = (available - need.shared) // need.future
    if fitting < 1:
        short = (need.shared + need.future) / 2**30
        raise DoesNotFit(
            f"one future takes {need.future / 2**30:,.2f} GiB and what futures share {need.shared / 2**30:,.2f} GiB, "
            f"together {short:,.2f} GiB; there are {available / 2**30:,.2f} GiB"
        )
    return int(min(wanted, fitting))
