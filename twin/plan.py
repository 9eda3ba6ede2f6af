"""A run before it is compiled: how many futures a block takes, and what that needs of memory, counted from sizes.

A block of futures holds, for each: its state, the temporaries of a day, and everything it records, by day as the loop
writes it and by future as it is handed over. XLA's own account of its programme lies up to a fifth below this count
(tests/twin/test_plan.py). A gradient also keeps the states that the backward pass starts from, about twice the square
root of the days with `twin.checkpointed`.
"""

import math
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax

from twin.network import Network
from twin.record import Record
from twin.state import Flows, State, declared_shapes

CACHE_CELLS = 100_000  # places times products of a block whose day's arrays stay in a processor's cache
BLOCK_MOST = 1024  # vector units are full long before
BLOCKS_AT_ONCE = 8  # each holds the memory of a block
FLOWS_ALIVE = 3  # temporaries of a day, in days' worth of `Flows`
COPIES_RECORDED = 2
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
        return self.state + self.day + self.recorded + self.kept_for_gradient


def footprint(
    network: Network, opening: State, shared: Any, record: Record, days: int, gradient: bool = False
) -> Footprint:
    """Bytes of a run of so many days. shared: pytree of what all futures see. gradient: with `twin.checkpointed`."""
    flows = flow_shapes(network)
    with jax.enable_x64(True):
        series, pooled, totals = (
            _bytes(jax.eval_shape(kept, opening, flows)) for kept in (record.series, record.pooled, record.totals)
        )
    state = _bytes(opening)
    recorded = COPIES_RECORDED * (days * (series + pooled) + totals)
    levels = 2 * (math.isqrt(days - 1) + 1) if gradient else 0
    return Footprint(state, FLOWS_ALIVE * _bytes(flows), recorded, levels * state, _bytes(shared))


def flow_shapes(network: Network) -> Flows:
    """Shapes of what a day reports, to plan with before a day is traced."""
    sizes = network.sizes.axes() | dict(zip(("entry", "account"), network.posting.shape, strict=True))
    return declared_shapes(Flows, sizes)


def blocks_at_once() -> int:
    """Blocks in flight: one per core, for XLA leaves cores idle between the small operations of a day."""
    alone = jax.default_backend() == "cpu" and jax.local_device_count() == 1
    return min(cores(), BLOCKS_AT_ONCE) if alone else 1


def cores() -> int:
    """Those that this process may use: a scheduler may have given it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def block_size(network: Network) -> int:
    """Futures per block, memory aside: enough to fill vector units, few enough that a day's arrays stay in cache.

    A GPU has no such cache: there memory alone bounds a block.
    """
    if jax.default_backend() != "cpu":
        return sys.maxsize
    sizes = network.sizes
    cells = (sizes.nodes + sizes.lanes) * sizes.products
    return int(min(BLOCK_MOST, max(8, 2 ** int(math.log2(1 + CACHE_CELLS // cells)))))


def planned_block(need: Footprint, network: Network, futures: int) -> int:
    """Futures in each block of a run of so many. Raises DoesNotFit. Small runs too are cut into a block per core."""
    devices = jax.local_device_count()
    fitting = min(futures, devices * futures_at_once(need, futures))
    size = min(block_size(network), -(-fitting // blocks_at_once()))
    return -(-size // devices) * devices


def _bytes(tree: Any) -> int:
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def memory() -> int:
    """Bytes that a run may take of a device: of its own memory, or its share of the machine's; no bound if unknown."""
    stats = jax.local_devices()[0].memory_stats() or {}
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        total = stats.get("bytes_limit") or min(machine, granted()) // jax.local_device_count()
    except (AttributeError, ValueError, OSError):
        return sys.maxsize
    return int(PART_OF_MEMORY * total)


def granted(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that a container or scheduler lets this process take (Linux, control groups 2); no bound where none is set.

    Beyond them the kernel kills the process, and nothing could halve a batch in time.
    """
    try:
        mine = next(line[3:] for line in groups.read_text(encoding="ascii").splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return sys.maxsize
    place = root / mine.strip("/")
    limits = [path / "memory.max" for path in (place, *place.parents) if path.is_relative_to(root)]
    said = [path.read_text(encoding="ascii").strip() for path in limits if path.is_file()]
    return min((int(limit) for limit in said if limit != "max"), default=sys.maxsize)


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
