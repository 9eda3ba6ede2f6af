"""What is known of a lead time as of a day: intervals, open, cancelled, partly delivered; nothing of the future."""

import numpy as np
import pandas as pd
import pytest

from calibration.lead_times.orders import RULES, age_as_lead_time, closed_only, order_book, padded
from calibration.panel import INTERVAL, MASKED, RIGHT_CENSORED

DAY = pd.Timestamp("2024-03-01")
NEVER = None
#       order, ordered, received, cancelled, units ordered, received
LINES = [
    ("a", 0, 9, NEVER, 10, 10),
    ("b", 0, 0, NEVER, 10, 10),
    ("c", 5, 3, NEVER, 10, 10),
    ("d", 2, NEVER, NEVER, 10, 0),
    ("e", 2, NEVER, 6, 10, 0),
    ("f", 1, 4, NEVER, 10, 4),
    ("f", 1, NEVER, NEVER, 10, 0),
    ("g", 0, 5, NEVER, 10, 6),
    ("g", 0, 7, NEVER, 10, 2),
    ("h", 20, 22, NEVER, 10, 10),
    ("i", 3, 25, NEVER, 10, 10),
]


def lines() -> pd.DataFrame:
    order, ordered, received, cancelled, units, came = zip(*LINES, strict=True)
    dates = {
        name: DAY + pd.to_timedelta(pd.Series(days, dtype=float), unit="D")
        for name, days in (("ordered", ordered), ("received", received), ("cancelled", cancelled))
    }
    return pd.DataFrame({"order_id": order, "product": "p", "source": "s", "node": "n", **dates,
                         "ordered_units": units, "received_units": came})  # fmt: skip


def book(rounding: str = "down", as_of: int = 10):
    return order_book(lines(), DAY + pd.Timedelta(days=as_of), rounding)


def test_every_row_is_classified_once_with_its_rule():
    b = book()
    assert [RULES[i] for i in b.rule] == [
        "received", "received on the day of the order", "received before the order", "open", "cancelled",
        "received", "open", "received", "received", "open",
    ]  # fmt: skip
    assert b.kind.tolist() == [INTERVAL, INTERVAL, MASKED, RIGHT_CENSORED, RIGHT_CENSORED, INTERVAL, RIGHT_CENSORED,
                               INTERVAL, INTERVAL, RIGHT_CENSORED]  # fmt: skip
    assert sum(b.counts.values()) == len(b.kind) == 10
    assert b.days == 11


@pytest.mark.parametrize(("rounding", "offset"), [("up", 0.0), ("nearest", 0.5), ("down", 1.0)])
def test_bounds_follow_the_declared_rounding(rounding, offset):
    o = book(rounding).orders
    inf = np.inf
    expected = [(8, 9), (None, None), (None, None), (8, inf), (4, inf), (2, 3), (9, inf), (4, 5), (6, 7), (7, inf)]
    for row, (low, high) in enumerate(expected):
        if low is not None:
            assert (o.lower[row], o.upper[row]) == (low + offset, high + offset)
    assert (o.lower[1], o.upper[1]) == (0, 1)
    # a fault says nothing at all: P(0 < T) = 1
    assert (o.lower[2], o.upper[2]) == (0, inf)


def test_deliveries_of_a_line_weigh_one_together():
    b = book()
    # f: 4 of 10 came and the rest is open; g: closed short with 6 and 2
    assert b.orders.weight.tolist() == pytest.approx([1, 1, 1, 1, 1, 0.4, 0.6, 0.75, 0.25, 1])


def test_nothing_of_the_future_is_known():
    later = lines()
    after = DAY + pd.Timedelta(days=10)
    for name in ("received", "cancelled"):
        later.loc[later[name] > after, name] = pd.NaT
    early, blind = book(), order_book(later[later["ordered"] <= after], after)
    for a, b in zip(early.orders, blind.orders, strict=True):
        np.testing.assert_array_equal(a, b)
    assert book(as_of=25).counts["received"] > early.counts["received"]


def test_a_cancellation_without_a_date_says_nothing():
    frame = lines().assign(status="open")
    frame.loc[3, "status"] = "cancelled"
    found = order_book(frame, DAY + pd.Timedelta(days=10))
    assert (found.orders.lower[3], found.orders.upper[3]) == (0, np.inf)
    assert RULES[found.rule[3]] == "cancelled" and found.kind[3] == MASKED


def test_wrong_likelihoods_for_negative_controls_differ_where_orders_are_open():
    o = book().orders
    is_open = np.isinf(o.upper) & (o.lower > 0)
    assert (closed_only(o).lower[is_open] == 0).all() and (closed_only(o).lower[~is_open] == o.lower[~is_open]).all()
    assert np.isfinite(age_as_lead_time(o).upper[is_open]).all()


def test_padding_says_nothing_and_does_not_cut():
    o = padded(book().orders, 16)
    assert (o.lower[10:] == 0).all() and np.isinf(o.upper[10:]).all()
    with pytest.raises(ValueError, match="10 orders do not fit into 4"):
        padded(book().orders, 4)
    with pytest.raises(ValueError, match="no order was placed"):
        order_book(lines(), DAY - pd.Timedelta(days=1))
