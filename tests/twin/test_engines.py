"""Which engine plays on a GPU, what is said where it cannot, and the whole day as threads of one block play it."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from kernels import native as generator
from kernels.native import chip
from tests.twin import adapter, oracle
from tests.twin.agreement import rooms
from tests.twin.random_company import random_case
from twin import engines

on_threads = partial(chip.OnChip, 3)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU with everything it takes, as far as is asked before anything is compiled."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [SimpleNamespace(compute_capability="9.0")])
    monkeypatch.setattr(chip, "find_compiler", lambda: "c++")
    monkeypatch.setattr(chip, "nvrtc", lambda: object())


@pytest.mark.usefixtures("card")
def test_a_gpu_is_played_on_its_chip_only_where_that_was_seen_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("xla", "on_chip"):
        monkeypatch.setattr(engines, name, lambda *_, name=name: name)
    nothing: Any = None

    def played_by() -> Any:
        return engines._compiled(nothing, nothing, nothing, nothing)

    assert played_by() == "xla"
    assert "no GPU of compute capability 9.0 has been seen" in str(engines.why_not_native())
    monkeypatch.setattr(engines, "SEEN_TO_AGREE", ("9.0",))
    assert played_by() == "on_chip"
    monkeypatch.setattr(chip, "nvrtc", lambda: None)
    assert played_by() == "xla"
    assert str(engines.why_not_native()).endswith(chip.NO_NVRTC)


@pytest.mark.usefixtures("card")
def test_where_the_chip_cannot_xla_plays_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_chip(*_: Any) -> Any:
        raise generator.Unsupported("sort")

    monkeypatch.setattr(engines, "SEEN_TO_AGREE", ("9.0",))
    monkeypatch.setattr(engines, "on_chip", on_chip)
    monkeypatch.setattr(engines, "xla", lambda *_: "xla")
    nothing: Any = None
    with pytest.warns(UserWarning, match="the on_chip engine stopped at sort"):
        played_by: Any = engines._compiled(nothing, nothing, nothing, nothing)
    assert played_by == "xla"


@pytest.mark.slow  # compiles a whole day; the operations one by one are in tests/kernels/test_native.py
@pytest.mark.skipif(generator.find_compiler() is None, reason="no C++ compiler here")
def test_a_block_of_threads_plays_the_whole_day_to_the_cent() -> None:
    def threads(future: engines.Future, shared: Any, opening: Any, each: Any) -> engines.Programme:
        programme = generator.compiled(future, (shared, opening), each, on_threads)
        return lambda shared, opening, each: jax.tree.map(np.asarray, programme((shared, opening), each))

    for seed in range(3):
        case = adapter.canonical(random_case(seed, "chain"))
        model = adapter.model(case, rooms(["chain"])["chain"])
        days = adapter.play(case, model, threads)
        assert adapter.difference(case, model, days, oracle.play(case)) is None, seed
        assert not days["residuals"].any(), seed
