"""A panel as the demand model takes it: sums that stand for the exact cells, and lists of the censored ones."""

from typing import NamedTuple

import numpy as np

from calibration.demand.survival import terms_for
from calibration.panel import EXACT, INTERVAL, RIGHT_CENSORED, Panel

HARMONICS = 2
YEAR = 365.25
# Censored cells are sorted by bound into classes up to these, so that low bounds do not pay the terms of high ones.
BOUNDS = (30, 1_000, 100_000)
TERMS = tuple(terms_for(bound) for bound in BOUNDS)


class Cells(NamedTuple):
    """Censored cells, axis (cell,): demand >= low, or low <= demand <= high."""

    store: np.ndarray
    item: np.ndarray
    day: np.ndarray
    low: np.ndarray
    high: np.ndarray
    weight: np.ndarray


class Data(NamedTuple):
    """Arrays of the model; all numbers, so that another panel of the same sizes compiles nothing."""

    weight: np.ndarray  # (store, item, day) of exact cells, else 0
    sold: np.ndarray  # (store, item, day) weight x units of exact cells
    zero: np.ndarray  # (store, item, day) weight of exact cells with demand 0
    counts: np.ndarray  # (item, value) the values that occur, padded with 0
    times: np.ndarray  # (item, value) the weight of the cells with that value
    censored: tuple[Cells, ...]  # by class of bound
    between: tuple[Cells, ...]
    category: np.ndarray  # (item,)
    log_price: np.ndarray  # (store or 1, item, day)
    promotion: np.ndarray
    weekday: np.ndarray  # (day,)
    week: np.ndarray  # (day,)
    season: np.ndarray  # (harmonic, day)
    holiday: np.ndarray  # (holiday, day)
    start: np.ndarray  # (store, item) log of mean sales where something was on the shelf, shrunk to the item's
    weeks: np.ndarray  # (week,) 0, 1, ..
    categories: np.ndarray  # (category,) 0, 1, ..


def data(panel: Panel) -> Data:
    """Sorts the panel's cells by what they say; whole arrays, no loop over cells."""
    weight = np.where(panel.kind == EXACT, panel.weight, 0.0)
    counts, times = _histogram(panel.value, weight)
    return Data(
        weight=weight,
        sold=weight * panel.value,
        zero=np.where(panel.value == 0, weight, 0.0),
        counts=counts,
        times=times,
        censored=_classes(panel, RIGHT_CENSORED),
        between=_classes(panel, INTERVAL),
        category=panel.category,
        log_price=np.asarray(panel.log_price, float),
        promotion=np.asarray(panel.promotion, float),
        weekday=panel.weekday,
        week=panel.week,
        season=_season(panel.days),
        holiday=np.asarray(panel.holiday, float),
        start=_start(weight, panel.value),
        weeks=np.arange(panel.week.max() + 1),
        categories=np.arange(len(panel.categories)),
    )


def _season(days: np.ndarray) -> np.ndarray:
    """(harmonic, day) sines, then cosines, of the year."""
    angle = 2 * np.pi * np.arange(1, HARMONICS + 1)[:, None] * days.astype("datetime64[D]").astype(float) / YEAR
    return np.concatenate([np.sin(angle), np.cos(angle)])


def _histogram(value: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(item, value): which counts occur and how much they weigh; 0 needs none, for its log-gamma terms cancel."""
    found = []
    for item in range(value.shape[1]):
        here, place = np.unique(value[:, item], return_inverse=True)
        found.append((here, np.bincount(place.ravel(), weight[:, item].ravel(), len(here))))
    found = [(v[(v > 0) & (w > 0)], w[(v > 0) & (w > 0)]) for v, w in found]
    counts = np.zeros((len(found), max(1, *(len(v) for v, _ in found))))
    times = np.zeros_like(counts)
    for item, (v, w) in enumerate(found):
        counts[item, : len(v)], times[item, : len(v)] = v, w
    return counts, times


def _classes(panel: Panel, kind: int) -> tuple[Cells, ...]:
    interval = kind == INTERVAL
    # at least nothing: no information
    said = (panel.kind == kind) & (panel.weight > 0) & (interval | (panel.bound > 0))
    at = np.nonzero(said)
    high = panel.bound[at]
    low = panel.value[at] if interval else high
    if high.max(initial=0) > BOUNDS[-1]:
        raise ValueError(f"a bound of {high.max()} units: at most {BOUNDS[-1]}; count in cases")
    which = np.searchsorted(BOUNDS, high)
    return tuple(
        Cells(*(x[which == n] for x in (*at, low.astype(float), high.astype(float), panel.weight[at].astype(float))))
        for n in range(len(BOUNDS))
    )


def _start(weight: np.ndarray, value: np.ndarray) -> np.ndarray:
    total, days = (weight * value).sum(axis=2), weight.sum(axis=2)
    overall = (total.sum() + 1.0) / (days.sum() + 1.0)
    item = (total.sum(axis=0) + 7.0 * overall) / (days.sum(axis=0) + 7.0)
    return np.log((total + 28.0 * item) / (days + 28.0))
