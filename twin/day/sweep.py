"""Steps 7 and 9: the revolver; step 9 first settles the trade bills that ordering made due today."""

import jax.numpy as jnp
from jax import Array

from kernels import rings
from twin import ledger
from twin.day.setting import Notes, Setting, credit_limit, due_slot, headroom
from twin.ledger import availability, balance
from twin.state import State, changed
from twin.terms import pay


def sweep(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    return use_revolver(state, notes, s, balance(state.ledger.balances, 1000))


def settle(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """Trade bills that step 8 made due today, then the sweep again."""
    d, slot = state.dues, due_slot(s, 0)
    trade = rings.read(d.payables, slot)
    (paid,), _ = pay(headroom(state, s), [trade], s.arithmetic)
    unpaid = trade - paid
    d = changed(d, overdue=d.overdue + unpaid, payables=rings.replace(d.payables, slot, jnp.zeros_like(trade)))
    total = jnp.sum(paid)
    entries = {"trade payables paid": total, "trade payables stretched": jnp.sum(unpaid)}
    notes = notes.add(entries, paid=notes.fields["paid"] + total)
    return use_revolver(changed(state, dues=d), notes, s, balance(state.ledger.balances, 1000) - total)


def use_revolver(state: State, notes: Notes, s: Setting, cash: Array) -> tuple[State, Notes]:
    """Draw or repay; notes the violation of "no draw while over the limit, never draw and repay at once"."""
    revolver = -balance(state.ledger.balances, 2400)
    limit = credit_limit(state, s)
    undrawn = availability(limit, revolver, state.ledger.default)
    drawn, repaid = ledger.sweep(cash, revolver, limit, undrawn, s.network.minimum_cash)
    wrong = jnp.where(revolver > limit, drawn, 0.0) + jnp.minimum(drawn, repaid)
    wrong = wrong + notes.fields.get("sweep_violation", jnp.zeros((), jnp.float64))
    return state, notes.add({"revolver drawn": drawn, "revolver repaid": repaid}, sweep_violation=wrong)
