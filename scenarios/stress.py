"""A stress run: the base case and scenarios under the same luck, and what would have been without one half of the twin.

Variants of a scenario (arguments of the same compiled programme):
joint          goods and money as they are;
goods only     unlimited credit: no order is ever refused, nobody is ever paid late;
treasury only  sales held at plan: only the money shocks of the scenario, orders never refused;
levers         one thing changed: terms 10 days longer, line 10 % larger, orders 10 % smaller.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scenarios import composition, library
from twin.assembly import Model, assemble, scenario_inputs
from twin.engines import fastest
from twin.policies import replenish
from twin.record import COMPANY
from twin.simulate import Inputs, Run, simulate
from twin.state import changed
from twin.tables import rows
from twin.tables.company import Company

BASE = "base"
MONEY_FIELDS = ("price", "cost", "commitment", "supplier_limit", "collections", "rate", "terms")
LEVERS = ("longer_terms", "larger_line", "smaller_orders")
TERMS_LEVER_DAYS, LINE_LEVER, ORDER_LEVER = 10, 1.1, 0.9
UNLIMITED_CENTS = 1e15


@dataclass(frozen=True)
class Case:
    """One simulation: a scenario in a variant."""

    scenario: str
    variant: str


def scenario_rows(company: Company, names: list[str]) -> dict[str, list[rows.Shock]]:
    """Scenarios by name: of the company's own table, else of the library; `a+b` is both at once.

    Raises KeyError with the unknown name.
    """
    own: dict[str, list[rows.Shock]] = {}
    for row in company.shocks:
        own.setdefault(row.scenario, []).append(row)

    def one(name: str) -> list[rows.Shock]:
        return own[name] if name in own else library.fitted(name, company)

    def named(name: str) -> list[rows.Shock]:
        several = composition.parts(name)
        return one(name) if len(several) == 1 else composition.composed({part: one(part) for part in several})

    return {name: named(name) for name in names}


def prepare(company: Company, names: list[str]) -> tuple[Model, dict[str, list[rows.Shock]]]:
    """The company compiled with room for these scenarios and for the levers."""
    scenarios = scenario_rows(company, names)
    return assemble(company, scenarios, spare_term=TERMS_LEVER_DAYS), scenarios


def cases(names: list[str], lever_scenario: str | None) -> Iterator[Case]:
    """Every simulation of a stress run, the joint ones first."""
    for name in (BASE, *names):
        yield Case(name, "joint")
    for variant in ("goods_only", "treasury_only"):
        for name in (BASE, *names):
            yield Case(name, variant)
    if lever_scenario is not None:
        for lever in LEVERS:
            yield Case(lever_scenario, lever)


def variant(model: Model, shocks: list[rows.Shock], case: Case) -> tuple[Model, Inputs]:
    """The model and inputs of a case; no size changes, so nothing compiles."""
    network, inputs = model.network, model.inputs[case.scenario]
    if case.variant in ("goods_only", "treasury_only"):
        network = changed(
            network,
            commitment=np.asarray(UNLIMITED_CENTS),
            commitment_fee=np.zeros(()),
            has_base=np.zeros(()),
            credit_limit=np.full_like(network.credit_limit, np.inf),
            grace=np.asarray(np.inf),
            cure=np.asarray(np.inf),
            balance_sheet_test=np.zeros(()),
        )
    if case.variant == "treasury_only":
        # a treasury tool takes the flow of goods as given: the real line, but orders are never held to it
        network = changed(
            network, commitment=model.network.commitment, commitment_fee=model.network.commitment_fee,
            has_base=model.network.has_base, gate_buffer=np.asarray(-UNLIMITED_CENTS),
        )  # fmt: skip
        inputs = scenario_inputs(model, [row for row in shocks if row.field in MONEY_FIELDS])
    if case.variant == "longer_terms":
        inputs = scenario_inputs(model, shocks, longer_terms=TERMS_LEVER_DAYS)
    if case.variant == "larger_line":
        network = changed(network, commitment=np.round(network.commitment * LINE_LEVER))
    policy = model.policy
    if case.variant == "smaller_orders":
        policy = changed(
            policy,
            reorder_point=np.floor(policy.reorder_point * ORDER_LEVER),
            order_up_to=np.floor(policy.order_up_to * ORDER_LEVER),
        )
    return replace(model, network=network, policy=policy), inputs


def run_case(
    model: Model,
    shocks: list[rows.Shock],
    case: Case,
    draws: np.ndarray,
    *,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
    **options: Any,
) -> Run:
    """Simulate one case in exact mode."""
    mine, inputs = variant(model, shocks, case)
    return simulate(
        mine.network, replenish, mine.policy, model.source, model.params, inputs, model.opening, draws,
        seed=seed, record=COMPANY, progress=progress, **({"engine": fastest} | options),
    )  # fmt: skip
