"""Forward without money: a day of goods from the functions of the twin's own day.

It contains luck, receiving, selling, lost sales, wishes from the last tier up with packs, rationing, shipping, lead
times that cross. It leaves out every cent: no ledger, no cash gate, no supplier's limit, no invariants, and keeps
three sums a future. Nothing of it is written anew but the order of the calls.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from bench.blocks import in_blocks
from bench.company import Size, model
from kernels import rings
from kernels.bits import Pair, threefry2x32
from twin import goods
from twin.day.order import wishes
from twin.day.setting import Setting
from twin.day.ship import send
from twin.engines import Engine, xla
from twin.exogenous import LUCK, Luck, Params, Source, Today, effective
from twin.gate import Position
from twin.network import Network, into_nodes, out_of_nodes
from twin.plan import block_size
from twin.policies import replenish
from twin.simulate import MODES, scan
from twin.state import State, changed


def still(network: Network, params: Params, today: Today, key: Pair) -> Luck:
    """No luck: demand is the rounded mean, every lead time its lane's mean."""
    none = jnp.zeros((1, 1), jnp.float64)
    return Luck(
        demand=jnp.round(params.demand_mean),
        lead_time=network.mean_lead,
        capped=jnp.zeros_like(network.mean_lead),
        return_w=none,
        shrink_w=none,
    )


def goods_day(state: State, s: Setting) -> tuple[State, Array]:
    """One day of units; the dues and the ledger of the state stay as they are. Returns demand, met, closing stock."""
    n, g = s.network, state.goods
    arrived = rings.read_rows(g.transit, lax.rem(s.days.day, jnp.int32(n.sizes.slots)))
    on_hand = g.on_hand + into_nodes(n.sizes, arrived)
    sale = goods.sell(on_hand, g.backorders, s.luck.demand, n.lost_share, s.arithmetic)
    g = changed(g, on_hand=on_hand - sale.sold, backorders=sale.backorders, in_transit=g.in_transit - arrived)
    nothing = jnp.zeros((), jnp.float64)
    wished = wishes(changed(state, goods=g), s, Position(nothing, nothing))
    g = changed(g, open=g.open + wished)
    capacities = s.effective.lane_capacity, s.effective.source_capacity
    leaving = goods.ship(n, g.open, g.on_hand, *capacities, jnp.ones((), bool), s.arithmetic)
    g = changed(g, on_hand=g.on_hand - out_of_nodes(n, leaving))
    state, _ = send(changed(state, goods=g), s, leaving, arrived)
    sums = [jnp.sum(x) for x in (s.luck.demand, sale.met, state.goods.on_hand)]
    return state, jnp.stack(sums)


@cache
def contender(
    size: Size, days: int, mode: str, source: Source | None = None, engine: Engine = xla
) -> Callable[..., np.ndarray]:
    """(futures, most in a block, default as simulate plans) -> (future, 3): demand, met, sum of stock at the close.

    source: default the company's law.
    """
    m = model(size, days)
    luck, arithmetic = source or m.source, MODES[mode]

    def future(shared: Any, opening: State, draw: Array) -> Array:
        network, policy, params, days = shared
        key = threefry2x32((jnp.uint32(0), jnp.uint32(0)), (jnp.uint32(LUCK), draw))

        def step(carry: tuple[State, Array], today: Any) -> tuple[tuple[State, Array], tuple[()]]:
            numbers = effective(network, today, {}, jnp.zeros(1, jnp.float64), arithmetic)
            drawn = luck(network, params, Today(today, numbers, None, arithmetic), key)
            setting = Setting(network, today, numbers, drawn, replenish, policy, arithmetic)
            state, sums = goods_day(carry[0], setting)
            return (state, carry[1] + sums), ()

        (_, totals), _ = scan(step, (opening, jnp.zeros(3, jnp.float64)), days)
        return totals

    shared = m.network, m.policy, jax.tree.map(lambda x: x[0], m.params), m.inputs["base"].days

    def compiled(draws: np.ndarray) -> Callable[[np.ndarray], Any]:
        programme = engine(future, shared, m.opening, draws)
        return lambda draws: programme(shared, m.opening, draws)

    def run(futures: int, most: int | None = None) -> np.ndarray:
        return np.concatenate(in_blocks(compiled, futures, most or block_size(m.network)))[:futures]

    return run
