"""Lead-time laws as distribution functions over whole days.

A law with a mean and a deviation is continuous; a shipment takes the nearest whole number of days, at least one:
P(days <= k) = F(k + 1/2). Longer than the lane's maximum is cut to it, and the share that is cut is known.
"""

from typing import Any

import numpy as np
from scipy import stats

from twin.assembly.structure import Structure
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


def tables(s: Structure, observations: tuple[rows.LeadTime, ...]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """(lane, lead_day) distribution function, (lane,) share within the maximum, longest lead time of each lane."""
    observed: dict[tuple[str, str], dict[int, int]] = {}
    for seen in observations:
        days = observed.setdefault((seen.source, seen.destination), {})
        days[seen.days] = days.get(seen.days, 0) + seen.count
    laws = {}
    for lane, row in s.lane_rows.items():
        distribution = law(row, lane[0] in s.node, observed.get(lane, {}))
        laws[lane] = (distribution, longest(row, distribution))
    width = max(maximum for _, maximum in laws.values())
    cdf = np.ones((len(s.lanes), width))
    within = np.ones(len(s.lanes))
    for lane, (distribution, maximum) in laws.items():
        k = np.arange(1, width + 1)
        cdf[s.lane[lane]] = np.where(k < maximum, distribution.cdf(k + 0.5), 1.0)
        within[s.lane[lane]] = distribution.cdf(maximum + 0.5)
    return cdf, within, [maximum for _, maximum in laws.values()]
