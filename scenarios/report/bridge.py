"""The bridge of the cash conversion cycle from base to each stress: contributions that sum exactly as printed."""

from dataclasses import dataclass

import numpy as np

from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Row, Table
from scenarios.report.words import Words
from scenarios.stress import BASE

PARTS = ("dio", "dso", "dpo")


@dataclass(frozen=True)
class Bridge:
    """Whole tenths of a day, so that what is printed sums exactly."""

    scenario: str
    base: int
    dio: int  # contribution of more days of inventory
    dso: int
    dpo: int  # of fewer days of payables: the sign is turned
    stress: int
    n: int


def bridges(found: Findings) -> list[Bridge]:
    """One bridge per stress, over the futures in which every ratio exists on both sides."""
    built = []
    base = {part: found.figure(BASE, part) for part in PARTS}
    for scenario in found.stresses:
        stress = {part: found.figure(scenario, part) for part in PARTS}
        good = np.all([np.isfinite(side[part]) for side in (base, stress) for part in PARTS], axis=0)
        if not good.any():
            continue
        old = {part: round(10 * float(base[part][good].mean())) for part in PARTS}
        new = {part: round(10 * float(stress[part][good].mean())) for part in PARTS}
        start, end = cycle(old), cycle(new)
        moved = Bridge(
            scenario,
            start,
            new["dio"] - old["dio"],
            new["dso"] - old["dso"],
            old["dpo"] - new["dpo"],
            end,
            int(good.sum()),
        )
        assert moved.base + moved.dio + moved.dso + moved.dpo == moved.stress
        built.append(moved)
    return built


def cycle(days: dict[str, int]) -> int:
    return days["dio"] + days["dso"] - days["dpo"]


def bridge_table(built: list[Bridge], words: Words) -> Table | None:
    if not built:
        return None
    columns = [
        Column(words("verdict.scenario")),
        Column(words("bridge.base"), "days"),
        Column(words("bridge.dio"), "days", signed=True),
        Column(words("bridge.dso"), "days", signed=True),
        Column(words("bridge.dpo"), "days", signed=True),
        Column(words("bridge.stress"), "days"),
        Column(words("format.n"), "count"),
    ]
    rows = [
        Row([words.scenario(b.scenario), *(x / 10 for x in (b.base, b.dio, b.dso, b.dpo, b.stress)), b.n])
        for b in built
    ]
    return Table("bridge", words("bridge.title"), columns, rows, words("bridge.note"))
