"""Companies of about ten days worked out on paper, to the cent: invariants alone do not see the order of events."""

import pytest

from tests.twin import adapter, oracle
from tests.twin.hand_worked import CASES, HandWorked, check
from twin.assembly import assemble
from twin.network import Sizes


def form(worked: HandWorked) -> tuple[object, ...]:
    """What no padding changes: companies of one form compile once."""
    z = assemble(adapter.company(worked.case)).network.sizes
    return z.levels, z.products, z.suppliers, z.channels, z.categories, z.covenants, worked.case["days"]


@pytest.fixture(scope="module")
def rooms() -> dict[tuple[object, ...], Sizes]:
    """Sizes with room for all hand-worked companies of a form."""
    found: dict[tuple[object, ...], Sizes] = {}
    for worked in CASES:
        sizes, of = assemble(adapter.company(worked.case)).network.sizes, form(worked)
        found[of] = found[of].cover(sizes) if of in found else sizes
    return found


@pytest.mark.parametrize("worked", CASES, ids=lambda worked: worked.name)
def test_hand_worked_companies(worked: HandWorked, rooms: dict[tuple[object, ...], Sizes]) -> None:
    """Figures worked out on paper: the oracle has them, and the twin has the oracle's."""
    records = oracle.play(worked.case)
    assert check(records, worked.expected) == []
    model = adapter.model(worked.case, rooms[form(worked)])
    days = adapter.play(worked.case, model)
    assert adapter.difference(worked.case, model, days, records) is None
    assert not days["residuals"].any()
