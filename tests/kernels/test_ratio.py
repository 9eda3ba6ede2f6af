"""Quotients of whole numbers are those of Python's integers; in smooth mode of real numbers, with their slopes."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import ratio
from kernels.ratio import EXACT, SMOOTH

LIMIT = 2**53 - 1
DIGIT = 2**26 - 1
CENTS = 10**13
LANES = 4

NAMES = ("ratio", "ratio_even", "mul_div", "mul_div_even", "scale", "scale_even")
compiled = {name: jax.jit(getattr(ratio, name)) for name in NAMES}


def true(name: str, *numbers: int) -> int:
    """The same in Python's integers; a divisor of 0 counts as 1."""
    *factors, divisor = numbers
    quotient = Fraction(int(np.prod(np.array(factors, object))), divisor or 1)
    return round(quotient) if name.endswith("even") else quotient.numerator // quotient.denominator


def check(name: str, rows: list[tuple[int, ...]]) -> None:
    found = compiled[name](*np.array(rows, np.float64).T)
    assert found.dtype == jnp.float64
    for value, row in zip(np.asarray(found), rows, strict=True):
        assert int(value) == true(name, *row), (name, row)


def whole(top: int) -> st.SearchStrategy[int]:
    """0 to top, with a taste for ends, powers of two and ten, and their neighbours."""
    landmarks = sorted({x for p in (2**i for i in range(54)) for x in (p - 1, p, p + 1) if 0 <= x <= top})
    landmarks += [x for x in (10**i for i in range(1, 16)) if x <= top]
    return st.one_of(st.integers(0, top), st.sampled_from([0, 1, top, *landmarks]))


