"""What must hold every day, as residuals that are 0 when it does (inequalities: the violation).

The residuals of RELIABILITY.md 2, I-01 to I-10, from the state before the day, the state after it, and its flows.
They are part of every run; `simulate` reduces them by maximum over days.
"""

import jax.numpy as jnp
from jax import Array, lax

from twin.ledger import balance
from twin.network import Network, into_nodes, out_of_nodes
from twin.state import Flows, State

DAILY = {
    "I-01": "stock on hand of every node and product rolls forward",
    "I-02": "units of every product: what suppliers sent less what left the company",
    "I-03": "open orders and shipments roll forward; each shipment arrives once, on its day",
    "I-04": "nothing is negative that cannot be",
    "I-05": "demand is met, lost or waiting; no more is sold than there was",
    "I-06": "debits equal credits, suspense is empty",
    "I-07": "dues by day add up to their accounts",
    "I-08": "values by place add up to their accounts",
    "I-09": "empty stock carries no value; average cost within what was paid",
    "I-10": "the revolver stays within its rules and cash is never negative at the close",
}


def daily(n: Network, before: State, after: State, flows: Flows, day: Array) -> Array:
    """(invariant,) residuals of one day, in units or cents."""
    gone = flows.sold + flows.shrunk + flows.expired - flows.returned
    return jnp.stack(
        [
            stock(n, before, after, flows, gone),
            company(n, before, after, flows, gone),
            pipeline(n, before, after, flows, day),
            negatives(after),
            demand(before, after, flows),
            trial_balance(after),
            dues(n, after, day),
            values(n, after),
            averages(n, after, day),
            revolver(after, flows),
        ]
    )


def _off(*differences: Array) -> Array:
    """Total distance from zero; sums, because XLA's maximum is many times slower on a CPU."""
    return sum((jnp.sum(jnp.abs(d)) for d in differences), jnp.zeros((), jnp.float64))


def _below_zero(*amounts: Array) -> Array:
    """Total of what lies below zero."""
    return sum((jnp.sum(jnp.maximum(-a, 0.0)) for a in amounts), jnp.zeros((), jnp.float64))


def stock(n: Network, before: State, after: State, flows: Flows, gone: Array) -> Array:
    came = into_nodes(n.sizes, flows.received) - out_of_nodes(n, flows.shipped)
    return _off(before.goods.on_hand + came - gone - after.goods.on_hand)


def company(n: Network, before: State, after: State, flows: Flows, gone: Array) -> Array:
    def units(state: State) -> Array:
        return jnp.sum(state.goods.on_hand, axis=0) + jnp.sum(state.goods.in_transit, axis=0)

    sent = (1.0 - n.internal) @ flows.shipped
    return _off(units(before) + sent - jnp.sum(gone, axis=0) - units(after))


def pipeline(n: Network, before: State, after: State, flows: Flows, day: Array) -> Array:
    b, a = before.goods, after.goods
    slot = lax.rem(day, jnp.int32(n.sizes.slots))
    promised = b.slot_units.at[slot].get(mode="promise_in_bounds")
    return _off(
        b.open + flows.ordered - flows.shipped - a.open,
        b.in_transit + flows.shipped - flows.received - a.in_transit,
        promised - jnp.sum(flows.received, axis=1),
        flows.overrun,
    )


def negatives(after: State) -> Array:
    g, d, book = after.goods, after.dues, after.ledger
    return _below_zero(
        *(g.on_hand, g.backorders, g.open, g.in_transit),
        *(d.payables, d.receivables, d.writeoffs, d.accrued, d.taxes, d.overdue, d.arrears, d.interest),
        *(book.stock_value, book.allowance, book.transit_value, book.deposits, book.base),
        *(-balance(book.balances, 2400), -balance(book.balances, 2500)),
    )


def demand(before: State, after: State, flows: Flows) -> Array:
    served = flows.sold - flows.met
    waiting = before.goods.backorders - served + flows.demand - flows.met - flows.lost
    return _off(waiting - after.goods.backorders) + _below_zero(flows.demand - flows.met, served, flows.lost)


def trial_balance(after: State) -> Array:
    balances = after.ledger.balances
    return _off(jnp.sum(balances), balance(balances, 9999))


def dues(n: Network, after: State, day: Array) -> Array:
    d, balances = after.dues, after.ledger.balances
    slot = lax.rem(day, jnp.int32(n.sizes.due_slots))
    receivable = jnp.sum(d.receivables) + jnp.sum(d.writeoffs)
    vat = jnp.sum(d.taxes[:, 0]) + d.arrears[2]
    empty = [ring.at[slot].get(mode="promise_in_bounds") for ring in (d.payables, d.receivables, d.accrued, d.taxes)]
    return (
        _off(
            jnp.sum(d.payables) + balance(balances, 2000),
            receivable - balance(balances, 1100) - balance(balances, 1110),
            jnp.sum(d.accrued) + d.arrears[0] + balance(balances, 2100),
            d.arrears[1] + balance(balances, 2150),
            jnp.sum(d.taxes[:, 1]) + d.arrears[3] + balance(balances, 2210),
            jnp.sum(d.interest) + d.arrears[4] + balance(balances, 2300),
            *empty,
        )
        # VAT collected and not yet declared has no due day, so the account may hold more (or less, after returns)
        + _below_zero(vat)
    )


def values(n: Network, after: State) -> Array:
    book, balances = after.ledger, after.ledger.balances
    by_node = jnp.sum(book.stock_value, axis=1)
    by_lane = jnp.sum(book.transit_value, axis=1)
    return _off(
        by_node @ (1.0 - n.is_store) - balance(balances, 1200),
        by_node @ n.is_store - balance(balances, 1210),
        by_lane @ (1.0 - n.internal) - balance(balances, 1220),
        by_lane @ n.internal - balance(balances, 1230),
        jnp.sum(book.deposits) - balance(balances, 1300),
        jnp.sum(book.allowance) + balance(balances, 1290),
        jnp.sum(after.dues.overdue) + balance(balances, 2010),
    )


def averages(n: Network, after: State, day: Array) -> Array:
    """Rounding may move an average by a cent at each of at most eight issues a day since the opening."""
    units, value = after.goods.on_hand, after.ledger.stock_value
    slack = 8.0 * (day.astype(jnp.float64) + 1.0)
    low, high = units * after.ledger.cost_low[None, :], units * after.ledger.cost_high[None, :]
    outside = jnp.maximum(low - value, value - high) - slack - 1e-9 * value
    return jnp.sum(jnp.where(units == 0, jnp.abs(value), jnp.maximum(outside, 0.0)))


def revolver(after: State, flows: Flows) -> Array:
    cash = balance(after.ledger.balances, 1000)
    return _below_zero(cash) + flows.sweep_violation
