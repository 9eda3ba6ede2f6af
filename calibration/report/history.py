"""A fit beside the history it was made from: PIT of every cell, coverage by segment, weeks of sales.

Takes the groups that `calibration.demand.predictive` keeps with a fit. The cells were in the fit, so this shows a law
that does not suit them, not how well weeks to come are foretold: that is the back-test's.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr

from calibration.backtest.scores import Coverage, coverage
from calibration.panel import EXACT, INTERVAL, MASKED, RIGHT_CENSORED

LEVELS = (0.5, 0.8, 0.95)
WEEK = 7
# Limits of the classes: expected units a day, and the share of days on which nothing is wanted.
SPEEDS, SPEED_NAMES = (1.0, 10.0), ("slow, below 1 a day", "1 to 10 a day", "fast, over 10 a day")
ZEROS, ZERO_NAMES = (0.15, 0.85), ("zeros below 15 %", "zeros 15 to 85 %", "zeros over 85 %")
PROMOTED = ("ordinary days", "promotion")


class Segment(NamedTuple):
    """Coverage at LEVELS of the cells of one kind; censored: the share of them that are bounds and no counts."""

    covers: tuple[Coverage, ...]
    censored: float


class Weeks(NamedTuple):
    """Units sold by week, beside what the fit would have sold of the same stock. The first group is the company."""

    groups: list[str]
    begin: np.ndarray  # (week,) datetime64[D], the first day
    sold: np.ndarray  # (group, week) units, or what they are worth
    said: np.ndarray  # (draw, group, week) likewise
    left_out: float  # share of the cells with a record that both sides leave out
    uncut: float  # share of the cells kept whose stock is not recorded


def demand_of(tree: xr.DataTree) -> np.ndarray:
    """(draw, store, item, day) demand drawn from the posterior predictive, units."""
    return np.asarray(tree["posterior_predictive"].dataset["demand"].values[0])


def informed(tree: xr.DataTree) -> np.ndarray:
    """(store, item, day) bool: whether the record says anything; at least nothing is nothing."""
    seen = tree["observed_data"].dataset
    nothing = (seen["kind"].values == RIGHT_CENSORED) & (seen["bound"].values <= 0)
    return (seen["kind"].values != MASKED) & (tree["constant_data"].dataset["weight"].values > 0) & ~nothing


def pits(tree: xr.DataTree, rng: np.random.Generator) -> np.ndarray:
    """(store, item, day) randomised PIT, NaN where the record says nothing: uniform if the fit is right.

    A count y: (rank of y among the m draws + u) / (m + 1), ties at random (Czado, Gneiting & Held, Biometrics 65
    (2009), 1254-1261). A sold-out day says demand >= b and no more: its rank is any of those that a demand of b or
    more can have, all alike, which makes the PIT uniform between F(b - 1) and 1 and that of all cells together uniform
    again, exactly so with m draws. An interval likewise. Taking the sales of such a day for its demand instead would
    empty the high end.
    """
    draws, seen = demand_of(tree), tree["observed_data"].dataset
    value, kind, bound = (seen[name].values for name in ("demand", "kind", "bound"))
    low = np.where(kind == RIGHT_CENSORED, bound, value)
    high = np.where(kind == INTERVAL, bound, value)
    first = (draws < low).sum(axis=0)
    last = np.where(kind == RIGHT_CENSORED, len(draws), (draws <= high).sum(axis=0))
    rank = first + np.floor(rng.random(first.shape) * (last - first + 1))
    return np.where(informed(tree), (rank + rng.random(first.shape)) / (len(draws) + 1), np.nan)


def by_segment(tree: xr.DataTree, pit: np.ndarray) -> dict[str, Segment]:
    """Coverage by speed x promotion x share of zeros, the company first; pit: of `pits`.

    Speed and zeros are what the fit expects of a store's item, not what happened: choosing cells by their outcome would
    make a right fit look wrong.
    """
    draws, promotion = demand_of(tree), tree["constant_data"].dataset["promotion"].values
    speed = np.searchsorted(SPEEDS, draws.mean(axis=(0, 3)), side="right")[..., None]
    zeros = np.searchsorted(ZEROS, (draws == 0).mean(axis=(0, 3)), side="right")[..., None]
    known, censored = ~np.isnan(pit), tree["observed_data"].dataset["kind"].values == RIGHT_CENSORED

    def segment(here: np.ndarray) -> Segment:
        return Segment(tuple(coverage(pit[here], level) for level in LEVELS), float(censored[here].mean()))

    found = {"all": segment(known)} if known.any() else {}
    for s, speed_name in enumerate(SPEED_NAMES):
        for z, zero_name in enumerate(ZERO_NAMES):
            for p, promoted in enumerate(PROMOTED):
                here = known & (speed == s) & (zeros == z) & ((promotion > 0) == p)
                if here.any():
                    found[f"{speed_name}, {zero_name}, {promoted}"] = segment(here)
    return found


def comparable(
    value: np.ndarray, kind: np.ndarray, bound: np.ndarray, stock: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(which cells of (store, item, day) tell what was sold of a stock, the units sold there)."""
    kept = (kind != MASKED) & (weight > 0) & ((kind == EXACT) | (kind == INTERVAL) | ~np.isnan(stock))
    return kept, np.where(kept, np.where(kind == INTERVAL, (value + bound) / 2, value), 0.0)


def weeks(tree: xr.DataTree, worth: np.ndarray | float = 1.0) -> Weeks:
    """Whole weeks, the last one ending with the history.

    worth: what a unit counts for, (store, item, day), for instance its price.

    Sales are not demand, so demand is cut at what there was to sell, sold-out days and others alike. Where stock is not
    recorded nothing is cut, for then the fit too takes sales for demand. Days with stock for part of the day only have
    no such figure, and both sides leave them out.
    """
    seen, weight = tree["observed_data"].dataset, tree["constant_data"].dataset["weight"].values
    value, kind, bound, stock = (seen[name].values for name in ("demand", "kind", "bound", "stock"))
    recorded, (kept, sold) = (kind != MASKED) & (weight > 0), comparable(value, kind, bound, stock, weight)
    said = np.where(kept, np.fmin(demand_of(tree), stock), 0.0)
    category = tree["constant_data"].dataset["category"].values
    names = sorted(set(category), key=lambda name: -sold[:, category == name].sum())
    member = np.stack([np.ones(len(category), bool), *(category == name for name in names)]).astype(float)
    number = value.shape[2] // WEEK
    days = seen["day"].values.astype("datetime64[D]")[-WEEK * number :]

    def weekly(x: np.ndarray) -> np.ndarray:
        by_group = np.einsum("...sid,gi->...gd", (x * worth)[..., -WEEK * number :], member, optimize=True)
        return by_group.reshape(*by_group.shape[:-1], number, WEEK).sum(axis=-1)

    cells = max(recorded.sum(), 1)
    return Weeks(
        ["company", *map(str, names)], days[::WEEK], weekly(sold), weekly(said), 1 - kept.sum() / cells,
        float(np.isnan(stock[kept]).mean()) if kept.any() else 0.0,
    )  # fmt: skip
