"""One bad future told by date: the first order refused, the shelf it emptied, the first bill unpaid, the breach."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from jax import Array

from scenarios.stress import Case, variant
from twin.assembly import Model
from twin.policies import replenish
from twin.simulate import Record, Run, nothing, simulate
from twin.state import Flows, State
from twin.tables import rows


@dataclass(frozen=True)
class Event:
    """Something that happened on a date, with the figures that say it."""

    kind: str  # refused, empty_shelf, overdue, breach, default, lowest_cash
    date: date
    day: int
    figures: dict[str, Any]

    def plain(self) -> dict[str, Any]:
        return asdict(self) | {"date": self.date.isoformat()}


def choose(run: Run) -> int:
    """Place of the future to tell: of those in default the one in the middle, else the one with least headroom."""
    default = run.series["default"]
    lost = default.any(-1)
    if not lost.any():
        return int(run.series["headroom"].min(-1).argmin())
    day = np.where(lost, default.argmax(-1), np.iinfo(np.int64).max)
    return int(np.argsort(day, kind="stable")[(lost.sum() - 1) // 2])


def _detail(state: State, flows: Flows) -> dict[str, Array]:
    return {
        "lost": flows.lost,
        "on_hand": state.goods.on_hand,
        "refused": flows.wished - flows.ordered,
        "overdue": state.dues.overdue,
        "arrears": state.dues.arrears,
        "default": state.ledger.default,
        "cash": flows.balances[0],
        "headroom": flows.headroom,
        "covenant": flows.covenant_value,
    }


DETAIL = Record(_detail, nothing, nothing)


def tell(model: Model, shocks: list[rows.Shock], scenario: str, draw: int, seed: int) -> list[Event]:
    """Play one future again in full detail and list what happened, by date."""
    mine, inputs = variant(model, shocks, Case(scenario, "joint"))
    run = simulate(
        mine.network, replenish, mine.policy, model.source, model.params, inputs, model.opening,
        np.array([draw]), seed=seed, record=DETAIL,
    )  # fmt: skip
    return sorted(events(model, {name: x[0] for name, x in run.series.items()}), key=lambda event: event.day)


def events(model: Model, detail: dict[str, np.ndarray]) -> list[Event]:
    """The events of one future. detail: arrays with a leading day axis."""
    s, dates = model.structure, model.calendar.dates
    found = []

    def note(kind: str, day: int, **figures: Any) -> None:
        found.append(Event(kind, dates[day], int(day), figures))

    refused = detail["refused"][:, [s.lane[lane] for lane in s.outside]]
    if refused.any():
        day = int(np.argmax(refused.any((1, 2))))
        lane, product = np.unravel_index(refused[day].argmax(), refused[day].shape)
        note("refused", day, supplier=s.outside[lane][0], node=s.outside[lane][1], product=s.products[product],
             units=int(refused[day, lane, product]))  # fmt: skip
        shelf = emptied(detail["lost"][day:, :, product])
        if shelf is not None:
            after, node = shelf
            note("empty_shelf", day + after, node=s.nodes[node], product=s.products[product],
                 units=int(detail["lost"][day + after, node, product]))  # fmt: skip
    unpaid = detail["overdue"].sum(-1) + detail["arrears"].sum(-1)
    if (unpaid > 0).any():
        day = int(np.argmax(unpaid > 0))
        note("overdue", day, amount=float(unpaid[day] / 100))
    n = model.network
    breach = (detail["covenant"] < n.threshold) & (model.inputs["base"].days.covenant_day > 0)
    if breach.any():
        day = int(np.argmax(breach.any(-1)))
        covenant = int(np.argmax(breach[day]))
        note("breach", day, covenant=model.company.covenants[covenant].covenant,
             value=float(detail["covenant"][day, covenant] / 100))  # fmt: skip
    if detail["default"].any():
        note("default", int(np.argmax(detail["default"])))
    day = int(detail["cash"].argmin())
    note("lowest_cash", day, amount=float(detail["cash"][day] / 100))
    return found


def emptied(lost: np.ndarray) -> tuple[int, int] | None:
    """First (day, node) with lost demand. lost: (day, node)."""
    if not lost.any():
        return None
    day = int(np.argmax(lost.any(-1)))
    return day, int(lost[day].argmax())
