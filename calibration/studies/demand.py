"""`python -m calibration.studies.demand`: a synthetic company, its history read in three ways.

censored: the model as it is. naive: sales taken as demand. drop: days that sold out thrown away. The last two are
negative controls: they must miss the limits that the first must meet (CALIBRATION.md 2.1, 3.4). Misspecification, with
no limit but shown: --substitution, --unflagged.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax
from numpyro import handlers

from calibration.demand import model
from calibration.demand.data import Data, data
from calibration.inference import fit, gates
from calibration.inference.laplace import Blocks
from calibration.inference.svi import STEPS
from calibration.panel import EXACT, MASKED, RIGHT_CENSORED, Panel
from calibration.studies import publish
from calibration.synthetic import Settings, draw
from calibration.synthetic.shelves import Synthetic
from calibration.synthetic.tables import panel
from calibration.synthetic.truth import Truth

WAYS = ("censored", "naive", "drop")
LEVELS = {50: 0.25, 80: 0.1, 95: 0.025}
# Most by which each figure may be off: shares, elasticities, points of coverage (CALIBRATION.md 3.4).
LIMITS = {"demand": 0.01, "promotion_demand": 0.02, "elasticity": 0.05, "50": 4.0, "80": 4.0, "95": 2.0}
MEANS_OF = 40  # draws


def read_as(found: Panel, way: str) -> Panel:
    """The panel as one of the ways takes it."""
    censored = found.kind == RIGHT_CENSORED
    kind = {"censored": found.kind, "naive": np.where(censored, EXACT, found.kind),
            "drop": np.where(censored, MASKED, found.kind)}[way]  # fmt: skip
    # a day with an empty shelf from the start is a day without sales to who takes sales for demand
    if way == "naive":
        kind = np.where((kind == MASKED) & (found.rule == found.rules.index("never in stock")), EXACT, kind)
    value = np.where(censored, found.bound, found.value)
    return dataclasses.replace(found, kind=kind.astype(np.int8), value=value, weight=np.where(kind == MASKED, 0.0, 1.0))


def one(company: Synthetic, way: str, seed: int, steps: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(figures, hits: by quantity and level whether each interval holds the truth)."""
    read = read_as(panel(company), way)
    arrays = data(read)
    begun = time.process_time()
    tree = fit(
        model.demand, arrays, blocks=Blocks("item", "category", read.category), start=model.start(arrays),
        coords=model.coordinates(read), draws=1000, steps=steps, seed=seed,
    )  # fmt: skip
    seconds = time.process_time() - begun
    posterior = tree["posterior"].to_dataset().isel(chain=0)
    t = company.truth
    expected = means(posterior, arrays)
    true = (1 - t.zero)[None, :, None] * t.mean()
    promoted = np.broadcast_to(t.promotion[None], true.shape) & (true > 0)
    truths = {"elasticity": t.elasticity, "lift": t.lift, "log_size": np.log(t.size),
              "zero_logit": np.log(t.zero / (1 - t.zero)), "level": true_level(t)}  # fmt: skip
    figures: dict[str, Any] = {
        "demand": float(expected.sum() / true.sum() - 1),
        "promotion_demand": float(expected[promoted].sum() / true[promoted].sum() - 1),
        "other_demand": float(expected[~promoted].sum() / true[~promoted].sum() - 1),
    }
    hits = {}
    for name, truth in truths.items():
        draws = posterior[name].values
        figures[name] = float((draws.mean(axis=0) - truth).mean())
        for level, tail in LEVELS.items():
            low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
            hits[f"{name}/{level}"] = (low <= truth) & (truth <= high)
    table = {gate.name: gate.figure for gate in gates.table(tree)}
    return figures | {"gates": table, "processor_seconds": round(seconds, 1)}, hits


