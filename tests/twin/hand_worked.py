"""Small companies worked by hand: the day's rules as arithmetic that a reader can follow with a pencil.

Random companies compare two programmes; here both are compared with the rules themselves. Each company plays
about ten days and shows one thing. Beside it stand its figures, derived line by line from `twin/DAY.md`:
nothing here was copied from a programme. Comments give money in cents unless a decimal point says otherwise.

`CASES` holds the companies; `check(records, expected)` returns the differences of a run, none if all is well.
Balances are debit positive, so cash is positive and a payable negative.
"""

from dataclasses import dataclass

MILLION = 10**6
Expected = tuple[int, str, object, object]  # (day, key of the day's record, key within it or None, value)


@dataclass(frozen=True)
class HandWorked:
    name: str
    case: dict
    expected: list[Expected]


def check(records: list[dict], expected: list[Expected]) -> list[str]:
    """The differences between a run and the figures worked by hand."""
    differences = []
    for day, what, key, value in expected:
        found = records[day][what] if key is None else records[day][what][key]
        if found != value:
            place = what if key is None else f"{what} {key}"
            differences.append(f"day {day}, {place}: by hand {value}, found {found}")
    return differences


# -------------------- building a plain company, in which nothing happens unless it is asked for


def supplier(id: str, net_days: int = 30, **changes) -> dict:
    return {"id": id, "net_days": net_days, "credit_limit": None, "penalty": 0, "capacity": None} | changes


def node(id: str, kind: str = "store", **changes) -> dict:
    return {"id": id, "kind": kind, "channel": "till", "capacity": None, "storage": 0} | changes


def product(id: str, price: int = 100_000, **changes) -> dict:
    return {
        "id": id, "price": price, "vat": 0, "standard_cost": 60_000, "lost_share": MILLION, "shrink": 0,
        "shelf_life": None, "return_share": 0, "return_lag": 1, "recoverable": None, "nolv": 0,
    } | changes  # fmt: skip


def lane(source: str, to: str, title: str = "DDP", **changes) -> dict:
    return {
        "from": source, "to": to, "title": title, "capacity": None, "crossing": True, "freight": 0,
        "order_cost": 0, "deposit": 0, "mean_lead": 2,
    } | changes  # fmt: skip


def line(source: str, to: str, product: str = "A", cost: int = 60_000, **changes) -> dict:
    return {
        "from": source, "to": to, "product": product, "cost": cost, "pack": 1, "minimum": 0,
        "share": MILLION, "rank": None,
    } | changes  # fmt: skip


def policy(node: str, product: str, reorder_point: int, order_up_to: int, lot: int = 0) -> dict:
    return {
        "node": node, "product": product, "reorder_point": reorder_point, "order_up_to": order_up_to,
        "lot": lot, "period": 1, "offset": 0,
    }  # fmt: skip


def till(*legs: tuple[int, int], **changes) -> list[dict]:
    """The one channel, with legs (days, share); paid on the day of the sale unless told otherwise."""
    rows = [{"days": days, "share": share, "bad": False} for days, share in legs or [(0, MILLION)]]
    return [{"id": "till", "kind": "card", "fee": 0, "advance": 0, "legs": rows} | changes]


def opening(balances: dict[int, int], **tables: list[dict]) -> dict:
    """An opening whose share capital balances the rest."""
    names = ("stock", "backorders", "open", "transit", "transit_value", "payables", "overdue", "receivables",
             "writeoffs", "accrued", "vat_due", "tax_due")  # fmt: skip
    rows = {name: tables.get(name, []) for name in names}
    balances = balances | {3000: -sum(balances.values())}
    return rows | {"balances": balances, "interest": {"revolver": 0, "term_loan": 0}}


def stock(node: str, product: str, units: int, value: int) -> dict:
    return {"node": node, "product": product, "units": units, "value": value}


def owed(day: int, amount: int, **party: str) -> dict:
    return {"day": day, "amount": amount} | party


def plan(day: int, amount: int, label: str) -> dict:
    return {"day": day, "amount": amount, "label": label}


def shock(field: str, start: int, days: int, **changes) -> dict:
    selectors = dict.fromkeys(("supplier", "node", "product", "channel", "facility"))
    row = {"id": field, "field": field, "severity": MILLION, "start": start, "days": days}
    return row | selectors | changes


def replay(**given: dict) -> dict:
    return {"demand": {}, "lead": {}, "return_w": {}, "shrink_w": {}} | given


def company(opening: dict, **changes) -> dict:
    """Supplier S1 feeds store ST1 with product A (price 10.0000, cost 6.0000, no VAT) for ten days."""
    return {
        "start": "2026-01-05",
        "days": 10,
        "weekend": [],
        "holidays": [],
        "suppliers": [supplier("S1")],
        "nodes": [node("ST1")],
        "products": [product("A")],
        "lanes": [lane("S1", "ST1")],
        "lines": [line("S1", "ST1")],
        "policies": [],
        "channels": till(),
        "revolver": None,
        "term_loan": None,
        "default_margin": 0,
        "base": None,
        "covenants": [],
        "default": {"cash_flow": None, "balance_sheet": False, "covenant": None},
        "gate": {"kind": "spot", "days": 0, "beta": 0, "buffer": 0},
        "minimum_cash": 0,
        "accrual_days": 3,
        "vat_lag": 2,
        "tax_rate": 0,
        "tax_lag": 2,
        "vat_days": [],
        "tax_days": [],
        "writedown_days": [],
        "year_end_days": [],
        "planned": [],
        "opening": opening,
        "shocks": [],
        "replay": replay(),
        "expected": {t: [0] for t in range(10)},
    } | changes


# -------------------- (a) a revolver draw and its repayment, with interest and commitment fee
#
# 9 % on ACT/360 is balance / 4000 a day; the fee of 0.36 % is undrawn / 100,000 a day. Minimum cash is
# 20,000.

REVOLVER = HandWorked(
    name="a revolver draw and its repayment",
    case=company(
        opening({1000: 100_000, 1100: 300_000}, receivables=[owed(5, 300_000, channel="till")]),
        revolver={"limit": 500_000, "rate": 90_000, "fee": 3_600, "day_count": "ACT/360", "pay_days": [4, 9]},
        minimum_cash=20_000,
        planned=[plan(1, 250_000, "payroll")],
    ),
    expected=[
        # Day 0: nothing drawn; fee 500,000 / 100,000 = 5.
        (0, "balances", 7020, 5),
        (0, "balances", 2300, -5),
        (0, "headroom", None, 600_000),
        # Day 1: fee 5. Wages 250,000 leave cash at -150,000; the sweep draws 20,000 + 150,000 = 170,000.
        (1, "balances", 6000, 250_000),
        (1, "balances", 1000, 20_000),
        (1, "balances", 2400, -170_000),
        (1, "headroom", None, 20_000 + 330_000),
        # Days 2 to 4: interest 170,000 / 4000 = 42.5, a tie: 42. Fee 330,000 / 100,000 = 3.3: 3.
        (2, "balances", 7000, 42),
        (2, "balances", 2300, -(10 + 45)),
        (3, "balances", 2300, -100),
        # Day 4 is a payment day: 145 is paid, so the sweep draws 145 again.
        (4, "balances", 7000, 126),
        (4, "balances", 7020, 5 + 5 + 3 * 3),
        (4, "balances", 2300, 0),
        (4, "balances", 1000, 20_000),
        (4, "balances", 2400, -170_145),
        # Day 5: interest 170,145 / 4000 = 42.54: 43; fee 329,855 / 100,000 = 3.30: 3. The customer pays
        # 300,000: cash 320,000, of which min(170,145, 300,000) repays the revolver.
        (5, "balances", 2300, -46),
        (5, "balances", 2400, 0),
        (5, "balances", 1000, 149_855),
        # Days 6 to 9: fee 5 a day. On day 9 46 + 4 x 5 = 66 is paid.
        (8, "balances", 2300, -61),
        (9, "balances", 2300, 0),
        (9, "balances", 7000, 126 + 43),
        (9, "balances", 7020, 19 + 3 + 4 * 5),
        (9, "balances", 1000, 100_000 + 300_000 - 250_000 - 145 - 66),
        (9, "headroom", None, 149_789 + 500_000),
    ],
)


# -------------------- (b) a spot gate cuts, with packs and minimum orders
#
# A: cost 6.00, VAT 20 %, packs of 10, at least 20. B: cost 2.50, no VAT, packs of 6, at least 30. DDP, two
# days on the way, 5.00 per order line. The buffer is 100.00, so B = cash - 100.00. A line costs units x
# 7.20 + 5 or units x 2.50 + 5.

