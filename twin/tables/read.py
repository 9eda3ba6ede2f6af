"""A company from files: a folder of tables, a workbook, or both side by side.

Everything is read as text and parsed by the row models, then checked across tables. All faults of all files
are raised together as `Faults`; warnings are returned beside the company. Paths stay inside the folder.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from twin.tables.check import check
from twin.tables.company import Company
from twin.tables.declared import Declarations, declarations_in, format_of, unused
from twin.tables.faults import Fault, Faults, Origin, did_you_mean, is_remark
from twin.tables.headings import plain, table_named, table_names
from twin.tables.parse import Parsed, parse_settings, parse_sheet
from twin.tables.rows import TABLES, Settings
from twin.tables.sheets import Sheet, csv_sheet, parquet_sheet
from twin.tables.workbook import workbook_sheets

WORKBOOK = "company.xlsx"
HISTORY = ("sales", "receipts", "销售", "收货")
_FORMAT = ("format", "格式")
_READ = (".csv", ".parquet", ".xlsx")
_NOT_READ = (".xls", ".xlsm", ".xlsb", ".ods", ".numbers", ".tsv", ".gz", ".zip")


class Reading(NamedTuple):
    """A valid company, and what its files made us wonder about."""

    company: Company
    warnings: list[Fault]


def read(path: str | Path) -> Reading:
    """The company in a folder or an .xlsx file. Raises `Faults` with everything that is wrong."""
    path = Path(path)
    faults: list[Fault] = []
    incomplete: set[str] = set()  # tables whose rows are not all known: checks that need them must wait
    sheets, declarations = _load(_files(path, faults), faults, incomplete)
    tables, origins, settings = _parse(sheets, declarations, faults, incomplete)
    book = path if path.is_file() else path / WORKBOOK
    for model in TABLES:  # where a missing table would stand
        place = Origin(book.name, model.table) if book.exists() else Origin(f"{model.table}.csv")
        origins.setdefault(model.table, place)
    given: dict[str, Any] = {model.table: () for model in TABLES if model.required}
    company = Company(**{**given, **tables}, settings=settings)
    if sheets or not _wrong(faults):
        faults += check(company, origins, incomplete)
    if _wrong(faults):
        raise Faults(faults)
    return Reading(company, faults)


def _wrong(faults: list[Fault]) -> bool:
    return any(fault.severity == "E" for fault in faults)


def inside(path: Path, root: Path) -> Fault | None:
    """A fault if a path is no plain file inside the folder: nothing outside is read, whatever a link says."""
    try:
        real = path.resolve(strict=True)
    except OSError:
        return Fault("N001", path.name, "cannot be read: no such file")
    if not real.is_relative_to(root.resolve()):
        return Fault("S011", path.name, "leads out of the company's folder; copy the file into it")
    return (
        None if real.is_file() else Fault("N001", path.name, "is not a plain file; give a CSV, Parquet or .xlsx file")
    )


def _files(path: Path, faults: list[Fault]) -> list[Path]:
    """The files that may hold tables."""
    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, siblings)
        faults.append(Fault("N001", str(path), f"cannot be read: no such file or folder{hint}"))
    elif path.is_file() and path.suffix.casefold() == ".xlsx":
        return [path]
    elif not path.is_dir():
        faults.append(Fault("N001", str(path), "is neither a folder nor an .xlsx file; give the company's folder"))
    else:
        return list(_entries(path, faults))
    return []


def _entries(folder: Path, faults: list[Fault]) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        suffix, stem = entry.suffix.casefold(), entry.name.split(".", 1)[0]
        if entry.name.startswith((".", "~$")) or (suffix not in _READ and suffix not in _NOT_READ):
            continue
        if entry.is_dir():
            continue
        problem = inside(entry, folder)
        if problem:
            faults.append(problem)
        elif suffix in _NOT_READ or (suffix == ".xlsx" and entry.name.casefold() != WORKBOOK):
            if suffix == ".xlsx" or table_named(stem) or suffix in (".xls", ".xlsm", ".xlsb", ".ods"):
                faults.append(
                    Fault(
                        "N007",
                        entry.name,
                        f"is not read; allowed: {WORKBOOK}, and tables as .csv or .parquet",
                        severity="W",
                    )
                )
        else:
            yield entry


def _load(files: Iterable[Path], faults: list[Fault], incomplete: set[str]) -> tuple[dict[str, Sheet], Declarations]:
    """The sheet of each table, and the declared formats, which must be known before CSV is read."""
    found: list[Sheet] = []
    declarations: dict[tuple[str, str], Any] = {}
    files = list(files)
    later = []
    for file in files:
        suffix = file.suffix.casefold()
        try:
            if suffix == ".xlsx":
                found += workbook_sheets(file)
            elif suffix == ".parquet":
                found.append(parquet_sheet(file))
            elif plain(file.stem) in _FORMAT:
                found.append(_format_sheet(file))
            else:
                later.append(file)
        except (Faults, OSError) as error:
            faults += _unreadable(file, error, incomplete)
    for sheet in [sheet for sheet in found if plain(sheet.name) in _FORMAT]:
        given, problems = declarations_in(sheet)
        declarations.update(given)
        faults += problems
        found.remove(sheet)
    for file in later:
        form = format_of(declarations, file.name)
        try:
            found.append(csv_sheet(file, form.encoding, form.delimiter))
        except (Faults, OSError) as error:
            faults += _unreadable(file, error, incomplete)
    faults += unused(declarations, [*(sheet.name for sheet in found), *(file.name for file in files), *HISTORY])
    return _by_table(found, faults, incomplete), declarations


def declared_in(*folders: Path) -> tuple[Declarations, list[Fault]]:
    """The declarations of the format files and sheets in folders, for a history in one of them."""
    faults: list[Fault] = []
    declarations: dict[tuple[str, str], Any] = {}
    for folder in folders:
        for file in _entries(folder, []) if folder.is_dir() else ():
            suffix = file.suffix.casefold()
            if suffix == ".xlsx" or plain(file.stem) in _FORMAT:
                try:
                    sheets = workbook_sheets(file) if suffix == ".xlsx" else [_format_sheet(file)]
                except (Faults, OSError) as error:
                    faults += _unreadable(file, error, set())
                    continue
                for sheet in sheets:
                    if plain(sheet.name) in _FORMAT:
                        given, problems = declarations_in(sheet)
                        declarations.update(given)
                        faults += problems
    return declarations, faults


def _unreadable(file: Path, error: Faults | OSError, incomplete: set[str]) -> tuple[Fault, ...]:
    """The faults of a file that could not be read at all; its tables are unknown."""
    model = table_named(file.stem)
    if file.suffix.casefold() == ".xlsx":
        incomplete.update(model.table for model in TABLES)
    elif model:
        incomplete.add(model.table)
    if isinstance(error, Faults):
        return error.faults
    return (Fault("N001", file.name, f"cannot be read: {error.strerror or 'no access'}"),)


def _format_sheet(file: Path) -> Sheet:
    """The format table itself: nothing declares it, so its few words tell its encoding and delimiter."""
    errors = []
    for encoding in ("utf-8", "gb18030"):
        for delimiter in (",", ";", "\t"):
            try:
                return csv_sheet(file, encoding, delimiter)
            except Faults as error:
                errors.append(error)
    raise errors[0]


def _by_table(sheets: Iterable[Sheet], faults: list[Fault], incomplete: set[str]) -> dict[str, Sheet]:
    tables: dict[str, Sheet] = {}
    for sheet in sheets:
        model = table_named(sheet.name)
        if is_remark(sheet.name):
            continue
        if model is None:
            hint = did_you_mean(sheet.name, table_names())
            if plain(sheet.name) in HISTORY:
                hint = "; history lies in the folder history/"
            allowed = ", ".join(model.table for model in TABLES)
            faults.append(
                Fault(
                    "N007",
                    sheet.file,
                    f"unknown table; allowed: {allowed}, format{hint}",
                    sheet.sheet,
                    found=sheet.name,
                )
            )
        elif model.table in tables:
            first = tables[model.table]
            where = first.file if first.sheet is None else f"{first.file}!{first.sheet}"
            incomplete.add(model.table)
            faults.append(
                Fault(
                    "N010",
                    sheet.file,
                    f"the table {model.table} is given twice, first in {where}; keep one",
                    sheet.sheet,
                )
            )
        else:
            tables[model.table] = sheet
    return tables


def _parse(
    sheets: dict[str, Sheet], declarations: Declarations, faults: list[Fault], incomplete: set[str]
) -> tuple[dict[str, tuple[Any, ...]], dict[str, Origin], Settings]:
    """The rows of every table, where they came from, and the settings."""
    parsed: dict[str, Parsed] = {}
    settings = Settings()
    for model in TABLES:
        if model.table not in sheets:
            continue
        sheet = sheets[model.table]
        form = format_of(declarations, sheet.name)
        result = parse_sheet(sheet, model, form)
        problems = result.faults
        if model.table == "company":
            settings, origin, more = parse_settings(sheet, result, form)
            result, problems = replace(result, origin=origin), problems + more
        parsed[model.table] = result
        if problems:
            incomplete.add(model.table)
        faults += problems
    if "company" not in incomplete:
        for name, result in parsed.items():
            for heading, currency in result.currencies.items():
                if currency != settings.currency:
                    faults.append(
                        sheets[name].fault(
                            "M011",
                            f"is in {currency}, the company in {settings.currency}: "
                            "exchange is not modelled; convert it",
                            sheets[name].header_row,
                            heading,
                            heading,
                        )
                    )
    tables = {name: tuple(result.rows) for name, result in parsed.items() if name != "company"}
    return tables, {name: result.origin for name, result in parsed.items()}, settings
