"""The example's goods, day by day: sales, stock-outs, spoilage, orders and lead times, in plain NumPy.

The order of the day is that of the twin (receive, sell, age, order, ship), written again from twin/DAY.md for the
network of this example: suppliers -> dcs -> stores. The last year is a budget: mean demand and mean lead times.
"""

from dataclasses import dataclass

import numpy as np

from scenarios.example.truth import Truth

RETURN_LAG = 7  # days


@dataclass(frozen=True)
class Network:
    """Who serves whom, and how much each place wants to hold. Axes: dc, store, line."""

    dcs: list[str]
    dc_of: np.ndarray  # (store,) place of the dc that serves it
    store_lead: np.ndarray  # (store,) days from its dc
    up_to: np.ndarray  # (node, line) order-up-to level; dcs first, then stores
    review: np.ndarray  # (node, line) days between orders
    offset: np.ndarray  # (node, line) day of the first review, counted from the start of the simulated year

    @property
    def nodes(self) -> int:
        return len(self.dcs) + len(self.dc_of)


@dataclass
class Trade:
    """What happened, by day. Axes: day, node (dcs first, then stores) or store, line."""

    demand: np.ndarray  # (day, store, line)
    sold: np.ndarray  # (day, store, line)
    moved: np.ndarray  # (day, store, line) of the sales, what came from another line
    on_hand: np.ndarray  # (day, node, line) at the close
    returned: np.ndarray  # (day, store, line)
    lost: np.ndarray  # (day, node, line) shrink and expiry
    ordered: np.ndarray  # (day, dc, line) from suppliers; leaves the same day
    arrives: np.ndarray  # (day, dc, line) the day it arrives
    received: np.ndarray  # (day, dc, line) from suppliers
    shipped: np.ndarray  # (day, store, line) from the dc
    order_lines: np.ndarray  # (day, store) lines ordered from the dc
    open: np.ndarray  # (day, store, line) ordered and not shipped, at the close


def network(truth: Truth, dcs: list[str]) -> Network:
    """Policies of a planner who knows mean regular demand and mean lead times, no season and no promotion."""
    stores = len(truth.stores)
    dc_of = np.arange(stores) * len(dcs) // stores
    store_lead = 1 + (np.arange(stores) % 4 == 3).astype(int)  # every fourth store is two days away
    mean = truth.planned_mean()
    pack = np.array([line.pack for line in truth.lines], float)
    cats = [truth.categories[c] for c in truth.category_of]
    supplier = {s.name: s for s in truth.suppliers}
    lead = np.array([max(1, round(supplier[line.supplier].lead_time)) for line in truth.lines])
    safety = np.array([2.5 * supplier[line.supplier].lead_deviation if supplier[line.supplier].imported else 0.0
                       for line in truth.lines])  # fmt: skip
    review = np.array([c.store_review for c in cats])
    cover = np.array([c.store_cover for c in cats])
    dc_review, dc_cover = np.array([c.dc_review for c in cats]), np.array([c.dc_cover for c in cats])
    store_level = mean * truth.level_error * (store_lead[:, None] + review - 1 + cover)
    dc_mean = np.stack([mean[dc_of == d].sum(axis=0) for d in range(len(dcs))])
    dc_level = dc_mean * (lead + dc_review - 1 + dc_cover + safety)
    places = np.arange(len(dcs) + stores)
    every = np.concatenate([np.tile(dc_review, (len(dcs), 1)), np.tile(review, (stores, 1))])
    return Network(
        dcs=dcs,
        dc_of=dc_of,
        store_lead=store_lead,
        up_to=np.ceil(np.concatenate([dc_level, store_level + pack])),
        review=every,
        offset=(places[:, None] + np.arange(len(truth.lines))) % every,
    )


def ration(available: np.ndarray, claims: np.ndarray) -> np.ndarray:
    """Whole shares of what there is, in proportion to claims; DAY.md 1. available: (line,), claims: (store, line)."""
    upto = np.cumsum(claims, axis=0)
    whole = upto[-1]
    given = np.floor(np.minimum(available, whole) * upto / np.where(whole > 0, whole, 1.0) + 1e-9)
    return np.diff(given, axis=0, prepend=0.0)


