"""Pictures of the strategy team's answers: how rare two shocks together are and where they break the line; what
resilience costs.
"""

from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from scipy import stats

from scenarios.report import charts
from scenarios.report.charts import GREY, INK, VERMILION
from scenarios.report.words import Words
from scenarios.statistics import Estimate

YEARS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
# Dark is what happens often. Lightness alone carries it, so it survives a grey print.
RARE = LinearSegmentedColormap.from_list("rare", ["#7FB3D5", "#FFFFFF"])
FINE = 121  # places along each axis
LABEL = 40  # letters in a line beside the picture


def rarity(answer: dict[str, Any], words: Words, key: str, title: str) -> str:
    """Filled contours of distance over the severities of two shocks, as years, and the line of breach on them.

    The line joins the places where the line first breaks along rays from no shock at all; a gap is where it does not.
    """
    found = answer["contour"]
    sigma = np.array([one["sigma"] for name in found["axes"] for one in answer["prior"] if one["axis"] == name])
    far = float(stats.norm.isf(1 / answer["rarest"]))
    breach = np.array([[np.nan, np.nan] if point is None else point for point in found["severity"]])
    one, other = (np.linspace(0, 1.08 * far * scale, FINE) for scale in sigma)
    z = np.stack(np.meshgrid(one / sigma[0], other / sigma[1]), axis=-1)
    distance = np.sqrt(np.einsum("...i,ij,...j", z, np.array(found["metric"]), z))
    years = [year for year in YEARS if year <= answer["rarest"]]
    levels = [float(stats.norm.isf(1 / year)) for year in years]
    with charts.drawing(9.8, 4.2) as figure:
        axes = figure.subplots()
        axes.grid(visible=False)
        axes.contourf(one, other, distance, levels=[*levels, far + 1], cmap=RARE)
        lines = axes.contour(one, other, distance, levels=levels[1:], colors=GREY, linewidths=0.6)
        text = {
            level: words("strategy.reverse.years", years=f"{year:,}") for level, year in zip(levels, years, strict=True)
        }
        axes.clabel(lines, fmt=text, fontsize=7.5)
        axes.plot(*breach.T, color=VERMILION, linewidth=2, marker="o", markersize=3)
        for family in answer["families"]:
            if set(family["axes"]) <= set(found["axes"]):
                at = tuple(family["severity"].get(name, 0.0) for name in found["axes"])
                axes.plot(*at, marker="D", color=INK, markersize=6, clip_on=False)
                axes.annotate(f"{family['distance']:.2f}", at, (6, 5), textcoords="offset points", fontsize=8.5)
        axes.set_xlim(0, one[-1])
        axes.set_ylim(0, other[-1])
        axes.set_xlabel(words("strategy.reverse.axis", scenario=words.scenario(found["axes"][0])))
        axes.set_ylabel(fill(words("strategy.reverse.axis", scenario=words.scenario(found["axes"][1])), LABEL))
        return charts.inline(figure, key, title)


def frontier(answer: dict[str, Any], words: Words, key: str, title: str) -> str:
    """Every action and combination by what it costs and what it gains, with 95 % intervals; the frontier as a line."""
    unit = words.display_unit
    cost, gain = ([Estimate(*one[name]) for one in answer["actions"]] for name in ("spent", "liquidity"))
    both = zip(cost, gain, answer["actions"], strict=True)
    efficient = sorted((c.value / unit, g.value / unit) for c, g, one in both if one["efficient"])
    with charts.drawing(9.8, 3.6) as figure:
        axes = figure.subplots()
        axes.plot(*np.array(efficient).T, color=charts.BLUE, linewidth=1.6)
        for number, (c, g, one) in enumerate(zip(cost, gain, answer["actions"], strict=True), 1):
            colour = charts.BLUE if one["efficient"] else GREY
            axes.plot(np.array([c.low, c.high]) / unit, [g.value / unit] * 2, color=colour, linewidth=1)
            axes.plot([c.value / unit] * 2, np.array([g.low, g.high]) / unit, color=colour, linewidth=1)
            axes.plot(c.value / unit, g.value / unit, marker="o", color=colour, markersize=5)
            axes.annotate(str(number), (c.value / unit, g.value / unit), (5, 4), textcoords="offset points",
                          fontsize=8.5)  # fmt: skip
        axes.axhline(0, color=INK, linewidth=0.8)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(charts.amounts(words))
        axes.set_xlabel(words("format.heading", name=words("strategy.actions.spent"), unit=words.unit))
        axes.set_ylabel(fill(words("format.heading", name=words("strategy.actions.liquidity"), unit=words.unit), LABEL))
        return charts.inline(figure, key, title)
