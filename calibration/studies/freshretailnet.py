"""Demand behind empty shelves of real stores: hide hours that were in stock, recover their demand (FreshRetailNet-50K).

    python -m calibration.studies.freshretailnet FOLDER [--series 400] [--out FILE]

The folder holds hourly.parquet (arXiv 2505.16319): sales of a store, product and day by hour, and a bit for every hour
out of stock. Sales of hours in stock are demand; a day's exposure is the share of its usual demand that falls into
them. Hidden are single hours in stock, or all hours in stock of a day, picked by lot and not by what was sold: days
picked because they never ran out are days of low demand, and "recovering" their mean would be wrong by that choice.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
from scipy import stats

from calibration.backtest.scores import band
from calibration.draws import draws_of
from calibration.inference import fit, gates
from calibration.inference.laplace import Blocks
from calibration.studies import publish

HOURS = np.arange(6, 22)
GRID = 10.0  # stored hundredths to the grid of the sales, 0.1
HIDDEN = {"hours": 0.1, "days": 0.15}  # share of the hours in stock, or of the days, that is hidden
APART = 0.1  # share of the seen hours
TINY = 1e-6


class Cells(NamedTuple):
    """Days of one store and product each; axis (cell,)."""

    sold: np.ndarray  # in the seen hours in stock, in 0.1
    exposure: np.ndarray  # share of the day's usual demand that falls into them
    series: np.ndarray  # int32
    weekday: np.ndarray  # int32
    week: np.ndarray  # int32
    cut: np.ndarray  # log of price over usual price
    activity: np.ndarray
    holiday: np.ndarray


class Hourly(NamedTuple):
    """(day of a series, hour) sales in 0.1 and whether out of stock, and the rows they belong to."""

    sold: np.ndarray
    out: np.ndarray
    rows: pd.DataFrame
    series: np.ndarray  # (day of a series,) int32


def read(folder: Path, most: int, seed: int) -> Hourly:
    """At most so many series, by lot."""
    rows = pd.read_parquet(folder / "hourly.parquet")
    number = rows.groupby(["store_id", "product_id"], sort=True).ngroup().to_numpy()
    kept = np.random.default_rng(seed).permutation(number.max() + 1)[:most]
    rows = rows[np.isin(number, kept)].reset_index(drop=True)
    series = rows.groupby(["store_id", "product_id"], sort=True).ngroup().to_numpy(np.int32)
    sold = rows[[f"s{hour:02}" for hour in HOURS]].to_numpy(float) / GRID
    out = (rows["stockout_mask"].to_numpy()[:, None] >> HOURS) & 1
    return Hourly(sold, out.astype(bool), rows, series)


def profile(hourly: Hourly, seen: np.ndarray) -> np.ndarray:
    """(hour,) share of a day's demand, from seen hours: maximum likelihood of Poisson rates series x hour."""
    share = np.full(len(HOURS), 1 / len(HOURS))
    sold = np.where(seen, hourly.sold, 0.0)
    for _ in range(30):
        rate = np.bincount(hourly.series, sold.sum(1)) / np.maximum(np.bincount(hourly.series, seen @ share), TINY)
        share = sold.sum(0) / np.maximum(rate[hourly.series] @ seen, TINY)
        share /= share.sum()
    return share


def hidden_cells(hourly: Hourly, how: str, seed: int) -> np.ndarray:
    """(day of a series, hour) bool, in stock and hidden."""
    lot = np.random.default_rng(seed).random(hourly.out.shape)
    return (lot < HIDDEN[how] if how == "hours" else lot[:, :1] < HIDDEN[how]) & ~hourly.out


