"""A NumPyro model with its data as a potential on unconstrained coordinates, and which coordinates belong together."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro import handlers
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

PRIOR_DRAWS = 15

Model = Callable[[Any], None]
Values = dict[str, Array]  # site -> value


class Site(NamedTuple):
    """A latent site: names of its axes, the place of each plate among its unconstrained axes, counted from the end."""

    dims: tuple[str, ...]
    plates: dict[str, int]
    variance: bool  # a variance parameter
    held: bool  # so many that their covariance with the rest is left out


class Problem(NamedTuple):
    """potential(data, z) and constrain(data, z), z: site -> unconstrained value; `start` is a z."""

    model: Model
    sites: dict[str, Site]
    start: Values
    potential: Callable[[Any, Values], Array]
    constrain: Callable[[Any, Values], Values]


def problem(model: Model, data: Any, seed: int, start: dict[str, np.ndarray] | None = None) -> Problem:
    """start: values of every latent site; else medians of the prior. Nothing of the model runs uncompiled."""
    sites: dict[str, Site] = {}

    def drawn(data: Any, key: Array) -> Values:
        with handlers.seed(rng_seed=key), handlers.trace() as trace:
            model(data)
        latent = {name: site for name, site in trace.items() if _is_latent(site)}
        sites.update({name: _site(site) for name, site in latent.items()})
        return {name: site["value"] for name, site in latent.items()}

    def median(data: Any, keys: Array) -> Values:
        return jax.tree.map(lambda x: jnp.median(x, axis=0), jax.vmap(lambda key: drawn(data, key))(keys))

    keys = jax.random.split(jax.random.key(seed), PRIOR_DRAWS)
    if start is None:
        values = jax.jit(median)(data, keys)
    else:
        jax.eval_shape(drawn, data, keys[0])
        values = {name: jnp.asarray(start[name]) for name in sites}

    def potential(data: Any, z: Values) -> Array:
        return potential_energy(model, (data,), {}, z)

    def constrain(data: Any, z: Values) -> Values:
        return constrain_fn(model, (data,), {}, z)

    z = jax.jit(lambda data, values: unconstrain_fn(model, (data,), {}, values))(data, values)
    return Problem(model, sites, z, potential, constrain)


def _is_latent(site: dict[str, Any]) -> bool:
    return site["type"] == "sample" and not site["is_observed"]


def _site(site: dict[str, Any]) -> Site:
    frames = {frame.name: frame.dim for frame in site["cond_indep_stack"]}
    event, infer = site["fn"].event_dim, site["infer"]
    batch = len(site["fn"].batch_shape)
    by_place = {dim: name for name, dim in frames.items()}
    # an axis that no plate names takes the site's own name
    dims = [by_place.get(place - batch, f"{site['name']}_axis_{place}") for place in range(batch)]
    dims += infer.get("event_dims", [f"{site['name']}_axis_{batch + n}" for n in range(event)])
    plates = {name: dim - event for name, dim in frames.items()}
    return Site(tuple(dims), plates, infer.get("variance", False), infer.get("held", False))


def by_member(problem: Problem, data: Any, z: Values, plate: str) -> Array:
    """(member,) log density of everything that belongs to a member of a plate: its sites and its likelihood.

    Sites of the plate must be real, so that no Jacobian is missing.
    """
    values = problem.constrain(data, z)
    with handlers.seed(rng_seed=0), handlers.substitute(data=values), handlers.trace() as trace:
        problem.model(data)
    total: Array | float = 0.0
    for site in trace.values():
        axes = {frame.name: frame.dim for frame in site.get("cond_indep_stack", ())}
        if site["type"] != "sample" or plate not in axes:
            continue
        density = site["fn"].log_prob(site["value"])
        own = density.ndim + axes[plate]
        total = total + density.sum(axis=tuple(n for n in range(density.ndim) if n != own))
    return jnp.asarray(total)
