"""The company's structure and terms as arrays: `Network`."""

import numpy as np

from twin.assembly.calendar import Calendar
from twin.assembly.policy import demand_moments
from twin.assembly.quanta import cents, half_even, ppm, price
from twin.assembly.structure import Structure
from twin.ledger import posting_table
from twin.network import Network, Sizes
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.lead_laws import mean_days

UNLIMITED = np.inf


def network_of(
    company: Company, s: Structure, c: Calendar, sizes: Sizes, capped: tuple[list[int], list[str]]
) -> Network:
    """All fields of `Network`, part by part."""
    return Network(
        sizes=sizes,
        posting=posting_table(),
        **s.hashes(),
        **nodes(company, s, sizes),
        **products(company, s, sizes),
        **lanes(s, sizes),
        **outside(s, sizes),
        **own_sources(s, sizes),
        **limits(company, s, sizes, capped),
        **receivables(company, s, sizes),
        **treasury(company, c, sizes),
    )


def nodes(company: Company, s: Structure, sizes: Sizes) -> dict[str, np.ndarray]:
    own = [s.node_rows[n] for n in s.nodes]
    rate = np.zeros((sizes.nodes, sizes.products))
    for i, node in enumerate(own):
        for j, p in enumerate(s.products):
            cost = node.storage_cost if node.storage_cost is not None else s.product_rows[p].storage_cost
            rate[i, j] = price(cost)
    forecast, _ = demand_moments(company, s)
    return {
        "is_store": np.array([float(n.kind == "store") for n in own]),
        "channel": np.array([[float(n.channel == channel) for n in own] for channel in s.channels]),
        "storage_rate": rate,
        "forecast": forecast,
    }


def products(company: Company, s: Structure, sizes: Sizes) -> dict[str, np.ndarray]:
    own = [s.product_rows[p] for p in s.products]
    lives = [i for i, p in enumerate(own) if p.shelf_life is not None]
    spare = [i for i in range(len(own)) if i not in lives][: sizes.perishables - len(lives)]
    settings = company.settings
    advance, nolv = settings.inventory_advance, int(ppm(settings.nolv_advance))
    liquid = [half_even(nolv * int(ppm(p.nolv)), 1_000_000) for p in own]
    return {
        "vat": np.array([ppm(p.vat) for p in own]),
        "standard_cost": np.array([price(p.cost) for p in own]),
        "lost_share": np.array([ppm(p.lost_share) for p in own]),
        "shrink_rate": np.array([ppm(p.shrink) for p in own]),
        "return_share": np.array([ppm(p.return_share) for p in own]),
        "return_lag": np.array([p.return_lag if p.return_share > 0 else 1 for p in own], np.int32),
        "perishable": np.array([*lives, *spare], np.int32),
        "shelf_life": np.array([own[i].shelf_life or sizes.life_slots for i in [*lives, *spare]], np.int32),
        "expires": np.array([1.0] * len(lives) + [0.0] * len(spare)),
        "recoverable": np.array([price(p.recoverable_value or p.cost) for p in own]),
        "has_recoverable": np.array([float(p.recoverable_value is not None) for p in own]),
        "category": np.array([s.categories.index(p.category) for p in own], np.int32),
        "base_rate": np.array([float(min(int(ppm(advance)) if advance is not None else 0, x)) for x in liquid]),
    }


def lanes(s: Structure, sizes: Sizes) -> dict[str, np.ndarray]:
    shape = (sizes.lanes, sizes.products)
    given = [s.lane_rows[lane] if lane is not None else None for lane in s.lanes]
    internal = np.array([float(lane is not None and lane[0] in s.node) for lane in s.lanes])
    table = {
        "carries": np.zeros(shape),
        "pack": np.ones(shape),
        "minimum": np.zeros(shape),
        "sourcing_share": np.zeros(shape),
        "sourcing_rank": np.zeros(shape),
        "by_rank": np.zeros((sizes.nodes, sizes.products)),
    }
    for (lane, product), line in s.lines.items():
        at = s.lane[lane], s.product[product]
        table["carries"][at] = 1.0
        table["pack"][at] = s.product_rows[product].pack
        table["minimum"][at] = line.minimum
        table["sourcing_share"][at] = ppm(line.share)
        if line.priority is not None:
            table["sourcing_rank"][at] = line.priority
            table["by_rank"][s.node[lane[1]], s.product[product]] = 1.0
    return table | {
        "internal": internal,
        "may_cross": np.array([float(row is None or row.crossing) for row in given]),
        "mean_lead": np.array(
            [
                max(1.0, round(mean_days(row, i > 0))) if row is not None else 1.0
                for row, i in zip(given, internal, strict=True)
            ]
        ),
        "freight": np.array(
            [
                price(row.freight) if row is not None and not delivered(row, i) else 0.0
                for row, i in zip(given, internal, strict=True)
            ]
        ),
        "order_cost": np.array([cents(row.order_cost) if row is not None else 0.0 for row in given]),
    }


def delivered(row: rows.Lane, internal: float) -> bool:
    """Title passes on arrival, and the price includes freight."""
    return not internal and row.incoterm == "DDP"


