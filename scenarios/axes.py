"""The space of shock vectors: one axis per scenario, how far it can go, and how plausible a distance is.

The severity of an axis is s >= 0 times its scenario as written. The declared prior: s = sigma z with z a standard
normal of which only the side z >= 0 hurts, sigma such that s = 1 is exceeded once in the scenario's `once_in` years.
Distance is Mahalanobis's, d^2 = z' R^-1 z, with one common correlation off the diagonal of R; a distance d is exceeded
in its own direction once in 1 / Phi(-d) years (first-order reliability: Hasofer & Lind, J. Eng. Mech. 100 (1974),
111-121).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from scenarios.composition import PLUS
from scenarios.points import FULL, Points
from twin.assembly import Model, terms_at
from twin.assembly.shocks import chosen, end
from twin.exogenous import Shock
from twin.tables import rows

ONCE_IN = 20.0  # years, for scenarios without a card: judgement
CAPACITIES = ("dispatch_capacity", "lane_capacity")


@dataclass(frozen=True)
class Axis:
    """One scenario as an axis.

    sigma: severity per unit of z; most: the severity at which it cannot get worse; shortened: days off the terms of the
    supplier that loses most at severity 1.
    """

    name: str
    sigma: float
    most: float
    shortened: int = 0


def stretched(row: rows.Shock) -> bool:
    """An outage grows longer with its severity, for a capacity cannot fall below 0."""
    return row.field in CAPACITIES and row.factor == 0


def days_less(row: rows.Shock, agreed: Mapping[str, int]) -> dict[str, int]:
    """Suppliers whose net days a terms shock shortens, and by how many days at severity 1. agreed: by supplier."""
    hit = chosen(row.supplier)
    less = {name: days - int(row.net_days or 0) for name, days in agreed.items() if hit is None or name in hit}
    return {name: days for name, days in less.items() if days > 0}


def axis(name: str, shocks: Sequence[rows.Shock], once_in: float, agreed: Mapping[str, int]) -> Axis:
    """agreed: net days by supplier. Terms that get longer hurt nobody: they go no further than written."""
    limits = [np.inf]
    less: dict[str, int] = {}
    for row in shocks:
        if row.field == "terms":
            less |= days_less(row, agreed)
            limits.append(max((agreed[name] / days for name, days in less.items()), default=1.0))
        if row.factor is not None and row.factor < 1 and not stretched(row):
            limits.append(1.0 / (1.0 - float(row.factor)))
        if row.field == "stock_loss" and row.add:
            limits.append(1.0 / float(row.add))
    return Axis(name, 1.0 / float(stats.norm.isf(1.0 / once_in)), float(min(limits)), max(less.values(), default=0))


@dataclass(frozen=True)
class Space:
    """Axes of one plan. owner: (severity,) the axis that each shock of the joined scenario belongs to, -1 for none."""

    axes: tuple[Axis, ...]
    shocks: tuple[rows.Shock, ...]  # of the joined scenario, sorted by id, terms apart
    owner: np.ndarray
    inverse: np.ndarray  # R^-1
    correlation: float
    terms: tuple[tuple[rows.Shock, int], ...] = ()  # terms shocks of the joined scenario, each with its axis

    @property
    def sigma(self) -> np.ndarray:
        return np.array([one.sigma for one in self.axes])

    @property
    def most(self) -> np.ndarray:
        """(axis,) the largest z that still makes a difference."""
        return np.array([one.most for one in self.axes]) / self.sigma

    def distance(self, z: np.ndarray) -> np.ndarray:
        """Mahalanobis. z: (.., axis)."""
        return np.asarray(np.sqrt(np.einsum("...i,ij,...j", z, self.inverse, z)))

    def points(self, model: Model, world_shocks: Mapping[str, Shock], z: np.ndarray, draws: np.ndarray) -> Points:
        """Every z in every future: leading axis (z, draw). world_shocks: the compiled shocks of the joined scenario."""
        s = np.maximum(z, 0.0) * self.sigma
        count = len(z)
        severities = np.full((count, len(self.owner)), 0.0)
        days = model.calendar.days
        change = {field: np.asarray(shock.change)[None] for field, shock in world_shocks.items()}
        hit = {field: np.asarray(shock.rows)[None] for field, shock in world_shocks.items()}
        place: dict[str, int] = {}
        for i, row in enumerate(self.shocks):
            k = place.setdefault(row.field, 0)
            place[row.field] += 1
            if self.owner[i] < 0:
                continue
            mine = s[:, self.owner[i]]
            severities[:, i] = FULL if stretched(row) else np.rint(FULL * mine)
            if stretched(row):
                change[row.field] = np.array(np.broadcast_to(change[row.field], (count, *change[row.field].shape[1:])))
                length = np.rint(mine * (min(end(row, days), days) - row.start))
                day = np.arange(days)
                out = (day >= row.start) & (day < row.start + length[:, None])
                change[row.field][:, :, k] = -FULL * out
        each = np.repeat(np.arange(count), len(draws))
        changes, terms = ({f: x if len(x) == 1 else x[each] for f, x in given.items()}
                          for given in (change, self.due_days(model, s)))  # fmt: skip
        return Points(changes, hit, severities[each], np.tile(draws, count), terms)

    def due_days(self, model: Model, s: np.ndarray) -> dict[str, np.ndarray]:
        """Fields of `Days` that terms decide, leading axis that of s: (vector, axis), or 1 without a terms shock."""
        scenario, vectors = [row for row, _ in self.terms], s if self.terms else s[:1]
        found = [terms_at(model, scenario, {row.shock: one[i] for row, i in self.terms}) for one in vectors]
        return {field: np.stack([days[field] for days in found]) for field in found[0]}


def space(
    scenarios: Mapping[str, Sequence[rows.Shock]],
    joined: Sequence[rows.Shock],
    severities: int,
    once_in: Mapping[str, float],
    agreed: Mapping[str, int],
    correlation: float = 0.0,
) -> Space:
    """Axes of scenarios that are played together as `joined` (composition.composed).

    Shocks of `joined` that belong to no scenario stay at severity 0. severities: places of the plan. once_in: years by
    scenario. agreed: net days by supplier. correlation: between any two axes, in [0, 1).
    """
    if not 0 <= correlation < 1:
        raise ValueError(f"correlation {correlation} must be in [0, 1)")
    axes = tuple(axis(name, shocks, once_in.get(name, ONCE_IN), agreed) for name, shocks in scenarios.items())
    of = {(row.scenario, row.shock): i for i, shocks in enumerate(scenarios.values()) for row in shocks}
    ordered = sorted(joined, key=lambda row: row.shock.encode())
    terms = tuple((row, i) for row in ordered if row.field == "terms" and (i := origin(row, of)) >= 0)
    ordered = [row for row in ordered if row.field != "terms"]
    owner = np.full(severities, -1)
    owner[: len(ordered)] = [origin(row, of) for row in ordered]
    matrix = np.full((len(axes), len(axes)), correlation) + (1 - correlation) * np.eye(len(axes))
    return Space(axes, tuple(ordered), owner, np.linalg.inv(matrix), correlation, terms)


def origin(row: rows.Shock, of: Mapping[tuple[str, str], int]) -> int:
    """The axis of a joined shock, by its scenario and its id before it was joined; -1 for a shock of no axis."""
    names = row.scenario.split(PLUS)
    return next((i for (scenario, shock), i in of.items()
                 if scenario in names and row.shock in (shock, f"{shock}-{scenario}")), -1)  # fmt: skip
