"""What tables and columns are called: in English and Chinese, with or without their unit in brackets.

A unit that stands in a heading is checked: a column of cents or of percent read as currency or fraction
would be the dearest of all silent faults.
"""

import re
import types
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from twin.tables.faults import did_you_mean
from twin.tables.rows import TABLES, Row
from twin.tables.values import fail

_BRACKETED = re.compile(r"(.*?)[\[(【〔](.*)[\])】〕]", re.DOTALL)
# The words of units, each with the ways in which it is written; the first two are what we write ourselves.
_UNIT_WORDS = {
    "currency": ("currency", "货币", "元"),
    "unit": ("unit", "件", "units", "pc", "pcs", "个"),
    "day": ("day", "天", "days", "日"),
    "fraction": ("fraction", "小数", "share"),
    "year": ("year", "年", "a year", "p.a."),
    "date": ("date", "年-月-日", "日期", "yyyy-mm-dd"),
}
_MEANING = {word: unit for unit, words in _UNIT_WORDS.items() for word in words}


@dataclass(frozen=True)
class Heading:
    """A column as the user named it; `currency` where the heading states one."""

    column: str
    currency: str | None = None


def plain(name: str) -> str:
    """A name as it is compared: full-width letters, case, blanks, hyphens and underscores do not matter."""
    return re.sub(r"[\s_\-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold())


def extra(info: FieldInfo, what: str) -> str:
    """A word of the data dictionary about a column: zh, unit, source or code."""
    words: Any = info.json_schema_extra
    return str(words[what])


def kind(info: FieldInfo) -> str:
    """What a column holds: number, date, choice, yes_no or text."""
    inner = info.annotation
    while get_origin(inner) in (Annotated, Union, types.UnionType):
        inner = get_args(inner)[0]
    if get_origin(inner) is Literal:
        return "choice"
    kinds: dict[Any, str] = {Decimal: "number", int: "number", date: "date", bool: "yes_no"}
    return kinds.get(inner, "text")


def may_be_empty(info: FieldInfo) -> bool:
    """Whether nothing is a value of the column."""
    return type(None) in get_args(info.annotation)


def choices(info: FieldInfo) -> tuple[str, ...]:
    """The allowed words of a choice."""
    inner = info.annotation
    while get_origin(inner) is not Literal:
        inner = get_args(inner)[0]
    return tuple(str(word) for word in get_args(inner))


def written(name: str, info: FieldInfo, lang: str) -> str:
    """The heading that we write: name and unit."""
    unit = extra(info, "unit")
    if lang == "zh":
        name, unit = extra(info, "zh"), "/".join(_UNIT_WORDS[word][1] for word in unit.split("/") if word)
    return f"{name} [{unit}]" if unit else name


def table_named(name: str) -> type[Row] | None:
    """The table that a sheet or file is called after."""
    return _table_names().get(plain(name))


def table_names() -> list[str]:
    return [name for model in TABLES for name in (model.table, model.zh)]


def _table_names() -> dict[str, type[Row]]:
    return {plain(name): model for model in TABLES for name in (model.table, model.zh)}


def column_named(model: type[BaseModel], cell: str) -> Heading:
    """The column that a heading means; raises N007 if there is none, N023 if its unit is another."""
    names = {}
    for column, info in model.model_fields.items():
        names[plain(column)] = names[plain(extra(info, "zh"))] = column
    if plain(cell) in names:
        return Heading(names[plain(cell)])
    bracketed = _BRACKETED.fullmatch(unicodedata.normalize("NFKC", cell).strip())
    name = plain(bracketed[1]).strip("_") if bracketed else plain(cell)
    if name not in names:
        allowed = [word for column, info in model.model_fields.items() for word in (column, extra(info, "zh"))]
        hint = did_you_mean((bracketed[1] if bracketed else cell).strip(), allowed)
        raise fail(
            "N007",
            "unknown column; allowed: {allowed}{hint}",
            allowed=", ".join(model.model_fields),
            hint=hint,
        )
    column = names[name]
    return Heading(column, _currency(column, extra(model.model_fields[column], "unit"), bracketed))


def _currency(column: str, unit: str, bracketed: re.Match[str] | None) -> str | None:
    """Compares the unit in brackets with the dictionary's; a currency code may stand for 'currency'."""
    if not bracketed or not unit:
        return None
    code = None
    found = []
    for word in bracketed[2].strip().casefold().split("/"):
        meaning = _MEANING.get(word.strip())
        if meaning is None and re.fullmatch("[a-z]{3}", word.strip()) and "currency" in unit:
            code, meaning = word.strip().upper(), "currency"
        found.append(meaning)
    if found != unit.split("/"):
        raise fail(
            "N023",
            "the unit of {column} is {unit}; convert the values and write [{unit}]",
            column=column,
            unit=unit,
        )
    return code
