"""The example's money, day by day: what the goods of `trading` cost and earn, and when it is paid.

Bills, receipts and taxes fall due by the rules of twin/DAY.md. The figures end with the history's last day; the
budget year that follows only serves to size the credit line.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from scenarios.example import seasons, terms
from scenarios.example.trading import Network, Trade
from scenarios.example.truth import Truth

MONTHS = 12


@dataclass(frozen=True)
class Prices:
    """Money per unit, whole 1/10,000. Axes: line."""

    cost: np.ndarray
    landed: np.ndarray  # cost and sea freight: what a unit is worth in stock
    vat: np.ndarray
    storage: np.ndarray  # a day
    imported: np.ndarray  # bool

    @staticmethod
    def of(truth: Truth) -> "Prices":
        imported = {s.name: s.imported for s in truth.suppliers}
        cost = np.array([round(line.price * (1 - line.margin), 4) for line in truth.lines])
        abroad = np.array([imported[line.supplier] for line in truth.lines])
        return Prices(
            cost=cost,
            landed=cost + float(terms.SEA_FREIGHT) * abroad,
            vat=np.array([float(line.vat) for line in truth.lines]),
            storage=np.round(cost * terms.STORAGE, 4),
            imported=abroad,
        )


def business_stores(stores: int) -> np.ndarray:
    """bool[store]: the last of eight or more stores is a depot that sells to canteens and restaurants."""
    return (np.arange(stores) == stores - 1) & (stores >= 8)


@dataclass(frozen=True)
class Plan:
    """Planned cash items: (day, label, amount, note). Days count from the first day of the truth."""

    items: list[tuple[int, str, float, str]]

    def total(self, labels: tuple[str, ...], days: int) -> np.ndarray:
        found = np.zeros(days)
        for day, label, amount, _ in self.items:
            if label in labels and 0 <= day < days:
                found[day] += amount
        return found


@dataclass(frozen=True)
class Books:
    """Money by day, in currency units, first axis day."""

    first: date
    history: int
    revenue: np.ndarray
    gross_sales: np.ndarray
    cost_of_sales: np.ndarray
    stock_losses: np.ndarray
    logistics: np.ndarray
    operating: np.ndarray  # payroll, rent, other, card fees, bad debts
    purchases: np.ndarray  # VAT and freight included
    payables: Mapping[tuple[str, int], float]  # (supplier, due day) of bills whose title passed in the history
    receivables: Mapping[tuple[str, bool, int], float]  # (channel, bad, due day) of sales of the history
    accrued: Mapping[int, float]
    payables_close: np.ndarray
    receivables_close: np.ndarray
    stock_close: np.ndarray
    net_cash: np.ndarray  # flow of the day before financing, income tax and interest left out
    vat_due: Mapping[int, float]  # by due day, of months of the history
    vat_credit: float  # input VAT that December could not offset

    @property
    def days(self) -> list[date]:
        return seasons.dates(self.first, len(self.revenue))

    @cached_property
    def profit(self) -> np.ndarray:
        """Before interest and tax, by day."""
        return self.revenue - self.cost_of_sales - self.stock_losses - self.logistics - self.operating

    @property
    def last_year(self) -> slice:
        return slice(self.history - seasons.YEAR, self.history)

    @property
    def daily_sales(self) -> float:
        """Mean net sales a day of the last year: the yardstick of everything that scales."""
        return float(self.revenue[self.last_year].mean())


def budgeted_profit(truth: Truth) -> float:
    """Gross profit of the budget year if nothing is ever sold out."""
    year = slice(truth.history, None)
    per_unit = truth.price()[year] - Prices.of(truth).landed
    return float((per_unit * truth.line_factor()[year]).sum(axis=0) @ truth.mean.sum(axis=0) * truth.company_year[-1])


def plan(truth: Truth) -> Plan:
    """Payroll, rent, other expenses and capex of every month, in the history and beyond the simulated year."""
    first = seasons.START - timedelta(truth.history)
    items, profit = [], budgeted_profit(truth)
    monthly = {"payroll": (terms.PAYROLL_DAY, terms.PAYROLL / (MONTHS + terms.BONUS_MONTHS)),
               "rent": (terms.RENT_DAY, terms.RENT / MONTHS), "other": (terms.OTHER_DAY, terms.OTHER / MONTHS),
               "capex": (terms.CAPEX_DAY, terms.CAPEX / MONTHS)}  # fmt: skip
    for n in range(truth.history + seasons.YEAR + seasons.AHEAD):
        day = first + timedelta(n)
        for label, (on, share) in monthly.items():
            if day.day == on:
                items.append((n, label, round(share * profit, -2), ""))
        if (day.month, day.day) == (2, 5):
            bonus = terms.BONUS_MONTHS * monthly["payroll"][1] * profit
            items.append((n, "payroll", round(bonus, -2), "annual-bonus"))
    return Plan(items)


def keep(truth: Truth, net: Network, trade: Trade, planned: Plan) -> Books:
    """All entries of the example's ledger."""
    days, h = truth.days, truth.history
    first = seasons.START - timedelta(h)
    due = seasons.next_business_day(first, days + 400)
    p, price = Prices.of(truth), truth.price()
    vat = p.vat
    sales = trade.sold * price[:, None, :]
    refunds = np.zeros_like(sales)
    lag = len(sales) - 7
    refunds[7:] = trade.returned[7:] * price[:lag, None, :]
    revenue, refunded = sales.sum(axis=(1, 2)), refunds.sum(axis=(1, 2))
    output_vat = ((sales - refunds) @ vat).sum(axis=1)
    business = business_stores(len(truth.stores))
    gross = {channel: (sales * (1 + vat)).sum(axis=2)[:, mine].sum(axis=1)
             for channel, mine in ((terms.CARD, ~business), (terms.BUSINESS, business)) if mine.any()}  # fmt: skip
    receipts, card_fees, bad, receivable = _collect(gross, due, days, h)
    bought, paid_bills, payable, payables_close = _bills(truth, trade, p, due)
    freight_in = (trade.ordered @ (float(terms.SEA_FREIGHT) * p.imported)).sum(axis=1)
    lead_far = net.store_lead > 1
    rate = np.where(lead_far, float(terms.INTERNAL_FREIGHT[1]), float(terms.INTERNAL_FREIGHT[0]))
    freight = trade.shipped.sum(axis=2) @ rate
    dcs = len(net.dcs)
    handling = (trade.on_hand[:, :dcs] @ p.storage).sum(axis=1)
    handling += (trade.ordered > 0).sum(axis=(1, 2)) * float(terms.ORDER_COST)
    handling += trade.order_lines.sum(axis=1) * float(terms.INTERNAL_ORDER_COST)
    accrual_paid, accrual = _accruals(freight_in + freight + handling, due, h)
    input_vat = (bought * vat).sum(axis=1)
    vat_paid, vat_due, credit = _vat(output_vat, input_vat, first, due, h)
    cost_of_sales = ((trade.sold - trade.returned) @ p.landed).sum(axis=1)
    losses = (trade.lost @ p.landed).sum(axis=1)
    expenses = planned.total(("payroll", "rent", "other"), days)
    refunds_paid = (refunds * (1 + vat)).sum(axis=(1, 2))
    total_gross = sum(gross.values(), np.zeros(days))
    inbound = np.cumsum(bought @ np.ones(len(vat)) + freight_in)
    stock = inbound - np.cumsum(cost_of_sales + losses)
    now = float((trade.on_hand[h - 1].sum(axis=0) + on_the_way(trade, net, p, h - 1)) @ p.landed)
    return Books(
        first=first, history=h, revenue=revenue - refunded, gross_sales=total_gross, cost_of_sales=cost_of_sales,
        stock_losses=losses, logistics=freight + handling, operating=expenses + card_fees + bad,
        purchases=(bought * (1 + vat)).sum(axis=1) + freight_in, payables=payable, receivables=receivable,
        accrued=accrual, payables_close=payables_close,
        receivables_close=np.cumsum(total_gross - receipts - card_fees - bad),
        stock_close=stock - stock[h - 1] + now,
        net_cash=receipts - refunds_paid - paid_bills - accrual_paid - vat_paid - expenses
        - planned.total(("capex",), days),
        vat_due=vat_due, vat_credit=credit,
    )  # fmt: skip


