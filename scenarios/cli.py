"""The command `tandem`: new, check, stress, status, verify, report, scenarios, demo, tune, front, prices, calibrate,
backtest, doctor, and the studies of `scenarios.questions`.

Commands import what they need when they run, so that `--help` answers at once.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scenarios import console, questions
from scenarios.backtesting import backtest
from scenarios.calibrating import calibrate
from scenarios.console import EXIT, Stop
from scenarios.tuning.command import front, prices, tune

if TYPE_CHECKING:
    from scenarios.posterior import Given

app = typer.Typer(
    name="tandem",
    help="A digital twin of a retailer's goods and money.",
    epilog="Start with: tandem demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DRAWS, DRAWS_MOST = 512, 1_000_000
SEED_MOST = 2**63 - 1
# What two cores play in three minutes: the core scenarios, with all variants; 72 futures support a 5 % quantile.
DEMO_STORES, DEMO_PRODUCTS, DEMO_DRAWS = 8, 16, 72
Language = Literal["en", "zh"]
Executor = Literal["inline", "ray"]
Device = Literal["auto", "cpu", "gpu"]
Parameters = Literal["both", "process", "tables"]
Company = Annotated[Path, typer.Argument(help="The company: its folder or its .xlsx workbook.", metavar="DIR")]
Draws = Annotated[int, typer.Option(help="Futures per scenario.", min=1, max=DRAWS_MOST, metavar="N")]
Seed = Annotated[int, typer.Option(help="Same seed, same luck.", min=0, max=SEED_MOST, metavar="N")]
Lang = Annotated[Language, typer.Option(help="Language of report and workbook.")]
_FILES = (".yaml", ".yml", ".csv")


@app.command(
    short_help="Write an example company to start from.", epilog="Example: tandem new shop/ --stores 8 --products 20"
)
def new(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.", metavar="DIR")],
    stores: Annotated[int, typer.Option(min=1, max=500, help="Number of stores.")] = 24,
    products: Annotated[int, typer.Option(min=1, max=500, help="Number of product lines.")] = 40,
    days: Annotated[int, typer.Option(min=365, max=3650, help="Days of sales history.")] = 730,
    seed: Seed = 0,
    substitution: Annotated[bool, typer.Option(help="Part of what is out of stock is bought as another line.")] = False,
    unflagged_stockouts: Annotated[bool, typer.Option(help="History misses the stock of some stock-out days.")] = False,
    lang: Lang = "en",
) -> None:
    """Write an example company: a workbook, two years of history, and the truth behind it."""
    from scenarios import example

    console.empty_folder(folder)
    company = example.generate(stores, products, days, seed, substitution, unflagged_stockouts)
    example.write(company, folder, lang=lang)
    console.say(f"{folder}: {stores} stores, {products} product lines, {days} days of history")
    console.say(f"next: edit {folder / 'company.xlsx'}, then tandem check {folder}")


@app.command(short_help="List everything wrong or unusual in a company.", epilog="Example: tandem check shop/")
def check(company: Company) -> None:
    """Read a company and list everything that is wrong or unusual: file, row, column and remedy."""
    from twin.tables.history import read_history
    from twin.tables.read import read

    found = read(company)
    warnings = list(found.warnings)
    history = company / "history"
    if company.is_dir() and history.is_dir():
        from scenarios import quality

        quality.propose(history)
        recorded = read_history(company, found.company)
        warnings += recorded.warnings
        if recorded.sales is not None:
            quality.score(company, found.company.settings.start)
    for warning in warnings:
        console.warn(str(warning))
    c = found.company
    suppliers = sum(node.kind == "supplier" for node in c.nodes)
    console.say(
        f"{company}: no faults, {len(warnings)} warnings; {suppliers} suppliers, {len(c.nodes) - suppliers} own "
        f"places, {len(c.products)} products, {len(c.demand)} store-products, {c.settings.days} days"
    )


@app.command(
    short_help="Play base case and scenarios, keep the results.",
    epilog="Example: tandem stress shop/ --scenarios supplier-out,credit-line-cut --draws 1024 --out run/",
)
def stress(
    company: Company,
    out: Annotated[
        Path, typer.Option(help="Folder for the results: new, or of the same run, which then goes on.", metavar="RUN")
    ],
    scenarios: Annotated[
        str,
        typer.Option(
            help="Names, separated by commas: of the library (tandem scenarios), of the company's own table of shocks, "
            "a+b for both at once, core or all of the library, or a .yaml or .csv file of shock rows.",
            metavar="A,B,..",
        ),
    ] = "",
    draws: Draws = DRAWS,
    seed: Seed = 0,
    keep_daily: Annotated[bool, typer.Option("--keep-daily", help="Keep every daily series of every future.")] = False,
    executor: Annotated[Executor, typer.Option(help="In this process, or on a Ray cluster.")] = "inline",
    workers: Annotated[int | None, typer.Option(help="At most so many Ray workers.", min=1, metavar="N")] = None,
    shard: Annotated[
        str, typer.Option(help="Do part I of N only, I from 0: for job arrays that share RUN.", metavar="I/N")
    ] = "0/1",
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds; no block begins that would not end within them.", min=1, metavar="S")
    ] = None,
    device: Annotated[Device, typer.Option(help="What to compute on; gpu never falls back to cpu.")] = "auto",
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Go on with a run begun on another device or version.")
    ] = False,
    posterior: Annotated[
        Path | None,
        typer.Option(help="Draws of the parameters; default: DIR/posterior.zarr, if it is there.", metavar="PATH"),
    ] = None,
    parameters: Annotated[
        Parameters,
        typer.Option(help="both: not known, and luck; process: posterior mean, luck only; tables: taken as known."),
    ] = "both",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and do nothing.")] = False,
) -> None:
    """Play the base case and scenarios under the same luck and keep the results. To run it again is to go on."""
    share = _share(shard)
    console.writable(out)
    if executor == "ray":  # the driver computes next to nothing: leave the memory of a GPU to the workers
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

    from scenarios import run
    from scenarios.sweep.machine import choose
    from scenarios.sweep.ray_workers import ray_workers

    choose(device)
    keep = ("daily",) if keep_daily else ()
    ready, names = _with_scenarios(console.company(company), scenarios)
    given = _posterior(company, posterior, parameters)
    if dry_run:
        rows = run.preview(ready, names, out, draws=draws, seed=seed, keep=keep, given=given)
        console.table(["what", "how much"], rows)
        return
    scheduled = executor == "ray" or share[1] > 1 or time_limit is not None
    with console.checkpointing(scheduled), console.Bars() as bars:
        run.stress(
            ready, names, out, draws=draws, seed=seed, keep=keep, share=share, limit=time_limit,
            executor=ray_workers(workers, gpu=device == "gpu") if executor == "ray" else None,
            allow_mixed=allow_mixed, given=given, progress=bars.progress, finished=bars.finished,
        )  # fmt: skip
    console.verdicts(out)
    console.say(f"results: {out}\nnext: tandem report {out}")


def _posterior(company: Path, path: Path | None, parameters: Parameters) -> "Given | None":
    """The draws a run takes: those named, or those beside the company; None where the tables' parameters are known."""
    from scenarios.posterior import NAME, Given

    if parameters == "tables":
        return None
    if path is None:
        path = company / NAME
        if not path.exists():
            return None
    elif not path.exists():
        raise Stop(EXIT.usage, f"{path}: no such file")
    return Given(path, parameters)


