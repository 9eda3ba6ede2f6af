"""Step 8, first half: wishes from the last tier up, cut by the supplier's limit and the cash gate, and placed."""

import jax.numpy as jnp
from jax import Array

from kernels import rings
from twin import goods
from twin.day.setting import Notes, Setting, accrue, due_slot, headroom, held, untitled
from twin.gate import Open, Position, cash_gate, known_flows, order_lines, supplier_limit
from twin.ledger import priced, share
from twin.network import Network, from_outside, into_nodes, level_slices, out_of_nodes
from twin.policies import View
from twin.state import State, changed


def order(state: State, notes: Notes, s: Setting) -> tuple[State, Notes]:
    n = s.network
    position = Position(headroom(state, s), jnp.sum(state.dues.overdue) + jnp.sum(state.dues.arrears))
    wished = jnp.where(state.ledger.default, 0.0, wishes(state, s, position))
    outside = wished[n.outside]
    orders = Open(state.goods.open[n.outside], untitled(n, state.goods), held(n, state.ledger.deposits))
    cost, a = s.effective.cost, s.arithmetic
    allowed = supplier_limit(n, state.dues, outside, cost, s.effective.supplier_limit, orders, a)
    allowed = cash_gate(n, s.days, state.dues, position, allowed, cost, orders, a)
    placed = wished * n.internal[:, None] + from_outside(n, allowed)
    refused = jnp.sum(priced(outside - allowed, cost, a))
    state, notes = place(state, notes, s, placed, allowed)
    return state, notes.add({}, wished=wished, ordered=placed, refused=refused)


def wishes(state: State, s: Setting, position: Position) -> Array:
    """(lane, product) wishes of all own nodes; a node sees today's wishes of the nodes it supplies."""
    n, g, days = s.network, state.goods, s.days
    on_order = into_nodes(n.sizes, g.open + g.in_transit)
    stock = g.on_hand + on_order - g.backorders - out_of_nodes(n, g.open)
    receipts, dues = known_flows(n, days, state.dues, s.arithmetic)
    usable = open_lanes(s)
    wished = jnp.zeros_like(g.open)
    for level in reversed(range(len(n.sizes.levels))):
        view = View(
            on_hand=g.on_hand,
            on_order=on_order,
            backorders=g.backorders,
            position=stock - out_of_nodes(n, wished),
            expected_demand=expected_demand(s),
            price=s.effective.price,
            headroom=position.headroom,
            overdue=position.overdue,
            dues=dues,
            receipts=receipts,
            days=days,
            network=n,
            arithmetic=s.arithmetic,
        )
        orders = jnp.maximum(s.arithmetic.round_(s.policy(s.parameters, view)), 0.0)
        lanes = level_slices(n.sizes)[level][1]
        wished = wished.at[lanes].set(goods.wish(n, orders, usable, level, s.arithmetic))
    return wished


def expected_demand(s: Setting) -> Array:
    """(node, product) units a day as the company expects them: its own forecast and calendar, no shock, no luck."""
    return s.network.forecast * s.days.demand_node[:, None] * s.days.demand_product[None, :]


def open_lanes(s: Setting) -> Array:
    """(lane,) bool: the lane and its source can dispatch something today."""
    n: Network = s.network
    closed = jnp.zeros(n.sizes.lanes, jnp.float64)
    if n.sizes.capped_lanes:
        closed = closed.at[n.capped_lane].add((s.effective.lane_capacity <= 0).astype(jnp.float64))
    if n.sizes.capped_sources:
        stopped = (s.effective.source_capacity <= 0).astype(jnp.float64)[:, None] * n.capped_source_real
        closed = closed.at[n.capped_source_lane].add(stopped)
    return closed == 0


def place(state: State, notes: Notes, s: Setting, placed: Array, outside: Array) -> tuple[State, Notes]:
    """Orders join the open ones; order cost accrues; deposits are payable today. outside: (outside, product)."""
    n = s.network
    lines = order_lines(placed)
    state = changed(state, goods=changed(state.goods, open=state.goods.open + placed))
    state, notes = accrue(state, notes, s, {"order cost": lines @ n.order_cost})
    if not n.sizes.deposits:
        return state, notes
    deposit = share(priced(outside, s.effective.cost, s.arithmetic), n.deposit_share[:, None], s.arithmetic)
    owed = jnp.matmul(n.supplier, jnp.sum(deposit, axis=1), precision="highest")
    suppliers = jnp.arange(n.sizes.suppliers, dtype=jnp.int32)
    today = jnp.broadcast_to(due_slot(s, 0), suppliers.shape)
    dues = changed(state.dues, payables=rings.add(state.dues.payables, today, suppliers, owed))
    book = changed(state.ledger, deposits=state.ledger.deposits + deposit)
    return changed(state, dues=dues, ledger=book), notes.add({"deposit": jnp.sum(deposit)})
