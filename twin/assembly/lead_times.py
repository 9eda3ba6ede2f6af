"""Lead-time laws as tables of distribution functions over whole days; the share that is cut is known."""

import numpy as np

from twin.assembly.structure import Structure
from twin.tables import rows
from twin.tables.lead_laws import law, longest, observations


def tables(s: Structure, seen: tuple[rows.LeadTime, ...]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """(lane, lead_day) distribution function, (lane,) share within the maximum, longest lead time of each lane."""
    observed = observations(seen)
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
