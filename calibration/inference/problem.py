"""A NumPyro model with its data as a potential on unconstrained coordinates, and which coordinates belong together."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from numpyro import handlers
from numpyro.infer.initialization import init_to_median, init_to_value
from numpyro.infer.util import initialize_model

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


def problem(model: Model, data: Any, seed: int, start: Values | None = None) -> Problem:
    """start: values of every site, constrained; else medians of the prior."""
    init = init_to_median(num_samples=15) if start is None else init_to_value(values=start)
    info = initialize_model(
        jax.random.key(seed), model, model_args=(data,), dynamic_args=True, init_strategy=init, validate_grad=False
    )
    sites = {name: _site(site) for name, site in info.model_trace.items() if _is_latent(site)}

    def potential(data: Any, z: Values) -> Array:
        return info.potential_fn(data)(z)

    def constrain(data: Any, z: Values) -> Values:
        found = info.postprocess_fn(data)(z)
        return {name: found[name] for name in sites}

    return Problem(model, sites, info.param_info.z, potential, constrain)


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
