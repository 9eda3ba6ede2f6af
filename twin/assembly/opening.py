"""The state on the start date, tied to the opening balance sheet to the cent.

What the tables leave open is spread: stock by what the policies want to hold, delivered lanes by their steady
pipeline, dues over their terms. Each total is the balance sheet's own figure, divided without a remainder.
"""

from dataclasses import dataclass, field

import numpy as np

from twin.assembly.calendar import Calendar
from twin.assembly.policy import demand_moments, share_of
from twin.assembly.quanta import cents, price, split
from twin.assembly.structure import LaneId, Structure
from twin.ledger import CODES
from twin.network import CLAIMS, Sizes
from twin.policies import Replenishment
from twin.state import Dues, Goods, Ledger, State, as_declared
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.lead_laws import mean_days
from twin.underway import Underway

# Accounts whose natural side is the debit; all others stand on the credit side.
DEBIT = {code for code in CODES if code < 2000 and code not in (1119, 1290)} | {3200}


def balances(company: Company) -> dict[int, int]:
    """Signed whole cents of every account, debit positive."""
    found = dict.fromkeys(CODES, 0)
    for row in company.opening:
        code = int(row.account)
        found[code] = int(cents(row.amount)) * (1 if code in DEBIT else -1)
    return found


@dataclass
class Units:
    """Opening units and values, by id, before they become arrays."""

    on_hand: dict[tuple[str, str], int] = field(default_factory=dict)
    value: dict[tuple[str, str], int] = field(default_factory=dict)
    backorders: dict[tuple[str, str], int] = field(default_factory=dict)
    open: dict[tuple[LaneId, str], int] = field(default_factory=dict)
    transit: dict[tuple[int, LaneId, str], int] = field(default_factory=dict)  # by planned day of arrival
    # of these, (lane, day of dispatch, planned day of arrival) -> product -> units, where the dispatch is known
    dispatched: dict[tuple[LaneId, int, int], dict[str, int]] = field(default_factory=dict)
    transit_value: dict[tuple[LaneId, str], int] = field(default_factory=dict)
    deposit: dict[tuple[LaneId, str], int] = field(default_factory=dict)


def stock(company: Company, s: Structure, policy: Replenishment, book: dict[int, int], units: Units) -> None:
    """Stock of the table, or the balance sheet's inventory spread over what the policies want to hold."""
    account = {node: 1200 if row.kind == "dc" else 1210 for node, row in s.node_rows.items()}
    if company.stock:
        for row in company.stock:
            units.on_hand[row.node, row.product] = row.units
            units.backorders[row.node, row.product] = row.backorders
            if row.value is not None:
                units.value[row.node, row.product] = int(cents(row.value))
    else:
        mean, _ = demand_moments(company, s)
        for kind in (1200, 1210):
            wanted = {}
            for (node, product), days in inbound_days(s).items():
                if account[node] == kind:
                    at = s.node[node], s.product[product]
                    wanted[node, product] = max(policy.order_up_to[at] - mean[at] * days, mean[at])
            worth = sum(q * float(s.product_rows[p].cost) for (_, p), q in wanted.items())
            scale = book[kind] / 100 / worth if worth else 0.0
            units.on_hand |= {at: int(q * scale) for at, q in wanted.items()}
    for kind in (1200, 1210):
        places = [at for at in units.on_hand if account[at[0]] == kind and at not in units.value]
        given = sum(v for at, v in units.value.items() if account[at[0]] == kind)
        weights = [units.on_hand[at] * int(price(s.product_rows[at[1]].cost)) for at in places]
        units.value |= dict(zip(places, split(book[kind] - given, weights), strict=True))


def inbound_days(s: Structure) -> dict[tuple[str, str], float]:
    """Mean lead time into each (node, product) that is supplied, over its lines by share."""
    days: dict[tuple[str, str], float] = {}
    for lane, product in s.lines:
        at = (lane[1], product)
        mean = mean_days(s.lane_rows[lane], lane[0] in s.node)
        days[at] = days.get(at, 0.0) + share_of(s, lane, product) * mean
    return days


