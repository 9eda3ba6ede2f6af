"""What the example grocer sells and from whom: categories, product lines, suppliers. Invented, sized by judgement.

A line stands for a sub-category, so its units are a mixture; prices, margins, shelf lives and terms are what a
regional supermarket chain in China might show. VAT: 9 % on farm produce, grain, oil and fresh milk, else 13 %.
"""

from typing import NamedTuple


class Category(NamedTuple):
    """What the lines of a category share. Days are days of mean demand; factors multiply mean demand."""

    name: str
    weekend: float  # Saturday and Sunday against a mean day
    winter: float  # amplitude of the annual season, highest at the turn of the year; negative: in summer
    festival: float  # height of the peak before the Spring Festival
    double_eleven: float  # factor around 11 November
    elasticity: float  # mean price elasticity of its lines
    lift: float  # mean log lift of a promotion beyond its price
    size: float  # negative binomial size of a store-line's daily demand
    store_review: int  # days between store orders
    store_cover: float  # days of stock that a store keeps beyond the next delivery
    dc_review: int  # days between orders to suppliers
    dc_cover: float  # days of stock that a dc keeps beyond the next delivery


class Line(NamedTuple):
    """A product line. Money in CNY per unit, net of VAT."""

    name: str
    category: str
    supplier: str
    price: float
    margin: float  # share of the price
    vat: str
    pack: int
    weight: float  # share of sales, in per cent of the 40 lines
    shelf_life: int | None = None  # days
    shrink: float = 0.0  # share of stock lost a day
    returns: float = 0.0  # share of sales
    zero_share: float = 0.0  # days without demand beyond the law's own


class Supplier(NamedTuple):
    """A supplier and its lanes to the dcs."""

    name: str
    net_days: int
    lead_time: float  # days
    lead_deviation: float  # days
    lead_max: int  # days
    imported: bool = False  # FOB, with deposit and sea freight


CATEGORIES = (
    Category("produce", 1.20, 0.02, 0.45, 1.0, -1.1, 0.15, 14.0, 1, 0.72, 1, 1.0),
    Category("meat-seafood", 1.24, 0.04, 0.70, 1.0, -1.3, 0.18, 14.0, 1, 0.87, 1, 1.1),
    Category("dairy-bakery", 1.12, 0.00, 0.30, 1.0, -1.5, 0.22, 18.0, 2, 0.92, 1, 1.9),
    Category("staples", 1.12, 0.05, 0.65, 1.1, -1.6, 0.30, 16.0, 3, 15.0, 3, 14.0),
    Category("snacks", 1.22, 0.03, 0.90, 1.3, -1.9, 0.35, 14.0, 3, 16.0, 3, 15.0),
    Category("drinks", 1.24, -0.12, 0.85, 1.1, -1.8, 0.35, 12.0, 3, 15.0, 3, 16.0),
    Category("household", 1.15, 0.01, 0.25, 1.9, -1.9, 0.40, 12.0, 4, 19.0, 4, 19.0),
    Category("home", 1.35, 0.03, 0.40, 1.6, -1.6, 0.30, 8.0, 7, 34.0, 7, 38.0),
)

SUPPLIERS = (
    Supplier("greenfield-produce", 30, 1.6, 0.4, 4),
    Supplier("northlake-fresh", 30, 2.0, 0.5, 5),
    Supplier("harvest-staples", 45, 4.0, 1.0, 9),
    Supplier("unity-fmcg", 60, 5.0, 1.2, 11),
    Supplier("clearday-household", 60, 6.0, 1.5, 13),
    Supplier("oceanic-imports", 30, 35.0, 5.0, 56, imported=True),
)

