"""The command `tandem calibrate`: history to posterior draws beside the company. Imports what it needs when it runs.

The first fit that passes its gates is used at once. A later one starts from the one in use and waits beside it until a
person approves it (`calibration.backtest.cycle`).
"""

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
import xarray as xr

from scenarios import console
from scenarios.console import EXIT, Stop

if TYPE_CHECKING:
    from calibration.backtest.cycle import Fitted
    from calibration.demand.parameters import Horizon
    from calibration.history.load import History
    from calibration.inference.gates import Gate
    from calibration.panel import Panel
    from twin.assembly import Model
    from twin.tables.company import Company

STEPS = 2500  # of calibration.inference.svi, which an extra brings
PAGE = "calibration.html"
SHELF_DAYS = 56  # a price is held longer than a promotion lasts


class Engine(StrEnum):
    """How the posterior is found."""

    laplace = "laplace"
    nuts = "nuts"
    svi = "svi"


def calibrate(
    company: Annotated[Path, typer.Argument(help="The company's folder; its history lies in DIR/history.",
                                            metavar="DIR")],
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE",
                     help="Only what was known then; default: the company's first day.")] = None,
    engine: Annotated[Engine, typer.Option(help="laplace: production, nuts: reference, svi: a quick look.")] = (
        Engine.laplace
    ),
    draws: Annotated[int, typer.Option(help="Posterior draws; each feeds two futures.", min=2, max=100_000,
                                       metavar="N")] = 1000,
    steps: Annotated[int, typer.Option(help="Steps of the variational start.", min=100, metavar="N")] = STEPS,
    seed: Annotated[int, typer.Option(help="Same seed, same draws.", min=0, max=2**63 - 1, metavar="N")] = 0,
    approve: Annotated[str | None, typer.Option(help="Fit nothing: use the fit that waits. Who approves it.",
                                                metavar="WHO")] = None,
    because: Annotated[str | None, typer.Option(help="With --approve: why it may be used though its prior decides.",
                                                metavar="WHY")] = None,
    roll_back: Annotated[str | None, typer.Option(help="Fit nothing: use the fit before this one. Who says so.",
                                                  metavar="WHO")] = None,
) -> None:  # fmt: skip
    """Fit demand and lead times to the company's history; write the posterior beside it, if it passes every gate.

    The first posterior is used at once; a later one waits in DIR/candidate.zarr until --approve, and the one before it
    is kept. Lead times come from purchase orders, open ones included; where their fit fails a gate the tables' laws
    stay. DIR/calibration.html shows the fit beside the history, also where a gate failed.
    """
    try:
        from calibration.backtest import cycle
        from calibration.inference.laplace import NoMode
        from calibration.lead_times.fitting import TooLong
    except ModuleNotFoundError as error:
        raise Stop(EXIT.usage, f"{error.name} is missing: pip install 'tandem-twin[calibrate]'") from error
    if approve is not None or roll_back is not None:
        return _decided(company, approve, because or "", roll_back)
    if not (company / "history").is_dir():
        raise Stop(EXIT.usage, f"{company}/history: no such folder; calibration reads the history of sales and stock")
    how: dict[str, Any] = {"engine": engine.value, "draws": draws, "steps": steps, "seed": seed}
    try:
        found = cycle.refit(company, partial(_fitted, company, as_of.date() if as_of else None, how))
    except (NoMode, TooLong) as error:
        raise Stop(EXIT.gate, str(error)) from error
    candidate = company / cycle.CANDIDATE
    if found.failed:
        kept = f"; {company / cycle.IN_USE} stays in use" if (company / cycle.IN_USE).is_dir() else ""
        raise Stop(EXIT.gate, f"the fit failed a gate and is not to be used; it lies in {candidate} for who looks "
                              f"into it{kept}; {company / PAGE} shows it beside the history")  # fmt: skip
    if found.unexplained:
        raise Stop(EXIT.gate, f"{', '.join(found.unexplained)}: the prior decides, and the fit waits in {candidate} "
                              f"for who can say why it may; {company / PAGE} shows it beside the history. Give more "
                              f"history, or: tandem calibrate {company} --approve 'your name' "
                              "--because 'why'")  # fmt: skip
    if (company / cycle.IN_USE).is_dir():
        console.say(f"{candidate}: {draws:,} posterior draws as of {found.as_of}; {company / cycle.IN_USE} stays in use"
                    f"\nwritten: {company / PAGE}"
                    f"\nnext: tandem calibrate {company} --approve 'your name'")  # fmt: skip
        return
    cycle.approve(company, "nobody: the first fit, every gate passed")
    console.say(f"{company / cycle.IN_USE}: {draws:,} posterior draws as of {found.as_of}\n"
                f"written: {company / PAGE}\nnext: tandem stress {company} --out run/")  # fmt: skip


