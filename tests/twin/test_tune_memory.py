"""What the gradient of the whole day holds, by XLA's own account: the root of the days, where a tape holds them all."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels.bits import seed_words
from tests.twin import small_shop
from twin.assembly import assemble
from twin.checkpointed import checkpointed
from twin.simulate import Loop, scan
from twin.tune import outcomes
from twin.tune.groups import stock_dial
from twin.tune.outcomes import Plan

FUTURES = 8


def temporary(days: int, loop: Loop) -> tuple[int, int]:
    """Bytes that the derivative of FUTURES futures holds besides what it is given and returns; and of the daily series.

    One copy of the series, turned to lead with the day, is among them.
    """
    company = small_shop.company()
    company = replace(company, settings=company.settings.model_copy(update={"days": days}))
    model = assemble(company, {})
    cells, names = stock_dial(model, "store-product")
    plan = Plan.of(model, {"stock": cells}, source=small_shop.flat_demand, loop=loop)
    theta, draws = {"stock": jnp.zeros((FUTURES, len(names)))}, jnp.arange(FUTURES, dtype=jnp.uint32)
    given = plan.parts, plan.dials, theta, plan.params, draws, jnp.ones(FUTURES), seed_words(0)
    chosen = plan._chosen("smooth", loop)
    slopes = jax.tree.map(
        lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(partial(outcomes._played, **chosen), *given)
    )
    compiled = outcomes._pulled.lower(*given, slopes, **chosen).compile()
    series = sum(x.nbytes for x in jax.tree.leaves(slopes) if x.shape[1] == days)
    return int(compiled.memory_analysis().temp_size_in_bytes), series


@pytest.mark.slow
def test_memory_of_a_gradient_grows_as_the_root_of_the_days() -> None:
    (few, short), (many, long) = temporary(49, checkpointed), temporary(784, checkpointed)
    tape, _ = temporary(784, scan)
    print(f"49 days {few:,} ({short:,} of series), 784 days {many:,} ({long:,}), on a tape {tape:,} bytes")
    # sixteen times the days: four times the states kept
    assert many - long <= np.sqrt(784 / 49) * (few - short)
    assert tape > 4 * many
