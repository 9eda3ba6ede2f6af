"""The search: Adam on theta, limits by an augmented Lagrangian, futures never used twice.

Minimise g(theta) subject to c_k(theta) >= 0. The Lagrangian g - sum lambda_k c_k + rho/2 sum max(0, -c_k)^2 has the
gradient g' - sum max(0, lambda_k - rho c_k) c_k' (Nocedal & Wright, Numerical Optimization, 2006, section 17.4). c_k
is known from a few futures only, so a running mean stands for it, and the multipliers follow in small steps. The
result is the average of the last third of the path (Polyak & Juditsky, SIAM J. Control Optim. 30 (1992), 838-855),
and so is the price of each limit: what it was paid there, multiplier and penalty together.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
import optax

from twin.tune.gradients import ensure_smooth, play_smooth, pull_smooth, values
from twin.tune.measures import Limit, Measure
from twin.tune.outcomes import Outcome, Plan
from twin.tune.parameters import Theta

MEMORY = 0.5  # of the running mean of a limit's slack
PENALTY = 2.0  # at a slack of -1 the penalty pulls this many times as hard as the goal
PATIENCE = 0.05  # of the penalty's pull that a step adds to a price: prices follow more slowly than theta
SETTLED, ONE_WAY = 0.1, 0.9  # of theta; of the length of the path
FORGET = 0.95  # Adam's memory of squares: a far start must not shorten the steps near the end


@dataclass(frozen=True)
class Effort:
    """How long to search. rate: first step of Adam, in units of theta; it falls along a half cosine to a twentieth."""

    steps: int = 60
    futures: int = 16
    rate: float = 0.25
    first: int = 0  # id of the first future

    def shorter(self, steps: int) -> "Effort":
        """So many steps more, of half the size, on the futures that follow."""
        return Effort(steps, self.futures, self.rate / 2, self.first + self.steps * self.futures)


@dataclass(frozen=True)
class Path:
    """Where the search went. theta: the result. goal: (step,). slack: (step, limit), in units of each limit's scale.

    multipliers: (limit,) price of one scale of slack, in units of the goal. at: (step, group) theta of each parameter.
    """

    theta: Theta
    goal: np.ndarray
    slack: np.ndarray
    multipliers: np.ndarray
    at: dict[str, np.ndarray]

    def travelling(self, name: str) -> np.ndarray:
        """bool (group,): those that went one way through the last third of the path, and by more than SETTLED."""
        steps = np.diff(self.at[name][-max(len(self.goal) // 3, 1) - 1 :], axis=0)
        way, length = np.abs(steps.sum(axis=0)), np.abs(steps).sum(axis=0)
        return (way > SETTLED) & (way > ONE_WAY * length)


class NotFinite(ArithmeticError):
    """The goal or its derivative is not a number at some theta."""


def search(
    plan: Plan,
    theta: Theta,
    goal: Measure,
    limits: tuple[Limit, ...] = (),
    *,
    lower: Theta,
    upper: Theta,
    effort: Effort,
    maximise: bool = False,
    ties: Theta | None = None,
    multipliers: np.ndarray | None = None,
    progress: Callable[[int], None] = lambda step: None,
) -> Path:
    """The best theta between `lower` and `upper`; a parameter without bounds stays where it is.

    ties: by parameter, the place in theta, lower and upper that each of the plan's own thetas follows; none: each its
    own. multipliers: to begin with, from an earlier search. progress: called with the steps done so far.

    Raises NotSmooth for a parameter without pathwise derivative, or for a probability where no shock of the company is
    there to average over, NotFinite where a goal is not a number.
    """
    sign = -1.0 if maximise else 1.0
    measures = (goal, *(limit.measure for limit in limits))
    for name in lower:
        ensure_smooth(name)
    place = {name: np.array(theta[name], np.float64) for name in lower}
    rate = optax.cosine_decay_schedule(effort.rate, effort.steps, alpha=0.05)
    adam = optax.adam(rate, b2=FORGET)
    counts = [len(limit.measure.labels) for limit in limits]
    prices = np.zeros(sum(counts)) if multipliers is None else np.array(multipliers)
    running, penalty = np.zeros(sum(counts)), 0.0
    goals, slacks, pulled, at = [], [], [], []
    with _plain():
        state = adam.init(place)
    for step in range(effort.steps):
        draws = np.arange(effort.first + step * effort.futures, effort.first + (step + 1) * effort.futures)
        full = theta | {name: x[ties[name]] if ties else x for name, x in place.items()}
        batch = play_smooth(plan, full, draws, measures)
        pull = partial(_pull, plan, full, draws, place, ties, batch, measures)
        found = values(batch, measures)
        slack = _joined([limit.slack(x) for limit, x in zip(limits, found[1:], strict=True)])
        running = MEMORY * running + (1 - MEMORY) * slack
        # a far start must neither drown the goal for long nor pile up prices: a miss counts as one scale at most
        mean = np.clip(running / (1 - MEMORY ** (step + 1)), -1.0, 1.0)
        if limits and step == 0:
            penalty = PENALTY * _leverage(pull, limits, counts, sign)
        pulls = np.maximum(0.0, prices - penalty * mean)
        gradient = pull(_weights(sign, limits, counts, pulls))
        if not (np.isfinite(found[0]).all() and all(np.isfinite(x).all() for x in gradient.values())):
            raise NotFinite(f"step {step}: {goal.name} or its derivative is not a number")
        prices = np.maximum(0.0, prices - PATIENCE * penalty * mean)
        goals.append(float(found[0][0]))
        slacks.append(slack)
        pulled.append(pulls)
        at.append(place)
        progress(step + 1)
        with _plain():
            change, state = adam.update(gradient, state)
        place = {name: np.clip(x + np.asarray(change[name]), lower[name], upper[name]) for name, x in place.items()}
    at.append(place)
    last = max(effort.steps // 3, 1)
    result = {name: np.mean([x[name] for x in at[-last:]], axis=0) for name in place}
    paid = np.mean(pulled[-last:], axis=0)
    trail = {name: np.stack([x[name] for x in at]) for name in place}
    return Path(result, np.array(goals), np.array(slacks).reshape(len(goals), -1), paid, trail)


def _plain() -> ExitStack:
    """optax keeps JAX's own rules of promotion; float64 is ours."""
    stack = ExitStack()
    stack.enter_context(jax.enable_x64(True))
    stack.enter_context(jax.numpy_dtype_promotion("standard"))
    stack.enter_context(jax.numpy_rank_promotion("allow"))
    return stack


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.atleast_1d(x) for x in parts]) if parts else np.zeros(0)


