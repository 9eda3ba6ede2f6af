"""Which level moved, by how much, and why: the two largest terms of the gradient before the change, in money."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenarios.tuning.words import words_in
from scenarios.tuning.workbook import write_sheet
from twin.assembly import Model
from twin.tune.groups import supplied
from twin.tune.tuned import Tuned

HEADINGS = ("node", "product", "old", "new", "change", "first_reason", "first_worth", "second_reason", "second_worth")


@dataclass(frozen=True)
class Change:
    """One level. reasons: the two largest terms, each with what one unit more was worth over the horizon, in money."""

    node: str
    product: str
    old: float
    new: float
    value: float  # change of the level at standard cost, in money
    reasons: tuple[tuple[str, float], ...]


def changes(model: Model, found: Tuned) -> list[Change]:
    """Every supplied level, the largest change in money first."""
    s = model.structure
    cost = np.asarray(model.network.standard_cost) / 1e4
    listed = []
    for i, j in np.argwhere(supplied(model)).tolist():
        old, new = float(found.before.order_up_to[i, j]), float(found.after.order_up_to[i, j])
        worth = sorted(((name, float(table[i, j])) for name, table in found.terms.items()), key=lambda x: -abs(x[1]))
        listed.append(Change(s.nodes[i], s.products[j], old, new, (new - old) * float(cost[j]), tuple(worth[:2])))
    return sorted(listed, key=lambda change: -abs(change.value))


def write_changes(listed: list[Change], currency: str, path: Path, lang: str) -> None:
    """The changes as one sheet."""
    words = words_in(lang)
    write_sheet(
        path,
        words["changes"],
        [words[name].format(currency=currency) for name in HEADINGS],
        (
            (
                change.node, change.product, change.old, change.new, change.new - change.old,
                *(x for name, worth in change.reasons for x in (reason(name, words), round(worth, 4))),
            )
            for change in listed
        ),
    )  # fmt: skip


def reason(name: str, words: dict[str, str]) -> str:
    """A term of the gradient in the reader's language."""
    return words.get(name, name)
