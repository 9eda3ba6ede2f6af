"""What the figures rest on: defaults that were used, severities, and how the run was made."""

from datetime import timedelta
from typing import Any

from pydantic.fields import FieldInfo

from scenarios import library
from scenarios.composition import parts
from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Row, Table
from scenarios.report.words import Words
from twin.tables import rows
from twin.tables.about_zh import ABOUT_ZH
from twin.tables.headings import extra, written
from twin.tables.values import text

PLACES = ("supplier", "node", "product", "category", "channel", "facility")


def assumptions_table(found: Findings, words: Words) -> Table:
    """Every default that was used: one line per table and column, with how many rows used it."""
    lines = []
    for model in rows.TABLES:
        if model.table == "company":
            lines += settings_lines(found, words)
            continue
        given = found.company.table(model.table)
        if not given:
            if not model.required:
                absent = words.either(f"absent.{model.table}", model.about)
                lines.append(Row([table_name(model, words), words("assumptions.absent"), absent, "", "", ""]))
            continue
        for name, info in model.model_fields.items():
            used = sum(name not in row.model_fields_set for row in given)
            if used and not info.is_required() and not says_nothing(info):
                count = words("assumptions.count", used=f"{used:,}", rows=f"{len(given):,}")
                lines.append(Row([*line(model, name, info, words), count]))
    columns = [Column(words(f"assumptions.{x}")) for x in ("table", "column", "meaning", "default", "source", "rows")]
    return Table("assumptions", words("assumptions.title"), columns, lines, words("assumptions.note"))


def settings_lines(found: Findings, words: Words) -> list[Row]:
    settings = found.company.settings
    used = [name for name in type(settings).model_fields if name not in settings.model_fields_set]
    return [
        Row([*line(rows.Setting, name, type(settings).model_fields[name], words), words("assumptions.setting")])
        for name in used
    ]


def line(model: type[rows.Row], name: str, info: FieldInfo, words: Words) -> list[str]:
    """Table, column, meaning, default and source of one column."""
    source = extra(info, "source")
    source = words.either(f"source.{source}", source)
    default = default_text(model, name, info)
    if not default:
        default, source = source, words("assumptions.rule")
    return [table_name(model, words), written(name, info, words.lang), meaning(model, name, info, words), default,
            source or words("assumptions.declared")]  # fmt: skip


def default_text(model: type[rows.Row], name: str, info: FieldInfo) -> str:
    """The default as the row model holds it after validation, '' where empty is a rule of its own."""
    if info.default is None:
        return ""
    shown = info.default if not isinstance(info.default, bool) else ("yes" if info.default else "no")
    return text(shown) or ""


def meaning(model: type[rows.Row], name: str, info: FieldInfo, words: Words) -> str:
    """The data dictionary's words; the Chinese ones end before what holds where the cell is empty."""
    if model is rows.Setting:
        return words.either(f"setting.{name}", info.description or "")
    if words.lang == "zh":
        about = ABOUT_ZH.get(model.table, {}).get(name, "")
        return about.split("；空：")[0]
    return info.description or ""


def says_nothing(info: FieldInfo) -> bool:
    """A column that may be empty and then means nothing, such as a note: leaving it out assumes nothing."""
    return info.default is None and not extra(info, "source")


def table_name(model: type[rows.Row], words: Words) -> str:
    return model.zh if words.lang == "zh" else model.table


def severities_table(found: Findings, words: Words) -> Table | None:
    """Every shock of every scenario: what, when, how much, where, and who says so."""
    own = {row.scenario for row in found.company.shocks}
    lines = []
    for name in found.stresses:
        given = parts(name)
        cards = [library.library().get(part) for part in given if part not in own]
        known = [card for card in cards if card is not None]
        source = words("format.list").join(source_text(card, words) for card in known)
        if len(known) < len(given):
            source = words("format.list").join(filter(None, [words("severities.own"), source]))
        for shock in found.manifest["shocks"].get(name, []):
            lines.append(Row([words.scenario(name), *shock_cells(shock, found, words), source]))
    if not lines:
        return None
    names = ("shock", "field", "start", "days", "size", "shape", "place", "odds", "origin")
    columns = [Column(words("verdict.scenario")), *(Column(words(f"severities.{x}")) for x in names)]
    return Table("severities", words("severities.title"), columns, lines, words("severities.note"), wide=True)


