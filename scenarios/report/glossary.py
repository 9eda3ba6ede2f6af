"""The glossary: every measure with its formula and unit, and its name in both languages."""

from scenarios.report import catalogue
from scenarios.report.tables import Column, Row, Table
from scenarios.report.words import Words

MEASURES = (
    "survival", "default", "lowest_cash", "headroom", "lowest_headroom", "covenant_slack", "fill_rate",
    "lowest_service", "revenue_total", "gross_profit", "net_profit", "peak_revolver", "refused_total", "overdue",
    "dio", "dso", "dpo", "ccc", "future", "scenario", "range", "interval", "paired", "gate", "goods_only",
    "treasury_only", "capped",
)  # fmt: skip


def glossary_table(words: Words) -> Table:
    """One line per measure or word."""
    others = [lang for lang in catalogue.LANGUAGES if lang != words.lang]
    columns = [Column(words("glossary.name"))]
    columns += [Column(words(f"language.{lang}")) for lang in others]
    columns += [Column(words("glossary.formula")), Column(words("glossary.unit"))]
    rows = []
    for measure in MEASURES:
        cells = [words(f"measure.{measure}.name")]
        cells += [catalogue.load(lang)[f"measure.{measure}.name"] for lang in others]
        cells += [words(f"measure.{measure}.formula"), words(f"measure.{measure}.unit", money=words.unit)]
        rows.append(Row(cells))
    return Table("glossary", words("glossary.title"), columns, rows)