def pipeline(company: Company, s: Structure, book: dict[int, int], units: Units, start: Calendar) -> None:
    """Open orders and shipments of the table, or the steady pipeline of each lane."""
    if company.orders:
        for row in company.orders:
            lane = (row.source, row.node)
            if row.arrives is None:
                units.open[lane, row.product] = units.open.get((lane, row.product), 0) + row.units
            else:
                day = (row.arrives - start.start).days
                key = (day, lane, row.product)
                units.transit[key] = units.transit.get(key, 0) + row.units
                if row.dispatched is not None:
                    lines = units.dispatched.setdefault((lane, (row.dispatched - start.start).days, day), {})
                    lines[row.product] = lines.get(row.product, 0) + row.units
            at = (lane, row.product)
            units.deposit[at] = units.deposit.get(at, 0) + int(cents(row.deposit))
            if row.value is not None:
                units.transit_value[at] = units.transit_value.get(at, 0) + int(cents(row.value))
    else:
        steady_pipeline(company, s, book, units)
    for code, lanes in lanes_by_account(s).items():
        moving: dict[tuple[LaneId, str], int] = {}
        for (_, lane, product), n in units.transit.items():
            if lane in lanes and (lane, product) not in units.transit_value:
                moving[lane, product] = moving.get((lane, product), 0) + n
        given = sum(v for (lane, _), v in units.transit_value.items() if lane in lanes)
        weights = [n * int(price(s.product_rows[product].cost)) for (_, product), n in moving.items()]
        units.transit_value |= dict(zip(moving, split(book[code] - given, weights), strict=True))


def lanes_by_account(s: Structure) -> dict[int, dict[LaneId, rows.Lane]]:
    """Lanes whose goods on the way are ours: bought FOB (1220), internal (1230). In order: cents are split in it."""
    internal = {lane: row for lane, row in s.lane_rows.items() if lane[0] in s.node}
    titled = {lane: row for lane, row in s.lane_rows.items() if lane not in internal and row.incoterm != "DDP"}
    return {1220: titled, 1230: internal}


def steady_pipeline(company: Company, s: Structure, book: dict[int, int], units: Units) -> None:
    """Delivered lanes carry their mean flow; lanes whose goods are ours carry what the balance sheet says."""
    mean, _ = demand_moments(company, s)
    ours = lanes_by_account(s)
    for lanes, balance in [(ours[1220], book[1220]), (ours[1230], book[1230]), (None, None)]:
        flows = {}
        for lane, product in s.lines:
            if lane in lanes if lanes is not None else lane not in ours[1220] | ours[1230]:
                daily = mean[s.node[lane[1]], s.product[product]] * share_of(s, lane, product)
                days = round(mean_days(s.lane_rows[lane], lane[0] in s.node))
                flows[lane, product] = (daily, days)
        scale = 1.0
        if balance is not None:
            worth = sum(d * n * float(s.product_rows[p].cost) for (_, p), (d, n) in flows.items())
            scale = balance / 100 / worth if worth else 0.0
        for (lane, product), (daily, days) in flows.items():
            for day in range(days):
                n = int(daily * scale * (day + 1)) - int(daily * scale * day)
                if n:
                    units.transit[day, lane, product] = n


def purchases(company: Company, s: Structure) -> dict[str, float]:
    """Mean daily purchases, gross, by supplier."""
    mean, _ = demand_moments(company, s)
    bought = dict.fromkeys(s.suppliers, 0.0)
    for (lane, product), line in s.lines.items():
        if lane[0] in bought:
            daily = mean[s.node[lane[1]], s.product[product]] * share_of(s, lane, product)
            bought[lane[0]] += daily * float(line.cost) * (1 + float(s.product_rows[product].vat))
    return bought


def sales(company: Company, s: Structure) -> dict[str, float]:
    """Mean daily sales, gross, by channel."""
    sold = dict.fromkeys(s.channels, 0.0)
    for row in company.demand:
        product = s.product_rows[row.product]
        sold[s.node_rows[row.node].channel] += float(row.mean) * float(product.price) * (1 + float(product.vat))
    return sold


Due = dict[tuple[int, str], int]  # (due day, party) -> cents


def spread(total: int, flows: dict[str, float], terms: dict[str, list[tuple[int, float]]], start: Calendar) -> Due:
    """A balance over the business days on which a steady flow would fall due. terms: party -> (net days, share)."""
    weights: dict[tuple[int, str], float] = {}
    for party, flow in flows.items():
        for days, part in terms[party]:
            for day in start.next_business_day[: max(days, 1)]:
                weights[int(day), party] = weights.get((int(day), party), 0.0) + flow * part
    keys = sorted(weights, key=lambda at: (at[0], at[1].encode()))
    shares = [round(1000 * weights[at]) for at in keys]
    if total and not sum(shares):
        shares = [1] * len(keys)
    return dict(zip(keys, split(total, shares), strict=True))


