"""Reference cases of money (LEDGER.md 7: R14 to R18, R20, R22), each by the whole day.

All cases share one padded shape, so the exact day compiles once and the smooth day once, the latter with its
tangent. Expected digits come from tests/reference/finance_cases.json, where each was computed a second way.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kernels.ratio import SMOOTH
from tests.twin import adapter
from tests.twin.money_cases import CASES, built, eligible_receivables, late_law, r14, r20, room
from twin import exogenous, measures
from twin.assembly import Model
from twin.engines import fastest
from twin.ledger import ACCOUNT, ROW
from twin.policies import replenish
from twin.record import COMPANY, Record, nothing
from twin.simulate import Run, play, simulate
from twin.state import Flows, State, changed

# -------------------- running them


def _daily(state: State, flows: Flows) -> dict[str, Any]:
    return {"balances": flows.balances, "amounts": flows.amounts, "receivables": state.dues.receivables}


EVERY_DAY = Record(_daily, nothing, nothing)


@jax.jit
def _smooth(model: tuple, direction: jax.Array) -> tuple[Any, Any]:
    """Series by day in smooth mode and their derivative along (opening cash, selling price, revolver rate)."""
    network, levels, params, inputs, first = model
    zero = jnp.uint32(0)

    def run(change: jax.Array) -> Any:
        cash = jnp.zeros_like(first.ledger.balances).at[ACCOUNT[1000]].set(1.0).at[ACCOUNT[3000]].set(-1.0)
        book = changed(first.ledger, balances=first.ledger.balances + cash * change[0])
        days = changed(inputs.days, price=inputs.days.price + change[1])
        dearer = changed(network, rate=network.rate + jnp.array([1.0, 0.0]) * change[2])
        _, series, *_ = play(
            dearer,
            replenish,
            levels,
            exogenous.replay,
            params,
            changed(inputs, days=days),
            changed(first, ledger=book),
            zero,
            (zero, zero),
            arithmetic=SMOOTH,
            record=EVERY_DAY,
        )
        return series

    return jax.jvp(run, (jnp.zeros(3),), (direction,))


def smooth(model: Model, direction: tuple[float, float, float]) -> tuple[Any, Any]:
    """The case in smooth mode: (series, its derivative along direction)."""
    params = jax.tree.map(lambda x: x[0], model.params)
    inputs = changed(model.inputs["base"], shocks={})
    arrays = (model.network, model.policy, params, inputs, model.opening)
    return jax.tree.map(np.asarray, _smooth(arrays, jnp.array(direction)))


def with_network(model: Model, **fields: np.ndarray) -> Model:
    """The model with other numbers in its network."""
    return dataclasses.replace(model, network=changed(model.network, **fields))


def account(series: Any, code: int) -> np.ndarray:
    """Balance of an account by day, currency units."""
    return series["balances"][:, ACCOUNT[code]] / 100


def exact(model: Model, draws: int = 8) -> Run:
    return simulate(
        model.network,
        replenish,
        model.policy,
        exogenous.replay,
        model.params,
        model.inputs["base"],
        model.opening,
        np.arange(draws),
        record=COMPANY,
        engine=fastest,
    )


# -------------------- what they must show


def test_r14_steady_state_to_the_cent() -> None:
    """Deterministic flow: every stock of goods and money, and the ratios over the days that stand still."""
    expected = CASES["R14"]["expected"]
    run = exact(adapter.model(r14(), room()))
    assert not run.residuals.any()
    s = {name: series[:, 30:] for name, series in run.series.items()}
    for name, value in [
        ("inventory", expected["inventory_on_hand"] + expected["goods_in_transit"]),
        ("payables", expected["AP"]),
        ("receivables", expected["AR"]),
        ("overdue", 0.0),
    ]:
        assert (s[name] == 100 * value).all(), name
    assert (np.diff(s["cash"]) == 100 * expected["cash_per_day"]).all()
    assert (run.closing.goods.on_hand[:, 0] == [300, 0]).all()
    assert (run.closing.ledger.balances[:, ACCOUNT[1220]] == 100 * expected["goods_in_transit"]).all()
    assert (run.closing.ledger.balances[:, ACCOUNT[1210]] == 100 * expected["inventory_on_hand"]).all()
    dio = measures.days_inventory(s["inventory"], -s["cost_of_sales"])
    dso = measures.days_sales(s["receivables"], s["gross_sales"])
    dpo = measures.days_payables(s["payables"], s["purchases"])
    assert (dio == expected["DIO_total"]).all()
    assert (dso == expected["DSO"]).all()
    assert (dpo == expected["DPO"]).all()
    assert (measures.cash_conversion_cycle(dio, dso, dpo) == expected["CCC"]).all()
    assert (measures.turns(dio) == expected["turns_365"]).all()
    margin = (s["revenue"] + s["cost_of_sales"]).mean(-1)
    np.testing.assert_allclose(365 * margin / s["inventory"].mean(-1), expected["GMROI_365"], rtol=1e-15)
    assert (margin / s["revenue"].mean(-1) == expected["gross_margin"]).all()


def test_i26_without_variance_all_futures_are_the_plan() -> None:
    """I-26: a replayed plan gives the same bits in every future, and a shortfall is certain or impossible."""
    run = exact(adapter.model(r14(), room()))
    for leaf in jax.tree.leaves((run.series, run.totals, run.closing)):
        assert (leaf == leaf[:1]).all()
    cash = run.series["cash"]
    for limit in (0.0, cash.min(), cash.min() + 1.0, np.median(cash[0]), cash.max() + 1.0):
        assert measures.shortfall(cash - limit).mean() in (0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("R15 daily", "daily_capitalised"),
        ("R15 never", "simple_accrual_balance"),
        ("R15 every 30 days", "monthly30_capitalised"),
    ],
)
def test_r15_revolver(name: str, key: str) -> None:
    expected = CASES["R15"]["expected"]
    series, tangent = smooth(built(name), (0.0, 0.0, 1.0))
    assert -account(series, 2400)[119] == pytest.approx(expected[key], rel=1e-9)
    assert account(series, 1000)[119] == pytest.approx(0.0, abs=1e-6)
    accrued = -account(series, 2300)[119]
    assert accrued == pytest.approx(
        expected["simple_accrued_interest"] if name == "R15 never" else 0.0, rel=1e-9, abs=1e-6
    )
    if name == "R15 daily":
        # d/dx of 10,000 ((1 + x)^120 - 1) / x with x = rate / 360; the direction is 1 ppm of rate
        x, n = 0.09 / 360, 120
        slope = 10_000 * (n * (1 + x) ** (n - 1) / x - ((1 + x) ** n - 1) / x**2) / 360e6
        assert -account(tangent, 2400)[119] == pytest.approx(slope, rel=1e-9)


def test_r17_late_payers() -> None:
    """The ring of receivables by age; what one day's sales leave unpaid is the ageing of the steady state."""
    expected = CASES["R17"]["expected"]
    shares = np.concatenate([[0.55], 0.44 * late_law(), [0.01]])

    def with_shares(name: str) -> Model:
        model = built(name)
        table = np.array(model.network.leg_share)
        table[model.structure.channels.index("trade"), : len(shares)] = 1e6 * shares
        return with_network(model, leg_share=table)

    series, tangent = smooth(with_shares("R17"), (0.0, 1.0, 0.0))
    due = account(series, 1110)[-1]
    assert due == pytest.approx(expected["AR_balance"], rel=1e-9)
    assert series["receivables"][-1].sum() / 100 < due, "the bad leg stands apart until it is written off"
    assert due / 1000 == pytest.approx(expected["DSO"], rel=1e-9)
    paid = shares[:-1] @ (30 + np.arange(91)) / shares[:-1].sum()
    assert paid == pytest.approx(expected["mean_days_to_pay_of_paid"], rel=1e-12), "the law of the case"
    written_off = series["amounts"][-1, ROW["write-off of business receivables"]] / 100
    assert written_off == pytest.approx(expected["daily_bad_debt"], rel=1e-9)
    # linear in the price: 1/10,000 more on a price of 10
    assert account(tangent, 1110)[-1] == pytest.approx(expected["AR_balance"] / 100_000, rel=1e-9)

    one_day = account(smooth(with_shares("R17 one day"), (0.0, 0.0, 0.0))[0], 1110)
    assert one_day.sum() == pytest.approx(expected["AR_balance"], rel=1e-9)
    assert one_day[30:].sum() / one_day.sum() == pytest.approx(expected["share_past_due"], rel=1e-9)
    assert one_day[90:].sum() / one_day.sum() == pytest.approx(expected["share_60plus_past_due"], rel=1e-9)


