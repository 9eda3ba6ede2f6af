"""How the example is financed: loans, tax and dividends, cash sized on the budget, the opening balance.

The line is a committed one without a borrowing base: regional chains borrow on guarantees and property, and a limit
that does not depend on stock keeps the credit-line scenarios readable.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from scenarios.example import seasons, terms
from scenarios.example.books import Books, Plan, Prices
from scenarios.example.trading import Network, Trade
from scenarios.example.truth import Truth

ROUND_TO = 10_000.0  # CNY
# source, node, line, units, day of arrival and of dispatch (None: not dispatched), value
Order = tuple[str, str, str, int, int | None, int | None, float | None]
Item = tuple[str, str | None, int, float]  # kind, party, due day, amount


@dataclass(frozen=True)
class Finance:
    """Amounts in currency units."""

    daily_sales: float
    cash: float
    line: float
    term_loan: float
    minimum_cash: float
    property: float
    share_capital: float
    tax_due: tuple[int, float]  # due day and amount of the last quarter's income tax
    planned: Plan  # of the company: everything from the start on
    cash_close: np.ndarray  # (day,) what the sweep left, history and budget


def whole(amount: float) -> float:
    return round(amount / ROUND_TO) * ROUND_TO


def finance(truth: Truth, books: Books, planned: Plan) -> Finance:
    """Loans and line in days of sales; cash so that the budget never has less headroom than the owners want."""
    h, daily = truth.history, books.daily_sales
    days = len(books.revenue)
    loan, line = whole(terms.TERM_LOAN_DAYS * daily), whole(terms.LINE_DAYS * daily)
    least = whole(terms.MINIMUM_CASH_DAYS * daily)
    year = seasons.START.year
    fee = line * float(terms.COMMITMENT_FEE)
    rate = (loan * float(terms.TERM_RATE) + fee) / terms.INTEREST_BASIS
    taxes, tax_due = _taxes(books, np.full(days, rate))
    last_profit = float(books.profit[books.last_year].sum()) - rate * seasons.YEAR
    dividend = whole(max(terms.PAYOUT * (1 - terms.TAX_RATE) * last_profit, 0.0))
    owed = [
        (place(truth, date(y, *terms.DIVIDEND)), "dividend", dividend, "") for y in (year - 1, year)
    ] + [(place(truth, date(year, *terms.MATURITY)), "maturity", whole(terms.REPAID * loan), "")]  # fmt: skip
    items = Plan([*planned.items, *owed])
    flow = books.net_cash - taxes - rate - items.total(("dividend", "maturity"), days)
    position = np.cumsum(flow)
    position -= position[h - 1]
    start = whole(terms.LOWEST_DAYS * daily - line - float(position[h:].min()))
    position += start
    # the sweep keeps the minimum and draws the line below it
    cash = np.maximum(position, least)
    return Finance(
        daily_sales=daily,
        cash=max(start, least),
        line=line,
        term_loan=loan,
        minimum_cash=least,
        property=whole(terms.PROPERTY_DAYS * daily),
        share_capital=whole(terms.SHARE_CAPITAL_DAYS * daily),
        tax_due=tax_due,
        planned=Plan([item for item in items.items if item[0] >= h and item[2] > 0]),
        cash_close=cash,
    )


def place(truth: Truth, day: date) -> int:
    """The day's number, counted from the first day of the truth."""
    return (day - seasons.START).days + truth.history


def _taxes(books: Books, interest: np.ndarray) -> tuple[np.ndarray, tuple[int, float]]:
    """Income tax of each quarter, paid on a business day after it; the one still due after the history."""
    days, h = len(books.revenue), books.history
    due = seasons.next_business_day(books.first, days + 100)
    paid, owed, losses, last = np.zeros(days + 100), 0.0, 0.0, (h, 0.0)
    for t in range(days):
        owed += float(books.profit[t] - interest[t])
        tomorrow = books.first + timedelta(t + 1)
        if tomorrow.day == 1 and tomorrow.month % 3 == 1:
            at, tax = int(due[t + terms.TAX_LAG]), max(owed - losses, 0.0) * terms.TAX_RATE
            losses, owed = max(losses - owed, 0.0), 0.0
            paid[at] += tax
            last = (at, round(tax, 2)) if t < h <= at else last
    return paid[:days], last


