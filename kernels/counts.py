"""Quantiles of count laws: the smallest whole k with P(X <= k) >= u, Poisson and negative binomial.

In float64 exact: the result differs from the true one only where u lies within about 1e-13 of a jump. Nearly
all elements are decided in float32, at twice the lanes, with known errors: counts below 16 by adding up
probabilities, larger ones from a polynomial of the normal quantile of u (`cornish_fisher`). What comes too
near a jump for that, or lies outside the polynomial's domain (far tails, sizes below 0.28, means above a
million), is decided in float64 by adding up, or by the distribution function itself (`tails`) and a bracketed
Newton search. In float32 only the latter kind takes the second way; the others are off by one about once in
ten thousand.

Uniforms lie in the open interval (0, 1). Counts are steps: their derivatives are 0.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from jax import Array, lax

from kernels import elementary, expansions, tails
from kernels.cornish_fisher import COUNT_MIN
from kernels.normal import normal, normal_of_tail, tail
from kernels.stages import some, stage
from kernels.stragglers import decide, whole_batch

_ROUNDS_MAX = 120
_State = tuple[Array, Array, Array, Array, Array]
# Relative error of a sum of probabilities in float32; the second part goes with -log P(X = 0).
_SINGLE_SUM = 4e-6
_SINGLE_EXPONENT = 3e-7


def poisson(u: Array, mean: Array) -> Array:
    """Poisson quantile, any mean >= 0; 0 where the mean is 0."""
    return _poisson(*jnp.broadcast_arrays(lax.stop_gradient(u), lax.stop_gradient(mean)))


def negative_binomial(u: Array, mean: Array, size: Array) -> Array:
    """Negative binomial quantile with variance mean + mean^2 / size; mean >= 0, size > 0 and finite."""
    return _negative_binomial(*jnp.broadcast_arrays(*(lax.stop_gradient(x) for x in (u, mean, size))))


@whole_batch
def _poisson(u: Array, mean: Array) -> Array:
    exact = u.dtype == jnp.float64
    code = stage(some(u), partial(_poisson_code, exact), _single(tail(u)), _single(mean))

    def slow(code: Array, u: Array, mean: Array) -> Array:
        few, found = _summed(u / elementary.exp(-mean), lambda j: mean * (1.0 / j))
        z = normal(u)
        guess = mean + jnp.sqrt(mean) * z + (z * z - 4.0) / 6.0
        many = _search(code, guess, u, found, lambda k: tails.poisson(u, k, mean), lambda k: mean / k)
        return jnp.where(found, few, many)

    return decide(code.astype(u.dtype), (u, mean), slow)


@whole_batch
def _negative_binomial(u: Array, mean: Array, size: Array) -> Array:
    exact = u.dtype == jnp.float64
    code = stage(
        some(u),
        partial(_negative_binomial_code, exact),
        _single(tail(u)),
        _single(mean),
        _single(size),
    )

    def slow(code: Array, u: Array, mean: Array, size: Array) -> Array:
        failure = mean / (size + mean)

        def ratio(k: Array | float) -> Array:
            return failure * (size + (k - 1.0)) / k

        few, found = _summed(u / elementary.exp(-size * elementary.log1p(mean / size)), ratio)
        guess = _wilson_hilferty(u, mean, size)
        many = _search(code, guess, u, found, lambda k: tails.negative_binomial(u, k, mean, size), ratio)
        return jnp.where(found, few, many)

    return decide(code.astype(u.dtype), (u, mean, size), slow)


def _single(x: Array) -> Array:
    return x.astype(jnp.float32)


def _summed(aim: Array, ratio: Callable[[float], Array]) -> tuple[Array, Array]:
    """The quantile, and True where it is below 16. aim = u / P(X = 0); ratio(j) = P(X = j) / P(X = j - 1).

    Adding up P(X = j) / P(X = 0) does not wait for P(X = 0), so that both are computed side by side.
    """
    term = total = jnp.ones_like(aim)
    count = jnp.zeros_like(aim)
    for j in range(1, COUNT_MIN + 1):
        count = count + (total < aim).astype(aim.dtype)
        if j < COUNT_MIN:
            term = term * ratio(float(j))
            total = total + term
    return count, (total >= aim) & (aim < jnp.inf)


def _code(
    exact: bool, t: Array, exponent: Array, ratio: Callable[[float], Array], expansion: expansions.Expansion
) -> Array:
    """The count, or -1 - k if x is too near the whole number k >= 16, or -1 if nothing is known.

    t: the uniform as `tail`; exponent = -log P(X = 0); ratio(j) = P(X = j) / P(X = j - 1).
    """
    x, tame, error = expansion
    k = jnp.maximum(jnp.ceil(x), float(COUNT_MIN))
    aim = jnp.where(t > 0, t, 1.0 + t) * elementary.exp(exponent)
    if not exact:
        few, found = _summed(aim, ratio)
        return jnp.where(found, few, jnp.where(tame, k, -1.0))
    nearest = jnp.round(x)
    k = jnp.where(jnp.abs(x - nearest) > error, k, -1.0 - nearest)
    doubt = _SINGLE_SUM + _SINGLE_EXPONENT * exponent
    fewest, found = _summed(aim * (1.0 - doubt), ratio)
    most, surely_found = _summed(aim * (1.0 + doubt), ratio)
    few = jnp.where(surely_found & (fewest == most), fewest, -1.0)
    return jnp.where(found, few, jnp.where(tame, k, -1.0))


def _poisson_code(exact: bool, t: Array, mean: Array) -> Array:
    code = _code(exact, t, mean, lambda j: mean * (1.0 / j), expansions.poisson(normal_of_tail(t), mean))
    return jnp.where(mean > 0, code, 0.0 * mean)


def _negative_binomial_code(exact: bool, t: Array, mean: Array, size: Array) -> Array:
    odds = mean * (1.0 / size)
    failure = odds * (1.0 / (1.0 + odds))
    slope = failure * (size - 1.0)
    expansion = expansions.negative_binomial(normal_of_tail(t), mean, odds)
    exponent = size * elementary.log1p(odds)
    code = _code(exact, t, exponent, lambda j: failure + slope * (1.0 / j), expansion)
    return jnp.where(mean > 0, code, 0.0 * mean)


def _wilson_hilferty(u: Array, mean: Array, size: Array) -> Array:
    """A guess for any negative binomial: Wilson & Hilferty (1931) for the gamma law of its moments."""
    odds = mean / size
    sigma = jnp.sqrt(mean * (1.0 + odds))
    rho = (odds + 0.5) / sigma
    root = jnp.maximum(1.0 - rho * rho / 9.0 + rho * normal(u) / 3.0, 0.0)
    return mean - 0.5 + (root * root * root - 1.0) * sigma / rho


def _search(
    code: Array,
    guess: Array,
    u: Array,
    found: Array,
    law: Callable[[Array], tuple[Array, Array]],
    ratio: Callable[[Array], Array],
) -> Array:
    """The smallest k >= 16 with P(X <= k) >= u, where code < 0 and not found.

    It starts from -1 - code, or from `guess` where that is 0. law(k) = P(X <= k) - u and P(X = k); ratio(k) =
    P(X = k) / P(X = k - 1). Newton's steps on the logarithm of the smaller tail, which is nearly straight
    where plain Newton overshoots, stay inside a bracket (low, high] that shrinks every round.
    """
    upper = u > 0.5
    aim = jnp.where(upper, 1.0 - u, u)
    least = float(COUNT_MIN)
    tiny = 1e-300 if u.dtype == jnp.float64 else 1e-30

    def improve(state: _State) -> _State:
        rounds, low, high, k, known = state
        gap, mass = stage(jnp.any(~known), law, k)
        short = gap < 0
        # k - 1, k and k + 1 are decided here
        settled = jnp.where(short, gap + mass * ratio(k + 1.0) >= 0, gap - mass - mass / ratio(k) < 0)
        answer = jnp.where(short, k + 1.0, jnp.where(gap - mass < 0, k, k - 1.0))
        low, high = jnp.where(short, k, low), jnp.where(short, high, k)
        tail = jnp.maximum(jnp.where(upper, aim - gap, aim + gap), tiny)
        length = elementary.log(tail * (1.0 / aim)) * tail * (1.0 / mass)
        step = jnp.round(k + jnp.where(upper, length, -length))
        middle = jnp.where(jnp.isinf(high), 2.0 * k, jnp.floor(0.5 * (low + high)))
        step = jnp.where((step > low) & (step < high), step, middle)
        closed = high - low <= 1.0
        following = jnp.where(settled, jnp.maximum(answer, least), jnp.where(closed, high, step))
        return rounds + 1, low, high, jnp.where(known, k, following), known | settled | closed

    def unfinished(state: _State) -> Array:
        return jnp.any(~state[4]) & (state[0] < _ROUNDS_MAX)

    start = jnp.maximum(jnp.round(jnp.where(code < -1.0, -1.0 - code, guess)), least)
    low, high = jnp.full_like(u, least - 1.0), jnp.full_like(u, jnp.inf)
    return lax.while_loop(unfinished, improve, (jnp.zeros((), jnp.int32), low, high, start, found | (code >= 0)))[3]
