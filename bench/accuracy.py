"""How far a quantile function is from its law: SciPy's distribution functions where they have the digits, mpmath's
elsewhere (SciPy's incomplete gamma function errs by up to 1e-7 for means above 1e4, its quantiles beyond 1 - 1e-13).
"""

from collections.abc import Callable

import mpmath
import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
# P(X <= k) and P(X > k), each to full relative accuracy.
Tails = tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]
_DIGITS = 40
_TERMS_MAX = 10**6


def uniforms(rng: np.random.Generator, count: int) -> Floats:
    """Midpoints of 52 bits: a third plain, a third towards 0, a third towards 1, both ends of the range included."""
    u = (rng.integers(0, 2**52, count) + 0.5) * 2.0**-52
    third = count // 3
    u[:third] = np.exp(-rng.uniform(0.0, 36.0, third))
    u[third : 2 * third] = 1.0 - np.exp(-rng.uniform(0.01, 36.0, third))
    u[:4] = 2.0**-53, 1.0 - 2.0**-53, 1e-15, 1.0 - 1e-15
    return np.clip((np.floor(u * 2.0**52) + 0.5) * 2.0**-52, 2.0**-53, 1.0 - 2.0**-53)


def between(rng: np.random.Generator, low: float, high: float, count: int) -> Floats:
    """Log-uniform numbers."""
    return np.exp(rng.uniform(np.log(low), np.log(high), count))


def count_miss(u: Floats, k: Floats, tails: Tails) -> Floats:
    """How far u lies outside (P(X < k), P(X <= k)], where k is the quantile; 0 inside. From the smaller tail."""
    below, above = tails
    upper = u > 0.5
    aim = np.where(upper, 1.0 - u, u)
    short = np.where(upper, above(k) - aim, aim - below(k))
    over = np.where(upper, aim - above(k - 1.0), below(k - 1.0) - aim)
    return np.maximum(np.maximum(short, np.where(k > 0, over, -1.0)), 0.0)


def poisson(mean: Floats) -> Tails:
    """SciPy's; for means up to 1e4."""
    return lambda k: special.gammaincc(k + 1.0, mean), lambda k: special.gammainc(k + 1.0, mean)


def poisson_in_digits(mean: Floats) -> Tails:
    return _in_digits(lambda k, m: 1 - _gamma_law(k + 1, m), lambda k, m: _gamma_law(k + 1, m), mean)


def negative_binomial(mean: Floats, size: Floats) -> Tails:
    """SciPy's; for means up to 1e4, and for larger ones where the size is above 50."""
    success, failure = size / (size + mean), mean / (size + mean)
    return lambda k: special.betainc(size, k + 1.0, success), lambda k: special.betainc(k + 1.0, size, failure)


def negative_binomial_in_digits(mean: Floats, size: Floats) -> Tails:
    """For sizes up to 50; mpmath takes half a minute where both are large."""
    return _in_digits(
        lambda k, m, s: mpmath.betainc(s, k + 1, 0, s / (s + m), regularized=True),
        lambda k, m, s: mpmath.betainc(s, k + 1, s / (s + m), 1, regularized=True),
        mean,
        size,
    )


def zero_inflated(share: Floats, law: Tails) -> Tails:
    """The mixture of 0 with this share and of a count."""
    below, above = law
    return (
        lambda k: np.where(k >= 0, share + (1.0 - share) * below(np.maximum(k, 0.0)), 0.0),
        lambda k: np.where(k >= 0, (1.0 - share) * above(np.maximum(k, 0.0)), 1.0),
    )


def _in_digits(below: Callable[..., mpmath.mpf], above: Callable[..., mpmath.mpf], *parameters: Floats) -> Tails:
    def each(function: Callable[..., mpmath.mpf]) -> Callable[[Floats], Floats]:
        def values(k: Floats) -> Floats:
            with mpmath.workdps(_DIGITS):
                rows = zip(k, *parameters, strict=True)
                return np.array([float(function(*map(mpmath.mpf, row))) if row[0] >= 0 else 0.0 for row in rows])

        return values

    return each(below), each(above)


def normal_error(u: Floats, z: Floats) -> Floats:
    """Relative error of z as the standard normal quantile of u, by one Newton step in 40 digits."""
    return np.array([_newton(u_i, z_i, mpmath.ncdf, mpmath.npdf) for u_i, z_i in zip(u, z, strict=True)])


def gamma_error(u: Floats, shape: Floats, x: Floats) -> Floats:
    """Relative error of x as the quantile of u of the gamma law with scale 1."""

    def error(u: float, shape: float, x: float) -> float:
        a = mpmath.mpf(shape)
        return _newton(
            u,
            x,
            lambda y: _gamma_law(a, y),
            lambda y: mpmath.exp((a - 1) * mpmath.log(y) - y - mpmath.loggamma(a)),
        )

    return np.array([error(*row) for row in zip(u, shape, x, strict=True)])


def _gamma_law(shape: mpmath.mpf, x: mpmath.mpf) -> mpmath.mpf:
    """P(shape, x) by its series, DLMF 8.5.1 and 8.2.7; all terms are positive."""
    weight = mpmath.exp(shape * mpmath.log(x) - x - mpmath.loggamma(shape + 1))
    return weight * mpmath.hyp1f1(1, shape + 1, x, maxterms=_TERMS_MAX)


def _newton(u: float, x: float, law: Callable[..., mpmath.mpf], density: Callable[..., mpmath.mpf]) -> float:
    with mpmath.workdps(_DIGITS):
        y = mpmath.mpf(float(x))
        return float(abs((law(y) - mpmath.mpf(float(u))) / (density(y) * y)))
