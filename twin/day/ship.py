"""Step 8, second half: what leaves, rationed by stock, lane and dispatch capacity; FOB title, freight, lead times."""

import jax.numpy as jnp
from jax import Array, lax

from kernels import rings
from kernels.ratio import mul_div_even
from kernels.ration import split
from twin import goods
from twin.day.setting import Notes, Setting, accrue, charge, held, input_vat, untitled
from twin.ledger import part, priced
from twin.network import by_source, from_outside, out_of_nodes, per_lane
from twin.state import State, changed
from twin.terms import bill


def ship(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    n, g, e = s.network, state.goods, s.effective
    leaving = goods.ship(n, g.open, g.on_hand, e.lane_capacity, e.source_capacity, ~state.ledger.default, s.arithmetic)
    freight = priced(leaving, n.freight[:, None], s.arithmetic)
    if n.sizes.titled:
        state, notes = take_title(state, notes, s, leaving[n.outside], freight[n.outside])
    if n.sizes.sources:
        state, notes = transfer(state, notes, s, leaving)
        state, notes = accrue(state, notes, s, {"internal freight": n.internal @ jnp.sum(freight, axis=1)})
    state, overrun = send(state, s, leaving, notes.fields["received"])
    late = s.luck.capped @ (jnp.sum(leaving, axis=1) > 0).astype(leaving.dtype)
    return state, notes.add({}, shipped=leaving, overrun=overrun, capped=late)


def take_title(state: State, notes: Notes, s: Setting, leaving: Array, freight: Array) -> tuple[State, Notes]:
    """FOB: the bill at today's price and terms, and inbound freight as part of the cost. (outside, product)."""
    n = s.network
    ours = (1.0 - n.on_arrival)[:, None]
    units, freight = leaving * ours, freight * ours
    deposits, before = held(n, state.ledger.deposits), untitled(n, state.goods)
    charged = bill(units, s.effective.cost, n.vat, deposits, before, s.arithmetic)
    state = charge(state, s, charged)
    value = state.ledger.transit_value + from_outside(n, charged.net + freight)
    state = changed(state, ledger=changed(state.ledger, transit_value=value))
    state, notes = accrue(state, notes, s, {"inbound freight": jnp.sum(freight)})
    from_deposit = jnp.sum(charged.net_from_deposit)
    entries = {"titled goods": jnp.sum(charged.net) - from_deposit, "titled goods from deposit": from_deposit}
    return state, notes.add(entries | input_vat(charged))


def transfer(state: State, notes: Notes, s: Setting, leaving: Array) -> tuple[State, Notes]:
    """Own nodes ship to own nodes: units and their value leave the shelf; an allowance on them is released."""
    n, g, book = s.network, state.goods, state.ledger
    source = n.source_node
    units = by_source(n, leaving)
    total = jnp.sum(units, axis=1)
    stock = g.on_hand[source]
    value = part(book.stock_value[source], total, stock, s.arithmetic)
    over_lanes = per_lane(n, split(value, units, 1, s.arithmetic, of="value")) * n.internal[:, None]
    by_node, store = jnp.sum(value, axis=1), n.is_store[source]
    entries = {"transfer out of a dc": by_node @ (1.0 - store), "transfer out of a store": by_node @ store}
    allowance = book.allowance
    if n.sizes.recoverable:
        release = part(allowance[source], total, stock, s.arithmetic)
        allowance = allowance.at[source].add(-release, unique_indices=True)
        entries["write-down reversed or released"] = jnp.sum(release)
    book = changed(
        book,
        stock_value=book.stock_value.at[source].add(-value, unique_indices=True),
        transit_value=book.transit_value + over_lanes,
        allowance=allowance,
    )
    g = changed(g, on_hand=g.on_hand - out_of_nodes(n, leaving))
    return changed(state, goods=g, ledger=book), notes.add(entries)


def send(state: State, s: Setting, leaving: Array, arrived: Array) -> tuple[State, Array]:
    """Put what leaves on the way; also notes by how many days a lead time passed the slots that were planned."""
    n, g, day = s.network, state.goods, s.days.day
    slots = n.sizes.slots
    # a lead time is a whole number of days in either mode: it chooses a slot
    lead = jnp.maximum(mul_div_even(s.luck.lead_time, s.effective.lead_time, 1e6), 1.0)
    arrival, latest = goods.arrival_days(n, day, lead, g.latest_arrival, jnp.sum(leaving, axis=1) > 0)
    ahead = (arrival - day.astype(jnp.float64)).astype(jnp.int32)
    overrun = jnp.max(ahead) - (slots - 1)
    where = lax.rem(day + jnp.minimum(ahead, slots - 1), jnp.int32(slots))
    today = lax.rem(day, jnp.int32(slots))
    g = changed(
        g,
        open=g.open - leaving,
        in_transit=g.in_transit + leaving,
        transit=rings.turn(g.transit, today, arrived, where, leaving),
        slot_units=rings.turn(g.slot_units, today, jnp.sum(arrived, axis=1), where, jnp.sum(leaving, axis=1)),
        latest_arrival=latest,
    )
    return changed(state, goods=g), jnp.maximum(overrun, 0).astype(jnp.float64)
