"""The bench: what is skipped is named, every promised row appears, peers model what they claim to model."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bench import goods, gpu, matrix, targets
from bench.ceilings import Ceilings, Counts
from bench.company import Size, company, model
from bench.engines import ENGINES
from bench.peers import base_stock, luck
from bench.peers import day as by_hand
from bench.peers import goods as goods_by_hand
from bench.peers.plain import plain
from bench.plan import GOODS, GRADIENT, MONEY, Cell, Plan
from kernels.bits import threefry2x32
from kernels.ratio import EXACT
from twin.assembly import assemble
from twin.exogenous import LUCK, Today, effective
from twin.policies import replenish
from twin.record import Record, nothing
from twin.simulate import simulate

# Threefry lets words overflow, NumPy's scalars would say so
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
ROOT = Path(__file__).parent.parent.parent
SMALL, DAYS = Size(3, 1, 2), 21


def cell(futures: int, kind: str = MONEY, size: int = 1) -> Cell:
    return Cell(kind, "xla", size, futures, DAYS)


def test_cells_that_would_take_too_long_are_skipped_by_name() -> None:
    plan = Plan(time.perf_counter() + 1e6, 2**40)
    assert plan.reason_to_skip(cell(64)) is None
    plan.learn(cell(64), 1.0, 2.0)
    assert plan.reason_to_skip(cell(1024)) is None
    assert plan.reason_to_skip(cell(16_384)) == "planned 256 s, more than 60 s"
    # another kind is not known by it, a larger company is
    assert plan.reason_to_skip(cell(16_384, GOODS)) is None
    assert plan.seconds(cell(64, size=53)) == pytest.approx(27.0)
    late = Plan(time.perf_counter() + 10.0, 2**40, plan.cost, plan.compiling)
    assert late.reason_to_skip(cell(1024)).startswith("planned 18 s, ")


def test_cells_above_memory_are_skipped_by_name_and_none_is_left_out() -> None:
    wanted = matrix.cells(DAYS, (1, 53), (64, 1024))
    assert {(c.kind, c.store_products, c.futures) for c in wanted} == {
        (kind, size, futures) for kind in (MONEY, GOODS, GRADIENT) for size in (1, 53) for futures in (64, 1024)
    }
    rows = list(matrix.rows(Plan(time.perf_counter() + 1e6, 0), wanted))
    assert [row.cell for row in rows] == wanted
    for row in rows:
        assert "GiB free" in row.skipped
        assert f"{row.cell.store_products:,} store-products, {row.cell.futures:,} futures" in row.as_json()["name"]


def made_up(seconds: float, turns: int = 5) -> np.ndarray:
    return np.full((turns, 2), seconds)


def test_every_promise_has_a_row_with_its_figure_and_a_missed_one_its_cause(tmp_path: Path) -> None:
    taken = {targets.day(mode, name): made_up(2.0) for name in ENGINES for mode in ("exact", "smooth")}
    taken |= {targets.POISSON: made_up(4.0), targets.HAND: made_up(1.0), targets.CEILING: made_up(0.6)}
    taken |= {targets.still(mode): made_up(1.0) for mode in ("exact", "smooth")}
    taken |= {targets.VALUE: made_up(1.0), targets.GRADIENT: made_up(4.0)}
    taken |= {targets.OURS: made_up(1.0), targets.OURS_GRADIENT: made_up(1.0)}
    machine, asked = Ceilings(5e8, 1e9), Counts(100.0, 1000.0)
    rows = [*targets.rows(taken, machine, asked, 1e5), *gpu.rows(tmp_path)]
    found = {row.name: row for row in rows}
    smooth, exact = (found[f"whole day, {mode}, xla / {targets.POISSON}"] for mode in ("smooth", "exact"))
    assert (smooth.ratio, smooth.met, exact.ratio, exact.met) == (2.0, False, 2.0, True)
    # 1e5 point-days in 2 s
    assert smooth.note == "1000 operations and 100 bytes a point-day: 5% of peak arithmetic, 1% of the memory triad"
    assert found["goods alone, no randomness, exact / Numba ceiling"].met is True
    assert found["value and gradient / forward"].met is False
    assert found["value and gradient / forward"].note
    assert found["the same with gradient"].note == "PyTorch is not installed (extra: peers)"
    assert [row.note for row in rows[-2:]] == [gpu.UNSEEN, gpu.UNSEEN]
    assert any(targets.HAND in name and "xla" in name for name in found)


def test_figures_of_a_gpu_stand_in_the_table_once_there_are_any(tmp_path: Path) -> None:
    best = {"kind": MONEY, "engine": "xla", "skipped": None, "point_days_per_second": 2e10, "name": "a cell"}
    record = {"machine": {"device": "H200", "date": "2026-01-05", "commit": "abc"}, "matrix": [best]}
    (tmp_path / "gpu-2026-01-05-abc.json").write_text(json.dumps(record))
    day, chip = gpu.rows(tmp_path)
    assert (day.ratio, day.met, chip.note) == (2.0, True, gpu.UNSEEN)
    assert "a cell" in day.note


def test_figures_of_an_engine_that_disagrees_do_not_count(tmp_path: Path) -> None:
    cell = {"kind": GOODS, "engine": "on-chip", "skipped": None, "point_days_per_second": 2e11, "name": "a cell"}
    record = {"machine": {"device": "H200", "date": "2026-01-05", "commit": "abc"}, "matrix": [cell]}
    for agrees in (True, False):
        (tmp_path / "gpu-2026-01-05-abc.json").write_text(json.dumps(record | {"on_chip_agrees": {GOODS: agrees}}))
        assert gpu.rows(tmp_path)[1].met is (True if agrees else None)


def test_luck_by_hand_is_the_luck_of_the_twin() -> None:
    m = model(SMALL, DAYS)
    p = plain(m).places
    key = luck.future_key(7, 5)
    demand, room, lead = np.zeros(p.mean.shape), np.zeros(2), np.zeros(len(p.lead_cdf), np.int64)
    with jax.enable_x64(True):
        params = jax.tree.map(lambda x: x[0], m.params)

        @jax.jit
        def drawn(today: jax.Array) -> tuple[jax.Array, jax.Array]:
            days = jax.tree.map(lambda x: jnp.asarray(x)[today], m.inputs["base"].days)
            numbers = effective(m.network, days, {}, np.zeros(1), EXACT)
            of_twin = threefry2x32((np.uint32(0), np.uint32(7)), (jnp.uint32(LUCK), jnp.uint32(5)))
            found = m.source(m.network, params, Today(days, numbers, None, EXACT), of_twin)
            return found.demand, found.lead_time

        for today in (0, 6, 7, 20):
            luck.draw_demand(p, key, today, demand, room)
            luck.draw_lead_times(p, key, today, lead)
            units, days_out = drawn(today)
            np.testing.assert_array_equal(units, demand)
            np.testing.assert_array_equal(days_out, lead)
            assert demand.sum() > 0


def test_goods_by_hand_without_luck_are_the_goods_of_the_twin() -> None:
    m = model(SMALL, DAYS)
    ours = goods.contender(SMALL, DAYS, "exact", goods.still)(2)
    theirs = goods_by_hand.futures(plain(m), 2, DAYS, 1, lucky=False)
    np.testing.assert_array_equal(ours, theirs)
    assert theirs[0, 0] > 0


def test_numpy_and_our_own_luck_give_one_fill_rate_and_the_books_balance() -> None:
    company_by_hand, futures = plain(model(SMALL, DAYS)), 24
    ours = by_hand.futures(company_by_hand, futures, DAYS, 1)
    theirs = goods_by_hand.futures(company_by_hand, futures, DAYS, 1, lucky=True)
    assert not ours.balances.sum(axis=2).any()
    pairs = (
        (ours.demand.sum(axis=(1, 2)), theirs[:, 0]),
        (ours.on_hand.sum(axis=(1, 2)) / DAYS, theirs[:, 2] / DAYS),
    )
    for one, other in pairs:
        error = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / futures)
        assert abs(one.mean() - other.mean()) < 4.0 * error
    fill = ours.met.sum() / ours.demand.sum(), theirs[:, 1].sum() / theirs[:, 0].sum()
    assert 0.9 < fill[0] <= fill[1] + 0.02


def test_base_stock_peers_hold_what_the_closed_form_says() -> None:
    expected = base_stock.expected_on_hand()
    play, slope = base_stock.ours(batch=512, periods=60)
    paid, held = play()
    assert held == pytest.approx(expected, abs=0.15)
    # below the level of least cost (Poisson quantile 0.9 of 25 is 32) more stock is cheaper
    assert slope() < 0
    pytest.importorskip("gymnasium")
    from bench.peers import gym_inventory

    assert gym_inventory.play(8000) == pytest.approx(expected, abs=0.6)
    pytest.importorskip("stockpyl")
    from bench.peers import stockpyl_sim

    assert stockpyl_sim.play(300) == pytest.approx(expected, abs=2.5)
    pytest.importorskip("torch")
    from bench.peers import pytorch

    theirs, their_slope = pytorch.theirs(batch=512, periods=60)
    assert theirs() == pytest.approx((paid, held), rel=1e-5)
    assert their_slope() == pytest.approx(slope(), rel=1e-4)


BALANCES = Record(
    lambda state, flows: flows.balances,
    lambda state, flows: {"demand": flows.demand, "met": flows.met, "on_hand": state.goods.on_hand},
    nothing,
)


@pytest.mark.slow
@pytest.mark.parametrize(("cash", "line", "defaults"), [(40.0, 30.0, False), (1.0, 2.0, False), (0.0, 0.5, True)])
def test_the_day_by_hand_is_the_day_of_the_twin_to_the_cent(cash: float, line: float, defaults: bool) -> None:
    """Every account on every day: with money to spare, on the line of credit, and with unpaid bills into default."""
    found = company(Size(4, 2, 5), 364, cash, line)
    # without grace the first unpaid bill is default
    found = replace(found, settings=found.settings.model_copy(update={"grace_days": 0}))
    m, draws = assemble(found), np.arange(4, dtype=np.uint32)
    run = simulate(
        m.network, replenish, m.policy, m.source, m.params, m.inputs["base"], m.opening, draws, record=BALANCES
    )
    hand = by_hand.futures(plain(m), 4, 364, 1)
    assert run.closing.ledger.default.any() == defaults
    np.testing.assert_array_equal(run.series, hand.balances)
    for name in ("demand", "met", "on_hand"):
        np.testing.assert_array_equal(run.totals[name], getattr(hand, name))
    assert not run.residuals.any()


TINY = """
import json, jax
from bench.__main__ import Scale, everything
from bench.company import Size
jax.config.update("jax_disable_most_optimizations", True)
axes = {"futures": (4,), "products": (), "nodes": (), "days": ()}
found, points = everything(Scale(Size(1, 1, 1), 14, 4, 2, (1,), (4,), axes, 1e5, 1e5, 1e5, 1e5))
print("FOUND" + json.dumps(found))
"""


@pytest.mark.slow
def test_a_tiny_run_produces_every_row() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TINY],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.split("FOUND")[-1])
    assert all(found["agreement"]["same"].values())
    assert len(found["targets"]) == 4 * len(ENGINES) + 7
    assert [row["skipped"] for row in found["matrix"]] == [None] * (2 * len(ENGINES) + 1)
    assert len(found["beside"]) == 4
