"""The oracle: the rules of the day played a second time, slowly, to check the twin.

`play(case)` takes one company as a plain dictionary and returns one record per day. It was written from the
page of rules (`twin/DAY.md`) alone and shares no line of code with the twin, so a mistake has to be made
twice, in two shapes, to go unseen. Nothing here is vectorised: goods, dues and claims are dictionaries keyed
by ids, and the day is ten functions called in order. Numbers are Python integers of any size and every amount
is rounded by `fl` or `he`, so there is no float that could be wrong and no word that could be too short.

Units are whole; money is whole cents; unit prices are 1/10,000; rates, shares and factors are ppm. A balance
is one signed number per account, debit positive. A *line* is (source, destination, product).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

Case = dict
Record = dict
Lane = tuple[str, str]
Line = tuple[str, str, str]
Place = tuple[str, str]  # (node, product)
Wishes = dict[Line, int]

MILLION = 10**6
CENT = 100  # a unit price is in 1/10,000, so units x price / 100 is cents
WHOLE = 100  # cents in a whole currency unit

ACCOUNTS = (
    1000, 1010, 1100, 1110, 1119, 1150, 1200, 1210, 1220, 1230, 1240, 1290, 1300, 1310, 1400, 1500,
    2000, 2010, 2050, 2100, 2110, 2150, 2160, 2200, 2210, 2300, 2400, 2500, 3000, 3100, 3200,
    4000, 4010, 4020, 4100, 5000, 5010, 5020, 5030, 5040, 5050, 5060, 6000, 6010, 6020, 6100,
    7000, 7010, 7020, 8000, 9999,
)  # fmt: skip
PROFIT_AND_LOSS = tuple(account for account in ACCOUNTS if 4000 <= account <= 8000)
BEFORE_TAX = tuple(account for account in PROFIT_AND_LOSS if account != 8000)
EQUITY = tuple(account for account in ACCOUNTS if 3000 <= account <= 8000)

CASH, CARD, B2B = 1000, 1100, 1110
STOCK_DC, STOCK_STORE, TRANSIT_IN, TRANSIT_OWN, ALLOWANCE = 1200, 1210, 1220, 1230, 1290
DEPOSITS, INPUT_VAT, PROPERTY = 1300, 1400, 1500
TRADE, OVERDUE, ACCRUED, REFUNDS, VAT, TAX = 2000, 2010, 2100, 2150, 2200, 2210
INTEREST_DUE, REVOLVER, TERM_LOAN = 2300, 2400, 2500
CAPITAL, RETAINED, DIVIDENDS = 3000, 3100, 3200
SALES_CARD, SALES_B2B, RETURNS = 4000, 4010, 4020
GOODS_SOLD, WRITE_DOWN, SHRINK, FREIGHT, STORAGE, ORDERING = 5000, 5010, 5020, 5030, 5040, 5050
EXPENSES, CARD_FEES, BAD_DEBT, INTEREST, FEES, INCOME_TAX = 6000, 6010, 6020, 7000, 7020, 8000

PAID_FIRST = ((ACCRUED, REFUNDS), (VAT, TAX), (INTEREST_DUE, TERM_LOAN))  # payment classes 1, 2, 3
FACILITIES = {"revolver": REVOLVER, "term_loan": TERM_LOAN}
EXPENSE_LABELS = ("payroll", "rent", "other")
OUTFLOW_LABELS = (*EXPENSE_LABELS, "tax", "maturity", "capex", "dividend")


# -------------------- numbers


def fl(n: int, d: int) -> int:
    """Floor of n / d."""
    return divmod(n, d)[0]


def he(n: int, d: int) -> int:
    """The whole number nearest to n / d, ties to even."""
    q, r = divmod(n, d)
    return q + 1 if 2 * r > d or (2 * r == d and q % 2 == 1) else q


def share_out(total: int, weights: Sequence[int]) -> list[int]:
    """`total` over weights by cumulative floors: nothing is lost, and a last share is never negative."""
    whole, before, shares = sum(weights), 0, []
    for weight in weights:
        upto = before + weight
        shares.append(fl(total * upto, whole) - fl(total * before, whole) if whole else 0)
        before = upto
    return shares


def split(available: int, claims: Sequence[int]) -> list[int]:
    """`available` over claims: nobody gets more than the claim, and enough serves everybody in full."""
    return share_out(min(available, sum(claims)), claims)


def part(value: int, x: int, q: int) -> int:
    """The value that x of q units carry; the last unit takes all."""
    if x == 0:
        return 0
    return value if x == q else he(value * x, q)


def amount(units: int, unit_price: int) -> int:
    """Cents for so many units at a price in 1/10,000."""
    return he(units * unit_price, CENT)


def net_and_vat(units: int, unit_price: int, vat: int) -> tuple[int, int]:
    net = amount(units, unit_price)
    return net, he(net * vat, MILLION)


def gross(units: int, unit_price: int, vat: int) -> int:
    return sum(net_and_vat(units, unit_price, vat))


def in_id_order(keys: Iterable) -> list:
    """Ids, or tuples of ids, by their UTF-8 bytes."""
    return sorted(keys, key=lambda k: k.encode() if isinstance(k, str) else tuple(p.encode() for p in k))


# -------------------- the company


@dataclass
class Company:
    """What a company is (the first block never changes) and what it has become so far (the rest)."""

    case: Case
    suppliers: dict[str, dict]
    nodes: dict[str, dict]
    products: dict[str, dict]
    channels: dict[str, dict]
    lanes: dict[Lane, dict]
    lines: dict[Line, dict]
    policies: dict[Place, dict]
    tiers: dict[str, int]
    # goods
    on_hand: Counter = field(default_factory=Counter)  # (node, product): units
    backorders: Counter = field(default_factory=Counter)
    open: Counter = field(default_factory=Counter)  # line: units ordered and not dispatched
    transit: Counter = field(default_factory=Counter)  # (arrival day, line): units
    latest_arrival: dict[Lane, int] = field(default_factory=dict)
    units_sold: Counter = field(default_factory=Counter)  # (day, node, product): for returns
    units_fresh: Counter = field(default_factory=Counter)  # (day, node, product): for expiry
    # value of the goods
    value: Counter = field(default_factory=Counter)  # (node, product): cents
    allowance: Counter = field(default_factory=Counter)
    transit_value: Counter = field(default_factory=Counter)  # line: cents
    deposit: Counter = field(default_factory=Counter)  # line: cents
    # dues
    payables: Counter = field(default_factory=Counter)  # (day, supplier)
    overdue: Counter = field(default_factory=Counter)  # supplier
    receivables: Counter = field(default_factory=Counter)  # (day, channel)
    writeoffs: Counter = field(default_factory=Counter)  # (day, channel)
    accruals: Counter = field(default_factory=Counter)  # day
    vat_due: Counter = field(default_factory=Counter)  # day
    tax_due: Counter = field(default_factory=Counter)  # day
    refunds_today: int = 0
    interest: Counter = field(default_factory=Counter)  # facility: accrued and not yet due
    arrears: Counter = field(default_factory=Counter)  # account
    # the rest of the money
    balances: Counter = field(default_factory=Counter)
    profit: int = 0  # before tax, since the last tax day
    losses: int = 0  # carried forward for tax
    base: int | None = None  # the borrowing base in force
    late_closes: int = 0
    breaches: Counter = field(default_factory=Counter)  # covenant: closes in breach since its test
    defaulted: bool = False


def found(case: Case) -> Company:
    """The company as it stands at the opening."""
    lanes = {(row["from"], row["to"]): row for row in case["lanes"]}
    c = Company(
        case=case,
        suppliers={row["id"]: row for row in case["suppliers"]},
        nodes={row["id"]: row for row in case["nodes"]},
        products={row["id"]: row for row in case["products"]},
        channels={row["id"]: row for row in case["channels"]},
        lanes=lanes,
        lines={(row["from"], row["to"], row["product"]): row for row in case["lines"]},
        policies={(row["node"], row["product"]): row for row in case["policies"]},
        tiers={},
    )
    assert all(line[:2] in lanes for line in c.lines), "a line runs on a lane that does not exist"
    c.tiers = {node: tier(c, node) for node in c.nodes}
    open_goods(c, case["opening"])
    open_money(c, case["opening"])
    if case["base"] is not None:
        c.base = borrowing_base(c)
    return c


def tier(c: Company, node: str) -> int:
    """The longest path to a node from one without own sources, which is tier 1."""
    return 1 + max((tier(c, source) for source, to in c.lanes if to == node and source in c.nodes), default=0)


def open_goods(c: Company, opening: dict) -> None:
    for row in opening["stock"]:
        place = (row["node"], row["product"])
        c.on_hand[place] += row["units"]
        c.value[place] += row["value"]
        c.units_fresh[(-1, *place)] += row["units"]  # opening stock counts as received on day -1
    for row in opening["backorders"]:
        c.backorders[row["node"], row["product"]] += row["units"]
    for row in opening["open"]:
        line = (row["from"], row["to"], row["product"])
        c.open[line] += row["units"]
        c.deposit[line] += row["deposit"]
    for row in opening["transit"]:
        lane = (row["from"], row["to"])
        c.transit[row["day"], *lane, row["product"]] += row["units"]
        if row["units"]:  # it left earlier, so nothing may overtake it on a lane that does not cross
            c.latest_arrival[lane] = max(c.latest_arrival.get(lane, 0), row["day"])
    for row in opening["transit_value"]:
        c.transit_value[row["from"], row["to"], row["product"]] += row["value"]


def open_money(c: Company, opening: dict) -> None:
    for account, cents in opening["balances"].items():
        assert account in ACCOUNTS, f"unknown account {account}"
        c.balances[account] += cents
    for row in opening["payables"]:
        c.payables[row["day"], row["supplier"]] += row["amount"]
    for row in opening["overdue"]:
        c.overdue[row["supplier"]] += row["amount"]
    for row in opening["receivables"]:
        c.receivables[row["day"], row["channel"]] += row["amount"]
    for row in opening["writeoffs"]:
        c.writeoffs[row["day"], row["channel"]] += row["amount"]
    for name, dues in (("accrued", c.accruals), ("vat_due", c.vat_due), ("tax_due", c.tax_due)):
        for row in opening[name]:
            dues[row["day"]] += row["amount"]
    c.interest.update(opening["interest"])


def post(c: Company, debit: int, credit: int, cents: int) -> None:
    """One entry of the journal. Profit before tax is followed here, so that a year close cannot hide it."""
    assert cents >= 0, f"negative posting {cents} Dr {debit} Cr {credit}"
    c.balances[debit] += cents
    c.balances[credit] -= cents
    c.profit -= cents * ((debit in BEFORE_TAX) - (credit in BEFORE_TAX))


def stock_account(c: Company, node: str) -> int:
    return STOCK_DC if c.nodes[node]["kind"] == "dc" else STOCK_STORE


def receivable_account(c: Company, channel: str) -> int:
    return CARD if c.channels[channel]["kind"] == "card" else B2B


def title(c: Company, line: Line) -> str:
    return c.lanes[line[:2]]["title"]


def in_transit(c: Company, line: Line) -> int:
    return sum(units for (_, *on), units in c.transit.items() if tuple(on) == line)


def untitled(c: Company, line: Line) -> int:
    """Units ordered outside whose title has not passed."""
    return c.open[line] + (in_transit(c, line) if title(c, line) == "DDP" else 0)


def outside_lines(c: Company) -> list[Line]:
    return [line for line in in_id_order(c.lines) if line[0] in c.suppliers]


def planned(c: Company, t: int, *labels: str) -> int:
    return sum(row["amount"] for row in c.case["planned"] if row["day"] == t and row["label"] in labels)


def equity(c: Company) -> int:
    return -sum(c.balances[account] for account in EQUITY)


# -------------------- the calendar


def date_of(c: Company, t: int) -> date:
    return date.fromisoformat(c.case["start"]) + timedelta(days=t)


def due(c: Company, t: int, n: int) -> int:
    """The first business day on or after day t + n."""
    day = t + n
    while date_of(c, day).weekday() in c.case["weekend"] or date_of(c, day).isoformat() in c.case["holidays"]:
        day += 1
    return day


def day_count(c: Company, t: int, convention: str) -> tuple[int, int]:
    """(days that bear interest today, days in the year)."""
    if convention == "ACT/360":
        return 1, 360
    if convention == "ACT/365F":
        return 1, 365
    assert convention == "30/360", convention
    today = date_of(c, t)
    if today.day == 31:
        return 0, 360
    if today.month == 2 and date_of(c, t + 1).month == 3:
        return 31 - today.day, 360
    return 1, 360


# -------------------- shocks: what a number is worth today


def shocks(c: Company, t: int, name: str, hits: Callable[[dict], bool]) -> list[dict]:
    """The shocks on one field and place that last on day t, in id order (rounding depends on the order)."""
    rows = [row for row in c.case["shocks"] if row["field"] == name and hits(row)]
    return [row for row in sorted(rows, key=lambda row: row["id"].encode())
            if row["start"] <= t < row["start"] + row["days"]]  # fmt: skip


def chosen(row: dict, **places: str) -> bool:
    """Whether a shock hits a place; a selector that is None selects everything."""
    return all(row.get(kind) is None or place in row[kind] for kind, place in places.items())


def factor(c: Company, t: int, name: str, hits: Callable[[dict], bool]) -> int:
    """The day's factor in ppm: inside its days a step shock has its full change."""
    f = MILLION
    for row in shocks(c, t, name, hits):
        g = max(MILLION + he(row["severity"] * (row["factor"] - MILLION), MILLION), 0)
        f = he(f * g, MILLION)
    return f


