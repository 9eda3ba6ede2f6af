"""Units: sell, age, wish, ration, ship. Goods never know money.

Axes (node, product) unless said; whole units in exact mode.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from kernels import rings
from kernels.ratio import Arithmetic
from kernels.ration import ration, split
from twin.network import Network, by_source, level_slices, per_lane


class Sale(NamedTuple):
    """What customers got and did not get."""

    served: Array  # old backorders delivered
    met: Array  # today's demand met
    lost: Array
    backorders: Array  # at the close

    @property
    def sold(self) -> Array:
        return self.served + self.met


def sell(on_hand: Array, backorders: Array, demand: Array, lost_share: Array, arithmetic: Arithmetic) -> Sale:
    """Old backorders first; of today's unmet demand a declared share is lost, the rest waits."""
    served = jnp.minimum(on_hand, backorders)
    met = jnp.minimum(on_hand - served, demand)
    unmet = demand - met
    lost = arithmetic.ratio_even(unmet * lost_share[None, :], 1e6)
    return Sale(served, met, lost, backorders - served + unmet - lost)


def returned(network: Network, sold: Array, day: Array, w: Array, arithmetic: Arithmetic) -> Array:
    """Units that come back today of what was sold `return_lag` days ago. sold: (return_slot, node, product)."""
    slots = network.sizes.return_slots
    slot = jnp.remainder(day - network.return_lag, slots)
    nodes = jnp.arange(sold.shape[1], dtype=slot.dtype)
    products = jnp.arange(sold.shape[2], dtype=slot.dtype)
    then = sold.at[slot[None, :], nodes[:, None], products[None, :]].get(mode="promise_in_bounds")
    return _chance(then * network.return_share[None, :], w, arithmetic)


def shrunk(on_hand: Array, rate: Array, w: Array, arithmetic: Arithmetic) -> Array:
    """Units lost to shrink: a share of stock, the fraction of a unit decided by w."""
    return jnp.minimum(on_hand, _chance(on_hand * rate, w, arithmetic))


def _chance(parts: Array, w: Array, arithmetic: Arithmetic) -> Array:
    """floor((parts + w) / 10^6): the mean is parts / 10^6, which is what the smooth mode takes."""
    return arithmetic.ratio(parts if arithmetic.name == "smooth" else parts + w, 1e6)


class Shelf(NamedTuple):
    """The age of stock: issues take the oldest units, so what is on hand is what was received last."""

    received: Array  # (life_slot, node, perishable)
    fresh: Array  # (node, perishable): received within the shelf life


def age(network: Network, shelf: Shelf, on_hand: Array, received: Array, day: Array) -> tuple[Shelf, Array]:
    """Units past their shelf life today, (node, product), after adding today's receipts and returns."""
    p = network.perishable
    slots = network.sizes.life_slots
    slot = jnp.remainder(day - network.shelf_life, slots)
    nodes = jnp.arange(shelf.received.shape[1], dtype=slot.dtype)
    columns = jnp.arange(shelf.received.shape[2], dtype=slot.dtype)
    past = shelf.received.at[slot[None, :], nodes[:, None], columns[None, :]].get(mode="promise_in_bounds")
    today = received[:, p]
    fresh = shelf.fresh - past + today
    expired = jnp.maximum(on_hand[:, p] - fresh, 0.0) * network.expires[None, :]
    ring = rings.replace(shelf.received, lax.rem(day, jnp.asarray(slots, day.dtype)), today)
    return Shelf(ring, fresh), jnp.zeros_like(on_hand).at[:, p].set(expired, unique_indices=True)


