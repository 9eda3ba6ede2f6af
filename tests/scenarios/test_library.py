"""The library's cards are complete, different and fit a company; scenarios add up, and shocks depend as declared."""

import itertools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kernels.bits import hash_ids
from kernels.ratio import EXACT
from notebooks import severity_history
from scenarios.cli import main
from scenarios.composition import composed
from scenarios.console import EXIT
from scenarios.library import core, fitted, library
from scenarios.stress import scenario_rows
from tests.conftest import strict
from tests.twin import small_shop
from twin import exogenous
from twin.assembly.shocks import change_by_day, compile_shocks
from twin.exogenous import Severities
from twin.tables.check import ensure
from twin.tables.rows import Shock

CARDS = list(library().values())


def test_a_board_finds_about_25_and_the_demo_plays_a_subset():
    assert 23 <= len(CARDS) <= 28
    assert 8 <= len(core()) <= 14
    assert set(core()) <= set(library())


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_is_complete(card):
    for words in (card.title, card.story, card.source, card.resembles):
        assert words["en"] and words["zh"]
    assert card.source["kind"] in ("history", "event", "judgement")
    assert ("figure" in card.source) == (card.source["kind"] == "history")
    assert card.once_in >= 2
    assert len(card.parameters) == len(card.shocks)


def nature(card):
    """What a scenario does without how much: fields, directions, shapes, places and the order in time."""
    starts = sorted({shock["start"] for shock in card.shocks})
    return frozenset(
        (
            shock["field"], shock.get("shape", "step"), starts.index(shock["start"]),
            shock.get("factor", 0) == 0, shock.get("factor", 0) > 1,
            *(shock.get(place) for place in ("supplier", "node", "category")),
        )
        for shock in card.shocks
    )  # fmt: skip


def test_no_two_differ_in_size_only():
    for one, other in itertools.combinations(CARDS, 2):
        assert nature(one) != nature(other), (one.name, other.name)


def test_history_is_what_the_notebook_finds(data):
    found = severity_history.figures(data / "macro_disruption")
    quoted = {card.name: card.source for card in CARDS if card.source["kind"] == "history"}
    assert len(quoted) >= 6
    for name, source in quoted.items():
        assert found[source["figure"]] == pytest.approx(source["value"], abs=0.0006), name


def test_all_fit_a_company_and_change_something():
    company = small_shop.company()
    for card in CARDS:
        rows = fitted(card.name, company)
        ensure(replace(company, settings=company.settings.model_copy(update={"days": 365}), shocks=tuple(rows)))
        assert all("@" not in row.model_dump_json() for row in rows)
        assert any(row.net_days is not None or change_by_day(row, 365).any() for row in rows), card.name


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ("step", [1, 1, 1, 1, 1, 0, 0]),
        ("ramp", [0.2, 0.4, 0.6, 0.8, 1, 0, 0]),
        ("recovery", [1, 0.8, 0.6, 0.4, 0.2, 0, 0]),
        ("pulse", [1, 1, 1, 2 / 3, 1 / 3, 0, 0]),
        ("regime", [0.2, 0.4, 0.6, 0.8, 1, 1, 1]),
    ],
)
def test_shapes_by_hand(shape, parts):
    row = Shock(scenario="s", shock="a", field="demand", start=1, days=5, factor="0.7", shape=shape)
    assert change_by_day(row, 8) == pytest.approx([0, *(-3e5 * part for part in parts)], abs=1)


def test_scenario_plus_scenario_is_a_scenario_whatever_the_order():
    model, company = small_shop.shop(), small_shop.company()
    names = ["demand-slump+input-cost-inflation", "input-cost-inflation+demand-slump"]
    arrays = []
    for shocks in scenario_rows(company, names).values():
        assert {row.scenario for row in shocks} <= set(names)
        sizes = model.network.sizes
        arrays.append(compile_shocks(shocks, model.structure, 365, model.capped, sizes))
    assert jax.tree.all(jax.tree.map(np.array_equal, *arrays))
    parts = [scenario_rows(company, [part])[part] for part in names[0].split("+")]
    for part in parts:
        # each part's changes are there untouched
        alone, _ = compile_shocks(part, model.structure, 365, model.capped, model.network.sizes)
        field = part[0].field
        assert np.array_equal(arrays[0][0][field].change, alone[field].change)
    assert composed({"a": parts[0], "nothing": []})[0].shock == parts[0][0].shock


