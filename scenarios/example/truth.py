"""The truth behind the example's history: what a calibration ought to find, and the twin never reads."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from scenarios.example import catalogue, seasons
from scenarios.example.catalogue import Category, Line, Supplier

# Standard deviations of the logarithm of shared factors. Judgement: a chain's like-for-like sales move by about
# 5 % from year to year; weeks and categories by as much again.
FACTORS = {"company_year": 0.05, "company_week": 0.04, "category_week": 0.05, "store_day": 0.06}
STORE_SALES_LEAST, STORE_SALES_MOST = 60_000.0, 120_000.0  # CNY a store and day, net of VAT (the brief)
SUBSTITUTION = 0.4  # share of unmet demand that takes another line of the category, where switched on; judgement
LEVEL_ERROR = 0.12  # planners set store levels on estimates that are off by so much; judgement
PRICE_STEP = 0.05  # shelf prices wander so far from their middle; judgement
PRICE_HELD = (90, 150)  # days between price steps, at least and at most
PROMOTION_GAP = (35, 80)  # days from one promotion of a line to the next
PROMOTION_DAYS = (5, 9)
PROMOTION_DEPTHS = (0.95, 0.9, 0.85, 0.8)
FRESH_DEPTHS = (0.95, 0.9)
FRESH = ("produce", "meat-seafood")


@dataclass(frozen=True)
class Promotion:
    """A promotion of one line in all stores; days counted from the first day of the truth."""

    line: int
    first: int
    last: int
    depth: float  # price factor
    demand: float  # factor of mean demand: elasticity and lift together


@dataclass(frozen=True)
class Truth:
    """Everything random that is drawn once. Axes: store, line, category, day (history, then the budget year)."""

    stores: list[str]
    lines: list[Line]
    categories: list[Category]
    suppliers: list[Supplier]
    days: int  # all of them
    history: int  # the first so many are history
    store_sales: np.ndarray  # (store,) CNY a day
    mean: np.ndarray  # (store, line) units a day at the middle price, before seasons
    level_error: np.ndarray  # (store, line) what the planner took demand for, against the truth
    size: np.ndarray  # (line,) negative binomial size
    elasticity: np.ndarray  # (line,)
    lift: np.ndarray  # (line,) log lift of a promotion beyond its price
    shelf_price: np.ndarray  # (day, line) without promotions
    promotions: list[Promotion]
    category_of: np.ndarray  # (line,) place of its category
    season: np.ndarray  # (day, category)
    company_year: np.ndarray  # (day,) factors of the history; the budget year's are not drawn
    company_week: np.ndarray  # (day,)
    category_week: np.ndarray  # (day, category)
    store_day: np.ndarray  # (day, store)
    substitution: float

    @property
    def middle_price(self) -> np.ndarray:
        return np.array([line.price for line in self.lines])

    def price(self) -> np.ndarray:
        """(day, line) price at the till, net of VAT, in whole 1/10,000."""
        factor = np.ones_like(self.shelf_price)
        for p in self.promotions:
            factor[p.first : p.last + 1, p.line] = p.depth
        return np.round(self.shelf_price * factor, 4)

    def promoted(self) -> np.ndarray:
        """(day, line) bool."""
        flags = np.zeros(self.shelf_price.shape, bool)
        for p in self.promotions:
            flags[p.first : p.last + 1, p.line] = True
        return flags

    def line_factor(self) -> np.ndarray:
        """(day, line) what season, shelf price and promotions do to mean demand."""
        factor: np.ndarray = (
            self.season[:, self.category_of] * (self.shelf_price / self.middle_price) ** self.elasticity
        )
        for p in self.promotions:
            factor[p.first : p.last + 1, p.line] *= p.demand
        return factor

    def planned_mean(self) -> np.ndarray:
        """(store, line) units a day as a planner sees them on the last day: last price, level of the last year."""
        last = self.history - 1
        level = (self.shelf_price[last] / self.middle_price) ** self.elasticity * self.company_year[last]
        return self.mean * level


def draw(stores: int, products: int, days: int, lead: int, budget: int, seed: int, substitution: bool) -> Truth:
    """The truth of a seed. days: history that is shown; lead: days before it, to start from ordinary stock."""
    rng = np.random.default_rng([seed, 1])
    lines = catalogue.lines(products)
    names = {line.category for line in lines}
    categories = [c for c in catalogue.CATEGORIES if c.name in names]
    of = np.array([[c.name for c in categories].index(line.category) for line in lines])
    history, every = lead + days, lead + days + budget
    sales = np.round(rng.uniform(STORE_SALES_LEAST, STORE_SALES_MOST, stores), -3)
    weight = np.array([line.weight for line in lines])
    taste = np.exp(rng.normal(0, 0.2, (stores, products)))
    share = weight * taste / (weight * taste).sum(axis=1, keepdims=True)
    price = np.array([line.price for line in lines])
    of_lines = [categories[c] for c in of]
    elasticity = np.round([c.elasticity * np.exp(rng.normal(0, 0.15)) for c in of_lines], 3)
    lift = np.round([c.lift * np.exp(rng.normal(0, 0.25)) for c in of_lines], 3)
    first = seasons.START - timedelta(history)
    used = {line.supplier for line in lines}
    return Truth(
        stores=[f"store-{n:02}" for n in range(1, stores + 1)],
        lines=lines,
        categories=categories,
        suppliers=[s for s in catalogue.SUPPLIERS if s.name in used],
        days=every,
        history=history,
        store_sales=sales,
        mean=sales[:, None] * share / price,
        level_error=np.exp(rng.normal(0, LEVEL_ERROR, (stores, products))),
        size=np.round([c.size * np.exp(rng.normal(0, 0.2)) for c in of_lines], 2),
        elasticity=elasticity,
        lift=lift,
        shelf_price=_shelf_prices(rng, price, history, every),
        promotions=_promotions(rng, lines, elasticity, lift, every),
        category_of=of,
        season=seasons.factors([c.name for c in categories], first, every),
        substitution=SUBSTITUTION if substitution else 0.0,
        **_shared(np.random.default_rng([seed, 2]), stores, len(categories), history, every),
    )


def _shared(rng: np.random.Generator, stores: int, categories: int, history: int, every: int) -> dict[str, np.ndarray]:
    """Shared factors with mean 1 over the history; 1 in the budget year, but for the level of the last year.

    Weeks and years count backwards from the start, so that the last year of the history is one level.
    """
    back = history - 1 - np.arange(history)

    def by_period(days: int, name: str, width: int | None = None) -> np.ndarray:
        sigma, period = FACTORS[name], back // days
        z = rng.normal(size=(period[0] + 1, *(() if width is None else (width,))))
        found = np.ones((every, *z.shape[1:]))
        found[:history] = np.exp(sigma * z - sigma**2 / 2)[period]
        return found

    year = by_period(365, "company_year")
    year[history:] = year[history - 1]
    return {
        "company_year": year,
        "company_week": by_period(7, "company_week"),
        "category_week": by_period(7, "category_week", categories),
        "store_day": by_period(1, "store_day", stores),
    }


def _shelf_prices(rng: np.random.Generator, middle: np.ndarray, history: int, every: int) -> np.ndarray:
    """(day, line): steps around the middle price; the last one holds through the budget year."""
    table = np.empty((every, len(middle)))
    for line, price in enumerate(middle):
        day = 0
        while day < history:
            step = np.round(price * (1 + rng.uniform(-PRICE_STEP, PRICE_STEP)), 2)
            held = int(rng.integers(*PRICE_HELD))
            table[day : min(day + held, history), line] = step
            day += held
        table[history:, line] = table[history - 1, line]
    return table


def _promotions(
    rng: np.random.Generator, lines: list[Line], elasticity: np.ndarray, lift: np.ndarray, every: int
) -> list[Promotion]:
    found = []
    for i, line in enumerate(lines):
        day = int(rng.integers(0, PROMOTION_GAP[1]))
        while day < every:
            depth = float(rng.choice(FRESH_DEPTHS if line.category in FRESH else PROMOTION_DEPTHS))
            last = min(day + int(rng.integers(*PROMOTION_DAYS)) - 1, every - 1)
            found.append(Promotion(i, day, last, depth, round(float(depth ** elasticity[i] * np.exp(lift[i])), 4)))
            day += int(rng.integers(*PROMOTION_GAP))
    return found


def demand(truth: Truth, seed: int) -> np.ndarray:
    """(day, store, line) true demand: drawn in the history, its mean in the budget year."""
    rng = np.random.default_rng([seed, 3])
    h = truth.history
    zeros = np.array([line.zero_share for line in truth.lines])
    line = (
        truth.line_factor()
        * truth.category_week[:, truth.category_of]
        * (truth.company_year * truth.company_week)[:, None]
    )
    mean = truth.mean[None] * line[:, None, :] * truth.store_day[:, :, None]
    others = mean[:h] / (1 - zeros)
    drawn = rng.poisson(others * rng.gamma(truth.size, 1 / truth.size, others.shape)).astype(float)
    mean[:h] = drawn * (rng.random(drawn.shape) >= zeros)
    return mean


def lead_times(truth: Truth, dcs: int, seed: int) -> np.ndarray:
    """(day, supplier, dc) whole days; their mean in the budget year."""
    rng = np.random.default_rng([seed, 4])
    table = np.empty((truth.days, len(truth.suppliers), dcs), np.int64)
    for i, s in enumerate(truth.suppliers):
        shape, scale = (s.lead_time / s.lead_deviation) ** 2, s.lead_deviation**2 / s.lead_time
        drawn = np.rint(rng.gamma(shape, scale, (truth.days, dcs)))
        table[:, i] = np.clip(drawn, 1, s.lead_max)
        table[truth.history :, i] = max(1, round(s.lead_time))
    return table


def plain(truth: Truth) -> dict[str, Any]:
    """The parameters as plain data for JSON."""
    return {
        "note": "The truth behind history/; never read by the twin.",
        "shared_factor_deviations": FACTORS,
        "substitution_share": truth.substitution,
        "store_sales_a_day": dict(zip(truth.stores, truth.store_sales.tolist(), strict=True)),
        "lines": {
            line.name: {
                "category": line.category,
                "elasticity": float(truth.elasticity[i]),
                "log_lift": float(truth.lift[i]),
                "size": float(truth.size[i]),
                "zero_share": line.zero_share,
                "middle_price": line.price,
            }
            for i, line in enumerate(truth.lines)
        },
        "lead_times": {
            s.name: {"law": "gamma, nearest whole day, at least 1", "mean": s.lead_time, "deviation": s.lead_deviation,
                     "maximum": s.lead_max}
            for s in truth.suppliers
        },
        "categories": {c.name: c._asdict() for c in truth.categories},
    }  # fmt: skip
