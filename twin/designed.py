"""Luck by design: antithetic futures, and Sobol points for what the whole company shares.

Both are uniform numbers for `exogenous.drawn`, say `drawn(negative_binomial_law, antithetic)`, and need to know which
future asks; so `simulate` gets `designed(params, ...)` as its parameters. Every future by itself has the law it always
has; together, futures give means with less noise. Their interval does not follow from the spread of single futures:
take it from pairs (antithetic), or from runs with points of several seeds (Owen, SIAM J. Numer. Anal. 34 (1997)).
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels.bits import Pair, counter_of, threefry2x32
from twin.exogenous import LUCK, Params, Uniforms, uniforms
from twin.network import Network
from twin.state import array, pytree


@pytree
class DesignedParams(Params):
    """Parameters of the laws, and of the design; simulate adds a leading axis of length 1 to the latter."""

    seed: Array = array("word", "", "the seed of the run, high and low word", "uint32")
    points: Array = array("future factor", "", "uniform numbers: company of year 0, then company of weeks 0, 1, ..")


def designed(params: Params, seed: int, points: np.ndarray | None = None) -> DesignedParams:
    """params as `simulate` takes them, for a run of this seed. points: (future, 1 + weeks), as `kernels.sobol` has."""
    own: dict[str, Any] = {field.name: getattr(params, field.name) for field in dataclasses.fields(Params)}
    own["seed"] = np.asarray([[seed >> 32, seed & 0xFFFFFFFF]], np.uint32)
    own["points"] = np.zeros((1, 0, 0)) if points is None else points[None]
    return DesignedParams(**own)


def _future(params: Params, key: Pair) -> tuple[Pair, Array, Array]:
    """Seed, number of the future that has this key, and 1.0; not a number instead, if the run has another seed."""
    assert isinstance(params, DesignedParams), "this source needs designed(params, ...)"
    seed = params.seed[0], params.seed[1]
    stream, draw = counter_of(seed, key)
    return seed, draw, jnp.where(stream == LUCK, 1.0, jnp.nan)


def antithetic(network: Network, params: Params, day: Array, key: Pair) -> Uniforms:
    """Future 2k as ever, future 2k + 1 with 1 - u for each u of future 2k (Hammersley & Morton, Proc. Camb. Phil. Soc.
    52 (1956) 449-475)."""
    seed, draw, valid = _future(params, key)
    even = threefry2x32(seed, (jnp.uint32(LUCK), draw & ~jnp.uint32(1)))
    odd = (draw & jnp.uint32(1)) == 1
    return jax.tree.map(lambda u: valid * jnp.where(odd, 1.0 - u, u), uniforms(network, day, even))


def quasi_random(network: Network, params: Params, day: Array, key: Pair) -> Uniforms:
    """The company's factors of year 0 and of the first weeks from the points, all else as ever.

    A future beyond the points is not a number: nothing is drawn for it in secret.
    """
    _, draw, valid = _future(params, key)
    assert isinstance(params, DesignedParams)
    u, factors = uniforms(network, day, key), params.points.shape[-1]
    assert factors, "this source needs designed(params, seed, points)"
    mine = params.points.at[draw.astype(jnp.int32)].get(mode="fill", fill_value=jnp.nan)
    week, year = lax.div(day, jnp.int32(7)), lax.div(day, jnp.int32(365))
    column = jnp.stack([jnp.where(year == 0, 0, factors).astype(jnp.int32), 1 + week])
    planned = mine.at[jnp.minimum(column, factors - 1)].get(mode="promise_in_bounds")
    return u._replace(company=valid * jnp.where(column < factors, planned, u.company))
