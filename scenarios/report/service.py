"""Service by node and week: what customers found on the shelf, over all futures."""

import numpy as np

from scenarios.report.findings import Findings
from scenarios.report.tables import Column, Row, Table
from scenarios.report.words import Words
from twin.measures import ratio, weekly

SHOWN_MOST = 40  # nodes in a picture; the workbook has all


def service(found: Findings, scenario: str) -> tuple[list[str], np.ndarray]:
    """Nodes with demand, and met / demand by (node, week); NaN where nobody asked."""
    demand = weekly(found.series(scenario, "node_demand").T)
    met = weekly(found.series(scenario, "node_met").T)
    asked = demand.sum(axis=1) > 0
    nodes = [str(node) for node, some in zip(found.joint["node"].values, asked, strict=True) if some]
    return nodes, ratio(met[asked], demand[asked])


def shown_nodes(found: Findings) -> list[str]:
    """The nodes of the pictures: all, or those with the worst week in the hardest scenario, in the order of ids."""
    nodes, rates = service(found, found.hardest)
    if len(nodes) <= SHOWN_MOST:
        return nodes
    worst = np.argsort(np.nanmin(rates, axis=1), kind="stable")[:SHOWN_MOST]
    return [nodes[i] for i in sorted(worst)]


def service_table(found: Findings, words: Words) -> Table:
    """Every scenario, node and week, for the workbook."""
    rows = []
    for scenario in found.names:
        nodes, rates = service(found, scenario)
        for node, line in zip(nodes, rates, strict=True):
            cells = [None if np.isnan(x) else float(x) for x in line]
            rows.append(Row([words.scenario(scenario), node, *cells]))
    weeks = len(found.dates) // 7
    columns = [Column(words("verdict.scenario")), Column(words("service.node"))]
    columns += [
        Column(words.week_number(7 * i), "share", note=words.week_start(7 * i, found.dates)) for i in range(weeks)
    ]
    note = words("service.note", n=f"{len(found.draws):,}")
    return Table("service", words("service.title"), columns, rows, note, wide=True)
