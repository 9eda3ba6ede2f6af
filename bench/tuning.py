"""Tuning by gradient beside its peers, on the example company: formulas, a planner's search, CMA-ES.

Every policy is measured in exact mode on futures that no search saw, paired with the gradient's, and kept in the file
of results; what stands there is not played again, so that an interrupted run goes on. Searches that see only values
get the processor time that the gradient took and play with the fastest engine. Point-days are stocking points x futures
x days played.
Run: python -m bench.tuning --stores 24 --products 40
"""

import argparse
import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import machine
from scenarios import example
from twin.assembly import Model, assemble
from twin.ledger import ACCOUNT
from twin.state import changed
from twin.tables.read import read
from twin.tune.baselines import FORMULAS
from twin.tune.black_box import Trail, by_turns, evolution_of_covariance
from twin.tune.figures import figures
from twin.tune.gradients import slopes
from twin.tune.groups import bounds, groups_of, moved_levels, stock_dial, supplied
from twin.tune.measures import profit
from twin.tune.outcomes import Outcome, Plan
from twin.tune.search import Effort
from twin.tune.tuned import FRESH, interval, played, tune, with_levels

# plays of a day that a value and its derivative cost: the value, two replays by checkpoints, and the pass backward,
# which does about three times the work of a play
DERIVATIVE = 6
SEEN = 500_000  # futures of the black-box searches
MORE = 100_000  # ppm by which the loan's rate is raised
STEPS_SHOWN = (1, 2, 4, 7, 12, 20, 35)


def main() -> None:
    asked = _arguments()
    model = company(asked.stores, asked.products, asked.days)
    bench = Bench(model, asked.futures, asked.batch, asked.out)
    bench.begin({"stores": asked.stores, "products": asked.products, "days": asked.days})
    if "gradient" not in bench.result:
        by_gradient(bench, asked.steps, asked.block)
    if "trail" not in bench.result:
        on_the_way(bench)
    for name, make in FORMULAS.items():
        if name not in bench.result:
            try:
                bench.add(name, make(model))
            except ValueError as error:
                bench.keep(name, {"left out": str(error)})
    seconds = bench.result["gradient"]["processor seconds"]
    for name, by, search in (
        ("CMA-ES, store-products", "store-product", covariance),
        ("one factor per category", "category", turns),
        ("CMA-ES, categories", "category", covariance),
    ):
        if name not in bench.result:
            trail, level = black_box(bench, by, search, seconds)
            bench.add(
                name, level,
                {"processor seconds": float(trail.seconds[-1]), "point-days": int(trail.calls[-1]) * bench.play},
            )  # fmt: skip
    bench.compare()
    if "loan" not in bench.result:
        bench.keep("loan", loan_rate(model, np.array(bench.result["gradient"]["levels"]), asked.block))


class Bench:
    """The company, and the file of what each contender earned."""

    def __init__(self, model: Model, futures: int, batch: int, out: Path) -> None:
        self.model, self.batch, self.out = model, batch, out
        self.fresh = np.arange(FRESH, FRESH + futures)
        self.points = int(supplied(model).sum())
        self.play = self.points * batch * model.calendar.days  # point-days of one batch
        self.result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}

    def begin(self, size: dict[str, int]) -> None:
        about = size | {"levels": self.points, "held-out futures": len(self.fresh)}
        if self.result.setdefault("company", about) != about:
            raise SystemExit(f"{self.out} is of another company, {self.result['company']}: give another --out")

    def keep(self, name: str, found: dict[str, Any]) -> None:
        self.result[name] = found
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(json.dumps(self.result, indent=1) + "\n", encoding="utf-8")

    def add(self, name: str, level: np.ndarray, more: dict[str, Any] | None = None) -> None:
        self.keep_outcome(name, played(self.model, with_levels(self.model, level), self.fresh), more)

    def keep_outcome(self, name: str, outcome: Outcome, more: dict[str, Any] | None = None) -> None:
        found = figures(outcome)
        means = {key: round(float(x.mean()), 6) for key, x in found.items()}
        by_future = [round(float(x), 2) for x in found["profit"]]
        self.keep(name, means | (more or {}) | {"measured": machine(), "profit by future": by_future})
        print(f"{name}: profit {means['profit']:,.0f}, fill rate {means['fill_rate']:.4f}", flush=True)

    def profit(self, name: str) -> np.ndarray:
        return np.array(self.result[name]["profit by future"])

    def compare(self) -> None:
        """What the gradient's policy earns more than each, paired; and how soon it had passed CMA-ES."""
        ours = self.profit("gradient")
        for name, found in self.result.items():
            if "profit by future" in found:
                more, low, high = interval(ours - self.profit(name))
                found["gradient earns more"] = [round(more), round(low), round(high)]
                print(f"gradient earns {more:+,.0f} [{low:+,.0f}, {high:+,.0f}] more than {name}")
        self.keep("gradient", self.result["gradient"])
        searched = [name for name in self.result if name.startswith("CMA-ES")]
        if not searched:
            return
        best = max(searched, key=lambda name: self.profit(name).mean())
        goal, trail = self.profit(best).mean(), self.result["trail"]["steps"]
        passed = [row for row in trail if row["profit"] >= goal]
        share = passed[0]["point-days"] / self.result[best]["point-days"] if passed else None
        found = {"best of CMA-ES": best, "step": passed[0]["step"] if passed else None, "share of point-days": share}
        self.keep("to reach CMA-ES", found)
        print(found)


