"""A company tuned: search in smooth mode, whole units, then exact mode on futures that the search never saw."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import stats

from twin.assembly import Model
from twin.engines import fastest
from twin.policies import Policy, Replenishment, replenish
from twin.record import PROFIT_LINES, profit_line_weights
from twin.simulate import simulate
from twin.state import changed
from twin.tune.gradients import by_future, play_smooth, pull_smooth, values
from twin.tune.groups import By, bounds, groups_of, moved_levels, stock_dial
from twin.tune.measures import CENTS, Limit, Measure
from twin.tune.outcomes import COMPANY_OUTCOME, Outcome, Plan
from twin.tune.parameters import PARAMETERS, Parts, Theta
from twin.tune.search import Effort, Path, search

FRESH = 1_000_000  # futures from this id on are never used by a search
CALIBRATION = 900_000
LEVEL = 0.95
# of the way from the start to what the search found; exact mode chooses between them on so many futures
SHARES, CHOOSING = (1.0, 0.75, 0.5, 0.25, 0.0), 64
# what moves profit, by the lines of the profit and loss account
TERMS = {
    "margin": ("revenue", "cost_of_sales"),
    "write-downs, shrink and expiry": ("stock_losses",),
    "freight, storage and ordering": ("logistics",),
    "interest": ("finance_costs",),
    "operating expenses": ("operating_expenses",),
    "tax": ("income_tax",),
}


@dataclass(frozen=True)
class Held:
    """A limit on fresh futures: its value with a 95 % interval, and by how much it is missed (0: it holds)."""

    limit: Limit
    label: str
    value: float
    low: float
    high: float
    missed: float


class Infeasible(ValueError):
    """No policy was found that meets the limits; `held` says by how little."""

    def __init__(self, held: list[Held]) -> None:
        self.held = held
        worst = [x for x in held if x.missed > 0]
        said = "; ".join(
            f"{x.limit.measure.name}{' of ' + x.label if x.label else ''} reaches {x.value:.6g} "
            f"[{x.low:.6g}, {x.high:.6g}], asked for {x.limit.least if x.limit.least is not None else x.limit.most:g}"
            for x in sorted(worst, key=lambda x: -x.missed)[:5]
        )
        super().__init__(f"no policy meets {len(worst)} of {len(held)} limits; the least violation found: {said}")


@dataclass(frozen=True)
class Tuned:
    """before, after: policies in whole units. start, end: their outcomes in exact mode on the same fresh futures.

    terms: what one unit more of each level was worth before, by line of the profit and loss account and by limit;
    (node, product), money a unit over the horizon. unsettled: groups that still moved one way when the steps ended, so
    that more steps may find more.
    """

    before: Replenishment
    after: Replenishment
    names: list[str]
    path: Path
    start: Outcome
    end: Outcome
    held: list[Held]
    terms: dict[str, np.ndarray]
    unsettled: list[str]


def tune(
    model: Model,
    goal: Measure,
    limits: tuple[Limit, ...] = (),
    *,
    by: By = "store-product",
    start: np.ndarray | None = None,
    maximise: bool = True,
    effort: Effort | None = None,
    futures: int = 256,
    block: int = 16,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tuned:
    """Move every level to where it earns its cash.

    by: which levels move together. start: (node, product) levels to begin with, such as a formula's; default the
    company's own. futures: how many fresh ones the result is held to. progress: called with steps done and steps in
    all. Raises Infeasible where a limit is missed on them by more than the half-width of its interval, NotFinite where
    a goal is no number.
    """
    effort = effort or Effort()
    given = model
    if start is not None:
        model = dataclasses.replace(model, policy=with_levels(model, np.asarray(start)))
    cells, _ = stock_dial(model, "store-product")
    plan = Plan.of(model, {"stock": cells}, seed=seed, block=block)
    group, names = groups_of(model, by)
    tie = np.zeros(group.size, int)
    tie[np.asarray(cells.group).ravel()] = group.ravel()
    low, high = bounds(model, group, len(names))
    edges: dict[str, Any] = {
        "lower": {"stock": low}, "upper": {"stock": high}, "ties": {"stock": tie}, "maximise": maximise
    }  # fmt: skip
    # a start beyond all sense begins at the bound
    place: Theta = {"stock": np.clip(np.zeros(len(names)), low, high)}
    total = effort.steps + (max(effort.steps // 2, 1) if limits else 0)
    path = search(plan, place, goal, limits, effort=effort, progress=lambda step: progress(step, total), **edges)
    if limits:
        # smooth mode knows no packs, minimum orders or whole units: the limits move by what they cost
        seen = np.arange(CALIBRATION, CALIBRATION + futures)
        exact = played(model, policy_at(model, cells, path.theta, tie), seen, seed)
        smooth = plan.play({"stock": path.theta["stock"][tie]}, seen, "smooth")
        aimed = tuple(_moved(limit, exact, smooth) for limit in limits)
        last = search(
            plan, path.theta, goal, aimed, effort=effort.shorter(total - effort.steps), multipliers=path.multipliers,
            progress=lambda step: progress(effort.steps + step, total), **edges,
        )  # fmt: skip
        path = dataclasses.replace(last, at={name: np.concatenate([path.at[name], x]) for name, x in last.at.items()})
    line = [place["stock"] + share * (path.theta["stock"] - place["stock"]) for share in SHARES]
    policies = [policy_at(model, cells, {"stock": theta}, tie) for theta in line]
    seen = np.arange(CALIBRATION, CALIBRATION + min(futures, CHOOSING))
    after = best_of(policies, [played(model, policy, seen, seed) for policy in policies], goal, limits, maximise)
    fresh = np.arange(FRESH, FRESH + futures)
    end = played(model, after, fresh, seed)
    held = held_limits(limits, end)
    if any(x.missed > 0 for x in held):
        raise Infeasible(held)
    return Tuned(
        before=given.policy,
        after=after,
        names=names,
        path=path,
        start=played(given, given.policy, fresh, seed),
        end=end,
        held=held,
        terms=terms_of(plan, limits, path.multipliers, np.arange(effort.futures)),
        unsettled=[name for name, still in zip(names, path.travelling("stock"), strict=True) if still],
    )


def best_of(
    policies: list[Replenishment], batches: list[Outcome], goal: Measure, limits: tuple[Limit, ...], maximise: bool
) -> Replenishment:
    """The best in exact mode among those that miss no limit by more than the first one does.

    The search sees neither packs, minimum orders nor the cost of an order line; on the way it may have passed better.
    """
    goals = [values(batch, (goal,))[0][0] * (1.0 if maximise else -1.0) for batch in batches]
    slacks = [[limit.slack(values(batch, (limit.measure,))[0]) for limit in limits] for batch in batches]
    allowed = [np.minimum(slack, 0.0) for slack in slacks[0]]
    meets = [all((x >= least).all() for x, least in zip(slack, allowed, strict=True)) for slack in slacks]
    return policies[max(range(len(policies)), key=lambda k: (meets[k], goals[k]))]


def policy_at(model: Model, cells: Any, theta: Theta, tie: np.ndarray) -> Replenishment:
    """The policy in whole units at a theta of groups."""
    return with_levels(model, moved_levels(model, cells, {"stock": theta["stock"][tie]}))


def with_levels(model: Model, whole: np.ndarray) -> Replenishment:
    """The company's policy with other order-up-to levels; reorder points keep their distance."""
    moved = PARAMETERS["stock"].put(Parts.of(model), jnp.asarray(whole)).policy
    return changed(
        moved, order_up_to=np.asarray(moved.order_up_to), reorder_point=np.round(np.asarray(moved.reorder_point))
    )


