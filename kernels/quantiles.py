"""Quantile functions: one uniform number in, one value of the law out. Elementwise, float64, no rejection.

Count laws return the smallest whole k with P(X <= k) >= u: a candidate from the Cornish-Fisher expansion, the exact
distribution function there, and a walk of a few steps. They differ from the true inverse only where u lies within
about 1e-13 of a jump. Uniforms lie in the open interval (0, 1).
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache

import jax.numpy as jnp
from jax import Array, lax
from jax.scipy.special import erfc, ndtri

# Below this count the distribution function is a finite sum of probabilities; from here on it is an expansion.
_FINITE_SUM = 16
_WALK_STEPS = 2
# A candidate within so many steps of its aim is left to the walk.
_NEAR = 4.0
_NEWTON_ROUNDS = 20


def normal(u: Array) -> Array:
    """Standard normal quantile."""
    return ndtri(u)


def lognormal_factor(u: Array, sigma: Array) -> Array:
    """A lognormal factor with mean 1: exp(sigma z - sigma^2 / 2), sigma the standard deviation of its logarithm."""
    return jnp.exp(sigma * ndtri(u) - 0.5 * sigma * sigma)


def tabulated(u: Array, cdf: Array) -> Array:
    """Quantile of a law on 1, 2, .. n given by its distribution function; float64.

    cdf: (..., n), last entry 1. Returns the smallest k with cdf[k - 1] >= u, shape of u.
    """
    return 1.0 + jnp.sum((cdf[..., :-1] < u[..., None]).astype(jnp.float64), axis=-1)


def poisson(u: Array, mean: Array) -> Array:
    """Poisson quantile, any mean >= 0; 0 where the mean is 0. Derivatives with respect to the mean are 0."""
    mean = lax.stop_gradient(mean)
    some = mean > 0
    mean = jnp.where(some, mean, 1.0)
    k = _candidate(u, mean)
    gap, mass = _finite_sum(u, jnp.exp(-mean), lambda j: mean / j, k)
    far = _poisson_gap(u, jnp.maximum(k, float(_FINITE_SUM)) + 1.0, mean)
    near = k < _FINITE_SUM
    k = _walk(k, jnp.where(near, gap, far[0]), jnp.where(near, mass, far[1]), lambda j: mean / j)
    return jnp.where(some, k, 0.0)


def negative_binomial(u: Array, mean: Array, size: Array) -> Array:
    """Negative binomial quantile with variance mean + mean^2 / size; mean >= 0, size > 0 (infinite: use `poisson`)."""
    mean, size = lax.stop_gradient(mean), lax.stop_gradient(size)
    some = mean > 0
    mean = jnp.where(some, mean, 1.0)
    failure = mean / (size + mean)
    # log(success) = -log1p(mean / size): accurate for large sizes, where failure is tiny
    log_success, log_failure = -jnp.log1p(mean / size), -jnp.log1p(size / mean)
    none = jnp.exp(size * log_success)

    def ratio(j: Array) -> Array:
        return failure * (size - 1.0 + j) / j

    def placed(k: Array) -> tuple[Array, Array]:
        gap, mass = _finite_sum(u, none, ratio, k)
        far = _negative_binomial_gap(u, jnp.maximum(k, float(_FINITE_SUM)), size, mean, log_success, log_failure)
        near = k < _FINITE_SUM
        return jnp.where(near, gap, far[0]), jnp.where(near, mass, far[1])

    def stride(gap: Array, mass: Array) -> Array:
        """Newton's step on the logarithm of the smaller tail, which is nearly straight where plain Newton overshoots."""
        upper = u > 0.5
        tail, aim = jnp.where(upper, 1.0 - u - gap, u + gap), jnp.where(upper, 1.0 - u, u)
        length = jnp.log(jnp.maximum(tail, 1e-300) / aim) * tail / jnp.where(mass > 0, mass, 1.0)
        return jnp.where(mass > 0, jnp.where(upper, length, -length), 0.0)

    def astray(state: tuple[Array, Array, Array, Array]) -> Array:
        rounds, _, gap, mass = state
        return jnp.any(jnp.abs(stride(gap, mass)) > _NEAR) & (rounds < _NEWTON_ROUNDS)

    def newton(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        rounds, k, gap, mass = state
        step = stride(gap, mass)
        k = jnp.where(jnp.abs(step) > _NEAR, jnp.maximum(jnp.round(k + step), 0.0), k)
        return rounds + 1, k, *placed(k)

    k = _gamma_candidate(u, mean, mean * (size + mean) / size)
    _, k, gap, mass = lax.while_loop(astray, newton, (jnp.zeros((), jnp.int32), k, *placed(k)))
    return jnp.where(some, _walk(k, gap, mass, ratio), 0.0)


def zero_inflated(u: Array, zero_share: Array, quantile: Callable[[Array], Array]) -> Array:
    """Zero with probability `zero_share` in [0, 1), else a draw of `quantile` from the same uniform number."""
    rest = (u - zero_share) / (1.0 - zero_share)
    return jnp.where(rest > 0, quantile(jnp.maximum(rest, 2.0**-53)), 0.0)


def _candidate(u: Array, mean: Array) -> Array:
    """A whole number near the Poisson quantile: Cornish & Fisher (1938), terms to the fourth cumulant."""
    z = ndtri(u)
    z2 = z * z
    root = jnp.sqrt(mean)
    return jnp.maximum(jnp.round(mean + root * z + (z2 - 1.0) / 6.0 + z * (1.0 - z2) / (72.0 * root) - 0.5), 0.0)


def _gamma_candidate(u: Array, mean: Array, variance: Array) -> Array:
    """A whole number near the quantile of a skewed count: Wilson & Hilferty (1931) for the gamma law of this mean
    and variance."""
    ninth = variance / (9.0 * mean * mean)
    root = jnp.maximum(1.0 - ninth + ndtri(u) * jnp.sqrt(ninth), 0.0)
    return jnp.maximum(jnp.round(mean * root * root * root - 0.5), 0.0)


def _finite_sum(u: Array, first: Array, ratio: Callable[[float], Array], k: Array) -> tuple[Array, Array]:
    """P(X <= k) - u and P(X = k) for k < _FINITE_SUM, from P(X = 0) and the ratios P(X = j) / P(X = j - 1)."""
    term, total, mass = first, first, first
    for j in range(1, _FINITE_SUM):
        term = term * ratio(float(j))
        inside = k >= j
        total = total + jnp.where(inside, term, 0.0)
        mass = jnp.where(inside, term, mass)
    return total - u, mass


def _walk(k: Array, gap: Array, mass: Array, ratio: Callable[[Array], Array]) -> Array:
    """From a count k with P(X <= k) - u = gap and P(X = k) = mass to the smallest k with P(X <= k) >= u."""

    def misplaced(k: Array, gap: Array, mass: Array) -> tuple[Array, Array]:
        # a mass of 0 means that the walk has left the law's support in float64: nothing more can change
        return (gap < 0) & (mass > 0), (gap - mass >= 0) & (k > 0)

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        k, gap, mass = state
        up, down = misplaced(*state)
        above = mass * ratio(k + 1.0)
        under = mass / ratio(jnp.maximum(k, 1.0))
        return (
            k + up.astype(k.dtype) - down.astype(k.dtype),
            gap + jnp.where(up, above, 0.0) - jnp.where(down, mass, 0.0),
            jnp.where(up, above, jnp.where(down, under, mass)),
        )

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        up, down = misplaced(*state)
        return jnp.any(up | down)

    def steps(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        for _ in range(_WALK_STEPS):
            state = step(state)
        return state

    return lax.while_loop(unfinished, steps, (k, gap, mass))[0]


def _poisson_gap(u: Array, a: Array, x: Array) -> tuple[Array, Array]:
    """Q(a, x) - u = P(X <= a - 1) - u and P(X = a - 1) for X Poisson with mean x, a >= 17.

    Temme's uniform expansion, DLMF 8.12.3, 8.12.4 and 8.12.7-8.12.11; its error here is below 1e-15.
    """
    excess = (x - a) / a
    half_eta_squared = jnp.maximum(excess - jnp.log(x / a), 0.0)
    # near x = a the difference cancels; eta itself is analytic there: eta = mu - mu^2 / 3 + ..
    eta = jnp.sqrt(2.0 * half_eta_squared) * jnp.sign(excess)
    eta = jnp.where(jnp.abs(excess) < 0.02, _polynomial(_eta_series(), excess), eta)
    scale = jnp.exp(-0.5 * a * eta * eta) * lax.rsqrt(2.0 * jnp.pi * a)
    inverse = 1.0 / a
    correction = jnp.zeros_like(a)
    for row in reversed(_temme_rows()):
        correction = correction * inverse + _polynomial(row, eta)
    correction = scale * correction
    # P(X = a - 1) = x^(a-1) e^-x / Gamma(a) = scale a / (x Gamma*(a)), Gamma* Stirling's correction
    mass = scale * a / (x * _polynomial(_stirling_row(), inverse))
    # the smaller tail keeps its digits: Q - u below the mean, (1 - u) - (1 - Q) above it
    tail = 0.5 * erfc(jnp.abs(eta) * jnp.sqrt(0.5 * a))
    return jnp.where(eta > 0, tail + correction - u, (1.0 - u) - (tail - correction)), mass


def _negative_binomial_gap(
    u: Array, k: Array, size: Array, mean: Array, log_success: Array, log_failure: Array
) -> tuple[Array, Array]:
    """P(X <= k) - u = I_success(size, k + 1) - u and P(X = k), k >= 16.

    Continued fraction of the incomplete beta function in the form of Didonato & Morris (ACM TOMS 18 (1992), 3.1),
    for the smaller tail; numerators and denominators run forward, so that a step costs two divisions.
    """
    b = k + 1.0
    # log of Gamma(b + size) / (Gamma(b) Gamma(size)), the first two through Stirling's formula, differences first
    log_ratio = (
        (b - 0.5) * jnp.log1p(size / b)
        + size * (jnp.log(b + size) - 1.0)
        + _stirling_error(b + size)
        - _stirling_error(b)
        - lax.lgamma(size)
    )
    scale = jnp.exp(log_ratio + size * log_success + b * log_failure)
    success, failure = size / (size + mean), mean / (size + mean)
    lower = success * (size + b + 2.0) < size + 1.0  # else the upper tail is the one whose fraction converges fast
    p, q = jnp.where(lower, size, b), jnp.where(lower, b, size)
    x, y = jnp.where(lower, success, failure), jnp.where(lower, failure, success)
    excess = p - (p + q) * x

    def more(state: tuple[Array, ...]) -> Array:
        value, last = state[5], state[6]
        return jnp.any(jnp.abs(value - last) > 4e-15 * value)

    def add(state: tuple[Array, ...]) -> tuple[Array, ...]:
        n, a0, a1, b0, b1, value, _ = state
        last = value
        for _ in range(4):
            middle = p + 2.0 * n - 1.0
            alpha = (p + n - 1.0) * (p + q + n - 1.0) * n * (q - n) * x * x / (middle * middle)
            beta = n + n * (q - n) * x / middle + (p + n) * (excess + 1.0 + n * (1.0 + y)) / (middle + 2.0)
            a0, a1 = a1, beta * a1 + alpha * a0
            b0, b1 = b1, beta * b1 + alpha * b0
            n = n + 1.0
        shrink = 1.0 / b1
        value = a1 * shrink
        return n, a0 * shrink, value, b0 * shrink, jnp.ones_like(b1), value, last

    one, zero = jnp.ones_like(p), jnp.zeros_like(p)
    start = (jnp.ones((), p.dtype), zero, one, one, p * (excess + 1.0) / (p + 1.0), one, zero)
    tail = scale * lax.while_loop(more, add, start)[5]
    return jnp.where(lower, tail - u, (1.0 - u) - tail), scale / ((k + size) * failure)


def _stirling_error(x: Array) -> Array:
    """log Gamma(x) - (x - 1/2) log x + x - log(2 pi)/2 for x >= 16: DLMF 5.11.1 to the term in x^-11."""
    y = 1.0 / x
    y2 = y * y
    series = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
    return y * _polynomial(series, y2)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    total = jnp.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


@cache
def _mu_series(terms: int) -> tuple[Fraction, ...]:
    """mu = eta + eta^2/3 + .., where eta^2 / 2 = mu - log(1 + mu); from mu mu' = eta (1 + mu)."""
    a = [Fraction(0), Fraction(1)]
    for m in range(2, terms):
        known = sum(a[i] * (m + 1 - i) * a[m + 1 - i] for i in range(2, m))
        a.append((a[m - 1] - known) / (m + 1))
    return tuple(a)


@cache
def _stirling_row() -> tuple[float, ...]:
    """Gamma*(a) = sum g_k a^-k (DLMF 5.11.3), as floats."""
    return tuple(float(g) for g in _stirling_fractions(9))


@cache
def _stirling_fractions(terms: int) -> tuple[Fraction, ...]:
    """g_k of DLMF 5.11.3 from the odd mu coefficients: g_k = (2k + 1)!! a_(2k+1)."""
    a = _mu_series(2 * terms + 2)
    g, double_factorial = [], 1
    for k in range(terms):
        double_factorial *= 2 * k + 1
        g.append(double_factorial * a[2 * k + 1])
    return tuple(g)


@cache
def _temme_rows() -> tuple[tuple[float, ...], ...]:
    """Power series of C_k(eta), DLMF 8.12.11: C_k = C_(k-1)' / eta + (-1)^k g_k / mu, C_0 = 1/mu - 1/eta.

    Degrees are cut where the terms drop below 1e-16 for a >= 17 and the eta that a uniform of 52 bits can reach.
    """
    degrees = (24, 21, 18, 16, 14, 12, 10, 8, 6)
    terms = 2 * len(degrees) + degrees[0] + 2
    a = _mu_series(terms + 2)
    inverse = [Fraction(1)]  # eta / mu
    for n in range(1, terms):
        inverse.append(-sum(a[k + 1] * inverse[n - k] for k in range(1, n + 1)))
    g = _stirling_fractions(len(degrees))
    row = inverse[1:]
    rows = [row]
    for k in range(1, len(degrees)):
        row = [(n + 2) * row[n + 2] + (-1) ** k * g[k] * inverse[n + 1] for n in range(len(row) - 2)]
        rows.append(row)
    return tuple(tuple(float(c) for c in row[:degree]) for row, degree in zip(rows, degrees, strict=True))


@cache
def _eta_series() -> tuple[float, ...]:
    """eta as a power series of mu, the inverse of `_mu_series`, to mu^9 (enough for |mu| < 0.02)."""
    terms = 10
    # eta^2 = 2 (mu - log(1 + mu)) = mu^2 (1 - 2 mu / 3 + 2 mu^2 / 4 - ..): square root of the bracket, term by term
    bracket = [Fraction(2 * (-1) ** n, n + 2) for n in range(terms)]
    root = [Fraction(1)]
    for n in range(1, terms - 1):
        root.append((bracket[n] - sum(root[i] * root[n - i] for i in range(1, n))) / 2)
    return (0.0, *(float(c) for c in root))
