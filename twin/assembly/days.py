"""What the calendar, the terms and the plan say of each day, as arrays; a scenario's terms shocks included."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from twin.assembly import calendar as dates
from twin.assembly import shocks
from twin.assembly.calendar import Calendar
from twin.assembly.structure import Structure
from twin.assembly.terms import legs_of
from twin.network import Days, Sizes
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.lead_laws import mean_days

EXPENSES = ("payroll", "rent", "other")
OUTFLOWS = (*EXPENSES, "tax", "maturity", "capex", "dividend")


def days_of(
    company: Company,
    s: Structure,
    c: Calendar,
    sizes: Sizes,
    demand: tuple[np.ndarray, ...],
    scenario: Sequence[rows.Shock],
    longer_terms: int,
) -> Days:
    """The calendar of one scenario: terms shocks change its due days. longer_terms: days added to every bill.

    demand: (day, product) and (day, node) factors and (day, product) prices, the same in every scenario.
    """
    settings, slots = company.settings, sizes.due_slots
    facilities = {row.facility: row for row in company.facilities}
    net = net_days(company, s, c, scenario) + longer_terms
    legs = np.zeros((sizes.channels, sizes.legs), np.int64)
    for i, channel in enumerate(s.channels):
        mine = [row.days for row in legs_of(company, channel)]
        legs[i, : len(mine)] = mine
    product, node, price_table = demand
    interest = [facilities.get(name) for name in ("revolver", "term_loan")]
    day_counts = [row.day_count if row else "ACT/360" for row in interest]
    pays = np.stack([c.flags(row.pays if row else "never") for row in interest], axis=1)
    tests = np.zeros((c.days, sizes.covenants))
    for i, row in enumerate(company.covenants):
        tests[:, i] = c.flags(row.test)

    def slot(days: np.ndarray) -> np.ndarray:
        return np.asarray(days % slots, np.int32)

    return Days(
        day=np.arange(c.days, dtype=np.int32),
        demand_product=product,
        demand_node=node,
        price=price_table,
        due_leg=slot(c.due(legs)),
        due_accrual=slot(c.due(settings.accrual_days)),
        due_tax=slot(np.stack([c.due(settings.vat_lag), c.due(settings.tax_lag)], axis=1)),
        interest_days=np.stack([c.interest_days(name)[0] for name in day_counts], axis=1),
        pays_interest=pays,
        expenses=dates.planned(company, c, EXPENSES),
        taxes=dates.planned(company, c, ("tax",)),
        maturities=dates.planned(company, c, ("maturity",)),
        capex=dates.planned(company, c, ("capex",)),
        dividends=dates.planned(company, c, ("dividend",)),
        equity=dates.planned(company, c, ("equity",)),
        vat_day=c.flags("month_end"),
        tax_day=c.flags("quarter_end"),
        writedown_day=c.flags("month_end"),
        year_end=c.flags("year_end"),
        certificate_day=c.flags(settings.certificate),
        covenant_day=tests,
        **billed(company, s, c, sizes, net),
        **gate_arrays(company, s, c, sizes, demand),
    )


BILLED = ("due_supplier", "gate_bill")  # fields of `Days` that terms decide


def billed(company: Company, s: Structure, c: Calendar, sizes: Sizes, net: np.ndarray) -> dict[str, np.ndarray]:
    """What net days decide: due slots, and which bills the look-ahead gate counts; the spot gate counts all.

    net: (day, supplier).
    """
    t = np.arange(c.days)
    horizon, spot = settings_horizon(company), company.settings.gate == "spot"
    counts = np.ones((c.days, sizes.outside))
    for i, lane in enumerate(s.outside):
        row = s.lane_rows[lane]
        title = t + (max(1, round(mean_days(row, False))) if row.incoterm == "DDP" else 0)
        due = c.next_business_day[title + net[:, s.supplier[lane[0]]]]
        counts[:, i] = np.where(spot, 1.0, due <= t + horizon)
    slots = c.next_business_day[t[:, None] + net] % sizes.due_slots
    return {"due_supplier": np.asarray(slots, np.int32), "gate_bill": counts}


def settings_horizon(company: Company) -> int:
    """How far the gate looks: 0 for the spot gate."""
    return company.settings.gate_days if company.settings.gate == "look_ahead" else 0


def net_days(
    company: Company,
    s: Structure,
    c: Calendar,
    scenario: Sequence[rows.Shock],
    severity: Mapping[str, float] | None = None,
) -> np.ndarray:
    """(day, supplier) net days of bills whose title passes on a day.

    severity: by shock, default 1: how far terms move from what was agreed to what the shock says, and beyond, to 0.
    """
    agreed = {row.supplier: row.net_days for row in company.suppliers}
    given = np.array([agreed.get(name, 0) for name in s.suppliers], np.int64)
    net = np.tile(given, (c.days, 1))
    for row in sorted(scenario, key=lambda row: row.shock.encode()):
        if row.field == "terms":
            hit = shocks.chosen(row.supplier)
            columns = [i for i, name in enumerate(s.suppliers) if hit is None or name in hit]
            moved = given + (severity or {}).get(row.shock, 1.0) * (int(row.net_days or 0) - given)
            net[row.start : shocks.end(row, c.days), columns] = np.maximum(np.rint(moved), 0)[columns]
    return net


def gate_arrays(
    company: Company, s: Structure, c: Calendar, sizes: Sizes, demand: tuple[np.ndarray, ...]
) -> dict[str, np.ndarray]:
    """What the look-ahead gate knows of the next days; the spot gate counts everything at once."""
    horizon, ahead, t = settings_horizon(company), sizes.gate_days, np.arange(c.days)
    spot = company.settings.gate == "spot"
    accrual = c.due(company.settings.accrual_days)
    longer = dataclasses.replace(c, days=c.days + ahead)
    facilities: dict[str, str] = {row.facility: row.pays for row in company.facilities}
    within = np.zeros((c.days, 2, ahead))
    for f, name in enumerate(("revolver", "term_loan")):
        pays = longer.flags(facilities.get(name, "never"))
        within[:, f] = dates.cumulative_ahead(pays, c.days, ahead) > 0
    return {
        "gate_accrual": np.where(spot, 1.0, accrual <= t + horizon),
        "gate_expected": expected_receipts(company, s, c, ahead, demand),
        "gate_outflow": dates.cumulative_ahead(dates.planned(company, c, OUTFLOWS, ahead), c.days, ahead),
        "gate_inflow": dates.cumulative_ahead(dates.planned(company, c, ("equity",), ahead), c.days, ahead),
        "gate_interest": within,
    }


def expected_receipts(
    company: Company, s: Structure, c: Calendar, ahead: int, demand: tuple[np.ndarray, ...]
) -> np.ndarray:
    """(day, k) whole cents collected by day t + k of the sales planned for days t + 1 .. t + k, net of fees.

    The plan is mean demand under the calendar, without shocks; beyond the horizon the last week repeats.
    demand: (day, product) and (day, node) factors and (day, product) prices.
    """
    product, node, price = (x[np.r_[0 : c.days, week_after(c.days, ahead)]] for x in demand)
    mean = np.zeros((len(s.nodes), len(s.products)))
    for row in company.demand:
        mean[s.node[row.node], s.product[row.product]] = float(row.mean)
    gross = product * price / 100 * (1 + np.array([float(s.product_rows[p].vat) for p in s.products]))
    arriving = np.zeros((c.days, ahead + 1))
    for channel in s.channels:
        sells = np.array([s.node_rows[n].channel == channel for n in s.nodes])
        sales = np.einsum("tn,np,tp->t", node * sells, mean, gross)
        for leg in (row for row in company.receivables if row.channel == channel and not row.bad):
            kept = sales * float(leg.share) * (1 - float(leg.fee))
            for j in range(1, ahead + 1):
                sold = np.arange(c.days) + j
                k = c.next_business_day[sold + leg.days] - np.arange(c.days)
                due = np.flatnonzero(k <= ahead)
                np.add.at(arriving, (due, k[due]), kept[sold[due]])
    return np.floor(np.cumsum(arriving, axis=1)[:, 1:])


def week_after(days: int, ahead: int) -> np.ndarray:
    """Places of the days that stand for those beyond the horizon: the last week, again and again."""
    week = min(7, days)
    return days - week + np.arange(ahead) % week
