"""Physics from a tape: blocks of futures as a real run simulated them, so that what runs them can be killed often.

`python -m tests.scenarios.recorded TAPE SHOP RUN [--shard I/N] [--pause SECONDS]` runs the plan of the tests' company
with everything real but the compiled day: a process is at work after two seconds instead of twenty.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from scenarios import run as running
from scenarios import story
from scenarios.stress import Case
from scenarios.sweep import work
from scenarios.sweep.executors import inline
from twin.simulate import Run
from twin.tables.read import read

NAMES = ["supplier-out", "credit-line-cut"]
DRAWS, BLOCK = 8, 4  # two tasks per case; a task is one batch on the device
PARTS = ("series", "totals", "pooled")


def save(path: Path, run: Run) -> None:
    arrays = {f"{part}/{name}": x for part in PARTS for name, x in dict(getattr(run, part)).items()}
    np.savez(path, draws=run.draws, residuals=run.residuals, balances=run.closing.ledger.balances, **arrays)


def load(path: Path) -> Run:
    with np.load(path) as tape:
        parts: dict[str, Any] = {part: {} for part in PARTS}
        for key in tape.files:
            part, _, name = key.partition("/")
            if name:
                parts[part][name] = tape[key]
        closing: Any = SimpleNamespace(ledger=SimpleNamespace(balances=tape["balances"]))
        return Run(tape["draws"], parts["series"], parts["totals"], parts["pooled"], closing, tape["residuals"])


def of_case(tape: Path, case: Case, draws: np.ndarray) -> Path:
    return tape / f"{case.scenario}-{case.variant}-{draws[0]}-{len(draws)}.npz"


def of_future(tape: Path, scenario: str, draw: int) -> Path:
    return tape / f"replay-{scenario}-{draw}.npz"


def recording(tape: Path) -> Callable[[], None]:
    """Write down every block and replay that is simulated from now on; what it returns ends that."""
    case_of, replay = work.run_case, story.replay

    def run_case(model: Any, shocks: Any, case: Case, draws: np.ndarray, **options: Any) -> Run:
        found = case_of(model, shocks, case, draws, **options)
        save(of_case(tape, case, draws), found)
        return found

    def replayed(model: Any, shocks: Any, scenario: str, draw: int, seed: int) -> Run:
        found = replay(model, shocks, scenario, draw, seed)
        save(of_future(tape, scenario, draw), found)
        return found

    work.run_case, story.replay = run_case, replayed  # type: ignore[assignment]

    def end() -> None:
        work.run_case, story.replay = case_of, replay

    return end


def play_from(tape: Path, pause: float = 0.0) -> None:
    """From now on this process simulates nothing."""

    def run_case(model: Any, shocks: Any, case: Case, draws: np.ndarray, **options: Any) -> Run:
        time.sleep(pause)
        return load(of_case(tape, case, draws))

    def replayed(model: Any, shocks: Any, scenario: str, draw: int, seed: int) -> Run:
        return load(of_future(tape, scenario, draw))

    work.run_case, story.replay = run_case, replayed  # type: ignore[assignment]


@contextmanager
def playing(tape: Path, pause: float = 0.0) -> Iterator[None]:
    """Nothing is simulated until the block ends."""
    before = work.run_case, story.replay
    play_from(tape, pause)
    try:
        yield
    finally:
        work.run_case, story.replay = before


class Player(work.Worker):
    """A worker that plays from a tape, also in a process of its own."""

    def __init__(self, tape: Path, pause: float, folder: Path) -> None:
        play_from(tape, pause)
        super().__init__(folder)


class Deadly(Player):
    """One task takes its whole process with it."""

    def attempt(self, task: Any) -> Any:
        if self.plan.cases[task.case] == Case(NAMES[0], "goods_only") and task.block == 1 and task.kind == "play":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().attempt(task)


def plan_options(**others: Any) -> dict[str, Any]:
    return {"draws": DRAWS, "block": BLOCK, **others}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("tape", "shop", "run"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--pause", type=float, default=0.0)
    options = parser.parse_args()
    i, n = map(int, options.shard.split("/"))
    play_from(options.tape, options.pause)
    try:
        running.stress(
            read(options.shop).company, NAMES, options.run, **plan_options(share=(i, n)), executor=inline(),
        )  # fmt: skip
    except (running.Unfinished, running.Partial, work.LedgerFault) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
