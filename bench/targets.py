"""The table "How we know": every target with its figure, from contenders that took turns in one run.

Ratios are medians over turns, by wall clock and by processor time; a ratio of speeds above 1 favours the twin.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import forward, goods, gradient
from bench.ceilings import Ceilings, Counts
from bench.clock import quartiles
from bench.company import Size, model
from bench.engines import ENGINES, cores
from bench.peers import base_stock

POISSON, HAND, HAND_ONE, CEILING = "goods by hand, NumPy's Poisson", "day by hand", "day by hand, one thread", "ceiling"
VALUE, GRADIENT = "value", "value and gradient"
OURS, OURS_GRADIENT, TORCH, TORCH_GRADIENT = "base stock", "base stock, gradient", "PyTorch", "PyTorch, gradient"
Seconds = Mapping[str, NDArray[np.float64]]


class Target(NamedTuple):
    """ratio: by wall clock (per core: by processor time), None where it was not measured. met: None if no aim."""

    name: str
    target: str
    ratio: float | None
    by_processor: float | None
    met: bool | None
    note: str


def day(mode: str, engine: str) -> str:
    return f"whole day, {mode}, {engine}"


def still(mode: str) -> str:
    return f"goods alone, no randomness, {mode}"


def contenders(size: Size, days: int, futures: int) -> dict[str, Callable[[], Any]]:
    """Everything that takes turns, by name. Needs Numba; PyTorch joins where it is installed."""
    from bench.peers import day as by_hand
    from bench.peers import goods as goods_by_hand
    from bench.peers.plain import plain

    company = plain(model(size, days))
    calls: dict[str, Callable[[], Any]] = {}
    for name, engine in ENGINES.items():
        for mode in ("exact", "smooth"):
            calls[day(mode, name)] = _call(forward.contender(size, days, mode, engine), futures)
    calls[POISSON] = lambda: goods_by_hand.futures(company, futures, days, cores(), lucky=True)
    calls[HAND] = lambda: by_hand.futures(company, futures, days, cores())
    calls[HAND_ONE] = lambda: by_hand.futures(company, max(futures // cores(), 1), days, 1)
    for mode in ("exact", "smooth"):
        calls[still(mode)] = _call(goods.contender(size, days, mode, goods.still), futures)
    calls[CEILING] = lambda: goods_by_hand.futures(company, futures, days, cores(), lucky=False)
    calls[VALUE] = _call(gradient.contender(size, days, gradient.FASTEST, derivative=False), futures)
    calls[GRADIENT] = _call(gradient.contender(size, days, gradient.FASTEST, derivative=True), futures)
    calls[OURS], calls[OURS_GRADIENT] = base_stock.ours()
    if find_spec("torch"):
        from bench.peers import pytorch

        calls[TORCH], calls[TORCH_GRADIENT] = pytorch.theirs()
    return calls


def _call(run: Callable[[int], Any], futures: int) -> Callable[[], Any]:
    return lambda: run(futures)


def rows(seconds: Seconds, machine: Ceilings, asked: Counts, point_days: float) -> list[Target]:
    """The table. seconds: (turn, 2) by contender; point_days: of a turn of the company's contenders."""
    found = []
    for engine in [name for name in ENGINES if day("exact", name) in seconds]:
        for mode, least in (("smooth", 3.0), ("exact", 1.5)):
            name = day(mode, engine)
            cause = _cause(seconds[name], machine, asked, point_days)
            found.append(_at_least(f"{name} / {POISSON}", least, seconds[POISSON], seconds[name], cause))
        for mode in ("smooth", "exact"):
            name = day(mode, engine)
            found.append(_at_least(f"{name} / {HAND}, {cores()} threads", None, seconds[HAND], seconds[name], "aim 1x"))
    for mode in ("smooth", "exact"):
        mine = seconds[still(mode)]
        cause = f"{_each(mine, point_days):.1f} ns against {_each(seconds[CEILING], point_days):.1f} a point-day"
        found.append(_at_least(f"{still(mode)} / Numba ceiling", 0.5, seconds[CEILING], mine, cause))
    found.append(_at_most("value and gradient / forward", 3.0, seconds[GRADIENT], seconds[VALUE]))
    for name, least, mine, theirs in (
        ("base stock, batch 8,192 / PyTorch, forward, per core", 2.0, OURS, TORCH),
        ("the same with gradient", 1.5, OURS_GRADIENT, TORCH_GRADIENT),
    ):
        if theirs not in seconds:
            found.append(Target(name, f">= {least:g}x", None, None, None, "PyTorch is not installed (extra: peers)"))
        else:
            each = [1e9 * np.median(seconds[x][:, 1]) / (base_stock.BATCH * base_stock.PERIODS) for x in (mine, theirs)]
            cause = f"{each[0]:.1f} ns of processor time a location-period against {each[1]:.1f}"
            found.append(_at_least(name, least, seconds[theirs], seconds[mine], cause, per_core=True))
    return found


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> tuple[float, float]:
    wall, processor = np.median(above / below, axis=0)
    return float(wall), float(processor)


