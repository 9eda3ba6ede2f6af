"""Pareto-smoothed importance sampling of many independent blocks (Vehtari et al., JMLR 25 (2024), 72)."""

import numpy as np

from calibration.inference import arviz

GOOD = 0.7
EQUAL = 1e-9


def resampled(draws: np.ndarray, log_ratio: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws (draw, item, ..) taken anew in proportion to their ratios (draw, item), item by item; (item,) k-hat.

    Systematic resampling, then shuffled, so that no two items share an order. Items with k-hat above 0.7 keep their
    draws: weights that cannot be trusted correct nothing.
    """
    number = len(draws)
    # where the approximation is exact, all ratios are equal: no tail to fit a Pareto law to
    exact = np.ptp(log_ratio, axis=0) < EQUAL
    log_weight, khat = np.zeros(log_ratio.T.shape), np.full(log_ratio.shape[1], -np.inf)
    if not exact.all():
        log_weight[~exact], khat[~exact] = arviz.psis(log_ratio.T[~exact])
    found = draws.copy()
    for item, weights in enumerate(np.exp(log_weight)):
        if not khat[item] < GOOD:
            continue
        edges = np.cumsum(weights / weights.sum())
        chosen = np.searchsorted(edges, (np.arange(number) + rng.random()) / number).clip(0, number - 1)
        found[:, item] = draws[rng.permutation(chosen), item]
    return found, khat
