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

from kernels.bits import Pair
from kernels.ratio import SMOOTH
from scenarios.points import Outcome, Points, World, in_blocks, outcome, played, shared_of, tests_of
from twin.engines import Future, fastest
from twin.exogenous import Luck, Params, Source, Today
from twin.ledger import ACCOUNT
from twin.network import Network
from twin.state import State, changed


@cache
def scaled(source: Source) -> Source:
    """The source with shocks of demand as a factor after the draw: differentiable in them."""

    def scaled_source(network: Network, params: Params, today: Today, key: Pair) -> Luck:
        calm = today.effective._replace(demand=jnp.full_like(today.effective.demand, 1e6))
        luck = source(network, params, today._replace(effective=calm), key)
        return changed(luck, demand=luck.demand * (today.effective.demand / 1e6))

    return scaled_source


# Where a direction's derivatives lie: behind the day, so that an engine may write them day by day.
DIRECTION = {"liquidity": 1, "covenant": 1, "unmet": 0, "demand": 0}


def sloped(
    shared: tuple[Any, Array], opening: State, one: tuple[Any, ...], *, source: Source
) -> tuple[dict[str, Array], dict[str, Array]]:
    """What lines read of a point, and its derivatives along each direction of severities, on the axes of DIRECTION.

    shared: of `points`, and the directions, (direction, severity) ppm.
    """
    given, along = shared
    change, rows, severities, *rest = one

    def read(s: Array) -> dict[str, Array]:
        _, series, totals, _ = played(given, opening, (change, rows, s, *rest), source=source, arithmetic=SMOOTH)
        by_day = {name: series[name] for name in ("liquidity", "covenant")}
        return by_day | {name: totals[name] for name in ("unmet", "demand")}

    return jax.vmap(lambda v: jax.jvp(read, (severities,), (v,)), out_axes=(None, DIRECTION))(along)


@cache
def _future(source: Source) -> Future:
    return partial(sloped, source=scaled(source))


def _of_line(tests: tuple[Any, Any], figures: Any, slopes: Any, *, line: Callable[[Outcome], Array]) -> Array:
    """(point, direction): derivative of the line, from what `sloped` returns."""

    def margin(x: dict[str, Array]) -> Array:
        by_day = {name: x[name] for name in ("liquidity", "covenant")}
        unread = {"cash": x["liquidity"], "unmet": x["liquidity"], "default": x["liquidity"] < 0}
        totals = {"unmet": x["unmet"], "demand": x["demand"], "profit": x["demand"]}
        nothing = jnp.zeros(len(ACCOUNT), jnp.float64)
        return line(outcome(tests, nothing, by_day | unread, totals, nothing))

    def one(x: dict[str, Array], each: dict[str, Array]) -> Array:
        return jax.vmap(lambda dx: jax.jvp(margin, (x,), (dx,))[1], in_axes=(DIRECTION,))(each)

    return jax.vmap(one)(figures, slopes)


line_block = jax.jit(_of_line, static_argnames="line")


def slopes(
    world: World, source: Source, points: Points, along: np.ndarray, line: Callable[[Outcome], Array], seed: int
) -> np.ndarray:
    """(point, direction). along: (direction, severity) ppm; line: a figure of the outcome, one function per study."""
    given, tests = (shared_of(world, seed), along), tests_of(world)

    def run(each: tuple[Any, ...]) -> Array:
        play = fastest(_future(source), given, world.opening, each)
        return line_block(tests, *play(given, world.opening, each), line=line)

    found: np.ndarray = in_blocks(world, points, run, lambda done: None)
    return found
