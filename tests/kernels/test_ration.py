"""Dividing loses nothing, creates nothing and serves in order: against Python's integers."""

from functools import partial
from itertools import accumulate

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.ratio import EXACT, SMOOTH
from kernels.ration import ration, running_sum, split

ROWS, PARTS = 3, 5
PPM = 10**6
# Largest total and largest weight of each kind of division, so that its domain is kept with PARTS parts.
KINDS = {"units": (3 * 10**7, 3 * 10**7), "value": (10**13, 2**26 // PARTS - 1), "money": (10**13, 10**13)}

compiled = {
    (function.__name__, kind): jax.jit(partial(function, axis=1, arithmetic=EXACT, of=kind))
    for function in (split, ration)
    for kind in KINDS
}


@st.composite
def divisions(draw: st.DrawFn, kind: str) -> tuple[np.ndarray, np.ndarray]:
    total_top, weight_top = KINDS[kind]
    amount = lambda top: st.one_of(st.integers(0, top), st.sampled_from([0, 0, 1, 2, 3, top - 1, top]))  # noqa: E731
    totals = draw(st.lists(amount(total_top), min_size=ROWS, max_size=ROWS))
    row = st.lists(amount(weight_top), min_size=PARTS, max_size=PARTS)
    weights = draw(st.lists(row, min_size=ROWS, max_size=ROWS))
    return np.array(totals, np.float64), np.array(weights, np.float64)


def prefixes(total: int, weights: list[int]) -> list[int]:
    whole = sum(weights)
    return [total * upto // (whole or 1) for upto in accumulate(weights)]


@pytest.mark.parametrize("kind", KINDS)
def test_parts_add_to_the_total(kind):
    @settings(max_examples=60, deadline=None)
    @given(divisions(kind))
    def holds(division):
        totals, weights = division
        parts = np.asarray(compiled["split", kind](totals, weights))
        for total, row, part in zip(totals.astype(int), weights.astype(int), parts.astype(int), strict=True):
            assert list(accumulate(part.tolist())) == prefixes(int(total), row.tolist())
            assert part.sum() == (total if row.any() else 0)
            assert np.all(part >= 0)
            assert np.all(part[row == 0] == 0)

    holds()


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_gets_more_than_the_claim_and_enough_serves_all(kind):
    @settings(max_examples=60, deadline=None)
    @given(divisions(kind))
    def holds(division):
        available, claims = division
        served = np.asarray(compiled["ration", kind](available, claims))
        assert np.all((served >= 0) & (served <= claims))
        np.testing.assert_array_equal(served.sum(axis=1), np.minimum(available, claims.sum(axis=1)))
        enough = available >= claims.sum(axis=1)
        np.testing.assert_array_equal(served[enough], claims[enough])
        # in proportion: every running sum is the exact one, rounded down
        granted = np.minimum(available, claims.sum(axis=1)).astype(int).tolist()
        for i, row in enumerate(claims.astype(int).tolist()):
            assert list(accumulate(served[i].astype(int).tolist())) == prefixes(granted[i], row)

    holds()


@settings(max_examples=40, deadline=None)
@given(divisions("units"))
def test_more_to_share_takes_from_no_prefix(division):
    available, claims = division
    upto = np.cumsum(compiled["ration", "units"](available, claims), axis=1)
    more = np.cumsum(compiled["ration", "units"](available + 1.0, claims), axis=1)
    assert np.all(more >= upto)
    assert np.all(more <= upto + 1.0)


@settings(max_examples=40, deadline=None)
@given(divisions("money"))
def test_classes_are_served_one_after_another(division):
    # A class sees what its predecessors leave, as a running sum knows before any is served
    available, claims = division
    liquidity, due = available[0], claims.sum(axis=1)
    before = np.asarray(running_sum(due, 0)) - due
    served = np.asarray(compiled["ration", "money"](np.maximum(liquidity - before, 0.0), claims))
    left = int(liquidity)
    for row, part in zip(claims.astype(int), served.astype(int), strict=True):
        assert part.sum() == min(left, row.sum())
        left -= part.sum()
    assert left == max(int(liquidity) - int(due.sum()), 0)


def test_one_chosen_part_takes_all():
    # sourcing by priority is a split with one weight
    weights = np.array([[0.0, 0.0, PPM, 0.0], [PPM, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    parts = split(np.array([7.0, 8.0, 9.0]), weights, 1, EXACT)
    np.testing.assert_array_equal(parts, [[0.0, 0.0, 7.0, 0.0], [8.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])


@pytest.mark.parametrize("arithmetic", [EXACT, SMOOTH], ids=["exact", "smooth"])
def test_nothing_claimed_nothing_served(arithmetic):
    none = np.zeros((2, 3))
    for kind in KINDS:
        assert not np.any(split(np.array([5.0, 0.0]), none, 1, arithmetic, of=kind))
        assert not np.any(ration(np.array([5.0, 0.0]), none, 1, arithmetic, of=kind))
        assert not np.any(ration(np.array([0.0, 0.0]), none + 4.0, 1, arithmetic, of=kind))


@pytest.mark.parametrize("arithmetic", [EXACT, SMOOTH], ids=["exact", "smooth"])
def test_a_single_part_and_any_axis(arithmetic):
    assert split(np.array([5.0, 6.0]), np.array([[2.0], [0.0]]), 1, arithmetic).tolist() == [[5.0], [0.0]]
    assert ration(np.array([5.0, 6.0]), np.array([[2.0], [9.0]]), 1, arithmetic).tolist() == [[2.0], [6.0]]
    totals, weights = np.array([10.0, 7.0]), np.array([[1.0, 2.0], [3.0, 4.0], [6.0, 1.0]])
    np.testing.assert_array_equal(split(totals, weights, 0, arithmetic), split(totals, weights.T, 1, arithmetic).T)


def test_smooth_shares_are_proportional_and_have_slopes():
    available, claims = np.array([10.0, 100.0]), np.array([[4.0, 8.0, 12.0], [4.0, 8.0, 12.0]])
    served = ration(available, claims, 1, SMOOTH)
    np.testing.assert_allclose(served, [[10 / 6, 20 / 6, 5.0], [4.0, 8.0, 12.0]], rtol=1e-15)

    def weighed(available, claims):
        return jnp.sum(ration(available, claims, 1, SMOOTH) * np.array([[1.0, 3.0, 7.0]]))

    in_available, in_claims = jax.grad(weighed, (0, 1))(available, claims)
    step = 1e-5
    for i in range(2):
        bump = step * np.eye(2)[i]
        np.testing.assert_allclose(
            in_available[i], (weighed(available + bump, claims) - weighed(available - bump, claims)) / (2 * step),
            rtol=1e-7, atol=1e-8,
        )  # fmt: skip
        for j in range(3):
            bump = step * np.outer(np.eye(2)[i], np.eye(3)[j])
            np.testing.assert_allclose(
                in_claims[i, j], (weighed(available, claims + bump) - weighed(available, claims - bump)) / (2 * step),
                rtol=1e-7, atol=1e-8,
            )  # fmt: skip
    empty = jax.grad(weighed, (0, 1))(np.zeros(2), np.zeros((2, 3)))
    assert all(np.all(np.isfinite(slope)) for slope in empty)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 13])
def test_running_sum(size):
    x = np.random.default_rng(size).integers(0, 2**49, (2, size, 3)).astype(np.float64)
    np.testing.assert_array_equal(running_sum(x, 1), np.cumsum(x, axis=1))
