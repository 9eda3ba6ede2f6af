"""Calibrating from the command line: what is used, what waits for a person; and the back-test's command."""

import shutil
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from calibration.backtest import cycle
from calibration.backtest.judged import judge
from calibration.backtest.page import SAID
from calibration.backtest.run import LAST_YEAR
from calibration.inference import gates
from calibration.inference.fit import warm, write
from scenarios import backtesting, calibrating, posterior
from scenarios.cli import main
from scenarios.console import EXIT
from twin.results import labels
from twin.tables.read import read

FAILED = "drift of variance parameters"


def fitted(starts: list[Path | None], failed: list[str], *given) -> cycle.Fitted:
    """In place of a fit: writes where it began."""
    *_, used, to = given
    starts.append(used)
    to.mkdir()
    (to / "draws").write_text(str(len(starts)))
    return cycle.Fitted(date(2026, 1, 1), failed)


def test_a_refit_is_used_only_when_a_person_approves_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "history").mkdir()
    starts: list[Path | None] = []
    used, fit = tmp_path / cycle.IN_USE, ["calibrate", str(tmp_path)]
    monkeypatch.setattr(calibrating, "_fitted", partial(fitted, starts, []))
    assert main(fit) == EXIT.done
    assert main(fit) == EXIT.done
    assert (used / "draws").read_text() == "1"
    assert starts == [None, used]
    assert "--approve" in capsys.readouterr().out
    assert main([*fit, "--approve", "A. Controller"]) == EXIT.done
    assert (used / "draws").read_text() == "2"
    monkeypatch.setattr(calibrating, "_fitted", partial(fitted, starts, [FAILED]))
    assert main(fit) == EXIT.gate
    assert "stays in use" in capsys.readouterr().err
    assert main([*fit, "--approve", "A. Controller"]) == EXIT.gate
    assert FAILED in capsys.readouterr().err
    assert (used / "draws").read_text() == "2"
    assert main([*fit, "--roll-back", "A. Controller"]) == EXIT.done
    assert (used / "draws").read_text() == "1"
    steps = [step["step"] for step in cycle.history(tmp_path)]
    assert steps == ["fitted", "approved", "fitted", "approved", "fitted", "rolled back"]


def test_a_first_fit_that_fails_a_gate_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "history").mkdir()
    monkeypatch.setattr(calibrating, "_fitted", partial(fitted, [], [FAILED]))
    assert main(["calibrate", str(tmp_path)]) == EXIT.gate
    assert not (tmp_path / cycle.IN_USE).exists()


def test_a_fit_whose_prior_decides_is_used_only_with_a_reason(tmp_path, monkeypatch, capsys):
    """Neither alone nor by a name alone; the reason goes with the fit, and another failed gate it does not excuse."""
    (tmp_path / "history").mkdir()
    lift = gates.most(f"{gates.SENSITIVITY}mean lift", 0.2, 0.05, "more history")
    others: list[gates.Gate] = []

    def decided_by_its_prior(*given) -> cycle.Fitted:
        to = given[-1]
        write(xr.DataTree.from_dict({"diagnostics": gates.dataset([lift, *others])}), to)
        return cycle.Fitted(date(2026, 1, 1), [gate.name for gate in others], (lift.name,))

    monkeypatch.setattr(calibrating, "_fitted", decided_by_its_prior)
    approve = ["calibrate", str(tmp_path), "--approve", "A. Controller"]
    assert main(approve[:2]) == EXIT.gate
    assert "--because" in capsys.readouterr().err
    assert main(approve) == EXIT.gate
    assert lift.name in capsys.readouterr().err and not (tmp_path / cycle.IN_USE).exists()
    with pytest.raises(posterior.Blocked, match="mean lift"):
        posterior._ensure_released(tmp_path / cycle.CANDIDATE)
    assert main([*approve, "--because", "no promotion was tried yet"]) == EXIT.done
    posterior._ensure_released(tmp_path / cycle.IN_USE)
    assert cycle.history(tmp_path)[-1]["because"] == "no promotion was tried yet"
    others.append(gates.most(FAILED, 0.2, 0.05, "more SVI steps"))
    assert main(approve[:2]) == EXIT.gate
    assert main([*approve, "--because", "it will do"]) == EXIT.gate
    with pytest.raises(posterior.Blocked, match=FAILED):
        posterior._ensure_released(tmp_path / cycle.CANDIDATE)


