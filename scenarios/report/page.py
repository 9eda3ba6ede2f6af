"""The report as one HTML file: sections composed, charts drawn, the template filled with escaping on."""

from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from scenarios.report import (
    assumptions,
    bridge,
    charts,
    differences,
    glossary,
    planes,
    reconcile,
    service,
    strategy,
    verdict,
    weeks,
)
from scenarios.report.fans import SERIES, Fan, all_fans, missing
from scenarios.report.findings import Findings, findings
from scenarios.report.tables import Table, heading, shown, title, typed
from scenarios.report.words import Words, words_of
from scenarios.statistics import Estimate
from scenarios.stress import BASE
from twin.tables.write import beside


@dataclass(frozen=True)
class Picture:
    """A chart and the words around it."""

    title: str
    svg: Markup
    hardest: bool = False


def write_report(run: Path, out: Path | None = None, lang: str = "en") -> Path:
    """Write the report of a run; beside its results where no path is given. Raises NoRun, NotTied, ValueError."""
    found = findings(Path(run))
    words = words_of(found, lang)
    html = render(found, words)
    path = Path(out) if out is not None else Path(run) / f"report-{lang}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    with beside(path) as temporary:
        temporary.write_text(html, encoding="utf-8", newline="\n")
    return path


def render(found: Findings, words: Words) -> str:
    """The whole page. Everything that is not a chart goes through the template's escaping."""
    package = files("scenarios.report")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "words": words,
        "cells": lambda table: table_cells(table, words),
        "groups": groups,
        "headings": lambda table: [
            {"text": heading(column, words), "note": column.note, "number": column.kind not in ("text", "date")}
            for column in table.columns
        ],
        "title": lambda table: title(table, words, exact=False),
    }
    style = Markup(package.joinpath("report.css").read_text(encoding="utf-8"))
    return environment.from_string(package.joinpath("report.html").read_text(encoding="utf-8")).render(
        style=style, **content(found, words)
    )


def content(found: Findings, words: Words) -> dict[str, Any]:
    """Everything that the template places. Cash first: results that do not tie are not worth a chart."""
    cash = [weeks.weeks_table(found, words, name) for name in dict.fromkeys([BASE, found.hardest])]
    built = bridge.bridges(found)
    return {
        "company": found.company.settings.name,
        "found": found,
        "period": words("page.period", start=words.full_date(found.dates[0]), end=words.full_date(found.dates[-1]),
                        days=len(found.dates), n=f"{len(found.draws):,}", unit=words.unit),
        "n": f"{len(found.draws):,}",
        "verdict": verdict.sentences(found, words),
        "status": status(found, words),
        "verdict_table": verdict.verdict_table(found, words),
        "joining": verdict.joining_table(found, words),
        "joining_sentence": verdict.joining_sentence(found, words),
        "story": verdict.story_table(found, words),
        "levers": verdict.levers_table(found, words),
        "strategy": strategy.tables(found.answers, words),
        "planes": planes_of(found, words),
        "reconcile": reconcile.reconcile_table(found, words),
        "fans": fan_pictures(found, words),
        "fan_about": fan_about(found, words),
        "differences": differences.differences_tables(found, words) if found.stresses else [],
        "weeks": cash,
        "bridge": bridge.bridge_table(built, words),
        "bridge_picture": bridge_picture(built, words),
        "service": service_pictures(found, words),
        "service_about": service_about(found, words),
        "assumptions": assumptions.assumptions_table(found, words),
        "severities": assumptions.severities_table(found, words),
        "run": assumptions.run_table(found, words),
        "glossary": glossary.glossary_table(words),
        "foot": words("page.foot", version=found.manifest["versions"].get("tandem-twin", ""),
                      hash=found.manifest["input_hash"][:12]),
    }  # fmt: skip


def status(found: Findings, words: Words) -> dict[str, str]:
    """Whether the base case is reconciled with the statements, in words."""
    state, off = reconcile.reconciled(found)
    lines = words("format.list").join(words(f"reconcile.names.{line}") for line in off)
    return {"state": state, "title": words(f"status.{state}"), "about": words(f"status.{state}_about", lines=lines)}


def table_cells(table: Table, words: Words) -> list[dict[str, Any]]:
    """Rows for the template: figure, interval, how it is aligned, and a bar where a survival is shown."""
    n = table.n()
    rows = []
    for row in table.rows:
        cells = []
        for cell, column in zip(row.cells, table.columns, strict=True):
            value, kind, _ = typed(cell, column)
            figure, interval = shown(cell, column, words, n)
            share = None
            if kind == "share" and isinstance(value, Estimate) and np.isfinite(value.value):
                share = round(100 * value.value, 1)
            number = kind not in ("text", "date")
            cells.append({"figure": figure, "interval": interval, "number": number, "share": share,
                          "negative": number and figure.startswith("−")})  # fmt: skip
        rows.append({"cells": cells, "style": row.style})
    return rows


