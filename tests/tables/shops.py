"""Companies for the tests of reading and writing: the small valid one, and Python-built random ones."""

from pathlib import Path

from hypothesis import strategies as st

from tests.bad.base_company import TABLES, write
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.read import read


def small(folder: Path) -> Company:
    """The small valid company of the bad-input corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    return read(write(folder, TABLES)).company


# Ids as people write them: quotes, zeros, signs inside, other scripts; what is refused is tested elsewhere.
IDS = st.text(st.sampled_from("ABab019'\"._-,;: /é店铺🍎ß%&<>{}"), min_size=1, max_size=6).filter(
    lambda name: name.strip() == name and name[0] not in "-'#" and name != "/"
)
UNITS = st.integers(0, 10**6)
PRICES = st.decimals(1, 10**6, places=4)


@st.composite
def companies(draw: st.DrawFn) -> Company:
    """Random companies that pass the checks: one supplier, one dc, some stores and products."""
    names = draw(st.lists(IDS, min_size=4, max_size=7, unique_by=lambda name: name.casefold()))
    supplier, dc, *stores = names
    products = draw(st.lists(IDS, min_size=1, max_size=4, unique_by=lambda name: name.casefold()))
    nodes = [rows.Node(node=supplier, kind="supplier"), rows.Node(node=dc, kind="dc")]
    nodes += [rows.Node(node=store, kind="store", storage_cost=draw(st.none() | PRICES)) for store in stores]
    size = st.none() | st.floats(0.1, 1e6)
    demand = [
        rows.Demand(node=store, product=product, mean=draw(PRICES), size=draw(size))
        for store in stores
        for product in products
    ]
    cash = draw(st.decimals(0, 10**9, places=2))
    return Company(
        nodes=tuple(nodes),
        products=tuple(rows.Product(product=name, price=draw(PRICES), cost=draw(PRICES)) for name in products),
        demand=tuple(draw(st.permutations(demand))),
        suppliers=(rows.Supplier(supplier=supplier, net_days=draw(st.integers(0, 365))),),
        opening=(rows.Opening(account="1000", amount=cash), rows.Opening(account="3000", amount=cash)),
        settings=rows.Settings(start=draw(st.dates(rows.Settings().start)).replace(year=2026), weekend="sun"),
        planned=(rows.Planned(date="2027-12-24", amount="12.5", label="rent", note=draw(st.none() | IDS)),),
    )
