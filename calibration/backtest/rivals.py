"""What a twin must beat: last year's same week, and the plan carried forward. Weekly series, trailing axis week."""

from collections.abc import Sequence

import numpy as np

YEAR = 52  # weeks: the same weekday a year ago, within a day


def seasonal_naive(weeks: np.ndarray, origin: int, horizon: int) -> np.ndarray:
    """(.., horizon) what each week was a year before. Raises ValueError where a year is not there."""
    if origin < YEAR or horizon > YEAR:
        raise ValueError(f"week {origin} with {horizon} ahead: last year's same week needs {YEAR} weeks before it")
    return weeks[..., origin - YEAR : origin - YEAR + horizon]


def seasonal_draws(weeks: np.ndarray, origin: int, horizon: int) -> np.ndarray:
    """(draw, horizon) last year's week plus what that rule missed by in every week of the past: an empirical interval.

    Needs two years; with less the errors are those of naive weeks, each by the one before it.
    """
    middle = seasonal_naive(weeks, origin, horizon)
    past = weeks[..., :origin]
    lag = YEAR if origin >= 2 * YEAR else 1
    missed = past[..., lag:] - past[..., :-lag]
    return middle + missed[:, None]


def seasonal(weeks: np.ndarray, origins: Sequence[int], horizon: int) -> np.ndarray:
    """(origin, draw, horizon) of `seasonal_draws`, as many past errors for each origin as the first one has."""
    each = [seasonal_draws(weeks, origin, horizon) for origin in origins]
    least = min(len(draws) for draws in each)
    return np.stack([draws[-least:] for draws in each])


def plan_forward(plan: np.ndarray, origin: int, horizon: int) -> np.ndarray:
    """(.., horizon) the plan as it was made before the first week, never revised."""
    return plan[..., origin : origin + horizon]
