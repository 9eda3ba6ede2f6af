"""The 13-week cash table of one named future: opening + lines = closing, to the cent, or no report."""

from dataclasses import dataclass

import numpy as np

from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Row, Table, Value
from scenarios.report.words import CASH_ACCOUNT, Words
from scenarios.stress import BASE
from twin.record import CASH_LINES, FINANCING, INVESTING, OPERATING

WEEKS = 13


class NotTied(Exception):
    """Opening cash and the lines of the cash flow do not give closing cash: the results are damaged."""


@dataclass(frozen=True)
class CashWeeks:
    """One future by week, in whole cents."""

    opening: np.ndarray  # int64[week]
    lines: dict[str, np.ndarray]  # int64[week] each
    closing: np.ndarray  # int64[week]
    headroom: np.ndarray  # int64[week]: cash and undrawn line at the close

    @property
    def check(self) -> np.ndarray:
        return self.opening + sum(self.lines.values()) - self.closing


def cents(series: np.ndarray) -> np.ndarray:
    """Currency units of a record, which were whole cents, as whole cents again."""
    return np.rint(np.asarray(series, float) * 100).astype(np.int64)


def cash_weeks(found: Findings, scenario: str) -> CashWeeks:
    """The first 13 weeks of the middle future, or as many as there are. Raises NotTied."""
    weeks = min(WEEKS, len(found.dates) // 7)
    last = 7 * np.arange(1, weeks + 1) - 1
    close = cents(found.path(scenario, "cash"))
    start = sum(round(100 * row.amount) for row in found.company.opening if row.account == CASH_ACCOUNT)
    lines = {}
    for name in CASH_LINES:
        daily = cents(found.path(scenario, f"cash_{name}"))[: 7 * weeks]
        lines[name] = daily.reshape(weeks, 7).sum(axis=1)
    closing = close[last]
    opening = np.concatenate([[start], closing[:-1]]).astype(np.int64)
    headroom = cents(found.path(scenario, "headroom"))[last]
    table = CashWeeks(opening, lines, closing, headroom)
    if table.check.any():
        week = int(np.argmax(table.check != 0)) + 1
        raise NotTied(f"{scenario}, week {week}: cash is {int(table.check[week - 1]) / 100:.2f} off its lines")
    return table


def weeks_table(found: Findings, words: Words, scenario: str) -> Table:
    """A column per week and one for all of them; a last row that must be zero."""
    table = cash_weeks(found, scenario)
    weeks = len(table.closing)
    columns = [Column(words("weeks.line"))]
    columns += [
        Column(words.week_number(7 * i), "exact", note=words.week_start(7 * i, found.dates)) for i in range(weeks)
    ]
    columns.append(Column(words("weeks.total"), "exact"))

    def row(label: str, values: np.ndarray, total: int, style: str = "") -> Row:
        return Row([label, *(int(x) / 100 for x in values), total / 100], style)

    def flow(names: tuple[str, ...], label: str) -> list[Row]:
        found_rows = [row(words(f"cash_line.{x}"), table.lines[x], int(table.lines[x].sum())) for x in names]
        together = np.sum([table.lines[x] for x in names], axis=0)
        return [*found_rows, row(label, together, int(together.sum()), "subtotal")]

    checked = [int(x) / 100 for x in (*table.check, table.check.sum())]
    rows = [
        row(words("weeks.opening"), table.opening, int(table.opening[0]), "total"),
        *flow(OPERATING, words("weeks.operating")),
        *flow(INVESTING, words("weeks.investing")),
        *flow(FINANCING, words("weeks.financing")),
        row(words("weeks.closing"), table.closing, int(table.closing[-1]), "total"),
        Row([words("weeks.check"), *(Value(x, "number") for x in checked)], "check"),
        row(words("weeks.headroom"), table.headroom, int(table.headroom[-1])),
    ]
    key = "weeks_base" if scenario == BASE else "weeks_stress"
    title = words("weeks.title", scenario=words.scenario(scenario), draw=found.middle)
    return Table(key, title, columns, rows, words("weeks.note"), wide=True)
