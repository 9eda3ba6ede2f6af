"""From order lines to the twin: a record a shipment, a family for each lane, the posterior, tables by draw."""

from collections.abc import Sequence
from datetime import date
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from calibration.inference import fit
from calibration.inference.fit import Engine
from calibration.inference.gates import of_influence, of_priors, with_gates
from calibration.inference.problem import Model
from calibration.inference.sensitivity import log_prior
from calibration.inference.svi import STEPS
from calibration.lead_times.choice import families_of_lanes, left_out
from calibration.lead_times.forecast import cdf, day_table, quantile
from calibration.lead_times.laws import laws_of_lanes, laws_of_orders, sizes_of
from calibration.lead_times.model import LeadTime, lead_time_model
from calibration.lead_times.orders import ROUNDING, OrderBook, Orders, order_book
from twin.assembly.structure import LaneId, lane_name
from twin.results import labels

QUICK = 400  # draws from which a family is chosen
LATE = 0.95
LEAST_WITHIN = 0.99  # share of a lane's shipments that must fit the longest lead time of the twin


class TooLong(Exception):
    """A lane takes longer, by its history, than the twin's tables reach."""


def shipments(lines: pd.DataFrame) -> pd.DataFrame:
    """One row a shipment: what a node orders from a source on a day travels together, and is one observation.

    lines: as `order_book` takes them.
    """
    dates = [name for name in ("received", "cancelled", "status") if name in lines]
    by = ["source", "node", "ordered", *dates]
    found = lines.groupby(by, dropna=False, sort=True)[["ordered_units", "received_units"]].sum().reset_index()
    order = found.groupby(["source", "node", "ordered"]).ngroup().astype(str)
    return found.assign(order_id=order, product="all")


def book_of(lines: pd.DataFrame, until: date) -> OrderBook:
    """What is known of the shipments at the opening of a day. Raises ValueError where nothing was ordered by then."""
    return order_book(shipments(lines), pd.Timestamp(until) - pd.Timedelta(days=1))


def fitted(
    orders: Orders, book: OrderBook, family: int | np.ndarray, engine: Engine, seed: int, draws: int = 500,
    steps: int = STEPS,
) -> xr.DataTree:  # fmt: skip
    """The posterior. orders: those of the book, or what a wrong likelihood makes of them; family: of orders, or one."""
    names = {"supplier": list(book.suppliers), "lane": [lane_name(lane) for lane in book.lanes]}
    model = _model(book, family, engine)
    return fit(model, orders, engine=engine, coords=names, draws=draws, warm_up=500, steps=steps, seed=seed)


def _model(book: OrderBook, family: int | np.ndarray, engine: Engine) -> Model:
    return partial(lead_time_model, sizes=sizes_of(book), family=family, centred=engine != "nuts")


def family_of_each_lane(book: OrderBook, seed: int, steps: int = STEPS) -> np.ndarray:
    """(lane,) by leave-one-out densities of quick fits, one family for all at a time."""
    orders, elpd = book.orders, []
    for family in range(3):
        tree = fitted(orders, book, family, "laplace", seed, QUICK, steps)
        elpd.append(left_out(_densities(tree, book, family))[0])
    return families_of_lanes(np.stack(elpd), np.asarray(orders.lane), np.asarray(orders.weight), len(book.lanes))


def _densities(tree: xr.DataTree, book: OrderBook, family: int | np.ndarray) -> np.ndarray:
    """(draw, order) log densities of what is known of each order."""
    mean, shape = laws_of_orders(tree, book.orders, sizes_of(book))
    interval = jnp.stack([book.orders.lower, book.orders.upper], axis=-1)
    return np.asarray(LeadTime(mean, shape, family).log_prob(interval))


def calibrated(
    lines: pd.DataFrame, until: date, lanes: Sequence[LaneId | None], known: np.ndarray, *, engine: Engine, draws: int,
    steps: int, seed: int,
) -> tuple[xr.DataTree, xr.Dataset]:  # fmt: skip
    """The fit, and `twin.exogenous.Params.lead_cdf` and `lead_capped` by draw.

    lanes: of the twin; known: (lane, lead_day) the tables' own distribution functions over days 1, 2, .., which lanes
    without a shipment keep; the fit has them as constant_data, to stand beside what was found. Gates say how far the
    prior decides the mean and the 95th percentile of all lanes, and whether single orders decide too much. Raises
    TooLong with every lane and its share, ValueError where nothing was ordered, NoMode.
    """
    with jax.enable_x64(True):
        book = book_of(lines, until)
        family = family_of_each_lane(book, seed, steps)
        of_orders = family[np.asarray(book.orders.lane)]
        tree = fitted(book.orders, book, of_orders, engine, seed, draws, steps)
        mean, shape = laws_of_lanes(tree, sizes_of(book))
        priors = log_prior(_model(book, of_orders, engine), book.orders, tree)
        _, khat = left_out(_densities(tree, book, of_orders))
    days = {"mean lead time": mean, "95th percentile of lead times": quantile(LATE, mean, shape, family)}
    decisive = of_priors({name: x.mean(axis=1) for name, x in days.items()}, priors)
    with_gates(tree, [*decisive, *of_influence(khat, len(mean), "orders")])
    longest = known.shape[1]
    names = [lane_name(lane) for lane in lanes]
    seen = [lane for lane in book.lanes if lane in lanes]
    places, of = [lanes.index(lane) for lane in seen], [book.lanes.index(lane) for lane in seen]
    mean, shape, family = mean[:, of], shape[:, of], family[of]
    table = np.repeat(known[None], len(mean), axis=0)
    table[:, places] = day_table(mean, shape, family, longest, book.rounding)
    within = np.ones(table.shape[:2])
    within[:, places] = cdf(longest + ROUNDING[book.rounding], mean, shape, family)
    late = [f"{names[place]}: {1 - share:.1%} of shipments"
            for place, share in enumerate(within.mean(axis=0)) if share < LEAST_WITHIN]  # fmt: skip
    if late:
        raise TooLong(f"take longer than {longest} days, the longest lead time of any lane in the tables: "
                      f"{'; '.join(late)}. Give such a lane a lead_time_max in the table lanes")  # fmt: skip
    tree["constant_data"] = xr.DataTree(
        xr.Dataset({"lead_cdf": (("lane", "lead_day"), known)}, {"lane": labels(names)})
    )
    return tree, xr.Dataset(
        {"lead_cdf": (("draw", "lane", "lead_day"), table), "lead_capped": (("draw", "lane"), within)},
        {"lane": labels(names)},
    )
