"""A stress run from a company to a folder of results: simulate every case, keep what reports need, prove the ledger."""

import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from scenarios import store, story
from scenarios.stress import BASE, LEVERS, Case, cases, prepare, run_case
from twin import audit, invariants
from twin.assembly import Model
from twin.ledger import equity
from twin.results import PER_DRAW, dataset, labels, per_draw
from twin.simulate import Run
from twin.tables.company import Company
from twin.tables.digest import input_hash
from twin.tables.write import write_folder


class LedgerFault(Exception):
    """An invariant that must be 0 in exact mode is not."""


class Impossible(Exception):
    """A valid company that cannot be run: it is insolvent before the first day."""


class Hardest(NamedTuple):
    """The scenario that hurts most, a bad future of it, and by what it was chosen."""

    scenario: str
    draw: int
    measure: tuple[float, float]


# Called before and during each case: (number of the case, cases in all, futures done, futures in all, what it is).
Progress = Callable[[int, int, int, int, str], None]
# Called after each case: what it is, and one number per future.
Finished = Callable[[str, dict[str, np.ndarray]], None]


def stress(
    company: Company,
    names: list[str],
    out: Path,
    *,
    draws: int,
    seed: int = 0,
    progress: Progress = lambda *_: None,
    finished: Finished = lambda *_: None,
    **options: Any,
) -> Path:
    """Run the base case and scenarios, with all variants and levers, into the new folder `out`.

    Raises OutputExists, KeyError (unknown scenario), Impossible, LedgerFault. An interrupted run leaves nothing behind.
    """
    with store.new_run(out) as folder:
        began = time.time()
        model, scenarios = prepare(company, names)
        _solvent(model)
        scenarios[BASE] = []
        ids = np.arange(draws, dtype=np.uint32)
        plan = list(cases(names, None))
        total = len(plan) + (len(LEVERS) if names else 0)
        worst: dict[str, float] = {}
        hardest: Hardest | None = None

        def play(number: int, case: Case) -> Run:
            run = _play(model, scenarios, case, ids, seed, (number, total), progress, options)
            worst[f"{case.scenario}/{case.variant}"] = float(run.residuals.max())
            _keep(folder, model, case, run, finished)
            return run

        for number, case in enumerate(plan):
            run = play(number, case)
            if case.variant == "joint" and case.scenario != BASE:
                hardest = _harder(hardest, case.scenario, run)
        events = []
        if hardest is not None:
            for number, lever in enumerate(LEVERS, len(plan)):
                play(number, Case(hardest.scenario, lever))
            events = story.tell(model, scenarios[hardest.scenario], hardest.scenario, hardest.draw, seed)
        write_folder(company, folder / "inputs", kind="csv")
        store.write_manifest(folder, {
            "input_hash": input_hash(company),
            "scenarios": names,
            "shocks": {name: [row.model_dump(mode="json", exclude_unset=True) for row in rows]
                       for name, rows in scenarios.items()},
            "draws": draws,
            "seed": seed,
            "mode": "exact",
            "residuals": worst,
            "story": {"scenario": hardest.scenario, "draw": hardest.draw, "events": [event.plain() for event in events]}
            if hardest else None,
            "versions": versions(),
            "device": jax.devices()[0].device_kind,
            "seconds": round(time.time() - began, 1),
            "complete": True,
        })  # fmt: skip
    return out


def _solvent(model: Model) -> None:
    """Raises Impossible where the declared rule of default is broken before the first day."""
    with jax.enable_x64(True):
        worth = float(equity(jnp.asarray(model.opening.ledger.balances))) / 100
    if model.company.settings.balance_sheet_test and worth < 0:
        raise Impossible(
            f"insolvent at opening: equity is {worth:,.2f} and the balance-sheet test is declared; "
            "correct the opening balance sheet, or set balance_sheet_test to no"
        )


def _play(
    model: Model, scenarios: dict[str, Any], case: Case, ids: np.ndarray, seed: int, place: tuple[int, int],
    progress: Progress, options: dict[str, Any],
) -> Run:  # fmt: skip
    number, total = place
    progress(number, total, 0, len(ids), label(case))
    run = run_case(
        model, scenarios[case.scenario], case, ids, seed=seed,
        progress=lambda done: progress(number, total, done, len(ids), label(case)), **options,
    )  # fmt: skip
    faults = [name for name, x in zip(invariants.DAILY, run.residuals.max(axis=0), strict=True) if x > 0]
    residuals = audit.at_the_end(model.network, model.opening, model.inputs[case.scenario].days, run)
    faults += [name for name, x in residuals.items() if x > 0]
    if faults:
        raise LedgerFault(f"{label(case)}: {', '.join(faults)}")
    return run


def _keep(folder: Path, model: Model, case: Case, run: Run, finished: Finished) -> None:
    """Daily series and places of joint cases; one number per future of the variants."""
    if case.variant == "joint":
        data = dataset(model, {case.scenario: run})
        finished(label(case), {name: data[name].values[0] for name in PER_DRAW})
        store.append(folder, "joint", data, "scenario")
        return
    figures = per_draw(model, run)
    finished(label(case), figures)
    one = xr.Dataset(
        {name: (("case", "draw"), figures[name][None], {"units": PER_DRAW[name][0]}) for name in PER_DRAW},
        {"case": labels([f"{case.scenario}/{case.variant}"]), "draw": run.draws},
    )
    store.append(folder, "variants", one, "case")


def _harder(so_far: Hardest | None, scenario: str, run: Run) -> Hardest:
    """The scenario that fewest futures survive; between equals the one with the least headroom."""
    survival = float(1.0 - run.series["default"].any(-1).mean())
    measure = (survival, float(run.series["headroom"].min(-1).mean()))
    if so_far is not None and so_far.measure <= measure:
        return so_far
    return Hardest(scenario, int(run.draws[story.choose(run)]), measure)


def label(case: Case) -> str:
    return f"{case.scenario}, {case.variant.replace('_', ' ')}"


def versions() -> dict[str, str]:
    found = {}
    for name in ("tandem-twin", "jax", "jaxlib", "numpy", "xarray", "zarr"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
