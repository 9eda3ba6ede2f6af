"""Distribution functions to full accuracy: Poisson and negative binomial from 16 upwards, gamma.

Differences P(X <= k) - u are formed from the smaller tail, so that they keep their digits where u is close to
0 or 1. float64 unless said otherwise; float32 gives what float32 can.
"""

import math
from fractions import Fraction
from functools import cache

import jax.numpy as jnp
from jax import Array, lax
from numpy.polynomial import chebyshev
from scipy import special

from kernels import elementary
from kernels.elementary import polynomial

# So far beyond its mean the upper tail of the beta law is the one computed.
_UPPER_FROM = 4.0
_STEPS = 8
_SHIFT = 16
# Temme's expansion holds from this shape on, to all digits of the smaller tail only from the second one on; the gamma
# law's shapes below that are raised by the first.
_SHAPE_MIN = 17
RAISED_BELOW = 45.0
# So far beyond its shape the upper tail of the gamma law is a continued fraction, of so many terms.
_FRACTION_FROM = 2.5
_FRACTION_TERMS = 48
_ERFCX_MAX = 9.0
_ERFCX_TERMS = 21


def poisson(u: Array, k: Array, mean: Array) -> tuple[Array, Array]:
    """P(X <= k) - u and P(X = k) for X Poisson, k >= 16: Q(a, x) - u with a = k + 1, x = mean."""
    a = k + 1.0
    above, tail, scale = _temme(a, mean)
    # P(X = a - 1) = x^(a-1) e^-x / Gamma(a) = scale a / (x Gamma*(a)), Gamma* Stirling's correction
    mass = scale * a / (mean * polynomial(_stirling_row(), 1.0 / a))
    return jnp.where(above, tail - u, (1.0 - u) - tail), mass


def _temme(a: Array, x: Array) -> tuple[Array, Array, Array]:
    """x > a, then Q(a, x) if so and P(a, x) if not, then e^(-a eta^2 / 2) / sqrt(2 pi a); for a >= 17.

    Temme's uniform expansion, DLMF 8.12.3, 8.12.4 and 8.12.7-8.12.11.
    """
    inverse = 1.0 / a
    excess = (x - a) * inverse
    half_eta_squared = _log1p_defect(excess, elementary.log(x * inverse))
    root = jnp.sqrt(half_eta_squared)
    above = excess > 0
    eta = jnp.where(above, root, -root) * math.sqrt(2.0)
    correction = jnp.zeros_like(a)
    for row in reversed(_temme_rows()):
        correction = correction * inverse + polynomial(row, eta)
    spread, peak = jnp.sqrt(a), elementary.exp(-a * half_eta_squared)
    scale = peak * (1.0 / spread) * math.sqrt(0.5 / math.pi)
    tail = 0.5 * peak * _erfcx(root * spread) + jnp.where(above, scale, -scale) * correction
    return above, tail, scale


def _erfcx(y: Array) -> Array:
    """e^(y^2) erfc(y), y >= 0; beyond 9, where erfc is below 1e-36, only its size is right."""
    t = 1.0 / (1.0 + 0.5 * jnp.minimum(y, _ERFCX_MAX))
    low = 1.0 / (1.0 + 0.5 * _ERFCX_MAX)
    return t * polynomial(_erfcx_row(), (2.0 * t - (1.0 + low)) * (1.0 / (1.0 - low)))


@cache
def _erfcx_row() -> tuple[float, ...]:
    """erfcx(y) / t as a polynomial of t = 1 / (1 + y / 2), moved to [-1, 1]; relative error below 1e-15."""
    low = 1.0 / (1.0 + 0.5 * _ERFCX_MAX)

    nodes = chebyshev.chebpts1(_ERFCX_TERMS)
    t = 0.5 * (1.0 + low) + 0.5 * (1.0 - low) * nodes
    fit = chebyshev.chebfit(nodes, special.erfcx(2.0 / t - 2.0) / t, _ERFCX_TERMS - 1)
    return tuple(map(float, chebyshev.cheb2poly(fit)))


def gamma(shape: Array, log_x: Array, upper: Array) -> tuple[Array, Array]:
    """Q(shape, x) where `upper`, else P(shape, x), to full relative accuracy, and x times the density."""
    x = elementary.exp(log_x)
    raised, moment = gamma_in_sight(shape, log_x, upper)
    # DLMF 8.9.2, where the difference below would cancel
    far = upper & (shape < RAISED_BELOW) & (x > shape + _FRACTION_FROM)
    return jnp.where(far, moment * _gamma_fraction(shape, x), raised), moment


