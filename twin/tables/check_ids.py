"""Ids of a company: unique, no two that look alike, and every one that is referred to exists."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator

from twin.tables.company import Company
from twin.tables.faults import Finding, did_you_mean, listed
from twin.tables.routing import routes
from twin.tables.rows import TABLES
from twin.tables.values import text

# Codes of a key given twice, where it is not the general N010.
_TWICE = {"lanes": "N013", "shocks": "S012"}
# Which table and column names what. "own node": a dc or a store.
_REFERENCES = (
    ("nodes", "source", "node"),
    ("products", "supplier", "supplier"),
    ("demand", "node", "own node"),
    ("demand", "product", "product"),
    ("suppliers", "supplier", "supplier"),
    ("lanes", "source", "node"),
    ("lanes", "destination", "own node"),
    ("sourcing", "node", "own node"),
    ("sourcing", "product", "product"),
    ("sourcing", "source", "node"),
    ("stock", "node", "own node"),
    ("stock", "product", "product"),
    ("orders", "source", "node"),
    ("orders", "node", "own node"),
    ("orders", "product", "product"),
    ("calendar", "category", "category"),
    ("calendar", "node", "own node"),
    ("promotions", "product", "product"),
    ("promotions", "category", "category"),
    ("policies", "node", "own node"),
    ("policies", "product", "product"),
)


def something_to_simulate(company: Company) -> Iterator[Finding]:
    for kind in ("supplier", "store"):
        if company.nodes and not any(node.kind == kind for node in company.nodes):
            yield Finding("N009", "nodes", None, None, None, f"network has no {kind}: nothing to simulate; add one")
    if company.demand and not any(row.mean for row in company.demand):
        yield Finding("N009", "demand", None, None, None, "all demand is 0: nothing to simulate; give mean demand")


def missing_tables(company: Company) -> Iterator[Finding]:
    for model in TABLES:
        if model.required and not company.table(model.table):
            yield Finding(
                "N009",
                model.table,
                None,
                None,
                None,
                f"the table {model.table} ({model.zh}) is required and has no rows: {model.about}",
            )


def keys_given_twice(company: Company) -> Iterator[Finding]:
    for model in TABLES:
        first: dict[tuple[str, ...], int] = {}
        for row, values in enumerate(company.table(model.table) if model.key else ()):
            key = tuple(text(getattr(values, column)) for column in model.key)
            if key in first:
                yield Finding(
                    _TWICE.get(model.table, "N010"),
                    model.table,
                    row,
                    model.key[-1],
                    "/".join(key),
                    f"this {' and '.join(model.key)} is given twice; keep one",
                    other=first[key],
                )
            first.setdefault(key, row)


def lookalikes(company: Company) -> Iterator[Finding]:
    """Ids that differ only in case or in the form of their letters."""
    scenarios = list({shock.scenario: row for row, shock in enumerate(company.shocks)}.items())
    named = {
        ("nodes", "node", "N010"): [(node.node, row) for row, node in enumerate(company.nodes)],
        ("products", "product", "N010"): [(product.product, row) for row, product in enumerate(company.products)],
        ("shocks", "scenario", "S012"): scenarios,
    }
    for (table, column, code), ids in named.items():
        alike: dict[str, set[str]] = defaultdict(set)
        for name, row in ids:
            same = alike[unicodedata.normalize("NFKC", name).casefold()]
            if same - {name}:
                yield Finding(
                    code,
                    table,
                    row,
                    column,
                    name,
                    f"differs only in case or letter form from '{min(same - {name})}'; rename one or write both alike",
                )
            same.add(name)


def references_to_nodes(company: Company) -> Iterator[Finding]:
    kinds = {node.node: node.kind for node in company.nodes}
    known = {
        "node": list(kinds),
        "own node": [name for name, kind in kinds.items() if kind != "supplier"],
        "supplier": [name for name, kind in kinds.items() if kind == "supplier"],
    }
    for finding in _references(company, known):
        kind = kinds.get(finding.found or "")
        if kind is None:
            yield finding
        else:
            needed = "a supplier" if kind != "supplier" else "a dc or a store"
            yield finding._replace(message=f"is a {kind}; {needed} is needed here")


def references_to_products(company: Company) -> Iterator[Finding]:
    known = {
        "product": [product.product for product in company.products],
        "category": sorted({product.category for product in company.products}),
    }
    yield from _references(company, known)


def _references(company: Company, known: dict[str, list[str]]) -> Iterator[Finding]:
    members = {what: set(names) for what, names in known.items()}
    for table, column, what in _REFERENCES:
        for row, values in enumerate(company.table(table) if what in known else ()):
            name = getattr(values, column)
            if name is not None and name not in members[what]:
                yield unknown(table, row, column, name, what, known[what])


def unknown(table: str, row: int | None, column: str, name: str, what: str, known: list[str]) -> Finding:
    """N012, or H010 where a spreadsheet has eaten the leading zeros of an id."""
    zeros = [other for other in known if other != name and other.lstrip("0") == name]
    if zeros:
        return Finding(
            "H010",
            table,
            row,
            column,
            name,
            f"is not a {what}, but {zeros[0]!r} is; format the column as "
            f"text and write the leading zeros; did you mean {zeros[0]!r}?",
        )
    hint = did_you_mean(name, known)
    return Finding("N012", table, row, column, name, f"is not a {what}; allowed: {listed(known)}{hint}")


def lanes_to_themselves(company: Company) -> Iterator[Finding]:
    for row, lane in enumerate(company.lanes):
        if lane.source == lane.destination:
            message = "a lane from a node to itself; name another destination or take the lane out"
            yield Finding("N013", "lanes", row, "destination", lane.destination, message)


def lanes_named_elsewhere(company: Company) -> Iterator[Finding]:
    """Sourcing, open orders and observed lead times stand on lanes, and a node's own source too."""
    found = routes(company)
    lanes = {(lane.source, lane.destination) for lane in found.lanes}
    named = [("sourcing", row, "source", entry.source, entry.node) for row, entry in enumerate(company.sourcing)]
    named += [("orders", row, "source", entry.source, entry.node) for row, entry in enumerate(company.orders)]
    named += [
        ("lead_times", row, "source", entry.source, entry.destination) for row, entry in enumerate(company.lead_times)
    ]
    named += [
        ("nodes", row, "source", entry.source, entry.node)
        for row, entry in enumerate(company.nodes)
        if entry.source and found.given
    ]
    for table, row, column, source, destination in named:
        if source in found.kinds and destination in found.kinds and (source, destination) not in lanes:
            into = [lane.source for lane in found.into.get(destination, ())]
            yield Finding(
                "N012",
                table,
                row,
                column,
                source,
                f"there is no lane from it to '{destination}'; add one to "
                f"lanes, or take one of: {listed(into) or 'none'}",
            )


