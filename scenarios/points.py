"""Many shock vectors and many futures by one compiled programme: designs, survival, reverse stress and actions play it.

A point is one future of the company under one vector of severities; what shocks do by day and where they hit are data
as well, so that an outage one day longer, at another place, compiles nothing.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels.bits import seed_words
from kernels.ratio import Arithmetic
from twin.assembly import Model
from twin.assembly.days import BILLED
from twin.engines import Future, fastest
from twin.exogenous import Params, Source, draw_severities
from twin.ledger import balance
from twin.network import Network
from twin.plan import block_size, blocks_at_once
from twin.policies import replenish
from twin.record import Record, nothing, profit_weights
from twin.simulate import MODES, Inputs, play, posterior_draw, scan
from twin.state import Flows, State, changed

CPU_BLOCK = 32  # one size for all studies of a company: few points are filled up rather than compiled for
STOCK = (1200, 1210, 1220, 1230, 1290)
FULL = 1e6  # ppm of full severity


class Points(NamedTuple):
    """Points to play; every leading axis is point, or 1 where all points share it.

    change: by field (point, day, shock) ppm at full severity; rows: by field (point, shock, row), 0/1, the places hit;
    severities: (point, severity) ppm; draws: (point,) the future of each; days: the fields of `Days` that terms decide.
    """

    change: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    severities: np.ndarray
    draws: np.ndarray
    days: dict[str, np.ndarray]

    def take(self, which: np.ndarray) -> "Points":
        """Some of the points, in this order."""

        def of(x: np.ndarray) -> np.ndarray:
            return x if len(x) == 1 else x[which]

        return Points(
            jax.tree.map(of, self.change), jax.tree.map(of, self.rows), of(self.severities), self.draws[which],
            jax.tree.map(of, self.days),
        )  # fmt: skip


class Outcome(NamedTuple):
    """What became of each point; leading axis point. Money in cents, goods in units."""

    liquidity: Any  # lowest (cash and undrawn line less what is overdue) at any close
    cash: Any  # lowest cash at any close
    slack: Any  # (point, covenant) lowest measured value less threshold on a test day, inf without one
    unmet: Any  # (point, product) demand not met from stock when it came
    unmet_by_day: Any  # (point, day)
    fill: Any  # demand met / demand
    survives: Any
    closing_liquidity: Any
    closing_stock: Any  # at cost, less write-downs, goods in transit included
    profit: Any  # after tax, over the horizon
    residual: Any  # largest residual of any invariant


class World(NamedTuple):
    """The company that all points share: everything `play` takes besides shocks and luck."""

    network: Network
    policy: Any
    params: Params
    inputs: Inputs
    opening: State


def shared(model: Model, scenario: str = "base", **changes: Any) -> World:
    """The arrays of a model; `changes` replace network, policy, params or opening."""
    world = World(model.network, model.policy, model.params, model.inputs[scenario], model.opening)
    return world._replace(**changes)


def plain(world: World, draws: np.ndarray, severities: np.ndarray | None = None) -> Points:
    """The scenario of a world as written, or at other severities: (point, severity) ppm."""
    shocks = world.inputs.shocks
    full = np.full((1, len(world.inputs.severities.probability)), FULL)
    return Points(
        {field: np.asarray(shock.change)[None] for field, shock in shocks.items()},
        {field: np.asarray(shock.rows)[None] for field, shock in shocks.items()},
        full if severities is None else severities,
        np.asarray(draws, np.uint32),
        days_of(world),
    )


def days_of(world: World) -> dict[str, np.ndarray]:
    """The fields of `Days` that terms decide, as the scenario of a world has them."""
    return {field: np.asarray(getattr(world.inputs.days, field))[None] for field in BILLED}


def drawn(world: World, draws: np.ndarray, seed: int) -> np.ndarray:
    """(point, severity) ppm as the scenario's own laws and dependence draw them in each future."""
    laws = jax.tree.map(jnp.asarray, world.inputs.severities)
    with jax.enable_x64(True):
        draw = jax.vmap(lambda d: draw_severities(laws, seed_words(seed), d, MODES["exact"]))
        return np.asarray(jax.jit(draw)(np.asarray(draws, np.uint32)))


def _series(state: State, flows: Flows) -> dict[str, Array]:
    overdue = jnp.sum(state.dues.overdue) + jnp.sum(state.dues.arrears)
    return {
        "liquidity": flows.headroom - overdue,
        "cash": balance(flows.balances, 1000),
        "covenant": flows.covenant_value,
        "unmet": jnp.sum(flows.demand - flows.met),
        "default": state.ledger.default,
    }


def _totals(state: State, flows: Flows) -> dict[str, Array]:
    return {
        "unmet": jnp.sum(flows.demand - flows.met, axis=0),
        "demand": jnp.sum(flows.demand),
        "profit": flows.amounts @ profit_weights(),
    }


RECORD = Record(_series, _totals, nothing)


