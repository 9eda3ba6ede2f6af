"""From order lines to the twin's lead times: what travels together is one observation, and laws come out as tables."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calibration.lead_times import fitting

FIRST, UNTIL = pd.Timestamp("2024-01-01"), date(2025, 1, 1)
MEAN, DEVIATION, LONGEST = 9.0, 3.0, 40


def lines() -> pd.DataFrame:
    """Two lanes of gamma lead times, three products on every order; what comes after the cut is still open."""
    rng = np.random.default_rng(4)
    rows = []
    for source in ("near", "far"):
        for day in range(0, 366, 4):
            took = rng.gamma((MEAN / DEVIATION) ** 2, DEVIATION**2 / MEAN)
            came = FIRST + pd.Timedelta(days=day + int(np.floor(took)))
            here = came.date() < UNTIL
            for product in "abc":
                rows.append({
                    "order_id": f"{source}-{day}", "source": source, "node": "dc", "product": product,
                    "ordered": FIRST + pd.Timedelta(days=day), "received": came if here else pd.NaT,
                    "ordered_units": 10, "received_units": 10.0 if here else np.nan,
                })  # fmt: skip
    return pd.DataFrame(rows)


def test_lines_of_an_order_are_one_shipment_and_open_ones_stay() -> None:
    found = fitting.shipments(lines())
    assert len(found) == len(lines()) / 3
    assert (found["ordered_units"] == 30).all()
    book = fitting.book_of(lines(), UNTIL)
    assert book.counts["open"] == found["received"].isna().sum() > 0
    np.testing.assert_allclose(np.asarray(book.orders.weight), 1.0)


@pytest.mark.slow
def test_tables_are_the_laws_that_orders_came_from() -> None:
    lanes = [("far", "dc"), None, ("near", "dc"), ("dc", "store")]
    known = np.ones((len(lanes), LONGEST))
    tree, laws = fitting.calibrated(lines(), UNTIL, lanes, known, engine="laplace", draws=200, steps=2000, seed=0)
    table = laws["lead_cdf"].values
    true = stats.gamma((MEAN / DEVIATION) ** 2, scale=DEVIATION**2 / MEAN).cdf(np.arange(1, LONGEST + 1) + 1.0)
    for place in (0, 2):
        off = np.abs(table[:, place].mean(axis=0) - true)
        # 92 shipments: the standard error of a share is at most 0.052
        assert off.max() <= 4 * 0.052
    assert np.array_equal(table[:, 1], np.ones((200, LONGEST)))
    assert np.array_equal(table[:, 3], np.ones((200, LONGEST)))
    assert (table[:, :, -1] == 1).all()
    assert "lane_step" in tree["posterior"]
    with pytest.raises(fitting.TooLong, match=r"far to dc: .* of shipments.*lead_time_max"):
        fitting.calibrated(lines(), UNTIL, lanes, known[:, :8], engine="laplace", draws=50, steps=500, seed=0)
