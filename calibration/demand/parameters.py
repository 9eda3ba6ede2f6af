"""Posterior draws in the words of the simulator: the fields of `twin.exogenous.Params`, draw by draw.

The twin's mean is "before calendar and promotions", and its calendar stands in the company's own tables. So the mean is
set such that, over the coming days, mean times the tables' calendar is what the posterior expects without promotions.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr

from calibration.demand.data import YEAR
from calibration.panel import Panel
from twin.results import labels

WEEKS_A_YEAR = 52


class Horizon(NamedTuple):
    """The coming days as the company's tables give them, promotions left out."""

    days: np.ndarray  # (day,) datetime64[D]
    node_factor: np.ndarray  # (store, day) factors of mean demand
    item_factor: np.ndarray  # (item, day)
    log_price: np.ndarray  # (item,) log(price to come / reference price)


def parameters(posterior: xr.Dataset, panel: Panel, horizon: Horizon) -> xr.Dataset:
    """Fields by draw: demand_mean, demand_size, zero_share (draw, node, product), deviations of factors (draw,).

    The company's level is where its random walk stands on the last day. Shared factors of the twin have mean 1 where
    the model's shocks have median 1, so the mean takes e^(variance / 2). A year's factor is the mean of the random walk
    over a year to come: variance 52 / 3 weekly steps' (integral of a Wiener process).
    """
    flat = posterior.stack(sample=("chain", "draw")).transpose("sample", ...)
    value = {str(name): np.asarray(x.values, float) for name, x in flat.data_vars.items()}
    shocks = np.stack([value[f"s_{name}"] for name in ("company_week", "category_week", "store_day")])
    now = value["drift"][:, -1] - value["company_week"].mean(axis=1)
    common = now + 0.5 * (shocks**2).sum(axis=0)
    at_price = value["elasticity"] * horizon.log_price
    zero = 1 / (1 + np.exp(-value["zero_logit"]))
    level = value["level"] + (common[:, None] + at_price)[:, None, :]
    seasons = _seasons(value, panel, horizon)[:, panel.category]
    mean = (1 - zero)[:, None, :] * np.exp(level) * seasons[:, None, :]
    place = ("draw", "node", "product")
    by_item = np.broadcast_to
    return xr.Dataset(
        {
            "demand_mean": (place, mean / of_tables(horizon)),
            "demand_size": (place, by_item(np.exp(value["log_size"])[:, None, :], mean.shape)),
            "zero_share": (place, by_item(zero[:, None, :], mean.shape)),
            "company_week": ("draw", shocks[0]),
            "category_week": ("draw", shocks[1]),
            "store_day": ("draw", shocks[2]),
            "company_year": ("draw", value["s_drift"] * np.sqrt(WEEKS_A_YEAR / 3)),
        },
        coords={"node": labels(panel.stores), "product": labels(panel.items)},
    )


def of_tables(horizon: Horizon) -> np.ndarray:
    """(store, item) mean of the tables' calendar over the coming days: times it, `demand_mean` is units a day."""
    return np.asarray(np.einsum("st,it->si", horizon.node_factor, horizon.item_factor) / len(horizon.days))


def _seasons(value: dict[str, np.ndarray], panel: Panel, horizon: Horizon) -> np.ndarray:
    """(draw, category) mean over the coming days of e^(weekday + season + holiday)."""
    days = horizon.days.astype("datetime64[D]")
    weekday = value["weekday"][:, :, (days.astype(int) + 3) % 7]
    harmonics = value["season"].shape[2] // 2
    angle = 2 * np.pi * np.arange(1, harmonics + 1)[:, None] * days.astype(float) / YEAR
    season = value["season"] @ np.concatenate([np.sin(angle), np.cos(angle)])
    holiday = value["holiday"] @ _holidays(panel, days) if len(panel.holiday) else 0.0
    return np.exp(weekday + season + holiday).mean(axis=2)


def _holidays(panel: Panel, days: np.ndarray) -> np.ndarray:
    """(holiday, day) as in the last known year, by the day of the year."""
    known = panel.days.astype("datetime64[D]")
    last = known > known[-1] - np.timedelta64(366, "D")
    of_year = (known - known.astype("datetime64[Y]")).astype(int)
    coming = (days - days.astype("datetime64[Y]")).astype(int)
    return np.stack([np.isin(coming, of_year[last & (row > 0)]).astype(float) for row in panel.holiday])
