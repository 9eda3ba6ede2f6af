"""I-34: every random number has one meaning, and that meaning is all that it depends on."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from kernels.bits import Pair, hash_id, threefry2x32, uniform
from tests.twin import small_shop
from twin import exogenous
from twin.assembly import Model
from twin.network import Network
from twin.state import changed

SEED = (0, 7)
_numbers = jax.jit(exogenous.uniforms)


@cache
def model() -> Model:
    return small_shop.shop(rich=True)


def numbers(day: int, draw: int, seed: tuple[int, int] = SEED, network: Network | None = None) -> exogenous.Uniforms:
    """All uniforms of one day of one future."""
    key = threefry2x32(seed, (jnp.uint32(exogenous.LUCK), jnp.uint32(draw)))
    found = _numbers(model().network if network is None else network, jnp.int32(day), key)
    return jax.tree.map(np.asarray, found)


def by_definition(stream: int, draw: int, when: int, event: int, *ids: str) -> float:
    """T(T(T(seed, (stream, draw)), (when, event)), h(a)) and, with two ids, T(.., h(b))."""

    def pair(a: int, b: int) -> Pair:
        return jnp.uint32(a), jnp.uint32(b)

    key = threefry2x32(threefry2x32(pair(*SEED), pair(stream, draw)), pair(when, event))
    for name in ids:
        key = threefry2x32(key, pair(*hash_id(name)))
    return float(uniform(key))


def test_numbers_are_what_the_design_says() -> None:
    """One number of every event from its definition: key of stream, draw, day and event, then the ids."""
    s, u, day, draw = model().structure, numbers(16, 3), 16, 3
    week = day // 7
    e = exogenous
    assert u.company[0] == by_definition(e.LUCK, draw, 0, e.COMPANY_YEAR, "company")
    assert u.company[1] == by_definition(e.LUCK, draw, week, e.COMPANY_WEEK, "company")
    dry = s.categories.index("dry")
    assert u.category[dry] == by_definition(e.LUCK, draw, week, e.CATEGORY_WEEK, "dry")
    assert u.store[s.node["b"]] == by_definition(e.LUCK, draw, day, e.STORE_DAY, "b")
    lane = s.lane["near", "c"]
    assert u.lead_time[lane] == by_definition(e.LUCK, draw, day, e.LEAD_TIME, "near>c")
    for i, event in enumerate((e.DEMAND, e.RETURNS, e.SHRINK)):
        at = (i, s.node["c"], s.product["rice"])
        assert u.places[at] == by_definition(e.LUCK, draw, day, event, "c", "rice")


def test_no_number_is_used_twice() -> None:
    """Two weeks of three futures: all numbers differ, but for those that a week or a year shares by
    intention.

    Equal numbers would mean equal (stream, draw, day, event, a, b); two of 4,000 numbers of 52 bits agree by
    chance once in 10^8. Severities, their own stream, come from the definition.
    """
    real = [lane is not None for lane in model().structure.lanes]
    seen = []
    for draw in (0, 1, 977):
        for day in range(14):
            u = numbers(day, draw)
            fresh = [u.store, u.lead_time[real], u.places]
            fresh += [u.company[1], u.category] if day % 7 == 0 else []
            fresh += [u.company[0]] if day == 0 else []
            seen += [np.ravel(x) for x in fresh]
        shocks = [by_definition(exogenous.SEVERITIES, draw, 0, exogenous.SEVERITY, name) for name in ("late", "fire")]
        seen.append(np.array(shocks))
    found = np.concatenate(seen)
    assert len(found) > 1500
    assert len(np.unique(found)) == len(found)


def test_weeks_and_years_share_their_factors() -> None:
    """Company and category numbers stand still within a week, the year's within a year, and change after it."""
    first, same, after = numbers(7, 5), numbers(13, 5), numbers(14, 5)
    assert (same.company == first.company).all()
    assert (same.category == first.category).all()
    assert after.company[0] == first.company[0]
    assert after.company[1] != first.company[1]
    assert (after.category != first.category).all()
    assert numbers(365, 5).company[0] != first.company[0]


def test_purposes_are_independent() -> None:
    """Uniforms of events, streams, days and places over 20,000 futures: uniform, and without correlation."""
    draws = jnp.arange(20_000, dtype=jnp.uint32)

    @jax.jit
    def one(stream: jax.Array, event: jax.Array, place: Pair, day: jax.Array) -> jax.Array:
        key = threefry2x32((0, 1), (jnp.broadcast_to(stream, draws.shape), draws))
        return uniform(threefry2x32(threefry2x32(key, (day, event)), place))

    def table(stream: int, event: int, place: str, day: int = 3) -> np.ndarray:
        hashed = tuple(jnp.uint32(word) for word in hash_id(place))
        return np.asarray(one(jnp.uint32(stream), jnp.uint32(event), hashed, jnp.uint32(day)))

    rows = [table(exogenous.LUCK, event, "a") for event in range(exogenous.SEVERITY)]
    rows += [table(exogenous.SEVERITIES, exogenous.DEMAND, "a"), table(exogenous.LUCK, exogenous.DEMAND, "b")]
    rows += [table(exogenous.LUCK, exogenous.DEMAND, "a", day=4)]
    for u in rows:
        assert stats.kstest(u, "uniform").pvalue > 1e-4
    correlation = np.corrcoef(rows) - np.eye(len(rows))
    # 55 pairs, standard error 1/sqrt(20,000): |z| <= 4.5 fails for one seed in 2,000
    assert np.abs(correlation).max() * np.sqrt(len(draws)) < 4.5


def test_one_purpose_does_not_move_another() -> None:
    """Without returns and shrink, all other numbers stay as they were, bit for bit."""
    n = model().network
    fewer = numbers(9, 4, network=changed(n, sizes=n.sizes._replace(return_slots=0, shrink=False)))
    all_on = numbers(9, 4)
    for name in ("company", "category", "store", "lead_time"):
        assert (getattr(fewer, name) == getattr(all_on, name)).all(), name
    assert fewer.places.shape[0] == 1
    assert (fewer.places[0] == all_on.places[0]).all()


def test_another_future_day_or_seed_has_other_luck() -> None:
    base = numbers(9, 4).places
    assert (numbers(9, 4).places == base).all()
    for other in (numbers(9, 5), numbers(10, 4), numbers(9, 4, (1, 7)), numbers(9, 4, (0, 8))):
        assert (other.places != base).all()
