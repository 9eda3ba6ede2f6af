"""From a checked company to arrays: one function, `assemble`, and a module for each part of the company."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np

from kernels.ratio import EXACT
from twin.assembly import lead_times, shocks
from twin.assembly.calendar import Calendar, calendar_of, demand_factors, prices
from twin.assembly.days import billed, days_of, net_days
from twin.assembly.opening import dues, opening, opening_units, underway_arrays
from twin.assembly.policy import replenishment
from twin.assembly.sizes import Scenarios, capacities, plan_sizes
from twin.assembly.structure import Structure, structure
from twin.assembly.terms import network_of
from twin.day.close import certificate
from twin.exogenous import (
    Params,
    Source,
    inflated_negative_binomial_demand,
    inflated_poisson_demand,
    negative_binomial_demand,
    poisson_demand,
)
from twin.network import Network, Sizes
from twin.policies import Replenishment
from twin.simulate import Inputs
from twin.state import State, as_declared, changed
from twin.tables import rows
from twin.tables.company import Company
from twin.tables.digest import given
from twin.underway import Underway

# Standard deviations of the logarithm of shared demand factors; judgement, on the low side of category sales.
DEFAULT_FACTORS = {"company_year": 0.03, "company_week": 0.03, "category_week": 0.05, "store_day": 0.05}
# A negative binomial of this size is a Poisson law in all but name.
POISSON = 1e9


@dataclass(frozen=True)
class Model:
    """A company ready to run: everything `simulate` takes, and the names of every axis."""

    company: Company
    structure: Structure
    calendar: Calendar
    capped: tuple[list[int], list[str]]  # lanes and sources with a capacity in the plan
    demand: tuple[np.ndarray, ...]  # calendar factors by (day, product) and (day, node), prices by (day, product)
    network: Network
    policy: Replenishment
    source: Source
    params: Params
    inputs: dict[str, Inputs]  # by scenario; "base" is always there
    opening: State
    underway: Underway


def assemble(
    company: Company, scenarios: Scenarios | None = None, room: Sizes | None = None, spare_term: int = 0
) -> Model:
    """Compile a checked company and the scenarios of a plan, so that all of them run one programme.

    scenarios: name -> shocks; without it, those of the company's own table. room: sizes to leave room for.
    spare_term: days by which bills may fall due later than any terms say.
    """
    scenarios = own_scenarios(company) if scenarios is None else scenarios
    company = sorted_at_the_door(company)
    s = structure(company)
    c = calendar_of(company)
    policy = replenishment(company, s)
    units, book = opening_units(company, s, policy, c)
    cdf, within, longest = lead_times.tables(s, company.lead_times)
    capped = capacities(company, s, scenarios, room)
    rows_of = list(scenarios.values())
    opening_dues = dues(company, s, book, c)
    sizes = plan_sizes(company, s, c, rows_of, capped, longest, units, opening_dues, cdf, spare_term)
    sizes = sizes if room is None else sizes.cover(room)
    axes = sizes.axes()
    network = as_declared(network_of(company, s, c, sizes, capped), axes)
    state = opening(company, s, sizes, units, book, c, network.perishable)
    with jax.enable_x64(True):
        # compiled whole: operation by operation it would be forty compilations
        base = np.asarray(jax.jit(certificate, static_argnums=2)(network, state, EXACT))
    state = State(
        goods=as_declared(state.goods, axes),
        dues=as_declared(state.dues, axes),
        ledger=as_declared(changed(state.ledger, base=base), axes),
        policy=(),
    )
    params = params_of(company, s, cdf, within, sizes)
    demand = (*demand_factors(company, s, c), prices(company, s, c))
    levels, source = as_declared(policy, axes), source_of(company)
    moving = underway_arrays(units, s, sizes)
    model = Model(company, s, c, capped, demand, network, levels, source, params, {}, state, moving)
    for name, scenario in {"base": (), **scenarios}.items():
        model.inputs[name] = scenario_inputs(model, scenario)
    return model


def sorted_at_the_door(company: Company) -> Company:
    """The same company with the rows of every table in one order, that of their cells.

    Cents are divided and factors multiplied row by row, so the order of a file would show in the last digit; and one
    input hash, which knows no order, must mean one result.
    """

    def cells(row: rows.Row) -> list[bytes]:
        return [(given(row, column) or "").encode() for column in type(row).model_fields]

    names = [field.name for field in dataclasses.fields(company) if field.name != "settings"]
    return dataclasses.replace(company, **{name: tuple(sorted(getattr(company, name), key=cells)) for name in names})


def scenario_inputs(model: Model, scenario: Sequence[rows.Shock], longer_terms: int = 0) -> Inputs:
    """What a scenario does to the calendar and terms, and its shocks, in the sizes the model was planned with.

    longer_terms: days by which every supplier's bills fall due later.
    """
    company, s, c, sizes = model.company, model.structure, model.calendar, model.network.sizes
    days = days_of(company, s, c, sizes, model.demand, scenario, longer_terms)
    hits, laws = shocks.compile_shocks(scenario, s, c.days, model.capped, sizes)
    declared = as_declared(days, sizes.axes())
    return Inputs(days=declared, shocks=hits, severities=laws, replay=None, underway=model.underway)


def terms_at(model: Model, scenario: Sequence[rows.Shock], severity: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Fields of `Days` that terms decide, where each terms shock has a severity of its own. severity: by shock."""
    company, s, c = model.company, model.structure, model.calendar
    return billed(company, s, c, model.network.sizes, net_days(company, s, c, scenario, severity))


def own_scenarios(company: Company) -> dict[str, list[rows.Shock]]:
    """The scenarios of the company's own shocks table."""
    found: dict[str, list[rows.Shock]] = {}
    for row in company.shocks:
        found.setdefault(row.scenario, []).append(row)
    return found


def source_of(company: Company) -> Source:
    """The demand law that the tables ask for; the plainest one that can express them."""
    dispersed = any(row.size is not None for row in company.demand)
    zeros = any(row.zero_share > 0 for row in company.demand)
    if zeros:
        return inflated_negative_binomial_demand if dispersed else inflated_poisson_demand
    return negative_binomial_demand if dispersed else poisson_demand


def params_of(company: Company, s: Structure, cdf: np.ndarray, within: np.ndarray, sizes: Sizes) -> Params:
    """Parameters of the laws as the tables give them: one posterior draw."""
    shape = (len(s.nodes), len(s.products))
    mean, size, zeros = np.zeros(shape), np.full(shape, POISSON), np.zeros(shape)
    for row in company.demand:
        at = s.node[row.node], s.product[row.product]
        mean[at], zeros[at] = float(row.mean), float(row.zero_share)
        size[at] = float(row.size) if row.size is not None else POISSON
    # longer tables than a lane needs end in ones
    wide = np.ones((sizes.lanes, sizes.lead_days))
    wide[:, : cdf.shape[1]] = cdf
    deviation = DEFAULT_FACTORS | {row.factor: float(row.deviation) for row in company.factors}
    params = Params(
        demand_mean=mean, demand_size=size, zero_share=zeros, lead_cdf=wide, lead_capped=within, **deviation
    )
    return jax.tree.map(lambda x: x[None], as_declared(params, sizes.axes()))
