"""What breaks us, how likely, what helps most: the answers of the strategy team's studies as tables."""

import math
from typing import Any

from scenarios.report.tables import Column, Row, Table, Value
from scenarios.report.words import Words
from scenarios.statistics import Estimate


def tables(answers: dict[str, dict[str, Any]], words: Words) -> list[Table]:
    """One table per study that was made."""
    made = {"survival": survival, "reverse": reverse, "design": design, "actions": actions, "spread": spread}
    return [made[study](answer, words) for study, answer in answers.items()]


def survival(answer: dict[str, Any], words: Words) -> Table:
    """Every supplier and place, worst first."""
    columns = [
        Column(words("strategy.survival.place")),
        Column(words("strategy.survival.cover"), "days"),
        Column(words("strategy.survival.supply"), "days"),
        Column(words("strategy.survival.cash"), "days"),
        Column(words("strategy.survival.recovery"), "days"),
        Column(words("strategy.survival.too_slow"), "share"),
        Column(words("strategy.survival.margin"), "money"),
        Column(words("strategy.survival.lost_cash"), "money", signed=True),
    ]
    rows = []
    for one in answer["places"]:
        n = one["cover"][3]
        place = words("format.heading", name=one["place"], unit=words(f"strategy.kind.{one['kind']}"))
        cells: list[Any] = [place, Estimate(*one["cover"])]
        for figure in ("supply", "cash"):
            # where most futures outlast the longest outage that was tried, a mean would say less than it knows
            beyond = words("strategy.survival.beyond", days=answer["most"])
            cells.append(beyond if 2 * one[f"{figure}_open"] > n else Estimate(*one[figure]))
        cells += [Estimate(*one[x]) for x in ("recovery", "too_slow", "lost_margin")]
        fall = Estimate(*one["lost_cash"])
        cells.append(fall)
        rows.append(Row(cells))
    note = words("strategy.survival.note", start=answer["start"], most=answer["most"], n=answer["draws"],
                 recovery=answer["recovery"])  # fmt: skip
    return Table("survival", words("strategy.survival.title"), columns, rows, note, wide=True)


def reverse(answer: dict[str, Any], words: Words) -> Table:
    """Families, nearest first, or the sentence that nothing plausible breaks the company."""
    columns = [
        Column(words("strategy.reverse.family")),
        Column(words("strategy.reverse.severity")),
        Column(words("strategy.reverse.distance"), "number"),
        Column(words("strategy.reverse.once")),
    ]
    rows = []
    for one in answer["families"]:
        name = words("strategy.reverse.with").join(words.scenario(axis) for axis in one["axes"])
        severity = words("format.list").join(
            words("strategy.reverse.times", scenario=axis, number=f"{one['severity'][axis]:.2f}")
            for axis in one["axes"]
        )
        years = words("strategy.reverse.years", years=words.number(one["once_in"]))
        rows.append(Row([name, severity, f"{one['distance']:.2f}", years]))
    line = words(f"strategy.line.{answer['line']}", floor=floor_text(answer, words))
    if not rows:
        key = "already" if answer["base"] < 0 else "none"
        rows.append(Row([words(f"strategy.reverse.{key}", years=words.number(answer["rarest"])), "", "", ""]))
    note = words("strategy.reverse.note", line=line, n=answer["draws"], share=words.share(answer["share"]),
                 correlation=answer["correlation"], plays=f"{answer['plays']:,}")  # fmt: skip
    return Table("reverse", words("strategy.reverse.title"), columns, rows, note)


def floor_text(answer: dict[str, Any], words: Words) -> str:
    if answer["line"] == "fill":
        return words.share(answer["floor"])
    return words.amount(answer["floor"])


