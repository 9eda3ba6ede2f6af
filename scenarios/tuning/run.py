"""One tuning: the company with the new levels as a workbook to upload, a workbook of changes, a page that says why."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

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
from twin.tune.measures import Limit, fill_rate, lowest_headroom, profit, stock_value
from twin.tune.pareto import silent
from twin.tune.search import Effort
from twin.tune.tuned import FRESH, Infeasible, Tuned, played, tune, with_levels

POINT, BATCH = 0.01, 16  # of a fill rate; futures in a step of the search


class Unmet(Exception):
    """The limits that were asked for cannot be met: said with the least violation found."""


@dataclass(frozen=True)
class Asked:
    """What the planner asked for. service: least fill rate of the company, or of each store or category (per).

    budget: most stock at cost on average, in currency. headroom: least mean of the worst 5 % of lowest headrooms.
    """

    by: By = "store-product"
    service: float | None = None
    per: str = "company"
    budget: float | None = None
    headroom: float | None = None
    steps: int = 60
    futures: int = 256
    seed: int = 0

    def limits(self, model: Model) -> tuple[Limit, ...]:
        found = []
        if self.service is not None:
            found.append(Limit(fill_rate(model, self.per), least=self.service, scale=POINT))
        if self.budget is not None:
            found.append(Limit(stock_value(), most=self.budget, scale=POINT * self.budget))
        if self.headroom is not None:
            found.append(Limit(lowest_headroom(), least=self.headroom, scale=POINT * max(abs(self.headroom), 1e4)))
        return tuple(found)


def write_tuning(
    company: Company,
    asked: Asked,
    out: Path,
    lang: str = "en",
    progress: Callable[[str, int, int], None] = silent,
) -> tuple[Tuned, list[Change]]:
    """Tune for profit within the limits and write the new folder `out`. Raises Unmet, NotFinite, FileExistsError."""
    model = assemble(company, {})
    effort = Effort(steps=asked.steps, futures=BATCH)
    try:
        found = tune(
            model, profit(), asked.limits(model), by=asked.by, effort=effort, futures=asked.futures, seed=asked.seed,
            progress=lambda done, total: progress("search", done, total),
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
    write_page(model, found, listed, compared, asked.futures, out / f"tuning-{lang}.html", lang)
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
