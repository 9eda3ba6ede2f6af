"""The scenario table: what each stress changes against the base case, future by future."""

from scenarios import statistics
from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Kind, Row, Table, Value
from scenarios.report.words import Words
from scenarios.stress import BASE

MONEY: tuple[tuple[str, Kind], ...] = (
    ("survives", "points"),
    ("lowest_cash", "money"),
    ("lowest_headroom", "money"),
    ("peak_revolver", "money"),
    ("revenue_total", "money"),
    ("gross_profit", "money"),
    ("net_profit", "money"),
)
GOODS: tuple[tuple[str, Kind], ...] = (
    ("fill_rate", "points"),
    ("lowest_service", "points"),
    ("refused_total", "money"),
    ("dio", "days"),
    ("dso", "days"),
    ("dpo", "days"),
    ("ccc", "days"),
)


def differences_tables(found: Findings, words: Words) -> list[Table]:
    """Two tables, of money and of goods: the base case as it is, then the paired difference of every stress."""
    return [
        difference_table(found, words, "money", MONEY),
        difference_table(found, words, "goods", GOODS),
    ]


def difference_table(found: Findings, words: Words, key: str, measures: tuple[tuple[str, Kind], ...]) -> Table:
    columns = [Column(words("verdict.scenario"))]
    for name, kind in measures:
        columns.append(Column(words(f"measure.{NAMES.get(name, name)}.name"), kind, signed=True))
    base = [words("differences.base")]
    rows = [Row([*base, *(level(found, name, kind) for name, kind in measures)], "base")]
    for scenario in found.stresses:
        cells = [statistics.paired(found.figure(scenario, name), found.figure(BASE, name)) for name, _ in measures]
        style = "hardest" if scenario == found.hardest else ""
        rows.append(Row([words.scenario(scenario), *cells], style))
    note = words("differences.note", n=f"{len(found.draws):,}")
    return Table(f"differences_{key}", words(f"differences.{key}"), columns, rows, note, wide=True)


NAMES = {"survives": "survival"}


def level(found: Findings, name: str, kind: Kind) -> Value:
    """The base case's own figure, without a sign."""
    sample = found.figure(BASE, name)
    if name == "survives":
        return Value(statistics.probability(sample), "share")
    return Value(statistics.mean(sample), "share" if kind == "points" else kind)
