"""The strategy team's commands: survive, reverse, design, actions, spread.

Each prints its table, and with --into keeps its answer beside a run, where the report shows it. Imports as in
`scenarios.cli`: when a command runs.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from scenarios import console
from scenarios.console import EXIT, Stop

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Company = Annotated[Path, typer.Argument(help="The company: its folder or its .xlsx workbook.", metavar="DIR")]
Into = Annotated[Path | None, typer.Option(help="Keep the answer in this run, for its report.", metavar="RUN")]
Seed = Annotated[int, typer.Option(help="Same seed, same luck.", min=0, max=2**63 - 1, metavar="N")]
Names = Annotated[str, typer.Option(help="Scenarios to combine, separated by commas.", metavar="A,B,..")]
Posterior = Annotated[
    Path | None,
    typer.Option(help="Posterior draws of the parameters: a Zarr folder or netCDF file.", metavar="PATH"),
]
Lang = Annotated[Literal["en", "zh"], typer.Option(help="Language of the table.")]
# Single causes, one of each kind.
AXES = "demand-slump,input-cost-inflation,price-war,terms-cut,credit-line-cut,late-settlement,supplier-out"


@app.command(
    short_help="How long each supplier and place may be out.",
    epilog="Example: tandem survive shop/ --recovery 'triangular(14, 28, 84)' --into run/",
)
def survive(
    company: Company,
    recovery: Annotated[
        str,
        typer.Option(
            help="Days to recover: a number, uniform(a, b), triangular(low, most likely, high), or a .csv file of "
            "place,recovery.",
            metavar="LAW",
        ),
    ] = "triangular(14, 28, 84)",
    draws: Annotated[int, typer.Option(help="Futures per place.", min=1, max=4096, metavar="N")] = 16,
    start: Annotated[int, typer.Option(help="Day on which the outage starts.", min=0, metavar="DAY")] = 28,
    seed: Seed = 0,
    into: Into = None,
    lang: Lang = "en",
) -> None:
    """Time to survive and to recover of every supplier and place: days, lost margin, lost cash, worst first."""
    from scenarios import survival

    ready = console.company(company)
    law = _laws(Path(recovery)) if recovery.endswith(".csv") else recovery
    with _faults(), console.working() as now:
        model = survival.prepare(ready)
        found = survival.survival(
            model, draws, start=start, recovery=law, seed=seed,
            progress=lambda what, done, total: now(f"{what}: {done:,} of {total:,} futures"),
        )  # fmt: skip
    _show("survival", ready, into, lang, {
        "places": survival.plain(found), "draws": draws, "start": start, "recovery": recovery, "seed": seed,
        "most": (model.calendar.days - start) // 2,
    })  # fmt: skip


@app.command(
    short_help="The most plausible shocks that break a line.",
    epilog="Example: tandem reverse shop/ --line cash --scenarios demand-slump,credit-line-cut,supplier-out",
)
def reverse(
    company: Company,
    scenarios: Names = AXES,
    line: Annotated[Literal["cash", "covenant", "fill"], typer.Option(help="What must not break.")] = "cash",
    floor: Annotated[
        float | None,
        typer.Option(help="Below it the line is broken; default: minimum cash, 0 of slack, a fill rate of 0.9."),
    ] = None,
    share: Annotated[float, typer.Option(help="In which share of futures.", min=0.01, max=1.0)] = 0.5,
    rarest: Annotated[float, typer.Option(help="Years: rarer is not called plausible.", min=2.0)] = 1000.0,
    correlation: Annotated[float, typer.Option(help="Between any two scenarios.", min=0.0, max=0.95)] = 0.0,
    draws: Annotated[int, typer.Option(help="Futures that a verdict rests on.", min=1, max=1024, metavar="N")] = 5,
    seed: Seed = 0,
    posterior: Posterior = None,
    into: Into = None,
    lang: Lang = "en",
) -> None:
    """Reverse stress: families of shock vectors that break a line, nearest first, or that nothing plausible does."""
    from scenarios import lines
    from scenarios import reverse as study

    ready, model, world, space = _space(company, scenarios, correlation, posterior)
    level = {"cash": float(ready.settings.minimum_cash), "covenant": 0.0, "fill": 0.9}[line] if floor is None else floor
    chosen = lines.Line(line, level if line == "fill" else 100 * level, share)
    with console.working() as now:
        found = study.reverse(
            model, world, space, chosen, draws=draws, rarest=rarest, seed=seed,
            progress=lambda what, done: now(f"{what}: {done:,} futures"),
        )  # fmt: skip
    _show("reverse", ready, into, lang, study.plain(found) | {
        "line": line, "floor": level, "share": share, "draws": draws, "seed": seed, "correlation": correlation,
    })  # fmt: skip


@app.command(
    short_help="Figures over sampled severities, as precise as asked.",
    epilog="Example: tandem design shop/ --scenarios demand-slump,price-war --design sobol --width 0.05",
)
def design(
    company: Company,
    scenarios: Names = AXES,
    design: Annotated[
        Literal["sobol", "hypercube", "sampled", "grid", "list"], typer.Option(help="How severities are chosen.")
    ] = "sobol",
    severity: Annotated[str, typer.Option(help="Law of each, times the scenario.", metavar="LAW")] = "uniform(0, 1.5)",
    points: Annotated[int, typer.Option(help="Points of the first round.", min=8, max=2**20, metavar="N")] = 256,
    most: Annotated[int, typer.Option(help="Points at most.", min=8, max=2**20, metavar="N")] = 8192,
    width: Annotated[
        float | None, typer.Option(help="Go on until the interval of survival is so narrow.", min=1e-4, max=1.0)
    ] = None,
    steps: Annotated[int, typer.Option(help="Grid: severities per scenario.", min=2, max=50, metavar="N")] = 4,
    file: Annotated[
        Path | None, typer.Option(help="List: a .csv of severities, a column per scenario.", metavar="FILE")
    ] = None,
    draws: Annotated[int, typer.Option(help="Grid and list: futures per vector.", min=1, metavar="N")] = 16,
    seed: Seed = 0,
    posterior: Posterior = None,
    into: Into = None,
    lang: Lang = "en",
) -> None:
    """A design over severities: survival, service and liquidity with intervals; what n cannot support is refused."""
    from scenarios import designs

    ready, model, world, space = _space(company, scenarios, 0.0, posterior)
    names = [one.name for one in space.axes]
    if design == "grid" or design == "list":
        with _faults():
            vectors = designs.severities(designs.grid(len(names), steps), [severity] * len(names))
        if design == "list":
            vectors = _vectors(file, names)
        with console.working():
            survives, liquidity = designs.table(model, world, space, vectors, draws, seed)
        rows = [
            {"severity": list(map(float, s)), "survival": list(a), "liquidity": list(b)}
            for s, a, b in zip(vectors, survives, liquidity, strict=True)
        ]
        _show("design", ready, into, lang, {"axes": names, "rows": rows, "n": draws, "seed": seed})
        return
    with _faults(), console.working() as now:
        found = designs.study(
            model, world, space, design, laws=[severity] * len(names), first=points, most=most, width=width, seed=seed,
            progress=lambda done, most: now(f"{done:,} points, at most {most:,}"),
        )  # fmt: skip
    _show("design", ready, into, lang, designs.plain(found) | {"severity": severity, "width": width, "seed": seed})


@app.command(
    short_help="What helps most per unit of money.",
    epilog="Example: tandem actions shop/ --scenario compound --into run/",
)
def actions(
    company: Company,
    scenario: Annotated[str, typer.Option(help="The stress; a+b for both at once.", metavar="NAME")] = "compound",
    draws: Annotated[int, typer.Option(help="Futures.", min=2, max=2**16, metavar="N")] = 128,
    second_source: Annotated[
        bool, typer.Option(help="Also a second source for the largest supplier (compiles again).")
    ] = True,
    seed: Seed = 0,
    into: Into = None,
    lang: Lang = "en",
) -> None:
    """Actions valued in a stress by paired differences, per unit of money spent; which of them are not dominated."""
    from scenarios import actions as study
    from scenarios.stress import scenario_rows

    ready = console.company(company)
    shocks = scenario_rows(ready, _known(ready, [scenario]))[scenario]
    model = study.prepare(ready, shocks)
    offered = study.offered(model) + ([study.with_second_source(model)] if second_source else [])
    with console.working() as now:
        found = study.valued(model, shocks, offered, draws, seed=seed, progress=now)
    _show("actions", ready, into, lang, {
        "actions": study.as_json(found), "scenario": scenario, "draws": draws, "seed": seed,
    })  # fmt: skip


@app.command(
    short_help="What we do not know and what nobody can know.",
    epilog="Example: tandem spread shop/ --posterior posterior.zarr --scenario demand-slump",
)
def spread(
    company: Company,
    posterior: Posterior = None,
    scenario: Annotated[str, typer.Option(help="Scenario; a+b for both at once.", metavar="NAME")] = "base",
    draws: Annotated[int, typer.Option(help="Posterior draws; two futures each.", min=2, metavar="N")] = 128,
    seed: Seed = 0,
    into: Into = None,
    lang: Lang = "en",
) -> None:
    """Split the spread of figures into parameters and luck, on posterior draws of the parameters."""
    import numpy as np

    from scenarios import points
    from scenarios import posterior as study
    from scenarios.stress import BASE, prepare

    if posterior is None:
        raise Stop(EXIT.usage, "parameters are taken as known: give --posterior, the draws of a calibration")
    ready = console.company(company)
    model, _ = prepare(ready, [] if scenario == BASE else _known(ready, [scenario]))
    with _faults():
        params = study.read(posterior, model)
    count = min(draws, params.demand_mean.shape[0])
    world = points.shared(model, scenario, params=params)
    severities = points.drawn(world, np.arange(2 * count), seed)
    found = points.outcomes(world, model.source, points.plain(world, np.arange(2 * count), severities), seed=seed)
    figures = {"fill": found.fill, "liquidity": found.liquidity / 100}
    _show("spread", ready, into, lang, {
        "figures": {name: study.split(x)._asdict() for name, x in figures.items()}, "scenario": scenario,
        "draws": count, "seed": seed,
    })  # fmt: skip


def _known(company: Any, names: list[str]) -> list[str]:
    """The names, after a check that every part of them is a scenario."""
    from scenarios.composition import parts
    from scenarios.library import library
    from twin.tables.faults import did_you_mean

    known = [*library(), *dict.fromkeys(row.scenario for row in company.shocks)]
    for name in names:
        for part in parts(name):
            if part not in known:
                hint = did_you_mean(part, known)
                raise Stop(EXIT.usage, f"unknown scenario {part!r}{hint}; tandem scenarios lists them")
    return names


def _space(path: Path, wanted: str, correlation: float, posterior: Path | None) -> tuple[Any, Any, Any, Any]:
    """Company, model, the world in which all scenarios are combined, and the space of their severities."""
    from dataclasses import replace

    from scenarios import axes, points
    from scenarios.composition import PLUS, composed
    from scenarios.library import library
    from scenarios.posterior import read
    from scenarios.stress import scenario_rows
    from twin.assembly import assemble
    from twin.tables.check import ensure

    ready = console.company(path)
    names = _known(ready, [name.strip() for name in wanted.split(",") if name.strip()])
    if not names or len(set(names)) < len(names):
        raise Stop(EXIT.usage, "--scenarios: give each scenario once")
    scenarios = scenario_rows(ready, names)
    joined = composed(scenarios)
    ensure(replace(ready, shocks=ready.shocks + tuple(joined)))
    once_in = {name: library()[name].once_in for name in names if name in library()}
    model = assemble(ready, {PLUS.join(names): joined})
    with _faults():
        agreed = {row.supplier: row.net_days for row in ready.suppliers}
        space = axes.space(scenarios, joined, model.network.sizes.severities, once_in, agreed, correlation)
        params = model.params if posterior is None else read(posterior, model)
    return ready, model, points.shared(model, PLUS.join(names), params=params), space


@contextmanager
def _faults() -> Iterator[None]:
    """What a study refuses is one line for the user: wrong use, or a file that does not fit."""
    from scenarios.answers import OtherCompany
    from scenarios.posterior import NoPosterior

    try:
        yield
    except NoPosterior as error:
        raise Stop(EXIT.invalid, str(error)) from error
    except (ValueError, OtherCompany) as error:
        raise Stop(EXIT.usage, str(error)) from error


def _laws(path: Path) -> dict[str, str]:
    """place -> law of a .csv file with the columns place and recovery."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or not {"place", "recovery"} <= set(rows[0]):
        raise Stop(EXIT.invalid, f"{path}: expected the columns place,recovery and at least one row")
    return {row["place"]: row["recovery"] for row in rows}


