"""The company's money by hand: interest, collecting, paying in classes, the revolver, taxes, default, the cash gate.

Accounts and rules are those of twin/DAY.md; what the plain company does not have (deposits, capacities, covenants, a
borrowing base, planned capex) is left out.
"""

from typing import Any, NamedTuple

import numpy as np

from bench.peers.cents import half_even, serve
from bench.peers.luck import jit
from bench.peers.plain import Floats, Terms
from twin.ledger import ACCOUNT, BEFORE_TAX, PROFIT_AND_LOSS

CASH, RECEIVABLES, INPUT_VAT = ACCOUNT[1000], ACCOUNT[1100], ACCOUNT[1400]
AT_DCS, AT_STORES, ON_THE_WAY = ACCOUNT[1200], ACCOUNT[1210], ACCOUNT[1230]
PAYABLES, OVERDUE, ACCRUED, OUTPUT_VAT = ACCOUNT[2000], ACCOUNT[2010], ACCOUNT[2100], ACCOUNT[2200]
TAX_OWED, INTEREST_OWED, REVOLVER = ACCOUNT[2210], ACCOUNT[2300], ACCOUNT[2400]
RETAINED, REVENUE, COST_OF_SALES = ACCOUNT[3100], ACCOUNT[4000], ACCOUNT[5000]
EXPENSES, CARD_FEES, INTEREST, FEES, INCOME_TAX = (ACCOUNT[code] for code in (6000, 6010, 7000, 7020, 8000))
_CLAIMS = np.array([ACCOUNT[code] for code in (2100, 2150, 2200, 2210, 2300, 2500)])
_BEFORE_TAX = np.array([ACCOUNT[code] for code in BEFORE_TAX])
_PROFIT_AND_LOSS = np.array([ACCOUNT[code] for code in PROFIT_AND_LOSS])
# Scalars of `Books.few`.
ACCRUED_INTEREST, UNTAXED, LOSSES, DEFAULT, UNPAID_CLOSES = range(5)


class Books(NamedTuple):
    """Money that is carried from day to day, cents."""

    balances: Floats
    payables: Floats  # (due_slot, supplier)
    receivables: Floats  # (due_slot,)
    taxes: Floats  # (due_slot, tax)
    overdue: Floats  # (supplier,)
    arrears: Floats  # (claim,)
    few: Floats


@jit
def post(balances: Any, debit: int, credit: int, amount: float) -> None:
    balances[debit] += amount
    balances[credit] -= amount


@jit
def availability(t: Terms, b: Books) -> float:
    """The undrawn line."""
    return 0.0 if b.few[DEFAULT] > 0 else max(t.commitment + b.balances[REVOLVER], 0.0)


@jit
def headroom(t: Terms, b: Books) -> float:
    return max(b.balances[CASH], 0.0) + availability(t, b)


@jit
def accrue_interest(t: Terms, b: Books, day: int) -> None:
    """Step 1."""
    days, default = t.interest_days[day], b.few[DEFAULT] > 0
    rate = max(t.rate + (t.default_margin if default else 0.0), 0.0)
    owed = -b.balances[REVOLVER]
    interest = half_even(owed, rate * days, 1e6 * t.basis)
    fee = 0.0 if default else half_even(max(t.commitment - owed, 0.0), t.commitment_fee * days, 1e6 * t.basis)
    post(b.balances, INTEREST, INTEREST_OWED, interest)
    post(b.balances, FEES, INTEREST_OWED, fee)
    b.few[ACCRUED_INTEREST] += interest + fee
    for i in range(len(b.overdue)):
        penalty = half_even(b.overdue[i], t.penalty[i], 365e6)
        b.overdue[i] += penalty
        post(b.balances, FEES, OVERDUE, penalty)


@jit
def collect(t: Terms, b: Books, slot: int) -> None:
    """Step 5."""
    due = b.receivables[slot]
    b.receivables[slot] = 0.0
    fee = half_even(due, t.card_fee, 1e6)
    post(b.balances, CASH, RECEIVABLES, due - fee)
    post(b.balances, CARD_FEES, RECEIVABLES, fee)


