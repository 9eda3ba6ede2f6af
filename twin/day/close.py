"""Step 10: write-downs, VAT, income tax, default tests, year close, borrowing base, and what the day reports."""

import jax.numpy as jnp
from jax import Array

from kernels.ratio import Arithmetic
from twin.day.setting import Notes, Setting, credit_limit, headroom, post
from twin.ledger import (
    BEFORE_TAX,
    PROFIT_AND_LOSS,
    balance,
    borrowing_base,
    equity,
    priced,
    profit,
    share,
)
from twin.network import Network
from twin.state import State, changed


def close(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    room, limit = headroom(state, s), credit_limit(state, s)
    if s.network.sizes.recoverable:
        state, notes = write_down(state, notes, s)
    state, notes = declare_vat(state, notes, s)
    state, notes = post(state, notes, s)
    state, notes = declare_tax(state, notes, s)
    state, notes = post(state, notes, s)
    state, values = test_default(state, s, room)
    balances = state.ledger.balances
    closing = {f"close {code}": -s.days.year_end * balance(balances, code) for code in PROFIT_AND_LOSS}
    state, notes = post(state, notes.add(closing), s)
    base = jnp.where(s.days.certificate_day > 0, certificate(s.network, state, s.arithmetic), state.ledger.base)
    state = changed(state, ledger=changed(state.ledger, base=base))
    return state, notes.add({}, headroom=room, limit=limit, covenant_value=values)


def write_down(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """Move the allowance to what stock is carried above its recoverable value."""
    n, book = s.network, state.ledger
    worth = priced(state.goods.on_hand, n.recoverable[None, :], s.arithmetic)
    target = jnp.maximum(book.stock_value - worth, 0.0)
    tested = (s.days.writedown_day * n.has_recoverable)[None, :] > 0
    change = jnp.where(tested, target - book.allowance, 0.0)
    entries = {
        "write-down": jnp.sum(jnp.maximum(change, 0.0)),
        "write-down reversed or released": jnp.sum(jnp.maximum(-change, 0.0)),
    }
    return changed(state, ledger=changed(book, allowance=book.allowance + change)), notes.add(entries)


def owe_tax(state: State, s: Setting, which: int, amount: Array) -> State:
    """VAT (0) or income tax (1) declared today falls due after its lag."""
    taxes = state.dues.taxes.at[s.days.due_tax[which], which].add(amount, mode="promise_in_bounds")
    return changed(state, dues=changed(state.dues, taxes=taxes))


def declare_vat(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """Output VAT not yet declared is offset against input VAT; the rest of a positive output is owed."""
    d, balances = state.dues, state.ledger.balances
    output = -balance(balances, 2200) - jnp.sum(d.taxes[:, 0]) - d.arrears[2]
    positive = jnp.maximum(output, 0.0) * s.days.vat_day
    offset = jnp.minimum(positive, balance(balances, 1400))
    return owe_tax(state, s, 0, positive - offset), notes.add({"VAT offset": offset})


def declare_tax(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    """Income tax on the profit since the last tax day, after losses carried forward."""
    book, due = state.ledger, s.days.tax_day > 0
    untaxed = book.untaxed_profit + profit(notes.posted, BEFORE_TAX)
    taxable = jnp.maximum(untaxed - book.losses, 0.0)
    tax = jnp.where(due, share(taxable, s.network.tax_rate, s.arithmetic), 0.0)
    losses = jnp.where(due, jnp.maximum(book.losses - untaxed, 0.0), book.losses)
    book = changed(book, untaxed_profit=jnp.where(due, 0.0, untaxed), losses=losses)
    return owe_tax(changed(state, ledger=book), s, 1, tax), notes.add({"income tax": tax})


def test_default(state: State, s: Setting, room: Array) -> tuple[State, Array]:
    """Cash-flow, balance-sheet and covenant tests; also returns the measured value of each covenant."""
    n, book, d = s.network, state.ledger, state.dues
    unpaid = jnp.sum(d.overdue) + jnp.sum(d.arrears)
    unpaid_closes = jnp.where(unpaid > 0, book.unpaid_closes + 1.0, 0.0)
    worth = equity(book.balances)
    values = jnp.where(n.on_headroom > 0, room, worth)
    counts = (book.breach_closes > 0) | (s.days.covenant_day > 0)
    breach_closes = jnp.where(counts & (values < n.threshold), book.breach_closes + 1.0, 0.0)
    fails = (unpaid_closes > n.grace) | ((n.balance_sheet_test > 0) & (worth < 0)) | jnp.any(breach_closes > n.cure)
    book = changed(book, unpaid_closes=unpaid_closes, breach_closes=breach_closes, default=book.default | fails)
    return changed(state, ledger=book), values


def certificate(n: Network, state: State, arithmetic: Arithmetic) -> Array:
    """The borrowing base as a certificate of this moment would state it."""
    d, book = state.dues, state.ledger
    receivables = jnp.sum(d.receivables, axis=0) + jnp.sum(d.writeoffs, axis=0)
    titled = jnp.sum(book.transit_value * (1.0 - n.internal)[:, None], axis=0)
    stock = jnp.sum(book.stock_value - book.allowance, axis=0) + n.base_in_transit * titled
    return borrowing_base(receivables, n.advance, stock, n.base_rate, n.base_reserves, arithmetic)