@dataclass(frozen=True)
class Opening:
    """The balance sheet on the start date and what makes it up, rounded to cents. Days count from the start."""

    accounts: dict[str, float]
    stock: dict[tuple[str, str], tuple[int, float]]  # (node, line) -> units, value
    orders: list[Order]
    items: list[Item]


def opening(truth: Truth, net: Network, trade: Trade, books: Books, money: Finance) -> Opening:
    """Everything that the history leaves behind."""
    h, p = truth.history, Prices.of(truth)
    names = [*net.dcs, *truth.stores]
    stock = {
        (node, line.name): (int(trade.on_hand[h - 1, n, i]), round(float(trade.on_hand[h - 1, n, i] * p.landed[i]), 2))
        for n, node in enumerate(names)
        for i, line in enumerate(truth.lines)
    }
    orders = _orders(truth, net, trade, p)
    items: list[Item] = [("payable", name, at - h, round(x, 2)) for (name, at), x in sorted(books.payables.items())]
    items += [("bad_receivable" if bad else "receivable", channel, at - h, round(x, 2))
              for (channel, bad, at), x in sorted(books.receivables.items())]  # fmt: skip
    items += [("accrued", None, at - h, round(x, 2)) for at, x in sorted(books.accrued.items())]
    items += [("vat", None, at - h, round(x, 2)) for at, x in sorted(books.vat_due.items())]
    items += [("tax", None, money.tax_due[0] - h, money.tax_due[1])]
    items = [item for item in items if item[3] > 0]
    dcs = set(net.dcs)

    def of(*kinds: str, party: str | None = None) -> float:
        return sum(x for kind, who, _, x in items if kind in kinds and party in (None, who))

    abroad = {s.name for s in truth.suppliers}
    accounts = {
        "1000": money.cash,
        "1100": of("receivable", "bad_receivable", party=terms.CARD),
        "1110": of("receivable", "bad_receivable", party=terms.BUSINESS),
        "1200": sum(value for (node, _), (_, value) in stock.items() if node in dcs),
        "1210": sum(value for (node, _), (_, value) in stock.items() if node not in dcs),
        "1220": sum(value or 0.0 for source, *_, value in orders if source in abroad),
        "1230": sum(value or 0.0 for source, *_, value in orders if source in dcs),
        "1400": books.vat_credit,
        "1500": money.property,
        "2000": of("payable"),
        "2100": of("accrued"),
        "2200": of("vat"),
        "2210": of("tax"),
        "2500": money.term_loan,
        "3000": money.share_capital,
    }
    accounts = {code: round(amount, 2) for code, amount in accounts.items()}
    assets = sum(x for code, x in accounts.items() if code < "2")
    accounts["3100"] = round(assets - sum(x for code, x in accounts.items() if code >= "2"), 2)
    return Opening({code: x for code, x in accounts.items() if x}, stock, orders, items)


def _orders(truth: Truth, net: Network, trade: Trade, p: Prices) -> list[Order]:
    """Orders open at the start: at sea, on the road, between dc and store, and what a dc was short of."""
    h = truth.history
    found: list[Order] = []
    for i, line in enumerate(truth.lines):
        for d, dc in enumerate(net.dcs):
            for t in np.flatnonzero((trade.arrives[:h, d, i] >= h) & (trade.ordered[:h, d, i] > 0)):
                units = int(trade.ordered[t, d, i])
                value = round(float(units * p.landed[i]), 2) if p.imported[i] else None
                found.append((line.supplier, dc, line.name, units, int(trade.arrives[t, d, i]) - h, int(t) - h, value))
        for s, store in enumerate(truth.stores):
            dc = net.dcs[net.dc_of[s]]
            for back in range(net.store_lead[s]):
                units = int(trade.shipped[h - 1 - back, s, i])
                if units:
                    value = round(float(units * p.landed[i]), 2)
                    found.append((dc, store, line.name, units, int(net.store_lead[s]) - 1 - back, -1 - back, value))
            short = int(trade.open[h - 1, s, i])
            if short:
                found.append((dc, store, line.name, short, None, None, None))
    return found
