"""Companies of about ten days worked out on paper, to the cent: invariants alone do not see the order of events."""

from dataclasses import replace

import numpy as np
import pytest

from tests.twin import adapter, oracle
from tests.twin.hand_worked import CASES, HandWorked, check
from twin.assembly import assemble
from twin.invariants import DAILY
from twin.network import Sizes
from twin.state import changed


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


def test_a_lead_time_beyond_what_was_planned_for_is_an_offence(rooms: dict[tuple[object, ...], Sizes]) -> None:
    """The ring of shipments would wrap around, and goods arrive early: I-03 is off by the days beyond its slots."""
    worked = CASES[0]
    model = adapter.model(worked.case, rooms[form(worked)])
    name = "case" if "case" in model.inputs else "base"
    inputs, slots = model.inputs[name], model.network.sizes.slots
    for beyond in (0, 1, 5):
        lead = np.full_like(inputs.replay.lead_time, slots - 1 + beyond)
        late = changed(inputs, replay=changed(inputs.replay, lead_time=lead))
        days = adapter.play(worked.case, replace(model, inputs={name: late}))
        residuals = dict(zip(DAILY, days["residuals"], strict=True))
        assert residuals.pop("I-03") == beyond
        assert not any(residuals.values())
