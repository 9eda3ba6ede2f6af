"""Real lead times as of the past: SCMS deliveries (vendor, country, mode), fitted as known then, judged by what came.

    python -m calibration.studies.scms FOLDER [--out FILE]

The folder holds scms_deliveries.csv with dates of orders and deliveries. On each as-of day the orders placed until then
are known as they were that day, open ones open. The cohort is what was placed in the 540 days before; its mean as
fitted is set beside what the same orders took in the end. Only delivered lines exist in the file, so no as-of day is
taken within 540 days of its end: later ones would look short.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
from scoringrules import crps_ensemble

from calibration.backtest import scores
from calibration.inference import gates
from calibration.inference.fit import Engine
from calibration.lead_times import families, forecast
from calibration.lead_times.fitting import family_of_each_lane, fitted
from calibration.lead_times.laws import laws_of_orders, sizes_of
from calibration.lead_times.orders import Orders, closed_only, order_book
from calibration.studies import publish

FILE = "scms_deliveries.csv"
COHORT = 540  # days before the as-of day in which an order of the cohort was placed
LEAST_ORDERS, LEAST_OPEN = 100, 20  # fewer say nothing about a bias of 5 %
KEY = ["vendor", "country", "shipment_mode", "po_sent_to_vendor_date_iso", "delivered_to_client_date_iso"]


def lines(folder: Path) -> pd.DataFrame:
    """Order lines, one a delivery: lines of one vendor, country, mode and pair of dates are one delivery."""
    raw = pd.read_csv(folder / FILE, parse_dates=KEY[3:])
    raw = raw[raw[KEY[3]].notna()].drop_duplicates(KEY)
    return pd.DataFrame({
        "order_id": raw["id"].astype(str), "product": "",
        "source": raw["vendor"], "node": raw["country"] + ", " + raw["shipment_mode"].fillna("mode unknown"),
        "ordered": raw[KEY[3]], "received": raw[KEY[4]], "ordered_units": 1.0, "received_units": 1.0,
    })  # fmt: skip


def as_of_days(orders: pd.DataFrame) -> Iterator[pd.Timestamp]:
    """The first of July of every year with enough orders, open ones, and time for them to come."""
    end = orders["received"].max() - pd.Timedelta(days=COHORT)
    for year in range(orders["ordered"].min().year + 1, end.year + 1):
        day = pd.Timestamp(year, 7, 1)
        placed = orders["ordered"].between(day - pd.Timedelta(days=COHORT - 1), day)
        open_ = placed & (orders["received"] > day)
        if day <= end and placed.sum() >= LEAST_ORDERS and open_.sum() >= LEAST_OPEN:
            yield day


def predicted(
    mean: np.ndarray, shape: np.ndarray, family: np.ndarray, orders: Orders, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(draw, order) lead times of orders as if placed anew on their day, and given what is known of the open ones."""
    u = rng.random(mean.shape)
    age = np.where(np.isinf(orders.upper), orders.lower, 0.0)
    anew = forecast.residual(u, np.zeros(1), mean, shape, family)
    return anew, forecast.residual(u, age, mean, shape, family)


def study(folder: Path, seed: int = 0, engine: Engine = "nuts") -> Iterator[dict[str, Any]]:
    """One row per as-of day and likelihood."""
    history = lines(folder)
    took = (history["received"] - history["ordered"]).dt.days
    for day in as_of_days(history):
        book = order_book(history, day)
        truth = took.loc[book.rows].to_numpy(float)
        recent = np.asarray(book.orders.day) > (day - book.first).days - COHORT
        cohort = recent & (truth >= 0)
        begun = time.process_time()
        family = family_of_each_lane(book, seed)
        for name, orders in (("censored", book.orders), ("closed only", closed_only(book.orders))):
            tree = fitted(orders, book, family[book.orders.lane], engine, seed)
            mean, shape = laws_of_orders(tree, book.orders, sizes_of(book))
            draws = predicted(mean, shape, family[book.orders.lane], book.orders, np.random.default_rng(seed))
            yield {
                "as_of": str(day.date()), "likelihood": name, "orders": len(truth),
                "families": {n: int((family == i).sum()) for i, n in enumerate(families.NAMES)},
                **judged(*draws, truth, cohort, np.isinf(book.orders.upper) & cohort),
                "gates failed": [f"{g.name} {g.figure:.3g}" for g in gates.table(tree) if not g.passed],
                "seconds": round(time.process_time() - begun, 1),
            }  # fmt: skip
            begun = time.process_time()


def judged(
    anew: np.ndarray, going_on: np.ndarray, truth: np.ndarray, cohort: np.ndarray, is_open: np.ndarray
) -> dict[str, Any]:
    """Figures of the cohort, in days, and of its open orders given their age."""
    seen, mine = truth[cohort], anew[:, cohort]
    rest = truth[is_open], going_on[:, is_open]
    return {
        "cohort": len(seen), "open": int(is_open.sum()),
        "mean": mine.mean(), "true mean": seen.mean(), "bias": mine.mean() / seen.mean() - 1,
        "mean 95": list(np.quantile(mine.mean(axis=1), [0.025, 0.975])),
        "p95": np.quantile(mine, 0.95), "true p95": np.quantile(seen, 0.95),
        "crps": float(crps_ensemble(seen, mine.T, backend="numpy").mean()), "cover 80": covered(mine, seen),
        "open mean": rest[1].mean(), "open true mean": rest[0].mean(), "open cover 80": covered(rest[1], rest[0]),
        "band 80": scores.band(len(seen), 0.8),
        "open band 80": scores.band(len(rest[0]), 0.8),
    }  # fmt: skip


def covered(draws: np.ndarray, seen: np.ndarray) -> float:
    """Share of cases inside the central 80 % of (draw, case) draws."""
    low, high = np.quantile(draws, [0.1, 0.9], axis=0)
    return float(((seen >= low) & (seen <= high)).mean())


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", choices=["nuts", "laplace"], default="nuts")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    rows = []
    with jax.enable_x64(True):
        for row in study(given.folder, engine=given.engine):
            rows.append(row)
            print(json.dumps(row, default=float), file=sys.stderr, flush=True)
    publish(rows, given.out)


if __name__ == "__main__":
    main(sys.argv[1:])
