"""The front of service, profit and cash: policies that none beats, and what joining stock and money is worth."""

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from scenarios.report.charts import BLUE, GREY, ORANGE, drawing, inline
from scenarios.statistics import mean, paired
from scenarios.tuning.page import interval, render
from scenarios.tuning.run import BATCH, with_policy
from scenarios.tuning.words import words_in
from scenarios.tuning.workbook import write_sheet
from twin.assembly import Model, assemble
from twin.tables.check import ensure
from twin.tables.company import Company
from twin.tables.write import write_workbook
from twin.tune.groups import By
from twin.tune.pareto import Front, Joined, Point, Steps, front, joined, silent
from twin.tune.search import Effort

SHOWN = ("fill_rate", "profit", "net_cash", "lowest_headroom", "stock", "dio", "ccc")
AGAINST = ("profit", "net_cash", "lowest_headroom")  # drawn over the fill rate


def write_front(
    company: Company,
    services: tuple[float, ...],
    out: Path,
    *,
    by: By,
    steps: int,
    futures: int,
    seed: int = 0,
    lang: str = "en",
    progress: Steps = silent,
) -> tuple[Joined, Front]:
    """Search the front and write the new folder `out`: a page, its table as a workbook, and every policy's company.

    services: least fill rates, each a search. Raises NotFinite, FileExistsError.
    """
    model = assemble(company, {})
    search: dict[str, Any] = {"by": by, "effort": Effort(steps=steps, futures=BATCH), "futures": futures, "seed": seed}
    value = joined(model, **search, progress=progress)
    found = front(model, services, value.joint, **search, progress=progress)
    policies = {place: with_policy(company, model, point.policy) for place, point in enumerate(found.points, start=1)}
    for tuned in policies.values():
        ensure(tuned)
    out.mkdir(parents=True)
    for place, tuned in policies.items():
        write_workbook(tuned, out / file_of(place), "zh" if lang == "zh" else "en")
    write_pages(model, value, found, futures, out, lang)
    return value, found


def file_of(place: int) -> str:
    """The workbook of the point at a place of the front."""
    return f"company-{place}.xlsx"


def write_pages(model: Model, value: Joined, found: Front, futures: int, out: Path, lang: str) -> None:
    """The page and its table."""
    words, settings = words_in(lang), model.company.settings
    listed = named(value, found, words)
    headings = [words[name].format(currency=settings.currency) for name in ("policy", "file", *SHOWN)]
    estimates = [(name, file, [mean(point.figures[key]) for key in SHOWN]) for name, file, point in listed]
    rows = [
        {
            "name": name,
            "file": file,
            "cells": [interval(key, x, signed=False) for key, x in zip(SHOWN, row, strict=True)],
        }
        for name, file, row in estimates
    ]
    beaten = ", ".join(label(point, words) for point in found.beaten)
    notes = [words["unmet"].format(service=f"{100 * service:g}", why=why) for service, why in found.unmet.items()]
    notes += [words["beaten"].format(points=beaten)] if beaten else []
    render("front.html", out / f"front-{lang}.html", lang, words, {
        "title": words["front"].format(company=settings.name),
        "about": words["about_front"].format(n=f"{futures:,}"),
        "joined": sentence(value, settings.currency, words),
        "notes": notes,
        "headings": headings,
        "rows": rows,
        "charts": [chart(key, listed, words, settings.currency) for key in AGAINST],
    })  # fmt: skip
    ends = [words[end] for end in ("low", "high")]
    wide = [x for heading in headings[2:] for x in (heading, *(f"{heading}, {end}" for end in ends))]
    table = ((name, file, *(x for row in found for x in row[:3])) for name, file, found in estimates)
    write_sheet(out / f"front-{lang}.xlsx", words["points"], [*headings[:2], *wide], table)


def named(value: Joined, found: Front, words: dict[str, str]) -> list[tuple[str, str, Point]]:
    """Today's policy, the siloed one, and the front by rising service; with the file of those that are written."""
    front_rows = [(label(point, words), file_of(place), point) for place, point in enumerate(found.points, start=1)]
    return [(words["today"], "", value.today), (words["siloed"], "", value.siloed), *front_rows]


def label(point: Point, words: dict[str, str]) -> str:
    return words["joint"] if point.service is None else f"≥ {100 * point.service:g} %"


def sentence(value: Joined, currency: str, words: dict[str, str]) -> str:
    """What joining is worth, or that it is worth nothing."""
    if not value.difference.any():
        return words["joined_zero"]
    more = interval("profit", paired(value.joint.figures["profit"], value.siloed.figures["profit"]), signed=True)
    return words["joined"].format(more=more, currency=currency)


def chart(key: str, listed: list[tuple[str, str, Point]], words: dict[str, str], currency: str) -> Markup:
    """A figure over the fill rate, with 95 % intervals; the front joined by a line."""
    colours = [GREY, ORANGE] + [BLUE] * (len(listed) - 2)
    with drawing(6.4, 3.0) as figure:
        axes = figure.add_subplot()
        at = np.array([[mean(100 * point.figures["fill_rate"]), mean(point.figures[key])] for _, _, point in listed])
        axes.plot(at[2:, 0, 0], at[2:, 1, 0], color=BLUE, linewidth=1)
        for (name, _, _), (x, y), colour in zip(listed, at, colours, strict=True):
            half = (x[2] - x[0]), (y[2] - y[0])
            axes.errorbar([x[0]], [y[0]], xerr=[half[0]], yerr=[half[1]], marker="o", color=colour, capsize=2)
            axes.annotate(name, (x[0], y[0]), xytext=(5, 5), textcoords="offset points")
        axes.set_xlabel(words["fill_rate"])
        axes.yaxis.set_major_formatter("{x:,.0f}")
        title = words[key].format(currency=currency)
        axes.set_title(title, loc="left")
        return Markup(inline(figure, f"front-{key}", title))
