"""One course of a company that counts as what happened, with its books at every origin, and forecasts from there.

Played week by week with the twin itself, so that the state at an origin is whole: goods on the way, dues, ledger. What
a company's own systems hold at a date is the same `State` where a connector builds it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from twin.assembly import Model
from twin.engines import Engine, xla
from twin.exogenous import Params
from twin.network import Network, level_slices
from twin.policies import Policy, View, replenish
from twin.record import Record, company_series, named, nothing
from twin.simulate import Inputs, Run, simulate
from twin.state import Flows, State, array, changed, pytree

WEEK = 7
# Weekly measures: the lines of the record whose sum they are, or the close of the week.
SUMS = {
    "receipts": ("cash_receipts",),
    "payments": ("cash_suppliers", "cash_expenses", "cash_taxes", "cash_interest", "cash_refunds"),
    "demand": ("demand",),
    "met": ("met",),
}
CLOSES = {"cash": "cash", "payables": "payables", "inventory": "inventory"}
MEASURES = (*SUMS, *CLOSES, "fill_rate")


@pytree
class Orders:
    """Orders as they were placed; a day beyond them orders nothing."""

    placed: Array = array("day node product", "unit", "orders of each day, counted from `first`")
    first: Array = array("", "day", "the first of these days", "int32")


def as_placed(orders: Orders, view: View) -> Array:
    """The policy that replays: goods and money follow from what was really ordered."""
    day = view.days.day - orders.first
    inside = (day >= 0) & (day < orders.placed.shape[0])
    return jnp.where(inside, orders.placed[jnp.clip(day, 0, orders.placed.shape[0] - 1)], 0.0)


class Reality(NamedTuple):
    """series: name -> (day,), money in cents. states: by day, at its opening. orders: (day, node, product) wished."""

    series: dict[str, np.ndarray]
    states: dict[int, State]
    orders: np.ndarray
    sales: np.ndarray  # (day, node, product) demand met
    demand: np.ndarray  # (day, node, product)


def _recorded(state: State, flows: Flows) -> dict[str, Array]:
    return company_series(state, flows) | {
        "wished": flows.wished, "sold_here": flows.met, "asked_here": flows.demand,
    }  # fmt: skip


WITH_ORDERS = Record(_recorded, nothing, nothing, named)
LINES = Record(company_series, nothing, nothing, named)


def between(inputs: Inputs, first: int, days: int) -> Inputs:
    """The days `first` .. first + days - 1 of a scenario; whatever day it is says the calendar, not the place."""
    cut: Callable[[Any], Any] = lambda tree: jax.tree.map(lambda x: x[first : first + days], tree)  # noqa: E731
    shocks = {name: changed(shock, change=cut(shock.change)) for name, shock in inputs.shocks.items()}
    return changed(inputs, days=cut(inputs.days), shocks=shocks, replay=cut(inputs.replay))


def live(
    model: Model, weeks: int, *, draw: int = 0, seed: int = 0, params: Params | None = None, engine: Engine = xla
) -> Reality:
    """Future `draw` of the base case, kept week by week. params: by default the tables', as if they were the truth."""
    state, states, parts = model.opening, {0: model.opening}, []
    for week in range(weeks):
        run = simulate(
            model.network, replenish, model.policy, model.source, model.params if params is None else params,
            between(model.inputs["base"], WEEK * week, WEEK), state, np.array([draw], np.uint32),
            seed=seed, record=WITH_ORDERS, engine=engine,
        )  # fmt: skip
        state = jax.tree.map(lambda x: x[0], run.closing)
        states[WEEK * (week + 1)] = state
        parts.append({name: x[0] for name, x in run.series.items()})
    series = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    wished, sales, demand = (series.pop(name) for name in ("wished", "sold_here", "asked_here"))
    return Reality(series, states, _by_node(model.network, wished), sales, demand)


def _by_node(network: Network, wished: np.ndarray) -> np.ndarray:
    """(day, node, product) from (day, lane, product): what each node asked of all its lanes."""
    parts = [
        wished[:, lanes].reshape(len(wished), level.nodes, level.fan_in, -1).sum(axis=2)
        for level, (_, lanes) in zip(network.sizes.levels, level_slices(network.sizes), strict=True)
    ]
    return np.concatenate(parts, axis=1)


def forecast(
    model: Model,
    params: Params,
    opening: State,
    first: int,
    days: int,
    draws: np.ndarray,
    *,
    orders: np.ndarray | None = None,
    seed: int = 1,
    engine: Engine = xla,
) -> dict[str, np.ndarray]:
    """Weekly measures, (draw, week), of `days` from the state at the opening of day `first`.

    orders: (day, node, product) from day `first` on: replay, which tries goods, money and demand (a node with several
    lanes divides them by its own shares and packs anew); None: closed loop, the twin orders for itself. params:
    leading axis posterior draw.
    """
    policy: Policy = replenish
    policy_params: Any = model.policy
    if orders is not None:
        with jax.enable_x64(True):
            placed, begun = jnp.asarray(orders, jnp.float64), jnp.asarray(first, jnp.int32)
        policy, policy_params = as_placed, Orders(placed=placed, first=begun)
    run: Run = simulate(
        model.network, policy, policy_params, model.source, params, between(model.inputs["base"], first, days),
        opening, draws, seed=seed, record=LINES, engine=engine,
    )  # fmt: skip
    return weekly(run.series)


def weekly(series: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """MEASURES by whole weeks, trailing axis week: sums of flows, closes of balances; payments positive; in cents."""
    weeks = series["cash"].shape[-1] // WEEK

    def cut(x: np.ndarray) -> np.ndarray:
        return x[..., : WEEK * weeks].reshape(*x.shape[:-1], weeks, WEEK)

    found = {name: sum(cut(series[line]).sum(axis=-1) for line in lines) for name, lines in SUMS.items()}
    found["payments"] = -found["payments"]
    found |= {name: cut(series[line])[..., -1] for name, line in CLOSES.items()}
    found["fill_rate"] = found["met"] / np.maximum(found["demand"], 1)
    return {name: np.asarray(value, float) for name, value in found.items()}