GATE = HandWorked(
    name="a spot gate with pack and minimum",
    case=company(
        opening(
            {1000: 100_000, 1210: 28_000},
            stock=[stock("ST1", "A", 30, 18_000), stock("ST1", "B", 40, 10_000)],
        ),
        products=[product("A", vat=200_000), product("B", price=40_000)],
        lanes=[lane("S1", "ST1", order_cost=500)],
        lines=[
            line("S1", "ST1", "A", pack=10, minimum=20),
            line("S1", "ST1", "B", cost=25_000, pack=6, minimum=30),
        ],
        policies=[policy("ST1", "A", 150, 150), policy("ST1", "B", 100, 100)],
        gate={"kind": "spot", "days": 0, "beta": 0, "buffer": 10_000},
        planned=[plan(3, 200_000, "rent"), plan(5, 25_000, "equity")],
        replay=replay(demand={1: {("ST1", "A"): 25}, 3: {("ST1", "A"): 60, ("ST1", "B"): 50}}),
    ),
    expected=[
        # Day 0: wishes 150 - 30 = 120 of A and 100 - 40 = 60 of B. T = (864 + 5) + (150 + 5) = 1024, B = 900.
        # A: 120 x 900 / 1024 = 105.5, so 105, in packs 100. B: 60 x 900 / 1024 = 52.7, so 52, in packs 48.
        (0, "ordered", ("S1", "ST1", "A"), 100),
        (0, "ordered", ("S1", "ST1", "B"), 48),
        (0, "balances", 5050, 1_000),
        (0, "headroom", None, 100_000),
        # Day 1: 25 of A sell for 250.00 + 50.00; their value is 18,000 x 25 / 30. Cash 1300.00, B = 1200.
        # A: position 5 + 100 = 105, wish 45, in packs 50. B: 40 + 48 = 88, wish 12, raised to 30. T = 365 +
        # 80 = 445: no cut.
        (1, "balances", 1000, 130_000),
        (1, "balances", 5000, 15_000),
        (1, "ordered", ("S1", "ST1", "A"), 50),
        (1, "ordered", ("S1", "ST1", "B"), 30),
        # Day 2: 100 of A (600.00 + 120.00) and 48 of B (120.00) arrive and are billed. Positions 155 and
        # 118: no wish.
        (2, "received", ("S1", "ST1", "A"), 100),
        (2, "on_hand", ("ST1", "B"), 88),
        (2, "balances", 2000, -84_000),
        (2, "balances", 1400, 12_000),
        (2, "ordered", ("S1", "ST1", "A"), 0),
        # Day 3: 50 of A and 30 of B arrive; 60 of A sell for 720.00, 50 of B for 200.00. Order costs of day
        # 0 (10.00) and rent fall due: cash 1300 + 920 - 10 - 2000 = 210.00, B = 110. Wishes 150 - 95 = 55,
        # packed 60, and 100 - 68 = 32, packed 36. T = 437 + 95 = 532. A: 60 x 110 / 532 = 12.4, packed 10,
        # below 20: nothing. B: 7, packed 6: nothing.
        (3, "balances", 1000, 21_000),
        (3, "on_hand", ("ST1", "A"), 95),
        (3, "ordered", ("S1", "ST1", "A"), 0),
        (3, "ordered", ("S1", "ST1", "B"), 0),
        (3, "balances", 5050, 2_000),
        # Day 4: order costs of day 1: cash 200.00. Nothing again.
        (4, "balances", 1000, 20_000),
        # Day 5: the owners add 250.00: B = 450 - 100 = 350. A: 60 x 350 / 532 = 39.5, packed 30. B: 23.7,
        # packed 18: nothing.
        (5, "balances", 1000, 45_000),
        (5, "ordered", ("S1", "ST1", "A"), 30),
        (5, "ordered", ("S1", "ST1", "B"), 0),
        (5, "balances", 5050, 2_500),
        # Day 6: A: 95 + 30 = 125, wish 25, packed 30. B: 36 again. T = (216 + 5) + 95 = 316, B = 350: no cut.
        (6, "ordered", ("S1", "ST1", "A"), 30),
        (6, "ordered", ("S1", "ST1", "B"), 36),
        # Day 9: order costs 5.00 (day 8) and 10.00 (day 9) are paid. Bills: 840 + (360 + 75) + 216 + (216 +
        # 90) = 1797.00. Stock: 155 of A at 6.00, 104 of B at 2.50. Cost of goods: 85 x 6.00 + 50 x 2.50.
        (9, "balances", 1000, 43_500),
        (9, "balances", 2000, -179_700),
        (9, "value", ("ST1", "A"), 93_000),
        (9, "value", ("ST1", "B"), 26_000),
        (9, "balances", 5000, 63_500),
        (9, "balances", 5050, 3_500),
        (9, "balances", 2200, -17_000),
        (9, "balances", 1400, 25_200),
    ],
)


# -------------------- (c) partial payment, and a penalty that compounds
#
# The penalty is overdue / 1000 a day at S1 (36.5 % a year) and overdue / 500 at S2 (73 %).

PENALTY = HandWorked(
    name="partial payment and a penalty that compounds",
    case=company(
        opening(
            {1000: 50_000, 1100: 110_000, 2000: -165_000},
            payables=[
                owed(0, 60_000, supplier="S1"),
                owed(0, 30_000, supplier="S2"),
                owed(2, 5_000, supplier="S1"),
                owed(5, 70_000, supplier="S2"),
            ],
            receivables=[owed(2, 10_000, channel="till"), owed(4, 100_000, channel="till")],
        ),
        suppliers=[supplier("S2", penalty=730_000), supplier("S1", penalty=365_000)],
    ),
    expected=[
        # Day 0: 50,000 for 90,000. S1 gets floor(50,000 x 60,000 / 90,000) = 33,333, S2 the rest of the
        # cumulative, 16,667.
        (0, "balances", 1000, 0),
        (0, "overdue", "S1", 26_667),
        (0, "overdue", "S2", 13_333),
        (0, "balances", 2000, -75_000),
        # Day 1: 26,667 / 1000 = 26.7: 27. 13,333 / 500 = 26.7: 27.
        (1, "overdue", "S1", 26_694),
        (1, "overdue", "S2", 13_360),
        (1, "balances", 7020, 54),
        # Day 2: + 27 = 26,721 and + 27 = 13,387, together 40,108. Of 10,000 collected S1 gets floor(10,000
        # x 26,721 / 40,108) = 6,662, S2 3,338. Nothing is left for the bill of 5,000, which is now overdue.
        (2, "overdue", "S1", 26_721 - 6_662 + 5_000),
        (2, "overdue", "S2", 13_387 - 3_338),
        (2, "balances", 2000, -70_000),
        (2, "balances", 2010, -(25_059 + 10_049)),
        # Day 3: 25,059 / 1000 = 25; 10,049 / 500 = 20.1: 20.
        (3, "overdue", "S1", 25_084),
        (3, "overdue", "S2", 10_069),
        (3, "balances", 7020, 54 + 54 + 45),
        # Day 4: 25 and 20 more, 25,109 + 10,089 = 35,198; 100,000 comes in and all is paid.
        (4, "overdue", "S1", 0),
        (4, "overdue", "S2", 0),
        (4, "balances", 1000, 64_802),
        # Day 5: 70,000 due; 64,802 is paid.
        (5, "overdue", "S2", 5_198),
        (5, "balances", 2000, 0),
        # Days 6 to 9: 5,198 / 500 = 10.4, and 10 each day after.
        (6, "overdue", "S2", 5_208),
        (9, "overdue", "S2", 5_238),
        (9, "overdue", "S1", 0),
        (9, "balances", 7020, 198 + 4 * 10),
        (9, "balances", 1000, 0),
    ],
)


# -------------------- (d) insolvency by cash flow after two closes of grace; then the stock sells out
#
# S1 ships at most 5 a day to D1 (two days); D1 ships at most 4 a day to ST1 (one day, freight 0.50 a unit:
# 200 for 4, due three days later). ST1 sells 6 a day at 10.00; all goods are worth 6.00. Revolver 7.2 % (R
# / 5000 a day), full at 50,000; its fee never reaches half a cent. Loan of 360,000 at 10 %: 100 a day. The
# default margin is 3.6 %: then R x 0.0003 and 136 a day. Property of 500,000 only keeps equity positive.