def test_r18_moving_average() -> None:
    expected = CASES["R18"]["expected"]
    model = built("R18")
    share = np.array(model.network.return_share)
    share[0] = 1e6 / 12  # 10 of 120
    series, _ = smooth(with_network(model, return_share=share), (0.0, 0.0, 0.0))
    amounts = series["amounts"] / 100
    cost = amounts[:, ROW["cost of sales, store"]] - amounts[:, ROW["returned goods, store"]]
    np.testing.assert_allclose(cost[[2, 4, 5, 6]], expected["MA_cogs"], rtol=1e-9)
    assert cost[:7].sum() == pytest.approx(expected["MA_total_cogs"], rel=1e-9)
    assert account(series, 1210)[6] == pytest.approx(expected["MA_inventory"], rel=1e-9)
    assert -account(series, 1290)[6] == pytest.approx(expected["MA_writedown"], rel=1e-9)
    assert account(series, 5010)[6] == pytest.approx(expected["MA_writedown"], rel=1e-9)
    assert cost[:7].sum() + account(series, 1210)[6] == pytest.approx(expected["bought_value"], rel=1e-9)


def test_r20_borrowing_base() -> None:
    """Base and undrawn line to the cent: at the opening, and by a certificate of day 0."""
    expected = CASES["R20"]["expected"]
    assert eligible_receivables() == 100 * expected["eligible_AR"]
    model = adapter.model(r20(), room())
    assert float(model.opening.ledger.base) == 100 * expected["base"]
    run = exact(model)
    assert (run.closing.ledger.base == 100 * expected["base"]).all()
    assert (run.series["limit"][:, 0] == 100 * expected["commitment_2M_available"]).all()
    undrawn = run.series["headroom"] - run.series["cash"]
    assert (undrawn[:, 0] == 100 * expected["excess_if_drawn_1p5M"]).all()


