"""The company that all contenders play, at any size: stores, the DCs that serve them, and suppliers with bills.

Every store sells every product. A stocking point is a product in a store or in a DC.
"""

from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import numpy as np

from twin.assembly import Model, assemble
from twin.tables import rows
from twin.tables.check import ensure
from twin.tables.company import Company
from twin.tables.rows import Settings

YEAR = 364
MEAN_DEMAND = 3.0  # units a day; the store-products of Breakfast at the Frat sell 2.7
DISPERSION = 6.0  # negative binomial size, on average
# bills fall due within the four weeks of the cash gate, so that the gate has something to count
PRICE, COST, CASE, NET_DAYS = 12.5, 9.1, 6, 14
SUPPLIERS_MOST, CATEGORIES_MOST = 6, 8
START = date(2026, 1, 5)


class Size(NamedTuple):
    """How large a company is."""

    stores: int
    dcs: int
    products: int

    @property
    def store_products(self) -> int:
        return self.stores * self.products

    @property
    def stocking_points(self) -> int:
        return (self.stores + self.dcs) * self.products


# By store-products; the third is the size of the targets (a grocer's 53 stores, 20 products).
SIZES = {size.store_products: size for size in (Size(1, 1, 1), Size(53, 1, 1), Size(53, 2, 20), Size(250, 5, 200))}
MIDDLE = SIZES[1060]


def company(size: Size, days: int = YEAR, cash_days: float = 40.0, line_days: float = 30.0) -> Company:
    """Negative binomial demand, VAT, card fees, payroll, a line of credit and the usual cash gate.

    cash_days, line_days: opening cash and the line's limit, in days of sales at cost.
    """
    rng = np.random.default_rng(0)
    mean = np.round(MEAN_DEMAND * rng.gamma(2.0, 0.5, (size.stores, size.products)) + 0.1, 3)
    dispersion = np.round(rng.uniform(0.5, 1.5, mean.shape) * DISPERSION, 3)
    worth = float(mean.sum()) * COST
    opening = {"1000": cash_days * worth, "1200": 6 * worth, "1210": 6 * worth, "2000": NET_DAYS * worth}
    opening = {code: round(amount, 2) for code, amount in opening.items()}
    opening["3000"] = round(sum(opening.values()) - 2 * opening["2000"], 2)
    suppliers = min(SUPPLIERS_MOST, size.products)
    found = Company(
        nodes=(
            *(rows.Node(node=f"sup{i}", kind="supplier") for i in range(suppliers)),
            *(rows.Node(node=f"dc{i}", kind="dc") for i in range(size.dcs)),
            *(rows.Node(node=f"st{i:03}", kind="store", source=f"dc{i % size.dcs}") for i in range(size.stores)),
        ),
        products=tuple(
            rows.Product(
                product=f"p{j:03}", category=f"c{j % CATEGORIES_MOST}", supplier=f"sup{j % suppliers}",
                price=PRICE, cost=COST, vat="0.13", pack=CASE,
            )
            for j in range(size.products)
        ),
        demand=tuple(
            rows.Demand(node=f"st{i:03}", product=f"p{j:03}", mean=float(mean[i, j]), size=float(dispersion[i, j]))
            for i in range(size.stores) for j in range(size.products)
        ),
        suppliers=tuple(
            rows.Supplier(supplier=f"sup{i}", net_days=NET_DAYS, penalty_rate="0.1") for i in range(suppliers)
        ),
        opening=tuple(rows.Opening(account=code, amount=amount) for code, amount in opening.items()),
        settings=Settings(days=days, start=START),
        receivables=(rows.Receivable(channel="card", days=2, fee="0.006"),),
        facilities=(rows.Facility(facility="revolver", limit=round(line_days * worth, 2), rate="0.05", fee="0.0025"),),
        planned=tuple(
            rows.Planned(date=START + timedelta(day), amount=round(8 * worth, 2), label="payroll")
            for day in range(27, days, 30)
        ),
    )  # fmt: skip
    ensure(found)
    return found


@cache
def model(size: Size, days: int = YEAR) -> Model:
    """The company as arrays."""
    return assemble(company(size, days))
