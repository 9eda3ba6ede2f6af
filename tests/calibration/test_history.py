"""History in: what was known then, one decision a cell, and every fault with its place."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.history import History, load
from calibration.history.cells import NAMES, Observed, classify
from calibration.panel import EXACT, INTERVAL, MASKED, RIGHT_CENSORED
from calibration.synthetic import Settings, Synthetic, draw, panel, tables, write
from twin.tables.faults import Faults

SMALL = Settings(stores=2, items=6, days=200, new_items=1, unflagged=0.3)
FIRST = date(2023, 1, 2)


@pytest.fixture(scope="module")
def company() -> Synthetic:
    return draw(SMALL, 7)


@pytest.fixture(scope="module")
def folder(company: Synthetic, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    write(company, folder / "history", 7)
    return folder


@pytest.fixture(scope="module")
def history(folder: Path) -> History:
    return load(folder, FIRST + timedelta(days=SMALL.days))


def changed(folder: Path, to: Path, table: str, change) -> Path:
    """A copy of the history with one table changed."""
    (to / "history").mkdir(parents=True)
    for file in (folder / "history").iterdir():
        (to / "history" / file.name).write_bytes(file.read_bytes())
    path = to / "history" / f"{table}.csv"
    change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)
    return to


def cell(frame: pd.DataFrame, place: int, column: str, value: object) -> pd.DataFrame:
    frame.loc[place, column] = value
    return frame


def test_files_and_arrays_give_the_same_panel(history: History, company: Synthetic) -> None:
    straight, read = panel(company), history.panel
    listed = straight.rule != NAMES.index("not listed")
    for name in ("value", "bound", "kind", "weight", "rule"):
        np.testing.assert_array_equal(getattr(read, name)[listed], getattr(straight, name)[listed], name)
    assert (read.kind[~listed] == MASKED).all()
    np.testing.assert_array_equal(read.promotion, straight.promotion * listed.any(axis=0)[None])
    np.testing.assert_array_equal(read.holiday, straight.holiday)
    assert read.log_price.shape[0] == 1 and read.categories == straight.categories
    np.testing.assert_array_equal(read.category, straight.category)


def test_parquet_reads_as_csv(company: Synthetic, history: History, tmp_path: Path) -> None:
    for name, frame in tables(company, 7).items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
    again = load(tmp_path, history.as_of)
    for name, frame in history.frames.items():
        pd.testing.assert_frame_equal(frame, again.frames[name])
    assert again.digest != history.digest


def test_what_was_known_then_is_what_the_shorter_company_wrote(folder: Path, tmp_path: Path) -> None:
    """Files cut by hand on the morning of a day and files of the whole history read as of that day are the same."""
    cut = FIRST + timedelta(days=150)
    was = load(folder, cut)
    day = cut.isoformat()

    def before(frame: pd.DataFrame, column: str, *later: str) -> pd.DataFrame:
        frame = frame[frame[column] < day].copy()
        for name in later:
            after = frame[name] >= day
            frame.loc[after, name] = ""
            if name == "received":
                frame.loc[after, ["received_units", "status"]] = ["", "open"]
        return frame

    (tmp_path / "history").mkdir()
    for name, column, later in (
        ("sales", "date", ()), ("inventory", "date", ()), ("plan", "date", ()), ("calendar", "date", ()),
        ("purchase_orders", "ordered", ("received",)), ("payments", "invoiced", ("paid",)),
    ):  # fmt: skip
        frame = pd.read_csv(folder / "history" / f"{name}.csv", dtype=str, keep_default_na=False)
        before(frame, column, *later).to_csv(tmp_path / "history" / f"{name}.csv", index=False)
    (tmp_path / "history" / "hierarchy.csv").write_bytes((folder / "history" / "hierarchy.csv").read_bytes())
    then = load(tmp_path, cut)
    for name in ("sales", "inventory", "purchase_orders", "payments"):
        pd.testing.assert_frame_equal(was.frames[name], then.frames[name], check_categorical=False)
    assert was.frames["purchase_orders"]["received"].isna().sum() > 0
    assert (was.frames["purchase_orders"]["received"] < pd.Timestamp(cut)).sum() > 0
    for name in ("value", "bound", "kind", "weight", "rule", "log_price"):
        np.testing.assert_array_equal(getattr(was.panel, name), getattr(then.panel, name), name)


def test_a_revision_counts_from_the_day_after_it_was_recorded(folder: Path, tmp_path: Path) -> None:
    def revise(frame: pd.DataFrame) -> pd.DataFrame:
        frame["recorded"] = frame["date"]
        late = frame.iloc[[10]].assign(units="99", recorded="2023-05-01")
        return pd.concat([frame, late])

    revised = changed(folder, tmp_path / "a", "sales", revise)
    row = load(revised).frames["sales"].query("units == 99")
    assert len(row) == 1 and str(row["date"].iloc[0].date()) == "2023-01-12"
    assert not (load(revised, date(2023, 5, 1)).frames["sales"]["units"] == 99).any()


def test_every_rule_decides_its_cell() -> None:
    nan = np.nan
    cases = {  # units, opening, closing, in stock, open, listed, quarantined -> kind
        "not listed": ((0, 5, 5, nan, 1, 0, 0), MASKED),
        "closed": ((0, 5, 5, nan, 0, 1, 0), MASKED),
        "quarantined": ((900, 950, 50, nan, 1, 1, 1), MASKED),
        "not recorded": ((nan, 5, 5, nan, 1, 1, 0), MASKED),
        "never in stock": ((0, 0, 0, nan, 1, 1, 0), MASKED),
        "sold out": ((4, 4, 0, nan, 1, 1, 0), RIGHT_CENSORED),
        "in stock part of the day": ((4, 4, 3, 0.5, 1, 1, 0), RIGHT_CENSORED),
        "not in whole units": ((2.5, 9, 6.5, nan, 1, 1, 0), INTERVAL),
        "stock not recorded": ((2, nan, nan, nan, 1, 1, 0), EXACT),
        "stock left": ((2, 5, 3, nan, 1, 1, 0), EXACT),
    }
    for name, (fields, kind) in cases.items():
        seen = Observed(*(np.array([[[field]]], float) for field in fields))
        seen = seen._replace(**{f: getattr(seen, f).astype(bool) for f in ("open", "listed", "quarantined")})
        cells = classify(seen)
        assert NAMES[cells.rule[0, 0, 0]] == name
        assert cells.kind[0, 0, 0] == kind
        assert (cells.weight[0, 0, 0] == 0) == (kind == MASKED)
        if kind == RIGHT_CENSORED:
            assert cells.bound[0, 0, 0] == 4
        if kind == INTERVAL:
            assert (cells.value[0, 0, 0], cells.bound[0, 0, 0]) == (2, 3)
        # what could be sold, where one figure says it
        stock = {"sold out": 4.0, "not in whole units": 9.0, "stock left": 5.0}.get(name, nan)
        np.testing.assert_equal(cells.stock[0, 0, 0], stock, name)


def test_a_long_run_of_zeros_without_stock_records_is_doubted_and_a_short_one_is_not() -> None:
    units = np.tile([3.0, 2.0, 0.0, 4.0, 1.0], 20)[None, None]
    units[..., 40:52] = 0
    shape, nothing = units.shape, np.full(units.shape, np.nan)
    yes = np.ones(shape, bool)
    cells = classify(Observed(units, nothing, nothing, nothing, yes, yes, ~yes))
    # by hand: the run has 13 days; of the 87 others 17 are zeros; 3 % of shelves are empty
    z = (17 + 0.5) / (87 + 1)
    full = z**13
    assert NAMES[cells.rule[0, 0, 45]] == "stock not recorded, long run of zeros"
    assert cells.weight[0, 0, 45] == pytest.approx(0.97 * full / (0.97 * full + 0.03), rel=1e-12)
    assert cells.weight[0, 0, 2] == 1


@pytest.mark.parametrize(
    ("table", "change", "place"),
    [
        ("sales", lambda f: pd.concat([f, f.iloc[[3]].assign(units="77")]), "H005 sales.csv:2114:product"),
        ("sales", lambda f: cell(f, 4, "units", "99999999"), "H013 sales.csv:6:units"),
        ("inventory", lambda f: cell(cell(f, 0, "on_hand_open", ""), 0, "on_hand_close", ""), "H009 inventory.csv:2"),
        ("purchase_orders", lambda f: cell(f, 0, "status", "open"), "S003 purchase_orders.csv:2:status"),
        ("purchase_orders", lambda f: cell(f, 0, "received_units", ""), "S003 purchase_orders.csv:2:received"),
        ("purchase_orders", lambda f: cell(f, 0, "received", ""), "S003 purchase_orders.csv:2:received_units"),
        ("payments", lambda f: cell(f, 1, "due", "2020-01-01"), "S003 payments.csv:3:due"),
        ("hierarchy", lambda f: cell(f, 0, "parent", "item-0001"), "N012 hierarchy.csv:2:parent"),
    ],
)  # fmt: skip
def test_faults_say_file_row_and_column(folder: Path, tmp_path: Path, table: str, change, place: str) -> None:
    with pytest.raises(Faults) as error:
        load(changed(folder, tmp_path / "x", table, change))
    assert any(str(fault).startswith(place) for fault in error.value.faults), str(error.value)


def test_all_faults_come_at_once(folder: Path, tmp_path: Path) -> None:
    bad = changed(folder, tmp_path / "a", "payments", lambda f: cell(f, 1, "due", "2020-01-01"))
    bad = changed(bad, tmp_path / "b", "sales", lambda f: cell(cell(f, 4, "units", "x"), 9, "price", "y"))
    with pytest.raises(Faults) as error:
        load(bad)
    assert {fault.file for fault in error.value.faults} == {"payments.csv", "sales.csv"}
    assert len(error.value.faults) == 3


def test_counters_fail_beyond_their_threshold(folder: Path, tmp_path: Path, history: History) -> None:
    assert history.failures == []
    gaps = changed(folder, tmp_path / "a", "sales", lambda f: f.drop(f.index[5:400:2]))
    assert [words.split(":")[0] for words in load(gaps).failures] == ["missing day, store open"]
    wrong = changed(folder, tmp_path / "b", "inventory", lambda f: f.assign(on_hand_close=[
        str(int(close) + (n % 50 == 0)) for n, close in enumerate(f["on_hand_close"])]))  # fmt: skip
    broken = load(wrong)
    assert [words.split(":")[0] for words in broken.failures] == ["stock identity broken"]
    score = {s.quality: s for s in broken.scores}["consistency"]
    counter = next(c for c in broken.counters if c.rule == "stock identity broken")
    assert score.score == 1 - counter.found / counter.of and len(score.rows) == counter.found


def test_a_spike_is_labelled_by_its_evidence_and_an_error_is_quarantined(folder: Path, tmp_path: Path) -> None:
    wrong = changed(folder, tmp_path / "a", "sales", lambda f: cell(f, 20, "units", "600"))
    found = load(wrong)
    spike = found.spikes[found.spikes["units"] == 600].iloc[0]
    assert spike["label"] == "error" and "did not fall" in spike["evidence"]
    assert NAMES[found.panel.rule[spike["store"], spike["item"], spike["day"]]] == "quarantined"
    assert (found.frames["sales"]["units"] == 600).sum() == 1  # still there to be looked at
    kept = found.spikes[found.spikes["label"] == "real"]
    assert (found.panel.kind[kept["store"], kept["item"], kept["day"]] != MASKED).all()