DEFAULT = HandWorked(
    name="insolvency by cash flow, then sales out of the remaining stock",
    case=company(
        opening(
            {1000: 5_000, 1200: 18_000, 1210: 7_200, 1500: 500_000} | {2000: -40_000, 2400: -50_000, 2500: -360_000},
            stock=[stock("D1", "A", 30, 18_000), stock("ST1", "A", 12, 7_200)],
            open=[
                {"from": "S1", "to": "D1", "product": "A", "units": 30, "deposit": 0},
                {"from": "D1", "to": "ST1", "product": "A", "units": 10, "deposit": 0},
            ],
            payables=[owed(1, 40_000, supplier="S1")],
        ),
        suppliers=[supplier("S1", capacity=5)],
        nodes=[node("ST1"), node("D1", "dc")],
        lanes=[lane("S1", "D1"), lane("D1", "ST1", "internal", capacity=4, freight=5_000, mean_lead=1)],
        lines=[line("S1", "D1"), line("D1", "ST1", cost=0)],
        policies=[policy("ST1", "A", 30, 30)],
        revolver={"limit": 50_000, "rate": 72_000, "fee": 3_600, "day_count": "ACT/360", "pay_days": [9]},
        term_loan={"rate": 100_000, "day_count": "ACT/360", "pay_days": [9]},
        default_margin=36_000,
        default={"cash_flow": 2, "balance_sheet": False, "covenant": None},
        planned=[plan(7, 1_000, "capex")],
        replay=replay(demand={t: {("ST1", "A"): 6} for t in range(10)}),
    ),
    expected=[
        # Day 0: sales 6,000; cash 11,000 repays the revolver: 39,000. ST1: position 6 + 10 = 16, wish 14;
        # open 24, 4 leave D1 with 18,000 x 4 / 30 = 2,400. S1 sends 5 of 30.
        (0, "balances", 2400, -39_000),
        (0, "ordered", ("D1", "ST1", "A"), 14),
        (0, "open", ("D1", "ST1", "A"), 20),
        (0, "transit_value", ("D1", "ST1", "A"), 2_400),
        (0, "open", ("S1", "D1", "A"), 25),
        (0, "headroom", None, 11_000),
        # Day 1: 39,000 / 5000 = 7.8: 8. Liquidity 6,000 + 11,000 = 17,000 for a bill of 40,000: 23,000 is
        # overdue (close 1). ST1: 4 + 20 = 24, wish 6, then open 26 - 4 = 22.
        (1, "balances", 2300, -(10 + 8 + 200)),
        (1, "overdue", "S1", 23_000),
        (1, "balances", 2400, -50_000),
        (1, "open", ("D1", "ST1", "A"), 22),
        (1, "headroom", None, 0),
        # Day 2: 5 arrive at D1, billed 3,000 for day 32. Sales 6,000 go to the overdue (close 2).
        # ST1: 2 + 22 = 24, wish 6, open 28 - 4 = 24. D1: 22 + 5 - 4 = 23.
        (2, "overdue", "S1", 17_000),
        (2, "balances", 2000, -3_000),
        (2, "on_hand", ("D1", "A"), 23),
        (2, "defaulted", None, False),
        # Day 3: freight of day 0 (200) goes first, 5,800 to the overdue (close 3, more than 2: default from
        # tomorrow on). Orders still go: ST1: 0 + 24, wish 6, open 26; S1 has sent 20 of 30.
        (3, "overdue", "S1", 11_200),
        (3, "ordered", ("D1", "ST1", "A"), 6),
        (3, "open", ("S1", "D1", "A"), 10),
        (3, "balances", 2300, -(10 + 8 + 10 + 10 + 400)),
        (3, "defaulted", None, True),
        # Day 4: 50,000 x 0.0003 = 15 and 136. ST1 has the 4 that came: 4 sold, 2 lost; 200 of freight,
        # 3,800 to the overdue. No wish; the internal open order still ships 4; S1 ships nothing.
        (4, "balances", 2300, -(438 + 151)),
        (4, "sold", ("ST1", "A"), 4),
        (4, "lost", ("ST1", "A"), 2),
        (4, "overdue", "S1", 7_400),
        (4, "ordered", ("D1", "ST1", "A"), 0),
        (4, "open", ("D1", "ST1", "A"), 22),
        (4, "shipped", ("S1", "D1", "A"), 0),
        # Day 5: the last 5 on the way to D1 arrive and are billed: 30 - 4 = 26 there.
        (5, "overdue", "S1", 3_600),
        (5, "balances", 2000, -12_000),
        (5, "on_hand", ("D1", "A"), 26),
        (5, "in_transit", ("S1", "D1", "A"), 0),
        # Day 6: 4,000 - 200 - 3,600 = 200 is left and repays the revolver; its limit is of no use any more.
        (6, "overdue", "S1", 0),
        (6, "balances", 2400, -49_800),
        (6, "headroom", None, 0),
        # Day 7: 49,800 x 0.0003 = 14.9: 15. 3,800 repays. Capex lapses: not in default.
        (7, "lapsed", None, 1_000),
        (7, "balances", 2400, -46_000),
        (7, "balances", 1500, 500_000),
        # Day 8: 13.8: 14. Day 9: 42,200 x 0.0003 = 12.7: 13. Due on day 9: the revolver's 10 + 8 + 10 + 10
        # + 15 + 15 + 15 + 15 + 14 + 13 = 125 and the loan's 4 x 100 + 6 x 136 = 1,216. 4,000 - 200 - 1,341
        # = 2,459 repays.
        (8, "balances", 2400, -42_200),
        (9, "balances", 7000, 1_341),
        (9, "balances", 2300, 0),
        (9, "balances", 2400, -39_741),
        (9, "balances", 1000, 0),
        (9, "open", ("S1", "D1", "A"), 10),
        (9, "open", ("D1", "ST1", "A"), 2),
        (9, "on_hand", ("D1", "A"), 10),
        (9, "value", ("D1", "A"), 6_000),
        (9, "balances", 5030, 2_000),
        (9, "balances", 7020, 0),
        (9, "defaulted", None, True),
    ],
)


# -------------------- (e) a dc rations the orders that two stores place on the same day
#
# D1 dispatches at most 15 a day. ST1 keeps 20; ST2 orders up to 25 at 15 or less, in packs of 4; D1 orders
# lots of 15 to stay above 20. D1 -> stores takes a day, S1 -> D1 two.

