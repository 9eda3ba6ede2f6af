"""The verdict: survival and low points of every scenario, what joining goods and money is worth, levers, one story."""

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np

from scenarios import statistics
from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Noted, Row, Table
from scenarios.report.words import Words
from scenarios.statistics import Estimate, TooFew
from scenarios.stress import BASE, LEVERS

# A verdict is given when the whole interval lies beyond these shares of futures (judgement: a board asks for
# "nineteen times in twenty" before it calls a plan safe, and calls it lost below a coin toss).
SAFE, LOST = 0.95, 0.5
TAIL = 0.05  # the quantile that stands for a bad future: one in twenty


def verdict_class(survival: Estimate) -> str:
    """survives, unsure (too few futures to be sure), at_risk or fails."""
    if survival.low >= SAFE:
        return "survives"
    if survival.high <= LOST:
        return "fails"
    return "unsure" if survival.value >= SAFE else "at_risk"


def survival(found: Findings, name: str) -> Estimate:
    return statistics.probability(found.figure(name, "survives"))


def covenant_slack(found: Findings, name: str) -> list[tuple[str, Estimate | None]]:
    """For each covenant the lowest of (measured value - threshold) over its test days; None where no day is one."""
    slack = {row.covenant: found.figure(name, f"slack_{row.covenant}") for row in found.company.covenants}
    return [(name, None if np.isnan(x).all() else statistics.mean(x)) for name, x in slack.items()]


def first_breach(found: Findings, name: str, words: Words) -> str | Noted:
    """The covenant most often breached first, and in what share of futures that happens."""
    index = found.figure(name, "covenant").astype(int)
    breached = index[index >= 0]
    if not len(breached):
        return words("verdict.no_breach")
    most = int(np.bincount(breached).argmax())
    day = median_day(found.figure(name, "covenant_day")[index == most])
    share = written(statistics.probability(index == most), words.share)
    return Noted(
        covenant_name(str(found.joint.attrs["covenants"][most]), words),
        words("verdict.breach", **share, week=words.week_number(day)),
    )


def written(figure: Estimate, write: Callable[[float], str]) -> dict[str, str]:
    """A figure and its interval for a sentence: value, low, high."""
    return {"value": write(figure.value), "low": write(figure.low), "high": write(figure.high)}


def covenant_name(name: str, words: Words) -> str:
    return words.either(f"covenant.{name}", name)


def tail(sample: np.ndarray, words: Words) -> Estimate | str:
    """The quantile at TAIL, or how many futures it would take."""
    try:
        return statistics.supported(sample, TAIL)
    except TooFew as few:
        return words("verdict.too_few", need=f"{few.need:,}")


def median_day(days: np.ndarray) -> int:
    """The middle one of the days, never between two."""
    return int(np.quantile(days, 0.5, method="inverted_cdf"))


def typical_week(found: Findings, name: str, words: Words) -> Noted:
    """The week of the lowest cash in the middle future."""
    day = median_day(found.figure(name, "lowest_cash_day"))
    return Noted(words.week_number(day), words.week_start(day, found.dates))


def verdict_table(found: Findings, words: Words) -> Table:
    """One row per scenario; base first, the hardest one marked."""
    columns = [
        Column(words("verdict.scenario")),
        Column(words("measure.survival.name"), "share"),
        Column(words("verdict.lowest_cash_mean"), "money"),
        Column(words("verdict.lowest_cash_low"), "money"),
        Column(words("verdict.lowest_cash_week")),
        *(
            Column(words("verdict.slack", covenant=covenant_name(row.covenant, words)), "money")
            for row in found.company.covenants
        ),
        Column(words("verdict.first_breach")),
        Column(words("measure.lowest_service.name"), "share"),
    ]
    rows = []
    for name in found.names:
        cash = found.figure(name, "lowest_cash")
        cells: list[Any] = [
            words.scenario(name),
            survival(found, name),
            statistics.mean(cash),
            tail(cash, words),
            typical_week(found, name, words),
            *(slack for _, slack in covenant_slack(found, name)),
            first_breach(found, name, words) if found.company.covenants else words("verdict.no_covenants"),
            statistics.mean(found.figure(name, "lowest_service")),
        ]
        style = "base" if name == BASE else "hardest" if name == found.hardest else ""
        rows.append(Row(cells, style))
    note = words("verdict.table_note", n=f"{len(found.draws):,}")
    return Table("verdict", words("verdict.title"), columns, rows, note, wide=True)


