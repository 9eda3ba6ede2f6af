"""Which family a lane's lead times come from, by leave-one-out predictive density (Vehtari et al. 2017, PSIS-LOO)."""

import numpy as np
from scipy import special

from calibration.inference import arviz

CLEAR = 2.0  # standard errors by which a lane's own family must beat everybody's before it is believed


def left_out(log_density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(order,) expected log density of each order given the others, and its Pareto k-hat, of (draw, order)."""
    log_weight, khat = arviz.psis(-log_density.T)
    return special.logsumexp(log_weight + log_density.T, axis=1), khat


def families_of_lanes(elpd: np.ndarray, lane: np.ndarray, weight: np.ndarray, lanes: int) -> np.ndarray:
    """(lane,) index of the family of each lane.

    elpd: (family, order) log density of each order left out; lane, weight: (order,). The family that is best over all
    orders is everybody's, but where a lane's orders say clearly otherwise. A handful of orders cannot say so.
    """
    weighed = elpd * weight
    best = int(weighed.sum(axis=1).argmax())
    gain = weighed - weighed[best]
    orders = np.bincount(lane, weight > 0, lanes)
    total, squares = (np.stack([np.bincount(lane, x, lanes) for x in values]) for values in (gain, gain**2))
    many = np.maximum(orders, 2.0)
    error = np.sqrt(np.maximum(squares - total**2 / many, 0.0) * many / (many - 1.0))
    clear = np.where((total > CLEAR * error) & (orders >= 2), total, 0.0)
    clear[best] = 0.0
    return np.where(clear.max(axis=0) > 0, clear.argmax(axis=0), best)
