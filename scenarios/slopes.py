"""Derivatives of a line's margin along severities: forward mode through the whole day, in smooth mode.

Counts are step functions of their mean, so demand is drawn as without shocks and then scaled, as a replayed history is;
only the search uses these slopes, every answer is simulated again in exact mode.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels.bits import Pair, seed_words
from kernels.ratio import SMOOTH
from scenarios.points import Outcome, Points, World, in_blocks, outcome
from twin.exogenous import Luck, Params, Source, Today
from twin.network import Network
from twin.state import changed


@cache
def scaled(source: Source) -> Source:
    """The source with shocks of demand as a factor after the draw: differentiable in them."""

    def scaled_source(network: Network, params: Params, today: Today, key: Pair) -> Luck:
        calm = today.effective._replace(demand=jnp.full_like(today.effective.demand, 1e6))
        luck = source(network, params, today._replace(effective=calm), key)
        return changed(luck, demand=luck.demand * (today.effective.demand / 1e6))

    return scaled_source


def _block(
    world: World, given: tuple[Any, ...], along: Array, seed: Pair, *,
    source: Source, line: Callable[[Outcome], Array],
) -> Array:  # fmt: skip
    """(point, direction): derivative of the line along each direction of severities."""

    def one(change: Any, rows: Any, severities: Array, draw: Array, which: Array) -> Array:
        def margin(s: Array) -> Array:
            found = outcome(world, change, rows, s, draw, which, seed, source=scaled(source), arithmetic=SMOOTH)
            return line(found)

        return jax.vmap(lambda v: jax.jvp(margin, (severities,), (v,))[1])(along)

    return jax.vmap(one)(*given)


slope_block = jax.jit(_block, static_argnames=("source", "line"))


def slopes(
    world: World, source: Source, points: Points, along: np.ndarray, line: Callable[[Outcome], Array], seed: int
) -> np.ndarray:
    """(point, direction). along: (direction, severity) ppm; line: a figure of the outcome, one function per study."""
    run = partial(_run, world, along, source, line, seed_words(seed))
    found: np.ndarray = in_blocks(world, points, run, lambda done: None)
    return found


def _run(
    world: World, along: np.ndarray, source: Source, line: Callable[[Outcome], Array], seed: Any, given: tuple[Any, ...]
) -> Array:
    return slope_block(world, given, along, seed, source=source, line=line)
