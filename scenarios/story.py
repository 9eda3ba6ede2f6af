"""Futures worth telling: a bad one of the hardest scenario by date, and the middle one, played again in full detail.

By date: the first order refused, the shelf it emptied, the first bill unpaid, the breach.
"""

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jax import Array

from scenarios import store
from scenarios.stress import BASE, Case, variant
from twin.assembly import Model
from twin.engines import fastest
from twin.policies import replenish
from twin.record import Record, company_series, named, nothing
from twin.simulate import Run, simulate
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


class Told(NamedTuple):
    """The middle future of base and hardest scenario, its id, and the story of a bad one (None without scenarios)."""

    middle: list[Run]
    draw: int
    story: dict[str, Any] | None


def hardest(folder: Path, names: list[str]) -> str:
    """The scenario that fewest futures survive; between equals the one with the least headroom on average."""

    def measure(name: str) -> tuple[float, float]:
        survives, headroom = figures(folder, name, "survives", "lowest_headroom")
        return float(survives.mean()), float(headroom.mean())

    return min(names, key=measure)


def figures(folder: Path, scenario: str, *names: str) -> list[np.ndarray]:
    """One number per future of a joint case."""
    data = store.read(folder, "per_draw").sel(case=f"{scenario}/joint")
    return [np.asarray(data[name].values) for name in names]


def worst(default_day: np.ndarray, headroom: np.ndarray) -> int:
    """The future to tell: of those in default the one in the middle, else the one with least headroom."""
    lost = default_day >= 0
    if not lost.any():
        return int(headroom.argmin())
    day = np.where(lost, default_day, np.iinfo(np.int64).max)
    return int(np.argsort(day, kind="stable")[(lost.sum() - 1) // 2])


def middle(headroom: np.ndarray) -> int:
    """The future in the middle by lowest headroom."""
    return int(np.argsort(headroom, kind="stable")[(len(headroom) - 1) // 2])


def tell(model: Model, shocks: dict[str, list[rows.Shock]], folder: Path, name: str | None, seed: int) -> Told:
    """Choose the futures from a run's figures and play them again. name: the hardest scenario, if there is one."""
    default_day, headroom = figures(folder, name or BASE, "default_day", "lowest_headroom")
    draw, roles = middle(headroom), [BASE] if name is None else [BASE, name]
    runs = [replay(model, shocks[role], role, draw, seed) for role in roles]
    if name is None:
        return Told(runs, draw, None)
    bad = worst(default_day, headroom)
    run = replay(model, shocks[name], name, bad, seed)
    detail = {key.removeprefix(PREFIX): x[0] for key, x in run.series.items() if key.startswith(PREFIX)}
    happened = sorted(events(model, detail), key=lambda event: event.day)
    return Told(runs, draw, {"scenario": name, "draw": bad, "events": [event.plain() for event in happened]})


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


PREFIX = "detail_"


def _everything(state: State, flows: Flows) -> dict[str, Array]:
    return company_series(state, flows) | {f"{PREFIX}{name}": x for name, x in _detail(state, flows).items()}


DETAIL = Record(_everything, nothing, nothing, named)


def replay(model: Model, shocks: list[rows.Shock], scenario: str, draw: int, seed: int) -> Run:
    """One future of a scenario again, with what every place did on every day."""
    mine, inputs = variant(model, shocks, Case(scenario, "joint"))
    return simulate(
        mine.network, replenish, mine.policy, model.source, model.params, inputs, model.opening,
        np.array([draw]), seed=seed, record=DETAIL, engine=fastest,
    )  # fmt: skip


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
