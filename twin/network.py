"""Who supplies whom with what, as arrays: the company's structure and terms, and what the calendar does to it.

Own nodes stand in levels (all nodes that are equally far downstream and alike in whether they supply others), inside
a level by id. Lanes stand by the level of their destination, `fan_in` per node, absent ones included, so that "sum
over the lanes into a node" is a reshape. Row order in files never matters.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from twin.state import array, pytree, static

CLAIMS = (2100, 2150, 2200, 2210, 2300, 2500)  # accounts whose unpaid dues stay where they are, in paying order
FACILITIES = (2400, 2500)
TAXES = (2200, 2210)


class Level(NamedTuple):
    """Equally deep own nodes: how many, and how many lanes lead into each (absent lanes included)."""

    nodes: int
    fan_in: int


class Sizes(NamedTuple):
    """What compiles. Two companies of equal sizes run the same programme."""

    levels: tuple[Level, ...]
    products: int
    suppliers: int
    outside: int  # lanes that come from suppliers
    sources: int  # own nodes that supply others
    fan_out: int
    channels: int
    legs: int
    categories: int
    covenants: int
    slots: int  # days a shipment can be on the way, plus one
    shipments: int  # on the way at the opening with a known day of dispatch; 0: none
    due_slots: int  # days a bill can be due ahead, plus one
    return_slots: int  # 0: no returns
    life_slots: int  # 0: nothing expires
    perishables: int
    capped_lanes: int  # lanes with a capacity, in the base or in any scenario of the plan
    capped_sources: int
    capped_fan_out: int
    gate_days: int
    lead_days: int
    shocks: tuple[int, ...]  # shocks of a scenario on each field of exogenous.SHOCK_FIELDS
    severities: int
    deposits: bool
    shrink: bool
    storage: bool
    recoverable: bool
    delivered: bool  # lanes where title passes on arrival
    titled: bool  # lanes where title passes on dispatch

    def cover(self, other: "Sizes") -> "Sizes":
        """Sizes with room for both; levels must agree."""
        if self.levels != other.levels:
            raise ValueError(f"levels differ: {self.levels} and {other.levels}")
        covered = {name: max(getattr(self, name), getattr(other, name)) for name in self._fields if name != "levels"}
        covered["shocks"] = tuple(map(max, self.shocks, other.shocks))
        return self._replace(**covered)

    def axes(self) -> dict[str, int]:
        """Length of every named axis."""
        return {
            "node": self.nodes, "product": self.products, "supplier": self.suppliers, "lane": self.lanes,
            "outside": self.outside, "source": self.sources, "fan_out": self.fan_out, "channel": self.channels,
            "leg": self.legs, "category": self.categories, "covenant": self.covenants, "slot": self.slots,
            "due_slot": self.due_slots, "return_slot": self.return_slots, "life_slot": self.life_slots,
            "perishable": self.perishables, "capped_lane": self.capped_lanes, "capped_source": self.capped_sources,
            "capped_fan_out": self.capped_fan_out, "gate_day": self.gate_days, "lead_day": self.lead_days,
            "shipment": self.shipments, "word": 2, "facility": 2, "tax": 2, "claim": len(CLAIMS),
        }  # fmt: skip

    @property
    def nodes(self) -> int:
        return sum(level.nodes for level in self.levels)

    @property
    def lanes(self) -> int:
        return sum(level.nodes * level.fan_in for level in self.levels)


@pytree
class Network:
    """The company's structure and terms. Numbers only: none of them compiles. Rates and shares in ppm."""

    sizes: Sizes = static()
    posting: Array = array("entry account", "", "posting table: +1 debit, -1 credit")
    # own nodes
    node_hash: Array = array("word node", "", "64-bit hash of each node's id", "uint32")
    is_store: Array = array("node", "0/1", "stock stands on account 1210 (store) or 1200 (dc)")
    channel: Array = array("channel node", "0/1", "the channel through which a node sells")
    forecast: Array = array("node product", "unit", "demand a day that the company expects, before its calendar")
    storage_rate: Array = array("node product", "1/10000", "storage per unit and day")
    # products
    product_hash: Array = array("word product", "", "64-bit hash of each product's id", "uint32")
    vat: Array = array("product", "ppm", "VAT rate of sales and purchases")
    standard_cost: Array = array("product", "1/10000", "value of a return to an empty node")
    lost_share: Array = array("product", "ppm", "share of unmet demand that is lost")
    shrink_rate: Array = array("product", "ppm", "share of stock lost a day")
    return_share: Array = array("product", "ppm", "share of sales that comes back")
    return_lag: Array = array("product", "day", "days from sale to return", "int32")
    perishable: Array = array("perishable", "index", "products with a shelf life", "int32")
    shelf_life: Array = array("perishable", "day", "shelf life at a node", "int32")
    expires: Array = array("perishable", "0/1", "not padding")
    recoverable: Array = array("product", "1/10000", "value a unit can be sold off for")
    has_recoverable: Array = array("product", "0/1", "takes part in write-down tests")
    category: Array = array("product", "index", "category", "int32")
    category_hash: Array = array("word category", "", "64-bit hash of each category's id", "uint32")
    # lanes
    lane_hash: Array = array("word lane", "", "64-bit hash of each lane's id", "uint32")
    internal: Array = array("lane", "0/1", "own node to own node")
    may_cross: Array = array("lane", "0/1", "later shipments may arrive earlier")
    mean_lead: Array = array("lane", "day", "declared mean lead time, whole days")
    freight: Array = array("lane", "1/10000", "freight per unit")
    order_cost: Array = array("lane", "cent", "cost of an order line")
    carries: Array = array("lane product", "0/1", "the lane may carry the product")
    pack: Array = array("lane product", "unit", "orders are multiples of it")
    minimum: Array = array("lane product", "unit", "smallest order line")
    sourcing_share: Array = array("lane product", "ppm", "share of the node's orders")
    sourcing_rank: Array = array("lane product", "", "priority, lowest first; for nodes that source by priority")
    by_rank: Array = array("node product", "0/1", "sources by priority, not by share")
    # lanes from suppliers
    outside: Array = array("outside", "index", "their place among the lanes", "int32")
    is_outside: Array = array("lane", "0/1", "comes from a supplier (absent lanes do not)")
    outside_of: Array = array("lane", "index", "place among the outside lanes, for lanes that are", "int32")
    supplier: Array = array("supplier outside", "0/1", "the supplier of each")
    cost: Array = array("outside product", "1/10000", "purchase price")
    deposit_share: Array = array("outside", "ppm", "share of an order paid in advance")
    on_arrival: Array = array("outside", "0/1", "title passes on arrival (DDP), else on dispatch (FOB)")
    # own nodes that supply others: a table of lanes, padded
    source_node: Array = array("source", "index", "the node", "int32")
    out_lane: Array = array("source fan_out", "index", "lanes out, by id", "int32")
    out_lane_real: Array = array("source fan_out", "0/1", "not padding")
    lane_out: Array = array("lane", "index", "place of an internal lane in that table, flattened", "int32")
    # capacities
    capped_lane: Array = array("capped_lane", "index", "lanes with a capacity", "int32")
    lane_capacity: Array = array("capped_lane", "unit", "units a day over all products")
    capped_source_lane: Array = array(
        "capped_source capped_fan_out", "index", "lanes of a source with a capacity", "int32"
    )
    capped_source_real: Array = array("capped_source capped_fan_out", "0/1", "not padding")
    source_capacity: Array = array("capped_source", "unit", "units a day over all lanes and products")
    # suppliers
    penalty: Array = array("supplier", "ppm", "late-payment penalty a year")
    credit_limit: Array = array("supplier", "cent", "the supplier's own limit, infinite if none")
    # channels
    business: Array = array("channel", "0/1", "sells on account 1110/4010 instead of 1100/4000")
    fee: Array = array("channel", "ppm", "fee on what is collected")
    leg_share: Array = array("channel leg", "ppm", "share of a sale due after each leg")
    leg_bad: Array = array("channel leg", "0/1", "the leg is written off, not collected")
    advance: Array = array("channel", "ppm", "borrowing base: advance on receivables")
    # facilities and treasury
    rate: Array = array("facility", "ppm", "interest a year, revolver and term loan")
    basis: Array = array("facility", "day", "days in the year of the day count")
    commitment_fee: Array = array("", "ppm", "on the undrawn commitment")
    commitment: Array = array("", "cent", "revolver limit")
    default_margin: Array = array("", "ppm", "added to rates in default")
    has_base: Array = array("", "0/1", "a borrowing base is declared")
    base_rate: Array = array("product", "ppm", "borrowing base: advance on stock")
    base_reserves: Array = array("", "cent", "taken off the borrowing base")
    base_in_transit: Array = array("", "0/1", "titled goods on the way count")
    minimum_cash: Array = array("", "cent", "target of the sweep")
    tax_rate: Array = array("", "ppm", "income tax")
    threshold: Array = array("covenant", "cent", "covenant thresholds")
    on_headroom: Array = array("covenant", "0/1", "measures headroom, else equity")
    # default rule; infinite where a test is not declared
    grace: Array = array("", "day", "closes with unpaid dues before a cash-flow default")
    cure: Array = array("", "day", "closes in breach before a covenant default")
    balance_sheet_test: Array = array("", "0/1", "negative equity is default")
    # cash gate
    look_ahead: Array = array("", "0/1", "the gate looks ahead, else spot")
    gate_horizon: Array = array("", "day", "how far it looks ahead")
    gate_beta: Array = array("", "ppm", "share of expected receipts that counts")
    gate_buffer: Array = array("", "cent", "kept out of the gate's budget")


