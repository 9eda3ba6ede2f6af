"""The example as a company: what a competent planner and treasurer would write into the tables."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from scenarios.example import seasons, terms
from scenarios.example.books import Books, Prices, business_stores
from scenarios.example.finance import Finance, Opening
from scenarios.example.trading import RETURN_LAG, Network
from scenarios.example.truth import FACTORS, Truth
from twin.tables import rows
from twin.tables.company import Company

NAME = "Riverside Grocers"


R = TypeVar("R", bound=BaseModel)


def row(model: type[R], **cells: Any) -> R:
    """A row of a table, parsed as from a file; a cell that is None is left empty."""
    return model(**{name: cell for name, cell in cells.items() if cell is not None})


def number(value: float, places: int) -> Decimal:
    """A figure with so many decimals, without a tail of binary digits."""
    return Decimal(f"{value:.{places}f}")


def company(truth: Truth, net: Network, books: Books, money: Finance, opening: Opening) -> Company:
    """The company on the start date."""
    return Company(
        nodes=tuple(_nodes(truth, net)),
        products=tuple(_products(truth)),
        demand=tuple(_demand(truth)),
        suppliers=tuple(
            row(rows.Supplier, supplier=s.name, net_days=s.net_days, penalty_rate=terms.PENALTY)
            for s in truth.suppliers
        ),
        opening=tuple(row(rows.Opening, account=code, amount=number(x, 2)) for code, x in opening.accounts.items()),
        settings=_settings(money),
        lanes=tuple(_lanes(truth, net)),
        stock=tuple(
            row(rows.Stock, node=node, product=line, units=units, value=number(value, 2))
            for (node, line), (units, value) in opening.stock.items()
        ),
        orders=tuple(_orders(opening)),
        open_items=tuple(_open_items(opening)),
        receivables=tuple(_receivables(truth)),
        facilities=(
            row(
                rows.Facility,
                facility="revolver",
                limit=number(money.line, 2),
                rate=terms.REVOLVER_RATE,
                fee=terms.COMMITMENT_FEE,
                day_count="ACT/360",
                pays="month_end",
            ),
            row(rows.Facility, facility="term_loan", rate=terms.TERM_RATE, day_count="ACT/360", pays="month_end"),
        ),
        covenants=_covenants(money, opening),
        calendar=tuple(_calendar(truth)),
        promotions=tuple(_promotions(truth)),
        policies=tuple(_policies(truth, net)),
        factors=tuple(row(rows.Factors, factor=name, deviation=x) for name, x in FACTORS.items()),
        planned=tuple(_planned(truth, money)),
        statements=tuple(_statements(books, money, opening)),
    )


def _settings(money: Finance) -> rows.Settings:
    return row(
        rows.Settings,
        name=NAME,
        currency="CNY",
        display_unit=1000,
        start=seasons.START,
        days=seasons.YEAR,
        minimum_cash=number(money.minimum_cash, 2),
        accrual_days=terms.ACCRUAL_DAYS,
        tax_rate=number(terms.TAX_RATE, 2),
        tax_lag=terms.TAX_LAG,
        vat_lag=terms.TAX_LAG,
        gate="look_ahead",
        gate_days=terms.GATE_DAYS,
        gate_beta=terms.GATE_BETA,
    )


def _nodes(truth: Truth, net: Network) -> Iterator[rows.Node]:
    for s in truth.suppliers:
        yield row(rows.Node, node=s.name, kind="supplier")
    for dc in net.dcs:
        yield row(rows.Node, node=dc, kind="dc")
    for store, business in zip(truth.stores, business_stores(len(truth.stores)), strict=True):
        # shops have no storage cost of their own: their rent is planned
        yield row(
            rows.Node, node=store, kind="store", channel=terms.BUSINESS if business else terms.CARD, storage_cost="0"
        )


def _products(truth: Truth) -> Iterator[rows.Product]:
    p = Prices.of(truth)
    last = truth.shelf_price[truth.history - 1]
    for i, line in enumerate(truth.lines):
        yield row(
            rows.Product,
            product=line.name,
            category=line.category,
            supplier=line.supplier,
            price=number(last[i], 4),
            cost=number(p.cost[i], 4),
            vat=line.vat,
            pack=line.pack,
            shrink=number(line.shrink, 6),
            storage_cost=number(p.storage[i], 4),
            shelf_life=line.shelf_life,
            return_share=number(line.returns, 6) if line.returns else None,
            return_lag=RETURN_LAG if line.returns else None,
        )


def _demand(truth: Truth) -> Iterator[rows.Demand]:
    mean = truth.planned_mean()
    for s, store in enumerate(truth.stores):
        for i, line in enumerate(truth.lines):
            yield row(
                rows.Demand,
                node=store,
                product=line.name,
                mean=number(mean[s, i], 4),
                size=number(truth.size[i], 2),
                zero_share=number(line.zero_share, 6) if line.zero_share else None,
            )


def _lanes(truth: Truth, net: Network) -> Iterator[rows.Lane]:
    for s in truth.suppliers:
        for dc in net.dcs:
            yield row(
                rows.Lane,
                source=s.name,
                destination=dc,
                lead_time=number(s.lead_time, 2),
                lead_time_law="gamma",
                lead_time_deviation=number(s.lead_deviation, 2),
                lead_time_max=s.lead_max,
                order_cost=terms.ORDER_COST,
                incoterm="FOB" if s.imported else None,
                deposit=terms.DEPOSIT if s.imported else None,
                freight=terms.SEA_FREIGHT if s.imported else None,
            )
    for n, store in enumerate(truth.stores):
        far = int(net.store_lead[n] > 1)
        yield row(
            rows.Lane,
            source=net.dcs[net.dc_of[n]],
            destination=store,
            lead_time=int(net.store_lead[n]),
            lead_time_law="fixed",
            freight=terms.INTERNAL_FREIGHT[far],
            order_cost=terms.INTERNAL_ORDER_COST,
        )


def _orders(opening: Opening) -> Iterator[rows.OpenOrder]:
    for source, node, line, units, arrives, dispatched, value in opening.orders:
        yield row(
            rows.OpenOrder,
            source=source,
            node=node,
            product=line,
            units=units,
            arrives=None if arrives is None else seasons.START + timedelta(arrives),
            dispatched=None if dispatched is None else seasons.START + timedelta(dispatched),
            value=None if value is None else number(value, 2),
        )


def _open_items(opening: Opening) -> Iterator[rows.OpenItem]:
    for kind, party, due, amount in opening.items:
        yield row(rows.OpenItem, kind=kind, due=seasons.START + timedelta(due), amount=number(amount, 2), party=party)


def _receivables(truth: Truth) -> Iterator[rows.Receivable]:
    for days, share in terms.CARD_LEGS:
        yield row(rows.Receivable, channel=terms.CARD, kind="card", days=days, share=share, fee=terms.CARD_FEE)
    if business_stores(len(truth.stores)).any():
        for days, share, bad in terms.BUSINESS_LEGS:
            yield row(rows.Receivable, channel=terms.BUSINESS, kind="b2b", days=days, share=share, bad=bad)


def _covenants(money: Finance, opening: Opening) -> tuple[rows.Covenant, ...]:
    equity = opening.accounts["3000"] + opening.accounts["3100"]
    floor = round(terms.LIQUIDITY_COVENANT_DAYS * money.daily_sales, -4)
    return (
        row(rows.Covenant, covenant="minimum_liquidity", threshold=number(floor, 2), test="month_end"),
        row(
            rows.Covenant,
            covenant="minimum_net_worth",
            threshold=number(round(terms.NET_WORTH_COVENANT * equity, -4), 2),
            test="quarter_end",
        ),
    )


def _calendar(truth: Truth) -> Iterator[rows.CalendarDay]:
    """Seasons of each category for the year, and the days on which banks are closed, some way beyond it."""
    for day, label in seasons.bank_holidays().items():
        if 0 <= (day - seasons.START).days < seasons.YEAR + seasons.AHEAD:
            yield row(rows.CalendarDay, date=day, business_day=False, label=label)
    for t in range(truth.history, truth.days):
        for c, category in enumerate(truth.categories):
            day = seasons.START + timedelta(t - truth.history)
            yield row(rows.CalendarDay, date=day, category=category.name, demand_factor=number(truth.season[t, c], 4))


def _promotions(truth: Truth) -> Iterator[rows.Promotion]:
    h = truth.history
    for n, p in enumerate((p for p in truth.promotions if p.last >= h), 1):
        yield row(
            rows.Promotion,
            promotion=f"promo-{n:03}",
            start=seasons.START + timedelta(max(p.first - h, 0)),
            end=seasons.START + timedelta(p.last - h),
            product=truth.lines[p.line].name,
            price_factor=number(p.depth, 6),
            demand_factor=number(p.demand, 6),
        )


def _policies(truth: Truth, net: Network) -> Iterator[rows.PolicyRow]:
    for n, node in enumerate([*net.dcs, *truth.stores]):
        for i, line in enumerate(truth.lines):
            yield row(
                rows.PolicyRow,
                node=node,
                product=line.name,
                order_up_to=int(net.up_to[n, i]),
                review_days=int(net.review[n, i]),
                review_offset=int(net.offset[n, i]),
            )


def _planned(truth: Truth, money: Finance) -> Iterator[rows.Planned]:
    for day, label, amount, note in sorted(money.planned.items):
        yield row(
            rows.Planned,
            date=seasons.START + timedelta(day - truth.history),
            amount=number(amount, 2),
            label=label,
            note=note or None,
        )


def _statements(books: Books, money: Finance, opening: Opening) -> Iterator[rows.Statement]:
    """The twelve months before the start; the last one closes with the opening balance sheet."""
    days = books.days[: books.history]
    months = np.array([day.year * 12 + day.month - 1 for day in days])
    expenses = books.stock_losses + books.logistics + books.operating
    a = opening.accounts
    final = {
        "cash": a["1000"],
        "stock": sum(a.get(code, 0.0) for code in ("1200", "1210", "1220", "1230")),
        "payables": a.get("2000", 0.0),
        "receivables": a.get("1100", 0.0) + a.get("1110", 0.0),
    }
    for month in np.unique(months)[-12:]:
        mine = np.flatnonzero(months == month)
        last = int(mine[-1])
        close = {
            "cash": money.cash_close[last],
            "stock": books.stock_close[last],
            "payables": books.payables_close[last],
            "receivables": books.receivables_close[last],
        }
        if last == books.history - 1:
            close = final
        yield row(
            rows.Statement,
            month=date(int(month) // 12, int(month) % 12 + 1, 1),
            revenue=number(books.revenue[mine].sum(), 2),
            cost_of_sales=number(books.cost_of_sales[mine].sum(), 2),
            expenses=number(expenses[mine].sum(), 2),
            **{name: number(float(x), 2) for name, x in close.items()},
        )
