"""A shop and its suppliers, one lane of each kind, with goods on the way at the opening; nothing is ever ordered.

What arrives at the shop is then what was on its way. Each supplier sells products of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from twin.assembly import Model, assemble
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.rows import Settings

DAYS, UNITS = 35, 10
START = Settings().start


@dataclass(frozen=True)
class Port:
    """A supplier: its lane, its products, and what left it: (day of dispatch or None, planned day of arrival)."""

    lane: Mapping[str, Any]
    left: tuple[tuple[int | None, int], ...]
    products: int = 1
    observed: Mapping[int, int] = field(default_factory=dict)  # lead time -> how often


PORTS = {
    "cross": Port({"lead_time": 9, "lead_time_deviation": 2, "lead_time_max": 25}, ((-9, 1), (-2, 6)), products=2),
    "queue": Port(
        {"lead_time": 8, "lead_time_deviation": "2.5", "lead_time_max": 20, "crossing": "no"},
        ((-9, 0), (-8, 1), (-7, 3)),
    ),
    # days to the next of so many tosses: what is left of it is the same at every age
    "coin": Port({"lead_time_law": "empirical"}, ((-6, 2),), observed={k: 2 ** (20 - k) for k in range(1, 21)}),
    "certain": Port({"lead_time": 4, "lead_time_law": "fixed"}, ((-2, 3),)),
    "dated": Port({"lead_time": 7, "lead_time_deviation": 3}, ((None, 5),)),
    "overdue": Port({"lead_time": 3, "lead_time_deviation": 1, "lead_time_max": 6}, ((-10, 4),)),
}


def company(ports: Mapping[str, Port] = PORTS) -> Company:
    goods = {name: [f"{name}{i}" for i in range(port.products)] for name, port in ports.items()}
    every = [product for products in goods.values() for product in products]
    moving = [
        rows.OpenOrder(source=name, node="shop", product=product, units=UNITS + i, arrives=day(planned),
                       dispatched=None if left is None else day(left))
        for name, port in ports.items()
        for product in goods[name]
        for i, (left, planned) in enumerate(port.left)
    ]  # fmt: skip
    return Company(
        nodes=(*(rows.Node(node=name, kind="supplier") for name in ports), rows.Node(node="shop", kind="store")),
        products=tuple(rows.Product(product=p, supplier=name, price=2, cost=1) for name in ports for p in goods[name]),
        demand=tuple(rows.Demand(node="shop", product=p, mean="0.5") for p in every),
        suppliers=tuple(rows.Supplier(supplier=name, net_days=30) for name in ports),
        opening=(rows.Opening(account="1000", amount=10**6), rows.Opening(account="3000", amount=10**6)),
        settings=Settings(days=DAYS),
        lanes=tuple(rows.Lane(source=name, destination="shop", **port.lane) for name, port in ports.items()),
        lead_times=tuple(
            rows.LeadTime(source=name, destination="shop", days=k, count=n)
            for name, port in ports.items()
            for k, n in port.observed.items()
        ),
        orders=tuple(moving),
        policies=(rows.PolicyRow(reorder_point=-1, order_up_to=0),),
    )


def day(number: int) -> Any:
    return START + timedelta(number)


def undated(given: Company) -> Company:
    """The same company without days of dispatch."""
    orders = [order.model_dump(exclude_unset=True, exclude={"dispatched"}) for order in given.orders]
    return replace(given, orders=tuple(rows.OpenOrder(**order) for order in orders))


def model(given: Company | None = None) -> Model:
    """The assembled company, by default this one, with a scenario that doubles lead times."""
    late = rows.Shock(scenario="late", shock="late", field="lead_time", start=0, days=DAYS, factor=2)
    return assemble(company() if given is None else given, {"late": [late]})
