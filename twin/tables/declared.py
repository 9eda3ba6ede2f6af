"""How files are written, as the user declares it: encoding, delimiter, decimal sign, thousands, dates.

The declaration is a sheet or file called `format` with the columns file, setting and value; an empty file
means all. Nothing is guessed: without a declaration a file is UTF-8, comma-separated, with decimal points
and ISO dates, and the fault about anything else names the declaration that would make it readable.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar, NamedTuple

from pydantic_core import PydanticCustomError

from twin.tables.faults import Fault, did_you_mean, listed
from twin.tables.headings import column_named, plain
from twin.tables.rows import REQUIRED, Row, column
from twin.tables.sheets import Sheet, Stored
from twin.tables.values import Id, fail

_SIGNS = {
    ",": ("comma", "逗号"),
    ";": ("semicolon", "分号", "；"),
    "\t": ("tab", "制表符"),
    "|": ("bar", "竖线"),
    ".": ("point", "dot", "点"),
    " ": ("blank", "space", "空格"),
    "'": ("apostrophe", "撇号"),
}
_SIGN_NAMED = {name: sign for sign, names in _SIGNS.items() for name in (sign, *names)}
# What may be declared, and the values it may have. The first value of each is the default.
ALLOWED: dict[str, tuple[str, ...]] = {
    "encoding": ("utf-8", "gb18030"),
    "delimiter": (",", ";", "\t", "|"),
    "decimal": (".", ","),
    "thousands": ("", ",", ".", " ", "'"),
    "dates": ("iso", "excel", "excel-1904"),
}
_SETTING_ZH = {
    "编码": "encoding",
    "分隔符": "delimiter",
    "小数点": "decimal",
    "千位分隔符": "thousands",
    "日期": "dates",
}
_SAME_ENCODING = {
    "utf8": "utf-8",
    "utf-8-sig": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
}
_EXCEL_DAY_0 = {"excel": date(1899, 12, 30), "excel-1904": date(1904, 1, 1)}


class Declaration(Row):
    """A row of the format table."""

    table: ClassVar[str] = "format"
    zh: ClassVar[str] = "格式"
    about: ClassVar[str] = "How the files beside it are written."
    file: Id | None = column(None, "文件", "", "file or sheet, e.g. demand.csv", "all")
    setting: Id = column(REQUIRED, "设置", "", "encoding, delimiter, decimal, thousands or dates")
    value: Id = column(REQUIRED, "取值", "", "its value")


@dataclass(frozen=True)
class Format:
    """How one file or sheet is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    dates: str = "iso"

    def standard(self, found: str, kind: str) -> str:
        """A cell as it would stand in a file without declarations; raises where it does not keep to them."""
        if kind == "number" and not isinstance(found, Stored) and (self.decimal, self.thousands) != (".", ""):
            return self._number(found)
        if kind == "date" and self.dates in _EXCEL_DAY_0 and re.fullmatch(r"[0-9]{1,5}(\.0*)?", found.strip()):
            return (_EXCEL_DAY_0[self.dates] + timedelta(days=int(float(found)))).isoformat()
        return found

    def _number(self, found: str) -> str:
        if not re.search("[0-9]", found):  # a word: the number's own parser has the better remedy
            return found
        thousands = re.escape(self.thousands)
        grouped = rf"[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+|[0-9]+" if thousands else "[0-9]+"
        match = re.fullmatch(
            rf"\s*([+-]?)({grouped})?(?:{re.escape(self.decimal)}([0-9]*))?([eE][+-]?[0-9]{{1,3}})?\s*", found
        )
        if not match or not (match[2] or match[3]):
            thousand = f" and thousands '{self.thousands}'" if self.thousands else ""
            raise fail(
                "N020",
                "is not written with the declared decimal '{decimal}'{thousand}",
                decimal=self.decimal,
                thousand=thousand,
            )
        whole = (match[2] or "0").replace(self.thousands, "") if self.thousands else match[2] or "0"
        return f"{match[1]}{whole}.{match[3] or '0'}{match[4] or ''}"


class Declared(NamedTuple):
    """A declared value, and a fault that says where it stands, for a later complaint."""

    value: str
    place: Fault


# By file (without extension; empty: all files) and setting.
Declarations = Mapping[tuple[str, str], Declared]


def format_of(declarations: Declarations, name: str) -> Format:
    """The format of a file or sheet; what is said of one file wins over what is said of all."""
    settings = {
        setting: declared.value
        for wanted in ("", _stem(name))
        for (file, setting), declared in declarations.items()
        if file == wanted
    }
    return replace(Format(), **settings)


def unused(declarations: Declarations, names: Iterable[str]) -> list[Fault]:
    """Complaints about declarations for files that are not there."""
    names = list(names)
    stems = {_stem(name) for name in names}
    strays = {file: declared.place for (file, _), declared in declarations.items() if file and file not in stems}
    return [
        replace(place, message=f"there is no such file or sheet{did_you_mean(place.found or '', names)}")
        for place in strays.values()
    ]


def declarations_in(sheet: Sheet) -> tuple[Declarations, list[Fault]]:
    """The declarations of a format table, and its faults."""
    faults = list(sheet.faults)
    columns: dict[str, int] = {}
    for place, heading in enumerate(sheet.header):
        try:
            columns[column_named(Declaration, heading).column] = place
        except PydanticCustomError as error:
            faults.append(sheet.fault(error.type, error.message(), sheet.header_row, heading, heading))
    missing = sorted({"setting", "value"} - set(columns))
    if missing:
        message = f"columns missing: {listed(missing)}; write file, setting, value"
        return {}, [*faults, sheet.fault("H001", message, sheet.header_row)]
    declarations: dict[tuple[str, str], Declared] = {}
    for row, cells in sheet.rows:
        given = {name: cells[place] for name, place in columns.items()}
        setting = _SETTING_ZH.get(given["setting"].strip(), plain(given["setting"]))
        value = _value(setting, given["value"])
        file = given.get("file", "").strip()
        if setting not in ALLOWED:
            message = f"unknown setting; allowed: {', '.join(ALLOWED)}{did_you_mean(setting, ALLOWED)}"
            faults.append(sheet.fault("N007", message, row, "setting", given["setting"]))
        elif value is None:
            message = f"allowed for {setting}: {', '.join(map(_name, ALLOWED[setting]))}"
            faults.append(sheet.fault("N007", message, row, "value", given["value"]))
        else:
            place_of_it = sheet.fault("N007", "", row, "file", file)
            declarations["" if file == "*" else _stem(file), setting] = Declared(value, place_of_it)
    return declarations, [*faults, *_contradictions(declarations)]


def _contradictions(declarations: Declarations) -> list[Fault]:
    return [
        replace(
            declared.place,
            code="N020",
            message="decimal and thousands are the same sign; declare the other one",
        )
        for (file, setting), declared in declarations.items()
        if setting == "thousands" and format_of(declarations, file).decimal == declared.value
    ]


def _stem(name: str) -> str:
    return plain(name.rsplit(".", 1)[0])


def _value(setting: str, found: str) -> str | None:
    """The declared value, by its sign or its name; None if it is not allowed."""
    if setting in ("delimiter", "decimal", "thousands"):
        word = found if found in _SIGN_NAMED else found.strip().casefold()
        value = "" if setting == "thousands" and word in ("none", "无") else _SIGN_NAMED.get(word)
    else:
        word = found.strip().casefold()
        value = _SAME_ENCODING.get(word, word)
    return value if value in ALLOWED.get(setting, ()) else None


def _name(sign: str) -> str:
    return _SIGNS[sign][0] if sign in _SIGNS else sign or "none"
