"""Measures of what a run recorded: pure functions of daily series, one number per future unless said.

Arrays have a trailing day axis. Averages are over daily closes. A ratio whose denominator is 0 is NaN. Year = 365
days. Formulas: LEDGER.md 6 (days inventory, sales and payables outstanding; cash conversion cycle; fill rate).
"""

import numpy as np

YEAR = 365.0


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator, NaN where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0)


def fill_rate(met: np.ndarray, demand: np.ndarray) -> np.ndarray:
    """Share of demand met from stock: a ratio of sums, not a mean of ratios."""
    return ratio(met.sum(-1), demand.sum(-1))


def lowest(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest value and the first day it is reached."""
    return series.min(-1), series.argmin(-1)


def weekly(series: np.ndarray) -> np.ndarray:
    """Sums over whole weeks from the first day; (.., week)."""
    weeks = series.shape[-1] // 7
    return series[..., : 7 * weeks].reshape(*series.shape[:-1], weeks, 7).sum(-1)


def lowest_weekly_service(met: np.ndarray, demand: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest fill rate of any week, and that week."""
    service = ratio(weekly(met), weekly(demand))
    filled = np.where(np.isnan(service), np.inf, service)
    return filled.min(-1), filled.argmin(-1)


def days_inventory(inventory: np.ndarray, cost_of_sales: np.ndarray) -> np.ndarray:
    """DIO: average inventory at cost / cost of sales x days. cost_of_sales: daily, positive."""
    return ratio(inventory.mean(-1) * inventory.shape[-1], cost_of_sales.sum(-1))


def days_sales(receivables: np.ndarray, gross_sales: np.ndarray) -> np.ndarray:
    """DSO: average receivables / gross sales, VAT included as in the receivables, x days."""
    return ratio(receivables.mean(-1) * receivables.shape[-1], gross_sales.sum(-1))


def days_payables(payables: np.ndarray, purchases: np.ndarray) -> np.ndarray:
    """DPO: average trade payables / gross purchases, VAT included as in the payables, x days."""
    return ratio(payables.mean(-1) * payables.shape[-1], purchases.sum(-1))


def cash_conversion_cycle(dio: np.ndarray, dso: np.ndarray, dpo: np.ndarray) -> np.ndarray:
    return dio + dso - dpo


def turns(dio: np.ndarray) -> np.ndarray:
    """Inventory turns a year."""
    return ratio(np.asarray(YEAR), dio)


def first_run(flags: np.ndarray, longer_than: float) -> np.ndarray:
    """First day on which a flag has been set on more than so many days in a row; -1 where that never happens."""
    count = np.zeros(flags.shape[:-1])
    found = np.full(flags.shape[:-1], -1)
    for day in range(flags.shape[-1]):
        count = np.where(flags[..., day], count + 1, 0)
        found = np.where((found < 0) & (count > longer_than), day, found)
    return found


def first_breach(values: np.ndarray, thresholds: np.ndarray, tested: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First covenant breached on a test day, and that day; -1 and -1 where none is.

    values: (.., day, covenant); thresholds: (covenant,); tested: (day, covenant) bool.
    """
    if not thresholds.size:
        none = np.full(values.shape[:-2], -1)
        return none, none
    breach = (values < thresholds) & tested
    day = np.where(breach.any(-1).any(-1), breach.any(-1).argmax(-1), -1)
    on_day = np.take_along_axis(breach, np.maximum(day, 0)[..., None, None], axis=-2)[..., 0, :]
    return np.where(day >= 0, on_day.argmax(-1), -1), day


def shortfall(series: np.ndarray) -> np.ndarray:
    """True where a daily series is below 0 on any day."""
    return np.asarray((series < 0).any(-1))


def cash_at_risk(final: np.ndarray, plan: float, level: float) -> float:
    """Plan less the (1 - level) quantile of final cash over futures."""
    return float(plan - np.quantile(final, 1 - level))
