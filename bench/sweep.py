"""`python -m bench.sweep`: what a sweep takes: time, bytes, peak and growth of memory; and one worker against two.

The whole: 10,000 futures x 10 scenarios of the example company on two cores. Small: --futures 500 --scenarios 2.
Figures are printed and kept as JSON. Memory is the resident size of the process, read at every task; it is flat when
the last quarter of the run has no higher peak than the quarters before it.

Weak scaling: each worker is a process held to one core of its own; two of them do twice the futures of one. Efficiency
= time of one / time of two, of the blocks alone (compiling is done before the clock starts). 1.0 is ideal; caches and
memory are shared, so it is less, and on a machine with other work it measures that work as well.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from scenarios import example, run, store
from scenarios.library import library
from scenarios.sweep.board import read_plan
from scenarios.sweep.log import Tally
from scenarios.sweep.work import Worker
from twin.tables.read import read

ROOT = Path(__file__).parent.parent
STORES, PRODUCTS = 24, 40  # the example company as `tandem new` writes it
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.sweep", description=__doc__)
    parser.add_argument("--futures", type=int, default=10_000)
    parser.add_argument("--scenarios", type=int, default=10)
    parser.add_argument("--stores", type=int, default=STORES)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--blocks", type=int, default=4, help="blocks per worker in the weak scaling; 0 leaves it out")
    parser.add_argument("--folder", type=Path, help="keep company and runs here")
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "bench" / "sweep.json")
    parser.add_argument("--worker", nargs=3, metavar=("RUN", "CORE", "BLOCKS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    jax.config.update("jax_compilation_cache_dir", str(ROOT / ".cache" / "jax"))
    if options.worker:
        alone(Path(options.worker[0]), int(options.worker[1]), int(options.worker[2]))
        return
    folder = options.folder or Path(tempfile.mkdtemp(prefix="tandem-sweep-"))
    shop = folder / "shop"
    if not shop.exists():
        example.write(example.generate(options.stores, options.products), shop)
    names = list(library())[: options.scenarios]
    found = {"load_before": os.getloadavg()[0], "cores": len(os.sched_getaffinity(0))}
    found |= whole(shop, folder / "run", names, options.futures)
    if options.blocks:
        found["weak_scaling"] = weak_scaling(shop, folder / "weak", names, options.blocks)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    if options.folder is None:
        shutil.rmtree(folder)


def whole(shop: Path, out: Path, names: list[str], futures: int) -> dict[str, Any]:
    """A whole run in this process, as `tandem stress` does it."""
    sizes: list[int] = []
    scratch: list[int] = []

    def progress(tally: Tally) -> None:
        sizes.append(resident())
        if tally.done % 8 == 0:
            scratch.append(on_disk(out / "scratch.zarr"))
        print(
            f"\r{tally.done}/{tally.tasks} {tally.rate / 1e6:.2f} M/s {sizes[-1] / MIB:.0f} MiB  ", end="", flush=True
        )

    began, worked = time.monotonic(), time.process_time()
    run.stress(read(shop).company, names, out, draws=futures, progress=progress)
    seconds, processor = time.monotonic() - began, time.process_time() - worked
    print()
    plan, _ = read_plan(out)
    point_days = sum(plan.point_days(task) for task in plan.tasks)
    quarters = [max(part) / MIB for part in np.array_split(sizes[len(sizes) // 10 :], 4)]
    return {
        "futures": futures, "scenarios": len(names), "cases": len(plan.cases), "tasks": len(plan.tasks),
        "futures_per_task": plan.block, "stocking_points": plan.points, "days": plan.days,
        "seconds": round(seconds, 1), "processor_seconds": round(processor, 1),
        "million_point_days_per_second": round(point_days / seconds / 1e6, 3),
        "bytes_of_results": on_disk(out / "results.zarr"), "bytes_of_markers": on_disk(out / store.MARKERS),
        "peak_bytes_of_scratch": max(scratch), "files": sum(path.is_file() for path in out.rglob("*")),
        "peak_mib": round(max(sizes) / MIB), "peak_mib_by_quarter": [round(x) for x in quarters],
        "flat": quarters[-1] <= 1.02 * max(quarters[:-1]),
    }  # fmt: skip


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def weak_scaling(shop: Path, folder: Path, names: list[str], blocks: int) -> dict[str, Any]:
    """One worker on one core, then two on two cores, each with the same number of blocks; three times by turns."""
    company, cores = read(shop).company, sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        return {"left_out": "one core only"}
    times: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(3):
        for workers in (1, 2):
            runs = []
            for worker in range(workers):
                out = folder / f"{turn}-{workers}-{worker}"
                plan = run.plan_of(company, run.scenario_rows(company, names[:1]), draws=4096, seed=worker)
                run.begin(out, plan, company)
                words = [sys.executable, "-m", "bench.sweep", "--worker", str(out), str(cores[worker]), str(blocks)]
                runs.append(subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True))
            for process in runs:
                assert process.stdout
                assert process.stdout.readline().strip() == "ready"
            for process in runs:  # all have compiled: begin together
                assert process.stdin
                process.stdin.write("go\n")
                process.stdin.flush()
            times[workers].append(max(float(process.communicate()[0]) for process in runs))
    pairs = [one / two for one, two in zip(times[1], times[2], strict=True)]
    return {"seconds_one": times[1], "seconds_two": times[2], "efficiency": round(statistics.median(pairs), 3)}


def alone(out: Path, core: int, blocks: int) -> None:
    """A worker held to one core: compile with the first block, wait for the word, then do its blocks."""
    os.sched_setaffinity(0, {core})
    worker = Worker(out)
    tasks = [task for task in worker.plan.tasks if task.kind == "play"]
    worker.perform(tasks[0])
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    for task in tasks[1 : 1 + blocks]:
        worker.perform(task)
    print(time.monotonic() - began, flush=True)


if __name__ == "__main__":
    main()
