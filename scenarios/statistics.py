"""Intervals: how far a figure from n futures can be trusted. Always with n.

t for means and paired differences, Wilson for probabilities, order statistics for quantiles; the level is 95 %.
What n futures cannot support is refused with the n that it would take.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95


class TooFew(Exception):
    """A figure that so many futures cannot support."""

    def __init__(self, level: float, n: int, need: int) -> None:
        self.level, self.n, self.need = level, n, need
        super().__init__(f"the {100 * level:g} % quantile needs at least {need:,} futures; there are {n:,}")


class Estimate(NamedTuple):
    """A figure with its interval and the number of futures behind it."""

    value: float
    low: float
    high: float
    n: int


def mean(sample: np.ndarray) -> Estimate:
    """Mean with a t interval; NaN bounds from a single future."""
    sample = np.asarray(sample, float)
    sample = sample[~np.isnan(sample)]
    n = len(sample)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    value = float(sample.mean())
    if n == 1:
        return Estimate(value, np.nan, np.nan, 1)
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1) * sample.std(ddof=1) / np.sqrt(n))
    return Estimate(value, value - half, value + half, n)


def paired(sample: np.ndarray, base: np.ndarray) -> Estimate:
    """Mean difference future by future; the same luck on both sides."""
    return mean(np.asarray(sample, float) - np.asarray(base, float))


def probability(events: np.ndarray) -> Estimate:
    """Share of futures with a Wilson interval."""
    events = np.asarray(events, bool)
    result = stats.binomtest(int(events.sum()), len(events))
    interval = result.proportion_ci(LEVEL, method="wilson")
    return Estimate(float(events.mean()), float(interval.low), float(interval.high), len(events))


def quantile(sample: np.ndarray, level: float) -> Estimate:
    """Quantile with the interval of order statistics; an open side is infinite where n is too small for it."""
    ordered = np.sort(np.asarray(sample, float))
    n = len(ordered)
    low = int(stats.binom.ppf((1 - LEVEL) / 2, n, level)) - 1
    high = int(stats.binom.ppf(0.5 + LEVEL / 2, n, level))
    return Estimate(
        float(np.quantile(ordered, level)),
        float(ordered[low]) if low >= 0 else -np.inf,
        float(ordered[high]) if high < n else np.inf,
        n,
    )


def needed(level: float) -> int:
    """Futures from which on a quantile has an interval that is closed on both sides.

    The largest of n lies above the quantile with probability 1 - level^n, the smallest below it with 1 - (1 - level)^n;
    both must reach 97.5 % (David & Nagaraja, Order Statistics, 3rd ed., section 7.1).
    """
    far = max(level, 1 - level)
    return math.ceil(math.log((1 - LEVEL) / 2) / math.log(far))


def supported(sample: np.ndarray, level: float) -> Estimate:
    """A quantile with its interval. Raises TooFew where the interval would be open."""
    if len(sample) < needed(level):
        raise TooFew(level, len(sample), needed(level))
    return quantile(sample, level)


def replicated(means: np.ndarray, n: int) -> Estimate:
    """The mean of independent replicates of a design (scrambles, hypercubes), each one figure; t over replicates.

    n: futures behind all of them (L'Ecuyer, Nakayama, Owen & Tuffin, WSC 2023: t is the interval to use).
    """
    return mean(means)._replace(n=n)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> Estimate:
    """Ratio of two paired means with Fieller's interval (J. R. Stat. Soc. B 16 (1954), 175-185).

    NaN bounds where the denominator's own interval contains 0: then the ratio has no bounded interval.
    """
    x, y = np.asarray(numerator, float), np.asarray(denominator, float)
    n = len(x)
    if n < 2 or y.mean() == 0:
        return Estimate(np.nan, np.nan, np.nan, n)
    value = float(x.mean() / y.mean())
    (vx, vxy), (_, vy) = np.cov(x, y, ddof=1) / n
    t2 = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1)) ** 2
    a, b, c = y.mean() ** 2 - t2 * vy, x.mean() * y.mean() - t2 * vxy, x.mean() ** 2 - t2 * vx
    if a <= 0:
        return Estimate(value, np.nan, np.nan, n)
    half = math.sqrt(max(b * b - a * c, 0.0)) / a
    return Estimate(value, b / a - half, b / a + half, n)
