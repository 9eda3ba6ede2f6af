"""Step 6: what is due today is paid, in classes, from cash and the undrawn line; what is not paid stays owed."""

from functools import partial

import jax.numpy as jnp
from jax import Array

from kernels import rings
from kernels.stages import stage
from twin.day.setting import Notes, Setting, due_slot, headroom
from twin.ledger import balance
from twin.state import State, changed
from twin.terms import pay as serve

# The rows that pay each claim of network.CLAIMS.
PAID = ("accruals paid", "refund paid", "VAT paid", "income tax paid", "interest paid", "term loan repaid")


def pay(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    d, days = state.dues, s.days
    slot = due_slot(s, 0)
    interest = d.interest * days.pays_interest
    today = falling_due(state, s, jnp.sum(interest))
    trade = rings.read(d.payables, slot)
    # classes 1 to 3 are pairs of accounts, arrears before today's; then overdue suppliers, then today's bills
    classes = [claims[i : i + 2] for i in (0, 2, 4) for claims in (d.arrears, today)]
    liquidity = headroom(state, s)
    claims = [*classes, d.overdue, trade]
    paid, left = stage(days.day >= 0, partial(serve, arithmetic=s.arithmetic), liquidity, claims)
    by_claim = jnp.concatenate([paid[i] + paid[i + 1] for i in (0, 2, 4)])
    to_overdue, to_trade = paid[6], paid[7]
    # capex and dividends are the owners' choice: only from what is left, and what is not paid lapses
    capex = jnp.where(state.ledger.default, 0.0, jnp.minimum(days.capex, left))
    dividends = jnp.where(state.ledger.default, 0.0, jnp.minimum(days.dividends, left - capex))
    d = changed(
        d,
        arrears=d.arrears + today - by_claim,
        overdue=d.overdue - to_overdue + trade - to_trade,
        payables=rings.replace(d.payables, slot, jnp.zeros_like(trade)),
        accrued=rings.replace(d.accrued, slot, jnp.zeros((), jnp.float64)),
        taxes=rings.replace(d.taxes, slot, jnp.zeros(2, jnp.float64)),
        interest=d.interest - interest,
    )
    entries = {name: by_claim[i] for i, name in enumerate(PAID)} | {
        "operating expense": days.expenses,
        "income tax": days.taxes,
        "overdue paid": jnp.sum(to_overdue),
        "trade payables paid": jnp.sum(to_trade),
        "trade payables stretched": jnp.sum(trade - to_trade),
        "capital expenditure": capex,
        "dividends": dividends,
    }
    lapsed = days.capex + days.dividends - capex - dividends
    return changed(state, dues=d), notes.add(entries, paid=liquidity - left + capex + dividends, lapsed=lapsed)


def falling_due(state: State, s: Setting, interest: Array) -> Array:
    """(claim,) cents that fall due today on accounts 2100, 2150, 2200, 2210, 2300, 2500."""
    d, days, balances = state.dues, s.days, state.ledger.balances
    slot = due_slot(s, 0)
    declared = rings.read(d.taxes, slot)
    return jnp.stack(
        [
            rings.read(d.accrued, slot) + days.expenses,
            -balance(balances, 2150) - d.arrears[1],
            declared[0],
            declared[1] + days.taxes,
            interest,
            jnp.minimum(days.maturities, -balance(balances, 2500) - d.arrears[5]),
        ]
    )
