"""What a calibration ought to find: the parameters of a synthetic company, drawn once."""

from dataclasses import dataclass, field

import numpy as np

# Population values of the prototype (CALIBRATION.md 2.2), means and standard deviations over items.
ELASTICITY, LIFT, LOG_SIZE, ZERO_LOGIT = (-1.8, 0.5), (0.55, 0.2), (0.916, 0.4), (-2.3, 0.6)
LEVEL, STORE_SD, ITEM_SD, PAIR_SD = 0.65, 0.3, 0.6, 0.2  # of log mean demand
WEEKDAY_SD, SEASON_SD, HOLIDAY = 0.15, 0.12, (0.3, 0.15)
HOLIDAYS = (0, 1, 46, 95, 121, 274, 275, 276, 359)  # days of the year
PRICE_SD, PRICE_HELD = 0.06, (60, 150)  # log steps of the shelf price, and the days it holds
PROMOTION_GAP, PROMOTION_DAYS, CUTS = (25, 75), (6, 10), (0.9, 0.85, 0.8, 0.7)


@dataclass(frozen=True)
class Settings:
    """Sizes, the switches of misspecification (0 = off), and the standard deviations of shared log factors."""

    stores: int = 10
    items: int = 100
    days: int = 730
    categories: int = 5
    review: int = 4  # days between reviews of the ordering policy
    lead: int = 3  # days from a store's order to its shelf
    safety: float = 2.6  # standard deviations of demand over review and lead time; no promotion is foreseen
    substitution: float = 0.0  # share of unmet demand that takes another item of its category
    unflagged: float = 0.0  # share of sold-out days whose stock was not recorded
    company_week: float = 0.0
    category_week: float = 0.0
    store_day: float = 0.0
    drift: float = 0.0  # weekly random walk of a category's log level
    new_items: int = 0  # the last so many items are listed for the last 56 days only
    first: str = "2023-01-02"


@dataclass(frozen=True)
class Truth:
    """log mu[s, i, t] = base[s, i] + line[i, t] + place[s, t]; demand is 0 with probability zero[i], else NB(mu, size).

    Demand's own mean is (1 - zero) mu; the variance of the count law is mu + mu^2 / size. `line` holds price,
    promotion, holiday, weekday, season, week factors and drift; `place` the factors of store and day.
    """

    settings: Settings
    base: np.ndarray  # (store, item)
    elasticity: np.ndarray  # (item,)
    lift: np.ndarray  # (item,) log lift of a promotion beyond its price
    size: np.ndarray  # (item,)
    zero: np.ndarray  # (item,)
    category: np.ndarray  # (item,) index
    weekday: np.ndarray  # (category, 7) log, sums to 0; place 0 is a Monday
    holiday_effect: np.ndarray  # (category,) log
    price: np.ndarray  # (item, day) at the till
    reference: np.ndarray  # (item,) the price at which the level is meant
    promotion: np.ndarray  # (item, day) bool
    holiday: np.ndarray  # (day,) bool
    line: np.ndarray  # (item, day)
    place: np.ndarray  # (store, day)
    listed: np.ndarray  # (item, day) bool
    names: dict[str, list[str]] = field(repr=False)  # of stores, items, categories

    def mean(self) -> np.ndarray:
        """(store, item, day) mean of the count law in units a day; 0 while not listed."""
        log = self.base[:, :, None] + self.line[None] + self.place[:, None, :]
        return np.exp(log) * self.listed[None]


def truth(settings: Settings, rng: np.random.Generator) -> Truth:
    s, items, days, categories = settings, settings.items, settings.days, settings.categories
    category = np.arange(items) % categories
    elasticity = np.minimum(rng.normal(*ELASTICITY, items), -0.2)
    lift = rng.normal(*LIFT, items)
    dates = np.datetime64(s.first, "D") + np.arange(days)
    weekday_of = (dates.astype(int) + 3) % 7
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(int)
    weekday = rng.normal(0, WEEKDAY_SD, (categories, 7))
    weekday -= weekday.mean(axis=1, keepdims=True)
    angle = 2 * np.pi * np.arange(1, 3)[:, None] * day_of_year / 365.25
    season = rng.normal(0, SEASON_SD, (categories, 2)) @ np.sin(angle)
    season += rng.normal(0, SEASON_SD / 2, (categories, 2)) @ np.cos(angle)
    holiday = np.isin(day_of_year, HOLIDAYS)
    holiday_effect = rng.normal(*HOLIDAY, categories)
    reference = np.round(np.exp(rng.normal(1.5, 0.5, items)), 2)
    price, promotion = _prices(rng, reference, days)
    week = np.arange(days) // 7
    weekly = _factor(rng, s.category_week, (categories, week[-1] + 1)) + _factor(rng, s.company_week, (1, week[-1] + 1))
    weekly += np.cumsum(rng.normal(0, s.drift, weekly.shape), axis=1)
    by_category = weekday[:, weekday_of] + season + holiday_effect[:, None] * holiday + weekly[:, week]
    line = by_category[category] + elasticity[:, None] * np.log(price / reference[:, None]) + lift[:, None] * promotion
    listed = np.ones((items, days), bool)
    if s.new_items:
        listed[-s.new_items :, :-56] = False
    store = rng.normal(0, STORE_SD, s.stores)
    base = LEVEL + (store - store.mean())[:, None] + rng.normal(0, ITEM_SD, items)
    return Truth(
        settings=s, base=base + rng.normal(0, PAIR_SD, base.shape), elasticity=elasticity, lift=lift,
        size=np.exp(rng.normal(*LOG_SIZE, items)), zero=1 / (1 + np.exp(-rng.normal(*ZERO_LOGIT, items))),
        category=category, weekday=weekday, holiday_effect=holiday_effect, price=price, reference=reference,
        promotion=promotion, holiday=holiday, line=line, place=_factor(rng, s.store_day, (s.stores, days)),
        listed=listed,
        names={"store": [f"store-{n:02}" for n in range(1, s.stores + 1)],
               "item": [f"item-{n:04}" for n in range(1, items + 1)],
               "category": [f"category-{n}" for n in range(1, categories + 1)]},
    )  # fmt: skip


def _factor(rng: np.random.Generator, sd: float, shape: tuple[int, ...]) -> np.ndarray:
    """Logs of factors with mean 1, as the twin's own (`twin.exogenous`)."""
    return rng.normal(0, sd, shape) - sd**2 / 2


def _prices(rng: np.random.Generator, reference: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    """(item, day) prices in steps, cut by promotions; (item, day) whether promoted."""
    price, promotion = np.empty((len(reference), days)), np.zeros((len(reference), days), bool)
    for i, middle in enumerate(reference):
        day = -int(rng.integers(0, PRICE_HELD[1]))
        while day < days:
            held = int(rng.integers(*PRICE_HELD))
            price[i, max(day, 0) : max(day + held, 0)] = middle * np.exp(rng.normal(0, PRICE_SD))
            day += held
        day = int(rng.integers(0, PROMOTION_GAP[1]))
        while day < days:
            last = day + int(rng.integers(*PROMOTION_DAYS))
            price[i, day:last] *= rng.choice(CUTS)
            promotion[i, day:last] = True
            day = last + int(rng.integers(*PROMOTION_GAP))
    return np.round(price, 2), promotion
