"""History as a demand model sees it: one observation a cell, what kind it is, and the rule that said so.

A stock-out day is not a day of low demand: demand was at least what there was to sell (`RIGHT_CENSORED`). A model reads
`value`, `bound`, `kind` and `weight` and never decides again what a cell means.
"""

from dataclasses import dataclass

import numpy as np

# Kinds of cells.
EXACT, RIGHT_CENSORED, INTERVAL, MASKED = range(4)


@dataclass(frozen=True)
class Panel:
    """Axes (store, item, day), days consecutive. What is the same in all stores may have a store axis of length 1."""

    stores: list[str]
    items: list[str]
    categories: list[str]
    days: np.ndarray  # (day,) datetime64[D]
    rules: list[str]  # names of the rules that decide cells
    category: np.ndarray  # (item,) int: place among categories
    value: np.ndarray  # (store, item, day) int: units sold; EXACT: demand; INTERVAL: the least it can have been
    bound: np.ndarray  # (store, item, day) int: RIGHT_CENSORED: demand >= bound; INTERVAL: value <= demand <= bound
    kind: np.ndarray  # (store, item, day) int8
    weight: np.ndarray  # (store, item, day) power of the cell's likelihood; 1: counts in full
    rule: np.ndarray  # (store, item, day) int8: place among rules
    stock: np.ndarray  # (store, item, day) units that could be sold, sold + left at the close; NaN: not known
    price: np.ndarray  # (store or 1, item, day) at the till, net of VAT, currency a unit; NaN: nobody knows
    log_price: np.ndarray  # (store or 1, item, day) log(price / reference price of the item)
    promotion: np.ndarray  # (store or 1, item, day) 0 or 1, or a share of the day
    holiday: np.ndarray  # (holiday, day) 0 or 1
    holidays: list[str]
    open: np.ndarray  # (store, day) bool; closed days are MASKED

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.stores), len(self.items), len(self.days)

    @property
    def weekday(self) -> np.ndarray:
        """(day,) 0 is Monday."""
        return (self.days.astype("datetime64[D]").astype(int) + 3) % 7

    @property
    def week(self) -> np.ndarray:
        """(day,) weeks counted so that the last seven days are one whole week."""
        back = (len(self.days) - 1 - np.arange(len(self.days))) // 7
        return back.max() - back
