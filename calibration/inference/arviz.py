"""All that this package takes from ArviZ, in one place: names and defaults of ArviZ change between versions."""

from typing import Any

import arviz_base
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats  # type: ignore[attr-defined]

ALPHAS = (0.99, 1.01)  # powers of a density, on both sides of 1
EQUAL = 1e-9  # log ratios closer than this are rounding


def tree(groups: dict[str, dict[str, np.ndarray]], dims: dict[str, list[str]], coords: dict[str, Any]) -> xr.DataTree:
    """Groups of ArviZ's schema; arrays have chain and draw first, then dims."""
    return arviz_base.from_dict(groups, dims=dims, coords=coords)


def psis(log_ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed log weights (row, draw) that sum to 1, and the Pareto shape k-hat (row,), of log ratios (row, draw).

    Ratios that are all equal (an exact approximation, an observation that says nothing) have no tail to fit a Pareto
    law to: their weights are equal and their k-hat is -inf.
    """
    weights = np.full(log_ratio.shape, -np.log(log_ratio.shape[1]))
    khat = np.full(len(log_ratio), -np.inf)
    apart = np.ptp(log_ratio, axis=1) > EQUAL
    if apart.any():
        # ArviZ takes log likelihoods of what is left out, whose ratios are their reciprocals
        weights[apart], khat[apart] = array_stats.psislw(-log_ratio[apart], axis=-1)
    return weights, khat


def rhat(draws: np.ndarray) -> np.ndarray:
    """(..): rank-normalised split R-hat of (chain, draw, ..)."""
    return np.asarray(array_stats.rhat(draws, chain_axis=0, draw_axis=1, method="rank"))


def ess(draws: np.ndarray, method: str) -> np.ndarray:
    """(..): effective sample size, bulk or tail, of (chain, draw, ..)."""
    tail = {"prob": (0.05, 0.95)} if method == "tail" else {}
    return np.asarray(array_stats.ess(draws, chain_axis=0, draw_axis=1, method=method, **tail))


def bfmi(energy: np.ndarray) -> np.ndarray:
    """(chain,): energy's Bayesian fraction of missing information, of (chain, draw)."""
    return np.asarray(array_stats.bfmi(energy, chain_axis=0, draw_axis=1))


def power_scaling(quantity: np.ndarray, log_density: np.ndarray) -> float:
    """How fast the law of a quantity moves with log2 of the power of a density, of draws (draw,).

    Cumulative Jensen-Shannon distance, weights smoothed (Kallioinen et al., Stat. Comput. 34 (2024), 57).
    """
    log_weights = [array_stats.power_scale_lw(log_density[None], alpha=alpha, axis=(0, 1)) for alpha in ALPHAS]
    lower, upper = (np.exp(x - x.max()) for x in log_weights)
    return float(
        array_stats.power_scale_sense(
            quantity[None], lower / lower.sum(), upper / upper.sum(), *ALPHAS, chain_axis=0, draw_axis=1
        )
    )
