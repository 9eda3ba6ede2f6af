"""What helps: actions valued in a stress by paired differences, per unit of money that they take out of a normal year.

Money spent is what an action costs in the base case, future by future: profit given up, stock bought, and its fee. What
suppliers, banks and customers ask in return is declared below, and is judgement.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np

from scenarios import statistics
from scenarios.library import largest_supplier
from scenarios.points import Outcome, World, outcomes, plain
from scenarios.statistics import Estimate
from twin.assembly import Model, assemble, scenario_inputs
from twin.state import changed
from twin.tables import rows
from twin.tables.company import Company

SPARE_DAYS = 10  # by which actions make terms longer
# What an action costs where the tables do not say: judgement.
TERMS_RATE = 0.08  # a year, what suppliers charge for later payment, in their prices
LINE_FEE = 0.01  # of the increase, when the line is arranged
SECOND_SOURCE = 0.05  # dearer than the first
ELASTICITY = -1.5  # of demand to price


@dataclass(frozen=True)
class Acted:
    """A company after an action: its model, how much later bills fall due, and what was paid for it (currency)."""

    model: Model
    shocks: Sequence[rows.Shock]  # of the stress
    later: int = 0
    fee: float = 0.0


@dataclass(frozen=True)
class Action:
    """One thing that the company can do, of a size: a function from company to company, so that actions add up."""

    name: str
    size: str
    do: Callable[[Acted], Acted]
    compiles: bool = False  # another structure: it goes first where actions are combined


@dataclass(frozen=True)
class Valued:
    """An action or several. Differences to the same futures without it; money in currency."""

    names: tuple[str, ...]
    sizes: tuple[str, ...]
    spent: Estimate
    liquidity: Estimate  # change of the lowest liquidity in the stress
    survival: Estimate  # change of survival in the stress
    fill: Estimate  # change of the fill rate in the stress
    per_unit: Estimate  # liquidity gained per unit spent; NaN bounds where the cost cannot be told from 0
    efficient: bool = False  # no other one costs less and helps at least as much


def levels(model: Model, nodes: Sequence[str], factor: float) -> Model:
    """More or less stock: reorder points and order-up-to levels at some nodes, in whole units."""
    policy = model.policy
    here = np.array([[name in nodes] for name in model.structure.nodes])

    def scaled(x: Any) -> np.ndarray:
        return np.where(here & (np.asarray(x) > 0), np.ceil(np.asarray(x) * factor), x)

    return replace(
        model,
        policy=changed(policy, reorder_point=scaled(policy.reorder_point), order_up_to=scaled(policy.order_up_to)),
    )


def rewritten(acted: Acted, company: Company, *, same: bool) -> Acted:
    """The company with other rows. same: of equal sizes, so that nothing compiles and other actions are kept."""
    old = acted.model
    made = assemble(company, {"stress": acted.shocks}, room=old.network.sizes if same else None,
                    spare_term=SPARE_DAYS)  # fmt: skip
    if same:
        made = replace(made, policy=old.policy, params=old.params, demand=old.demand, opening=old.opening,
                       network=old.network)  # fmt: skip
    return replace(acted, model=replace(made, source=old.source))


def more_stock(nodes: Sequence[str], factor: float) -> Callable[[Acted], Acted]:
    return lambda acted: replace(acted, model=levels(acted.model, nodes, factor))


def longer_terms(days: int) -> Callable[[Acted], Acted]:
    """Suppliers wait longer and put the interest into their prices."""

    def do(acted: Acted) -> Acted:
        n = acted.model.network
        cost = np.round(np.asarray(n.cost) * (1 + TERMS_RATE * days / 365))
        return replace(acted, model=replace(acted.model, network=changed(n, cost=cost)), later=acted.later + days)

    return do


def larger_line(factor: float) -> Callable[[Acted], Acted]:
    def do(acted: Acted) -> Acted:
        n = acted.model.network
        more = float(np.round(n.commitment * factor) - n.commitment)
        network = changed(n, commitment=np.asarray(n.commitment + more))
        return replace(acted, model=replace(acted.model, network=network), fee=acted.fee + LINE_FEE * more / 100)

    return do


def higher_price(factor: float) -> Callable[[Acted], Acted]:
    """Shelf prices up, demand down by its elasticity."""

    def do(acted: Acted) -> Acted:
        model = acted.model
        product, node, price = model.demand
        params = changed(model.params, demand_mean=model.params.demand_mean * factor**ELASTICITY)
        return replace(acted, model=replace(model, demand=(product, node, np.round(price * factor)), params=params))

    return do


def slower_capex(days: int) -> Callable[[Acted], Acted]:
    """Planned capital expenditure is put off."""

    def do(acted: Acted) -> Acted:
        company = acted.model.company
        planned = tuple(
            row.model_copy(update={"date": row.date + timedelta(days=days)}) if row.label == "capex" else row
            for row in company.planned
        )
        return rewritten(acted, replace(company, planned=planned), same=True)

    return do


def second_source(supplier: str) -> Callable[[Acted], Acted]:
    """Everything that a supplier sells can also be had from a new one, dearer, while the first cannot ship."""

    def do(acted: Acted) -> Acted:
        model, name = acted.model, f"{supplier}-second"
        company, s = model.company, model.structure
        mine = [(lane, product) for lane, product in s.lines if lane[0] == supplier]
        lanes = [s.lane_rows[lane].model_copy(update={"source": name}) for lane in dict.fromkeys(x for x, _ in mine)]
        given = {(row.node, row.product, row.source): row for row in company.sourcing}
        first, second = [], []
        for lane, product in mine:
            line = s.lines[lane, product]
            cost = (line.cost or s.product_rows[product].cost) * (1 + int(100 * SECOND_SOURCE)) / 100
            first.append(rows.Sourcing(node=lane[1], product=product, source=supplier, priority=1, cost=line.cost))
            second.append(rows.Sourcing(node=lane[1], product=product, source=name, priority=2, cost=round(cost, 4)))
            given.pop((lane[1], product, supplier), None)
        terms = next(row for row in company.suppliers if row.supplier == supplier)
        times = [row.model_copy(update={"source": name}) for row in company.lead_times if row.source == supplier]
        made = replace(
            company,
            lead_times=(*company.lead_times, *times),
            nodes=(*company.nodes, rows.Node(node=name, kind="supplier")),
            suppliers=(*company.suppliers, terms.model_copy(update={"supplier": name})),
            lanes=(*(s.lane_rows[lane] for lane in s.lane_rows), *lanes),
            sourcing=(*given.values(), *first, *second),
        )
        return rewritten(acted, made, same=False)

    return do


def offered(model: Model) -> list[Action]:
    """What this company can do; what it has no use for (no line, no capex) is left out."""
    s, company = model.structure, model.company
    dcs, stores = list(s.sources), [name for name in s.nodes if name not in s.sources]
    found = []
    if dcs:
        found.append(Action("more_stock_dcs", "+10 %", more_stock(dcs, 1.1)))
    found.append(Action("more_stock_stores", "+10 %", more_stock(stores, 1.1)))
    found.append(Action("longer_terms", f"+{SPARE_DAYS} d", longer_terms(SPARE_DAYS)))
    if float(model.network.commitment) > 0:
        found.append(Action("larger_line", "+10 %", larger_line(1.1)))
    found.append(Action("higher_price", "+1 %", higher_price(1.01)))
    if any(row.label == "capex" for row in company.planned):
        found.append(Action("slower_capex", "+90 d", slower_capex(90)))
    return found


def with_second_source(model: Model) -> Action:
    """Another structure, and so another programme to compile."""
    do = second_source(largest_supplier(model.company))
    return Action("second_source", f"+{100 * SECOND_SOURCE:g} %", do, compiles=True)


def prepare(company: Company, shocks: Sequence[rows.Shock]) -> Model:
    """The company compiled with room for a stress and for all that actions add to terms."""
    return assemble(company, {"stress": shocks}, spare_term=SPARE_DAYS)


def played(acted: Acted, draws: np.ndarray, seed: int) -> tuple[Outcome, Outcome]:
    """The same futures without and with the stress."""
    model = acted.model
    found = []
    for shocks in ((), acted.shocks):
        inputs = scenario_inputs(model, shocks, longer_terms=acted.later)
        world = World(model.network, model.policy, model.params, inputs, model.opening)
        found.append(outcomes(world, model.source, plain(world, draws), seed=seed))
    return found[0], found[1]


def valued(
    model: Model,
    shocks: Sequence[rows.Shock],
    actions: Sequence[Action],
    draws: int = 128,
    *,
    seed: int = 0,
    together: int = 4,
    progress: Callable[[str], None] = lambda name: None,
) -> list[Valued]:
    """Every action alone, then the best ones together, one more at a time; best per unit of money first.

    model: of `prepare`.
    """
    ids = np.arange(draws, dtype=np.uint32)
    without = played(Acted(model, shocks), ids, seed)

    def value(several: Sequence[Action]) -> Valued:
        progress(" + ".join(one.name for one in several))
        acted = Acted(model, shocks)
        for one in sorted(several, key=lambda one: not one.compiles):
            acted = one.do(acted)
        return compared(several, without, played(acted, ids, seed), acted.fee)

    alone = [value([one]) for one in actions]
    order = sorted(range(len(actions)), key=lambda i: rank(alone[i]))
    useful = [actions[i] for i in order if alone[i].liquidity.value > 0][:together]
    found = [alone[i] for i in order] + [value(useful[:k]) for k in range(2, len(useful) + 1)]
    return [replace(one, efficient=not any(beats(other, one) for other in found)) for one in found]


def rank(one: Valued) -> tuple[int, float]:
    """What costs nothing and helps comes first, then by gain per unit, then what does not help."""
    if one.liquidity.value <= 0:
        return 2, -one.liquidity.value
    return (0, -one.liquidity.value) if one.spent.value <= 0 else (1, -one.per_unit.value)


def beats(one: Valued, other: Valued) -> bool:
    """Cheaper and as good, or as cheap and better: the other is not on the frontier of resilience against cost."""
    cheaper, better = one.spent.value - other.spent.value, one.liquidity.value - other.liquidity.value
    return cheaper <= 0 and better >= 0 and (cheaper < 0 or better > 0)


def compared(
    several: Sequence[Action], without: tuple[Outcome, Outcome], with_: tuple[Outcome, Outcome], fee: float
) -> Valued:
    """Paired differences in the stress, and what the base case pays for them."""
    (base, stress), (paying, helped) = without, with_
    spent = ((base.profit - paying.profit) + (paying.closing_stock - base.closing_stock)) / 100 + fee
    gained = (helped.liquidity - stress.liquidity) / 100 - fee
    return Valued(
        names=tuple(one.name for one in several),
        sizes=tuple(one.size for one in several),
        spent=statistics.mean(spent),
        liquidity=statistics.mean(gained),
        survival=statistics.paired(helped.survives, stress.survives),
        fill=statistics.paired(helped.fill, stress.fill),
        per_unit=statistics.ratio(gained, spent),
    )


def as_json(found: list[Valued]) -> list[dict[str, Any]]:
    return [{name: list(x) if isinstance(x, tuple) else x for name, x in vars(one).items()} for one in found]
