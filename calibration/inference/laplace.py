"""Laplace's approximation with an arrow-head precision, its blocks corrected by Pareto-smoothed importance sampling.

Variance parameters have no useful joint mode with what they scale, so they are held while the mode of the rest is
found. They begin at their variational means and go on to the mode of their own marginal law
(`calibration.inference.variances`); its spread is carried to the others by the implicit function theorem,
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

from calibration.inference import arrowhead, psis, variances
from calibration.inference.arrowhead import Factor, Layout
from calibration.inference.problem import Problem, Values, by_member
from calibration.inference.svi import Variational

# The search ends where every slope, in standard deviations of its coordinate, is below this.
SLOPE_MAX, SEARCH_MAX, CHORD_MAX = 0.05, 200, 12
STEP_MAX = 1e-3
# Variance parameters are settled where a step, in their spreads, is below the first, after so many at most; a fit whose
# last step is above DRIFT_MAX fails its gate.
SETTLED, SETTLE_MAX, DRIFT_MAX = 0.02, 20, 0.05
PROPOSALS = 2  # for each draw of a block: a block of fifteen coordinates is worth 0.38 of its proposals


FAR = "the search left the place where the density is known: more SVI steps, or engine nuts"
FLAT = "the curvature at the mode is not positive: more SVI steps, or fewer parameters"


class Blocks(NamedTuple):
    """What is independent given the rest: members of plate `item`, each in one member of plate `group`."""

    item: str
    group: str
    group_of: np.ndarray  # (item,)


class NoMode(Exception):
    """The potential has no curvature of a maximum where the search ended."""


class Laplace(NamedTuple):
    """draws: site -> (draw, ...) unconstrained; step: the last Newton step in spreads; khat: (item,).

    drift: how far the variance parameters were still to go; disagreement: how far a second search, begun at a draw,
    ended from the first; both in spreads, the largest. drift is inf where the variances have no maximum. worth: of how
    many independent draws the poorest block's are.
    """

    draws: dict[str, np.ndarray]
    step: float
    khat: np.ndarray
    drift: float
    disagreement: float
    worth: float


class _Functions(NamedTuple):
    """Of (z, log s, data), compiled once: dU/dz, columns of the Hessian, slopes of log s, the search."""

    gradient: Callable[..., Array]
    columns: arrowhead.Columns
    variances: variances.Quadratic
    search: Callable[..., Array]


class _Mode(NamedTuple):
    """Where the search ended: the law of everything but the corrections of blocks."""

    at: Array
    log_s: Array
    factored: Factor
    scale: np.ndarray  # (coordinate,) spreads given log s
    follow: np.ndarray  # (coordinate, variance parameter)
    root: np.ndarray  # of the covariance of log s
    step: float
    drift: float

    def drawn(self, number: int, rng: np.random.Generator, inner: np.ndarray | None = None) -> np.ndarray:
        """(draw, coordinate) given log s; inner: what is known of the blocks given the top, (draw, item, own)."""
        found = np.asarray(self.at) + arrowhead.drawn(self.factored, number, self.at.size, rng, inner)
        alone = self.factored.precision.layout.alone
        found[:, alone] += self.scale[alone] * rng.standard_normal((number, len(alone)))
        return found

    def covered(self, right: np.ndarray) -> np.ndarray:
        """The covariance given log s times right, (.., coordinate)."""
        alone = self.factored.precision.layout.alone
        found = arrowhead.solve(self.factored, right)
        found[..., alone] = self.scale[alone] ** 2 * right[..., alone]
        return found


def laplace(problem: Problem, data: Any, begun: Variational, blocks: Blocks | None, number: int, seed: int) -> Laplace:
    """Draws of the posterior. Raises NoMode."""
    fixed = {name: x for name, x in begun.mean.items() if problem.sites[name].variance}
    moving = {name: x for name, x in begun.mean.items() if name not in fixed}
    flat, unravel = ravel_pytree(moving)
    spread = ravel_pytree({name: begun.spread[name] for name in moving})[0]
    log_s, unravel_s = ravel_pytree(fixed)
    use = _functions(lambda z, s, data: problem.potential(data, unravel(z) | unravel_s(s)))
    rng = np.random.default_rng([seed, 2])
    places, places_s = _places(moving), _places(fixed)
    layout = _layout(problem, places, blocks)
    probes = variances.probes((x.ravel() for x in places.values()), flat.size, np.random.default_rng([seed, 3]))
    mode = _settled(use, flat, spread, log_s, data, layout, probes)
    # again from elsewhere; with the same probes, so that what differs is where the search began
    moved = mode.root @ rng.standard_normal(log_s.size)
    elsewhere = jnp.asarray(mode.drawn(1, rng)[0] + mode.follow @ moved)
    try:
        again = _settled(use, elsewhere, jnp.asarray(mode.scale), mode.log_s + moved, data, layout, probes)
        disagreement = _disagreement(mode, again)
    except NoMode:
        disagreement = np.inf
    inner = None
    khat, worth = np.zeros(0), float(number)
    if blocks is not None:
        found = _corrected(problem, data, unravel, unravel_s(mode.log_s), mode, blocks.item, number, rng)
        inner, khat, worth = found.draws, found.khat, float(found.worth.min(initial=number))
    change = rng.standard_normal((number, mode.log_s.size)) @ mode.root.T
    z = mode.drawn(number, rng, inner) + change @ mode.follow.T
    draws = {name: z[:, where] for name, where in places.items()}
    draws |= {name: (np.asarray(mode.log_s) + change)[:, where] for name, where in places_s.items()}
    return Laplace(draws, mode.step, khat, mode.drift, disagreement, worth)


def _functions(potential: Callable[[Array, Array, Any], Array]) -> _Functions:
    gradient = jax.jit(jax.grad(potential))
    columns = arrowhead.columns_of(gradient)
    return _Functions(gradient, columns, variances.quadratic(potential), _search_of(potential))


def _settled(
    use: _Functions, start: Array, spread: Array, log_s: Array, data: Any, layout: Layout, probes: np.ndarray
) -> _Mode:
    """The mode given variances that are at their own mode, from a start for both. Raises NoMode."""
    at = use.search(start, spread, log_s, data)
    mode = _mode(use, at, log_s, data, layout)
    for _ in range(SETTLE_MAX if log_s.size else 0):
        step = variances.step(use.variances, mode.at, mode.log_s, data, mode.covered, probes)
        spreads = np.sqrt((step.root**2).sum(axis=1))
        drift = float(np.abs(step.change / spreads).max()) if step.known else np.inf
        mode = _stepped(use, mode, step, data)._replace(follow=step.follow, root=step.root, drift=drift)
        if drift < SETTLED:
            break
    return mode


def _mode(use: _Functions, at: Array, log_s: Array, data: Any, layout: Layout) -> _Mode:
    """The mode nearby given log s. Raises NoMode."""
    precision = arrowhead.hessian(use.columns, at, layout, log_s, data)
    try:
        factored = arrowhead.factor(precision)
    except np.linalg.LinAlgError as error:
        raise NoMode(FLAT) from error
    if not (precision.alone > 0).all():
        raise NoMode(FLAT)
    scale, placed = np.ones(at.size), _placed(layout)
    scale[placed] = arrowhead.spread(factored, at.size)[placed]
    scale[layout.alone] = 1 / np.sqrt(precision.alone)
    none = np.zeros((at.size, log_s.size)), np.zeros((log_s.size, log_s.size))
    found = _Mode(at, log_s, factored, scale, *none, 0.0, 0.0)
    at, last = _chord(use.gradient, found, data)
    return found._replace(at=at, step=last)


def _stepped(use: _Functions, mode: _Mode, step: variances.Step, data: Any) -> _Mode:
    """The mode after a step of log s, halved where there is none. Raises NoMode."""
    failed = NoMode(FLAT)
    for share in (1.0, 0.5, 0.25, 0.125):
        log_s = mode.log_s + share * step.change
        try:
            at = use.search(mode.at + share * step.follow @ step.change, mode.scale, log_s, data)
            return _mode(use, at, log_s, data, mode.factored.precision.layout)
        except NoMode as error:
            failed = error
    raise failed


def _disagreement(first: _Mode, second: _Mode) -> float:
    """The largest distance between two modes in spreads of the first, coordinates that are held left out."""
    of_s = np.sqrt((first.root**2).sum(axis=1))
    whole = np.sqrt(first.scale**2 + ((first.follow @ first.root) ** 2).sum(axis=1))
    rest = np.abs((second.at - first.at) / whole)[_placed(first.factored.precision.layout)]
    return float(np.concatenate([rest, np.abs((second.log_s - first.log_s) / of_s)]).max(initial=0.0))


def _search_of(potential: Callable[[Array, Array, Any], Array]) -> Callable[[Array, Array, Array, Any], Array]:
    """(start, spread, log s, data) -> the mode, nearly: L-BFGS on coordinates measured in their variational spreads."""
    method = optax.lbfgs()

    @jax.jit
    def run(start: Array, spread: Array, log_s: Array, data: Any) -> Array:
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

    return run


def _chord(gradient: Callable[..., Array], mode: _Mode, data: Any) -> tuple[Array, float]:
    """Newton's steps with the one Hessian, held coordinates in turn with the rest; mode and last step in spreads.

    In turn (Gauss & Seidel), for both at once need not converge.
    """
    at, step, held = mode.at, np.inf, mode.factored.precision.layout.alone
    for _ in range(CHORD_MAX):
        step = 0.0
        for turn in ("rest", "held"):
            slope = np.asarray(gradient(at, mode.log_s, data), float)
            if not np.isfinite(slope).all():
                raise NoMode(FAR)
            change = np.zeros_like(slope)
            if turn == "held":
                change[held] = mode.scale[held] ** 2 * slope[held]
            else:
                change = arrowhead.solve(mode.factored, slope)
            length = float(np.abs(change / mode.scale).max())
            change /= max(length, 1.0)  # beyond a spread the one Hessian says nothing
            step = max(step, length)
            at = at - change
        if step < STEP_MAX:
            break
    return at, step


def _corrected(
    problem: Problem, data: Any, unravel: Callable[[Array], Values], fixed: Values, mode: _Mode, plate: str,
    number: int, rng: np.random.Generator,
) -> psis.Corrected:  # fmt: skip
    """Deviations of blocks from the mode given the top, each block by its own density."""
    items = mode.factored.precision.layout.items

    @jax.jit
    def density(at: Array, inner: Array, data: Any) -> Array:
        return lax.map(lambda x: by_member(problem, data, unravel(at.at[items].add(x)) | fixed, plate), inner)

    root = np.linalg.inv(mode.factored.blocks).swapaxes(1, 2)
    normal = rng.standard_normal((PROPOSALS * number, *items.shape))
    return psis.corrected(
        lambda x: np.asarray(density(mode.at, jnp.asarray(x), data), float), root, normal, number, rng
    )


def _places(moving: Values) -> dict[str, np.ndarray]:
    """Where the coordinates of each site lie in the flat vector, in the site's own shape."""
    found, first = {}, 0
    for name in sorted(moving):
        shape = np.shape(moving[name])
        found[name] = first + np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
        first += found[name].size
    return found


def _layout(problem: Problem, places_of: dict[str, np.ndarray], blocks: Blocks | None) -> Layout:
    """Where the coordinates of shared, grouped and block sites lie in the flat vector."""
    members = 0 if blocks is None else len(blocks.group_of)
    groups = 0 if blocks is None else int(blocks.group_of.max()) + 1
    shared, by_group, by_item, alone = [], [], [], []
    for name, places in places_of.items():
        site = problem.sites[name]
        if site.held:
            alone.append(places.ravel())
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
        np.concatenate([none, *alone]),
    )


def _placed(layout: Layout) -> np.ndarray:
    return np.concatenate([layout.order, layout.items.ravel()]).astype(int)
