"""Goods on the way at the opening arrive by what is left of their lane's law, in every engine and mode alike."""

import dataclasses
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from calibration.backtest.reality import between
from kernels import native as generator
from kernels import quantiles
from kernels.bits import seed_words, threefry2x32
from kernels.native import chip
from kernels.ratio import SMOOTH
from tests.conftest import strict
from tests.twin import ports, small_shop
from tests.twin.test_random_numbers import by_definition
from twin import exogenous, underway
from twin.assembly import Model, assemble
from twin.engines import differentiable, fastest, native, xla
from twin.exogenous import Luck, replay
from twin.policies import replenish
from twin.record import Record, nothing
from twin.simulate import Run, play, simulate
from twin.state import changed
from twin.tables import rows
from twin.tables.check import check

FUTURES, SEED = 8000, 7  # the seed of test_random_numbers


def _series(state: Any, flows: Any) -> dict[str, Any]:
    g = state.goods
    return {"received": flows.received, "demand": flows.demand, "on_hand": g.on_hand, "in_transit": g.in_transit,
            "latest": g.latest_arrival, "cash": flows.balances[0]}  # fmt: skip


RECORD = Record(_series, nothing, nothing)


def run(model: Model, futures: int = FUTURES, scenario: str = "base", **changes: Any) -> Run:
    given = {"params": model.params, "inputs": model.inputs[scenario], "opening": model.opening, "source": model.source}
    given |= {"engine": fastest, "policy_params": model.policy} | changes
    with strict():
        return simulate(model.network, replenish, draws=np.arange(futures), seed=SEED, record=RECORD, **given)


@cache
def shop() -> Model:
    return ports.model()


@cache
def played() -> Run:
    return run(shop())


def came(played: Run, port: str, order: int, product: int = 0) -> np.ndarray:
    """(future,) day on which a port's order arrived; its units tell it from others. Orders may arrive together."""
    s = shop().structure
    units = played.series["received"][:, :, s.lane[port, "shop"], s.product[f"{port}{product}"]]
    sizes = [ports.UNITS + i for i in range(len(ports.PORTS[port].left))]
    others = [n for i, n in enumerate(sizes) if i != order]
    with_it = {sizes[order], *(sizes[order] + n for n in others), sum(sizes)}
    here = np.isin(units, sorted(with_it - set(others)))
    assert (here.sum(axis=1) == 1).all(), "every order arrives once"
    return here.argmax(axis=1)


def conditional(port: str, order: int) -> np.ndarray:
    """P(arrival on day 0, 1, ..) in closed form: the law on whole days, left truncated at the order's age."""
    lane, left = ports.PORTS[port].lane, ports.PORTS[port].left[order][0]
    assert left is not None
    mean, deviation = float(lane["lead_time"]), float(lane["lead_time_deviation"])
    law = stats.gamma((mean / deviation) ** 2, scale=deviation**2 / mean)
    lead = np.arange(-1 - left, lane["lead_time_max"] + 1)  # from the age on
    beyond = law.sf(lead + 0.5)
    beyond[lead == lane["lead_time_max"]] = 0.0
    beyond[lead == 0] = 1.0
    return -np.diff(beyond) / beyond[0]


def fits(days: np.ndarray, law: np.ndarray) -> float:
    """p value of Pearson's chi-square of days against P(0), P(1), ..; rare days together, at least 10 expected."""
    seen = np.bincount(days, minlength=len(law)).astype(float)
    assert len(seen) == len(law), "no day beyond the law"
    expected = law * len(days)
    order = np.argsort(-expected)
    seen, expected = seen[order], expected[order]
    some = max(int((expected >= 10).sum()) - 1, 1)
    seen, expected = (np.append(x[:some], x[some:].sum()) for x in (seen, expected))
    return float(stats.chisquare(seen, expected).pvalue)


# -------------------- the law


def test_a_law_beyond_an_age_is_its_tail_and_nothing_else() -> None:
    """Against the smallest k by definition, on a grid of uniforms; at age 0 it is the law, bit for bit."""
    rng = np.random.default_rng(1)
    cdf = np.cumsum(rng.dirichlet(np.ones(12)))
    cdf[7:] = cdf[-1] = 1.0
    cdf[3] = cdf[2]
    u = (np.arange(999) + 0.5) / 999
    for age in range(14):
        law = np.broadcast_to(cdf, (len(u), 12))
        found = np.asarray(quantiles.exceeding(jnp.asarray(u), jnp.asarray(law), jnp.full(len(u), float(age))))
        before = cdf[min(age, 12) - 1] if age else 0.0
        if before == 1:
            assert (found == age + 1).all()
            continue
        tail = (cdf - before) / (1 - before)
        # a whole day either side of a step of the distribution function is rounding
        assert (np.interp(found, np.arange(1, 13), tail) >= u - 1e-12).all()
        assert (np.where(found > 1, tail[found.astype(int) - 2], 0.0) <= u + 1e-12).all()
        assert (found > age).all()
        if age == 0:
            assert (found == np.asarray(quantiles.tabulated(jnp.asarray(u), jnp.asarray(law)))).all()