def design(answer: dict[str, Any], words: Words) -> Table:
    """Figures under sampled severities; a refusal says what it would take. A grid or list: one row per vector."""
    if "rows" in answer:
        columns = [Column(words.scenario(axis)) for axis in answer["axes"]]
        columns += [
            Column(words("measure.survival.name"), "share"),
            Column(words("strategy.design.liquidity"), "money"),
        ]
        lines = [
            Row([*(f"× {s:.2f}" for s in one["severity"]), Estimate(*one["survival"]), Estimate(*one["liquidity"])])
            for one in answer["rows"]
        ]
        note = words("strategy.design.table_note", n=answer["n"])
        return Table("design", words("strategy.design.title"), columns, lines, note)
    columns = [Column(words("strategy.design.figure")), Column(words("strategy.design.value"), "money")]
    rows = []
    for name, found in answer["figures"].items():
        cell: Any = (
            words("strategy.design.refused", need=f"{found['need']:,}", n=f"{found['n']:,}")
            if isinstance(found, dict)
            else Value(Estimate(*found), "share" if name in ("survival", "fill") else "money")
        )
        rows.append(Row([figure_name(name, words), cell]))
    axes = words("format.list").join(words.scenario(axis) for axis in answer["axes"])
    note = words("strategy.design.note", kind=words(f"strategy.design.kinds.{answer['kind']}"), n=f"{answer['n']:,}",
                 law=answer["severity"], axes=axes)  # fmt: skip
    if not answer["met"]:
        note += " " + words("strategy.design.not_met", width=words.points(answer["width"], signed=False))
    return Table("design", words("strategy.design.title"), columns, rows, note)


def figure_name(name: str, words: Words) -> str:
    named = {"survival": "measure.survival.name", "fill": "measure.fill_rate.name", "liquidity": "strategy.design.mean"}
    if name in named:
        return words(named[name])
    return words("strategy.design.quantile", level=name.removeprefix("liquidity "))


def actions(answer: dict[str, Any], words: Words) -> Table:
    """What helps, best per unit of money first; then the best ones together. The frontier is marked."""
    columns = [
        Column(words("strategy.actions.action")),
        Column(words("strategy.actions.spent"), "money", signed=True),
        Column(words("strategy.actions.liquidity"), "money", signed=True),
        Column(words("strategy.actions.per_unit"), "number"),
        Column(words("levers.survival"), "points", signed=True),
        Column(words("strategy.actions.fill"), "points", signed=True),
        Column(words("strategy.actions.frontier")),
    ]
    rows = []
    for one in answer["actions"]:
        names = [
            words("format.heading", name=words(f"strategy.action.{name}"), unit=size)
            for name, size in zip(one["names"], one["sizes"], strict=True)
        ]
        on = words("strategy.actions.on") if one["efficient"] else words("format.nothing")
        rows.append(Row([
            " + ".join(names), Estimate(*one["spent"]), Estimate(*one["liquidity"]), per_unit(one, words),
            Estimate(*one["survival"]), Estimate(*one["fill"]), on,
        ]))  # fmt: skip
    note = words("strategy.actions.note", scenario=words.scenario(answer["scenario"]), n=answer["draws"])
    return Table("actions", words("strategy.actions.title"), columns, rows, note, wide=True)


def per_unit(one: dict[str, Any], words: Words) -> str:
    """Gain per unit of money, with its interval; in words where nothing is spent or the cost is not known well."""
    spent, ratio = Estimate(*one["spent"]), Estimate(*one["per_unit"])
    if spent.value <= 0:
        return words("strategy.actions.free")
    if math.isnan(ratio.low):
        return words("strategy.actions.unknown")
    return words("strategy.actions.ratio", value=words.number(ratio.value, 1), low=words.number(ratio.low, 1),
                 high=words.number(ratio.high, 1))  # fmt: skip


def spread(answer: dict[str, Any], words: Words) -> Table:
    """What we do not know and what nobody can know, figure by figure."""
    columns = [
        Column(words("strategy.spread.figure")),
        Column(words("strategy.spread.deviation"), "money"),
        Column(words("strategy.spread.parameters"), "share"),
        Column(words("strategy.spread.luck"), "share"),
    ]
    rows = []
    for name, one in answer["figures"].items():
        deviation = math.sqrt(max(one["parameters"] + one["luck"], 0.0))
        share = min(max(one["share"], 0.0), 1.0)
        kind = "share" if name == "fill" else "money"
        cells = [Value(deviation, kind), Estimate(share, one["low"], one["high"], 2 * one["draws"]), 1 - share]  # type: ignore[arg-type]
        rows.append(Row([figure_name(name, words), *cells]))
    note = words("strategy.spread.note", draws=f"{answer['draws']:,}", n=f"{2 * answer['draws']:,}",
                 scenario=words.scenario(answer["scenario"]))  # fmt: skip
    return Table("spread", words("strategy.spread.title"), columns, rows, note)
