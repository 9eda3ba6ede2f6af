"""Goals and limits in the user's words: numbers of a batch of futures, each with its interval.

A measure is a mean over futures, a ratio of two means (fill rate: LEDGER.md 6), or the mean of the worst futures
(conditional value at risk; Rockafellar & Uryasev, Journal of Risk 2 (2000), 21-41). Money is in currency units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from twin.assembly import Model
from twin.ledger import ACCOUNT
from twin.measures import YEAR
from twin.record import BALANCES, profit_weights
from twin.tune.conditional import Room, share_below
from twin.tune.outcomes import Outcome

CENTS = 100.0


@dataclass(frozen=True, eq=False)
class Measure:
    """top: outcome batch -> (draw, k); bottom: the same, for a ratio of means; worst: share of lowest futures.

    labels: what each of the k is for; "" where there is one for the whole company. room: of a probability, (draw,) what
    falls below 0. A future does or does not, a jump in the parameters, so that its path has no derivative: a batch with
    one holds a `conditional.probe` under "probes" and the measure's name.
    """

    name: str
    unit: str
    top: Callable[[Outcome], Array]
    bottom: Callable[[Outcome], Array] | None = None
    worst: float | None = None
    labels: tuple[str, ...] = ("",)
    room: Room | None = None

    def around(self, batch: Outcome) -> tuple[Array, Array]:
        """(k,) each: the constants about which `linear` is linear: value and mean bottom, or the quantile twice."""
        top = self.top(batch)
        if self.worst is not None:
            ordered = jnp.sort(top, axis=0)
            quantile = ordered[max(int(np.ceil(self.worst * top.shape[0])) - 1, 0)]
            return quantile, quantile
        ones = jnp.ones(top.shape[1], jnp.float64)
        if self.bottom is None:
            return jnp.zeros_like(ones), ones
        below = jnp.mean(self.bottom(batch), axis=0)
        below = jnp.where(below > 0, below, 1.0)
        return jnp.mean(top, axis=0) / below, below

    def linear(self, batch: Outcome, around: tuple[Array, Array]) -> Array:
        """(draw, k) one number per future whose mean is the measure, to first order about `around`."""
        top = self.top(batch)
        centre, scale = around
        if self.worst is not None:
            return centre[None, :] - jnp.maximum(centre[None, :] - top, 0.0) / self.worst
        if self.bottom is None:
            return top
        return centre[None, :] + (top - centre[None, :] * self.bottom(batch)) / scale[None, :]

    def value(self, batch: Outcome) -> Array:
        """(k,) the measure of a batch."""
        return jnp.mean(self.linear(batch, self.around(batch)), axis=0)


@dataclass(frozen=True)
class Limit:
    """A measure that must not fall below `least`, or not pass `most`; `scale` is what counts as a large miss."""

    measure: Measure
    least: float | None = None
    most: float | None = None
    scale: float = 1.0

    def slack(self, value: Any) -> Any:
        """By how much it holds, in units of `scale`; negative where it is missed. value: (.., k)."""
        if (self.least is None) == (self.most is None):
            raise ValueError(f"limit on {self.measure.name!r}: give either least or most")
        room = value - self.least if self.least is not None else self.most - value
        return room / self.scale


def _profits(batch: Outcome) -> Array:
    return (batch["amounts"] @ profit_weights())[:, None] / CENTS


def profit() -> Measure:
    """Profit of the horizon after interest and tax, by the ledger; stock left over counts at cost."""
    return Measure("profit", "money", _profits)


def cost() -> Measure:
    """Minus the profit: what there is to minimise, lost margin included."""
    return Measure("cost", "money", lambda batch: -_profits(batch))


def economic_value(rate: float) -> Measure:
    """Profit less `rate` a year on the capital that stock, receivables and payables tie up."""

    def values(batch: Outcome) -> Array:
        balances = batch["balances"]
        tied = sum(sign * _accounts(balances, codes) for sign, codes in _WORKING)
        return _profits(batch) - rate * jnp.sum(tied, axis=1)[:, None] / (YEAR * CENTS)

    return Measure("economic value", "money", values)


_WORKING = ((1.0, BALANCES["inventory"][1]), (1.0, BALANCES["receivables"][1]), (1.0, BALANCES["payables"][1]))


def _accounts(balances: Array, codes: tuple[int, ...]) -> Array:
    """(draw, day) sum of accounts, debit positive."""
    return jnp.sum(balances[:, :, np.asarray([ACCOUNT[code] for code in codes])], axis=-1)


def working_capital() -> Measure:
    """Average of stock, receivables and payables together."""

    def values(batch: Outcome) -> Array:
        tied = sum(sign * _accounts(batch["balances"], codes) for sign, codes in _WORKING)
        return jnp.mean(tied, axis=1)[:, None] / CENTS

    return Measure("working capital", "money", values)


def stock_value() -> Measure:
    """Average stock at cost, goods on the way included."""
    codes = BALANCES["inventory"][1]
    return Measure(
        "stock at cost", "money", lambda batch: jnp.mean(_accounts(batch["balances"], codes), axis=1)[:, None] / CENTS
    )


def average_cash() -> Measure:
    """Average of cash less revolver."""

    def values(batch: Outcome) -> Array:
        return jnp.mean(_accounts(batch["balances"], (1000, 2400)), axis=1)[:, None] / CENTS

    return Measure("net cash", "money", values)


def lowest_headroom(worst: float | None = 0.05) -> Measure:
    """Lowest headroom of the horizon, mean of the worst futures (None: of all)."""

    def values(batch: Outcome) -> Array:
        return jnp.min(batch["headroom"], axis=1)[:, None] / CENTS

    return Measure("lowest headroom", "money", values, worst=worst)


def lowest_covenant(model: Model, worst: float | None = 0.05) -> Measure:
    """Lowest distance above each covenant's threshold on its test days, mean of the worst futures."""
    tested = np.asarray(model.inputs["base"].days.covenant_day)
    threshold = np.asarray(model.network.threshold)

    def values(batch: Outcome) -> Array:
        room = jnp.where(tested[None] > 0, batch["covenant_value"] - threshold[None, None, :], jnp.inf)
        return jnp.min(room, axis=1) / CENTS

    names = tuple(str(row.covenant) for row in model.company.covenants)
    return Measure("covenant headroom", "money", values, worst=worst, labels=names)


