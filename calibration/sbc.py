"""Simulation-based calibration of any NumPyro model, all replicates at once.

Draw parameters from the prior and data from the parameters; then the rank of the true parameter among posterior draws
is uniform if, and only if, likelihood, prior and sampler agree (Talts et al. 2018, arXiv 1804.06788). Replicates are
independent, so all of them are one block-diagonal model and one NUTS run. Uniformity is judged by the ECDF of the ranks
inside simultaneous bands (Saeilynoja, Buerkner and Vehtari, Stat. Comput. 32 (2022), 32).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import Array
from numpyro import handlers
from numpyro.distributions import constraints
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import initialize_model
from scipy import stats

Sites = dict[str, Array]


class Batched:
    """Posteriors of many data sets of one shape by one NUTS run. Data sets with the same shapes share the compilation.

    model takes one data set (a pytree of arrays) as its only argument; `like` is one such data set.
    """

    def __init__(
        self, model: Callable[..., None], like: Any, replicates: int, warmup: int = 300, draws: int = 396, thin: int = 4
    ) -> None:
        start, potential, constrain, _ = initialize_model(
            jax.random.key(0), model, model_args=(like,), dynamic_args=True,
            init_strategy=numpyro.infer.init_to_median(num_samples=50),
        )  # fmt: skip
        self._start = {name: jnp.broadcast_to(x, (replicates, *jnp.shape(x))) for name, x in dict(start.z).items()}
        self._constrain = jax.jit(jax.vmap(jax.vmap(lambda d, z: constrain(d)(z)), in_axes=(None, 0)))

        def blocks(data: Any) -> None:
            z = {
                name: numpyro.sample(name, dist.ImproperUniform(constraints.real, (), x.shape))
                for name, x in self._start.items()
            }
            with handlers.block():  # the sites of the inner model are none of ours
                potentials = jax.vmap(lambda d, x: potential(d)(x))(data, z)
            numpyro.factor("data", -jnp.sum(potentials))

        self._mcmc = MCMC(NUTS(blocks), num_warmup=warmup, num_samples=draws, thinning=thin, progress_bar=False,
                          jit_model_args=True)  # fmt: skip

    def fit(self, data: Any, key: Array) -> tuple[Sites, int]:
        """((draw, replicate, ..) of every site in its own units, divergences). data: leading axis replicate."""
        self._mcmc.run(key, data, init_params=self._start, extra_fields=("diverging",))
        draws = self._constrain(data, self._mcmc.get_samples())
        return draws, int(np.sum(self._mcmc.get_extra_fields()["diverging"]))


def uniforms(true: np.ndarray, draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(replicate,) ranks of `true` (replicate,) among `draws` (draw, replicate), made continuous: uniform on (0, 1)."""
    below = (draws < true).sum(axis=0)
    ties = (draws == true).sum(axis=0)
    return (below + rng.random(len(true)) * (ties + 1)) / (len(draws) + 1)


class Band(NamedTuple):
    """Simultaneous band of the ECDF of n uniform numbers at `at`: counts from low to high, both allowed."""

    at: np.ndarray
    low: np.ndarray
    high: np.ndarray


@lru_cache(maxsize=64)
def band(n: int, level: float = 0.95, points: int = 50, simulations: int = 20_000) -> Band:
    """The band that n independent uniform numbers stay in with this probability (algorithm 1 of the paper).

    Pointwise levels are widened alike until `level` of simulated samples stay inside everywhere.
    """
    at = np.arange(1, points) / points
    rng = np.random.default_rng(n)
    counts = rng.multinomial(n, np.full(points, 1 / points), size=simulations).cumsum(axis=1)[:, :-1]
    # two-sided tail of every possible count at every point, looked up
    possible = np.arange(n + 1)[:, None]
    table = np.minimum(stats.binom.cdf(possible, n, at), stats.binom.sf(possible - 1, n, at))
    tails = table[counts, np.arange(points - 1)]
    gamma = np.quantile(2 * tails.min(axis=1), 1 - level)
    return Band(at, stats.binom.ppf(gamma / 2, n, at), stats.binom.isf(gamma / 2, n, at))


