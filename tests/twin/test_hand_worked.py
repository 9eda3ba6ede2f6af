"""Companies of about ten days worked out on paper, to the cent: invariants alone do not see the order of events."""

import pytest

from tests.twin import adapter, oracle
from tests.twin.hand_worked import CASES, HandWorked, check
from twin.assembly import assemble
from twin.network import Sizes


@pytest.fixture(scope="module")
def worked_room() -> dict[tuple[object, int], Sizes]:
    """Sizes per tiers and days with room for all hand-worked companies of that form."""
    found: dict[tuple[object, int], Sizes] = {}
    for worked in CASES:
        sizes = assemble(adapter.company(worked.case)).network.sizes
        form = sizes.levels, worked.case["days"]
        found[form] = found[form].cover(sizes) if form in found else sizes
    return found


@pytest.mark.parametrize("worked", CASES, ids=lambda worked: worked.name)
def test_hand_worked_companies(worked: HandWorked, worked_room: dict[tuple[object, int], Sizes]) -> None:
    """Figures worked out on paper: the oracle has them, and the twin has the oracle's."""
    records = oracle.play(worked.case)
    assert check(records, worked.expected) == []
    levels = assemble(adapter.company(worked.case)).network.sizes.levels
    model = adapter.model(worked.case, worked_room[levels, worked.case["days"]])
    days = adapter.play(worked.case, model)
    assert adapter.difference(worked.case, model, days, records) is None
    assert not days["residuals"].any()
