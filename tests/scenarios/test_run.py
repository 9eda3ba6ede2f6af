"""A stress run: same luck under every scenario, figures that tie, results that are complete or absent."""

import json
from dataclasses import replace

import numpy as np
import pytest

from scenarios import store
from scenarios.run import Impossible, LedgerFault, stress
from scenarios.stress import LEVERS
from tests.scenarios.conftest import DRAWS, NAMES
from twin import audit
from twin.record import CASH_LINES
from twin.tables.read import read


def test_every_variable_has_a_unit_and_a_name(run):
    data = store.read(run, "joint")
    assert list(data.scenario.values) == ["base", *NAMES]
    assert data.sizes["draw"] == DRAWS
    for name, variable in data.data_vars.items():
        assert variable.attrs["units"], name
        assert variable.attrs["long_name"], name


def test_cash_flows_tie_to_the_ledger_to_the_cent(run):
    data = store.read(run, "joint").load()
    cents = {
        name: np.rint(data[name].values * 100).astype(np.int64) for name in ("cash", *map("cash_{}".format, CASH_LINES))
    }
    flow = sum(cents[f"cash_{line}"] for line in CASH_LINES)
    assert (np.diff(cents["cash"], axis=-1) == flow[..., 1:]).all()


def test_all_scenarios_meet_the_same_luck(run):
    data = store.read(run, "joint").load()
    assert (data.demand.sel(scenario="base") == data.demand.sel(scenario="credit-line-cut")).all()
    before = data.demand.isel(day=slice(0, 28))
    assert (before == before.isel(scenario=0)).all()


def test_variants_and_levers_are_there_and_help_or_hurt_as_they_must(run):
    variants = store.read(run, "variants").load()
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
    assert manifest["scenarios"] == NAMES
    assert len(manifest["input_hash"]) == 64
    inputs = read(run / "inputs").company
    assert inputs.nodes


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full"), MemoryError])
def test_a_broken_run_leaves_nothing(shop, tmp_path, error):
    def interrupt(*_):
        raise error

    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        stress(read(shop).company, NAMES, tmp_path / "run", draws=DRAWS, block=DRAWS, finished=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_does_not_tie_stops_the_run(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "at_the_end", lambda *_: {"I-11 cash": 1.0})
    with pytest.raises(LedgerFault, match="base, joint: I-11 cash"):
        stress(read(shop).company, NAMES, tmp_path / "run", draws=DRAWS, block=DRAWS)
    assert list(tmp_path.iterdir()) == []


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
