"""Checks on companies built in Python, the default routing shared with the network, small rules of dates."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.tables.shops import small
from twin.tables import rows
from twin.tables.check import BUILT_ON_IDS, OF_IDS, check, ensure
from twin.tables.check_goods import memory, state_bytes
from twin.tables.check_money import best_base, month_end
from twin.tables.check_routes import default_routes, slots
from twin.tables.company import Company
from twin.tables.faults import Faults
from twin.tables.routing import routes
from twin.tables.rows import TABLES


def nodes(*described: str) -> tuple[rows.Node, ...]:
    """'S1 store DC1' is a node, its kind and its source."""
    parts = [words.split() for words in described]
    return tuple(rows.Node(node=part[0], kind=part[1], source=part[2] if len(part) > 2 else None) for part in parts)


def shop(described: tuple[rows.Node, ...], **tables: tuple[rows.Row, ...]) -> Company:
    product = rows.Product(product="A", price="2", cost="1")
    return Company(described, (product,), (), (), (), **tables)


def lanes(company: Company) -> set[tuple[str, str]]:
    return {(lane.source, lane.destination) for lane in routes(company).lanes}


def test_a_company_in_python_is_checked_the_same_way(tmp_path: Path) -> None:
    company = small(tmp_path)
    assert ensure(company) == []
    wrong = replace(company, lanes=(*company.lanes, rows.Lane(source="DC9", destination="S1")))
    with pytest.raises(Faults) as error:
        ensure(wrong)
    assert str(error.value.faults[0]).startswith("N012 lanes:6:source: found 'DC9'")


def test_every_check_names_tables_that_exist() -> None:
    names = {model.table for model in TABLES}
    for run, needs in (*OF_IDS, *BUILT_ON_IDS):
        assert set(needs) <= names, run


def test_no_check_fails_on_a_company_without_rows() -> None:
    empty = Company((), (), (), (), ())
    for run, _ in (*OF_IDS, *BUILT_ON_IDS):
        list(run(empty))
    assert {fault.code for fault in check(empty)} == {"N009"}


def test_default_lanes() -> None:
    assert lanes(shop(nodes("V supplier", "W supplier", "D dc", "S store"))) == {
        ("V", "D"),
        ("W", "D"),
        ("D", "S"),
    }
    assert lanes(shop(nodes("V supplier", "S store", "T store"))) == {("V", "S"), ("V", "T")}
    two = nodes("V supplier", "D dc", "E dc", "S store D", "T store E", "U store V")
    assert lanes(shop(two)) == {("V", "D"), ("V", "E"), ("D", "S"), ("E", "T"), ("V", "U")}
    assert lanes(shop(nodes("V supplier", "D dc", "E dc", "S store"))) == {("V", "D"), ("V", "E")}


def test_what_default_lanes_cannot_say_is_a_fault() -> None:
    for described in (
        nodes("V supplier", "D dc", "E dc", "S store"),
        nodes("V supplier", "P dc", "D dc P", "S store D"),
        nodes("V supplier", "S store V"),
    ):
        [finding] = default_routes(shop(described))
        assert (finding.code, finding.column) == ("N016", "source")


def test_default_sources() -> None:
    def sources(company: Company, node: str) -> tuple[list[str], bool]:
        found = routes(company)
        return list(found.sources(node, "A")), found.unclear(node, "A")

    described = nodes("V supplier", "W supplier", "D dc", "S store")
    assert sources(shop(described), "D") == (["V", "W"], True)
    named = replace(shop(described), products=(rows.Product(product="A", price="2", cost="1", supplier="W"),))
    assert sources(named, "D") == (["W"], False)
    assert sources(named, "S") == (["D"], False)
    assert sources(replace(named, sourcing=(rows.Sourcing(node="D", product="A", source="V"),)), "D") == (
        ["V"],
        False,
    )
    one_lane = rows.Lane(source="V", destination="D"), rows.Lane(source="D", destination="S")
    assert sources(replace(shop(described), lanes=one_lane), "D") == (
        ["V"],
        True,
    )  # nobody said that V makes it
    two = rows.Lane(source="D", destination="S"), rows.Lane(source="E", destination="S")
    assert sources(shop(nodes("V supplier", "D dc", "E dc", "S store"), lanes=two), "S") == (["D", "E"], True)
    assert sources(shop(nodes("V supplier", "D dc", "S store")), "D") == (["V"], False)  # the only supplier


def test_month_ends() -> None:
    assert month_end(date(2026, 1, 5), 1) == date(2026, 1, 31)
    assert month_end(date(2026, 2, 28), 1) == date(2026, 2, 28)
    assert month_end(date(2026, 11, 5), 3) == date(2026, 12, 31)
    assert month_end(date(2026, 4, 1), 3) == date(2026, 6, 30)


def test_the_estimate_of_memory(tmp_path: Path) -> None:
    company = small(tmp_path)
    assert slots(company) == 48  # the longest maximum is 40 days
    assert state_bytes(company, 100) == 100 * state_bytes(company)
    [finding] = memory(company, futures=1024, most=10**6)
    assert (finding.code, finding.table) == ("N026", "products")
    assert not list(memory(company))


def test_the_most_that_the_borrowing_base_can_be(tmp_path: Path) -> None:
    company = small(tmp_path)
    assert best_base(company) is None
    settings = company.settings.model_copy(update={"inventory_advance": Decimal("0.5")})
    # Stock 1,680 at min(0.5, 0.85 x 0.5), receivables 200 at 0.8.
    assert best_base(replace(company, settings=settings)) == Decimal(1680) * Decimal("0.425") + 160
