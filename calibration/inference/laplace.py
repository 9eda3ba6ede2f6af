"""Laplace's approximation with an arrow-head precision, its blocks corrected by Pareto-smoothed importance sampling.

Variance parameters have no useful joint mode with what they scale, so they are held at their variational means while
the mode is found; then their own spread is added and carried to the others by the implicit function theorem,
d mode / d log s = -H^-1 d2U / d mode d log s. Coordinates marked `held` (shocks of single store-days) are at their mode
and their covariance with the rest is left out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax
from jax.flatten_util import ravel_pytree

from calibration.inference import arrowhead, psis
from calibration.inference.arrowhead import Factor, Layout
from calibration.inference.problem import Problem, Values, by_member
from calibration.inference.svi import Variational

# The search ends where every slope, in standard deviations of its coordinate, is below this.
SLOPE_MAX, SEARCH_MAX, CHORD_MAX = 0.05, 200, 12
STEP_MAX = 1e-3


class Blocks(NamedTuple):
    """What is independent given the rest: members of plate `item`, each in one member of plate `group`."""

    item: str
    group: str
    group_of: np.ndarray  # (item,)


class NoMode(Exception):
    """The potential has no curvature of a maximum where the search ended."""


class Laplace(NamedTuple):
    """draws: site -> (draw, ...) unconstrained; step: the last Newton step in spreads; khat: (item,)."""

    draws: dict[str, np.ndarray]
    step: float
    khat: np.ndarray


def laplace(problem: Problem, data: Any, begun: Variational, blocks: Blocks | None, number: int, seed: int) -> Laplace:
    """Draws of the posterior. Raises NoMode."""
    fixed = {name: x for name, x in begun.mean.items() if problem.sites[name].variance}
    moving = {name: x for name, x in begun.mean.items() if name not in fixed}
    flat, unravel = ravel_pytree(moving)
    spread = ravel_pytree({name: begun.spread[name] for name in moving})[0]
    log_s, unravel_s = ravel_pytree(fixed)

    def potential(z: Array, s: Array, data: Any) -> Array:
        return problem.potential(data, unravel(z) | unravel_s(s))

    mode = _search(potential, flat, spread, log_s, data)
    layout = _layout(problem, moving, blocks)
    gradient = jax.jit(jax.grad(potential))
    precision = arrowhead.hessian(gradient, mode, layout, log_s, data)
    try:
        factored = arrowhead.factor(precision)
    except np.linalg.LinAlgError as error:
        raise NoMode("the curvature at the mode is not positive: more SVI steps, or fewer parameters") from error
    held = np.setdiff1d(np.arange(flat.size), _placed(layout))
    scale = np.asarray(spread).copy()
    scale[_placed(layout)] = arrowhead.spread(factored, flat.size)[_placed(layout)]
    mode, step = _chord(gradient, mode, log_s, data, factored, held, scale)
    rng = np.random.default_rng([seed, 2])
    own_s = np.asarray(ravel_pytree({name: begun.spread[name] for name in fixed})[0])
    change = own_s * rng.standard_normal((number, own_s.size))
    follow = _follow(gradient, mode, log_s, data, factored)
    z = np.asarray(mode) + change @ follow.T
    z[:, held] += scale[held] * rng.standard_normal((number, len(held)))
    top = arrowhead.draw_top(factored, rng.standard_normal((number, len(precision.top))))
    order = _top(layout)
    z[:, order] += top
    inner, khat = _blocks(problem, data, unravel, unravel_s(log_s), mode, factored, blocks, number, rng)
    z[:, layout.items] += inner - np.einsum("ipg,dg->dip", factored.pull, top)
    found = {name: _unravel(z, moving, name) for name in moving}
    found |= {name: _unravel(np.asarray(log_s) + change, fixed, name) for name in fixed}
    return Laplace(found, step, khat)


def _search(potential: Callable[..., Array], start: Array, spread: Array, log_s: Array, data: Any) -> Array:
    """The mode, nearly: L-BFGS on coordinates measured in their variational spreads."""
    method = optax.lbfgs()

    @jax.jit
    def run(start: Array, log_s: Array, data: Any) -> Array:
        def loss(u: Array) -> Array:
            return potential(start + spread * u, log_s, data)

        both = optax.value_and_grad_from_state(loss)

        def steep(carry: tuple[Array, Any, Array]) -> Array:
            _, state, n = carry
            slope = optax.tree.get(state, "grad")
            return (n == 0) | ((n < SEARCH_MAX) & (jnp.abs(slope).max() > SLOPE_MAX))

        def step(carry: tuple[Array, Any, Array]) -> tuple[Array, Any, Array]:
            u, state, n = carry
            value, slope = both(u, state=state)
            change, state = method.update(slope, state, u, value=value, grad=slope, value_fn=loss)
            return optax.apply_updates(u, change), state, n + 1

        zero = jnp.zeros_like(start)
        return start + spread * lax.while_loop(steep, step, (zero, method.init(zero), jnp.int32(0)))[0]

    return run(start, log_s, data)


def _chord(
    gradient: Callable[..., Array], mode: Array, log_s: Array, data: Any, factored: Factor, held: np.ndarray,
    scale: np.ndarray,
) -> tuple[Array, float]:  # fmt: skip
    """Newton's steps with the one Hessian, held coordinates in turn with the rest; mode and last step in spreads.

    In turn (Gauss & Seidel), for both at once need not converge.
    """
    step = np.inf
    for _ in range(CHORD_MAX):
        step = 0.0
        for turn in ("rest", "held"):
            slope = np.asarray(gradient(mode, log_s, data), float)
            change = np.zeros_like(slope)
            if turn == "held":
                change[held] = scale[held] ** 2 * slope[held]
            else:
                change = arrowhead.solve(factored, slope)
            step = max(step, float(np.abs(change / scale).max()))
            mode = mode - change
        if step < STEP_MAX:
            break
    return mode, step


def _follow(gradient: Callable[..., Array], mode: Array, log_s: Array, data: Any, factored: Factor) -> np.ndarray:
    """(coordinate, variance parameter) d mode / d log s."""

    @jax.jit
    def mixed(mode: Array, log_s: Array, data: Any) -> Array:
        def column(tangent: Array) -> Array:
            return jax.jvp(lambda s: gradient(mode, s, data), (log_s,), (tangent,))[1]

        return lax.map(column, jnp.eye(log_s.size, dtype=log_s.dtype))

    if not log_s.size:
        return np.zeros((mode.size, 0))
    rows = np.asarray(mixed(mode, log_s, data), float)
    return np.stack([-arrowhead.solve(factored, row) for row in rows], axis=1)


def _blocks(
    problem: Problem, data: Any, unravel: Callable[[Array], Values], fixed: Values, mode: Array, factored: Factor,
    blocks: Blocks | None, number: int, rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(draw, item, own) deviations from the mode given the top, resampled by PSIS weights; (item,) Pareto shapes."""
    items = factored.precision.layout.items
    normal = rng.standard_normal((number, *items.shape))
    inner = arrowhead.draw_blocks(factored, normal)
    if blocks is None or not items.size:
        return inner, np.zeros(0)

    @jax.jit
    def density(mode: Array, inner: Array, data: Any) -> Array:
        def one(change: Array) -> Array:
            z = unravel(mode.at[items].add(change)) | fixed
            return by_member(problem, data, z, blocks.item)

        return lax.map(one, inner)

    log_p = np.asarray(density(mode, jnp.asarray(inner), data), float)
    log_q = -0.5 * (normal**2).sum(axis=2)
    return psis.resampled(inner, log_p - log_q, rng)


