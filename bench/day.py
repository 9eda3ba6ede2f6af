"""The whole day, ledger included, beside the same goods written by hand in Numba with NumPy's Poisson.

Both play the same company (24 stores, 2 DCs, 40 products: 960 store-products and 80 DC-products), the same
364 days, the same number of futures and the same law of demand (Poisson with shared lognormal factors) and of
lead times. The peer keeps no money, draws from its own generator and does what a careful hand would: one pass
over the places a day, everything of one future in cache, two threads that share the futures.
"""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numba
import numpy as np

from twin.assembly import Model, assemble
from twin.exogenous import poisson_demand
from twin.policies import replenish
from twin.record import COMPANY
from twin.simulate import Run, simulate
from twin.tables import rows
from twin.tables.check import ensure
from twin.tables.company import Company
from twin.tables.rows import Settings

STORES, DCS, PRODUCTS, SUPPLIERS, CATEGORIES, DAYS = 24, 2, 40, 6, 8, 364
FACTORS = ("company_year", "company_week", "category_week", "store_day")
SHORT_DAYS = 14
MEAN_DEMAND = 3.0  # units a day; the store-products of Breakfast at the Frat sell 2.7
PRICE, COST, CASE, NET_DAYS = 12.5, 9.1, 6, 45


def company(days: int = DAYS) -> Company:
    """About a thousand store-products, with VAT, card fees, a line of credit and the usual cash gate."""
    rng = np.random.default_rng(0)
    mean = np.round(MEAN_DEMAND * rng.gamma(2.0, 0.5, (STORES, PRODUCTS)) + 0.1, 3)
    worth = float(mean.sum()) * COST
    opening = {"1000": 40 * worth, "1200": 6 * worth, "1210": 6 * worth, "2000": NET_DAYS * worth}
    opening = {code: round(amount, 2) for code, amount in opening.items()}
    opening["3000"] = round(sum(opening.values()) - 2 * opening["2000"], 2)
    found = Company(
        nodes=(
            *(rows.Node(node=f"sup{i}", kind="supplier") for i in range(SUPPLIERS)),
            *(rows.Node(node=f"dc{i}", kind="dc") for i in range(DCS)),
            *(rows.Node(node=f"st{i:03}", kind="store", source=f"dc{i % DCS}") for i in range(STORES)),
        ),
        products=tuple(
            rows.Product(
                product=f"p{j:03}", category=f"c{j % CATEGORIES}", supplier=f"sup{j % SUPPLIERS}",
                price=PRICE, cost=COST, vat="0.13", pack=CASE,
            )
            for j in range(PRODUCTS)
        ),
        demand=tuple(
            rows.Demand(node=f"st{i:03}", product=f"p{j:03}", mean=float(mean[i, j]))
            for i in range(STORES) for j in range(PRODUCTS)
        ),
        suppliers=tuple(
            rows.Supplier(supplier=f"sup{i}", net_days=NET_DAYS, penalty_rate="0.1") for i in range(SUPPLIERS)
        ),
        opening=tuple(rows.Opening(account=code, amount=amount) for code, amount in opening.items()),
        settings=Settings(days=days),
        receivables=(rows.Receivable(channel="card", days=2, fee="0.006"),),
        facilities=(
            rows.Facility(facility="revolver", limit=round(30 * worth, 2), rate="0.05", fee="0.0025"),
        ),
    )  # fmt: skip
    ensure(found)
    return found


# The twin


def twin(model: Model, futures: int, **options: Any) -> Run:
    """One scenario as a stress run plays it: exact mode, everything that a report needs is recorded."""
    return simulate(
        model.network, replenish, model.policy, poisson_demand, model.params, model.inputs["base"],
        model.opening, np.arange(futures, dtype=np.uint32), **({"record": COMPANY} | options),
    )  # fmt: skip


# The peer


class Goods(NamedTuple):
    """What the peer needs of the company: whole numbers and laws, no money. (node, product), DCs first."""

    mean: np.ndarray
    level: np.ndarray  # base stock
    on_hand: np.ndarray
    arriving: np.ndarray  # (slot, node, product)
    source: np.ndarray  # (node,) the DC that serves a store
    lane: np.ndarray  # (node, product) its place in the table of lead times
    lead_cdf: np.ndarray  # (lane, day)
    category: np.ndarray
    deviations: np.ndarray  # of FACTORS


