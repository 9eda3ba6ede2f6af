"""The likelihood of a panel written out, not cell by cell: the same potential at a fraction of the price.

CALIBRATION.md 2.3: the mean is separable, so exponentials are of its parts; log-gamma functions are of the counts that
occur, item by item, not of cells; censored cells are gathered.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from calibration.demand.data import TERMS, Cells, Data
from calibration.demand.elementary import exp, log, log_gamma, softplus
from calibration.demand.survival import log_between, log_survival


class LogMean(NamedTuple):
    """log mean[s, i, t] of the count law = level[s, i] + line[s or 0, i, t] + place[s, t]."""

    level: Array
    line: Array
    place: Array

    def cells(self) -> Array:
        """(store, item, day)."""
        return self.level[:, :, None] + self.line + self.place[:, None, :]


def log_likelihood(log_mean: LogMean, size: Array, zero_logit: Array, data: Data) -> Array:
    """(item,) weighted log-likelihood. size, zero_logit: (item,)."""
    level, line, place = log_mean
    mean = exp(level)[:, :, None] * exp(line) * exp(place)[:, None, :]
    log_below = log(1.0 + mean * (1.0 / size)[:, None])
    # log((1 - g) law) + y = 0's share: log(g + (1 - g) e^-a) = log(1 - g) - a + softplus(logit g + a)
    inflated = softplus(zero_logit[:, None] + size[:, None] * log_below)
    cells = data.sold * log_mean.cells() - (data.sold + data.weight * size[:, None]) * log_below + data.zero * inflated
    exact = cells.sum(axis=(0, 2)) + _counts(size, data)
    stays = data.weight.sum(axis=(0, 2))
    for terms, some, within in zip(TERMS, data.censored, data.between, strict=True):
        exact += _gathered(log_mean, size, some, terms, zero_logit, between=False)
        exact += _gathered(log_mean, size, within, terms, zero_logit, between=True)
    return exact - stays * jax.nn.softplus(zero_logit)


def _counts(size: Array, data: Data) -> Array:
    """(item,) sum of log Gamma(y + r) - log Gamma(r) - log y! - y log r over the exact cells."""
    r, y = size[:, None], jnp.asarray(data.counts)
    each = log_gamma(y + r) - log_gamma(r) - log_gamma(y + 1.0) - y * log(r)
    return (data.times * each).sum(axis=1)


def _gathered(log_mean: LogMean, size: Array, cells: Cells, terms: int, zero_logit: Array, *, between: bool) -> Array:
    """(item,) log-likelihood of censored cells."""
    if not len(cells.store):
        return jnp.zeros_like(size)
    level, line, place = log_mean
    own_line = line[cells.store if line.shape[0] > 1 else 0, cells.item, cells.day]
    mean = exp(level[cells.store, cells.item] + own_line + place[cells.store, cells.day])
    r, logit = size[cells.item], zero_logit[cells.item]
    counted = -jax.nn.softplus(logit)
    if between:
        counted += log_between(jnp.asarray(cells.low), jnp.asarray(cells.high), mean, r, terms)
        counted = jnp.where(cells.low <= 0, jnp.logaddexp(counted, jax.nn.log_sigmoid(logit)), counted)
    else:
        counted += log_survival(jnp.asarray(cells.low), mean, r, terms)
    return jnp.zeros_like(size).at[cells.item].add(cells.weight * counted)