def outside(s: Structure, sizes: Sizes) -> dict[str, np.ndarray]:
    place = np.array([s.lane[lane] for lane in s.outside], np.int32)
    back = np.zeros(sizes.lanes, np.int32)
    back[place] = np.arange(len(place))
    cost = np.zeros((sizes.outside, sizes.products))
    for (lane, product), line in s.lines.items():
        if lane[0] in s.supplier:
            cost[s.outside.index(lane), s.product[product]] = price(line.cost)
    return {
        "outside": place,
        "is_outside": np.isin(np.arange(sizes.lanes), place).astype(float),
        "outside_of": back,
        "supplier": np.array([[float(lane[0] == name) for lane in s.outside] for name in s.suppliers]),
        "cost": cost,
        "deposit_share": np.array([ppm(s.lane_rows[lane].deposit) for lane in s.outside]),
        "on_arrival": np.array([float(delivered(s.lane_rows[lane], 0.0)) for lane in s.outside]),
    }


def table_of_lanes(s: Structure, sources: list[str], width: int) -> tuple[np.ndarray, np.ndarray]:
    """(source, width) lanes out of each source by id, padded with lane 0, and what is not padding."""
    index, real = np.zeros((len(sources), width), np.int32), np.zeros((len(sources), width))
    for i, source in enumerate(sources):
        found = [s.lane[lane] for lane in s.out_of(source)]
        index[i, : len(found)], real[i, : len(found)] = found, 1.0
    return index, real


def own_sources(s: Structure, sizes: Sizes) -> dict[str, np.ndarray]:
    out, real = table_of_lanes(s, s.sources, sizes.fan_out)
    back = np.zeros(sizes.lanes, np.int32)
    flat = np.flatnonzero(real.ravel())
    back[out.ravel()[flat]] = flat
    return {
        "source_node": np.array([s.node[name] for name in s.sources], np.int32),
        "out_lane": out,
        "out_lane_real": real,
        "lane_out": back,
    }


def limits(company: Company, s: Structure, sizes: Sizes, capped: tuple[list[int], list[str]]) -> dict[str, np.ndarray]:
    lane_places, sources = capped
    index, real = table_of_lanes(s, sources, sizes.capped_fan_out)
    dispatch = {row.node: row.capacity for row in company.nodes}
    terms = {row.supplier: row for row in company.suppliers}
    on_lane = [s.lane_rows[lane].capacity if lane else None for lane in (s.lanes[i] for i in lane_places)]

    def limit(units: int | None) -> float:
        return UNLIMITED if units is None else float(units)

    credit = [terms[name].credit_limit if name in terms else None for name in s.suppliers]
    return {
        "capped_lane": np.array(lane_places, np.int32),
        "lane_capacity": np.array([limit(x) for x in on_lane]),
        "capped_source_lane": index,
        "capped_source_real": real,
        "source_capacity": np.array([limit(dispatch[name]) for name in sources]),
        "penalty": np.array([ppm(terms[name].penalty_rate) if name in terms else 0.0 for name in s.suppliers]),
        "credit_limit": np.array([UNLIMITED if x is None else cents(x) for x in credit]),
    }


def legs_of(company: Company, channel: str) -> list[rows.Receivable]:
    """The legs of a channel in the order that counts: by days, collected before bad, larger share first."""
    mine = [row for row in company.receivables if row.channel == channel]
    return sorted(mine, key=lambda row: (row.days, row.bad, -row.share))


def receivables(company: Company, s: Structure, sizes: Sizes) -> dict[str, np.ndarray]:
    shape = (sizes.channels, sizes.legs)
    share, bad = np.zeros(shape), np.zeros(shape)
    share[:, 0] = 1e6  # a channel without terms pays at once
    kind, fee, advance = np.zeros(sizes.channels), np.zeros(sizes.channels), np.zeros(sizes.channels)
    for i, channel in enumerate(s.channels):
        legs = legs_of(company, channel)
        for j, row in enumerate(legs):
            share[i, j], bad[i, j] = ppm(row.share), float(row.bad)
            kind[i], fee[i], advance[i] = float(row.kind == "b2b"), ppm(row.fee), ppm(row.advance)
    return {"business": kind, "fee": fee, "leg_share": share, "leg_bad": bad, "advance": advance}


def treasury(company: Company, c: Calendar, sizes: Sizes) -> dict[str, np.ndarray]:
    """Facilities, default rule, covenants and the cash gate."""
    settings = company.settings
    rows_of = {row.facility: row for row in company.facilities}
    both = [rows_of.get(name) for name in ("revolver", "term_loan")]
    revolver = both[0]
    spare = sizes.covenants - len(company.covenants)

    def closes(days: int | None) -> float:
        return UNLIMITED if days is None else float(days)

    values = {
        "rate": [ppm(row.rate) if row else 0.0 for row in both],
        "basis": [c.interest_days(row.day_count if row else "ACT/360")[1] for row in both],
        "commitment_fee": ppm(revolver.fee) if revolver else 0.0,
        "commitment": cents(revolver.limit) if revolver else 0.0,
        "default_margin": ppm(settings.default_margin),
        "has_base": float(settings.inventory_advance is not None),
        "base_reserves": cents(settings.base_reserves),
        "base_in_transit": float(settings.base_in_transit),
        "minimum_cash": cents(settings.minimum_cash),
        "tax_rate": ppm(settings.tax_rate),
        "threshold": [cents(row.threshold) for row in company.covenants] + [-UNLIMITED] * spare,
        "on_headroom": [float(row.covenant == "minimum_liquidity") for row in company.covenants] + [0.0] * spare,
        "grace": closes(settings.grace_days),
        "cure": closes(settings.cure_days),
        "balance_sheet_test": float(settings.balance_sheet_test),
        "look_ahead": float(settings.gate == "look_ahead"),
        "gate_horizon": float(settings.gate_days),
        "gate_beta": ppm(settings.gate_beta),
        "gate_buffer": cents(settings.gate_buffer),
    }
    return {name: np.array(value, np.float64) for name, value in values.items()}