def played(
    shared: tuple[Any, ...], opening: State, one: tuple[Any, ...], *, source: Source, arithmetic: Arithmetic
) -> tuple[Any, ...]:
    """One point as engines take it: what `outcome` needs of it. shared: as `shared_of` has it; one: as `in_blocks`."""
    network, policy, params, inputs, seed = shared
    change, rows, severities, draw, which, days = one
    # the native engine looks up by index only what it has made itself
    change, rows, severities, days = jax.tree.map(lambda x: x * jnp.ones((), x.dtype), (change, rows, severities, days))
    shocks = {field: changed(shock, rows=rows[field]) for field, shock in inputs.shocks.items()}
    mine = jax.tree.map(lambda x: x[0] if x.shape[0] == 1 else x[which], params)

    def by_point(step: Any, carry: Any, by_day: Any) -> Any:
        """What differs by point is looked up day by day; engines scan what all points share."""
        today, changes, history = by_day

        def advance(carry: Any, given: Any) -> Any:
            today, history = given
            here, own = jax.tree.map(lambda x: lax.dynamic_index_in_dim(x, today.day, keepdims=False), (change, days))
            return step(carry, (changed(today, **own), {field: here[field] for field in changes}, history))

        return scan(advance, carry, (today, history))

    closing, series, totals, _, worst = play(
        network, replenish, policy, source, mine, changed(inputs, shocks=shocks), opening, draw, seed,
        arithmetic=arithmetic, record=RECORD, loop=by_point, severities=severities,
    )  # fmt: skip
    return closing.ledger.balances, series, totals, worst


@lru_cache
def _future(source: Source, arithmetic: Arithmetic) -> Future:
    """The same choices give the same function, which is what engines compile once."""
    return partial(played, source=source, arithmetic=arithmetic)


def shared_of(world: World, seed: int) -> tuple[Any, ...]:
    return (*world[:-1], seed_words(seed))


def tests_of(world: World) -> tuple[Any, Any]:
    """Thresholds of covenants, and the days on which they are tested."""
    return world.network.threshold, world.inputs.days.covenant_day


def outcome(tests: tuple[Any, Any], balances: Array, series: Any, totals: Any, worst: Array) -> Outcome:
    """What became of one point, from what `played` returns. tests: of `tests_of`."""
    threshold, covenant_day = tests
    margin = series["covenant"] - threshold[None, :]
    tested = covenant_day > 0
    unmet = totals["unmet"]
    return Outcome(
        liquidity=jnp.min(series["liquidity"]),
        cash=jnp.min(series["cash"]),
        slack=jnp.min(jnp.where(tested, margin, jnp.inf), axis=0),
        unmet=unmet,
        unmet_by_day=series["unmet"],
        fill=1.0 - jnp.sum(unmet) / jnp.maximum(totals["demand"], 1e-9),
        survives=~jnp.any(series["default"]),
        closing_liquidity=series["liquidity"][-1],
        closing_stock=jnp.asarray(sum(balance(balances, code) for code in STOCK)),
        profit=totals["profit"],
        residual=jnp.max(worst),
    )


outcome_block = jax.jit(jax.vmap(outcome, in_axes=(None, 0, 0, 0, 0)))


def rows_of_block(world: World) -> int:
    """Points per block."""
    most = block_size(world.network)
    return min(most, CPU_BLOCK) if jax.default_backend() == "cpu" else most


def in_blocks(
    world: World, points: Points, run: Callable[[tuple[Any, ...]], Any], progress: Callable[[int], None]
) -> Any:
    """Run blocks of one size, the last one filled up; results on the host, leading axis point."""
    n, size = len(points.draws), rows_of_block(world)
    ids, which = np.arange(n), posterior_draw(points.draws, world.params)

    def block(start: int) -> Any:
        mine = np.resize(ids[start : start + size], size)

        def of(x: np.ndarray) -> np.ndarray:
            return np.broadcast_to(x, (size, *x.shape[1:])) if len(x) == 1 else x[mine]

        with jax.enable_x64(True):
            found = run((jax.tree.map(of, points.change), jax.tree.map(of, points.rows), of(points.severities),
                         points.draws[mine], which[mine], jax.tree.map(of, points.days)))  # fmt: skip
            return jax.tree.map(lambda x: np.asarray(x)[: min(size, n - start)], found)

    parts = []
    with ThreadPoolExecutor(blocks_at_once()) as workers:
        for part in workers.map(block, range(0, n, size)):
            parts.append(part)
            progress(min(len(parts) * size, n))
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def outcomes(
    world: World,
    source: Source,
    points: Points,
    *,
    seed: int = 0,
    mode: str = "exact",
    progress: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Play all points; in exact mode every residual is 0, or RuntimeError."""

    given, tests = shared_of(world, seed), tests_of(world)

    def run(each: tuple[Any, ...]) -> Outcome:
        play_block = fastest(_future(source, MODES[mode]), given, world.opening, each)
        return outcome_block(tests, *play_block(given, world.opening, each))

    found: Outcome = in_blocks(world, points, run, progress)
    if mode == "exact" and found.residual.any():
        raise RuntimeError("an invariant of the ledger is not 0")
    return found
