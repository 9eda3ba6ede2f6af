"""What a future leaves for goals and limits to be measured on.

An outcome is a pytree of one future's results; in a batch every leaf has a leading draw axis.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels.bits import Pair, seed_words
from kernels.ratio import Arithmetic
from twin.assembly import Model
from twin.engines import differentiable
from twin.exogenous import Params, Source
from twin.policies import Policy, replenish
from twin.record import Record, nothing
from twin.simulate import MODES, Loop, play, scan
from twin.state import Flows, State, changed
from twin.tune.parameters import Dials, Parts, Theta, turned

Outcome = Any
BLOCKS_AT_ONCE = 2


def _daily(state: State, flows: Flows) -> dict[str, Array]:
    return {"headroom": flows.headroom, "balances": flows.balances, "covenant_value": flows.covenant_value}


def _summed(state: State, flows: Flows) -> dict[str, Array]:
    return {
        "amounts": flows.amounts,
        "demand": flows.demand,
        "met": flows.met,
        "lost": flows.lost,
        "on_hand": state.goods.on_hand,
        "backorders": state.goods.backorders,
    }


# headroom (day,), balances (day, account), covenant_value (day, covenant) in cents; sums over days: amounts (entry,)
# in cents, units by (node, product), on_hand and backorders as sums of daily closes
COMPANY_OUTCOME = Record(_daily, _summed, nothing)


@partial(jax.jit, static_argnames=("policy", "source", "arithmetic", "record", "loop"))
def _played(
    parts: Parts,
    dials: Dials,
    theta: Theta,
    params: Params,
    draws: Array,
    level: Array,
    seed: Pair,
    *,
    policy: Policy,
    source: Source,
    arithmetic: Arithmetic,
    record: Record,
    loop: Loop,
) -> Outcome:
    """theta: every leaf (draw, group), each future its own. level: (draw,) factor of all mean demand."""

    def future(theta: Theta, draw: Array, level: Array) -> Outcome:
        mine = turned(parts, dials, theta)
        law = changed(params, demand_mean=params.demand_mean * level)
        _, series, totals, _, _ = play(
            mine.network, policy, mine.policy, source, law, mine.inputs, mine.opening, draw, seed,
            arithmetic=arithmetic, record=record, loop=loop,
        )  # fmt: skip
        return {**series, **totals}

    return jax.vmap(future)(theta, draws, level)


@partial(jax.jit, static_argnames=("policy", "source", "arithmetic", "record", "loop"))
def _pulled(
    parts: Parts,
    dials: Dials,
    theta: Theta,
    params: Params,
    draws: Array,
    level: Array,
    seed: Pair,
    slopes: Outcome,
    **chosen: Any,
) -> Theta:
    _, back = jax.vjp(lambda x: _played(parts, dials, x, params, draws, level, seed, **chosen), theta)
    return back(slopes)[0]


@dataclass(frozen=True)
class Plan:
    """A model, the parameters that may be turned, and what is kept of each future.

    draws are whole-number ids: the same id meets the same luck at every theta. source, policy, record: as `simulate`
    takes them; only sizes and these choices compile.
    """

    parts: Parts
    dials: Dials
    params: Params  # of one posterior draw
    source: Source
    policy: Policy = replenish
    record: Record = COMPANY_OUTCOME
    seed: int = 0
    block: int = 16  # futures per call of the compiled programme, whatever is asked for
    loop: Loop = differentiable  # for derivatives; `scan` keeps every day in memory

    @classmethod
    def of(cls, model: Model, dials: Dials, scenario: str = "base", **options: Any) -> "Plan":
        params = jax.tree.map(lambda x: x[0], model.params)
        return cls(Parts.of(model, scenario), dials, params, options.pop("source", model.source), **options)

    def play(
        self, theta: Theta, draws: np.ndarray, mode: str = "exact", loop: Loop = scan, level: np.ndarray | None = None
    ) -> Outcome:
        """Outcomes of the futures `draws`, on the host. theta: by parameter, (group,) or (draw, group).

        level: (draw,) by how much all mean demand of a future is multiplied; default 1.
        """
        chosen = self._chosen(mode, loop)
        return self._blocks(
            lambda t, d, x: _played(*self._shared(t), d, x, seed_words(self.seed), **chosen),
            theta, draws, _whole(level, draws),
        )  # fmt: skip

    def pull(self, theta: Theta, draws: np.ndarray, slopes: Outcome, level: np.ndarray | None = None) -> Theta:
        """Derivative of sum(slopes x outcomes) in theta, future by future: leaves (draw, group). Smooth mode."""
        chosen = self._chosen("smooth", self.loop)
        return self._blocks(
            lambda t, d, x, s: _pulled(*self._shared(t), d, x, seed_words(self.seed), s, **chosen),
            theta, draws, _whole(level, draws), slopes,
        )  # fmt: skip

    def _chosen(self, mode: str, loop: Loop) -> dict[str, Any]:
        fixed = {"policy": self.policy, "source": self.source, "record": self.record}
        return {**fixed, "arithmetic": MODES[mode], "loop": loop}

    def _shared(self, theta: Theta) -> tuple[Any, ...]:
        return self.parts, self.dials, theta, self.params

    def _blocks(self, run: Callable[..., Any], theta: Theta, draws: np.ndarray, *more: Any) -> Any:
        """Blocks of one size, on all cores; the last one is filled up by repeating a future."""
        draws = np.asarray(draws, np.uint32)
        each = {name: np.broadcast_to(x, (len(draws), np.shape(x)[-1])) for name, x in theta.items()}
        size = self.block

        def one(start: int) -> Any:
            take = np.arange(start, start + size) % len(draws)
            with jax.enable_x64(True):  # a setting of the thread
                given = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)[take]), (each, draws, *more))
                found = run(*given)
            return jax.tree.map(lambda x: np.asarray(x)[: len(draws) - start], found)

        with ThreadPoolExecutor(BLOCKS_AT_ONCE) as workers:
            found = list(workers.map(one, range(0, len(draws), size)))
        return jax.tree.map(lambda *x: np.concatenate(x), *found)


def _whole(level: np.ndarray | None, draws: np.ndarray) -> np.ndarray:
    return np.ones(len(draws)) if level is None else level
