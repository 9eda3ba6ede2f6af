"""Tuning by gradient beside its peers, on the example company: formulas, a planner's search, CMA-ES.

Every policy is measured in exact mode on futures that no search saw, paired with the gradient's. Searches get the wall
time that the gradient took; point-days are stocking points x futures x days played, a derivative counted as four.
Run: python -m bench.tuning --stores 24 --products 40
"""

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from scenarios import example
from twin.assembly import Model, assemble
from twin.tables.read import read
from twin.tune import baselines
from twin.tune.black_box import Trail, by_turns, evolution_of_covariance
from twin.tune.figures import figures
from twin.tune.groups import bounds, groups_of, moved_levels, stock_dial, supplied
from twin.tune.measures import profit
from twin.tune.search import Effort
from twin.tune.tuned import FRESH, interval, played, tune, with_levels

DERIVATIVE = 4  # plays of a day that a derivative costs
SEEN = 500_000  # futures of the black-box searches


def main() -> None:
    asked = _arguments()
    model = company(asked.stores, asked.products, asked.days)
    points = int(supplied(model).sum())
    effort = Effort(steps=asked.steps, futures=asked.batch)
    began = time.monotonic()
    found = tune(model, profit(), by="store-product", effort=effort, futures=asked.futures, block=asked.block)
    seconds = time.monotonic() - began
    fresh = np.arange(FRESH, FRESH + asked.futures)
    ours = figures(found.end)
    result: dict[str, Any] = {
        "date": date.today().isoformat(),
        "company": {"stores": asked.stores, "products": asked.products, "days": asked.days, "levels": points},
        "held-out futures": asked.futures,
        "gradient": summary(ours, ours)
        | {"seconds": seconds, "point-days": effort.steps * effort.futures * points * asked.days * DERIVATIVE},
        "before": summary(figures(found.start), ours),
    }
    report(result, "gradient", "before")
    for name, make in FORMULAS.items():
        try:
            result[name] = summary(figures(played(model, with_levels(model, make(model)), fresh)), ours)
        except ValueError as error:
            result[name] = {"left out": str(error)}
        report(result, name)
    for name, by, search in (
        ("one factor per category", "category", turns),
        ("CMA-ES, categories", "category", covariance),
        ("CMA-ES, store-products", "store-product", covariance),
    ):
        trail, group, calls = black_box(model, by, search, seconds, asked.batch)
        cells, _ = stock_dial(model, "store-product")
        level = moved_levels(model, cells, {"stock": trail.theta[group.ravel()]})
        figure = figures(played(model, with_levels(model, level), fresh))
        result[name] = summary(figure, ours) | {
            "seconds": float(trail.seconds[-1]), "point-days": calls * asked.batch * points * asked.days
        }  # fmt: skip
        report(result, name)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def company(stores: int, products: int, days: int) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        example.write(example.generate(stores, products), Path(folder) / "shop", lang="en")
        given = read(Path(folder) / "shop").company
    return assemble(dataclasses.replace(given, settings=given.settings.model_copy(update={"days": days})), {})


FORMULAS: dict[str, Callable[[Model], np.ndarray]] = {
    "z sigma sqrt(L), 95 %": lambda model: baselines.textbook(model, 0.95),
    "with lead-time variance, 95 %": lambda model: baselines.with_lead_times(model, 0.95),
    "with lead-time variance, 98 %": lambda model: baselines.with_lead_times(model, 0.98),
    "empirical quantile, 95 %": lambda model: baselines.empirical(model, 0.95),
    "guaranteed service, 95 %": lambda model: baselines.guaranteed(model, 0.95),
}


def black_box(model: Model, by: Any, search: Any, seconds: float, batch: int) -> tuple[Trail, np.ndarray, int]:
    """The best factors of the groups for mean profit on one batch of futures, and how often it was played."""
    group, names = groups_of(model, by)
    cells, _ = stock_dial(model, "store-product")
    low, high = bounds(model, group, len(names))
    draws = np.arange(SEEN, SEEN + batch)

    def merit(theta: np.ndarray) -> float:
        level = moved_levels(model, cells, {"stock": theta[group.ravel()]})
        return -float(figures(played(model, with_levels(model, level), draws))["profit"].mean())

    trail = search(merit, np.zeros(len(names)), low, high, seconds)
    return trail, group, int(trail.calls[-1])


def turns(merit: Any, start: np.ndarray, low: np.ndarray, high: np.ndarray, seconds: float) -> Trail:
    return by_turns(merit, start, seconds=seconds)


def covariance(merit: Any, start: np.ndarray, low: np.ndarray, high: np.ndarray, seconds: float) -> Trail:
    return evolution_of_covariance(merit, start, low - 1e-9, high + 1e-9, seconds=seconds)


def summary(figure: dict[str, np.ndarray], ours: dict[str, np.ndarray]) -> dict[str, Any]:
    """Means, and what the gradient's policy earns more, paired, with its 95 % interval."""
    found: dict[str, Any] = {name: float(x.mean()) for name, x in figure.items()}
    found["gradient earns more"] = interval(ours["profit"] - figure["profit"])
    return found


def report(result: dict[str, Any], *names: str) -> None:
    for name in names:
        x = result[name]
        if "left out" in x:
            print(f"{name}: {x['left out']}", flush=True)
            continue
        more, low, high = x["gradient earns more"]
        print(
            f"{name}: profit {x['profit']:,.0f}, fill rate {100 * x['fill_rate']:.2f} %, stock {x['stock']:,.0f}; "
            f"gradient earns {more:+,.0f} [{low:+,.0f}, {high:+,.0f}] more; {x.get('seconds', 0):.0f} s",
            flush=True,
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("stores", 24), ("products", 40), ("days", 180), ("steps", 60), ("batch", 16), ("futures", 256), ("block", 8)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "tuning.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