@pytree
class Days:
    """What the calendar, the plan and the terms say of each day; leading axis day, shared by all futures."""

    day: Array = array("day", "day", "0 on the start date", "int32")
    demand_product: Array = array("day product", "", "calendar factor of demand")
    demand_node: Array = array("day node", "", "calendar factor of demand")
    price: Array = array("day product", "1/10000", "selling price before shocks, promotions included")
    due_supplier: Array = array("day supplier", "slot", "due slot of a bill whose title passes today", "int32")
    due_leg: Array = array("day channel leg", "slot", "due slot of each leg of today's sales", "int32")
    due_accrual: Array = array("day", "slot", "due slot of today's accruals", "int32")
    due_tax: Array = array("day tax", "slot", "due slot of VAT and tax declared today", "int32")
    interest_days: Array = array("day facility", "day", "days of interest today")
    pays_interest: Array = array("day facility", "0/1", "accrued interest falls due today")
    expenses: Array = array("day", "cent", "planned payroll, rent and other expenses")
    taxes: Array = array("day", "cent", "planned taxes")
    maturities: Array = array("day", "cent", "term loan falling due")
    capex: Array = array("day", "cent", "planned capital expenditure")
    dividends: Array = array("day", "cent", "planned dividends")
    equity: Array = array("day", "cent", "planned equity paid in")
    vat_day: Array = array("day", "0/1", "VAT is declared")
    tax_day: Array = array("day", "0/1", "income tax is declared")
    writedown_day: Array = array("day", "0/1", "stock is tested for write-downs")
    year_end: Array = array("day", "0/1", "profit and loss is closed")
    certificate_day: Array = array("day", "0/1", "the borrowing base is computed anew")
    covenant_day: Array = array("day covenant", "0/1", "the covenant is tested")
    gate_bill: Array = array("day outside", "0/1", "a bill for goods ordered today counts in the gate")
    gate_accrual: Array = array("day", "0/1", "freight and order cost count in the gate")
    gate_expected: Array = array("day gate_day", "cent", "receipts expected of future sales, cumulative")
    gate_outflow: Array = array("day gate_day", "cent", "planned outflows of the next days, cumulative")
    gate_inflow: Array = array("day gate_day", "cent", "planned equity of the next days, cumulative")
    gate_interest: Array = array("day facility gate_day", "0/1", "the next interest day is within")