@pytest.mark.parametrize(("port", "order"), [("cross", 0), ("cross", 1), ("queue", 0)])
def test_arrivals_follow_the_law_given_their_age(port: str, order: int) -> None:
    days, law = came(played(), port, order), conditional(port, order)
    assert fits(days, law) > 1e-3
    # the test would see a lead time drawn anew, and one that is a day off
    assert fits(days, np.append(conditional(port, order)[1:], 0.0) / (1 - law[0])) < 1e-9
    if order == 0:
        anew = conditional("cross", 1) if port == "cross" else np.resize(conditional("cross", 1), len(law))
        padded = np.zeros(max(len(law), len(anew)))
        padded[: len(anew)] = anew
        assert fits(days, padded / padded.sum()) < 1e-9


def test_a_law_without_memory_has_none() -> None:
    """A toss of a coin a day: five days without success change nothing about the sixth."""
    days = came(played(), "coin", 0)
    left = 0.5 ** np.arange(1, 16)
    left[-1] *= 2  # the law ends at 20 days
    assert fits(days, left) > 1e-3


def test_what_leaves_together_arrives_together_and_others_have_their_own_luck() -> None:
    first, second = came(played(), "cross", 0), came(played(), "cross", 1)
    for order, days in enumerate((first, second)):
        assert (days == came(played(), "cross", order, product=1)).all()
    assert (first > second).any() and (first < second).any(), "they may cross"
    others = [second, came(played(), "queue", 0), came(played(), "coin", 0)]
    for other in others:
        assert abs(stats.spearmanr(first, other).statistic) * np.sqrt(FUTURES) < 4.5


def test_a_queue_is_what_a_lane_without_crossing_leaves_behind() -> None:
    """Against lanes played from long before the start, of which those are kept that look like ours on day 0.

    All lead times are drawn anew there and nothing is conditioned but by throwing away; had each order of the queue its
    own age, as if it might have passed the one before it, the days between them would be others.
    """
    dispatched, rng = np.array([-14, -11, -9, -8, -7]), np.random.default_rng(2)
    own = np.rint(rng.gamma(10.24, 0.78125, (2_000_000, 5)))
    arrival = np.maximum.accumulate(dispatched + np.clip(own, 1, 20), axis=1)
    kept = arrival[(arrival[:, 1] < 0) & (arrival[:, 2] >= 0)][:, 2:].astype(int)
    assert len(kept) > 50_000
    ours = np.stack([came(played(), "queue", i) for i in range(3)], axis=1)
    assert (np.diff(ours, axis=1) >= 0).all()
    wrong = dispatched[2:] + np.clip(own[:, 2:], 1, 20)
    wrong = np.maximum.accumulate(wrong[(wrong >= 0).all(axis=1)], axis=1).astype(int)
    for measure in (lambda x: x[:, 1], lambda x: x[:, 2], lambda x: x[:, 2] - x[:, 0]):
        assert same_law(measure(ours), measure(kept)) > 1e-3
    assert same_law(ours[:, 1] - ours[:, 0], wrong[:, 1] - wrong[:, 0]) < 1e-9


def same_law(a: np.ndarray, b: np.ndarray) -> float:
    """p value of the chi-square of two samples of whole numbers; the rare ones together."""
    most = max(a.max(), b.max()) + 1
    table = np.stack([np.bincount(x, minlength=most) for x in (a, b)])
    table = table[:, np.argsort(-table.sum(axis=0))]
    some = int((table[0] >= 10).sum())
    return float(stats.chi2_contingency(np.column_stack([table[:, :some], table[:, some:].sum(axis=1)])).pvalue)


def test_what_is_certain_dated_or_overdue_has_one_day() -> None:
    assert (came(played(), "certain", 0) == 3).all(), "a lane of one lead time keeps the plan's day"
    assert (came(played(), "dated", 0) == 5).all(), "without a day of dispatch the table's day stands"
    assert (came(played(), "overdue", 0) == 0).all(), "nothing is left of its law: the first day"


def test_units_are_conserved() -> None:
    assert not played().residuals.any()
    total = played().series["received"].sum(axis=1)
    assert (total == shop().opening.goods.in_transit).all()
    assert not played().series["in_transit"][:, -1].any()


# -------------------- the luck