def addend(c: Company, t: int, name: str, **places: str) -> int:
    rows = shocks(c, t, name, lambda row: chosen(row, **places))
    return sum(he(row["severity"] * row["add"], MILLION) for row in rows)


def effective(c: Company, t: int, x: int, name: str, **places: str) -> int:
    return he(x * factor(c, t, name, lambda row: chosen(row, **places)), MILLION)


def price(c: Company, t: int, product: str) -> int:
    return effective(c, t, c.products[product]["price"], "price", product=product)


def cost(c: Company, t: int, line: Line) -> int:
    return effective(c, t, c.lines[line]["cost"], "cost", supplier=line[0], product=line[2])


def demand(c: Company, t: int, place: Place) -> int:
    given = c.case["replay"]["demand"].get(t, {}).get(place, 0)
    return effective(c, t, given, "demand", node=place[0], product=place[1])


def commitment(c: Company, t: int) -> int:
    facility = c.case["revolver"]
    return 0 if facility is None else effective(c, t, facility["limit"], "commitment")


def supplier_limit(c: Company, t: int, supplier: str) -> int | None:
    limit = c.suppliers[supplier]["credit_limit"]
    return None if limit is None else effective(c, t, limit, "supplier_limit", supplier=supplier)


def net_days(c: Company, t: int, supplier: str) -> int:
    rows = shocks(c, t, "terms", lambda row: chosen(row, supplier=supplier))
    return rows[-1]["net_days"] if rows else c.suppliers[supplier]["net_days"]