def wish(network: Network, orders: Array, open_lane: Array, level: int, arithmetic: Arithmetic) -> Array:
    """Divide the orders of one level's nodes over their lanes; minimum order, then up to the pack.

    orders: (node, product) of all nodes; open_lane: (lane,) bool, capacity today is positive.
    Returns (lane of the level, product).
    """
    nodes, lanes = level_slices(network.sizes)[level]
    shape = (network.sizes.levels[level].nodes, network.sizes.levels[level].fan_in, network.sizes.products)
    orders = orders[nodes]
    if shape[1] == 1:
        # one lane: it takes the whole order, by share or by rank alike
        parts = orders * network.carries[lanes]
    else:
        weights = jnp.reshape(network.sourcing_share[lanes], shape)
        carried = jnp.reshape(network.carries[lanes], shape) > 0
        rank = jnp.where(carried, jnp.reshape(network.sourcing_rank[lanes], shape), jnp.inf)
        usable = jnp.where(jnp.reshape(open_lane[lanes], shape[:2])[:, :, None], rank, jnp.inf)
        rank = jnp.where(jnp.all(jnp.isinf(usable), axis=1, keepdims=True), rank, usable)
        lowest = lax.argmin(rank, 1, jnp.int32)
        first = lowest[:, None, :] == jnp.arange(shape[1], dtype=jnp.int32)[None, :, None]
        chosen = jnp.where(first & carried, 1e6, 0.0)
        weights = jnp.where(network.by_rank[nodes][:, None, :] > 0, chosen, weights)
        parts = jnp.reshape(split(orders, weights, 1, arithmetic), (shape[0] * shape[1], shape[2]))
    return packed(parts, network.minimum[lanes], network.pack[lanes], arithmetic)


def packed(wishes: Array, minimum: Array, pack: Array, arithmetic: Arithmetic) -> Array:
    """A wish above 0 is raised to the minimum order, then up to a multiple of the pack."""
    if arithmetic.name == "smooth":
        return wishes
    raised = jnp.where(wishes > 0, jnp.maximum(wishes, minimum), 0.0)
    return pack * arithmetic.ratio(raised + pack - 1.0, pack)


def cut(wishes: Array, budget: Array, charge: Array, minimum: Array, pack: Array, arithmetic: Arithmetic) -> Array:
    """Scale wishes down to a budget: floor(wish x budget / charge), down to the pack, 0 below the minimum."""
    binds = charge > budget
    # units x currency units: the product may pass 2^53
    scaled = arithmetic.mul_div(wishes, jnp.where(binds, budget, 0.0), charge)
    if arithmetic.name == "exact":
        scaled = pack * arithmetic.ratio(scaled, pack)
        scaled = jnp.where(scaled >= minimum, scaled, 0.0)
    return jnp.where(binds, scaled, wishes)


def ship(
    network: Network,
    wanted: Array,
    on_hand: Array,
    lane_capacity: Array,
    source_capacity: Array,
    outside_ships: Array,
    arithmetic: Arithmetic,
) -> Array:
    """(lane, product) units that leave: stock, then lane capacity, then dispatch capacity, each rationing the last.

    wanted: (lane, product); lane_capacity: (capped_lane,); source_capacity: (capped_source,); outside_ships: () bool.
    """
    sizes = network.sizes
    leaving = jnp.where(outside_ships, wanted, 0.0)
    if sizes.sources:
        stocked = ration(on_hand[network.source_node], by_source(network, wanted), 1, arithmetic)
        leaving = jnp.where(network.internal[:, None] > 0, per_lane(network, stocked), leaving)
    if sizes.capped_lanes:
        rows = ration(lane_capacity, leaving[network.capped_lane], 1, arithmetic)
        leaving = leaving.at[network.capped_lane].set(rows, unique_indices=True)
    if sizes.capped_sources:
        real = network.capped_source_real[:, :, None]
        before = leaving[network.capped_source_lane] * real
        flat = jnp.reshape(before, (sizes.capped_sources, sizes.capped_fan_out * sizes.products))
        after = jnp.reshape(ration(source_capacity, flat, 1, arithmetic), before.shape)
        # padding points at lane 0 and adds nothing there
        leaving = leaving.at[network.capped_source_lane].add((after - before) * real)
    return leaving


def arrival_days(network: Network, day: Array, lead_time: Array, latest: Array, leaves: Array) -> tuple[Array, Array]:
    """(lane,) arrival day of what leaves today, and the latest arrival day of all that has left so far.

    A lane that may not cross never delivers before an earlier shipment. leaves: (lane,) bool.
    """
    arrival = day.astype(jnp.float64) + lead_time
    arrival = jnp.where(network.may_cross > 0, arrival, jnp.maximum(arrival, latest))
    return arrival, jnp.where(leaves, jnp.maximum(latest, arrival), latest)
