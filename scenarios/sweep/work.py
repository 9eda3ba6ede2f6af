"""The work itself: one task, from a plan to shards and a marker. Everything that runs a plan calls this."""

import os
import time
import traceback
from pathlib import Path
from typing import Any

import jax
import numpy as np

from scenarios import posterior, store, story
from scenarios.stress import BASE, TERMS_LEVER_DAYS, Case, run_case
from scenarios.sweep import machine, measured
from scenarios.sweep.board import read_plan
from scenarios.sweep.plan import DAILY, Plan, Task, rows_of
from scenarios.sweep.products import SCRATCH, products
from scenarios.sweep.sealed import checksum, write_sealed
from twin import audit, invariants
from twin.assembly import Model, assemble
from twin.plan import block_size
from twin.simulate import Run
from twin.tables.read import read

SUMMARY_BYTES = 2**28  # of one measure in memory at once
OF_BLOCKS = (DAILY, "service_of", "places_of")  # what only the summary of a scenario needs


class LedgerFault(Exception):
    """An invariant that must be 0 in exact mode is not. draws: futures in which a daily one is not."""

    def __init__(self, message: str, draws: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.draws = draws


def model_of(plan: Plan, folder: Path) -> Model:
    """The company and scenarios of a run, compiled from its own files."""
    scenarios = {name: found for name, found in rows_of(plan).items() if name != BASE}
    model = assemble(read(folder / store.INPUTS).company, scenarios, spare_term=TERMS_LEVER_DAYS)
    return posterior.taken(model, folder / posterior.NAME, plan.posterior)


class Worker:
    """Does the tasks of a run one after the other. batch: futures on the device at once, as `simulate` has it."""

    def __init__(self, folder: Path, model: Model | None = None, batch: int | None = None) -> None:
        self.folder, self.batch = folder, batch
        self.plan, document = read_plan(folder)
        self.model = model_of(self.plan, folder) if model is None else model
        self.rows = rows_of(self.plan)
        self.shards = store.Shards(folder, products(self.plan, self.model))
        self.mixed = document["made_on"] != machine.made_on()

    def attempt(self, task: Task) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """(marker, None), or (None, what was put into quarantine). Raises only what stops the whole run.

        A disk that cannot be written and a memory too small for one future will not be better at the next task.
        """
        try:
            return self.perform(task), None
        except (OSError, MemoryError):
            raise
        except Exception as error:
            return None, quarantine(self.folder, self.plan, task, error)

    def perform(self, task: Task) -> dict[str, Any]:
        """Do a task: its shards, then its marker. The marker is returned."""
        began = time.monotonic()
        scenario, written, found = getattr(self, f"_{task.kind}")(task)
        shards = {}
        for path in written:
            _to_disk(self.folder / path)
            shards[path] = {"bytes": (self.folder / path).stat().st_size, "sha256": checksum(self.folder / path)}
        futures = self.plan.futures(task.block) if task.kind == "play" else range(0)
        marker = {
            "task": task.id,
            "plan": self.plan.hash,
            "scenario": scenario,
            "variant": self.plan.cases[task.case].variant if task.kind == "play" else task.kind,
            "futures": [futures.start, futures.stop],
            "shards": shards,
            **found,
            **machine.made_on(),
            "mixed": self.mixed,
            "seconds": round(time.monotonic() - began, 3),
        }
        write_sealed(self.folder / store.MARKERS / f"{task.id}.json", marker)
        if task.kind == "summary":
            drop_scratch(self.folder, task.case, self.plan)
        return marker

    def case_of(self, task: Task) -> Case:
        """The case of a task; a lever's is the hardest scenario."""
        case = self.plan.cases[task.case]
        return case if task.hardest is None else Case(task.hardest, case.variant)

    def _play(self, task: Task) -> tuple[str, list[str], dict[str, Any]]:
        case = self.case_of(task)
        run = self.simulate(case, np.array(self.plan.futures(task.block), np.uint32))
        residuals = checked(self.model, case, run)
        write, at = self.shards.write, {"case": task.case, "scenario": task.case}
        written = [write("per_draw", at | {"draw": task.block}, measured.figures(self.model, run))]
        if case.variant == "joint":
            daily = measured.daily(self.model, run)
            written += [
                write(DAILY, at | {"draw": task.block}, daily),
                write("service_of", at | {"block": task.block}, measured.service_of(run)),
                write("places_of", at | {"block": task.block}, measured.places_of(run)),
            ]
            if task.block == 0:
                written.append(write("paths", at, daily[:, : self.plan.paths]))
        return case.scenario, written, {"residuals": residuals, "batch": self.batch}

    def simulate(self, case: Case, draws: np.ndarray) -> Run:
        """Play a case; out of memory halves the batch, down to one future, and remembers. Raises MemoryError."""
        while True:
            try:
                options: dict[str, Any] = {} if self.batch is None else {"block": self.batch}
                return run_case(self.model, self.rows[case.scenario], case, draws, seed=self.plan.seed, **options)
            except (MemoryError, jax.errors.JaxRuntimeError) as error:
                if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                now = self.batch or min(block_size(self.model.network), len(draws))
                if now == 1:
                    raise MemoryError("not even one future fits the memory") from error
                self.batch = now // 2

    def _summary(self, task: Task) -> tuple[str, list[str], dict[str, Any]]:
        """Quantiles of all futures: one measure and so many days at a time, so that memory is bounded."""
        plan, read, write, at = self.plan, self.shards.read, self.shards.write, {"scenario": task.case}
        width = max(1, SUMMARY_BYTES // (8 * plan.draws))

        def summary(measure: int) -> np.ndarray:
            slabs = [slice(day, day + width) for day in range(0, plan.days, width)]
            found = (read(DAILY, scenario=task.case, measure=measure, day=slab) for slab in slabs)
            return np.concatenate([measured.summary(series) for series in found], axis=1)

        series = [summary(measure) for measure in range(self.shards.products[DAILY].axes["measure"])]
        service = [read("service_of", scenario=task.case, block=block) for block in range(plan.blocks)]
        places = [read("places_of", scenario=task.case, block=block) for block in range(plan.blocks)]
        written = [
            write("summary", at, np.stack(series)),
            write("service", at, np.sum(service, axis=0)),
            write("places", at, measured.places(places, plan.draws, plan.days)),
        ]
        return plan.cases[task.case].scenario, written, {}

    def _finish(self, task: Task) -> tuple[str, list[str], dict[str, Any]]:
        """One bad future by date, and the middle one by week, of the base case and of the hardest scenario."""
        told = story.tell(self.model, self.rows, self.folder, task.hardest, self.plan.seed)
        written = [
            self.shards.write("told", {"role": role}, measured.daily(self.model, run)[:, 0])
            for role, run in enumerate(told.middle)
        ]
        return task.hardest or BASE, written, {"middle": told.draw, "story": told.story}


def checked(model: Model, case: Case, run: Run) -> dict[str, float]:
    """The worst residual of every invariant. Raises LedgerFault where one is not 0."""
    daily = run.residuals.max(axis=0)
    residuals = {name: float(x) for name, x in zip(invariants.DAILY, daily, strict=True)}
    residuals |= audit.at_the_end(model.network, model.opening, model.inputs[case.scenario].days, run)
    faults = [name for name, x in residuals.items() if not x <= 0]
    if faults:
        hit = run.draws[(run.residuals > 0).any(axis=1)]
        raise LedgerFault(f"{label(case)}: {', '.join(faults)}", tuple(int(draw) for draw in hit[:10]))
    return residuals


def label(case: Case) -> str:
    return f"{case.scenario}, {case.variant.replace('_', ' ')}"


def quarantine(folder: Path, plan: Plan, task: Task, error: Exception) -> dict[str, Any]:
    """Put a task aside with what is needed to see it fail again."""
    futures = plan.futures(task.block)
    found = {
        "task": task.id,
        "plan": plan.hash,
        "scenario": plan.cases[task.case].scenario,
        "variant": plan.cases[task.case].variant,
        "futures": [futures.start, futures.stop],
        "draws": list(getattr(error, "draws", ())),
        "seed": plan.seed,
        "fault": type(error).__name__,
        "error": str(error),
        "trace": "".join(traceback.format_exception(error)),
        "reproduce": f"python -m scenarios.sweep.reproduce {folder} {task.id}",
        **machine.made_on(),
    }
    write_sealed(folder / store.QUARANTINE / f"{task.id}.json", found)
    return found


def drop_scratch(folder: Path, case: int, plan: Plan) -> None:
    """What a summary was made of goes when it is written; `plan.keep` has moved what was asked for elsewhere."""
    for group in OF_BLOCKS:
        values = folder / SCRATCH / group / "values" / "c" / str(case)
        for path in sorted(values.rglob("*"), reverse=True) if values.exists() else ():
            path.rmdir() if path.is_dir() else path.unlink()


def _to_disk(path: Path) -> None:
    """A marker must not outlive a power failure that its shards did not."""
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())
