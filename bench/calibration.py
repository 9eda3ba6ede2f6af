"""`python -m bench.calibration`: what a calibration of demand takes.

likelihood: value and gradient of the fused likelihood beside NumPyro's own zero-inflated negative binomial on the same
exact cells, and with censored cells; both potentials, and the worst relative difference of their gradients.
production: a whole fit by the production route, and what it needs as items double: processor seconds and peak memory,
each size in a process of its own. Processor seconds, for a busy machine has no other time.
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from calibration.demand import model
from calibration.demand.data import Data, data
from calibration.demand.fused import LogMean, log_likelihood
from calibration.inference import fit, gates
from calibration.inference.laplace import Blocks
from calibration.inference.svi import STEPS
from calibration.panel import EXACT, MASKED
from calibration.studies import publish
from calibration.synthetic import Settings, draw
from calibration.synthetic.tables import panel

TURNS = 7


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.calibration", description=__doc__)
    parser.add_argument("--stores", type=int, default=10)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--part", choices=("likelihood", "production", "growth"), action="append")
    parser.add_argument("--only-fit", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    o = parser.parse_args()
    settings = Settings(stores=o.stores, items=o.items, days=o.days, category_week=0.05, store_day=0.05)
    if o.only_fit:
        print(json.dumps(production(settings, o.steps)))
        return
    parts = o.part or ["likelihood", "production", "growth"]
    found: dict[str, Any] = {"cells": o.stores * o.items * o.days, "jax": jax.__version__}
    if "likelihood" in parts:
        found["likelihood"] = likelihood(settings)
    if "production" in parts:
        found["production"] = production(settings, o.steps)
    if "growth" in parts:
        found["growth"] = [apart(o, items) for items in (o.items // 4, o.items // 2, o.items)]
    publish(found, o.out)


def likelihood(settings: Settings) -> dict[str, Any]:
    """Milliseconds of processor time of one value and gradient, and how far the two potentials are apart."""
    whole = panel(draw(settings, 0))
    exact = dataclasses.replace(whole, kind=np.where(whole.kind == EXACT, EXACT, MASKED).astype(np.int8))
    found: dict[str, Any] = {}
    for bits in (32, 64):
        with jax.enable_x64(bits == 64):
            at = _somewhere(whole.shape)
            fused = [_timed(_fused, at, data(one)) for one in (exact, whole)]
            stock = _timed(_stock, at, (exact.value, exact.kind == EXACT))
        apart = max(
            float(np.max(np.abs(np.asarray(a) - b)) / np.max(np.abs(np.asarray(b))))
            for a, b in zip(jax.tree.leaves(fused[0][2]), map(np.asarray, jax.tree.leaves(stock[2])), strict=True)
        )
        found[f"float{bits}"] = {
            "fused_ms": fused[0][0], "fused_censored_ms": fused[1][0], "stock_ms": stock[0],
            "times_faster": round(stock[0] / fused[0][0], 1),
            "potential": [fused[0][1], stock[1]], "potential_apart": abs(fused[0][1] / stock[1] - 1),
            "gradient_apart": apart,
        }  # fmt: skip
    return found


def _somewhere(shape: tuple[int, int, int]) -> Any:
    stores, items, days = shape
    rng = np.random.default_rng(0)
    log_mean = LogMean(
        jnp.asarray(rng.normal(0.7, 0.5, (stores, items))), jnp.asarray(rng.normal(0, 0.3, (1, items, days))),
        jnp.asarray(rng.normal(0, 0.1, (stores, days))),
    )  # fmt: skip
    return log_mean, jnp.exp(jnp.asarray(rng.normal(0.9, 0.4, items))), jnp.asarray(rng.normal(-2.3, 0.6, items))


def _fused(at: Any, given: Data) -> Any:
    return -log_likelihood(*at, given).sum()


def _stock(at: Any, given: Any) -> Any:
    (log_mean, size, logit), (value, known) = at, given
    law = dist.ZeroInflatedNegativeBinomial2(
        jnp.exp(log_mean.cells()), size[:, None], gate=jax.nn.sigmoid(logit)[:, None]
    )
    return -jnp.where(known, law.log_prob(value), 0.0).sum()


def _timed(loss: Callable[..., Any], at: Any, given: Any) -> tuple[float, float, Any]:
    """(milliseconds, value, gradient): the fastest of some turns."""
    run = jax.jit(jax.value_and_grad(loss))
    given = jax.tree.map(jnp.asarray, given)
    value, slope = jax.block_until_ready(run(at, given))
    times = []
    for _ in range(TURNS):
        begun = time.process_time()
        jax.block_until_ready(run(at, given))
        times.append(time.process_time() - begun)
    return round(1000 * min(times), 2), float(value), slope


def production(settings: Settings, steps: int) -> dict[str, Any]:
    """A fit by the production route."""
    read = panel(draw(settings, 0))
    arrays = data(read)
    clock, wall = time.process_time(), time.monotonic()
    tree = fit(
        model.demand, arrays, blocks=Blocks("item", "category", read.category), start=model.start(arrays),
        coords=model.coordinates(read), steps=steps,
    )  # fmt: skip
    return {
        "items": settings.items, "series": settings.items * settings.stores,
        "processor_seconds": round(time.process_time() - clock, 1), "seconds": round(time.monotonic() - wall, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "gates": {gate.name: [gate.figure, gate.passed] for gate in gates.table(tree)},
    }  # fmt: skip


def apart(o: argparse.Namespace, items: int) -> dict[str, Any]:
    """The fit of a smaller company, in a process of its own, so that its peak of memory is its own."""
    command = [
        sys.executable,
        "-m",
        "bench.calibration",
        "--only-fit",
        "--stores",
        str(o.stores),
        "--items",
        str(items),
    ]
    command += ["--days", str(o.days), "--steps", str(max(100, o.steps // 10))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
