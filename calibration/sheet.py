"""A page in one file: headed sections of words and SVG, no script and no network; written beside and renamed."""

import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from calibration.backtest.scores import Coverage

BLUE, ORANGE, GREY, INK, RED = "#0072B2", "#E69F00", "#6B7280", "#1F2937", "#D55E00"
STYLE = (
    "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1F2937}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem .8rem;text-align:right;"
    "border-bottom:1px solid #D7DBE0}.words,.dataframe td:nth-child(-n+2){text-align:left}"
    "td:not(.words){white-space:nowrap}section{overflow-x:auto}svg{max-width:100%;height:auto}"
)


def write(path: Path, title: str, body: str) -> None:
    """The page, in place of what lay there once it is whole. title is text, body HTML."""
    text = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>"
    )
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def section(heading: str, words: str, inside: str) -> str:
    """heading and words are text, inside HTML."""
    said = paragraph(words) if words else ""
    return f"<section><h2>{html.escape(heading)}</h2>{said}{inside}</section>"


def paragraph(words: str) -> str:
    return f"<p>{html.escape(words)}</p>"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], words: tuple[int, ...] = (0,)) -> str:
    """Everything given is text. words: the columns that are read and not compared, set to the left."""

    def cells(of: Sequence[str], tag: str) -> str:
        kinds = (" class='words'" if n in words else "" for n in range(len(of)))
        found = (f"<{tag}{kind}>{html.escape(text)}</{tag}>" for kind, text in zip(kinds, of, strict=True))
        return f"<tr>{''.join(found)}</tr>"

    return f"<table>{cells(headings, 'th')}{''.join(cells(row, 'td') for row in rows)}</table>"


def svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.set_layout_engine("constrained")
    FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None})
    return stream.getvalue()[stream.getvalue().index("<svg") :]


def axes(count: int, height: float = 2.4, wide: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure 10 inches wide with so many axes, `wide` of them a row, each row `height` inches high."""
    rows = -(-count // wide)
    figure = Figure(figsize=(10, height * rows))
    return figure, [figure.add_subplot(rows, wide, n + 1) for n in range(count)]


def fan(axis: Axes, at: np.ndarray, draws: np.ndarray, seen: np.ndarray) -> None:
    """The middle and the central 80 % of draws (draw, at), and dots for what was seen (at,)."""
    low, middle, high = np.quantile(draws, (0.1, 0.5, 0.9), axis=0)
    axis.fill_between(at, low, high, color=BLUE, alpha=0.25, linewidth=0)
    axis.plot(at, middle, color=BLUE, linewidth=1)
    axis.plot(at, seen, "o", color=INK, markersize=3)


def covered(axis: Axes, place: int, coverage: Coverage) -> None:
    """A share in its row, on the bar that chance allows; red outside."""
    axis.barh(place, coverage.high - coverage.low, left=coverage.low, color=GREY, alpha=0.3)
    axis.plot(coverage.share, place, "o", markersize=4, color=BLUE if coverage.passed else RED)
