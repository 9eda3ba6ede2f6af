"""Nodes in levels, lanes in rows, lines (lane, product): where every id stands in the arrays."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import networkx as nx
import numpy as np

from kernels.bits import hash_ids
from twin.network import Level
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.routing import Routes, routes

LaneId = tuple[str, str]


def lane_name(lane: LaneId | None) -> str:
    """As results and posteriors name it; nothing for a place that no lane takes."""
    return " to ".join(lane) if lane else ""


def by_bytes(ids: list[str]) -> list[str]:
    """Ids in the one order that counts: their UTF-8 bytes."""
    return sorted(set(ids), key=str.encode)


@dataclass(frozen=True)
class Line:
    """A product that a lane carries, and what of the node's orders it gets."""

    share: Decimal
    priority: int | None
    cost: Decimal
    minimum: int


@dataclass(frozen=True)
class Structure:
    """The company's topology, sorted: position is identity from here on."""

    suppliers: list[str]
    nodes: list[str]
    products: list[str]
    channels: list[str]
    categories: list[str]
    levels: tuple[Level, ...]
    lanes: list[LaneId | None]  # None: a place that no lane takes
    lane_rows: dict[LaneId, rows.Lane]
    lines: dict[tuple[LaneId, str], Line]
    node_rows: dict[str, rows.Node]
    product_rows: dict[str, rows.Product]

    @cached_property
    def node(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.nodes)}

    @cached_property
    def supplier(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.suppliers)}

    @cached_property
    def product(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.products)}

    @cached_property
    def lane(self) -> dict[LaneId, int]:
        return {lane: i for i, lane in enumerate(self.lanes) if lane is not None}

    @cached_property
    def outside(self) -> list[LaneId]:
        """Lanes from suppliers, in the order of the lane axis."""
        return [lane for lane in self.lanes if lane is not None and lane[0] in self.supplier]

    @cached_property
    def sources(self) -> list[str]:
        """Own nodes that supply others, in the order of the node axis."""
        supplying = {lane[0] for lane in self.lanes if lane is not None}
        return [node for node in self.nodes if node in supplying]

    def out_of(self, source: str) -> list[LaneId]:
        """Lanes out of a supplier or own node, by id."""
        found = [lane for lane in self.lanes if lane is not None and lane[0] == source]
        return sorted(found, key=lambda lane: lane[1].encode())

    def hashes(self) -> dict[str, np.ndarray]:
        """64-bit hashes of the ids that key random numbers; a lane is "source>destination"."""
        lanes = ["" if lane is None else f"{lane[0]}>{lane[1]}" for lane in self.lanes]
        return {
            "node_hash": hash_ids(self.nodes),
            "product_hash": hash_ids(self.products),
            "category_hash": hash_ids(self.categories),
            "lane_hash": hash_ids(lanes),
        }


def structure(company: Company) -> Structure:
    """Sort, level and route a checked company."""
    own = {n.node: n for n in company.nodes if n.kind != "supplier"}
    products = {p.product: p for p in company.products}
    found = routes(company)
    lane_rows = {(lane.source, lane.destination): lane for lane in found.lanes}
    lines = lines_of(company, found, lane_rows)
    graph = nx.DiGraph()
    graph.add_nodes_from(own)
    graph.add_edges_from(lane for lane in lane_rows if lane[0] in own)
    depth = {node: i for i, tier in enumerate(nx.topological_generations(graph)) for node in tier}
    groups: dict[tuple[int, bool], list[str]] = {}
    for node in by_bytes(list(own)):
        groups.setdefault((depth[node], graph.out_degree(node) == 0), []).append(node)
    levels, nodes, lanes = [], [], []
    for group in sorted(groups):
        into = {n: sorted((x for x in lane_rows if x[1] == n), key=lambda x: x[0].encode()) for n in groups[group]}
        fan_in = max(1, *(len(found) for found in into.values()))
        levels.append(Level(len(groups[group]), fan_in))
        for n in groups[group]:
            nodes.append(n)
            lanes += [*into[n], *[None] * (fan_in - len(into[n]))]
    return Structure(
        suppliers=by_bytes([n.node for n in company.nodes if n.kind == "supplier"]),
        nodes=nodes,
        products=by_bytes(list(products)),
        channels=by_bytes([n.channel for n in own.values()] + [row.channel for row in company.receivables]),
        categories=by_bytes([p.category for p in products.values()]),
        levels=tuple(levels),
        lanes=lanes,
        lane_rows=lane_rows,
        lines=lines,
        node_rows=own,
        product_rows=products,
    )


def lines_of(company: Company, found: Routes, lanes: dict[LaneId, rows.Lane]) -> dict[tuple[LaneId, str], Line]:
    """The lines that demand and stock need: sourcing rows, else the one lane that fits."""
    products = {p.product: p for p in company.products}
    places = [(row.node, row.product) for row in company.demand] + [(row.node, row.product) for row in company.stock]
    lines: dict[tuple[LaneId, str], Line] = {}
    # in order: sums and splits of cents follow it, and a set has another one in every process
    for node, wanted in sorted(found.needed(places).items()):
        for product in sorted(wanted):
            given = {row.source: row for row in found.sourcing.get((node, product), ())}
            for source in found.sources(node, product):
                row = given.get(source) or rows.Sourcing(node=node, product=product, source=source)
                minimum = row.minimum_order if row.minimum_order is not None else lanes[source, node].minimum_order
                cost = row.cost if row.cost is not None else products[product].cost
                whole = Decimal(1) if row.priority is None else Decimal(0)
                bought = found.kinds[source] == "supplier"
                lines[(source, node), product] = Line(
                    share=row.share if row.share is not None else whole,
                    priority=row.priority,
                    cost=cost if bought else Decimal(0),
                    minimum=minimum,
                )
    return lines