def _pull(
    plan: Plan,
    theta: Theta,
    draws: np.ndarray,
    place: Theta,
    ties: Theta | None,
    batch: Outcome,
    measures: tuple[Measure, ...],
    weights: list[np.ndarray],
) -> dict[str, np.ndarray]:
    """Derivative of the batch's weighed measures in each number that the search moves."""
    rows = pull_smooth(plan, theta, draws, batch, measures, weights)
    found = {name: rows[name].sum(axis=0) for name in place}
    return {n: np.bincount(ties[n], g, len(place[n])) for n, g in found.items()} if ties else found


def _weights(sign: float, limits: tuple[Limit, ...], counts: list[int], pulls: np.ndarray) -> list[np.ndarray]:
    """Of the goal and of every limit's measure, in the Lagrangian."""
    parts = np.split(pulls, np.cumsum(counts)[:-1]) if counts else []
    directions = [(-1.0 if limit.least is not None else 1.0) / limit.scale for limit in limits]
    return [np.array([sign]), *(way * part for way, part in zip(directions, parts, strict=True))]


def _leverage(
    pull: Callable[[list[np.ndarray]], Theta],
    limits: tuple[Limit, ...],
    counts: list[int],
    sign: float,
) -> float:
    """How much of the goal one scale of slack costs: the ratio of the norms of their gradients."""
    none, ones = np.zeros(sum(counts)), np.ones(sum(counts))
    sizes = []
    for weight, pulls in ((sign, none), (0.0, ones)):
        found = pull(_weights(weight, limits, counts, pulls))
        sizes.append(np.sqrt(sum(float((x**2).sum()) for x in found.values())))
    return float(sizes[0] / sizes[1]) if sizes[1] > 0 else 1.0