def _share(shard: str) -> tuple[int, int]:
    """ "3/64" as (3, 64)."""
    i, _, n = shard.partition("/")
    if not (i.isdecimal() and n.isdecimal() and int(i) < int(n)):
        raise Stop(EXIT.usage, f"--shard {shard}: give I/N with I from 0 to N-1, as 3/64")
    return int(i), int(n)


Run = Annotated[Path, typer.Argument(help="A folder written by tandem stress.", metavar="RUN")]


@app.command(short_help="How far a run is, from its files.", epilog="Example: tandem status run/")
def status(run: Run) -> None:
    """Say how far a run is, what it was made on and what failed; exit 0 when it is complete, 8 when it is not."""
    found = console.standing(run)
    if not found.complete or found.failed:
        raise Stop(EXIT.partial, "not complete: run the same tandem stress again" if not found.failed else
                   f"{len(found.failed)} tasks are in quarantine")  # fmt: skip


@app.command(short_help="Read every byte of a run; repair it.", epilog="Example: tandem verify run/ --repair")
def verify(
    run: Run,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Take away what is damaged or in quarantine: the next run redoes it."),
    ] = False,
) -> None:
    """Read every byte of a run and compare it with its checksum; exit 6 where one has changed."""
    from scenarios.sweep import verify as check

    console.a_run(run)
    found = check.damages(run)
    for damage in found:
        console.warn(f"{damage.path}: {damage.what}")
    if repair:
        check.repair(run, found)
        status(run)
    elif found:
        raise Stop(EXIT.gate, f"{len(found)} files are not what was written: tandem verify {run} --repair")
    console.say(f"{run}: every byte is what was written; results {check.digest(run)[:16]}")