def dues(company: Company, s: Structure, book: dict[int, int], start: Calendar) -> dict[str, Due]:
    """Every due of the opening, by kind: of the table where it has rows of that kind, else spread over the terms."""
    given: dict[str, Due] = {}
    for row in company.open_items:
        day = (row.due - start.start).days if row.due is not None else 0
        kind = given.setdefault(row.kind, {})
        at = (day, row.party or "")
        kind[at] = kind.get(at, 0) + int(cents(row.amount))
    bought, sold = purchases(company, s), sales(company, s)
    net = {row.supplier: [(row.net_days, 1.0)] for row in company.suppliers}
    legs: dict[str, list[tuple[int, float]]] = {c: [] for c in s.channels}
    kind_of = {}
    for leg in company.receivables:
        if leg.channel in legs:
            legs[leg.channel].append((leg.days, float(leg.share)))
            kind_of[leg.channel] = leg.kind
    for channel in s.channels:
        legs[channel] = legs[channel] or [(0, 1.0)]
    settings = company.settings
    found = {
        "payable": spread(-book[2000], bought, net, start),
        "overdue": spread(-book[2010], bought, {name: [(1, 1.0)] for name in bought}, start),
        "receivable": {},
        "bad_receivable": {},
        "accrued": spread(-book[2100], {"": 1.0}, {"": [(settings.accrual_days, 1.0)]}, start),
        "vat": {},
        "tax": {(int(start.next_business_day[settings.tax_lag]), ""): -book[2210]},
        "interest": {(0, "revolver"): -book[2300]},
    }
    for code, channel_kind in ((1100, "card"), (1110, "b2b")):
        mine = {c: flow for c, flow in sold.items() if kind_of.get(c, "card") == channel_kind}
        found["receivable"] |= spread(book[code], mine, legs, start) if mine else {}
    return found | given


def dues_arrays(found: dict[str, Due], s: Structure, sizes: Sizes) -> Dues:
    """Opening dues in their rings, on the very days that were given."""

    def ring(kind: str, party: dict[str, int]) -> np.ndarray:
        table = np.zeros((sizes.due_slots, len(party)))
        for (day, name), amount in found.get(kind, {}).items():
            table[day % sizes.due_slots, party[name]] += amount
        return table

    channels = {name: i for i, name in enumerate(s.channels)}
    nobody = {"": 0}
    overdue = np.zeros(len(s.suppliers))
    for (_, name), amount in found["overdue"].items():
        overdue[s.supplier[name]] += amount
    interest = np.zeros(2)
    for (_, name), amount in found["interest"].items():
        interest[0 if name == "revolver" else 1] += amount
    return Dues(
        payables=ring("payable", s.supplier),
        receivables=ring("receivable", channels),
        writeoffs=ring("bad_receivable", channels),
        accrued=ring("accrued", nobody)[:, 0],
        taxes=np.concatenate([ring("vat", nobody), ring("tax", nobody)], axis=1),
        overdue=overdue,
        arrears=np.zeros(len(CLAIMS)),
        interest=interest,
    )


def goods_arrays(units: Units, s: Structure, sizes: Sizes, perishable: np.ndarray) -> Goods:
    shape, lanes = (sizes.nodes, sizes.products), (sizes.lanes, sizes.products)
    on_hand, backorders = np.zeros(shape), np.zeros(shape)
    for target, source in ((on_hand, units.on_hand), (backorders, units.backorders)):
        for (node, product), n in source.items():
            target[s.node[node], s.product[product]] = n
    open_, transit = np.zeros(lanes), np.zeros((sizes.slots, *lanes))
    for (lane, product), n in units.open.items():
        open_[s.lane[lane], s.product[product]] = n
    latest = np.zeros(sizes.lanes)
    for (day, lane, product), n in units.transit.items():
        transit[day, s.lane[lane], s.product[product]] += n
        latest[s.lane[lane]] = max(latest[s.lane[lane]], day)
    fresh = on_hand[:, perishable]
    received = np.zeros((sizes.life_slots, sizes.nodes, sizes.perishables))
    if sizes.life_slots:
        received[-1] = fresh  # stock at the opening counts as received the day before
    return Goods(
        on_hand=on_hand,
        backorders=backorders,
        open=open_,
        transit=transit,
        in_transit=transit.sum(axis=0),
        slot_units=transit.sum(axis=2),
        latest_arrival=latest,
        sold=np.zeros((sizes.return_slots, *shape)),
        received=received,
        fresh=fresh,
    )


