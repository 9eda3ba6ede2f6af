"""What money allows: the supplier's own credit limit, then the company's cash gate over all outside orders together.

Both compare a charge with a budget in whole currency units and cut all wishes in proportion (DAY.md, section 6).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from kernels.ratio import Arithmetic
from kernels.ration import running_sum
from twin.goods import cut
from twin.ledger import priced, share
from twin.network import Days, Network, index_slots
from twin.state import Dues
from twin.terms import taxed

# Smooth mode leaves rounding errors where exact mode leaves 0 and 1.
LEAST_ORDER = 1e-6


class Open(NamedTuple):
    """Orders to outside suppliers whose title has not passed. (outside, product)."""

    open: Array  # units not dispatched
    untitled: Array  # the same, and units in transit under DDP
    deposits: Array | None  # cents held


class Position(NamedTuple):
    """The company's money when it orders, cents."""

    headroom: Array
    overdue: Array  # unpaid bills and arrears of every kind


def _units(cents: Array, arithmetic: Arithmetic) -> Array:
    """A budget in whole currency units, rounded down, not below 0."""
    return arithmetic.ratio(jnp.maximum(cents, 0.0), 100.0)


def _charge_units(cents: Array, arithmetic: Arithmetic) -> Array:
    """A charge in whole currency units, rounded up."""
    return cents / 100.0 if arithmetic.name == "smooth" else arithmetic.ratio(cents + 99.0, 100.0)


def order_lines(units: Array) -> Array:
    """(lane,) number of products on the order of each lane. units: (lane, product)."""
    return jnp.sum((units > LEAST_ORDER).astype(units.dtype), axis=1)


def _cut(network: Network, wishes: Array, budget: Array, charge: Array, arithmetic: Arithmetic) -> Array:
    """`cut` over the outside lanes; budget and charge in cents, () or (outside, 1)."""
    minimum, pack = network.minimum[network.outside], network.pack[network.outside]
    return cut(wishes, _units(budget, arithmetic), _charge_units(charge, arithmetic), minimum, pack, arithmetic)


def supplier_limit(
    network: Network, dues: Dues, wishes: Array, cost: Array, limit: Array, orders: Open, arithmetic: Arithmetic
) -> Array:
    """Wishes (outside, product) after each supplier's own limit. limit: (supplier,) cents, infinite if none."""
    gross = jnp.add(*taxed(wishes, cost, network.vat, arithmetic))
    committed = jnp.add(*taxed(orders.untitled, cost, network.vat, arithmetic))
    if orders.deposits is not None:
        committed = committed - orders.deposits
    charge = network.supplier @ jnp.sum(gross, axis=1)
    owed = jnp.sum(dues.payables, axis=0) + dues.overdue + network.supplier @ jnp.sum(committed, axis=1)
    # an infinite limit never binds: one unit more than the charge, whatever the rounding
    finite = jnp.where(jnp.isinf(limit), 0.0, limit)
    budget = jnp.where(jnp.isinf(limit), charge + 100.0, finite - owed)

    def spread(x: Array) -> Array:
        return (network.supplier.T @ x)[:, None]

    return _cut(network, wishes, spread(budget), spread(charge), arithmetic)


def known_flows(network: Network, days: Days, dues: Dues, arithmetic: Arithmetic) -> tuple[Array, Array]:
    """(gate_day,) cumulative cents of k = 1 .. K: receipts known, and dues known, of days t + 1 .. t + k."""
    ahead = network.sizes.gate_days
    slots = index_slots(days.day, ahead, network.sizes.due_slots)
    receivable = dues.receivables.at[slots].get(mode="promise_in_bounds")
    fees = share(receivable, jnp.broadcast_to(network.fee, receivable.shape), arithmetic)
    receipts = running_sum(jnp.sum(receivable - fees, axis=1), 0) + days.gate_inflow
    due = (
        jnp.sum(dues.payables.at[slots].get(mode="promise_in_bounds"), axis=1)
        + dues.accrued.at[slots].get(mode="promise_in_bounds")
        + jnp.sum(dues.taxes.at[slots].get(mode="promise_in_bounds"), axis=1)
    )
    interest = jnp.sum(dues.interest[:, None] * days.gate_interest, axis=0)
    return receipts, running_sum(due, 0) + days.gate_outflow + interest


def cash_gate(
    network: Network,
    days: Days,
    dues: Dues,
    position: Position,
    wishes: Array,
    cost: Array,
    orders: Open,
    arithmetic: Arithmetic,
) -> Array:
    """Wishes (outside, product) after the cash gate.

    Spot is the look-ahead of zero days in which every bill, freight and order cost counts at once.
    """
    outside = network.outside
    counts, accrues = days.gate_bill[:, None], days.gate_accrual
    freight_rate = (network.freight[outside] * (1.0 - network.on_arrival))[:, None]
    gross = jnp.add(*taxed(wishes, cost, network.vat, arithmetic))
    charge = gross * counts
    if network.sizes.deposits:
        deposit = share(priced(wishes, cost, arithmetic), network.deposit_share[:, None], arithmetic)
        charge = deposit + (gross - deposit) * counts
    lines = order_lines(wishes) @ network.order_cost[outside]
    freight = jnp.sum(priced(wishes, freight_rate, arithmetic))
    total = jnp.sum(charge) + (freight + lines) * accrues

    budget = position.headroom - network.gate_buffer
    if network.sizes.gate_days:
        receipts, dues_ahead = known_flows(network, days, dues, arithmetic)
        expected = share(days.gate_expected, network.gate_beta, arithmetic)
        day = jnp.arange(1, network.sizes.gate_days + 1, dtype=wishes.dtype)
        path = jnp.where(day <= network.gate_horizon, receipts - dues_ahead + expected, 0.0)
        committed = jnp.add(*taxed(orders.untitled, cost, network.vat, arithmetic))
        if orders.deposits is not None:
            committed = committed - jnp.where(orders.untitled > 0, orders.deposits, 0.0)
        committed = jnp.sum(committed * counts) + accrues * jnp.sum(priced(orders.open, freight_rate, arithmetic))
        lowest = jnp.minimum(jnp.min(path), 0.0)  # day 0 itself counts
        budget = budget + network.look_ahead * (lowest - position.overdue - committed)
    return _cut(network, wishes, budget, total, arithmetic)
