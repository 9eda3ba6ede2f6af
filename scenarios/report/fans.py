"""Cash and headroom day by day as order statistics of all futures."""

from dataclasses import dataclass

import numpy as np

from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Row, Table
from scenarios.report.words import Words

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SERIES = ("cash", "headroom")


@dataclass(frozen=True)
class Fan:
    """Quantiles of a daily series. bands: float64[level, day], currency."""

    scenario: str
    series: str
    bands: np.ndarray


def fan(found: Findings, scenario: str, series: str) -> Fan:
    """Order statistics: every line is a value that some future had on that day."""
    return Fan(scenario, series, found.quantiles(scenario, series, LEVELS))


def all_fans(found: Findings) -> dict[tuple[str, str], Fan]:
    return {(name, series): fan(found, name, series) for name in found.names for series in SERIES}


def fan_table(found: Findings, fans: dict[tuple[str, str], Fan], words: Words) -> Table:
    """The numbers behind the charts, for the workbook."""
    columns = [Column(words("story.date"), "date")]
    for scenario, series in fans:
        columns += [
            Column(
                words(
                    "fan.column",
                    scenario=words.scenario(scenario),
                    series=words(f"fan.{series}"),
                    level=words.share(level),
                ),
                "money",
            )
            for level in LEVELS
        ]
    data = np.concatenate([one.bands for one in fans.values()])
    rows = [Row([day, *map(float, data[:, t])]) for t, day in enumerate(found.dates)]
    return Table("fan", words("fan.title"), columns, rows, words("fan.note", n=f"{len(found.draws):,}"))
