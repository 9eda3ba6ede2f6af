"""Scenarios as arrays: rows of shocks become changes by day, places hit, and laws of severity."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
from scipy import stats

from kernels.bits import hash_ids
from twin.assembly.quanta import half_even, ppm
from twin.assembly.structure import Structure
from twin.exogenous import ADDING, SHOCK_FIELDS, Severities, Shock
from twin.network import Sizes
from twin.state import as_declared
from twin.tables import rows

SEVERITY_POINTS = 129
FACILITY = {"revolver": 0, "term_loan": 1}


def severity_law(text: str) -> Callable[[np.ndarray], np.ndarray]:
    """Quantile function of a severity: a number, uniform(a, b) or triangular(low, most likely, high).

    Raises ValueError for anything else.
    """
    call = re.fullmatch(r"(uniform|triangular)\(([^()]*)\)", text.replace(" ", ""))
    if call is None:
        value = float(text)
        return lambda u: np.full_like(u, value)
    numbers = [float(part) for part in call[2].split(",")]
    if call[1] == "uniform" and len(numbers) == 2 and numbers[0] <= numbers[1]:
        low, high = numbers
        return lambda u: low + (high - low) * u
    if call[1] == "triangular" and len(numbers) == 3 and numbers[0] <= numbers[1] <= numbers[2] > numbers[0]:
        low, mode, high = numbers
        return lambda u: stats.triang.ppf(u, (mode - low) / (high - low), low, high - low)
    raise ValueError(f"severity {text!r}: write a number, uniform(a, b) or triangular(low, most likely, high)")


def worst_factor(row: rows.Shock) -> float:
    """The largest factor that a shock can reach."""
    highest = float(np.max(severity_law(row.severity)(np.array([0.0, 1.0]))))
    return max(1.0, 1.0 + highest * (float(row.factor) - 1.0)) if row.factor is not None else 1.0


def end(row: rows.Shock, days: int) -> int:
    """The first day after a shock; a regime stays to the end of the horizon of `days` days."""
    return days if row.shape == "regime" else min(row.start + row.days, days)


def strength(shape: str, i: int, days: int) -> tuple[int, int]:
    """Strength on day i of a shock as a fraction of whole numbers: (part, of). days: how long the shock lasts.

    step: full; ramp: rising; recovery: falling; pulse: full for one half, falling for the other; regime: rising, then
    staying.
    """
    falling = days - (days + 1) // 2
    return {
        "step": (1, 1),
        "ramp": (i + 1, days),
        "recovery": (days - i, days),
        "pulse": (min(days - i, falling + 1), falling + 1),
        "regime": (min(i + 1, days), days),
    }[shape]


def change_by_day(row: rows.Shock, days: int) -> np.ndarray:
    """(day,) change in ppm at severity 1."""
    full = int(ppm(row.factor)) - 1_000_000 if row.factor is not None else int(ppm(row.add or Decimal(0)))
    change = np.zeros(days)
    for i, t in enumerate(range(row.start, end(row, days))):
        part, of = strength(row.shape, i, row.days)
        shape = half_even(1_000_000 * part, of)
        change[t] = np.sign(full) * half_even(shape * abs(full), 1_000_000)
    return change


def chosen(cell: str | None) -> set[str] | None:
    """The ids of a selector cell ("a|b"), None for all."""
    return None if cell is None else set(cell.split("|"))


def _mask(ids: Sequence[str], wanted: set[str] | None) -> np.ndarray:
    return np.array([float(wanted is None or name in wanted) for name in ids])


def products_hit(row: rows.Shock, s: Structure) -> np.ndarray:
    categories = [s.product_rows[p].category for p in s.products]
    return _mask(s.products, chosen(row.product)) * _mask(categories, chosen(row.category))


def lane_hit(row: rows.Shock, lane: tuple[str, str] | None) -> float:
    """A lane is hit when its source is among the suppliers and its destination among the nodes that are named."""
    if lane is None:
        return 0.0
    suppliers, nodes = chosen(row.supplier), chosen(row.node)
    return float((suppliers is None or lane[0] in suppliers) and (nodes is None or lane[1] in nodes))


def source_hit(row: rows.Shock, source: str, s: Structure) -> float:
    """Dispatch of a supplier or an own node: named in its own column; both columns empty: all."""
    suppliers, nodes = chosen(row.supplier), chosen(row.node)
    if suppliers is None and nodes is None:
        return 1.0
    return float(source in ((suppliers if source in s.supplier else nodes) or set()))


def places(row: rows.Shock, s: Structure, capped: tuple[list[int], list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns): which places of the field's axes a shock hits. capped: lanes and sources with a capacity."""
    one = np.ones(1)
    lanes, sources = capped
    if row.field == "demand":
        return _mask(s.nodes, chosen(row.node)), products_hit(row, s)
    if row.field == "lead_time":
        return np.array([lane_hit(row, lane) for lane in s.lanes]), one
    if row.field == "lane_capacity":
        return np.array([lane_hit(row, s.lanes[i]) for i in lanes]), one
    if row.field == "dispatch_capacity":
        return np.array([source_hit(row, source, s) for source in sources]), one
    if row.field == "price":
        return products_hit(row, s), one
    if row.field == "cost":
        suppliers = chosen(row.supplier)
        return _mask([lane[0] for lane in s.outside], suppliers), products_hit(row, s)
    if row.field == "supplier_limit":
        return _mask(s.suppliers, chosen(row.supplier)), one
    if row.field == "collections":
        return _mask(s.channels, chosen(row.channel)), one
    if row.field == "rate":
        return _mask(list(FACILITY), chosen(row.facility)), one
    if row.field == "stock_loss":
        return _mask(s.nodes, chosen(row.node)), one
    return one, one  # commitment


