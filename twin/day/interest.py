"""Step 1: interest, commitment fee and late-payment penalties on opening balances."""

import jax.numpy as jnp

from twin.day.setting import Notes, Setting
from twin.ledger import balance, interest
from twin.state import State, changed


def accrue_interest(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    n, days, dues, balances = s.network, s.days, state.dues, state.ledger.balances
    default = state.ledger.default
    principal = -jnp.stack([balance(balances, 2400), balance(balances, 2500)])
    rate = jnp.maximum(n.rate + s.effective.rate + jnp.where(default, n.default_margin, 0.0), 0.0)
    accrued = interest(principal, rate, days.interest_days, n.basis, s.arithmetic)
    undrawn = jnp.maximum(s.effective.commitment - principal[0], 0.0)
    fee = interest(undrawn, n.commitment_fee, days.interest_days[0], n.basis[0], s.arithmetic)
    fee = jnp.where(default, 0.0, fee)
    one = jnp.ones((), jnp.float64)
    penalty = interest(dues.overdue, n.penalty, one, 365.0 * one, s.arithmetic)
    dues = changed(dues, interest=dues.interest.at[0].add(fee) + accrued, overdue=dues.overdue + penalty)
    entries = {"interest": jnp.sum(accrued), "commitment fee": fee, "late-payment penalty": jnp.sum(penalty)}
    return changed(state, dues=dues), notes.add(entries, interest=accrued, rate=rate)
