"""Derivatives one can trust: for each parameter the mean over futures, its standard error, and what may be wrong.

Pathwise: the derivative of each future, in smooth mode. Conditional Monte Carlo: the same, where a probability is asked
for, after one normal number of each future has been averaged over (`twin.tune.conditional`). Evolution strategies:
every future is played at theta + sigma e and theta - sigma e, with its own normal e and the same luck, in exact mode
(Salimans et al., arXiv:1703.03864, section 2; antithetic pairs); the result is the derivative of the goal averaged over
normal steps of size sigma.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from twin.tune import conditional
from twin.tune.measures import Measure
from twin.tune.outcomes import Outcome, Plan
from twin.tune.parameters import PARAMETERS, Method, NotSmooth, Theta

NUDGE = 1e-6  # of theta: futures whose derivative differs on its two sides sit on a kink
# of the largest derivative; a probability is curved, so that its derivative moves between the two sides anyhow
SAME = {Method.pathwise: 1e-6, Method.conditional: 1e-4}


@dataclass(frozen=True)
class Gradient:
    """Derivatives of one goal in the theta of one parameter; every array (group,).

    error: standard error of the mean over futures. largest: the single future with the largest contribution, in
    absolute value: where it passes a few dozen standard deviations the mean hangs on it. kinked: share of futures whose
    derivative differs on the two sides (NaN for evolution strategies, which need no derivative of a path).
    """

    parameter: str
    method: Method
    mean: np.ndarray
    error: np.ndarray
    largest: np.ndarray
    kinked: np.ndarray
    futures: int


@partial(jax.jit, static_argnames=("measures",))
def _valued(batch: Outcome, measures: tuple[Measure, ...]) -> tuple[Array, ...]:
    return tuple(measure.value(batch) for measure in measures)


@partial(jax.jit, static_argnames=("measures",))
def _sloped(batch: Outcome, weights: tuple[Array, ...], measures: tuple[Measure, ...]) -> Outcome:
    def weighed(batch: Outcome) -> Array:
        parts = [w @ measure.value(batch) for w, measure in zip(weights, measures, strict=True)]
        return sum(parts[1:], parts[0])

    return jax.grad(weighed)(batch)


@partial(jax.jit, static_argnames=("measure",))
def _linear(batch: Outcome, base: Outcome, measure: Measure) -> Array:
    return measure.linear(batch, measure.around(base))


def values(batch: Outcome, measures: tuple[Measure, ...]) -> list[np.ndarray]:
    """(k,) of each measure."""
    with jax.enable_x64(True):
        return [np.asarray(value) for value in _valued(batch, measures)]


def play_smooth(plan: Plan, theta: Theta, draws: np.ndarray, measures: tuple[Measure, ...]) -> Outcome:
    """Outcomes in smooth mode, with what the probabilities among the measures need to have a derivative.

    Raises NotSmooth for a probability where the company has no shock to average over.
    """
    batch = plan.play(theta, draws, "smooth")
    probes = {m.name: conditional.probe(plan, theta, draws, m.room, m.name) for m in measures if m.room}
    return {**batch, "probes": probes} if probes else batch


def pull_smooth(
    plan: Plan,
    theta: Theta,
    draws: np.ndarray,
    batch: Outcome,
    measures: tuple[Measure, ...],
    weights: list[np.ndarray],
) -> Theta:
    """Derivative of sum(weights x measures) in theta, future by future: leaves (draw, group). batch: `play_smooth`."""
    slope = slopes(batch, measures, weights)
    probes = slope.pop("probes", {})
    total = plan.pull(theta, draws, slope)
    for m in measures:
        if m.room:
            found, its = batch["probes"][m.name], probes[m.name]["room"]
            more = conditional.pull(plan, theta, draws, m.room, m.name, found, its)
            total = {name: x + more[name] for name, x in total.items()}
    return total


def slopes(batch: Outcome, measures: tuple[Measure, ...], weights: list[np.ndarray]) -> Outcome:
    """Derivative of sum(weights x measures) in every number of every outcome: what `Plan.pull` takes."""
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, _sloped(batch, tuple(map(jnp.asarray, weights)), measures))


def by_future(batch: Outcome, measure: Measure, base: Outcome | None = None) -> np.ndarray:
    """(draw, k) numbers whose mean is the measure, linear about `base`; their spread is its uncertainty."""
    with jax.enable_x64(True):
        return np.asarray(_linear(batch, batch if base is None else base, measure))


def methods_of(
    names: Iterable[str], wanted: dict[str, Method], measures: tuple[Measure, ...] = ()
) -> dict[str, Method]:
    """The method of each parameter: as wanted, else as declared, or conditional where a measure is a probability.

    Raises NotSmooth for a pathwise or conditional one that would lie.
    """
    probability = next((measure for measure in measures if measure.room), None)
    chosen = {name: wanted.get(name, PARAMETERS[name].method) for name in names}
    for name, method in chosen.items():
        if method is not Method.evolution:
            ensure_smooth(name)
        if method is Method.pathwise and probability:
            if name in wanted:
                raise NotSmooth(probability.name, "a future falls short or it does not", Method.conditional)
            chosen[name] = Method.conditional
    return chosen


def ensure_smooth(name: str) -> None:
    """Raises NotSmooth where the parameter has no pathwise derivative."""
    if PARAMETERS[name].method is not Method.pathwise:
        raise NotSmooth(name, PARAMETERS[name].why)


def gradients(
    plan: Plan,
    theta: Theta,
    draws: np.ndarray,
    measures: tuple[Measure, ...],
    weights: list[np.ndarray],
    *,
    of: tuple[str, ...] | None = None,
    sigma: float = 0.5,
    methods: dict[str, Method] | None = None,
) -> dict[str, Gradient]:
    """Derivatives of sum(weights x measures) in theta, by parameter.

    weights: (k,) for each measure. of: the parameters asked for, default all of the plan's. sigma: size of the steps of
    evolution strategies, in units of theta.
    Raises NotSmooth where `methods` asks for a derivative of a path that the parameter or a measure does not have.
    """
    chosen = methods_of(plan.dials if of is None else of, methods or {}, measures)
    found = {}
    smooth = [name for name, method in chosen.items() if method is not Method.evolution]
    if smooth:
        below, above = _two_sides(plan, theta, draws, measures, weights)
        for name in smooth:
            # a future counts with its share of the mean
            low, high = len(draws) * below[name], len(draws) * above[name]
            same = SAME[chosen[name]] * np.maximum(np.abs(high), np.abs(low)).max(initial=1e-300)
            kinked = np.abs(high - low) > same
            found[name] = _summary(name, chosen[name], (low + high) / 2, kinked.mean(axis=0))
    for name, method in chosen.items():
        if method is Method.evolution:
            rows = _evolution(plan, theta, draws, measures, weights, name, sigma)
            found[name] = _summary(name, method, rows, np.full(rows.shape[1], np.nan))
    return {name: found[name] for name in chosen}


def _summary(name: str, method: Method, rows: np.ndarray, kinked: np.ndarray) -> Gradient:
    """rows: (draw, group)."""
    error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.full(rows.shape[1], np.nan)
    return Gradient(name, method, rows.mean(axis=0), error, np.abs(rows).max(axis=0), kinked, len(rows))


def _two_sides(
    plan: Plan, theta: Theta, draws: np.ndarray, measures: tuple[Measure, ...], weights: list[np.ndarray]
) -> list[dict[str, np.ndarray]]:
    """Derivatives by future a nudge below and a nudge above, all parameters together, none by the same amount."""
    found = []
    for side in (-NUDGE, NUDGE):
        rng = np.random.default_rng(0)
        near = {name: x + side * (1.0 + rng.random(np.shape(x))) for name, x in theta.items()}
        batch = play_smooth(plan, near, draws, measures)
        found.append(pull_smooth(plan, near, draws, batch, measures, weights))
    return found


def _evolution(
    plan: Plan,
    theta: Theta,
    draws: np.ndarray,
    measures: tuple[Measure, ...],
    weights: list[np.ndarray],
    name: str,
    sigma: float,
) -> np.ndarray:
    """(draw, group) contributions; the step of a future is a function of its id, as its luck is."""
    steps = np.stack([np.random.default_rng((plan.seed, int(d))).normal(size=np.shape(theta[name])) for d in draws])
    base: Any = plan.play(theta, draws)
    sides = []
    for sign in (1.0, -1.0):
        batch = plan.play({**theta, name: theta[name] + sign * sigma * steps}, draws)
        parts = [by_future(batch, m, base) @ w for m, w in zip(measures, weights, strict=True)]
        sides.append(np.sum(parts, axis=0))
    return (sides[0] - sides[1])[:, None] * steps / (2 * sigma)