RATION = HandWorked(
    name="a dc rations the same day's orders of two stores",
    case=company(
        opening(
            {1000: 100_000, 1200: 10_003, 1210: 15_000},
            stock=[stock("D1", "A", 17, 10_003), stock("ST2", "A", 15, 9_000), stock("ST1", "A", 10, 6_000)],
        ),
        nodes=[node("ST2"), node("D1", "dc", capacity=15), node("ST1")],
        lanes=[
            lane("D1", "ST2", "internal", mean_lead=1),
            lane("D1", "ST1", "internal", mean_lead=1),
            lane("S1", "D1"),
        ],
        lines=[line("D1", "ST2", cost=0, pack=4), line("D1", "ST1", cost=0), line("S1", "D1")],
        policies=[policy("D1", "A", 20, 20, lot=15), policy("ST1", "A", 20, 20), policy("ST2", "A", 15, 25)],
        replay=replay(
            demand={
                0: {("ST1", "A"): 2, ("ST2", "A"): 3},
                1: {("ST1", "A"): 4, ("ST2", "A"): 12},
                5: {("ST1", "A"): 5},
                7: {("ST2", "A"): 4},
            }
        ),
    ),
    expected=[
        # Day 0: ST1 8 on hand, wish 12. ST2 12 on hand, wish 13, packed 16. D1 sees both: position 17 - 28
        # = -11, lots 15 x (floor(31 / 15) + 1) = 45. Stock: 17 x 12 / 28 = 7.3: 7, and 10. Dispatch: 15 x 7
        # / 17 = 6.2: 6, and 9. Value: 10,003 x 15 / 17 = 8,826.2: 8,826; ST1's 6 of 15: 3,530.4: 3,530; ST2
        # 5,296.
        (0, "ordered", ("D1", "ST1", "A"), 12),
        (0, "ordered", ("D1", "ST2", "A"), 16),
        (0, "ordered", ("S1", "D1", "A"), 45),
        (0, "shipped", ("D1", "ST1", "A"), 6),
        (0, "shipped", ("D1", "ST2", "A"), 9),
        (0, "transit_value", ("D1", "ST1", "A"), 3_530),
        (0, "transit_value", ("D1", "ST2", "A"), 5_296),
        (0, "value", ("D1", "A"), 1_177),
        (0, "open", ("D1", "ST2", "A"), 7),
        # Day 1: ST1 8 + 6 - 4 = 10, worth 4,800 + 3,530 - 2,380 (4 of 14); position 16, wish 4, open 10.
        # ST2 12 + 9 - 12 = 9, worth 7,200 + 5,296 - 7,141 (12 of 21: 7,140.6); position 16: no wish, open
        # 7. D1 has 2: position 2 + 45 - 13 - 4 = 30, no wish. 2 x 10 / 17 = 1.2: one each. 1,177 is all:
        # 588 and 589.
        (1, "ordered", ("D1", "ST1", "A"), 4),
        (1, "ordered", ("D1", "ST2", "A"), 0),
        (1, "ordered", ("S1", "D1", "A"), 0),
        (1, "value", ("ST1", "A"), 5_950),
        (1, "value", ("ST2", "A"), 5_355),
        (1, "transit_value", ("D1", "ST1", "A"), 588),
        (1, "transit_value", ("D1", "ST2", "A"), 589),
        (1, "value", ("D1", "A"), 0),
        # Day 2: 45 arrive (27,000). ST1 stands at 11 + 9 = 20: an order of 0 is none. ST2: 10 + 6 = 16. All
        # 9 + 6 leave with 27,000 x 15 / 45 = 9,000, of which 5,400 and 3,600.
        (2, "ordered", ("D1", "ST1", "A"), 0),
        (2, "open", ("D1", "ST1", "A"), 0),
        (2, "transit_value", ("D1", "ST1", "A"), 5_400),
        (2, "on_hand", ("D1", "A"), 30),
        (2, "balances", 2000, -27_000),
        # Day 3: 20 at ST1, worth 5,950 + 588 + 5,400; 16 at ST2, worth 5,355 + 589 + 3,600.
        (3, "value", ("ST1", "A"), 11_938),
        (3, "value", ("ST2", "A"), 9_544),
        # Day 5: ST1 sells 5 of 20: 2,984.5, a tie: 2,984. Wish 5. D1 30 - 5 = 25: none.
        (5, "value", ("ST1", "A"), 8_954),
        (5, "shipped", ("D1", "ST1", "A"), 5),
        (5, "ordered", ("S1", "D1", "A"), 0),
        # Day 7: ST2 sells 4 of 16 (2,386), 12 left, wish 13, packed 16; 15 leave. D1: 25 - 16 = 9: one lot
        # of 15.
        (7, "value", ("ST2", "A"), 7_158),
        (7, "ordered", ("D1", "ST2", "A"), 16),
        (7, "shipped", ("D1", "ST2", "A"), 15),
        (7, "ordered", ("S1", "D1", "A"), 15),
        # Day 9: ST2 12 + 15 + 1 = 28, worth 7,158 + 9,000 + 600. D1 25 - 15 - 1 + 15 = 24 at 6.00.
        (9, "on_hand", ("ST2", "A"), 28),
        (9, "value", ("ST2", "A"), 16_758),
        (9, "value", ("D1", "A"), 14_400),
        # 30 units sold at 10.00; no bill is due yet.
        (9, "balances", 1000, 130_000),
    ],
)


# -------------------- (f) wages before taxes, taxes before the bank, arrears before today's bills
#
# No line of credit. Loan of 360,000 at 10 %: 100 a day, paid on days 1 and 5. VAT 25 %.

ARREARS = HandWorked(
    name="payment classes and arrears",
    case=company(
        opening(
            {1000: 25_000, 1100: 54_000, 1210: 6_000, 1500: 400_000}
            | {2000: -7_000, 2100: -10_000, 2200: -8_000, 2210: -4_000, 2500: -360_000},
            stock=[stock("ST1", "A", 10, 6_000)],
            payables=[owed(1, 7_000, supplier="S1")],
            accrued=[owed(1, 10_000)],
            vat_due=[owed(1, 8_000)],
            tax_due=[owed(1, 4_000)],
            receivables=[
                owed(day, amount, channel="till")
                for day, amount in ((2, 15_000), (3, 6_000), (5, 20_000), (6, 3_000), (7, 10_000))
            ],
        ),
        products=[product("A", vat=250_000, return_share=500_000, return_lag=3)],
        term_loan={"rate": 100_000, "day_count": "ACT/360", "pay_days": [1, 5]},
        planned=[
            plan(1, 30_000, "payroll"),
            plan(2, 4_000, "payroll"),
            plan(2, 5_000, "maturity"),
            plan(3, 7_500, "payroll"),
            plan(7, 9_000, "dividend"),
            plan(7, 2_000, "capex"),
        ],
        replay=replay(demand={0: {("ST1", "A"): 4}}),
    ),
    expected=[
        # Day 0: 4 sold for 40.00 + 10.00: cash 30,000.
        (0, "balances", 1000, 30_000),
        # Day 1: all 30,000 goes to wages and accruals (40,000). VAT, tax, interest (200) and the bill get
        # nothing.
        (1, "balances", 1000, 0),
        (1, "arrears", 2100, 10_000),
        (1, "arrears", 2200, 8_000),
        (1, "arrears", 2210, 4_000),
        (1, "arrears", 2300, 200),
        (1, "overdue", "S1", 7_000),
        # Day 2: 15,000. Class 1: arrears 10,000, then today's 4,000. 1,000 is left for VAT and tax:
        # floor(1,000 x 8,000 / 12,000) = 666 and 334. The maturity of 5,000 goes unpaid.
        (2, "arrears", 2100, 0),
        (2, "arrears", 2200, 7_334),
        (2, "arrears", 2210, 3_666),
        (2, "arrears", 2300, 200),
        (2, "arrears", 2500, 5_000),
        (2, "balances", 2500, -360_000),
        # Day 3: 2 of the 4 come back: value 3,600 x 2 / 6 = 1,200, refund 20.00 + 5.00. Today's class 1 is
        # 7,500 of wages and 2,500 of refunds; 6,000 pays 4,500 and 1,500.
        (3, "returned", ("ST1", "A"), 2),
        (3, "value", ("ST1", "A"), 4_800),
        (3, "balances", 4020, 2_000),
        (3, "arrears", 2100, 3_000),
        (3, "arrears", 2150, 1_000),
        (3, "arrears", 2200, 7_334),
        # Day 5: 20,000 less 4,000 (class 1) less 11,000 (class 2) leaves 5,000 for arrears of 200 interest
        # and 5,000 loan: floor(5,000 x 200 / 5,200) = 192 and 4,808. Today's interest of days 2 to 5, 400,
        # joins the 8 in arrears.
        (5, "arrears", 2150, 0),
        (5, "arrears", 2210, 0),
        (5, "arrears", 2300, 408),
        (5, "arrears", 2500, 192),
        (5, "balances", 2500, -355_192),
        (5, "overdue", "S1", 7_000),
        # Day 6: interest 355,192 / 3600 = 98.7: 99. 3,000 less arrears of 600 leaves 2,400 for the overdue.
        (6, "arrears", 2300, 0),
        (6, "arrears", 2500, 0),
        (6, "balances", 2300, -99),
        (6, "overdue", "S1", 4_600),
        # Day 7: 10,000 less 4,600 leaves 5,400: capex 2,000, then 3,400 of the dividend of 9,000.
        (7, "overdue", "S1", 0),
        (7, "balances", 1500, 402_000),
        (7, "balances", 3200, 3_400),
        (7, "lapsed", None, 5_600),
        (7, "balances", 1000, 0),
        # Day 9: 355,000 / 3600 = 98.6: 99 on each of days 6 to 9. VAT: 8,000 + 1,000 - 500 - 8,000 paid.
        (9, "balances", 7000, 600 + 4 * 99),
        (9, "balances", 2300, -396),
        (9, "balances", 2200, -500),
        (9, "lapsed", None, 0),
    ],
)


# -------------------- (g) a look-ahead gate of 5 days counts what is ordered already
#
# DDP, two days on the way, net 3: what is ordered today is due in five days, just inside. A unit costs 5.00
# + 20 % = 600. Order cost 300, due in 5 days too. S1 sends 10 a day. Fee 2 %, customers pay in two days.
# Buffer 2,000, beta one half. Beside each day: the lowest of headroom - buffer + receipts - dues + expected
# / 2, less 600 x units not yet ours.

