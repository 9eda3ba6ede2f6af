"""The company's own last weeks, kept from a fit and foretold by it: sales of the stock there was, and orders that came.

The model's weeks run on through the hidden days, so its posterior there is the forecast: the drift walks on, shocks
come from their law. Prices, promotions and holidays of those days count as planned. Stock is taken as it was: sales
without it say little about demand (CALIBRATION.md 3.7).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
import xarray as xr

from calibration.backtest.judged import Draws, Outcomes
from calibration.backtest.rivals import YEAR, seasonal
from calibration.backtest.scores import coverage
from calibration.demand import model
from calibration.demand.data import data
from calibration.demand.predictive import groups
from calibration.inference import fit
from calibration.inference.gates import Gate, most
from calibration.inference.laplace import Blocks
from calibration.lead_times.families import LOGNORMAL
from calibration.lead_times.fitting import book_of, family_of_each_lane, fitted, shipments
from calibration.lead_times.forecast import residual, whole_days
from calibration.lead_times.laws import laws_of_orders, sizes_of
from calibration.lead_times.orders import RULES
from calibration.panel import MASKED, Panel
from calibration.report.history import WEEK, comparable, weeks
from twin.assembly.structure import LaneId

# Points by which the share of cells inside a range may be off (CALIBRATION.md 3.4, h = 1 .. 28 days).
LIMITS = {0.5: 0.03, 0.8: 0.03, 0.95: 0.015}
CENTS = 100
RECENT = 8  # weeks
LAST_YEAR, LAST_WEEKS = "last year's week", f"one of the last {RECENT} weeks"
BY_DAY = {"value": 0, "bound": 0, "kind": MASKED, "weight": 0.0, "stock": np.nan}  # what a cell not recorded has


class Told(NamedTuple):
    """What was said of the weeks after one origin, and what came: by measure (week,) and (draw, week).

    met: units sold. takings: cents. arrivals: units of what was on order at the origin, in the week they came.
    """

    tree: xr.DataTree  # the fit, its groups cut to the hidden days
    actual: dict[str, np.ndarray]
    said: dict[str, np.ndarray]


def until(panel: Panel, end: int) -> Panel:
    """The first `end` days."""
    names = (*BY_DAY, "rule", "price", "log_price", "promotion", "holiday", "open")
    by_day: dict[str, Any] = {name: getattr(panel, name)[..., :end] for name in names}
    return replace(panel, days=panel.days[:end], **by_day)


def as_known(whole: Panel, then: Panel) -> Panel:
    """`whole` with no record but that of `then`, an earlier view of the same history."""
    pairs = (whole.stores, then.stores), (whole.items, then.items)
    store, item = (np.array([names.index(name) for name in own]) for names, own in pairs)
    at = np.ix_(store, item, np.searchsorted(whole.days, then.days))

    def laid(name: str, blank: float) -> np.ndarray:
        values = getattr(then, name)
        found = np.full(whole.shape, blank, values.dtype)
        found[at] = values
        return found

    cells: dict[str, Any] = {name: laid(name, blank) for name, blank in BY_DAY.items()}
    return replace(whole, **cells)


def sales(whole: Panel, then: Panel, how: dict[str, Any]) -> Told:
    """Fit what `then` knows and foretell the later days of `whole`, whole weeks of them. how: of `fit`."""
    seen, hidden = as_known(whole, then), slice(-int((whole.days > then.days[-1]).sum()), None)
    arrays = data(seen)
    tree = fit(
        model.demand, arrays, blocks=Blocks("item", "category", seen.category), start=model.start(arrays),
        coords=model.coordinates(seen), **how,
    )  # fmt: skip
    for name, group in groups(tree, arrays, whole, how["seed"]).items():
        tree[name] = xr.DataTree(group.isel(day=hidden))
    units = weeks(tree)
    takings = weeks(tree, np.rint(CENTS * np.nan_to_num(whole.price[..., hidden])))
    return Told(
        tree, {"met": units.sold[0], "takings": takings.sold[0]},
        {"met": units.said[:, 0], "takings": takings.said[:, 0]},
    )  # fmt: skip


def families_known(then: pd.DataFrame, origin: date, how: dict[str, Any]) -> dict[LaneId, int]:
    """The family of each lane as order lines known at the first origin choose it; later origins keep it."""
    with jax.enable_x64(True):
        book = book_of(then, origin)
        return dict(zip(book.lanes, family_of_each_lane(book, how["seed"], how["steps"]).tolist(), strict=True))


def with_arrivals(
    told: Told, then: pd.DataFrame, now: pd.DataFrame, origin: date, family_of: dict[LaneId, int], how: dict[str, Any]
) -> Told:
    """`told` and when what was on order on the morning of `origin` came, if anything was.

    then, now: order lines as known then and later. What an order will bring is what orders of its source brought so far
    for each unit ordered. family_of: of `families_known`; lanes that came later are lognormal. how: of `fit`.
    """
    morning, ahead, seed = pd.Timestamp(origin), len(told.actual["met"]), how["seed"]
    with jax.enable_x64(True):
        book, sent = book_of(then, origin), shipments(then)
        waits = book.rule == RULES.index("open")
        if not waits.any():
            return told
        orders, family = book.orders, np.array([family_of.get(lane, LOGNORMAL) for lane in book.lanes])
        tree = fitted(orders, book, family[np.asarray(orders.lane)], **how)
        mean, shape = (x[:, waits] for x in laws_of_orders(tree, orders, sizes_of(book)))
    luck = np.random.default_rng([seed, 5]).random(mean.shape)
    lane, age = np.asarray(orders.lane)[waits], np.asarray(orders.lower)[waits]
    took = whole_days(residual(luck, age, mean, shape, family[lane]), book.rounding)
    open_ = sent.loc[book.rows[waits]]
    units = open_["ordered_units"].to_numpy(float) * np.asarray(orders.weight)[waits] * _brought(sent, open_["source"])
    said = by_week_of_arrival(took, (morning - open_["ordered"]).dt.days.to_numpy(), units, ahead)
    came = now[(now["ordered"] < morning) & (now["received"] >= morning)]
    week = ((came["received"] - morning).dt.days // WEEK).to_numpy()
    soon = week < ahead
    actual = np.bincount(week[soon], came["received_units"].to_numpy(float)[soon], ahead)
    return told._replace(actual=told.actual | {"arrivals": actual}, said=told.said | {"arrivals": said})


def by_week_of_arrival(took: np.ndarray, age: np.ndarray, units: np.ndarray, ahead: int) -> np.ndarray:
    """(draw, week) units that come: took (draw, order) whole days from order to arrival; age, units (order,)."""
    week = (took - age) // WEEK
    return np.stack([(units * (week == n)).sum(axis=1) for n in range(ahead)], axis=1)


def _brought(sent: pd.DataFrame, source: pd.Series) -> np.ndarray:
    """Units received for each unit ordered, over the source's closed shipments; 1 where there is none."""
    closed = sent[sent["received"].notna()].groupby("source")[["ordered_units", "received_units"]].sum()
    return (closed["received_units"] / closed["ordered_units"]).reindex(source).fillna(1.0).to_numpy(float)


