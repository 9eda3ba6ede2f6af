"""Pareto-smoothed importance sampling of many independent blocks (Vehtari et al., JMLR 25 (2024), 72)."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from calibration.inference import arviz

GOOD = 0.7
FREEDOM, ROUNDS = 7, 3


class Corrected(NamedTuple):
    """draws (draw, item, own); k-hat (item,) of the proposal that was kept; worth (item,) in independent draws."""

    draws: np.ndarray
    khat: np.ndarray
    worth: np.ndarray


def good(draws: int) -> float:
    """The k-hat below which so many draws can be trusted (Vehtari et al. 2024, sec. 3.2.4)."""
    return min(1.0 - 1.0 / math.log10(draws), GOOD)


def corrected(
    log_density: Callable[[np.ndarray], np.ndarray],
    root: np.ndarray,
    normal: np.ndarray,
    number: int,
    rng: np.random.Generator,
) -> Corrected:
    """So many draws of blocks whose normal approximation has mean 0 and covariance root root'.

    log_density: (draw, item, own) to (draw, item), but for a constant by item. normal: (proposal, item, own), at least
    `number` of them; the more, the less a block repeats its draws.

    The first proposal is the approximation itself. A block that is skew or has heavier tails than a normal law (a share
    of zeros that may be none, a dispersion that may be Poisson's) gets a t law with the mean and covariance that the
    weights have found so far (moments matched; adaptive importance sampling, Cappe et al. 2008). Blocks that no
    proposal brings below 0.7 keep the draws of the approximation: weights that cannot be trusted correct nothing.
    """
    items = normal.shape[1]
    inner = np.einsum("iqp,dip->diq", root, normal)
    found = Corrected(inner[:number].copy(), np.full(items, np.inf), np.full(items, float(number)))
    log_proposal = -0.5 * (normal**2).sum(axis=2)
    for turn in range(1 + ROUNDS):
        log_weight, khat = arviz.psis((log_density(inner) - log_proposal).T)
        weight = np.exp(log_weight)
        weight /= weight.sum(axis=1, keepdims=True)
        for item in np.flatnonzero((khat < found.khat) & ~(found.khat < GOOD)):
            found.khat[item] = khat[item]
            if khat[item] < GOOD:
                found.draws[:, item] = inner[_resampled(weight[item], number, rng), item]
                found.worth[item] = _worth(weight[item], number)
        bad = np.flatnonzero(~(found.khat < GOOD))
        if not len(bad) or turn == ROUNDS:
            break
        inner[:, bad], log_proposal[:, bad] = _student(inner[:, bad], weight[bad], rng)
    return found


def _student(draws: np.ndarray, weight: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(draw, item, own) of t laws with the weighted moments as location and scale; (draw, item) log densities."""
    mean = np.einsum("id,diq->iq", weight, draws)
    apart = draws - mean
    found = np.einsum("id,dip,diq->ipq", weight, apart, apart)
    # where one weight is nearly all there is nothing to find: as many draws of the last proposal as coordinates join
    worth, own = (1.0 / (weight**2).sum(axis=1))[:, None, None], draws.shape[2]
    before = np.einsum("dip,diq->ipq", apart, apart) / len(draws)
    root = np.linalg.cholesky((worth * found + own * before) / (worth + own))
    normal = rng.standard_normal(draws.shape)
    normal *= np.sqrt(FREEDOM / rng.chisquare(FREEDOM, draws.shape[:2]))[..., None]
    log_density = -0.5 * (FREEDOM + draws.shape[2]) * np.log1p((normal**2).sum(axis=2) / FREEDOM)
    return mean + np.einsum("iqp,dip->diq", root, normal), log_density


def _worth(weight: np.ndarray, number: int) -> float:
    """Of how many independent draws a mean of so many resampled ones is: the weights' own error and the lot's.

    Systematic resampling takes proposal i as often as number x weight says, its fraction f by lot: variance f (1 - f).
    """
    left = number * weight % 1.0
    return float(1.0 / ((weight**2).sum() + (left * (1.0 - left)).sum() / number**2))


def _resampled(weight: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Which draws, in proportion to their weights: systematic, then shuffled, so that no two items share an order."""
    chosen = np.searchsorted(np.cumsum(weight), (np.arange(number) + rng.random()) / number)
    return rng.permutation(chosen.clip(0, len(weight) - 1))
