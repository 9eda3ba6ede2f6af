"""Where the marginal law of variance parameters has its mode, and how wide it is: the rest integrated out.

Slope and curvature of log p(s | y) are means over draws of the rest given s, here of Laplace's law: the slope is that
of the joint density (Fisher), the curvature the joint one less the variance of the slope (Louis, JRSS B 44 (1982),
226). A mean-field fit has neither: it takes the rest for narrower than it is, so their own spread for a fraction of
what it is (a quarter, for the drift of a demand), and it creeps along what the data leave open.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

DRAWS, AT_ONCE = 8000, 250
FARTHEST = 1.0  # of one step, in log s
REMEMBERED = 6  # steps
FASTEST = 5.0  # times a step of Newton's
NOISE = 0.02  # of the largest turn: directions that turned less tell nothing
LEAST_KNOWN = 0.02  # share of the curvature that the data leave, at least: with so many draws less is noise

# (draws of the rest (draw, coordinate), log s, data) -> (draw, s) slopes, (s, s) mean curvature of -log p(rest, s, y).
Moments = Callable[[Array, Array, Any], tuple[Array, Array]]


def moments_of(potential: Callable[[Array, Array, Any], Array]) -> Moments:
    """Compiled once for all points; what does not depend on s (mostly the likelihood) is not computed."""

    @jax.jit
    def moments(draws: Array, log_s: Array, data: Any) -> tuple[Array, Array]:
        def one(z: Array) -> tuple[Array, Array]:
            slope = jax.grad(potential, argnums=1)
            return slope(z, log_s, data), jax.jacfwd(slope, argnums=1)(z, log_s, data)

        slopes, curvatures = lax.map(one, draws)
        return slopes, curvatures.mean(axis=0)

    return moments


class Step(NamedTuple):
    """To the mode of the marginal law: change of log s; root of its covariance."""

    change: np.ndarray
    root: np.ndarray


def step(moments: Moments, draw: Callable[[int], np.ndarray], log_s: Array, data: Any) -> Step:
    """Newton's. draw: so many draws of the rest given s."""
    parts = [moments(jnp.asarray(draw(AT_ONCE)), log_s, data) for _ in range(DRAWS // AT_ONCE)]
    slopes = np.concatenate([np.asarray(slope) for slope, _ in parts])
    joint = np.mean([np.asarray(curvature) for _, curvature in parts], axis=0)
    unit = 1 / np.sqrt(np.maximum(np.diag(joint), 1.0))
    marginal = (joint - np.atleast_2d(np.cov(slopes.T))) * unit * unit[:, None]
    value, axis = np.linalg.eigh((marginal + marginal.T) / 2)
    root = unit[:, None] * axis / np.sqrt(np.maximum(value, LEAST_KNOWN))
    change = -root @ (root.T @ slopes.mean(axis=0))
    return Step(change.clip(-FARTHEST, FARTHEST), root)


def accelerated(way: list[tuple[np.ndarray, np.ndarray]], unit: np.ndarray) -> np.ndarray:
    """The next change of log s, from the places passed and the changes proposed there, the last one last.

    Newton's steps are too short where the data say little, and shrink by a third only; what they did to each other
    tells how far to go (Walker & Ni, SIAM J. Numer. Anal. 49 (2011), 1715, eq. 2.2). unit: spreads of log s, in which
    a change is small or large.
    """
    places, changes = (np.stack(x) for x in zip(*way[-REMEMBERED:], strict=True))
    turns, moves = np.diff(changes, axis=0).T, np.diff(places, axis=0).T
    share = np.linalg.lstsq(turns / unit[:, None], changes[-1] / unit, rcond=NOISE)[0]
    newton, change = changes[-1] / unit, (changes[-1] - (moves + turns) @ share) / unit
    if newton @ change <= 0:  # what was learnt far away leads back
        change = newton
    most, length = FASTEST * float(np.linalg.norm(newton)), float(np.linalg.norm(change))
    change *= most / max(most, length, 1e-300)
    found: np.ndarray = (change * unit).clip(-FARTHEST, FARTHEST)
    return found