def on_the_way(trade: Trade, net: Network, p: Prices, day: int) -> np.ndarray:
    """(line,) units between dcs and stores, and of imports at sea, at the close of a day."""
    internal = trade.shipped[day].sum(axis=0) + trade.shipped[day - 1, net.store_lead > 1].sum(axis=0)
    at_sea = ((trade.arrives[: day + 1] > day) * trade.ordered[: day + 1]).sum(axis=(0, 1))
    found: np.ndarray = internal + at_sea * p.imported
    return found


def _collect(
    gross: Mapping[str, np.ndarray], due: np.ndarray, days: int, history: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[tuple[str, bool, int], float]]:
    """Cash from customers, fees and write-offs by day; what is due after the history from sales in it."""
    receipts, fees, bad = np.zeros(days + 400), np.zeros(days), np.zeros(days)
    open_items: dict[tuple[str, bool, int], float] = defaultdict(float)
    for channel, sold in gross.items():
        card = channel == terms.CARD
        legs = [(n, share, False) for n, share in terms.CARD_LEGS] if card else list(terms.BUSINESS_LEGS)
        fee = float(terms.CARD_FEE) if card else 0.0
        for net_days, share, lost in legs:
            part = sold * float(share)
            for t in range(days):
                at = int(due[t + net_days])
                if t < history <= at:
                    open_items[channel, lost, at] += part[t]
                if at < days and lost:
                    bad[at] += part[t]
                elif at < days:
                    receipts[at] += part[t] * (1 - fee)
                    fees[at] += part[t] * fee
    return receipts[:days], fees, bad, open_items


