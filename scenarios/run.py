"""A stress run from a company to a folder of results: plan, tasks, and at last a manifest. To run again is to go on.

Every case is cut into blocks of futures; each block, each summary and the last step is a task that writes whole shards
and then a marker (scenarios/sweep). What has a valid marker is never done again.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scenarios import posterior, store
from scenarios.story import figures
from scenarios.stress import BASE, TERMS_LEVER_DAYS, scenario_rows
from scenarios.sweep import machine
from scenarios.sweep.board import Board, OtherPlan, read_plan
from scenarios.sweep.executors import Executor, Limit, inline
from scenarios.sweep.lease import lease
from scenarios.sweep.log import Log, Tally
from scenarios.sweep.plan import HARDEST, Plan, Task, plan_of
from scenarios.sweep.products import products
from scenarios.sweep.sealed import checksum, write_sealed
from scenarios.sweep.work import LedgerFault, Worker
from twin.assembly import Model, assemble
from twin.ledger import equity
from twin.plan import futures_at_once
from twin.tables.company import Company
from twin.tables.write import write_folder


class Impossible(Exception):
    """A valid company that cannot be run: it is insolvent before the first day."""


class Partial(Exception):
    """The run is finished but for what was put into quarantine."""


class Unfinished(Exception):
    """This driver's share is done as far as it can be; the rest waits for other drivers."""


# Called when a task begins and when it has ended, with the tally of this driver.
Progress = Callable[[Tally], None]
# Called when the base case has been played: what it is, and one number per future.
Finished = Callable[[str, dict[str, np.ndarray]], None]


def stress(
    company: Company,
    names: list[str],
    out: Path,
    *,
    draws: int,
    seed: int = 0,
    block: int | None = None,
    batch: int | None = None,
    keep: tuple[str, ...] = (),
    share: tuple[int, int] = (0, 1),
    executor: Executor | None = None,
    limit: float | None = None,
    allow_mixed: bool = False,
    given: posterior.Given | None = None,
    progress: Progress = lambda tally: None,
    finished: Finished = lambda label, figures: None,
) -> Path:
    """Run the base case and scenarios, with all variants and levers, into the folder `out`, or go on with it.

    block: futures per task; batch: futures on the device at once (None: as memory and cache allow); keep: ("daily",)
    keeps every daily series of every future. share: (i, n) does every n-th task from the i-th; limit: seconds, no task
    begins that would not end within them. given: posterior draws of the parameters; None takes the tables' as known.

    Raises KeyError (unknown scenario), Impossible, NoPosterior, Short; OutputExists, OtherPlan, Mixed, Damaged (what is
    there cannot be gone on with); DoesNotFit (not even one future); Held, TimeUp, Unfinished (to be run again);
    LedgerFault, Partial (what failed is in quarantine). Whatever is raised, what was finished stays.
    """
    identity = given.identity if given else ()
    plan = plan_of(company, scenario_rows(company, names), draws=draws, seed=seed, block=block, keep=keep,
                   posterior=identity)  # fmt: skip
    model = begin(out, plan, company, allow_mixed, given)
    i, n = share
    with lease(out, "driver" if n == 1 else f"shard-{i}-of-{n}"):
        board = Board(out, plan, share)
        execute = executor or inline(lambda folder: Worker(folder, model, batch))
        _drive(out, board, execute, Limit(limit), progress, finished)
        return _conclude(out, board)


def preview(
    company: Company, names: list[str], out: Path, *, draws: int, seed: int = 0, keep: tuple[str, ...] = (),
    given: posterior.Given | None = None,
) -> list[list[str]]:  # fmt: skip
    """What a run would take: rows of (what, how much). Nothing is written."""
    identity = given.identity if given else ()
    plan = plan_of(company, scenario_rows(company, names), draws=draws, seed=seed, keep=keep, posterior=identity)
    model = compiled(company, plan, given)
    needs = machine.needs(plan, model, products(plan, model))
    done = Board(out, plan).markers if out.exists() else {}
    seconds = sum(marker["seconds"] for task, marker in done.items() if task.startswith("play"))
    played = sum(plan.point_days(task) for task in plan.tasks if task.id in done)
    left = needs["point_days"] - played
    rate, source = (played / seconds, "measured in this run") if played else (needs["rate"], "a guess until measured")
    return [
        ["plan", plan.hash[:16]],
        ["tasks", f"{len(plan.tasks):,}, of which {len(done):,} done"],
        ["futures per task", f"{plan.block:,} of {plan.draws:,}"],
        ["point-days", f"{needs['point_days']:.3g}, of which {left:.3g} to do"],
        ["memory", f"{needs['memory'] / 2**20:,.0f} MiB per worker, {needs['future'] / 2**20:,.1f} MiB per future"],
        ["results on disk", f"{needs['results'] / 2**20:,.0f} MiB"],
        ["scratch on disk", f"{needs['scratch'] / 2**20:,.0f} MiB for each scenario at work"],
        ["free on disk", f"{machine.free_disk(out) / 2**20:,.0f} MiB"],
        ["time, one worker", f"{left / rate / 3600:,.2f} h at {rate / 1e6:.2f} M point-days/s ({source})"],
    ]


