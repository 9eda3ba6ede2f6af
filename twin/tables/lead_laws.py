"""Lead-time laws of lanes, as the tables give them or leave them to defaults.

A law with a mean and a deviation is continuous; a shipment takes the nearest whole number of days, at least one:
P(days <= k) = F(k + 1/2). Longer than the lane's maximum is cut to it.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import stats

from twin.tables import rows

INBOUND_DAYS, INTERNAL_DAYS = 7.0, 1.0
INBOUND_VARIATION = 0.25


def mean_days(lane: rows.Lane, internal: bool) -> float:
    if lane.lead_time is not None:
        return max(float(lane.lead_time), 1.0)
    return INTERNAL_DAYS if internal else INBOUND_DAYS


def deviation_days(lane: rows.Lane, internal: bool) -> float:
    if lane.lead_time_deviation is not None:
        return float(lane.lead_time_deviation)
    return 0.0 if internal else INBOUND_VARIATION * mean_days(lane, internal)


def law(lane: rows.Lane, internal: bool, observed: dict[int, int]) -> Any:
    """A scipy distribution of days (frozen), discrete laws on whole days."""
    mean, sd = mean_days(lane, internal), deviation_days(lane, internal)
    if lane.lead_time_law == "empirical":
        days = np.array(sorted(observed))
        weights = np.array([observed[d] for d in days], float)
        return stats.rv_discrete(values=(days, weights / weights.sum()))
    if lane.lead_time_law == "fixed" or sd == 0:
        return stats.rv_discrete(values=([round(mean)], [1.0]))
    if lane.lead_time_law == "gamma":
        return stats.gamma((mean / sd) ** 2, scale=sd * sd / mean)
    sigma2 = np.log1p((sd / mean) ** 2)
    return stats.lognorm(np.sqrt(sigma2), scale=mean / np.exp(sigma2 / 2))


def longest(lane: rows.Lane, distribution: Any) -> int:
    """The lane's maximum: given, or twice the 99.9 % quantile (the longest observed where the law is discrete)."""
    if lane.lead_time_max is not None:
        return lane.lead_time_max
    if hasattr(distribution, "xk"):
        return int(max(distribution.xk))
    return int(np.ceil(2 * distribution.ppf(0.999)))


def exhausted(lane: rows.Lane, distribution: Any) -> int | None:
    """The age beyond which the law leaves nothing to draw from; None where the lead time is certain."""
    within = distribution.cdf(np.arange(1, longest(lane, distribution)) + 0.5)
    if not ((within > 0) & (within < 1)).any():
        return None
    return 1 + int(np.searchsorted(within, 1.0))


def observations(seen: Iterable[rows.LeadTime]) -> dict[tuple[str, str], dict[int, int]]:
    """How often each lead time was observed, by lane."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for row in seen:
        days = found.setdefault((row.source, row.destination), {})
        days[row.days] = days.get(row.days, 0) + row.count
    return found
