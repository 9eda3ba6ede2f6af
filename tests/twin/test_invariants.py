"""Invariants of RELIABILITY.md 2 that are tests: batches, time, permutation, isolation, scenarios, NaN,
default, sums.

All tests share one company and one compiled programme (seven futures at a time) where they can; what needs a
programme of its own says so. I-26 stands in test_reference_money, I-34 in test_random_numbers, I-16 in
test_tangents.
"""

import dataclasses
from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.twin import small_shop
from tests.twin.reference_shops import Place
from tests.twin.reference_shops import shop as star
from twin import audit, simulate
from twin.assembly import Model
from twin.exogenous import Source, negative_binomial_demand
from twin.network import Network
from twin.policies import View, replenish
from twin.record import COMPANY, Record, company_series
from twin.results import dataset, per_draw
from twin.simulate import Inputs, Run
from twin.state import Flows, State, changed
from twin.tables import rows

FUTURES = 7
STARVED = {"cash": 200, "line": 300, "grace": 3, "wages": 16_000}
TRACES: list[str] = []


def counted_policy(parameters: Any, view: View) -> jax.Array:
    """The classic policy; Python runs it only while JAX traces, so its calls count traces."""
    TRACES.append("policy")
    return replenish(parameters, view)


def _series(state: State, flows: Flows) -> dict[str, Any]:
    """The company's daily lines, and what was ordered and dispatched by suppliers."""
    return company_series(state, flows) | {
        "ordered": flows.ordered,
        "shipped": flows.shipped,
        "on_hand": state.goods.on_hand,
    }


RECORD = Record(_series, COMPANY.totals, COMPANY.pooled, COMPANY.named)


def run(
    model: Model,
    scenario: str | Inputs = "base",
    draws: Any = FUTURES,
    *,
    block: int = FUTURES,
    source: Source = small_shop.flat_demand,
    params: Any = None,
    seed: int = 3,
) -> Run:
    """params: stored for many futures, so that they are data of the one programme."""
    inputs = model.inputs[scenario] if isinstance(scenario, str) else scenario
    return simulate.simulate(
        model.network,
        counted_policy,
        model.policy,
        source,
        stored(model) if params is None else params,
        inputs,
        model.opening,
        np.arange(draws) if isinstance(draws, int) else draws,
        seed=seed,
        record=RECORD,
        block=block,
    )


def stored(model: Model) -> Any:
    """The parameters as 512 equal posterior draws, which feed 1,024 futures."""
    return jax.tree.map(lambda x: np.broadcast_to(x, (512, *x.shape[1:])), model.params)


@cache
def model() -> Model:
    return small_shop.shop()


@cache
def base() -> Run:
    return run(model())


def same(a: Any, b: Any, at: Any = ...) -> None:
    """Bit for bit, every leaf, or what `at` takes of it."""
    for (path, x), y in zip(jax.tree_util.tree_leaves_with_path(a), jax.tree.leaves(b), strict=True):
        x, y = np.asarray(x)[at], np.asarray(y)[at]
        assert x.shape == y.shape, path
        assert (x == y).all(), path


def by_draw(r: Run) -> tuple[Any, ...]:
    return r.series, r.totals, r.closing, r.residuals


def take(tree: Any, draws: np.ndarray) -> Any:
    return jax.tree.map(lambda x: x[draws], tree)


# -------------------- I-18: batches


def batches(company: Model, source: Source, sizes: Sequence[int]) -> None:
    """1,024 futures at once against blocks of other sizes, the last block not full; the last size backwards too."""
    whole = run(company, draws=1024, block=1024, source=source)
    assert np.ptp(whole.series["cash"][:, -1]) > 0, "futures differ"
    for block in sizes:
        draws = np.arange(1024) if block > 100 else np.arange(900, 905 + 3 * block)
        few = run(company, draws=draws, block=block, source=source)
        same(by_draw(few), take(by_draw(whole), draws))
        if block > 100:
            same(few.pooled, whole.pooled)  # sums of whole numbers over draws: equal too
        backwards = run(company, draws=draws[::-1], block=block, source=source)
        same(by_draw(few), take(by_draw(backwards), np.arange(len(draws))[::-1]))
        same(few.pooled, backwards.pooled)


