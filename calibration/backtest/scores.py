"""How good a forecast by draws was: proper scores, randomised PIT, coverage with its own uncertainty, accuracy.

Draws stand on the leading axis; whatever axes follow are those of the outcome.
"""

from typing import NamedTuple

import numpy as np
import scoringrules
from scipy import stats

LEVELS = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)  # of the M5 uncertainty competition
CERTAIN = 0.999
TARGET = 0.85  # accuracy that the issue asks to see beside every figure


def crps(actual: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score E|X - y| - E|X - X'| / 2, unbiased in the number of draws.

    By probability-weighted moments (Zamo and Naveau 2018, eq. 10); of a point forecast it is the absolute error.
    """
    if len(draws) == 1:
        return np.abs(actual - draws[0])
    return np.asarray(scoringrules.crps_ensemble(actual, draws, m_axis=0, estimator="pwm", backend="numpy"))


def pinball(actual: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mean quantile loss over the nine levels of M5; the axes of `actual`."""
    quantiles = np.quantile(draws, LEVELS, axis=0)
    scores = [
        scoringrules.quantile_score(actual, q, level, backend="numpy")
        for q, level in zip(quantiles, LEVELS, strict=True)
    ]
    return np.asarray(np.mean(scores, axis=0))


def pit(actual: np.ndarray, draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Randomised probability integral transform: uniform where the forecast is right, ties and zeros included.

    (rank among the draws + u) / (draws + 1), ties broken at random: with m draws exactly uniform for exchangeable
    draws and outcome (Czado, Gneiting and Held 2009).
    """
    below, ties = (draws < actual).sum(axis=0), (draws == actual).sum(axis=0)
    rank = below + np.floor(rng.random(np.shape(actual)) * (ties + 1))
    return np.asarray((rank + rng.random(np.shape(actual))) / (len(draws) + 1))


class Coverage(NamedTuple):
    """Share of outcomes inside the central interval, and whether that can be chance if the forecast is right."""

    level: float
    share: float
    low: float
    high: float
    n: int

    @property
    def passed(self) -> bool:
        return self.low <= self.share <= self.high


def coverage(pits: np.ndarray, level: float = 0.8) -> Coverage:
    """Of independent outcomes: the 99.9 % binomial band at the n reached stands beside the share (issue 5)."""
    inside = np.abs(np.ravel(pits) - 0.5) <= level / 2
    return Coverage(level, float(inside.mean()), *band(inside.size, level), inside.size)


def band(n: int, level: float, certain: float = CERTAIN) -> tuple[float, float]:
    """What share of n independent outcomes a right forecast's interval of this level holds (binomial)."""
    low, high = stats.binom.interval(certain, n, level)
    return float(low / n), float(high / n)


def accuracy(actual: np.ndarray, forecast: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    """1 - WMAPE: 1 - sum |actual - forecast| / sum |actual| over the axes. Units cancel; it can fall below 0."""
    return np.asarray(1 - np.abs(actual - forecast).sum(axis=axis) / np.abs(actual).sum(axis=axis))


def closing_error(actual: np.ndarray, forecast: np.ndarray, payments: np.ndarray) -> np.ndarray:
    """|closing cash - forecast| as a share of mean weekly payments; trailing axis week, `payments` (.., week)."""
    return np.abs(actual - forecast) / np.abs(payments).mean(axis=-1, keepdims=True)
