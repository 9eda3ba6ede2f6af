"""Which cells of the matrix run: a plan of seconds and bytes from what smaller cells took; the rest is skipped by name.

Seconds: a futures x days x stocking points, a being what the nearest smaller cell of the same kind took for one.
Bytes: what a block carries, some times over, and what is kept of every future.
"""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import jax

from bench.company import SIZES, model
from bench.engines import cores, on_gpu
from bench.machine import memory_bytes

SECONDS_MOST = 60.0
FUTURES = (64, 1024, 16_384)
BLOCK_MOST = 512  # one programme for all cells of a size but those of few futures
ASSEMBLY = 1e-3  # seconds a store-product from tables to arrays
CACHE_CELLS = 100_000  # a block's nodes and lanes times products, as in simulate
MONEY, GOODS, GRADIENT = "whole day", "goods only", "value and gradient"
# Copies of the state that a block holds at once: carried, computed anew and between them; for gradients a day of tape.
COPIES = {MONEY: 8, GOODS: 4, GRADIENT: 12}
KEPT_A_DAY = 170  # float64 numbers by future and day that the record of a stress run keeps: accounts, postings, series


class Cell(NamedTuple):
    kind: str
    engine: str
    store_products: int
    futures: int
    days: int

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.engine}, {self.store_products:,} store-products, {self.futures:,} futures"

    @property
    def point_days(self) -> float:
        return float(self.futures) * self.days * SIZES[self.store_products].stocking_points


@dataclass
class Plan:
    """What is known so far. seconds_each: nanoseconds-like cost of one point-day by kind, engine and size."""

    until: float  # on time.perf_counter's clock
    memory: int
    cost: dict[tuple[str, str], dict[int, float]] = field(default_factory=dict)
    compiling: dict[tuple[str, str], float] = field(default_factory=dict)

    def learn(self, cell: Cell, seconds: float, compiling: float) -> None:
        key = cell.kind, cell.engine
        self.cost.setdefault(key, {})[cell.store_products] = seconds / cell.point_days
        self.compiling[key] = max(compiling, self.compiling.get(key, 0.0))

    def seconds(self, cell: Cell) -> float | None:
        """Planned seconds of one run, or None where no cell of this kind has run."""
        known = self.cost.get((cell.kind, cell.engine), {})
        smaller = [size for size in known if size <= cell.store_products]
        return known[max(smaller)] * cell.point_days if smaller else None

    def reason_to_skip(self, cell: Cell) -> str | None:
        """Why a cell does not run, or None."""
        planned = self.seconds(cell)
        if planned is not None and planned > SECONDS_MOST:
            return f"planned {planned:.0f} s, more than {SECONDS_MOST:.0f} s"
        left = self.until - time.perf_counter()
        compiling = self.compiling.get((cell.kind, cell.engine), 0.0)
        needed = (planned or 0.0) + compiling + ASSEMBLY * cell.store_products
        if needed > left:
            return f"planned {needed:.0f} s, {max(left, 0):.0f} s left"
        need = bytes_of(cell)
        if need > self.memory:
            return f"planned {need / 2**30:.1f} GiB, {self.memory / 2**30:.1f} GiB free"
        return None


def at_once() -> int:
    """Blocks in flight."""
    return 1 if on_gpu() else cores()


def block(cell: Cell) -> int:
    """Futures in a block: what half the card holds, or what the cache of a core does and gives every core its share."""
    if on_gpu():
        return min(cell.futures, max(1, memory_bytes() // 2 // bytes_of_future(cell)))
    sizes = model(SIZES[cell.store_products], cell.days).network.sizes
    fits = max(8, CACHE_CELLS // ((sizes.nodes + sizes.lanes) * sizes.products))
    return min(BLOCK_MOST, fits, -(-cell.futures // cores()))


def bytes_of_future(cell: Cell) -> int:
    """Planned bytes of a future in flight."""
    m = model(SIZES[cell.store_products], cell.days)
    carried = COPIES[cell.kind] * sum(leaf.nbytes for leaf in jax.tree.leaves(m.opening))
    if cell.kind == GRADIENT:
        # two levels of checkpoints: the starts of about sqrt(days) blocks, and the days of one
        return carried * 2 * round(cell.days**0.5)
    return carried + (8 * KEPT_A_DAY * cell.days if cell.kind == MONEY else 0)


def bytes_of(cell: Cell) -> int:
    """Planned bytes of a cell: the futures in flight, and on the host what is kept of all of them."""
    kept = 8 * KEPT_A_DAY * cell.days * cell.futures if cell.kind == MONEY and not on_gpu() else 0
    return bytes_of_future(cell) * min(cell.futures, block(cell) * at_once()) + kept
