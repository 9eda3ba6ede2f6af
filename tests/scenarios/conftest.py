"""A tiny example company and one finished stress run of it, shared by the tests of running and of the command line."""

from pathlib import Path

import pytest

from scenarios import example
from scenarios.run import stress
from tests.conftest import strict
from twin.tables.read import read

NAMES = ["supplier-out", "credit-line-cut"]
DRAWS = 12


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company") / "shop"
    example.write(example.generate(stores=2, products=3, days=365, seed=1), folder)
    return folder


@pytest.fixture(scope="session")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with strict():
        return stress(read(shop).company, NAMES, tmp_path_factory.mktemp("results") / "run", draws=DRAWS, block=DRAWS)
