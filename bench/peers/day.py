"""The Numba day with our inverse sampler and our ledger: what a good engineer would write by hand for one company.

Goods, stock at moving average cost, payables, receivables, VAT, taxes, revolver, cash gate, default: to the unit and
to the cent those of the twin's exact mode, from the same uniforms. It differs in what it leaves out: the ten
invariants of every day, postings by row (it keeps balances by account), and every rule that this company does not use.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from bench.peers import money
from bench.peers.cents import half_even, part
from bench.peers.luck import MEAN_MOST, draw_demand, draw_lead_times, future_key, jit
from bench.peers.money import Books
from bench.peers.plain import Floats, Ints, Opening, Places, Plain, Terms


class Stock(NamedTuple):
    """Goods that are carried from day to day, and room to work in. (node, product) unless said."""

    on_hand: Floats
    value: Floats
    waiting: Floats  # stores: ordered and not dispatched
    on_order: Floats  # waiting and in transit
    transit: Floats  # (slot, node, product)
    transit_value: Floats
    demand: Floats
    wish: Floats
    by_product: Floats
    days_out: Ints


class Played(NamedTuple):
    """Leading axis future: balances (day, account) cents; demand, met, sums of closing stock (node, product)."""

    balances: Floats
    demand: Floats
    met: Floats
    on_hand: Floats


@jit
def receive(p: Places, t: Terms, s: Stock, b: Books, day: int) -> None:
    """Step 2: shipments due today; delivered goods are billed here."""
    slot, vat_total, into_stores = day % len(s.transit), 0.0, 0.0
    for i in range(len(p.source)):
        dc = p.source[i] < 0
        for j in range(len(t.supplier)):
            units = s.transit[slot, i, j]
            if units == 0:
                continue
            if dc:
                net = half_even(units, t.cost[i, j], 100.0)
                vat = half_even(net, t.vat[j], 1e6)
                b.payables[t.due_supplier[day, t.supplier[j]], t.supplier[j]] += net + vat
                vat_total += vat
                money.post(b.balances, money.AT_DCS, money.PAYABLES, net)
            else:
                net = part(s.transit_value[i, j], units, s.on_order[i, j] - s.waiting[i, j])
                s.transit_value[i, j] -= net
                into_stores += net
            s.value[i, j] += net
            s.transit[slot, i, j] = 0.0
            s.on_hand[i, j] += units
            s.on_order[i, j] -= units
    money.post(b.balances, money.INPUT_VAT, money.PAYABLES, vat_total)
    money.post(b.balances, money.AT_STORES, money.ON_THE_WAY, into_stores)


@jit
def sell(p: Places, t: Terms, s: Stock, b: Books, day: int, demanded: Any, met: Any) -> None:
    """Step 3: demand meets stock; what is unmet is lost."""
    net_total = vat_total = cost_total = 0.0
    for i in range(len(p.source)):
        if p.source[i] < 0:
            continue
        for j in range(len(t.supplier)):
            sold = min(s.on_hand[i, j], s.demand[i, j])
            net = half_even(sold, t.price[day, j], 100.0)
            cost = part(s.value[i, j], sold, s.on_hand[i, j])
            net_total += net
            vat_total += half_even(net, t.vat[j], 1e6)
            cost_total += cost
            s.on_hand[i, j] -= sold
            s.value[i, j] -= cost
            demanded[i, j] += s.demand[i, j]
            met[i, j] += sold
    b.receivables[t.due_card[day]] += net_total + vat_total
    money.post(b.balances, money.RECEIVABLES, money.REVENUE, net_total)
    money.post(b.balances, money.RECEIVABLES, money.OUTPUT_VAT, vat_total)
    money.post(b.balances, money.COST_OF_SALES, money.AT_STORES, cost_total)


@jit
def order(p: Places, t: Terms, s: Stock, b: Books, day: int) -> None:
    """Step 8, first half: stores' wishes stand, those of the DCs pass the cash gate; all join the open orders."""
    below = np.zeros_like(t.cost)
    for i in range(len(p.source) - 1, -1, -1):
        dc = p.source[i] < 0
        for j in range(len(t.supplier)):
            position = s.on_hand[i, j] + s.on_order[i, j] - (below[i, j] if dc else 0.0)
            short = np.rint(p.level[i, j] - position) if position <= p.point[i, j] else 0.0
            wish = np.ceil(short / p.pack[i, j]) * p.pack[i, j] if short > 0 and b.few[money.DEFAULT] == 0 else 0.0
            s.wish[i, j] = wish
            if not dc:
                s.on_order[i, j] += wish
                s.waiting[i, j] += wish
                below[p.source[i], j] += s.waiting[i, j]
    pass_gate(p, t, s, b, day)


