"""Forecasts beside each other: every measure, every forecaster, the same origins and weeks, the same scores."""

import numpy as np
import pandas as pd

from calibration.backtest.scores import Coverage, accuracy, closing_error, coverage, crps, pinball, pit

Outcomes = dict[str, np.ndarray]  # measure -> (origin, week)
Draws = dict[str, np.ndarray]  # measure -> (origin, draw, week)


def judge(actual: Outcomes, forecasts: dict[str, Draws], naive: str, seed: int = 0) -> pd.DataFrame:
    """One row a forecaster and measure: crps, its skill beside `naive`, pinball, accuracy of the median, coverage.

    crps and pinball in units of the measure; skill 1 - crps / crps of `naive`; covers_80 with the 99.9 % binomial
    band at n origins (first week only: weeks of one origin are not independent), NaN for a forecast of one draw, which
    has no range; closing_error for cash: of the last week, as a share of mean weekly payments. A forecaster may leave
    measures out.
    """
    rows = []
    for forecaster, by_measure in forecasts.items():
        pits = first_week(actual, by_measure, seed)
        for measure, draws in by_measure.items():
            truth, axis_first = actual[measure], np.moveaxis(draws, 1, 0)
            middle = np.median(axis_first, axis=0)
            covers = coverage(pits[measure])
            rows.append({
                "forecaster": forecaster, "measure": measure, "crps": crps(truth, axis_first).mean(),
                "pinball": pinball(truth, axis_first).mean(), "accuracy": float(accuracy(truth, middle)),
                "covers_80": covers.share if len(axis_first) > 1 else np.nan,
                "band_low": covers.low, "band_high": covers.high, "n": covers.n,
                "closing_error": _closing(actual, middle) if measure == "cash" else np.nan,
            })  # fmt: skip
    table = pd.DataFrame(rows)
    base = table[table["forecaster"] == naive].set_index("measure")["crps"]
    table["skill"] = 1 - table["crps"] / table["measure"].map(base)
    return table


def first_week(actual: Outcomes, draws: Draws, seed: int = 0) -> dict[str, np.ndarray]:
    """(origin,) randomised PIT of the first week by measure; the same luck for every forecaster and measure."""
    return {
        name: pit(actual[name][:, 0], np.moveaxis(x, 1, 0)[:, :, 0], np.random.default_rng(seed))
        for name, x in draws.items()
    }


def by_horizon(actual: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """(week,) accuracy of the median at each horizon in weeks. actual (origin, week), draws (origin, draw, week)."""
    return accuracy(actual, np.median(draws, axis=1), axis=0)


def by_segment(pits: np.ndarray, segments: list[str], level: float = 0.8) -> dict[str, Coverage]:
    """Coverage of each segment; pits (case,) with the segment of each."""
    names = np.array(segments)
    return {name: coverage(pits[names == name], level) for name in sorted(set(segments))}


def _closing(actual: Outcomes, middle: np.ndarray) -> float:
    return float(closing_error(actual["cash"], middle, actual["payments"])[:, -1].mean())
