"""Many days, many futures: scan over days, vmap over futures, blocks of futures that fit the memory.

The day is written for one future; the draw axis is added here and nowhere else. Numbers never recompile; sizes and
function choices (policy, source, arithmetic, record, engine) do.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.ad_checkpoint import checkpoint_name

from kernels.bits import Pair, seed_words, threefry2x32
from kernels.ratio import EXACT, SMOOTH, Arithmetic
from twin import invariants, underway
from twin.checkpointed import DRAWS
from twin.day import day
from twin.day.setting import Setting
from twin.engines import Engine, Future, xla
from twin.exogenous import (
    LUCK,
    Luck,
    Params,
    Severities,
    Shock,
    Source,
    Today,
    draw_severities,
    effective,
)
from twin.network import Days, Network
from twin.plan import blocks_at_once, flow_shapes, footprint, planned_block
from twin.policies import Policy
from twin.record import Record
from twin.state import Flows, State, changed, pytree
from twin.underway import Underway

MODES = {"exact": EXACT, "smooth": SMOOTH}
FUTURES_PER_POSTERIOR_DRAW = 2


@pytree
class Inputs:
    """What all futures of a scenario share: calendar and terms by day, shocks, a replayed history if there is one, and
    what was on the way at the opening.

    `days`, the `change` of each shock and `replay` have a leading day axis; the rest has none.
    """

    days: Days
    shocks: dict[str, Shock]
    severities: Severities
    replay: Luck | None
    underway: Underway


class Run(NamedTuple):
    """Results of one scenario under one policy; leading axis draw, on the host.

    series: leading axes (draw, day). totals: (draw, ...). pooled: (day, ...). closing: the last state of each future.
    residuals: (draw, invariant), the worst day of each daily invariant.
    """

    draws: np.ndarray
    series: Any
    totals: Any
    pooled: Any
    closing: State
    residuals: np.ndarray


# Runs a step over days: (step, carry, inputs by day) -> (carry, stacked outputs).
Loop = Callable[[Callable[[Any, Any], tuple[Any, Any]], Any, Any], tuple[Any, Any]]


def scan(step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, days: Any) -> tuple[Any, Any]:
    """XLA's loop."""
    return lax.scan(step, carry, days)


def play(
    network: Network,
    policy: Policy,
    policy_params: Any,
    source: Source,
    params: Params,
    inputs: Inputs,
    opening: State,
    draw: Array,
    seed: Pair,
    *,
    arithmetic: Arithmetic,
    record: Record,
    loop: Loop = scan,
    severities: Array | None = None,
) -> tuple[State, Any, Any, Any, Array]:
    """One future: closing state, series by day, totals, what is to be pooled by day, worst residuals.

    params: of one posterior draw. loop: how days follow each other. severities: (severity,) ppm, drawn where not given.
    Pure and differentiable in every array; runs under the caller's x64 setting.
    """
    key = threefry2x32(seed, (jnp.uint32(LUCK), draw))
    if severities is None:
        severities = draw_severities(inputs.severities, seed, draw, arithmetic)
    if network.sizes.shipments and inputs.replay is None:
        goods = underway.drawn(network, params, inputs.underway, opening.goods, inputs.days.day[0], key)
        opening = changed(opening, goods=goods)

    def advance(state: State, today: Any) -> tuple[State, Flows, Array]:
        days, changes, history = today
        shocks = {field: changed(shock, change=changes[field]) for field, shock in inputs.shocks.items()}
        numbers = effective(network, days, shocks, severities, arithmetic)
        drawn = source(network, params, Today(days, numbers, history, arithmetic), key)
        luck = checkpoint_name(drawn, DRAWS)  # type: ignore[no-untyped-call]
        after, flows = day(state, Setting(network, days, numbers, luck, policy, policy_params, arithmetic))
        return after, flows, invariants.daily(network, state, after, flows, days.day)

    def step(carry: Any, today: Any) -> tuple[Any, Any]:
        state, totals, worst = carry
        after, flows, residuals = advance(state, today)
        totals = jax.tree.map(jnp.add, totals, record.totals(after, flows))
        by_day = record.series(after, flows), record.pooled(after, flows)
        return (after, totals, jnp.maximum(worst, residuals)), by_day

    by_day = (inputs.days, {field: shock.change for field, shock in inputs.shocks.items()}, inputs.replay)
    shapes = jax.eval_shape(record.totals, opening, flow_shapes(network))
    totals = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    worst = jnp.zeros(len(invariants.DAILY), jnp.float64)
    (closing, totals, worst), (series, pooled) = loop(step, (opening, totals, worst), by_day)
    return closing, series, totals, pooled, worst


