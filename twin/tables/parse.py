"""From text to rows: which column a heading means, and each row through its model. Faults are collected."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from twin.tables.declared import Format
from twin.tables.faults import Fault, Origin, did_you_mean, listed
from twin.tables.headings import choices, column_named, extra, kind, may_be_empty, plain
from twin.tables.rows import Row, Settings
from twin.tables.sheets import Sheet, Stored
from twin.tables.values import FORMULA_SIGNS, is_spreadsheet_error

# Codes for a value out of range: a column may state a more telling one. "Not a number" stays what it is.
_RANGE_CODES = {"N007", "N018", "N021", "N023", "M008"}
# A cell that would start a formula is written with a quote before it; so is a cell that starts with a quote.
_QUOTED = set(FORMULA_SIGNS) | set("\t\r'")
NONE = "none"


@dataclass(frozen=True)
class Parsed:
    """The rows of one table that could be read, where they came from, and what is wrong with the others."""

    origin: Origin
    rows: list[Any] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    currencies: Mapping[str, str] = field(default_factory=dict)  # stated in headings, by heading


def harmless(value: str) -> str:
    """Text that no spreadsheet takes for a formula; `unquoted` undoes it exactly."""
    return f"'{value}" if value[:1] in _QUOTED else value


def unquoted(cell: str) -> str:
    """Takes away the quote that `harmless` put before a text."""
    if len(cell) > 1 and cell[0] == "'" and cell[1] in _QUOTED and not isinstance(cell, Stored):
        return cell[1:]
    return cell


def parse_sheet(sheet: Sheet, model: type[Row], form: Format) -> Parsed:
    """The rows of a table. A row with a fault is left out, a column with an unknown heading too."""
    places, currencies, faults = match_header(sheet, model)
    origin = Origin(sheet.file, sheet.sheet, [], {column: sheet.header[place] for column, place in places.items()})
    numbers: list[int] = []
    parsed: list[Any] = []
    kinds = {column: kind(model.model_fields[column]) for column in places}
    for row, cells in sheet.rows:
        given = {column: unquoted(cells[place]) for column, place in places.items()}
        result, problems = _parse_row(model, given, kinds, form)
        faults += [
            sheet.fault(code, message, row, origin.headings[column], found) for code, column, found, message in problems
        ]
        if result is not None:
            numbers.append(row)
            parsed.append(result)
    return Parsed(Origin(origin.file, origin.sheet, numbers, origin.headings), parsed, faults, currencies)


def match_header(sheet: Sheet, model: type[BaseModel]) -> tuple[dict[str, int], dict[str, str], list[Fault]]:
    """Where each column stands, the currencies that headings state, and faults of the header."""
    places: dict[str, int] = {}
    currencies: dict[str, str] = {}
    faults = list(sheet.faults)
    for place, cell in enumerate(sheet.header):
        if not cell.strip():
            if any(cells[place].strip() for _, cells in sheet.rows):
                faults.append(sheet.fault("H001", f"column {place + 1} has cells but no heading", sheet.header_row))
            continue
        try:
            heading = column_named(model, cell)
        except PydanticCustomError as error:
            faults.append(sheet.fault(error.type, error.message(), sheet.header_row, cell, cell))
            continue
        if heading.column in places:
            first = sheet.header[places[heading.column]]
            message = f"column {heading.column} is given twice, first as '{first}'; keep one"
            faults.append(sheet.fault("H001", message, sheet.header_row, cell, cell))
            continue
        places[heading.column] = place
        if heading.currency:
            currencies[cell] = heading.currency
    for name, info in model.model_fields.items():
        if info.is_required() and name not in places:
            found = listed(cell for cell in sheet.header if cell.strip())
            faults.append(
                sheet.fault(
                    "H001",
                    f"column {name} ({extra(info, 'zh')}) is missing; found: {found}",
                    sheet.header_row,
                    name,
                )
            )
    return places, currencies, faults


def _parse_row(
    model: type[BaseModel], given: Mapping[str, str], kinds: Mapping[str, str], form: Format
) -> tuple[BaseModel | None, list[tuple[str, str, str, str]]]:
    """The row, or None and its problems: (code, column, found, message)."""
    problems = []
    data: dict[str, str | None] = {}
    for column, cell in given.items():
        try:
            standard = form.standard(cell, kinds[column])
        except PydanticCustomError as error:
            problems.append((error.type, column, cell, error.message()))
            continue
        if standard.strip():
            data[column] = standard
        elif model.model_fields[column].is_required():
            data[column] = None  # its validator knows what to say of an empty cell
    try:
        row = model.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            column = str(detail["loc"][0])
            if column in data:  # else its fault was reported above, or once for all rows in the header
                problems.append(_problem(model.model_fields[column], detail, column, given[column]))
        return None, problems
    return (None if problems else row), problems


def _problem(info: FieldInfo, detail: ErrorDetails, column: str, found: str) -> tuple[str, str, str, str]:
    code, message = detail["type"], detail["msg"]
    if code == "literal_error":
        allowed = choices(info)
        if is_spreadsheet_error(found.strip()):
            return "H009", column, found, "is a spreadsheet error; mend the formula"
        code, message = "N007", f"allowed: {', '.join(allowed)}{did_you_mean(found.strip(), allowed)}"
    if code in _RANGE_CODES and extra(info, "code"):
        code = extra(info, "code")
    return code, column, found, message


def parse_settings(sheet: Sheet, parsed: Parsed, form: Format) -> tuple[Settings, Origin, list[Fault]]:
    """The settings of the company table: each row is a field of `Settings`, named in either language.

    The rows of the origin stand in the order of `Company.table("company")`, whatever their order in the file.
    """
    fields = Settings.model_fields
    named = {plain(word): name for name, info in fields.items() for word in (name, extra(info, "zh"))}
    heading = parsed.origin.headings
    # The cells as they stand, since a number stored as such is not subject to the declared format.
    place = sheet.header.index(heading["value"]) if parsed.rows else 0
    cells = {row: unquoted(cells[place]) for row, cells in sheet.rows}
    given: dict[str, Any] = {}
    places: dict[str, int] = {}
    faults: list[Fault] = []
    for row, setting in zip(parsed.origin.rows, parsed.rows, strict=True):
        name = named.get(plain(setting.setting))
        if name is None:
            allowed = f"allowed: {', '.join(fields)}{did_you_mean(setting.setting, [*fields, *named])}"
            faults.append(sheet.fault("N007", f"unknown setting; {allowed}", row, heading["setting"], setting.setting))
        elif name in places:
            message = f"given twice, first in row {places[name]}; keep one"
            faults.append(sheet.fault("N010", message, row, heading["setting"], setting.setting))
        else:
            places[name] = row
            if may_be_empty(fields[name]) and cells[row].strip().lower() in (NONE, "无"):
                given[name] = None
                continue
            try:
                given[name] = form.standard(cells[row], kind(fields[name]))
            except PydanticCustomError as error:
                faults.append(sheet.fault(error.type, error.message(), row, heading["value"], cells[row]))
    origin = replace(parsed.origin, rows=[places[name] for name in fields if name in places])
    try:
        return Settings.model_validate(given), origin, faults
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0])
            code, _, found, message = _problem(fields[name], detail, name, cells[places[name]])
            faults.append(sheet.fault(code, f"{name}: {message}", places[name], heading["value"], found))
        return Settings(), origin, faults
