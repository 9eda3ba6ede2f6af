"""A posterior beside what was believed before: parameters of all items together, lead times beside the tables' law."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import special, stats

from calibration.demand.model import ITEM_EFFECTS

BAND = (0.1, 0.9)
GRID = (np.arange(1000) + 0.5) / 1000  # quantiles that stand for a prior
LATE = 0.95


class Middle(NamedTuple):
    """A mean and its central 80 % interval."""

    mean: float
    low: float
    high: float


class Parameter(NamedTuple):
    """One figure of the company with its unit in the name."""

    name: str
    about: str
    prior: Middle
    posterior: Middle


class Lane(NamedTuple):
    """Lead times in whole days: what the fit says and what the tables said."""

    name: str
    mean: Middle
    late: Middle  # the 95th percentile
    mean_of_tables: float
    late_of_tables: float


# Site -> (name with unit, what it is, from the site's scale to the unit).
SHOWN = {
    "elasticity": ("elasticity of demand (% for 1 % of price)", "what demand does when a price rises by one per cent",
                   lambda x: x),
    "lift": ("lift of a promotion (%)", "more demand on a promoted day, beyond what its price does",
             lambda x: 100 * np.expm1(x)),
    "log_size": ("dispersion (%)", "how far an item's days scatter around their mean beyond chance: the coefficient of "
                 "variation of a fast item, 1 / square root of the negative binomial's size",
                 lambda x: 100 * np.exp(-x / 2)),
    "zero_logit": ("zero share (% of days)", "days on which nobody wants an item, beyond those that chance makes",
                   lambda x: 100 * special.expit(x)),
}  # fmt: skip


def middle(x: np.ndarray) -> Middle:
    return Middle(float(np.mean(x)), *map(float, np.quantile(x, BAND)))


def parameters(posterior: xr.Dataset) -> list[Parameter]:
    """Means of the population of items; those that the model has."""
    found = []
    for site, (name, about, unit) in SHOWN.items():
        if f"mean_{site}" in posterior:
            place, spread, _ = ITEM_EFFECTS[site]
            prior = unit(stats.norm.ppf(GRID, place, spread))
            found.append(Parameter(name, about, middle(prior), middle(unit(posterior[f"mean_{site}"].values))))
    return found


def lanes(tree: xr.DataTree) -> list[Lane]:
    """Lanes whose lead times were fitted, those furthest from the tables first; none where nothing was."""
    if "lead_times" not in tree:
        return []
    drawn, tables = tree["parameters"].dataset["lead_cdf"], tree["lead_times/constant_data"].dataset["lead_cdf"]
    means, lates = days_of(drawn.values)
    table_means, table_lates = days_of(tables.values)
    fitted = set(map(str, tree["lead_times/posterior"].dataset["lane"].values))
    found = [
        Lane(name, middle(means[:, n]), middle(lates[:, n]), float(table_means[n]), float(table_lates[n]))
        for n, name in enumerate(map(str, drawn["lane"].values)) if name in fitted
    ]  # fmt: skip
    return sorted(found, key=lambda lane: -abs(lane.mean.mean - lane.mean_of_tables))


def days_of(cdf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..) mean and 95th percentile in days of laws over days 1, 2, ..; cdf: (.., day), the last 1."""
    return 1 + (1 - cdf[..., :-1]).sum(axis=-1), 1 + (cdf < LATE).sum(axis=-1)
