"""The twin's luck in Numba: Threefry-2x32 by the same keys, and quantiles by adding up probabilities.

Demand and lead times are those of the twin: a count differs only where a uniform lies within about 1e-14 of a jump.
For means up to a few hundred: further up the probability of no demand leaves float64.
"""

import math
from typing import Any

import numba
import numpy as np

from bench.peers.plain import Places
from kernels.normal import _MIDDLE, _MIDDLE_SQUARED, _PPND16, _TAIL_ORIGIN, _TAIL_SPLIT
from twin.exogenous import CATEGORY_WEEK, COMPANY_WEEK, COMPANY_YEAR, DEMAND, LEAD_TIME, LUCK, STORE_DAY

MEAN_MOST = 200.0
_MIDDLE_UP, _MIDDLE_DOWN, _NEAR_UP, _NEAR_DOWN, _FAR_UP, _FAR_DOWN = (
    np.array(coefficients) for region in _PPND16 for coefficients in region
)
_INVERSES = 1.0 / np.arange(1, 1024)
jit = numba.njit(nogil=True, cache=True, error_model="numpy")


@jit
def _four(x0: Any, x1: Any, a: int, b: int, c: int, d: int) -> Any:
    for distance in (a, b, c, d):
        x0 = np.uint32(x0 + x1)
        x1 = np.uint32((x1 << np.uint32(distance)) | (x1 >> np.uint32(32 - distance)))
        x1 = np.uint32(x1 ^ x0)
    return x0, x1


@jit
def threefry(k0: Any, k1: Any, x0: Any, x1: Any) -> Any:
    """20 rounds of Threefry-2x32 (Salmon et al., SC 2011); uint32 in and out."""
    k2 = np.uint32(k0 ^ k1 ^ np.uint32(0x1BD11BDA))
    x0, x1 = np.uint32(x0 + k0), np.uint32(x1 + k1)
    x0, x1 = _four(x0, x1, 13, 15, 26, 6)
    x0, x1 = np.uint32(x0 + k1), np.uint32(x1 + k2 + np.uint32(1))
    x0, x1 = _four(x0, x1, 17, 29, 16, 24)
    x0, x1 = np.uint32(x0 + k2), np.uint32(x1 + k0 + np.uint32(2))
    x0, x1 = _four(x0, x1, 13, 15, 26, 6)
    x0, x1 = np.uint32(x0 + k0), np.uint32(x1 + k1 + np.uint32(3))
    x0, x1 = _four(x0, x1, 17, 29, 16, 24)
    x0, x1 = np.uint32(x0 + k1), np.uint32(x1 + k2 + np.uint32(4))
    x0, x1 = _four(x0, x1, 13, 15, 26, 6)
    return np.uint32(x0 + k2), np.uint32(x1 + k0 + np.uint32(5))


@jit
def _uniform(high: Any, low: Any) -> float:
    """Midpoint of 52 bits, as kernels.bits.uniform."""
    return (float(high) * 1048576.0 + float(low >> np.uint32(12)) + 0.5) * 2.0**-52


@jit
def _polynomial(coefficients: Any, x: float) -> float:
    total = coefficients[7]
    for i in range(6, -1, -1):
        total = total * x + coefficients[i]
    return float(total)


@jit
def normal(u: float) -> float:
    """Standard normal quantile (Wichura, AS 241, PPND16)."""
    q = u - 0.5
    if abs(q) <= _MIDDLE:
        v = _MIDDLE_SQUARED - q * q
        return q * _polynomial(_MIDDLE_UP, v) / _polynomial(_MIDDLE_DOWN, v)
    r = math.sqrt(-math.log(min(u, 1.0 - u)))
    if r <= _TAIL_SPLIT:
        z = _polynomial(_NEAR_UP, r - _TAIL_ORIGIN) / _polynomial(_NEAR_DOWN, r - _TAIL_ORIGIN)
    else:
        z = _polynomial(_FAR_UP, r - _TAIL_SPLIT) / _polynomial(_FAR_DOWN, r - _TAIL_SPLIT)
    return -z if q < 0 else z


@jit
def _factor(bits: Any, deviation: float) -> float:
    return math.exp(deviation * normal(_uniform(bits[0], bits[1])) - 0.5 * deviation * deviation)


@jit
def negative_binomial(u: float, mean: float, size: float) -> float:
    """The smallest k with P(X <= k) >= u, by adding up P(X = k) from k = 0."""
    failure = mean / (size + mean)
    # (size / (size + mean))^size; log1p keeps the digits where the law is nearly Poisson
    term = math.exp(-size * math.log1p(mean / size))
    total, k = term, 0
    while total < u and k < len(_INVERSES):
        term *= failure * (size + k) * _INVERSES[k]
        total += term
        k += 1
    return float(k)


@jit
def future_key(seed: int, draw: int) -> Any:
    """The key of all luck of one future."""
    high, low = np.uint32(seed >> 32), np.uint32(seed & 0xFFFFFFFF)
    return threefry(high, low, np.uint32(LUCK), np.uint32(draw))


@jit
def _event(key: Any, period: int, event: int) -> Any:
    return threefry(key[0], key[1], np.uint32(period), np.uint32(event))


@jit
def _of(key: Any, hashes: Any, at: int) -> Any:
    return threefry(key[0], key[1], hashes[0, at], hashes[1, at])


@jit
def draw_demand(p: Places, key: Any, day: int, demand: Any, by_product: Any) -> None:
    """Today's demand of every store-product. by_product: (product,) room to work in."""
    year, week = _event(key, day // 365, COMPANY_YEAR), _event(key, day // 7, COMPANY_WEEK)
    of_company = p.company_hash.reshape(2, 1)
    whole = _factor(_of(year, of_company, 0), p.deviations[0]) * _factor(_of(week, of_company, 0), p.deviations[1])
    category = _event(key, day // 7, CATEGORY_WEEK)
    for j in range(len(by_product)):
        by_category = _factor(_of(category, p.category_hash, p.category[j]), p.deviations[2])
        by_product[j] = p.demand_product[day, j] * by_category
    by_store, of_place = _event(key, day, STORE_DAY), _event(key, day, DEMAND)
    for i in range(len(p.source)):
        if p.source[i] < 0:
            continue
        today = p.demand_node[day, i] * (_factor(_of(by_store, p.node_hash, i), p.deviations[3]) * whole)
        node = _of(of_place, p.node_hash, i)
        for j in range(len(by_product)):
            bits = threefry(node[0], node[1], p.product_hash[0, j], p.product_hash[1, j])
            demand[i, j] = _uniform(bits[0], bits[1])
        for j in range(len(by_product)):
            mean = p.mean[i, j] * today * by_product[j]
            demand[i, j] = negative_binomial(demand[i, j], mean, p.dispersion[i, j])


@jit
def draw_lead_times(p: Places, key: Any, day: int, days_out: Any) -> None:
    """Days on the way of what leaves today, by lane."""
    event = _event(key, day, LEAD_TIME)
    for lane in range(len(days_out)):
        bits = _of(event, p.lane_hash, lane)
        u, k = _uniform(bits[0], bits[1]), 0
        while k < p.lead_cdf.shape[1] - 1 and p.lead_cdf[lane, k] < u:
            k += 1
        days_out[lane] = k + 1
