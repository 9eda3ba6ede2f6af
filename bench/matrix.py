"""How fast forward with and without money and value-and-gradient are, from 1 to 50,000 store-products."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from bench import forward, goods, gradient
from bench.clock import measured
from bench.company import SIZES
from bench.doing import doing
from bench.engines import CANNOT, ENGINES
from bench.plan import FUTURES, GOODS, GRADIENT, MONEY, Cell, Plan, block
from twin.plan import blocks_at_once

TURNS = 3
SHORT = 4.0  # seconds; a longer cell is played once


class Row(NamedTuple):
    """skipped: why, or None. memory: peak bytes of the process above what it held before the cell."""

    cell: Cell
    skipped: str | None
    seconds: float = 0.0
    compiling: float = 0.0
    memory: int = 0

    @property
    def speed(self) -> float:
        """Stocking-point-days a second."""
        return self.cell.point_days / self.seconds

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.cell.name, **self.cell._asdict(), "skipped": self.skipped}
        if self.skipped is None:
            found |= {"seconds": self.seconds, "point_days_per_second": self.speed,
                      "compile_seconds": self.compiling, "peak_bytes": self.memory}  # fmt: skip
        return found


def cells(days: int, sizes: tuple[int, ...] = tuple(SIZES), futures: tuple[int, ...] = FUTURES) -> list[Cell]:
    """In the order in which they run: few futures of every size first, since they plan the rest; XLA comes last."""
    asked = [(engine, kind) for engine in sorted(ENGINES) for kind in (GRADIENT, MONEY, GOODS)]
    return [Cell(kind, engine, size, draws, days) for draws in futures for engine, kind in asked for size in sizes]


def contender(cell: Cell) -> Callable[..., Any]:
    size, engine = SIZES[cell.store_products], ENGINES[cell.engine]
    if cell.kind == MONEY:
        return forward.contender(size, cell.days, "exact", engine)
    if cell.kind == GOODS:
        return goods.contender(size, cell.days, "exact", engine=engine)
    return gradient.contender(size, cell.days, cell.engine, derivative=True)


def rows(plan: Plan, these: list[Cell]) -> Iterator[Row]:
    """Each cell as it is done or skipped."""
    for cell in these:
        reason = plan.reason_to_skip(cell)
        if reason:
            yield Row(cell, reason)
            continue
        doing(cell.name)
        run, some = contender(cell), min(cell.futures, block(cell) * blocks_at_once())
        planned = plan.seconds(cell)
        try:
            call = lambda run=run, cell=cell: run(cell.futures, block(cell))  # noqa: E731
            warm = call if some == cell.futures else lambda run=run, some=some, cell=cell: run(some, block(cell))
            found = measured(warm, call, TURNS if planned is not None and planned < SHORT else 1)
        except CANNOT as why:
            yield Row(cell, f"the engine cannot: {why}")
            continue
        plan.learn(cell, found.seconds, found.first)
        yield Row(cell, None, found.seconds, found.first, found.memory)
