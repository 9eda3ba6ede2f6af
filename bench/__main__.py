"""`python -m bench`: how fast the twin is, beside its peers and its ceilings, in one run of under ten minutes.

Prints tables and writes DATE-COMMIT.json and .svg. The questions stand one a file: `forward`, `goods`, `gradient`,
`ceilings`, `beside`, `compiling`, `matrix`, `scaling`; `targets` is the table of what was promised.
"""

import argparse
import importlib.util
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench import beside, ceilings, compiling, gpu, matrix, scaling, show, targets
from bench.company import MIDDLE, SIZES, YEAR, Size
from bench.doing import doing
from bench.engines import CANNOT
from bench.machine import ROOT, machine, memory_bytes
from bench.peers import base_stock
from bench.plan import FUTURES, Plan

FRESH = 50.0  # seconds that two fresh processes may need


class Scale(NamedTuple):
    """How much of everything; the seconds are on the clock of one run."""

    size: Size = MIDDLE
    days: int = YEAR
    futures: int = 64
    turns: int = 5
    sizes: tuple[int, ...] = tuple(SIZES)
    matrix_futures: tuple[int, ...] = FUTURES
    axes: dict[str, tuple[int, ...]] = scaling.AXES
    turns_until: float = 230.0
    matrix_until: float = 440.0
    scaling_until: float = 545.0
    until: float = 590.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "bench", help="folder of the JSON and the plot")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        # what is compiled here is compiled in this run, so that its seconds are true
        os.environ["XDG_CACHE_HOME"] = cache
        found, points = everything(Scale())
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / f"{found['machine']['date'][:10]}-{found['machine']['commit']}.json"
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    scaling.plot(points, file.with_suffix(".svg"))
    show.say(f"{found['seconds']:.0f} s; written: {file}, {file.with_suffix('.svg').name}")


def everything(scale: Scale) -> tuple[dict[str, Any], list[scaling.Point]]:
    """All figures of one run, printed as they come, and the points of the scaling plot."""
    began = time.perf_counter()
    found: dict[str, Any] = {"machine": machine()}
    show.head(found["machine"])
    found |= promised(scale, began)

    others = beside.rows()
    show.beside(others, base_stock.expected_on_hand())
    found["beside"] = [row._asdict() for row in others]

    plan = Plan(began + scale.matrix_until, memory_bytes())
    rows = list(matrix.rows(plan, matrix.cells(scale.days, scale.sizes, scale.matrix_futures)))
    show.matrix(rows)
    found["matrix"] = [row.as_json() for row in rows]

    points = list(scaling.points(began + scale.scaling_until, scale.axes))
    found["scaling"] = scaling.summary(points)
    show.scaling(found["scaling"])
    if scale.size == MIDDLE and time.perf_counter() - began < scale.until - FRESH:
        doing("compiling in fresh processes")
        found["compile_seconds"] = compiling.seconds()
        cold, warm = (found["compile_seconds"][name]["wall"] for name in ("cold", "warm"))
        show.say(f"first answer of {MIDDLE.store_products:,} store-products waits {cold:.1f} s for the compiler, "
                 f"{warm:.1f} s with a filled cache")  # fmt: skip
    found["seconds"] = time.perf_counter() - began
    return found, points


def promised(scale: Scale, began: float) -> dict[str, Any]:
    """The table of targets, with what it rests on. Without Numba there is no peer, and it says so."""
    if importlib.util.find_spec("numba") is None:
        show.say("numba is not installed (extra: bench): no peer by hand, no ceilings, no targets")
        return {}
    from bench.clock import by_turns, timed

    doing("ceilings")
    top, asked = ceilings.measure(), ceilings.count(scale.size)
    show.ceilings(top, asked)
    calls = targets.contenders(scale.size, scale.days, scale.futures)
    compiling = {}
    for name, call in list(calls.items()):
        doing(f"first calls: {name}")
        try:
            compiling[name] = float(timed(call)[0] - timed(call)[0])
        except CANNOT as why:
            show.say(f"{name}: the engine cannot: {why}")
            del calls[name]
    doing(f"{scale.turns} turns of {len(calls)} contenders")
    seconds = by_turns(calls, scale.turns, began + scale.turns_until)
    point_days = float(scale.futures) * scale.days * scale.size.stocking_points
    speeds = targets.speeds(seconds, point_days)
    show.speeds(speeds)
    same = targets.agreement(scale.size, scale.days, scale.futures)
    show.agreement(same)
    table = [*targets.rows(seconds, top, asked, point_days), *gpu.rows()]
    show.targets(table)
    return {
        "ceilings": top._asdict(),
        "asked_per_point_day": asked._asdict(),
        "speeds": speeds,
        "compile_seconds_of": compiling,
        "agreement": same,
        "targets": [row._asdict() for row in table],
        "turns": {name: rows.tolist() for name, rows in seconds.items()},
    }


if __name__ == "__main__":
    main()