def inside(u: np.ndarray, level: float = 0.95) -> bool:
    """Whether the ECDF of these numbers stays inside the band everywhere."""
    b = band(len(u), level)
    counts = (u[:, None] <= b.at).sum(axis=0)
    return bool(((counts >= b.low) & (counts <= b.high)).all())


def p_value(u: np.ndarray, bins: int = 16) -> float:
    """Of a chi-squared test for uniform numbers."""
    return float(stats.chisquare(np.histogram(u, bins, (0, 1))[0]).pvalue)


class Quantity(NamedTuple):
    """One row of a study: a named quantity, whether it is inside its band, chi-squared p, coverages, relative bias."""

    name: str
    inside: bool
    p: float
    cover_50: float
    cover_80: float
    cover_95: float
    bias: float


def judged(
    true: Mapping[str, np.ndarray], draws: Mapping[str, np.ndarray], seed: int = 0, family_level: float = 0.95
) -> list[Quantity]:
    """One row per quantity; bands are widened (Sidak) so that all stay inside together with `family_level`.

    true: (replicate,), draws: (draw, replicate); bias is the sum over replicates of (posterior mean - true) as a
    share of the sum of |true|: its expectation is 0 in a right model.
    """
    rng = np.random.default_rng(seed)
    level = family_level ** (1 / len(true))
    rows = []
    for name, value in true.items():
        u = uniforms(np.asarray(value), np.asarray(draws[name]), rng)
        c50, c80, c95 = (float((abs(u - 0.5) <= share / 2).mean()) for share in (0.5, 0.8, 0.95))
        bias = float(np.sum(np.asarray(draws[name]).mean(axis=0) - value) / np.sum(np.abs(value)))
        rows.append(Quantity(name, inside(u, level), p_value(u), c50, c80, c95, bias))
    return rows


Reading = Callable[[Any], Any]  # what a likelihood is given of the data of one replicate or of all


def log_likelihood(model: Callable[..., None], data: Any, sites: Sites) -> Array:
    """Of everything observed, for one data set and one value of every site."""
    trace = handlers.trace(handlers.substitute(handlers.seed(model, jax.random.key(0)), data=sites)).get_trace(data)
    total = jnp.zeros(())
    for site in trace.values():
        if site["type"] == "sample" and site["is_observed"]:
            scale = 1.0 if site["scale"] is None else site["scale"]
            total = total + jnp.sum(site["fn"].log_prob(site["value"]) * scale)
    return total


def study(
    model: Callable[..., None],
    data: Any,
    true: Sites,
    named: Callable[[Sites], dict[str, Array]],
    readings: Mapping[str, Reading],
    seed: int = 0,
    **inference: int,
) -> dict[str, dict[str, Any]]:
    """For each reading of the data, the rows of `judged` and the divergences.

    data, true: leading axis replicate; named: quantities of interest from sites, leading axes kept. The log likelihood
    is one of them (Modrak et al., Bayesian Anal. 20 (2025), 461-488: ranks of parameters alone miss some errors).
    """
    replicates = len(jax.tree.leaves(data)[0])
    likelihood = jax.vmap(partial(log_likelihood, model))
    once, often = jax.jit(likelihood), jax.jit(jax.vmap(likelihood, in_axes=(None, 0)))
    batched = Batched(model, jax.tree.map(lambda x: x[0], data), replicates, **inference)
    found = {}
    for name, reading in readings.items():
        used = reading(data)
        draws, divergent = batched.fit(used, jax.random.key(seed + 1))
        at_truth = named(true) | {"log likelihood": once(used, true)}
        rows = judged(at_truth, named(draws) | {"log likelihood": often(used, draws)}, seed)
        found[name] = {"divergences": divergent, "quantities": {row.name: row._asdict() for row in rows}}
    return found


def outside(found: Mapping[str, Any]) -> list[str]:
    """Names of the quantities whose ranks leave their band, of one reading of `study`."""
    return [name for name, row in found["quantities"].items() if not row["inside"]]