def limited(capacity: int | None, f: int) -> int | None:
    """A capacity today. The unlimited stays so under any factor but 0: an outage stops it like all others."""
    if capacity is None:
        return None if f > 0 else 0
    return he(capacity * f, MILLION)


def lane_capacity(c: Company, t: int, lane: Lane) -> int | None:
    f = factor(c, t, "lane_capacity", lambda row: chosen(row, supplier=lane[0], node=lane[1]))
    return limited(c.lanes[lane]["capacity"], f)


def dispatch_capacity(c: Company, t: int, source: str) -> int | None:
    """Units a source may dispatch. Here a supplier list selects suppliers and a node list own nodes."""
    capacity = (c.suppliers.get(source) or c.nodes[source])["capacity"]

    def hits(row: dict) -> bool:
        named = [row.get("supplier"), row.get("node")]
        return named == [None, None] or any(source in ids for ids in named if ids is not None)

    return limited(capacity, factor(c, t, "dispatch_capacity", hits))


def lead_time(c: Company, t: int, lane: Lane) -> int:
    given = c.case["replay"]["lead"].get(t, {}).get(lane, c.lanes[lane]["mean_lead"])
    return max(1, effective(c, t, given, "lead_time", supplier=lane[0], node=lane[1]))


def collection_factor(c: Company, t: int, channel: str) -> int:
    return min(factor(c, t, "collections", lambda row: chosen(row, channel=channel)), MILLION)


# -------------------- steps 1 to 5


def step_1_interest(c: Company, t: int) -> None:
    """Interest, commitment fee and penalties on what was owed this morning."""
    revolver = -c.balances[REVOLVER]
    for name, account in FACILITIES.items():
        facility = c.case[name]
        if facility is None:
            continue
        rate = facility["rate"] + addend(c, t, "rate", facility=name)
        rate = max(rate + (c.case["default_margin"] if c.defaulted else 0), 0)
        n, basis = day_count(c, t, facility["day_count"])
        accrue_interest(c, name, INTEREST, he(-c.balances[account] * rate * n, MILLION * basis))
        if name == "revolver" and not c.defaulted:
            undrawn = max(commitment(c, t) - revolver, 0)
            accrue_interest(c, name, FEES, he(undrawn * facility["fee"] * n, MILLION * basis))
    for supplier, row in c.suppliers.items():
        penalty = he(c.overdue[supplier] * row["penalty"], MILLION * 365)
        post(c, FEES, OVERDUE, penalty)
        c.overdue[supplier] += penalty


def accrue_interest(c: Company, facility: str, expense: int, cents: int) -> None:
    post(c, expense, INTEREST_DUE, cents)
    c.interest[facility] += cents


def step_2_receive(c: Company, t: int, flows: Record) -> None:
    for line in in_id_order(c.lines):
        _, node, product = line
        units = c.transit[(t, *line)]
        if units == 0:
            continue
        if title(c, line) == "DDP":
            carried = bill(c, t, line, units, stock_account(c, node))
        else:
            carried = part(c.transit_value[line], units, in_transit(c, line))
            c.transit_value[line] -= carried
            way = TRANSIT_IN if title(c, line) == "FOB" else TRANSIT_OWN
            post(c, stock_account(c, node), way, carried)
        del c.transit[(t, *line)]
        c.on_hand[node, product] += units
        c.value[node, product] += carried
        c.units_fresh[t, node, product] += units
        flows["received"][line] += units


def bill(c: Company, t: int, line: Line, units: int, account: int) -> int:
    """Title passes today: the deposit pays its part, the supplier is owed the rest. Returns the net.

    To be called while the units still count as untitled.
    """
    supplier, _, product = line
    net, vat = net_and_vat(units, cost(c, t, line), c.products[product]["vat"])
    from_deposit = min(net + vat, part(c.deposit[line], units, untitled(c, line)))
    net_from_deposit = min(net, from_deposit)  # the deposit pays the goods first, then their VAT
    post(c, account, DEPOSITS, net_from_deposit)
    post(c, account, TRADE, net - net_from_deposit)
    post(c, INPUT_VAT, DEPOSITS, from_deposit - net_from_deposit)
    post(c, INPUT_VAT, TRADE, vat - (from_deposit - net_from_deposit))
    c.deposit[line] -= from_deposit
    c.payables[due(c, t, net_days(c, t, supplier)), supplier] += net + vat - from_deposit
    return net