def true_level(t: Truth) -> np.ndarray:
    """(store, item) the level as the model means it: shared shocks and drift are measured from their own mean."""
    weekday = (np.datetime64(t.settings.first, "D") + np.arange(t.settings.days)).astype(int) + 3
    known = t.elasticity[:, None] * np.log(t.price / t.reference[:, None]) + t.lift[:, None] * t.promotion
    known = known + (t.weekday[:, weekday % 7] + t.holiday_effect[:, None] * t.holiday)[t.category]
    # seasons are sines and cosines: nothing is left of them over whole years
    return t.base + (t.line - known).mean(axis=1) + t.place.mean(axis=1)[:, None]


def means(posterior: xr.Dataset, arrays: Data) -> np.ndarray:
    """(store, item, day) expected demand, a mean over draws; single store-days by their spread alone."""
    chosen = posterior.isel(draw=np.linspace(0, posterior.sizes["draw"] - 1, MEANS_OF).astype(int))
    stores, _, days = arrays.weight.shape

    with jax.enable_x64(True):
        device = jax.tree.map(jnp.asarray, arrays)
        values = {str(name): jnp.asarray(x.values) for name, x in chosen.data_vars.items()}

        @jax.jit
        def total(values: Any, given: Data) -> Any:
            def add(sum_: Any, own: Any) -> Any:
                own = own | {"store_day": jnp.zeros((stores, days))}
                with handlers.seed(rng_seed=0), handlers.substitute(data=own):
                    log_mean, of_item = model.parameters(given)
                stays = jax.nn.sigmoid(-of_item["zero_logit"])[:, None] * jnp.exp(0.5 * own["s_store_day"] ** 2)
                return sum_ + stays * jnp.exp(log_mean.cells()), None

            return lax.scan(add, jnp.zeros(given.weight.shape), values)[0]

        return np.asarray(total(values, device)) / MEANS_OF


def study(settings: Settings, seeds: int, steps: int, ways: tuple[str, ...] = WAYS) -> dict[str, Any]:
    """Figures by way: means over seeds, coverage pooled over seeds and items, and what misses its limit."""
    found: dict[str, Any] = {"settings": dataclasses.asdict(settings), "seeds": seeds, "steps": steps}
    for way in ways:
        parts = []
        for seed in range(seeds if way == "censored" else 1):
            parts.append(one(draw(settings, seed), way, seed, steps))
            shares = {key: round(float(np.mean(hit)), 3) for key, hit in parts[-1][1].items()}
            print(json.dumps({"way": way, "seed": seed, **parts[-1][0], **shares}), file=sys.stderr, flush=True)
        names = [name for name, x in parts[0][0].items() if isinstance(x, float) and name != "processor_seconds"]
        figures = {name: float(np.mean([p[name] for p, _ in parts])) for name in names}
        coverage = {key: float(np.mean(np.concatenate([np.ravel(h[key]) for _, h in parts]))) for key in parts[0][1]}
        pooled = {level: float(np.mean([x for key, x in coverage.items() if key.endswith(f"/{level}")]))
                  for level in LEVELS}  # fmt: skip
        off = {name: abs(figures[name]) for name in ("demand", "promotion_demand", "elasticity")}
        off |= {str(level): abs(100 * share - level) for level, share in pooled.items()}
        found[way] = {
            "figures": figures, "coverage": coverage, "pooled": pooled,
            "missed": {name: value for name, value in off.items() if value > LIMITS[name]},
            "gates": [p["gates"] for p, _ in parts],
            "processor_seconds": [p["processor_seconds"] for p, _ in parts],
        }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="calibration.studies.demand", description=__doc__)
    parser.add_argument("--stores", type=int, default=10)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--shocks", type=float, default=0.05, help="standard deviation of each shared shock")
    parser.add_argument("--substitution", type=float, default=0.0)
    parser.add_argument("--unflagged", type=float, default=0.0)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--out", type=Path)
    o = parser.parse_args()
    settings = Settings(
        stores=o.stores, items=o.items, days=o.days, substitution=o.substitution, unflagged=o.unflagged,
        company_week=o.shocks, category_week=o.shocks, store_day=o.shocks, drift=o.shocks / 10,
    )  # fmt: skip
    found = study(settings, o.seeds, o.steps, tuple(o.ways.split(",")))
    publish(found, o.out)


if __name__ == "__main__":
    main()