def groups(table: Table) -> list[tuple[str, int]]:
    """Headings over several columns, with how many; empty where a table has none."""
    if not any(column.group for column in table.columns):
        return []
    return [(name, len(list(part))) for name, part in groupby(column.group for column in table.columns)]


def fan_pictures(found: Findings, words: Words) -> list[Picture]:
    """A picture per scenario, the hardest first, the base case behind each."""
    fans = all_fans(found)
    names = sorted(found.stresses, key=lambda name: name != found.hardest) or [BASE]
    limits = fan_limits(found, words)
    pictures = []
    for place, name in enumerate(names):
        pairs: dict[str, tuple[Fan, Fan | None]] = {
            series: (fans[name, series], fans[BASE, series] if name != BASE else None) for series in SERIES
        }
        shocks = [
            (int(shock["start"]), assumptions.last_day(shock, len(found.dates)))
            for shock in found.manifest["shocks"].get(name, [])
            if int(shock["start"]) < len(found.dates)
        ]
        title = words("fan.chart", scenario=words.scenario(name))
        svg = charts.fan_chart(pairs, limits, found.dates, shocks, words, f"fan{place}", title)
        pictures.append(Picture(words.scenario(name), Markup(svg), name == found.hardest and name != BASE))
    return pictures


def fan_limits(found: Findings, words: Words) -> dict[str, list[tuple[str, float]]]:
    """Minimum cash on cash, the liquidity covenant on headroom: each line where its measure is drawn."""
    limits: dict[str, list[tuple[str, float]]] = {series: [] for series in SERIES}
    if found.company.settings.minimum_cash > 0:
        limits["cash"].append((words("fan.minimum_cash"), float(found.company.settings.minimum_cash)))
    for row in found.company.covenants:
        if row.covenant == "minimum_liquidity":
            limits["headroom"].append((verdict.covenant_name(row.covenant, words), float(row.threshold)))
    return limits


def fan_about(found: Findings, words: Words) -> str:
    other = any(row.covenant != "minimum_liquidity" for row in found.company.covenants)
    about = words("fan.about", n=f"{len(found.draws):,}", covenants=words("fan.no_line") if other else "").strip()
    return " ".join(filter(None, [about, missing(found, words)]))


def planes_of(found: Findings, words: Words) -> dict[str, tuple[Picture, str]]:
    """The pictures below the strategy team's tables, by table, each with a note."""
    made = {}
    reverse, actions = found.answers.get("reverse"), found.answers.get("actions")
    if reverse and reverse["contour"]:
        one, other = map(words.scenario, reverse["contour"]["axes"])
        title = words("strategy.reverse.plane", one=one, other=other)
        made["reverse"] = title, planes.rarity(reverse, words, "rarity", title), words("strategy.reverse.plane_note")
    if actions:
        title = words("strategy.actions.picture")
        said = words("strategy.actions.picture_note", n=actions["draws"])
        made["actions"] = title, planes.frontier(actions, words, "frontier", title), said
    return {key: (Picture(title, Markup(svg)), said) for key, (title, svg, said) in made.items()}


def bridge_picture(built: list[bridge.Bridge], words: Words) -> Picture | None:
    if not built:
        return None
    title = words("bridge.chart")
    names = [words.scenario(one.scenario) for one in built]
    return Picture(title, Markup(charts.bridge_chart(built, names, words, "bridge", title)))


def service_pictures(found: Findings, words: Words) -> list[Picture]:
    """Base and hardest scenario, on one scale."""
    kept = service.shown_nodes(found)
    rates = {}
    for name in dict.fromkeys([found.hardest, BASE]):
        nodes, all_rates = service.service(found, name)
        rates[name] = all_rates[[nodes.index(node) for node in kept]]
    lowest = min(float(np.nanmin(part)) for part in rates.values())
    floor = min(np.floor(lowest * 20) / 20, 0.9)
    pictures: list[Picture] = []
    for name, part in rates.items():
        title = words("service.chart", scenario=words.scenario(name))
        svg = charts.heat_map(kept, part, found.dates, floor, words, f"heat{len(pictures)}", title)
        pictures.append(Picture(words.scenario(name), Markup(svg), name == found.hardest and name != BASE))
    return pictures


def service_about(found: Findings, words: Words) -> list[str]:
    about = [words("service.about", n=f"{len(found.draws):,}")]
    everything = service.service(found, found.hardest)[0]
    shown_count = len(service.shown_nodes(found))
    if shown_count < len(everything):
        about.append(words("service.some", shown=shown_count, all=len(everything)))
    if len(found.names) > 2:
        about.append(words("service.others"))
    return about
