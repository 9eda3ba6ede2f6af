"""What fitted lead times say: tables for the twin, and how long open orders still take given their age.

Host code on posterior draws (NumPy, float64). An open order is drawn from L | L > age: an order that has waited ninety
days is not a new order, and drawing it afresh would have it arrive in the past.
"""

import numpy as np
from scipy import special

from calibration.lead_times import families
from calibration.lead_times.orders import ROUNDING


def cdf(t: np.ndarray, mean: np.ndarray, shape: np.ndarray, family: np.ndarray | int) -> np.ndarray:
    """P(T <= t) in the parameters of `families`; all broadcast, t in days."""
    t, mean, shape = np.maximum(t, 0.0), np.asarray(mean, float), np.asarray(shape, float)
    location, sigma, scale, exponent = _parameters(mean, shape)
    with np.errstate(divide="ignore"):
        found = (
            special.gammainc(shape, t * shape / mean),
            special.ndtr((np.log(t) - location) / sigma),
            -np.expm1(-((t / scale) ** exponent)),
        )
    return np.select([np.asarray(family) == i for i in range(len(found))], found)


def quantile(p: np.ndarray | float, mean: np.ndarray, shape: np.ndarray, family: np.ndarray | int) -> np.ndarray:
    """Days that a share p of orders takes at most; all broadcast."""
    return residual(1.0 - np.asarray(p), np.zeros(1), mean, shape, family)


def residual(
    u: np.ndarray, age: np.ndarray, mean: np.ndarray, shape: np.ndarray, family: np.ndarray | int
) -> np.ndarray:
    """Lead times T in days given T > age, as a function of uniform numbers u: S(T) = u S(age); all broadcast.

    The days still to go are T - age.
    """
    mean, shape, family = np.asarray(mean, float), np.asarray(shape, float), np.asarray(family)
    location, sigma, scale, exponent = _parameters(mean, shape)
    with np.errstate(divide="ignore"):
        normal = special.log_ndtr((location - np.log(age)) / sigma) + np.log(u)
        survival = special.gammaincc(shape, age * shape / mean)
        found = (
            special.gammainccinv(shape, u * survival) * mean / shape,
            np.exp(location - sigma * special.ndtri_exp(normal)),
            scale * ((age / scale) ** exponent - np.log(u)) ** (1.0 / exponent),
        )
    # where float64 has no gamma survival left its hazard is nearly constant: 1 / (mean residual life), DLMF 8.11.2
    x = age * shape / mean
    beyond = age - np.log(u) * mean / shape / np.maximum(1.0 - (shape - 1.0) / np.maximum(x, 1e-300), 1e-3)
    gamma = np.where(survival > 1e-290, found[0], beyond)
    drawn = np.select([family == i for i in range(len(found))], (gamma, *found[1:]))
    return np.maximum(drawn, age)


def day_table(
    mean: np.ndarray, shape: np.ndarray, family: np.ndarray, longest: int, rounding: str = "down"
) -> np.ndarray:
    """(draw, lane, day) P(whole days <= 1, 2, .., longest), the last 1: `twin.exogenous.Params.lead_cdf` per draw.

    mean, shape: (draw, lane); family: (lane,). Orders that would come on the day they are placed come the day after.
    """
    at = np.arange(1, longest + 1) + ROUNDING[rounding]
    table = cdf(at, mean[..., None], shape[..., None], family[:, None])
    table[..., -1] = 1.0
    return table


def whole_days(t: np.ndarray, rounding: str = "down") -> np.ndarray:
    """The days a record would show for lead times t."""
    return np.ceil(t - ROUNDING[rounding])


def next_months(level_sd: np.ndarray, months: int, rng: np.random.Generator) -> np.ndarray:
    """(draw, month) log level of the coming months against the last one: the random walk goes on in every draw."""
    return np.cumsum(rng.normal(0.0, 1.0, (len(level_sd), months)) * level_sd[:, None], axis=1)


def _parameters(mean: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Location and scale of log T, scale and exponent of Weibull: as in `families`."""
    variance, exponent = np.log1p(1.0 / shape), shape**families.JUSTUS
    return np.log(mean) - variance / 2, np.sqrt(variance), mean / special.gamma(1 + 1 / exponent), exponent
