"""What service costs, and what it is worth to tune stock and money together.

A front of policies: each the best profit at one service level, found by gradient, in whole units, measured in exact
mode on fresh futures. Siloed: stock is tuned as if money were never short, then financed as it is.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.assembly import Model
from twin.policies import Replenishment
from twin.state import changed
from twin.tune.figures import figures
from twin.tune.groups import By
from twin.tune.measures import Limit, fill_rate, profit
from twin.tune.search import Effort
from twin.tune.tuned import FRESH, Infeasible, interval, played, tune

UNLIMITED_CENTS = 1e15
# what is compared: higher is better in all
AXES = ("fill_rate", "profit", "net_cash")
POINT = 0.01
Steps = Callable[[str, int, int], None]  # what is searched for, steps done, steps in all


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Point:
    """A policy that can be run, with its figures by future, all points on the same fresh futures.

    service: the least fill rate that was asked for; None: none was.
    """

    service: float | None
    policy: Replenishment
    figures: dict[str, np.ndarray]


@dataclass(frozen=True)
class Front:
    """points: by rising service, none dominated. beaten: those that another point dominates.

    unmet: service levels that no policy was found for, with the least violation.
    """

    points: list[Point]
    beaten: list[Point]
    unmet: dict[float, str]


def front(
    model: Model,
    services: tuple[float, ...],
    best: Point,
    *,
    by: By,
    effort: Effort,
    futures: int = 256,
    seed: int = 0,
    progress: Steps = silent,
) -> Front:
    """Policies for rising service levels, from `best`, the one without a limit; each search starts from the last one.

    A level that the last policy reaches anyway is no point of its own.
    """
    points, unmet = [best], {}
    for service in sorted(services):
        last = points[-1]
        if last.figures["fill_rate"].mean() >= service:
            continue
        limit = Limit(fill_rate(model), least=service, scale=POINT)
        try:
            found = tune(
                model, profit(), (limit,), by=by, start=np.asarray(last.policy.order_up_to), effort=effort,
                futures=futures, seed=seed, progress=_named(f"{service:g}", progress),
            )  # fmt: skip
        except Infeasible as error:
            unmet[service] = str(error)
            continue
        points.append(Point(service, found.after, figures(found.end)))
    kept = undominated(points)
    return Front(kept, [point for point in points if point not in kept], unmet)


def undominated(points: list[Point]) -> list[Point]:
    """Without the points that another one beats in every axis, beyond the paired 95 % interval in one at least."""
    return [p for p in points if not any(dominates(q, p) for q in points if q is not p)]


def dominates(one: Point, other: Point) -> bool:
    """Nowhere worse in the mean, and somewhere better beyond the paired interval."""
    differences = [interval(one.figures[name] - other.figures[name]) for name in AXES]
    return all(mean >= 0 for mean, _, _ in differences) and any(low > 0 for _, low, _ in differences)


def unlimited(model: Model) -> Model:
    """The company as stock planners see it: no order is ever refused and nobody is ever paid late."""
    network = changed(
        model.network,
        commitment=np.asarray(UNLIMITED_CENTS),
        commitment_fee=np.zeros(()),
        has_base=np.zeros(()),
        credit_limit=np.full_like(model.network.credit_limit, np.inf),
    )
    return dataclasses.replace(model, network=network)


@dataclass(frozen=True)
class Joined:
    """The company as it is, with stock and money tuned together, and with stock tuned alone and financed afterwards."""

    today: Point
    joint: Point
    siloed: Point

    @property
    def difference(self) -> np.ndarray:
        """(draw,) profit of the joint policy less the siloed one, currency units."""
        return self.joint.figures["profit"] - self.siloed.figures["profit"]


def joined(
    model: Model, *, by: By, effort: Effort, futures: int = 256, seed: int = 0, progress: Steps = silent
) -> Joined:
    """Both tunings from the same start with the same futures; both policies run in the company as it is."""
    search: dict[str, Any] = {"by": by, "effort": effort, "futures": futures, "seed": seed}
    joint = tune(model, profit(), **search, progress=_named("joint", progress))
    apart = tune(unlimited(model), profit(), **search, progress=_named("siloed", progress))
    financed = played(model, apart.after, np.arange(FRESH, FRESH + futures), seed)
    return Joined(
        Point(None, joint.before, figures(joint.start)),
        Point(None, joint.after, figures(joint.end)),
        Point(None, apart.after, figures(financed)),
    )


def _named(what: str, progress: Steps) -> Callable[[int, int], None]:
    return lambda done, total: progress(what, done, total)
