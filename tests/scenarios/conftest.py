"""A tiny example company and one finished stress run of it, shared by the tests of running and of the command line."""

from pathlib import Path
from typing import Any

import pytest

from scenarios import example
from scenarios.run import stress
from tests.conftest import strict
from tests.scenarios import recorded
from tests.scenarios.recorded import BLOCK, DRAWS, NAMES
from twin.tables.read import read

__all__ = ["BLOCK", "DRAWS", "NAMES"]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company") / "shop"
    example.write(example.generate(stores=2, products=3, days=365, seed=1), folder)
    return folder


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `run` simulated, block by block, to play from."""
    return tmp_path_factory.mktemp("tape")


@pytest.fixture(scope="session")
def run(shop: Path, tape: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    end = recorded.recording(tape)
    try:
        with strict():
            return play(shop, tmp_path_factory.mktemp("results") / "run")
    finally:
        end()


def play(shop: Path, out: Path, **options: Any) -> Path:
    """The run of this folder's tests, as many times as they want it: one size of batch compiles once."""
    return stress(read(shop).company, NAMES, out, **{"draws": DRAWS, "block": BLOCK, "batch": BLOCK, **options})