def sentences(found: Findings, words: Words) -> dict[str, Any]:
    """The verdict in words, for the hardest scenario."""
    name = found.hardest
    rate = survival(found, name)
    kind = verdict_class(rate)
    opening = "verdict.sentence_base" if name == BASE else "verdict.sentence"
    return {
        "kind": kind,
        "label": words(f"verdict.class.{kind}"),
        "headline": words("verdict.headline", scenario=words.scenario(name), label=words(f"verdict.class.{kind}")),
        "sentence": words(
            opening,
            scenario=words.scenario(name),
            company=found.company.settings.name,
            days=len(found.dates),
            end=words.full_date(found.dates[-1]),
            share=words.share(rate.value),
            low=words.share(rate.low),
            high=words.share(rate.high),
            n=f"{rate.n:,}",
        ),
        "lowest": lowest(found, name, words),
        "rule": words("verdict.default_rule", rules=default_rule(found, words)),
        "condition": condition(found, words),
        "classes": words("verdict.classes"),
    }


def condition(found: Findings, words: Words) -> str:
    """What all figures rest on: parameters taken as known, or posterior draws."""
    said = found.manifest.get("posterior")
    if not said:
        return words("verdict.condition")
    as_of = said.get("as_of") or words("verdict.calibrated_unknown")
    return words(f"verdict.calibrated.{said['mode']}", as_of=as_of, engine=said.get("engine", "?"))


def lowest(found: Findings, name: str, words: Words) -> str:
    """How low cash and service fall, with intervals."""
    cash, service = (found.figure(name, figure) for figure in ("lowest_cash", "lowest_service"))
    week = words.week(median_day(found.figure(name, "lowest_cash_day")), found.dates)
    bad = tail(cash, words)
    said = [
        words("verdict.lowest", **written(statistics.mean(cash), words.amount), week=week),
        words("verdict.lowest_few", need=bad)
        if isinstance(bad, str)
        else words("verdict.lowest_tail", **written(bad, words.amount)),
        words("verdict.service", **written(statistics.mean(service), words.share)),
    ]
    return " ".join(said)


def default_rule(found: Findings, words: Words) -> str:
    """The default rule that the company declared, in words."""
    settings = found.company.settings
    rules = []
    if settings.grace_days is not None:
        rules.append(words("rule.cash_flow", days=settings.grace_days))
    if settings.balance_sheet_test:
        rules.append(words("rule.balance_sheet"))
    if settings.cure_days is not None and found.company.covenants:
        rules.append(words("rule.covenant", days=settings.cure_days))
    return words.join(rules) if rules else words("rule.none")


def joining_table(found: Findings, words: Words) -> Table | None:
    """Each stress goods only and treasury only beside the joint one; differences are paired."""
    names = [name for name in found.names if found.has_variant(name, "goods_only")]
    names = [name for name in names if found.has_variant(name, "treasury_only")]
    if not names:
        return None
    goods, money, joint = words("joining.goods_only"), words("joining.treasury_only"), words("joining.joint")
    columns = [
        Column(words("verdict.scenario")),
        *measured(words("measure.lowest_service.name"), goods, joint, "share", words),
        *measured(words("joining.on_time"), money, joint, "share", words),
        *measured(words("measure.lowest_headroom.name"), money, joint, "money", words),
    ]
    rows = []
    for name in names:
        alone = found.figure(name, "lowest_service", "goods_only")
        both = found.figure(name, "lowest_service")
        cells: list[Any] = [words.scenario(name), mean(alone), mean(both), statistics.paired(both, alone)]
        alone, both = kept_going(found, name, "treasury_only"), kept_going(found, name, "joint")
        cells += [probability(alone), probability(both), statistics.paired(both, alone)]
        alone = found.figure(name, "lowest_headroom", "treasury_only")
        both = found.figure(name, "lowest_headroom")
        cells += [mean(alone), mean(both), statistics.paired(both, alone)]
        rows.append(Row(cells, "base" if name == BASE else "hardest" if name == found.hardest else ""))
    note = words("joining.note", n=f"{len(found.draws):,}")
    return Table("joining", words("joining.title"), columns, rows, note, wide=True)