LOOK_AHEAD = HandWorked(
    name="a look-ahead gate counts open orders",
    case=company(
        opening(
            {1000: 50_000, 1100: 12_000, 1210: 5_000, 2000: -25_000},
            stock=[stock("ST1", "A", 10, 5_000)],
            open=[{"from": "S1", "to": "ST1", "product": "A", "units": 30, "deposit": 0}],
            transit=[{"day": 1, "from": "S1", "to": "ST1", "product": "A", "units": 10}],
            payables=[owed(2, 10_000, supplier="S1"), owed(4, 15_000, supplier="S1")],
            receivables=[owed(3, 12_000, channel="till")],
        ),
        suppliers=[supplier("S1", net_days=3, capacity=10)],
        products=[product("A", vat=200_000)],
        lanes=[lane("S1", "ST1", order_cost=300)],
        lines=[line("S1", "ST1", cost=50_000)],
        policies=[policy("ST1", "A", 80, 80)],
        channels=till((2, MILLION), fee=20_000),
        accrual_days=5,
        gate={"kind": "look_ahead", "days": 5, "beta": 500_000, "buffer": 2_000},
        planned=[plan(5, 5_000, "rent")],
        replay=replay(demand={1: {("ST1", "A"): 5}}),
        expected={t: [0] * 6 for t in range(10)}
        | {
            0: [0, 0, 4_000, 4_000, 9_000, 9_000],
            1: [0, 1_000, 1_000, 5_000, 5_000, 5_000],
            4: [0, 10_000, 20_000, 30_000, 40_000, 50_000],
        },
    ),
    expected=[
        # Day 0: start 48,000. Day 1: the same. Day 2: bill -10,000, + 2,000 expected: 40,000. Day 3:
        # receipt 12,000 - 240 = 11,760: 51,760. Day 4: bill -15,000, + 4,500: 39,260. Day 5: rent: 34,260,
        # the lowest. Untitled 30 + 10: 24,000. B = 10,260: 102. Position 50, wish 30, T = 18,000 + 300:
        # 183. 30 x 102 / 183 = 16.7: 16. Open 46, 10 leave.
        (0, "ordered", ("S1", "ST1", "A"), 16),
        (0, "open", ("S1", "ST1", "A"), 36),
        (0, "in_transit", ("S1", "ST1", "A"), 20),
        # Day 1: 10 arrive, billed 6,000 for day 4; 5 sell for 6,000, due day 3. From 48,000: day 2 38,500
        # (with 500); day 3 + 18,000 - 360; day 4 - 21,000: 34,640 + 2,500; day 5 rent and 300: 31,840, the
        # lowest (day 6 the same). Untitled 36 + 10: 27,600. B = 4,240: 42. Position 61, wish 19, T = 11,400
        # + 300: 117. 19 x 42 / 117 = 6.8: 6.
        (1, "balances", 2000, -31_000),
        (1, "ordered", ("S1", "ST1", "A"), 6),
        # Day 2: cash 40,000. From 38,000: 55,640, 34,640, day 5 - 6,000 - 300 - 5,000, day 6 - 300: 23,040.
        # Untitled 32 + 10: 25,200, more than that: B = 0. (Without the open orders B would be 230 and T, for
        # 13 units, 81.)
        (2, "balances", 1000, 40_000),
        (2, "ordered", ("S1", "ST1", "A"), 0),
        (2, "open", ("S1", "ST1", "A"), 22),
        # Day 3: 17,640 comes in. From 55,640: - 21,000, - 11,300, - 6,300: 17,040, less 32 x 600: B = 0.
        (3, "balances", 1000, 57_640),
        (3, "balances", 6010, 360),
        (3, "ordered", ("S1", "ST1", "A"), 0),
        # Day 4: cash 36,640. From 34,640: day 5 23,340 + 5,000; day 6 17,040 + 10,000; day 7 11,040 +
        # 15,000 = 26,040, the lowest. Untitled 12 + 10: 13,200. B = 12,840: 128. Wish 13, T = 7,800 + 300:
        # 81. No cut.
        (4, "balances", 1000, 36_640),
        (4, "ordered", ("S1", "ST1", "A"), 13),
        (4, "open", ("S1", "ST1", "A"), 15),
        # Day 5: - 6,000 - 300 - 5,000. Then a bill of 6,000 on each of days 6 to 9, on days 6 and 9 with 300.
        (5, "balances", 1000, 25_340),
        (8, "balances", 1000, 7_040),
        (9, "balances", 1000, 740),
        # At last all 80 are here. Open are the bills of 10 units (day 10) and 5 units (day 11).
        (9, "on_hand", ("ST1", "A"), 80),
        (9, "value", ("ST1", "A"), 40_000),
        (9, "balances", 2000, -9_000),
        (9, "balances", 5050, 900),
    ],
)


# -------------------- (h) a write-down, its release on a sale, and a return to an empty node
#
# A can be recovered at 5.00; the standard cost is 6.00; VAT 10 %. Write-down tests on days 0, 4 and 8. A
# third of what was sold comes back three days later.

WRITE_DOWN = HandWorked(
    name="a write-down, its release, and a return to an empty node",
    case=company(
        opening(
            {1000: 10_000, 1210: 7_003},
            stock=[stock("ST1", "A", 10, 7_003)],
            transit=[{"day": 5, "from": "S1", "to": "ST1", "product": "A", "units": 4}],
        ),
        products=[product("A", vat=100_000, recoverable=50_000, return_share=333_333, return_lag=3)],
        lines=[line("S1", "ST1", cost=40_000)],
        writedown_days=[0, 4, 8],
        shocks=[shock("stock_loss", 2, 1, add=200_000), shock("price", 3, 1, factor=800_000)],
        replay=replay(
            demand={1: {("ST1", "A"): 3}, 3: {("ST1", "A"): 6}, 6: {("ST1", "A"): 1}},
            return_w={4: {("ST1", "A"): 1}, 6: {("ST1", "A"): 333_335}, 9: {("ST1", "A"): 666_666}},
            shrink_w={2: {("ST1", "A"): 600_000}},
        ),
    ),
    expected=[
        # Day 0: 7,003 - 10 x 500 = 2,003.
        (0, "allowance", ("ST1", "A"), 2_003),
        (0, "balances", 5010, 2_003),
        # Day 1: 3 of 10: value 2,100.9: 2,101; allowance 600.9: 601, which makes the sale cheaper.
        (1, "value", ("ST1", "A"), 4_902),
        (1, "allowance", ("ST1", "A"), 1_402),
        (1, "balances", 5000, 2_101 - 601),
        (1, "balances", 1000, 13_300),
        # Day 2: loss of (7 x 200,000 + 600,000) / 10^6 = 2 units exactly. Value 4,902 x 2 / 7 = 1,400.6;
        # allowance 400.6.
        (2, "shrunk", ("ST1", "A"), 2),
        (2, "balances", 5020, 1_401),
        (2, "balances", 5010, 2_003 - 401),
        (2, "value", ("ST1", "A"), 3_501),
        (2, "allowance", ("ST1", "A"), 1_001),
        # Day 3: at 8.00, 5 of the 6 wanted: all of the value, all of the allowance.
        (3, "lost", ("ST1", "A"), 1),
        (3, "balances", 4000, -(3_000 + 4_000)),
        (3, "balances", 5000, 1_500 + 3_501 - 1_001),
        (3, "value", ("ST1", "A"), 0),
        (3, "balances", 1290, 0),
        (3, "balances", 1000, 17_700),
        # Day 4: (3 x 333,333 + 1) / 10^6 = 1 unit of day 1 comes back to an empty shelf, at 600; refund
        # 10.00 + 1.00. The test: 600 - 500 = 100.
        (4, "returned", ("ST1", "A"), 1),
        (4, "balances", 5000, 4_000 - 600),
        (4, "balances", 1000, 16_600),
        (4, "allowance", ("ST1", "A"), 100),
        # Day 5: 4 arrive at 4.00: bill 1,600 + 160.
        (5, "value", ("ST1", "A"), 2_200),
        (5, "balances", 2000, -1_760),
        # Day 6: one sold: 440, release 20. Then (5 x 333,333 + 333,335) / 10^6 = 2 of day 3 come back, at
        # the average of what is left, 1,760 x 2 / 4 = 880; they are refunded at the price of day 3, 16.00 +
        # 1.60.
        (6, "allowance", ("ST1", "A"), 80),
        (6, "returned", ("ST1", "A"), 2),
        (6, "value", ("ST1", "A"), 2_640),
        (6, "balances", 4020, 1_000 + 1_600),
        (6, "balances", 1000, 16_600 + 1_100 - 1_760),
        # Day 8: 2,640 is below 6 x 500: the 80 are reversed.
        (8, "allowance", ("ST1", "A"), 0),
        (8, "balances", 5010, 1_602 + 100 - 80),
        # Day 9: (333,333 + 666,666) / 10^6 is just not a unit. VAT: 300 + 400 - 100 + 100 - 160.
        (9, "returned", ("ST1", "A"), 0),
        (9, "balances", 5000, 3_400 + 440 - 20 - 880),
        (9, "balances", 2200, -540),
    ],
)


