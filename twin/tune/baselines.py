"""Levels by formula: what textbooks, planners and commercial tools set, side by side with what tuning finds.

z is the normal quantile of a service level. All are (node, product) levels of the position, 0 where nothing comes.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import networkx as nx
import numpy as np
from jax import Array
from scipy import stats

from twin.assembly import Model
from twin.assembly.policy import chosen_rows, demand_moments, lead_moments, share_of
from twin.policies import View
from twin.record import Record, nothing
from twin.simulate import simulate
from twin.state import Flows, State
from twin.tune.groups import cover, supplied
from twin.tune.guaranteed import Stage, guaranteed_service


def textbook(model: Model, service: float) -> np.ndarray:
    """mu L + z sigma sqrt(L): the lead time as if it never varied, every day a review."""
    mean, variance = demand_moments(model.company, model.structure)
    lead, _ = lead_moments(model.structure)
    return _whole(model, mean * lead + _z(service) * np.sqrt(variance * lead))


def with_lead_times(model: Model, service: float) -> np.ndarray:
    """mu C + z sqrt(C sigma^2 + mu^2 var L) over the cover C = lead time + review - 1 (as twin/assembly/policy.py)."""
    mean, sigma = cover(model)
    return _whole(model, mean + _z(service) * sigma)


def empirical(model: Model, service: float, futures: int = 64, seed: int = 1) -> np.ndarray:
    """The quantile of the demand over the mean cover time, from drawn days; warehouses from the formula above."""
    found = with_lead_times(model, service)
    run = simulate(
        model.network, _order_nothing, (), model.source, model.params, model.inputs["base"], model.opening,
        np.arange(futures), seed=seed, record=Record(_demand, nothing, nothing),
    )  # fmt: skip
    demand = run.series["demand"]  # (draw, day, node, product)
    lead, _ = lead_moments(model.structure)
    review = np.ones_like(lead)
    for at, row in chosen_rows(model.company, model.structure).items():
        review[at] = row.review_days
    days = np.maximum(np.round(lead + review - 1), 1).astype(int)
    summed = np.concatenate([np.zeros_like(demand[:, :1]), np.cumsum(demand, axis=1)], axis=1)
    store = np.asarray(model.network.is_store) > 0
    for length in np.unique(days):
        windows = summed[:, length:] - summed[:, :-length]
        level = np.quantile(windows, service, axis=(0, 1))
        mine = (days == length) & store[:, None]
        found[mine] = np.ceil(level[mine])
    return np.where(supplied(model), found, 0.0)


def guaranteed(model: Model, service: float) -> np.ndarray:
    """Guaranteed service over each product's supply tree, stages holding at purchase cost.

    Raises ValueError where a product has two sources somewhere: then there is no tree.
    """
    s = model.structure
    mean, _ = demand_moments(model.company, s)
    lead, _ = lead_moments(s)
    own = _own_variance(model)
    found = np.zeros_like(mean)
    z = _z(service)
    for p, product in enumerate(s.products):
        tree = nx.DiGraph()
        for lane, name in s.lines:
            if name == product and share_of(s, lane, name) > 0:
                tree.add_node(lane[1])
                if lane[0] in s.node:
                    tree.add_edge(lane[0], lane[1])
        if not len(tree):
            continue
        stages = {
            node: Stage(
                time=max(round(lead[s.node[node], p]), 1),
                holding=1.0,
                deviation=float(np.sqrt(own[s.node[node], p])),
                bound=z,
                most_out=0 if own[s.node[node], p] > 0 else None,
            )
            for node in tree
        }
        for part in nx.weakly_connected_components(tree):
            promises = guaranteed_service(tree.subgraph(part).copy(), {node: stages[node] for node in part})
            below = _variance_below(tree, stages)
            for node, net in promises.net.items():
                at = s.node[node], p
                # the position covers the stage's own lead time in the mean, the net time by safety stock
                found[at] = np.ceil(mean[at] * lead[at] + z * np.sqrt(below[node] * net))
    return found


FORMULAS: dict[str, Callable[[Model], np.ndarray]] = {
    "z sigma sqrt(L), 95 %": lambda model: textbook(model, 0.95),
    "z sigma sqrt(L), 99 %": lambda model: textbook(model, 0.99),
    "with lead-time variance, 95 %": lambda model: with_lead_times(model, 0.95),
    "with lead-time variance, 99 %": lambda model: with_lead_times(model, 0.99),
    "empirical quantile, 95 %": lambda model: empirical(model, 0.95),
    "guaranteed service, 95 %": lambda model: guaranteed(model, 0.95),
}


def _own_variance(model: Model) -> np.ndarray:
    """(node, product) variance of a day's demand of the node's own customers."""
    direct = np.zeros((len(model.structure.nodes), len(model.structure.products)), bool)
    for row in model.company.demand:
        direct[model.structure.node[row.node], model.structure.product[row.product]] = True
    _, variance = demand_moments(model.company, model.structure)
    return np.where(direct, variance, 0.0)


def _variance_below(tree: nx.DiGraph, stages: dict[str, Stage]) -> dict[str, float]:
    found: dict[str, float] = {}
    for node in reversed(list(nx.topological_sort(tree))):
        found[node] = stages[node].deviation ** 2 + sum(found[j] for j in tree.successors(node))
    return found


def _z(service: float) -> float:
    return float(stats.norm.ppf(service))


def _whole(model: Model, level: np.ndarray) -> np.ndarray:
    return np.where(supplied(model), np.maximum(np.ceil(level), 0.0), 0.0)


def _order_nothing(parameters: Any, view: View) -> Array:
    return jnp.zeros_like(view.position)


def _demand(state: State, flows: Flows) -> dict[str, Array]:
    return {"demand": flows.demand}
