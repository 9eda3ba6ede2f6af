"""Antithetic futures and Sobol points: the law of each future stays, means over futures carry less noise."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from kernels.bits import threefry2x32
from kernels.ratio import EXACT
from kernels.sobol import sobol
from tests.twin import small_shop
from twin import designed, exogenous
from twin.assembly import Model

SEED = 7
FUTURES = 256


@cache
def model() -> Model:
    return small_shop.shop()


def one(params: designed.DesignedParams) -> designed.DesignedParams:
    """What `simulate` hands to a future."""
    return jax.tree.map(lambda x: jnp.asarray(x[0]), params)


@cache
def compiled(numbers: exogenous.Numbers):  # type: ignore[no-untyped-def]
    """Uniform numbers and factors of one day in many futures."""

    def play(params, day, draw):  # type: ignore[no-untyped-def]
        key = threefry2x32((0, SEED), (jnp.uint32(exogenous.LUCK), draw))
        u = numbers(model().network, params, day, key)
        return u, exogenous.shared_factors(model().network, params, u)

    return jax.jit(jax.vmap(play, (None, None, 0)))


def numbers(
    which: exogenous.Numbers, seed: int = SEED, points: np.ndarray | None = None, day: int = 9, first: int = 0
) -> tuple[exogenous.Uniforms, tuple[np.ndarray, np.ndarray]]:
    params = one(designed.designed(model().params, seed, points))
    found = compiled(which)(params, jnp.int32(day), jnp.arange(first, first + FUTURES, dtype=jnp.uint32))
    return jax.tree.map(np.asarray, found)


def plain(network, params, day, key):  # type: ignore[no-untyped-def]
    return exogenous.uniforms(network, day, key)


def test_odd_futures_mirror_even_ones_and_even_ones_stay() -> None:
    mirrored, ever = numbers(designed.antithetic)[0], numbers(plain)[0]
    for here, there in zip(mirrored, ever, strict=True):
        np.testing.assert_array_equal(here[::2], there[::2])
        np.testing.assert_array_equal(here[1::2], 1.0 - there[::2])


def test_points_replace_the_numbers_of_the_company_and_no_others() -> None:
    points = sobol(FUTURES, 1 + 3, 1)
    ever = numbers(plain)[0]
    here = numbers(designed.quasi_random, points=points)[0]
    # day 9 is in week 1
    np.testing.assert_array_equal(here.company, points[:, [0, 2]])
    for name in ("category", "store", "lead_time", "places"):
        np.testing.assert_array_equal(getattr(here, name), getattr(ever, name))
    # day 365 is in year 1 and in a week without points
    later = numbers(designed.quasi_random, points=points, day=365)[0]
    np.testing.assert_array_equal(later.company, numbers(plain, day=365)[0].company)


def test_what_has_no_design_is_not_a_number() -> None:
    assert np.isnan(numbers(designed.antithetic, seed=8)[0].company).all()
    assert np.isnan(numbers(designed.quasi_random, seed=8, points=sobol(FUTURES, 4, 1))[0].company).all()
    beyond = numbers(designed.quasi_random, points=sobol(FUTURES // 2, 4, 1))[0].company
    assert not np.isnan(beyond[: FUTURES // 2]).any() and np.isnan(beyond[FUTURES // 2 :]).all()


def test_means_carry_less_noise() -> None:
    """The factor of company and store, whose mean is 1: 16 estimates from 256 futures each, by three designs."""
    runs = 16
    errors = {}
    for name, which in (("plain", plain), ("antithetic", designed.antithetic)):
        factors = [numbers(which, first=run * FUTURES)[1][0][:, 0] for run in range(runs)]
        errors[name] = np.mean(factors, axis=1) - 1.0
    planned = [numbers(designed.quasi_random, points=sobol(FUTURES, 4, i))[0].company for i in range(runs)]
    sigma = np.array([float(model().params.company_year[0]), float(model().params.company_week[0])])
    # the part of the company alone, of which the points know
    company = [np.exp(sigma * special.ndtri(u) - 0.5 * sigma**2).prod(axis=1).mean() - 1.0 for u in planned]
    alone = float(np.sqrt(np.expm1(np.sum(sigma**2)) / FUTURES))
    spread = {name: float(np.sqrt(np.mean(e**2))) for name, e in errors.items()}
    store = float(model().params.store_day[0])
    known = float(np.sqrt(np.expm1(np.sum(sigma**2) + store**2) / FUTURES))
    # chi-square of 16: within a factor of 1.8 but once in ten thousand
    assert known / 1.8 < spread["plain"] < known * 1.8
    assert spread["antithetic"] < 0.25 * known
    assert np.sqrt(np.mean(np.square(company))) < 0.1 * alone


def test_a_source_takes_its_numbers_from_a_design() -> None:
    """Demand drawn whole: with the default numbers as ever, with mirrored ones the pairs move against each other."""
    m, draws = model(), jnp.arange(64, dtype=jnp.uint32)
    params = one(designed.designed(m.params, SEED))

    def law(u, mean, params):  # type: ignore[no-untyped-def]
        return u * mean

    def demand(draw, days):  # type: ignore[no-untyped-def]
        key = threefry2x32((0, SEED), (jnp.uint32(exogenous.LUCK), draw))
        today = exogenous.Today(days, exogenous.effective(m.network, days, {}, jnp.zeros(1), EXACT), None, EXACT)
        sources = exogenous.drawn(law), exogenous.drawn(law, designed.antithetic)
        return [source(m.network, params, today, key).demand for source in sources]

    first_day = jax.tree.map(lambda x: jnp.asarray(x[0]), m.inputs["base"].days)
    ever, pairs = map(np.asarray, jax.jit(jax.vmap(demand, (0, None)))(draws, first_day))
    np.testing.assert_array_equal(pairs[::2], ever[::2])
    total = pairs.reshape(64, -1).sum(axis=1)
    assert np.corrcoef(total[::2], total[1::2])[0, 1] < -0.9
