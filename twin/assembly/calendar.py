"""The calendar as arrays by day: business days, due slots, demand and price factors, close days, planned items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from twin.assembly.quanta import cents, half_even, ppm, price
from twin.assembly.structure import Structure
from twin.tables.company import Company

WEEKENDS = {"sat,sun": (5, 6), "sun": (6,), "none": ()}
LONGEST_TERM = 366  # longest lead time, longest term: business days are known that far beyond the horizon


@dataclass(frozen=True)
class Calendar:
    """Dates of the run, and the days on which banks are open."""

    start: date
    days: int
    weekend: tuple[int, ...]
    exceptions: dict[date, bool]

    @cached_property
    def dates(self) -> list[date]:
        return [self.start + timedelta(days=t) for t in range(self.days)]

    @cached_property
    def next_business_day(self) -> np.ndarray:
        """First business day on or after each day, horizon and longest term included."""
        last = self.days + 3 * LONGEST_TERM
        found = np.empty(last + 1, np.int64)
        following = last
        for t in range(last, -1, -1):
            day = self.start + timedelta(days=t)
            if self.exceptions.get(day, day.weekday() not in self.weekend):
                following = t
            found[t] = following
        return found

    def due(self, net_days: np.ndarray | int) -> np.ndarray:
        """Due day of terms that start on each day. net_days: broadcasts over (day, ...); returns (day, ...)."""
        start = np.arange(self.days).reshape(-1, *(1,) * np.ndim(net_days))
        return self.next_business_day[start + net_days]

    def is_month_end(self, day: date) -> bool:
        return (day + timedelta(days=1)).month != day.month

    def flags(self, when: str) -> np.ndarray:
        """float64[day]: 1 on daily, weekly (Sundays), month_end, quarter_end days; never."""
        rule: dict[str, Callable[[date], bool]] = {
            "daily": lambda d: True,
            "weekly": lambda d: d.weekday() == 6,
            "month_end": self.is_month_end,
            "quarter_end": lambda d: self.is_month_end(d) and d.month % 3 == 0,
            "year_end": lambda d: (d.month, d.day) == (12, 31),
            "never": lambda d: False,
        }
        return np.array([float(rule[when](d)) for d in self.dates])

    def interest_days(self, day_count: str) -> tuple[np.ndarray, float]:
        """Days of interest on each day, and the days of the year (DAY.md 3)."""
        if day_count != "30/360":
            return np.ones(self.days), 365.0 if day_count == "ACT/365F" else 360.0

        def days(d: date) -> float:
            if d.day == 31:
                return 0.0
            return 31.0 - d.day if d.month == 2 and self.is_month_end(d) else 1.0

        return np.array([days(d) for d in self.dates]), 360.0


def calendar_of(company: Company) -> Calendar:
    settings = company.settings
    given = {row.date: row.business_day for row in company.calendar if row.business_day is not None}
    return Calendar(settings.start, settings.days, WEEKENDS[settings.weekend], given)


def demand_factors(company: Company, s: Structure, c: Calendar) -> tuple[np.ndarray, np.ndarray]:
    """(day, product) and (day, node) factors of mean demand: calendar rows and promotions."""
    product = np.ones((c.days, len(s.products)))
    node = np.ones((c.days, len(s.nodes)))
    for row in company.calendar:
        t = (row.date - c.start).days
        if not 0 <= t < c.days:
            continue
        if row.node is not None:
            node[t, s.node[row.node]] *= float(row.demand_factor)
        else:
            product[t, members(s, None, row.category)] *= float(row.demand_factor)
    for promotion in company.promotions:
        days = within(c, promotion.start, promotion.end)
        product[days, members(s, promotion.product, promotion.category)[:, None]] *= float(promotion.demand_factor)
    return product, node


def prices(company: Company, s: Structure, c: Calendar) -> np.ndarray:
    """(day, product) selling prices in 1/10,000, promotions multiplied in the order of their names and re-rounded."""
    table = np.tile([int(price(s.product_rows[p].price)) for p in s.products], (c.days, 1)).astype(object)
    for promotion in company.promotions:
        factor = int(ppm(promotion.price_factor))
        for t in within(c, promotion.start, promotion.end):
            for p in members(s, promotion.product, promotion.category):
                table[t, p] = half_even(table[t, p] * factor, 1_000_000)
    return table.astype(float)


def members(s: Structure, product: str | None, category: str | None) -> np.ndarray:
    """Places of the products that a row means; an empty column means all."""
    return np.array(
        [
            i
            for i, p in enumerate(s.products)
            if product in (None, p) and category in (None, s.product_rows[p].category)
        ],
        np.int64,
    )


def within(c: Calendar, first: date, last: date) -> np.ndarray:
    low, high = (first - c.start).days, (last - c.start).days
    return np.arange(max(low, 0), min(high, c.days - 1) + 1)


def planned(company: Company, c: Calendar, labels: Sequence[str], ahead: int = 0) -> np.ndarray:
    """(day,) cents of planned items with these labels, for the horizon and `ahead` days more."""
    amounts = np.zeros(c.days + ahead)
    for row in company.planned:
        t = (row.date - c.start).days
        if row.label in labels and 0 <= t < len(amounts):
            amounts[t] += cents(row.amount)
    return amounts


def cumulative_ahead(amounts: np.ndarray, days: int, ahead: int) -> np.ndarray:
    """(day, k) sums over the days t + 1 .. t + k, k = 1 .. ahead. amounts: (days + ahead,)."""
    upto = np.concatenate([[0.0], np.cumsum(amounts)])
    t = np.arange(days)[:, None]
    k = np.arange(1, ahead + 1)[None, :]
    return upto[t + k + 1] - upto[t + 1]
