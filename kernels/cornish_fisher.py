"""Quantiles of count laws as polynomials: Cornish & Fisher's expansions, economised by least squares.

A count X has quantile function ceil(x(z)), where z is the normal quantile of u and x(z) solves F(x) = u for
the distribution function F continued to real x through the incomplete gamma or beta function. Cornish &
Fisher (1938) expand x in powers of 1/deviation, each times a polynomial of z of alternating parity. The same
form with coefficients fitted to exact values (SciPy's) is some ten times more accurate at the same length,
and its error is known. Whoever uses it decides the few cases where x lies within that error of a whole number
by the exact distribution function.

Everything here is NumPy at first use: a few hundred numbers, cached.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
# Rows of a polynomial in two variables: rows[j] belongs to the j-th power of the second one.
Rows = tuple[tuple[float, ...], ...]

# The expansions hold for counts from here on; smaller ones are summed.
COUNT_MIN = 16


class PoissonFit(NamedTuple):
    """x = mean + sigma z + sum_j rows[j](z) / sigma^j, to `error`, for |z| <= z_max, sigma >= sigma_min."""

    rows: Rows
    z_max: float
    sigma_min: float
    error: float


class BroadFit(NamedTuple):
    """Negative binomial with half skewness rho <= rho_max, |z| <= z_max; width = mean / size + 1/2 = rho
    sigma:

    x = mean - 1/2 + sigma z + width gamma(z, rho) + lattice(z, rho) / sigma + kurtosis(z, rho) / sigma^3,
    within error + error_width width. The first three terms with `gamma` are the quantile of the gamma law of
    the same mean, variance and skewness; the others are what the count law has of its own. The error is
    largest at the ends of the range of z; for smaller z it is within a share (1 + 7 (z / z_max)^8) / 8 of the
    bound.
    """

    gamma: Rows
    lattice: Rows
    kurtosis: Rows
    rho_max: float
    z_max: float
    error: float
    error_width: float


class SkewedFit(NamedTuple):
    """Negative binomial with rho_min <= rho <= rho_max:

    x = mean - 1/2 + (y - 1) sigma^2 / width + (lattice(t, r) + small(r) / y) / sigma, within error +
    error_mean mean. y = gamma(t, r) is the quantile of the gamma law with mean 1 and shape 1 / rho^2, at
    least y_min; r and t in [-1, 1] stand for rho and for z between z_low = low_0 - low_1 / rho and z_max.
    """

    gamma: Rows
    lattice: Rows
    small: tuple[float, ...]
    rho_min: float
    rho_max: float
    low: tuple[float, float]
    z_max: float
    y_min: float
    error: float
    error_mean: float

    @property
    def rho_scale(self) -> tuple[float, float]:
        """Middle and half length of the range of rho."""
        return 0.5 * (self.rho_min + self.rho_max), 0.5 * (self.rho_max - self.rho_min)


def _nodes(count: int, low: float, high: float) -> Floats:
    """Chebyshev's nodes on [low, high]: least squares on them comes close to the smallest maximal error."""
    return 0.5 * (low + high) - 0.5 * (high - low) * np.cos((np.arange(count) + 0.5) * np.pi / count)


def _solve(columns: list[Floats], target: Floats) -> Floats:
    """Least squares with columns scaled to maximum 1."""
    matrix = np.stack(columns, axis=1)
    scale = np.abs(matrix).max(axis=0)
    found: Floats = np.linalg.lstsq(matrix / scale, target, rcond=None)[0] / scale
    return found


def _in_rows(lengths: list[int], coefficients: Floats) -> Rows:
    ends = np.cumsum(lengths)
    return tuple(tuple(map(float, coefficients[end - size : end])) for size, end in zip(lengths, ends, strict=True))


def _parity_columns(z: Floats, x: Floats, orders: int, shift: int) -> tuple[list[int], list[Floats]]:
    """z^i x^j for j < orders, i <= j + 2 + shift, i and j + shift of one parity: the expansion's form."""
    lengths, columns = [], []
    for j in range(orders):
        powers = range((j + shift) % 2, j + 3 + shift, 2)
        lengths.append(len(powers))
        columns += [z**i * x**j for i in powers]
    return lengths, columns


def _triangle_columns(t: Floats, x: Floats, degree_t: int, degree_x: int) -> tuple[list[int], list[Floats]]:
    """t^i x^j for i / degree_t + j / degree_x <= 1.1."""
    lengths, columns = [], []
    for j in range(degree_x + 1):
        top = min(degree_t, int(degree_t * (1.1 - j / degree_x) + 1e-9))
        lengths.append(top + 1)
        columns += [t**i * x**j for i in range(top + 1)]
    return lengths, columns


def _continued(z: Floats, start: Floats, smaller_tail: Callable[[Floats], Floats]) -> Floats:
    """Solve F(x) = Phi(z) from a close start: Newton's steps on the smaller tail, numerical derivative."""
    x, step = start, 1e-2
    for _ in range(3):
        below, here, above = (smaller_tail(y) for y in (x - step, x, x + step))
        x = x - (here - special.ndtr(-np.abs(z))) * 2.0 * step / (above - below)
    return x


def _gamma_quantile(z: Floats, shape: Floats) -> Floats:
    tail = special.ndtr(-np.abs(z))
    x: Floats = np.where(z > 0, special.gammainccinv(shape, tail), special.gammaincinv(shape, tail))
    return x