@jit
def pass_gate(p: Places, t: Terms, s: Stock, b: Books, day: int) -> None:
    """The cash gate over all wishes of the DCs together."""
    charge = committed = 0.0
    for i in range(len(t.cost)):
        for j in range(len(t.supplier)):
            counts = t.gate_bill[day, i, j]
            net, before = half_even(s.wish[i, j], t.cost[i, j], 100.0), half_even(s.on_order[i, j], t.cost[i, j], 100.0)
            charge += (net + half_even(net, t.vat[j], 1e6)) * counts
            committed += (before + half_even(before, t.vat[j], 1e6)) * counts
    budget = np.floor(max(money.gate_budget(t, b, day, committed), 0.0) / 100.0)
    units = np.floor((charge + 99.0) / 100.0)
    for i in range(len(t.cost)):
        for j in range(len(t.supplier)):
            if units > budget:
                packs = np.floor(np.floor(s.wish[i, j] * budget / units) / p.pack[i, j])
                s.wish[i, j] = packs * p.pack[i, j]
            s.on_order[i, j] += s.wish[i, j]


@jit
def ship(p: Places, t: Terms, s: Stock, b: Books, day: int) -> None:
    """Step 8, second half: DCs ration what they have over their stores, with its value; suppliers send all."""
    dcs, slots, moved = len(t.cost), len(s.transit), 0.0
    claims, so_far = np.zeros_like(t.cost), np.zeros_like(t.cost)
    sent, valued, stock, value = np.zeros_like(t.cost), np.zeros_like(t.cost), np.zeros_like(t.cost), t.cost.copy()
    for i in range(dcs, len(p.source)):
        for j in range(len(t.supplier)):
            claims[p.source[i], j] += s.waiting[i, j]
    for i in range(dcs):
        for j in range(len(t.supplier)):
            slot = (day + s.days_out[p.lane[i, j]]) % slots
            s.transit[slot, i, j] += s.wish[i, j]
            stock[i, j] = min(s.on_hand[i, j], claims[i, j])
            value[i, j] = part(s.value[i, j], stock[i, j], s.on_hand[i, j])
            s.on_hand[i, j] -= stock[i, j]
            s.value[i, j] -= value[i, j]
            moved += value[i, j]
    for i in range(dcs, len(p.source)):
        dc = p.source[i]
        for j in range(len(t.supplier)):
            if s.waiting[i, j] == 0:
                continue
            so_far[dc, j] += s.waiting[i, j]
            upto = np.floor(stock[dc, j] * so_far[dc, j] / claims[dc, j])
            units = upto - sent[dc, j]
            worth = np.floor(value[dc, j] * upto / stock[dc, j]) if stock[dc, j] > 0 else 0.0
            s.transit_value[i, j] += worth - valued[dc, j]
            sent[dc, j], valued[dc, j] = upto, worth
            s.waiting[i, j] -= units
            slot = (day + s.days_out[p.lane[i, j]]) % slots
            s.transit[slot, i, j] += units
    money.post(b.balances, money.ON_THE_WAY, money.AT_DCS, moved)


@jit
def play(p: Places, t: Terms, o: Opening, days: int, seed: int, draw: int, out: Played, at: int) -> None:
    """One future, kept in cache from the first day to the last."""
    shape, work = o.on_hand.shape, np.zeros
    s = Stock(o.on_hand.copy(), o.value.copy(), work(shape), work(shape), o.transit.copy(), o.transit_value.copy(),
              work(shape), work(shape), work(shape[1]), np.zeros(len(p.lead_cdf), np.int64))  # fmt: skip
    b = Books(o.balances.copy(), o.payables.copy(), o.receivables.copy(), o.taxes.copy(), o.overdue.copy(), work(6),
              work(5))  # fmt: skip
    for slot in range(len(s.transit)):
        for i in range(shape[0]):
            for j in range(shape[1]):
                s.on_order[i, j] += s.transit[slot, i, j]
    key = future_key(seed, draw)
    for day in range(days):
        draw_demand(p, key, day, s.demand, s.by_product)
        draw_lead_times(p, key, day, s.days_out)
        profit, slot = money.profit(b), day % len(b.receivables)
        money.accrue_interest(t, b, day)
        receive(p, t, s, b, day)
        sell(p, t, s, b, day, out.demand[at], out.met[at])
        money.collect(t, b, slot)
        money.pay(t, b, day, slot)
        money.sweep(t, b)
        order(p, t, s, b, day)
        ship(p, t, s, b, day)
        money.sweep(t, b)
        money.close(t, b, day, profit)
        for account in range(len(b.balances)):
            out.balances[at, day, account] = b.balances[account]
        for i in range(shape[0]):
            for j in range(shape[1]):
                out.on_hand[at, i, j] += s.on_hand[i, j]


def futures(company: Plain, draws: int, days: int, threads: int, seed: int = 0) -> Played:
    """Futures 0 .. draws - 1, shared out over threads."""
    p, t, o = company
    assert p.mean.max() < MEAN_MOST
    shape = (draws, *o.on_hand.shape)
    out = Played(np.zeros((draws, days, len(o.balances))), np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def share(first: int) -> None:
        for draw in range(first, draws, threads):
            play(p, t, o, days, seed, draw, out, draw)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))
    return out
