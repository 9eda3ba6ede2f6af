"""Guaranteed service on trees: where along a chain safety stock should stand (Graves & Willems, MSOM 2 (2000), 68-83).

Every stage promises its customers a service time; what it must cover by stock is its net replenishment time, promise
received + own time - promise given, at a cost of holding x bound x sigma x sqrt(net time). The best promises on a tree
come from their dynamic programme: stages are taken from the leaves inwards, each with one neighbour left.
"""

from dataclasses import dataclass

import networkx as nx
import numpy as np


@dataclass(frozen=True)
class Stage:
    """A stage of the tree. time: own processing time, whole periods. holding: cost of a unit held a period.

    deviation: of a period's outside demand, 0 where there is none. bound: demand is covered up to bound standard
    deviations. most_out: longest service time that its outside customers accept. given_in: service time of its outside
    supplier.
    """

    time: int
    holding: float
    deviation: float = 0.0
    bound: float = 1.0
    most_out: int | None = None
    given_in: int = 0


@dataclass(frozen=True)
class Promises:
    """service: promised service time of each stage. net: net replenishment time. cost: a period."""

    service: dict[str, int]
    net: dict[str, int]
    cost: float


def guaranteed_service(tree: nx.DiGraph, stages: dict[str, Stage]) -> Promises:
    """Best promises of a tree whose edges run from supplier to customer. Raises ValueError if it is no tree."""
    if not nx.is_tree(tree.to_undirected()):
        raise ValueError("guaranteed service needs a tree: one path between any two stages")
    order = _labelled(tree)
    spread = _spread(tree, stages)
    longest = {i: _longest(tree, stages, i) for i in order}
    table: dict[str, np.ndarray] = {}  # best cost of the part behind a stage, by the promise towards its parent
    choice: dict[str, np.ndarray] = {}
    place = {stage: k for k, stage in enumerate(order)}
    parent = {i: next((j for j in nx.all_neighbors(tree, i) if place[j] > place[i]), None) for i in order}
    for i in order:
        size = longest[i] + 1
        cost = np.full((size, size), np.inf)  # by (promise received, promise given)
        for received in range(size):
            for given in range(size):
                net = received + stages[i].time - given
                if net >= 0 and _allowed(tree, stages[i], i, received, given):
                    cost[received, given] = stages[i].holding * stages[i].bound * spread[i] * np.sqrt(net)
                    cost[received, given] += _behind(tree, table, place, i, received, given)
        # towards a customer the promise given is what is settled; towards a supplier the promise received
        outward = parent[i] is None or tree.has_edge(i, parent[i])
        table[i] = cost.min(axis=0) if outward else cost.min(axis=1)
        choice[i] = cost
    return _traced(tree, stages, order, parent, choice, table)


def _labelled(tree: nx.DiGraph) -> list[str]:
    """Stages so that each has at most one neighbour after it."""
    rest, order = tree.to_undirected().copy(), []
    while rest.number_of_nodes():
        leaf = min((n for n in rest if rest.degree[n] <= 1), key=str)
        order.append(leaf)
        rest.remove_node(leaf)
    return order


def _spread(tree: nx.DiGraph, stages: dict[str, Stage]) -> dict[str, float]:
    """Standard deviation of a period's demand at each stage, independent below."""
    variance: dict[str, float] = {}
    for i in reversed(list(nx.topological_sort(tree))):
        variance[i] = stages[i].deviation ** 2 + sum(variance[j] for j in tree.successors(i))
    return {i: float(np.sqrt(v)) for i, v in variance.items()}


def _longest(tree: nx.DiGraph, stages: dict[str, Stage], i: str) -> int:
    """Longest replenishment time of a stage: nobody need promise more."""
    above = [_longest(tree, stages, j) for j in tree.predecessors(i)]
    return stages[i].time + max([stages[i].given_in, *above])


def _allowed(tree: nx.DiGraph, stage: Stage, i: str, received: int, given: int) -> bool:
    no_supplier = tree.in_degree(i) == 0
    if received < stage.given_in or (no_supplier and received != stage.given_in):
        return False
    return stage.most_out is None or given <= stage.most_out


def _behind(
    tree: nx.DiGraph, table: dict[str, np.ndarray], place: dict[str, int], i: str, received: int, given: int
) -> float:
    """Best cost of the finished neighbours: suppliers promise at most what is received, customers get what is given."""
    total = 0.0
    for j in tree.predecessors(i):
        if place[j] < place[i]:
            total += table[j][: received + 1].min()
    for j in tree.successors(i):
        if place[j] < place[i]:
            total += table[j][given:].min() if given < len(table[j]) else np.inf
    return total


def _traced(
    tree: nx.DiGraph,
    stages: dict[str, Stage],
    order: list[str],
    parent: dict[str, str | None],
    choice: dict[str, np.ndarray],
    table: dict[str, np.ndarray],
) -> Promises:
    """The best promises, from the last stage back to the leaves."""
    received: dict[str, int] = {}
    given: dict[str, int] = {}
    for i in reversed(order):
        cost, up = choice[i].copy(), parent[i]
        if up is not None and tree.has_edge(i, up):
            cost[:, received[up] + 1 :] = np.inf  # it supplies its parent
        elif up is not None:
            cost[: given[up]] = np.inf  # its parent supplies it
        at = np.unravel_index(int(cost.argmin()), cost.shape)
        received[i], given[i] = int(at[0]), int(at[1])
    net = {i: received[i] + stages[i].time - given[i] for i in order}
    return Promises(given, net, float(table[order[-1]].min()))
