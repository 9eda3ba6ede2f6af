"""Formulas that tuning is held against, the loop that checkpoints, measures, and the searches that see only values."""

from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from scipy import stats

from tests.twin import small_shop
from twin.checkpointed import checkpointed
from twin.simulate import scan
from twin.tune import baselines
from twin.tune.black_box import by_turns, evolution_of_covariance
from twin.tune.gradients import by_future, methods_of, slopes, values
from twin.tune.groups import BY, bounds, cover, groups_of, moved_levels, stock_dial, supplied
from twin.tune.guaranteed import Stage, guaranteed_service
from twin.tune.measures import Limit, Measure, fill_rate, shortfall
from twin.tune.parameters import Method, NotSmooth
from twin.tune.pareto import Point, undominated
from twin.tune.search import Path
from twin.tune.serial import clark_scarf
from twin.tune.tuned import best_of, held_limits, with_levels


def test_guaranteed_service_on_trees() -> None:
    """PEERS.md 3.12: example 6.5 and figure 6.14 of Snyder and Shen."""
    tree = nx.DiGraph([("1", "3"), ("3", "2"), ("3", "4")])
    stages = {"1": Stage(2, 1, given_in=1), "2": Stage(1, 3, 1, most_out=0), "3": Stage(1, 2)}
    found = guaranteed_service(tree, stages | {"4": Stage(1, 3, 1, most_out=1)})
    assert found.service == {"1": 0, "2": 0, "3": 0, "4": 1}
    assert found.cost == pytest.approx(8.277917, abs=1e-6)
    edges = [(1, 2), (2, 3), (3, 5), (4, 5), (5, 6), (6, 10), (7, 10), (8, 10), (9, 10)]
    time = [2, 3, 2, 4, 2, 3, 6, 4, 3, 2]
    holding = [0.01, 0.03, 0.04, 0.06, 0.12, 0.13, 0.2, 0.08, 0.04, 0.5]
    z = float(stats.norm.ppf(0.95))
    many = {str(i + 1): Stage(time[i], holding[i], bound=z) for i in range(9)}
    many["10"] = Stage(2, 0.5, 10, z, most_out=2)
    found = guaranteed_service(nx.DiGraph([(str(a), str(b)) for a, b in edges]), many)
    assert {k: v for k, v in found.service.items() if v} == {"2": 3, "3": 5, "4": 4, "5": 7, "10": 2}
    assert found.cost == pytest.approx(18.824004, abs=2e-6)
    with pytest.raises(ValueError, match="tree"):
        guaranteed_service(nx.DiGraph([("1", "2"), ("1", "3"), ("2", "4"), ("3", "4")]), {})


@pytest.mark.parametrize(
    ("holding", "lead", "penalty", "demand", "levels", "cost"),
    [
        ([3, 2, 2], [1, 1, 2], 37.12, (5, 1), (6.5144, 12.0123, 22.7002), 47.66865),
        ([4, 3, 1], [1, 1, 2], 40, (10, 2), (12.765, 23.497, 46.280), 86.0253),
    ],
)
def test_clark_scarf(
    holding: list[float], lead: list[int], penalty: float, demand: tuple[float, float], levels: Any, cost: float
) -> None:
    """PEERS.md 3.5: FoSCT example 6.1 and stockpyl's three stages; costs within a thousandth, levels within a grid."""
    found, value = clark_scarf(holding, lead, penalty, *demand)
    assert value == pytest.approx(cost, rel=1e-3)
    assert found == pytest.approx(levels, abs=0.025 * demand[1] + 0.02)


