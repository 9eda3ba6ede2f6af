"""Companies of PEERS.md 3 with levels to be tuned: stores side by side, every product a repetition, all costs known.

Timing as in test_reference_goods.py: an order of their period t is ours of the close before, so l = L + 1 at stages
that face customers. In each place products 0 and 1 wait for stock, products 2 and 3 are lost without it.
"""

from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import stats

from kernels.bits import Pair, threefry2x32, uniform
from tests.twin import closed_forms as exact
from tests.twin.reference_shops import Place, normal_demand, shop
from twin.assembly import Model
from twin.exogenous import Luck, Params, Today
from twin.network import Network
from twin.record import Record, nothing
from twin.state import Flows, State, changed
from twin.tune.measures import Measure
from twin.tune.outcomes import Plan
from twin.tune.parameters import Dial, dial
from twin.tune.search import Effort, search

WARM_UP = 30
PRODUCTS = 4
MOST_COUNTED = 30  # Poisson(6) is larger with probability 1e-12
LOST = np.array([0.0, 0.0, 1e6, 1e6])


@dataclass(frozen=True)
class Cell:
    """One place to tune: demand of mean `mean` a day, normal with a deviation or Poisson (0); lead time L (OBD)."""

    name: str
    L: int
    penalty: float
    mean: float = 5.0
    deviation: float = 0.0
    holding: float = 1.0
    lost: bool = False

    @property
    def cover(self) -> tuple[float, float]:
        """Mean and deviation of the demand of L + 1 periods."""
        variance = self.deviation**2 if self.deviation else self.mean
        return self.mean * (self.L + 1), float(np.sqrt(variance * (self.L + 1)))


def mixed_demand(network: Network, params: Params, today: Today, key: Pair) -> Luck:
    """Normal where a deviation is given (params.demand_size), else Poisson; one uniform number for each."""
    normal = normal_demand(network, params, today, key)
    day = threefry2x32(key, (today.days.day.astype(jnp.uint32), jnp.uint32(1001)))
    by_node = threefry2x32(day, (network.node_hash[0], network.node_hash[1]))
    hashes = network.product_hash[0][None, :], network.product_hash[1][None, :]
    u = uniform(threefry2x32((by_node[0][:, None], by_node[1][:, None]), hashes))
    return changed(normal, demand=jnp.where(params.demand_size > 0, normal.demand, few(u, params.demand_mean)))


def few(u: Array, mean: Array) -> Array:
    """Poisson counts of small means by adding up probabilities, which costs a fraction of the general quantile."""
    point, below, count = jnp.exp(-mean), jnp.exp(-mean), jnp.zeros_like(u)
    for k in range(1, MOST_COUNTED):
        count = count + (u > below).astype(count.dtype)
        point = point * mean / k
        below = below + point
    return count


def cases(cells: list[Cell], days: int, more: list[Place] | None = None) -> Model:
    """A store for each cell, and other places as they come. Opening stock: the position, with nothing on the way."""
    places = [Place(c.name, c.mean, round(c.cover[0]), {c.L + 1: 1.0}, deviation=c.deviation) for c in cells]
    model = nothing_on_the_way(shop(places + (more or []), PRODUCTS, days))
    return replace(model, network=changed(model.network, lost_share=LOST))


def nothing_on_the_way(model: Model) -> Model:
    """Else the steady pipeline of the lanes lies beside a full shelf, and long lead times outlast the warm-up."""
    moving = ("transit", "in_transit", "slot_units", "latest_arrival")
    goods = model.opening.goods
    goods = changed(goods, **{name: np.zeros_like(getattr(goods, name)) for name in moving})
    return replace(model, opening=changed(model.opening, goods=goods))


