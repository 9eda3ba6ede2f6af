"""Futures of a company in one call: the friendly face of `simulate`."""

from typing import Any

import numpy as np
import xarray as xr

from twin.assembly import Model
from twin.engines import fastest
from twin.policies import Policy, replenish
from twin.record import COMPANY
from twin.results import dataset
from twin.simulate import simulate


def futures(
    model: Model,
    draws: int = 1000,
    *,
    scenarios: tuple[str, ...] = ("base",),
    policy: Policy = replenish,
    policy_params: Any = None,
    seed: int = 0,
) -> xr.Dataset:
    """Play `draws` futures of each scenario under the same luck; dimensions scenario, draw, day, node, product.

    scenarios: names in model.inputs ("base" and the company's own). policy_params: default model.policy. Money is in
    currency units, every variable carries `units` and `long_name`. Raises KeyError for a scenario that the model does
    not have, RuntimeError where an invariant of the ledger is not 0.
    """
    runs = {}
    for name in scenarios:
        runs[name] = simulate(
            model.network, policy, model.policy if policy_params is None else policy_params, model.source, model.params,
            model.inputs[name], model.opening, np.arange(draws, dtype=np.uint32),
            seed=seed, record=COMPANY, engine=fastest,
        )  # fmt: skip
        if runs[name].residuals.any():
            raise RuntimeError(f"{name}: an invariant of the ledger is not 0")
    return dataset(model, runs)
