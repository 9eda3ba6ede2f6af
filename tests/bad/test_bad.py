"""Every form of bad input gets its code, its place and a remedy; never a traceback, never slowly.

One change at a time is made to a small valid company. The wording of messages is free, so only a fragment of
the remedy is asserted. A case must not drag other codes along, unless it says which: a user should not have
to guess which of ten messages is the cause.
"""

import time
from pathlib import Path

import pytest

import twin.tables.lead_laws  # noqa: F401  # a check imports it where it must, and that is not the time it takes
from tests.bad.base_company import HISTORY, TABLES, write
from tests.bad.case import Case
from tests.bad.cases_history import IN_HISTORY, OTHER_FILES
from tests.bad.cases_money import MONEY
from tests.bad.cases_network import NETWORK
from tests.bad.cases_shocks import SHOCKS
from tests.bad.catalogue import CODES, NOT_HERE
from twin.tables.faults import Fault, Faults
from twin.tables.history import read_history
from twin.tables.read import read

CASES = [*NETWORK, *MONEY, *SHOCKS, *OTHER_FILES, *IN_HISTORY]


def faults_of(folder: Path, in_history: bool) -> list[Fault]:
    try:
        company, warnings = read(folder)
        if in_history:
            return [*warnings, *read_history(folder, company).warnings]
    except Faults as error:
        return list(error.faults)
    return warnings


def test_the_base_company_is_valid(tmp_path: Path) -> None:
    company, warnings = read(write(tmp_path, {**TABLES, **HISTORY}))
    assert warnings == []
    history = read_history(tmp_path, company)
    assert history.warnings == []
    assert history.sales is not None and len(history.sales) == 731


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, tmp_path: Path) -> None:
    folder = case.write(tmp_path)
    began = time.perf_counter()
    faults = faults_of(folder, case.in_history)
    assert time.perf_counter() - began < 1
    mine = [fault for fault in faults if fault.code == case.code and fault.severity == case.severity]
    said = "\n".join(map(str, faults))
    assert any(str(fault).startswith(f"{case.code} {case.place}") and case.remedy in str(fault) for fault in mine), said
    others = {fault.code for fault in faults if fault not in mine} - {case.code} - case.also
    assert not others, said
    assert all("\n" not in str(fault) and "\x07" not in str(fault) for fault in faults)


def test_every_row_of_the_catalogue_is_covered_or_explained() -> None:
    covered = {case.code for case in CASES}
    assert covered <= CODES
    assert covered.isdisjoint(NOT_HERE)
    assert covered | set(NOT_HERE) == CODES, sorted(CODES - covered - set(NOT_HERE))


def test_names_of_cases_are_unique() -> None:
    names = [(case.name, case.in_history) for case in CASES]
    assert len(names) == len(set(names))
