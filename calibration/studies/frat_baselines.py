"""What the weekly study is set beside: AutoETS, LightGBM's quantile regression, the histogram of the last half year."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

AHEAD = 4  # weeks
LEVELS = np.array([0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995])  # of the M5 uncertainty competition
HISTOGRAM = 26  # weeks
TREES, LEAVES, RATE = 150, 31, 0.08  # untuned, as in CALIBRATION.md 2.6


class Weeks(NamedTuple):
    """Series by week; a week that is not in the data is NaN."""

    units: np.ndarray  # (series, week)
    drivers: np.ndarray  # (series, week, 4)
    of_year: np.ndarray  # (week,) day of the year
    product: np.ndarray  # (series,)
    store: np.ndarray  # (series,)


Cells = tuple[np.ndarray, np.ndarray]  # series and week of each cell


def quantiles(w: Weeks, kept: np.ndarray, test: Cells, origin: int, levels: np.ndarray) -> dict[str, np.ndarray]:
    """(level, test cell) of each baseline; kept: (series,) bool. Negative quantiles are cut to 0 for all."""
    found = {
        "histogram": histogram(w, test, origin, levels),
        "AutoETS": auto_ets(w, kept, test, origin, levels),
        "LightGBM": lightgbm_quantiles(w, kept, test, origin, levels),
    }
    return {name: np.maximum(q, 0.0) for name, q in found.items()}


def histogram(w: Weeks, test: Cells, origin: int, levels: np.ndarray) -> np.ndarray:
    last = w.units[:, origin + 1 - HISTOGRAM : origin + 1]
    return np.nanquantile(last[test[0]], levels, axis=1)


def auto_ets(w: Weeks, kept: np.ndarray, test: Cells, origin: int, levels: np.ndarray) -> np.ndarray:
    """Gaussian intervals; gaps are filled with the last value, which the method needs."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    history = pd.DataFrame(w.units[kept, : origin + 1]).T.ffill().bfill()
    names = np.flatnonzero(kept)
    long = pd.DataFrame({
        "unique_id": np.repeat(names, origin + 1), "ds": np.tile(np.arange(origin + 1), len(names)),
        "y": history.to_numpy().T.ravel(),
    })  # fmt: skip
    one_sd = 68.26894921370859
    made = StatsForecast(models=[AutoETS(season_length=1)], freq=1).forecast(df=long, h=AHEAD, level=[one_sd])
    wide = made.set_index(["unique_id", "ds"])
    at = pd.MultiIndex.from_arrays([test[0], test[1]])
    mean = wide["AutoETS"].reindex(at).to_numpy()
    high = wide.filter(like="AutoETS-hi").iloc[:, 0].reindex(at).to_numpy()
    return mean + stats.norm.ppf(levels)[:, None] * (high - mean)


def lightgbm_quantiles(w: Weeks, kept: np.ndarray, test: Cells, origin: int, levels: np.ndarray) -> np.ndarray:
    """One model per M5 level on all series at once, units by the series' mean; other levels by interpolation."""
    import lightgbm

    rng = np.random.default_rng(origin)
    series, week = np.nonzero(np.isfinite(w.units[:, : origin + 1]) & kept[:, None])
    late = week > 52 + AHEAD
    series, week = series[late], week[late]
    scale = np.nanmean(w.units[:, : origin + 1], axis=1) + 0.1
    learn = lightgbm.Dataset(
        features(w, series, week, week - rng.integers(1, AHEAD + 1, len(week)), scale),
        w.units[series, week] / scale[series], categorical_feature=[0, 1], free_raw_data=False,
    )  # fmt: skip
    asked = features(w, test[0], test[1], np.full(len(test[1]), origin), scale)
    setting = {"objective": "quantile", "num_leaves": LEAVES, "learning_rate": RATE, "verbosity": -1, "num_threads": 1}
    made = [lightgbm.train({**setting, "alpha": float(a)}, learn, TREES).predict(asked) for a in LEVELS]
    by_level = np.sort(np.stack(made), axis=0) * scale[test[0]]
    return np.stack([np.interp(levels, LEVELS, column) for column in by_level.T], axis=1)


def features(w: Weeks, series: np.ndarray, week: np.ndarray, known: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(cell, feature): what is known at the end of week `known`, and the plan of the target week."""
    past = [w.units[series, known - back] for back in range(4)]
    window = w.units[series[:, None], known[:, None] - np.arange(26)]
    year_ago = w.units[series, week - 52]
    with np.errstate(invalid="ignore"):
        means = [np.nanmean(np.where(np.isfinite(window[:, :n]), window[:, :n], np.nan), axis=1) for n in (8, 26)]
    lags = np.stack([*past, *means, year_ago], axis=1) / scale[series, None]
    now = w.drivers[series, known]
    return np.column_stack([
        w.product[series], w.store[series], week - known, w.of_year[week], lags, w.drivers[series, week], now[:, :3],
    ])  # fmt: skip
