"""Shocks of a company's scenarios: each hits something, with a strength that its field understands."""

import itertools
from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from twin.tables.company import Company
from twin.tables.faults import Finding, did_you_mean, listed
from twin.tables.routing import routes
from twin.tables.rows import Shock
from twin.tables.values import severity_law, text

# How strong a shock is: rates and losses are added to, terms replaced, everything else multiplied.
STRENGTH = {"rate": "add", "stock_loss": "add", "terms": "net_days"}
# Which places each field can be narrowed to.
TARGETS = {
    "demand": ("node", "product", "category"),
    "lead_time": ("supplier", "node"),
    "lane_capacity": ("supplier", "node"),
    "dispatch_capacity": ("supplier", "node"),
    "price": ("product", "category"),
    "cost": ("supplier", "product", "category"),
    "commitment": (),
    "supplier_limit": ("supplier",),
    "collections": ("channel",),
    "rate": ("facility",),
    "stock_loss": ("node",),
    "terms": ("supplier",),
}
PLACES = ("supplier", "node", "product", "category", "channel", "facility")
BASE = "base"


def named(cell: str | None) -> tuple[str, ...]:
    """The names in a target cell: 'a|b' means both."""
    return tuple(part.strip() for part in cell.split("|")) if cell is not None else ()


def strengths(company: Company) -> Iterator[Finding]:
    for row, shock in enumerate(company.shocks):
        wanted = STRENGTH.get(shock.field, "factor")
        given = [column for column in ("factor", "add", "net_days") if getattr(shock, column) is not None]
        if given != [wanted]:
            stray = next((column for column in given if column != wanted), wanted)
            found = "" if stray == wanted else text(getattr(shock, stray))
            yield Finding(
                "S005", "shocks", row, stray, found, f"a shock of {shock.field} takes {wanted}, and only that"
            )
        if shock.field == "stock_loss" and shock.add is not None and not 0 <= shock.add <= 1:
            yield Finding("S005", "shocks", row, "add", text(shock.add), "a loss of stock must be in [0, 1]")
        if shock.field == "rate" and shock.add is not None and abs(shock.add) > 1:
            yield Finding(
                "M006",
                "shocks",
                row,
                "add",
                text(shock.add),
                f"means {text(shock.add * 100)} % a year; did you mean {text(shock.add / 100)}?",
            )
        yield from _severity(row, shock)


def _severity(row: int, shock: Shock) -> Iterator[Finding]:
    try:
        law, numbers = severity_law(shock.severity)
    except PydanticCustomError as error:
        yield Finding(error.type, "shocks", row, "severity", shock.severity, error.message())
        return
    if shock.correlation != 1 and shock.group is None:
        yield Finding("S008", "shocks", row, "correlation", text(shock.correlation), "needs a group: name the cause")
    if shock.field == "terms" and shock.shape not in ("step", "regime"):
        yield Finding("S005", "shocks", row, "shape", shock.shape, "terms change as a whole: step, or regime to stay")
    if shock.field == "terms" and shock.group is not None:
        yield Finding("S007", "shocks", row, "group", shock.group, "terms change in every future; leave it empty")
    if shock.field == "terms" and (law, *numbers) != ("fixed", 1):
        yield Finding("S007", "shocks", row, "severity", shock.severity, "terms change as a whole; leave it empty")
    if shock.field == "terms" and shock.probability != 1:
        yield Finding(
            "S007",
            "shocks",
            row,
            "probability",
            text(shock.probability),
            "terms change in every future of their scenario; leave it empty",
        )


def windows(company: Company) -> Iterator[Finding]:
    for row, shock in enumerate(company.shocks):
        if shock.start >= company.settings.days:
            yield Finding(
                "S003",
                "shocks",
                row,
                "start",
                str(shock.start),
                f"starts after the end of the horizon of {company.settings.days} days; the first day is 0",
            )


def scenario_names(company: Company) -> Iterator[Finding]:
    for row, shock in enumerate(company.shocks):
        if shock.scenario.casefold() == BASE:
            yield Finding(
                "S012",
                "shocks",
                row,
                "scenario",
                shock.scenario,
                "is the name of the company without shocks; choose another",
            )


