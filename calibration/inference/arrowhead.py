"""Normal laws whose precision is an arrow-head: blocks that know each other only through a few shared coordinates.

With items independent given what they share, the exact Hessian takes one Hessian-vector product for each shared
coordinate and each coordinate of one block, not of all of them; solving and drawing is block by block (CALIBRATION.md
2.2; the Schur complement).
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from scipy import linalg

# Hessian-vector products at a time.
_AT_ONCE = 4


class Layout(NamedTuple):
    """Places of coordinates in the flat vector. Classes are coordinates of which each item knows one class only."""

    shared: np.ndarray  # (shared,)
    classes: np.ndarray  # (class, own)
    items: np.ndarray  # (item, own)
    of_item: np.ndarray  # (item,) class
    alone: np.ndarray  # (alone,) not part of the arrow-head; they do not know each other

    @property
    def order(self) -> np.ndarray:
        """(top,) places of the top: the shared coordinates, then those of each class."""
        return np.concatenate([self.shared, self.classes.ravel()]).astype(int)

    def by_class(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(items of a class, where in the top the coordinates that they know stand), class by class."""
        shared, (classes, own) = len(self.shared), self.classes.shape
        for n in range(classes):
            known = np.concatenate([np.arange(shared), shared + n * own + np.arange(own)])
            yield np.flatnonzero(self.of_item == n), known


class ArrowHead(NamedTuple):
    """Precision [[top, cross'], [cross, blocks]]; top: shared, then classes one after the other. alone: curvatures.

    Of the top an item knows what is shared and its own class, and `cross` has no more: with two hundred classes of a
    hundred coordinates each the rest would be nearly all zeros.
    """

    layout: Layout
    top: np.ndarray  # (top, top)
    cross: np.ndarray  # (item, own, known), as `Layout.by_class` has them
    blocks: np.ndarray  # (item, own, own)
    alone: np.ndarray  # (alone,) given all the rest


Columns = Callable[[Array, Array, tuple[Any, ...]], Array]


def columns_of(gradient: Callable[..., Array]) -> Columns:
    """Compiled once for all points: (group, coordinate) sums of those columns of the Hessian that `places` names."""

    @jax.jit
    def columns(at: Array, places: Array, given: tuple[Any, ...]) -> Array:
        product = jax.linearize(lambda z: gradient(z, *given), at)[1]

        def column(where: Array) -> Array:
            return product(jnp.zeros_like(at).at[where].set(1.0, mode="drop"))

        return lax.map(column, places, batch_size=_AT_ONCE)

    return columns


def hessian(columns: Columns, at: Array, layout: Layout, *given: Any) -> ArrowHead:
    """Exact Hessian of what has this gradient(at, *given), by coloured products (Curtis, Powell & Reid 1974)."""
    shared, classes, items, _, alone = layout
    groups = [shared[n : n + 1] for n in range(len(shared))]
    groups += [classes[:, n] for n in range(classes.shape[1])] + [items[:, n] for n in range(items.shape[1])]
    groups += [alone]
    width = max((len(g) for g in groups), default=0)
    # padded with a place beyond the end, which is dropped
    places = np.full((len(groups), width), at.size)
    for n, group in enumerate(groups):
        places[n, : len(group)] = group

    found = np.asarray(columns(at, jnp.asarray(places), given))
    g, c, q = len(shared), *classes.shape
    order = layout.order
    top = np.zeros((len(order), len(order)))
    cross = np.zeros((*items.shape, g + q))
    blocks = np.zeros((*items.shape, items.shape[1]))
    for n in range(g):
        top[:, n] = found[n, order]
        cross[:, :, n] = found[n, items]
    top[:g, g:] = top[g:, :g].T
    for n in range(q):
        for k in range(c):
            top[g + k * q : g + (k + 1) * q, g + k * q + n] = found[g + n, classes[k]]
        if len(items):
            cross[:, :, g + n] = found[g + n, items]
    for n in range(items.shape[1]):
        blocks[:, :, n] = found[g + q + n, items]
    return ArrowHead(layout, (top + top.T) / 2, cross, (blocks + blocks.swapaxes(1, 2)) / 2, found[-1, alone])


