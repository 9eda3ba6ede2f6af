"""The example's calendar: public holidays, weekly and annual seasons, the Spring Festival and 11.11."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from scenarios.example.catalogue import CATEGORIES, Category

START = date(2026, 1, 1)  # the statements end with December, so that they tie to the opening
YEAR = 365  # days of the simulated year
AHEAD = 120  # days beyond it for which holidays and planned items are known
# New Year's day of the lunar calendar (almanac).
SPRING_FESTIVALS = tuple(
    date(*day) for day in ((2023, 1, 22), (2024, 2, 10), (2025, 1, 29), (2026, 2, 17), (2027, 2, 6))
)


class Holiday(NamedTuple):
    """Days on which banks are closed, weekends apart."""

    first: date
    days: int
    label: str


# Public holidays of China as announced by the State Council for 2025 and 2026, from memory; 2027 by analogy.
HOLIDAYS = (
    Holiday(date(2025, 1, 1), 1, "new-year"),
    Holiday(date(2025, 1, 28), 8, "spring-festival"),
    Holiday(date(2025, 4, 4), 3, "qingming"),
    Holiday(date(2025, 5, 1), 5, "labour-day"),
    Holiday(date(2025, 5, 31), 3, "dragon-boat"),
    Holiday(date(2025, 10, 1), 8, "national-day"),
    Holiday(date(2026, 1, 1), 3, "new-year"),
    Holiday(date(2026, 2, 15), 9, "spring-festival"),
    Holiday(date(2026, 4, 4), 3, "qingming"),
    Holiday(date(2026, 5, 1), 5, "labour-day"),
    Holiday(date(2026, 6, 19), 3, "dragon-boat"),
    Holiday(date(2026, 9, 25), 3, "mid-autumn"),
    Holiday(date(2026, 10, 1), 7, "national-day"),
    Holiday(date(2027, 1, 1), 3, "new-year"),
    Holiday(date(2027, 2, 5), 9, "spring-festival"),
)  # fmt: skip
_FESTIVAL_PEAK, _FESTIVAL_WIDTH = -6.0, 6.0  # days from the lunar New Year; judgement
_LULL_DAYS, _LULL = 10, 0.72  # after the festival many customers are away; judgement
_DOUBLE_ELEVEN_DAYS = 4


def bank_holidays() -> dict[date, str]:
    """Holidays that fall on a weekday, with their names."""
    days = {}
    for holiday in HOLIDAYS:
        for n in range(holiday.days):
            day = holiday.first + timedelta(n)
            if day.weekday() < 5:
                days[day] = holiday.label
    return days


def next_business_day(first: date, days: int) -> np.ndarray:
    """int[day]: place of the first business day on or after each day, counted from `first`."""
    closed = bank_holidays()
    found = np.empty(days, np.int64)
    following = days
    for t in range(days - 1, -1, -1):
        day = first + timedelta(t)
        if day.weekday() < 5 and day not in closed:
            following = t
        found[t] = following
    return found


def dates(first: date, days: int) -> list[date]:
    return [first + timedelta(t) for t in range(days)]


def factor(category: Category, day: date) -> float:
    """What a day does to the mean demand of a category: 1 on average over a year, nearly."""
    rest = (7 - 2 * category.weekend) / 5
    week = category.weekend if day.weekday() >= 5 else rest * (1.04 if day.weekday() == 4 else 0.99)
    turn = 2 * np.pi * (day.timetuple().tm_yday - 10) / 365.25
    year = 1 + category.winter * np.cos(turn)
    away = min(((day - festival).days for festival in SPRING_FESTIVALS), key=abs)
    festival = 1 + category.festival * np.exp(-(((away - _FESTIVAL_PEAK) / _FESTIVAL_WIDTH) ** 2))
    lull = _LULL if 0 <= away < _LULL_DAYS else 1.0
    eleven = date(day.year, 11, 11)
    sale = category.double_eleven if 0 <= (eleven - day).days < _DOUBLE_ELEVEN_DAYS else 1.0
    return float(week * year * festival * lull * sale)


def factors(names: list[str], first: date, days: int) -> np.ndarray:
    """(day, category) factors of mean demand, rounded as the tables hold them."""
    chosen = [c for name in names for c in CATEGORIES if c.name == name]
    return np.round([[factor(c, day) for c in chosen] for day in dates(first, days)], 4)