@pytest.mark.parametrize("days", [1, 13])
def test_checkpointed_days_are_the_same_days(days: int) -> None:
    def step(carry: Any, today: Any) -> tuple[Any, Any]:
        x, n = carry
        x = jnp.sin(x) + today["a"] * x
        return (x, n + jnp.int32(1)), {"x": x}

    inputs = {"a": jnp.linspace(0.1, 0.9, days), "b": jnp.arange(days, dtype=jnp.int32)}

    def last(loop: Any, start: jax.Array) -> Any:
        (x, n), out = loop(step, (start, jnp.int32(0)), inputs)
        return jnp.sum(x) + jnp.sum(out["x"]), (n, out["x"])

    start = jnp.linspace(0.2, 1.0, 5)
    results = [
        jax.value_and_grad(lambda s, loop=loop: last(loop, s), has_aux=True)(start) for loop in (scan, checkpointed)
    ]
    for a, b in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    assert results[1][0][1][0] == days


def test_memory_of_a_gradient_grows_as_the_root_of_the_days() -> None:
    """By XLA's own plan: 16 times the days take about 4 times the memory checkpointed, 16 times on a tape."""

    def step(carry: Any, today: Any) -> tuple[Any, Any]:
        for _ in range(8):
            carry = jnp.sin(carry) * today
        return carry, ()

    def temporary(loop: Any, days: int) -> int:
        def value(x: jax.Array) -> jax.Array:
            return jnp.sum(loop(step, x, jnp.ones(days))[0])

        compiled = jax.jit(jax.grad(value)).lower(jnp.ones(4096)).compile()
        return int(compiled.memory_analysis().temp_size_in_bytes)

    few, many = (temporary(checkpointed, days) for days in (64, 1024))
    tape = temporary(scan, 1024)
    print(f"64 days {few}, 1,024 days {many}, on a tape {tape} bytes")
    assert many < 4.5 * few
    assert many < tape / 10


def test_measures_of_a_batch() -> None:
    """Mean, ratio of means and mean of the worst, against NumPy; the spread by future is that of the estimate."""
    rng = np.random.default_rng(0)
    batch = {"met": rng.gamma(4.0, 2.0, (400, 1)), "demand": rng.gamma(9.0, 2.0, (400, 1))}
    mean = Measure("mean", "", lambda b: b["met"])
    share = Measure("share", "", lambda b: b["met"], bottom=lambda b: b["demand"])
    worst = Measure("worst", "", lambda b: b["met"], worst=0.05)
    found = values(batch, (mean, share, worst))
    ordered = np.sort(batch["met"][:, 0])
    assert found[0][0] == pytest.approx(batch["met"].mean())
    assert found[1][0] == pytest.approx(batch["met"].sum() / batch["demand"].sum())
    assert found[2][0] == pytest.approx(ordered[:20].mean())
    for measure, value in zip((mean, share, worst), found, strict=True):
        assert by_future(batch, measure).mean() == pytest.approx(value[0])
    slope = slopes(batch, (worst,), [np.ones(1)])
    tail = batch["met"][:, 0] < ordered[19]
    assert (slope["met"][tail, 0] == pytest.approx(1 / 20)) and not slope["met"][batch["met"][:, 0] > ordered[19]].any()
    held = held_limits((Limit(mean, least=float(found[0][0]) + 0.01), Limit(share, most=0.1)), batch)
    assert held[0].missed == 0 and held[1].missed > 0
    with pytest.raises(ValueError, match="either least or most"):
        Limit(mean).slack(1.0)


def test_what_jumps_has_no_pathwise_derivative() -> None:
    """A trigger, a pack or a probability asked for pathwise is an error that names the right method, never a zero."""
    assert methods_of(["stock", "reorder_point"], {})["reorder_point"] is Method.evolution
    probability = shortfall(1.0)
    for name, method, measures, right in (
        ("reorder_point", Method.pathwise, (), Method.evolution),
        ("pack", Method.pathwise, (), Method.evolution),
        ("pack", Method.conditional, (probability,), Method.evolution),
        ("stock", Method.pathwise, (probability,), Method.conditional),
    ):
        with pytest.raises(NotSmooth, match=f"use method '{right}'"):
            methods_of([name], {name: method}, measures)
    found = methods_of(["stock", "reorder_point"], {}, (probability,))
    assert found == {"stock": Method.conditional, "reorder_point": Method.evolution}
    assert methods_of(["stock"], {"stock": Method.evolution}, (probability,)) == {"stock": Method.evolution}


