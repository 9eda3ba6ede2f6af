"""The page on a tuning: before and after, claims of the literature as lines, formulas beside it, what moved and why."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scenarios.report.charts import BLUE, GREY, drawing, inline
from scenarios.statistics import Estimate, mean, paired
from scenarios.tuning.changes import Change, reason
from scenarios.tuning.words import words_in
from twin.assembly import Model
from twin.tables.write import beside
from twin.tune.figures import FIGURES, figures
from twin.tune.groups import supplied
from twin.tune.measures import Measure
from twin.tune.tuned import Tuned

# (figure, low, high, relative): ranges named by the project's sources, drawn and never asserted
CLAIMS = {"turns": (0.15, 0.25, True), "ccc": (-15.0, -8.0, False), "working_capital": (-0.20, -0.10, True)}
Formulas = dict[str, dict[str, np.ndarray] | str]  # figures of levels by formula, or why there are none
LARGE = 1000
SHOWN, NAMED = 40, 6  # rows of changes, names in a sentence


def write_page(
    model: Model, found: Tuned, listed: list[Change], beside_it: Formulas, goal: Measure, path: Path, lang: str
) -> None:
    """What a tuning did and why."""
    words = words_in(lang)
    shown_there = content(model, found, listed, goal, words) | {"formulas": formulas(found, beside_it)}
    render("page.html", path, lang, words, shown_there)


def render(template: str, path: Path, lang: str, words: dict[str, str], shown_there: dict[str, Any]) -> None:
    """One HTML file without script or network."""
    loader = PackageLoader("scenarios", "tuning")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = files("scenarios.report").joinpath("report.css").read_text(encoding="utf-8")
    page = environment.get_template(template).render(words=words, lang=lang, style=Markup(style), **shown_there)
    with beside(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def formulas(found: Tuned, beside_it: Formulas) -> list[dict[str, str]]:
    """What levels by formula would have earned in the same futures."""
    ours, rows = figures(found.end)["profit"], []
    for name, earned in beside_it.items():
        if isinstance(earned, str):
            rows.append({"name": name, "why": earned})
            continue
        cells = {key: shown(key, float(earned[key].mean())) for key in ("profit", "fill_rate", "stock")}
        more = interval("profit", paired(ours, earned["profit"]), signed=True)
        rows.append({"name": name, "why": "", "more": more, **cells})
    return rows


def content(model: Model, found: Tuned, listed: list[Change], goal: Measure, words: dict[str, str]) -> dict[str, Any]:
    """What the template places, already in words."""
    settings = model.company.settings
    before, after = figures(found.start), figures(found.end)
    currency = settings.currency
    table = []
    for name in FIGURES:
        change = paired(after[name], before[name])
        table.append({
            "name": words[name].format(currency=currency),
            "before": shown(name, mean(before[name]).value),
            "after": shown(name, mean(after[name]).value),
            "difference": interval(name, change, signed=True),
            "claim": claim(name),
        })  # fmt: skip
    limits = [
        {
            "name": words.get(f"limit on {x.limit.measure.name}", x.limit.measure.name),
            "label": x.label or words["company"],
            "asked": f"{'≥' if x.limit.least is not None else '≤'} "
            f"{bound(x.limit.least if x.limit.least is not None else x.limit.most)}",
            "reached": f"{bound(x.value)} [{bound(x.low)}, {bound(x.high)}]",
        }
        for x in found.held
    ]
    moved = [
        {
            "node": c.node,
            "product": c.product,
            "old": f"{c.old:,.0f}",
            "new": f"{c.new:,.0f}",
            "change": f"{c.new - c.old:+,.0f}",
            "reasons": "; ".join(f"{reason(name, words)} {worth:+,.2f}" for name, worth in c.reasons),
        }
        for c in listed[:SHOWN]
        if c.new != c.old
    ]
    return {
        "currency": currency,
        "title": words["title"].format(company=settings.name),
        "about": words["about"].format(goal=words[f"goal {goal.name}"], n=f"{len(after['profit']):,}"),
        "unsettled": unsettled(found, words),
        "figures": table,
        "limits": limits,
        "moved": moved,
        "charts": [claim_chart(name, before[name], after[name], words) for name in CLAIMS]
        + [where_chart(model, found, words)],
    }


def unsettled(found: Tuned, words: dict[str, str]) -> str:
    """What the search did not finish, in a sentence; "" where it did."""
    still = found.unsettled
    if not still:
        return ""
    names = ", ".join(still[:NAMED]) + (", …" if len(still) > NAMED else "")
    return words["unsettled"].format(n=len(still), m=len(found.names), names=names)


def bound(value: float | None) -> str:
    """A limit or what it reached: shares with four digits, amounts whole."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= LARGE else f"{value:,.4g}"


def shown(name: str, value: float) -> str:
    if FIGURES[name] == "money":
        return f"{value:,.0f}"
    return f"{100 * value:.2f}" if name == "fill_rate" else f"{value:,.2f}"


def interval(name: str, change: Estimate, signed: bool) -> str:
    scale = 100 if name == "fill_rate" else 1
    digits = 0 if FIGURES[name] == "money" else 2
    parts = [f"{scale * x:{'+' if signed else ''},.{digits}f}" for x in (change.value, change.low, change.high)]
    return f"{parts[0]} [{parts[1]}, {parts[2]}]"


def claim(name: str) -> str:
    if name not in CLAIMS:
        return ""
    low, high, relative = CLAIMS[name]
    return f"{100 * low:+.0f} … {100 * high:+.0f} %" if relative else f"{low:+.0f} … {high:+.0f}"


def claim_chart(name: str, before: np.ndarray, after: np.ndarray, words: dict[str, str]) -> Markup:
    """The paired change with its interval, and the claimed range as dashed lines."""
    low, high, relative = CLAIMS[name]
    scale = 100 / abs(float(before.mean())) if relative else 1.0
    change = paired(after, before)
    with drawing(3.2, 1.1) as figure:
        axes = figure.add_subplot()
        axes.barh([0], [scale * change.value], color=BLUE, height=0.5)
        half = scale * (change.high - change.value)
        axes.errorbar([scale * change.value], [0], xerr=[half], color="black", capsize=3)
        for edge in (low, high):
            axes.axvline(100 * edge if relative else edge, color=GREY, linestyle="--", linewidth=1)
        axes.set_yticks([])
        axes.set_xlabel("%" if relative else words["difference"].split("[")[0])
        axes.set_title(words[name].split(" (")[0], loc="left")
        return Markup(inline(figure, name, words[name].split(" (")[0]))


def where_chart(model: Model, found: Tuned, words: dict[str, str]) -> Markup:
    """Change of stock levels by node, at standard cost."""
    moves = supplied(model)
    change = np.where(moves, np.asarray(found.after.order_up_to) - np.asarray(found.before.order_up_to), 0.0)
    worth = change @ (np.asarray(model.network.standard_cost) / 1e4)
    with drawing(6.4, 0.6 + 0.16 * len(worth)) as figure:
        axes = figure.add_subplot()
        places = np.arange(len(model.structure.nodes))
        axes.barh(places, worth[: len(places)], color=BLUE)
        axes.set_yticks(places, model.structure.nodes)
        axes.invert_yaxis()
        axes.set_xlabel(model.company.settings.currency)
        return Markup(inline(figure, "where", words["where"]))
