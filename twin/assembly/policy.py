"""Replenishment levels where the company gave none: safety stock for a service level, normal approximation.

S = mu C + z sd of the demand over the cover time C (Silver, Pyke & Thomas, Inventory and Production Management in
Supply Chains, 4th ed., section 7.9), whose variance is C var(D) + mu^2 var(L). In this day orders follow sales and
goods arrive before them, so an order placed on day t with lead time L and the next review T days later faces the
demand of C = L + T - 1 days (textbooks that order before demand write L + T with their L one shorter).
"""

from collections import defaultdict

import numpy as np
from scipy import stats

from twin.assembly.structure import Structure
from twin.policies import Replenishment
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.lead_laws import deviation_days, mean_days


def demand_moments(company: Company, s: Structure) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a day's demand on each (node, product), what the nodes below pass on included.

    Shared factors and seasons are left out: a planner's formula does not see them.
    """
    mean = np.zeros((len(s.nodes), len(s.products)))
    variance = np.zeros_like(mean)
    for row in company.demand:
        at = s.node[row.node], s.product[row.product]
        m = float(row.mean)
        mean[at] += m
        inflated = m / (1 - float(row.zero_share))
        spread = inflated + (inflated**2 / float(row.size) if row.size is not None else 0.0)
        variance[at] += (1 - float(row.zero_share)) * (spread + inflated**2) - m**2
    for node in reversed(range(len(s.nodes))):
        for lane, product in s.lines:
            if lane[1] == s.nodes[node] and lane[0] in s.node:
                p, share = s.product[product], share_of(s, lane, product)
                mean[s.node[lane[0]], p] += share * mean[node, p]
                variance[s.node[lane[0]], p] += share * variance[node, p]
    return mean, variance


def share_of(s: Structure, lane: tuple[str, str], product: str) -> float:
    """Share of a node's orders that a lane gets in normal times: its share, or all of it for the first in rank."""
    line = s.lines[lane, product]
    if line.priority is None:
        return float(line.share)
    ranks = [(other.priority, at) for (at, p), other in s.lines.items() if at[1] == lane[1] and p == product]
    return float(min(ranks)[1] == lane)


def lead_moments(s: Structure) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the lead time into each (node, product), over its lines by share."""
    mean = np.ones((len(s.nodes), len(s.products)))
    square = np.ones_like(mean)
    found: dict[tuple[int, int], list[tuple[float, float, float]]] = defaultdict(list)
    for lane, product in s.lines:
        row, internal = s.lane_rows[lane], lane[0] in s.node
        m, sd = mean_days(row, internal), deviation_days(row, internal)
        found[s.node[lane[1]], s.product[product]].append((share_of(s, lane, product), m, m * m + sd * sd))
    for at, parts in found.items():
        weight = sum(share for share, _, _ in parts) or 1.0
        mean[at] = sum(share * m for share, m, _ in parts) / weight
        square[at] = sum(share * q for share, _, q in parts) / weight
    return mean, np.maximum(square - mean**2, 0.0)


def chosen_rows(company: Company, s: Structure) -> dict[tuple[int, int], rows.PolicyRow]:
    """The policy row of each (node, product): the one that says more wins, then the later one."""
    chosen: dict[tuple[int, int], rows.PolicyRow] = {}
    detail = lambda row: (row.node is not None) + (row.product is not None)  # noqa: E731
    for row in sorted(company.policies, key=detail):
        for i, node in enumerate(s.nodes):
            for j, product in enumerate(s.products):
                if row.node in (None, node) and row.product in (None, product):
                    chosen[i, j] = row
    return chosen


def replenishment(company: Company, s: Structure) -> Replenishment:
    """Levels of every (node, product) that some lane supplies; elsewhere nothing is ever ordered."""
    mean, variance = demand_moments(company, s)
    lead, lead_variance = lead_moments(s)
    given = chosen_rows(company, s)
    shape = (len(s.nodes), len(s.products))
    level = {name: np.zeros(shape) for name in ("reorder_point", "order_up_to", "lot", "period", "offset")}
    level["period"] += 1.0
    # never reached where nothing is carried: no order is ever placed there
    level["reorder_point"] -= 1e15
    supplied = {(s.node[lane[1]], s.product[product]) for lane, product in s.lines}
    for at in supplied:
        row = given.get(at) or rows.PolicyRow()
        z = stats.norm.ppf(float(row.service_level))
        cover = lead[at] + row.review_days - 1
        deviation = np.sqrt(cover * variance[at] + mean[at] ** 2 * lead_variance[at])
        textbook = float(np.ceil(mean[at] * cover + z * deviation))
        top = float(row.order_up_to) if row.order_up_to is not None else textbook
        low = textbook if row.lot else top
        level["order_up_to"][at] = top
        level["reorder_point"][at] = float(row.reorder_point) if row.reorder_point is not None else low
        level["lot"][at], level["period"][at], level["offset"][at] = row.lot, row.review_days, row.review_offset
    return Replenishment(**level)
