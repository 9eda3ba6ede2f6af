"""How fast other people's simulators are on their own ground: one location's base stock, demand drawn beforehand.

Who is absent is named, with the extra that brings it.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

from bench.clock import timed
from bench.peers import base_stock

PERIODS_GYM, PERIODS_STOCKPYL = 5000, 400


class Beside(NamedTuple):
    """held: mean stock on hand at the close, which has a closed form; None where the peer is absent."""

    name: str
    periods_per_processor_second: float | None
    held: float | None
    absent: str | None = None


def stockpyl() -> Callable[[], float]:
    from bench.peers import stockpyl_sim

    return lambda: stockpyl_sim.play(PERIODS_STOCKPYL)


def gymnasium() -> Callable[[], float]:
    from bench.peers import gym_inventory

    return lambda: gym_inventory.play(PERIODS_GYM)


def torch() -> Callable[[], float]:
    from bench.peers import pytorch

    play, _ = pytorch.theirs()
    return lambda: play()[1]


def tandem() -> Callable[[], float]:
    play, _ = base_stock.ours()
    return lambda: play()[1]


# name, library, how to get its call, location-periods of a call
PEERS = (
    ("stockpyl", "stockpyl", stockpyl, PERIODS_STOCKPYL),
    ("Gymnasium environment, one at a time", "gymnasium", gymnasium, PERIODS_GYM),
    ("PyTorch in HDPO's manner, batch 8,192", "torch", torch, base_stock.BATCH * base_stock.PERIODS),
    ("Tandem's kernels, batch 8,192", "jax", tandem, base_stock.BATCH * base_stock.PERIODS),
)


def rows() -> list[Beside]:
    found = []
    for name, library, make, periods in PEERS:
        if find_spec(library) is None:
            found.append(Beside(name, None, None, f"{library} is not installed (extra: peers)"))
            continue
        call = make()
        held = call()
        found.append(Beside(name, periods / timed(call)[1], held))
    return found
