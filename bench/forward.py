"""Forward with money: the whole day, ledger, invariants and the records of a stress run included."""

from collections.abc import Callable
from functools import cache

import numpy as np

from bench.company import Size, model
from twin.engines import Engine, xla
from twin.policies import replenish
from twin.record import COMPANY
from twin.simulate import Run, simulate


@cache
def contender(size: Size, days: int, mode: str, engine: Engine = xla) -> Callable[..., Run]:
    """(futures, most in a block, default as simulate plans them) -> the run of the base scenario."""
    m = model(size, days)

    def run(futures: int, most: int | None = None) -> Run:
        return simulate(
            m.network, replenish, m.policy, m.source, m.params, m.inputs["base"], m.opening,
            np.arange(futures, dtype=np.uint32), mode=mode, record=COMPANY, engine=engine, block=most,
        )  # fmt: skip

    return run