def _decided(company: Path, approve: str | None, because: str, roll_back: str | None) -> None:
    """Uses the fit that waits, or the one before."""
    from calibration.backtest import cycle
    from calibration.inference import gates

    if approve is not None and roll_back is not None:
        raise Stop(EXIT.usage, "--approve and --roll-back: give one of them")
    try:
        if approve is not None:
            if because.strip() and (company / cycle.CANDIDATE).is_dir():
                gates.explain(company / cycle.CANDIDATE, because)  # first: what is used must carry its reason
            cycle.approve(company, approve, because)
        else:
            cycle.roll_back(company, str(roll_back))
    except cycle.NotApproved as error:
        raise Stop(EXIT.gate, str(error)) from error
    console.say(f"{company / cycle.IN_USE} is another one now; {company / cycle.LOG} says who and when"
                f"\nnext: tandem stress {company} --out run/")  # fmt: skip


def _fitted(company: Path, as_of: date | None, how: dict[str, Any], used: Path | None, to: Path) -> "Fitted":
    """Fits, and writes what it finds; begins where the posterior in use stands."""
    from calibration.backtest.cycle import Fitted
    from calibration.demand import model
    from calibration.demand.data import data
    from calibration.demand.parameters import parameters
    from calibration.demand.predictive import groups, influence
    from calibration.inference import fit
    from calibration.inference.fit import warm, write
    from calibration.inference.gates import of_priors, with_gates
    from calibration.inference.laplace import Blocks
    from calibration.inference.sensitivity import log_prior
    from calibration.report.page import page
    from scenarios import posterior
    from twin.assembly import assemble

    ready = console.company(company)
    until = as_of or ready.settings.start
    history, panel = history_of(company, ready, until)
    arrays, assembled = data(panel), assemble(ready, {})
    start, coords = model.start(arrays), model.coordinates(panel)
    table: dict[str, list[Gate]] = {}
    lead_times = _lead_times(history, assembled, until, how, table)
    found = fit(
        model.demand, arrays, blocks=Blocks("item", "category", panel.category), coords=coords, **how,
        start=start if used is None else warm(start, used, coords),
        provenance={"as_of": until.isoformat(), "company": ready.settings.name, "history_sha256": history.digest},
    )  # fmt: skip
    horizon = _horizon(assembled, panel)
    here = parameters(found["posterior"].to_dataset(), panel, horizon)
    if lead_times:
        found["lead_times"], laws = lead_times
        here = here.merge(laws)
    decisive = of_priors(_decisive(found, here, horizon), log_prior(model.demand, arrays, found))
    listed, alone = influence(found, arrays, panel, how["seed"])
    with_gates(found, [*decisive, *alone])
    found["influence"] = xr.DataTree(listed)
    failed = _failed("demand", found, table)
    for name, group in groups(found, arrays, panel, how["seed"]).items():
        found[name] = xr.DataTree(group)
    found[posterior.GROUP] = here.assign_attrs(found.attrs)
    write(found, to)
    told = Fitted(until, *_split(failed))
    page(company / PAGE, found, table, _use(told, used), how["seed"])
    return told


