"""Reverse stress: the most plausible shocks that break a chosen line of the company.

Severities are moved along slopes to the nearest point, in the declared prior's distance, at which the line breaks, from
many starts; every step and every answer is simulated in exact mode. Answers are clustered into families.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from scenarios.axes import Space
from scenarios.lines import Line
from scenarios.points import World
from scenarios.search import Progress, Search, apart, contributions, descended, polled, reached, starts
from twin.assembly import Model

RAREST = 1000.0  # years: rarer than this is not plausible (judgement)
COUNTS = 0.05  # share of the squared distance from which on a shock belongs to a family's name


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
    contour: dict[str, Any] = field(default_factory=dict)  # of `contour`
    plays: int = 0


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
    # the nearest of each start's own shocks is a way of its own, even where another shock would make it nearer
    own = descended(search, z, within=True)
    found = families(search, np.concatenate([own, polled(search, descended(search, apart(own)))]))
    shown = contour(search, found, most)
    return Reverse(line, space, rarest, search.base, float(edge.min()), tuple(found), shown, search.plays)


def families(search: Search, z: np.ndarray) -> list[Family]:
    """Nearest first; points made of the same shocks are one family, which the nearest stands for.

    A family that takes more shocks than another one and is no nearer is none.
    """
    share = contributions(search, z)
    names = np.array([one.name for one in search.space.axes])
    groups: dict[frozenset[str], list[int]] = {}
    for i in range(len(z)):
        groups.setdefault(frozenset(names[share[i] >= COUNTS]), []).append(i)
    distance = search.space.distance(z)
    nearest = {shocks: min(places, key=lambda i: distance[i]) for shocks, places in groups.items()}
    best = sorted(
        (i for shocks, i in nearest.items()
         if not any(less < shocks and distance[j] <= distance[i] for less, j in nearest.items())),
        key=lambda i: distance[i],
    )  # fmt: skip
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
            starts=len(groups[frozenset(names[share[i] >= COUNTS])]),
        ))  # fmt: skip
    return found


def contour(search: Search, found: list[Family], most: float, angles: int = 17) -> dict[str, Any]:
    """Where the line first breaks along rays in the plane of the two shocks that count most.

    axes: their names; severity: (ray, 2), None for a ray without a breach; distance: (ray,) likewise; metric: (2, 2),
    by which distances are measured in that plane, per sigma.
    """
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
    z = search.at(rays, np.where(broken, radius, 0.0))
    severity, distance = (z * search.space.sigma)[:, [i, j]], search.space.distance(z)
    return {
        "axes": two,
        "severity": [list(map(float, s)) if hit else None for s, hit in zip(severity, broken, strict=True)],
        "distance": [float(d) if hit else None for d, hit in zip(distance, broken, strict=True)],
        "metric": search.space.inverse[np.ix_([i, j], [i, j])].tolist(),
    }


def plain(found: Reverse) -> dict[str, Any]:
    """As JSON keeps it; margins in the line's own unit, cents or a share."""
    families = [vars(one) | {"axes": list(one.axes), "once_in": one.once_in} for one in found.families]
    prior = [{"axis": one.name, "sigma": one.sigma} for one in found.space.axes]
    return {"families": families, "prior": prior, "rarest": found.rarest, "base": found.base, "worst": found.worst,
            "contour": found.contour, "plays": found.plays}  # fmt: skip
