"""Which cells of the matrix run: a plan of seconds and bytes from what smaller cells took; the rest is skipped by name.

Seconds: a futures x days x stocking points, a being what the nearest smaller cell of the same kind took for one.
Bytes: what a block carries, some times over, and what is kept of every future.
"""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import jax

from bench.company import SIZES, model
from bench.engines import cores

SECONDS_MOST = 60.0
FUTURES = (64, 1024, 16_384)
BLOCK_MOST = 512  # one programme for all cells of a size but the smallest
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

    def block(self) -> int:
        """Futures in a block at most."""
        sizes = model(SIZES[self.store_products], self.days).network.sizes
        return int(min(BLOCK_MOST, max(8, 100_000 // ((sizes.nodes + sizes.lanes) * sizes.products))))


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
        planned, need = self.seconds(cell), bytes_of(cell)
        if need > self.memory:
            return f"planned {need / 2**30:.1f} GiB, {self.memory / 2**30:.1f} GiB free"
        if planned is not None and planned > SECONDS_MOST:
            return f"planned {planned:.0f} s, more than {SECONDS_MOST:.0f} s"
        left = self.until - time.perf_counter()
        needed = (planned or 0.0) + self.compiling.get((cell.kind, cell.engine), 0.0)
        return f"planned {needed:.0f} s, {max(left, 0):.0f} s left" if needed > left else None


def bytes_of(cell: Cell) -> int:
    """Planned bytes of a cell."""
    m = model(SIZES[cell.store_products], cell.days)
    carried = sum(leaf.nbytes for leaf in jax.tree.leaves(m.opening))
    at_once = min(cell.futures, cell.block() * cores())
    # a checkpointed year keeps the states of about sqrt(days) block starts and as many days of a block
    held = COPIES[cell.kind] * carried * at_once * (2 * round(cell.days**0.5) if cell.kind == GRADIENT else 1)
    return held + (8 * KEPT_A_DAY * cell.days * cell.futures if cell.kind == MONEY else 0)