def step_3_sell(c: Company, t: int, flows: Record) -> None:
    takings: Counter = Counter()  # channel: gross
    for place in flows["sold"]:
        node, product = place
        asked = demand(c, t, place)
        served = min(c.on_hand[place], c.backorders[place])
        met = min(c.on_hand[place] - served, asked)
        unmet = asked - met
        lost = he(unmet * c.products[product]["lost_share"], MILLION)
        c.backorders[place] += unmet - lost - served
        sold = served + met
        flows["sold"][place], flows["met"][place], flows["lost"][place] = sold, met, lost
        c.units_sold[t, node, product] = sold
        takings[c.nodes[node]["channel"]] += book_sale(c, t, place, sold)
    for channel, total in takings.items():
        book_legs(c, t, channel, total)


def book_sale(c: Company, t: int, place: Place, sold: int) -> int:
    """Revenue and VAT at today's price, cost of goods sold; returns the gross that the channel owes."""
    node, product = place
    channel = c.nodes[node]["channel"]
    debtor = receivable_account(c, channel)
    net, vat = net_and_vat(sold, price(c, t, product), c.products[product]["vat"])
    post(c, debtor, SALES_CARD if debtor == CARD else SALES_B2B, net)
    post(c, debtor, VAT, vat)
    issue(c, place, sold, GOODS_SOLD, GOODS_SOLD)
    return net + vat


def issue(c: Company, place: Place, units: int, expense: int, release: int) -> None:
    """Units leave the company: their value is expensed and their share of the write-down is released."""
    on_hand = c.on_hand[place]
    carried = part(c.value[place], units, on_hand)
    released = part(c.allowance[place], units, on_hand)
    post(c, expense, stock_account(c, place[0]), carried)
    post(c, ALLOWANCE, release, released)
    c.value[place] -= carried
    c.allowance[place] -= released
    c.on_hand[place] -= units


def book_legs(c: Company, t: int, channel: str, total: int) -> None:
    legs = c.channels[channel]["legs"]
    for leg, cents in zip(legs, share_out(total, [leg["share"] for leg in legs]), strict=True):
        dues = c.writeoffs if leg["bad"] else c.receivables
        dues[due(c, t, leg["days"]), channel] += cents


def step_4_age(c: Company, t: int, flows: Record) -> None:
    for place in flows["sold"]:
        flows["returned"][place] = take_back(c, t, place)
        flows["shrunk"][place] = shrink(c, t, place)
        flows["expired"][place] = expire(c, t, place)
        fee = amount(c.on_hand[place], c.nodes[place[0]]["storage"])
        accrue(c, t, STORAGE, fee)


def take_back(c: Company, t: int, place: Place) -> int:
    """Customers return a share of what they bought `lag` days ago, and get the price of that day back."""
    node, product = place
    row = c.products[product]
    then = t - row["return_lag"]
    luck = c.case["replay"]["return_w"].get(t, {}).get(place, 0)
    units = fl(c.units_sold[then, node, product] * row["return_share"] + luck, MILLION)
    if units == 0:
        return 0
    on_hand = c.on_hand[place]
    worth = he(c.value[place] * units, on_hand) if on_hand else amount(units, row["standard_cost"])
    post(c, stock_account(c, node), GOODS_SOLD, worth)
    c.value[place] += worth
    c.on_hand[place] += units
    c.units_fresh[t, node, product] += units
    net, vat = net_and_vat(units, price(c, then, product), row["vat"])
    post(c, RETURNS, REFUNDS, net)
    post(c, VAT, REFUNDS, vat)
    c.refunds_today += net + vat
    return units


def shrink(c: Company, t: int, place: Place) -> int:
    rate = c.products[place[1]]["shrink"] + addend(c, t, "stock_loss", node=place[0])
    luck = c.case["replay"]["shrink_w"].get(t, {}).get(place, 0)
    units = min(c.on_hand[place], fl(c.on_hand[place] * min(rate, MILLION) + luck, MILLION))
    issue(c, place, units, SHRINK, WRITE_DOWN)
    return units


def expire(c: Company, t: int, place: Place) -> int:
    """The oldest units are issued first, so what is left over and above the fresh arrivals is too old."""
    life = c.products[place[1]]["shelf_life"]
    if life is None:
        return 0
    fresh = sum(c.units_fresh[(day, *place)] for day in range(t - life + 1, t + 1))
    units = max(0, c.on_hand[place] - fresh)
    issue(c, place, units, SHRINK, WRITE_DOWN)
    return units


def accrue(c: Company, t: int, account: int, cents: int) -> None:
    """An expense (or inbound freight) that the company pays after its accrual term."""
    post(c, account, ACCRUED, cents)
    c.accruals[due(c, t, c.case["accrual_days"])] += cents


def step_5_collect(c: Company, t: int) -> None:
    for channel, row in c.channels.items():
        debtor = receivable_account(c, channel)
        owed = c.receivables.pop((t, channel), 0)
        collected = he(owed * collection_factor(c, t, channel), MILLION)
        c.receivables[t + 1, channel] += owed - collected
        fee = he(collected * row["fee"], MILLION)
        post(c, CARD_FEES, debtor, fee)
        post(c, CASH, debtor, collected - fee)
        post(c, BAD_DEBT, debtor, c.writeoffs.pop((t, channel), 0))
    post(c, CASH, CAPITAL, planned(c, t, "equity"))


# -------------------- steps 6, 7 and 9


def credit_line(c: Company, t: int) -> int:
    """The limit L of the day: the commitment, or the borrowing base where that is lower."""
    return commitment(c, t) if c.base is None else min(commitment(c, t), c.base)


def availability(c: Company, t: int) -> int:
    return 0 if c.defaulted else max(credit_line(c, t) + c.balances[REVOLVER], 0)


def headroom(c: Company, t: int) -> int:
    """Cash and what can still be drawn: liquidity in step 6, headroom after a sweep."""
    return max(c.balances[CASH], 0) + availability(c, t)


def step_6_pay(c: Company, t: int) -> int:
    """Pays class by class as far as the liquidity goes; returns the capex and dividends that lapsed."""
    money = headroom(c, t)
    falling_due = dues_of_the_day(c, t)
    for accounts in PAID_FIRST:
        money -= pay_class(c, accounts, falling_due, money)
    money -= pay_overdue(c, money)
    money -= pay_trade(c, t, money)
    lapsed = 0
    for label, account in (("capex", PROPERTY), ("dividend", DIVIDENDS)):
        wanted = planned(c, t, label)
        paid = 0 if c.defaulted else min(wanted, money)
        post(c, account, CASH, paid)
        money -= paid
        lapsed += wanted - paid
    return lapsed