def goods(model: Model) -> Goods:
    """The company's goods by hand, checked to be of the plain kind that the peer knows."""
    s, state, params = model.structure, model.opening.goods, model.params
    assert s.nodes[:DCS] == [f"dc{i}" for i in range(DCS)]
    lane = np.zeros((len(s.nodes), len(s.products)), np.int64)
    arriving = np.zeros((model.network.sizes.slots, len(s.nodes), len(s.products)), np.int64)
    for (at, product), _ in s.lines.items():
        place = s.node[at[1]], s.product[product]
        lane[place] = s.lane[at]
        arriving[:, place[0], place[1]] += np.asarray(state.transit)[:, s.lane[at], place[1]].astype(np.int64)
    assert not np.asarray(state.open).any()
    assert not np.asarray(state.backorders).any()
    return Goods(
        mean=np.asarray(params.demand_mean[0]),
        level=np.asarray(model.policy.order_up_to).astype(np.int64),
        on_hand=np.asarray(state.on_hand).astype(np.int64),
        arriving=arriving,
        source=np.array([s.node.get(s.node_rows[name].source, -1) for name in s.nodes]),
        lane=lane,
        lead_cdf=np.asarray(params.lead_cdf[0]),
        category=np.asarray(model.network.category).astype(np.int64),
        deviations=np.array([float(getattr(params, name)[0]) for name in FACTORS]),
    )


@numba.njit(nogil=True)
def _factor(rng: Any, deviation: float) -> float:
    return np.exp(deviation * rng.standard_normal() - 0.5 * deviation * deviation)


@numba.njit(nogil=True)
def _play(g: Goods, days: int, rng: Any, out: np.ndarray) -> None:
    """One future of the peer's goods; out: demand, met, sum of stock at the close.

    On hand, on order and open orders are whole numbers; a day is receive, sell, order from the stores up,
    ration, ship.
    """
    slots, nodes, products = g.arriving.shape
    on_hand, arriving = g.on_hand.copy(), g.arriving.copy()
    on_order, waiting = np.zeros((nodes, products), np.int64), np.zeros((nodes, products), np.int64)
    for slot in range(slots):
        on_order += arriving[slot]
    categories = g.category.max() + 1
    by_category, days_out = np.ones(categories), np.zeros(g.lead_cdf.shape[0], np.int64)
    year = week = 1.0
    demanded = met = stock = 0
    for day in range(days):
        if day % 365 == 0:
            year = _factor(rng, g.deviations[0])
        if day % 7 == 0:
            week = _factor(rng, g.deviations[1])
            for c in range(categories):
                by_category[c] = _factor(rng, g.deviations[2])
        for lane in range(len(days_out)):
            u, k = rng.random(), 0
            while g.lead_cdf[lane, k] < u:
                k += 1
            days_out[lane] = k + 1
        slot = day % slots
        for n in range(nodes):
            for p in range(products):
                units = arriving[slot, n, p]
                arriving[slot, n, p] = 0
                on_hand[n, p] += units
                on_order[n, p] -= units
        for n in range(DCS, nodes):
            today = year * week * _factor(rng, g.deviations[3])
            for p in range(products):
                demand = rng.poisson(g.mean[n, p] * today * by_category[g.category[p]])
                sold = min(on_hand[n, p], demand)
                on_hand[n, p] -= sold
                demanded += demand
                met += sold
        for n in range(DCS, nodes):
            for p in range(products):
                short = g.level[n, p] - on_hand[n, p] - on_order[n, p]
                if short > 0:
                    units = (short + CASE - 1) // CASE * CASE
                    on_order[n, p] += units
                    waiting[n, p] += units
        _supply(g, day, days_out, on_hand, on_order, waiting, arriving)
        stock += on_hand.sum()
    out[0], out[1], out[2] = demanded, met, stock


@numba.njit(nogil=True)
def _supply(
    g: Goods, day: int, days_out: np.ndarray, on_hand: np.ndarray, on_order: np.ndarray, waiting: np.ndarray,
    arriving: np.ndarray,
) -> None:  # fmt: skip
    """DCs order what their stores' open orders leave short, then share out what they have, in id order."""
    slots, nodes, products = arriving.shape
    claims = np.zeros((DCS, products), np.int64)
    for n in range(DCS, nodes):
        claims[g.source[n]] += waiting[n]
    for n in range(DCS):
        for p in range(products):
            short = g.level[n, p] - on_hand[n, p] - on_order[n, p] + claims[n, p]
            if short > 0:
                units = (short + CASE - 1) // CASE * CASE
                on_order[n, p] += units
                arriving[(day + days_out[g.lane[n, p]]) % slots, n, p] += units
    granted, so_far = np.minimum(on_hand[:DCS], claims), np.zeros((DCS, products), np.int64)
    for n in range(DCS, nodes):
        dc = g.source[n]
        for p in range(products):
            units = waiting[n, p]
            if units > 0:
                if granted[dc, p] < claims[dc, p]:
                    before = granted[dc, p] * so_far[dc, p] // claims[dc, p]
                    so_far[dc, p] += units
                    units = granted[dc, p] * so_far[dc, p] // claims[dc, p] - before
                waiting[n, p] -= units
                on_hand[dc, p] -= units
                arriving[(day + days_out[g.lane[n, p]]) % slots, n, p] += units