# -------------------- (i) FOB with deposit, freight and VAT: title at dispatch; DDP beside it
#
# A from S1, FOB: 6.00 + 20 %, deposit 30 %, freight 0.25, order cost 4.00, net 3, at most 10 a day, three
# days on the way. B from S2, DDP: 2.00 + 10 %, deposit 50 %, net 0, two days. Day 0 is a Monday; days 5 and
# 6 are a weekend, day 9 a holiday. Accruals are due after 2 days. Customers pay 60 % after one day, 40 %
# after two.

TITLE = HandWorked(
    name="FOB with deposit, freight and VAT, beside DDP",
    case=company(
        opening({1000: 100_000, 1210: 3_000}, stock=[stock("ST1", "A", 5, 3_000)]),
        weekend=[5, 6],
        holidays=["2026-01-14"],
        suppliers=[supplier("S2", net_days=0), supplier("S1", net_days=3, capacity=10)],
        products=[product("A", vat=200_000), product("B", price=40_000, vat=100_000)],
        lanes=[
            lane("S1", "ST1", "FOB", freight=2_500, order_cost=400, deposit=300_000, mean_lead=3),
            lane("S2", "ST1", deposit=500_000),
        ],
        lines=[line("S1", "ST1", "A"), line("S2", "ST1", "B", cost=20_000)],
        policies=[policy("ST1", "A", 19, 19), policy("ST1", "B", 10, 10)],
        channels=till((1, 600_000), (2, 400_000)),
        accrual_days=2,
        vat_days=[7],
        replay=replay(demand={3: {("ST1", "A"): 6}, 4: {("ST1", "B"): 3}, 8: {("ST1", "A"): 10}}),
    ),
    expected=[
        # Day 0: 14 of A, deposit 30 % of 8,400 = 2,520; 10 of B, deposit 50 % of 2,000 = 1,000; both paid
        # in step 9. 10 of A leave and are ours: 6,000 + 1,200, of which the deposit pays 2,520 x 10 / 14 =
        # 1,800; 5,400 is due on day 3. Freight 250 and order cost 400 are due on day 2.
        (0, "balances", 1000, 100_000 - 3_520),
        (0, "transit_value", ("S1", "ST1", "A"), 6_250),
        (0, "deposit", ("S1", "ST1", "A"), 720),
        (0, "deposit", ("S2", "ST1", "B"), 1_000),
        (0, "balances", 1220, 6_250),
        (0, "balances", 1300, 1_720),
        (0, "balances", 1400, 1_200),
        (0, "balances", 2000, -5_400),
        (0, "balances", 2100, -650),
        # Day 1: the other 4: 2,400 + 480, less the last 720 of deposit: 2,160 for day 4. Freight 100 for
        # day 3.
        (1, "transit_value", ("S1", "ST1", "A"), 8_750),
        (1, "deposit", ("S1", "ST1", "A"), 0),
        (1, "balances", 2000, -7_560),
        (1, "balances", 1400, 1_680),
        # Day 2: B arrives and is ours: 2,000 + 200, less 1,000 of deposit; 1,200 is due at once. Accruals
        # 650.
        (2, "value", ("ST1", "B"), 2_000),
        (2, "balances", 1300, 0),
        (2, "balances", 2000, -7_560),
        (2, "balances", 1000, 96_480 - 650 - 1_200),
        # Day 3: 10 of A arrive with 8,750 x 10 / 14 = 6,250: 15 worth 9,250. 6 sell: 3,700. 72.00 is due:
        # 43.20 tomorrow, 28.80 on Saturday, so on Monday. Paid: 5,400 + 100. Wish 19 - 13 = 6: deposit
        # 1,080, paid today and used today: 4,320 - 1,080 = 3,240 due on Sunday, so on Monday; so are order
        # cost 400 and freight 150.
        (3, "value", ("ST1", "A"), 5_550),
        (3, "balances", 1000, 94_630 - 5_500 - 1_080),
        (3, "transit_value", ("S1", "ST1", "A"), 2_500 + 3_750),
        (3, "deposit", ("S1", "ST1", "A"), 0),
        (3, "balances", 2000, -(2_160 + 3_240)),
        (3, "balances", 2100, -550),
        # Day 4: 4 of A arrive with 6,250 x 4 / 10 = 2,500. 4,320 comes in, 2,160 goes out. 3 of B sell for
        # 12.00 + 1.20 (both legs on Monday); 3 are ordered with a deposit of 300.
        (4, "value", ("ST1", "A"), 8_050),
        (4, "value", ("ST1", "B"), 1_400),
        (4, "balances", 1000, 88_050 + 4_320 - 2_160 - 300),
        (4, "deposit", ("S2", "ST1", "B"), 300),
        (4, "balances", 2200, -1_320),
        # Day 6, a Sunday: both arrive. B: 600 + 60 - 300 = 360, net 0, so due on Monday.
        (6, "value", ("ST1", "A"), 11_800),
        (6, "value", ("ST1", "B"), 2_000),
        (6, "balances", 1220, 0),
        (6, "balances", 2000, -(3_240 + 360)),
        # Day 7: 2,880 + 1,320 comes in; 550 + 3,240 + 360 goes out. VAT: output 1,320, input 1,200 + 480 +
        # 200 + 720 + 60 = 2,660: the offset is 1,320 and nothing is due.
        (7, "balances", 1000, 89_910 + 4_200 - 4_150),
        (7, "balances", 2200, 0),
        (7, "balances", 1400, 1_340),
        # Day 8: 10 of A sell for 120.00, 11,800 x 10 / 19 = 6,210.5: 6,211. Both legs are due on day 10,
        # after the holiday. 10 ordered and sent: deposit 1,800, bill 5,400 for day 11, 650 of accruals for
        # day 10.
        (8, "value", ("ST1", "A"), 5_589),
        (8, "balances", 1000, 89_960 - 1_800),
        (9, "balances", 1000, 88_160),
        (9, "balances", 1100, 12_000),
        (9, "balances", 2000, -5_400),
        (9, "balances", 2100, -650),
        (9, "transit_value", ("S1", "ST1", "A"), 6_250),
    ],
)


# -------------------- (j) the closes: VAT paid, a tax loss carried forward, a year closed
#
# 100 units worth 4.00 each; price 10.00 + 20 %. Tax of 25 % on days 2, 5 and 8, VAT on day 3, both paid two
# days later; the year ends on day 5.

CLOSES = HandWorked(
    name="VAT, a tax loss carried forward, a year close",
    case=company(
        opening({1000: 60_000, 1210: 40_000, 1400: 2_600}, stock=[stock("ST1", "A", 100, 40_000)]),
        products=[product("A", vat=200_000)],
        tax_rate=250_000,
        tax_days=[2, 5, 8],
        vat_days=[3],
        year_end_days=[5],
        planned=[plan(1, 50_000, "payroll")],
        replay=replay(demand={t: {("ST1", "A"): units} for t, units in {0: 5, 2: 3, 3: 40, 4: 40, 6: 6, 9: 6}.items()}),
    ),
    expected=[
        # A unit brings 6.00 of profit. Days 0 to 2: 8 x 600 - 50,000 = -45,200: no tax.
        (0, "balances", 1000, 66_000),
        (2, "balances", 1000, 66_000 - 50_000 + 3_600),
        (2, "balances", 8000, 0),
        # Day 3: output VAT 48 x 200 = 9,600, input 2,600: 7,000 stays and is due on day 5.
        (3, "balances", 2200, -7_000),
        (3, "balances", 1400, 0),
        # Day 4: 8,000 more of VAT. Day 5: 7,000 paid; profit 80 x 600 = 48,000 less the loss of 45,200 is
        # 2,800: tax 700. The year: 88 x 600 - 50,000 - 700 = 2,100.
        (4, "balances", 4000, -88_000),
        (4, "balances", 2200, -15_000),
        (5, "balances", 2200, -8_000),
        (5, "balances", 2210, -700),
        (5, "balances", 3100, -2_100),
        (5, "balances", 4000, 0),
        (5, "balances", 5000, 0),
        (5, "balances", 6000, 0),
        (5, "balances", 8000, 0),
        (5, "balances", 1000, 19_600 + 96_000 - 7_000),
        # Day 7: the tax is paid. Day 8: 6 x 600 = 3,600: tax 900, due on day 10.
        (7, "balances", 2210, 0),
        (7, "balances", 1000, 108_600 + 7_200 - 700),
        (8, "balances", 8000, 900),
        (9, "balances", 2210, -900),
        (9, "balances", 4000, -12_000),
        (9, "balances", 5000, 4_800),
        (9, "value", ("ST1", "A"), 0),
        (9, "balances", 1000, 115_100 + 7_200),
    ],
)