def counts(scenarios: Sequence[Sequence[rows.Shock]]) -> dict[str, int]:
    """Shocks per field that the plan needs room for: the most of any scenario; 0 of unused fields."""
    return {
        field: max((sum(row.field == field for row in scenario) for scenario in scenarios), default=0)
        for field in SHOCK_FIELDS
    }


def compile_shocks(
    scenario: Sequence[rows.Shock],
    s: Structure,
    days: int,
    capped: tuple[list[int], list[str]],
    sizes: Sizes,
) -> tuple[dict[str, Shock], Severities]:
    """Arrays of one scenario, with room for the shocks of the largest; the room left over changes nothing."""
    ordered = sorted(scenario, key=lambda row: row.shock.encode())
    drawn = [row for row in ordered if row.field != "terms"]
    number = {row.shock: i for i, row in enumerate(drawn)}
    points = np.linspace(0.0, 1.0, SEVERITY_POINTS)
    quantile = np.zeros((sizes.severities, SEVERITY_POINTS))
    for i, row in enumerate(drawn):
        quantile[i] = np.round(1e6 * severity_law(row.severity)(points))
    spare = sizes.severities - len(drawn)
    laws = Severities(
        hash=hash_ids([row.shock for row in drawn] + [""] * spare),
        group=hash_ids([row.group or "" for row in drawn] + [""] * spare),
        correlation=np.array([float(row.correlation) * (row.group is not None) for row in drawn] + [0.0] * spare),
        probability=np.array([float(row.probability) for row in drawn] + [0.0] * spare),
        quantile=quantile,
    )
    shocks = {}
    for field, places_for in zip(SHOCK_FIELDS, sizes.shocks, strict=True):
        mine = [row for row in ordered if row.field == field]
        hit = [places(row, s, capped) for row in mine]
        blank = tuple(np.zeros_like(axis) for axis in (hit[0] if hit else places(blank_row(field), s, capped)))
        more = places_for - len(mine)
        if places_for:
            shocks[field] = Shock(
                change=np.stack([change_by_day(row, days) for row in mine] + [np.zeros(days)] * more, axis=1),
                severity=np.array([number[row.shock] for row in mine] + [0] * more, np.int32),
                rows=np.stack([r for r, _ in hit] + [blank[0]] * more),
                columns=np.stack([c for _, c in hit] + [blank[1]] * more),
            )
    return shocks, as_declared(laws, {})


def blank_row(field: str) -> rows.Shock:
    """A shock that changes nothing, to learn the shape of a field's axes."""
    given = {"add": 0} if field in ADDING else {"factor": 1}
    return rows.Shock(scenario="none", shock="none", field=field, start=0, days=1, **given)
