"""Step 4: returns, shrink, expiry, storage, in this order, each on what the one before left."""

import jax.numpy as jnp
from jax import Array

from twin import goods
from twin.day.setting import Notes, Setting, accrue, by_kind
from twin.ledger import part, priced
from twin.network import into_nodes
from twin.state import State, changed
from twin.terms import taxed


def age(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    n = s.network
    returned = shrunk = expired = jnp.zeros_like(state.goods.on_hand)
    if n.sizes.return_slots:
        state, notes, returned = take_back(state, notes, s)
    if n.sizes.shrink:
        rate = jnp.minimum(n.shrink_rate[None, :] + s.effective.stock_loss[:, None], 1e6)
        shrunk = goods.shrunk(state.goods.on_hand, rate, s.luck.shrink_w, s.arithmetic)
        state, notes = discard(state, notes, s, shrunk)
    if n.sizes.perishables:
        shelf = goods.Shelf(state.goods.received, state.goods.fresh)
        came = into_nodes(n.sizes, notes.fields["received"]) + returned
        shelf, expired = goods.age(n, shelf, state.goods.on_hand, came, s.days.day)
        state = changed(state, goods=changed(state.goods, received=shelf.received, fresh=shelf.fresh))
        state, notes = discard(state, notes, s, expired)
    if n.sizes.storage:
        cost = jnp.sum(priced(state.goods.on_hand, n.storage_rate, s.arithmetic))
        state, notes = accrue(state, notes, s, {"storage": cost})
    return state, notes.add({}, returned=returned, shrunk=shrunk, expired=expired)


def take_back(state: State, notes: Notes, s: Setting) -> tuple[State, Notes, Array]:
    """Customer returns: goods at the average (at standard cost if the node is empty), refund at the old price."""
    n, g, book = s.network, state.goods, state.ledger
    units = goods.returned(n, g.sold, s.days.day, s.luck.return_w, s.arithmetic)
    average = part(book.stock_value, units, g.on_hand, s.arithmetic)
    value = jnp.where(g.on_hand > 0, average, priced(units, n.standard_cost[None, :], s.arithmetic))
    slot = jnp.remainder(s.days.day - n.return_lag, n.sizes.return_slots)
    products = jnp.arange(n.sizes.products, dtype=slot.dtype)
    price = book.past_price.at[slot, products].get(mode="promise_in_bounds")
    net, vat = taxed(units, price[None, :], n.vat, s.arithmetic)
    entries = {"refund": jnp.sum(net), "refund VAT": jnp.sum(vat)} | by_kind(n, "returned goods, {}", value)
    g = changed(g, on_hand=g.on_hand + units)
    book = changed(book, stock_value=book.stock_value + value)
    return changed(state, goods=g, ledger=book), notes.add(entries), units


def discard(state: State, notes: Notes, s: Setting, units: Array) -> tuple[State, Notes]:
    """Units that are lost, at average cost, with their part of the write-down allowance."""
    g, book = state.goods, state.ledger
    value = part(book.stock_value, units, g.on_hand, s.arithmetic)
    entries = by_kind(s.network, "shrink, {}", value)
    if s.network.sizes.recoverable:
        release = part(book.allowance, units, g.on_hand, s.arithmetic)
        book = changed(book, allowance=book.allowance - release)
        entries["write-down reversed or released"] = jnp.sum(release)
    book = changed(book, stock_value=book.stock_value - value)
    return changed(state, goods=changed(g, on_hand=g.on_hand - units), ledger=book), notes.add(entries)