def test_an_id_that_two_parts_use_is_made_unique():
    rows = scenario_rows(small_shop.company(), ["demand-slump+compound"])["demand-slump+compound"]
    names = [row.shock for row in rows]
    assert len(names) == len(set(names)) == 4
    assert {"slump-demand-slump", "slump-compound", "outage"} <= set(names)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("demand-slump+rate-ris", "unknown scenario 'rate-ris'; did you mean 'rate-rise'?"),
        ("base+rate-rise", "unknown scenario 'base'"),
        ("rate-rise+rate-rise", "'rate-rise' is asked for twice"),
    ],
)
def test_what_does_not_add_up_is_refused(names, says, shop, tmp_path, capsys):
    code = main(["stress", str(shop), "--scenarios", names, "--out", str(tmp_path / "x")])
    assert code == EXIT.usage
    assert says in " ".join(capsys.readouterr().err.split())


def test_terms_that_two_parts_set_are_refused(shop, tmp_path, capsys):
    names = "terms-cut+loss-of-confidence"
    assert main(["stress", str(shop), "--scenarios", names, "--out", str(tmp_path / "x")]) == EXIT.invalid
    assert "S006" in capsys.readouterr().err


def test_a_card_is_shown(capsys):
    assert main(["scenarios", "--card", "recession"]) == EXIT.done
    said = " ".join(capsys.readouterr().out.split())
    assert "history: US retail sales fell 13 %" in said
    assert main(["scenarios", "--card", "recesion"]) == EXIT.usage
    assert "did you mean 'recession'?" in capsys.readouterr().err


# -------------------- dependence

N = 4000


@pytest.fixture(scope="module")
def drawn():
    """(future, shock) severities in ppm, uniform on 0..1: two alone, two of a group at 0.8, one at 1, one at -0.8."""
    correlation = np.array([0.0, 0.0, 0.8, 0.8, 1.0, -0.8])
    laws = Severities(
        hash=hash_ids(list("abcdef")),
        group=hash_ids(["", "", "g", "g", "g", "g"]),
        correlation=correlation,
        probability=np.ones(6),
        quantile=np.tile(np.linspace(0, 1e6, 129), (6, 1)),
    )
    with strict():
        seed = (jnp.uint32(0), jnp.uint32(3))
        draw = jax.jit(jax.vmap(lambda d: exogenous.draw_severities(jax.tree.map(jnp.asarray, laws), seed, d, EXACT)))
        return np.asarray(draw(jnp.arange(N, dtype=jnp.uint32)))


def test_severities_keep_their_law_under_dependence(drawn):
    for column in drawn.T:
        assert stats.kstest(column / 1e6, "uniform").pvalue > 1e-4


@pytest.mark.parametrize(
    ("i", "j", "rho"), [(0, 1, 0.0), (0, 2, 0.0), (2, 3, 0.64), (2, 4, 0.8), (2, 5, -0.64), (4, 5, -0.8)]
)
def test_shocks_of_a_group_depend_as_declared(drawn, i, j, rho):
    """Kendall's tau of a Gaussian copula is 2/pi asin(rho) (Lindskog, McNeil & Schmock 2003); 4.5 standard errors."""
    tau = stats.kendalltau(drawn[:, i], drawn[:, j]).statistic
    assert tau == pytest.approx(2 / np.pi * np.arcsin(rho), abs=4.5 * 2 / 3 / np.sqrt(N))


def test_without_a_group_the_copula_changes_no_bit():
    u = jnp.asarray(np.random.default_rng(0).random((2, 50)))
    assert np.array_equal(exogenous.dependent(u, jnp.zeros(50)), u[0])
    assert np.array_equal(exogenous.dependent(u, jnp.ones(50)), u[1])
