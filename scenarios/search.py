"""The search for design points: where a line breaks along a ray, and the way from there to where it breaks nearest.

Every margin is simulated in exact mode; slopes only choose directions (design points of first-order reliability:
Rackwitz & Fiessler, Computers & Structures 9 (1978), 489-494).
"""

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.cluster import hierarchy
from scipy.stats import qmc

from scenarios.axes import Space, stretched
from scenarios.lines import LINES, Line
from scenarios.points import FULL, World, outcomes
from scenarios.slopes import slopes
from twin.assembly import Model

TIGHT = 0.004  # relative width of the bracket around each answer
SPREAD = 0.35  # cosine distance between families: about 50 degrees
SECANT_DAYS = 3
LEAN = 0.25  # of a unit direction, when a point tries more of one shock
Progress = Callable[[str, int], None]


class Search:
    """Margins of shock vectors z, in exact mode, over the futures that a verdict rests on."""

    def __init__(
        self, model: Model, world: World, space: Space, line: Line, draws: np.ndarray, seed: int, progress: Progress
    ) -> None:
        self.model, self.world, self.space, self.line = model, world, space, line
        self.draws, self.seed, self.progress, self.plays = draws, seed, progress, 0
        # what counts whole days, of an outage or of terms, has steps for slopes: axis -> its days at severity 1
        mine = [(int(owner), i, row) for i, (owner, row) in enumerate(zip(space.owner, space.shocks, strict=False))
                if owner >= 0]  # fmt: skip
        whole = [(owner, row.days) for owner, _, row in mine if stretched(row)]
        whole += [(i, one.shortened) for i, one in enumerate(space.axes) if one.shortened]
        self.secant = {owner: max(days for other, days in whole if other == owner) for owner in sorted(dict(whole))}
        self.smooth = np.array([i for i in range(len(space.axes)) if i not in self.secant], int)
        along = np.zeros((len(space.axes), len(space.owner)))
        for owner, i, _ in mine:
            along[owner, i] = FULL * space.sigma[owner]
        self.along = along[self.smooth]
        self.known: dict[bytes, tuple[float, int]] = {}

    def margins(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(z,) the margin that `share` of the futures are at or below, and the future that has it. z: (z, axis)."""
        asked = [row.tobytes() for row in z]
        new = {key: row for key, row in zip(asked, z, strict=True) if key not in self.known}
        if new:
            points = self.space.points(self.model, self.world.inputs.shocks, np.stack(list(new.values())), self.draws)
            found = outcomes(self.world, self.model.source, points, seed=self.seed)
            self.plays += len(points.draws)
            self.progress("simulated", self.plays)
            each = self.line.margins(found).reshape(len(new), -1)
            rank = max(int(np.ceil(self.line.share * each.shape[1])) - 1, 0)
            order = np.argsort(each, axis=1, kind="stable")[:, rank]
            margin = np.take_along_axis(each, order[:, None], axis=1)[:, 0]
            self.known |= dict(zip(new, zip(margin, self.draws[order], strict=True), strict=True))
        margins, draws = zip(*(self.known[key] for key in asked), strict=True)
        return np.array(margins), np.array(draws)

    def gradient(self, z: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """(z, axis) slope of the margin: forward mode for severities, differences for what counts whole days."""
        found = np.zeros_like(z)
        if len(self.smooth):
            points = self.space.points(self.model, self.world.inputs.shocks, z, np.zeros(1, np.uint32))
            points = points._replace(draws=draw)
            found[:, self.smooth] = slopes(self.world, self.model.source, points, self.along, LINES[self.line.name],
                                           self.seed)  # fmt: skip
        for i, days in self.secant.items():
            step = SECANT_DAYS / days / self.space.sigma[i]
            near, far = z.copy(), z.copy()
            near[:, i] = np.maximum(z[:, i] - step, 0.0)
            far[:, i] = z[:, i] + step
            both, _ = self.margins(np.concatenate([near, far]))
            found[:, i] = (both[len(z) :] - both[: len(z)]) / (far - near)[:, i]
        return found

    def at(self, direction: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """(z, axis): so far along each direction, no axis beyond where it cannot get worse."""
        return np.minimum(direction * radius[:, None], self.space.most)

    def unit(self, z: np.ndarray) -> np.ndarray:
        return z / np.maximum(self.space.distance(z), 1e-300)[:, None]

    def along_rays(self, direction: np.ndarray, most: np.ndarray) -> np.ndarray:
        """(ray,) radius at which the line breaks, to TIGHT and from above; inf where it does not by `most`."""
        edge, _ = self.margins(self.at(direction, most))
        breaks = edge < 0
        low, high = np.zeros(len(most)), np.where(breaks, most, np.nan)
        below, above = np.where(breaks, edge, np.nan), np.full(len(most), self.base)
        open_ = breaks.copy()
        turn = 0
        while open_.any():
            which = np.flatnonzero(open_)
            guess = above[which] / (above[which] - below[which])
            # every third step halves, so that a step of the margin cannot stall the secant
            part = np.clip(guess, 0.02, 0.98) if turn % 3 else np.full(len(which), 0.5)
            radius = low[which] + part * (high[which] - low[which])
            margin, _ = self.margins(self.at(direction[which], radius))
            hit = margin < 0
            high[which], below[which] = np.where(hit, radius, high[which]), np.where(hit, margin, below[which])
            low[which], above[which] = np.where(hit, low[which], radius), np.where(hit, above[which], margin)
            open_ = breaks & ((high - low) > TIGHT * high)
            turn += 1
        return np.where(breaks, high, np.inf)

    @property
    def base(self) -> float:
        return float(self.margins(np.zeros((1, len(self.space.axes))))[0][0])


def starts(axes: int, more: int, seed: int) -> np.ndarray:
    """(start, axis) directions: every shock alone, every two, all, and a scrambled Sobol sample of the rest."""
    alone = np.eye(axes)
    pairs = [alone[i] + alone[j] for i in range(axes) for j in range(i)]
    sample = np.abs(stats.norm.ppf(qmc.Sobol(axes, rng=seed).random(more).clip(1e-6, 1 - 1e-6)))
    return np.concatenate([alone, *([np.array(pairs)] if pairs else []), np.ones((1, axes)), sample])


def reached(search: Search, direction: np.ndarray, most: float, rounds: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Directions that break the line at the edge of what is plausible, turned downhill on that edge where they do not.

    Returns the directions and their margins there.
    """
    limit = np.full(len(direction), most)
    edge, draw = search.margins(search.at(direction, limit))
    for _ in range(rounds):
        which = np.flatnonzero(edge >= 0)
        if not len(which):
            break
        steepest = np.maximum(-search.gradient(search.at(direction[which], limit[which]), draw[which]), 0.0)
        downhill = search.unit(np.where((steepest > 0).any(axis=1)[:, None], steepest, direction[which]))
        for turned in (downhill, search.unit(downhill + direction[which])):
            margin, future = search.margins(search.at(turned, limit[which]))
            better = margin < edge[which]
            direction[which[better]], edge[which[better]] = turned[better], margin[better]
            draw[which[better]] = future[better]
    return direction, edge


def improved(search: Search, z: np.ndarray, towards: np.ndarray, keep: float) -> np.ndarray:
    """z moved to each direction where the line breaks there at `keep` of the distance or nearer; else as it was."""
    distance = search.space.distance(z)
    there = search.at(search.unit(towards), keep * distance)
    usable = np.asarray((towards > 0).any(axis=1))
    margin, _ = search.margins(np.where(usable[:, None], there, 0.0))
    better = usable & (margin < 0)
    if not better.any():
        return z
    which = np.flatnonzero(better)
    rays = search.unit(towards[which])
    moved = z.copy()
    moved[which] = search.at(rays, search.along_rays(rays, keep * distance[which]))
    return moved


def descended(search: Search, z: np.ndarray, rounds: int = 6, within: bool = False) -> np.ndarray:
    """Each boundary point moved to the nearest one along slopes: the whole step, else half, until nothing is gained.

    within: only among the shocks that the point is made of already.
    """
    z = z.copy()
    correlation = np.linalg.inv(search.space.inverse)
    active = np.arange(len(z))
    for _ in range(rounds):
        _, draw = search.margins(z[active])
        slope = search.gradient(z[active], draw)
        steepest = np.maximum(-slope @ correlation, 0.0) * ((z[active] > 0) if within else 1.0)
        before = search.space.distance(z[active])
        unit = search.unit(np.where((steepest > 0).any(axis=1)[:, None], steepest, z[active]))
        moved = improved(search, z[active], unit, 1 - TIGHT)
        stuck = search.space.distance(moved) >= before
        half = search.unit(unit + search.unit(moved))
        moved[stuck] = improved(search, moved, half, 1 - TIGHT)[stuck]
        z[active] = moved
        active = active[search.space.distance(moved) < before * (1 - TIGHT)]
        if not len(active):
            break
    return z


def polled(search: Search, z: np.ndarray, rounds: int = 2) -> np.ndarray:
    """Slopes are blind to steps of the margin, so each distinct point also tries without and with more of every axis.

    A shock that is not needed is left out; a lean that breaks the line nearer is another way, beside the first.
    """
    for _ in range(rounds):
        which = distinct(search, z)
        here = z[which]
        axis = np.eye(here.shape[1])[:, None]
        unit = search.unit(here)
        towards = np.stack([unit * (1 - axis), unit + LEAN * axis])  # (way, axis, point, axis of z)
        # all ways in one call: blocks of futures are full
        tried = improved(
            search, np.broadcast_to(here, towards.shape).reshape(-1, here.shape[1]),
            towards.reshape(-1, here.shape[1]), 1 - 2 * TIGHT,
        )  # fmt: skip
        without, leaned = tried.reshape(towards.shape)
        best = without[search.space.distance(without).argmin(axis=0), np.arange(len(here))]
        nearer = search.space.distance(best) < search.space.distance(here)
        z[which[nearer]] = best[nearer]
        found = leaned[search.space.distance(leaned) < search.space.distance(here)]
        if not len(found):
            break
        z = np.concatenate([z, descended(search, found, 3)])
    return z


def contributions(search: Search, z: np.ndarray) -> np.ndarray:
    """(z, axis) share of each axis in the squared distance."""
    part = z * (z @ search.space.inverse)
    return np.maximum(part, 0.0) / np.maximum(part, 0.0).sum(axis=1, keepdims=True)


def clustered(search: Search, z: np.ndarray) -> np.ndarray:
    """(z,) number of the cluster, by the angle between directions; average linkage."""
    if len(z) == 1:
        return np.ones(1, int)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    return np.asarray(hierarchy.fcluster(hierarchy.linkage(unit, "average", "cosine"), SPREAD, "distance"))


def apart(z: np.ndarray) -> np.ndarray:
    """The points without those that differ from another one by a rounding only."""
    return z[np.sort(np.unique(np.round(z / TIGHT), axis=0, return_index=True)[1])]


def distinct(search: Search, z: np.ndarray) -> np.ndarray:
    """Places of the nearest point of each cluster."""
    number, distance = clustered(search, z), search.space.distance(z)
    return np.array([min(np.flatnonzero(number == k), key=lambda i: distance[i]) for k in np.unique(number)])
