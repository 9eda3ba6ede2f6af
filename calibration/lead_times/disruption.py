"""Suppliers in trouble: a hidden state, normal or disrupted, that slows every order placed while it lasts.

A two-state Markov chain by supplier and week (Hamilton, Econometrica 57 (1989), 357-384), marginalised by the forward
recursion, so that the posterior has no discrete sites. Chains of different suppliers are independent: a regional cause
that hits several at once is not modelled.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import Array

from calibration.lead_times import families
from calibration.lead_times.model import LeadTime, Sizes, of_orders, sampled_laws
from calibration.lead_times.orders import Orders

WEEK = 7  # days


class Chain(NamedTuple):
    """Probabilities a week of falling into the disrupted state and of leaving it; `factor` > 1 slows the mean."""

    fall: Array
    leave: Array
    factor: Array


def by_week(orders: Orders, sizes: Sizes, chain: Chain, mean: Array, shape: Array, family: int, weeks: int) -> Array:
    """(week, supplier, state) log probability of the orders placed then, each by its weight."""
    event = jnp.stack([orders.lower, orders.upper], axis=-1)
    week = jnp.minimum(orders.day // WEEK, weeks - 1)
    states = [LeadTime(m, shape, family).log_prob(event) for m in (mean, mean * chain.factor)]
    seen = jnp.stack(states, axis=-1) * orders.weight[:, None]
    return jnp.zeros((weeks, sizes.suppliers, 2), seen.dtype).at[week, orders.supplier].add(seen)


def transition(chain: Chain) -> tuple[Array, Array]:
    """Log of the (from, to) matrix, and of the stationary law, with which every supplier begins."""
    matrix = jnp.array([[1.0 - chain.fall, chain.fall], [chain.leave, 1.0 - chain.leave]])
    return jnp.log(matrix), jnp.log(jnp.array([chain.leave, chain.fall]) / (chain.fall + chain.leave))


def forward(chain: Chain, seen: Array) -> tuple[Array, Array]:
    """((supplier,) log probability of all orders, (week, supplier) probability of being disrupted by what is known
    up to that week). seen: (week, supplier, state)."""
    matrix, start = transition(chain)

    def step(state: Array, now: Array) -> tuple[Array, Array]:
        after = jax.nn.logsumexp(state[:, :, None] + matrix, axis=1) + now
        return after, after

    first = start + seen[0]
    last, later = jax.lax.scan(step, first, seen[1:])
    every = jnp.concatenate([first[None], later])
    return jax.nn.logsumexp(last, axis=-1), jax.nn.softmax(every, axis=-1)[..., 1]


def disruption_model(
    orders: Orders, sizes: Sizes, weeks: int, family: int = families.LOGNORMAL, walk: bool = True
) -> None:
    """Orders of suppliers that may be disrupted; site `disrupted` is (week, supplier), `orders` one figure a supplier.

    Priors: about one disruption in two years that lasts four weeks, and a mean then 1.3 to 3 times as long.
    """
    mean, shape = of_orders(sampled_laws(sizes, walk), orders)
    chain = Chain(
        fall=numpyro.sample("fall", dist.Beta(1.0, 80.0)),
        leave=numpyro.sample("leave", dist.Beta(2.0, 6.0)),
        factor=1.0 + numpyro.sample("slower", dist.LogNormal(-0.3, 0.5)),
    )
    seen, disrupted = forward(chain, by_week(orders, sizes, chain, mean, shape, family, weeks))
    numpyro.deterministic("disrupted", disrupted)
    with numpyro.plate("supplier_orders", sizes.suppliers):
        numpyro.factor("orders", seen)


def go_on(
    rng: np.random.Generator, disrupted: np.ndarray, fall: np.ndarray, leave: np.ndarray, weeks: int
) -> np.ndarray:
    """(draw, week, supplier) bool, the coming weeks of every draw; disrupted: (draw, supplier) probability now."""
    state = rng.random(disrupted.shape) < disrupted
    found = []
    for _ in range(weeks):
        chance = np.where(state, 1.0 - leave[:, None], fall[:, None])
        state = rng.random(state.shape) < chance
        found.append(state)
    return np.stack(found, axis=1)
