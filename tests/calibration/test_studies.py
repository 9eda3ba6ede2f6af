"""Studies on real data: they skip where the data is not there; what is quick enough is checked, the rest is slow."""

import numpy as np
import pytest

from calibration.studies import civ


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