def targets(company: Company) -> Iterator[Finding]:
    known = _known(company)
    category = {product.product: product.category for product in company.products}
    for row, shock in enumerate(company.shocks):
        for place in PLACES:
            cell = getattr(shock, place)
            if cell is None:
                continue
            if place not in TARGETS[shock.field]:
                fits = listed(TARGETS[shock.field]) or "nothing: it has only one"
                yield Finding(
                    "S001",
                    "shocks",
                    row,
                    place,
                    cell,
                    f"{shock.field} has no {place}; it can be narrowed to {fits}",
                )
                continue
            for name in named(cell):
                if "*" in name or "?" in name:
                    yield Finding(
                        "S002",
                        "shocks",
                        row,
                        place,
                        cell,
                        "patterns are not read; write the names, a|b, or leave it empty for all",
                    )
                elif name not in known[place]:
                    yield Finding(
                        "S001",
                        "shocks",
                        row,
                        place,
                        cell,
                        f"'{name}' matches nothing; allowed: {listed(known[place])}{did_you_mean(name, known[place])}",
                    )
        products, categories = named(shock.product), named(shock.category)
        if products and categories and not any(category.get(name) in categories for name in products):
            yield Finding(
                "S002",
                "shocks",
                row,
                "category",
                shock.category,
                "matches none of the products of this shock; leave one of the two empty",
            )


def _known(company: Company) -> dict[str, list[str]]:
    suppliers = [node.node for node in company.nodes if node.kind == "supplier"]
    own = [node.node for node in company.nodes if node.kind != "supplier"]
    return {
        "supplier": suppliers,
        "node": own,
        "product": [product.product for product in company.products],
        "category": sorted({product.category for product in company.products}),
        "channel": sorted({node.channel for node in company.nodes if node.kind != "supplier"}),
        "facility": ["revolver", "term_loan"],
    }


def terms_set_twice(company: Company) -> Iterator[Finding]:
    """Two shocks that both set the terms of a supplier on the same day: nothing says which holds."""
    terms = [(row, shock) for row, shock in enumerate(company.shocks) if shock.field == "terms"]
    for (one, a), (two, b) in itertools.combinations(terms, 2):
        same_time = a.start < _end(b) and b.start < _end(a)
        first, second = set(named(a.supplier)), set(named(b.supplier))
        same_place = not first or not second or first & second
        if a.scenario == b.scenario and same_time and same_place:
            yield Finding(
                "S006",
                "shocks",
                two,
                "net_days",
                text(b.net_days),
                f"shocks '{a.shock}' and '{b.shock}' both set "
                "the terms of a supplier on the same days; keep one or part their days",
                other=one,
            )


def _end(shock: Shock) -> float:
    return float("inf") if shock.shape == "regime" else shock.start + shock.days


def without_effect(company: Company) -> Iterator[Finding]:
    for row, shock in enumerate(company.shocks):
        reason = _nothing_changes(company, shock)
        if reason:
            column, why = reason
            yield Finding(
                "S014",
                "shocks",
                row,
                column,
                text(getattr(shock, column)),
                f"{shock.scenario}/{shock.shock} changes nothing: {why}",
                "W",
            )


def _nothing_changes(company: Company, shock: Shock) -> tuple[str, str] | None:
    """The column and the reason why a shock is without effect, or None."""
    facilities = {row.facility: row for row in company.facilities}
    suppliers = [row for row in company.suppliers if not shock.supplier or row.supplier in named(shock.supplier)]
    if shock.factor == 1:
        return "factor", "factor 1 is no change"
    if shock.add == 0:
        return "add", "it adds 0"
    if shock.severity == "0":
        return "severity", "severity 0 is no change"
    if shock.probability == 0:
        return "probability", "it never happens"
    if shock.field == "terms" and suppliers and all(row.net_days == shock.net_days for row in suppliers):
        return "net_days", "these are the terms already"
    if shock.field == "commitment" and ("revolver" not in facilities or not facilities["revolver"].limit):
        return "field", "there is no revolver"
    if shock.field == "rate" and not facilities:
        return "field", "there is no facility"
    if shock.field == "supplier_limit" and all(row.credit_limit is None for row in suppliers):
        return "field", "no supplier has a credit_limit"
    if shock.field in ("lane_capacity", "dispatch_capacity") and shock.factor and not _has_capacity(company, shock):
        return "factor", "nothing that it hits has a capacity; factor 0 is an outage"
    return None


def _has_capacity(company: Company, shock: Shock) -> bool:
    chosen = {*named(shock.supplier), *named(shock.node)}
    if shock.field == "dispatch_capacity":
        return any(node.capacity is not None and (not chosen or node.node in chosen) for node in company.nodes)
    return any(
        lane.capacity is not None and (not chosen or {lane.source, lane.destination} & chosen)
        for lane in routes(company).lanes
    )


SHOCKS = (
    (strengths, ()),
    (windows, ("company",)),
    (scenario_names, ()),
    (targets, ("nodes", "products")),
    (terms_set_twice, ()),
    (without_effect, ("facilities", "suppliers", "nodes", "lanes")),
)
