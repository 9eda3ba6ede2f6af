"""Lead times of synthetic companies whose laws are known: bias and coverage, with and without open orders.

    python -m calibration.studies.lead_times [--seeds 5] [--engine nuts] [--out FILE]

Every sixth supplier is new and about half of its orders are open. Limits of CALIBRATION.md 3.4: mean and p95 within
2 %, 50/80/95 % intervals within 4/4/2 points, over all lanes and seeds. Leaving open orders out must miss them.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from calibration.backtest.scores import band
from calibration.inference import gates
from calibration.inference.fit import Engine
from calibration.lead_times import families, forecast
from calibration.lead_times.fitting import fitted
from calibration.lead_times.laws import laws_of_lanes, sizes_of
from calibration.lead_times.orders import OrderBook, closed_only, order_book
from calibration.studies import publish
from calibration.synthetic.orders import Lane, orders
from calibration.synthetic.truth import Settings

DAYS, NEW = 365, 60
FIRST = pd.Timestamp("2023-01-02")


def company(seed: int) -> tuple[dict[tuple[str, str], Lane], OrderBook]:
    """(true law of every lane, what is known on the last day)."""
    lanes, made = orders(Settings(days=DAYS), seed)
    lines = made.assign(
        ordered=FIRST + pd.to_timedelta(made["ordered"], unit="D"),
        received=FIRST + pd.to_timedelta(made["true_received"], unit="D"), received_units=made["true_units"],
    )  # fmt: skip
    return {(lane.supplier, lane.node): lane for lane in lanes}, order_book(lines, FIRST + pd.Timedelta(days=DAYS - 1))


def one(seed: int, engine: Engine, open_too: bool) -> dict[str, np.ndarray]:
    """Of every lane: whether new, true and drawn mean and p95, in days; axes (lane,) and (draw, lane)."""
    true, book = company(seed)
    used = book.orders if open_too else closed_only(book.orders)
    tree = fitted(used, book, families.GAMMA, engine, seed, 1000 if engine == "laplace" else 500)
    mean, shape = laws_of_lanes(tree, sizes_of(book))
    mine = [true[lane] for lane in book.lanes]
    at = np.array([lane.mean for lane in mine]), np.array([lane.shape for lane in mine])
    print(seed, open_too, [f"{g.name} {g.figure:.3g}" for g in gates.table(tree) if not g.passed], flush=True)
    return {
        "new": np.array([lane.since > 0 for lane in mine]),
        "true mean": at[0], "true p95": forecast.quantile(0.95, *at, families.GAMMA),
        "mean": mean, "p95": forecast.quantile(0.95, mean, shape, families.GAMMA),
    }  # fmt: skip


def judged(found: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """Pooled over lanes and seeds: total of the posterior means against the truth's, and coverage with its band."""
    row: dict[str, Any] = {"lanes": int(sum(len(f["new"]) for f in found))}
    for name in ("mean", "p95"):
        drawn = np.concatenate([f[name].mean(axis=0) for f in found])
        true = np.concatenate([f[f"true {name}"] for f in found])
        new = np.concatenate([f["new"] for f in found])
        rank = np.concatenate([(f[name] < f[f"true {name}"]).mean(axis=0) for f in found])
        row[f"bias of {name}"] = float(drawn.sum() / true.sum() - 1)
        row[f"bias of {name}, new suppliers"] = float(drawn[new].sum() / true[new].sum() - 1)
        for share in (0.5, 0.8, 0.95):
            row[f"cover {share:.0%} of {name}"] = float((np.abs(rank - 0.5) <= share / 2).mean())
    row |= {f"band {share:.0%}": band(row["lanes"], share) for share in (0.5, 0.8, 0.95)}
    return row


def study(seeds: int, engine: Engine) -> dict[str, Any]:
    return {
        name: judged([one(seed, engine, open_too) for seed in range(seeds)])
        for name, open_too in (("censored", True), ("closed only", False))
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--engine", choices=["nuts", "laplace"], default="nuts")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    with jax.enable_x64(True):
        found = {"engine": given.engine, "seeds": given.seeds, **study(given.seeds, given.engine)}
    publish(found, given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
