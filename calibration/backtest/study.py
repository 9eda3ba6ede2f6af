"""Does the 80 % range of weekly cash hold on weeks nobody has seen? Many synthetic companies, each its own truth.

    python -m calibration.backtest.study DIR [--companies N] [--out FILE]

Every company is DIR's with its own mean demand by place, from a gamma prior; it lives `LEARN` weeks and is forecast for
the weeks after from its own books, by the posterior and by the posterior's mean alone (plug-in). Demand is Poisson and
seen in full, so the posterior is known in closed form (gamma, conjugate): what is tried is the way from posterior to
cash, not the fit. One origin a company, so outcomes are independent.
"""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from calibration.backtest.judged import judge
from calibration.backtest.reality import LINES, WEEK, WITH_ORDERS, between, weekly
from calibration.studies import publish
from kernels.bits import seed_words
from kernels.ratio import EXACT
from twin.assembly import Model, assemble
from twin.exogenous import Params, poisson_demand
from twin.policies import replenish
from twin.record import Record
from twin.simulate import play
from twin.state import State, changed
from twin.tables.read import read

LEARN, AHEAD, DRAWS = 2, 2, 100  # weeks, weeks, futures of a forecast
SHAPE = 4.0  # of the prior of a place's mean: a standard deviation of half its mean
MEASURES = ("receipts", "payments", "cash")


def with_mean(params: Params, mean: np.ndarray) -> Params:
    """Parameters with a leading axis company or draw at these means (.., node, product), nothing shared by places."""
    none = {name: np.zeros(mean.shape[:-2]) for name in ("company_year", "company_week", "category_week", "store_day")}
    same = jax.tree.map(lambda x: np.broadcast_to(np.asarray(x)[0], (*mean.shape[:-2], *x.shape[1:])), params)
    return changed(same, demand_mean=mean, **none)


def _future(
    model: Model, first: int, weeks: int, record: Record, seed: Any, params: Params, opening: State, draw: Any
) -> tuple[State, Any]:
    """(closing state, series by day) of one company's future."""
    closing, series, _, _, _ = play(
        model.network, replenish, model.policy, model.source, params,
        between(model.inputs["base"], first, WEEK * weeks), opening, draw, seed, arithmetic=EXACT, record=record,
    )  # fmt: skip
    return closing, series


def run(model: Model, companies: int, seed: int = 1) -> dict[str, Any]:
    """Rows of `judge` for receipts, payments and cash: posterior and plug-in, on AHEAD weeks after LEARN."""
    model = replace(model, source=poisson_demand)
    rng = np.random.default_rng(seed)
    mean, days = np.asarray(model.params.demand_mean)[0], WEEK * LEARN
    truth = with_mean(model.params, rng.gamma(SHAPE, mean / SHAPE, (companies, *mean.shape)))
    each = np.arange(companies, dtype=np.uint32)
    with jax.enable_x64(True):
        # closed over, not handed in: NumPy's arrays could not be looked up at traced places
        network, inputs, policy = jax.tree.map(jnp.asarray, (model.network, model.inputs, model.policy))
        model = replace(model, network=network, inputs=inputs, policy=policy)
        lived = jax.jit(jax.vmap(partial(_future, model, 0, LEARN, WITH_ORDERS, seed_words(seed)), (0, None, 0)))
        books, past = lived(truth, model.opening, each)
        then = jax.jit(jax.vmap(partial(_future, model, days, AHEAD, LINES, seed_words(seed))))
        _, after = then(truth, books, each)
        shape, rate = _posterior(model, mean, np.asarray(past["asked_here"]).sum(axis=1), days)
        ahead = jax.vmap(partial(_future, model, days, AHEAD, LINES, seed_words(seed + 1)), (0, None, 0))
        said = jax.jit(
            lambda case: lax.map(lambda one: ahead(one[0], one[1], jnp.arange(DRAWS, dtype=jnp.uint32))[1], case)
        )
        drawn = rng.gamma(shape[:, None], 1 / rate, (companies, DRAWS // 2, *mean.shape)).repeat(2, axis=1)
        known = np.broadcast_to((shape / rate)[:, None], drawn.shape)
        forecasts = {
            name: _weeks(said((with_mean(model.params, means), books)))
            for name, means in (("posterior", drawn), ("plug-in", known))
        }
    table = judge(_weeks(after), forecasts, naive="plug-in")
    return {"companies": companies, "learn_weeks": LEARN, "futures": DRAWS, "rows": table.to_dict("records")}


def _posterior(model: Model, mean: np.ndarray, seen: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Shape (company, node, product) and rate (node, product) of gamma posteriors; a place without demand keeps 0."""
    calendar = model.inputs["base"].days
    node, product = np.asarray(calendar.demand_node)[:days], np.asarray(calendar.demand_product)[:days]
    prior = np.divide(SHAPE, mean, out=np.full(mean.shape, np.inf), where=mean > 0)
    return SHAPE + seen, prior + np.einsum("dn,dp->np", node, product)


def _weeks(series: dict[str, Any]) -> dict[str, np.ndarray]:
    named = LINES.named({name: np.asarray(x) for name, x in series.items()})
    return {name: x for name, x in weekly(named).items() if name in MEASURES}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("company", type=Path)
    parser.add_argument("--companies", type=int, default=800)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    publish(run(assemble(read(given.company).company, {}), given.companies), given.out)


if __name__ == "__main__":
    main()
