"""The back-test on one page, for a data scientist and a controller: what was said, what came, how far to trust it."""

from pathlib import Path

import numpy as np
import pandas as pd

from calibration import sheet
from calibration.backtest.judged import Draws, Outcomes, by_horizon, first_week
from calibration.backtest.scores import TARGET, Coverage
from calibration.sheet import BLUE, GREY, INK, ORANGE

LINES = (BLUE, ORANGE, "#009E73", "#CC79A7", GREY)
SAID = {
    "receipts": "cash receipts of the week", "payments": "payments of the week", "cash": "cash at the week's close",
    "payables": "trade payables", "inventory": "inventory at cost", "fill_rate": "share of demand met from stock",
    "demand": "units asked for", "met": "units sold from stock", "takings": "takings of the week, net of VAT",
    "arrivals": "units on order that came in the week",
}  # fmt: skip
NO_MONEY = ("fill_rate", "demand", "met", "arrivals")
FLOWS = ("receipts", "payments", "met", "takings", "arrivals")  # of a week: what accuracy is shown for


def page(
    path: Path, title: str, actual: Outcomes, forecasts: dict[str, Draws], table: pd.DataFrame,
    segments: dict[str, Coverage], note: str = "", unit: float = 100.0, seed: int = 0,
) -> None:  # fmt: skip
    """Write the page beside `path` and rename it into place. The first forecaster is the twin.

    table: of `judge`. segments: coverage by segment. note: a sentence on who stands in the table and who does not.
    unit: what the measures are divided by (cents to currency).
    """
    twin = next(iter(forecasts))
    pits = first_week(actual, forecasts[twin], seed)
    parts = [
        ("What was said and what came", "The band holds 80 of 100 futures; the dots are what happened.",
         fans(actual, forecasts[twin], unit)),
        ("How near it was", "1 is exact; the line at 85 % is the aim. Each week ahead, all origins together.",
         accuracies(actual, forecasts)),
        ("Whether its odds were right", "All bars alike: the odds were right. Piled in the middle: the ranges are too "
         "wide; at both ends: too narrow; to one side: too high or too low.", _pits(pits)),
        ("Where to trust the range", "Share of outcomes inside the 80 % range; the grey bar is what chance allows "
         "at this number of cases.", _segments(segments)),
    ]  # fmt: skip
    body = "".join(sheet.section(heading, words, inside) for heading, words, inside in parts)
    sheet.write(path, title, body + sheet.section("All scores", note, scores(table, unit)))


def fans(actual: Outcomes, draws: Draws, unit: float) -> str:
    """The first week ahead from every origin, in order."""
    figure, axes = sheet.axes(len(draws))
    for axis, (name, said) in zip(axes, draws.items(), strict=True):
        scale = 1.0 if name in NO_MONEY else unit
        sheet.fan(axis, np.arange(1, len(said) + 1), said[:, :, 0].T / scale, actual[name][:, 0] / scale)
        axis.set_title(SAID.get(name, name), fontsize=9)
        axis.set_xlabel("origin", fontsize=8)
        axis.tick_params(labelsize=7)
    return sheet.svg(figure)


def accuracies(actual: Outcomes, forecasts: dict[str, Draws]) -> str:
    shown = [name for name in FLOWS if name in actual]
    figure, axes = sheet.axes(len(shown), 3.0, min(len(shown), 3))
    for axis, measure in zip(axes, shown, strict=True):
        for colour, (name, by_measure) in zip(LINES, forecasts.items(), strict=False):
            if measure in by_measure:
                weeks = by_horizon(actual[measure], by_measure[measure])
                axis.plot(np.arange(1, len(weeks) + 1), weeks, color=colour, label=name)
        axis.axhline(TARGET, color=INK, linewidth=1, linestyle="--")
        axis.set_ylim(0, 1)
        axis.set_title(SAID[measure], fontsize=9)
        axis.set_xlabel("weeks ahead", fontsize=8)
    axes[0].legend(fontsize=7)
    return sheet.svg(figure)


def _pits(pits: dict[str, np.ndarray]) -> str:
    figure, axes = sheet.axes(len(pits), 1.8)
    for axis, (name, values) in zip(axes, pits.items(), strict=True):
        axis.hist(values, bins=10, range=(0, 1), color=BLUE, alpha=0.6)
        axis.axhline(len(values) / 10, color=INK, linewidth=1, linestyle="--")
        axis.set_title(SAID.get(name, name), fontsize=9)
        axis.tick_params(labelsize=7)
    return sheet.svg(figure)


def _segments(segments: dict[str, Coverage]) -> str:
    figure, (axis,) = sheet.axes(1, 0.6 + 0.35 * len(segments), 1)
    for n, c in enumerate(segments.values()):
        sheet.covered(axis, n, c)
        axis.text(1.01, n, f"n = {c.n}", fontsize=8, va="center")
    axis.set_yticks(range(len(segments)), list(segments))
    axis.set_xlim(0, 1)
    return sheet.svg(figure)


def scores(table: pd.DataFrame, unit: float) -> str:
    shown = table.copy()
    money = ~shown["measure"].isin(NO_MONEY)
    for column in ("crps", "pinball"):
        shown.loc[money, column] = shown.loc[money, column] / unit
    for column in ("accuracy", "covers_80", "band_low", "band_high", "closing_error", "skill"):
        shown[column] = [("" if np.isnan(x) else f"{x:.1%}") for x in shown[column]]
    return shown.to_html(index=False, float_format=lambda x: f"{x:,.4g}", border=0)
