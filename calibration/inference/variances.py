"""Where the marginal law of variance parameters has its mode, and how wide it is: the rest integrated out.

Slope and curvature of log p(s | y) are means over the rest given s, here of Laplace's normal law with covariance V: the
slope is that of the joint density (Fisher), the curvature the joint one less the variance of the slope (Louis, JRSS B
44 (1982), 226). The slope g(z) of a scale of normal effects is quadratic in them, with Hessian A, so that, m the mode,

    E g = g(m) + tr(A V) / 2,    Cov(g, g') = grad g' V grad g' + tr(A V A' V) / 2,

traces site by site: exactly where a site has few coordinates, else by random signs (Hutchinson, Commun. Stat. Simul.
Comput. 18 (1989), 1059). Where the data say little of an effect its part of A V is close to a multiple of one, and
signs are exact too: there the curvature is a small difference of large figures, which draws of z do not find (8,000
draws: 1.6 % of the joint curvature off, where 0.5 % of it remains).

A mean-field fit has neither: it takes the rest for narrower than it is, so their own spread for a fraction of what it
is (a quarter, for the drift of a demand), and it creeps along what the data leave open.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

FEW, PROBES = 128, 32  # coordinates of a site that are all tried; else random directions in it
FARTHEST = 1.0  # of one step, in log s
LEAST_KNOWN = 0.002  # share of the curvature that the data leave, at least: less is noise of the probes


class Quadratic(NamedTuple):
    """What slopes of log s are made of at a mode; axes (s,), (s, s) and, by probe w with v = V w, (s,) or (s, z)."""

    at_mode: Callable[..., tuple[Array, Array, Array]]  # slope, its derivative by log s, its derivative by z
    probed: Callable[..., tuple[Array, Array, Array, Array]]  # w' A v, its derivative by log s, A w, A v


def quadratic(potential: Callable[[Array, Array, Any], Array]) -> Quadratic:
    """Compiled once for all points; what does not depend on s (mostly the likelihood) is not computed."""
    slope = jax.grad(potential, argnums=1)

    def by_z(z: Array, log_s: Array, data: Any) -> Array:
        return jax.jacfwd(jax.grad(potential), argnums=1)(z, log_s, data).T

    @jax.jit
    def at_mode(z: Array, log_s: Array, data: Any) -> tuple[Array, Array, Array]:
        return slope(z, log_s, data), jax.jacfwd(slope, argnums=1)(z, log_s, data), by_z(z, log_s, data)

    @jax.jit
    def probed(z: Array, log_s: Array, data: Any, w: Array, v: Array) -> tuple[Array, Array, Array, Array]:
        def along(log_s: Array, direction: Array) -> Array:
            return jax.jvp(lambda z: by_z(z, log_s, data), (z,), (direction,))[1]

        def both(log_s: Array) -> Array:
            return along(log_s, v) @ w

        return both(log_s), jax.jacfwd(both)(log_s), along(log_s, w), along(log_s, v)

    return Quadratic(at_mode, probed)


class Step(NamedTuple):
    """To the mode of the marginal law. known: the law has the curvature of a maximum there."""

    change: np.ndarray  # (s,) of log s
    root: np.ndarray  # (s, s) of the covariance of log s
    follow: np.ndarray  # (z, s) d mode / d log s = -V d2U / dz d log s
    known: bool


def probes(sites: Iterable[np.ndarray], size: int, rng: np.random.Generator) -> np.ndarray:
    """(probe, z) whose sum of outer products has the unit matrix of every site as its mean; sites: places in z."""
    found = []
    for places in sites:
        few = len(places) <= FEW
        own = np.eye(len(places)) if few else rng.choice([-1.0, 1.0], (PROBES, len(places))) / np.sqrt(PROBES)
        whole = np.zeros((len(own), size))
        whole[:, places] = own
        found.append(whole)
    return np.concatenate(found)


def step(
    use: Quadratic, mode: Array, log_s: Array, data: Any, covered: Callable[[np.ndarray], np.ndarray],
    directions: np.ndarray,
) -> Step:  # fmt: skip
    """Newton's, downhill where the curvature is not that of a maximum (the saddle-free Newton of Dauphin et al. 2014).

    covered: (.., z) to V times it. directions: of `probes`.
    """
    slope, joint, gradient = (np.asarray(x) for x in use.at_mode(mode, log_s, data))
    pulled = covered(gradient)
    variance = gradient @ pulled.T
    for w, v in zip(directions, covered(directions), strict=True):
        found = use.probed(mode, log_s, data, jnp.asarray(w), jnp.asarray(v))
        trace, by_s, left, right = (np.asarray(x) for x in found)
        slope = slope + trace / 2
        joint = joint + by_s / 2
        variance = variance + left @ covered(right).T / 2
    unit = 1 / np.sqrt(np.maximum(np.diag(joint), 1.0))
    marginal = (joint - variance) * unit * unit[:, None]
    value, axis = np.linalg.eigh((marginal + marginal.T) / 2)
    root = unit[:, None] * axis / np.sqrt(np.maximum(value, LEAST_KNOWN))
    along = unit[:, None] * axis / np.sqrt(np.maximum(np.abs(value), LEAST_KNOWN))
    change = -(along @ (along.T @ slope)).clip(-FARTHEST, FARTHEST)
    return Step(change, root, -pulled.T, bool((value >= LEAST_KNOWN).all()))
