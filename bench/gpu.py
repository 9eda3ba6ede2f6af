"""Everything that needs a GPU, in one call under ten minutes: `bench/gpu.sh`.

The cells of the matrix from 1,060 store-products up, as many futures at once as the card holds; figures are written
beside the others and stand from then on in the table of targets.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench import matrix, show
from bench.ceilings import Ceilings, count
from bench.clock import timed
from bench.company import YEAR
from bench.engines import ENGINES, ON_CHIP, on_gpu
from bench.machine import ROOT, machine, memory_bytes
from bench.plan import GOODS, MONEY, Cell, Plan
from bench.targets import Target

RESULTS = ROOT / "bench" / "results"
SIZES, FUTURES = (1060, 50_000), (256, 1024, 4096, 16_384)
MINUTES = 9.0
CHAIN = 256
UNSEEN = "no GPU has seen this (bench/gpu.sh)"
FEW, DAYS = 64, 28  # futures and days for which the engines must agree


def ceilings() -> Ceilings:
    """Of the card: a = b + 3 c over 3 GiB, and a chain of multiply-adds in registers, both float64."""
    with jax.enable_x64(True):
        b, c = jnp.ones(1 << 27), jnp.ones(1 << 27)
        triad = jax.jit(lambda b, c: b + 3.0 * c)

        @jax.jit
        def chain(x: jax.Array) -> jax.Array:
            for _ in range(CHAIN):
                x = x * 0.999 + 0.001
            return x

        def best(call: Callable[[], jax.Array]) -> float:
            return min(timed(lambda: call().block_until_ready())[0] for _ in range(5))

        return Ceilings(3.0 * b.nbytes / best(lambda: triad(b, c)), 2.0 * CHAIN * b.size / best(lambda: chain(b)))


def agreement() -> dict[str, bool]:
    """By kind of day whether the on-chip engine gives XLA's bits; if both, `twin.engines.SEEN_TO_AGREE` may grow."""
    found: dict[str, bool] = {}
    for kind in (GOODS, MONEY) if ON_CHIP in ENGINES else ():
        expected, other = (
            jax.tree.leaves(matrix.contender(Cell(kind, engine, SIZES[0], FEW, DAYS))(FEW))
            for engine in ("xla", ON_CHIP)
        )
        found[kind] = all(np.array_equal(x, y, equal_nan=True) for x, y in zip(expected, other, strict=True))
        show.say(f"on the chip, {kind}: {'the bits of XLA' if found[kind] else 'NOT the bits of XLA'}")
    return found


def main() -> int:
    began = time.perf_counter()
    if not on_gpu():
        print(f"JAX sees no GPU (it sees: {jax.devices()[0].device_kind}); install jax[cuda12] or jax[cuda13] there")
        return 4
    here = machine()
    show.head(here)
    top, asked = ceilings(), count()
    show.ceilings(top, asked)
    agreed = agreement()
    plan = Plan(began + 60.0 * MINUTES, memory_bytes())
    found = []
    for row in matrix.rows(plan, matrix.cells(YEAR, SIZES, FUTURES)):
        show.say(row.cell.name + ": " + (row.skipped or f"{row.speed:.3g} stocking-point-days/s"))
        found.append(row)
    show.matrix(found)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"gpu-{here['date'][:10]}-{here['commit']}.json"
    file.write_text(
        json.dumps(
            {
                "machine": here,
                "ceilings": top._asdict(),
                "asked_per_point_day": asked._asdict(),
                "on_chip_agrees": agreed,
                "matrix": [row.as_json() for row in found],
            },
            indent=1,
        )
        + "\n"
    )
    show.say(f"written: {file}")
    return 0


def rows(folder: Path = RESULTS) -> list[Target]:
    """The targets of one H200, from the newest figures that stand in the folder."""
    files = sorted(folder.glob("gpu-*.json"))
    latest: dict[str, Any] = json.loads(files[-1].read_text()) if files else {"matrix": []}
    wrong = {(kind, ON_CHIP) for kind, agrees in latest.get("on_chip_agrees", {}).items() if not agrees}
    found = []
    for name, kind, engine, least in (
        ("one H200, XLA scan, whole day", MONEY, "xla", 1e10),
        ("one H200, on-chip engine, goods", GOODS, ON_CHIP, 1e11),
    ):
        mine = [
            x for x in latest["matrix"]
            if (x["kind"], x["engine"]) == (kind, engine) not in wrong and x["skipped"] is None
        ]  # fmt: skip
        if not mine:
            found.append(Target(name, f">= {least:.0e} point-days/s", None, None, None, UNSEEN))
            continue
        best = max(mine, key=lambda x: x["point_days_per_second"])
        here, speed = latest["machine"], best["point_days_per_second"]
        note = f"{speed:.3g} point-days/s: {best['name']}; {here['device']}, {here['date'][:10]}, {here['commit']}"
        found.append(Target(name, f">= {least:.0e} point-days/s", speed / least, None, speed >= least, note))
    return found


if __name__ == "__main__":
    sys.exit(main())
