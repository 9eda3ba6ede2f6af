"""Which cells of the matrix run: a plan of seconds and bytes from what smaller cells took; the rest is skipped by name.

Seconds: a futures x days x stocking points, a being what the nearest smaller cell of the same kind took for one.
Bytes: as `twin.plan` counts a run, and what is kept of every future.
"""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.company import SIZES, model
from bench.engines import on_gpu
from bench.gradient import NOTHING
from twin.plan import DoesNotFit, Footprint, blocks_at_once, footprint, planned_block
from twin.record import COMPANY

SECONDS_MOST = 60.0
FUTURES = (64, 1024, 16_384)
BLOCK_MOST = 512  # one programme for all cells of a size but those of few futures
ASSEMBLY = 1e-3  # seconds a store-product from tables to arrays
MONEY, GOODS, GRADIENT = "whole day", "goods only", "value and gradient"


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
        try:
            need = bytes_of(cell)
        except DoesNotFit as error:
            return str(error)
        if need > self.memory:
            return f"planned {need / 2**30:.1f} GiB, {self.memory / 2**30:.1f} GiB free"
        return None


def block(cell: Cell) -> int:
    """Futures in a block: one programme for all cells of a size but those of few futures, planned as a run's are."""
    m = model(SIZES[cell.store_products], cell.days)
    return min(BLOCK_MOST, planned_block(_footprint(cell), m.network, cell.futures))


def bytes_of(cell: Cell) -> int:
    """Planned bytes of a cell: the futures in flight, and on the host what is kept of all of them."""
    need = _footprint(cell)
    kept = 0 if on_gpu() else cell.futures * need.recorded
    return need.shared + need.future * min(cell.futures, block(cell) * blocks_at_once()) + kept


def _footprint(cell: Cell) -> Footprint:
    m = model(SIZES[cell.store_products], cell.days)
    record = COMPANY if cell.kind == MONEY else NOTHING
    shared = m.network, m.policy, m.params, m.inputs["base"]
    return footprint(m.network, m.opening, shared, record, cell.days, cell.kind == GRADIENT)