@numba.njit(nogil=True)
def _futures(g: Goods, days: int, rng: Any, out: np.ndarray) -> None:
    for future in range(out.shape[0]):
        _play(g, days, rng, out[future])


def peer(g: Goods, futures: int, threads: int, seed: int) -> np.ndarray:
    """(future, 3): demand, met, sum of stock at the close. Threads share futures, each with its generator."""
    out = np.zeros((futures, 3))
    parts = np.array_split(out, threads)
    generators = [np.random.default_rng([seed, i]) for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part, rng: _futures(g, DAYS, rng, part), parts, generators))
    return out


# The comparison


class Timing(NamedTuple):
    """Seconds of each repetition, and whether both did the same thing. (repetition, 2): wall, processor."""

    twin: np.ndarray
    peer: np.ndarray
    cells: int  # stocking-point-days of a repetition
    agreement: dict[str, dict[str, float]]  # measure -> mean of the twin, of the peer, z


def interleaved(futures: int, repetitions: int, threads: int) -> Timing:
    """Twin and peer by turns, so that a busy machine slows both."""
    model = assemble(company())
    g = goods(model)
    twin(model, futures)  # compile
    peer(g, threads, threads, seed=0)
    seconds = np.zeros((2, repetitions, 2))
    for i in range(repetitions):
        began = _clocks()
        run = twin(model, futures)
        between = _clocks()
        hand = peer(g, futures, threads, seed=i)
        seconds[:, i] = between - began, _clocks() - between
    sizes = model.network.sizes
    cells = futures * DAYS * sizes.nodes * sizes.products
    return Timing(seconds[0], seconds[1], cells, agreement(run, hand))


def _clocks() -> np.ndarray:
    """Wall clock, and processor time of all threads, which the load of others touches less."""
    return np.array([time.perf_counter(), time.process_time()])


def agreement(run: Run, hand: np.ndarray) -> dict[str, dict[str, float]]:
    """Demand, fill rate and stock of both, with the z of their difference: the same goods, different luck."""
    totals = {name: run.totals[name].sum(axis=(1, 2)) for name in ("demand", "met", "on_hand")}
    pairs = {
        "demand a day": (totals["demand"] / DAYS, hand[:, 0] / DAYS),
        "fill rate": (totals["met"] / totals["demand"], hand[:, 1] / hand[:, 0]),
        "units in stock": (totals["on_hand"] / DAYS, hand[:, 2] / DAYS),
    }
    found = {}
    for name, (ours, theirs) in pairs.items():
        error = np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs))
        z = float((ours.mean() - theirs.mean()) / error)
        found[name] = {"twin": float(ours.mean()), "peer": float(theirs.mean()), "z": z}
    return found


def compile_seconds(futures: int) -> dict[str, dict[str, float]]:
    """Seconds of a first `simulate` beyond a second one, in fresh processes: empty cache, then filled.

    The loop over days compiles once whatever its length, so a short horizon tells compiling from running.
    """
    found = {}
    with tempfile.TemporaryDirectory() as cache:
        for name in ("cold", "warm"):
            done = subprocess.run(
                [sys.executable, "-m", "bench.day", cache, str(futures)],
                check=True,
                capture_output=True,
                text=True,
            )
            wall, processor = map(float, done.stdout.split()[-2:])
            found[name] = {"wall": wall, "processor": processor}
    return found


def _first_call(cache: str, futures: int) -> np.ndarray:
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    model = assemble(company(SHORT_DAYS))
    began = _clocks()
    twin(model, futures)
    between = _clocks()
    twin(model, futures)
    return (between - began) - (_clocks() - between)


if __name__ == "__main__":
    print(*_first_call(sys.argv[1], int(sys.argv[2])))