def dues_of_the_day(c: Company, t: int) -> Counter:
    """What classes 1 to 3 owe from today on, by account, without their arrears."""
    expenses, tax = planned(c, t, *EXPENSE_LABELS), planned(c, t, "tax")
    post(c, EXPENSES, ACCRUED, expenses)
    post(c, INCOME_TAX, TAX, tax)
    falling: Counter = Counter()
    falling[ACCRUED] = expenses + c.accruals.pop(t, 0)
    falling[REFUNDS], c.refunds_today = c.refunds_today, 0
    falling[VAT] = c.vat_due.pop(t, 0)
    falling[TAX] = tax + c.tax_due.pop(t, 0)
    for name in FACILITIES:
        if c.case[name] is not None and t in c.case[name]["pay_days"]:
            falling[INTEREST_DUE] += c.interest[name]
            c.interest[name] = 0
    not_yet_due = -c.balances[TERM_LOAN] - c.arrears[TERM_LOAN]
    falling[TERM_LOAN] = min(planned(c, t, "maturity"), not_yet_due)
    return falling


def pay_class(c: Company, accounts: tuple[int, ...], falling_due: Counter, money: int) -> int:
    """Arrears first, then today's dues; what is unpaid is in arrears tomorrow. Returns what was paid."""
    old = [c.arrears[account] for account in accounts]
    new = [falling_due[account] for account in accounts]
    paid_old = split(money, old)
    paid_new = split(money - sum(paid_old), new)
    for i, account in enumerate(accounts):
        post(c, account, CASH, paid_old[i] + paid_new[i])
        c.arrears[account] = old[i] + new[i] - paid_old[i] - paid_new[i]
    return sum(paid_old) + sum(paid_new)


def pay_overdue(c: Company, money: int) -> int:
    suppliers = in_id_order(c.suppliers)
    paid = split(money, [c.overdue[supplier] for supplier in suppliers])
    for supplier, cents in zip(suppliers, paid, strict=True):
        post(c, OVERDUE, CASH, cents)
        c.overdue[supplier] -= cents
    return sum(paid)


def pay_trade(c: Company, t: int, money: int) -> int:
    """Trade payables due today; what cannot be paid becomes overdue."""
    suppliers = in_id_order(c.suppliers)
    owed = [c.payables.pop((t, supplier), 0) for supplier in suppliers]
    paid = split(money, owed)
    for i, supplier in enumerate(suppliers):
        post(c, TRADE, CASH, paid[i])
        post(c, TRADE, OVERDUE, owed[i] - paid[i])
        c.overdue[supplier] += owed[i] - paid[i]
    return sum(paid)


def step_7_sweep(c: Company, t: int) -> None:
    cash, drawn, minimum = c.balances[CASH], -c.balances[REVOLVER], c.case["minimum_cash"]
    must = min(max(drawn - credit_line(c, t), 0), max(cash, 0))  # an over-advance is cured even in default
    draw = min(max(minimum - (cash - must), 0), availability(c, t))
    may = min(drawn - must, max(cash - must - minimum, 0))
    post(c, CASH, REVOLVER, draw)
    post(c, REVOLVER, CASH, must + may)


def step_9_pay_and_sweep(c: Company, t: int) -> None:
    """Step 6 has cleared today's payables, so what is due today now was made by step 8."""
    pay_trade(c, t, headroom(c, t))
    step_7_sweep(c, t)


# -------------------- step 8: wishes


def wishes_of_the_day(c: Company, t: int) -> Wishes:
    """From the last tier to the first, so that a dc sees what its stores wish today."""
    wishes: Wishes = {}
    if c.defaulted:
        return wishes
    for node in sorted(c.nodes, key=lambda id: -c.tiers[id]):
        for product in c.products:
            order = policy_order(c, t, (node, product), wishes)
            for line, units in divide_order(c, t, (node, product), order).items():
                if units > 0:
                    row = c.lines[line]
                    wishes[line] = -fl(-max(units, row["minimum"]), row["pack"]) * row["pack"]
    return wishes


def policy_order(c: Company, t: int, place: Place, wishes: Wishes) -> int:
    policy = c.policies.get(place)
    if policy is None or (t - policy["offset"]) % policy["period"] != 0:
        return 0
    at = position(c, place, wishes)
    if at > policy["reorder_point"]:
        return 0
    if policy["lot"]:
        return max(policy["lot"] * (fl(policy["reorder_point"] - at, policy["lot"]) + 1), 0)
    return max(policy["order_up_to"] - at, 0)


def position(c: Company, place: Place, wishes: Wishes) -> int:
    node, product = place
    units = c.on_hand[place] - c.backorders[place]
    for line in c.lines:
        if line[1:] == (node, product):
            units += c.open[line] + in_transit(c, line)
        if (line[0], line[2]) == (node, product):
            units -= c.open[line] + wishes.get(line, 0)
    return units


def divide_order(c: Company, t: int, place: Place, order: int) -> dict[Line, int]:
    """By share over all lanes, or by priority to the first lane that can ship today."""
    lines = [line for line in in_id_order(c.lines) if line[1:] == place]
    if not lines:
        return {}
    if c.lines[lines[0]]["rank"] is None:
        return dict(zip(lines, share_out(order, [c.lines[line]["share"] for line in lines]), strict=True))
    able = [line for line in lines if can_ship(c, t, line)]
    first = min(able or lines, key=lambda line: c.lines[line]["rank"])  # of equals, the first by id
    return {first: order}


def can_ship(c: Company, t: int, line: Line) -> bool:
    capacities = (lane_capacity(c, t, line[:2]), dispatch_capacity(c, t, line[0]))
    return all(capacity is None or capacity > 0 for capacity in capacities)


# -------------------- step 8: the supplier's limit and the cash gate


def cut(c: Company, wishes: Wishes, lines: list[Line], budget: int, charge: int) -> None:
    """Scales the wishes on `lines` to the budget, unless it covers the charge."""
    budget, charge = max(fl(budget, WHOLE), 0), -fl(-charge, WHOLE)
    if charge <= budget:
        return
    for line in lines:
        row = c.lines[line]
        units = fl(wishes.get(line, 0) * budget, charge)
        units -= units % row["pack"]
        wishes[line] = units if units >= row["minimum"] else 0