@app.command(short_help="Write the report of a run: HTML and workbook.", epilog="Example: tandem report run/ --lang zh")
def report(
    run: Run,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; default: the run's own.", metavar="DIR")
    ] = None,
    lang: Lang = "en",
) -> None:
    """Write the report: one HTML file for reading, one workbook for calculating."""
    for path in _reports(run, out or run, lang):
        console.say(f"written: {path}")
    console.left_out(run)


@app.command(
    short_help="List the library's scenarios, or write them to edit.",
    epilog="Example: tandem scenarios shop/ --out mine.yaml",
)
def scenarios(
    company: Annotated[Path | None, typer.Argument(help="Fit the scenarios to this company.", metavar="[DIR]")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the shock rows to edit: .yaml or .csv.", metavar="FILE")
    ] = None,
    card: Annotated[str | None, typer.Option(help="Show the whole card of one scenario.", metavar="NAME")] = None,
    lang: Lang = "en",
) -> None:
    """List the scenarios of the library; with a company and --out, write them as rows to edit."""
    from scenarios.files import write_scenarios
    from scenarios.library import fitted, library
    from twin.tables.faults import did_you_mean

    if card is not None:
        if card not in library():
            raise Stop(EXIT.usage, f"unknown scenario {card!r}{did_you_mean(card, list(library()))}")
        console.card(library()[card], lang)
        return
    if out is None:
        console.table(
            ["scenario", "what happens", "severity from"],
            [[c.name, f"{c.title[lang]}. {c.story[lang]}", str(c.source["kind"])] for c in library().values()],
        )
        return
    if company is None:
        raise Stop(EXIT.usage, "--out needs a company: the rows name its suppliers and places")
    if out.suffix.casefold() not in _FILES:
        raise Stop(EXIT.usage, f"{out}: give a name that ends in {', '.join(_FILES)}")
    ready = console.company(company)
    write_scenarios([row for name in library() for row in fitted(name, ready)], out)
    console.say(f"written: {out}\nnext: edit it, then tandem stress {company} --scenarios {out} --out run/")


@app.command(short_help="Example company, core scenarios, report.", epilog="Example: tandem demo --lang zh")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for company, results and report.", metavar="DIR")] = Path(
        "tandem-demo"
    ),
    draws: Draws = DEMO_DRAWS,
    seed: Seed = 0,
    lang: Lang = "en",
) -> None:
    """Build an example company, play its base case and the core scenarios of the library, write the report."""
    from scenarios import example
    from scenarios.library import core
    from scenarios.run import stress as play

    out = console.next_free(out)
    shop, run = out / "shop", out / "run"
    console.say(f"a company of {DEMO_STORES} stores and {DEMO_PRODUCTS} product lines is built in {shop} ..")
    example.write(example.generate(DEMO_STORES, DEMO_PRODUCTS), shop, lang=lang)
    company, names = console.company(shop), core()
    with console.Bars() as bars:
        play(company, names, run, draws=draws, seed=seed, progress=bars.progress, finished=bars.finished)
    page, _ = _reports(run, out, lang)
    console.verdicts(run)
    console.say(f"report: {page.resolve()}\nyour own company: edit {shop / 'company.xlsx'}, then tandem check {shop}")


