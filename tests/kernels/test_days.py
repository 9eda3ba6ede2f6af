"""A loop over days as native code inside XLA, and its derivative, against `lax.scan`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array, lax

from kernels import native
from kernels.native.days import loop

DAYS, NODES, PRODUCTS, SLOTS = 7, 2, 3, 4
FUTURES = 6  # a vector and a part of one

pytestmark = pytest.mark.skipif(native.find_compiler() is None, reason="no C++ compiler here")


def scan(step: Any, carry: Any, days: Any) -> Any:
    return lax.scan(step, carry, days)


def natively(step: Any, carry: Any, days: Any) -> Any:
    return loop(step, carry, days, scan)


def goods(play: Any, levels: Array, cost: Array, season: Array, mine: Array) -> tuple[Any, Any]:
    """A ring of dues, a stock that is refilled, a switch, whole numbers and a truth value beside them."""

    def step(carry: Any, today: Any) -> tuple[Any, Any]:
        ring, stock, count, short = carry
        day, factor = today
        slot, later = lax.rem(day, jnp.int32(SLOTS)), lax.rem(day + 2, jnp.int32(SLOTS))
        arrived = ring.at[slot].get(mode="promise_in_bounds")
        sold = jnp.minimum(stock + arrived, mine * factor * levels[None, :])
        wished = jnp.where(stock < 1.0, levels[None, :] - stock, 0.1 * stock)
        rows, place = jnp.stack([slot, later]), jnp.stack([-arrived, wished])
        ring = ring.at[rows].add(place, mode="drop")
        worth = jnp.sum(jnp.pad(sold * cost[None, :], ((0, 0), (1, 0))), axis=1) ** 2
        ring = ring.at[0, :, 1:].add(jnp.tanh(factor) * 0.2)
        kept = lax.dynamic_update_slice(stock + arrived - sold, lax.dynamic_slice(sold, (0, 1), (1, 2)), (1, 0))
        one = lax.cond(short, lambda x: x * 0.5, lambda x: x, worth)
        return (ring, kept, count + 1, jnp.any(wished > 2.0)), {"worth": one, "short": short, "count": count}

    opening = (
        jnp.zeros((SLOTS, NODES, PRODUCTS)),
        levels[None, :] * jnp.ones((NODES, 1)),
        jnp.int32(0),
        jnp.zeros((), bool),
    )
    return play(step, opening, (jnp.arange(DAYS, dtype=jnp.int32), season))


def total(play: Any, shared: Any, mine: Array) -> Any:
    """What all futures leave, weighed; and the series."""
    (ring, stock, *_), series = jax.vmap(lambda one: goods(play, *shared, one))(mine)
    return jnp.sum(ring * 0.3) + jnp.sum(stock**2) + jnp.sum(
        series["worth"] * jnp.arange(1.0, NODES + 1)[None, None, :]
    ), series


def close(found: Any, expected: Any) -> None:
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12 * np.max(np.abs(y), initial=0))


@pytest.fixture(autouse=True)
def wide() -> Any:
    with jax.enable_x64(True):
        yield


def arguments() -> tuple[Any, Array]:
    rng = np.random.default_rng(0)
    shared = tuple(jnp.asarray(rng.uniform(0.4, 1.6, size)) for size in (PRODUCTS, PRODUCTS, DAYS))
    return shared, jnp.asarray(rng.uniform(0.4, 1.6, (FUTURES, NODES, PRODUCTS)))


def both(function: Callable[[Any], Any]) -> tuple[Any, Any]:
    return jax.jit(function(natively))(*arguments()), jax.jit(function(scan))(*arguments())


def test_derivatives_in_what_futures_share_and_in_what_they_do_not() -> None:
    """Constants, days and openings: summed over futures where shared, each its own where not."""
    close(*both(lambda play: jax.value_and_grad(lambda *x: total(play, *x), (0, 1), has_aux=True)))


@pytest.mark.slow  # another library to build
def test_derivatives_of_each_future() -> None:
    def each(play: Any) -> Any:
        def alone(levels: Array, shared: Any, mine: Array) -> Array:
            return jnp.sum(goods(play, levels, *shared[1:], mine)[1]["worth"])

        def every(shared: Any, mine: Array) -> Any:
            levels = shared[0][None, :] * jnp.linspace(1.0, 2.0, FUTURES)[:, None]
            return jax.vmap(jax.grad(alone), (0, None, 0))(levels, shared, mine)

        return every

    close(*both(each))


def test_what_the_generator_does_not_know_is_played_by_the_other_loop() -> None:
    def step(carry: Array, x: Array) -> tuple[Array, Array]:
        return jnp.sort(carry * x), carry

    def last(play: Any, start: Array) -> Array:
        return jnp.sum(jax.vmap(lambda one: play(step, one, jnp.ones(3))[0] ** 2)(start))

    start = jnp.asarray([[2.0, 1.0], [0.5, 3.0]])
    with pytest.warns(UserWarning, match="stopped at sort"):
        found = jax.grad(lambda x: last(natively, x))(start)
    close(found, jax.grad(lambda x: last(scan, x))(start))
