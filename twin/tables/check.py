"""What must hold between the tables of a company. Every check runs; all findings are collected.

A check says which tables must be complete for its findings to be true: after a fault in the nodes, for
example, every lane would seem to lead nowhere. Such checks wait until those tables are mended, the others
run all the same.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from twin.tables.check_goods import GOODS
from twin.tables.check_ids import IDS, missing_tables
from twin.tables.check_money import MONEY
from twin.tables.check_opening import OPENING
from twin.tables.check_routes import ROUTES
from twin.tables.check_shocks import SHOCKS
from twin.tables.company import Company
from twin.tables.faults import Fault, Faults, Finding, Origin

Check = Callable[[Company], Iterator[Finding]]
# Each check with the tables that must be complete; "company" stands for the settings.
Checks = tuple[tuple[Check, tuple[str, ...]], ...]
OF_IDS: Checks = IDS
BUILT_ON_IDS: Checks = (*ROUTES, *GOODS, *OPENING, *MONEY, *SHOCKS)


def check(
    company: Company, origins: Mapping[str, Origin] | None = None, incomplete: Collection[str] = ()
) -> list[Fault]:
    """All faults and warnings of a company. `origins` say where each table came from."""
    unknown = set(incomplete)
    findings = [finding for finding in missing_tables(company) if finding.table not in unknown]
    unknown |= {finding.table for finding in findings}
    for run, needs in OF_IDS:
        if not unknown.intersection(needs):
            findings += run(company)
    # What is built on wrong ids would only repeat their faults in other words.
    unknown |= {finding.table for finding in findings if finding.severity == "E"}
    for run, needs in BUILT_ON_IDS:
        if not unknown.intersection(needs):
            findings += run(company)
    places = origins or {}
    return [places.get(finding.table, Origin(finding.table)).place(finding) for finding in findings]


def ensure(company: Company) -> list[Fault]:
    """The warnings of a company that was built in Python; raises Faults if anything is wrong with it."""
    faults = check(company)
    if any(fault.severity == "E" for fault in faults):
        raise Faults(faults)
    return faults