def cost_record(model: Model, holding: np.ndarray, penalty: np.ndarray) -> Record:
    """Cost of each close by node: h x stock + p x backorders where they wait, h x stock + p x lost where not."""
    waits = np.asarray(LOST == 0, float)[None, :]

    def series(state: State, flows: Flows) -> dict[str, Array]:
        net = state.goods.on_hand - state.goods.backorders
        over = holding[:, None] * jnp.maximum(net, 0.0)
        short = penalty[:, None] * jnp.maximum(-net, 0.0)
        lost = penalty[:, None] * flows.lost
        return {
            "waits": jnp.sum((over + short) * waits, axis=1) / 2,
            "lost": jnp.sum((over + lost) * (1 - waits), axis=1) / 2,
        }

    def totals(state: State, flows: Flows) -> dict[str, Any]:
        return {}

    return Record(series, totals, nothing)


def total(batch: dict[str, Array]) -> Array:
    """(draw, 1): the sum over places of the mean cost a day."""
    daily = batch["waits"][:, WARM_UP:] + batch["lost"][:, WARM_UP:]
    return jnp.sum(jnp.mean(daily, axis=1), axis=1)[:, None]


COST = Measure("cost", "", total)


def rates(model: Model, cells: list[Cell]) -> tuple[np.ndarray, np.ndarray]:
    holding, penalty = np.zeros(len(model.structure.node)), np.zeros(len(model.structure.node))
    for cell in cells:
        holding[model.structure.node[cell.name]] = cell.holding
        penalty[model.structure.node[cell.name]] = cell.penalty
    return holding, penalty


def started(model: Model, cells: list[Cell], factor: float = 0.0) -> Model:
    """Levels at the mean of the cover demand and so many deviations above; no whole numbers, which would tie."""
    level = np.array(model.policy.order_up_to)
    for cell in cells:
        mean, deviation = cell.cover
        level[model.structure.node[cell.name]] = mean + factor * deviation + 0.01
    return replace(model, policy=changed(model.policy, order_up_to=level, reorder_point=level))


def stock_of(model: Model, cells: list[Cell]) -> Dial:
    """theta 2i is the safety factor of cell i where customers wait, theta 2i + 1 where they do not."""
    shape = (len(model.structure.node), PRODUCTS)
    unit, group = np.zeros(shape), np.zeros(shape, int)
    for i, cell in enumerate(cells):
        at = model.structure.node[cell.name]
        unit[at], group[at] = cell.cover[1], np.where(LOST == 0, 2 * i, 2 * i + 1)
    return dial(unit, group)


def tuned(plan: Plan, theta: dict[str, np.ndarray], count: int, effort: Effort, start: float = 1.0) -> np.ndarray:
    """(count,) safety factors found by gradient; thetas of the stock beyond them stay where they are."""
    place = theta | {"stock": np.append(np.full(count, start), theta["stock"][count:])}
    rest = np.zeros(len(theta["stock"]) - count)
    bounds = {"lower": {"stock": np.append(np.full(count, -3.0), rest)}}
    bounds |= {"upper": {"stock": np.append(np.full(count, 6.0), rest)}}
    return np.asarray(search(plan, place, COST, effort=effort, **bounds).theta["stock"][:count])


def gap(cell: Cell, factor: float) -> float:
    """Cost above the best one, as a share of it, by closed form; a Poisson level is rounded to whole units."""
    if cell.deviation:
        best, least = exact.base_stock_normal(cell.L + 1, cell.holding, cell.penalty, cell.mean, cell.deviation)
        mean, deviation = cell.cover
        z = factor + 0.01 / deviation
        over = z + (stats.norm.pdf(z) - z * stats.norm.sf(z))
        short = stats.norm.pdf(z) - z * stats.norm.sf(z)
        assert np.isclose(best, mean + deviation * stats.norm.ppf(cell.penalty / (cell.holding + cell.penalty)))
        return float(deviation * (cell.holding * over + cell.penalty * short) / least - 1)
    pmf = exact.poisson_pmf(cell.cover[0])
    level = round(cell.cover[0] + cell.cover[1] * factor)
    least = exact.cost(exact.best_level(cell.holding, cell.penalty, pmf), cell.holding, cell.penalty, pmf)
    return exact.cost(level, cell.holding, cell.penalty, pmf) / least - 1
