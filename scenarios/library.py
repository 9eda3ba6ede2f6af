"""The scenarios that come with Tandem: read from library.yaml, fitted to a company."""

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
    """A scenario of the library: its title and story by language, and its shocks before they are fitted."""

    name: str
    title: dict[str, str]
    story: dict[str, str]
    shocks: tuple[dict[str, Any], ...]


@cache
def library() -> dict[str, Card]:
    """All scenarios of the library by name, in the order of the file."""
    text = files("scenarios").joinpath("library.yaml").read_text(encoding="utf-8")
    found = YAML(typ="safe", pure=True).load(text)
    return {name: Card(name, card["title"], card["story"], tuple(card["shocks"])) for name, card in found.items()}


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
    found = dict(cells)
    if found.get("supplier") == "@largest-supplier":
        found["supplier"] = largest_supplier(company)
    if found.get("supplier") == "@imports":
        found["supplier"] = "|".join(imports(company))
    if found.get("node") == "@largest-dc":
        found["node"] = largest_dc(company)
    return [found]


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