def two_stores() -> Model:
    return star([Place("x", 5, 20), Place("y", 2, 7, {1: 0.5, 3: 0.5})], 2, 30)


def test_i18_one_future_at_a_time_and_all_at_once_give_the_same_bits() -> None:
    """Two programmes of their own. Sums over futures are compared too."""
    batches(two_stores(), small_shop.flat_demand, [1])


@pytest.mark.slow
def test_i18_batches_of_any_size_give_the_same_bits() -> None:
    """1, 7, 256, 1,024 futures at a time."""
    batches(two_stores(), small_shop.flat_demand, [1, 7, 256])


@pytest.mark.slow
def test_i18_batches_of_the_rich_company() -> None:
    """The same with every feature and negative binomial demand."""
    batches(small_shop.shop(rich=True), negative_binomial_demand, [1, 7, 256])


# -------------------- I-21: time


def test_i21_the_future_does_not_change_the_past() -> None:
    """Demand that rises from day 21 on leaves days 0 .. 20 as they were, bit for bit, and changes later ones."""
    late = run(model(), "late")
    same(base().series, late.series, np.s_[:, :21])
    same(base().pooled, late.pooled, np.s_[:21])
    assert (base().series["demand"][:, 21:] != late.series["demand"][:, 21:]).any()


@pytest.mark.slow
def test_i21_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    """Own programme: 21 days instead of 42."""

    def first(x: Any) -> Any:
        return x[:21]

    given = model().inputs["base"]
    shocks = {name: changed(shock, change=first(shock.change)) for name, shock in given.shocks.items()}
    short = run(model(), changed(given, days=jax.tree.map(first, given.days), shocks=shocks))
    same(short.series, jax.tree.map(lambda x: x[:, :21], base().series))


# -------------------- I-22, I-23: what stands beside does not matter


def test_i22_the_order_of_rows_does_not_matter() -> None:
    """All tables upside down: every array that enters the programme is the same, and so is the run."""
    plan = {name: shocks[::-1] for name, shocks in small_shop.scenarios().items()}
    given = small_shop.reversed_rows(small_shop.company())
    turned = small_shop.assemble(given, plan)
    assert given.products[0] != small_shop.company().products[0]
    parts = ("network", "policy", "params", "opening", "inputs")
    same([getattr(turned, part) for part in parts], [getattr(model(), part) for part in parts])
    same(by_draw(run(turned)), by_draw(base()))


def test_i22_overlapping_rows_commute() -> None:
    """Promotions and calendar rows of one day multiply: in any order of the file to the same bits."""
    days = [("2026-01-14", "1.3", "dry"), ("2026-01-14", "0.7", "cold"), ("2026-01-14", "1.1", None)]
    sales = [("x", "0.77", "1.9", None), ("y", "0.913", "1.31", "dry"), ("z", "0.8571", "1.17", "dry")]
    plain = small_shop.company()
    rich = dataclasses.replace(
        plain,
        calendar=tuple(rows.CalendarDay(date=d, demand_factor=f, category=c) for d, f, c in days),
        promotions=tuple(
            rows.Promotion(
                promotion=name, start="2026-01-12", end="2026-01-20", price_factor=p, demand_factor=f, category=c
            )
            for name, p, f, c in sales
        ),
    )
    same(*(small_shop.assemble(given).inputs for given in (rich, small_shop.reversed_rows(rich))))


