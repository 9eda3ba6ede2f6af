"""Charts as inline SVG, drawn by matplotlib: no script, no network; words stay text in the reader's own fonts."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from scenarios.report.bridge import Bridge
from scenarios.report.fans import Fan
from scenarios.report.words import Words

# Okabe and Ito's palette: told apart with every common kind of colour blindness, and in grey.
BLUE, GREY, ORANGE, VERMILION, GREEN, PURPLE = "#0072B2", "#6B7280", "#E69F00", "#D55E00", "#009E73", "#CC79A7"
INK, RULE = "#1F2937", "#D7DBE0"
# White is full service; dark is an empty shelf. Lightness alone carries it, so it survives a grey print.
SHELF = LinearSegmentedColormap.from_list(
    "shelf", ["#5A1F02", "#B4460B", "#E8923F", "#F7D9B0", "#FFFFFF"]
).with_extremes(bad="#E5E7EB")
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tandem",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.parse_math": False,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid.axis": "y",
    "axes.grid": True,
    "grid.color": "#E8EBEE",
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


@contextmanager
def drawing(width: float, height: float, *, fitted: bool = True) -> Iterator[Figure]:
    """A figure in our style. Chinese words are measured with a stand-in glyph: they are set by the browser."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(width, height), layout="constrained" if fitted else None)
        FigureCanvasSVG(figure)
        yield figure


