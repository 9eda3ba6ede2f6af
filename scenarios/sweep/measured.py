"""What is kept of the futures of a task, as arrays with a leading measure axis, and what all futures together say.

Sums over the futures of a task are of whole units, so they are exact and do not depend on the cut into blocks;
quantiles are order statistics of all futures.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from twin.assembly import Model
from twin.results import MONEY, PER_DRAW, SERIES, UNITS, per_draw
from twin.simulate import Run

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
STATISTICS = ("mean", "deviation", "lowest", "highest", *(f"q{level:g}" for level in QUANTILES))
ROLES = ("base", "hardest")  # whose middle future is told week by week
# Daily series that are levels at a close; the others are flows of the day.
BALANCES = ("cash", "headroom", "limit", "revolver", "term_loan", "overdue", "payables", "receivables", "inventory",
            "equity")  # fmt: skip
FLOWS = tuple(name for name in SERIES if name not in (*BALANCES, "default"))
MONTH_ENDS_LEAST = 3  # a run with fewer month ends is averaged over every close


class About(NamedTuple):
    """Unit and long name of a measure."""

    unit: str
    name: str


SERVICE = {
    "node_demand": About(UNITS, "demand, all futures"),
    "node_met": About(UNITS, "demand met from stock, all futures"),
}
PLACES = {
    "place_demand": About(UNITS, "demand over the horizon, mean of futures"),
    "place_met": About(UNITS, "demand met from stock over the horizon, mean of futures"),
    "place_stock": About(UNITS, "mean stock on hand at the close"),
}


def daily_measures(model: Model) -> dict[str, About]:
    """Daily series of the company, and the measured value of each covenant."""
    found = {name: About(*about) for name, about in SERIES.items()}
    for row in model.company.covenants:
        found[f"covenant_{row.covenant}"] = About(MONEY, f"measured value of the covenant {row.covenant}")
    return found


def per_draw_measures(model: Model) -> dict[str, About]:
    """One number per future: the measures of `twin.results`, totals and averages of every series, covenant slack."""
    found = {name: About(*about) for name, about in PER_DRAW.items()}
    for name in FLOWS:
        found[f"total_{name}"] = About(SERIES[name][0], f"{SERIES[name][1]}, over the horizon")
    for name in BALANCES:
        found[f"month_end_{name}"] = About(SERIES[name][0], f"{SERIES[name][1]}, mean of month ends")
    for row in model.company.covenants:
        found[f"slack_{row.covenant}"] = About(MONEY, f"lowest value less threshold of {row.covenant} on its test days")
    return found


def figures(model: Model, run: Run) -> np.ndarray:
    """float64[measure, draw]: `per_draw_measures` in their units."""
    found = dict(per_draw(model, run))
    for name in FLOWS:
        found[f"total_{name}"] = run.series[name].sum(-1) / (100 if SERIES[name][0] == MONEY else 1)
    ends = month_ends(model)
    for name in BALANCES:
        found[f"month_end_{name}"] = run.series[name][:, ends].mean(-1) / 100
    tested = np.asarray(model.inputs["base"].days.covenant_day) > 0
    for k, row in enumerate(model.company.covenants):
        slack = run.series["covenant_value"][:, tested[:, k], k] / 100 - float(row.threshold)
        found[f"slack_{row.covenant}"] = slack.min(1) if slack.size else np.full(len(run.draws), np.nan)
    return np.stack([np.asarray(found[name], np.float64) for name in per_draw_measures(model)])


def month_ends(model: Model) -> list[int]:
    """The last day of every month of the horizon; every day where there are fewer than three."""
    dates = model.calendar.dates
    ends = [t for t, day in enumerate(dates) if (day + timedelta(days=1)).month != day.month]
    return ends if len(ends) >= MONTH_ENDS_LEAST else list(range(len(dates)))


def daily(model: Model, run: Run) -> np.ndarray:
    """float64[measure, draw, day]: `daily_measures` in their units."""
    series = [run.series[name] / (100 if unit == MONEY else 1) for name, (unit, _) in SERIES.items()]
    covenants = np.moveaxis(run.series["covenant_value"], -1, 0)[: len(model.company.covenants)] / 100
    return np.stack([*series, *covenants])


def service_of(run: Run) -> np.ndarray:
    """float64[measure, day, node]: sums over the futures of a task."""
    return np.stack([run.pooled["demand"], run.pooled["met"]])


def places_of(run: Run) -> np.ndarray:
    """float64[measure, node, product]: sums over the futures and days of a task."""
    return np.stack([run.totals[name].sum(0) for name in ("demand", "met", "on_hand")])


def places(blocks: Iterable[np.ndarray], draws: int, days: int) -> np.ndarray:
    """float64[measure, node, product]: means over all futures; stock per day as well."""
    total = sum(blocks) / draws
    return total / np.array([1, 1, days])[:, None, None]


def summary(series: np.ndarray) -> np.ndarray:
    """float64[statistic, day] of one measure, from all its futures. series: [draw, day]."""
    deviation = series.std(axis=0, ddof=1) if len(series) > 1 else np.full(series.shape[1], np.nan)
    levels = np.quantile(series, QUANTILES, axis=0, method="inverted_cdf")
    return np.stack([series.mean(axis=0), deviation, series.min(axis=0), series.max(axis=0), *levels])
