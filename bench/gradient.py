"""Value and gradient: expected equity at the end of the year and its derivative by every reorder point and level.

Smooth mode, by the loop that tuning takes (`twin.engines.differentiable`) and by XLA's (`twin.checkpointed`). Beside it
the same value alone, which the ratio is taken to.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from bench.blocks import in_blocks
from bench.company import Size, model
from bench.engines import ENGINES
from kernels.ratio import SMOOTH
from twin.checkpointed import checkpointed
from twin.engines import differentiable
from twin.ledger import equity
from twin.plan import block_size
from twin.policies import replenish
from twin.record import Record, nothing
from twin.simulate import play, scan

NOTHING = Record(nothing, nothing, nothing)
LOOPS = {"xla": checkpointed, "native": differentiable}
FASTEST = "native" if "native" in ENGINES else "xla"


@cache
def contender(size: Size, days: int, engine: str = FASTEST, *, derivative: bool) -> Callable[..., tuple[float, Any]]:
    """(futures, most in a block, default as simulate plans) -> expected equity in currency units, and its gradient.

    engine: of LOOPS. Without `derivative` the gradient is None.
    """
    m = model(size, days)
    loop = scan if engine == "xla" and not derivative else LOOPS[engine]

    def value(policy: Any, rest: tuple[Any, ...], draws: Array) -> Array:
        network, params, inputs, opening = rest

        def future(draw: Array) -> Array:
            seed = (jnp.uint32(0), jnp.uint32(0))
            closing = play(
                network, replenish, policy, m.source, params, inputs, opening, draw, seed,
                arithmetic=SMOOTH, record=NOTHING, loop=loop,
            )[0]  # fmt: skip
            return equity(closing.ledger.balances)

        return jnp.mean(jax.vmap(future)(draws)) / 100.0

    programme = jax.jit(jax.value_and_grad(value) if derivative else value)
    rest = (m.network, jax.tree.map(lambda x: x[0], m.params), m.inputs["base"], m.opening)

    def run(futures: int, most: int | None = None) -> tuple[float, Any]:
        def compiled(_: np.ndarray) -> Callable[[np.ndarray], Any]:
            return lambda draws: programme(m.policy, rest, draws)

        parts = in_blocks(compiled, futures, most or block_size(m.network))
        if not derivative:
            return float(np.mean(parts)), None
        return float(np.mean([part[0] for part in parts])), jax.tree.map(lambda *x: np.mean(x, axis=0), *[
            part[1] for part in parts
        ])  # fmt: skip

    return run
