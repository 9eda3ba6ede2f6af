"""Simulation-based calibration of the lead-time model, and of likelihoods that must fail it.

    python -m calibration.studies.sbc_lead_times [--replicates 256] [--out FILE]

Companies are drawn from the prior; their orders are placed over some weeks, recorded in whole days, and cut off with
many of them open. The right likelihood keeps every ECDF of ranks inside its simultaneous band; the same test must fail
where open orders are left out, and where their age is taken for a lead time.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro import handlers

from calibration import sbc
from calibration.lead_times import families
from calibration.lead_times.model import MONTH, LeadTime, Sizes, laws, lead_time_model
from calibration.lead_times.orders import Orders, age_as_lead_time, closed_only

P95 = 1.6448536269514722


class Design(NamedTuple):
    """A small company: suppliers x lanes x orders, placed evenly over some days up to the cut."""

    suppliers: int = 3
    lanes: int = 2  # of each supplier
    orders: int = 12  # of each lane
    days: int = 60

    @property
    def sizes(self) -> Sizes:
        of = tuple(np.repeat(np.arange(self.suppliers), self.lanes).tolist())
        return Sizes(self.suppliers, len(of), -(-self.days // MONTH), of)

    def placed(self) -> Orders:
        """Orders of which nothing is known yet."""
        lane = np.repeat(np.arange(self.suppliers * self.lanes, dtype=np.int32), self.orders)
        day = np.tile(np.linspace(0, self.days - 1, self.orders).astype(np.int32), self.suppliers * self.lanes)
        n = len(lane)
        return Orders(np.zeros(n), np.full(n, np.inf), np.ones(n), lane // np.int32(self.lanes), lane, day)


Model = Callable[[Orders], None]


def history(model: Model, placed: Orders, days: int, key: Array) -> tuple[Orders, dict[str, Array]]:
    """(orders as recorded at the cut, rounded down to whole days; true sites), both drawn."""
    sites, law = jax.random.split(key)
    trace = handlers.trace(handlers.seed(model, sites)).get_trace(placed)
    drawn: LeadTime = trace["orders"]["fn"]
    took = jnp.floor(drawn.days(law))
    age = days - 1 - jnp.asarray(placed.day, took.dtype)
    known = took <= age
    seen = placed._replace(
        lower=jnp.where(known, took, age + 1.0), upper=jnp.where(known, took + 1.0, jnp.inf),
        weight=jnp.ones_like(took),
    )  # fmt: skip
    true = {k: s["value"] for k, s in trace.items() if s["type"] in ("sample", "deterministic") and k != "orders"}
    return seen, true


LIKELIHOODS: dict[str, Callable[[Orders], Orders]] = {
    "censored": lambda orders: orders,
    "closed only": closed_only,
    "age as lead time": age_as_lead_time,
}


def quantities(sites: dict[str, Any], sizes: Sizes, likelihood: Array) -> dict[str, np.ndarray]:
    """The named quantities, with the leading axes of the sites: first lane's mean and p95 in days, and globals."""
    law = laws(sites, sizes)
    mean, shape = jnp.exp(law.log_mean[..., 0]), jnp.exp(law.log_shape[..., 0])
    location, scale = families.lognormal_parameters(mean, shape)
    named = {
        "mean of a lane": mean,
        "p95 of a lane": jnp.exp(location + P95 * scale),
        "shape of a lane": shape,
        "log mean of the company": sites["log_mean"],
        "spread of suppliers": sites["supplier_sd"],
        "spread of lanes": sites["lane_sd"],
        "log likelihood": likelihood,
    }
    return {name: np.asarray(value) for name, value in named.items()}


def log_likelihood(model: Model, orders: Orders, sites: dict[str, Array]) -> Array:
    """Of all orders, for one set of sites."""
    trace = handlers.trace(handlers.substitute(handlers.seed(model, jax.random.key(0)), data=sites)).get_trace(orders)
    site = trace["orders"]
    return jnp.sum(site["fn"].log_prob(site["value"]) * orders.weight)


def study(design: Design, replicates: int, seed: int = 0, walk: bool = True, **inference: int) -> dict[str, Any]:
    """Rows of `sbc.judged` by likelihood, with the share of open orders and divergences."""
    model = partial(lead_time_model, sizes=design.sizes, walk=walk)
    draw = jax.jit(jax.vmap(partial(history, model, design.placed(), design.days)))
    data, true = draw(jax.random.split(jax.random.key(seed), replicates))
    density = jax.jit(jax.vmap(partial(log_likelihood, model)))
    densities = jax.jit(jax.vmap(jax.vmap(partial(log_likelihood, model)), in_axes=(None, 0)))
    batched = sbc.Batched(model, jax.tree.map(lambda x: x[0], data), replicates, **inference)
    found: dict[str, Any] = {"replicates": replicates, "open": float(jnp.isinf(data.upper).mean())}
    for name, wrong in LIKELIHOODS.items():
        used = wrong(data)
        draws, divergent = batched.fit(used, jax.random.key(seed + 1))
        rows = sbc.judged(
            quantities(true, design.sizes, density(used, true)),
            quantities(draws, design.sizes, densities(used, draws)), seed,
        )  # fmt: skip
        found[name] = {"divergences": divergent, "quantities": [row._asdict() for row in rows]}
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=256)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    with jax.enable_x64(True):
        found = study(Design(), given.replicates)
    text = json.dumps(found, indent=1)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