def _layout(problem: Problem, moving: Values, blocks: Blocks | None) -> Layout:
    """Where the coordinates of shared, grouped and block sites lie in the flat vector."""
    members = 0 if blocks is None else len(blocks.group_of)
    groups = 0 if blocks is None else int(blocks.group_of.max()) + 1
    shared, by_group, by_item = [], [], []
    first = 0
    for name in sorted(moving):
        site, shape = problem.sites[name], np.shape(moving[name])
        places = first + np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
        first += places.size
        if site.held:
            continue
        if blocks is not None and blocks.item in site.plates:
            by_item.append(np.moveaxis(places, site.plates[blocks.item], 0).reshape(members, -1))
        elif blocks is not None and blocks.group in site.plates:
            rows = np.moveaxis(places, site.plates[blocks.group], 0)
            by_group.append(rows.reshape(len(rows), -1))
        else:
            shared.append(places.ravel())
    none = np.zeros(0, int)
    return Layout(
        np.concatenate([none, *shared]),
        np.concatenate(by_group, axis=1) if by_group else np.zeros((groups, 0), int),
        np.concatenate(by_item, axis=1) if by_item else np.zeros((members, 0), int),
        none if blocks is None else np.asarray(blocks.group_of),
    )


def _top(layout: Layout) -> np.ndarray:
    return np.concatenate([layout.shared, layout.classes.ravel()]).astype(int)


def _placed(layout: Layout) -> np.ndarray:
    return np.concatenate([_top(layout), layout.items.ravel()]).astype(int)


def _unravel(z: np.ndarray, like: Values, name: str) -> np.ndarray:
    first = 0
    for other in sorted(like):
        shape = np.shape(like[other])
        size = int(np.prod(shape, dtype=int))
        if other == name:
            return z[:, first : first + size].reshape(len(z), *shape)
        first += size
    raise KeyError(name)