def test_i23_an_isolated_part_changes_nothing_else() -> None:
    """Own programme: with a supplier, a store and a product that touch nothing else, and another scenario in
    the plan.

    Money is ample, since a company has one purse. Places keep their luck, since luck is keyed by ids.
    """
    alone = small_shop.shop(cash=10**6)
    joined = small_shop.shop(small_shop.scenarios() | small_shop.one_more(), cash=10**6, isolated=True)
    a, b = run(alone), run(joined)
    nodes = [joined.structure.node[name] for name in alone.structure.nodes]
    products = [joined.structure.product[name] for name in alone.structure.products]
    lanes = [joined.structure.lanes.index(lane) for lane in alone.structure.lanes if lane is not None]
    mine = [i for i, lane in enumerate(alone.structure.lanes) if lane is not None]
    at = np.ix_(range(FUTURES), nodes, products)
    for name in ("demand", "met", "on_hand", "backorders"):
        assert (a.totals[name] == b.totals[name][at]).all(), name
    assert (a.closing.ledger.stock_value == b.closing.ledger.stock_value[at]).all()
    days = np.arange(small_shop.DAYS)
    for name in ("ordered", "shipped"):
        ours = a.series[name][:, :, mine]
        theirs = b.series[name][np.ix_(range(FUTURES), days, lanes, products)]
        assert (ours == theirs).all(), name
    assert (b.totals["demand"].sum(axis=(1, 2)) > a.totals["demand"].sum(axis=(1, 2))).all()


# -------------------- I-27: scenarios


def test_i27_no_shock_is_the_base() -> None:
    """An empty scenario, and shocks of severity 0, are the base bit for bit; a real one is not."""
    same(by_draw(run(model(), "null")), by_draw(base()))
    same(by_draw(run(model(), "zero")), by_draw(base()))
    assert (run(model(), "ab").series["cash"] != base().series["cash"]).any()


def test_i27_shocks_on_disjoint_fields_commute() -> None:
    """The same shocks under exchanged ids, which decide the order of multiplication."""
    same(by_draw(run(model(), "ab")), by_draw(run(model(), "ba")))


# -------------------- I-30: NaN


def test_i30_everything_is_finite() -> None:
    for r in (base(), run(model(), "ab"), run(small_shop.shop(**STARVED))):
        for path, leaf in jax.tree_util.tree_leaves_with_path((by_draw(r), r.pooled)):
            assert np.isfinite(leaf).all(), path


def test_i30_a_nan_stays_in_its_future() -> None:
    """NaN in the parameters of posterior draw 1, which futures 2 and 3 take: the others keep their bits."""
    poisoned = jax.tree.map(np.array, stored(model()))
    poisoned.demand_mean[1] = np.nan
    bad = run(model(), params=poisoned)
    healthy = [0, 1, 4, 5, 6]
    same(by_draw(base()), by_draw(bad), healthy)
    assert np.isnan(bad.series["demand"][2:4]).all()
    # the sick futures are seen: a residual that is not 0
    assert (~(bad.residuals == 0)).any(axis=1).tolist() == [i in (2, 3) for i in range(FUTURES)]


# -------------------- I-31: default


def test_i31_after_default_nothing_is_ordered_and_books_balance() -> None:
    dead = run(small_shop.shop(**STARVED))
    default = dead.series["default"]
    assert default[:, -1].all(), "every future defaults"
    assert (np.diff(default.astype(int), axis=1) >= 0).all(), "default is for ever"
    # a default of a close holds from the next day on
    since = np.concatenate([np.zeros_like(default[:, :1]), default[:, :-1]], axis=1)
    assert since.any(axis=1).all()
    assert not dead.series["ordered"][since].any()
    outside = np.asarray(model().network.is_outside) > 0
    assert not dead.series["shipped"][since][:, outside].any()
    assert dead.series["ordered"][~since].any()
    assert not dead.residuals.any()
    # what is left could pay no more than what is owed plus equity: nothing is created by default
    assert (dead.series["cash"] >= 0).all()
    assert not dead.series["cash_dividends"][since].any()
    assert not dead.series["cash_capex"][since].any()


# -------------------- I-32, I-33: measures and sums


def test_i32_measures_hang_together() -> None:
    for scenario in ("base", "ab", "late"):
        m = per_draw(model(), run(model(), scenario))
        np.testing.assert_allclose(m["turns"] * m["dio"], 365.0, rtol=1e-14)
        np.testing.assert_allclose(m["ccc"], m["dio"] + m["dso"] - m["dpo"], rtol=1e-14)
        assert ((m["fill_rate"] >= 0) & (m["fill_rate"] <= 1)).all()
        assert (m["lowest_service"] <= m["fill_rate"]).all()
        series = run(model(), scenario).series
        expected = series["met"].sum(-1) / series["demand"].sum(-1)
        assert (m["fill_rate"] == expected).all(), "a ratio of sums"
        assert (m["lowest_cash"] <= m["final_cash"]).all()


