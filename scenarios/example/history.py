"""The example's daily history as its systems recorded it, and the truth beside it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from scenarios.example import seasons
from scenarios.example.trading import Network, Trade
from scenarios.example.truth import FACTORS, Truth

_WHOLE = ("on_hand_close", "received_units")  # whole numbers with gaps, which pandas holds as floats
UNFLAGGED = 0.5  # share of the sold-out days whose closing stock is missing, where switched on; judgement


def _dates(truth: Truth, days: int) -> pd.DatetimeIndex:
    return pd.date_range(seasons.START - timedelta(days), periods=days)


def _names(names: list[str], codes: np.ndarray) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, names)


def sales(truth: Truth, net: Network, trade: Trade, days: int, seed: int, unflagged: bool) -> pd.DataFrame:
    """One row a day, store and line, in this order."""
    when = slice(truth.history - days, truth.history)
    on_hand = trade.on_hand[when, len(net.dcs) :].copy()
    if unflagged:
        rng = np.random.default_rng([seed, 6])
        on_hand[(on_hand == 0) & (rng.random(on_hand.shape) < UNFLAGGED)] = np.nan
    day, store, line = (x.ravel() for x in np.indices(on_hand.shape))
    return pd.DataFrame(
        {
            "date": _dates(truth, days)[day],
            "node": _names(truth.stores, store),
            "product": _names([x.name for x in truth.lines], line),
            "units": trade.sold[when].ravel().astype(np.int64),
            "price": truth.price()[when][day, line],
            "promotion": truth.promoted()[when][day, line],
            "on_hand_close": on_hand.ravel(),
            "returns": trade.returned[when].ravel().astype(np.int64),
        }
    )


def receipts(truth: Truth, net: Network, trade: Trade, days: int) -> pd.DataFrame:
    """Order lines from the dcs to suppliers; those that had not come by the end of the history are open."""
    h = truth.history
    day, dc, line = np.nonzero(trade.ordered[h - days : h])
    day = day + h - days
    units, arrives = trade.ordered[day, dc, line], trade.arrives[day, dc, line]
    came = arrives < h
    first = pd.Timestamp(seasons.START) - pd.Timedelta(days=h)
    dates = first + pd.to_timedelta(arrives, unit="D")
    suppliers = [s.name for s in truth.suppliers]
    source = np.array([suppliers.index(x.supplier) for x in truth.lines])[line]
    return pd.DataFrame(
        {
            "order_id": [f"po-{n:06}" for n in range(1, len(day) + 1)],
            "source": _names(suppliers, source),
            "node": _names(net.dcs, dc),
            "product": _names([x.name for x in truth.lines], line),
            "ordered": first + pd.to_timedelta(day, unit="D"),
            "received": dates.where(came),
            "ordered_units": units.astype(np.int64),
            "received_units": np.where(came, units, np.nan),
        }
    )


def true_frames(truth: Truth, trade: Trade, days: int) -> dict[str, pd.DataFrame]:
    """True demand on the days when some was not met, true means, and the shared factors that were drawn."""
    when = slice(truth.history - days, truth.history)
    demand, sold, moved = trade.demand[when], trade.sold[when], trade.moved[when]
    day, store, line = np.nonzero((demand > sold) | (moved > 0))
    names = [x.name for x in truth.lines]
    at = (day, store, line)
    hidden = pd.DataFrame(
        {
            "date": _dates(truth, days)[day],
            "node": _names(truth.stores, store),
            "product": _names(names, line),
            "demand": demand[at].astype(np.int64),
            "sold": sold[at].astype(np.int64),
            "from_other_lines": moved[at].astype(np.int64),
        }
    )
    store, line = (x.ravel() for x in np.indices(truth.mean.shape))
    means = pd.DataFrame(
        {
            "node": _names(truth.stores, store),
            "product": _names(names, line),
            "mean_at_middle_price": truth.mean.round(4).ravel(),
            "size": truth.size[line],
            "zero_share": np.array([x.zero_share for x in truth.lines])[line],
        }
    )
    return {"demand": hidden, "means": means, "factors": _factors(truth, when, days)}


def _factors(truth: Truth, when: slice, days: int) -> pd.DataFrame:
    dates, parts = _dates(truth, days), []
    columns = {
        "company_year": (["company"], truth.company_year[when, None]),
        "company_week": (["company"], truth.company_week[when, None]),
        "category_week": ([c.name for c in truth.categories], truth.category_week[when]),
        "store_day": (truth.stores, truth.store_day[when]),
    }
    for factor in FACTORS:
        places, values = columns[factor]
        day, place = (x.ravel() for x in np.indices(values.shape))
        parts.append(
            pd.DataFrame(
                {
                    "factor": factor,
                    "place": np.array(places, object)[place],
                    "date": dates[day],
                    "value": values.round(6).ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def write_history(sales: pd.DataFrame, receipts: pd.DataFrame, folder: Path) -> None:
    folder.mkdir()
    for name, frame in (("sales", sales), ("receipts", receipts)):
        _write_csv(frame, folder / f"{name}.csv")


def write_truth(parameters: dict[str, Any], frames: dict[str, pd.DataFrame], folder: Path) -> None:
    folder.mkdir()
    text = json.dumps(parameters, indent=1, ensure_ascii=False)
    (folder / "parameters.json").write_text(text + "\n", encoding="utf-8")
    for name, frame in frames.items():
        _write_csv(frame, folder / f"{name}.csv")


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Dates as ISO days, yes and no in words, whole numbers without a point; nothing here needs quotes."""
    columns = {}
    for name, values in frame.items():
        if values.dtype.kind == "M":
            columns[name] = pa.array(values.to_numpy("datetime64[D]"), pa.date32(), from_pandas=True)
        elif values.dtype.kind == "b":
            columns[name] = pa.array(np.where(values, "yes", "no"))
        elif name in _WHOLE:
            columns[name] = pa.array(values, pa.int64(), from_pandas=True)
        elif isinstance(values.dtype, pd.CategoricalDtype):
            columns[name] = pa.array(values).cast(pa.string())
        else:
            columns[name] = pa.array(values)
    with open(path, "wb") as stream:
        stream.write((",".join(columns) + "\n").encode())  # Arrow would put quotes round the headings
        csv.write_csv(pa.table(columns), stream, csv.WriteOptions(include_header=False, quoting_style="none"))
