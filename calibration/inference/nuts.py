"""The No-U-Turn sampler in float64: the reference (Hoffman & Gelman, JMLR 15 (2014), 1593-1623; Phan et al. 2019)."""

from typing import Any

import jax
import numpy as np
from numpyro.infer import MCMC, NUTS

from calibration.inference.problem import Problem

TREE_DEPTH = 10
_FIELDS = ("diverging", "energy", "num_steps", "accept_prob")


def nuts(
    problem: Problem, data: Any, number: int, chains: int, warm_up: int, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(unconstrained draws, statistics), arrays (chain, draw, ..). Chains start around the problem's start."""
    kernel = NUTS(potential_fn=lambda z: problem.potential(data, z), max_tree_depth=TREE_DEPTH, target_accept_prob=0.9)
    run = MCMC(
        kernel, num_warmup=warm_up, num_samples=number, num_chains=chains, chain_method="vectorized",
        progress_bar=False,
    )  # fmt: skip
    start = jax.tree.map(lambda x: _scattered(x, chains, seed), problem.start)
    run.run(jax.random.key(seed), init_params=start, extra_fields=_FIELDS)
    draws = {name: np.asarray(x) for name, x in run.get_samples(group_by_chain=True).items()}
    stats = {name: np.asarray(x) for name, x in run.get_extra_fields(group_by_chain=True).items()}
    return draws, stats


def _scattered(x: jax.Array, chains: int, seed: int) -> np.ndarray:
    """(chain, ..) starts apart from each other, as R-hat wants them."""
    rng = np.random.default_rng([seed, x.size])
    return np.asarray(x) + 0.1 * rng.standard_normal((chains, *x.shape))