@cache
def poisson() -> PoissonFit:
    z_max, sigma_min, orders = 4.5, 2.2, 8
    z, x = (a.ravel() for a in np.meshgrid(_nodes(40, -z_max, z_max), _nodes(30, 0.003, 1.0 / sigma_min)))
    sigma, mean = 1.0 / x, x**-2
    start = mean + sigma * z + (z * z - 4.0) / 6.0 + (z**3 - z) / (-72.0 * sigma)
    kept = start > COUNT_MIN - 1.5
    z, x, sigma, mean, start = (a[kept] for a in (z, x, sigma, mean, start))
    count = _continued(
        z, start, lambda k: np.where(z > 0, special.gammainc(k + 1.0, mean), special.gammaincc(k + 1.0, mean))
    )
    lengths, columns = _parity_columns(z, x, orders, 0)
    rows = _in_rows(lengths, _solve(columns, count - mean - sigma * z))
    return PoissonFit(rows, z_max, sigma_min, error=1e-4)


def _negative_binomial_points(z: Floats, rho: Floats, stretch: Floats, mean_max: float) -> tuple[Floats, ...]:
    """z, rho, sigma, mean, size and the continued quantile; sigma = stretch / (2 rho), 1 being Poisson's."""
    z, rho, stretch = (a.ravel() for a in np.broadcast_arrays(z, rho, stretch))
    sigma = stretch / (2.0 * rho)
    odds = rho * sigma - 0.5  # mean / size
    mean = sigma * sigma / (1.0 + odds)
    size = mean / odds
    start = mean - 0.5 + sigma * rho * (_gamma_quantile(z, rho**-2) - rho**-2)
    kept = (start > COUNT_MIN - 1.5) & (mean < mean_max)
    z, rho, sigma, mean, size, start = (a[kept] for a in (z, rho, sigma, mean, size, start))
    upper, share = z > 0, np.where(z > 0, mean, size) / (size + mean)

    def smaller_tail(k: Floats) -> Floats:
        tail: Floats = special.betainc(np.where(upper, k + 1.0, size), np.where(upper, size, k + 1.0), share)
        return tail

    return z, rho, sigma, mean, size, _continued(z, start, smaller_tail)


_STRETCHES = (1.01, 1.05, 1.2, 1.5, 2.0, 3.0, 6.0, 20.0, 60.0, 200.0)


@cache
def broad() -> BroadFit:
    z_max, rho_max = 3.5, 0.5
    z, rho, stretch = np.meshgrid(_nodes(30, -z_max, z_max), _nodes(16, 0.01, rho_max), _STRETCHES)
    z, rho, sigma, mean, size, count = _negative_binomial_points(z, rho, stretch, 3000.0)
    blocks = [
        (*_parity_columns(z, rho, 8, 0), mean / size + 0.5),
        (*_parity_columns(z, rho, 5, 1), 1.0 / sigma),
        (*_parity_columns(z, rho, 2, 1), sigma**-3),
    ]
    found = _solve(
        [column * weight for _, columns, weight in blocks for column in columns],
        count - mean + 0.5 - sigma * z,
    )
    ends = np.cumsum([sum(lengths) for lengths, _, _ in blocks])
    parts = np.split(found, ends[:-1])
    gamma, lattice, kurtosis = (_in_rows(lengths, part) for (lengths, _, _), part in zip(blocks, parts, strict=True))
    return BroadFit(gamma, lattice, kurtosis, rho_max, z_max, error=1.2e-3, error_width=2e-5)


@cache
def skewed() -> SkewedFit:
    z_max, rho_min, rho_max, low, y_min = 3.5, 0.47, 1.92, (0.8, 2.9), 0.02
    middle, half = 0.5 * (rho_min + rho_max), 0.5 * (rho_max - rho_min)

    def z_of(t: Floats, rho: Floats) -> Floats:
        z_low = low[0] - low[1] / rho
        return z_low + 0.5 * (t + 1.0) * (z_max - z_low)

    t, r = (a.ravel() for a in np.meshgrid(_nodes(40, -1, 1), _nodes(30, -1, 1)))
    rho = middle + half * r
    y = _gamma_quantile(z_of(t, rho), rho**-2) * rho**2
    kept = y > 0.6 * y_min
    lengths, columns = _triangle_columns(t[kept], r[kept], 16, 9)
    gamma = _in_rows(lengths, _solve(columns, y[kept]))

    t_grid, r_grid, stretch = np.meshgrid(
        _nodes(20, -1, 1), _nodes(10, -1, 1), (3.0, 4.5, 7.0, 15.0, 30.0, 60.0, 120.0, 300.0)
    )
    rho = middle + half * r_grid
    z, rho, sigma, mean, _, count = _negative_binomial_points(z_of(t_grid, rho), rho, stretch, 1000.0)
    y = _gamma_quantile(z, rho**-2) * rho**2
    kept = y > 0.6 * y_min
    z, rho, sigma, mean, count, y = (a[kept] for a in (z, rho, sigma, mean, count, y))
    own = count - mean + 0.5 - (y - 1.0) * sigma / rho
    z_low, r = low[0] - low[1] / rho, (rho - middle) / half
    lengths, columns = _triangle_columns(2.0 * (z - z_low) / (z_max - z_low) - 1.0, r, 7, 5)
    found = _solve([column / sigma for column in [*columns, *(r**j / y for j in range(4))]], own)
    lattice, small = _in_rows(lengths, found[:-4]), tuple(map(float, found[-4:]))
    return SkewedFit(gamma, lattice, small, rho_min, rho_max, low, z_max, y_min, error=2.2e-3, error_mean=5e-6)
