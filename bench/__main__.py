"""`python -m bench`: speed of the whole day beside a peer written by hand; figures printed and kept as JSON.

Medians and quartiles over repetitions that alternate between the two, so that the load of the machine falls
on both.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bench import day

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "jax"
BY_PROCESSOR = "twin_over_peer_by_processor_time"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--futures", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=7, help="at least 5")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of the peer")
    parser.add_argument("--no-compile", action="store_true", help="skip the compile times")
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "bench" / "day.json")
    options = parser.parse_args()
    if options.repetitions < 5:
        parser.error("at least 5 repetitions")

    compiling = {} if options.no_compile else day.compile_seconds(options.futures)
    jax.config.update("jax_compilation_cache_dir", str(CACHE))
    load = os.getloadavg()[0]
    timing = day.interleaved(options.futures, options.repetitions, options.threads)
    found = {
        "futures": options.futures, "days": day.DAYS, "repetitions": options.repetitions,
        "stocking_points": timing.cells // options.futures // day.DAYS,
        "threads": {"twin": "XLA's pool, all cores", "peer": options.threads},
        "million_stocking_point_days_per_second": {
            "twin": quartiles(timing.cells / timing.twin[:, 0] / 1e6),
            "peer": quartiles(timing.cells / timing.peer[:, 0] / 1e6),
        },
        "twin_over_peer": quartiles(timing.peer[:, 0] / timing.twin[:, 0]),
        BY_PROCESSOR: quartiles(timing.peer[:, 1] / timing.twin[:, 1]),
        "processor_nanoseconds": {
            "twin": quartiles(1e9 * timing.twin[:, 1] / timing.cells),
            "peer": quartiles(1e9 * timing.peer[:, 1] / timing.cells),
        },
        "seconds": {"twin": timing.twin.tolist(), "peer": timing.peer.tolist()},
        "agreement": timing.agreement,
        "compile_seconds": compiling,
        "machine": machine(load),
    }  # fmt: skip
    show(found)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"written: {options.out}")


def quartiles(x: np.ndarray) -> dict[str, float]:
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    return {"median": float(middle), "q1": float(low), "q3": float(high)}


def machine(load: float) -> dict[str, Any]:
    """Where and with what this was measured; the load is that of others before we began."""
    names = [line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(load, 2),
        "system": platform.platform(),
        "device": jax.devices()[0].device_kind,
        "python": sys.version.split()[0],
        **{name: version(name) for name in ("jax", "jaxlib", "numpy", "numba")},
        "commit": commit(),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def commit() -> str:
    """The commit, with a + where files have changed since."""
    try:
        git = lambda *words: subprocess.run(  # noqa: E731
            ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def show(found: dict[str, Any]) -> None:
    print(f"{found['stocking_points']} stocking points, {found['days']} days, {found['futures']} futures, "
          f"{found['repetitions']} repetitions by turns; twin: {found['threads']['twin']}; "
          f"peer: {found['threads']['peer']} threads")  # fmt: skip
    speed = found["million_stocking_point_days_per_second"]
    for name, what in (
        ("twin", "whole day, ledger included, exact"),
        ("peer", "goods only, Numba and NumPy's Poisson"),
    ):
        print(f"  {name:5} {speed[name]['median']:8.2f} M stocking-point-days/s "
              f"[{speed[name]['q1']:.2f}, {speed[name]['q3']:.2f}]  {what}")  # fmt: skip
    for name, of in (("twin_over_peer", "wall clock"), (BY_PROCESSOR, "processor time")):
        ratio = found[name]
        print(f"  twin / peer {ratio['median']:.2f}x [{ratio['q1']:.2f}, {ratio['q3']:.2f}] by {of}")
    each = found["processor_nanoseconds"]
    print(f"  processor time: twin {each['twin']['median']:.0f}, peer {each['peer']['median']:.0f} "
          f"ns a stocking-point-day; target 1x by wall clock")  # fmt: skip
    for name, pair in found["agreement"].items():
        print(f"  {name}: twin {pair['twin']:.5g}, peer {pair['peer']:.5g}, z {pair['z']:+.1f}")
    if found["compile_seconds"]:
        cold, warm = found["compile_seconds"]["cold"], found["compile_seconds"]["warm"]
        print(f"  compiling simulate: {cold['wall']:.1f} s cold, {warm['wall']:.1f} s from the cache "
              f"({cold['processor']:.1f} and {warm['processor']:.1f} s of processor time)")  # fmt: skip
    here = found["machine"]
    print(f"  {here['processor']}, {here['cores']} cores, load {here['load_before']} before; "
          f"jax {here['jax']}, numba {here['numba']}, commit {here['commit']}")  # fmt: skip


if __name__ == "__main__":
    main()
