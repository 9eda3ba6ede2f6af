"""Companies of the reference cases of money (LEDGER.md 7: R14, R15, R17, R18, R20, R22), all on one padded
shape.

One store with three suppliers, two products and two channels runs every case, quiet where a case asks for
nothing. Each says how its timing maps to our day. Parameters come from tests/reference/finance_cases.json.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from tests.twin import adapter
from tests.twin.hand_worked import (
    MILLION,
    company,
    lane,
    line,
    node,
    opening,
    owed,
    plan,
    policy,
    product,
    replay,
    stock,
    supplier,
)
from twin.assembly import Model, assemble
from twin.network import Sizes

CASES = json.loads((Path(__file__).parent.parent / "reference" / "finance_cases.json").read_text())
DAYS = 128  # R15 needs 120 and R17 a day more than its longest leg
STORE, COST = "ST1", {"S1": 60_000, "S2": 130_000, "S3": 160_000}
LINES = [line(source, STORE, cost=cost, share=MILLION * (source == "S1")) for source, cost in COST.items()]
FOB_FIRST = [lane("S1", STORE, "FOB", mean_lead=5), lane("S2", STORE), lane("S3", STORE)]


def channel(id: str, kind: str, legs: list[tuple[int, int, bool]], **changes: int) -> dict:
    """legs: (days, share in ppm, bad)."""
    rows = [{"days": days, "share": share, "bad": bad} for days, share, bad in legs]
    return {"id": id, "kind": kind, "fee": 0, "advance": 0, "legs": rows} | changes


def shop(cash: int = 0, **changes: Any) -> dict:
    """The company of all cases, quiet unless asked; supplier bills fall due at once."""
    given = {
        "days": DAYS,
        "suppliers": [supplier(name, net_days=0) for name in COST],
        "nodes": [node(STORE)],
        "products": [product("A"), product("B")],
        "lanes": FOB_FIRST,
        "lines": [*LINES, line("S1", STORE, "B")],
        "channels": [
            channel("till", "card", [(0, MILLION, False)]),
            channel("trade", "b2b", [(0, MILLION, False)]),
        ],
        "revolver": {"limit": 0, "rate": 0, "fee": 0, "day_count": "ACT/360", "pay_days": []},
        "expected": {},
    }
    return company(changes.pop("opening", opening({1000: cash})), **(given | changes))


# -------------------- the cases


def r14() -> dict:
    """100 units a day at 10.00, bought at 6.00 FOB, five days on the way, three days of safety stock, net 30,
    T+2.

    Timing: what leaves in step 8 of day t with lead time 5 arrives in step 2 of day t + 5, so five shipments
    are on the way at every close; position 800 = 3 days on the shelf + 5 on the way. A bill of day t is paid
    in step 6 of day t + 30 (30 bills stand at a close), a sale is collected in step 5 of day t + 2. The start
    is not the steady state: all 800 units lie on the shelf and nothing is owed; from day 30 on every figure
    stands still.
    """
    return shop(
        opening=opening({1000: 100_000, 1210: 480_000}, stock=[stock(STORE, "A", 800, 480_000)]),
        suppliers=[supplier("S1", net_days=30), supplier("S2"), supplier("S3")],
        policies=[policy(STORE, "A", 800, 800)],
        channels=[
            channel("till", "card", [(2, MILLION, False)]),
            channel("trade", "b2b", [(0, MILLION, False)]),
        ],
        replay=replay(demand={t: {(STORE, "A"): 100} for t in range(DAYS)}),
    )


def r15(pay_days: list[int]) -> dict:
    """10,000 a day goes out, nothing comes in, the line lends at 9 % ACT/360.

    Timing: interest on the opening balance (step 1) comes before the day's draw (step 7), as in the case.
    """
    return shop(
        revolver={
            "limit": 500_000_000,
            "rate": 90_000,
            "fee": 0,
            "day_count": "ACT/360",
            "pay_days": pay_days,
        },
        planned=[plan(t, 1_000_000, "payroll") for t in range(120)],
    )


def late_law() -> np.ndarray:
    """(90,) P(paid k days late), k = 1 .. 90, of those who pay late: Weibull(1.2, 14) in days, the tail on
    day 90.
    """
    p = CASES["R17"]["params"]
    upto = stats.weibull_min(p["weib_shape"], scale=p["weib_scale"]).cdf(np.arange(91))
    upto[-1] = 1.0
    return np.diff(upto)


def r17(days: range) -> dict:
    """1,000 a day sold to businesses on `days`: 55 % pay on day 30, 44 % late, 1 % never (written off on day
    120).
    """
    whole = np.floor(440_000 * late_law()).astype(int)
    legs = [(30, 550_000 + 440_000 - int(whole.sum()), False)]
    legs += [(30 + k, int(w), False) for k, w in enumerate(whole, start=1)] + [(120, 10_000, True)]
    return shop(
        opening=opening({1210: 12_800 * 600}, stock=[stock(STORE, "A", 12_800, 12_800 * 600)]),
        nodes=[node(STORE, channel="trade")],
        channels=[channel("till", "card", [(0, MILLION, False)]), channel("trade", "b2b", legs)],
        replay=replay(demand={t: {(STORE, "A"): 100} for t in days}),
    )


def r18() -> dict:
    """Buy 100 @ 10 (day 0), 50 @ 13 (day 1), sell 120 (day 2), buy 60 @ 16 (day 3), sell 50 (day 4), 10 come
    back (day 5), sell 30 (day 6), then a write-down test at 12.

    Each price is a supplier of its own, delivered duty paid: a unit costs what its lane says on the day it
    arrives. The 10 units are a twelfth of the 120 sold three days before; what the 50 send back comes on day
    7, too late.
    """
    return shop(
        cash=1_000_000,
        products=[
            product("A", return_share=83_333, return_lag=3, recoverable=120_000, price=200_000),
            product("B", recoverable=60_000),
        ],
        lanes=[lane(name, STORE) for name in COST],
        lines=[
            line("S1", STORE, cost=100_000),
            line("S2", STORE, cost=130_000, share=0),
            line("S3", STORE, cost=160_000, share=0),
            line("S1", STORE, "B"),
        ],
        opening=opening(
            {1000: 1_000_000},
            transit=[
                {"day": day, "from": name, "to": STORE, "product": "A", "units": units}
                for day, name, units in [(0, "S1", 100), (1, "S2", 50), (3, "S3", 60)]
            ],
        ),
        writedown_days=[6],
        replay=replay(demand={2: {(STORE, "A"): 120}, 4: {(STORE, "A"): 50}, 6: {(STORE, "A"): 30}}),
    )


def r20() -> dict:
    """Receivables of 1,000,000 of which 737,500 are eligible; stock of 3,000,000, of which 400,000 is
    ineligible.

    The twin lends by channel and product: what is past due, cross-aged or above the concentration limit
    stands in a channel without advance, ineligible stock in a product whose liquidation value is 0.
    """
    good, stock_value = eligible_receivables(), 300_000_000
    return shop(
        opening=opening(
            {1100: good, 1110: 100_000_000 - good, 1210: stock_value, 2400: -150_000_000},
            receivables=[
                owed(100, good, channel="till"),
                owed(100, 100_000_000 - good, channel="trade"),
            ],
            stock=[stock(STORE, "A", 1000, stock_value - 40_000_000), stock(STORE, "B", 1000, 40_000_000)],
        ),
        products=[product("A", nolv=800_000), product("B", nolv=0)],
        channels=[
            channel("till", "card", [(0, MILLION, False)], advance=850_000),
            channel("trade", "b2b", [(0, MILLION, False)]),
        ],
        revolver={"limit": 200_000_000, "rate": 0, "fee": 0, "day_count": "ACT/360", "pay_days": []},
        base={
            "inventory_advance": 650_000,
            "nolv_advance": 850_000,
            "reserves": 10_000_000,
            "in_transit": False,
            "days": [0],
        },
    )


def eligible_receivables() -> int:
    """Cents, by the rules of the case: past due and cross-aged out, then what passes 25 % of the rest in one
    name.
    """
    p = CASES["R20"]["params"]
    rest = p["AR"] - p["past_due_90"] - p["cross_aged"]
    return round(100 * (rest - max(p["biggest_customer"] - p["concentration"] * rest, 0)))


def r22(cap: float) -> dict:
    """All cash buys goods at 6 that are sold at 10 a cycle of seven days later, four times.

    Timing: ordered, dispatched and paid on days 0, 7, 14, 21 (FOB, due at once, step 9), six days on the way,
    sold and collected on days 6, 13, 20, 27, so that the next cycle's order sees the money. `cap` is the most
    a cycle orders.
    """
    return shop(
        cash=60_000,
        lanes=[lane("S1", STORE, "FOB", mean_lead=6), lane("S2", STORE), lane("S3", STORE)],
        policies=[policy(STORE, "A", cap, cap) | {"period": 7}],
        replay=replay(demand={t: {(STORE, "A"): 10**7} for t in range(28)}),
    )


SMOOTH_CASES = {
    "R15 daily": lambda: r15(list(range(DAYS))),
    "R15 never": lambda: r15([]),
    "R15 every 30 days": lambda: r15([29, 59, 89, 119]),
    "R17": lambda: r17(range(DAYS)),
    "R17 one day": lambda: r17(range(1)),
    "R18": r18,
    "R22 no cap": lambda: r22(10**7),
    "R22 250": lambda: r22(250),
    "R22 50": lambda: r22(50),
}


@cache
def room() -> Sizes:
    found = [assemble(adapter.company(case())).network.sizes for case in [*SMOOTH_CASES.values(), r14, r20]]
    sizes = found[0]
    for other in found[1:]:
        sizes = sizes.cover(other)
    return sizes


def built(name: str) -> Model:
    return adapter.model(SMOOTH_CASES[name](), room())
