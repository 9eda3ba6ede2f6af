"""Levels that follow the season: all levels times one factor for each season of the horizon, tuned as a group.

The factors stand beside the levels, so that a planner may give this freedom and no other.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from twin.assembly import Model
from twin.policies import Replenishment, View, replenish
from twin.state import array, changed, pytree
from twin.tune.measures import Limit, Measure
from twin.tune.outcomes import Outcome, Plan
from twin.tune.parameters import Parts, dial
from twin.tune.search import Effort, Path, search
from twin.tune.tuned import FRESH, Held, Infeasible, held_limits, played

UNIT = 0.1  # one theta is a tenth of every level
LEAST, MOST = 0.1, 4.0  # factors that no search passes


@pytree
class Seasonal:
    """Levels of the year, and what they are multiplied with in each season."""

    levels: Replenishment
    factor: Array = array("season", "", "of every order-up-to level; reorder points keep their distance")
    length: Array = array("", "day", "of a season; the last one lasts to the end")


def replenish_by_season(parameters: Seasonal, view: View) -> Array:
    """`replenish` at the levels of today's season, in whole units in exact mode."""
    p = parameters
    season = jnp.floor(view.days.day.astype(jnp.float64) / p.length)
    today = jnp.minimum(season, p.factor.shape[0] - 1.0) == jnp.arange(p.factor.shape[0], dtype=jnp.float64)
    up_to = view.arithmetic.round_(p.levels.order_up_to * jnp.sum(jnp.where(today, p.factor, 0.0)))
    point = p.levels.reorder_point + (up_to - p.levels.order_up_to)
    return replenish(changed(p.levels, order_up_to=up_to, reorder_point=point), view)


@dataclass(frozen=True)
class Seasons:
    """after: the policy found. start, end: outcomes in exact mode of the company's levels and of `after`, paired."""

    after: Seasonal
    path: Path
    start: Outcome
    end: Outcome
    held: list[Held]


def tune_seasons(
    model: Model,
    goal: Measure,
    limits: tuple[Limit, ...] = (),
    *,
    seasons: int = 4,
    maximise: bool = True,
    effort: Effort | None = None,
    futures: int = 256,
    block: int = 16,
    seed: int = 0,
) -> Seasons:
    """One factor for each season of equal length. Raises Infeasible and NotFinite as `tune` does."""
    host: Any = {"factor": np.ones(seasons), "length": np.asarray(-(-model.calendar.days // seasons), np.float64)}
    flat = Seasonal(levels=model.policy, **host)
    parts = Parts.of(model)._replace(policy=flat)
    dials = {"season": dial(np.full(seasons, UNIT), np.arange(seasons))}
    plan = dataclasses.replace(Plan.of(model, dials, seed=seed, block=block), parts=parts, policy=replenish_by_season)
    low, high = (np.full(seasons, (edge - 1.0) / UNIT) for edge in (LEAST, MOST))
    path = search(
        plan, {"season": np.zeros(seasons)}, goal, limits,
        lower={"season": low}, upper={"season": high}, effort=effort or Effort(), maximise=maximise,
    )  # fmt: skip
    after = changed(flat, factor=1.0 + UNIT * path.theta["season"])
    fresh = np.arange(FRESH, FRESH + futures)
    end = played(model, after, fresh, seed, rule=replenish_by_season)
    held = held_limits(limits, end)
    if any(x.missed > 0 for x in held):
        raise Infeasible(held)
    return Seasons(after, path, played(model, model.policy, fresh, seed), end, held)