def gamma_in_sight(shape: Array, log_x: Array, upper: Array) -> tuple[Array, Array]:
    """The same at a third of the price; Q of shapes below 45 only to full absolute accuracy.

    Such shapes are raised by n = 17: P(a, x) = P(a + n, x) + D sum_(i < n) x^i / ((a + 1) .. (a + i)), D = x^a e^-x /
    Gamma(a + 1) (DLMF 8.8.11).
    """
    x, inverse = elementary.exp(log_x), 1.0 / shape
    deviance = shape * _log1p_defect((x - shape) * inverse, log_x - elementary.log(shape))
    # a quotient of two arrays, as in `negative_binomial`, and none by a root: XLA's rsqrt is not for vectors
    density = shape * elementary.exp(-deviance - _stirling_error_small(shape))
    moment = density / (math.sqrt(2.0 * math.pi) * jnp.sqrt(shape))
    small = shape < RAISED_BELOW
    above, tail, _ = _temme(jnp.where(small, shape + float(_SHAPE_MIN), shape), x)
    power = numerator = denominator = jnp.ones_like(x)
    for i in range(1, _SHAPE_MIN):
        power, factor = power * x, shape + float(i)
        numerator, denominator = numerator * factor + power, denominator * factor
    added = jnp.where(small, moment * inverse * (numerator / denominator), 0.0)
    return jnp.where(above == upper, tail, 1.0 - tail) + jnp.where(upper, -added, added), moment


