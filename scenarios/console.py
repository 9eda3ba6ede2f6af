"""What a terminal shows: messages, tables, progress bars; and which exit code each kind of failure has."""

import errno
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
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
    interrupted = 130
    terminated = 143


class Stop(Exception):
    """Ends the command with a code and one line for the user."""

    def __init__(self, code: EXIT, message: str) -> None:
        self.code = code
        super().__init__(message)


def _out() -> Console:
    return Console(soft_wrap=True, highlight=False, markup=False)


def _error() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def say(message: str) -> None:
    _out().print(message)


def warn(message: str) -> None:
    _error().print(f"warning: {message}", style="yellow")


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
    except Stop as stop:
        return _failed(stop.code, str(stop))
    except Exception as error:
        return _failed(*explained(error))
    if code == EXIT.interrupted:
        return _failed(EXIT.interrupted, "interrupted; nothing half-written is left")
    return code if isinstance(code, int) else int(EXIT.done)


def explained(error: Exception) -> tuple[EXIT, str]:
    """The exit code and the user's words for a failure. Imports late: `--help` needs none of this."""
    from scenarios.report import NoRun, NotTied
    from scenarios.run import Impossible, LedgerFault
    from scenarios.store import OutputExists
    from twin.tables.faults import Faults

    match error:
        case Faults():
            return EXIT.invalid, str(error)
        case NoRun():
            return EXIT.invalid, str(error)
        case OutputExists():
            return EXIT.usage, f"{error} is there already: give another --out, or remove it"
        case Impossible():
            return EXIT.impossible, str(error)
        case LedgerFault() | NotTied():
            return EXIT.ledger, f"ledger fault, please report it: {error}"
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
    """Find out before hours of work: the results' folder must be new."""
    from scenarios.store import OutputExists

    if path.exists():
        raise OutputExists(str(path))
    above = next(parent for parent in path.resolve().parents if parent.exists())
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(above))


def next_free(path: Path) -> Path:
    """path, or path-2, path-3, .. : what is there may have been edited."""
    tries = (path if n == 1 else path.with_name(f"{path.name}-{n}") for n in range(1, 10_000))
    return next(x for x in tries if not x.exists())


class Bars:
    """One bar for all cases of a run, one for the futures of the present case; lines where there is no terminal."""

    def __init__(self) -> None:
        self._console = _error()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
        self._all = self._bars.add_task("cases", total=None)
        self._one = self._bars.add_task("compiling", total=None)
        self._began, self._label = time.monotonic(), ""

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def progress(self, number: int, total: int, done: int, draws: int, label: str) -> None:
        compiling = number == 0 and done == 0
        self._bars.update(self._all, completed=number, total=total)
        words = f"{label} (compiling first)" if compiling else label
        self._bars.update(self._one, completed=done, total=draws, description=words)
        if label != self._label and not self._console.is_terminal:
            seconds = time.monotonic() - self._began
            self._console.print(f"{seconds:6.1f} s  {number + 1} of {total}: {words}, {draws:,} futures")
        self._label = label

    def finished(self, label: str, figures: dict[str, Any]) -> None:
        """First figures are shown as soon as they are there."""
        if label == "base, joint":
            seconds = time.monotonic() - self._began
            survives = 100 * float(figures["survives"].mean())
            self._bars.console.print(
                f"first figures after {seconds:.0f} s: base case survives in {survives:.1f} % of "
                f"{len(figures['survives']):,} futures, fill rate {100 * float(figures['fill_rate'].mean()):.1f} %, "
                f"lowest cash on average {float(figures['lowest_cash'].mean()):,.0f}"
            )


def verdicts(run: Path) -> None:
    """One row per scenario of a finished run."""
    from scenarios import statistics, store

    data = store.read(run, "joint").load()
    rows = []
    for name in data.scenario.values:
        one = data.sel(scenario=name)
        survival = statistics.probability(one.survives.values)
        week = int(one.lowest_cash_day.median()) // 7 + 1
        service = float(one.lowest_service.mean())
        rows.append([
            str(name),
            f"{100 * survival.value:.1f} % [{100 * survival.low:.1f}, {100 * survival.high:.1f}]",
            f"{float(one.lowest_cash.mean()):,.0f}",
            f"{week}",
            _first_breach(one),
            f"{100 * service:.1f} %",
        ])  # fmt: skip
    unit = data.lowest_cash.attrs["units"]
    headings = ["scenario", f"survival [95 % interval, n = {data.sizes['draw']:,}]", f"lowest cash ({unit}, mean)"]
    table([*headings, "week", "first covenant breached", "lowest weekly service (mean)"], rows)


def _first_breach(one: Any) -> str:
    """The covenant that is breached first in most futures, and in how many."""
    breached = one.covenant.values[one.covenant.values >= 0].astype(int)
    if not len(breached):
        return "none"
    most = max(set(breached.tolist()), key=breached.tolist().count)
    name = str(one.covenant_name.values[most])
    return f"{name} ({100 * (breached == most).sum() / one.sizes['draw']:.0f} % of futures)"
