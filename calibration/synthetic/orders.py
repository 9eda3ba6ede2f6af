"""Purchase orders of a synthetic company: gamma lead times by lane, disruptions, short deliveries, open at the cut."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration.synthetic.truth import Settings

MEAN, SUPPLIER_SD, LANE_SD, SHAPE = 3.2, 0.45, 0.2, (1.6, 0.4)  # of log days, and of the log of the gamma's shape
EVERY = (10, 25)  # days between the orders of a lane
DISRUPTED, LASTS, SLOWER = 0.004, 28, 1.8  # probability a day, mean days, factor of the lead time
IN_FULL, SPLIT = 0.85, 0.1  # shares of orders delivered whole, and in two parts


@dataclass(frozen=True)
class Lane:
    """The law of one supplier and destination: lead time ~ Gamma(shape, mean / shape) days from order to receipt."""

    supplier: str
    node: str
    mean: float
    shape: float
    since: int  # first day of the relation


def orders(
    settings: Settings, seed: int, suppliers: int = 24, disruptions: bool = False
) -> tuple[list[Lane], pd.DataFrame]:
    """(the laws, order lines): one row a delivery, days counted from the first; what is not there yet is NaN.

    Every sixth supplier is new: 60 days old at the cut, so about half its orders are open (CALIBRATION.md 2.4).
    `true_received` is what the company cannot see at the cut: the day of an open order's delivery.
    """
    rng = np.random.default_rng([seed, 5])
    lanes: list[Lane] = []
    rows: list[dict[str, object]] = []
    for number in range(suppliers):
        name, level = f"supplier-{number + 1:02}", MEAN + rng.normal(0, SUPPLIER_SD)
        shape = float(np.exp(rng.normal(*SHAPE)))
        since = settings.days - 60 if number % 6 == 5 else 0
        slow = _disrupted(rng, settings.days) if disruptions else np.zeros(settings.days, bool)
        whole = float(rng.beta(20, 2))
        for dc in range(1, 1 + (rng.random() < 0.8) + 1):
            lane = Lane(name, f"dc-{dc}", float(np.exp(level + rng.normal(0, LANE_SD))), shape, since)
            lanes.append(lane)
            day = since + int(rng.integers(0, EVERY[0]))
            every = int(rng.integers(*EVERY))
            while day < settings.days:
                rows += _deliveries(rng, lane, len(rows), day, slow[day], whole, settings)
                day += every
    frame = pd.DataFrame(rows)
    later = frame["true_received"] >= settings.days
    frame["received"] = frame["true_received"].where(~later)
    frame["received_units"] = frame["true_units"].where(~later)
    frame["status"] = np.where(later, "open", "received")
    return lanes, frame


def _disrupted(rng: np.random.Generator, days: int) -> np.ndarray:
    """(day,) bool, a two-state Markov chain."""
    state, found = False, np.empty(days, bool)
    for day, u in enumerate(rng.random(days)):
        state = u >= 1 / LASTS if state else u < DISRUPTED
        found[day] = state
    return found


def _deliveries(
    rng: np.random.Generator, lane: Lane, number: int, day: int, slow: bool, whole: float, settings: Settings
) -> list[dict[str, object]]:
    """One row a delivery; time of day is continuous and rounded down to whole days."""
    units = int(rng.integers(50, 500))
    came = units if rng.random() < IN_FULL else int(rng.binomial(units, whole))
    parts = [came] if rng.random() >= SPLIT or came < 2 else [came // 2, came - came // 2]
    made: list[dict[str, object]] = []
    for part in parts:
        took = rng.gamma(lane.shape, lane.mean / lane.shape) * (SLOWER if slow else 1)
        made.append({
            "order_id": f"po-{number + 1:06}", "source": lane.supplier, "node": lane.node,
            "product": f"item-{rng.integers(1, settings.items + 1):04}" if not made else made[0]["product"],
            "ordered": day, "true_received": day + int(np.floor(took)), "true_units": part, "ordered_units": units,
            "true_days": took,
        })  # fmt: skip
    return made
