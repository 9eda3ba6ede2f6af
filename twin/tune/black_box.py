"""Searches that see only values: one service factor per category by turns, and CMA-ES; the peers of the gradient.

Both minimise a merit: the goal, and for each limit the price of its miss (an exact penalty).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Merit = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Trail:
    """theta: the best found. best: the best merit after so many seconds of processor time and so many calls."""

    theta: np.ndarray
    seconds: np.ndarray
    calls: np.ndarray
    best: np.ndarray


class _Watched:
    """A merit that remembers the best, and stops the search when its time is up."""

    def __init__(self, merit: Merit, seconds: float) -> None:
        self.merit, self.limit, self.began = merit, seconds, time.process_time()
        self.theta: np.ndarray | None = None
        self.rows: list[tuple[float, int, float]] = []

    def __call__(self, theta: np.ndarray) -> float:
        value = self.merit(theta)
        value = value if np.isfinite(value) else 1e300
        if not self.rows or value < self.rows[-1][2]:
            self.theta = np.array(theta)
        best = min(value, self.rows[-1][2] if self.rows else np.inf)
        self.rows.append((time.process_time() - self.began, len(self.rows) + 1, best))
        return value

    @property
    def over(self) -> bool:
        return time.process_time() - self.began > self.limit

    def trail(self) -> Trail:
        assert self.theta is not None, "no merit was ever asked for"
        seconds, calls, best = (np.array(x) for x in zip(*self.rows, strict=True))
        return Trail(self.theta, seconds, calls, best)


def by_turns(merit: Merit, start: np.ndarray, *, seconds: float, width: float = 1.0, rounds: int = 4) -> Trail:
    """Planners' search: each factor in turn one step up or down while it helps; half the step in each new round."""
    watched = _Watched(merit, seconds)
    theta = np.array(start, float)
    best = watched(theta)
    for _ in range(rounds):
        for k in range(len(theta)):
            for way in (width, -width):
                moved = False
                while not watched.over:
                    trial = theta.copy()
                    trial[k] += way
                    value = watched(trial)
                    if value >= best:
                        break
                    theta, best, moved = trial, value, True
                if moved:
                    break
        width /= 2
    return watched.trail()


def evolution_of_covariance(
    merit: Merit,
    start: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    seconds: float,
    sigma: float = 0.5,
    seed: int = 1,
) -> Trail:
    """CMA-ES (Hansen, arXiv:1604.00772) as the package `cma` has it; diagonal above 100 numbers, as it advises."""
    import cma

    watched = _Watched(merit, seconds)
    options = {"bounds": [low, high], "seed": seed, "verbose": -9, "CMA_diagonal": len(start) > 100}
    search = cma.CMAEvolutionStrategy(np.array(start, float), sigma, options)
    while not search.stop() and not watched.over:
        asked = search.ask()
        search.tell(asked, [watched(theta) for theta in asked])
    return watched.trail()
