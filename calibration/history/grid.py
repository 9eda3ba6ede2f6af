"""From rows to cells: every table laid out on the axes store, item and day."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from calibration.history.cells import Observed

DELISTED = 28  # days without a row before the end after which a pair counts as no longer sold


@dataclass(frozen=True)
class Grid:
    """Axes (store, item, day); days consecutive, the last one the day before the as-of date."""

    stores: list[str]
    items: list[str]
    days: np.ndarray  # (day,) datetime64[D]
    seen: Observed
    returns: np.ndarray  # (store, item, day) units that came back
    price: np.ndarray  # (store or 1, item, day) at the till, gaps filled; a store axis only where prices differ
    promotion: np.ndarray  # (store or 1, item, day) bool
    identity: np.ndarray  # (store, item, day) 1: stock identity holds, 0: broken, NaN: cannot be told
    holidays: list[str]
    holiday: np.ndarray  # (holiday, day) 0 or 1


def lay_out(frames: dict[str, pd.DataFrame], as_of: date) -> Grid:
    """The cells of all pairs that were ever sold, planned or stocked. `frames` as known on the day."""
    sales = frames["sales"]
    stores = sorted(set(sales["node"].astype(str)))
    items = sorted(set(sales["product"].astype(str)))
    first = sales["date"].min()
    days = np.arange(np.datetime64(first, "D"), np.datetime64(as_of, "D"))
    place = _Places(stores, items, first, len(days))
    units = place.values(sales, "units")
    inventory = frames.get("inventory")
    stock = inventory if inventory is not None else sales
    opening, closing = place.values(stock, "on_hand_open"), place.values(stock, "on_hand_close")
    plan = frames.get("plan")
    calendar = frames.get("calendar")
    is_open, holidays, holiday = _calendar(calendar, place, len(days))
    listed = _listed([f for f in (sales, inventory, plan) if f is not None], place)
    returns = np.nan_to_num(place.values(sales, "returns"))
    moved = np.nan_to_num(place.values(stock, "receipts")) + np.nan_to_num(place.values(stock, "adjustments"))
    # customers' returns go back to the shelf or not, as the shop decides: both ways are an identity
    gap = opening + moved - units - closing
    broken = (np.abs(gap) > 0.5) & (np.abs(gap + returns) > 0.5)
    identity = np.where(np.isnan(gap), np.nan, (~broken).astype(float))
    trusted = np.where((identity == 0) | (closing < 0), np.nan, 1.0)
    seen = Observed(
        units=units, on_hand_open=opening * trusted, on_hand_close=closing * trusted,
        in_stock=place.values(stock, "in_stock"), open=np.broadcast_to(is_open[:, None, :], units.shape),
        listed=listed, quarantined=np.zeros(units.shape, bool),
    )  # fmt: skip
    price = _filled(place.values(sales, "price"), None if plan is None else place.values(plan, "price"))
    promotion = place.values(sales.assign(promotion=sales["promotion"].astype(float)), "promotion")
    if plan is not None:
        planned = place.values(plan.assign(promotion=plan["promotion"].astype(float)), "promotion")
        promotion = np.where(np.isnan(promotion), planned, promotion)
    return Grid(stores, items, days, seen, returns, price, _one_store(np.nan_to_num(promotion)) > 0, identity, holidays,
                holiday)  # fmt: skip


class _Places:
    """Where a row stands on the axes; rows about others, or outside the days, stand nowhere."""

    def __init__(self, stores: list[str], items: list[str], first: pd.Timestamp, days: int) -> None:
        self.stores, self.items, self.first = pd.Index(stores), pd.Index(items), first
        self.shape = (len(stores), len(items), days)

    def of(self, frame: pd.DataFrame) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """(store, item, day) of the rows that stand somewhere, and which rows those are."""
        store = self.stores.get_indexer(frame["node"].astype(str))
        item = self.items.get_indexer(frame["product"].astype(str))
        day = (frame["date"] - self.first).dt.days.to_numpy()
        ok = (store >= 0) & (item >= 0) & (day >= 0) & (day < self.shape[2])
        return (store[ok], item[ok], day[ok]), ok

    def values(self, frame: pd.DataFrame, column: str) -> np.ndarray:
        """(store, item, day) the column, NaN where there is no row or no such column."""
        found = np.full(self.shape, np.nan)
        if column in frame:
            at, ok = self.of(frame)
            found[at] = frame[column].to_numpy(float, na_value=np.nan)[ok]
        return found


def _listed(frames: list[pd.DataFrame], place: _Places) -> np.ndarray:
    """(store, item, day) from the first row of a pair in any table to its last; to the end if that is near."""
    first, last = np.full(place.shape[:2], place.shape[2]), np.full(place.shape[:2], -1)
    for frame in frames:
        (store, item, day), _ = place.of(frame)
        np.minimum.at(first, (store, item), day)
        np.maximum.at(last, (store, item), day)
    last = np.where((last >= 0) & (last >= place.shape[2] - DELISTED), place.shape[2] - 1, last)
    day = np.arange(place.shape[2])
    return (day >= first[:, :, None]) & (day <= last[:, :, None])


def _calendar(frame: pd.DataFrame | None, place: _Places, days: int) -> tuple[np.ndarray, list[str], np.ndarray]:
    """((store, day) open, names of holidays, (holiday, day)); a holiday anywhere is one everywhere."""
    is_open = np.ones((place.shape[0], days), bool)
    if frame is None:
        return is_open, [], np.zeros((0, days))
    store = place.stores.get_indexer(frame["node"].astype(str))
    day = (frame["date"] - place.first).dt.days.to_numpy()
    ok = (store >= 0) & (day >= 0) & (day < days)
    is_open[store[ok], day[ok]] = frame["open"].to_numpy(bool)[ok]
    names = frame["holiday"].astype(object).where(frame["holiday"].notna(), "").astype(str).to_numpy()
    holidays = sorted(set(names[ok]) - {"", "None"})
    holiday = np.zeros((len(holidays), days))
    for n, name in enumerate(holidays):
        holiday[n, day[ok & (names == name)]] = 1
    return is_open, holidays, holiday


def _one_store(values: np.ndarray) -> np.ndarray:
    """(1, item, day) where all stores agree."""
    return values[:1] if (values == values[:1]).all() else values


def _filled(price: np.ndarray, planned: np.ndarray | None) -> np.ndarray:
    """Prices of days without a sale: as planned, else the last known, else the next."""
    if planned is not None:
        price = np.where(np.isnan(price), planned, price)
    with np.errstate(all="ignore"):
        high, low = np.fmax.reduce(price, axis=0), np.fmin.reduce(price, axis=0)
    if np.nanmax(high - low, initial=0.0, where=~np.isnan(high)) < 1e-9:
        price = high[None]
    flat = pd.DataFrame(price.reshape(-1, price.shape[-1]).T).ffill().bfill()
    return flat.to_numpy().T.reshape(price.shape)
