"""Simulation-based calibration of the lead-time model, and of likelihoods that must fail it.

    python -m calibration.studies.sbc_lead_times [--of lane|company] [--replicates 256] [--out FILE]

Companies are drawn from the prior; their orders are placed over some weeks, recorded in whole days, and cut off with
many of them open. The right likelihood keeps every ECDF of ranks inside its simultaneous band; the same test must fail
where open orders are left out, and where their age is taken for a lead time.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import Array
from numpyro import handlers

from calibration import sbc
from calibration.lead_times import families
from calibration.lead_times.model import MONTH, LeadTime, Sizes, laws, lead_time_model
from calibration.lead_times.orders import Orders, age_as_lead_time, closed_only
from calibration.studies import publish

P95 = 1.6448536269514722


class Design(NamedTuple):
    """A small company: suppliers x lanes x orders, placed evenly over some days up to the cut."""

    suppliers: int = 2
    lanes: int = 2  # of each supplier
    orders: int = 10  # of each lane
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


def recorded(placed: Orders, took: Array, days: int) -> Orders:
    """What is known at the cut of lead times in whole days, rounded down."""
    age = days - 1 - jnp.asarray(placed.day, took.dtype)
    known = took <= age
    return placed._replace(
        lower=jnp.where(known, took, age + 1.0), upper=jnp.where(known, took + 1.0, jnp.inf),
        weight=jnp.ones_like(took),
    )  # fmt: skip


def history(model: Model, placed: Orders, days: int, key: Array) -> tuple[Orders, dict[str, Array]]:
    """(orders as recorded at the cut, rounded down to whole days; true sites), both drawn."""
    sites, law = jax.random.split(key)
    trace = handlers.trace(handlers.seed(model, sites)).get_trace(placed)
    drawn: LeadTime = trace["orders"]["fn"]
    seen = recorded(placed, jnp.floor(drawn.days(law)), days)
    true = {k: s["value"] for k, s in trace.items() if s["type"] in ("sample", "deterministic") and k != "orders"}
    return seen, true


READINGS = {"censored": lambda orders: orders, "closed only": closed_only, "age as lead time": age_as_lead_time}


def one_lane(orders: Orders) -> None:
    """One lane by itself, as in CALIBRATION.md 2.5."""
    mean = jnp.exp(numpyro.sample("log_mean", dist.Normal(3.0, 1.0)))
    shape = jnp.exp(numpyro.sample("log_shape", dist.Normal(1.6, 0.7)))
    law = LeadTime(jnp.broadcast_to(mean, jnp.shape(orders.lower)), shape)
    with numpyro.plate("order", orders.lower.shape[0]):
        numpyro.sample("orders", law, obs=jnp.stack([orders.lower, orders.upper], axis=-1))


def of_a_lane(log_mean: Array, log_shape: Array) -> dict[str, Array]:
    """Mean, p95 in days, and shape."""
    location, scale = families.lognormal_parameters(jnp.exp(log_mean), jnp.exp(log_shape))
    p95 = jnp.exp(location + P95 * scale)
    return {"mean of a lane": jnp.exp(log_mean), "p95 of a lane": p95, "shape of a lane": jnp.exp(log_shape)}


def of_a_company(sites: dict[str, Any], sizes: Sizes) -> dict[str, Array]:
    """The first lane, and what all lanes share."""
    law = laws(sites, sizes)
    return of_a_lane(law.log_mean[..., 0], law.log_shape[..., 0]) | {
        "log mean of the company": sites["log_mean"],
        "spread of suppliers": sites["supplier_sd"],
        "spread of lanes": sites["lane_sd"],
    }


def study(
    whole: bool, replicates: int, seed: int = 0, readings: Sequence[str] = tuple(READINGS), **inference: int
) -> dict[str, Any]:
    """Rows by reading, with replicates and the share of open orders. whole: a company, else one lane of 30 orders."""
    design = Design() if whole else Design(suppliers=1, lanes=1, orders=30)
    model = partial(lead_time_model, sizes=design.sizes) if whole else one_lane
    draw = jax.jit(jax.vmap(partial(history, model, design.placed(), design.days)))
    data, true = draw(jax.random.split(jax.random.key(seed), replicates))

    def named(sites: dict[str, Any]) -> dict[str, Array]:
        return of_a_company(sites, design.sizes) if whole else of_a_lane(sites["log_mean"], sites["log_shape"])

    found = sbc.study(model, data, true, named, {name: READINGS[name] for name in readings}, seed, **inference)
    return {"replicates": replicates, "open": float(jnp.isinf(data.upper).mean()), **found}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--of", choices=["lane", "company"], default="lane")
    parser.add_argument("--replicates", type=int, default=256)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    with jax.enable_x64(True):
        found = study(given.of == "company", given.replicates)
    publish(found, given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
