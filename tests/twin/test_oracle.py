"""The twin against the oracle: a supplier, at most one tier of dcs, stores. (Two files: two cores share the work.)"""

import pytest

from tests.twin import agreement
from twin.network import Sizes

TEMPLATES = ("chain", "direct", "two_dcs")


@pytest.fixture(scope="module")
def rooms() -> dict[str, Sizes]:
    return agreement.rooms(TEMPLATES)


@pytest.mark.parametrize(("template", "seed"), list(agreement.cases(TEMPLATES)))
def test_random_companies_agree_to_the_cent(template: str, seed: int, rooms: dict[str, Sizes]) -> None:
    agreement.agree(template, seed, rooms[template])
