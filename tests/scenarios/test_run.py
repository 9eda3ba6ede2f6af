"""A stress run: same luck under every scenario, figures that tie, and what is kept of every future."""

import json
from dataclasses import replace

import numpy as np
import pytest

from scenarios import store
from scenarios.run import Impossible, stress
from scenarios.stress import LEVERS
from scenarios.sweep.executors import inline
from tests.scenarios.conftest import DRAWS, NAMES, play
from tests.scenarios.recorded import playing
from twin.record import CASH_LINES
from twin.tables.read import read


def test_every_variable_has_a_unit_and_a_name(run):
    for group in ("per_draw", "summary", "paths", "service", "places", "told"):
        for name, variable in store.read(run, group).data_vars.items():
            assert variable.attrs["units"], name
            assert variable.attrs["long_name"], name
    data = store.joint(run)
    assert list(data.scenario.values) == ["base", *NAMES]
    assert data.sizes["draw"] == DRAWS


@pytest.fixture(scope="module")
def daily(shop, run, tape, tmp_path_factory):
    """The same run from its tape, with every daily series of every future."""
    folder = tmp_path_factory.mktemp("daily") / "run"
    with playing(tape):
        return store.joint(play(shop, folder, keep=("daily",), executor=inline())).load()


def test_cash_flows_tie_to_the_ledger_to_the_cent(daily):
    cents = {
        name: np.rint(daily[name].values * 100).astype(np.int64)
        for name in ("cash", *map("cash_{}".format, CASH_LINES))
    }
    flow = sum(cents[f"cash_{line}"] for line in CASH_LINES)
    assert (np.diff(cents["cash"], axis=-1) == flow[..., 1:]).all()


def test_all_scenarios_meet_the_same_luck(daily):
    assert (daily.demand.sel(scenario="base") == daily.demand.sel(scenario="credit-line-cut")).all()
    before = daily.demand.isel(day=slice(0, 28))
    assert (before == before.isel(scenario=0)).all()


def test_a_summary_is_of_all_futures_not_of_blocks(run, daily):
    found = store.read(run, "summary").load()
    for name in ("cash", "inventory", "demand"):
        wanted = np.quantile(daily[name].values, [0.05, 0.5, 0.95], axis=1, method="inverted_cdf")
        got = found[name].sel(statistic=["q0.05", "q0.5", "q0.95"]).transpose("statistic", ...).values
        assert (got == wanted).all(), name
        assert (found[name].sel(statistic="mean").values == daily[name].values.mean(axis=1)).all()


def test_paths_and_the_middle_future_are_those_of_the_daily_series(run, daily):
    paths, told, manifest = store.read(run, "paths").load(), store.read(run, "told").load(), store.read_manifest(run)
    hardest, middle = manifest["story"]["scenario"], manifest["middle"]
    for name in ("cash", "headroom", "cash_taxes", "revenue"):
        assert (paths[name].values == daily[name].sel(draw=paths.path.values).values).all()
        for role, scenario in (("base", "base"), ("hardest", hardest)):
            assert (told[name].sel(role=role).values == daily[name].sel(scenario=scenario, draw=middle).values).all()


def test_one_number_per_future_is_that_of_the_daily_series(daily):
    assert (daily.lowest_cash == daily.cash.min("day")).all()
    assert (daily.total_demand == daily.demand.sum("day")).all()
    assert (daily.slack_minimum_liquidity >= daily.covenant_minimum_liquidity.min("day") - 1e12).all()
    assert np.allclose(daily.node_demand.sum(("day", "node")), daily.demand.sum(("day", "draw")), rtol=0, atol=0)


def test_variants_and_levers_are_there_and_help_or_hurt_as_they_must(run):
    variants = store.variants(run).load()
    hardest = store.read_manifest(run)["story"]["scenario"]
    wanted = {f"{name}/{kind}" for name in ("base", *NAMES) for kind in ("goods_only", "treasury_only")}
    assert set(variants.case.values) == wanted | {f"{hardest}/{lever}" for lever in LEVERS}
    # with unlimited credit no order is refused and nobody is paid late, in any future
    goods_only = variants.sel(case=[name for name in variants.case.values if name.endswith("goods_only")])
    assert (goods_only.refused_total == 0).all()
    assert goods_only.survives.all()


def test_residuals_are_outputs_and_zero(run):
    residuals = store.read_manifest(run)["residuals"]
    assert len(residuals) == 3 * (1 + len(NAMES)) + len(LEVERS)
    assert not any(residuals.values())


def test_manifest_says_what_was_run(run):
    manifest = json.loads((run / store.MANIFEST).read_text(encoding="utf-8"))
    assert manifest["complete"]
    assert manifest["draws"] == DRAWS
    assert manifest["left_out"] == []
    assert manifest["scenarios"] == NAMES
    assert len(manifest["input_hash"]) == 64
    inputs = read(run / "inputs").company
    assert inputs.nodes


def test_an_insolvent_company_is_refused(shop, tmp_path):
    company = read(shop).company
    rows = {row.account: row for row in company.opening}
    moved = rows["3000"].amount + sum(row.amount for row in company.opening if row.account in ("3100", "3200")) + 1
    poorer = tuple(
        row.model_copy(update={"amount": row.amount + (-moved if row.account == "3000" else 0)})
        for row in company.opening
    )
    broke = replace(company, opening=poorer, settings=company.settings.model_copy(update={"balance_sheet_test": True}))
    with pytest.raises(Impossible, match="insolvent at opening: equity is -"):
        stress(broke, NAMES, tmp_path / "run", draws=2)
    assert list(tmp_path.iterdir()) == []
