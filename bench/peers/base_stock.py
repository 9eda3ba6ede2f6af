"""One location under base stock, the ground on which other people's simulators are met, and our own kernels on it.

Demand is Poisson; unmet demand waits; an order placed before the demand of period t arrives before that of t + LEAD,
so that stock at the close is LEVEL less the demand of LEAD + 1 periods and its mean is known. As in HDPO (Alvo, Russo &
Kanoria, 2023), demand is drawn before the clock starts.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray
from scipy import stats

from kernels import rings

# the level has half a unit, so that no stock is exactly 0, where derivatives are a matter of taste
MEAN, LEAD, LEVEL = 5.0, 4, 30.5
HOLDING, PENALTY = 1.0, 9.0
BATCH, PERIODS = 8192, 100


def demand(batch: int, periods: int) -> NDArray[np.float32]:
    """(period, batch) units."""
    return np.random.default_rng(0).poisson(MEAN, (periods, batch)).astype(np.float32)


def expected_on_hand() -> float:
    """E max(LEVEL - D, 0), D the demand of LEAD + 1 periods."""
    units = np.arange(math.ceil(LEVEL))
    return float(((LEVEL - units) * stats.poisson.pmf(units, MEAN * (LEAD + 1))).sum())


def cost(level: Array, drawn: Array) -> tuple[Array, Array]:
    """Mean cost a period, and mean stock on hand at the close once the first orders are in. drawn: (period, batch)."""
    periods, batch = drawn.shape

    def step(carry: tuple[Array, Array, Array], today: tuple[Array, Array]) -> tuple[tuple[Array, Array, Array], Array]:
        stock, position, ring = carry
        day, units = today
        order = jnp.maximum(level - position, 0.0)
        slot = lax.rem(day, jnp.int32(LEAD))
        stock = stock + rings.read(ring, slot) - units
        ring = rings.replace(ring, slot, order)
        paid = HOLDING * jnp.maximum(stock, 0.0) + PENALTY * jnp.maximum(-stock, 0.0)
        held = jnp.where(day > LEAD, jnp.mean(jnp.maximum(stock, 0.0)), 0.0)
        return (stock, position + order - units, ring), jnp.stack([jnp.mean(paid), held])

    start = jnp.broadcast_to(level, (batch,))
    empty = jnp.zeros((LEAD, batch), drawn.dtype)
    days = jnp.arange(periods, dtype=jnp.int32)
    _, by_day = lax.scan(step, (start, start, empty), (days, drawn))
    return jnp.mean(by_day[:, 0]), jnp.sum(by_day[:, 1]) / (periods - LEAD - 1)


def ours(batch: int = BATCH, periods: int = PERIODS) -> tuple[Callable[[], tuple[float, float]], Callable[[], float]]:
    """Calls that return (cost, mean stock on hand), and the derivative of cost by the level."""
    drawn, level = jnp.asarray(demand(batch, periods)), jnp.float32(LEVEL)
    forward = jax.jit(cost)
    both = jax.jit(jax.value_and_grad(lambda level, drawn: cost(level, drawn)[0]))

    def play() -> tuple[float, float]:
        paid, held = forward(level, drawn)
        return float(paid), float(held)

    return play, lambda: float(both(level, drawn)[1])