@pytest.mark.parametrize(
    ("cap", "cash", "slope"),
    [("no cap", 4629.6296296296305, (10 / 6) ** 4), ("250", 11000 / 3, (10 / 6) ** 2), ("50", 1400.0, 1.0)],
)
def test_r22_growth_under_a_binding_gate(cap: str, cash: float, slope: float) -> None:
    """Cash after four cycles and its pathwise gradient: (p/c)^4 while the gate binds, 1 once it has stopped.

    LEDGER.md 7, R22, closed form: each cycle multiplies cash by p/c until the cap of the order binds.
    """
    series, tangent = smooth(built(f"R22 {cap}"), (100.0, 0.0, 0.0))
    assert account(series, 1000)[27] == pytest.approx(cash, rel=1e-9)
    assert account(tangent, 1000)[27] == pytest.approx(slope, rel=1e-9)
    if cap == "no cap":
        assert cash == CASES["R22"]["expected"]["cash_after_4_cycles"]
        assert slope == pytest.approx(CASES["R22"]["expected"]["dcash4_dcash0"], rel=1e-12)


def test_r16_liquidity_shortfall() -> None:
    """The measures on given cash paths: 500 + a random walk N(2, 60) a day, 90 days, judged at the daily
    close.
    """
    p, expected = CASES["R16"]["params"], CASES["R16"]["expected"]
    rng = np.random.default_rng(16)
    runs, size = 8, 100_000
    short, ends, safer, final = [], [], [], []
    for _ in range(runs):
        moves = rng.normal(p["mu"], p["sigma"], (size, p["T"]))
        walk = np.cumsum(moves, axis=1, out=moves)
        short.append(measures.shortfall(walk + p["cash0"]).mean())
        safer.append(measures.shortfall(walk + expected["cash0_for_P_5pct"]).mean())
        ends.append((walk[:, -1] + p["cash0"] < 0).mean())
        final.append(walk[:, -1].copy())
    n = runs * size
    for found, value in [
        (short, expected["P_discrete_exact"]),
        (ends, expected["P_terminal_below_0"]),
        (safer, 0.05),
    ]:
        error = np.sqrt(value * (1 - value) / n)
        print(f"R16 {value:.6f}: found {np.mean(found):.6f}, z {(np.mean(found) - value) / error:.2f}")
        assert error <= 0.005 * value
        assert abs(np.mean(found) - value) <= 4 * error
    # cash at risk from 0 at 95 %: the standard error of a quantile is sqrt(q (1 - q) / n) / density
    at_risk = measures.cash_at_risk(np.concatenate(final), 0.0, 0.95)
    value, deviation = expected["terminal_CaR95"], p["sigma"] * np.sqrt(p["T"])
    error = np.sqrt(0.05 * 0.95 / n) * deviation / stats.norm.pdf(stats.norm.ppf(0.95))
    assert error <= 0.005 * value
    assert abs(at_risk - value) <= 4 * error
