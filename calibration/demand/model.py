"""Hierarchical demand: stores, items and their pairs; calendar by category; price, promotion; shared shocks; a drift.

log mean[s, i, t] = level[s, i] + elasticity_i log(price / reference) + lift_i promotion + weekday, season, holiday and
category-week of the item's category + company-week + store-day (CALIBRATION.md 3.2, D1 and D5). Item effects are
centred (2.2); stores sum to zero; the company's weeks follow a random walk. The shocks are the twin's own
(`twin.exogenous`): company, category-week, store-day.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import Array

from calibration.demand.data import HARMONICS, Data
from calibration.demand.distributions import ZeroInflatedNegativeBinomial
from calibration.demand.fused import LogMean, log_likelihood
from calibration.panel import Panel

# Variance parameters: Laplace holds them, then adds their own spread (`calibration.inference.laplace`).
VARIANCE = {"variance": True}
# Middle and spread of the population's mean, scale of its standard deviation (CALIBRATION.md 3.2, D1).
ITEM_EFFECTS = {
    "elasticity": (-1.5, 1.0, 0.75),
    "lift": (0.4, 0.5, 0.5),
    "log_size": (1.0, 1.0, 1.0),
    "zero_logit": (-2.5, 1.0, 1.0),
}
ItemEffects = dict[str, Array]


def demand(data: Data) -> None:
    """The model; its likelihood is fused, one factor an item."""
    log_mean, of_item = parameters(data)
    with numpyro.plate("item", len(data.category), dim=-1):
        total = log_likelihood(log_mean, jnp.exp(of_item["log_size"]), of_item["zero_logit"], data)
        numpyro.factor("likelihood", total)


def law(log_mean: LogMean, of_item: dict[str, Array]) -> ZeroInflatedNegativeBinomial:
    """Demand of every cell, for predictive draws and log-likelihoods by cell."""
    size, zero = (of_item[name][:, None] for name in ("log_size", "zero_logit"))
    return ZeroInflatedNegativeBinomial(jnp.exp(log_mean.cells()), jnp.exp(size), zero)


def parameters(data: Data, effects: dict[str, tuple[float, float, float]] | None = None) -> tuple[LogMean, ItemEffects]:
    """Samples every parameter: log mean of the cells, and the effects of items by name (`effects`)."""
    stores, items, _ = data.weight.shape
    level = _levels(stores, items, data)
    of_item = {}
    for name, (middle, spread, scale) in (effects or ITEM_EFFECTS).items():
        mean = numpyro.sample(f"mean_{name}", dist.Normal(middle, spread))
        s = numpyro.sample(f"s_{name}", dist.HalfNormal(scale), infer=VARIANCE)
        with numpyro.plate("item", items, dim=-1):
            of_item[name] = numpyro.sample(name, dist.Normal(mean, s))
    by_category = _calendar(data) + _weeks(data)
    line = of_item["elasticity"][:, None] * data.log_price + of_item["lift"][:, None] * data.promotion
    place = _store_days(stores, data.weight.shape[2])
    return LogMean(level, line + by_category[data.category], place), of_item


def _levels(stores: int, items: int, data: Data) -> Array:
    """(store, item) log level; the middle is that of the data, so that the unit of sale does not matter."""
    middle = numpyro.sample("intercept", dist.Normal(jnp.mean(data.start), 2.0))
    s_store, s_item, s_pair = (
        numpyro.sample(f"s_{name}", dist.HalfNormal(scale), infer=VARIANCE)
        for name, scale in (("store", 1.0), ("item", 1.5), ("pair", 0.5))
    )
    store: Array | float = 0.0
    if stores > 1:
        zero_sum = dist.ZeroSumNormal(s_store, (stores,))
        store = numpyro.sample("store_level", zero_sum, infer={"event_dims": ["store"]})[:, None]
    with numpyro.plate("item", items, dim=-1):
        item = numpyro.sample("item_level", dist.Normal(middle, s_item))
        with numpyro.plate("store", stores, dim=-2):
            return numpyro.sample("level", dist.Normal(item + store, s_pair))


def _calendar(data: Data) -> Array:
    """(category, day) weekday, season and holidays."""
    s_weekday, s_season, s_holiday = (
        numpyro.sample(f"s_{name}", dist.HalfNormal(scale), infer=VARIANCE)
        for name, scale in (("weekday", 0.3), ("season", 0.3), ("holiday", 0.5))
    )
    holidays = data.holiday.shape[0]
    mean_holiday = numpyro.sample("mean_holiday", dist.Normal(0.0, 0.5).expand([holidays]).to_event(1),
                                  infer={"event_dims": ["holiday_id"]})  # fmt: skip
    with numpyro.plate("category", len(data.categories), dim=-1):
        weekday = numpyro.sample("weekday", dist.ZeroSumNormal(s_weekday, (7,)), infer={"event_dims": ["day_of_week"]})
        season = numpyro.sample("season", dist.Normal(0.0, s_season).expand([2 * HARMONICS]).to_event(1),
                                infer={"event_dims": ["harmonic"]})  # fmt: skip
        holiday = numpyro.sample("holiday", dist.Normal(mean_holiday, s_holiday).to_event(1),
                                 infer={"event_dims": ["holiday_id"]})  # fmt: skip
    return weekday[:, data.weekday] + season @ data.season + holiday @ data.holiday


def _weeks(data: Data) -> Array:
    """(category, day) the company's drift and week, and the category's week.

    Both are measured from their own mean over the history, so that the levels alone say how much is sold.
    """
    weeks = len(data.weeks)
    s_drift, s_company, s_category = (
        numpyro.sample(name, dist.HalfNormal(scale), infer=VARIANCE)
        for name, scale in (("s_drift", 0.05), ("s_company_week", 0.2), ("s_category_week", 0.2))
    )
    drift = numpyro.sample("drift", dist.GaussianRandomWalk(s_drift, weeks), infer={"event_dims": ["week"]})
    company = numpyro.sample("company_week", dist.Normal(drift, s_company).to_event(1), infer={"event_dims": ["week"]})
    with numpyro.plate("category", len(data.categories), dim=-1):
        category = numpyro.sample("category_week", dist.Normal(0.0, s_category).expand([weeks]).to_event(1),
                                  infer={"event_dims": ["week"]})  # fmt: skip
    both = company - company.mean() + category - category.mean(axis=1, keepdims=True)
    return both[:, data.week]


def _store_days(stores: int, days: int) -> Array:
    """(store, day); so many that Laplace takes them as found, with the spread of the variational fit."""
    s = numpyro.sample("s_store_day", dist.HalfNormal(0.2), infer=VARIANCE)
    shock = dist.Normal(0.0, s).expand([stores, days]).to_event(2)
    return numpyro.sample("store_day", shock, infer={"held": True, "event_dims": ["store", "day"]})


def start(data: Data, effects: dict[str, tuple[float, float, float]] | None = None) -> dict[str, np.ndarray]:
    """An informed start, site by site: levels from mean sales, the rest where the priors have their middle."""
    stores, items, days = data.weight.shape
    categories, weeks, holidays = len(data.categories), len(data.weeks), data.holiday.shape[0]
    level = np.asarray(data.start, float)
    item, store = level.mean(axis=0), level.mean(axis=1) - level.mean()
    found = {
        "intercept": level.mean(), "item_level": item, "level": level,
        "weekday": np.zeros((categories, 7)), "season": np.zeros((categories, 2 * HARMONICS)),
        "mean_holiday": np.zeros(holidays), "holiday": np.zeros((categories, holidays)), "drift": np.zeros(weeks),
        "company_week": np.zeros(weeks), "category_week": np.zeros((categories, weeks)),
        "store_day": np.zeros((stores, days)),
    }  # fmt: skip
    if stores > 1:
        found["store_level"] = store
    for name, (middle, _, _) in (effects or ITEM_EFFECTS).items():
        found |= {name: np.full(items, middle), f"mean_{name}": np.asarray(middle), f"s_{name}": np.asarray(0.4)}
    scales = {"store": 0.3, "item": 0.6, "pair": 0.2, "weekday": 0.15, "season": 0.1, "holiday": 0.15,
              "drift": 0.01, "company_week": 0.03, "category_week": 0.03, "store_day": 0.05}  # fmt: skip
    return found | {f"s_{name}": np.asarray(value) for name, value in scales.items()}


def coordinates(panel: Panel) -> dict[str, list[str] | list[int]]:
    """Names of the axes of the posterior."""
    return {
        "store": panel.stores, "item": panel.items, "category": panel.categories, "holiday_id": panel.holidays,
        "day": [str(day) for day in panel.days], "week": list(range(int(panel.week.max()) + 1)),
        "day_of_week": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        "harmonic": [f"{wave} {n}" for wave in ("sine", "cosine") for n in range(1, HARMONICS + 1)],
    }  # fmt: skip