def level_slices(sizes: Sizes) -> list[tuple[slice, slice]]:
    """(nodes, lanes) of each level, as slices of the node and lane axes."""
    node = lane = 0
    slices = []
    for level in sizes.levels:
        width = level.nodes * level.fan_in
        slices.append((slice(node, node + level.nodes), slice(lane, lane + width)))
        node, lane = node + level.nodes, lane + width
    return slices


def into_nodes(sizes: Sizes, lanes: Array) -> Array:
    """Sum over the lanes into each node. lanes: (lane, product); returns (node, product)."""
    parts = []
    for level, (_, where) in zip(sizes.levels, level_slices(sizes), strict=True):
        shape = (level.nodes, level.fan_in, lanes.shape[1])
        parts.append(jnp.sum(jnp.reshape(lanes[where], shape), axis=1))
    return jnp.concatenate(parts)


def to_lanes(sizes: Sizes, nodes: Array) -> Array:
    """Each node's row, once per lane into it. nodes: (node, product) or (node,); returns (lane, ...)."""
    parts = []
    for level, (where, _) in zip(sizes.levels, level_slices(sizes), strict=True):
        rows = jnp.expand_dims(nodes[where], 1)
        rows = jnp.broadcast_to(rows, (level.nodes, level.fan_in, *nodes.shape[1:]))
        parts.append(jnp.reshape(rows, (level.nodes * level.fan_in, *nodes.shape[1:])))
    return jnp.concatenate(parts)


def by_source(network: Network, lanes: Array) -> Array:
    """Lanes out of each own source. lanes: (lane, product); returns (source, fan_out, product), 0 in padding."""
    return lanes[network.out_lane] * network.out_lane_real[:, :, None]


def out_of_nodes(network: Network, lanes: Array) -> Array:
    """Sum over the lanes out of each node. lanes: (lane, product); returns (node, product)."""
    nodes = jnp.zeros((network.sizes.nodes, lanes.shape[1]), lanes.dtype)
    if not network.sizes.sources:
        return nodes
    return nodes.at[network.source_node].set(jnp.sum(by_source(network, lanes), axis=1), unique_indices=True)


def per_lane(network: Network, sources: Array) -> Array:
    """Back from (source, fan_out, product) to (lane, product); meaningless on outside lanes, which callers mask."""
    rows = jnp.reshape(sources, (network.sizes.sources * network.sizes.fan_out, sources.shape[2]))
    return rows[network.lane_out]


def from_outside(network: Network, outside: Array) -> Array:
    """(outside, product) spread over (lane, product), 0 on other lanes."""
    return outside[network.outside_of] * network.is_outside[:, None]


def index_slots(day: Array, ahead: int, slots: int) -> Array:
    """Slots of the days day + 1 .. day + ahead."""
    return lax.rem(day + 1 + jnp.asarray(np.arange(ahead), day.dtype), jnp.asarray(slots, day.dtype))