def test_i33_totals_are_sums_of_their_parts() -> None:
    """Company lines, nodes, places and postings of the dataset: whole numbers, so sums are equal, not close."""
    r = base()
    found = dataset(model(), {"base": r}).isel(scenario=0)
    for name in ("demand", "met"):
        total = found[name].sum().item()
        assert found[f"node_{name}"].sum().item() == total
        assert r.totals[name].sum() == total
        assert (found[name].sum("draw") == found[f"node_{name}"].sum("node")).all()
    posted = (100 * found["posted"].sum("draw")).round()
    rows = {name: posted.sel(entry=name).item() for name in found["entry"].values}
    cents = {name: r.series[name].sum() for name in ("revenue", "cost_of_sales", "gross_sales", "cash_suppliers")}
    sales = rows["consumer sale"] + rows["business sale"]
    assert cents["revenue"] == sales - rows["refund"]
    assert cents["gross_sales"] == sales + rows["consumer sale VAT"] + rows["business sale VAT"]
    assert cents["cost_of_sales"] == -rows["cost of sales, dc"] - rows["cost of sales, store"]
    assert cents["cash_suppliers"] == -rows["trade payables paid"] - rows["overdue paid"]
    cash = sum(r.series[name] for name in r.series if name.startswith("cash_"))
    opening = np.asarray(model().opening.ledger.balances)[0]
    assert (np.diff(r.series["cash"], axis=1, prepend=opening) == cash).all()
    ended = audit.at_the_end(model().network, model().opening, model().inputs["base"].days, r)
    assert set(ended.values()) == {0.0}


# -------------------- compiling once


COMPILED = "/jax/core/compile/backend_compile_duration"


def test_ten_calls_with_new_numbers_trace_once() -> None:
    """New seeds, draws, scenarios, prices, cash, lines and levels: no new trace, no new programme."""
    base()
    traced, compiled = len(TRACES), []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: compiled.append(event) if event == COMPILED else None
    )
    cash = []
    for i, scenario in enumerate(["base", "null", "zero", "ab", "ba", "late", "base", "ab", "late", "base"]):
        shop = small_shop.shop(cash=1000 + 97 * i, line=2000 + 500 * i, wages=5000 + 10 * i)
        shop = with_levels(shop, 1.0 + 0.1 * i)
        cash.append(run(shop, scenario, np.arange(FUTURES) + 100 * i, seed=i).series["cash"][0, -1])
    assert len(set(cash)) == len(cash)
    assert len(TRACES) == traced
    assert compiled == []
    jax.jit(lambda x: x + len(cash))(1.0)
    assert compiled == [COMPILED], "the counter can count"


def with_levels(shop: Model, factor: float) -> Model:
    network: Network = changed(shop.network, rate=shop.network.rate * 2.0, cost=shop.network.cost + 100.0)
    policy = changed(shop.policy, order_up_to=np.round(shop.policy.order_up_to * factor))
    return Model(**{**vars(shop), "network": network, "policy": policy})


def test_a_new_size_traces_anew() -> None:
    """The counter can count: one product more is another programme (traced only, never compiled)."""
    before = len(TRACES)
    other = small_shop.shop(isolated=True)
    arrays = (other.network, other.policy, other.params, other.inputs["base"], other.opening)
    network, policy, params, inputs, first = jax.tree.map(jnp.asarray, arrays)
    mine, zero = jax.tree.map(lambda x: x[0], params), jnp.uint32(0)
    jax.eval_shape(
        lambda draw: simulate.play(
            network, counted_policy, policy, small_shop.flat_demand, mine, inputs, first, draw, (zero, zero),
            arithmetic=simulate.EXACT, record=RECORD,
        )[0].ledger.balances,
        zero,
    )  # fmt: skip
    assert len(TRACES) > before