def begin(
    out: Path, plan: Plan, company: Company, allow_mixed: bool = False, given: posterior.Given | None = None
) -> Model:
    """The folder of a run, made new or found to be of this plan. Raises as `stress` does."""
    if out.exists():
        ensure_ours(out, plan, allow_mixed)
        return compiled(company, plan, given)
    model = compiled(company, plan, given)
    _solvent(model)
    futures_at_once(machine.footprint(model), plan.block)
    try:
        with store.new_run(out) as folder:
            write_folder(company, folder / store.INPUTS, kind="csv")
            store.lay_out(folder, plan, model)
            if given:
                posterior.copy(given.path, folder / posterior.NAME)
            written = [path for path in sorted(folder.rglob("*")) if path.is_file()]
            files = {str(path.relative_to(folder)): checksum(path) for path in written}
            for name in (store.MARKERS, store.QUARANTINE):
                (folder / name).mkdir()
            write_sealed(folder / store.PLAN, {
                "hash": plan.hash, "plan": vars_of(plan), "made_on": machine.made_on(), "files": files,
                "begun": round(time.time(), 1),
            })  # fmt: skip
    except store.OutputExists:  # another shard was faster
        ensure_ours(out, plan, allow_mixed)
    return model


def vars_of(plan: Plan) -> dict[str, Any]:
    """The fields of a plan, without what was computed from them."""
    return {name: getattr(plan, name) for name in Plan.__dataclass_fields__}


def compiled(company: Company, plan: Plan, given: posterior.Given | None = None) -> Model:
    """The company with room for the plan's scenarios and for the levers. Raises NoPosterior, Short."""
    model = assemble(company, scenario_rows(company, plan.names), spare_term=TERMS_LEVER_DAYS)
    if given is None:
        return model
    model = posterior.taken(model, given.path, plan.posterior)
    posterior.need(model, plan.draws)
    return model


def ensure_ours(out: Path, plan: Plan, allow_mixed: bool) -> None:
    """Raises OutputExists for what is no run, OtherPlan, Damaged, Mixed."""
    try:
        there, document = read_plan(out)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise store.OutputExists(str(out)) from error
    if there.hash != plan.hash:
        raise OtherPlan(f"{out} holds a run of another plan: {differences(there, plan)}")
    if not allow_mixed:
        machine.ensure_same(document["made_on"], machine.made_on())


def differences(one: Plan, other: Plan) -> str:
    """Which parts of two plans differ, in words."""
    fields = {name: (getattr(one, name), getattr(other, name)) for name in Plan.__dataclass_fields__}
    said = {"input_hash": "the company", "shocks": "the scenarios", "posterior": "the posterior draws"}
    return ", ".join(said.get(name, f"{name} {a} there, {b} here") for name, (a, b) in fields.items() if a != b)


def _solvent(model: Model) -> None:
    """Raises Impossible where the declared rule of default is broken before the first day."""
    with jax.enable_x64(True):
        worth = float(equity(jnp.asarray(model.opening.ledger.balances))) / 100
    if model.company.settings.balance_sheet_test and worth < 0:
        raise Impossible(
            f"insolvent at opening: equity is {worth:,.2f} and the balance-sheet test is declared; "
            "correct the opening balance sheet, or set balance_sheet_test to no"
        )