def sell(on_hand: np.ndarray, demand: np.ndarray, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Sales, and the part of them that came from another line of the category. (store, line)."""
    sold = np.minimum(on_hand, demand)
    moved = np.zeros_like(sold)
    if truth.substitution:
        wanting = np.floor((demand - sold) * truth.substitution)
        for c in range(len(truth.categories)):
            mine = np.flatnonzero(truth.category_of == c)
            if len(mine) > 1:
                left = on_hand[:, mine] - sold[:, mine]
                # to the neighbour on the shelf, as far as that has stock
                moved[:, mine] = np.minimum(left, np.roll(wanting[:, mine], 1, axis=1))
    return sold + moved, moved


def trade(truth: Truth, net: Network, demand: np.ndarray, lead: np.ndarray, seed: int) -> Trade:
    """Play all days. demand: (day, store, line); lead: (day, supplier, dc)."""
    rng = np.random.default_rng([seed, 5])
    days, stores, lines = demand.shape
    dcs, longest = len(net.dcs), int(lead.max()) + 1
    source = np.array([[s.name for s in truth.suppliers].index(line.supplier) for line in truth.lines])
    pack = np.array([line.pack for line in truth.lines], float)
    back = np.array([line.returns for line in truth.lines])
    rate = np.array([line.shrink for line in truth.lines])
    life = np.array([line.shelf_life or 0 for line in truth.lines])
    shape = {"store": (days, stores, lines), "dc": (days, dcs, lines), "node": (days, net.nodes, lines)}
    t = Trade(
        demand=demand, sold=np.zeros(shape["store"]), moved=np.zeros(shape["store"]), on_hand=np.zeros(shape["node"]),
        returned=np.zeros(shape["store"]), lost=np.zeros(shape["node"]), ordered=np.zeros(shape["dc"]),
        arrives=np.zeros(shape["dc"], np.int64), received=np.zeros(shape["dc"]), shipped=np.zeros(shape["store"]),
        order_lines=np.zeros((days, stores)), open=np.zeros(shape["store"]),
    )  # fmt: skip
    inbound = np.zeros((days + longest, dcs, lines))
    internal = np.zeros((days + 3, stores, lines))
    fresh = np.zeros((days + 1, net.nodes, lines))  # came on each day; the last row is of stock from before
    stock = np.floor(net.up_to * 0.6)
    waiting, every = np.zeros((stores, lines)), np.arange(lines)
    on_order = np.zeros((dcs, lines))
    for day in range(days):
        came = np.concatenate([inbound[day], internal[day]])
        t.received[day] = inbound[day]
        on_order -= inbound[day]
        stock += came
        t.sold[day], t.moved[day] = sell(stock[dcs:], demand[day], truth)
        stock[dcs:] -= t.sold[day]
        if day >= RETURN_LAG:
            t.returned[day] = np.floor(t.sold[day - RETURN_LAG] * back + rng.random((stores, lines)))
            stock[dcs:] += t.returned[day]
        fresh[day] = came
        fresh[day, dcs:] += t.returned[day]
        t.lost[day] = np.minimum(stock, np.floor(stock * rate + rng.random(stock.shape)))
        stock -= t.lost[day]
        for shelf in np.unique(life[life > 0]):
            old = (life == shelf) & (day >= shelf)
            expired = np.maximum(stock - fresh[max(day - shelf + 1, 0) : day + 1].sum(axis=0), 0.0) * old
            t.lost[day] += expired
            stock -= expired
        # orders of the stores, from the dc's stock of this evening
        moving = internal[day + 1 :].sum(axis=0)
        due = (day - truth.history - net.offset) % net.review == 0
        wish = _wishes(net.up_to[dcs:] - stock[dcs:] - moving - waiting, due[dcs:], pack)
        t.order_lines[day] = (wish > 0).sum(axis=1)
        waiting += wish
        below = np.stack([waiting[net.dc_of == d].sum(axis=0) for d in range(dcs)])
        t.ordered[day] = _wishes(net.up_to[:dcs] - (stock[:dcs] + on_order - below), due[:dcs], pack)
        on_order += t.ordered[day]
        for d in range(dcs):
            mine = np.flatnonzero(net.dc_of == d)
            given = ration(stock[d], waiting[mine])
            t.shipped[day, mine] = given
            stock[d] -= given.sum(axis=0)
            waiting[mine] -= given
            internal[day + net.store_lead[mine], mine] += given
            t.arrives[day, d] = day + lead[day, source, d]
            inbound[t.arrives[day, d], d, every] += t.ordered[day, d]
        t.on_hand[day], t.open[day] = stock, waiting
    return t


def _wishes(short: np.ndarray, due: np.ndarray, pack: np.ndarray) -> np.ndarray:
    """Whole packs that restore the position, on review days."""
    return np.ceil(np.maximum(np.rint(short), 0.0) / pack) * pack * due