def _gamma_fraction(a: Array, x: Array) -> Array:
    """Q(a, x) Gamma(a) / (x^a e^-x) = 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ..)), from the far end."""

    def steps(i: Array, value: Array) -> Array:
        n = (_FRACTION_TERMS - i * _STEPS).astype(x.dtype)
        for _ in range(_STEPS):
            value = x + (2.0 * n - 1.0) - a - n * (n - a) / value
            n = n - 1.0
        return value

    start = x + (2.0 * _FRACTION_TERMS + 1.0) - a
    value: Array = lax.fori_loop(0, _FRACTION_TERMS // _STEPS, steps, start)
    return 1.0 / value


def negative_binomial(u: Array, k: Array, mean: Array, size: Array) -> tuple[Array, Array]:
    """P(X <= k) - u and P(X = k), k >= 16: I_p(size, k + 1) - u with p = size / (size + mean).

    Continued fraction of the incomplete beta function in the form of Didonato & Morris, "Algorithm 708" (ACM
    TOMS 18 (1992) 360-373, section 3.1), times the density after Loader, "Fast and accurate computation of
    binomial probabilities" (2000): deviances for powers, Stirling errors for gamma functions.
    """
    b = k + 1.0
    total, inverse, inverse_b = size + b, 1.0 / (size + mean), 1.0 / b
    success, failure = size * inverse, mean * inverse
    surplus = success * (mean - b)  # size - (size + b) p, and minus b - (size + b)(1 - p)
    deviance = size * _log1p_defect((b - mean) * inverse, elementary.log(total * inverse))
    deviance += b * _log1p_defect(surplus * inverse_b, elementary.log(failure * total * inverse_b))
    errors = _stirling_error(total) - _stirling_error(b) - _stirling_error_small(size)
    scale = elementary.exp(errors - deviance) * jnp.sqrt(size * b * (1.0 / (2.0 * math.pi * total)))
    upper = surplus < -_UPPER_FROM
    p, q = jnp.where(upper, b, size), jnp.where(upper, size, b)
    x, y = jnp.where(upper, failure, success), jnp.where(upper, success, failure)
    # The mass comes first: a quotient that is used twice is stored by XLA, a product would be computed twice.
    mass = scale / ((k + size) * failure)
    tail = mass * (k + size) * failure * _beta_fraction(p, q, x, y, jnp.where(upper, -surplus, surplus))
    return jnp.where(upper, (1.0 - u) - tail, tail - u), mass


def _beta_fraction(p: Array, q: Array, x: Array, y: Array, surplus: Array) -> Array:
    """I_x(p, q) divided by x^p y^q / B(p, q); surplus = p - (p + q) x, y = 1 - x.

    1 / (b_0 + a_1 / (b_1 + a_2 / (b_2 + ..))), from the far end. Each element has its own number of terms,
    whatever its neighbours need: results must not depend on the company they keep. The number is an upper
    bound found by trial for 1e-15: 26 where a parameter is small, and a multiple of the root of p q / (p + q)
    where both are large.
    """
    spread = jnp.sqrt(p * q / (p + q))
    terms = 26.0 + jnp.minimum(2.2 * spread, 35.0 * jnp.sqrt(spread))

    def link(n: Array) -> tuple[Array, Array]:
        """a_n and b_(n-1), n >= 2."""
        here, before = 1.0 / (p + (2.0 * n - 1.0)), 1.0 / (p + (2.0 * n - 3.0))
        m = n - 1.0
        a = (p + m) * (p + q + m) * n * (q - n) * (x * here) * (x * here)
        return a, m + m * (q - m) * x * before + (p + m) * here * (surplus + 1.0 + m * (1.0 + y))

    def steps(state: tuple[Array, Array]) -> tuple[Array, Array]:
        n, value = state
        for _ in range(_STEPS):
            a, b = link(n)
            value = jnp.where(n <= terms, b + a * (1.0 / value), value)
            n = n - 1.0
        return n, value

    last = 1.0 + _STEPS * jnp.ceil(jnp.max(terms) / _STEPS)
    value = lax.while_loop(lambda state: state[0] > 1.0, steps, (last, jnp.full_like(p, jnp.inf)))[1]
    here = 1.0 / (p + 1.0)
    first = p * (p + q) * (q - 1.0) * (x * here) * (x * here)
    return 1.0 / (p * (surplus + 1.0) * here + first * (1.0 / value))


def _log1p_defect(d: Array, log_whole: Array) -> Array:
    """d - log(1 + d), given that logarithm, without loss near d = 0.

    With s = d / (2 + d), log(1 + d) = 2 (s + s^3/3 + ..) and d - 2 s = d s.
    """
    s = d * (1.0 / (2.0 + d))
    z = s * s
    series = polynomial([2.0 / (2 * k + 3) for k in range(10)], z)
    return jnp.where(jnp.abs(s) < 0.16, s * (d - z * series), d - log_whole)


def _stirling_error(x: Array) -> Array:
    """log Gamma(x) - (x - 1/2) log x + x - log(2 pi)/2 for x >= 16: DLMF 5.11.1 to the term in x^-11."""
    y = 1.0 / x
    return y * polynomial((1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360), y * y)


def _stirling_error_small(x: Array) -> Array:
    """The same for every x > 0: below 16, Gamma(x) = Gamma(x + 16) / (x (x + 1) .. (x + 15))."""
    shifted = x + float(_SHIFT)
    inverse = 1.0 / shifted
    product = x * inverse
    for i in range(1, _SHIFT):
        product = product * ((x + float(i)) * inverse)
    below = _stirling_error(shifted) - float(_SHIFT) + (x - 0.5) * elementary.log1p(_SHIFT * (1.0 / x))
    return jnp.where(x < _SHIFT, below - elementary.log(product), _stirling_error(jnp.maximum(x, 1.0)))


def log_gamma_1(x: Array) -> Array:
    """log Gamma(1 + x), x > 0. XLA's own changes its last digits with the number of elements."""
    return (x + 0.5) * elementary.log(x) - x + 0.5 * math.log(2.0 * math.pi) + _stirling_error_small(x)


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

    Degrees are cut where the terms drop below 1e-16 for a >= 17 and the eta that a uniform of 52 bits can
    reach.
    """
    degrees = (24, 21, 18, 16, 14, 12, 10, 8, 6)
    terms = 2 * len(degrees) + degrees[0] + 2
    a = _mu_series(terms + 2)
    inverse = [Fraction(1)]  # eta / mu
    for n in range(1, terms):
        inverse.append(-sum((a[k + 1] * inverse[n - k] for k in range(1, n + 1)), Fraction(0)))
    g = _stirling_fractions(len(degrees))
    row = inverse[1:]
    rows = [row]
    for k in range(1, len(degrees)):
        row = [(n + 2) * row[n + 2] + (-1) ** k * g[k] * inverse[n + 1] for n in range(len(row) - 2)]
        rows.append(row)
    return tuple(tuple(float(c) for c in row[:degree]) for row, degree in zip(rows, degrees, strict=True))
