"""Sizes with room for every scenario of a plan, in coarse steps, so that few programmes serve many companies."""

from collections.abc import Mapping, Sequence

import numpy as np

from twin.assembly import shocks
from twin.assembly.calendar import Calendar
from twin.assembly.opening import Due, Units
from twin.assembly.quanta import up_to
from twin.assembly.structure import Structure
from twin.network import Sizes
from twin.tables import rows
from twin.tables.company import Company

Scenarios = Mapping[str, Sequence[rows.Shock]]


def capacities(company: Company, s: Structure, scenarios: Scenarios, room: Sizes | None) -> tuple[list[int], list[str]]:
    """Lanes and sources that have a capacity, in the base or in any scenario of the plan."""
    hits = [row for scenario in scenarios.values() for row in scenario]
    on_lanes = [row for row in hits if row.field == "lane_capacity"]
    on_sources = [row for row in hits if row.field == "dispatch_capacity"]
    lanes = [
        i
        for i, lane in enumerate(s.lanes)
        if lane is not None
        and (s.lane_rows[lane].capacity is not None or any(shocks.lane_hit(row, lane) for row in on_lanes))
    ]
    limits = {n.node: n.capacity for n in company.nodes}
    every = [*s.suppliers, *s.sources]
    sources = [x for x in every if limits[x] is not None or any(shocks.source_hit(row, x, s) for row in on_sources)]
    if room is not None:
        lanes += [i for i in range(len(s.lanes)) if i not in lanes][: max(room.capped_lanes - len(lanes), 0)]
        sources += [x for x in every if x not in sources][: max(room.capped_sources - len(sources), 0)]
    return sorted(lanes), sources


def plan_sizes(
    company: Company,
    s: Structure,
    c: Calendar,
    scenarios: Sequence[Sequence[rows.Shock]],
    capped: tuple[list[int], list[str]],
    longest: list[int],
    units: Units,
    opening_dues: dict[str, Due],
    cdf: np.ndarray,
    spare_term: int,
) -> Sizes:
    """Sizes with room for every scenario of the plan, in coarse steps so that programmes are reused."""
    settings = company.settings
    hits = [row for scenario in scenarios for row in scenario]
    stretched = [
        np.prod([shocks.worst_factor(row) for row in scenario if row.field == "lead_time"]) for scenario in scenarios
    ]
    ahead = max([*np.ceil(max(longest) * np.array([1.0, *stretched])), *(day for day, _, _ in units.transit)])
    terms = [row.net_days + spare_term for row in company.suppliers] + [row.days for row in company.receivables]
    terms += [settings.accrual_days, settings.vat_lag, settings.tax_lag]
    terms += [row.net_days + spare_term for row in hits if row.net_days is not None]
    due = max(int(np.max(c.due(max(terms)) - np.arange(c.days))), max(terms))
    due = max(due, *(day for kind in opening_dues.values() for day, _ in kind), 1)
    products = s.product_rows.values()
    returns = [p.return_lag for p in products if p.return_share > 0]
    lives = [p.shelf_life for p in products if p.shelf_life is not None]
    outside = [s.lane_rows[lane] for lane in s.outside]
    capped_out = max([len(s.out_of(x)) for x in capped[1]], default=0)
    legs = [sum(row.channel == channel for row in company.receivables) for channel in s.channels]
    return Sizes(
        levels=s.levels,
        products=len(s.products),
        suppliers=len(s.suppliers),
        outside=len(s.outside),
        sources=len(s.sources),
        fan_out=max([len(s.out_of(x)) for x in s.sources], default=0),
        channels=len(s.channels),
        legs=max([1, *legs]),
        categories=len(s.categories),
        covenants=len(company.covenants),
        slots=up_to(int(ahead) + 1, 16),
        shipments=up_to(len(units.dispatched), 8) if units.dispatched else 0,
        due_slots=up_to(due + 1, 32),
        return_slots=up_to(max(returns) + 1, 8) if returns else 0,
        life_slots=up_to(max(lives), 8) if lives else 0,
        perishables=len(lives),
        capped_lanes=len(capped[0]),
        capped_sources=len(capped[1]),
        capped_fan_out=capped_out,
        gate_days=up_to(settings.gate_days, 7) if settings.gate == "look_ahead" else 0,
        lead_days=cdf.shape[1],
        shocks=tuple(shocks.counts(scenarios).values()),
        severities=max([1, *(sum(row.field != "terms" for row in scenario) for scenario in scenarios)]),
        deposits=any(lane.deposit > 0 for lane in outside) or any(o.deposit > 0 for o in company.orders),
        shrink=any(p.shrink > 0 for p in products) or any(row.field == "stock_loss" for row in hits),
        storage=any(p.storage_cost > 0 for p in products) or any(n.storage_cost for n in company.nodes),
        recoverable=any(p.recoverable_value is not None for p in products),
        delivered=any(lane.incoterm == "DDP" for lane in outside),
        titled=any(lane.incoterm != "DDP" for lane in outside),
    )
