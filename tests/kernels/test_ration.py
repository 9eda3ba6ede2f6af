"""Dividing loses nothing, creates nothing and serves in order: against Python's integers."""

from fractions import Fraction
from functools import partial
from itertools import accumulate

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.ratio import EXACT, SMOOTH
from kernels.ration import by_priority, fair_share, ration, running_sum, split

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


@settings(max_examples=40, deadline=None)
@given(divisions("money"))
def test_priority_serves_the_first_in_full(division):
    available, claims = division
    served = np.asarray(in_order(available, claims))
    for left, row, part in zip(available, claims, served, strict=True):
        for claim, got in zip(row, part, strict=True):
            assert got == min(left, claim)
            left -= got


def fair_by_units(available: int, claims: list[int], need: list[int], deviation: list[int]) -> list[int]:
    """Units handed out one by one: the next goes where the fractile reached is lowest; equals by rationing."""
    steps = sorted(
        (Fraction(unit - n, s), i)
        for i, (c, n, s) in enumerate(zip(claims, need, deviation, strict=True))
        for unit in range(1, c + 1)
    )
    got = [0] * len(claims)
    left = min(available, sum(claims))
    for z in sorted({z for z, _ in steps}):
        here = [sum(1 for other, i in steps if other == z and i == j) for j in range(len(claims))]
        given_ = min(left, sum(here))
        upto = [0, *prefixes(given_, here)]
        got = [g + upto[j + 1] - upto[j] for j, g in enumerate(got)]
        left -= given_
    return got


in_order = jax.jit(partial(by_priority, axis=1))
fair = jax.jit(partial(fair_share, axis=1, arithmetic=EXACT))
small = st.lists(st.integers(0, 12), min_size=PARTS, max_size=PARTS)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 50), small, small, st.lists(st.integers(1, 7), min_size=PARTS, max_size=PARTS))
def test_fair_share_hands_out_unit_by_unit_to_the_lowest_fractile(available, claims, need, deviation):
    # a claimant may have more than its mean demand: needs of either sign
    need = [n - 5 for n in need]
    rows = (np.array([x], np.float64) for x in (claims, need, deviation))
    served = np.asarray(fair(np.array([float(available)]), *rows))[0]
    assert served.tolist() == fair_by_units(available, claims, need, deviation)
    assert served.sum() == min(available, sum(claims))


def test_fair_share_of_any_numbers_is_whole_and_loses_nothing():
    rng = np.random.default_rng(1)
    claims = rng.integers(0, 10**6, (500, PARTS)).astype(np.float64)
    need, deviation = rng.normal(0.0, 1e5, claims.shape), 10.0 ** rng.uniform(-3.0, 5.0, claims.shape)
    available = np.floor(claims.sum(axis=1) * rng.uniform(0.0, 1.2, 500))
    served = np.asarray(fair(available, claims, need, deviation))
    np.testing.assert_array_equal(served, np.floor(served))
    assert np.all((served >= 0) & (served <= claims))
    np.testing.assert_array_equal(served.sum(axis=1), np.minimum(available, claims.sum(axis=1)))


def test_smooth_fair_shares_reach_one_fractile_and_have_slopes():
    available, claims = np.array([20.0]), np.array([[30.0, 30.0, 2.0, 30.0]])
    need, deviation = np.array([[5.0, 8.0, 9.0, -40.0]]), np.array([[2.0, 3.0, 1.0, 4.0]])
    smooth = jax.jit(partial(fair_share, axis=1, arithmetic=SMOOTH))
    served = np.asarray(smooth(available, claims, need, deviation))[0]
    # the third is served in full, the fourth has enough; the others come to z = (20 - 2 - 13) / (2 + 3) = 1
    np.testing.assert_allclose(served, [7.0, 11.0, 2.0, 0.0], rtol=1e-12)

    @jax.jit
    def weighed(*arguments):
        return jnp.sum(smooth(*arguments) * np.array([[1.0, 3.0, 7.0, 9.0]]))

    arguments = [available, claims, need, deviation]
    for which, slopes in enumerate(jax.jit(jax.grad(weighed, (0, 1, 2, 3)))(*arguments)):
        for place in np.ndindex(*arguments[which].shape):
            bump = np.zeros_like(arguments[which])
            bump[place] = 1e-4
            up, down = ([a + sign * bump if i == which else a for i, a in enumerate(arguments)] for sign in (1, -1))
            np.testing.assert_allclose(slopes[place], (weighed(*up) - weighed(*down)) / 2e-4, rtol=1e-7, atol=1e-7)