def rivals(whole: Panel, origins: Sequence[int], ahead: int) -> dict[str, Draws]:
    """Forecasts by name (origin, draw, week), of units sold and takings, from what was sold before each origin.

    origins: places on the day axis, whole weeks apart. Any of the last weeks, all alike; and, with a year before the
    first origin, last year's week plus what that rule missed by.
    """
    kept, sold = comparable(whole.value, whole.kind, whole.bound, whole.stock, whole.weight)
    of_day = {"met": sold, "takings": sold * np.rint(CENTS * np.nan_to_num(whole.price))}
    begin = origins[0] % WEEK
    at = [origin // WEEK for origin in origins]
    by_week = {}
    for name, x in of_day.items():
        days = np.where(kept, x, 0.0).sum(axis=(0, 1))[begin:]
        by_week[name] = days[: len(days) // WEEK * WEEK].reshape(-1, WEEK).sum(axis=1)
    recent = min(RECENT, at[0])
    found = {LAST_WEEKS: {
        name: np.stack([np.repeat(x[place - recent : place, None], ahead, axis=1) for place in at])
        for name, x in by_week.items()
    }}  # fmt: skip
    if at[0] > YEAR:
        found[LAST_YEAR] = {name: seasonal(x, at, ahead) for name, x in by_week.items()}
    return found


def together(told: Sequence[Told]) -> tuple[Outcomes, Draws]:
    """((origin, week), (origin, draw, week)) by measure that every origin has."""
    names = [name for name in told[0].actual if all(name in one.actual for one in told)]
    return (
        {name: np.stack([one.actual[name] for one in told]) for name in names},
        {name: np.stack([one.said[name] for one in told]) for name in names},
    )


def cells(told: Sequence[Told]) -> xr.DataTree:
    """The hidden days of all origins, one after the other, as the groups that `calibration.report.history` reads."""
    names = ("posterior_predictive", "observed_data", "constant_data")
    return xr.DataTree.from_dict(
        {name: xr.concat([one.tree[name].to_dataset() for one in told], "day", data_vars="minimal") for name in names}
    )


def gates(pits: np.ndarray) -> list[Gate]:
    """Whether ranges hold what they should, or as near to it as chance allows; pits of hidden cells, NaN left out."""
    known = pits[~np.isnan(pits)]
    found = []
    for level, limit in LIMITS.items():
        covers = coverage(known, level)
        remedy = f"{'too wide' if covers.share > level else 'too narrow'}: see where, by kind of day and item"
        allowed = max(limit, level - covers.low)
        found.append(most(f"hidden cells inside {level:.0%}, off by", abs(covers.share - level), allowed, remedy))
    return found