# -------------------- (k) a borrowing base moves the limit; an over-advance; a covenant with a cure
#
# 80 % of receivables, min(50 %, 80 % x 70 %) = 50 % of stock, less 1,000; certificates on days 2 and 6.
# Goods worth 4.00 sell at 10.00 to be paid in 5 days. Minimum cash 10,000. Liquidity of 9,000 is tested on
# days 7 and 9, with one close to cure.

BASE = HandWorked(
    name="borrowing base, over-advance, covenant with cure",
    case=company(
        opening(
            {1000: 10_000, 1110: 25_000, 1210: 40_000, 2400: -39_000},
            stock=[stock("ST1", "A", 100, 40_000)],
            receivables=[owed(3, 20_000, channel="till")],
            writeoffs=[owed(5, 5_000, channel="till")],
        ),
        days=11,
        products=[product("A", nolv=700_000)],
        channels=till((5, MILLION), kind="b2b", advance=800_000),
        revolver={"limit": 100_000, "rate": 0, "fee": 0, "day_count": "ACT/360", "pay_days": []},
        base={
            "inventory_advance": 500_000,
            "nolv_advance": 800_000,
            "reserves": 1_000,
            "in_transit": False,
            "days": [2, 6],
        },
        covenants=[{"id": "cash", "kind": "minimum_liquidity", "threshold": 9_000, "days": [7, 9]}],
        default={"cash_flow": None, "balance_sheet": False, "covenant": 1},
        minimum_cash=10_000,
        planned=[plan(4, 50_000, "payroll"), plan(9, 47_000, "payroll")],
        shocks=[shock("collections", 7, 1, factor=200_000)],
        replay=replay(demand={0: {("ST1", "A"): 10}, 2: {("ST1", "A"): 50}}),
        expected={t: [0] for t in range(11)},
    ),
    expected=[
        # Opening: 80 % of 25,000 (with what will be written off) + 50 % of 40,000 - 1,000 = 39,000: the
        # line is full.
        (0, "base", None, 39_000),
        (0, "headroom", None, 10_000),
        # Day 2: receivables 25,000 + 10,000 + 50,000: 68,000; stock 40 x 400: 8,000; base 75,000 from
        # tomorrow.
        (2, "base", None, 75_000),
        (2, "headroom", None, 10_000),
        # Day 3: 20,000 comes in and repays.
        (3, "balances", 2400, -19_000),
        (3, "headroom", None, 10_000 + 56_000),
        # Day 4: wages 50,000 out of 66,000; cash -40,000, draw 50,000.
        (4, "balances", 2400, -69_000),
        (4, "balances", 1000, 10_000),
        (4, "headroom", None, 16_000),
        # Day 5: 10,000 comes in and repays; 5,000 is written off.
        (5, "balances", 2400, -59_000),
        (5, "balances", 6020, 5_000),
        (5, "balances", 1110, 50_000),
        # Day 6: 40,000 + 8,000 - 1,000 = 47,000 from tomorrow; today the limit is still 75,000.
        (6, "base", None, 47_000),
        (6, "headroom", None, 10_000 + 16_000),
        # Day 7: a fifth of 50,000 is collected. Over-advance 12,000 goes before minimum cash: 20,000 -
        # 12,000 = 8,000 and nothing to draw. Headroom 8,000: breach, close 1.
        (7, "balances", 2400, -47_000),
        (7, "balances", 1000, 8_000),
        (7, "headroom", None, 8_000),
        (7, "defaulted", None, False),
        # Day 8: the other 40,000: 38,000 repays. Headroom 48,000: cured.
        (8, "balances", 2400, -9_000),
        (8, "headroom", None, 48_000),
        # Day 9: wages 47,000 out of 48,000; draw min(47,000, 38,000). Headroom 1,000: breach, close 1 again.
        (9, "balances", 2400, -47_000),
        (9, "balances", 1000, 1_000),
        (9, "defaulted", None, False),
        # Day 10: no test day, but still in breach: close 2, more than 1.
        (10, "headroom", None, 1_000),
        (10, "defaulted", None, True),
    ],
)


# -------------------- (l) backlog, an outage at the first source, goods that may not overtake, shelf life
#
# S1 comes first, S2 second; S1's lane (100 a day) is shut on days 0 and 1. It takes 3 days on day 2 and 1
# day on day 3, else 2, and does not cross. A quarter of unmet demand is lost. A keeps for 3 days. All goods
# are worth 6.00; bills are net 30.

BACKLOG = HandWorked(
    name="backlog, outage, no crossing, shelf life",
    case=company(
        opening(
            {1000: 100_000, 1210: 6_000},
            stock=[stock("ST1", "A", 10, 6_000)],
            backorders=[{"node": "ST1", "product": "A", "units": 4}],
        ),
        suppliers=[supplier("S2"), supplier("S1")],
        products=[product("A", lost_share=250_000, shelf_life=3)],
        lanes=[lane("S2", "ST1"), lane("S1", "ST1", capacity=100, crossing=False)],
        lines=[line("S2", "ST1", share=0, rank=2), line("S1", "ST1", share=0, rank=1)],
        policies=[policy("ST1", "A", 20, 20)],
        shocks=[shock("lane_capacity", 0, 2, factor=0, supplier=["S1"])],
        replay=replay(
            demand={t: {("ST1", "A"): units} for t, units in {0: 3, 1: 5, 2: 6, 3: 1, 7: 7}.items()},
            lead={2: {("S1", "ST1"): 3}, 3: {("S1", "ST1"): 1}},
        ),
    ),
    expected=[
        # Day 0: 4 for the backlog and 3 for today: 7 sold, 3 left. Wish 20 - 3 = 17, to S2, here on day 2.
        (0, "sold", ("ST1", "A"), 7),
        (0, "met", ("ST1", "A"), 3),
        (0, "backorders", ("ST1", "A"), 0),
        (0, "ordered", ("S2", "ST1", "A"), 17),
        (0, "ordered", ("S1", "ST1", "A"), 0),
        # Day 1: 3 of 5 met; lost 2 x 1/4 = 0.5, a tie: 0; so 2 wait. Position 17 - 2 = 15, wish 5, to S2.
        (1, "lost", ("ST1", "A"), 0),
        (1, "backorders", ("ST1", "A"), 2),
        (1, "value", ("ST1", "A"), 0),
        (1, "ordered", ("S2", "ST1", "A"), 5),
        # Day 2: 17 come; 2 + 6 sold, 9 left. Position 9 + 5 = 14, wish 6, to S1 again: 3 days, here on day 5.
        (2, "sold", ("ST1", "A"), 8),
        (2, "met", ("ST1", "A"), 6),
        (2, "on_hand", ("ST1", "A"), 9),
        (2, "value", ("ST1", "A"), 5_400),
        (2, "ordered", ("S1", "ST1", "A"), 6),
        # Day 3: 5 come, 1 sold: 13. Wish 1, on the way for a day, but not before the 6 of day 5.
        (3, "on_hand", ("ST1", "A"), 13),
        (3, "ordered", ("S1", "ST1", "A"), 1),
        (4, "received", ("S1", "ST1", "A"), 0),
        (4, "in_transit", ("S1", "ST1", "A"), 7),
        (4, "expired", ("ST1", "A"), 0),
        # Day 5: 7 come: 20. On days 3 to 5 came 5 + 7 = 12: 8 are too old. Wish 8, here on day 7.
        (5, "received", ("S1", "ST1", "A"), 7),
        (5, "expired", ("ST1", "A"), 8),
        (5, "value", ("ST1", "A"), 7_200),
        (5, "balances", 5020, 4_800),
        (5, "ordered", ("S1", "ST1", "A"), 8),
        # Day 6: on days 4 to 6 came 7 of the 12: 5 are too old. Wish 20 - 15 = 5, here on day 8.
        (6, "expired", ("ST1", "A"), 5),
        (6, "on_hand", ("ST1", "A"), 7),
        (6, "ordered", ("S1", "ST1", "A"), 5),
        # Day 7: 8 come: 15; 7 sold (the oldest); 8 left, of days 5 to 7 all. Wish 20 - 13 = 7, here on day 9.
        (7, "on_hand", ("ST1", "A"), 8),
        (7, "expired", ("ST1", "A"), 0),
        (7, "ordered", ("S1", "ST1", "A"), 7),
        # Day 9: 8 + 5 + 7 = 20, all of days 7 to 9. Bills for 17 + 5 + 7 + 8 + 5 + 7 = 49 units. 26 were
        # sold.
        (9, "on_hand", ("ST1", "A"), 20),
        (9, "expired", ("ST1", "A"), 0),
        (9, "balances", 2000, -29_400),
        (9, "balances", 5020, 7_800),
        (9, "balances", 5000, 15_600),
        (9, "balances", 1000, 126_000),
    ],
)