def channels(company: Company) -> Iterator[Finding]:
    used = sorted({node.channel for node in company.nodes if node.kind != "supplier"})
    given = sorted({leg.channel for leg in company.receivables})
    for row, node in enumerate(company.nodes):
        if node.kind != "supplier" and node.channel not in (*given, "card"):
            yield Finding(
                "N012",
                "nodes",
                row,
                "channel",
                node.channel,
                f"has no terms in receivables; allowed: {listed([*given, 'card'])}{did_you_mean(node.channel, given)}",
            )
    for row, leg in enumerate(company.receivables):
        if leg.channel not in used:
            yield Finding(
                "N012",
                "receivables",
                row,
                "channel",
                leg.channel,
                f"no node sells on this channel; allowed: {listed(used)}{did_you_mean(leg.channel, used)}",
                "W",
            )


def terms_of_suppliers(company: Company) -> Iterator[Finding]:
    given = {terms.supplier for terms in company.suppliers}
    for row, node in enumerate(company.nodes):
        if node.kind == "supplier" and node.node not in given:
            yield Finding(
                "M004", "nodes", row, "node", node.node, "has no payment terms; add a row for it to suppliers"
            )


IDS = (
    (something_to_simulate, ("nodes", "demand")),
    (keys_given_twice, ()),
    (lookalikes, ()),
    (references_to_nodes, ("nodes",)),
    (references_to_products, ("products",)),
    (lanes_to_themselves, ()),
    (lanes_named_elsewhere, ("nodes", "lanes")),
    (channels, ("nodes", "receivables")),
    (terms_of_suppliers, ("suppliers",)),
)
