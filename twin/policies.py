"""How much to order: a named parameter set and one function (parameters, view) -> orders.

A policy sees the View and nothing else: nothing of the future, nothing of the draw. Orders are (node, product) units;
the day rounds them to whole units and divides them over the node's lanes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from kernels.ratio import Arithmetic, ratio
from twin.network import Days, Network
from twin.state import array, pytree


class View(NamedTuple):
    """What a policy may see when it orders. Axes (node, product) unless said; units as in State."""

    on_hand: Array
    on_order: Array  # open and in transit, on lanes into the node
    backorders: Array
    position: Array  # on hand + on order - backorders - what the nodes below have ordered and not received
    expected_demand: Array  # units a day, calendar included
    price: Array  # (product,) 1/10000, today
    headroom: Array  # () cents, cash and undrawn line
    overdue: Array  # () cents, unpaid bills and arrears
    dues: Array  # (gate_day,) cents, known dues of the next days
    receipts: Array  # (gate_day,) cents, known receipts of the next days
    days: Days  # the calendar of today
    network: Network  # static features of nodes, products and lanes
    arithmetic: Arithmetic


Policy = Callable[[Any, View], Array]


@pytree
class Replenishment:
    """Classic rules, one per store-product: order when the position is at or below the reorder point."""

    reorder_point: Array = array("node product", "unit", "order when the position is at or below it")
    order_up_to: Array = array("node product", "unit", "the position that an order restores, where no lot is given")
    lot: Array = array("node product", "unit", "order in multiples of it until above the reorder point; 0: none")
    period: Array = array("node product", "day", "days between reviews")
    offset: Array = array("node product", "day", "day of the first review")


def replenish(parameters: Replenishment, view: View) -> Array:
    """Base stock (reorder point = order-up-to), (s, S) and (R, Q) in one rule; each row says which it is."""
    p = parameters
    due = jnp.remainder(view.days.day.astype(jnp.float64) - p.offset, p.period) == 0
    gap = jnp.where(p.lot > 0, jnp.maximum(p.reorder_point - view.position, 0.0), 0.0)
    lots = p.lot * (ratio(gap, jnp.where(p.lot > 0, p.lot, 1.0)) + 1.0)
    order = jnp.where(p.lot > 0, lots, p.order_up_to - view.position)
    return jnp.where(due & (view.position <= p.reorder_point), order, 0.0)
