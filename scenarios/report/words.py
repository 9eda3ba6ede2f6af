"""How a figure is written for a reader: language, display unit, separators, dates, intervals."""

import math
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from scenarios import library
from scenarios.composition import PLUS, parts
from scenarios.report import catalogue
from scenarios.report.findings import Findings
from scenarios.statistics import Estimate
from scenarios.stress import BASE
from twin.tables.company import Company

MINUS = "−"
CASH_ACCOUNT = "1000"


@dataclass(frozen=True)
class Words:
    """The catalogue of a language, and the company's currency and display unit."""

    lang: str
    currency: str
    display_unit: int
    own_scenarios: frozenset[str] = frozenset()
    scale: float = math.inf  # an amount that matters to the company: its opening cash, in currency

    @cached_property
    def texts(self) -> dict[str, str]:
        return catalogue.load(self.lang)

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key with its places filled. Values are never read as formats."""
        return self.texts[key].format(**values)

    def either(self, key: str, otherwise: str) -> str:
        """The text of a key, or the words as they came where the catalogue has none."""
        return self.texts.get(key, otherwise)

    def scenario(self, name: str) -> str:
        """A scenario's title: from the catalogue or the library; the company's own ones by their name."""
        if name == BASE:
            return self("scenario.base")
        if PLUS in name:
            return f" {PLUS} ".join(self.scenario(part) for part in parts(name))
        if name in self.own_scenarios or name not in library.library():
            return name
        titles = library.library()[name].title
        return titles.get(self.lang, titles["en"])

    @cached_property
    def unit(self) -> str:
        """The display unit in words, for headings."""
        currency = self.either(f"currency.{self.currency}", self.currency)
        if f"unit.{self.display_unit}" in self.texts:
            return self(f"unit.{self.display_unit}", currency=currency)
        return self("unit.other", currency=currency, number=f"{self.display_unit:,}")

    @cached_property
    def whole_unit(self) -> str:
        """The currency itself, for tables that tie to the cent."""
        return self("unit.1", currency=self.either(f"currency.{self.currency}", self.currency))

    def number(self, value: float, decimals: int = 0, signed: bool = False) -> str:
        """Thousands separators and a true minus sign; nothing for NaN, an open end for infinity."""
        if math.isnan(value):
            return self("format.nothing")
        if math.isinf(value):
            return self("format.open_end")
        rounded = round(value, decimals) + 0.0  # + 0.0 takes the sign off a negative zero
        text = f"{abs(rounded):,.{decimals}f}"
        sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
        return sign + text

    def money(self, value: float, signed: bool = False) -> str:
        """An amount of currency in the display unit, without naming it."""
        return self.number(value / self.display_unit, self.money_decimals, signed)

    @cached_property
    def money_decimals(self) -> int:
        """As many as leave opening cash three or four digits; none where the currency itself is shown."""
        shown = self.scale / self.display_unit
        return 0 if self.display_unit == 1 or shown >= 1000 else 1 if shown >= 10 else 2

    def amount(self, value: float) -> str:
        """An amount in running text, with its unit."""
        key = f"amount.{self.display_unit}"
        return self(
            key if key in self.texts else "amount.other",
            value=self.money(value),
            currency=self.either(f"currency.{self.currency}", self.currency),
            number=f"{self.display_unit:,}",
        )

    def percent(self, value: float, signed: bool = False) -> str:
        """A fraction in per cent, without the sign; what is not quite none or all is not rounded to it."""
        if not signed and 0 < value < 0.0005:
            return self("format.below", value="0.1")
        if not signed and 0.9995 <= value < 1:
            return self("format.above", value="99.9")
        return self.number(100 * value, 1, signed)

    def share(self, value: float, signed: bool = False) -> str:
        """A fraction as per cent in running text."""
        return self("format.share", value=self.percent(value, signed))

    def points(self, value: float, signed: bool = True) -> str:
        """A difference of fractions, in percentage points."""
        return self.number(100 * value, 1, signed)

    def days(self, value: float, signed: bool = False) -> str:
        return self.number(value, 1, signed)

    def full_date(self, day: date) -> str:
        """A date in the language's form."""
        month = self(f"month.{day.month}")
        return self("format.date", year=day.year, month=month, number=day.month, day=day.day)

    def short_date(self, day: date) -> str:
        return self("format.short_date", month=self(f"month.{day.month}"), number=day.month, day=day.day)

    def week(self, day: int, dates: list[date]) -> str:
        """The week of a day of the run, counted from 1, with the date on which it begins."""
        return self("format.heading", name=self.week_number(day), unit=self.week_start(day, dates))

    def week_number(self, day: int) -> str:
        return self("format.week", week=day // 7 + 1)

    def week_start(self, day: int, dates: list[date]) -> str:
        return self.short_date(dates[7 * (day // 7)])

    def interval(self, estimate: Estimate, write: Any) -> str:
        """The Monte Carlo interval of a figure; nothing where one future cannot have one."""
        if math.isnan(estimate.low) or math.isnan(estimate.high):
            return ""
        return self("format.interval", low=write(estimate.low), high=write(estimate.high))

    def join(self, parts: list[str]) -> str:
        return self("format.or").join(parts)


def words_of(found: Findings, lang: str) -> Words:
    """The words for a run's company."""
    return words_for(found.company, lang)


def words_for(company: Company, lang: str) -> Words:
    """The words for a company."""
    settings = company.settings
    own = frozenset(row.scenario for row in company.shocks)
    cash = sum(abs(float(row.amount)) for row in company.opening if row.account == CASH_ACCOUNT)
    return Words(lang, settings.currency, settings.display_unit, own, cash)
