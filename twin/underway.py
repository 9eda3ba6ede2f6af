"""Goods on the way at the opening whose day of dispatch is known: each future draws when they arrive.

A shipment that left before day 0 and has not arrived has its lane's lead time L, given L > age: a lead time drawn anew
would forget its age, and a day that is the same in all futures would be known to all of them. The opening state holds
these goods on the arrival days of the plan, where a replayed history and a lane whose lead time is certain keep them.
"""

import jax.numpy as jnp
from jax import Array

from kernels import quantiles, rings
from kernels.bits import Pair, threefry2x32, uniform
from twin.exogenous import RESIDUAL, Params
from twin.network import Network
from twin.state import Goods, array, changed, pytree


@pytree
class Underway:
    """Shipments by lane, then day of dispatch; what leaves a lane on one day travels together. Padding has no units.

    On a lane without crossing only the oldest shipment has an age: that it has not arrived is why those behind it have
    not, and says nothing of their own lead times.
    """

    lane: Array = array("shipment", "index", "the lane", "int32")
    dispatched: Array = array("shipment", "day", "day it left, below 0", "int32")
    age: Array = array("shipment", "day", "its lead time is known to be longer than this")
    planned: Array = array("shipment", "day", "arrival day of the plan", "int32")
    units: Array = array("shipment product", "unit", "units on the way")


def arrivals(network: Network, params: Params, underway: Underway, key: Pair) -> Array:
    """(shipment,) int32 day of arrival in the future of this key. params: of one posterior draw.

    Shipments whose law leaves nothing beyond their age arrive on day 0. Shocks touch only what leaves while they last.
    """
    lane = underway.lane
    event = threefry2x32(key, (underway.dispatched.astype(jnp.uint32), jnp.uint32(RESIDUAL)))
    of_lane = network.lane_hash[:, lane]
    u = uniform(threefry2x32(event, (of_lane[0], of_lane[1])))
    cdf = params.lead_cdf[lane]
    day = underway.dispatched + quantiles.exceeding(u, cdf, underway.age).astype(jnp.int32)
    day = jnp.where(network.may_cross[lane] > 0, day, _in_turn(day, lane))
    certain = jnp.all((cdf == 0) | (cdf == 1), axis=-1)
    return jnp.where(certain, underway.planned, day)


def _in_turn(day: Array, lane: Array) -> Array:
    """Nobody arrives before who left the same lane earlier: running maximum of day over equal neighbours in lane.

    By shifts of 1, 2, 4, .. rows, as `kernels.ration.running_sum`.
    """
    step = 1
    while step < len(lane):
        behind = jnp.maximum(day[step:], jnp.where(lane[step:] == lane[:-step], day[:-step], day[step:]))
        day = jnp.concatenate([day[:step], behind])
        step *= 2
    return day


def drawn(network: Network, params: Params, underway: Underway, goods: Goods, first: Array, key: Pair) -> Goods:
    """The goods of the opening with these shipments moved from the plan's days to those of this future.

    first: day on which the run begins; after day 0 the state itself holds what was drawn.
    """
    begins = first == 0
    units = jnp.where(begins, underway.units, 0.0)
    days = jnp.concatenate([underway.planned, arrivals(network, params, underway, key)])
    lanes, moved = jnp.concatenate([underway.lane] * 2), jnp.concatenate([-units, units])
    slot_units = rings.add(goods.slot_units, days, lanes, jnp.sum(moved, axis=1))
    slots = jnp.arange(network.sizes.slots, dtype=jnp.float64)[:, None]
    latest = jnp.max(jnp.where(slot_units > 0, slots, 0.0), axis=0)
    return changed(
        goods,
        transit=rings.add(goods.transit, days, lanes, moved),
        slot_units=slot_units,
        latest_arrival=jnp.where(begins, latest, goods.latest_arrival),
    )
