"""The twin against the oracle, several tiers and sources. (Two files, so that two cores share the work.)"""

import pytest

from tests.twin import agreement
from twin.network import Sizes

TEMPLATES = ("three_tiers", "hub")


@pytest.fixture(scope="module")
def rooms() -> dict[str, Sizes]:
    return agreement.rooms(TEMPLATES)


@pytest.mark.parametrize(("template", "seed"), list(agreement.cases(TEMPLATES)))
def test_random_companies_agree_to_the_cent(template: str, seed: int, rooms: dict[str, Sizes]) -> None:
    agreement.agree(template, seed, rooms[template])
