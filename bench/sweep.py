"""`python -m bench.sweep`: what a sweep takes: time, bytes, peak and growth of memory; and one worker against two.

The plan is the whole one: 10,000 futures x 10 scenarios of the example company, with its variants and levers. It is
worked on for --seconds, as `tandem stress --time-limit` does it, and the rest is counted: tasks are of one size, so
time and bytes of the whole are those of the tasks done, scaled by stocking-point-days. What was played and what was
scaled is printed. Memory is the highest resident size within each task; it is flat when the last quarter of the tasks
has no higher one than the quarters before. Small: --futures 500 --stores 4 --products 6 --seconds 30.

Weak scaling: each worker is a process held to one core of its own; two of them do twice the futures of one. Efficiency
= time of one / time of two, of the blocks alone (compiling is done before the clock starts). 1.0 is ideal; caches and
memory are shared, so it is less, and on a machine with other work it measures that work as well: processor seconds of
both are printed, for they show which.
"""

import argparse
import contextlib
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
from scenarios.sweep.board import Board, read_plan
from scenarios.sweep.executors import TimeUp
from scenarios.sweep.log import Tally
from scenarios.sweep.products import RESULTS, SCRATCH
from scenarios.sweep.work import Worker
from twin.tables.read import read

ROOT = Path(__file__).parent.parent
STORES, PRODUCTS = 24, 40  # the example company as `tandem new` writes it
MIB = 2**20
SCALING_BLOCK = 64  # futures per block in the weak scaling
TURNS = 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.sweep", description=__doc__)
    parser.add_argument("--futures", type=int, default=10_000)
    parser.add_argument("--scenarios", type=int, default=10)
    parser.add_argument("--stores", type=int, default=STORES)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--seconds", type=float, default=360, help="how long the sweep is worked on")
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
    found |= whole(shop, folder / "run", names, options.futures, options.seconds)
    if options.blocks:
        found["weak_scaling"] = weak_scaling(shop, folder / "weak", names[:1], options.blocks)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1)
    options.out.write_text(text + "\n", encoding="utf-8")
    print(text)
    if options.folder is None:
        shutil.rmtree(folder)


def whole(shop: Path, out: Path, names: list[str], futures: int, limit: float) -> dict[str, Any]:
    """As much of a run as `limit` seconds allow, in this process, as `tandem stress` does it."""
    peaks: list[float] = []
    scratch: list[int] = []
    began, worked = time.monotonic(), time.process_time()
    done = 0

    def progress(tally: Tally) -> None:
        nonlocal done
        if tally.done == done:  # a task begins
            return
        done = tally.done
        peaks.append(peak() / MIB)
        scratch.append(on_disk(out / SCRATCH))
        print(f"\r{done}/{tally.tasks} {tally.rate / 1e6:.2f} M/s {peaks[-1]:.0f} MiB  ", end="", flush=True)

    peak()
    with contextlib.suppress(TimeUp):
        run.stress(read(shop).company, names, out, draws=futures, limit=limit, progress=progress)
    seconds, processor = time.monotonic() - began, time.process_time() - worked
    print()
    plan, _ = read_plan(out)
    markers = Board(out, plan).markers
    all_of_it = sum(plan.point_days(task) for task in plan.tasks)
    played = sum(plan.point_days(task) for task in plan.tasks if task.id in markers)
    kinds = {kind: [markers[task.id]["seconds"] for task in plan.tasks if task.kind == kind and task.id in markers]
             for kind in ("play", "summary", "finish")}  # fmt: skip
    steady = statistics.median(kinds["play"]) / (played / len(kinds["play"]))  # per stocking-point-day, uncompiled
    summary = max(kinds["summary"], default=0.0)
    quarters = [max(part) for part in np.array_split(peaks[1:], 4)] if len(peaks) > 8 else []
    written = on_disk(out / RESULTS)
    return {
        "futures": futures, "scenarios": len(names), "cases": len(plan.cases), "tasks": len(plan.tasks),
        "futures_per_task": plan.block, "stocking_points": plan.points, "days": plan.days,
        "million_point_days": round(all_of_it / 1e6), "share_played": round(played / all_of_it, 4),
        "tasks_done": len(markers), "summaries_done": len(kinds["summary"]),
        "seconds": round(seconds, 1), "processor_seconds": round(processor, 1),
        "seconds_of_first_task": kinds["play"][0], "median_seconds_of_a_task": statistics.median(kinds["play"]),
        "seconds_of_a_summary": round(summary, 2),
        "million_point_days_per_second": round(1 / steady / 1e6, 3),
        "hours_of_the_whole_scaled": round((steady * all_of_it + summary * len(plan.joint)) / 3600, 3),
        "bytes_of_results": written, "bytes_of_markers": on_disk(out / store.MARKERS),
        "bytes_of_the_whole_scaled": round(written * all_of_it / played),
        "peak_bytes_of_scratch": max(scratch), "files": sum(path.is_file() for path in out.rglob("*")),
        "peak_mib": round(max(peaks)), "peak_mib_by_quarter": [round(x) for x in quarters],
        "flat": bool(quarters and quarters[-1] <= 1.02 * max(quarters[:-1])),
    }  # fmt: skip


def peak() -> int:
    """The highest resident size of this process since this was last called, bytes; now, where Linux cannot say."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return 1024 * found


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def weak_scaling(shop: Path, folder: Path, names: list[str], blocks: int) -> dict[str, Any]:
    """One worker on one core, then two on two cores, each with the same number of blocks, by turns."""
    company, cores = read(shop).company, sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        return {"left_out": "one core only"}
    rows = run.scenario_rows(company, names)
    wall: dict[int, list[float]] = {1: [], 2: []}
    processor: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(TURNS):
        for workers in (1, 2):
            runs = []
            for worker in range(workers):
                out = folder / f"{turn}-{workers}-{worker}"
                run.begin(out, run.plan_of(company, rows, draws=4096, seed=worker, block=SCALING_BLOCK), company)
                words = [sys.executable, "-m", "bench.sweep", "--worker", str(out), str(cores[worker]), str(blocks)]
                runs.append(subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True))
            for process in runs:
                assert process.stdout
                assert process.stdout.readline().strip() == "ready"
            for process in runs:  # all have compiled: begin together
                assert process.stdin
                process.stdin.write("go\n")
                process.stdin.flush()
            times = [tuple(map(float, process.communicate()[0].split())) for process in runs]
            wall[workers].append(max(one for one, _ in times))
            processor[workers].append(max(one for _, one in times))
    pairs = [one / two for one, two in zip(wall[1], wall[2], strict=True)]
    return {
        "seconds_one": wall[1], "seconds_two": wall[2], "processor_one": processor[1], "processor_two": processor[2],
        "efficiency": round(statistics.median(pairs), 3),
    }  # fmt: skip


def alone(out: Path, core: int, blocks: int) -> None:
    """A worker held to one core: compile with the first block, wait for the word, then do its blocks."""
    worker = Worker(out)
    tasks = [task for task in worker.plan.tasks if task.kind == "play"]
    worker.perform(tasks[0])
    # every thread: those that are up already would go on using the other core, which is idle for one worker only
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), {core})
    print("ready", flush=True)
    sys.stdin.readline()
    began, worked = time.monotonic(), time.process_time()
    for task in tasks[1 : 1 + blocks]:
        worker.perform(task)
    print(time.monotonic() - began, time.process_time() - worked, flush=True)


if __name__ == "__main__":
    main()
