"""The bad-data rules as figures: how often each applied, of how much, and from where on the history is refused."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from calibration.history.cells import NAMES
from calibration.history.grid import DELISTED, Grid


class Counter(NamedTuple):
    """One rule. `rows` are the cells or rows behind the figure, with names, at most SHOWN of them."""

    rule: str
    found: int
    of: int
    limit: float  # largest share that passes; 0: none may
    does: str  # what the rule does with such cells
    rows: pd.DataFrame

    @property
    def share(self) -> float:
        return self.found / max(self.of, 1)

    @property
    def failed(self) -> bool:
        return self.share > self.limit


SHOWN = 1000


def count_rules(
    grid: Grid, rule: np.ndarray, spikes: pd.DataFrame, frames: dict[str, pd.DataFrame], repeats: int
) -> list[Counter]:
    """The counters of CALIBRATION.md 3.1 with their thresholds. `rule` (store, item, day) as in `Panel`."""
    seen = grid.seen
    on_sale = seen.listed & seen.open
    missing = rule == NAMES.index("not recorded")
    units = np.where(np.isnan(seen.units), 0, seen.units)
    net = units.sum(axis=2) - grid.returns.sum(axis=2)
    gaps = _longest_gap(missing) > DELISTED
    told = ~np.isnan(grid.identity)
    no_flag = (rule == NAMES.index("stock not recorded")) | (
        rule == NAMES.index("stock not recorded, long run of zeros")
    )
    found = [
        _cells("missing day, store open", missing, int(on_sale.sum()), 0.05, "masked, never 0", grid),
        _pairs("listing unknown", gaps, 0.10, "masked between first and last row", grid),
        _pairs("returns above sales", net < 0, 0.0, "split off; net sales of a pair cannot be below 0", grid),
        Counter("exact repeats", repeats, len(frames["sales"]) + repeats, 1.0, "dropped", pd.DataFrame()),
        # the screen knows no season: what neighbours speak for is kept and does not count against the history
        _spikes("spikes", spikes[spikes["label"] == "error"], 0.001, "masked, kept to be looked at", on_sale, grid),
        _spikes("spikes with evidence", spikes[spikes["label"] == "real"], 1.0, "kept as demand", on_sale, grid),
        _cells("stock identity broken", grid.identity == 0, int(told.sum()), 0.01, "stock not believed that day", grid),
        _cells("stock not recorded", no_flag, int(on_sale.sum()), 1.0, "a sold-out day may hide in it", grid),
        _cells(
            "sold out", rule == NAMES.index("sold out"), int(on_sale.sum()), 1.0, "demand at least what was sold", grid
        ),
    ]
    orders = frames.get("purchase_orders")
    if orders is not None:
        early = (orders["received"] < orders["ordered"]).to_numpy()
        found.append(
            Counter("received before ordered", int(early.sum()), len(orders), 0.02, "masked", orders[early].head(SHOWN))
        )
    return found


def _cells(rule: str, where: np.ndarray, of: int, limit: float, does: str, grid: Grid) -> Counter:
    store, item, day = (axis[:SHOWN] for axis in np.nonzero(where))
    return Counter(rule, int(where.sum()), of, limit, does,
                   _named(pd.DataFrame({"store": store, "item": item, "day": day}), grid))  # fmt: skip


def _spikes(rule: str, found: pd.DataFrame, limit: float, does: str, on_sale: np.ndarray, grid: Grid) -> Counter:
    return Counter(rule, len(found), int(on_sale.sum()), limit, does, _named(found.head(SHOWN), grid))


def _pairs(rule: str, where: np.ndarray, limit: float, does: str, grid: Grid) -> Counter:
    store, item = (axis[:SHOWN] for axis in np.nonzero(where))
    rows = pd.DataFrame({"node": np.array(grid.stores)[store], "product": np.array(grid.items)[item]})
    return Counter(rule, int(where.sum()), int(grid.seen.listed.any(axis=2).sum()), limit, does, rows)


def _named(cells: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Places on the axes as names and dates."""
    names = pd.DataFrame({
        "date": grid.days[cells["day"].to_numpy(int)], "node": np.array(grid.stores)[cells["store"].to_numpy(int)],
        "product": np.array(grid.items)[cells["item"].to_numpy(int)],
    })  # fmt: skip
    return pd.concat([names, cells.drop(columns=["store", "item", "day"]).reset_index(drop=True)], axis=1)


def _longest_gap(missing: np.ndarray) -> np.ndarray:
    """(store, item) longest run of missing days."""
    run, longest = np.zeros(missing.shape[:2], int), np.zeros(missing.shape[:2], int)
    for day in range(missing.shape[2]):
        run = (run + 1) * missing[:, :, day]
        np.maximum(longest, run, out=longest)
    return longest
