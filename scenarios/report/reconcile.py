"""The base case against the last twelve months, line by line, and whether it is close enough to be believed."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from scenarios import statistics
from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Kind, Row, Table, Value
from scenarios.report.words import Words
from scenarios.stress import BASE

MONTHS = 12
YEAR = 365.0
RELATIVE_MOST = 0.05  # of sales and of gross margin
DAYS_MOST = 5.0  # of DIO, DSO and DPO
# Cost of sales is account 5000 alone; what is lost or written down stands with the expenses.
EXPENSE_LINES = ("stock_losses", "logistics", "operating_expenses")
State = Literal["none", "yes", "no"]


@dataclass(frozen=True)
class Side:
    """One side of the comparison: flows of a year, average balances; per future, or of the statements."""

    revenue: np.ndarray
    cost: np.ndarray
    expenses: np.ndarray
    stock: np.ndarray
    receivables: np.ndarray
    payables: np.ndarray

    def lines(self) -> dict[str, tuple[np.ndarray, Kind]]:
        """Every line of the comparison. Days on net revenue and on cost of sales, as filings state them."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "revenue": (self.revenue, "money"),
                "cost": (self.cost, "money"),
                "margin": (self.revenue - self.cost, "money"),
                "margin_share": ((self.revenue - self.cost) / self.revenue, "share"),
                "expenses": (self.expenses, "money"),
                "dio": (YEAR * self.stock / self.cost, "days"),
                "dso": (YEAR * self.receivables / self.revenue, "days"),
                "dpo": (YEAR * self.payables / self.cost, "days"),
            }


def statements_side(found: Findings) -> tuple[Side, int] | None:
    """The last twelve months of the statements as one year, and how many months there were."""
    rows = sorted(found.company.statements, key=lambda row: row.month)[-MONTHS:]
    if not rows:
        return None
    days = sum(month_days(row.month) for row in rows)

    def year(name: str) -> np.ndarray:
        return np.array([sum(float(getattr(row, name)) for row in rows) * YEAR / days])

    def average(name: str) -> np.ndarray:
        return np.array([sum(float(getattr(row, name)) for row in rows) / len(rows)])

    side = Side(
        year("revenue"),
        year("cost_of_sales"),
        year("expenses"),
        average("stock"),
        average("receivables"),
        average("payables"),
    )
    return side, len(rows)


def month_days(first: date) -> int:
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return (following - date(first.year, first.month, 1)).days


def base_side(found: Findings) -> Side:
    """The base case as one year, per future; balances at month ends as in statements, else of every close."""
    scale = YEAR / len(found.dates)

    def year(*names: str) -> np.ndarray:
        return np.asarray(sum(found.figure(BASE, f"total_{name}") for name in names) * scale)

    def average(name: str) -> np.ndarray:
        return found.figure(BASE, f"month_end_{name}")

    return Side(
        year("revenue"),
        -year("cost_of_sales"),
        -year(*EXPENSE_LINES),
        average("inventory"),
        average("receivables"),
        average("payables"),
    )


def beyond(line: str, given: float, simulated: float) -> bool | None:
    """Whether a line is further off than allowed; None for lines that are shown only."""
    if line in ("revenue", "margin"):
        return not abs(simulated - given) <= RELATIVE_MOST * abs(given)
    if line in ("dio", "dso", "dpo"):
        return not abs(simulated - given) <= DAYS_MOST
    return None


def reconciled(found: Findings) -> tuple[State, list[str]]:
    """none without statements; else yes, or no with the lines that are off."""
    given = statements_side(found)
    if given is None:
        return "none", []
    simulated = base_side(found).lines()
    off = [
        line
        for line, (value, _) in given[0].lines().items()
        if beyond(line, float(value[0]), float(np.nanmean(simulated[line][0])))
    ]
    return ("no" if off else "yes"), off


def reconcile_table(found: Findings, words: Words) -> Table | None:
    """Line by line: statements, base case with its interval, difference, what is allowed, whether it is met."""
    given = statements_side(found)
    if given is None:
        return None
    side, months = given
    simulated = base_side(found).lines()
    columns = [
        Column(words("reconcile.line")),
        Column(words("reconcile.statements"), "number"),
        Column(words("reconcile.base"), "number"),
        Column(words("reconcile.difference"), "number", signed=True),
        Column(words("reconcile.allowed")),
        Column(words("reconcile.result")),
    ]
    rows = []
    for line, (value, kind) in side.lines().items():
        estimate = statistics.mean(simulated[line][0])
        far = beyond(line, float(value[0]), estimate.value)
        share = kind == "share"
        cells = [
            words(f"reconcile.lines.{line}", unit=words.unit),
            Value(float(value[0]), kind),
            Value(estimate, kind),
            Value(estimate.value - float(value[0]), "points" if share else kind, signed=True),
            allowed(line, words),
            words("format.nothing") if far is None else words(f"reconcile.{'off' if far else 'met'}"),
        ]
        rows.append(Row(cells, "off" if far else ""))
    note = words("reconcile.note", months=months, days=len(found.dates), n=f"{len(found.draws):,}")
    return Table("reconcile", words("reconcile.title"), columns, rows, note)


def allowed(line: str, words: Words) -> str:
    if line in ("revenue", "margin"):
        return words("reconcile.within_share", share=words("format.share", value=f"{100 * RELATIVE_MOST:g}"))
    if line in ("dio", "dso", "dpo"):
        return words("reconcile.within_days", days=f"{DAYS_MOST:g}")
    return words("format.nothing")