def _drive(out: Path, board: Board, execute: Executor, limit: Limit, progress: Progress, finished: Finished) -> None:
    """Have the tasks of this driver's share done, and say how it goes."""
    plan, log = board.plan, Log(out)
    ensure_base(board)
    left = board.left()
    tally = Tally(plan, len(left), sum(plan.point_days(task) for task in left))
    for task in plan.tasks:
        limit.learn(task, board.markers.get(task.id))
    log("begin", plan=plan.hash, tasks=len(left), share=list(board.share), **machine.made_on())

    def begins(task: Task) -> None:
        tally.label = label(plan, task)
        log("start", task=task.id, label=tally.label)
        progress(tally)

    for ended in execute(out, board, limit, begins):
        task, marker, poison, worker = ended
        board.settle(task.id, marker, poison)
        limit.learn(task, marker)
        tally.add(task, poison is not None)
        log(
            "quarantined" if poison else "end", task=task.id, label=label(plan, task), worker=worker,
            error=poison["error"] if poison else None, seconds=marker["seconds"] if marker else None,
            point_days=plan.point_days(task), point_days_per_second=round(tally.rate),
            seconds_left=None if tally.seconds_left is None else round(tally.seconds_left, 1),
        )  # fmt: skip
        progress(tally)
        ensure_base(board)
        if task.id == "summary-000" and marker:
            names = ("survives", "fill_rate", "lowest_cash")
            finished(label(plan, task), dict(zip(names, figures(out, BASE, *names), strict=True)))


def ensure_base(board: Board) -> None:
    """Raises LedgerFault where the base case is in quarantine: there is nothing to compare with, and no use in more."""
    for task, found in board.poisoned.items():
        if task.startswith("play-000-"):
            raise LedgerFault(f"{found['error']} (see {board.folder / store.QUARANTINE / task}.json)")


def label(plan: Plan, task: Task) -> str:
    """What a task is, in words."""
    if task.kind == "finish":
        return "the last step"
    case = plan.cases[task.case]
    name = "hardest scenario" if case.scenario == HARDEST else case.scenario
    if task.kind == "summary":
        return f"{name}, summary"
    part = f", futures {plan.futures(task.block).start:,} and on" if plan.blocks > 1 else ""
    return f"{name}, {case.variant.replace('_', ' ')}{part}"


def _conclude(out: Path, board: Board) -> Path:
    """The manifest, if everything is done that can be. Raises Unfinished, Partial, LedgerFault."""
    board.refresh()
    if "finish" not in board.markers:
        raise Unfinished(f"{len(Board(out, board.plan).left()):,} tasks wait for other shards: run this again")
    if not (out / store.MANIFEST).exists():
        store.write_manifest(out, manifest(out, board))
    if board.poisoned:
        first = next(iter(board.poisoned.values()))
        raise Partial(
            f"{len(board.poisoned)} tasks failed, so that {', '.join(board.left_out())} is left out; the first: "
            f"{first['error']}; what reproduces them stands in {out / store.QUARANTINE}"
        )
    return out


def manifest(out: Path, board: Board) -> dict[str, Any]:
    """What was run and how it went. Cases of which a task failed are left out; with a joint one, the scenario."""
    plan, begun = board.plan, read_plan(out)[1]
    finish, hit = board.markers["finish"], board.left_out()
    worst: dict[str, float] = {}
    for marker in board.markers.values():
        if "residuals" in marker:
            case = f"{marker['scenario']}/{marker['variant']}"
            worst[case] = max(worst.get(case, 0.0), *marker["residuals"].values())
    return {
        "input_hash": plan.input_hash,
        "plan": plan.hash,
        "scenarios": [name for name in plan.names if f"{name}/joint" not in hit],
        "left_out": hit,
        "shocks": plan.shocks,
        "draws": plan.draws,
        "seed": plan.seed,
        "mode": "exact",
        "posterior": posterior_of(out, plan),
        "residuals": worst,
        "story": finish["story"],
        "middle": finish["middle"],
        "versions": begun["made_on"]["versions"],
        "device": begun["made_on"]["device"],
        "mixed": any(marker["mixed"] for marker in board.markers.values()),
        "seconds": round(sum(marker["seconds"] for marker in board.markers.values()), 1),
        "complete": True,
    }


def posterior_of(out: Path, plan: Plan) -> dict[str, str] | None:
    """Where the parameters of a run come from; None where the tables' are taken as known."""
    if not plan.posterior:
        return None
    fingerprint, mode = plan.posterior
    return {"sha256": fingerprint, "mode": mode} | posterior.about(out / posterior.NAME)