def inline(figure: Figure, key: str, title: str) -> str:
    """The figure as an <svg> element: ids made unique by `key`, named for screen readers, as wide as its place."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    root = ElementTree.fromstring(buffer.getvalue())
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id":
                element.set(name, f"{key}-{value}")
            elif name == f"{{{XLINK}}}href" and value.startswith("#"):
                element.set(name, f"#{key}-{value[1:]}")
            elif value.startswith("url(#"):
                element.set(name, f"url(#{key}-{value[5:]}")
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", title)
    return ElementTree.tostring(root, encoding="unicode")


def fan_chart(
    fans: dict[str, tuple[Fan, Fan | None]],
    lines: dict[str, list[tuple[str, float]]],
    dates: Sequence[date],
    shocks: Sequence[tuple[int, int]],
    words: Words,
    key: str,
    title: str,
) -> str:
    """A panel per series: the scenario's fan over the base case's, and the lines that must not be crossed.

    fans: series -> (scenario, base or None); lines: series -> (label, value in currency); shocks: (first, end) days.
    """
    days = np.arange(len(dates))
    with drawing(9.8, 2.95, fitted=False) as figure:
        panels = beside(figure, fans, words)
        for axes, (series, (stress, base)) in zip(np.atleast_1d(panels), fans.items(), strict=True):
            axes.set_title(words("format.heading", name=words(f"fan.{series}"), unit=words.unit), loc="left",
                           fontsize=9.5, fontweight="bold")  # fmt: skip
            if base is not None:
                bands = base.bands / words.display_unit
                axes.fill_between(days, bands[0], bands[4], color=GREY, alpha=0.22, linewidth=0)
                axes.plot(days, bands[2], color=GREY, linewidth=1.1, linestyle=(0, (4, 2)))
            colour = BLUE if base is not None else GREY
            bands = stress.bands / words.display_unit
            axes.fill_between(days, bands[0], bands[4], color=colour, alpha=0.2, linewidth=0)
            axes.fill_between(days, bands[1], bands[3], color=colour, alpha=0.35, linewidth=0)
            axes.plot(days, bands[2], color=colour, linewidth=1.5)
            for label, value in lines.get(series, []):
                limit(axes, label, value / words.display_unit, len(dates))
            top = axes.get_ylim()[1]
            axes.set_ylim(min(axes.get_ylim()[0], 0.0), top)
            for first, end in shocks:
                axes.axvspan(first, min(end, len(dates)), 0, 0.025, color=ORANGE, linewidth=0)
            time_axis(axes, dates, words)
            axes.yaxis.set_major_formatter(amounts(words))
        return inline(figure, key, title)


def beside(figure: Figure, fans: dict[str, tuple[Fan, Fan | None]], words: Words) -> Any:
    """Panels with room for the longest amount; fixed, because fitting them means drawing everything twice."""
    highest = max(float(np.nanmax(np.abs(one.bands))) for pair in fans.values() for one in pair if one is not None)
    room = 0.014 + 0.0078 * len(words.number(highest / words.display_unit))
    figure.subplots_adjust(left=room, right=0.985, top=0.9, bottom=0.1, wspace=2.2 * room + 0.03)
    return figure.subplots(1, len(fans), sharex=True)


def limit(axes: Axes, label: str, value: float, days: int) -> None:
    """A line that must not be crossed, named on the line."""
    axes.axhline(value, color=VERMILION, linewidth=1.2)
    axes.annotate(label, (days, value), (-2, 3), textcoords="offset points", ha="right", va="bottom",
                  color=VERMILION, fontsize=8,
                  bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6})  # fmt: skip


def amounts(words: Words) -> FuncFormatter:
    """Axis labels with separators, a true minus and only the decimals that the step needs."""

    def write(value: float, _: int) -> str:
        whole = abs(value - round(value)) < 1e-9
        return words.number(value, 0 if whole else 2)

    return FuncFormatter(write)


def time_axis(axes: Axes, dates: Sequence[date], words: Words) -> None:
    """A tick at the first of every month, or of every third where there are many."""
    firsts = [t for t, day in enumerate(dates) if day.day == 1]
    step = 1 if len(firsts) <= 6 else 2 if len(firsts) <= 14 else 3
    ticks = [t for t in firsts if (dates[t].month - 1) % step == 0]
    axes.set_xticks(ticks)
    labels = axes.set_xticklabels([month_label(dates[t], first=i == 0, words=words) for i, t in enumerate(ticks)])
    if ticks and ticks[-1] > 0.96 * len(dates):  # a label in the middle of its tick would leave the picture
        labels[-1].set_horizontalalignment("right")
    axes.set_xlim(0, len(dates))
    axes.tick_params(length=2)


def month_label(day: date, first: bool, words: Words) -> str:
    month = words(f"month.{day.month}")
    if first or day.month == 1:
        return words("format.month_year", month=month, year=day.year)
    return month


def heat_map(nodes: Sequence[str], rates: np.ndarray, dates: Sequence[date], floor: float, words: Words, key: str,
             title: str) -> str:  # fmt: skip
    """Service by node (rows) and week (columns). floor: the rate that the darkest colour stands for."""
    weeks = rates.shape[1]
    with drawing(9.8, max(1.5, 0.75 + 0.19 * len(nodes))) as figure:
        axes = figure.subplots()
        picture = axes.imshow(np.ma.masked_invalid(rates), cmap=SHELF, vmin=floor, vmax=1.0, aspect="auto",
                              interpolation="none")  # fmt: skip
        axes.grid(visible=False)
        axes.spines[["top", "right"]].set_visible(True)
        axes.set_yticks(range(len(nodes)), nodes, fontsize=7.5)
        step = 1 if weeks <= 16 else 4 if weeks <= 80 else 13
        ticks = list(range(0, weeks, step))
        axes.set_xticks(ticks, [words.short_date(dates[7 * t]) for t in ticks], fontsize=7.5)
        axes.tick_params(length=2)
        for line in np.arange(0.5, len(nodes) - 1):
            axes.axhline(line, color="#EEF0F2", linewidth=0.8)
        bar = figure.colorbar(picture, ax=axes, fraction=0.02, pad=0.01)
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_major_locator(MaxNLocator(4))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.number(100 * value)))
        bar.ax.tick_params(length=2, labelsize=7.5)
        bar.ax.grid(visible=False)
        return inline(figure, key, title)


def bridge_chart(bridges: Sequence[Bridge], names: Sequence[str], words: Words, key: str, title: str) -> str:
    """One waterfall per scenario, from the base cycle to the stress cycle, in days."""
    with drawing(9.8, 0.75 + 0.52 * len(bridges)) as figure:
        axes = figure.subplots()
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x", color="#E8EBEE")
        for row, b in enumerate(bridges):
            at = b.base
            for value, colour, place in ((b.dio, BLUE, -0.26), (b.dso, GREEN, 0.0), (b.dpo, PURPLE, 0.26)):
                # A hair's breadth for nothing, so that no part is missing.
                axes.barh(row + place, value / 10 or 0.02, left=at / 10, height=0.24, color=colour, linewidth=0)
                at += value
            axes.plot([b.base / 10] * 2, [row - 0.42, row + 0.42], color=GREY, linewidth=2.2)
            axes.plot([b.stress / 10] * 2, [row - 0.42, row + 0.42], color=INK, linewidth=2.2)
        axes.set_yticks(range(len(bridges)), names)
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.08)
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: words.number(value, 0 if value == int(value) else 1))
        )
        axes.set_xlabel(words("format.heading", name=words("measure.ccc.name"), unit=words("unit.days")))
        return inline(figure, key, title)
