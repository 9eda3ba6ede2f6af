"""Intervals: how far a figure from n futures can be trusted. Always with n.

t for means and paired differences, Wilson for probabilities, order statistics for quantiles; the level is 95 %.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95


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
