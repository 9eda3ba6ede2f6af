"""Reverse stress: the most plausible shocks that break a chosen line of the company.

Severities are moved along slopes to the nearest point, in the declared prior's distance, at which the line breaks
(the design point of first-order reliability: Rackwitz & Fiessler, Computers & Structures 9 (1978), 489-494), from many
starts; every step and every answer is simulated in exact mode. Answers are then clustered into families.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import stats
from scipy.cluster import hierarchy
from scipy.stats import qmc

from scenarios.axes import Space, stretched
from scenarios.points import FULL, Outcome, World, outcomes
from scenarios.slopes import slopes
from twin.assembly import Model

RAREST = 1000.0  # years: rarer than this is not plausible (judgement)
TIGHT = 0.004  # relative width of the bracket around each answer
SPREAD = 0.35  # cosine distance between families: about 50 degrees
COUNTS = 0.05  # share of the squared distance from which on a shock belongs to a family's name
SECANT_DAYS = 3
Progress = Callable[[str, int], None]


def liquidity(found: Outcome) -> Array:
    """Lowest cash and undrawn line less what is overdue, cents."""
    return found.liquidity


def covenants(found: Outcome) -> Array:
    """Lowest headroom to any covenant on a test day, cents."""
    return jnp.min(found.slack)


def fill(found: Outcome) -> Array:
    """Demand met / demand."""
    return found.fill


LINES: dict[str, Callable[[Outcome], Array]] = {"cash": liquidity, "covenant": covenants, "fill": fill}


@dataclass(frozen=True)
class Line:
    """What must not break: a figure of a future and the level below which it has; in which share of futures."""

    name: str  # cash, covenant or fill
    floor: float  # cents, or a share for fill
    share: float = 0.5

    def margins(self, found: Outcome) -> np.ndarray:
        """(point,) figure less floor."""
        if self.name == "covenant":
            return np.asarray(found.slack.min(axis=-1, initial=np.inf)) - self.floor
        return np.asarray(found.liquidity if self.name == "cash" else found.fill) - self.floor


@dataclass(frozen=True)
class Family:
    """Shock vectors that break the line in one way; the nearest stands for them."""

    axes: tuple[str, ...]  # by share of the squared distance, largest first
    severity: dict[str, float]  # times the scenario as written
    share: dict[str, float]  # of the squared distance
    distance: float
    margin: float  # of the line at the answer, below 0
    inside: float  # of the line 2 % nearer, above 0
    starts: int  # how many starts ended here

    @property
    def once_in(self) -> float:
        """Years: something as far in this direction happens once in so many."""
        return float(1.0 / stats.norm.sf(self.distance))


@dataclass(frozen=True)
class Reverse:
    """The answer: families, nearest first; none where nothing plausible breaks the line."""

    line: Line
    space: Space
    rarest: float  # years
    base: float  # margin without shocks
    worst: float  # smallest margin of all shock vectors that were tried at the edge of what is plausible
    families: tuple[Family, ...]
    contour: dict[str, Any] = field(default_factory=dict)  # axes, severities (point, 2) and distance (point,)
    plays: int = 0


class Search:
    """Margins of shock vectors z, in exact mode, over the futures that a verdict rests on."""

    def __init__(
        self, model: Model, world: World, space: Space, line: Line, draws: np.ndarray, seed: int, progress: Progress
    ) -> None:
        self.model, self.world, self.space, self.line = model, world, space, line
        self.draws, self.seed, self.progress, self.plays = draws, seed, progress, 0
        hit = {space.owner[i] for i, row in enumerate(space.shocks) if stretched(row)}
        self.secant = np.array(sorted(hit), int)
        self.smooth = np.array([i for i in range(len(space.axes)) if i not in hit], int)
        along = np.zeros((len(space.axes), len(space.owner)))
        for i, owner in enumerate(space.owner[: len(space.shocks)]):
            along[owner, i] = FULL * space.sigma[owner]
        self.along = along[self.smooth]

    def margins(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(z,) the margin that `share` of the futures are at or below, and the future that has it. z: (z, axis)."""
        points = self.space.points(self.model, self.world.inputs.shocks, z, self.draws)
        found = outcomes(self.world, self.model.source, points, seed=self.seed)
        self.plays += len(points.draws)
        self.progress("simulated", self.plays)
        each = self.line.margins(found).reshape(len(z), -1)
        rank = max(int(np.ceil(self.line.share * each.shape[1])) - 1, 0)
        order = np.argsort(each, axis=1, kind="stable")[:, rank]
        return np.take_along_axis(each, order[:, None], axis=1)[:, 0], self.draws[order]

    def gradient(self, z: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """(z, axis) slope of the margin: forward mode for severities, differences of whole days for outages."""
        found = np.zeros_like(z)
        if len(self.smooth):
            points = self.space.points(self.model, self.world.inputs.shocks, z, np.zeros(1, np.uint32))
            points = points._replace(draws=draw)
            found[:, self.smooth] = slopes(self.world, self.model.source, points, self.along, LINES[self.line.name],
                                           self.seed)  # fmt: skip
        for i in self.secant:
            days = max(row.days for row, owner in zip(self.space.shocks, self.space.owner, strict=False) if owner == i)
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
        if not hasattr(self, "_base"):
            self._base = float(self.margins(np.zeros((1, len(self.space.axes))))[0][0])
        return self._base


def starts(axes: int, more: int, seed: int) -> np.ndarray:
    """(start, axis) directions: every shock alone, every two, all, and a scrambled Sobol sample of the rest."""
    alone = np.eye(axes)
    pairs = [alone[i] + alone[j] for i in range(axes) for j in range(i)]
    sample = np.abs(stats.norm.ppf(qmc.Sobol(axes, rng=seed).random(more).clip(1e-6, 1 - 1e-6)))
    return np.concatenate([alone, *([np.array(pairs)] if pairs else []), np.ones((1, axes)), sample])


def reverse(
    model: Model, world: World, space: Space, line: Line, *, draws: int = 5, more: int = 16, rarest: float = RAREST,
    seed: int = 0, progress: Progress = lambda what, done: None,
) -> Reverse:  # fmt: skip
    """The families of most plausible shock vectors that break a line.

    draws: futures that a verdict rests on; the line is broken where `line.share` of them break it. more: starts beside
    single shocks and pairs, a power of 2. rarest: years beyond which nothing is called plausible.
    """
    search = Search(model, world, space, line, np.arange(draws, dtype=np.uint32), seed, progress)
    if search.base < 0:
        return Reverse(line, space, rarest, search.base, search.base, (), plays=search.plays)
    most = float(stats.norm.isf(1.0 / rarest))
    direction, edge = reached(search, search.unit(starts(len(space.axes), more, seed)), most)
    direction = direction[edge < 0]
    if not len(direction):
        return Reverse(line, space, rarest, search.base, float(edge.min()), (), plays=search.plays)
    z = search.at(direction, search.along_rays(direction, np.full(len(direction), most)))
    z = polled(search, descended(search, z))
    found = families(search, z)
    shown = contour(search, found, most)
    return Reverse(line, space, rarest, search.base, float(edge.min()), tuple(found), shown, search.plays)


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


def descended(search: Search, z: np.ndarray, rounds: int = 6) -> np.ndarray:
    """Each boundary point moved to the nearest one along slopes: the whole step, else half, until nothing is gained."""
    correlation = np.linalg.inv(search.space.inverse)
    active = np.arange(len(z))
    for _ in range(rounds):
        _, draw = search.margins(z[active])
        slope = search.gradient(z[active], draw)
        steepest = np.maximum(-slope @ correlation, 0.0)
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


def polled(search: Search, z: np.ndarray, rounds: int = 4) -> np.ndarray:
    """Slopes are blind to steps of the margin, so each distinct point also tries to lean to every axis and off it."""
    for _ in range(rounds):
        which = distinct(search, z)
        here, axes = z[which], len(search.space.axes)
        unit = search.unit(here)
        best = here.copy()
        for i in range(axes):
            for towards in (_dropped(unit, i), _leaned(unit, i, 0.25)):
                tried = improved(search, here, towards, 1 - 2 * TIGHT)
                nearer = search.space.distance(tried) < search.space.distance(best)
                best[nearer] = tried[nearer]
        gained = search.space.distance(best) < search.space.distance(here)
        z[which] = best
        if not gained.any():
            break
        z[which[gained]] = descended(search, z[which[gained]], 3)
    return z


def _dropped(unit: np.ndarray, i: int) -> np.ndarray:
    towards = unit.copy()
    towards[:, i] = 0.0
    return towards


def _leaned(unit: np.ndarray, i: int, by: float) -> np.ndarray:
    towards = unit.copy()
    towards[:, i] += by
    return towards


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


def distinct(search: Search, z: np.ndarray) -> np.ndarray:
    """Places of the nearest point of each cluster."""
    number, distance = clustered(search, z), search.space.distance(z)
    return np.array([min(np.flatnonzero(number == k), key=lambda i: distance[i]) for k in np.unique(number)])


def families(search: Search, z: np.ndarray) -> list[Family]:
    """Nearest first; points that are made of the same shocks are one family, the nearest stands for it."""
    share = contributions(search, z)
    names = np.array([one.name for one in search.space.axes])
    groups: dict[frozenset[str], list[int]] = {}
    for i in distinct(search, z):
        groups.setdefault(frozenset(names[share[i] >= COUNTS]), []).append(int(i))
    number, distance = clustered(search, z), search.space.distance(z)
    best = sorted((min(places, key=lambda i: distance[i]) for places in groups.values()), key=lambda i: distance[i])
    at, _ = search.margins(z[best])
    inside, _ = search.margins(0.98 * z[best])
    found = []
    for k, i in enumerate(best):
        ordered = [j for j in np.argsort(-share[i]) if share[i, j] >= COUNTS]
        found.append(Family(
            axes=tuple(str(names[j]) for j in ordered),
            severity={str(names[j]): float(z[i, j] * search.space.sigma[j]) for j in ordered},
            share={str(names[j]): float(share[i, j]) for j in ordered},
            distance=float(distance[i]),
            margin=float(at[k]),
            inside=float(inside[k]),
            starts=int(sum((number == number[j]).sum() for j in groups[frozenset(names[share[i] >= COUNTS])])),
        ))  # fmt: skip
    return found


def contour(search: Search, found: list[Family], most: float, angles: int = 9) -> dict[str, Any]:
    """Where the line breaks in the plane of the two shocks that count most: severities and distances."""
    weight = {one.name: sum(f.share.get(one.name, 0.0) / f.distance**2 for f in found) for one in search.space.axes}
    two = sorted(weight, key=lambda name: -weight[name])[:2]
    if len(two) < 2:
        return {}
    i, j = ([one.name for one in search.space.axes].index(name) for name in two)
    angle = np.linspace(0, np.pi / 2, angles)
    rays = np.zeros((angles, len(search.space.axes)))
    rays[:, i], rays[:, j] = np.cos(angle), np.sin(angle)
    rays = search.unit(rays)
    radius = search.along_rays(rays, np.full(angles, most))
    broken = np.isfinite(radius)
    z = search.at(rays[broken], radius[broken])
    severity = (z * search.space.sigma)[:, [i, j]]
    return {
        "axes": two,
        "severity": [list(map(float, pair)) for pair in severity],
        "distance": [float(d) for d in search.space.distance(z)],
    }


def plain(found: Reverse) -> dict[str, Any]:
    """As JSON keeps it; margins in the line's own unit, cents or a share."""
    families = [vars(one) | {"axes": list(one.axes), "once_in": one.once_in} for one in found.families]
    prior = [{"axis": one.name, "sigma": one.sigma} for one in found.space.axes]
    return {"families": families, "prior": prior, "rarest": found.rarest, "base": found.base, "worst": found.worst,
            "contour": found.contour, "plays": found.plays}  # fmt: skip
