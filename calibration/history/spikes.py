"""Sales too large to be chance: each is labelled error or real, with what speaks for it; nothing is deleted.

An error is quarantined (its cell is masked); a real one stays, for heavy tails and promotions are demand
(CALIBRATION.md 3.1: outliers are kept). Flagged: P(count >= units) < 1e-6 under a negative binomial with the pair's
own trimmed mean and variance, the mean raised on promoted days by the item's own ratio.
"""

import numpy as np
import pandas as pd
from scipy import stats

from calibration.history.grid import Grid

RARE = 1e-6
CUT, MORE = 0.95, 1.5  # a price is cut below this share of its middle; neighbours are up above this ratio


def find_spikes(grid: Grid) -> pd.DataFrame:
    """One row a spike: store, item, day (places), units, mean, probability, evidence, label."""
    units = grid.seen.units
    counted = np.where(grid.seen.listed & grid.seen.open, units, np.nan)
    ordinary, variance = _trimmed(counted)
    size = np.where(variance > ordinary, ordinary**2 / np.maximum(variance - ordinary, 1e-9), 1e6)
    mean = ordinary * _promoted(counted, grid.promotion)
    tail = stats.nbinom.sf(np.nan_to_num(units) - 1, size, size / (size + mean))
    store, item, day = np.nonzero((tail < RARE) & ~np.isnan(counted))
    found = pd.DataFrame({
        "store": store, "item": item, "day": day, "units": units[store, item, day], "mean": mean[store, item, day],
        "probability": tail[store, item, day],
    })  # fmt: skip
    evidence = [
        _evidence(grid, counted, ordinary, s, i, d)
        for s, i, d in zip(*map(np.ndarray.tolist, (store, item, day)), strict=True)
    ]
    found["evidence"] = ["; ".join(words) or "nothing speaks for it" for words, _ in evidence]
    found["label"] = ["real" if real else "error" for _, real in evidence]
    return found


def _trimmed(counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(store, item, 1) mean and variance without the largest 1 % of a pair's days, and at least without one."""
    ordered = np.sort(counted, axis=2)  # NaN last
    n = (~np.isnan(counted)).sum(axis=2, keepdims=True)
    kept = np.where(np.arange(counted.shape[2]) < n - np.maximum(np.ceil(0.01 * n), 1), ordered, np.nan)
    count = np.maximum((~np.isnan(kept)).sum(axis=2, keepdims=True), 1)
    mean = np.nansum(kept, axis=2, keepdims=True) / count
    variance = np.nansum((kept - mean) ** 2, axis=2, keepdims=True) / count
    return np.maximum(mean, 0.1), variance


def _promoted(counted: np.ndarray, promotion: np.ndarray) -> np.ndarray:
    """(store, item, day) what a promotion multiplies an item's mean by, over all stores; at least 1, else 1."""
    promoted = np.broadcast_to(promotion, counted.shape) & ~np.isnan(counted)
    others = ~promoted & ~np.isnan(counted)
    sold = np.nan_to_num(counted)
    with_it = (sold * promoted).sum(axis=(0, 2)) / np.maximum(promoted.sum(axis=(0, 2)), 1)
    without = (sold * others).sum(axis=(0, 2)) / np.maximum(others.sum(axis=(0, 2)), 1)
    ratio = np.maximum(with_it / np.maximum(without, 0.1), 1)
    return np.where(promotion, ratio[None, :, None], 1.0)


def _evidence(
    grid: Grid, counted: np.ndarray, mean: np.ndarray, store: int, item: int, day: int
) -> tuple[list[str], bool]:
    """What speaks for the figure, in words, and whether that is enough to believe it."""
    words = []
    if grid.identity[store, item, day] == 0:
        return ["stock did not fall by as much"], False
    shop = min(store, len(grid.price) - 1)
    middle = np.median(grid.price[shop, item])
    if grid.promotion[min(store, len(grid.promotion) - 1), item, day]:
        words.append("promotion")
    if grid.price[shop, item, day] < CUT * middle:
        words.append(f"price {grid.price[shop, item, day] / middle - 1:.0%}")
    if grid.holiday[:, day].any():
        words.append("holiday")
    others = np.arange(len(grid.stores)) != store
    asked = {
        "same item elsewhere": _ratio(counted[others, item, day], mean[others, item, 0]),
        "same store": _ratio(np.delete(counted[store, :, day], item), np.delete(mean[store, :, 0], item)),
        "days beside it": _ratio(counted[store, item, [day - 1, min(day + 1, counted.shape[2] - 1)]],
                                 np.repeat(mean[store, item, 0], 2)),
    }  # fmt: skip
    words += [f"{name} x{ratio:.1f}" for name, ratio in asked.items() if ratio > MORE]
    if grid.identity[store, item, day] == 1:
        words.append("stock fell by as much")
    return words, bool(words)


def _ratio(units: np.ndarray, mean: np.ndarray) -> float:
    known = ~np.isnan(units)
    return float(units[known].sum() / mean[known].sum()) if known.any() else 0.0
