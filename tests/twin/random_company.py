"""Random companies for comparing the twin with the oracle.

`random_case(seed, template)` draws a whole company: its network, its terms, its finance, its opening and what
happens to it. Every feature that is data is switched on or off by luck, because faults hide where two rules
meet. A template fixes only what decides the shapes of arrays (suppliers, nodes, lanes, products, channels,
legs, days, days looked ahead), so that the twin compiles once per template.

Ids are chosen so that their order by bytes is not the order of creation ("S10" < "S9"), and the rows of every
table are shuffled. Most companies are under stress, since a rule that never binds is a rule never tested: a
*mood* sets how much money there is. Only whole numbers are drawn; the same seed gives the same company
everywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from random import Random

MILLION = 10**6
DAYS = 40
CALENDAR = 160  # days beyond the start on which a due day can still fall
MAX_TERM = 45
MAX_LEAD = 5  # two lead-time shocks of at most 1.7 keep it below 15
MOST_MONEY = 10**13
FACILITIES = ("revolver", "term_loan")
OPENING_DUES = {"payables": 2000, "overdue": 2010, "accrued": 2100, "vat_due": 2200, "tax_due": 2210}

# By mood, money in tenths of a day's sales: (least, most).
MOODS: dict[str, dict[str, tuple[int, int]]] = {
    "calm": {"cash": (60, 300), "line": (50, 200), "dues": (0, 6), "wages": (0, 6), "owed": (10, 40)},
    "steady": {"cash": (10, 60), "line": (10, 60), "dues": (0, 6), "wages": (0, 5), "owed": (5, 20)},
    "tight": {"cash": (5, 50), "line": (5, 50), "dues": (0, 10), "wages": (2, 8), "owed": (2, 20)},
    "starved": {"cash": (0, 12), "line": (0, 25), "dues": (2, 20), "wages": (3, 14), "owed": (0, 12)},
}


@dataclass(frozen=True)
class Topology:
    """What all cases of a template share. Nodes stand upstream first."""

    suppliers: tuple[str, ...]
    nodes: tuple[tuple[str, str], ...]  # (id, kind)
    lanes: tuple[tuple[str, str], ...]
    products: tuple[str, ...]
    channels: tuple[tuple[str, str, int], ...]  # (id, kind, number of legs)
    look_ahead: int


# fmt: off
TEMPLATES: dict[str, Topology] = {
    "chain": Topology(
        suppliers=("S9",),
        nodes=(("Z-dc", "dc"), ("A-shop", "store")),
        lanes=(("S9", "Z-dc"), ("Z-dc", "A-shop")),
        products=("P9", "P10"),
        channels=(("web", "card", 2), ("B2B", "b2b", 3)),
        look_ahead=7,
    ),
    "two_dcs": Topology(
        suppliers=("S9", "S10"),
        nodes=(("D2", "dc"), ("D10", "dc"), ("T3", "store"), ("T20", "store"), ("C1", "store")),
        lanes=(
            ("S9", "D2"), ("S10", "D2"), ("S9", "D10"), ("S10", "D10"),
            ("D2", "T3"), ("D10", "T3"), ("D2", "T20"), ("D10", "T20"), ("D2", "C1"), ("D10", "C1"),
        ),
        products=("b", "B", "a1"),
        channels=(("k9", "card", 3), ("k10", "b2b", 2)),
        look_ahead=12,
    ),
    "three_tiers": Topology(
        suppliers=("V7", "V11"),
        nodes=(("plant", "dc"), ("depot", "dc"), ("shop9", "store"), ("shop12", "store")),
        lanes=(
            ("V7", "plant"), ("plant", "depot"), ("depot", "shop9"), ("depot", "shop12"), ("V11", "shop9"),
        ),
        products=("tea", "Zinc"),
        channels=(("till", "card", 2), ("Trade", "b2b", 2)),
        look_ahead=20,
    ),
    "direct": Topology(
        suppliers=("s2", "s11"),
        nodes=(("x9", "store"), ("x10", "store")),
        lanes=(("s2", "x9"), ("s11", "x9"), ("s2", "x10"), ("s11", "x10")),
        products=("q2", "q10", "é"),
        channels=(("c", "card", 1),),
        look_ahead=3,
    ),
    "hub": Topology(
        suppliers=("N9", "N10"),
        nodes=(("hub", "dc"), ("Annex", "dc"), ("near", "store"), ("far9", "store"), ("far10", "store")),
        lanes=(
            ("N9", "hub"), ("N10", "Annex"), ("hub", "Annex"), ("hub", "near"),
            ("Annex", "far9"), ("Annex", "far10"), ("hub", "far10"),
        ),
        products=("m", "L"),
        channels=(("y", "b2b", 3), ("X", "card", 2)),
        look_ahead=15,
    ),
}
# fmt: on


@dataclass
class Draft:
    """The dice and what later draws must know of earlier ones."""

    rng: Random
    shape: Topology
    mood: dict[str, tuple[int, int]]
    demand: dict[tuple[str, str], int]  # (node, product): mean units a day; only where there is demand
    plenty: bool = False  # so much of everything that next to nothing binds
    day_sales: int = 0  # a day's sales in cents, times a large factor in companies with very large money

    def chance(self, percent: int) -> bool:
        return self.rng.randrange(100) < percent

    def pick(self, *options):
        return self.rng.choice(options)

    def between(self, low: int, high: int) -> int:
        return self.rng.randint(low, high)

    def money(self, low: int, high: int) -> int:
        """Cents, between so many tenths of a day's sales; never a round number of anything."""
        return min(self.rng.randint(low * self.day_sales, high * self.day_sales) // 10, MOST_MONEY)

    def some(self, ids: Sequence[str]) -> list[str] | None:
        """A selector of a shock: all, or a random choice."""
        return None if self.chance(50) else self.rng.sample(list(ids), self.between(1, len(ids)))

    def days(self) -> list[int]:
        """Days on which something recurs: none, all, every so often, or a few."""
        every = self.between(2, 12)
        return self.pick([], list(range(DAYS + 40)), list(range(self.between(0, 6), DAYS + 40, every)),
                         sorted(self.rng.sample(range(DAYS), 3)))  # fmt: skip

    def parts_of_a_million(self, n: int) -> list[int]:
        cuts = [0, *sorted(self.between(0, MILLION) for _ in range(n - 1)), MILLION]
        return [high - low for low, high in pairwise(cuts)]

    def shuffled(self, rows: Iterable[dict]) -> list[dict]:
        rows = list(rows)
        self.rng.shuffle(rows)
        return rows


def random_case(seed: int, template: str) -> dict:
    rng = Random(seed)
    shape = TEMPLATES[template]
    mood = rng.choice(("calm", "steady", "steady", "steady", "tight", "tight", "starved"))
    d = Draft(rng, shape, MOODS[mood], {}, plenty=mood == "calm" and rng.randrange(3) > 0)
    d.demand = draw_demand(d)
    products = draw_products(d)
    prices = {row["id"]: row["price"] for row in products}
    d.day_sales = sum(units * prices[product] for (_, product), units in d.demand.items()) // 100 + 1
    if d.chance(15):
        d.day_sales *= 10 ** d.between(4, 7)  # very large money: products of two amounts pass 2^53
    lanes = [draw_lane(d, lane) for lane in shape.lanes]
    lines = draw_lines(d, prices)
    start = d.pick("2026-01-05", "2026-02-16", "2024-02-12", "2025-12-08", "2026-03-20", "2026-07-01")
    case = {
        "start": start,
        "days": DAYS,
        "weekend": d.pick([5, 6], [5, 6], []),
        "holidays": draw_holidays(d, start),
        "suppliers": d.shuffled(draw_supplier(d, supplier) for supplier in shape.suppliers),
        "nodes": d.shuffled(draw_node(d, *node) for node in shape.nodes),
        "products": d.shuffled(products),
        "lanes": d.shuffled(lanes),
        "lines": d.shuffled(lines),
        "policies": d.shuffled(draw_policies(d, lines)),
        "channels": d.shuffled(draw_channel(d, *channel) for channel in shape.channels),
    }
    case |= draw_finance(d)
    case["planned"] = draw_planned(d)
    case["opening"] = draw_opening(d, case)
    case["gate"]["buffer"] = draw_buffer(d, case)
    case["shocks"] = draw_shocks(d)
    case["replay"] = draw_replay(d)
    case["expected"] = {t: draw_expected(d) for t in range(DAYS)}
    return case


# -------------------- the network


def draw_demand(d: Draft) -> dict[tuple[str, str], int]:
    """Stores sell most products; a dc sells something now and then. At least one place sells."""
    demand = {
        (node, product): d.between(1, 25)
        for node, kind in d.shape.nodes
        for product in d.shape.products
        if d.chance(85 if kind == "store" else 15)
    }
    return demand or {(d.shape.nodes[-1][0], d.shape.products[0]): d.between(5, 25)}


def draw_products(d: Draft) -> list[dict]:
    rows = []
    for product in d.shape.products:
        price = d.pick(  # like 12.99, anything, or something cheap
            d.between(0, 99) * 10_000 + 9_900, d.between(9_000, MILLION), d.between(9_000, 200_000)
        )
        rows.append({
            "id": product,
            "price": price,
            "vat": d.pick(0, 70_000, 190_000, 200_000, d.between(0, 255_555)),
            "standard_cost": price * d.between(30, 90) // 100,
            "lost_share": d.pick(0, MILLION, d.between(0, MILLION)),
            "shelf_life": None if d.plenty else d.pick(None, None, d.between(1, 14)),
            "shrink": d.pick(0, 0, d.between(0, 30_000)),
            "return_share": d.pick(0, d.between(0, 250_000)),
            "return_lag": d.between(1, 7),
            "recoverable": d.pick(None, price * d.between(20, 110) // 100),
            "nolv": d.between(0, MILLION),
        })  # fmt: skip
    return rows


def draw_capacity(d: Draft) -> int | None:
    """None, loose, tight, or shut for good."""
    if d.plenty:
        return None
    return 0 if d.chance(4) else d.pick(None, None, d.between(60, 300), d.between(0, 40))


def draw_supplier(d: Draft, supplier: str) -> dict:
    return {
        "id": supplier,
        "net_days": d.pick(0, 0, 1, 7, 14, 30, d.between(0, MAX_TERM)),
        "credit_limit": None if d.plenty else d.pick(None, d.money(10, 150)),
        "penalty": d.pick(0, 80_000, 300_000, d.between(0, 2 * MILLION)),
        "capacity": draw_capacity(d),
    }


def draw_node(d: Draft, node: str, kind: str) -> dict:
    return {
        "id": node,
        "kind": kind,
        "channel": d.pick(*d.shape.channels)[0],
        "capacity": draw_capacity(d),
        "storage": d.pick(0, d.between(0, 300), d.between(0, 5_000)),
    }


def draw_lane(d: Draft, lane: tuple[str, str]) -> dict:
    outside = lane[0] in d.shape.suppliers
    return {
        "from": lane[0],
        "to": lane[1],
        "title": d.pick("DDP", "FOB") if outside else "internal",
        "capacity": draw_capacity(d),
        "crossing": d.chance(50),
        "freight": d.pick(0, d.between(0, 3_000), d.between(0, 40_000)),  # has no effect on a DDP lane
        "order_cost": d.pick(0, d.between(0, 5_000), d.between(0, 50_000)),
        "deposit": d.pick(0, 0, d.between(0, MILLION), 300_000, MILLION) if outside else 0,
        "mean_lead": d.between(1, MAX_LEAD),
    }


def draw_lines(d: Draft, prices: dict[str, int]) -> list[dict]:
    """Lines into every place that sells, into nearly every dc, and into some others for no reason."""
    lines = []
    for node, kind in d.shape.nodes:
        lanes = [lane for lane in d.shape.lanes if lane[1] == node]
        for product in d.shape.products:
            if (node, product) in d.demand or d.chance(92 if kind == "dc" else 30):
                fed_by = [lane for lane in lanes if d.chance(75)] or [d.rng.choice(lanes)]
                lines += draw_lines_in(d, fed_by, product, prices[product])
    return lines


def draw_lines_in(d: Draft, lanes: list[tuple[str, str]], product: str, price: int) -> list[dict]:
    by_rank = d.chance(50)
    shares = d.parts_of_a_million(len(lanes))
    return [
        {
            "from": source,
            "to": node,
            "product": product,
            "cost": price * d.between(35, 95) // 100 if source in d.shape.suppliers else 0,
            "pack": d.pick(1, 1, 1, 2, 5, 6, 12),
            "minimum": d.pick(0, 0, 0, 3, 10, 25, d.between(1, 60)),
            "share": 0 if by_rank else share,
            "rank": d.between(1, 3) if by_rank else None,  # ranks may tie
        }
        for (source, node), share in zip(lanes, shares, strict=True)
    ]


def needs(d: Draft, node: str, product: str) -> int:
    """Mean units a day that a node sells or passes on, were it alone in feeding the nodes below."""
    below = [to for source, to in d.shape.lanes if source == node]
    return d.demand.get((node, product), 0) + sum(needs(d, to, product) for to in below)


def draw_policies(d: Draft, lines: list[dict]) -> list[dict]:
    rows = []
    for node, product in sorted({(line["to"], line["product"]) for line in lines}):
        if d.chance(5):
            continue  # a place that nobody replenishes
        rate = needs(d, node, product)
        reorder = rate * d.between(2, 9) + d.between(-3, 10)
        kind = d.pick("base stock", "s S", "R Q")
        rows.append({
            "node": node,
            "product": product,
            "reorder_point": reorder,
            "order_up_to": reorder + (0 if kind == "base stock" else d.between(-2, 8 * rate + 2)),
            "lot": d.between(1, 60) if kind == "R Q" else 0,
            "period": d.pick(1, 1, 1, 2, 5, 7),
            "offset": d.between(0, 6),
        })  # fmt: skip
    return rows


def draw_channel(d: Draft, channel: str, kind: str, legs: int) -> dict:
    shares, bad = d.parts_of_a_million(legs), d.between(0, legs - 1) if legs > 1 and d.chance(50) else None
    days = [d.pick(0, 1, 2, 3, 7, d.between(0, MAX_TERM)) for _ in range(legs)]
    if bad is not None:  # mostly paid: the bad leg gets a tenth of its share and another leg the rest
        moved = shares[bad] * 9 // 10
        shares[bad] -= moved
        shares[bad - 1] += moved
    return {
        "id": channel,
        "kind": kind,
        "fee": d.pick(0, 15_000, d.between(0, 60_000)),
        "advance": d.between(0, 900_000),
        "legs": [{"days": days[i], "share": shares[i], "bad": i == bad} for i in range(legs)],
    }


# -------------------- money


def draw_holidays(d: Draft, start: str) -> list[str]:
    days = d.rng.sample(range(CALENDAR), d.pick(0, 2, 12))
    return [(date.fromisoformat(start) + timedelta(days=day)).isoformat() for day in days]


def draw_finance(d: Draft) -> dict:
    kinds = ("minimum_liquidity", "minimum_net_worth")
    return {
        "revolver": draw_facility(d, revolver=True) if d.chance(75) else None,
        "term_loan": draw_facility(d, revolver=False) if d.chance(60) else None,
        "default_margin": d.pick(0, 20_000, d.between(0, 100_000)),
        "base": draw_base(d) if d.chance(40) else None,
        "covenants": [
            {"id": f"cov{9 + i}", "kind": kind, "threshold": d.pick(0, d.money(0, 5)), "days": d.days()}
            for i, kind in enumerate(kinds)
            if d.chance(50)
        ],
        "default": {
            "cash_flow": 0 if d.chance(5) else d.pick(None, None, 3, 8, 15, 25),
            "balance_sheet": d.chance(25),
            "covenant": d.pick(None, None, None, 0, 2, 8),
        },
        "gate": {
            "kind": d.pick("spot", "look_ahead"),
            "days": d.shape.look_ahead,
            "beta": d.pick(0, MILLION, d.between(0, MILLION)),
            "buffer": 0,
        },
        "minimum_cash": d.pick(0, d.money(0, 6)),
        "accrual_days": d.pick(1, 5, 14, 30, d.between(1, MAX_TERM)),
        "vat_lag": d.pick(1, 10, d.between(1, MAX_TERM)),
        "tax_rate": d.pick(0, 250_000, d.between(0, 500_000)),
        "tax_lag": d.pick(1, 10, d.between(1, MAX_TERM)),
        "vat_days": d.days(),
        "tax_days": d.days(),
        "writedown_days": d.days(),
        "year_end_days": d.pick([], [d.between(0, DAYS - 1)]),
    }


def draw_facility(d: Draft, revolver: bool) -> dict:
    row = {
        "rate": d.between(0, 180_000),
        "day_count": d.pick("ACT/360", "ACT/365F", "30/360"),
        "pay_days": d.pick(list(range(d.between(0, 9), DAYS + 60, d.between(3, 31))), d.days()),
    }
    if revolver:
        row |= {"limit": d.money(*d.mood["line"]), "fee": d.pick(0, 3_750, d.between(0, 20_000))}
    return row


def draw_base(d: Draft) -> dict:
    return {
        "inventory_advance": d.between(0, 800_000),
        "nolv_advance": d.between(500_000, 950_000),
        "reserves": d.pick(0, d.money(0, 3)),
        "in_transit": d.chance(50),
        "days": d.days(),
    }


def draw_buffer(d: Draft, case: dict) -> int:
    """Often so much of the liquidity of the opening that the gate cuts a little on many days."""
    revolver = case["revolver"]
    liquid = case["opening"]["balances"][1000] + (revolver["limit"] if revolver else 0)
    return d.pick(0, d.money(0, 6), liquid * d.between(0, 60) // 100, liquid * d.between(30, 90) // 100)


def draw_planned(d: Draft) -> list[dict]:
    """Wages every week and a dozen others, beyond the horizon as well: the look-ahead gate sees those."""
    first = d.between(0, 6)
    rows = [{"day": day, "amount": d.money(*d.mood["wages"]), "label": "payroll"}
            for day in range(first, DAYS + 21, 7)]  # fmt: skip
    for _ in range(d.between(4, 20)):
        label = d.pick("rent", "other", "tax", "maturity", "maturity", "capex", "capex", "dividend",
                       "dividend", "equity", "payroll")  # fmt: skip
        rows.append({"day": d.between(0, DAYS + 20), "amount": d.money(0, 8), "label": label})
    return d.shuffled(rows)


# -------------------- the opening


def draw_opening(d: Draft, case: dict) -> dict:
    goods = draw_goods(d, case)
    dues = draw_dues(d, case)
    opening = goods | dues
    opening["balances"] = opening_balances(d, case, opening)
    return opening


def draw_goods(d: Draft, case: dict) -> dict:
    lines = [(row["from"], row["to"], row["product"], row["cost"]) for row in case["lines"]]
    titles = {(row["from"], row["to"]): row["title"] for row in case["lanes"]}
    tables = ("stock", "backorders", "open", "transit", "transit_value")
    goods: dict[str, list[dict]] = {name: [] for name in tables}
    cover = 50 if d.plenty else d.between(0, 8)  # days of stock to begin with
    for node, _ in d.shape.nodes:
        for product in d.shape.products:
            most = cover * needs(d, node, product) + 5
            units = d.between(most * 3 // 4, most) if d.plenty else d.between(0, most) if d.chance(85) else 0
            value = units * price_of(case, product) * d.between(30, 95) // 10_000
            if units:
                goods["stock"].append({"node": node, "product": product, "units": units, "value": value})
            if (node, product) in d.demand and d.chance(0 if d.plenty else 20):
                goods["backorders"].append({"node": node, "product": product, "units": d.between(1, 30)})
    for source, node, product, cost in lines:
        where = {"from": source, "to": node, "product": product}
        title = titles[source, node]
        coming = d.between(1, 40) if d.chance(40) else 0
        moving = [d.between(1, 40) for _ in range(d.pick(0, 0, 1, 2))]
        untitled = coming + (sum(moving) if title == "DDP" else 0)
        deposit = d.between(0, untitled * cost // 100) if title != "internal" and d.chance(40) else 0
        if coming or deposit:
            goods["open"].append(where | {"units": coming, "deposit": deposit})
        goods["transit"] += [{"day": d.between(0, 9)} | where | {"units": units} for units in moving]
        if moving and title != "DDP":
            value = sum(moving) * price_of(case, product) * d.between(30, 95) // 10_000
            goods["transit_value"].append(where | {"value": value})
    return {name: d.shuffled(rows) for name, rows in goods.items()}


def price_of(case: dict, product: str) -> int:
    return next(row["price"] for row in case["products"] if row["id"] == product)


def draw_dues(d: Draft, case: dict) -> dict:
    def several(most: int, amount: tuple[int, int], **who: Sequence[str]) -> list[dict]:
        rows = []
        for _ in range(d.between(0, most)):
            party = {name: d.rng.choice(list(ids)) for name, ids in who.items()}
            rows.append({"day": d.between(0, d.pick(5, MAX_TERM))} | party | {"amount": d.money(*amount)})
        return rows

    channels = [channel for channel, *_ in d.shape.channels]
    late = d.rng.sample(d.shape.suppliers, d.between(1, len(d.shape.suppliers))) if d.chance(25) else []
    return {
        "payables": several(8, d.mood["dues"], supplier=d.shape.suppliers),
        "overdue": [{"supplier": supplier, "amount": d.money(0, 12)} for supplier in late],
        "receivables": several(8, d.mood["owed"], channel=channels),
        "writeoffs": several(2, (0, 2), channel=channels),
        "accrued": several(4, d.mood["dues"]),
        "vat_due": several(2, d.mood["dues"]),
        "tax_due": several(2, d.mood["dues"]),
        "interest": {name: d.pick(0, d.money(0, 2)) if case[name] else 0 for name in FACILITIES},
    }


def opening_balances(d: Draft, case: dict, opening: dict) -> dict[int, int]:
    """Ties every account to what is counted beside it; share capital balances the rest."""
    kinds = {row["id"]: row["kind"] for row in (*case["nodes"], *case["channels"])}
    titles = {(row["from"], row["to"]): row["title"] for row in case["lanes"]}
    b: dict[int, int] = {1000: d.money(*d.mood["cash"])}

    def add(account: int, cents: int) -> None:
        b[account] = b.get(account, 0) + cents

    for row in opening["stock"]:
        add(1200 if kinds[row["node"]] == "dc" else 1210, row["value"])
    for row in opening["transit_value"]:
        add(1220 if titles[row["from"], row["to"]] == "FOB" else 1230, row["value"])
    for row in opening["open"]:
        add(1300, row["deposit"])
    for row in (*opening["receivables"], *opening["writeoffs"]):
        add(1100 if kinds[row["channel"]] == "card" else 1110, row["amount"])
    for name, account in OPENING_DUES.items():
        add(account, -sum(row["amount"] for row in opening[name]))
    add(2300, -sum(opening["interest"].values()))
    add(1400, d.pick(0, d.money(0, 8)))
    add(2200, d.pick(0, -d.money(0, 8), d.money(0, 2)))  # output VAT not yet due, or more refunded than sold
    if case["revolver"]:
        limit = case["revolver"]["limit"]
        add(2400, -d.pick(0, 0, limit // d.between(1, 9), limit * d.between(100, 130) // 100))
    if case["term_loan"]:
        add(2500, -d.pick(0, d.money(0, 60), d.money(0, 12)))
    for account in d.rng.sample((1010, 1150, 1310, 1500), d.between(0, 4)):  # no rule moves them, or hardly
        add(account, d.money(0, 10))
    add(3100, d.pick(0, -d.money(0, 10), d.money(0, 10)))
    set_equity(d, b)
    return b


def set_equity(d: Draft, b: dict[int, int]) -> None:
    """Often thin, seldom negative, so that equity can run out inside the horizon."""
    net_assets = sum(cents for account, cents in b.items() if account < 3000)
    if d.chance(40):
        wanted = d.money(0, 15)
        b[2160] = min(wanted - net_assets, 0)
    if net_assets < 0 and d.chance(90):
        b[1500] = b.get(1500, 0) - net_assets + d.money(0, 15)
    b[3000] = -sum(b.values())


# -------------------- what happens


def draw_shocks(d: Draft) -> list[dict]:
    fields = ("demand", "lead_time", "lane_capacity", "dispatch_capacity", "price", "cost", "commitment",
              "supplier_limit", "collections", "rate", "stock_loss", "terms")  # fmt: skip
    names = d.rng.sample([f"x{i}" for i in range(1, 31)], 24)
    shocks: list[dict] = []
    calm = d.chance(15)
    for name in fields:
        end = 0
        for _ in range(0 if calm else d.pick(0, 0, 1, 1, 2)):
            first = end if name == "terms" else 0  # terms of one supplier must not be replaced twice on a day
            start = d.between(min(first, DAYS), min(first + 25, DAYS))
            days = d.between(1, 20)
            worst = MILLION if name == "lead_time" else 1_500_000  # beyond full strength a factor can reach 0
            severity = d.pick(MILLION, MILLION, d.between(0, MILLION), d.between(0, worst))
            row = {"id": names.pop(), "field": name, "severity": severity, "start": start, "days": days}
            shocks.append(row | draw_strength(d, name) | draw_selectors(d, name))
            end = start + days
    return d.shuffled(shocks)


def draw_strength(d: Draft, name: str) -> dict:
    if name == "terms":
        return {"net_days": d.pick(0, 0, d.between(0, MAX_TERM))}
    if name == "rate":
        return {"add": d.pick(d.between(0, 150_000), -d.between(0, 250_000))}
    if name == "stock_loss":
        return {"add": d.pick(d.between(0, 100_000), d.between(0, 500_000), MILLION)}
    least, most = {
        "demand": (0, 2_500_000),
        "lead_time": (300_000, 1_700_000),
        "price": (500_000, 1_400_000),
        "cost": (600_000, 1_600_000),
        "collections": (0, 1_300_000),
        "commitment": (0, 1_200_000),
        "supplier_limit": (0, 1_500_000),
    }.get(name, (0, 1_000_000))
    return {"factor": d.pick(least, d.between(least, most), d.between(least, most))}


def draw_selectors(d: Draft, name: str) -> dict:
    """Which places a shock hits; a selector that means nothing for its field stays None."""
    ids = {
        "supplier": d.shape.suppliers,
        "node": [node for node, _ in d.shape.nodes],
        "product": d.shape.products,
        "channel": [channel for channel, *_ in d.shape.channels],
        "facility": FACILITIES,
    }
    means = {
        "demand": ("node", "product"),
        "lead_time": ("supplier", "node"),
        "lane_capacity": ("supplier", "node"),
        "dispatch_capacity": ("supplier", "node"),
        "price": ("product",),
        "cost": ("supplier", "product"),
        "commitment": (),
        "supplier_limit": ("supplier",),
        "collections": ("channel",),
        "rate": ("facility",),
        "stock_loss": ("node",),
        "terms": ("supplier",),
    }
    return {kind: d.some(options) if kind in means[name] else None for kind, options in ids.items()}


def draw_replay(d: Draft) -> dict:
    places = [(node, product) for node, _ in d.shape.nodes for product in d.shape.products]
    replay: dict[str, dict] = {"demand": {}, "lead": {}, "return_w": {}, "shrink_w": {}}
    for t in range(DAYS):
        replay["demand"][t] = {
            place: d.pick(d.between(0, 2 * mean), d.between(0, 2 * mean), mean, 4 * mean, 0)
            for place, mean in sorted(d.demand.items())
        }
        replay["lead"][t] = {lane: d.between(1, MAX_LEAD) for lane in d.shape.lanes if d.chance(70)}
        for name in ("return_w", "shrink_w"):
            replay[name][t] = {place: d.between(0, MILLION - 1) for place in places if d.chance(80)}
    return replay


def draw_expected(d: Draft) -> list[int]:
    total, sums = 0, [0]
    for _ in range(d.shape.look_ahead):
        total += d.money(0, 6)
        sums.append(total)
    return sums