class Factor(NamedTuple):
    """Cholesky factors of the blocks and of the Schur complement; pull = blocks^-1 cross."""

    precision: ArrowHead
    blocks: np.ndarray
    pull: np.ndarray
    schur: np.ndarray


def factor(precision: ArrowHead) -> Factor:
    """Raises numpy.linalg.LinAlgError where the precision is not positive definite."""
    blocks = np.linalg.cholesky(precision.blocks)
    pull = np.linalg.solve(precision.blocks, precision.cross) if len(blocks) else precision.cross
    schur = precision.top.copy()
    for members, known in precision.layout.by_class():
        schur[np.ix_(known, known)] -= np.tensordot(precision.cross[members], pull[members], ((0, 1), (0, 1)))
    return Factor(precision, blocks, pull, np.linalg.cholesky((schur + schur.T) / 2))


def solve(factor: Factor, right: np.ndarray) -> np.ndarray:
    """precision^-1 right; right: (.., size), flat as the layout places it; 0 where it places nothing."""
    layout, *_ = factor.precision
    rows = right.reshape(-1, right.shape[-1])
    inner = _block_solve(factor.precision.blocks, rows[:, layout.items])
    outer = rows[:, layout.order]
    for members, known in layout.by_class():
        outer[:, known] -= np.tensordot(inner[:, members], factor.precision.cross[members], ((1, 2), (0, 1)))
    top = linalg.cho_solve((factor.schur, True), outer.T).T
    found = np.zeros_like(rows)
    found[:, layout.order] = top
    found[:, layout.items] = inner - _pulled(factor, top)
    return found.reshape(right.shape)


def _pulled(factor: Factor, top: np.ndarray) -> np.ndarray:
    """(row, item, own) blocks^-1 cross times the top, (row, top)."""
    found = np.zeros((len(top), *factor.precision.layout.items.shape))
    for members, known in factor.precision.layout.by_class():
        found[:, members] = np.tensordot(top[:, known], factor.pull[members], (1, 2))
    return found


def _block_solve(blocks: np.ndarray, right: np.ndarray) -> np.ndarray:
    """right: (.., item, own)."""
    return np.moveaxis(np.linalg.solve(blocks, np.moveaxis(right, 0, -1)), -1, 0)


def draw_top(factor: Factor, normal: np.ndarray) -> np.ndarray:
    """(draw, top) of (draw, top) standard normal numbers."""
    return linalg.solve_triangular(factor.schur, normal.T, lower=True, trans="T").T


def draw_blocks(factor: Factor, normal: np.ndarray) -> np.ndarray:
    """(draw, item, own) of standard normal numbers of that shape, given the top."""
    return np.moveaxis(np.linalg.solve(factor.blocks.swapaxes(1, 2), np.moveaxis(normal, 0, 2)), 2, 0)


def drawn(
    factor: Factor, number: int, size: int, rng: np.random.Generator, inner: np.ndarray | None = None
) -> np.ndarray:
    """(draw, size) deviations from the mode; 0 where the layout places none.

    inner: (draw, item, own) of the blocks given the top, where they are known.
    """
    layout = factor.precision.layout
    found = np.zeros((number, size))
    top = draw_top(factor, rng.standard_normal((number, len(factor.precision.top))))
    found[:, layout.order] = top
    if inner is None:
        inner = draw_blocks(factor, rng.standard_normal((number, *layout.items.shape)))
    found[:, layout.items] = inner - _pulled(factor, top)
    return found


def spread(factor: Factor, size: int) -> np.ndarray:
    """(size,) standard deviations, as the layout places them; 1 where it has none."""
    layout = factor.precision.layout
    covariance = linalg.cho_solve((factor.schur, True), np.eye(len(layout.order)))
    found = np.ones(size)
    found[layout.order] = np.sqrt(np.diag(covariance))
    own = np.linalg.inv(factor.precision.blocks)
    for members, known in layout.by_class():
        pull = factor.pull[members]
        from_top = (pull @ covariance[np.ix_(known, known)] * pull).sum(axis=2)
        found[layout.items[members]] = np.sqrt(np.einsum("ipp->ip", own[members]) + from_top)
    return found
