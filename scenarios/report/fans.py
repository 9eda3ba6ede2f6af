"""Cash and headroom day by day as order statistics of all futures."""

from dataclasses import dataclass

import numpy as np

from scenarios import statistics
from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Row, Table
from scenarios.report.words import Words

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
MIDDLE = 0.5  # the middle future, which is drawn however few there are
SERIES = ("cash", "headroom")


@dataclass(frozen=True)
class Fan:
    """Quantiles of a daily series. bands: float64[level, day], currency; NaN for levels that n cannot support."""

    scenario: str
    series: str
    bands: np.ndarray


def fan(found: Findings, scenario: str, series: str) -> Fan:
    """Order statistics: every line is a value that some future had on that day."""
    known = [level in supported_levels(len(found.draws)) for level in LEVELS]
    bands = found.quantiles(scenario, series, LEVELS)
    return Fan(scenario, series, np.where(np.array(known)[:, None], bands, np.nan))


def supported_levels(n: int) -> list[float]:
    """The levels whose order statistic has an interval from n futures."""
    return [level for level in LEVELS if level == MIDDLE or n >= statistics.needed(level)]


def all_fans(found: Findings) -> dict[tuple[str, str], Fan]:
    return {(name, series): fan(found, name, series) for name in found.names for series in SERIES}


def fan_table(found: Findings, fans: dict[tuple[str, str], Fan], words: Words) -> Table:
    """The numbers behind the charts, for the workbook."""
    columns, levels = [Column(words("story.date"), "date")], supported_levels(len(found.draws))
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
            for level in levels
        ]
    kept = [place for place, level in enumerate(LEVELS) if level in levels]
    data = np.concatenate([one.bands[kept] for one in fans.values()])
    rows = [Row([day, *map(float, data[:, t])]) for t, day in enumerate(found.dates)]
    return Table("fan", words("fan.title"), columns, rows, note(found, words))


def note(found: Findings, words: Words) -> str:
    """What the bands are, and which of them are missing."""
    said = words("fan.note", n=f"{len(found.draws):,}")
    return " ".join(filter(None, [said, missing(found, words)]))


def missing(found: Findings, words: Words) -> str:
    """That n futures do not support every band, and what would; '' where they do."""
    outer, inner = (statistics.needed(level) for level in LEVELS[:2])
    return words("fan.too_few", outer=outer, inner=inner) if len(found.draws) < outer else ""
