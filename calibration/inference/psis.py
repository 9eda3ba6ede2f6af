"""Pareto-smoothed importance sampling of many independent blocks (Vehtari et al., JMLR 25 (2024), 72)."""

import numpy as np

from calibration.inference import arviz

GOOD = 0.7


def resampled(draws: np.ndarray, log_ratio: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws (draw, item, ..) taken anew in proportion to their ratios (draw, item), item by item; (item,) k-hat.

    Systematic resampling, then shuffled, so that no two items share an order. Items with k-hat above 0.7 keep their
    draws: weights that cannot be trusted correct nothing.
    """
    number = len(draws)
    log_weight, khat = arviz.psis(log_ratio.T)
    found = draws.copy()
    for item, weights in enumerate(np.exp(log_weight)):
        if not khat[item] < GOOD:
            continue
        edges = np.cumsum(weights / weights.sum())
        chosen = np.searchsorted(edges, (np.arange(number) + rng.random()) / number).clip(0, number - 1)
        found[:, item] = draws[rng.permutation(chosen), item]
    return found, khat
