"""What service costs, and what it is worth to tune stock and money together.

A front of policies: each the best profit at one service level, found by gradient, in whole units, measured in exact
mode on fresh futures. Siloed: stock is tuned as if money were never short, then financed as it is.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from twin.assembly import Model
from twin.policies import Replenishment
from twin.state import changed
from twin.tune.figures import figures
from twin.tune.groups import By
from twin.tune.measures import Limit, fill_rate, profit
from twin.tune.search import Effort
from twin.tune.tuned import FRESH, Tuned, interval, played, tune

UNLIMITED_CENTS = 1e15
# what is compared: higher is better in all
AXES = ("fill_rate", "profit", "net_cash")
POINT = 0.01


@dataclass(frozen=True)
class Point:
    """A policy that can be run, with its figures by future, all points on the same fresh futures."""

    service: float
    policy: Replenishment
    figures: dict[str, np.ndarray]


def front(
    model: Model,
    services: tuple[float, ...],
    *,
    by: By = "store-product",
    effort: Effort,
    futures: int = 256,
    seed: int = 0,
) -> list[Point]:
    """Policies for rising service levels, each search starting from the last one's levels; none dominated."""
    points: list[Point] = []
    start = None
    for service in sorted(services):
        limit = Limit(fill_rate(model), least=service, scale=POINT)
        found: Tuned = tune(model, profit(), (limit,), by=by, start=start, effort=effort, futures=futures, seed=seed)
        start = np.asarray(found.after.order_up_to)
        points.append(Point(service, found.after, figures(found.end)))
    return undominated(points)


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
    """Value of tuning stock and money together: profit of the joint policy less the siloed one, by future."""

    joint: Replenishment
    siloed: Replenishment
    difference: np.ndarray

    @property
    def value(self) -> tuple[float, float, float]:
        """Mean and 95 % interval, currency units."""
        return interval(self.difference)


def joined(model: Model, *, by: By, effort: Effort, futures: int = 256, seed: int = 0) -> Joined:
    """Both tunings from the same start with the same futures; both policies run in the company as it is."""
    joint = tune(model, profit(), by=by, effort=effort, futures=futures, seed=seed)
    apart = tune(unlimited(model), profit(), by=by, effort=effort, futures=futures, seed=seed)
    fresh = np.arange(FRESH, FRESH + futures)
    financed = figures(played(model, apart.after, fresh, seed))
    return Joined(joint.after, apart.after, figures(joint.end)["profit"] - financed["profit"])
