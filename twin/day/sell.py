"""Step 3: demand meets stock; revenue, VAT, cost of goods sold, receivables by the legs of the terms."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels import rings
from twin import goods
from twin.day.setting import Notes, Setting, by_kind
from twin.ledger import part
from twin.state import Dues, Goods, Ledger, State, changed
from twin.terms import legs, taxed


def sell(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    n, g, book = s.network, state.goods, state.ledger
    sale = goods.sell(g.on_hand, g.backorders, s.luck.demand, n.lost_share, s.arithmetic)
    net, vat = taxed(sale.sold, s.effective.price[None, :], n.vat, s.arithmetic)
    cost = part(book.stock_value, sale.sold, g.on_hand, s.arithmetic)
    by_node = jnp.stack([jnp.sum(net, axis=1), jnp.sum(vat, axis=1)], axis=1)
    by_channel = jnp.matmul(n.channel, by_node, precision="highest")
    consumer, business = (1.0 - n.business) @ by_channel, n.business @ by_channel
    entries = {
        "consumer sale": consumer[0],
        "consumer sale VAT": consumer[1],
        "business sale": business[0],
        "business sale VAT": business[1],
    } | by_kind(n, "cost of sales, {}", cost)
    if n.sizes.recoverable:
        release = part(book.allowance, sale.sold, g.on_hand, s.arithmetic)
        book = changed(book, allowance=book.allowance - release)
        entries["write-down released by sales"] = jnp.sum(release)
    g, book = remember(g, book, s, sale.sold)
    g = changed(g, on_hand=g.on_hand - sale.sold, backorders=sale.backorders)
    book = changed(book, stock_value=book.stock_value - cost)
    state = State(
        goods=g, dues=bill_customers(state.dues, s, jnp.sum(by_channel, axis=1)), ledger=book, policy=state.policy
    )
    fields = {"demand": s.luck.demand, "met": sale.met, "sold": sale.sold, "lost": sale.lost}
    return state, notes.add(entries, **fields, revenue=consumer[0] + business[0])


def bill_customers(d: Dues, s: Setting, gross: Array) -> Dues:
    """The day's gross total of each channel over its legs: to be collected, or to be written off. gross: (channel,)."""
    n = s.network
    due = legs(gross, n.leg_share, s.arithmetic)
    slots = jnp.ravel(s.days.due_leg)
    channels = jnp.asarray(np.repeat(np.arange(n.sizes.channels), n.sizes.legs), slots.dtype)
    return changed(
        d,
        receivables=rings.add(d.receivables, slots, channels, jnp.ravel(due * (1.0 - n.leg_bad))),
        writeoffs=rings.add(d.writeoffs, slots, channels, jnp.ravel(due * n.leg_bad)),
    )


def remember(g: Goods, book: Ledger, s: Setting, sold: Array) -> tuple[Goods, Ledger]:
    """Keep today's sales and prices for the returns of later days."""
    if not s.network.sizes.return_slots:
        return g, book
    slot = lax.rem(s.days.day, jnp.int32(s.network.sizes.return_slots))
    past_price = rings.replace(book.past_price, slot, s.effective.price)
    return changed(g, sold=rings.replace(g.sold, slot, sold)), changed(book, past_price=past_price)
