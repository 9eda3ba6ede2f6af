"""How time grows with futures, products, nodes and days: where it is linear, where not, and why.

The whole day in exact mode, from one company in which one thing grows at a time. Time a point-day is flat where time
is linear.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from bench import forward
from bench.clock import measured
from bench.company import Size
from bench.doing import doing
from bench.engines import CANNOT, ENGINES

STORES, DCS, PRODUCTS, DAYS, FUTURES = 20, 1, 10, 28, 64
WHY = (
    "Days and futures: linear by construction, a loop over days and blocks of futures that fill the cores. Products and"
    " nodes: below linear while what is per company (dues, gate, ledger) and the call of each small operation has few"
    " points to spread over; above it once a block of futures no longer fits the cache."
)
AXES: dict[str, tuple[int, ...]] = {
    "futures": (64, 256, 1024), "products": (1, 10, 80), "nodes": (3, 21, 161), "days": (7, 28, 112),
}  # fmt: skip
BLOCK = 32  # one programme however many futures; enough for every core
LEAST = {"native": 8.0, "xla": 25.0}  # seconds that a point may need with its compilation


class Point(NamedTuple):
    """seconds: None where the time was up or the engine cannot."""

    axis: str
    engine: str
    at: int
    point_days: float
    seconds: float | None


def grown(axis: str, at: int) -> tuple[Size, int, int]:
    """The company, days and futures where one axis has another length."""
    stores = at - DCS if axis == "nodes" else STORES
    products = at if axis == "products" else PRODUCTS
    return Size(stores, DCS, products), at if axis == "days" else DAYS, at if axis == "futures" else FUTURES


def points(until: float, axes: dict[str, tuple[int, ...]] = AXES) -> Iterator[Point]:
    # by name the engine comes first that compiles in a few seconds
    for name, engine in sorted(ENGINES.items()):
        for axis, lengths in axes.items():
            for at in lengths:
                size, days, futures = grown(axis, at)
                seconds = None
                if time.perf_counter() < until - LEAST[name]:
                    doing(f"scaling, {axis} {at}, {name}")
                    run = forward.contender(size, days, "exact", engine)
                    once = lambda run=run, futures=futures: run(futures, BLOCK)  # noqa: E731
                    with suppress(*CANNOT):
                        seconds = measured(once, once, 3).seconds
                yield Point(axis, name, at, float(futures) * days * size.stocking_points, seconds)


def exponent(found: list[Point]) -> float | None:
    """Slope of log time over log work between the last two points of an axis: 1 is linear."""
    from math import log

    ran = [point for point in found if point.seconds]
    if len(ran) < 2:
        return None
    (_, _, _, less, before), (_, _, _, more, after) = ran[-2:]
    return log(after / before) / log(more / less)  # type: ignore[operator]


def summary(found: list[Point]) -> dict[str, Any]:
    """By axis and engine: nanoseconds a point-day at each length, and the exponent at the far end."""
    table: dict[str, Any] = {}
    for axis, engine in {(point.axis, point.engine): None for point in found}:
        mine = [point for point in found if (point.axis, point.engine) == (axis, engine)]
        table[f"{axis}, {engine}"] = {
            "nanoseconds_per_point_day": {
                str(p.at): 1e9 * p.seconds / p.point_days if p.seconds else "not run" for p in mine
            },
            "exponent": exponent(mine),
        }
    return table


def plot(found: list[Point], file: Path) -> None:
    """Four panels, time over length on logarithmic axes; dashed: linear from the largest length back."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(AXES), figsize=(13, 3.4), sharey=True)
    for panel, axis in zip(panels, AXES, strict=True):
        for engine in ENGINES:
            mine = [p for p in found if (p.axis, p.engine) == (axis, engine) and p.seconds]
            if not mine:
                continue
            at, seconds = [p.at for p in mine], [p.seconds for p in mine]
            panel.loglog(at, seconds, "o-", label=engine)
            panel.loglog(at, [seconds[-1] * p.point_days / mine[-1].point_days for p in mine], "--", color="grey", lw=1)
        panel.set(xlabel=axis, title=f"{axis}")
        panel.grid(True, which="both", alpha=0.3)
    panels[0].set_ylabel("seconds")
    if panels[0].lines:
        panels[0].legend()
    figure.suptitle(f"Time of the whole day, exact; else {STORES} stores, {DCS} DC, {PRODUCTS} products, "
                    f"{DAYS} days, {FUTURES} futures; dashed: linear")  # fmt: skip
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
    plt.close(figure)
