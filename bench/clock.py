"""Clocks: wall and processor time, contenders by turns, and the most memory that a call held."""

import gc
import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

Call = Callable[[], Any]


def clocks() -> NDArray[np.float64]:
    """Wall clock, and processor time of all threads, which the load of others touches less."""
    return np.array([time.perf_counter(), time.process_time()])


def timed(call: Call) -> NDArray[np.float64]:
    began = clocks()
    call()
    return clocks() - began


def by_turns(contenders: Mapping[str, Call], turns: int, until: float) -> dict[str, NDArray[np.float64]]:
    """(turn, 2) seconds of each, wall and processor. They alternate, so that a busy machine slows all.

    until: on the clock of `time.perf_counter`, after which no further turn begins (one is always played).
    """
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in contenders}
    for turn in range(turns):
        if turn and time.perf_counter() > until:
            break
        for name, call in contenders.items():
            found[name].append(timed(call))
    return {name: np.array(rows) for name, rows in found.items()}


def quartiles(x: NDArray[np.float64]) -> dict[str, float]:
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    return {"median": float(middle), "q1": float(low), "q3": float(high)}


class Measured(NamedTuple):
    """seconds: the shortest turn. first: the first call, which compiled. memory: bytes above what was held before."""

    seconds: float
    processor: float
    first: float
    memory: int


def measured(warm: Call, call: Call, turns: int) -> Measured:
    """warm compiles what `call` needs; it may play fewer futures, or be `call` itself."""
    gc.collect()
    before = _forget_peak()
    first, again = timed(warm), timed(warm)
    rows = [again] if warm is call else []
    rows += [timed(call) for _ in range(turns - len(rows))]
    wall, processor = min(rows, key=lambda row: row[0])
    return Measured(wall, processor, max(first[0] - again[0], 0.0), max(_peak() - before, 0))


def _forget_peak() -> int:
    """Bytes held now; where the system allows it, the peak starts anew from here."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    """Most bytes held: of the accelerator, else resident memory of this process."""
    stats = jax.devices()[0].memory_stats() or {}
    return int(stats.get("peak_bytes_in_use", 0)) or _status("VmHWM")


def _status(name: str) -> int:
    path = Path("/proc/self/status")
    if path.exists():
        return next(int(line.split()[1]) * 1024 for line in path.read_text().splitlines() if line.startswith(name))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