app.command(
    short_help="Move stock to where it earns its cash.", epilog="Example: tandem tune shop/ --service 0.97 --out tuned/"
)(tune)
app.command(
    short_help="What service costs in profit and cash.",
    epilog="Example: tandem front shop/ --service 0.95 --service 0.98 --out front/",
)(front)
app.command(
    short_help="What one unit, day or unit of credit more is worth.",
    epilog="Example: tandem prices shop/ --out prices.xlsx",
)(prices)


app.command(
    short_help="Fit demand to the history, with honest intervals.",
    epilog="Example: tandem calibrate shop/ --as-of 2026-01-01 && tandem stress shop/ --out run/",
)(calibrate)


app.command(
    short_help="Try the twin's forecasts from rolling origins.",
    epilog="Examples: tandem backtest shop/ --draws 200; tandem backtest shop/ --history --origins 3",
)(backtest)


@app.command(short_help="Show device, memory, versions, cache.", epilog="Example: tandem doctor")
def doctor() -> None:
    """Show device, memory, versions, cache folder, and whatever else owns one of our import names."""
    from scenarios.doctor import findings

    rows, fine = findings()
    console.table(["what", "found"], rows)
    if not fine:
        raise Stop(
            EXIT.gate, "another distribution owns one of our import names: install Tandem in its own environment"
        )


app.add_typer(questions.app)  # survive, reverse, design, actions, spread


def _with_scenarios(company, wanted: str):  # type: ignore[no-untyped-def]
    """The company with the shock rows of files added, and the names of all scenarios that were asked for."""
    from dataclasses import replace

    from scenarios.composition import PLUS, parts
    from scenarios.files import read_scenarios
    from scenarios.library import core, library
    from scenarios.stress import BASE, scenario_rows
    from twin.tables.check import ensure
    from twin.tables.faults import did_you_mean

    names: list[str] = []
    for entry in filter(None, (part.strip() for part in wanted.split(","))):
        if entry.casefold().endswith(_FILES):
            rows = tuple(read_scenarios(Path(entry)))
            company = replace(company, shocks=company.shocks + rows)
            ensure(company)
            names += dict.fromkeys(row.scenario for row in rows)
        else:
            names += {"core": core(), "all": list(library())}.get(entry, [entry])
    known = [BASE, *library(), *dict.fromkeys(row.scenario for row in company.shocks)]
    for name in names:
        for part in parts(name):
            if part not in known or (part == BASE and name != BASE):
                hint = did_you_mean(part, known)
                raise Stop(EXIT.usage, f"unknown scenario {part!r}{hint}; tandem scenarios lists them")
    twice = [name for wanted in (names, *map(parts, names)) for name in wanted if wanted.count(name) > 1]
    if twice:
        raise Stop(EXIT.usage, f"scenario {twice[0]!r} is asked for twice")
    together = [row for name in names if PLUS in name for row in scenario_rows(company, [name])[name]]
    ensure(replace(company, shocks=company.shocks + tuple(together)))
    return company, [name for name in names if name != BASE]


def _reports(run: Path, folder: Path, lang: Language) -> tuple[Path, Path]:
    from scenarios.report import write_report, write_tables

    folder.mkdir(parents=True, exist_ok=True)
    return write_report(run, folder / f"report-{lang}.html", lang), write_tables(
        run, folder / f"tables-{lang}.xlsx", lang
    )


def _settings() -> None:
    """Of JAX, unless the user has said otherwise: programmes are kept from one call to the next, and XLA is quiet.

    It calls a gradient that takes two minutes to compile an error; what fails is raised as well.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "tandem" / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; no traceback reaches a user."""
    _settings()
    run: Callable[..., object] = typer.main.get_command(app).main
    previous = signal.signal(
        signal.SIGTERM,
        console.ends_with(EXIT.terminated, "stopped; nothing half-written is left, and what is done is kept"),
    )
    try:
        return console.guarded(lambda: run(arguments, prog_name="tandem", standalone_mode=False))
    finally:
        signal.signal(signal.SIGTERM, previous)


if __name__ == "__main__":
    sys.exit(main())
