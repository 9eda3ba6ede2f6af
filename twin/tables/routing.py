"""Who supplies whom with what: the lanes and sources that the tables give, and the defaults for the rest.

The rules, once for the checks and for building the network:
- Without a lanes table every supplier ships to every dc, and a store is served by its `source`, else by the
  only dc; where there is no dc, every supplier ships to every store.
- Without a row in sourcing a node buys a product over its lanes from own nodes and over the lane from the
  product's supplier, or the only supplier. That must leave one lane: several are unclear.
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
    supplier: Mapping[str, str | None]  # product -> its supplier, or the only one

    def sources(self, node: str, product: str) -> tuple[str, ...]:
        """From whom a node buys a product: as the table says, else by default; see `unclear`."""
        if (node, product) in self.sourcing:
            return tuple(row.source for row in self.sourcing[node, product])
        supplier = self.supplier.get(product)
        return tuple(
            lane.source
            for lane in self.into.get(node, ())
            if self.kinds.get(lane.source) != "supplier" or supplier in (None, lane.source)
        )

    def unclear(self, node: str, product: str) -> bool:
        """Whether the tables leave more than one source, or a supplier that nobody named."""
        if (node, product) in self.sourcing:
            return False
        found = self.sources(node, product)
        unnamed = self.supplier.get(product) is None and any(self.kinds.get(x) == "supplier" for x in found)
        return len(found) > 1 or unnamed

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
    suppliers = [node.node for node in company.nodes if node.kind == "supplier"]
    only = suppliers[0] if len(suppliers) == 1 else None
    lanes = company.lanes or default_lanes(company)
    into: dict[str, list[Lane]] = defaultdict(list)
    for lane in lanes:
        into[lane.destination].append(lane)
    sourcing: dict[Place, list[Sourcing]] = defaultdict(list)
    for row in company.sourcing:
        sourcing[row.node, row.product].append(row)
    return Routes(
        lanes=lanes,
        given=bool(company.lanes),
        kinds={node.node: node.kind for node in company.nodes},
        into={node: tuple(rows) for node, rows in into.items()},
        sourcing={place: tuple(rows) for place, rows in sourcing.items()},
        supplier={product.product: product.supplier or only for product in company.products},
    )


def default_lanes(company: Company) -> tuple[Lane, ...]:
    """The lanes without a table of lanes; none into a store that could be served by several dcs."""
    known = {node.node for node in company.nodes}
    suppliers = [node.node for node in company.nodes if node.kind == "supplier"]
    dcs = [node.node for node in company.nodes if node.kind == "dc"]
    lanes = []
    for node in company.nodes:
        if node.kind == "dc" or (node.kind == "store" and not dcs):
            sources = suppliers
        elif node.kind == "store" and node.source is not None:
            sources = [node.source] if node.source in known - {node.node} else []
        elif node.kind == "store":
            sources = dcs if len(dcs) == 1 else []
        else:
            sources = []
        lanes += [Lane(source=source, destination=node.node) for source in sources]
    return tuple(lanes)
