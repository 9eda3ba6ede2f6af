"""Studies: on real data, skipped where it is not there, and simulation-based calibration with all its replicates."""

import jax
import numpy as np
import pytest

from calibration import sbc
from calibration.studies import civ, freshretailnet, sbc_demand, sbc_lead_times, scms


def present(folder):
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def test_the_stock_identity_holds_on_every_row_and_one_altered_number_is_found(data):
    rows = civ.read(present(data / "civ_contraceptives"))
    assert len(rows) > 1000 and civ.gaps(rows).empty
    rng = np.random.default_rng(0)
    for column in ("stock_initial", "stock_received", "stock_distributed", "stock_adjustment", "stock_end"):
        row = int(rng.integers(len(rows)))
        altered = rows.copy()
        altered.loc[row, column] += 1
        found = civ.gaps(altered)
        assert found.index.tolist() == [row] and abs(found["gap"].iloc[0]) == 1


def within(share: float, band: tuple[float, float]) -> bool:
    return band[0] <= share <= band[1]


@pytest.mark.slow
def test_lead_times_as_of_the_past_are_what_they_were(data):
    rows = list(scms.study(present(data / "scms")))
    censored = [row for row in rows if row["likelihood"] == "censored"]
    closed = [row for row in rows if row["likelihood"] == "closed only"]
    assert len(censored) >= 2
    for row in censored:
        assert abs(row["bias"]) <= 0.05, row
    # the negative control: leaving open orders out is wrong by more
    assert min(row["bias"] for row in closed) < -0.05


@pytest.mark.slow
def test_hidden_demand_is_recovered(data):
    with jax.enable_x64(True):
        rows = freshretailnet.study(present(data / "freshretailnet"), 400)
    for row in rows:
        assert abs(row["bias"]) <= 0.02, row
        assert all(within(row[f"cover {share}"], row[f"band {share}"]) for share in ("50%", "80%", "95%")), row


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["closed only", "age as lead time"])
def test_lead_times_are_calibrated_and_wrong_likelihoods_are_not(lead_times, wrong):
    assert sbc.outside(lead_times["censored"]) == []
    assert "mean of a lane" in sbc.outside(lead_times[wrong])


@pytest.fixture(scope="module", params=[False, True], ids=["lane", "company"])
def lead_times(request):
    with jax.enable_x64(True):
        return sbc_lead_times.study(request.param, 256)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["naive", "drop"])
def test_demand_is_calibrated_and_wrong_likelihoods_are_not(demand, wrong):
    assert sbc.outside(demand["censored"]) == []
    assert "level" in sbc.outside(demand[wrong])


@pytest.fixture(scope="module")
def demand():
    with jax.enable_x64(True):
        return sbc_demand.study(256)
