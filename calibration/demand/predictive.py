"""What a fit says of single cells: the demand it would draw there, the density of what was recorded, and its weight.

Kept with the fit as ArviZ's groups, for DRAWS draws and the last DAYS days: 40 kB a store-item, 40 MB for a thousand.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array, lax
from jax.scipy.special import logsumexp
from numpyro import handlers

from calibration.demand import model
from calibration.demand.data import Data
from calibration.demand.distributions import Observed, ZeroInflatedNegativeBinomial
from calibration.draws import draws_of
from calibration.inference import arviz
from calibration.inference.gates import Gate, of_influence
from calibration.panel import INTERVAL, MASKED, Panel
from twin.results import labels

DRAWS, DAYS = 50, 91
TRIED, LISTED = 5_000, 20  # cells picked by lot to be left out, and those of them that are kept with the fit
LEAVING_OUT, NODES = 1000, 5  # draws, and shocks of a store-day that stand for all


def groups(tree: xr.DataTree, arrays: Data, panel: Panel, seed: int) -> dict[str, xr.Dataset]:
    """posterior_predictive and log_likelihood (chain, draw, store, item, day); observed_data and constant_data.

    `demand` is demand itself, also where the record is a bound or nothing. Its log likelihood is of the record: of a
    count, of at least or at most a bound, 0 of a masked cell; weights are left out. Sites that a fit does not keep
    (shocks of single store-days) are drawn from their law, anew in each draw. observed_data (store, item, day): demand,
    kind, bound and stock as in `Panel`; constant_data: weight and promotion (store, item, day), category (item,).
    """
    each = draws_of(tree)
    number = len(next(iter(each.values())))
    chosen = np.unique(np.linspace(0, number - 1, DRAWS).astype(int))
    days = slice(-DAYS, None)
    recorded = [x[:, :, days] for x in (panel.value, panel.kind, panel.bound)]
    intervals = bool((recorded[1] == INTERVAL).any())

    @jax.jit
    def cells(values: Any, keys: Array, data: Data, recorded: list[Array]) -> tuple[Array, Array]:
        value, kind, bound = recorded

        def one(own: Any) -> tuple[Array, Array]:
            sites, key = own
            shock, key = jax.random.split(key)
            with handlers.seed(rng_seed=shock), handlers.substitute(data=sites):
                log_mean, of_item = model.parameters(data)
            last = log_mean._replace(line=log_mean.line[..., days], place=log_mean.place[:, days])
            seen = Observed(model.law(last, of_item), kind, bound, intervals=intervals)
            return seen.sample(key).astype(jnp.int32), seen.log_prob(value).astype(jnp.float32)

        return lax.map(one, (values, keys))

    with jax.enable_x64(True):
        values = {name: jnp.asarray(x[chosen]) for name, x in each.items()}
        keys = jax.random.split(jax.random.key(seed), len(chosen))
        device = jax.tree.map(jnp.asarray, (arrays, recorded))
        drawn, density = (np.asarray(x)[None] for x in cells(values, keys, *device))
    place = ("store", "item", "day")
    coords = {"store": labels(panel.stores), "item": labels(panel.items),
              "day": labels([str(day) for day in panel.days[days]])}  # fmt: skip
    by_draw = coords | {"chain": [0], "draw": chosen}
    return {
        "posterior_predictive": xr.Dataset({"demand": (("chain", "draw", *place), drawn)}, by_draw),
        "log_likelihood": xr.Dataset({"demand": (("chain", "draw", *place), density)}, by_draw),
        "observed_data": xr.Dataset(
            {"demand": (place, recorded[0]), "kind": (place, recorded[1]), "bound": (place, recorded[2]),
             "stock": (place, panel.stock[:, :, days])}, coords,
        ),
        "constant_data": xr.Dataset(
            {"weight": (place, panel.weight[:, :, days]),
             "promotion": (place, np.broadcast_to(panel.promotion, panel.shape)[:, :, days]),
             "category": ("item", labels([panel.categories[group] for group in panel.category]))}, coords,
        ),
    }  # fmt: skip


def influence(tree: xr.DataTree, arrays: Data, panel: Panel, seed: int) -> tuple[xr.Dataset, list[Gate]]:
    """How much single records decide: the LISTED cells with the largest k-hat of leaving them out, and the gate.

    Of TRIED cells by lot, whatever their day; the Pareto shape of 1 / density over LEAVING_OUT draws (Vehtari, Gelman &
    Gabry, Stat. Comput. 27 (2017), 1413). The shock of a store-day is integrated out (Gauss & Hermite): drawn anew it
    would be luck that looks like influence. Axis (cell,), largest first: store, item, day and khat.
    """
    rng = np.random.default_rng([seed, 6])
    known = np.flatnonzero((panel.kind != MASKED) & (panel.weight > 0))
    tried = np.sort(rng.choice(known, min(TRIED, known.size), replace=False))
    place = np.unravel_index(tried, panel.shape)
    each = draws_of(tree)
    number = len(next(iter(each.values())))
    chosen = np.unique(np.linspace(0, number - 1, LEAVING_OUT).astype(int))
    recorded = [x[place] for x in (panel.value, panel.kind, panel.bound)]
    intervals = bool((recorded[1] == INTERVAL).any())
    node, share = np.polynomial.hermite_e.hermegauss(NODES)
    none = np.zeros((panel.shape[0], panel.shape[2]))

    @jax.jit
    def densities(values: Any, data: Data, place: tuple[Array, ...], recorded: list[Array], none: Array) -> Array:
        value, kind, bound = recorded

        def one(own: Any) -> Array:
            with handlers.seed(rng_seed=0), handlers.substitute(data=own | {"store_day": none}):
                log_mean, of_item = model.parameters(data)
            mean = jnp.exp(log_mean.cells()[place] + own["s_store_day"] * node[:, None])
            size, zero = (jnp.broadcast_to(of_item[name][place[1]], mean.shape) for name in ("log_size", "zero_logit"))
            law = ZeroInflatedNegativeBinomial(mean, jnp.exp(size), zero)
            each = Observed(law, kind, bound, intervals=intervals).log_prob(value)
            return logsumexp(each, axis=0, b=(share / share.sum())[:, None])

        return lax.map(one, values)

    with jax.enable_x64(True):
        values = {name: jnp.asarray(x[chosen]) for name, x in each.items()}
        found = densities(values, *jax.tree.map(jnp.asarray, (arrays, place, recorded, none)))
    _, khat = arviz.psis(-np.asarray(found).T)
    most = np.argsort(-khat)[:LISTED]
    store, item, day = (x[most] for x in place)
    listed = xr.Dataset(
        {"store": ("cell", labels([panel.stores[n] for n in store])),
         "item": ("cell", labels([panel.items[n] for n in item])),
         "day": ("cell", labels([str(panel.days[n]) for n in day])), "khat": ("cell", khat[most])},
    )  # fmt: skip
    return listed, of_influence(khat, len(chosen), "cells")
