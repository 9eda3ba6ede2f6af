"""Step 2: what was due to arrive arrives; title to delivered goods passes here."""

import jax.numpy as jnp
from jax import Array, lax

from kernels import rings
from twin.day.setting import (
    Notes,
    Setting,
    by_destination,
    charge,
    held,
    input_vat,
    untitled,
)
from twin.ledger import part
from twin.network import from_outside, into_nodes
from twin.state import Ledger, State, changed
from twin.terms import bill


def receive(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    n, g, book = s.network, state.goods, state.ledger
    arrived = rings.read_rows(g.transit, lax.rem(s.days.day, jnp.int32(n.sizes.slots)))
    released = part(book.transit_value, arrived, g.in_transit, s.arithmetic)
    value, bought = released, released[n.outside]
    own = jnp.sum(released, axis=1)
    entries = by_destination(n, "transfer into a {}", own * n.internal)
    if n.sizes.titled:
        entries |= by_destination(n, "titled goods arrive at a {}", own * (1.0 - n.internal))
    if n.sizes.delivered:
        units = arrived[n.outside] * n.on_arrival[:, None]
        deposits = held(n, book.deposits)
        charged = bill(units, s.effective.cost, n.vat, deposits, untitled(n, g), s.arithmetic)
        state = charge(state, s, charged)
        value, bought = value + from_outside(n, charged.net), bought + charged.net
        entries |= input_vat(charged) | delivered(s, charged.net - charged.net_from_deposit, "")
        if n.sizes.deposits:
            entries |= delivered(s, charged.net_from_deposit, " from deposit")
    book = seen_costs(state.ledger, bought, arrived[n.outside])
    book = changed(
        book,
        stock_value=book.stock_value + into_nodes(n.sizes, value),
        transit_value=book.transit_value - released,
    )
    g = changed(g, on_hand=g.on_hand + into_nodes(n.sizes, arrived), in_transit=g.in_transit - arrived)
    return changed(state, goods=g, ledger=book), notes.add(entries, received=arrived)


def delivered(s: Setting, net: Array, how: str) -> dict[str, Array]:
    """Entries for delivered goods by kind of destination. net: (outside, product) cents."""
    lanes = jnp.zeros(s.network.sizes.lanes, net.dtype).at[s.network.outside].set(jnp.sum(net, axis=1))
    return by_destination(s.network, "delivered goods at a {}" + how, lanes)


def seen_costs(book: Ledger, bought: Array, units: Array) -> Ledger:
    """Widen the range of unit costs received, against which average costs are checked. (outside, product)."""
    unit_cost = bought / jnp.maximum(units, 1.0)
    low = jnp.min(jnp.where(units > 0, unit_cost, jnp.inf), axis=0)
    high = jnp.max(jnp.where(units > 0, unit_cost, 0.0), axis=0)
    return changed(book, cost_low=jnp.minimum(book.cost_low, low), cost_high=jnp.maximum(book.cost_high, high))
