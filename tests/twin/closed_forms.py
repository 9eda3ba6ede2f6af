"""Closed forms of inventory theory: the exact values that the goods of the twin are held to.

OBD ("order before demand"): a period begins with arrivals and the order, then demand; cost h (stock) + p
(backorders) at the end. An order of period t is usable in t + L, so that the position faces the demand of L +
1 periods.
"""

import numpy as np
from scipy import stats


def base_stock_normal(periods: int, h: float, p: float, mean: float, deviation: float) -> tuple[float, float]:
    """Best base stock and its cost a period: z sigma sqrt(n) above the mean of n periods (Zipkin 2000, 6.2)."""
    sigma = deviation * np.sqrt(periods)
    z = stats.norm.ppf(p / (h + p))
    return periods * mean + z * sigma, (h + p) * stats.norm.pdf(z) * sigma


def cost(level: float, h: float, p: float, pmf: np.ndarray) -> float:
    """E[h (level - X)+ + p (X - level)+] for a whole X with P(X = k) = pmf[k]."""
    k = np.arange(len(pmf))
    return float(pmf @ (h * np.maximum(level - k, 0) + p * np.maximum(k - level, 0)))


def best_level(h: float, p: float, pmf: np.ndarray) -> int:
    """The smallest k with P(X <= k) >= p / (h + p)."""
    return int(np.searchsorted(np.cumsum(pmf), p / (h + p)))


def poisson_pmf(mean: float) -> np.ndarray:
    """P(X = 0, 1, ..) until nothing is left."""
    return stats.poisson(mean).pmf(np.arange(int(mean + 14 * np.sqrt(mean) + 30)))


def reorder_cost(s: int, S: int, h: float, p: float, K: float, mean: float) -> float:
    """Exact cost a period of (s, S) without lead time, Poisson demand: a cycle's cost over its length.

    Zheng & Federgruen (Oper. Res. 39 (1991), 654-665, equations 4 and 5): m(j) is the expected number of
    periods that begin with the position at S - j.
    """
    pmf = poisson_pmf(mean)
    m = np.zeros(S - s)
    for j in range(S - s):
        m[j] = (float(j == 0) + pmf[1 : j + 1] @ m[j - 1 :: -1][:j]) / (1 - pmf[0])
    visits = [m[j] * cost(S - j, h, p, pmf) for j in range(S - s)]
    return (K + sum(visits)) / m.sum()


def lead_time_demand(law: dict[int, float], mean: float) -> np.ndarray:
    """P(demand over L periods = k) for Poisson demand and L independent of it."""
    longest = poisson_pmf(mean * max(law))
    return sum(share * stats.poisson(mean * days).pmf(np.arange(len(longest))) for days, share in law.items())


def outstanding(law: dict[int, float], mean: float) -> np.ndarray:
    """P(units on order at a close = k) when every day's demand is ordered and travels L days.

    All units of a day travel together, so a day of age k is still out with probability P(L > k), all of it or
    nothing: the sum over ages of Bernoulli(P(L > k)) x Poisson(mean). (Palm's theorem lets each unit travel
    alone.)
    """
    pmf = np.array([1.0])
    day = poisson_pmf(mean)
    for age in range(max(law)):
        out = sum(share for days, share in law.items() if days > age)
        mixed = out * day
        mixed[0] += 1 - out
        pmf = np.convolve(pmf, mixed)
    return pmf
