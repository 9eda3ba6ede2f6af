"""What a terminal shows: messages, tables, progress bars; and which exit code each kind of failure has."""

import errno
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table


class EXIT(IntEnum):
    """Exit codes (DESIGN.md)."""

    done = 0
    usage = 2
    invalid = 3
    impossible = 4
    ledger = 5
    gate = 6
    memory = 7
    partial = 8
    cannot_write = 74
    again = 75
    interrupted = 130
    terminated = 143


class Stop(Exception):
    """Ends the command with a code and one line for the user."""

    def __init__(self, code: EXIT, message: str) -> None:
        self.code = code
        super().__init__(message)


class Signalled(BaseException):
    """The system asks the command to end. No Exception: nothing on the way may take it for a failure of its own."""

    def __init__(self, code: EXIT, message: str) -> None:
        self.code = code
        super().__init__(message)


def ends_with(code: EXIT, message: str) -> Callable[[int, FrameType | None], NoReturn]:
    """A signal handler that drops what is being done and ends the command with a code."""

    def handler(signum: int, frame: FrameType | None) -> NoReturn:
        raise Signalled(code, message)

    return handler


@contextmanager
def checkpointing(scheduled: bool) -> Iterator[None]:
    """SIGUSR1 drops the block at work and exits 75, "run me again"; so does SIGTERM where a scheduler sends it."""
    signals = [name for name in ("SIGUSR1", "SIGTERM" if scheduled else "") if hasattr(signal, name)]
    handler = ends_with(EXIT.again, "stopped; what is done is kept, run the same command again")
    before = {name: signal.signal(getattr(signal, name), handler) for name in signals}
    try:
        yield
    finally:
        for name, old in before.items():
            signal.signal(getattr(signal, name), old)


def _out() -> Console:
    return Console(soft_wrap=True, highlight=False, markup=False)


def _error() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def say(message: str) -> None:
    _out().print(message)


def warn(message: str) -> None:
    _error().print(f"warning: {message}", style="yellow")


def company(path: Path) -> Any:
    """The company of a folder or workbook; what its tables are warned of is said."""
    from twin.tables.read import read

    found = read(path)
    for warning in found.warnings:
        warn(str(warning))
    return found.company


def table(headings: list[str], rows: list[list[str]]) -> None:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    # a file or a pipe has no width: little is folded there
    width = None if _out().is_terminal else 200
    Console(highlight=False, markup=False, width=width).print(shown)


def card(one: Any, lang: str) -> None:
    """A scenario of the library with all that is known of it."""
    rows = [["title", one.title[lang]], ["story", one.story[lang]]]
    rows += [["shock", line] for line in one.parameters]
    rows += [
        ["severity from", f"{one.source['kind']}: {one.source[lang]}"],
        ["resembles", one.resembles[lang]],
        ["how rare", f"once in {one.once_in:g} years, judged"],
    ]
    table([one.name, ""], rows)


def guarded(command: Callable[[], object]) -> int:
    """The exit code of a command; what went wrong is said in the user's words."""
    try:
        code = command()
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]  # click's method, not in Typer's types
        return int(EXIT.usage)
    except (typer.Abort, KeyboardInterrupt):
        code = EXIT.interrupted
    except (Stop, Signalled) as stop:
        return _failed(stop.code, str(stop))
    except Exception as error:
        return _failed(*explained(error))
    if code == EXIT.interrupted:
        return _failed(EXIT.interrupted, "interrupted; nothing half-written is left, and what is done is kept")
    return code if isinstance(code, int) else int(EXIT.done)


