"""Who supplies whom with what: the lanes and sources that the tables give, and the defaults for the rest.

The rules, once for the checks and for building the network:
- Without a lanes table a node with a `source` is served by it alone; other dcs by every supplier; other
  stores by the only dc, or, where there is no dc, by every supplier. A store among several dcs and without
  a source has no lane.
- Without a row in sourcing a node buys a product over the lane from the product's supplier (over any
  supplier's lane, where the product names none) or over the lane from its own `source` (over any lane from
  an own node, where it names none). That must leave one lane; several are unclear.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import networkx as nx

from twin.tables.company import Company
from twin.tables.rows import Lane, Sourcing

Place = tuple[str, str]


@dataclass(frozen=True)
class Routes:
    """The lanes of a company and how its nodes choose among them."""

    lanes: tuple[Lane, ...]
    given: bool  # whether the lanes stand in the tables
    kinds: Mapping[str, str]  # node -> supplier, dc or store
    into: Mapping[str, tuple[Lane, ...]]
    sourcing: Mapping[Place, tuple[Sourcing, ...]]  # (node, product) -> rows of the table
    supplier: Mapping[str, str | None]  # product -> its supplier
    source: Mapping[str, str | None]  # node -> its own source

    def sources(self, node: str, product: str) -> tuple[str, ...]:
        """From whom a node buys a product: as the table says, else one by default; several are unclear."""
        if (node, product) in self.sourcing:
            return tuple(row.source for row in self.sourcing[node, product])
        supplier, own = self.supplier.get(product), self.source.get(node)
        chosen = []
        for lane in self.into.get(node, ()):
            wanted = supplier if self.kinds.get(lane.source) == "supplier" else own
            if wanted in (None, lane.source) or lane.source == own:
                chosen.append(lane.source)
        return tuple(chosen)

    def graph(self) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_nodes_from(self.kinds)
        graph.add_edges_from((lane.source, lane.destination) for lane in self.lanes)
        return graph

    def needed(self, demand: Iterable[Place]) -> dict[str, set[str]]:
        """By node, the products that it must be able to get to meet the demand. The lanes have no cycle."""
        products: dict[str, set[str]] = defaultdict(set)
        for node, product in demand:
            products[node].add(product)
        for node in reversed(list(nx.topological_sort(self.graph()))):
            for product in sorted(products.get(node, ())):
                for source in self.sources(node, product):
                    if self.kinds.get(source) in ("dc", "store"):
                        products[source].add(product)
        return dict(products)


def routes(company: Company) -> Routes:
    """The routes that the tables give or leave to the defaults."""
    kinds = {node.node: node.kind for node in company.nodes}
    source = {node.node: node.source for node in company.nodes}
    lanes = company.lanes or _default_lanes(kinds, source)
    into: dict[str, list[Lane]] = defaultdict(list)
    for lane in lanes:
        into[lane.destination].append(lane)
    sourcing: dict[Place, list[Sourcing]] = defaultdict(list)
    for row in company.sourcing:
        sourcing[row.node, row.product].append(row)
    return Routes(
        lanes=lanes,
        given=bool(company.lanes),
        kinds=kinds,
        into={node: tuple(rows) for node, rows in into.items()},
        sourcing={place: tuple(rows) for place, rows in sourcing.items()},
        supplier={product.product: product.supplier for product in company.products},
        source=source,
    )


def _default_lanes(kinds: Mapping[str, str], source: Mapping[str, str | None]) -> tuple[Lane, ...]:
    suppliers = [node for node, kind in kinds.items() if kind == "supplier"]
    dcs = [node for node, kind in kinds.items() if kind == "dc"]
    lanes = []
    for node, kind in kinds.items():
        own = source.get(node)
        if kind == "supplier":
            continue
        if own is not None:
            chosen = [own]
        elif kind == "dc" or not dcs:
            chosen = suppliers
        else:
            chosen = dcs if len(dcs) == 1 else []
        lanes += [
            Lane(source=where, destination=node) for where in chosen if where in kinds and where != node
        ]
    return tuple(lanes)