def source_text(card: library.Card, words: Words) -> str:
    """Where a card's severity comes from, in words."""
    return words(f"severities.source.{card.source['kind']}", about=card.source[words.lang])


def shock_cells(shock: dict[str, Any], found: Findings, words: Words) -> list[Any]:
    """The cells of one shock as the manifest keeps it: only what was given."""
    start = found.dates[0] + timedelta(days=int(shock["start"]))
    ends = last_day(shock, len(found.dates)) >= len(found.dates)
    length = words("severities.to_the_end") if ends else f"{int(shock['days']):,}"
    places = [
        words("severities.at", what=words(f"place.{x}"), names=str(shock[x]).replace("|", ", "))
        for x in PLACES
        if shock.get(x)
    ]
    odds = words(
        "severities.severity_odds", severity=shock.get("severity", "1"), probability=shock.get("probability", "1")
    )
    if shock.get("group"):
        odds = words("severities.group", odds=odds, group=shock["group"], correlation=shock.get("correlation", "1"))
    return [
        shock["shock"],
        words.either(f"shock_field.{shock['field']}", shock["field"]),
        start,
        length,
        size(shock, words),
        words.either(f"shape.{shock.get('shape', 'step')}", str(shock.get("shape"))),
        words("format.list").join(places) if places else words("severities.everywhere"),
        odds,
    ]


def last_day(shock: dict[str, Any], days: int) -> int:
    """The first day after a shock; a regime stays to the end of the horizon."""
    return days if shock.get("shape") == "regime" else int(shock["start"]) + int(shock["days"])


def size(shock: dict[str, Any], words: Words) -> str:
    """How strong a shock is at its full severity."""
    if shock.get("factor") is not None:
        return words("severities.factor", factor=shock["factor"])
    if shock.get("net_days") is not None:
        return words("severities.net_days", days=shock["net_days"])
    if shock.get("add") is not None:
        return words("severities.add", add=words.share(float(shock["add"]), signed=True))
    return words("format.nothing")


def run_table(found: Findings, words: Words) -> Table:
    """Seed, futures, versions, input hash, residuals of the invariants, capped lead times."""
    manifest = found.manifest
    residual = max(manifest["residuals"].values(), default=0.0)
    capped = [
        words(
            "run.capped_in",
            scenario=words.scenario(name),
            number=words.number(float(found.figure(name, "total_capped").mean()), 1),
        )
        for name in found.names
    ]
    facts = [
        ("futures", f"{len(found.draws):,}"),
        ("seed", str(manifest["seed"])),
        ("horizon", words("run.from_to", days=len(found.dates), start=words.full_date(found.dates[0]),
                          end=words.full_date(found.dates[-1]))),
        ("mode", words.either(f"run.modes.{manifest['mode']}", manifest["mode"])),
        ("input_hash", manifest["input_hash"]),
        ("residuals", words("run.residual", number=f"{residual:g}", cases=len(manifest["residuals"]))),
        ("capped", words("format.list").join(capped)),
        ("versions", words("format.list").join(f"{k} {v}" for k, v in manifest["versions"].items())),
        ("device", words("run.on_device", device=manifest["device"], seconds=f"{manifest['seconds']:,.0f}")),
    ]  # fmt: skip
    columns = [Column(words("run.fact")), Column(words("run.value"))]
    return Table("run", words("run.title"), columns, [Row([words(f"run.{k}"), v]) for k, v in facts])