def _at_least(
    name: str, least: float | None, theirs: NDArray[np.float64], mine: NDArray[np.float64], cause: str,
    per_core: bool = False,
) -> Target:  # fmt: skip
    wall, processor = _ratio(theirs, mine)
    figure = processor if per_core else wall
    met = None if least is None else figure >= least
    return Target(name, "reported" if least is None else f">= {least:g}x", figure, processor, met,
                  cause if least is None or not met else "")  # fmt: skip


def _at_most(name: str, most: float, mine: NDArray[np.float64], forward_alone: NDArray[np.float64]) -> Target:
    wall, processor = _ratio(mine, forward_alone)
    met = wall <= most
    cause = "" if met else "each day is played twice, and most of it once more with its transpose"
    return Target(name, f"<= {most:g}x", wall, processor, met, cause)


def _each(seconds: NDArray[np.float64], point_days: float) -> float:
    return float(1e9 * np.median(seconds[:, 0]) / point_days)


def _cause(seconds: NDArray[np.float64], machine: Ceilings, asked: Counts, point_days: float) -> str:
    """Where the time of the whole day goes, against what the machine could do."""
    speed = point_days / float(np.median(seconds[:, 0]))
    return (
        f"{asked.operations:.0f} operations and {asked.bytes:.0f} bytes a point-day: "
        f"{asked.operations * speed / machine.operations_per_second:.0%} of peak arithmetic, "
        f"{asked.bytes * speed / machine.bytes_per_second:.0%} of the memory triad"
    )


def speeds(seconds: Seconds, point_days: float) -> dict[str, Any]:
    """Of every contender: quartiles of stocking-point-days (base stock: location-periods) a second."""
    periods = float(base_stock.BATCH * base_stock.PERIODS)
    small = (OURS, OURS_GRADIENT, TORCH, TORCH_GRADIENT)
    work = {name: periods if name in small else point_days for name in seconds} | {HAND_ONE: point_days / cores()}
    return {
        name: {
            "per_second": quartiles(work[name] / rows[:, 0]),
            "per_processor_second": quartiles(work[name] / rows[:, 1]),
        }
        for name, rows in seconds.items()
    }


def agreement(size: Size, days: int, futures: int) -> dict[str, Any]:
    """Whether twin and hand-written day end with the same units and the same cents, future by future."""
    from bench.peers import day as by_hand
    from bench.peers.money import CASH
    from bench.peers.plain import plain

    run = forward.contender(size, days, "exact")(futures)
    hand = by_hand.futures(plain(model(size, days)), futures, days, cores())
    same = {
        "demand": bool((run.totals["demand"] == hand.demand).all()),
        "units met": bool((run.totals["met"] == hand.met).all()),
        "stock at the close": bool((run.totals["on_hand"] == hand.on_hand).all()),
        "cash of every day": bool((run.series["cash"] == hand.balances[:, :, CASH]).all()),
        "closing balances of all accounts": bool((run.closing.ledger.balances == hand.balances[:, -1]).all()),
        "invariants": not run.residuals.any(),
    }
    fill = run.totals["met"].sum() / run.totals["demand"].sum()
    return {"same": same, "fill rate": float(fill)}