def explained(error: Exception) -> tuple[EXIT, str]:
    """The exit code and the user's words for a failure. Imports late: `--help` needs none of this."""
    from scenarios.posterior import Blocked, NoPosterior, Short
    from scenarios.report import NoRun, NotTied
    from scenarios.run import Impossible, Partial, Unfinished
    from scenarios.store import OutputExists
    from scenarios.sweep.board import OtherPlan
    from scenarios.sweep.executors import TimeUp
    from scenarios.sweep.lease import Held
    from scenarios.sweep.machine import Mixed, NoDevice
    from scenarios.sweep.ray_workers import NoRay
    from scenarios.sweep.sealed import Damaged
    from scenarios.sweep.work import LedgerFault
    from twin.plan import DoesNotFit
    from twin.tables.faults import Faults

    match error:
        case Faults():
            return EXIT.invalid, str(error)
        case NoRun() | NoPosterior():
            return EXIT.invalid, str(error)
        case Short():
            return EXIT.usage, str(error)
        case Blocked():
            return EXIT.gate, str(error)
        case OutputExists():
            return EXIT.usage, f"{error} is there already: give another --out, or remove it"
        case OtherPlan():
            return EXIT.usage, f"{error}; give another --out"
        case Mixed():
            return EXIT.usage, f"begun on another machine or version: {error}; --allow-mixed goes on all the same"
        case NoDevice() | NoRay():
            return EXIT.usage, str(error)
        case Damaged():
            return EXIT.gate, f"{error}; tandem verify says more"
        case Partial():
            return EXIT.partial, str(error)
        case Unfinished() | TimeUp() | Held():
            return EXIT.again, f"{error}; what is done is kept, run the same command again"
        case Impossible():
            return EXIT.impossible, str(error)
        case LedgerFault() | NotTied():
            return EXIT.ledger, f"ledger fault, please report it: {error}"
        case DoesNotFit():
            return EXIT.memory, f"{error}; fewer days, products or stores fit"
        case MemoryError():
            return EXIT.memory, "out of memory: use fewer --draws, products or stores"
        case OSError():
            return EXIT.cannot_write, f"cannot read or write {error.filename or ''}: {error.strerror or error}"
    if "RESOURCE_EXHAUSTED" in str(error):
        return EXIT.memory, "the device is out of memory: use fewer --draws, products or stores"
    return EXIT.ledger, f"a fault in Tandem, please report it with {_log()} ({type(error).__name__})"


def _failed(code: EXIT, message: str) -> int:
    _error().print(message, style="red")
    return int(code)


def _log() -> Path:
    """The traceback, for whoever mends it, in a file of its own."""
    path = Path(f"tandem-fault-{datetime.now():%Y%m%d-%H%M%S}.log")
    try:
        path.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        sys.stderr.write("(the log could not be written)\n")
    return path


def empty_folder(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Stop(EXIT.usage, f"{path} is there already: name a folder that does not exist or is empty")


def writable(path: Path) -> None:
    """Find out before hours of work."""
    above = next(parent for parent in path.resolve().parents if parent.exists())
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(above))


def next_free(path: Path) -> Path:
    """path, or path-2, path-3, .. : what is there may have been edited."""
    tries = (path if n == 1 else path.with_name(f"{path.name}-{n}") for n in range(1, 10_000))
    return next(x for x in tries if not x.exists())


_COLUMNS = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())


class Bars:
    """One bar for the stocking-point-days of a run, with their speed; lines where there is no terminal."""

    def __init__(self) -> None:
        self._console = _error()
        self._bars = Progress(*_COLUMNS, TextColumn("{task.fields[speed]}"), console=self._console, transient=True)
        self._all = self._bars.add_task("beginning", total=None, speed="")
        self._label = ""

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def progress(self, tally: Any) -> None:
        compiling = not tally.done
        words = f"{tally.label} (compiling first)" if compiling else tally.label
        speed = "" if compiling else f"{tally.rate / 1e6:.2f} M point-days/s, {_left(tally.seconds_left)} left"
        self._bars.update(
            self._all, completed=tally.point_days_done, total=tally.point_days, description=words, speed=speed
        )
        if tally.label != self._label and not self._console.is_terminal:
            self._console.print(f"{tally.seconds:6.1f} s  {tally.done + 1} of {tally.tasks}: {words}  {speed}")
        self._label = tally.label

    def finished(self, label: str, figures: dict[str, Any]) -> None:
        """First figures are shown as soon as they are there."""
        from scenarios import statistics

        cash = statistics.mean(figures["lowest_cash"])
        self._bars.console.print(
            f"first figures: base case survives in {_percent(statistics.probability(figures['survives']))} "
            f"of {len(figures['survives']):,} futures, fill rate {_percent(statistics.mean(figures['fill_rate']))}, "
            f"lowest cash on average {cash.value:,.0f} [{cash.low:,.0f}, {cash.high:,.0f}]"
        )