def line_gross(c: Company, t: int, line: Line, units: int) -> int:
    return gross(units, cost(c, t, line), c.products[line[2]]["vat"])


def cut_to_supplier_limits(c: Company, t: int, wishes: Wishes) -> None:
    for supplier in c.suppliers:
        limit = supplier_limit(c, t, supplier)
        if limit is None:
            continue
        lines = [line for line in outside_lines(c) if line[0] == supplier]
        owed = sum(cents for (_, to), cents in c.payables.items() if to == supplier) + c.overdue[supplier]
        coming = sum(line_gross(c, t, line, untitled(c, line)) - c.deposit[line] for line in lines)
        charge = sum(line_gross(c, t, line, wishes.get(line, 0)) for line in lines)
        cut(c, wishes, lines, limit - owed - coming, charge)


def cut_to_cash(c: Company, t: int, wishes: Wishes) -> None:
    gate, lines = c.case["gate"], outside_lines(c)
    if gate["kind"] == "spot":
        budget = headroom(c, t) - gate["buffer"]
        charge = sum(landed_cost(c, t, line, wishes.get(line, 0)) for line in lines)
    else:
        assert gate["kind"] == "look_ahead", gate["kind"]
        budget = look_ahead_budget(c, t)
        charge = sum(look_ahead_charge(c, t, line, wishes.get(line, 0)) for line in lines)
    cut(c, wishes, lines, budget, charge)


def inbound_freight(c: Company, line: Line, units: int) -> int:
    """Freight that the company pays; a DDP price includes it."""
    return 0 if title(c, line) == "DDP" else amount(units, c.lanes[line[:2]]["freight"])


def landed_cost(c: Company, t: int, line: Line, units: int) -> int:
    if units == 0:
        return 0
    return line_gross(c, t, line, units) + inbound_freight(c, line, units) + c.lanes[line[:2]]["order_cost"]


def bill_counts(c: Company, t: int, line: Line) -> bool:
    """Whether goods that leave today with the mean lead time must be paid inside the window."""
    title_day = t + (max(1, c.lanes[line[:2]]["mean_lead"]) if title(c, line) == "DDP" else 0)
    return due(c, title_day, net_days(c, t, line[0])) <= t + c.case["gate"]["days"]


def accrual_counts(c: Company, t: int) -> bool:
    return due(c, t, c.case["accrual_days"]) <= t + c.case["gate"]["days"]


def deposit_for(c: Company, t: int, line: Line, units: int) -> int:
    return he(amount(units, cost(c, t, line)) * c.lanes[line[:2]]["deposit"], MILLION)


def look_ahead_charge(c: Company, t: int, line: Line, units: int) -> int:
    """The part of a wish that must be paid inside the window."""
    if units == 0:
        return 0
    charge = deposit = deposit_for(c, t, line, units)
    if bill_counts(c, t, line):
        charge += line_gross(c, t, line, units) - deposit
    if accrual_counts(c, t):
        charge += inbound_freight(c, line, units) + c.lanes[line[:2]]["order_cost"]
    return charge


def look_ahead_budget(c: Company, t: int) -> int:
    """The lowest point of the next days, less what older orders will cost in them."""
    gate = c.case["gate"]
    start = headroom(c, t) - sum(c.overdue.values()) - sum(c.arrears.values()) - gate["buffer"]
    flow, points = 0, []
    for k in range(gate["days"] + 1):
        if k > 0:
            flow += known_inflow(c, t + k) - known_outflow(c, t, t + k)
        points.append(start + flow + he(gate["beta"] * c.case["expected"][t][k], MILLION))
    older = 0
    for line in outside_lines(c):
        units = untitled(c, line)
        if units > 0 and bill_counts(c, t, line):  # a deposit that outlived its goods is no relief
            older += line_gross(c, t, line, units) - c.deposit[line]
        if title(c, line) == "FOB" and accrual_counts(c, t):
            older += inbound_freight(c, line, c.open[line])
    return min(points) - older


def known_inflow(c: Company, day: int) -> int:
    total = planned(c, day, "equity")
    for channel, row in c.channels.items():
        owed = c.receivables[day, channel]
        total += owed - he(owed * row["fee"], MILLION)
    return total


def known_outflow(c: Company, t: int, day: int) -> int:
    """Dues of one later day, and the interest accrued so far of a facility whose next payment day it is."""
    total = sum(c.payables[day, supplier] for supplier in c.suppliers)
    total += c.accruals[day] + c.vat_due[day] + c.tax_due[day] + planned(c, day, *OUTFLOW_LABELS)
    for name in FACILITIES:
        pay_days = [] if c.case[name] is None else [d for d in c.case[name]["pay_days"] if d > t]
        if pay_days and min(pay_days) == day:
            total += c.interest[name]
    return total


# -------------------- step 8: placing and shipping


def step_8_order_and_ship(c: Company, t: int, flows: Record) -> None:
    wishes = wishes_of_the_day(c, t)
    cut_to_supplier_limits(c, t, wishes)
    cut_to_cash(c, t, wishes)
    for line, units in wishes.items():
        if units > 0:
            place_order(c, t, line, units)
            flows["ordered"][line] += units
    for source in in_id_order([*c.suppliers, *c.nodes]):
        if source in c.nodes:
            ship_own(c, t, rationed(c, t, source), flows)
        elif not c.defaulted:
            ship_outside(c, t, rationed(c, t, source), flows)


def place_order(c: Company, t: int, line: Line, units: int) -> None:
    c.open[line] += units
    accrue(c, t, ORDERING, c.lanes[line[:2]]["order_cost"])
    if line[0] in c.suppliers:
        deposit = deposit_for(c, t, line, units)
        post(c, DEPOSITS, TRADE, deposit)
        c.deposit[line] += deposit
        c.payables[t, line[0]] += deposit


def rationed(c: Company, t: int, source: str) -> dict[Line, int]:
    """What leaves a source: its stock, then each lane, then the source itself limits the result so far."""
    leaving = {line: c.open[line] for line in in_id_order(c.lines) if line[0] == source}

    def ration(available: int | None, lines: list[Line]) -> None:
        if available is not None:
            leaving.update(zip(lines, split(available, [leaving[line] for line in lines]), strict=True))

    if source in c.nodes:
        for product in c.products:
            ration(c.on_hand[source, product], [line for line in leaving if line[2] == product])
    for lane in c.lanes:
        if lane[0] == source:
            ration(lane_capacity(c, t, lane), [line for line in leaving if line[:2] == lane])
    ration(dispatch_capacity(c, t, source), list(leaving))
    return leaving