@lru_cache(maxsize=64)
def future_of(policy: Policy, source: Source, arithmetic: Arithmetic, record: Record) -> Future:
    """`play` as engines take it. The same choices give the same function, which is what engines compile once."""

    def future(shared: Any, opening: State, one: tuple[Array, Array]) -> tuple[State, Any, Any, Any, Array]:
        network, policy_params, params, inputs, seed = shared
        draw, which = one
        mine = jax.tree.map(lambda x: x[0] if x.shape[0] == 1 else x[which], params)
        return play(
            network, policy, policy_params, source, mine, inputs, opening, draw, seed,
            arithmetic=arithmetic, record=record,
        )  # fmt: skip

    return future


def posterior_draw(draws: np.ndarray, params: Params) -> np.ndarray:
    """(draw,) which posterior draw feeds each future: d // 2, or the only one.

    Raises ValueError for more futures than the stored draws can feed.
    """
    stored = jax.tree.leaves(params)[0].shape[0]
    which = draws // FUTURES_PER_POSTERIOR_DRAW if stored > 1 else np.zeros_like(draws)
    if which.max(initial=0) >= stored:
        raise ValueError(f"future {draws.max()} needs {which.max() + 1} posterior draws, {stored} are stored")
    return which.astype(np.int32)


def _first(count: int, x: Array) -> np.ndarray:
    return np.asarray(x)[:count]


def simulate(
    network: Network,
    policy: Policy,
    policy_params: Any,
    source: Source,
    params: Params,
    inputs: Inputs,
    opening: State,
    draws: np.ndarray,
    *,
    seed: int = 0,
    mode: str = "exact",
    record: Record,
    engine: Engine = xla,
    block: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Run:
    """Play the futures `draws` of one scenario.

    draws: whole-number ids; the same id meets the same luck under every scenario, policy and batching. params: leading
    axis posterior draw, future d takes draw d // 2 (or the only one). progress: called with the futures done so far.
    block: futures in a block, by default as `twin.plan` cuts them to cache and memory. Raises ValueError for more
    futures than the posterior draws can feed, or an unknown mode; DoesNotFit where not one future fits the memory.
    """
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}: choose one of {', '.join(MODES)}")
    draws = np.asarray(draws, np.uint32)
    which = posterior_draw(draws, params)
    shared = (network, policy_params, params, inputs, seed_words(seed))
    if block is None:
        size = planned_block(footprint(network, opening, shared, record, len(inputs.days.day)), network, len(draws))
    else:
        size = min(block, len(draws))
    places = np.arange(len(draws))
    blocks = [places[start : start + size] for start in range(0, len(draws), size)]

    def each(mine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # the last block is filled up by repeating a draw, so that every block runs the same programme
        filled = np.resize(mine, size)
        return draws[filled], which[filled]

    with jax.enable_x64(True):
        programme = engine(future_of(policy, source, MODES[mode], record), shared, opening, each(blocks[0]))

    def run(mine: np.ndarray) -> tuple[Any, Any]:
        with jax.enable_x64(True):  # a setting of the thread
            outputs = programme(shared, opening, each(mine))
        closing, series, totals, pooled, worst = jax.tree.map(partial(_first, len(mine)), outputs)
        return (closing, record.named(series), totals, worst), jax.tree.map(partial(np.sum, axis=0), pooled)

    parts: list[Any] = []
    pools: list[Any] = []
    with ThreadPoolExecutor(blocks_at_once()) as workers:
        for part, pooled in workers.map(run, blocks):
            parts.append(part)
            pools.append(pooled)
            progress(min(len(parts) * size, len(draws)))
    closing, series, totals, residuals = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    return Run(draws, series, totals, jax.tree.map(lambda *x: sum(x), *pools), closing, residuals)