def by_gradient(bench: Bench, steps: int, block: int) -> None:
    """Tune; what it earns, and the levels found and passed on the way."""
    model, effort = bench.model, Effort(steps=steps, futures=bench.batch)
    began, wall = time.process_time(), time.monotonic()
    found = tune(model, profit(), by="store-product", effort=effort, futures=len(bench.fresh), block=block)
    seconds, wall = time.process_time() - began, time.monotonic() - wall
    print(f"tuned in {seconds:.0f} s of processor time, {wall:.0f} s by the clock", flush=True)
    cells, _ = stock_dial(model, "store-product")
    tie = groups_of(model, "store-product")[0].ravel()
    way = {
        step: moved_levels(model, cells, {"stock": found.path.at["stock"][step][tie]}).astype(int).tolist()
        for step in STEPS_SHOWN
    }
    spent = {
        "steps": steps, "processor seconds": seconds, "wall seconds": wall,
        "point-days": steps * bench.play * DERIVATIVE, "unsettled": len(found.unsettled),
    }  # fmt: skip
    bench.keep_outcome("before", found.start)
    bench.keep_outcome(
        "gradient", found.end, spent | {"levels": found.after.order_up_to.astype(int).tolist(), "way": way}
    )


def on_the_way(bench: Bench) -> None:
    """What the levels passed earn, by point-days."""
    way = bench.result["gradient"].pop("way")
    trail = []
    for step, level in way.items():
        earned = figures(played(bench.model, with_levels(bench.model, np.array(level)), bench.fresh))["profit"].mean()
        trail.append({"step": int(step), "point-days": int(step) * bench.play * DERIVATIVE, "profit": float(earned)})
        print(trail[-1], flush=True)
    bench.keep("trail", {"steps": trail})


def loan_rate(model: Model, level: np.ndarray, block: int) -> dict[str, Any]:
    """By how much the worth of more stock changes with the loan's rate, at the levels found; currency units.

    Paired by future: the derivative of profit along one standard deviation more of every level at once, at the
    company's rate and at a higher one. Its sign is the way in which tuned stock moves with the rate.
    """
    draws, worth, drawn = np.arange(SEEN, SEEN + 32), [], 0.0
    for more in (0, MORE):
        dearer = changed(model.network, rate=model.network.rate + np.array([more, 0.0]))
        other = dataclasses.replace(model, network=dearer, policy=with_levels(model, level))
        cells, names = stock_dial(other, "store-product")
        plan, theta = Plan.of(other, {"stock": cells}, block=block), {"stock": np.zeros(len(names))}
        batch = plan.play(theta, draws, "smooth")
        rows = plan.pull(theta, draws, slopes(batch, (profit(),), [np.ones(1)]))["stock"]
        worth.append(len(draws) * rows.sum(axis=1))
        if not more:
            drawn = float((batch["balances"][:, :, ACCOUNT[2400]] < -0.5).mean())
    change = interval(worth[1] - worth[0])
    print("loan rate: change of worth", change, "share of days with the revolver drawn", drawn, flush=True)
    return {"worth of one sigma more": interval(worth[0]), "change at +10 points": change, "days drawn": drawn}


def company(stores: int, products: int, days: int) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        example.write(example.generate(stores, products), Path(folder) / "shop", lang="en")
        given = read(Path(folder) / "shop").company
    return assemble(dataclasses.replace(given, settings=given.settings.model_copy(update={"days": days})), {})


def black_box(bench: Bench, by: Any, search: Any, seconds: float) -> tuple[Trail, np.ndarray]:
    """The best levels by factors of the groups, for mean profit on one batch of futures."""
    model = bench.model
    group, names = groups_of(model, by)
    cells, _ = stock_dial(model, "store-product")
    low, high = bounds(model, group, len(names))
    draws = np.arange(SEEN, SEEN + bench.batch)

    def level(theta: np.ndarray) -> np.ndarray:
        return moved_levels(model, cells, {"stock": theta[group.ravel()]})

    def merit(theta: np.ndarray) -> float:
        return -float(figures(played(model, with_levels(model, level(theta)), draws))["profit"].mean())

    trail = search(merit, np.clip(np.zeros(len(names)), low, high), low, high, seconds)  # as the gradient begins
    return trail, level(trail.theta)


def turns(merit: Any, start: np.ndarray, low: np.ndarray, high: np.ndarray, seconds: float) -> Trail:
    return by_turns(merit, start, seconds=seconds)


def covariance(merit: Any, start: np.ndarray, low: np.ndarray, high: np.ndarray, seconds: float) -> Trail:
    return evolution_of_covariance(merit, start, low - 1e-9, high + 1e-9, seconds=seconds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("stores", 24), ("products", 40), ("days", 180), ("steps", 60), ("batch", 16), ("futures", 256), ("block", 16)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "tuning.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
