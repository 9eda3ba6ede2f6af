"""Quantiles of count laws: the smallest whole k with P(X <= k) >= u, Poisson and negative binomial.

In float64 exact: the result differs from the true one only where u lies within about 1e-14 of a jump. Three steps:
- counts below 16 by adding up probabilities;
- larger ones by a polynomial of the normal quantile of u (`cornish_fisher`) with a known error;
- where that lands too near a whole number, or the element lies outside the polynomial's domain (far tails, sizes below
  0.28, extreme means), by the distribution function itself (`tails`) and a bracketed Newton search.
float32 leaves out the third step for what lies near a whole number: it is off by one about once in a thousand.

Uniforms lie in the open interval (0, 1). Counts are steps: their derivatives are 0.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax

from kernels import cornish_fisher, elementary, tails
from kernels.cornish_fisher import COUNT_MIN, Rows
from kernels.elementary import polynomial
from kernels.normal import normal
from kernels.stragglers import decide, whole_batch

_ROUNDS_MAX = 120


def poisson(u: Array, mean: Array) -> Array:
    """Poisson quantile, any mean >= 0; 0 where the mean is 0."""
    u, mean = jnp.broadcast_arrays(lax.stop_gradient(u), lax.stop_gradient(mean))
    return jnp.where(mean > 0, _poisson(u, mean), 0.0 * mean)


def negative_binomial(u: Array, mean: Array, size: Array) -> Array:
    """Negative binomial quantile with variance mean + mean^2 / size; mean >= 0, size > 0 and finite."""
    u, mean, size = jnp.broadcast_arrays(*(lax.stop_gradient(x) for x in (u, mean, size)))
    return jnp.where(mean > 0, _negative_binomial(u, mean, size), 0.0 * mean)


@whole_batch
def _poisson(u: Array, mean: Array) -> Array:
    fit = cornish_fisher.poisson()
    few, found = _summed(u * elementary.exp(mean), lambda j: mean * (1.0 / j))
    z, sigma = normal(u), jnp.sqrt(mean)
    x = mean + sigma * z + _parity_polynomial(fit.rows, z, 1.0 / sigma, 0)
    tame = (jnp.abs(z) < fit.z_max) & (sigma > fit.sigma_min)
    code = jnp.where(found, few, _code(x, tame, fit.error))

    def search(code: Array, u: Array, mean: Array) -> Array:
        z = normal(u)
        guess = mean + jnp.sqrt(mean) * z + (z * z - 4.0) / 6.0
        return _search(code, guess, u, lambda k: tails.poisson(u, k, mean), lambda k: mean / k)

    return decide(code, (u, mean), search)


@whole_batch
def _negative_binomial(u: Array, mean: Array, size: Array) -> Array:
    odds = mean * (1.0 / size)
    failure = odds * (1.0 / (1.0 + odds))
    slope = failure * (size - 1.0)
    few, found = _summed(u * elementary.exp(size * elementary.log1p(odds)), lambda j: failure + slope * (1.0 / j))
    x, tame, error = _negative_binomial_expansion(normal(u), mean, odds)
    code = jnp.where(found, few, _code(x, tame, error))

    def search(code: Array, u: Array, mean: Array, size: Array) -> Array:
        guess = _wilson_hilferty(u, mean, size)
        failure = mean / (size + mean)
        return _search(
            code,
            guess,
            u,
            lambda k: tails.negative_binomial(u, k, mean, size),
            lambda k: failure * (size - 1.0 + k) / k,
        )

    return decide(code, (u, mean, size), search)


def _summed(aim: Array, ratio: Callable[[float], Array]) -> tuple[Array, Array]:
    """The quantile, and True where it is below 16. aim = u / P(X = 0); ratio(j) = P(X = j) / P(X = j - 1).

    Adding up P(X = j) / P(X = 0) does not wait for P(X = 0), so that both are computed side by side.
    """
    term = total = jnp.ones_like(aim)
    count = jnp.zeros_like(aim)
    for j in range(1, COUNT_MIN + 1):
        count = count + jnp.where(total < aim, jnp.ones_like(aim), jnp.zeros_like(aim))
        if j < COUNT_MIN:
            term = term * ratio(float(j))
            total = total + term
    return count, (total >= aim) & (aim < jnp.inf)


def _code(x: Array, tame: Array, error: Array | float) -> Array:
    """ceil(x) where that is certain; -1 - k where x is too near the whole number k; -1 outside the domain."""
    nearest = jnp.round(x)
    certain = jnp.abs(x - nearest) > (error if x.dtype == jnp.float64 else 0.0)
    k = jnp.where(certain, jnp.maximum(jnp.ceil(x), float(COUNT_MIN)), -1.0 - nearest)
    return jnp.where(tame, k, -1.0)


def _parity_polynomial(rows: Rows, z: Array, x: Array, shift: int) -> Array:
    """sum_j x^j rows[j](z), rows[j] of the parity of j + shift."""
    square, total = z * z, jnp.zeros_like(z)
    for j in reversed(range(len(rows))):
        row = polynomial(rows[j], square)
        total = total * x + (row * z if (j + shift) % 2 else row)
    return total


def _negative_binomial_expansion(z: Array, mean: Array, odds: Array) -> tuple[Array, Array, Array]:
    """x of `cornish_fisher`, True inside its domain, and the bound of its error. odds = mean / size."""
    broad, skewed = cornish_fisher.broad(), cornish_fisher.skewed()
    width = odds + 0.5
    sigma = jnp.sqrt(mean * (1.0 + odds))
    inverse = 1.0 / sigma
    rho = width * inverse
    own = _parity_polynomial(broad.lattice, z, rho, 1)
    own = own + _parity_polynomial(broad.kurtosis, z, rho, 1) * (inverse * inverse)
    x_broad = sigma * z + width * _parity_polynomial(broad.gamma, z, rho, 0) + own * inverse

    # t runs from -1 to 1 while z runs from low_0 - low_1 / rho to z_max
    low, (r_middle, r_half) = skewed.low, skewed.rho_scale
    t = (2.0 * z * rho - (skewed.z_max + low[0]) * rho + low[1]) * (1.0 / ((skewed.z_max - low[0]) * rho + low[1]))
    r = (rho - r_middle) * (1.0 / r_half)
    share = _triangle_polynomial(skewed.gamma, t, r) - 1.0
    x_skewed = share * sigma * sigma * (1.0 / width) + _triangle_polynomial(skewed.lattice, t, r) * inverse

    is_broad = rho < broad.rho_max
    x = mean - 0.5 + jnp.where(is_broad, x_broad, x_skewed)
    tame_skewed = (rho < skewed.rho_max) & (t > -1.0) & (x > skewed.share_min * mean)
    tame = (jnp.abs(z) < broad.z_max) & (is_broad | tame_skewed) & (x > COUNT_MIN - 1.5)
    error = jnp.where(
        is_broad, broad.error + broad.error_width * width, skewed.error + skewed.error_mean * mean
    )
    return x, tame, error


def _triangle_polynomial(rows: Rows, t: Array, r: Array) -> Array:
    """sum_j r^j rows[j](t)."""
    total = jnp.zeros_like(t)
    for row in reversed(rows):
        total = total * r + polynomial(row, t)
    return total


def _wilson_hilferty(u: Array, mean: Array, size: Array) -> Array:
    """A guess for any negative binomial: Wilson & Hilferty (1931) for the gamma law of its first three moments."""
    odds = mean / size
    sigma = jnp.sqrt(mean * (1.0 + odds))
    rho = (odds + 0.5) / sigma
    root = jnp.maximum(1.0 - rho * rho / 9.0 + rho * normal(u) / 3.0, 0.0)
    return mean - 0.5 + (root * root * root - 1.0) * sigma / rho


def _search(
    code: Array,
    guess: Array,
    u: Array,
    law: Callable[[Array], tuple[Array, Array]],
    ratio: Callable[[Array], Array],
) -> Array:
    """The smallest k >= 16 with P(X <= k) >= u, for elements with code < 0; -1 - code is a start, 0 if none is known.

    law(k) = P(X <= k) - u and P(X = k); ratio(k) = P(X = k) / P(X = k - 1). Newton's steps on the logarithm of the
    smaller tail, which is nearly straight where plain Newton overshoots, kept inside a bracket (low, high] that shrinks
    every round.
    """
    upper = u > 0.5
    aim = jnp.where(upper, 1.0 - u, u)
    least = float(COUNT_MIN)
    tiny = 1e-300 if u.dtype == jnp.float64 else 1e-30

    def improve(state: tuple[Array, ...]) -> tuple[Array, ...]:
        rounds, low, high, k, known = state
        gap, mass = law(k)
        short = gap < 0
        # k - 1, k and k + 1 are decided here
        settled = jnp.where(short, gap + mass * ratio(k + 1.0) >= 0, gap - mass - mass / ratio(k) < 0)
        answer = jnp.where(short, k + 1.0, jnp.where(gap - mass < 0, k, k - 1.0))
        low, high = jnp.where(short, k, low), jnp.where(short, high, k)
        tail = jnp.maximum(jnp.where(upper, aim - gap, aim + gap), tiny)
        length = elementary.log(tail / aim) * tail / mass
        step = jnp.round(k + jnp.where(upper, length, -length))
        middle = jnp.where(jnp.isinf(high), 2.0 * k, jnp.floor(0.5 * (low + high)))
        step = jnp.where((step > low) & (step < high), step, middle)
        closed = high - low <= 1.0
        following = jnp.where(settled, jnp.maximum(answer, least), jnp.where(closed, high, step))
        return rounds + 1, low, high, jnp.where(known, k, following), known | settled | closed

    def unfinished(state: tuple[Array, ...]) -> Array:
        return jnp.any(~state[4]) & (state[0] < _ROUNDS_MAX)

    start = jnp.maximum(jnp.round(jnp.where(code < -1.0, -1.0 - code, guess)), least)
    low, high = jnp.full_like(u, least - 1.0), jnp.full_like(u, jnp.inf)
    return lax.while_loop(unfinished, improve, (jnp.zeros((), jnp.int32), low, high, start, code >= 0))[3]