@contextmanager
def working() -> Iterator[Callable[[str], None]]:
    """A line on the terminal that says what is being done; it goes away with it. Nothing where there is no terminal."""
    with _error().status("compiling") as line:
        yield line.update


@contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """A bar of steps done and steps in all, one after the other by what is done; lines where there is no terminal."""
    errors = _error()
    with Progress(*_COLUMNS, console=errors, transient=True) as bars:
        bar = bars.add_task("compiling first", total=None)
        shown = ""

        def progress(what: str, done: int, total: int) -> None:
            nonlocal shown
            bars.update(bar, description=what, completed=done, total=total)
            if what != shown and not errors.is_terminal:
                errors.print(f"{what}: {total:,} steps")
            shown = what

        yield progress


def _left(seconds: float | None) -> str:
    return "?" if seconds is None else f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02}"


def verdicts(run: Path) -> None:
    """One row per scenario of a finished run."""
    from scenarios import statistics, store

    data = store.joint(run)
    rows = []
    for name in data.scenario.values:
        one = data.sel(scenario=name)
        survival = statistics.probability(one.survives.values)
        cash = statistics.mean(one.lowest_cash.values)
        week = int(one.lowest_cash_day.median()) // 7 + 1
        service = statistics.mean(one.lowest_service.values)
        rows.append([
            str(name),
            _percent(survival),
            f"{cash.value:,.0f} [{cash.low:,.0f}, {cash.high:,.0f}]",
            f"{week}",
            _first_breach(one),
            _percent(service),
        ])  # fmt: skip
    unit = data.lowest_cash.attrs["units"]
    headings = ["scenario", "survival", f"lowest cash ({unit}, mean)", "week", "first covenant breached"]
    table([*headings, "lowest weekly service (mean)"], rows)
    say(f"[95 % interval]; n = {data.sizes['draw']:,}")


def _percent(figure: Any) -> str:
    """A share and its interval."""
    return f"{100 * figure.value:.1f} % [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def _first_breach(one: Any) -> str:
    """The covenant that is breached first in most futures, and in how many."""
    from scenarios import statistics

    breached = one.covenant.values[one.covenant.values >= 0].astype(int)
    if not len(breached):
        return "none"
    most = max(set(breached.tolist()), key=breached.tolist().count)
    name = str(one.attrs["covenants"][most])
    return f"{name}: {_percent(statistics.probability(one.covenant.values == most))} of futures"


def left_out(run: Path) -> None:
    """Say which cases a report lacks because they failed."""
    from scenarios.store import read_manifest

    missing = read_manifest(run)["left_out"]
    if missing:
        warn(f"left out, because a part of it failed: {', '.join(missing)}; tandem status {run} says why")


def a_run(run: Path) -> None:
    """Raises NoRun where a folder holds none."""
    from scenarios.report import NoRun
    from scenarios.store import PLAN

    if not (run / PLAN).is_file():
        raise NoRun(f"{run} holds no run: {PLAN} is missing")


def standing(run: Path) -> Any:
    """Show how far a run is, and return it."""
    from scenarios.sweep.verify import standing as stands

    a_run(run)
    found = stands(run)
    rows = [["plan", f"{found.plan.hash[:16]}, {len(found.plan.cases)} cases, {found.plan.draws:,} futures each"]]
    rows += [[f"tasks {state}", f"{count:,}"] for state, count in sorted(found.tasks.items())]
    rows += [["work done", f"{found.seconds:,.0f} s"], ["complete", "yes" if found.complete else "no"]]
    rows += [[f"made on {device}", f"{count:,} tasks"] for device, count in found.devices.items()]
    rows += [["mixed", "yes: more than one device or version took part"]] * found.mixed
    rows += [[f"failed: {task}", error] for task, error in found.failed.items()]
    table(["what", "found"], rows)
    return found