def ship_own(c: Company, t: int, leaving: dict[Line, int], flows: Record) -> None:
    """Goods go from node to node at their value; freight is an expense."""
    for source, product in dict.fromkeys((line[0], line[2]) for line in leaving):
        place = (source, product)
        lines = [line for line in leaving if line[2] == product]
        units, on_hand = [leaving[line] for line in lines], c.on_hand[place]
        carried = part(c.value[place], sum(units), on_hand)
        for line, cents in zip(lines, share_out(carried, units), strict=True):
            c.transit_value[line] += cents
        released = part(c.allowance[place], sum(units), on_hand)
        post(c, TRANSIT_OWN, stock_account(c, source), carried)
        post(c, ALLOWANCE, WRITE_DOWN, released)
        c.value[place] -= carried
        c.allowance[place] -= released
        c.on_hand[place] -= sum(units)
    for line, quantity in leaving.items():
        accrue(c, t, FREIGHT, amount(quantity, c.lanes[line[:2]]["freight"]))
    send(c, t, leaving, flows)


def ship_outside(c: Company, t: int, leaving: dict[Line, int], flows: Record) -> None:
    """Goods leave a supplier; under FOB they are ours from now on, and the freight is part of their cost."""
    for line, units in leaving.items():
        if units > 0 and title(c, line) == "FOB":
            freight = inbound_freight(c, line, units)
            accrue(c, t, TRANSIT_IN, freight)
            c.transit_value[line] += freight + bill(c, t, line, units, TRANSIT_IN)
    send(c, t, leaving, flows)


def send(c: Company, t: int, leaving: dict[Line, int], flows: Record) -> None:
    latest = dict(c.latest_arrival)  # of what left earlier; all that leaves today travels together
    for line, units in leaving.items():
        if units == 0:
            continue
        lane = line[:2]
        arrival = t + lead_time(c, t, lane)
        if not c.lanes[lane]["crossing"]:
            arrival = max(arrival, latest.get(lane, arrival))
        c.latest_arrival[lane] = arrival
        c.open[line] -= units
        c.transit[(arrival, *line)] += units
        flows["shipped"][line] += units


# -------------------- step 10


def step_10_close(c: Company, t: int) -> None:
    if t in c.case["writedown_days"]:
        write_down(c)
    if t in c.case["vat_days"]:
        settle_vat(c, t)
    if t in c.case["tax_days"]:
        charge_income_tax(c, t)
    fails = default_tests(c, t)  # they see the equity and the dues that the closes above have left
    if t in c.case["year_end_days"]:
        close_year(c)
    if c.case["base"] is not None and t in c.case["base"]["days"]:
        c.base = borrowing_base(c)
    c.defaulted = c.defaulted or fails


def write_down(c: Company) -> None:
    for place, held in c.value.items():
        recoverable = c.products[place[1]]["recoverable"]
        if recoverable is None:
            continue
        target = max(0, held - amount(c.on_hand[place], recoverable))
        change = target - c.allowance[place]
        post(c, WRITE_DOWN, ALLOWANCE, max(change, 0))
        post(c, ALLOWANCE, WRITE_DOWN, max(-change, 0))
        c.allowance[place] = target


def settle_vat(c: Company, t: int) -> None:
    output = -c.balances[VAT] - sum(c.vat_due.values()) - c.arrears[VAT]
    offset = min(max(output, 0), c.balances[INPUT_VAT])
    post(c, VAT, INPUT_VAT, offset)
    c.vat_due[due(c, t, c.case["vat_lag"])] += max(output, 0) - offset


def charge_income_tax(c: Company, t: int) -> None:
    tax = he(max(0, c.profit - c.losses) * c.case["tax_rate"], MILLION)
    post(c, INCOME_TAX, TAX, tax)
    c.tax_due[due(c, t, c.case["tax_lag"])] += tax
    c.losses = max(0, c.losses - c.profit)
    c.profit = 0


def default_tests(c: Company, t: int) -> bool:
    """Whether a declared test fails at this close; counting goes on, since default is final anyway."""
    rule = c.case["default"]
    late = sum(c.overdue.values()) + sum(c.arrears.values()) > 0
    c.late_closes = c.late_closes + 1 if late else 0
    fails = rule["cash_flow"] is not None and c.late_closes > rule["cash_flow"]
    fails = fails or (rule["balance_sheet"] and equity(c) < 0)
    for row in c.case["covenants"]:
        assert row["kind"] in ("minimum_liquidity", "minimum_net_worth"), row["kind"]
        measure = headroom(c, t) if row["kind"] == "minimum_liquidity" else equity(c)
        running = c.breaches[row["id"]] > 0 or t in row["days"]  # only a test day starts the count
        breached = measure < row["threshold"] and running
        c.breaches[row["id"]] = c.breaches[row["id"]] + 1 if breached else 0
        fails = fails or (rule["covenant"] is not None and c.breaches[row["id"]] > rule["covenant"])
    return fails


def close_year(c: Company) -> None:
    """Every profit and loss account goes to retained earnings. Not by `post`: no profit is made here."""
    for account in PROFIT_AND_LOSS:
        c.balances[RETAINED] += c.balances[account]
        c.balances[account] = 0


def borrowing_base(c: Company) -> int:
    terms, total = c.case["base"], 0
    for channel, row in c.channels.items():
        total += he(owed_by(c, channel) * row["advance"], MILLION)
    for product, row in c.products.items():
        eligible = sum(c.value[node, product] - c.allowance[node, product] for node in c.nodes)
        if terms["in_transit"]:
            eligible += sum(c.transit_value[line] for line in c.lines
                            if line[2] == product and title(c, line) == "FOB")  # fmt: skip
        advance = min(terms["inventory_advance"], he(terms["nolv_advance"] * row["nolv"], MILLION))
        total += he(eligible * advance, MILLION)
    return max(0, total - terms["reserves"])


def owed_by(c: Company, channel: str) -> int:
    """Receivables of a channel, with those that will be written off."""
    both = (*c.receivables.items(), *c.writeoffs.items())
    return sum(cents for (_, debtor), cents in both if debtor == channel)


# -------------------- what must always hold


