"""Clark-Scarf: the best echelon base stock of stages in a row, by their recursion on a grid.

C_j(y) = E[h_j (y - D_j) + C'_(j-1)(y - D_j)], C'_j(x) = C_j(min(x, S_j)), S_j = argmin C_j, from C'_0(x) = (p + sum of
all h) max(-x, 0) (Clark & Scarf, Management Science 6 (1960); in this form Chen & Zheng, Management Science 40 (1994),
and Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 6.2). h_j is the echelon holding cost, D_j the
demand over the stage's lead time, with one period more at stage 1, which faces customers, where an order can be used
only after the demand of its own period.
"""

import numpy as np
from scipy import stats
from scipy.signal import fftconvolve

GRID = 0.02  # of a unit of sigma, at the first stage


def clark_scarf(
    holding: list[float], lead: list[int], penalty: float, mean: float, deviation: float
) -> tuple[np.ndarray, float]:
    """Echelon levels (downstream first) and the cost a period, for normal demand.

    holding: echelon holding costs, downstream first; lead: periods of demand that each stage's lead time spans. The
    cost charges units on the way between stages as the theory does: at the upstream stage's rate.
    """
    step = GRID * deviation
    total, spread = sum(lead), deviation * np.sqrt(sum(lead))
    x = np.arange(-mean * total - 8 * spread, 2 * mean * total + 8 * spread, step)
    below = (penalty + sum(holding)) * np.maximum(-x, 0.0)
    levels = []
    cost = np.inf
    for h, periods in zip(holding, lead, strict=True):
        demand, pmf = _normal(mean * periods, deviation * np.sqrt(periods), step)
        direct = h * x + below
        expected = _expected(direct, demand, pmf, step)
        best = int(expected.argmin())
        levels.append(float(x[best]))
        cost = float(expected[best])
        below = np.where(np.arange(len(x)) <= best, expected, expected[best])
    return np.array(levels), cost


def _expected(values: np.ndarray, demand: np.ndarray, pmf: np.ndarray, step: float) -> np.ndarray:
    """E[f(y - D)] for every y of the grid; beyond its ends f goes on as a straight line."""
    wide = len(demand) + abs(round(demand[0] / step))
    count = np.arange(1, wide + 1)
    left = values[0] - (values[1] - values[0]) * count[::-1]
    right = values[-1] + (values[-1] - values[-2]) * count
    padded = np.concatenate([left, values, right])
    shifted = fftconvolve(padded, pmf)  # at i: sum over k of pmf[k] padded[i - k]
    start = wide - round(demand[0] / step)
    return np.asarray(shifted[start : start + len(values)])


def _normal(mean: float, deviation: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Normal demand on the grid: values and probabilities."""
    low = np.floor((mean - 6 * deviation) / step)
    values = step * (low + np.arange(int(np.ceil(12 * deviation / step)) + 1))
    pmf = np.diff(stats.norm(mean, deviation).cdf(np.append(values - step / 2, values[-1] + step / 2)))
    return values, pmf / pmf.sum()
