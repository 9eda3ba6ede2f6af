"""The gamma quantile: an expansion of four digits, then one step of Halley on the logarithm of the smaller
tail.

What the expansion does not cover (far tails, shapes below 0.28) is solved by repeated steps, a few elements
at a time.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import elementary, expansions, tails
from kernels.normal import normal, normal_of_tail, tail
from kernels.stages import some, stage
from kernels.stragglers import decide, whole_batch

_ROUNDS_MAX = 40
# A step so short, in standard deviations, leaves an error of its third power.
_SHORT = {64: 3e-4, 32: 1e-2}
# Below so small a share of the mean the series is right to four digits.
_SMALL = 0.02
# An absolute error of the tail is a relative one of x when divided by x times the density, which must be larger; in
# float32, where five digits are promised for large shapes and four for small ones, times the shape if above 1.
_IN_SIGHT = {64: 0.02, 32: 0.01}


def gamma(u: Array, shape: Array, scale: Array) -> Array:
    """Gamma quantile with mean shape * scale; shape 0.05 to 1e8.

    Relative error 1e-12; in float32 1e-4, and 1e-3 for shapes below 0.3, where x = u^(1 / shape) magnifies it.
    """
    u, shape, scale = jnp.broadcast_arrays(*(jnp.asarray(x) for x in (u, shape, scale)))
    return scale * _standard_gamma(u, shape)


@jax.custom_jvp
def _standard_gamma(u: Array, shape: Array) -> Array:
    return _solved(u, shape)


@_standard_gamma.defjvp
def _standard_gamma_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    """From P(shape, x(u, shape)) = u: dx/du = 1 / density, dx/dshape = -(dP/dshape) / density."""
    u, shape = primals
    x = _standard_gamma(u, shape)
    density = jnp.exp((shape - 1.0) * jnp.log(x) - x - lax.lgamma(shape))
    return x, tangents[0] / density + tangents[1] * lax.random_gamma_grad(shape, x)


@whole_batch
def _solved(u: Array, shape: Array) -> Array:
    def estimate(t: Array, shape: Array) -> Array:
        y, tame = expansions.gamma(normal_of_tail(t), shape)
        small = elementary.exp(_series(elementary.log(jnp.abs(t)), shape)) * (1.0 / shape)
        # below the expansion's domain, down to what float32 can hold
        near_zero = (t > 0) & (small < _SMALL) & (small > 1e-30)
        return jnp.where(tame, y, jnp.where(near_zero, small, -1.0))

    y = stage(some(u), estimate, tail(u).astype(jnp.float32), shape.astype(jnp.float32)).astype(u.dtype)
    log_x = elementary.log(jnp.where(y > 0, y, 1.0) * shape)
    step, moment = _step(tails.gamma_in_sight, u, shape, log_x)
    short = jnp.abs(step) * jnp.sqrt(1.0 + shape) < _SHORT[elementary.width(u)]
    least = _IN_SIGHT[64] if elementary.width(u) == 64 else _IN_SIGHT[32] * jnp.maximum(shape, 1.0)
    in_sight = (u <= 0.5) | (shape >= tails.RAISED_BELOW) | (moment > least)
    code = jnp.where((y > 0) & short & in_sight, elementary.exp(log_x + step), -1.0)
    return decide(code, (u, shape), _iterated)


def _series(log_u: Array, shape: Array) -> Array:
    """log x for small x: P = x^a / Gamma(a + 1) (1 - a x / (a + 1) + ..), inverted to the second term."""
    first = (log_u + tails.log_gamma_1(shape)) / shape
    return first + elementary.exp(jnp.minimum(first, 0.0)) / (shape + 1.0)


def _step(law: Callable[..., tuple[Array, Array]], u: Array, shape: Array, log_x: Array) -> tuple[Array, Array]:
    """Halley's step for log x on f = log(tail / aim): -L / (1 - L f'' / (2 f')), L = f / f'; and x density(x)."""
    upper = u > 0.5
    aim = jnp.where(upper, 1.0 - u, u)
    size, moment = stage(some(u), law, shape, log_x, upper)
    size = jnp.maximum(size, 1e-300 if elementary.width(u) == 64 else 1e-37)
    # f' = moment / tail, and moment' = moment (shape - x); both change sign with the side
    slope = jnp.where(upper, -moment, moment) / size
    newton = elementary.log(size / aim) / slope
    bend = jnp.clip(0.5 * newton * (shape - elementary.exp(log_x) - slope), -0.5, 0.5)
    return jnp.clip(-newton / (1.0 - bend), -3.0, 3.0), moment


def _iterated(code: Array, u: Array, shape: Array) -> Array:
    """Steps until they are as small as rounding.

    Start: Wilson & Hilferty (1931), or for small x the series.
    """
    log_u = elementary.log(u)
    first = (log_u + tails.log_gamma_1(shape)) / shape
    series = _series(log_u, shape)
    root = jnp.maximum(1.0 - 1.0 / (9.0 * shape) + normal(u) / (3.0 * jnp.sqrt(shape)), 0.05)
    wilson_hilferty = elementary.log(shape) + 3.0 * elementary.log(root)
    start = jnp.where(first < math.log(0.2) + elementary.log1p(shape), series, wilson_hilferty)
    precise = 4.0 * elementary.epsilon(u)

    def improve(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        rounds, log_x, done = state
        step = stage(jnp.any(~done), lambda log_x: _step(tails.gamma, u, shape, log_x)[0], log_x)
        return rounds + 1, jnp.where(done, log_x, log_x + step), done | (jnp.abs(step) <= precise)

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        return jnp.any(~state[2]) & (state[0] < _ROUNDS_MAX)

    # where x is this small, the first term is all
    done = (code >= 0) | (first < math.log(0.01 * precise))
    return elementary.exp(lax.while_loop(unfinished, improve, (jnp.zeros((), jnp.int32), start, done))[1])