def _split(failed: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """(gates that nobody can waive, gates that a person may explain)."""
    from calibration.inference.gates import explainable

    return [name for name in failed if not explainable(name)], tuple(name for name in failed if explainable(name))


def _decisive(found: xr.DataTree, here: xr.Dataset, horizon: "Horizon") -> dict[str, np.ndarray]:
    """Name -> (draw,): what decisions rest on, of all stores and items together."""
    from calibration.demand.parameters import of_tables
    from calibration.draws import draws_of

    value = draws_of(found)
    daily = (here["demand_mean"].values * of_tables(horizon)).sum(axis=(1, 2))
    return {"mean daily demand": daily, "mean elasticity": value["elasticity"].mean(axis=1),
            "mean lift": value["lift"].mean(axis=1)}  # fmt: skip


def _use(told: "Fitted", used: Path | None) -> str:
    """What is done with the fit, for the page."""
    before = "" if used is None else " The one in use stays in use."
    if told.failed:
        return f"This fit may not be used.{before}"
    if told.unexplained:
        return f"This fit may be used only once a person says why its prior may decide.{before}"
    return f"This fit may be used once a person approves it.{before}" if used else "This fit may be used."


def _failed(what: str, found: xr.DataTree, table: "dict[str, list[Gate]]") -> list[str]:
    """Shows every gate of a fit and adds them to the table; names of those that failed."""
    from calibration.inference import gates

    table[what] = gates.table(found)
    console.table(
        [f"gate of {what}", "figure", "limit", "", "if it fails"],
        [[g.name, f"{g.figure:.4g}", f"{g.limit:g}", "passed" if g.passed else "FAILED", g.remedy]
         for g in table[what]],
    )  # fmt: skip
    return [gate.name for gate in table[what] if not gate.passed]


def _lead_times(
    history: "History", model: "Model", until: date, how: dict[str, Any], table: "dict[str, list[Gate]]"
) -> tuple[xr.DataTree, xr.Dataset] | None:
    """The fit and its tables by draw; None without orders, or, said aloud, where the fit failed a gate."""
    from calibration.lead_times.fitting import calibrated

    orders = history.frames.get("purchase_orders")
    if orders is None or orders.empty:
        return None
    fitted, laws = calibrated(orders, until, model.structure.lanes, np.asarray(model.params.lead_cdf)[0], **how)
    if not _failed("lead times", fitted, table):
        return fitted, laws
    console.say("the posterior goes without lead times: their laws stay those of the tables")
    return None


def history_of(path: Path, company: "Company", until: date) -> tuple["History", "Panel"]:
    """(what was known on that day, its sales). Without a hierarchy of its own it takes the company's."""
    from calibration.history.load import load

    history = load(path, as_of=until)
    if history.failures:
        raise Stop(EXIT.gate, "the history is not fit to calibrate on. " + " | ".join(history.failures))
    panel, of = history.panel, {row.product: row.category for row in company.products}
    if len(panel.categories) == 1:
        groups = [of.get(item) or panel.categories[0] for item in panel.items]
        names = sorted(set(groups))
        panel = replace(panel, categories=names, category=np.array([names.index(group) for group in groups]))
    return history, panel


def _horizon(model: "Model", panel: "Panel") -> "Horizon":
    """The coming days as the tables give them; what the company no longer has keeps factor 1."""
    from calibration.demand.parameters import Horizon
    from twin.assembly.calendar import calendar_of, demand_factors

    s, company = model.structure, model.company
    calendar = calendar_of(company)
    item, node = demand_factors(replace(company, promotions=()), s, calendar)

    def of(factors: np.ndarray, names: dict[str, int], wanted: list[str]) -> np.ndarray:
        ones = np.ones(len(factors))
        return np.stack([factors[:, names[x]] if x in names else ones for x in wanted])

    return Horizon(
        days=np.datetime64(calendar.start, "D") + np.arange(calendar.days),
        node_factor=of(node, s.node, panel.stores),
        item_factor=of(item, s.product, panel.items),
        log_price=_shelf_price(panel),
    )


def _shelf_price(panel: "Panel") -> np.ndarray:
    """(item,) log of the price last asked outside promotions, beside the reference price."""
    ordinary = np.where(panel.promotion > 0, np.nan, panel.log_price)[:, :, -SHELF_DAYS:]
    known = np.asarray(np.isfinite(ordinary).any(axis=(0, 2)))
    found = np.zeros(ordinary.shape[1])
    found[known] = np.nanmedian(ordinary[:, known], axis=(0, 2))
    return found
