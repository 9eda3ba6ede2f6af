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


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_hidden_hours_follow_the_luck_of_the_seen_ones_as_far_as_they_share_it(power: float) -> None:
    """Shared by all hours (power 0): the gamma posterior's own mean, (r + y) / (r + m). Each its own (1): no change."""
    r, mean, part = 2.5, 8.0, np.array([0.3, 0.3, 0.5])
    sites = {"level": np.full((1, 1), np.log(mean)), "weekday": np.zeros((1, 7)), "week": np.zeros((1, 1)),
             "effects": np.zeros((1, 3)), "size": np.array([[np.log(r), 0.0, power]])}  # fmt: skip
    zero, none = np.zeros(3, np.int32), np.zeros(3)
    c = freshretailnet.Cells(np.array([1.0, 12.0, 0.0]), np.array([0.6, 0.6, 0.0]), zero, zero, zero, none, none, none)
    found, size = freshretailnet.given_the_seen_hours(sites, c, part)
    luck = (r + c.sold) / (r + mean * c.exposure) if power == 0 else np.ones(3)
    np.testing.assert_allclose(found[0], mean * part * luck, rtol=1e-5)
    left = 1 / (r + mean * c.exposure) if power == 0 else 1 / (r * part)
    np.testing.assert_allclose(luck**2 / size[0], left, rtol=1e-4)
