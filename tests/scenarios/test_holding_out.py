"""`tandem backtest --history` from the command line: which days are hidden, what is written, how it ends."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from calibration.backtest import held_out
from calibration.backtest.held_out import Told
from calibration.inference import gates
from calibration.panel import Panel
from scenarios import holding_out
from scenarios.cli import main
from scenarios.console import EXIT
from tests.calibration.test_page import fitted
from twin.tables.read import read

GROUPS = ("posterior_predictive", "observed_data", "constant_data")


def foretold(seen: list[tuple[Panel, Panel]], wrong: float, whole: Panel, then: Panel, how: dict[str, Any]) -> Told:
    """In place of a fit: keeps what it was given."""
    seen.append((whole, then))
    tree, rng = fitted(wrong, seed=len(seen)), np.random.default_rng(len(seen))
    groups = {name: tree[name].to_dataset().isel(day=slice(-28, None)) for name in GROUPS}
    groups["diagnostics"] = gates.dataset([gates.most("drift of variance parameters", 0.2, 0.05, "more SVI steps")])
    weeks = {"met": rng.random(4), "takings": rng.random(4)}
    return Told(xr.DataTree.from_dict(groups), weeks, {name: x + rng.random((20, 4)) for name, x in weeks.items()})


@pytest.mark.parametrize(("wrong", "code"), [(1.0, EXIT.done), (0.5, EXIT.gate)])
def test_each_origin_is_given_what_was_known_and_the_weeks_after_it(
    wrong: float, code: EXIT, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[Panel, Panel]] = []
    ordered: list[tuple[pd.DataFrame, Any]] = []

    def kept(told: Told, then: pd.DataFrame, now: pd.DataFrame, origin: Any, *_: Any) -> Told:
        ordered.append((then, origin))
        return told

    monkeypatch.setattr(held_out, "sales", lambda *given: foretold(seen, wrong, *given))
    monkeypatch.setattr(held_out, "families_known", lambda *_: {("a", "b"): 0})
    monkeypatch.setattr(held_out, "with_arrivals", kept)
    assert main(["backtest", str(shop), "--history", "--origins", "3"]) == code
    start = np.datetime64(read(shop).company.settings.start)
    assert [then.days[-1] for _, then in seen] == list(start - np.array([85, 57, 29]))
    assert all(whole.days[-1] - then.days[-1] == np.timedelta64(28, "D") for whole, then in seen)
    for then, origin in ordered:
        assert (then["ordered"] < pd.Timestamp(origin)).all() and then["received"].max() < pd.Timestamp(origin)
        assert then["received"].isna().any()  # something is on order
    text = (shop / holding_out.PAGE).read_text()
    assert "drift of variance parameters as of" in text  # a fit that failed its own gate is named
    table = pd.read_csv(shop / holding_out.FIGURES)
    assert set(table["forecaster"]) == {holding_out.FIT, held_out.LAST_WEEKS}
    said = capsys.readouterr()
    assert ("do not hold what they should" in said.err) == (code == EXIT.gate)
    assert "written:" in said.out
    assert read(shop).company.settings.start == start.astype(object)  # the company can still be read


def test_a_history_too_short_is_refused_with_the_numbers(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(shop), "--history", "--origins", "20"]) == EXIT.impossible
    assert "365 days of history" in capsys.readouterr().err


def test_without_a_history_there_is_nothing_to_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(tmp_path), "--history"]) == EXIT.usage
    assert "no such folder" in capsys.readouterr().err
