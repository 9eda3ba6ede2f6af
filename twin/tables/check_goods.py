"""Products, policies, calendar and size of a company: what is allowed in itself but cannot be meant."""

from collections.abc import Iterator

from twin.tables.check_routes import slots
from twin.tables.company import Company
from twin.tables.faults import Finding
from twin.tables.rows import Product
from twin.tables.values import text

MEMORY_MOST = 8 * 2**30
_BYTES = 8
_ARRAYS_NODE, _ARRAYS_LANE = (
    12,
    8,
)  # arrays carried per (node, product) and per (lane, product), pipeline apart


def prices(company: Company) -> Iterator[Finding]:
    for row, product in enumerate(company.products):
        if product.price < product.cost:
            yield Finding(
                "N022",
                "products",
                row,
                "price",
                text(product.price),
                f"{product.product} sells below its cost of {text(product.cost)}; is that meant?",
                "W",
            )
        elif product.cost < product.price / 20:
            yield Finding(
                "N022",
                "products",
                row,
                "price",
                text(product.price),
                f"{product.product} has a margin above 95 % (cost {text(product.cost)}); is that meant?",
                "W",
            )
    sold_at = {product.product: product.price for product in company.products}
    for row, rule in enumerate(company.sourcing):
        if rule.cost is not None and rule.cost > sold_at.get(rule.product, rule.cost):
            yield Finding(
                "N022",
                "sourcing",
                row,
                "cost",
                text(rule.cost),
                f"{rule.product} is bought above its price of {text(sold_at[rule.product])}; is that meant?",
                "W",
            )


def packs(company: Company) -> Iterator[Finding]:
    pack = {product.product: product.pack for product in company.products}
    for row, rule in enumerate(company.sourcing):
        if (rule.minimum_order or 0) % pack.get(rule.product, 1):
            yield Finding(
                "N023",
                "sourcing",
                row,
                "minimum_order",
                str(rule.minimum_order),
                f"is no multiple of the pack of {pack[rule.product]}; orders are raised to the next whole pack",
                "W",
            )
    for row, policy in enumerate(company.policies):
        if policy.product and policy.lot % pack.get(policy.product, 1):
            yield Finding(
                "N023",
                "policies",
                row,
                "lot",
                str(policy.lot),
                f"is no multiple of the pack of {pack[policy.product]}; orders are raised to the next whole pack",
                "W",
            )


def policies(company: Company) -> Iterator[Finding]:
    for row, policy in enumerate(company.policies):
        low, high = policy.reorder_point, policy.order_up_to
        if low is not None and high is not None and low > high and not policy.lot:
            yield Finding(
                "N024",
                "policies",
                row,
                "reorder_point",
                text(low),
                f"is above order_up_to {text(high)}; it must not be",
            )
        if policy.lot and high is not None:
            yield Finding(
                "N024",
                "policies",
                row,
                "order_up_to",
                text(high),
                "is not used where a lot is given; take one of the two out",
                "W",
            )
        if low is not None and low < 0 and not _backlogged(company, policy.product):
            yield Finding(
                "N024",
                "policies",
                row,
                "reorder_point",
                text(low),
                "is never reached where unmet demand is lost; write at least 0",
            )
        if policy.service_level in (0, 1):
            yield Finding(
                "N024",
                "policies",
                row,
                "service_level",
                text(policy.service_level),
                "give a fraction between 0 and 1, e.g. 0.95",
            )


def _backlogged(company: Company, name: str | None) -> bool:
    return any(product.lost_share < 1 for product in company.products if name in (None, product.product))


def unusual_rates(company: Company) -> Iterator[Finding]:
    for row, product in enumerate(company.products):
        if product.vat * 2 > 1:
            yield Finding(
                "M013",
                "products",
                row,
                "vat",
                text(product.vat),
                "is unusually high (typical 0-0.27); is that meant?",
                "W",
            )


def demand_laws(company: Company) -> Iterator[Finding]:
    for row, demand in enumerate(company.demand):
        if demand.zero_share == 1 and demand.mean:
            message = f"leaves no day on which the mean of {text(demand.mean)} could come; write less than 1"
            yield Finding("S007", "demand", row, "zero_share", text(demand.zero_share), message)


def calendar_places(company: Company) -> Iterator[Finding]:
    """Factors of a day are by category or by node, never by both: DESIGN.md, signature of the heart."""
    for row, day in enumerate(company.calendar):
        if day.category is not None and day.node is not None:
            message = "a calendar row is for a category or for a node; leave one of the two empty"
            yield Finding("S001", "calendar", row, "node", day.node, message)
    category = {product.product: product.category for product in company.products}
    for row, promotion in enumerate(company.promotions):
        if promotion.product and promotion.category not in (None, category.get(promotion.product)):
            message = f"{promotion.product} is not in it; leave one of the two empty"
            yield Finding("S002", "promotions", row, "category", promotion.category, message)


def dates(company: Company) -> Iterator[Finding]:
    for row, promotion in enumerate(company.promotions):
        if promotion.end < promotion.start:
            yield Finding(
                "S003",
                "promotions",
                row,
                "end",
                str(promotion.end),
                f"ends before it starts on {promotion.start}; swap the two dates?",
            )
    for row, statement in enumerate(company.statements):
        if statement.month.day != 1:
            yield Finding(
                "S004",
                "statements",
                row,
                "month",
                str(statement.month),
                f"write the first day of the month, {statement.month.replace(day=1)}",
            )


def state_bytes(company: Company, futures: int = 1) -> int:
    """About how many bytes the state of so many futures takes while they run."""
    nodes = sum(node.kind != "supplier" for node in company.nodes)
    lanes = max(nodes, len(company.lanes))
    ageing = max((product.shelf_life or 0 for product in company.products), key=int, default=0)
    per_product = nodes * (_ARRAYS_NODE + _most_lag(company.products) + ageing) + lanes * (
        _ARRAYS_LANE + slots(company)
    )
    return futures * len(company.products) * per_product * _BYTES


def _most_lag(products: tuple[Product, ...]) -> int:
    return max((product.return_lag for product in products if product.return_share), default=0)


def memory(company: Company, futures: int = 1, most: int = MEMORY_MOST) -> Iterator[Finding]:
    """Whether the state fits; of one future when tables are read, since the runner cuts batches."""
    needed = state_bytes(company, futures)
    if needed > most:
        yield Finding(
            "N026",
            "products",
            None,
            None,
            None,
            f"needs {needed / 2**30:,.1f} GB for state, limit "
            f"{most / 2**30:,.1f} GB; reduce lead_time_max, or let a product stand for a category",
        )


GOODS = (
    (prices, ("products",)),
    (packs, ("products",)),
    (policies, ("products",)),
    (unusual_rates, ()),
    (demand_laws, ()),
    (calendar_places, ("products",)),
    (dates, ()),
    (memory, ("nodes", "products", "lanes")),
)
