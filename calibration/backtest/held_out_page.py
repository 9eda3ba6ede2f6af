"""The page of the weeks kept from a fit: what was said of them, what came, and where its ranges hold."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from calibration import sheet
from calibration.backtest.judged import Draws, Outcomes
from calibration.backtest.page import NO_MONEY, SAID, accuracies, scores
from calibration.inference.gates import Gate
from calibration.report.history import WEEK, Segment
from calibration.report.page import coverage_bars, coverage_table, gate_table, pit_bars

CENTS = 100.0


def page(
    path: Path, title: str, origins: Sequence[np.datetime64], actual: Outcomes, forecasts: dict[str, Draws],
    table: pd.DataFrame, pits: np.ndarray, segments: dict[str, Segment], gates: list[Gate], words: str,
) -> None:  # fmt: skip
    """Write the page beside `path` and rename it into place. The first forecaster is the fit.

    actual (origin, week) and forecasts (origin, draw, week) by measure; table: of `judge`; pits: of hidden cells,
    segments: their coverage; gates: of coverage; words: a sentence on the fits.
    """
    failed = [gate for gate in gates if not gate.passed]
    verdict = "Its ranges hold what they should."
    if failed:
        off = "; ".join(f"{gate.name} {gate.figure:.1%}, at most {gate.limit:.1%} ({gate.remedy})" for gate in failed)
        verdict = f"Its ranges are not to be trusted as they are: {off}."
    parts = [
        ("May its ranges be trusted?", "", sheet.paragraph(verdict) + sheet.paragraph(words) + gate_table(
            {"forecast": gates})),
        ("What was said and what came", "From each origin on, the weeks that were hidden: the band holds 80 of 100 "
         "draws, the line is their middle, the dots are what came. What is drawn as demand is cut at the stock that "
         "there was.", _weeks(origins, actual, next(iter(forecasts.values())))),
        ("How near it was", "1 is exact; the line at 85 % is the aim. Each week ahead, all origins together.",
         accuracies(actual, forecasts)),
        ("Whether its odds are right (share of cells)", "All bars inside the grey band: the odds are right. Piled in "
         "the middle: ranges are too wide; at both ends: too narrow; to the left: demand was put too high, to the "
         f"right: too low. Randomised PIT of {int((~np.isnan(pits)).sum()):,} hidden cells, each a day of a store's "
         "item. The grey band is for independent cells; those of a week share its luck.",
         pit_bars(pits[~np.isnan(pits)])),
        ("Where to trust its ranges (share of hidden cells inside)", "Grey is what chance alone allows, 999 times in "
         "1,000, if cells were independent; a red dot is outside.", coverage_bars(segments) + coverage_table(segments)),
        ("All scores", "CRPS and pinball in units or currency a week; skill is beside one of the last weeks taken "
         "again.", scores(table, CENTS)),
    ]  # fmt: skip
    sheet.write(path, title, "".join(sheet.section(*part) for part in parts))


def _weeks(origins: Sequence[np.datetime64], actual: Outcomes, said: Draws) -> str:
    figure, axes = sheet.axes(len(said), 2.8)
    for axis, (name, draws) in zip(axes, said.items(), strict=True):
        scale = 1.0 if name in NO_MONEY else CENTS
        for n, origin in enumerate(origins):
            at = origin + WEEK * np.arange(draws.shape[2])
            sheet.fan(axis, at, draws[n] / scale, actual[name][n] / scale)
            axis.axvline(at[0], color=sheet.GREY, linewidth=0.5)
        axis.set_title(SAID[name], fontsize=9)
        axis.set_ylim(bottom=0)
        axis.tick_params(labelsize=7)
        axis.xaxis.set_tick_params(rotation=30)
    return sheet.svg(figure)
