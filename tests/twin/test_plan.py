"""What a run is planned to take of memory, counted from sizes, beside XLA's own account of it; and refusals."""

import sys
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest

from kernels.bits import seed_words
from kernels.ratio import EXACT
from tests.twin import small_shop
from twin import plan
from twin.engines import xla as xla_programme
from twin.policies import replenish
from twin.record import COMPANY
from twin.simulate import future_of

GRADIENT_DAYS = (36, 144, 576)


@cache
def need(days: int, gradient: bool = False) -> plan.Footprint:
    model = small_shop.shop()
    return plan.footprint(model.network, model.opening, model.inputs["base"], COMPANY, days, gradient)


def test_parts_are_counted_from_sizes() -> None:
    model = small_shop.shop()
    one = need(42)
    assert one.state == sum(np.asarray(x).nbytes for x in jax.tree.leaves(model.opening))
    # what is recorded by day grows with the days, the rest does not
    twice = need(84)
    totals = 2 * one.recorded - twice.recorded
    assert one[:2] == twice[:2] and 0 < totals < one.recorded


def test_memory_of_a_gradient_grows_as_the_square_root_of_the_days() -> None:
    kept = [need(days, gradient=True).kept_for_gradient for days in GRADIENT_DAYS]
    assert kept == [2 * round(np.sqrt(days)) * need(1).state for days in GRADIENT_DAYS]


def test_futures_are_cut_to_fit_and_refused_with_the_numbers() -> None:
    one = need(42)
    assert plan.futures_at_once(one, wanted=100, available=one.shared + 10 * one.future) == 10
    assert plan.futures_at_once(one, wanted=7, available=one.shared + 10 * one.future) == 7
    with pytest.raises(plan.DoesNotFit, match=r"one future takes .* GiB and what futures share .* there are 0\.00 GiB"):
        plan.futures_at_once(one, wanted=1, available=1000)


@pytest.mark.slow
@pytest.mark.parametrize("futures", [8, 64])
def test_the_count_bounds_what_xla_says_it_takes(futures: int) -> None:
    model = small_shop.shop()
    inputs = model.inputs["base"]
    days, draws = len(inputs.days.day), np.arange(futures, dtype=np.uint32)
    shared = model.network, model.policy, model.params, inputs, seed_words(0)
    future = future_of(replenish, model.source, EXACT, COMPANY)
    account = xla_programme(future, shared, model.opening, (draws, np.zeros(futures, np.int32))).memory_analysis()
    takes = account.argument_size_in_bytes + account.output_size_in_bytes + account.temp_size_in_bytes
    planned = plan.footprint(model.network, model.opening, shared, COMPANY, days)
    assert takes <= planned.shared + futures * planned.future <= 1.25 * takes


def test_the_memory_of_a_container_is_all_there_is(tmp_path: Path) -> None:
    """The smallest limit of the process's group and of those above it; none set or no groups: no bound."""
    groups, root = tmp_path / "cgroup", tmp_path / "fs"
    assert plan.granted(groups, root) == sys.maxsize
    groups.write_text("0::/job/step\n")
    inner = root / "job" / "step"
    inner.mkdir(parents=True)
    assert plan.granted(groups, root) == sys.maxsize
    (inner / "memory.max").write_text("max\n")
    (root / "job" / "memory.max").write_text("4096\n")
    assert plan.granted(groups, root) == 4096
    (inner / "memory.max").write_text("1024\n")
    assert plan.granted(groups, root) == 1024
