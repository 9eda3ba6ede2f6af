"""Shadow prices: what one unit more of something is worth to the goal, with its standard error.

Where the company is smooth in it, the price is the pathwise derivative (LEDGER.md 5.4); what comes in whole days is
priced by playing the company with one day more or less under the same luck, in exact mode.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from twin.assembly import Model, assemble
from twin.tables.company import Company
from twin.tune.gradients import by_future, gradients
from twin.tune.groups import supplied
from twin.tune.measures import Measure
from twin.tune.outcomes import Plan
from twin.tune.parameters import Dial, dial
from twin.tune.tuned import played

DAY = 1
UNIT = "unit"


@dataclass(frozen=True)
class Price:
    """of: what there is one more (or, of lead time, one less) of; where: for whom. value +- error, goal per unit."""

    of: str
    where: str
    unit: str
    value: float
    error: float


def smooth_prices(model: Model, goal: Measure, draws: np.ndarray, *, block: int = 16, seed: int = 0) -> list[Price]:
    """One unit more of opening stock and of level by (node, product), one currency unit more of credit and of cash."""
    plan, names = priced_plan(model, block, seed)
    theta = {name: np.zeros(len(names[name])) for name in plan.dials}
    found = gradients(plan, theta, draws, (goal,), [np.ones(1)])
    moves = supplied(model).ravel()
    prices = []
    for name, gradient in found.items():
        for k, where in enumerate(names[name]):
            if len(names[name]) == 1 or moves[k]:
                unit = UNIT if len(names[name]) > 1 else model.company.settings.currency
                prices.append(Price(name, where, unit, float(gradient.mean[k]), float(gradient.error[k])))
    return prices


def priced_plan(model: Model, block: int, seed: int) -> tuple[Plan, dict[str, list[str]]]:
    """Dials of one unit, each (node, product) and each facility its own; and what each theta stands for."""
    s = model.structure
    cells = [f"{node} {product}" for node in s.nodes for product in s.products]
    shape = (len(s.nodes), len(s.products))
    each = np.arange(len(cells)).reshape(shape)
    whole = dial(np.where(supplied(model), 1.0, 0.0), each)
    money = dial(np.full((), 100.0), np.zeros((), int))  # a currency unit, in cents
    dials: dict[str, Dial] = {"stock": whole, "opening_stock": whole, "commitment": money, "opening_cash": money}
    names = {"stock": cells, "opening_stock": cells, "commitment": ["revolver"], "opening_cash": ["company"]}
    return Plan.of(model, dials, block=block, seed=seed), names


def terms_prices(model: Model, goal: Measure, draws: np.ndarray, *, seed: int = 0) -> list[Price]:
    """One day more of payment terms, by supplier."""

    def longer(company: Company, supplier: str) -> Company:
        rows = tuple(
            row.model_copy(update={"net_days": row.net_days + DAY}) if row.supplier == supplier else row
            for row in company.suppliers
        )
        return replace(company, suppliers=rows)

    return _by_day(model, goal, draws, seed, "payment terms", longer, [row.supplier for row in model.company.suppliers])


def lead_time_prices(model: Model, goal: Measure, draws: np.ndarray, *, seed: int = 0) -> list[Price]:
    """One day less of lead time, by lane; lanes of one day, or of an empirical law, are left out."""

    def shorter(company: Company, lane: str) -> Company:
        rows = tuple(
            row.model_copy(update={"lead_time": row.lead_time - DAY})
            if f"{row.source} {row.destination}" == lane and row.lead_time is not None
            else row
            for row in company.lanes
        )
        return replace(company, lanes=rows)

    named = {(row.source, row.destination) for row in model.company.lead_times}
    lanes = [
        f"{row.source} {row.destination}"
        for row in model.company.lanes
        if row.lead_time is not None and row.lead_time > DAY and (row.source, row.destination) not in named
    ]
    return _by_day(model, goal, draws, seed, "lead time", shorter, lanes)


def _by_day(
    model: Model,
    goal: Measure,
    draws: np.ndarray,
    seed: int,
    of: str,
    change: Callable[[Company, str], Company],
    places: list[str],
) -> list[Price]:
    """Paired differences in exact mode; the policy stays the company's own, so that only the day moves."""
    sizes = model.network.sizes
    base = by_future(played(model, model.policy, draws, seed), goal)[:, 0]
    prices = []
    for place in places:
        other = assemble(change(model.company, place), {}, room=sizes)
        each = by_future(played(other, model.policy, draws, seed), goal)[:, 0] - base
        error = float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else np.inf
        prices.append(Price(of, place, "day", float(each.mean()), error))
    return prices
