"""Routes of a company: no cycles, every product reaches every store that sells it, one clear source each."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

import networkx as nx

from twin.tables.company import Company
from twin.tables.faults import Finding, listed
from twin.tables.routing import Place, Routes, routes
from twin.tables.rows import Lane, Node

LONGEST_LEAD_TIME = 365


def lanes_themselves(company: Company) -> Iterator[Finding]:
    observed = {(row.source, row.destination) for row in company.lead_times}
    for row, lane in enumerate(company.lanes):
        yield from _lead_time(row, lane)
        if lane.lead_time_law == "empirical" and (lane.source, lane.destination) not in observed:
            yield Finding(
                "S007",
                "lanes",
                row,
                "lead_time_law",
                lane.lead_time_law,
                "has no observations; give them in lead_times, or write fixed, gamma or lognormal",
            )


def _lead_time(row: int, lane: Lane) -> Iterator[Finding]:
    mean, most, deviation = lane.lead_time, lane.lead_time_max, lane.lead_time_deviation
    if mean is not None and mean < 1:
        yield Finding("N018", "lanes", row, "lead_time", str(mean), "a lead time is at least 1 day; write 1")
    elif mean is not None and mean > (most or LONGEST_LEAD_TIME):
        what = f"lead_time_max {most}" if most else f"the longest of {LONGEST_LEAD_TIME} days"
        yield Finding("N018", "lanes", row, "lead_time", str(mean), f"exceeds {what}; lower it or raise the maximum")
    if most is not None and most > LONGEST_LEAD_TIME:
        yield Finding(
            "N018",
            "lanes",
            row,
            "lead_time_max",
            str(most),
            f"exceeds the longest of {LONGEST_LEAD_TIME} days; lower it",
        )
    if lane.lead_time_law == "fixed" and deviation:
        yield Finding(
            "S007",
            "lanes",
            row,
            "lead_time_deviation",
            str(deviation),
            "a fixed lead time has no deviation; leave it empty or write gamma or lognormal",
        )


def observed_lead_times(company: Company) -> Iterator[Finding]:
    for row, seen in enumerate(company.lead_times):
        if seen.days > LONGEST_LEAD_TIME:
            yield Finding(
                "N018",
                "lead_times",
                row,
                "days",
                str(seen.days),
                f"exceeds the longest of {LONGEST_LEAD_TIME} days; leave such orders out",
            )


def cycles(company: Company) -> Iterator[Finding]:
    found = routes(company)
    place = {(lane.source, lane.destination): row for row, lane in enumerate(company.lanes)}
    for cycle in _cycles(found):
        first = (cycle[0], cycle[1])
        table, row = ("lanes", place.get(first)) if found.given else ("nodes", None)
        yield Finding(
            "N014",
            table,
            row,
            "destination" if found.given else "source",
            None,
            f"supply cycle {' -> '.join(cycle)}; take one of these lanes out",
        )


def _cycles(found: Routes) -> list[list[str]]:
    """One cycle of each group of nodes that supply each other."""
    graph = found.graph()
    groups = [group for group in nx.strongly_connected_components(graph) if len(group) > 1]
    cycles = []
    for group in groups:
        edges = nx.find_cycle(graph.subgraph(group), source=min(group))
        cycles.append([edges[0][0], *(end for _, end in edges)])
    return sorted(cycles)


def sourcing_rules(company: Company) -> Iterator[Finding]:
    """Rows of the sourcing table: one, or shares that add to 1, or priorities."""
    places: dict[Place, list[int]] = defaultdict(list)
    for row, rule in enumerate(company.sourcing):
        places[rule.node, rule.product].append(row)
    for (node, product), rows in places.items():
        rules = [company.sourcing[row] for row in rows]
        shares = [rule.share for rule in rules if rule.share is not None]
        ranks = [rule.priority for rule in rules if rule.priority is not None]
        if len(rules) == len(shares) and not ranks:
            if sum(shares) != 1:
                yield Finding(
                    "N017",
                    "sourcing",
                    rows[-1],
                    "share",
                    str(rules[-1].share),
                    f"the shares of {node} for {product} add to {sum(shares)}; they must add to 1",
                )
        elif len(rules) > 1 and (shares or len(rules) != len(ranks)):
            yield Finding(
                "N016",
                "sourcing",
                rows[-1],
                "source",
                rules[-1].source,
                f"{node} has {len(rules)} sources for {product}; give each of them a share, or each of them a priority",
            )


def default_routes(company: Company) -> Iterator[Finding]:
    """What the defaults cannot decide, or would not read, where there is no table of lanes."""
    dcs = [node.node for node in company.nodes if node.kind == "dc"]
    for row, node in enumerate(company.nodes if not company.lanes else ()):
        if node.kind == "store" and node.source is None and len(dcs) > 1:
            remedy = "name one of them in the column source, or give the table lanes"
            yield Finding("N016", "nodes", row, "source", "", f"{node.node} could be served by {listed(dcs)}; {remedy}")
        elif node.source is not None and (node.kind == "dc" or not dcs):
            message = f"without lanes a {node.kind} is supplied by all suppliers; give the table lanes instead"
            yield Finding("N016", "nodes", row, "source", node.source, message)


def clear_sources(company: Company) -> Iterator[Finding]:
    """Every store-product has a source at every step back to a supplier, and by default only one."""
    found = routes(company)
    if not nx.is_directed_acyclic_graph(found.graph()):
        return
    place = {node.node: row for row, node in enumerate(company.nodes)}
    demand = _known(found, [(row.node, row.product) for row in company.demand])
    stocked = _known(found, [(row.node, row.product) for row in company.stock])
    needed = found.needed(demand | stocked)
    for node in sorted(needed):
        unclear = [product for product in sorted(needed[node]) if found.unclear(node, product)]
        if unclear:
            names = found.sources(node, unclear[0])
            yield Finding(
                "N016",
                "nodes",
                place.get(node),
                "node",
                node,
                f"could buy {listed(unclear, 3)} from {listed(names)}, and nothing says from whom; "
                "name the product's supplier, or add rows to sourcing",
            )
    yield from _unreachable(company, found, demand)
    yield from _orders(company, found, needed)


def _known(found: Routes, pairs: Iterable[Place]) -> set[Place]:
    """The (node, product) whose routes can be judged: known ids, and by default some lane into the node."""
    return {
        (node, product)
        for node, product in pairs
        if found.kinds.get(node) in ("dc", "store")
        and product in found.supplier
        and (found.given or node in found.into)
    }


def _orders(company: Company, found: Routes, needed: dict[str, set[str]]) -> Iterator[Finding]:
    """Open orders come from a source of their product: the price of anything else is nowhere to be found."""
    for row, order in enumerate(company.orders):
        if order.product not in needed.get(order.node, ()):
            message = f"nothing at {order.node} or below needs it: no demand, no stock; take the order out"
            yield Finding("N012", "orders", row, "product", order.product, message)
        elif order.source not in found.sources(order.node, order.product):
            message = f"{order.node} does not buy {order.product} from it; add it to sourcing, share 0 if only once"
            yield Finding("N012", "orders", row, "source", order.source, message)


def _unreachable(company: Company, found: Routes, demand: set[Place]) -> Iterator[Finding]:
    lanes = {(lane.source, lane.destination): (row, lane) for row, lane in enumerate(found.lanes)}
    nodes = {node.node: (row, node) for row, node in enumerate(company.nodes)}
    shut = {node.node for node in company.nodes if node.capacity == 0}
    shut_lanes = any(lane.capacity == 0 for lane in found.lanes)
    reached = open_ = _reached(found, demand, lambda lane: True)
    if shut or shut_lanes:
        open_ = _reached(found, demand, lambda lane: lane.capacity != 0 and lane.source not in shut)
    blocked: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row, need in enumerate(company.demand):
        pair = (need.node, need.product)
        if pair not in demand:
            continue
        if pair not in reached:
            into = [lane.source for lane in found.into.get(need.node, ())]
            supplier = found.supplier[need.product]
            made = f" (supplier {supplier})" if supplier else ""
            yield Finding(
                "N015",
                "demand",
                row,
                "node",
                need.node,
                f"{need.product}{made} cannot reach {need.node}; lanes "
                f"into it come from {listed(into) or 'nowhere'}; add a lane, or a row in sourcing",
            )
        elif pair not in open_:
            blocked[_block(pair, found, lanes, nodes, reached)].append(f"{need.product} to {need.node}")
    for (table, row), paths in sorted(blocked.items()):
        yield Finding(
            "N025",
            table,
            row,
            "capacity",
            "0",
            f"this capacity blocks every path of {listed(paths, 3)}; leave it empty for no limit",
        )


def _reached(found: Routes, demand: set[Place], is_open: Callable[[Lane], bool]) -> set[Place]:
    """The (node, product) that goods of a supplier can reach over open lanes."""
    lanes = {(lane.source, lane.destination) for lane in found.lanes if is_open(lane)}
    needed = found.needed(demand)
    reached: set[Place] = set()
    for node in nx.topological_sort(found.graph()):
        for product in needed.get(node, ()):
            for source in found.sources(node, product):
                supplied = found.kinds.get(source) == "supplier" or (source, product) in reached
                if supplied and (source, node) in lanes:
                    reached.add((node, product))
    return reached


def _block(
    pair: Place,
    found: Routes,
    lanes: dict[Place, tuple[int, Lane]],
    nodes: dict[str, tuple[int, Node]],
    reached: set[Place],
) -> tuple[str, int]:
    """Table and row of the capacity 0 that is nearest upstream of a pair that goods could else reach."""
    node, product = pair
    while True:
        source = next(
            source
            for source in found.sources(node, product)
            if (source, node) in lanes and (found.kinds[source] == "supplier" or (source, product) in reached)
        )
        row, lane = lanes[source, node]
        if lane.capacity == 0:
            return "lanes", row
        row, entry = nodes[source]
        if entry.capacity == 0:
            return "nodes", row
        node = source


def slots(company: Company) -> int:
    """Days that goods in transit may take, rounded up to 16: what the memory of the pipeline depends on."""
    longest = Decimal(1)
    observed = max((row.days for row in company.lead_times), default=1)
    for lane in routes(company).lanes:
        mean = Decimal(7) if lane.lead_time is None else lane.lead_time
        deviation = mean / 4 if lane.lead_time_deviation is None else lane.lead_time_deviation
        # The 99.9 % quantile of the usual laws lies about four deviations above the mean.
        most = lane.lead_time_max or max(2 * (mean + 4 * deviation), Decimal(observed))
        longest = max(longest, min(Decimal(most), Decimal(LONGEST_LEAD_TIME)))
    return -(-int(longest) // 16) * 16


ROUTES = (
    (lanes_themselves, ("lead_times",)),
    (observed_lead_times, ()),
    (cycles, ("nodes", "lanes")),
    (sourcing_rules, ("sourcing",)),
    (default_routes, ("nodes", "lanes")),
    (clear_sources, ("nodes", "products", "demand", "stock", "lanes", "sourcing")),
)
