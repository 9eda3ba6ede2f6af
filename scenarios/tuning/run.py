"""One tuning: the company with the new levels as a workbook to upload, a workbook of changes, a page that says why."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np

from scenarios.tuning.changes import Change, changes, write_changes
from scenarios.tuning.page import Formulas, write_page
from twin.assembly import Model, assemble
from twin.assembly.policy import chosen_rows
from twin.policies import Replenishment
from twin.tables import rows
from twin.tables.check import ensure
from twin.tables.company import Company
from twin.tables.write import write_workbook
from twin.tune.baselines import FORMULAS
from twin.tune.figures import figures
from twin.tune.groups import By, supplied
from twin.tune.measures import (
    Limit,
    Measure,
    economic_value,
    fill_rate,
    lowest_covenant,
    lowest_headroom,
    profit,
    shortfall,
    stock_value,
    units_held,
)
from twin.tune.pareto import silent
from twin.tune.search import Effort
from twin.tune.tuned import FRESH, Infeasible, Tuned, played, tune, with_levels

POINT, BATCH = 0.01, 16  # of a fill rate; futures in a step of the search
SMALL = 1e4  # amounts below it are missed by as much as this one


class Unmet(Exception):
    """The limits that were asked for cannot be met: said with the least violation found."""


Goal = Literal["profit", "economic-value", "headroom"]


@dataclass(frozen=True)
class Asked:
    """What the planner asked for.

    goal: what is to be as high as possible; capital_charge: of economic value, share a year of the working capital.
    service: least fill rate of the company, or of each store or category (per). budget: most stock at cost on average,
    in currency. shelf: most units on hand on average, in each store. headroom, covenant: least mean of the worst 5 %
    of lowest headrooms, of cash and of every covenant, in currency. shortfall: most futures, as a share, in which
    headroom falls below the company's minimum cash.
    """

    by: By = "store-product"
    goal: Goal = "profit"
    capital_charge: float = 0.1
    service: float | None = None
    per: str = "company"
    budget: float | None = None
    shelf: float | None = None
    headroom: float | None = None
    covenant: float | None = None
    shortfall: float | None = None
    steps: int = 60
    futures: int = 256
    seed: int = 0

    def measure(self) -> Measure:
        """What the search maximises."""
        if self.goal == "profit":
            return profit()
        return economic_value(self.capital_charge) if self.goal == "economic-value" else lowest_headroom()

    def limits(self, model: Model) -> tuple[Limit, ...]:
        """What the search keeps to."""
        minimum = float(model.company.settings.minimum_cash)
        asked = (
            (shortfall(minimum) if self.shortfall is not None else None, "most", self.shortfall, POINT),
            (fill_rate(model, self.per), "least", self.service, POINT),
            (stock_value(), "most", self.budget, _share(self.budget)),
            (units_held(model), "most", self.shelf, _share(self.shelf)),
            (lowest_headroom(), "least", self.headroom, _share(self.headroom)),
            (lowest_covenant(model), "least", self.covenant, _share(self.covenant)),
        )
        return tuple(
            Limit(measure, **{side: bound}, scale=scale)
            for measure, side, bound, scale in asked
            if measure is not None and bound is not None
        )


def _share(bound: float | None) -> float:
    """What counts as a large miss of an amount: a hundredth of it."""
    return POINT * max(abs(bound or 0.0), SMALL)


def write_tuning(
    company: Company,
    asked: Asked,
    out: Path,
    lang: str = "en",
    progress: Callable[[str, int, int], None] = silent,
) -> tuple[Tuned, list[Change]]:
    """Tune for the goal within the limits and write the new folder `out`. Raises Unmet, NotFinite, FileExistsError."""
    model = assemble(company, {})
    effort = Effort(steps=asked.steps, futures=BATCH)
    try:
        found = tune(
            model, asked.measure(), asked.limits(model), by=asked.by, effort=effort, futures=asked.futures,
            seed=asked.seed, progress=lambda done, total: progress("search", done, total),
        )  # fmt: skip
    except Infeasible as error:
        raise Unmet(str(error)) from None
    listed = changes(model, found)
    tuned = with_policy(company, model, found.after)
    ensure(tuned)
    compared = by_formula(model, asked, progress)
    out.mkdir(parents=True)
    write_workbook(tuned, out / "company.xlsx", "zh" if lang == "zh" else "en")
    write_changes(listed, company.settings.currency, out / "changes.xlsx", lang)
    write_page(model, found, listed, compared, asked.measure(), out / f"tuning-{lang}.html", lang)
    return found, listed


def by_formula(model: Model, asked: Asked, progress: Callable[[str, int, int], None] = silent) -> Formulas:
    """What levels by formula earn on the futures that a tuning is held to."""
    fresh = np.arange(FRESH, FRESH + asked.futures)
    found: Formulas = {}
    for done, (name, level) in enumerate(FORMULAS.items()):
        progress("formulas", done, len(FORMULAS))
        try:
            found[name] = figures(played(model, with_levels(model, level(model)), fresh, asked.seed))
        except ValueError as error:
            found[name] = str(error)
    return found


def with_policy(company: Company, model: Model, policy: Replenishment) -> Company:
    """The company with a row for every level; review days and lots as they were."""
    s, given = model.structure, chosen_rows(company, model.structure)
    listed = []
    for i, j in np.argwhere(supplied(model)).tolist():
        old = given.get((i, j)) or rows.PolicyRow()
        listed.append(
            rows.PolicyRow(
                node=s.nodes[i],
                product=s.products[j],
                service_level=old.service_level,
                review_days=old.review_days,
                review_offset=old.review_offset,
                lot=old.lot,
                order_up_to=Decimal(int(policy.order_up_to[i, j])),
                reorder_point=Decimal(int(policy.reorder_point[i, j])),
            )
        )
    return replace(company, policies=tuple(listed))