# Sorted so that the first lines of any number are a grocer of their own: one line of each category in turn.
LINES = (
    Line("leafy-greens", "produce", "greenfield-produce", 6.5, 0.25, "0.09", 10, 3.2, 3, 0.018),
    Line("pork", "meat-seafood", "northlake-fresh", 26.0, 0.18, "0.09", 6, 4.6, 4, 0.006),
    Line("rice", "staples", "harvest-staples", 42.0, 0.15, "0.09", 4, 3.2, None, 0.00008),
    Line("imported-wine", "drinks", "oceanic-imports", 98.0, 0.31, "0.13", 6, 1.3, None, 0.0001),
    Line("tissue", "household", "clearday-household", 24.0, 0.20, "0.13", 8, 2.4, None, 0.00008, 0.002),
    Line("fresh-milk", "dairy-bakery", "northlake-fresh", 9.8, 0.21, "0.09", 12, 3.0, 10, 0.004),
    Line("biscuits", "snacks", "unity-fmcg", 12.0, 0.28, "0.13", 12, 2.4, None, 0.0001, 0.001),
    Line("small-appliances", "home", "clearday-household", 189.0, 0.24, "0.13", 2, 1.2, None, 0.0001, 0.02, 0.42),
    Line("tomatoes-peppers", "produce", "greenfield-produce", 8.0, 0.25, "0.09", 10, 2.6, 5, 0.011),
    Line("poultry", "meat-seafood", "northlake-fresh", 18.0, 0.19, "0.09", 6, 3.0, 4, 0.006),
    Line("edible-oil", "staples", "harvest-staples", 68.0, 0.14, "0.09", 4, 3.0, None, 0.00008),
    Line("soft-drinks", "drinks", "unity-fmcg", 6.0, 0.25, "0.13", 24, 2.8, None, 0.0001),
    Line("laundry-care", "household", "clearday-household", 32.0, 0.23, "0.13", 6, 2.4, None, 0.00008, 0.002),
    Line("yogurt", "dairy-bakery", "northlake-fresh", 13.5, 0.25, "0.13", 8, 2.6, 16, 0.004),
    Line("imported-chocolate", "snacks", "oceanic-imports", 36.0, 0.31, "0.13", 12, 1.1, None, 0.0002),
    Line("kitchenware", "home", "clearday-household", 39.0, 0.34, "0.13", 4, 1.1, None, 0.0001, 0.01, 0.15),
    Line("apples-pears", "produce", "greenfield-produce", 9.5, 0.27, "0.09", 10, 2.8, 14, 0.006),
    Line("beef-lamb", "meat-seafood", "northlake-fresh", 58.0, 0.19, "0.09", 4, 2.4, 5, 0.005),
    Line("flour-noodles", "staples", "harvest-staples", 12.0, 0.21, "0.09", 10, 1.8, None, 0.00008),
    Line("beer", "drinks", "unity-fmcg", 7.5, 0.21, "0.13", 24, 2.4, None, 0.0001),
    Line("shampoo-soap", "household", "clearday-household", 36.0, 0.28, "0.13", 6, 2.4, None, 0.0002, 0.003),
    Line("bread-cakes", "dairy-bakery", "northlake-fresh", 8.5, 0.33, "0.13", 8, 2.6, 4, 0.010),
    Line("nuts-seeds", "snacks", "unity-fmcg", 24.0, 0.29, "0.13", 10, 2.2, None, 0.0001),
    Line("bedding-towels", "home", "clearday-household", 69.0, 0.35, "0.13", 3, 1.0, None, 0.0001, 0.015, 0.35),
    Line("tropical-fruit", "produce", "greenfield-produce", 14.0, 0.26, "0.09", 8, 2.4, 6, 0.011),
    Line("fish-seafood", "meat-seafood", "northlake-fresh", 32.0, 0.21, "0.09", 5, 2.6, 3, 0.010),
    Line("sauces", "staples", "harvest-staples", 11.0, 0.26, "0.13", 12, 2.2, None, 0.00008),
    Line("baijiu", "drinks", "unity-fmcg", 168.0, 0.21, "0.13", 6, 2.6, None, 0.00005),
    Line("infant-formula", "household", "oceanic-imports", 228.0, 0.19, "0.13", 6, 1.9, None, 0.00005, 0.002),
    Line("eggs", "meat-seafood", "northlake-fresh", 11.0, 0.17, "0.09", 12, 2.6, 25, 0.003),
    Line("confectionery", "snacks", "unity-fmcg", 18.0, 0.29, "0.13", 12, 2.0, None, 0.0001),
    Line("toys", "home", "clearday-household", 59.0, 0.34, "0.13", 3, 0.9, None, 0.0002, 0.015, 0.35),
    Line("root-vegetables", "produce", "greenfield-produce", 5.0, 0.26, "0.09", 12, 2.4, 10, 0.008),
    Line("tofu-chilled", "dairy-bakery", "northlake-fresh", 5.5, 0.29, "0.13", 12, 1.5, 6, 0.008),
    Line("canned-dry", "staples", "harvest-staples", 14.0, 0.25, "0.13", 12, 1.6, None, 0.00008),
    Line("juice-tea", "drinks", "unity-fmcg", 8.0, 0.26, "0.13", 15, 2.0, None, 0.0001),
    Line("oral-care", "household", "clearday-household", 18.0, 0.29, "0.13", 12, 1.4, None, 0.0002, 0.002),
    Line("cheese-butter", "dairy-bakery", "oceanic-imports", 29.0, 0.28, "0.13", 8, 1.1, None, 0.0003),
    Line("instant-noodles", "snacks", "unity-fmcg", 14.5, 0.22, "0.13", 12, 2.0, None, 0.0001),
    Line("stationery", "home", "clearday-household", 12.0, 0.37, "0.13", 10, 0.8, None, 0.0002, 0.01, 0.1),
)  # fmt: skip


def lines(count: int) -> list[Line]:
    """The first `count` lines; beyond the catalogue the same again as cheaper house brands."""
    found = list(LINES[:count])
    for extra in range(count - len(LINES)):
        model, series = LINES[extra % len(LINES)], extra // len(LINES) + 2
        found.append(model._replace(name=f"{model.name}-{series}", price=round(model.price * 0.8, 2)))
    return found


def category(name: str) -> Category:
    return next(found for found in CATEGORIES if found.name == name)


def supplier(name: str) -> Supplier:
    return next(found for found in SUPPLIERS if found.name == name)
