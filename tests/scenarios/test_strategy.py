"""Survival, reverse stress, designs and actions on one small company and one compiled programme.

Demand is the mean exactly unless said, so that what is expected can be worked out by hand.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from scenarios import actions, axes, designs, lines, points, reverse, search, survival
from scenarios.statistics import Estimate, TooFew
from tests.conftest import strict
from tests.scenarios import strategy_shop as shop
from twin import engines
from twin.assembly import scenario_inputs
from twin.state import changed


@pytest.fixture(scope="module", autouse=True)
def careful() -> Iterator[None]:
    with strict():
        yield


@pytest.fixture(scope="module")
def model():
    with strict():
        return replace(shop.model(cash=2000, line=4000, wages=1200), source=shop.mean_demand)


@pytest.fixture(scope="module")
def losing():
    """The same company with wages above its margin, so that liquidity is lowest at the end."""
    with strict():
        return replace(shop.model(cash=3000, line=4000, wages=1550), source=shop.mean_demand)


@pytest.fixture(scope="module")
def world(model):
    return points.shared(model, "axes")


@pytest.fixture(scope="module")
def space(model):
    return axes.space(shop.AXES, shop.TOGETHER, model.network.sizes.severities, {}, {})


# -------------------- points


def test_a_point_is_the_scenario_as_written(model, world, space):
    """Severity 1 on one axis equals that scenario compiled alone; severity 0 is the base, bit for bit (I-27)."""
    ids = np.zeros(1, np.uint32)
    z = np.concatenate([np.zeros((1, 5)), np.eye(5) / space.sigma])
    found = points.outcomes(world, model.source, space.points(model, world.inputs.shocks, z, ids))
    for i, name in enumerate(("base", *shop.AXES)):
        alone = points.shared(model, name)
        once = points.outcomes(alone, model.source, points.plain(alone, ids))
        for figure in ("liquidity", "cash", "slack", "unmet_by_day", "closing_stock", "profit"):
            assert np.array_equal(getattr(found, figure)[i], getattr(once, figure)[0]), (name, figure)


def test_numbers_never_recompile(model, world, space):
    points.outcomes(world, model.source, points.plain(world, np.arange(3)))
    before = len(engines.programmes)
    z = np.random.default_rng(0).random((40, 5))
    points.outcomes(world, model.source, space.points(model, world.inputs.shocks, z, np.arange(2, dtype=np.uint32)))
    points.outcomes(points.shared(model, survival.SCENARIO), model.source, points.plain(world, np.arange(3)))
    assert len(engines.programmes) == before


SOONER = shop.shock("sooner", "terms", days=1, net_days=10, shape="regime", supplier="hills")
AGREED = {"hills": 20, "port": 10}


def test_terms_are_an_axis_of_whole_days(losing):
    """Tea is bought at 8 x 10 a day: each day that hills is paid sooner is 80 less at the lowest, which is the last.

    Severity 0 is the base and 1 the scenario, bit for bit; halved terms cannot be cut more than twice over.
    """
    world = points.shared(losing, "axes")
    one = axes.space({"sooner": [SOONER]}, [*shop.TOGETHER, SOONER], losing.network.sizes.severities, {}, AGREED)
    assert one.axes[0].most == 2 and one.axes[0].shortened == 10
    ids, severity = np.zeros(1, np.uint32), np.array([0, 0.5, 1, 2, 3])
    found = points.outcomes(world, losing.source,
                            one.points(losing, world.inputs.shocks, severity[:, None] / one.sigma, ids))  # fmt: skip
    written = points.shared(losing, inputs=scenario_inputs(losing, [SOONER]))
    calm = one.points(losing, world.inputs.shocks, np.zeros((1, 1)), ids)
    for place, same in ((0, points.shared(losing)), (2, written)):
        # the days of a point replace those of its world: given those of the scenario, all of it is the scenario
        days = {field: np.asarray(getattr(same.inputs.days, field))[None] for field in calm.days}
        once = points.outcomes(world, losing.source, calm._replace(days=days))
        assert all(np.array_equal(x[place], y[0]) for x, y in zip(found, once, strict=True))
    less = (found.liquidity[0] - found.liquidity) / 100
    assert less == pytest.approx(80 * np.array([0, 5, 10, 20, 20]), rel=0.02)


# -------------------- time to survive


def test_time_to_survive_by_hand(model):
    """Pipeline + stock over rate: tea 60 at and on the way to the dc and 24 at each store, 8 a day, lasts 13.5 days.

    An outage that does not end loses demand for the first time on its day 13. What leaves hills when it ends needs
    3 + 1 days to the shelf (port 5 + 1), so 9 and 7 days lose nothing; a store lives on its own 24, 6 days, less 1.
    """
    found = {one.place: one for one in survival.survival(model, 1, recovery="20")}
    by_hand = {"hills": (13, 9), "port": (13, 7), "dc": (6, 5), "north": (6, 5), "south": (6, 5)}
    assert {name: (one.cover.value, one.supply.value) for name, one in found.items()} == by_hand
    # out for 20 days: a store's shelf is empty from day 6 to day 20, 15 days of 4 tea at 4 and 4 oil at 6
    assert found["north"].lost_margin.value == 15 * (4 * 4 + 4 * 6)
    # hills: from day 13, when 4 of the 8 are still there, to day 23, tea only
    assert found["hills"].lost_margin.value == (4 + 8 * 10) * 4
    assert found["hills"].too_slow.value == 1
    ranked = survival.survival(model, 1, recovery="20")
    assert [one.lost_margin.value for one in ranked] == sorted((one.lost_margin.value for one in ranked), reverse=True)


def test_survival_of_cash_is_what_trying_every_length_finds(model):
    poor = replace(model, network=changed(model.network, minimum_cash=np.asarray(410_000.0)))
    found = {one.place: one for one in survival.survival(poor, 1, most=40, recovery={"dc": "5"})}
    study = survival._Study(poor, survival.START, np.zeros(1, np.uint32), 0, lambda *_: None)
    names = list(survival.places(poor.structure))
    fine = np.stack([~study.short(study.play("", np.full((len(names), 1), days)))[:, 0] for days in range(41)])
    for i, name in enumerate(names):
        assert fine[0, i]
        longest = 40 if fine[:, i].all() else int(np.argmin(fine[:, i])) - 1
        assert found[name].cash.value == longest, name
    assert {one.cash.value for one in found.values()} != {40}


def test_recovery_follows_its_law_and_its_place():
    days = survival.recovery_days("triangular(14, 28, 84)", "hills", 4000, 7)
    assert days.mean() == pytest.approx((14 + 28 + 84) / 3, abs=4.5 * 15.1 / np.sqrt(4000))
    assert 14 <= days.min() < days.max() <= 84
    assert np.array_equal(days[:9], survival.recovery_days("triangular(14, 28, 84)", "hills", 9, 7))
    assert (days[:50] != survival.recovery_days("triangular(14, 28, 84)", "port", 50, 7)).any()


# -------------------- reverse stress


def searching(model, world, space, line):
    return search.Search(model, world, space, line, np.zeros(1, np.uint32), 0, lambda *_: None)


def cash_line(model):
    return lines.Line("cash", float(model.network.minimum_cash))


def test_slopes_are_differences(model, world, space):
    """Forward mode in smooth mode beside central differences in exact mode: prices and the line, not whole units."""
    s = searching(model, world, space, cash_line(model))
    z = np.array([[0.0, 0.9, 0.5, 0.4, 0.2]])
    slope = s.gradient(z, np.zeros(1, np.uint32))[0]
    for i in (1, 2, 3):
        step = np.zeros(5)
        step[i] = 0.02
        both, _ = s.margins(np.concatenate([z + step, z - step]))
        assert slope[i] == pytest.approx((both[0] - both[1]) / 0.04, rel=0.02)
    assert slope[0] < 0


def test_the_planted_kill_point_is_found(losing):
    """The line is cut and prices fall: both act linearly on the lowest liquidity, which is the last one.

    By hand: a fifth off 8 x 14 + 8 x 26 a day for 60 days is 3,840, three fifths of the line are 2,400. The plane
    margin = c - a z1 - b z2 has its nearest point at c / sqrt(a^2 + b^2); c from one simulation far from it.
    """
    planted = axes.space({name: shop.AXES[name] for name in ("cheaper", "cut")}, shop.TOGETHER,
                         losing.network.sizes.severities, {}, {})  # fmt: skip
    world = points.shared(losing, "axes")
    slope = 100 * np.array([3840, 2400]) * planted.sigma
    at, _ = searching(losing, world, planted, cash_line(losing)).margins(np.array([[0.3, 0.2]]))
    constant = float(at[0] + slope @ [0.3, 0.2])
    found = reverse.reverse(losing, world, planted, cash_line(losing), draws=1)
    family = found.families[0]
    assert set(family.axes) == {"cheaper", "cut"}
    assert family.distance == pytest.approx(constant / np.hypot(*slope), rel=0.02)
    for name, a, sigma in zip(("cheaper", "cut"), slope, planted.sigma, strict=True):
        assert family.severity[name] == pytest.approx(constant * a / (slope @ slope) * sigma, rel=0.05)
    assert family.margin < 0 < family.inside
    breaks = [distance for distance in found.contour["distance"] if distance is not None]
    assert len(breaks) >= 9
    assert min(breaks) == pytest.approx(family.distance, rel=0.02)


def test_when_nothing_plausible_breaks_it_that_is_said(model, world, space):
    found = reverse.reverse(model, world, space, lines.Line("cash", -1e8), draws=1)
    assert found.families == () and found.worst > 0 and found.contour == {}


def test_a_line_that_is_broken_already_is_said(model, world, space):
    found = reverse.reverse(model, world, space, lines.Line("cash", 1e9), draws=1)
    assert found.families == () and found.base < 0


def octant(steps):
    """(direction, 3) of the positive octant on a triangular lattice, and which of them are neighbours."""
    whole = np.array([p for p in itertools.product(range(steps + 1), repeat=3) if sum(p) == steps])
    near = np.abs(whole[:, None] - whole[None]).max(axis=-1) <= 1
    return whole / np.linalg.norm(whole, axis=1, keepdims=True), near & ~np.eye(len(whole), dtype=bool)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        pytest.param("cash", ("slump", "cut", "out"), marks=pytest.mark.slow),
        pytest.param("fill", ("slump", "cut", "out"), marks=pytest.mark.slow),
        pytest.param("fill", ("cheaper", "cut", "out"), marks=pytest.mark.slow),
        pytest.param("cash", ("slump", "cut", "sooner"), marks=pytest.mark.slow),
    ],
)
def test_families_are_those_of_brute_force(losing, name, names):
    """Where the line breaks along each of 66 directions; every local minimum of that distance is a family.

    It is found when an answer lies in the same valley (within 37 degrees) and is as near, to the width of the bracket.
    """
    world = points.shared(losing, "axes")
    three = {axis: (shop.AXES | {"sooner": [SOONER]})[axis] for axis in names}
    joined = [*shop.TOGETHER, SOONER]
    space = axes.space(three, joined, losing.network.sizes.severities, {"out": 4, "sooner": 6}, AGREED)
    line = cash_line(losing) if name == "cash" else lines.Line("fill", 0.93)
    direction, near = octant(10)
    s = searching(losing, world, space, line)
    radius = s.along_rays(direction, np.full(len(direction), 3.09))
    z = s.at(direction, np.where(np.isfinite(radius), radius, 0.0))
    distance = np.where(np.isfinite(radius), space.distance(z), np.inf)
    lowest = np.isfinite(distance) & (distance <= np.where(near, distance[None], np.inf).min(axis=1) * 1.004)
    found = reverse.reverse(losing, world, space, line, draws=1)
    answers = np.array([[f.severity.get(axis, 0.0) for axis in names] / space.sigma for f in found.families])
    answers = answers.reshape(-1, 3)
    cosine = (z[lowest] / distance[lowest, None]) @ (answers / space.distance(answers)[:, None]).T
    as_near = space.distance(answers)[None] <= distance[lowest, None] * (1 + 2 * search.TIGHT)
    hit = ((cosine >= 0.8) & as_near).any(axis=1)
    print(name, [(f.axes, f.distance) for f in found.families], z[lowest].round(2), distance[lowest], hit)
    assert len(hit)
    assert hit.mean() >= 0.9
    assert found.families[0].distance <= distance.min() * (1 + search.TIGHT)
    assert all(family.margin < 0 for family in found.families)


# -------------------- designs


@pytest.mark.parametrize("kind", ["sobol", "hypercube", "sampled"])
def test_designs_agree_and_refuse_what_they_cannot_support(model, world, space, kind):
    found = designs.study(model, world, space, kind, first=64, most=64, seed=1)
    liquidity, extreme = found.figures["liquidity"], found.figures["liquidity 0.1 %"]
    assert isinstance(liquidity, Estimate) and liquidity.n == found.n == 64
    assert isinstance(extreme, TooFew) and extreme.need == 3688
    assert liquidity.low < liquidity.value < liquidity.high
    assert found.severities.shape == (64, 5)


def test_stopping_by_width_doubles_until_it_is_met(model, world, space):
    wide = designs.study(model, world, space, "sobol", first=16, most=128, width=0.9)
    assert wide.met and wide.n == 16
    never = designs.study(model, world, space, "sobol", first=16, most=64, width=1e-6)
    assert not never.met and never.n == 64
    # a Sobol sequence goes on where it stopped: the first round is part of the later ones
    first, later = np.sort(wide.severities, axis=0), never.severities
    assert all((np.abs(later - row).sum(axis=1) < 1e-12).any() for row in wide.severities) and len(first) == 16


def test_a_grid_is_a_table_over_the_same_futures(model, world):
    two = axes.space({name: shop.AXES[name] for name in ("slump", "cut")}, shop.TOGETHER,
                     model.network.sizes.severities, {}, {})  # fmt: skip
    s = designs.grid(2, 3)
    assert len(s) == 9 and {tuple(row) for row in s} == set(itertools.product((0.0, 0.5, 1.0), repeat=2))
    survives, liquidity = designs.table(model, world, two, s, 2, 0)
    assert [one.n for one in survives] == [2] * 9
    values = np.array([one.value for one in liquidity]).reshape(3, 3)
    # a smaller line is never more liquidity, and less where demand has fallen too
    assert (np.diff(values, axis=1) <= 0).all() and (values[1:, 2] < values[1:, 0]).all()


# -------------------- what helps


@pytest.fixture(scope="module")
def helped(losing):
    """What helps a company that loses money slowly and whose bank cuts the line."""
    with strict():
        return actions.valued(losing, shop.AXES["cut"], actions.offered(losing), draws=2)


def test_a_larger_line_is_worth_what_it_adds_and_costs_its_fee(helped):
    """10 % of 4,000, of which the stress leaves 40 %; the fee is 1 % of 400; undrawn, it costs nothing else."""
    (line,) = (one for one in helped if one.names == ("larger_line",))
    assert line.spent.value == pytest.approx(4)
    assert line.liquidity.value == pytest.approx(400 * 0.4 - 4)
    assert line.per_unit.value == pytest.approx((400 * 0.4 - 4) / 4)


def test_actions_are_ranked_and_the_frontier_is_not_dominated(helped):
    names = [one.names for one in helped]
    assert ("longer_terms",) in names and any(len(several) > 1 for several in names)
    frontier = [one for one in helped if one.efficient]
    assert frontier
    for one in frontier:
        assert not any(actions.beats(other, one) for other in helped)
    alone = [one for one in helped if len(one.names) == 1]
    assert [actions.rank(one) for one in alone] == sorted(actions.rank(one) for one in alone)


def test_later_terms_keep_cash_by_hand(helped):
    """Ten days of purchases stay in hand: tea 8 x 10 and oil 8 x 20 a day, less what suppliers charge for it."""
    (terms,) = (one for one in helped if one.names == ("longer_terms",))
    assert terms.liquidity.value == pytest.approx(10 * 240, rel=0.1)
    days = shop.DAYS
    assert terms.spent.value == pytest.approx(240 * days * actions.TERMS_RATE * 10 / 365, rel=0.1)