def test_exact_mode_has_the_last_word() -> None:
    """Of the policies on the way the best one, but none that misses a limit by more than the search's result does."""
    policies: Any = ["result", "half way", "start"]

    def chosen(goals: list[float], service: list[float]) -> Any:
        batches = [{"x": np.full((4, 1), x), "y": np.full((4, 1), y)} for x, y in zip(goals, service, strict=True)]
        goal, limit = Measure("x", "", lambda b: b["x"]), Limit(Measure("y", "", lambda b: b["y"]), least=0.95)
        return best_of(policies, batches, goal, (limit,), maximise=True)

    assert chosen([1.0, 2.0, 3.0], [0.95, 0.95, 0.95]) == "start"
    assert chosen([1.0, 2.0, 3.0], [0.95, 0.96, 0.90]) == "half way"
    assert chosen([1.0, 2.0, 3.0], [0.94, 0.93, 0.90]) == "result"


def test_levels_that_are_still_on_their_way_are_named() -> None:
    rng = np.random.default_rng(0)
    there, away = 0.3 * rng.normal(size=31), np.linspace(0, 5, 31)
    path = Path({}, np.zeros(30), np.zeros((30, 0)), np.zeros(0), {"stock": np.stack([there, away, 0 * away], axis=1)})
    assert path.travelling("stock").tolist() == [False, True, False]


def test_groups_and_levels() -> None:
    model = small_shop.shop()
    mean, sigma = cover(model)
    reached = supplied(model)
    for by in BY:
        group, names = groups_of(model, by)
        low, high = bounds(model, group, len(names))
        assert group.max() < len(names) and (low <= 0).all() and (high >= 0).all()
    cells, names = stock_dial(model, "store-product")
    same = moved_levels(model, cells, {"stock": np.zeros(len(names))})
    assert (same == model.policy.order_up_to).all()
    none = moved_levels(model, cells, {"stock": np.full(len(names), -1e3)})
    assert (none[reached] == 0).all()
    moved = with_levels(model, none)
    assert np.array_equal(
        moved.order_up_to - moved.reorder_point, model.policy.order_up_to - model.policy.reorder_point
    )
    plain, full = baselines.textbook(model, 0.95), baselines.with_lead_times(model, 0.95)
    assert (full[reached] == np.maximum(np.ceil(mean + stats.norm.ppf(0.95) * sigma), 0)[reached]).all()
    # lead times that vary cost stock, where they do
    varies = np.array([node == "dc" for node in model.structure.nodes])
    assert (full[varies] > plain[varies]).all()
    with pytest.raises(ValueError, match="choose one of"):
        groups_of(model, "shelf")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="choose company"):
        fill_rate(model, "shelf")


def test_searches_that_see_only_values() -> None:
    """Both come close to the bottom of a bowl, stop in time, and remember the best they saw."""
    goal = np.array([0.7, -0.4, 1.1])

    def merit(theta: np.ndarray) -> float:
        return float(((theta - goal) ** 2).sum())

    turns = by_turns(merit, np.zeros(3), seconds=20)
    assert merit(turns.theta) < 0.05
    assert (np.diff(turns.best) <= 0).all() and turns.calls[-1] == len(turns.calls)
    pytest.importorskip("cma")
    found = evolution_of_covariance(merit, np.zeros(3), np.full(3, -3.0), np.full(3, 3.0), seconds=20)
    assert merit(found.theta) < 1e-6


def test_dominated_policies_leave_the_front() -> None:
    rng = np.random.default_rng(0)
    policy: Any = None
    base = {name: rng.normal(size=100) for name in ("fill_rate", "profit", "net_cash")}
    better = Point(0.9, policy, {name: x + 0.5 for name, x in base.items()})
    worse = Point(0.95, policy, base)
    other = Point(0.97, policy, {**base, "fill_rate": base["fill_rate"] + 1.0, "profit": base["profit"] - 0.5})
    assert undominated([better, worse, other]) == [better, other]
