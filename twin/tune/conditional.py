"""A probability made smooth: conditional Monte Carlo in the company's own level of demand.

Behind the company-wide factors of demand stand normal numbers, one a year and one a week, each exp(sigma z - sigma^2 /
2). Along one direction of them, the one that moves the mean log demand of the horizon most, all days move alike: with
s ~ N(0, 1) the place on it, demand everywhere is exp(c s) x the rest, and s is independent of all other luck. Given the
rest, the probability that some room falls below 0 is the normal measure of {s: room(s) < 0}: where an indicator jumps
in the parameters it only moves its ends, each by -(d room / d theta) / (d room / d s) (Fu, Hong & Hu, Management
Science 55 (2009), 2019-2027).

Demand comes in whole units, so room(s) is a staircase whose steps do not move with theta: the slope in s is taken
between points, where a future is played, and room is linear from one to the next. What is differentiated is the
probability of that line, exactly; it is continuous in theta, since where a root passes to another cell room is 0 at the
point between. A root shows by a change of sign from one coarse point to the next; two between the same two are missed.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy import special

from kernels.bits import Pair, seed_words, threefry2x32
from kernels.quantiles import normal
from twin.exogenous import LUCK, replay, uniforms
from twin.network import Network
from twin.tune.outcomes import Outcome, Plan
from twin.tune.parameters import NotSmooth, Theta

Room = Callable[[Outcome], Array]  # outcome batch -> (draw,)
Probe = dict[str, np.ndarray]  # at: (draw, point) ascending s; room: the same, room there

COARSE = np.arange(-4.0, 5.0)
HALVINGS = 3
SLICE = 512  # outcomes of futures held at once
WEEK, YEAR = 7, 365  # days, as in exogenous.uniforms


def probe(plan: Plan, theta: Theta, draws: np.ndarray, room: Room, name: str) -> Probe:
    """Room of every future at points of s, in smooth mode.

    The plan's source must be one of `exogenous.drawn` with independent numbers. Raises NotSmooth for `name` where there
    is no company-wide shock.
    """
    level = levels(plan, draws, name)

    def at(rows: np.ndarray, s: np.ndarray) -> np.ndarray:
        return _rooms(plan, {n: _each(x, draws)[rows] for n, x in theta.items()}, draws[rows], level(rows, s), room)

    return points(at, len(draws))


def points(play: Callable[[np.ndarray, np.ndarray], np.ndarray], count: int) -> Probe:
    """Coarse points, then halves of every cell with a change of sign. play: futures, s -> room."""
    at = np.tile(COARSE, (count, 1))
    room = play(np.repeat(np.arange(count), len(COARSE)), at.ravel()).reshape(at.shape)
    for _ in range(HALVINGS):
        crosses = (room[:, :-1] < 0) != (room[:, 1:] < 0)
        most = max(1, int(crosses.sum(axis=1).max()))
        cell = np.argsort(~crosses, axis=1, kind="stable")[:, :most]
        # a future with fewer roots than others gets points that it has already
        s, value = np.take_along_axis(at, cell, axis=1), np.take_along_axis(room, cell, axis=1)
        halved = np.take_along_axis(crosses, cell, axis=1)
        if halved.any():
            s[halved] = (s[halved] + np.take_along_axis(at, cell + 1, axis=1)[halved]) / 2
            value[halved] = play(np.nonzero(halved)[0], s[halved])
        at, room = np.concatenate([at, s], axis=1), np.concatenate([room, value], axis=1)
        order = np.argsort(at, axis=1, kind="stable")
        at, room = np.take_along_axis(at, order, axis=1), np.take_along_axis(room, order, axis=1)
    return {"at": at, "room": room}


def share_below(at: Array, room: Array) -> Array:
    """(draw,) normal measure of {s: room < 0}; room is linear between the points and flat beyond the ends."""
    left, right, low, high = at[:, :-1], at[:, 1:], room[:, :-1], room[:, 1:]
    crosses = (low < 0) != (high < 0)
    root = left + (right - left) * low / jnp.where(crosses, low - high, 1.0)
    first = jnp.where(crosses & (low >= 0), root, left)
    last = jnp.where(crosses & (low < 0), root, right)
    inside = jnp.where((low < 0) | (high < 0), special.ndtr(last) - special.ndtr(first), 0.0)
    below = jnp.where(room[:, 0] < 0, special.ndtr(at[:, 0]), 0.0)
    above = jnp.where(room[:, -1] < 0, special.ndtr(-at[:, -1]), 0.0)
    return jnp.sum(inside, axis=1) + below + above


def pull(plan: Plan, theta: Theta, draws: np.ndarray, room: Room, name: str, found: Probe, slope: np.ndarray) -> Theta:
    """Derivative of sum(slope x found room) in theta, future by future: leaves (draw, group). slope: (draw, point).

    Only the two points beside a root are played back.
    """
    total = {n: np.zeros((len(draws), np.shape(x)[-1])) for n, x in theta.items()}
    rows, column = np.nonzero(slope)
    level = levels(plan, draws, name)(rows, found["at"][rows, column])
    for start in range(0, len(rows), SLICE):
        mine = np.arange(start, min(start + SLICE, len(rows)))
        # filled up to whole blocks with futures of weight 0, so that few sizes are compiled
        place = _filled(plan, mine)
        weight = np.where(np.arange(len(place)) < len(mine), slope[rows[place], column[place]], 0.0)
        near = {n: _each(x, draws)[rows[place]] for n, x in theta.items()}
        given = near, draws[rows[place]]
        batch = plan.play(*given, "smooth", level=level[place])
        for n, x in plan.pull(*given, _slopes(batch, weight, room), level=level[place]).items():
            np.add.at(total[n], rows[place], x)
    return total


def levels(plan: Plan, draws: np.ndarray, name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Futures (by their place among `draws`) and s -> the factor of their mean demand that brings them there.

    With y years and w weeks begun, s = (sigma_year x mean z_year + sigma_week x mean z_week) / c, and c = sqrt(
    sigma_year^2 / y + sigma_week^2 / w).
    """
    days = np.asarray(plan.parts.inputs.days.day)
    years, weeks = (days[np.unique(days // length, return_index=True)[1]] for length in (YEAR, WEEK))
    of_year, of_week = float(plan.params.company_year), float(plan.params.company_week)
    c = float(np.sqrt(of_year**2 / len(years) + of_week**2 / len(weeks)))
    if c == 0.0 or plan.source is replay:
        raise NotSmooth(name, "it jumps, and no company-wide shock of demand is there to average over")
    with jax.enable_x64(True):
        begun = jnp.asarray(np.concatenate([years, weeks]))
        z = np.asarray(_normals(plan.parts.network, begun, jnp.asarray(draws, jnp.uint32), seed_words(plan.seed)))
    mean_year, mean_week = z[:, : len(years), 0].mean(axis=1), z[:, len(years) :, 1].mean(axis=1)
    own = (of_year * mean_year + of_week * mean_week) / c
    return lambda rows, s: np.exp(c * (s - own[rows]))


@jax.jit
def _normals(network: Network, days: Array, draws: Array, seed: Pair) -> Array:
    """(draw, day, 2): the normal numbers of company and year, and of company and week."""

    def one(draw: Array, day: Array) -> Array:
        return normal(uniforms(network, day, threefry2x32(seed, (jnp.uint32(LUCK), draw))).company)

    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(draws, days)


def _rooms(plan: Plan, theta: Theta, draws: np.ndarray, level: np.ndarray, room: Room) -> np.ndarray:
    """(draw,) room in smooth mode; theta: leaves (draw, group)."""
    parts = []
    for start in range(0, len(draws), SLICE):
        mine = np.arange(start, min(start + SLICE, len(draws)))
        place = _filled(plan, mine)
        batch = plan.play({n: x[place] for n, x in theta.items()}, draws[place], "smooth", level=level[place])
        with jax.enable_x64(True):
            parts.append(np.asarray(_roomed(batch, room))[: len(mine)])
    return np.concatenate(parts)


@partial(jax.jit, static_argnames=("room",))
def _roomed(batch: Outcome, room: Room) -> Array:
    return room(batch)


@partial(jax.jit, static_argnames=("room",))
def _sloped(batch: Outcome, weight: Array, room: Room) -> Outcome:
    return jax.grad(lambda batch: weight @ room(batch))(batch)


def _slopes(batch: Outcome, weight: np.ndarray, room: Room) -> Outcome:
    """Derivative of sum(weight x room) in every outcome. weight: (draw,)."""
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, _sloped(batch, jnp.asarray(weight), room))


def _filled(plan: Plan, places: np.ndarray) -> np.ndarray:
    return np.resize(places, len(places) + -len(places) % plan.block)


def _each(x: np.ndarray, draws: np.ndarray) -> np.ndarray:
    return np.broadcast_to(x, (len(draws), np.shape(x)[-1]))