def cells(hourly: Hourly, seen: np.ndarray, share: np.ndarray) -> Cells:
    date = pd.to_datetime(hourly.rows["dt"])
    return Cells(
        sold=np.where(seen, np.round(hourly.sold), 0.0).sum(1),
        exposure=seen @ share,
        series=hourly.series,
        weekday=date.dt.day_of_week.to_numpy(np.int32),
        week=((date - date.min()).dt.days // 7).to_numpy(np.int32),
        cut=np.log(hourly.rows["discount"].to_numpy(float).clip(0.1)),
        activity=hourly.rows["activity_flag"].to_numpy(float),
        holiday=hourly.rows["holiday_flag"].to_numpy(float),
    )


def mean_of_a_day(sites: dict[str, Any], c: Cells) -> Any:
    """(.., cell) mean demand of a whole day in 0.1, from values of the sites."""
    log = sites["level"][..., c.series] + sites["weekday"][..., c.weekday] + sites["week"][..., c.week]
    effects = sites["effects"]
    return jnp.exp(log + effects[..., 0:1] * c.cut + effects[..., 1:2] * c.activity + effects[..., 2:3] * c.holiday)


def size_of(sites: dict[str, Any], c: Cells, exposure: Any) -> Any:
    """(.., cell) size of the count law of a part of a day: hours share a day's luck (power 0), or do not (power 1)."""
    law = sites["size"][..., None, :]
    level = sites["level"][..., c.series]
    return jnp.exp(law[..., 0] + law[..., 1] * level + law[..., 2] * jnp.log(jnp.maximum(exposure, TINY)))


def model(c: Cells, series: int, weeks: int) -> None:
    """Negative binomial sales of the seen hours in stock; series pooled in level, dispersion a law of the level."""
    spread = {"infer": {"variance": True}}
    centre = numpyro.sample("centre", dist.Normal(1.0, 2.0))
    level_sd = numpyro.sample("level_sd", dist.HalfNormal(1.5), **spread)
    week_sd = numpyro.sample("week_sd", dist.HalfNormal(0.2), **spread)
    sites = {
        "size": numpyro.sample("size", dist.Normal(jnp.array([1.0, 0.3, 0.5]), 0.5).to_event(1)),
        "effects": numpyro.sample("effects", dist.Normal(jnp.array([-1.5, 0.3, 0.1]), 1.0).to_event(1)),
        "weekday": numpyro.sample("weekday", dist.Normal(0.0, 0.3).expand([7]).to_event(1)),
        "week": numpyro.sample("week", dist.Normal(0.0, week_sd).expand([weeks]).to_event(1)),
    }
    with numpyro.plate("series", series):
        sites["level"] = numpyro.sample("level", dist.Normal(centre, level_sd))
    exposed = c.exposure > TINY
    mean = mean_of_a_day(sites, c) * jnp.where(exposed, c.exposure, 1.0)
    size = size_of(sites, c, jnp.where(exposed, c.exposure, 1.0))
    cell = dist.NegativeBinomial2(mean, size).log_prob(c.sold)
    # one axis per series, so that blocks of Laplace find what is theirs
    by_series = jnp.zeros(series, cell.dtype).at[c.series].add(jnp.where(exposed, cell, 0.0))
    with numpyro.plate("series", series):
        numpyro.factor("sold", by_series)


def study(folder: Path, most: int, seed: int = 0) -> list[dict[str, Any]]:
    """One row per way of hiding."""
    hourly = read(folder, most, seed)
    series = int(hourly.series.max()) + 1
    rows = []
    for how in HIDDEN:
        hidden = hidden_cells(hourly, how, seed + 1)
        seen = ~hourly.out & ~hidden
        share = profile(hourly, seen)
        c = cells(hourly, seen, share)
        # some hours of each day stand apart: how a part's luck goes with its size is seen in small parts too
        apart = np.random.default_rng(seed + 2).random(seen.shape) < APART
        parts = (cells(hourly, seen & some, share) for some in (apart, ~apart))
        split = Cells(*(np.concatenate(x) for x in zip(*parts, strict=True)))
        blocks = Blocks("series", "none", np.zeros(series, int))
        tree = fit(partial(model, series=series, weeks=int(c.week.max()) + 1), split, engine="laplace", blocks=blocks,
                   draws=1000, seed=seed)  # fmt: skip
        sites = {name: jnp.asarray(x) for name, x in draws_of(tree).items()}
        part = hidden @ share
        asked = part > TINY
        mine = Cells(*(x[asked] for x in c))
        mean, size = given_the_seen_hours(sites, mine, part[asked])
        truth = np.where(hidden, np.round(hourly.sold), 0.0).sum(1)[asked]
        rows.append({
            "hidden": how, "series": series, "cells": int(asked.sum()), "share hidden": float(hidden.mean()),
            "share out of stock": float(hourly.out.mean()),
            **recovered(mean, size, truth, mine.series, np.random.default_rng(seed)),
            "gates failed": [f"{g.name} {g.figure:.3g}" for g in gates.table(tree) if not g.passed],
        })  # fmt: skip
    return rows


def given_the_seen_hours(sites: dict[str, Any], c: Cells, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(draw, cell) mean and size of the count of the hidden part of a day whose other hours are seen.

    The law of size says how luck varies with the part of a day, and so how the luck of two parts goes together: that of
    both at once has the variance of the law too. What was sold in the one tells of the other by the best linear rule
    (Bayes linear; Goldstein & Wooff 2007, sec. 3.1). A day of which nothing is seen keeps the law as it is.
    """
    seen = np.maximum(c.exposure, TINY)
    whole = np.asarray(mean_of_a_day(sites, c))
    alone, hidden, both = (1 / np.asarray(size_of(sites, c, e)) for e in (seen, part, seen + part))
    together = np.maximum(((seen + part) ** 2 * both - seen**2 * alone - part**2 * hidden) / (2 * seen * part), 0.0)
    gain = np.where(c.exposure > TINY, together / (alone + 1 / (whole * seen)), 0.0)
    luck = np.maximum(1 + gain * (c.sold / (whole * seen) - 1), TINY)
    return whole * part * luck, luck**2 / np.maximum(hidden - gain * together, TINY)


def recovered(
    mean: np.ndarray, size: np.ndarray, truth: np.ndarray, series: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    """Bias of the total with its 95 % interval over resampled series, and coverage by randomised PIT with its band.

    mean, size: (draw, cell); truth: (cell,).
    """
    by_series = np.stack([np.bincount(series, x, series.max() + 1) for x in (mean.mean(0), truth)])
    lots = rng.integers(0, by_series.shape[1], (2000, by_series.shape[1]))
    resampled = by_series[:, lots].sum(axis=2)
    law = stats.nbinom(size, size / (size + mean))
    below, at = law.cdf(truth - 1).mean(0), law.cdf(truth).mean(0)
    pit = below + rng.random(len(truth)) * (at - below)
    found: dict[str, Any] = {
        "true": float(truth.sum()), "bias": float(by_series[0].sum() / by_series[1].sum() - 1),
        "bias 95": [float(x) for x in np.quantile(resampled[0] / resampled[1] - 1, [0.025, 0.975])],
    }  # fmt: skip
    for share in (0.5, 0.8, 0.95):
        found[f"cover {share:.0%}"] = float((np.abs(pit - 0.5) <= share / 2).mean())
        found[f"band {share:.0%}"] = band(len(truth), share)
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--series", type=int, default=400)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    with jax.enable_x64(True):
        rows = study(given.folder, given.series)
    publish(rows, given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
