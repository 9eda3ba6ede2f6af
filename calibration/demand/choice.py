"""Which law for which items: the one that foretold the last weeks better, fitted without them (leave future out).

Buerkner, Gabry & Vehtari, J. Stat. Comput. Simul. 90 (2020), 2499-2523, with one origin.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array, lax
from jax.scipy.special import logsumexp
from numpyro import handlers

from calibration.demand import model, slow
from calibration.demand.data import Data, data
from calibration.demand.distributions import Observed
from calibration.inference import fit
from calibration.inference.laplace import Blocks
from calibration.panel import MASKED, Panel

DRAWS_OF = 100


class Choice(NamedTuple):
    """Expected log predictive density of the weeks left out, by item; slow where that law foretold better."""

    default: np.ndarray
    slow: np.ndarray
    takes_slow: np.ndarray  # (item,) bool


def choose(panel: Panel, weeks: int = 4, steps: int = 1000, seed: int = 0) -> Choice:
    """Fits both laws without the last weeks and scores them there.

    The items given are one segment (much alike in speed): pooled, for one item's four weeks say little. A segment takes
    the slow law where its total is better by two standard errors of the difference, else the default stays.
    """
    last = np.arange(panel.shape[2]) >= panel.shape[2] - 7 * weeks
    seen = dataclasses.replace(panel, kind=np.where(last, MASKED, panel.kind).astype(np.int8),
                               weight=np.where(last, 0.0, panel.weight))  # fmt: skip
    arrays = data(seen)
    blocks = Blocks("item", "category", panel.category)
    begun = {"blocks": blocks, "steps": steps, "seed": seed, "draws": DRAWS_OF}
    plain = fit(model.demand, arrays, start=model.start(arrays), **begun)  # type: ignore[arg-type]
    hurdle = fit(slow.slow_movers, slow.cells(seen, arrays),
                 start=model.start(arrays, slow.EFFECTS), **begun)  # type: ignore[arg-type]  # fmt: skip
    first = score(plain, arrays, panel, last, model.law, model.ITEM_EFFECTS)
    second = score(hurdle, arrays, panel, last, slow.law, slow.EFFECTS)
    gain = second - first
    error = np.sqrt(len(gain)) * gain.std(ddof=1) if len(gain) > 1 else np.inf
    return Choice(first, second, np.full(len(gain), gain.sum() > 2 * error))


def score(
    tree: xr.DataTree, arrays: Data, panel: Panel, days: np.ndarray, law: Callable[..., Any],
    effects: dict[str, tuple[float, float, float]],
) -> np.ndarray:  # fmt: skip
    """(item,) log predictive density of what was recorded on these days, censored days as such."""
    values = {str(name): np.asarray(x.values)[0] for name, x in tree["posterior"].data_vars.items()}
    with jax.enable_x64(True):
        shape = arrays.weight.shape
        device = jax.tree.map(jnp.asarray, (arrays, panel.value, panel.kind, panel.bound))

        @jax.jit
        def densities(values: Any, given: Any) -> Array:
            data, value, kind, bound = given

            def one(own: Any) -> Array:
                own = own | {"store_day": jnp.zeros((shape[0], shape[2]))}
                with handlers.seed(rng_seed=0), handlers.substitute(data=own):
                    log_mean, of_item = model.parameters(data, effects)
                return Observed(law(log_mean, of_item), kind, bound).log_prob(value)[:, :, days]

            each = lax.map(one, values)
            return logsumexp(each, axis=0) - jnp.log(each.shape[0])

        return np.asarray(densities(jax.tree.map(jnp.asarray, values), device)).sum(axis=(0, 2))
