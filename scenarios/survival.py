"""Time to survive and time to recover: how long each supplier and each place may be out before it hurts.

An outage of a supplier or a distribution centre is dispatch capacity 0; of a store, no delivery reaches it. The longest
outage that loses no demand, and the longest that keeps liquidity above the minimum, are found by halving on whole days,
future by future, against the same future without the outage. (Simchi-Levi et al., Interfaces 45 (2015), 375-390, name
the two times; there they are linear programmes of a mean flow, here they come from the whole day, money included.)
On a deterministic chain demand is lost for the first time (pipeline + stock) / rate days after the outage begins, and
the longest harmless outage is shorter by the lead time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels.bits import Pair, hash_id, seed_words, threefry2x32, uniform
from scenarios import statistics
from scenarios.points import FULL, Outcome, Points, days_of, outcomes, shared
from scenarios.statistics import Estimate
from twin.assembly import Model, assemble
from twin.assembly.shocks import severity_law
from twin.assembly.structure import Structure
from twin.tables import rows
from twin.tables.company import Company

SCENARIO = "outage"
START = 28
RECOVERY = "triangular(14, 28, 84)"  # days, judgement: two weeks to twelve, four most likely
RECOVERY_STREAM = 2  # beside LUCK and SEVERITIES of twin.exogenous
FIELDS = ("dispatch_capacity", "lane_capacity")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Survival:
    """One supplier or place. `open` counts futures in which even the longest outage is harmless."""

    place: str
    kind: str  # supplier, dc or store
    cover: Estimate  # days from the start of an outage that does not end to the first demand lost
    supply: Estimate  # longest outage without lost demand, days
    cash: Estimate  # longest outage without a breach of minimum liquidity, days
    supply_open: int
    cash_open: int
    recovery: Estimate  # days the place is out, given or sampled
    too_slow: Estimate  # share of futures whose recovery takes longer than supply survives
    lost_margin: Estimate  # price less cost of the demand lost in an outage of the time to recover, currency
    lost_cash: Estimate  # fall of the lowest liquidity in that outage, currency


def outages() -> list[rows.Shock]:
    """Every source and every lane out: what a plan must have room for."""
    row = {"scenario": SCENARIO, "start": START, "days": 1, "factor": 0}
    return [rows.Shock.model_validate(row | {"shock": field, "field": field}) for field in FIELDS]


def prepare(company: Company) -> Model:
    """The company compiled with room for an outage of any place."""
    return assemble(company, {SCENARIO: outages()})


def places(s: Structure) -> dict[str, str]:
    """Every supplier and own place by name, with its kind."""
    kinds = dict.fromkeys(s.suppliers, "supplier")
    return kinds | {name: "dc" if name in s.sources else "store" for name in s.nodes}


def survival(
    model: Model,
    draws: int = 16,
    *,
    start: int = START,
    most: int | None = None,
    recovery: dict[str, str] | str = RECOVERY,
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> list[Survival]:
    """Time to survive and what an outage of the time to recover costs, for every place, worst first.

    model: of `prepare`. most: longest outage that is tried, days (default: half of what is left after the start).
    recovery: a law of days for all places, or by place. Raises ValueError for a start beyond the horizon.
    """
    days = model.calendar.days
    if not 0 <= start < days - 1:
        raise ValueError(f"an outage cannot start on day {start} of {days}")
    most = (days - start) // 2 if most is None else most
    study = _Study(model, start, np.arange(draws, dtype=np.uint32), seed, progress)
    names = list(places(model.structure))
    longest = study.play("longest outage", np.full((len(names), draws), most))
    supply = _longest(lambda length: ~study.loses(study.play("supply", length)), most, (len(names), draws))
    cash = _longest(lambda length: ~study.short(study.play("cash", length)), most, (len(names), draws))
    law = {name: recovery if isinstance(recovery, str) else recovery.get(name, RECOVERY) for name in names}
    length = np.stack([recovery_days(law[name], name, draws, seed) for name in names])
    out = study.play("time to recover", np.minimum(length, days - start))
    found = [study.found(i, name, most, longest, supply, cash, length, out) for i, name in enumerate(names)]
    return sorted(found, key=lambda one: (-one.lost_margin.value, -one.lost_cash.value, one.place))


def _longest(harmless: Callable[[np.ndarray], np.ndarray], most: int, shape: tuple[int, int]) -> np.ndarray:
    """The longest harmless length in whole days, place by place and future by future; most + 1 where `most` is one."""
    low, high = np.zeros(shape, int), np.full(shape, most + 1)
    low = np.where(harmless(np.full(shape, most)), most, low)
    while (high - low > 1).any():
        middle = (low + high) // 2
        fine = harmless(middle)
        low, high = np.where(fine, middle, low), np.where(fine, high, middle)
    return np.where(low == most, most + 1, low)


def recovery_days(law: str, place: str, draws: int, seed: int) -> np.ndarray:
    """(draw,) whole days, each a quantile of the law at one uniform number of (seed, future, place)."""
    with jax.enable_x64(True):
        name = np.array(hash_id(place), np.uint32)
        u = np.asarray(_recovery_uniforms(seed_words(seed), name, np.arange(draws, dtype=np.uint32)))
    return np.maximum(np.rint(severity_law(law)(u)), 1).astype(int)


@jax.jit
def _recovery_uniforms(seed: Pair, place: Array, draws: Array) -> Array:
    key = threefry2x32(seed, (jnp.uint32(RECOVERY_STREAM), draws))
    return uniform(threefry2x32(key, (place[0], place[1])))


class _Study:
    """Outages of all places in all futures, beside the same futures without."""

    def __init__(self, model: Model, start: int, draws: np.ndarray, seed: int, progress: Progress) -> None:
        self.model, self.start, self.draws, self.seed, self.progress = model, start, draws, seed, progress
        self.world = shared(model, SCENARIO)
        self.names = list(places(model.structure))
        self.rows = {field: self._hit(field) for field in FIELDS if field in self.world.inputs.shocks}
        n = model.network
        self.floor = float(n.minimum_cash)
        self.margin = np.asarray(model.demand[2]).mean(axis=0) / 100 - np.asarray(n.standard_cost) / 100
        self.base = self._base()

    def _hit(self, field: str) -> np.ndarray:
        """(place, 1, row): which source or lane stands for each place."""
        s, (lanes, sources) = self.model.structure, self.model.capped
        if field == "dispatch_capacity":
            return np.array([[[float(x == name) for x in sources]] for name in self.names])
        into = [s.lanes[i] for i in lanes]
        closed = [name in s.nodes and name not in s.sources for name in self.names]
        return np.array([
            [[float(shut and lane is not None and lane[1] == name) for lane in into]]
            for name, shut in zip(self.names, closed, strict=True)
        ])  # fmt: skip

    def _points(self, place: np.ndarray, length: np.ndarray, draws: np.ndarray) -> Points:
        day = np.arange(self.model.calendar.days)
        out = (day >= self.start) & (day < self.start + length[:, None])
        shocks = self.world.inputs.shocks
        change = {field: np.zeros((1, *shock.change.shape)) for field, shock in shocks.items()}
        hit = {field: np.asarray(shock.rows)[None] * 0 for field, shock in shocks.items()}
        for field, mine in self.rows.items():
            change[field] = np.zeros((len(place), *shocks[field].change.shape))
            change[field][:, :, 0] = -FULL * out
            hit[field] = np.zeros((len(place), *shocks[field].rows.shape))
            hit[field][:, :1] = mine[place]
        severities = np.full((1, len(self.world.inputs.severities.probability)), FULL)
        return Points(change, hit, severities, draws, days_of(self.world))

    def _base(self) -> Outcome:
        none = np.zeros(len(self.draws), int)
        return outcomes(self.world, self.model.source, self._points(none, none, self.draws), seed=self.seed)

    def play(self, what: str, length: np.ndarray) -> Outcome:
        """Outages of length (place, draw); leading axes of the outcome are place and draw."""
        count, draws = length.shape
        place = np.repeat(np.arange(count), draws)
        points = self._points(place, length.ravel(), np.tile(self.draws, count))
        found = outcomes(self.world, self.model.source, points, seed=self.seed,
                         progress=lambda done: self.progress(what, done, place.size))  # fmt: skip
        return Outcome(*(x.reshape(count, draws, *x.shape[1:]) for x in found))

    def loses(self, found: Outcome) -> np.ndarray:
        """(place, draw): more of any product is unmet than without the outage."""
        return np.asarray((found.unmet > self.base.unmet).any(-1))

    def short(self, found: Outcome) -> np.ndarray:
        """(place, draw): liquidity falls below the minimum where it would not have, or further below."""
        return np.asarray(found.liquidity < np.minimum(self.floor, self.base.liquidity))

    def found(
        self, i: int, name: str, most: int, longest: Outcome, supply: np.ndarray, cash: np.ndarray,
        length: np.ndarray, out: Outcome,
    ) -> Survival:  # fmt: skip
        more = np.cumsum(longest.unmet_by_day[i] - self.base.unmet_by_day, axis=-1) > 0
        cover = np.where(more.any(-1), more.argmax(-1) - self.start, most)
        margin = np.maximum(out.unmet[i] - self.base.unmet, 0) @ self.margin / 100
        return Survival(
            place=name,
            kind=places(self.model.structure)[name],
            cover=statistics.mean(cover),
            supply=statistics.mean(np.minimum(supply[i], most)),
            cash=statistics.mean(np.minimum(cash[i], most)),
            supply_open=int((supply[i] > most).sum()),
            cash_open=int((cash[i] > most).sum()),
            recovery=statistics.mean(length[i]),
            too_slow=statistics.probability(length[i] > supply[i]),
            lost_margin=statistics.mean(margin),
            lost_cash=statistics.mean((self.base.liquidity - out.liquidity[i]) / 100),
        )


def plain(found: list[Survival]) -> list[dict[str, Any]]:
    """As JSON keeps it."""
    return [{name: list(x) if isinstance(x, Estimate) else x for name, x in vars(one).items()} for one in found]
