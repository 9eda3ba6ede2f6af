"""`fit`: a model, its data, an engine; the result is a tree with draws, diagnostics, gates and provenance."""

import hashlib
import os
import platform
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax

from calibration.inference import arviz, gates
from calibration.inference.laplace import Blocks, laplace
from calibration.inference.nuts import nuts
from calibration.inference.problem import Model, Problem, problem
from calibration.inference.svi import STEPS, svi
from calibration.inference.svi import draws as variational_draws
from twin.results import labels

Engine = Literal["laplace", "nuts", "svi"]
_VERSIONS = ("jax", "numpyro", "numpy", "arviz-stats")


def fit(
    model: Model,
    data: Any,
    *,
    engine: Engine = "laplace",
    blocks: Blocks | None = None,
    start: dict[str, np.ndarray] | None = None,
    coords: dict[str, Any] | None = None,
    draws: int = 1000,
    chains: int = 4,
    warm_up: int = 1000,
    steps: int = STEPS,
    seed: int = 0,
    provenance: dict[str, str] | None = None,
) -> xr.DataTree:
    """Posterior of a NumPyro model, in float64 whatever the engine.

    model(data) is a NumPyro model, data a pytree of arrays. engine: laplace (SVI, then blocks, the production route),
    nuts (the reference), svi (a quick look: its gate never passes). blocks: what is independent given the rest, for
    laplace; without it the Hessian is dense. start: site -> value. coords: names along the axes of plates and of
    `event_dims` (a site's infer dict). draws: in all for laplace and svi, of each of `chains` chains for nuts. steps:
    of SVI.

    Returns groups posterior and sample_stats in ArviZ's schema (chain, draw, then named axes), diagnostics (the gates)
    and provenance. Raises NoMode where Laplace finds no maximum.
    """
    with jax.enable_x64(True):
        arrays = jax.tree.map(jnp.asarray, data)
        ready = problem(model, arrays, seed, start)
        stats: dict[str, np.ndarray] = {}
        if engine == "nuts":
            found, stats = nuts(ready, arrays, draws, chains, warm_up, seed)
            table = gates.of_nuts(found, stats)
        else:
            begun = svi(ready, arrays, seed, steps)
            if engine == "laplace":
                done = laplace(ready, arrays, begun, blocks, draws, seed)
                found, table = _as_chain(done.draws), gates.of_laplace(done)
            else:
                found = _as_chain(variational_draws(begun, draws, seed))
                table = gates.of_svi(max(begun.drift.values()))
        values = _constrained(ready, arrays, found)
    kept = {name: site for name, site in ready.sites.items() if not site.held}
    axes = {name: list(site.dims) for name, site in kept.items()}
    named = {dim for own in axes.values() for dim in own}
    names = {
        dim: labels(of) if isinstance(of[0], str) else of
        for dim, of in (coords or {}).items()
        if dim in named and len(of)
    }
    # a site may be empty: a company without holidays
    groups = {"posterior": {name: values[name] for name in kept if values[name].size}}
    if stats:
        groups["sample_stats"] = stats
    tree = arviz.tree(groups, axes, names)
    tree["diagnostics"] = xr.DataTree(gates.dataset(table))
    tree.attrs.update(_provenance(engine, data, seed) | (provenance or {}))
    return tree


def _as_chain(draws: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: x[None] for name, x in draws.items()}


def _constrained(ready: Problem, data: Any, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(chain, draw, ..) in the model's own units."""
    first = next(iter(found.values())).shape[:2]
    flat = {name: jnp.asarray(x.reshape(first[0] * first[1], *x.shape[2:])) for name, x in found.items()}
    values = jax.jit(lambda z, data: lax.map(lambda one: ready.constrain(data, one), z))(flat, data)
    return {name: np.asarray(x).reshape(*first, *x.shape[1:]) for name, x in values.items()}


def _provenance(engine: str, data: Any, seed: int) -> dict[str, str]:
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(data):
        digest.update(np.ascontiguousarray(leaf).tobytes())
    versions = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    return {
        "engine": engine, "seed": str(seed), "data_sha256": digest.hexdigest(), "dtype": "float64",
        "device": jax.devices()[0].platform, "python": platform.python_version(), "versions": versions,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def warm(start: dict[str, np.ndarray], used: Path, coords: dict[str, Any]) -> dict[str, np.ndarray]:
    """A start where the posterior of an earlier fit has its means, site by site.

    Sites whose axes have other names or lengths now (a new item, another week) begin where `start` says.
    """
    former = xr.open_zarr(used, group="posterior", consolidated=False)

    def known(name: str) -> bool:
        if name not in former or former[name].shape[2:] != start[name].shape:
            return False
        axes = [dim for dim in map(str, former[name].dims[2:]) if dim in coords]
        return all(list(map(str, former[dim].values)) == list(map(str, coords[dim])) for dim in axes)

    return {
        name: former[name].mean(("chain", "draw")).values if known(name) else value for name, value in start.items()
    }


def write(tree: xr.DataTree, path: Path) -> None:
    """The tree as a Zarr folder, in place of what lay there once it is whole."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as place:
        whole, former = Path(place) / "whole", Path(place) / "former"
        tree.to_zarr(whole, mode="w", consolidated=False)
        if path.exists():
            os.replace(path, former)
        os.replace(whole, path)