mean, probability = statistics.mean, statistics.probability


def measured(measure: str, alone: str, joint: str, kind: Any, words: Words) -> list[Column]:
    """Three columns of one measure: one half alone, both, the difference."""
    return [
        Column(alone, kind, group=measure),
        Column(joint, kind, group=measure),
        Column(words("joining.difference"), "points" if kind == "share" else kind, signed=True, group=measure),
    ]


def kept_going(found: Findings, name: str, variant: str) -> np.ndarray:
    """Futures without dues unpaid for longer than the grace period: the cash-flow rule, which a variant that
    never defaults can be held to as well. Runs of before that figure existed: bills paid on the day."""
    place = found.joint if variant == "joint" else found.variants
    figure = "late_day" if "late_day" in place else "first_overdue_day"
    return found.figure(name, figure, variant) < 0


def joining_sentence(found: Findings, words: Words) -> str:
    """What each half alone would have said of the hardest scenario, and what both together say."""
    name = found.hardest
    if not found.has_variant(name, "treasury_only") or not found.has_variant(name, "goods_only"):
        return ""
    return words(
        "joining.sentence",
        goods=words.share(float(np.nanmean(found.figure(name, "lowest_service", "goods_only")))),
        treasury=words.share(float(kept_going(found, name, "treasury_only").mean())),
        service=words.share(float(np.nanmean(found.figure(name, "lowest_service")))),
        survival=words.share(survival(found, name).value),
    )


def levers_table(found: Findings, words: Words) -> Table | None:
    """Three levers in the hardest scenario, by paired difference."""
    name = found.hardest
    levers = [lever for lever in LEVERS if found.has_variant(name, lever)]
    if not levers:
        return None
    columns = [
        Column(words("levers.lever")),
        Column(words("levers.survival"), "points", signed=True),
        Column(words("levers.headroom"), "money", signed=True),
        Column(words("levers.service"), "points", signed=True),
    ]
    rows = []
    for lever in levers:
        cells: list[Any] = [words(f"lever.{lever}")]
        for figure in ("survives", "lowest_headroom", "lowest_service"):
            cells.append(statistics.paired(found.figure(name, figure, lever), found.figure(name, figure)))
        rows.append(Row(cells))
    note = words("levers.note", scenario=words.scenario(name), n=f"{len(found.draws):,}")
    return Table("levers", words("levers.title"), columns, rows, note)


def story_table(found: Findings, words: Words) -> Table | None:
    """One bad future by date: what happened, in one sentence each."""
    story = found.manifest.get("story")
    if not story or not story["events"]:
        return None
    rows = [Row([date.fromisoformat(event["date"]), told(event, words)], event["kind"]) for event in story["events"]]
    title = words("story.title", scenario=words.scenario(story["scenario"]), draw=story["draw"])
    columns = [Column(words("story.date"), "date"), Column(words("story.event"))]
    return Table("story", title, columns, rows, words("story.note", draw=story["draw"]))


def told(event: dict[str, Any], words: Words) -> str:
    """An event of the story as a sentence; a kind that the catalogue does not know by its name."""
    figures = {key: value if isinstance(value, str) else float(value) for key, value in event["figures"].items()}
    filled: dict[str, str] = {}
    for key, value in figures.items():
        if isinstance(value, str):
            filled[key] = covenant_name(value, words) if key == "covenant" else value
        elif key == "units":
            filled[key] = words.number(value)
        else:
            filled[key] = words.amount(value) if math.isfinite(value) else words("format.nothing")
    key = f"event.{event['kind']}"
    return words(key, **filled) if key in words.texts else str(event["kind"])