@st.composite
def quotients(draw: st.DrawFn, top: int, divisor_top: int) -> tuple[int, int]:
    """n and d with a remainder at, or next to, what decides the rounding: 0, d / 2, d - 1."""
    d = draw(whole(divisor_top))
    n = draw(whole(top))
    if d and draw(st.booleans()):
        remainder = draw(st.sampled_from([0, 1, d // 2 - 1, d // 2, d // 2 + 1, (d + 1) // 2, d - 1]))
        n = min(max(n - n % d + remainder, 0), top)
    return n, d


@st.composite
def products(draw: st.DrawFn, top: int) -> tuple[int, int, int]:
    """a, b, d below 2^53 whose quotient is below 2^53 as well."""
    a, b, d = draw(whole(top)), draw(whole(top)), draw(whole(top))
    if d and draw(st.booleans()):
        # b so that a b / d comes close to a whole number, or to a half
        b = min((draw(whole(top)) * d) // (2 * max(a, 1)) + draw(st.integers(0, 1)), top)
    while a * b // (d or 1) > LIMIT:
        a, b = a >> 1, (b + 1) >> 1
    return a, b, d


@st.composite
def shares(draw: st.DrawFn, top: int) -> tuple[int, int, int]:
    """a < 2^53, b and d < 2^26, quotient below 2^53."""
    a, b, d = draw(whole(top)), draw(whole(DIGIT)), draw(whole(DIGIT))
    if draw(st.booleans()):
        b, d = min(b, d), max(b, d)
    while a * b // (d or 1) > LIMIT:
        a >>= 1
    return a, b, d


def lanes(row: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(row, min_size=LANES, max_size=LANES)


@settings(max_examples=150, deadline=None)
@given(lanes(st.one_of(quotients(LIMIT, LIMIT // 2), quotients(CENTS, CENTS))))
def test_a_quotient_is_exact(rows):
    check("ratio", rows)
    check("ratio_even", rows)


@settings(max_examples=150, deadline=None)
@given(lanes(st.one_of(products(LIMIT), products(CENTS))))
def test_a_product_over_a_divisor_is_exact(rows):
    check("mul_div", rows)
    # one product stands for all quotients that are rounded: no digit may be lost above 2^53 / 2
    check("mul_div_even", rows)


@settings(max_examples=150, deadline=None)
@given(lanes(st.one_of(shares(LIMIT), shares(CENTS))))
def test_a_share_is_exact(rows):
    check("scale", rows)
    check("scale_even", rows)


@pytest.mark.parametrize("name", NAMES)
def test_a_hundred_thousand_amounts_are_exact(name):
    # cents up to 1e13, and divisors a little above or below what makes the quotient whole or half
    rng, count = np.random.default_rng(1), 100_000
    top = DIGIT if name.startswith("scale") else CENTS
    d = np.floor(np.exp(rng.uniform(0.0, np.log(top), count)))
    a = np.floor(np.exp(rng.uniform(0.0, np.log(CENTS), count)))
    b = np.floor(rng.uniform(size=count) * d)
    if not name.startswith("ratio"):
        args = a, b, d
        a, b, d = (x.astype(np.int64).astype(object) for x in args)
        product = a * b
    else:
        # half of them exact ties or whole
        a = np.where(rng.uniform(size=count) < 0.5, np.floor(np.floor(a / d) * d + d * 0.5), a)
        args = a, d
        product, d = (x.astype(np.int64).astype(object) for x in args)
    quotient, rest = product // d, product % d
    if name.endswith("even"):
        quotient = quotient + ((2 * rest > d) | ((2 * rest == d) & (quotient % 2 == 1)))
    found = np.asarray(compiled[name](*args)).astype(np.int64)
    np.testing.assert_array_equal(found, quotient.astype(np.int64))


@pytest.mark.parametrize("divisor", [3, 7, 12, 10_000, 10**6])
def test_a_divisor_known_to_the_compiler_is_exact(divisor):
    # XLA turns a division by a constant into a product with its reciprocal
    rng = np.random.default_rng(divisor)
    n = np.floor(np.exp(rng.uniform(0.0, np.log(LIMIT), 4096)) / divisor) * divisor + rng.integers(-1, 2, 4096)
    n = np.r_[0.0, np.clip(n, 0.0, LIMIT - divisor)]
    share = rng.integers(0, divisor + 1)

    @jax.jit
    def several(n):
        rest = EXACT.mul_div(n, float(share), float(divisor)), EXACT.scale(n, float(share), float(divisor))
        return EXACT.ratio(n, float(divisor)), EXACT.ratio_even(n, float(divisor)), *rest

    found = [np.asarray(x).astype(np.int64).tolist() for x in several(n)]
    for i, amount in enumerate(n.astype(np.int64).tolist()):
        part = amount * int(share) // divisor
        expected = [amount // divisor, true("ratio_even", amount, divisor), part, part]
        assert [x[i] for x in found] == expected, amount


def test_ranks_broadcast_and_zero_divides_nothing():
    table, row = np.arange(12.0).reshape(3, 4), np.array([[0.0, 1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(EXACT.ratio(table, row), table // np.maximum(row, 1.0))
    np.testing.assert_array_equal(EXACT.mul_div(table, 0.0, 0.0), np.zeros((3, 4)))
    np.testing.assert_array_equal(EXACT.scale(table, 0.0, 0.0), np.zeros((3, 4)))


def test_rounding_of_both_modes():
    x = jnp.array([-1.5, -0.5, 0.5, 1.5, 2.5, 2.4])
    assert EXACT.round_(x).tolist() == [-2.0, 0.0, 0.0, 2.0, 2.0, 2.0]
    assert EXACT.floor(x).tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0, 2.0]
    assert SMOOTH.round_(x).tolist() == SMOOTH.floor(x).tolist() == x.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_smooth_is_the_formula_and_has_its_slopes(name):
    rng = np.random.default_rng(2)
    numbers = [rng.uniform(0.5, 50.0, 64) for _ in range(2 if name.startswith("ratio") else 3)]
    function = getattr(SMOOTH, name)
    np.testing.assert_allclose(function(*numbers), np.prod(numbers[:-1], axis=0) / numbers[-1], rtol=1e-15)
    slopes = jax.grad(lambda *x: jnp.sum(function(*x)), tuple(range(len(numbers))))(*numbers)
    step = 1e-6
    for i, slope in enumerate(slopes):
        up, down = ([x + side * (j == i) for j, x in enumerate(numbers)] for side in (step, -step))
        np.testing.assert_allclose(slope, (function(*up) - function(*down)) / (2.0 * step), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_smooth_is_finite_where_the_divisor_is_zero(name):
    zeros = [np.zeros(3)] * (2 if name.startswith("ratio") else 3)
    function = getattr(SMOOTH, name)
    assert not np.any(function(*zeros))
    for slope in jax.grad(lambda *x: jnp.sum(function(*x)), tuple(range(len(zeros))))(*zeros):
        assert np.all(np.isfinite(slope))
