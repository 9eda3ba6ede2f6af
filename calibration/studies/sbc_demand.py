"""Simulation-based calibration of a small demand model, and of likelihoods that must fail it.

    python -m calibration.studies.sbc_demand [--replicates 256] [--out FILE]

One store and item: level, price elasticity, promotion lift, dispersion, zeros. Stock in the morning is drawn without a
look at the day's demand; a day that sells out says only that demand was at least that much. Taking sales for demand, or
leaving such days out, must fail the test that the censored likelihood passes.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array
from numpyro import handlers

from calibration import sbc
from calibration.demand.distributions import Observed, ZeroInflatedNegativeBinomial
from calibration.demand.survival import terms_for
from calibration.panel import EXACT, MASKED, RIGHT_CENSORED
from calibration.studies import publish

MOST = 30  # units of stock in the morning
PROMOTED = 0.25  # share of days


class Shelf(NamedTuple):
    """Days of one store and item; axis (day,)."""

    sold: Array  # units
    stock: Array  # units in the morning
    kind: Array  # as in calibration.panel
    log_price: Array
    promotion: Array


def model(shelf: Shelf) -> None:
    level = numpyro.sample("level", dist.Normal(1.0, 0.7))
    elasticity = numpyro.sample("elasticity", dist.Normal(-1.5, 1.0))
    lift = numpyro.sample("lift", dist.Normal(0.4, 0.5))
    log_size = numpyro.sample("log_size", dist.Normal(1.0, 1.0))
    zero = numpyro.sample("zero_logit", dist.Normal(-2.5, 1.0))
    mean = jnp.exp(level + elasticity * shelf.log_price + lift * shelf.promotion)
    demand = ZeroInflatedNegativeBinomial(mean, jnp.exp(log_size), zero, terms=terms_for(MOST))
    with numpyro.plate("day", shelf.sold.shape[0]):
        numpyro.sample("sold", Observed(demand, shelf.kind, shelf.stock, intervals=False), obs=shelf.sold)


def history(days: int, key: Array) -> tuple[Shelf, dict[str, Array]]:
    """(what the shelf shows, true sites), both drawn."""
    price, promotion, lean, stock, sites, law = jax.random.split(key, 6)
    promoted = (jax.random.uniform(promotion, (days,)) < PROMOTED).astype(jnp.float64)
    blank = Shelf(
        sold=jnp.zeros(days),
        # lean and ample mornings, half and half
        stock=jnp.where(
            jax.random.uniform(lean, (days,)) < 0.5, jax.random.randint(stock, (days,), 1, 6), MOST
        ).astype(jnp.float64),
        kind=jnp.full(days, EXACT),
        log_price=0.1 * jax.random.normal(price, (days,)) - 0.2 * promoted, promotion=promoted,
    )  # fmt: skip
    trace = handlers.trace(handlers.seed(model, sites)).get_trace(blank)
    demand = trace["sold"]["fn"].demand.sample(law).astype(jnp.float64)
    short = demand >= blank.stock
    seen = blank._replace(sold=jnp.minimum(demand, blank.stock), kind=jnp.where(short, RIGHT_CENSORED, EXACT))
    return seen, {name: site["value"] for name, site in trace.items() if site["type"] == "sample" and name != "sold"}


READINGS = {
    "censored": lambda shelf: shelf,
    "naive": lambda shelf: shelf._replace(kind=jnp.full_like(shelf.kind, EXACT)),
    "drop": lambda shelf: shelf._replace(kind=jnp.where(shelf.kind == RIGHT_CENSORED, MASKED, shelf.kind)),
}


def study(replicates: int, days: int = 80, seed: int = 0, **inference: int) -> dict[str, Any]:
    """Rows by reading, with replicates and the share of days that sold out."""
    data, true = jax.jit(jax.vmap(lambda key: history(days, key)))(jax.random.split(jax.random.key(seed), replicates))
    found = sbc.study(model, data, true, dict, READINGS, seed, **inference)
    return {"replicates": replicates, "sold out": float((data.kind == RIGHT_CENSORED).mean()), **found}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=256)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    with jax.enable_x64(True):
        found = study(given.replicates)
    publish(found, given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
