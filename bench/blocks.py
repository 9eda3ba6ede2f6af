"""Futures in blocks, some at once, as `simulate` plays them: for what the bench compiles itself."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from twin.plan import blocks_at_once

Programme = Callable[[np.ndarray], Any]


def in_blocks(compiled: Callable[[np.ndarray], Programme], futures: int, most: int) -> list[Any]:
    """programme(draws) of each block of futures 0 .. futures - 1, on the host; all blocks have one size.

    compiled: gives the programme for draws of a shape. most: futures in a block at most. The last block wraps around to
    the first futures.
    """
    at_once = blocks_at_once()
    size = min(most, -(-futures // at_once))
    starts = range(0, futures, size)

    def draws(start: int) -> np.ndarray:
        return np.arange(start, start + size, dtype=np.uint32) % np.uint32(futures)

    with jax.enable_x64(True):
        programme = compiled(draws(0))

    def run(start: int) -> Any:
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, programme(draws(start)))

    with ThreadPoolExecutor(at_once) as workers:
        return list(workers.map(run, starts))
