"""Step 5: receivables due today are collected or written off; planned equity comes in."""

import jax.numpy as jnp

from kernels import rings
from twin.day.setting import Notes, Setting, due_slot
from twin.ledger import share
from twin.state import State, changed


def collect(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    n, d = s.network, state.dues
    today, tomorrow = due_slot(s, 0), due_slot(s, 1)
    due, bad = rings.read(d.receivables, today), rings.read(d.writeoffs, today)
    collected = share(due, jnp.broadcast_to(s.effective.collections, due.shape), s.arithmetic)
    fee = share(collected, n.fee, s.arithmetic)
    nothing = jnp.zeros_like(due)
    # what a collections shock holds back is due again tomorrow
    later = rings.replace(d.receivables, today, nothing)
    later = rings.replace(later, tomorrow, rings.read(later, tomorrow) + due - collected)
    d = changed(d, receivables=later, writeoffs=rings.replace(d.writeoffs, today, nothing))
    consumer = 1.0 - n.business
    entries = {
        "card settlement": (collected - fee) @ consumer,
        "card fee": fee @ consumer,
        "business collection": (collected - fee) @ n.business,
        "business collection fee": fee @ n.business,
        "write-off of card receivables": bad @ consumer,
        "write-off of business receivables": bad @ n.business,
        "equity paid in": s.days.equity,
    }
    return changed(state, dues=d), notes.add(entries)