def test_a_refit_begins_where_the_last_one_ended_but_for_what_is_new(tmp_path):
    """Items and stores as they were start at their means; weeks have become more and start as told."""
    draws = np.arange(2.0 * 3).reshape(1, 2, 3)
    axes = ("chain", "draw")
    former = xr.Dataset(
        {"lift": ((*axes, "item"), draws), "drift": ((*axes, "week"), draws), "s_item": (axes, draws[..., 0])},
        {"item": labels(["a", "b", "c"]), "week": [0, 1, 2]},
    )
    former.to_zarr(tmp_path / "p.zarr", group="posterior", zarr_format=3, consolidated=False)
    start = {"lift": np.zeros(3), "drift": np.zeros(4), "s_item": np.zeros(())}
    found = warm(start, tmp_path / "p.zarr", {"item": ["a", "b", "c"], "week": [0, 1, 2, 3]})
    assert found["lift"].tolist() == [1.5, 2.5, 3.5]
    assert found["drift"].tolist() == [0.0] * 4
    assert found["s_item"] == 1.5
    renamed = warm(start, tmp_path / "p.zarr", {"item": ["a", "c", "b"]})
    assert renamed["lift"].tolist() == [0.0] * 3


def test_a_back_test_with_too_few_origins_is_refused_with_the_numbers(shop, capsys):
    assert main(["backtest", str(shop), "--every", "52"]) == EXIT.impossible
    assert "1 origins" in capsys.readouterr().err


def test_last_year_s_week_comes_from_the_history_and_says_so_where_it_cannot(shop, tmp_path):
    """A year of history before the first day, so that the fifth week of the course is like its fifth week."""
    first = read(shop).company.settings.start
    sales = pd.read_csv(shop / "history" / "sales.csv", parse_dates=["date"])
    ago = (pd.Timestamp(first) - sales["date"]).dt.days
    by_week = sales[(ago > 0) & (ago <= 364)].groupby(52 - (ago - 1) // 7 - 1)["units"].sum().to_numpy()
    course = np.full(17, 1e9)  # what no forecast may have seen before it happened
    units, note = backtesting._last_year(shop, first, course, [4], 13)
    assert "units sold only" in note and "52 weeks" in note
    draws = units["met"]
    assert draws.shape[0] == 1 and draws.shape[2] == 13
    # each is last year's week plus what a week missed the one before it by
    missed = np.diff(np.concatenate([by_week, course[:4]]))
    np.testing.assert_allclose(draws[0], by_week[None, 4:17] + missed[:, None])
    none, note = backtesting._last_year(tmp_path, first, course, [4], 13)
    assert none == {} and "needs 52 weeks" in note and "has 4" in note


def test_what_is_written_beside_a_company_is_no_table_of_it(shop, tmp_path):
    """Figures of a back-test in the company's folder once were an unknown table, and nothing could be run any more."""
    folder = tmp_path / "shop"
    shutil.copytree(shop, folder)
    actual = {name: np.random.default_rng(2).normal(1e5, 1e3, (8, 2)) for name in SAID}
    draws = {name: x[:, None] + np.arange(5.0)[:, None] for name, x in actual.items()}
    said = {backtesting.PLUG_IN: draws, backtesting.PLAN: {name: x[:, :1] for name, x in draws.items()}}
    table = judge(actual, said, naive=backtesting.PLAN)
    backtesting._publish(folder, "A shop", table, actual, said, "A note.", 0)
    assert "A note." in (folder / backtesting.PAGE).read_text()
    assert len(pd.read_csv(folder / backtesting.FIGURES)) == len(table)
    (folder / calibrating.PAGE).write_text("a page")
    assert read(folder).company == read(shop).company


@pytest.mark.slow
def test_a_back_test_writes_its_page_and_figures_beside_the_company(shop, capsys):
    assert main(["backtest", str(shop), "--draws", "40", "--every", "6"]) == EXIT.done
    table = pd.read_csv(shop / backtesting.FIGURES)
    assert set(table["forecaster"]) == {backtesting.PLUG_IN, backtesting.NAIVE, backtesting.PLAN, LAST_YEAR}
    assert set(table["measure"][table["forecaster"] == LAST_YEAR]) == {"met"}
    assert (table["n"] == 6).all()
    twin = table[table["forecaster"] == backtesting.PLUG_IN].set_index("measure")
    # it knows the truth and the stock at each origin, which the plan of the first day does not
    assert (twin.loc[["cash", "inventory"], "skill"] > 0).all()
    assert (shop / backtesting.PAGE).read_text().count("<svg") == 4
    assert "what happens" in capsys.readouterr().err