def underway_arrays(units: Units, s: Structure, sizes: Sizes) -> Underway:
    """Shipments of known dispatch, by lane and day; see `twin.underway` for what an age is."""
    known = sorted(units.dispatched, key=lambda at: (s.lane[at[0]], *at[1:]))
    oldest: dict[LaneId, int] = {}
    for at, left, _ in known:
        oldest.setdefault(at, left)
    lane, planned = np.zeros(sizes.shipments), np.zeros(sizes.shipments)
    dispatched, age = np.full(sizes.shipments, -1), np.zeros(sizes.shipments)
    carried = np.zeros((sizes.shipments, sizes.products))
    for i, (at, left, day) in enumerate(known):
        lane[i], dispatched[i], planned[i] = s.lane[at], left, day
        if s.lane_rows[at].crossing or left == oldest[at]:
            age[i] = -1 - left  # it had not arrived by day -1
        for product, n in units.dispatched[at, left, day].items():
            carried[i, s.product[product]] = n
    found = Underway(lane=lane, dispatched=dispatched, age=age, planned=planned, units=carried)
    return as_declared(found, sizes.axes())


def ledger_arrays(units: Units, book: dict[int, int], s: Structure, sizes: Sizes) -> Ledger:
    value = np.zeros((sizes.nodes, sizes.products))
    for (node, product), v in units.value.items():
        value[s.node[node], s.product[product]] = v
    moving, deposits = np.zeros((sizes.lanes, sizes.products)), np.zeros((sizes.outside, sizes.products))
    for (lane, product), v in units.transit_value.items():
        moving[s.lane[lane], s.product[product]] = v
    for (lane, product), v in units.deposit.items():
        if v:
            deposits[s.outside.index(lane), s.product[product]] = v
    allowance = np.reshape(split(-book[1290], [int(v) for v in value.flat]), value.shape).astype(float)
    # the range of unit costs starts with standard cost and what the opening stock and shipments cost
    seen = [[price(s.product_rows[p].cost) / 100] for p in s.products]
    for (node, product), v in units.value.items():
        if units.on_hand[node, product]:
            seen[s.product[product]].append(v / units.on_hand[node, product])
    for (lane, product), v in units.transit_value.items():
        n = sum(n for (_, at, p), n in units.transit.items() if (at, p) == (lane, product))
        seen[s.product[product]].append(v / n if n else v)
    nothing = np.zeros(())
    return Ledger(
        balances=np.array([float(book[code]) for code in CODES]),
        stock_value=value,
        allowance=allowance,
        transit_value=moving,
        deposits=deposits,
        past_price=np.zeros((sizes.return_slots, sizes.products)),  # nothing sold before day 0 comes back
        base=nothing,
        untaxed_profit=nothing,
        losses=nothing,
        default=np.zeros((), bool),
        unpaid_closes=nothing,
        breach_closes=np.zeros(sizes.covenants),
        cost_low=np.array([min(x) for x in seen]),
        cost_high=np.array([max(x) for x in seen]),
    )


def opening_units(
    company: Company, s: Structure, policy: Replenishment, start: Calendar
) -> tuple[Units, dict[int, int]]:
    book = balances(company)
    units = Units()
    stock(company, s, policy, book, units)
    pipeline(company, s, book, units, start)
    return units, book


def opening(
    company: Company, s: Structure, sizes: Sizes, units: Units, book: dict[int, int], start: Calendar,
    perishable: np.ndarray,
) -> State:  # fmt: skip
    """The state before day 0; the borrowing base is filled in by whoever has the network."""
    return State(
        goods=goods_arrays(units, s, sizes, perishable),
        dues=dues_arrays(dues(company, s, book, start), s, sizes),
        ledger=ledger_arrays(units, book, s, sizes),
        policy=(),
    )