def test_the_number_is_what_the_design_says() -> None:
    """u from its definition, its lead time from the table, for both orders of a lane in some futures."""
    model, found = shop(), played()
    cdf = np.asarray(model.params.lead_cdf)[0, model.structure.lane["cross", "shop"]]
    for order, left in ((0, -9), (1, -2)):
        age = -1 - left
        for future in range(5):
            key = exogenous.LUCK, future, left % 2**32, exogenous.RESIDUAL
            u = by_definition(*key, "cross>shop")
            lead = age + 1 + int(((cdf[age:] - cdf[age - 1]) / (1 - cdf[age - 1]) < u).sum())
            assert came(found, "cross", order)[future] == left + lead


def test_policies_and_scenarios_meet_the_same_arrivals_and_nothing_else_changes_its_luck() -> None:
    """A lead-time shock hits what leaves while it lasts; other orders and other dates leave demand as it was."""
    model = shop()
    late = run(model, 500, "late")
    more = run(model, 500, policy_params=changed(model.policy, order_up_to=model.policy.order_up_to + 3.0,
                                                 reorder_point=model.policy.reorder_point + 3.0))  # fmt: skip
    plain = run(assemble(ports.undated(ports.company()), room=model.network.sizes), 500)
    for other in (late, more, plain):
        assert (other.series["demand"] == played().series["demand"][:500]).all()
    assert (late.series["received"] == played().series["received"][:500]).all()
    assert (more.series["received"] >= played().series["received"][:500]).all()
    assert (more.series["received"] != played().series["received"][:500]).any()
    planned = [(name, i, to) for name, port in ports.PORTS.items() for i, (_, to) in enumerate(port.left)]
    assert all((came(plain, name, i) == to).all() for name, i, to in planned)


def test_the_order_of_rows_does_not_matter() -> None:
    turned = run(ports.model(small_shop.reversed_rows(ports.company())), 500)
    for name, x in turned.series.items():
        assert (x == played().series[name][:500]).all(), name


def test_posterior_draws_reach_the_orders() -> None:
    """Two draws whose laws have nothing in common: future d arrives by draw d // 2, whatever the tables say."""
    model = shop()
    lane, width = model.structure.lane["cross", "shop"], model.params.lead_cdf.shape[-1]
    cdf = np.repeat(np.asarray(model.params.lead_cdf), 2, axis=0)
    for draw, first in enumerate((11, 18)):
        cdf[draw, lane] = np.where(np.arange(1, width + 1) < first, 0.0, 0.5)
        cdf[draw, lane, first:] = 1.0  # this day or the next
    params = jax.tree.map(lambda x: np.repeat(np.asarray(x), 2, axis=0), model.params)
    days = came(run(model, 4, params=changed(params, lead_cdf=cdf)), "cross", 0)
    assert set(days[:2]) <= {2, 3}
    assert set(days[2:]) <= {9, 10}


def test_a_replayed_history_keeps_the_plan() -> None:
    model = shop()
    lanes, shape = len(model.structure.lanes), (ports.DAYS, 1, model.network.sizes.products)
    none = np.zeros(shape)
    past = Luck(demand=none, lead_time=np.ones((ports.DAYS, lanes)), capped=np.zeros((ports.DAYS, lanes)),
                return_w=none, shrink_w=none)  # fmt: skip
    found = run(model, 4, inputs=changed(model.inputs["base"], replay=past), source=replay)
    assert (came(found, "cross", 0) == 1).all()
    assert (came(found, "queue", 2) == 3).all()


def test_a_run_that_begins_later_does_not_draw_again() -> None:
    """Two halves, the second from the state of the first, are one run, bit for bit."""
    model = shop()
    base, parts = model.inputs["base"], []
    opening = model.opening
    for first, days in ((0, 7), (7, 28)):
        part = run(model, 1, inputs=between(base, first, days), opening=opening)
        opening = jax.tree.map(lambda x: x[0], part.closing)
        parts.append(part)
    for name, whole in played().series.items():
        assert (np.concatenate([part.series[name][0] for part in parts]) == whole[0]).all(), name
    assert not parts[1].residuals.any()


# -------------------- engines


@pytest.mark.skipif(generator.find_compiler() is None, reason="no C++ compiler here")
def test_engines_agree_bit_for_bit() -> None:
    def threads(future: Any, shared: Any, opening: Any, each: Any) -> Any:
        """A block of a GPU's threads, on this processor."""
        programme = generator.compiled(future, (shared, opening), each, partial(chip.OnChip, 3))
        return lambda shared, opening, each: jax.tree.map(np.asarray, programme((shared, opening), each))

    by_xla = run(shop(), 256, engine=xla)
    for engine, futures in ((native, 256), (threads, 16)):
        found = run(shop(), futures, engine=engine)
        for x, y in zip(
            jax.tree.leaves((found.series, found.closing, found.residuals)),
            jax.tree.leaves((by_xla.series, by_xla.closing, by_xla.residuals)),
            strict=True,
        ):
            assert (x == y[:futures]).all(), engine