def shortfall(minimum: float) -> Measure:
    """Probability that headroom falls below `minimum` on any day (LEDGER.md 6).

    Raises ValueError for a minimum that is not above 0: cash is never paid out below 0 (DAY.md), so nothing would.
    """
    if minimum <= 0:
        raise ValueError(f"minimum {minimum:g}: headroom is never below 0, so ask for more than that")
    name = "probability of shortfall"

    def room(batch: Outcome) -> Array:
        return jnp.min(batch["headroom"], axis=1) / CENTS - minimum

    def values(batch: Outcome) -> Array:
        if "probes" in batch:
            return share_below(**batch["probes"][name])[:, None]
        return (room(batch) < 0).astype(jnp.float64)[:, None]

    return Measure(name, "", values, room=room)


def fill_rate(model: Model, by: str = "company") -> Measure:
    """Share of customers' demand met from stock, in units. by: company, store or category."""
    weights, labels = _units_of(model, by)

    def total(field: str) -> Callable[[Outcome], Array]:
        return lambda batch: jnp.einsum("dnp,nkp->dk", batch[field], weights)

    return Measure("fill rate", "", total("met"), total("demand"), labels=labels)


def units_held(model: Model, by: str = "store") -> Measure:
    """Average units on hand, against a shelf's capacity."""
    weights, labels = _units_of(model, by)
    days = model.calendar.days

    def values(batch: Outcome) -> Array:
        return jnp.einsum("dnp,nkp->dk", batch["on_hand"], weights) / days

    return Measure("units on hand", "unit", values, labels=labels)


def stock_cost(model: Model, holding: np.ndarray, penalty: np.ndarray) -> Measure:
    """holding x units on hand + penalty x (units lost + backorders), a day. Both (node, product), money a unit."""
    days = model.calendar.days

    def values(batch: Outcome) -> Array:
        short = batch["lost"] + batch["backorders"]
        daily = batch["on_hand"] * holding[None] + short * penalty[None]
        return jnp.sum(daily, axis=(1, 2))[:, None] / days

    return Measure("stock cost", "money a day", values)


def _units_of(model: Model, by: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """0/1 weights (node, k, product) and the names of the k."""
    s, n = model.structure, model.network
    shape = (len(n.is_store), len(n.vat))
    if by == "company":
        return np.ones((shape[0], 1, shape[1])), ("",)
    if by == "store":
        stores = np.flatnonzero(np.asarray(n.is_store) > 0)
        weights = np.zeros((shape[0], len(stores), shape[1]))
        weights[stores, np.arange(len(stores))] = 1.0
        return weights, tuple(s.nodes[i] for i in stores)
    if by == "category":
        category = np.asarray(n.category)
        weights = np.broadcast_to(category[None, None] == np.arange(len(s.categories))[None, :, None], (
            shape[0], len(s.categories), shape[1])).astype(np.float64)  # fmt: skip
        return weights, tuple(s.categories)
    raise ValueError(f"by {by!r}: choose company, store or category")