@jit
def pay(t: Terms, b: Books, day: int, slot: int) -> None:
    """Step 6: six classes of claims from cash and the undrawn line; what is not paid stays owed."""
    interest = b.few[ACCRUED_INTEREST] * t.pays_interest[day]
    b.few[ACCRUED_INTEREST] -= interest
    today = np.zeros(len(_CLAIMS))
    today[0], today[2], today[3], today[4] = t.expenses[day], b.taxes[slot, 0], b.taxes[slot, 1], interest
    b.taxes[slot] = 0.0
    post(b.balances, EXPENSES, ACCRUED, t.expenses[day])
    left, paid = headroom(t, b), np.zeros(len(_CLAIMS))
    for i in (0, 2, 4):
        left = serve(left, b.arrears[i : i + 2], paid[i : i + 2])
        left = serve(left, today[i : i + 2], paid[i : i + 2])
    for i in range(len(_CLAIMS)):
        b.arrears[i] += today[i] - paid[i]
        post(b.balances, _CLAIMS[i], CASH, paid[i])
    late, bills = np.zeros(len(b.overdue)), np.zeros(len(b.overdue))
    left = serve(left, b.overdue, late)
    serve(left, b.payables[slot], bills)
    for i in range(len(b.overdue)):
        stretched = b.payables[slot, i] - bills[i]
        b.overdue[i] += stretched - late[i]
        b.payables[slot, i] = 0.0
        post(b.balances, OVERDUE, CASH, late[i])
        post(b.balances, PAYABLES, CASH, bills[i])
        post(b.balances, PAYABLES, OVERDUE, stretched)


@jit
def sweep(t: Terms, b: Books) -> None:
    """Steps 7 and 9: cure the over-advance, then restore minimum cash or repay."""
    cash, drawn = b.balances[CASH], -b.balances[REVOLVER]
    must = min(max(drawn - t.commitment, 0.0), max(cash, 0.0))
    draw = min(max(t.minimum_cash - (cash - must), 0.0), availability(t, b))
    may = min(drawn - must, max(cash - must - t.minimum_cash, 0.0))
    post(b.balances, CASH, REVOLVER, draw - must - may)


@jit
def unpaid(b: Books) -> float:
    return float(b.overdue.sum() + b.arrears.sum())


@jit
def gate_budget(t: Terms, b: Books, day: int, committed: float) -> float:
    """The lowest point of the next days: what the cash gate lets us spend."""
    slots, path, lowest = len(b.receivables), 0.0, 0.0
    for k in range(t.gate_plan.shape[1]):
        slot = (day + 1 + k) % slots
        due = b.receivables[slot]
        path += due - half_even(due, t.card_fee, 1e6) - b.taxes[slot, 0] - b.taxes[slot, 1]
        for i in range(len(b.overdue)):
            path -= b.payables[slot, i]
        ahead = path + t.gate_plan[day, k] - b.few[ACCRUED_INTEREST] * t.gate_interest[day, k]
        lowest = min(lowest, ahead)
    return headroom(t, b) - t.gate_buffer + lowest - unpaid(b) - committed


@jit
def _sum(balances: Any, accounts: Any) -> float:
    total = 0.0
    for account in accounts:
        total += balances[account]
    return total


@jit
def close(t: Terms, b: Books, day: int, profit_before: float) -> None:
    """Step 10: VAT, income tax, the default test, the year's close. profit_before: at the start of the day."""
    if t.vat_day[day] > 0:
        declared = b.arrears[2]
        for slot in range(len(b.taxes)):
            declared += b.taxes[slot, 0]
        output = max(-b.balances[OUTPUT_VAT] - declared, 0.0)
        offset = min(output, b.balances[INPUT_VAT])
        post(b.balances, OUTPUT_VAT, INPUT_VAT, offset)
        b.taxes[t.due_tax[day, 0], 0] += output - offset
    b.few[UNTAXED] += profit(b) - profit_before
    if t.tax_day[day] > 0:
        tax = half_even(max(b.few[UNTAXED] - b.few[LOSSES], 0.0), t.tax_rate, 1e6)
        b.few[LOSSES] = max(b.few[LOSSES] - b.few[UNTAXED], 0.0)
        b.few[UNTAXED] = 0.0
        post(b.balances, INCOME_TAX, TAX_OWED, tax)
        b.taxes[t.due_tax[day, 1], 1] += tax
    b.few[UNPAID_CLOSES] = b.few[UNPAID_CLOSES] + 1.0 if unpaid(b) > 0 else 0.0
    if b.few[UNPAID_CLOSES] > t.grace:
        b.few[DEFAULT] = 1.0
    if t.year_end[day] > 0:
        for account in _PROFIT_AND_LOSS:
            post(b.balances, RETAINED, account, b.balances[account])


@jit
def profit(b: Books) -> float:
    """Profit before tax that stands on the accounts."""
    return -_sum(b.balances, _BEFORE_TAX)