def _vectors(path: Path | None, names: list[str]) -> Any:
    """(point, axis) severities of a .csv file with one column per scenario."""
    import numpy as np

    if path is None:
        raise Stop(EXIT.usage, "--design list needs --file, a .csv of severities")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or set(rows[0]) != set(names):
        raise Stop(EXIT.invalid, f"{path}: expected the columns {','.join(names)} and at least one row")
    try:
        found = np.array([[float(row[name]) for name in names] for row in rows])
    except (TypeError, ValueError) as error:
        raise Stop(EXIT.invalid, f"{path}: severities are numbers: {error}") from error
    if not np.isfinite(found).all() or (found < 0).any():
        raise Stop(EXIT.invalid, f"{path}: severities are finite and not below 0")
    return found


def _show(study: str, company: Any, into: Path | None, lang: Literal["en", "zh"], answer: dict[str, Any]) -> None:
    """Print the table of an answer, and keep it beside a run where that was asked for."""
    from scenarios import answers
    from scenarios.report import strategy
    from scenarios.report.tables import heading, shown
    from scenarios.report.words import words_for
    from twin.tables.digest import input_hash

    words = words_for(company, lang)
    (table,) = strategy.tables({study: answer}, words)
    rows = [
        [" ".join(filter(None, [figure, f"[{interval}]" if interval else ""])) for figure, interval in cells]
        for cells in ([shown(x, c, words, table.n()) for x, c in zip(row.cells, table.columns, strict=True)]
                      for row in table.rows)
    ]  # fmt: skip
    console.say(table.title)
    console.table([heading(column, words) for column in table.columns], rows)
    console.say(table.note)
    if into is not None:
        with _faults():
            kept = answers.keep(into, study, answer, input_hash(company))
        console.say(f"kept: {kept}\nnext: tandem report {into}")