def test_a_future_is_that_of_a_company_which_gave_its_days() -> None:
    """A company with every feature, dispatch days and lanes with and without crossing: each future is, to the bit, what
    it is where the table gives the arrival days that were drawn; so stock, bills, title and later shipments are too."""
    given = small_shop.company(rich=True)
    orders = (
        ("far", "dc", "rice", -4, 1), ("far", "dc", "soap", -4, 1), ("far", "dc", "soap", -2, 2),
        ("near", "dc", "milk", -3, 1), ("near", "dc", "milk", -1, 2), ("dc", "a", "milk", -1, 0),
        ("near", "c", "soap", -1, 1),
    )  # fmt: skip

    def with_days(days: list[int], dispatched: bool) -> Model:
        moving = [
            rows.OpenOrder(source=source, node=node, product=product, units=12 + 3 * i, arrives=ports.day(at),
                           **({"dispatched": ports.day(left)} if dispatched else {}))
            for i, ((source, node, product, left, _), at) in enumerate(zip(orders, days, strict=True))
        ]  # fmt: skip
        return dataclasses.replace(given, orders=tuple(moving))

    company = with_days([planned for *_, planned in orders], True)
    assert not check(company)
    drawn = assemble(company, small_shop.scenarios(True))
    futures = run(drawn, 6, "ab")
    s, seen = drawn.structure, set()
    known = zip(drawn.underway.lane, drawn.underway.dispatched, strict=True)
    rows_of = {at: i for i, at in reversed(list(enumerate(known)))}  # padding comes last
    for future, arrives in enumerate(arrivals(drawn, 4)):
        days = [int(arrives[rows_of[s.lane[a, b], left]]) for a, b, _, left, _ in orders]
        seen.add(tuple(days))
        fixed = assemble(with_days(days, False), small_shop.scenarios(True), room=drawn.network.sizes)
        alone = run(fixed, 4, "ab")
        for name, x in alone.series.items():
            assert (x[future] == futures.series[name][future]).all(), (future, name)
        for x, y in zip(jax.tree.leaves(alone.closing), jax.tree.leaves(futures.closing), strict=True):
            assert (x[future] == y[future]).all()
    assert len(seen) > 1
    assert not futures.residuals.any()


def arrivals(model: Model, futures: int) -> np.ndarray:
    """(future, shipment) days as drawn."""
    params = jax.tree.map(lambda x: jnp.asarray(x[0]), model.params)
    network, moving = jax.tree.map(jnp.asarray, (model.network, model.underway))

    def one(draw: jax.Array) -> jax.Array:
        key = threefry2x32(seed_words(SEED), (jnp.uint32(exogenous.LUCK), draw))
        return underway.arrivals(network, params, moving, key)

    return np.asarray(jax.vmap(one)(jnp.arange(futures, dtype=jnp.uint32)))


def test_gradients_pass_by_the_days() -> None:
    """Smooth mode, through the loop that derivatives take: slopes of closing stock and cash in opening stock are their
    differences, in futures whose goods arrive on different days."""
    model = shop()
    network, inputs, opening, policy = jax.tree.map(
        jnp.asarray, (model.network, model.inputs["base"], model.opening, model.policy)
    )
    params = jax.tree.map(lambda x: jnp.asarray(x[0]), model.params)

    def value(on_hand: jax.Array, draw: jax.Array) -> jax.Array:
        first = changed(opening, goods=changed(opening.goods, on_hand=on_hand))
        closing, series, _, _, _ = play(
            network, replenish, policy, model.source, params, inputs, first, draw, seed_words(SEED),
            arithmetic=SMOOTH, record=RECORD, loop=differentiable,
        )  # fmt: skip
        return jnp.sum(closing.goods.on_hand) + closing.ledger.balances[0] + jnp.sum(series["on_hand"])

    each = jax.jit(jax.vmap(jax.value_and_grad(value), in_axes=(None, 0)))
    draws = jnp.arange(8, dtype=jnp.uint32)
    rng = np.random.default_rng(3)
    # fractions of units keep clear of the kinks
    start, way = (jnp.asarray(rng.random(opening.goods.on_hand.shape)) for _ in range(2))
    values, slopes = each(2.0 + start, draws)
    step = 1e-4
    above, below = (each(2.0 + start + sign * step * way, draws)[0] for sign in (1, -1))
    np.testing.assert_allclose(jnp.sum(slopes * way[None], axis=(1, 2)), (above - below) / (2 * step), rtol=1e-6)
    assert len(np.unique(values)) == len(draws)
