"""Designs of experiments over severities: a list, a grid, Latin hypercubes, scrambled Sobol points, or a plain sample.

A list and a grid are tables: every point meets the same futures. The others estimate figures over severities and luck
together, point i in future i, and stop when the interval is narrow enough. Hypercubes and Sobol points come in
independent replicates, whose spread is their interval (McKay, Beckman & Conover, Technometrics 21 (1979), 239-245;
Owen, SIAM J. Numer. Anal. 34 (1997), 1884-1910).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import qmc

from scenarios import statistics
from scenarios.axes import Space
from scenarios.points import Outcome, World, outcomes
from scenarios.statistics import Estimate, TooFew
from twin.assembly import Model
from twin.assembly.shocks import severity_law

Kind = Literal["sobol", "hypercube", "sampled"]
REPLICATES = 8
QUANTILES = (0.05, 0.01, 0.001)
SEVERITY = "uniform(0, 1.5)"  # of each scenario as written, where nothing else is said: judgement
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Study:
    """Figures over severities and luck. figures: by name, an estimate or the refusal; money in currency."""

    kind: Kind
    axes: tuple[str, ...]
    n: int
    figures: dict[str, Estimate | TooFew]
    met: bool  # whether the interval became as narrow as was asked for
    severities: np.ndarray  # (point, axis)
    liquidity: np.ndarray  # (point,) lowest, currency
    survives: np.ndarray  # (point,)


def cells(kind: Kind, axes: int, per_replicate: int, seed: int) -> Iterator[np.ndarray]:
    """Ever more points of the unit cube: (replicate, point, axis), first `per_replicate` each, then as many again.

    Sobol sequences go on where they stopped; hypercubes and samples are new ones.
    """
    engines = [qmc.Sobol(axes, rng=np.random.default_rng([seed, i])) for i in range(REPLICATES)]
    rng = np.random.default_rng([seed, REPLICATES])
    while True:
        if kind == "sobol":
            yield np.stack([engine.random(per_replicate) for engine in engines])
        elif kind == "hypercube":
            yield np.stack([qmc.LatinHypercube(axes, rng=rng).random(per_replicate) for _ in range(REPLICATES)])
        else:
            yield rng.random((REPLICATES, per_replicate, axes))


def grid(axes: int, steps: int) -> np.ndarray:
    """(point, axis) of the unit cube: every combination of `steps` equally spaced places from 0 to 1."""
    place = np.linspace(0.0, 1.0, steps)
    return np.stack(np.meshgrid(*[place] * axes, indexing="ij"), axis=-1).reshape(-1, axes)


def severities(u: np.ndarray, laws: list[str]) -> np.ndarray:
    """(point, axis) severities from uniforms by the law of each axis."""
    return np.stack([severity_law(law)(u[..., i]) for i, law in enumerate(laws)], axis=-1)


def table(
    model: Model, world: World, space: Space, s: np.ndarray, draws: int, seed: int
) -> tuple[list[Estimate], list[Estimate]]:
    """Survival and mean lowest liquidity of every severity vector, over the same futures. s: (point, axis)."""
    ids = np.arange(draws, dtype=np.uint32)
    points = space.points(model, world.inputs.shocks, s / space.sigma, ids)
    found = outcomes(world, model.source, points, seed=seed)
    survives, liquidity = (x.reshape(len(s), draws) for x in (found.survives, found.liquidity / 100))
    return [statistics.probability(x) for x in survives], [statistics.mean(x) for x in liquidity]


def study(
    model: Model,
    world: World,
    space: Space,
    kind: Kind = "sobol",
    *,
    laws: list[str] | None = None,
    first: int = 256,
    most: int = 8192,
    width: float | None = None,
    seed: int = 0,
    progress: Progress = lambda done, most: None,
) -> Study:
    """Figures under sampled severities.

    laws: of each axis, default SEVERITY. first: points of the first round, a power of 2 times REPLICATES; each round
    doubles them until the interval of survival is at most `width` wide in all, or `most` is reached (stopping at an
    interval's width keeps its level as it shrinks: Chow & Robbins, Ann. Math. Stat. 36 (1965), 457-462).
    """
    laws = laws or [SEVERITY] * len(space.axes)
    per = max(first // REPLICATES, 1)
    source = cells(kind, len(space.axes), per, seed)
    u = next(source)
    found = _play(model, world, space, laws, u, 0, seed)
    while True:
        n = found.survives.size
        progress(n, most)
        figures = figures_of(kind, found)
        survival = figures["survival"]
        met = isinstance(survival, Estimate) and (width is None or survival.high - survival.low <= width)
        if met or 2 * n > most:
            s = severities(u, laws).reshape(-1, len(space.axes))
            return Study(kind, tuple(one.name for one in space.axes), n, figures, met, s,
                         found.liquidity.ravel() / 100, found.survives.ravel())  # fmt: skip
        more = np.concatenate([next(source) for _ in range(u.shape[1] // per)], axis=1)
        again = _play(model, world, space, laws, more, n, seed)
        found = Outcome(*(np.concatenate(pair, axis=1) for pair in zip(found, again, strict=True)))
        u = np.concatenate([u, more], axis=1)


def _play(model: Model, world: World, space: Space, laws: list[str], u: np.ndarray, first: int, seed: int) -> Outcome:
    """Outcomes with leading axes (replicate, point); futures from number `first` on."""
    flat = severities(u, laws).reshape(-1, u.shape[-1])
    points = space.points(model, world.inputs.shocks, flat / space.sigma, np.zeros(1, np.uint32))
    points = points._replace(draws=np.arange(first, first + len(flat), dtype=np.uint32))
    found = outcomes(world, model.source, points, seed=seed)
    return Outcome(*(x.reshape(*u.shape[:2], *x.shape[1:]) for x in found))


def figures_of(kind: Kind, found: Outcome) -> dict[str, Estimate | TooFew]:
    """Survival, fill rate, mean and tail of the lowest liquidity; leading axes of `found`: (replicate, point)."""
    money = found.liquidity / 100
    figures: dict[str, Estimate | TooFew] = {"survival": survival(kind, found.survives)}
    figures["fill"] = _mean(kind, found.fill)
    figures["liquidity"] = _mean(kind, money)
    for level in QUANTILES:
        figures[f"liquidity {100 * level:g} %"] = tail(kind, money, level)
    return figures


def _mean(kind: Kind, sample: np.ndarray) -> Estimate:
    if kind == "sampled":
        return statistics.mean(sample.ravel())
    return statistics.replicated(sample.mean(axis=1), sample.size)


def survival(kind: Kind, survives: np.ndarray) -> Estimate:
    """Wilson's interval; of replicates the wider of Wilson's and t, for replicates that all agree prove little."""
    wilson = statistics.probability(survives.ravel())
    if kind == "sampled":
        return wilson
    t = statistics.replicated(survives.mean(axis=1), survives.size)
    return wilson._replace(low=max(min(t.low, wilson.low), 0.0), high=min(max(t.high, wilson.high), 1.0))


def tail(kind: Kind, sample: np.ndarray, level: float) -> Estimate | TooFew:
    """A quantile, or the refusal where so many points have no interval for it."""
    try:
        pooled = statistics.supported(sample.ravel(), level)
    except TooFew as few:
        return few
    if kind == "sampled":
        return pooled
    t = statistics.replicated(np.quantile(sample, level, axis=1), sample.size)
    half = (t.high - t.low) / 2
    return pooled._replace(low=min(pooled.low, pooled.value - half), high=max(pooled.high, pooled.value + half))


def plain(found: Study) -> dict[str, Any]:
    """As JSON keeps it: figures, refusals with the n they would take; the points stay out."""
    figures = {
        name: {"need": x.need, "n": x.n} if isinstance(x, TooFew) else list(x) for name, x in found.figures.items()
    }
    return {"kind": found.kind, "axes": list(found.axes), "n": found.n, "met": found.met, "figures": figures}
