"""A company as a careful hand would lay it out for one loop: one lane into each place, plain arrays, no options.

`plain` checks that the company is of this kind: goods delivered by one supplier a product, one card channel paid in
one leg, lost sales, whole packs, no capacity, no shock, and the look-ahead gate.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.assembly import Model
from twin.exogenous import COMPANY
from twin.network import CLAIMS

FACTORS = ("company_year", "company_week", "category_week", "store_day")
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint32]


class Places(NamedTuple):
    """Goods and laws. Axes (node, product), DCs before stores, unless said; units whole."""

    mean: Floats
    dispersion: Floats  # negative binomial size
    level: Floats
    point: Floats
    pack: Floats
    source: Ints  # (node,) the DC of a store, -1 for a DC
    lane: Ints  # its place in the table of lead times
    lead_cdf: Floats  # (lane, day)
    mean_lead: Ints  # (lane,)
    demand_node: Floats  # (day, node)
    demand_product: Floats  # (day, product)
    category: Ints
    deviations: Floats  # of FACTORS
    company_hash: Words  # (word,)
    node_hash: Words  # (word, node)
    product_hash: Words
    lane_hash: Words
    category_hash: Words


class Terms(NamedTuple):
    """Money: prices and terms; cents, ppm, 1/10,000 as in the twin. Leading axis day where there is one."""

    supplier: Ints  # (product,)
    cost: Floats  # (dc, product)
    price: Floats  # (day, product)
    vat: Floats  # (product,)
    card_fee: float
    penalty: Floats  # (supplier,)
    rate: float
    default_margin: float
    basis: float
    commitment_fee: float
    commitment: float
    minimum_cash: float
    tax_rate: float
    grace: float
    gate_buffer: float
    due_supplier: Ints  # (day, supplier) slots
    due_card: Ints  # (day,)
    due_tax: Ints  # (day, tax)
    interest_days: Floats
    pays_interest: Floats
    expenses: Floats
    vat_day: Floats
    tax_day: Floats
    year_end: Floats
    gate_bill: Floats  # (day, dc, product)
    gate_plan: Floats  # (day, gate_day): planned and expected receipts less planned outflows, cumulative
    gate_interest: Floats  # (day, gate_day)


class Opening(NamedTuple):
    """What is carried from day to day, on the first morning."""

    on_hand: Floats
    value: Floats  # of stock on hand
    transit: Floats  # (slot, node, product)
    transit_value: Floats
    balances: Floats
    payables: Floats  # (due_slot, supplier)
    receivables: Floats  # (due_slot,)
    taxes: Floats  # (due_slot, tax)
    overdue: Floats


class Plain(NamedTuple):
    places: Places
    terms: Terms
    opening: Opening


def plain(model: Model) -> Plain:
    """The company by hand. Raises ValueError, with what is wrong, where it is not of the plain kind."""
    for name, holds in _assumptions(model).items():
        if not holds:
            raise ValueError(f"the peer does not know a company with {name}")
    s, n = model.structure, model.network
    lane = np.zeros((len(s.nodes), len(s.products)), np.int64)
    for (at, product), _ in s.lines.items():
        lane[s.node[at[1]], s.product[product]] = s.lane[at]
    dcs = int(np.sum(np.asarray(n.is_store) == 0))
    return Plain(_places(model, lane), _terms(model, lane[:dcs]), _opening(model, lane))


def _assumptions(model: Model) -> dict[str, bool]:
    n, g, d, book = model.network, model.opening.goods, model.opening.dues, model.opening.ledger
    sizes, days = n.sizes, model.inputs["base"].days
    stores_last = bool(np.all(np.diff(n.is_store) >= 0))
    nothing = (days.taxes, days.maturities, days.capex, days.dividends, days.equity, g.open, g.backorders, d.writeoffs,
               d.accrued, d.arrears, d.interest, book.allowance, n.order_cost, n.freight, n.minimum, n.has_base,
               n.balance_sheet_test, model.policy.lot, model.params.zero_share)  # fmt: skip
    return {
        "more than two tiers": len(sizes.levels) == 2 and sizes.levels[1].fan_in == 1 and stores_last,
        "returns, expiry, shrink, storage or write-downs": not (
            sizes.return_slots or sizes.life_slots or sizes.shrink or sizes.storage or sizes.recoverable
        ),
        "deposits or goods bought before they arrive": not (sizes.deposits or sizes.titled),
        "capacities, shocks or covenants": not (sizes.capped_lanes + sizes.capped_sources + sizes.covenants)
        and not any(sizes.shocks),
        "several channels or legs": sizes.channels * sizes.legs == 1 and not n.business.any() and not n.leg_bad.any(),
        "backorders": bool(np.all(n.lost_share == 1e6)),
        "lanes that may not cross": bool(np.all(n.may_cross > 0)),
        "suppliers' limits": bool(np.all(np.isinf(n.credit_limit))),
        "a spot gate": bool(n.look_ahead > 0),
        "reviews that are not daily": bool(np.all(model.policy.period == 1)),
        "plans, items or terms it leaves out": not any(np.any(x) for x in nothing),
    }


def _places(model: Model, lane: Ints) -> Places:
    n, params, days = model.network, model.params, model.inputs["base"].days
    products = np.arange(lane.shape[1])
    return Places(
        mean=np.asarray(params.demand_mean[0]),
        dispersion=np.asarray(params.demand_size[0]),
        level=np.asarray(model.policy.order_up_to),
        point=np.asarray(model.policy.reorder_point),
        pack=np.asarray(n.pack)[lane, products],
        source=np.array([model.structure.node.get(model.structure.node_rows[name].source or "", -1)
                         for name in model.structure.nodes]),
        lane=lane,
        lead_cdf=np.asarray(params.lead_cdf[0]),
        mean_lead=np.asarray(n.mean_lead).astype(np.int64),
        demand_node=np.asarray(days.demand_node),
        demand_product=np.asarray(days.demand_product),
        category=np.asarray(n.category).astype(np.int64),
        deviations=np.array([float(getattr(params, name)[0]) for name in FACTORS]),
        company_hash=np.asarray(COMPANY, np.uint32),
        node_hash=np.asarray(n.node_hash),
        product_hash=np.asarray(n.product_hash),
        lane_hash=np.asarray(n.lane_hash),
        category_hash=np.asarray(n.category_hash),
    )  # fmt: skip


def _terms(model: Model, lane: Ints) -> Terms:
    n, days = model.network, model.inputs["base"].days
    row, products = np.asarray(n.outside_of)[lane], np.arange(lane.shape[1])
    expected = np.round(np.asarray(days.gate_expected) * float(n.gate_beta) / 1e6)
    plan = np.asarray(days.gate_inflow) - np.asarray(days.gate_outflow) + expected
    within = np.arange(1, plan.shape[1] + 1) <= float(n.gate_horizon)
    if not within.all():
        raise ValueError("the peer does not know a gate that looks less far than its table")
    return Terms(
        supplier=np.argmax(np.asarray(n.supplier)[:, row[0]], axis=0),
        cost=np.asarray(n.cost)[row, products],
        price=np.asarray(days.price),
        vat=np.asarray(n.vat),
        card_fee=float(n.fee[0]),
        penalty=np.asarray(n.penalty),
        rate=float(n.rate[0]),
        default_margin=float(n.default_margin),
        basis=float(n.basis[0]),
        commitment_fee=float(n.commitment_fee),
        commitment=float(n.commitment),
        minimum_cash=float(n.minimum_cash),
        tax_rate=float(n.tax_rate),
        grace=float(n.grace),
        gate_buffer=float(n.gate_buffer),
        due_supplier=np.asarray(days.due_supplier, np.int64),
        due_card=np.asarray(days.due_leg, np.int64)[:, 0, 0],
        due_tax=np.asarray(days.due_tax, np.int64),
        interest_days=np.asarray(days.interest_days)[:, 0],
        pays_interest=np.asarray(days.pays_interest)[:, 0],
        expenses=np.asarray(days.expenses),
        vat_day=np.asarray(days.vat_day),
        tax_day=np.asarray(days.tax_day),
        year_end=np.asarray(days.year_end),
        gate_bill=np.asarray(days.gate_bill)[:, row],
        gate_plan=plan,
        gate_interest=np.asarray(days.gate_interest)[:, 0],
    )


def _opening(model: Model, lane: Ints) -> Opening:
    goods, dues, book = model.opening.goods, model.opening.dues, model.opening.ledger
    products = np.arange(lane.shape[1])
    assert dues.arrears.shape == (len(CLAIMS),)
    return Opening(
        on_hand=np.asarray(goods.on_hand),
        value=np.asarray(book.stock_value),
        transit=np.asarray(goods.transit)[:, lane, products],
        transit_value=np.asarray(book.transit_value)[lane, products],
        balances=np.asarray(book.balances),
        payables=np.asarray(dues.payables),
        receivables=np.asarray(dues.receivables)[:, 0],
        taxes=np.asarray(dues.taxes),
        overdue=np.asarray(dues.overdue),
    )
