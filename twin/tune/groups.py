"""How much freedom a planner gives: which levels move together, and what one step of theta is.

level = the policy's own + sigma x theta[group], with sigma the standard deviation of the demand that a level must last
for, so theta is a change of the safety factor.
"""

from typing import Literal

import numpy as np

from twin.assembly import Model
from twin.assembly.policy import chosen_rows, demand_moments, lead_moments
from twin.tune.parameters import Dial, Theta, dial

By = Literal["store-product", "category", "tier", "node", "product", "company"]
BY = ("store-product", "category", "tier", "node", "product", "company")
MOST = 8.0  # safety factor that no search passes


def cover(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the demand on each (node, product) between an order and the next one's arrival.

    As in twin/assembly/policy.py: lead time + review - 1 days, lead-time variance included.
    """
    mean, variance = demand_moments(model.company, model.structure)
    lead, lead_variance = lead_moments(model.structure)
    review = np.ones_like(mean)
    for at, row in chosen_rows(model.company, model.structure).items():
        review[at] = row.review_days
    days = lead + review - 1
    return mean * days, np.sqrt(days * variance + mean**2 * lead_variance)


def supplied(model: Model) -> np.ndarray:
    """bool (node, product): some lane brings it, so that a level means something."""
    s = model.structure
    found = np.zeros((len(s.nodes), len(s.products)), bool)
    for lane, product in s.lines:
        found[s.node[lane[1]], s.product[product]] = True
    return found


def groups_of(model: Model, by: By) -> tuple[np.ndarray, list[str]]:
    """Group of each (node, product), and what each group is called. Raises ValueError for an unknown grouping."""
    s = model.structure
    nodes, products = np.indices((len(s.nodes), len(s.products)))
    if by == "store-product":
        names = [f"{node} {product}" for node in s.nodes for product in s.products]
        return nodes * len(s.products) + products, names
    if by == "category":
        return np.asarray(model.network.category)[products], list(s.categories)
    if by == "tier":
        store = np.asarray(model.network.is_store).astype(int)
        return store[nodes], ["warehouses", "stores"]
    if by == "node":
        return nodes, list(s.nodes)
    if by == "product":
        return products, list(s.products)
    if by == "company":
        return np.zeros_like(nodes), ["company"]
    raise ValueError(f"groups {by!r}: choose one of {', '.join(BY)}")


def stock_dial(model: Model, by: By) -> tuple[Dial, list[str]]:
    """The dial of all levels at once, and the names of its groups."""
    _, sigma = cover(model)
    group, names = groups_of(model, by)
    return dial(np.where(supplied(model), sigma, 0.0), group), names


def bounds(model: Model, group: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest theta of each group: from no stock at all to a safety factor of 8."""
    mean, sigma = cover(model)
    level = np.asarray(model.policy.order_up_to)
    moves = supplied(model) & (sigma > 0)
    low, high = np.zeros(count), np.zeros(count)
    for g in range(count):
        mine = moves & (group == g)
        if mine.any():
            low[g] = np.min(-level[mine] / sigma[mine])
            high[g] = np.max((mean + MOST * sigma - level)[mine] / sigma[mine])
    return low, high


def moved_levels(model: Model, by_cell: Dial, theta: Theta) -> np.ndarray:
    """(node, product) whole levels, none below 0. by_cell: each (node, product) its own theta."""
    unit, group = np.asarray(by_cell.unit), np.asarray(by_cell.group)
    value = np.asarray(model.policy.order_up_to) + unit * np.asarray(theta["stock"])[group]
    return np.where(unit > 0, np.maximum(np.round(value), 0.0), np.asarray(model.policy.order_up_to))
