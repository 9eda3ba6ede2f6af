"""Weekly demand of real stores with price and promotion, four weeks ahead, rolling (dunnhumby Breakfast at the Frat).

    python -m calibration.studies.frat FOLDER [--stores 10] [--origins 3] [--out FILE]

The folder holds weekly.parquet. Negative binomial sales of every store and product: a level that drifts by the quarter,
annual season by category of drift, elasticity, feature, display and price cut by product, pooled; prices and promotions
of the coming weeks are planned and known. Beside it AutoETS, LightGBM's quantile regression on the same covariates, and
the histogram of the last half year (extra `baselines`). A missing week is not a zero: it is left out everywhere.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

from calibration.backtest.scores import band
from calibration.draws import draws_of
from calibration.inference import fit, gates
from calibration.inference.laplace import Blocks
from calibration.studies import frat_baselines, publish
from calibration.studies.frat_baselines import AHEAD, LEVELS, Weeks

LEAST_SEEN = 0.9  # share of the weeks before the origin that a series must have
QUARTER = 13  # weeks
FINE = np.arange(1, 40) / 40  # levels at which pinball losses are averaged to a CRPS


class Cells(NamedTuple):
    """Weeks seen; axis (cell,)."""

    sold: Any  # units
    series: Any
    product: Any
    back: Any  # quarters before the origin, 0 is the last
    season: Any  # (cell, 4) two harmonics of the year
    drivers: Any  # (cell, 4) log price / base price, feature, display, log base price against its mean


def weeks(folder: Path, stores: int, seed: int) -> Weeks:
    """So many stores by lot."""
    rows = pd.read_parquet(folder / "weekly.parquet")
    names = np.sort(rows["store_id"].unique())
    kept = np.random.default_rng(seed).permutation(names)[:stores]
    rows = rows[rows["store_id"].isin(kept) & (rows["price"] > 0) & (rows["base_price"] > 0)]
    week = pd.to_datetime(rows["week_end_date"])
    key = pd.MultiIndex.from_frame(rows[["store_id", "upc_id"]])
    codes, pairs = pd.factorize(key, sort=True)
    at = codes, ((week - week.min()).dt.days // 7).to_numpy()
    shape = len(pairs), int(at[1].max()) + 1

    def table(values: Any) -> np.ndarray:
        found = np.full(shape, np.nan)
        found[at] = values
        return found

    base = table(rows["base_price"])
    drivers = np.stack(
        [
            table(np.log(rows["price"] / rows["base_price"]).clip(-1, 0.2)),
            table(rows["feature"]), table(rows["display"]), np.log(base / np.nanmean(base, axis=1, keepdims=True)),
        ], axis=-1,
    )  # fmt: skip
    of_year = (week.min() + pd.to_timedelta(7 * np.arange(shape[1]), unit="D")).day_of_year.to_numpy()
    product = pd.factorize(pairs.get_level_values(1), sort=True)[0]
    store = pd.factorize(pairs.get_level_values(0), sort=True)[0]
    return Weeks(table(rows["units"]), drivers, of_year, product, store)


def log_mean(sites: dict[str, Any], c: Cells) -> Any:
    """(.., cell) from values of the sites."""
    now = jnp.zeros_like(sites["step"][..., :1])
    walk = -jnp.concatenate([now, jnp.cumsum(sites["step"], axis=-1)], axis=-1) * sites["step_sd"][..., None, None]
    level = sites["level"][..., c.series] + walk[..., c.series, c.back]
    effect = (sites["effect"][..., c.product, :] * c.drivers).sum(-1)
    return level + effect + (sites["season"][..., c.product, :] * c.season).sum(-1)


def model(c: Cells, series: int, products: int, quarters: int) -> None:
    spread = {"infer": {"variance": True}}
    means = numpyro.sample("means", dist.Normal(jnp.array([-2.0, 0.3, 0.3, -1.0]), 1.0).to_event(1))
    sds = numpyro.sample("sds", dist.HalfNormal(0.75).expand([4]).to_event(1), **spread)
    level_mean = numpyro.sample("level_mean", dist.Normal(2.0, 2.0))
    level_sd = numpyro.sample("level_sd", dist.HalfNormal(1.5), **spread)
    season_sd = numpyro.sample("season_sd", dist.HalfNormal(0.2), **spread)
    size_mean = numpyro.sample("size_mean", dist.Normal(1.5, 1.0))
    size_sd = numpyro.sample("size_sd", dist.HalfNormal(1.0), **spread)
    sites: dict[str, Any] = {"step_sd": numpyro.sample("step_sd", dist.HalfNormal(0.2), **spread)}
    with numpyro.plate("product", products):
        sites["effect"] = numpyro.sample("effect", dist.Normal(means, sds).to_event(1))
        sites["season"] = numpyro.sample("season", dist.Normal(jnp.zeros(4), season_sd).to_event(1))
        log_size = numpyro.sample("log_size", dist.Normal(size_mean, size_sd))
    with numpyro.plate("series", series):
        sites["level"] = numpyro.sample("level", dist.Normal(level_mean, level_sd))
        sites["step"] = numpyro.sample("step", dist.Normal(jnp.zeros(quarters - 1), 1.0).to_event(1))
    law = dist.NegativeBinomial2(jnp.exp(log_mean(sites, c)), jnp.exp(log_size[c.product]))
    # one axis per series, so that blocks of Laplace find what is theirs
    by_series = jnp.zeros(series, law.mean.dtype).at[c.series].add(law.log_prob(c.sold))
    with numpyro.plate("series", series):
        numpyro.factor("sold", by_series)


def cells(w: Weeks, chosen: np.ndarray, week: np.ndarray, origin: int, fitted: np.ndarray) -> Cells:
    """Cells of pairs (series, week). fitted: the series of the fit, sorted; some may have no week ahead."""
    back = np.maximum(origin - week, 0) // QUARTER
    angle = 2 * np.pi * w.of_year[week] / 365.25
    season = np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], axis=-1)
    return Cells(
        w.units[chosen, week], np.searchsorted(fitted, chosen), w.product[chosen], back, season, w.drivers[chosen, week]
    )


def forecast(w: Weeks, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], origin: int,
             seed: int) -> tuple[np.ndarray, list[str]]:  # fmt: skip
    """((draw, test cell) units, gates that failed)."""
    names = np.unique(train[0])
    c = cells(w, *train, origin, names)
    series, products, quarters = int(c.series.max()) + 1, int(w.product.max()) + 1, int(c.back.max()) + 1
    blocks = Blocks("series", "product", w.product[names])
    tree = fit(partial(model, series=series, products=products, quarters=quarters), c, engine="laplace", blocks=blocks,
               draws=400, seed=seed)  # fmt: skip
    sites = {name: jnp.asarray(x) for name, x in draws_of(tree).items()}
    ahead = cells(w, *test, origin, names)
    rng = np.random.default_rng(seed)
    # the level goes on walking: from the middle of the last quarter to the week ahead
    steps = (QUARTER / 2 + test[1] - origin) / QUARTER
    log = np.asarray(log_mean(sites, ahead))
    drift = np.asarray(sites["step_sd"])[:, None] * np.sqrt(steps) * rng.standard_normal(log.shape)
    mean = np.exp(log + drift)
    size = np.exp(np.asarray(sites["log_size"])[:, ahead.product])
    drawn = rng.poisson(rng.gamma(size, mean / size, (5, *mean.shape))).reshape(-1, mean.shape[1])
    return drawn, [f"{g.name} {g.figure:.3g}" for g in gates.table(tree) if not g.passed]


def study(folder: Path, stores: int, origins: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """One row per origin; figures by model: scaled pinball, CRPS, coverage; ratios to ours with 95 % intervals."""
    w = weeks(folder, stores, seed)
    count = w.units.shape[1]
    for origin in range(count - 1 - AHEAD * origins, count - 1, AHEAD):
        seen = np.isfinite(w.units)
        first = seen[:, : origin + 1].mean(axis=1) >= LEAST_SEEN
        series, week = np.nonzero(seen & first[:, None])
        train, test = (
            (series[mine], week[mine]) for mine in (week <= origin, (week > origin) & (week <= origin + AHEAD))
        )
        drawn, failed = forecast(w, train, test, origin, seed)
        quantiles = {"ours": np.quantile(drawn, FINE, axis=0)}
        quantiles |= frat_baselines.quantiles(w, first, test, origin, FINE)
        change = np.nanmean(np.abs(np.diff(w.units[:, : origin + 1], axis=1)), axis=1)[test[0]]
        yield {
            "origin": origin, "series": int(first.sum()), "cells": len(test[0]), "gates failed": failed,
            **scored(quantiles, w.units[test], change, test[0], np.random.default_rng(seed)),
            "cover": covered(drawn, w.units[test], np.random.default_rng(seed)),
        }  # fmt: skip


def scored(
    quantiles: dict[str, np.ndarray], seen: np.ndarray, scale: np.ndarray, series: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    """Mean pinball over the M5 levels and CRPS (twice the mean pinball over FINE), by the series' mean change."""
    of = np.unique(series, return_inverse=True)[1]
    lots = rng.integers(0, of.max() + 1, (2000, of.max() + 1))
    found: dict[str, Any] = {}
    by_series = {}
    for name, q in quantiles.items():
        at_levels = np.stack([np.interp(LEVELS, FINE, column) for column in q.T], axis=1)
        spl = pinball(at_levels, seen, LEVELS).mean(axis=0) / scale
        crps = 2 * pinball(q, seen, FINE).mean(axis=0) / scale
        by_series[name] = np.bincount(of, spl) / np.bincount(of)
        found[name] = {"scaled pinball": float(spl.mean()), "scaled CRPS": float(crps.mean())}
    for name in set(quantiles) - {"ours"}:
        ratio = by_series["ours"][lots].sum(axis=1) / by_series[name][lots].sum(axis=1)
        found[name]["ours / it"] = [float(x) for x in (np.median(ratio), *np.quantile(ratio, [0.025, 0.975]))]
    return found


def pinball(quantile: np.ndarray, seen: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(level, cell) loss of Koenker and Bassett (1978)."""
    miss = seen - quantile
    return np.maximum(levels[:, None] * miss, (levels[:, None] - 1) * miss)


def covered(drawn: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> dict[str, list[float]]:
    """Coverage by randomised PIT of the central 50, 80 and 95 %, each with the binomial 99.9 % band."""
    pit = (drawn < seen).mean(axis=0) + rng.random(len(seen)) * (drawn == seen).mean(axis=0)
    return {
        f"{share:.0%}": [float((np.abs(pit - 0.5) <= share / 2).mean()), *band(len(seen), share)]
        for share in (0.5, 0.8, 0.95)
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stores", type=int, default=10)
    parser.add_argument("--origins", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    rows = []
    with jax.enable_x64(True):
        for row in study(given.folder, given.stores, given.origins):
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    publish(rows, given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
