"""The figures of a run as tables in the terminal."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.beside import Beside
from bench.ceilings import Ceilings, Counts
from bench.engines import ABSENT
from bench.matrix import Row
from bench.scaling import WHY
from bench.targets import Target

console = Console(highlight=False, width=None if Console().is_terminal else 150)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", overflow="fold")
    return table


def head(machine: dict[str, Any]) -> None:
    libraries = ", ".join(f"{name} {found}" for name, found in machine["versions"].items())
    console.print(f"{machine['processor']}, {machine['cores']} cores, {machine['device']}, load "
                  f"{machine['load_before']} before; Python {machine['python']}, {libraries}; "
                  f"commit {machine['commit']}, {machine['date']}")  # fmt: skip
    absent = [f"{name} (extras bench and peers bring it)" for name in machine["absent"]] + ABSENT
    if absent:
        console.print(f"absent: {', '.join(absent)}")


def targets(rows: Iterable[Target]) -> None:
    table = _table("How we know", "target", "aim", "figure", "by processor time", "", "note")
    for row in rows:
        figure = "" if row.ratio is None else f"{row.ratio:.2f}x"
        processor = "" if row.by_processor is None else f"{row.by_processor:.2f}x"
        met = {None: "", True: "met", False: "MISSED"}[row.met]
        table.add_row(row.name, row.target, figure, processor, met, row.note)
    console.print(table)


def speeds(found: dict[str, Any]) -> None:
    table = _table("Contenders, by turns", "", "M point-days/s", "quartiles", "M per processor second")
    for name, figures in found.items():
        wall, processor = figures["per_second"], figures["per_processor_second"]
        table.add_row(name, f"{wall['median'] / 1e6:.2f}", f"{wall['q1'] / 1e6:.2f} - {wall['q3'] / 1e6:.2f}",
                      f"{processor['median'] / 1e6:.2f}")  # fmt: skip
    console.print(table)


def agreement(found: dict[str, Any]) -> None:
    wrong = [name for name, same in found["same"].items() if not same]
    same = ", ".join(found["same"])
    text = f"DIFFER: {', '.join(wrong)}" if wrong else f"equal to the unit and the cent: {same}"
    console.print(f"twin and day by hand: {text}; fill rate {found['fill rate']:.4f}")


def ceilings(machine: Ceilings, asked: Counts) -> None:
    console.print(f"ceilings: memory triad {machine.bytes_per_second / 1e9:.1f} GB/s, arithmetic "
                  f"{machine.operations_per_second / 1e9:.0f} G float64 operations/s; the whole day asks for "
                  f"{asked.operations:.0f} operations and {asked.bytes:.0f} bytes a stocking-point-day")  # fmt: skip


def beside(rows: Iterable[Beside], expected: float) -> None:
    table = _table(f"One location, base stock (mean stock on hand {expected:.2f} in closed form)",
                   "", "M periods per processor second", "mean stock on hand")  # fmt: skip
    for row in rows:
        if row.periods_per_processor_second is None or row.held is None:
            table.add_row(row.name, row.absent or "", "")
        else:
            table.add_row(row.name, f"{row.periods_per_processor_second / 1e6:.4f}", f"{row.held:.2f}")
    console.print(table)


def matrix(rows: Iterable[Row]) -> None:
    table = _table("Forward and gradient, one year", "", "M point-days/s", "seconds", "compile s", "peak MiB")
    for row in sorted(rows, key=lambda row: (row.cell.kind, row.cell.store_products, row.cell.futures)):
        if row.skipped:
            table.add_row(row.cell.name, "skipped", row.skipped)
        else:
            table.add_row(row.cell.name, f"{row.speed / 1e6:.2f}", f"{row.seconds:.2f}", f"{row.compiling:.1f}",
                          f"{row.memory / 2**20:.0f}")  # fmt: skip
    console.print(table)


def scaling(found: dict[str, Any]) -> None:
    table = _table("Nanoseconds a point-day as one thing grows", "", "length: nanoseconds", "exponent at the far end")
    for name, row in found.items():
        each = row["nanoseconds_per_point_day"].items()
        text = ", ".join(f"{at}: {ns:.0f}" if isinstance(ns, float) else f"{at}: {ns}" for at, ns in each)
        table.add_row(name, text, "" if row["exponent"] is None else f"{row['exponent']:.2f}")
    console.print(table)
    console.print(WHY)


def say(text: str) -> None:
    console.print(text)