def check(c: Company, t: int) -> None:
    """The oracle's own sanity at a close: the ledger agrees with everything that is counted beside it."""
    b = c.balances
    assert sum(b.values()) == 0, f"day {t}: trial balance is {sum(b.values())}"
    assert set(b) <= set(ACCOUNTS) and b[9999] == 0, f"day {t}: posted outside the chart of accounts"
    assert b[CASH] >= 0, f"day {t}: cash is {b[CASH]}"
    assert b[REVOLVER] <= 0 and b[TERM_LOAN] <= 0, f"day {t}: more of a loan was repaid than was owed"
    check_goods(c, t)
    for what, have, want in sub_ledgers(c):
        assert have == want, f"day {t}: {what} is {have} in the ledger and {want} beside it"
    assert b[INPUT_VAT] >= 0, f"day {t}: negative input VAT"
    assert c.arrears[TERM_LOAN] <= -b[TERM_LOAN], f"day {t}: arrears exceed the term loan"
    by_party = (c.payables, c.receivables, c.writeoffs)
    for dues in (*by_party, c.accruals, c.vat_due, c.tax_due, c.arrears, c.overdue):
        assert all(cents >= 0 for cents in dues.values()), f"day {t}: a negative due"
    for dues in (*by_party, c.transit):
        assert all(key[0] > t for key, left in dues.items() if left), f"day {t}: something due was forgotten"
    for dues in (c.accruals, c.vat_due, c.tax_due):
        assert all(day > t for day, left in dues.items() if left), f"day {t}: something due was forgotten"


def check_goods(c: Company, t: int) -> None:
    for place in c.value | c.on_hand:
        units, value, allowance = c.on_hand[place], c.value[place], c.allowance[place]
        assert units >= 0 and c.backorders[place] >= 0, f"day {t}: negative units at {place}"
        assert 0 <= allowance <= value, f"day {t}: allowance {allowance} of value {value} at {place}"
        assert units > 0 or value == 0, f"day {t}: value {value} without stock at {place}"
    for line in c.lines:
        assert min(c.open[line], c.transit_value[line], c.deposit[line]) >= 0, f"day {t}: negative on {line}"
        moving = in_transit(c, line) if title(c, line) != "DDP" else 0
        assert moving > 0 or c.transit_value[line] == 0, f"day {t}: transit value without units on {line}"


def sub_ledgers(c: Company) -> list[tuple[str, int, int]]:
    """(name, balance of the account, sum of what is counted beside the ledger), all debit positive."""
    b = c.balances

    def stock(kind: str) -> int:
        return sum(cents for (node, _), cents in c.value.items() if c.nodes[node]["kind"] == kind)

    def moving(*titles: str) -> int:
        return sum(cents for line, cents in c.transit_value.items() if title(c, line) in titles)

    def owed(kind: str) -> int:
        return sum(owed_by(c, channel) for channel, row in c.channels.items() if row["kind"] == kind)

    return [
        ("stock in dcs", b[STOCK_DC], stock("dc")),
        ("stock in stores", b[STOCK_STORE], stock("store")),
        ("goods in transit inbound", b[TRANSIT_IN], moving("FOB")),
        ("goods in transit internal", b[TRANSIT_OWN], moving("internal")),
        ("goods in transit without title", 0, moving("DDP")),
        ("write-down allowance", b[ALLOWANCE], -sum(c.allowance.values())),
        ("deposits", b[DEPOSITS], sum(c.deposit.values())),
        ("card receivables", b[CARD], owed("card")),
        ("b2b receivables", b[B2B], owed("b2b")),
        ("trade payables", b[TRADE], -sum(c.payables.values())),
        ("overdue", b[OVERDUE], -sum(c.overdue.values())),
        ("accrued expenses", b[ACCRUED], -sum(c.accruals.values()) - c.arrears[ACCRUED]),
        ("refunds", b[REFUNDS], -c.arrears[REFUNDS] - c.refunds_today),
        ("income tax payable", b[TAX], -sum(c.tax_due.values()) - c.arrears[TAX]),
        ("interest", b[INTEREST_DUE], -sum(c.interest.values()) - c.arrears[INTEREST_DUE]),
    ]


def check_units(c: Company, before: dict, flows: Record) -> None:
    """Units at every place: what came in less what went out is the change of the stock."""
    for place, was in before.items():
        came = sum(units for line, units in flows["received"].items() if line[1:] == place)
        went = sum(units for line, units in flows["shipped"].items() if (line[0], line[2]) == place)
        gone = flows["sold"][place] + flows["shrunk"][place] + flows["expired"][place] + went
        now = was + came + flows["returned"][place] - gone
        assert c.on_hand[place] == now, f"{place}: {c.on_hand[place]} units on hand, {now} by the movements"


# -------------------- the days


def play(case: Case) -> list[Record]:
    """Plays the company for case["days"] days and returns one record per day."""
    c = found(case)
    check(c, -1)
    return [play_day(c, t) for t in range(case["days"])]


def play_day(c: Company, t: int) -> Record:
    places = in_id_order((node, product) for node in c.nodes for product in c.products)
    lines = in_id_order(c.lines)
    flows: Record = {name: dict.fromkeys(lines, 0) for name in ("ordered", "shipped", "received")}
    by_place = ("sold", "met", "lost", "returned", "shrunk", "expired")
    flows |= {name: dict.fromkeys(places, 0) for name in by_place}
    before = {place: c.on_hand[place] for place in places}

    step_1_interest(c, t)
    step_2_receive(c, t, flows)
    step_3_sell(c, t, flows)
    step_4_age(c, t, flows)
    step_5_collect(c, t)
    flows["lapsed"] = step_6_pay(c, t)
    step_7_sweep(c, t)
    step_8_order_and_ship(c, t, flows)
    step_9_pay_and_sweep(c, t)
    closing_headroom = headroom(c, t)  # before the close: default and a new base hold from tomorrow on
    step_10_close(c, t)

    check(c, t)
    check_units(c, before, flows)
    return flows | {
        "on_hand": {place: c.on_hand[place] for place in places},
        "backorders": {place: c.backorders[place] for place in places},
        "value": {place: c.value[place] for place in places},
        "allowance": {place: c.allowance[place] for place in places},
        "open": {line: c.open[line] for line in lines},
        "in_transit": {line: in_transit(c, line) for line in lines},
        "transit_value": {line: c.transit_value[line] for line in lines},
        "deposit": {line: c.deposit[line] for line in lines},
        "balances": {account: c.balances[account] for account in ACCOUNTS},
        "overdue": {supplier: c.overdue[supplier] for supplier in in_id_order(c.suppliers)},
        "arrears": {account: c.arrears[account] for accounts in PAID_FIRST for account in accounts},
        "headroom": closing_headroom,
        "base": c.base,
        "defaulted": c.defaulted,
    }
