"""The same goods by hand, without money: with NumPy's Poisson, and without randomness as a ceiling.

What a careful hand would do: one pass over the places a day, small whole numbers, everything of one future in cache,
threads that share the futures. With luck it draws from its own generator by the twin's law of factors and lead times,
the counts Poisson; without, demand is the rounded mean and every lead time its lane's mean.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from bench.company import CASE
from bench.peers.luck import jit
from bench.peers.plain import Floats, Places, Plain


@jit
def _factor(rng: Any, deviation: float) -> float:
    return float(np.exp(deviation * rng.standard_normal() - 0.5 * deviation * deviation))


@jit
def draw(p: Places, day: int, rng: Any, demand: Any, days_out: Any, by_category: Any, company: Any) -> None:
    """Today's demand and lead times by NumPy's generator. company: factors of the year and the week."""
    if day % 365 == 0:
        company[0] = _factor(rng, p.deviations[0])
    if day % 7 == 0:
        company[1] = _factor(rng, p.deviations[1])
        for c in range(len(by_category)):
            by_category[c] = _factor(rng, p.deviations[2])
    for lane in range(len(days_out)):
        u, k = rng.random(), 0
        while k < p.lead_cdf.shape[1] - 1 and p.lead_cdf[lane, k] < u:
            k += 1
        days_out[lane] = k + 1
    for i in range(len(p.source)):
        if p.source[i] >= 0:
            today = company[0] * company[1] * _factor(rng, p.deviations[3])
            for j in range(len(p.category)):
                demand[i, j] = rng.poisson(p.mean[i, j] * today * by_category[p.category[j]])


@jit
def move(
    p: Places, day: int, demand: Any, days_out: Any, level: Any, on_hand: Any, on_order: Any, waiting: Any, transit: Any
) -> int:
    """Receive, sell, order from the stores up, ration, ship. Returns the units sold."""
    slots, nodes, products = transit.shape
    slot, sold_today = day % slots, 0
    dcs = nodes - np.sum(p.source >= 0)
    claims, so_far = np.zeros((dcs, products), np.int64), np.zeros((dcs, products), np.int64)
    for i in range(nodes):
        for j in range(products):
            units = transit[slot, i, j]
            transit[slot, i, j] = 0
            stock = on_hand[i, j] + units
            sold = min(stock, demand[i, j])
            stock -= sold
            sold_today += sold
            on_hand[i, j] = stock
            on_order[i, j] -= units
    for i in range(dcs, nodes):
        for j in range(products):
            packs = (max(level[i, j] - on_hand[i, j] - on_order[i, j], 0) + np.int32(CASE - 1)) // np.int32(CASE)
            on_order[i, j] += packs * np.int32(CASE)
            waiting[i, j] += packs * np.int32(CASE)
            claims[p.source[i], j] += waiting[i, j]
    for i in range(dcs):
        for j in range(products):
            packs = (max(level[i, j] - on_hand[i, j] - on_order[i, j] + claims[i, j], 0) + CASE - 1) // CASE
            on_order[i, j] += packs * CASE
            transit[(day + days_out[p.lane[i, j]]) % slots, i, j] += packs * CASE
    granted = np.minimum(on_hand[:dcs], claims)
    for i in range(dcs, nodes):
        dc, arrival = p.source[i], (day + days_out[p.lane[i, 0]]) % slots
        for j in range(products):
            units = waiting[i, j]
            if units > 0:
                if granted[dc, j] < claims[dc, j]:
                    before = granted[dc, j] * so_far[dc, j] // claims[dc, j]
                    so_far[dc, j] += units
                    units = granted[dc, j] * so_far[dc, j] // claims[dc, j] - before
                waiting[i, j] -= units
                on_hand[dc, j] -= units
                transit[arrival, i, j] += units
    return sold_today


@jit
def play(p: Places, opening: Any, moving: Any, days: int, lucky: bool, rng: Any, out: Any) -> None:
    """One future; out: demand, met, sum of stock at the close."""
    shape, whole = opening.shape, np.int32
    on_hand, transit = opening.astype(whole), moving.astype(whole)
    on_order, waiting, demand = np.zeros(shape, whole), np.zeros(shape, whole), np.rint(p.mean).astype(whole)
    for slot in range(len(transit)):
        on_order += transit[slot]
    level, days_out = p.level.astype(whole), p.mean_lead.copy()
    by_category, company = np.ones(p.category.max() + 1), np.ones(2)
    for day in range(days):
        if lucky:
            draw(p, day, rng, demand, days_out, by_category, company)
        out[1] += move(p, day, demand, days_out, level, on_hand, on_order, waiting, transit)
        out[0] += demand.sum()
        out[2] += on_hand.sum()


@jit
def _share(p: Places, opening: Any, moving: Any, days: int, lucky: bool, rng: Any, out: Any) -> None:
    for future in range(len(out)):
        play(p, opening, moving, days, lucky, rng, out[future])


def futures(company: Plain, draws: int, days: int, threads: int, *, lucky: bool, seed: int = 0) -> Floats:
    """(future, 3): demand, met, sum of stock at the close, in units."""
    p, _, opening = company
    assert (p.pack == CASE).all()
    assert (p.point == p.level).all()
    assert (p.lane[p.source >= 0] == p.lane[p.source >= 0][:, :1]).all()
    out = np.zeros((draws, 3))
    generators = [np.random.default_rng([seed, i]) for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        tasks = [
            pool.submit(_share, p, opening.on_hand, opening.transit, days, lucky, rng, part)
            for part, rng in zip(np.array_split(out, threads), generators, strict=True)
        ]
        for task in tasks:
            task.result()
    return out