# -------------------- (m) all that a look-ahead gate of 4 days sees
#
# A from S1, FOB: 6.00 + 25 %, deposit 25 %, freight 1.00, net 4, so a bill of today counts (day t + 4). B
# from S2, DDP: 4.00, deposit 20 %, three days, net 2, so it does not (t + 5) and only its deposit is
# charged. Order cost 200 a line and freight are due after 5 days: not charged. S1 is shut. Loan of 360,000
# at 10 %: 100 a day, paid on day 3. The line of 20,000 is free and not drawn. Nothing is sold. A policy
# keeps 70 of A and 100 of B.

SIGHT = HandWorked(
    name="what a look-ahead gate sees",
    case=company(
        opening(
            {1000: 50_000, 1300: 1_000, 1500: 400_000, 2100: -400, 2200: -2_500, 2500: -360_000},
            open=[{"from": "S1", "to": "ST1", "product": "A", "units": 10, "deposit": 1_000}],
            accrued=[owed(1, 400)],
            vat_due=[owed(2, 2_500)],
        ),
        days=7,
        suppliers=[supplier("S2", net_days=2), supplier("S1", net_days=4, capacity=0)],
        products=[product("B"), product("A", vat=250_000)],
        lanes=[
            lane("S2", "ST1", order_cost=200, deposit=200_000, mean_lead=3),
            lane("S1", "ST1", "FOB", order_cost=200, deposit=250_000, freight=10_000),
        ],
        lines=[line("S2", "ST1", "B", cost=40_000), line("S1", "ST1", "A")],
        policies=[policy("ST1", "A", 70, 70), policy("ST1", "B", 100, 100)],
        revolver={"limit": 20_000, "rate": 0, "fee": 0, "day_count": "ACT/360", "pay_days": []},
        term_loan={"rate": 100_000, "day_count": "ACT/360", "pay_days": [3, 30]},
        accrual_days=5,
        gate={"kind": "look_ahead", "days": 4, "beta": 0, "buffer": 0},
        planned=[
            plan(1, 1_500, "tax"),
            plan(2, 7_000, "equity"),
            plan(3, 10_000, "maturity"),
            plan(4, 3_000, "capex"),
            plan(4, 2_000, "dividend"),
            plan(6, 50_000, "rent"),
        ],
        expected={t: [0] * 5 for t in range(7)},
    ),
    expected=[
        # Day 0: headroom 70,000. Day 1: - 1,500 - 400: 68,100. Day 2: + 7,000 - 2,500: 72,600. Day 3: -
        # 10,000 and the interest so far, 100: 62,500. Day 4: - 5,000: 57,500, the lowest. The 10 of A still
        # open cost 7,500, less the deposit of 1,000. B = 51,000: 510. Wishes 70 - 10 = 60 of A (45,000 in
        # full) and 100 of B (20 % of 40,000): T = 53,000: 530. A: 60 x 510 / 530 = 57.7: 57. B: 96.2: 96.
        (0, "ordered", ("S1", "ST1", "A"), 57),
        (0, "ordered", ("S2", "ST1", "B"), 96),
        # Deposits 25 % of 34,200 = 8,550 and 20 % of 38,400 = 7,680 are paid today.
        (0, "balances", 1000, 50_000 - 16_230),
        (0, "deposit", ("S1", "ST1", "A"), 9_550),
        (0, "balances", 2100, -800),
        (0, "open", ("S1", "ST1", "A"), 67),
        # Day 1: cash 33,770 - 1,500 - 400. Headroom 51,870. Day 2: 56,370. Day 3: - 10,000 - 200: 46,170.
        # Day 4: 41,170. Day 5: order costs: 40,770. The open A: 67 x 750 - 9,550 = 40,700; the B on the way
        # do not count. B = 70 cents, rounded down to 0, and the wishes of 3 and 4 are cut to nothing.
        (1, "balances", 1000, 31_870),
        (1, "balances", 8000, 1_500),
        (1, "ordered", ("S1", "ST1", "A"), 0),
        (1, "ordered", ("S2", "ST1", "B"), 0),
        # Day 2: + 7,000 - 2,500. The rent of day 6 comes into sight: 56,370 - 10,300 - 5,000 - 400 - 50,000
        # < 0.
        (2, "balances", 1000, 36_370),
        (2, "ordered", ("S2", "ST1", "B"), 0),
        # Day 3: - 10,000 - 400. 96 of B arrive: 38,400 less the deposit, due on day 5.
        (3, "balances", 1000, 25_970),
        (3, "balances", 2500, -350_000),
        (3, "balances", 2000, -30_720),
        (3, "balances", 1300, 9_550),
        # Day 4: - 3,000 - 2,000. Interest 350,000 / 3600 = 97.2: 97. Day 5: 30,720 + 400 out of 20,970 and
        # the line.
        (4, "balances", 1000, 20_970),
        (4, "balances", 2300, -97),
        (5, "balances", 2400, -10_150),
        (5, "balances", 1000, 0),
        (5, "headroom", None, 9_850),
        # Day 6: 9,850 of the rent can be paid.
        (6, "arrears", 2100, 40_150),
        (6, "balances", 2400, -20_000),
        (6, "balances", 6000, 50_000),
    ],
)


# -------------------- (n) income tax makes equity negative: default by balance sheet, which is final
#
# Equity is 0 at the opening. 10 units worth 1.00 sell at 10.00. Tax 25 % on day 2, when the year ends as
# well.

EQUITY = HandWorked(
    name="income tax makes equity negative",
    case=company(
        opening({1000: 10_000, 1210: 1_000, 2160: -11_000}, stock=[stock("ST1", "A", 10, 1_000)]),
        days=5,
        tax_rate=250_000,
        tax_days=[2],
        year_end_days=[2],
        default={"cash_flow": None, "balance_sheet": True, "covenant": None},
        policies=[policy("ST1", "A", 5, 5)],
        planned=[plan(1, 8_000, "dividend"), plan(3, 5_000, "equity"), plan(3, 100, "capex")],
        replay=replay(demand={0: {("ST1", "A"): 10}}),
    ),
    expected=[
        # Day 0: equity 0 + 9,000. 5 ordered, here on day 2, for 3,000 net 30. Day 1: the dividend: 1,000.
        (0, "ordered", ("S1", "ST1", "A"), 5),
        (1, "balances", 1000, 12_000),
        (1, "defaulted", None, False),
        # Day 2: tax 2,250 on 9,000 (a dividend is no expense): equity -1,250. Then the year is closed.
        (2, "balances", 2210, -2_250),
        (2, "balances", 3100, -6_750),
        (2, "balances", 3200, 8_000),
        (2, "balances", 8000, 0),
        (2, "defaulted", None, True),
        # Day 3: new capital of 5,000 makes equity 3,750; default is final, so capex lapses.
        (3, "balances", 1000, 17_000),
        (3, "lapsed", None, 100),
        (3, "defaulted", None, True),
        # Day 4: taxes are still paid.
        (4, "balances", 1000, 14_750),
        (4, "balances", 2210, 0),
    ],
)

# The same goods with a shop in the place of D1: all stock stands on account 1210, nothing else changes.
SHOP = HandWorked(
    name="a shop rations the orders of two others",
    case=RATION.case
    | {
        "opening": opening(
            {1000: 100_000, 1210: 25_003},
            stock=[stock("D1", "A", 17, 10_003), stock("ST2", "A", 15, 9_000), stock("ST1", "A", 10, 6_000)],
        ),
        "nodes": [node("ST2"), node("D1", capacity=15), node("ST1")],
    },
    expected=[
        *(row for row in RATION.expected if row[1:3] not in (("balances", 1200), ("balances", 1210))),
        # Day 0: D1 keeps 1,177, ST1 8 of 10 units worth 6,000, ST2 12 of 15 worth 9,000.
        (0, "balances", 1210, 13_177),
        (0, "balances", 1200, 0),
    ],
)


CASES: list[HandWorked] = [
    REVOLVER, GATE, PENALTY, DEFAULT, RATION, SHOP, ARREARS, LOOK_AHEAD, WRITE_DOWN, TITLE, CLOSES, BASE, BACKLOG,
    SIGHT, EQUITY,
]  # fmt: skip
