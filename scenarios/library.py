"""The scenarios that come with Tandem: a card each, read from library.yaml and fitted to a company."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

from twin.assembly.opening import purchases
from twin.assembly.structure import structure
from twin.tables import rows
from twin.tables.company import Company

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Card:
    """A scenario of the library. Texts are by language; shocks are rows before they are fitted."""

    name: str
    title: dict[str, str]
    story: dict[str, str]
    source: dict[str, Any]  # kind (history, event, judgement), the words, and for history the figure and its value
    resembles: dict[str, str]
    once_in: float  # years: how rare this severity is judged to be
    core: bool  # played by the demo
    shocks: tuple[dict[str, Any], ...]

    @property
    def parameters(self) -> list[str]:
        """One line per shock: what it changes, how and when."""
        return [", ".join(f"{name} {value}" for name, value in shock.items()) for shock in self.shocks]


@cache
def library() -> dict[str, Card]:
    """All scenarios of the library by name, in the order of the file."""
    text = files("scenarios").joinpath("library.yaml").read_text(encoding="utf-8")
    found = YAML(typ="safe", pure=True).load(text)
    return {
        name: Card(
            name, card["title"], card["story"], card["source"], card["resembles"], float(card["once_in"]),
            card.get("core", False), tuple(card["shocks"]),
        )
        for name, card in found.items()
    }  # fmt: skip


def core() -> list[str]:
    """The scenarios that stand for the rest where time is short: one or two of every kind of shock."""
    return [name for name, card in library().items() if card.core]


def fitted(name: str, company: Company) -> list[rows.Shock]:
    """The shocks of a scenario for a company: its own places instead of @places. KeyError for an unknown name."""
    shocks = []
    for shock in library()[name].shocks:
        for cells in fit(shock, company):
            shocks.append(
                rows.Shock.model_validate({"scenario": name, **{key: str(value) for key, value in cells.items()}})
            )
    return shocks


def fit(cells: dict[str, Any], company: Company) -> list[dict[str, Any]]:
    """Look up the @places of one shock; "@each" becomes one shock per supplier."""
    terms = {row.supplier: row.net_days for row in company.suppliers}
    if cells.get("supplier") == "@each":
        return [
            cells | {"shock": f"{cells['shock']}-{i}", "supplier": name, "net_days": terms[name] // 2}
            for i, name in enumerate(sorted(terms), 1)
        ]
    return [{name: PLACES[x](company) if x in PLACES else x for name, x in cells.items()}]


def largest_supplier(company: Company) -> str:
    """The supplier of the largest purchases."""
    bought = purchases(company, structure(company))
    return max(sorted(bought), key=lambda name: bought[name])


def largest_dc(company: Company) -> str:
    """The own node that supplies most others; the first store where nobody does."""
    s = structure(company)
    return max(sorted(s.sources) or sorted(s.nodes), key=lambda name: len(s.out_of(name)))


def imports(company: Company) -> list[str]:
    """Suppliers that sell FOB or FCA; without any, the slowest one."""
    s = structure(company)
    outside = {lane: row for lane, row in s.lane_rows.items() if lane[0] in s.supplier}
    abroad = sorted({lane[0] for lane, row in outside.items() if row.incoterm != "DDP"})
    slowest = max(sorted(outside), key=lambda lane: float(outside[lane].lead_time or 0))
    return abroad or [slowest[0]]


def dcs(company: Company) -> list[str]:
    """Own nodes that supply others; the first store where nobody does."""
    return sorted(structure(company).sources) or [largest_dc(company)]


def sales(company: Company) -> dict[tuple[str, str], float]:
    """Mean sales a day at full price by (node, category)."""
    products = {row.product: row for row in company.products}
    found: dict[tuple[str, str], float] = {}
    for row in company.demand:
        at = row.node, products[row.product].category
        found[at] = found.get(at, 0.0) + float(row.mean * products[row.product].price)
    return found


def largest(company: Company, part: int) -> str:
    """The node (part 0) or category (part 1) that sells most."""
    total: dict[str, float] = {}
    for at, value in sales(company).items():
        total[at[part]] = total.get(at[part], 0.0) + value
    return max(sorted(total), key=lambda name: total[name])


def stores(company: Company) -> list[str]:
    return sorted(node.node for node in company.nodes if node.kind == "store")


# What a place of library.yaml that starts with @ means for a company.
PLACES: dict[Any, Callable[[Company], str]] = {
    "@largest-supplier": largest_supplier,
    "@imports": lambda company: "|".join(imports(company)),
    "@largest-dc": largest_dc,
    "@dcs": lambda company: "|".join(dcs(company)),
    "@stores": lambda company: "|".join(stores(company)),
    "@largest-store": lambda company: largest(company, 0),
    "@largest-category": lambda company: largest(company, 1),
}