def _bills(
    truth: Truth, trade: Trade, p: Prices, due: np.ndarray
) -> tuple[np.ndarray, np.ndarray, dict[tuple[str, int], float], np.ndarray]:
    """Goods bought by day (net, by line), cash to suppliers, bills open after the history, payables by day.

    Imports are ours when they leave, other goods when they arrive; the deposit of an import is paid at once.
    """
    days, h = truth.days, truth.history
    units = np.where(p.imported, trade.ordered.sum(axis=1), trade.received.sum(axis=1))
    net = units * p.cost
    open_bills: dict[tuple[str, int], float] = defaultdict(float)
    paid = np.zeros(days + 400)
    billed = np.zeros(days)
    for s in truth.suppliers:
        mine = np.array([line.supplier == s.name for line in truth.lines])
        gross = (net[:, mine] * (1 + p.vat[mine])).sum(axis=1)
        deposit = net[:, mine].sum(axis=1) * (float(terms.DEPOSIT) if s.imported else 0.0)
        billed += gross - deposit
        paid[:days] += deposit
        for t in range(days):
            at = int(due[t + s.net_days])
            paid[at] += gross[t] - deposit[t]
            if t < h <= at:
                open_bills[s.name, at] += gross[t] - deposit[t]
    deposits = (net * p.imported).sum(axis=1) * float(terms.DEPOSIT)
    return net, paid[:days], open_bills, np.cumsum(billed + deposits - paid[:days])


def _accruals(cost: np.ndarray, due: np.ndarray, history: int) -> tuple[np.ndarray, dict[int, float]]:
    """Freight, storage and order costs are paid a month later: cash by day, and what is open after the history."""
    days = len(cost)
    still: dict[int, float] = defaultdict(float)
    paid = np.zeros(days + 400)
    for t in range(days):
        at = int(due[t + terms.ACCRUAL_DAYS])
        paid[at] += cost[t]
        if t < history <= at:
            still[at] += cost[t]
    return paid[:days], still


def _vat(
    output: np.ndarray, paid_in: np.ndarray, first: date, due: np.ndarray, history: int
) -> tuple[np.ndarray, dict[int, float], float]:
    """Monthly VAT: output less input, the rest of the input carried on. Cash by day, dues open, credit carried."""
    days, credit, out = len(output), 0.0, 0.0
    paid, still, carried = np.zeros(days + 400), {}, 0.0
    for t in range(days):
        credit, out = credit + paid_in[t], out + output[t]
        if (first + timedelta(t + 1)).day == 1:
            offset = min(max(out, 0.0), credit)
            owed, credit, out = out - offset, credit - offset, 0.0
            at = int(due[t + terms.TAX_LAG])
            paid[at] += owed
            if t < history <= at and owed:
                still[at] = owed
            if t == history - 1:
                carried = credit
    return paid[:days], still, carried