def played(model: Model, policy: Any, draws: np.ndarray, seed: int = 0, rule: Policy = replenish) -> Outcome:
    """Outcomes of a policy in exact mode; policy: as `rule` takes it.

    Raises RuntimeError where an invariant of the ledger is not 0.
    """
    run = simulate(
        model.network, rule, policy, model.source, model.params, model.inputs["base"], model.opening, draws,
        seed=seed, record=COMPANY_OUTCOME, engine=fastest,
    )  # fmt: skip
    if run.residuals.any():
        raise RuntimeError("an invariant of the ledger is not 0")
    return {**run.series, **run.totals}


def interval(sample: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95 % t interval."""
    mean, n = float(sample.mean()), len(sample)
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1) * sample.std(ddof=1) / np.sqrt(n)) if n > 1 else np.inf
    return mean, mean - half, mean + half


def held_limits(limits: tuple[Limit, ...], batch: Outcome) -> list[Held]:
    """Every limit with its interval; missed counts from the end of the interval that is nearest to the limit."""
    found = []
    for limit in limits:
        each = by_future(batch, limit.measure)
        for k, label in enumerate(limit.measure.labels):
            value, low, high = interval(each[:, k])
            best = high if limit.least is not None else low
            found.append(Held(limit, label, value, low, high, max(0.0, -float(limit.slack(best)))))
    return found


def _moved(limit: Limit, exact: Outcome, smooth: Outcome) -> Limit:
    """The limit for smooth mode that stands for the given one in exact mode, by the mean gap between the two."""
    gap = float(np.mean(values(exact, (limit.measure,))[0] - values(smooth, (limit.measure,))[0]))
    if limit.least is not None:
        return dataclasses.replace(limit, least=limit.least - gap)
    assert limit.most is not None
    return dataclasses.replace(limit, most=limit.most - gap)


def terms_of(plan: Plan, limits: tuple[Limit, ...], prices: np.ndarray, draws: np.ndarray) -> dict[str, np.ndarray]:
    """(node, product) worth of one unit more at theta = 0: every line of profit, and every limit at its price."""
    cells = plan.dials["stock"]
    unit = np.asarray(cells.unit)
    theta: Theta = {"stock": np.zeros(unit.size)}
    batch = play_smooth(plan, theta, draws, tuple(limit.measure for limit in limits))

    def worth(measure: Measure, weights: np.ndarray) -> np.ndarray:
        rows = pull_smooth(plan, theta, draws, batch, (measure,), [weights])["stock"].sum(axis=0)
        return np.divide(rows[np.asarray(cells.group)], unit, out=np.zeros(unit.shape), where=unit > 0)

    found = {name: worth(_line(codes), np.ones(1)) for name, codes in TERMS.items()}
    start = 0
    for limit in limits:
        mine = prices[start : start + len(limit.measure.labels)]
        start += len(mine)
        way = (1.0 if limit.least is not None else -1.0) / limit.scale
        name = f"limit on {limit.measure.name}"
        found[name] = found.get(name, 0.0) + (worth(limit.measure, way * mine) if mine.any() else 0.0 * unit)
    return found


def _line(lines: tuple[str, ...]) -> Measure:
    rows = [list(PROFIT_LINES).index(name) for name in lines]
    weights = profit_line_weights()[rows].sum(axis=0)
    return Measure(" ".join(lines), "money", lambda batch: (batch["amounts"] @ weights)[:, None] / CENTS)
