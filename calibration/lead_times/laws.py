"""Laws of lanes and orders out of a fit."""

import numpy as np
import xarray as xr

from calibration.draws import draws_of
from calibration.lead_times.model import MONTH, Sizes, laws, of_orders
from calibration.lead_times.orders import OrderBook, Orders


def sizes_of(book: OrderBook) -> Sizes:
    """With the middle of each lane at the mean of what its orders took, or have taken so far."""
    orders, lanes = book.orders, len(book.lanes)
    lane, weight = np.asarray(orders.lane), np.asarray(orders.weight)
    lower, upper = np.asarray(orders.lower), np.asarray(orders.upper)
    took = np.where(np.isinf(upper), lower, (lower + upper) / 2)
    known = np.bincount(lane, weight, lanes)
    middle = np.log(np.maximum(np.bincount(lane, weight * took, lanes) / known, 1.0))
    of = tuple(book.supplier_of.tolist())
    return Sizes(len(book.suppliers), lanes, -(-book.days // MONTH), of, tuple(known.tolist()), tuple(middle.tolist()))


def laws_of_orders(tree: xr.DataTree, orders: Orders, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """(draw, order) mean in days and shape, in the month each was placed."""
    mean, shape = of_orders(laws(draws_of(tree), sizes), orders)
    return np.asarray(mean), np.asarray(shape)


def laws_of_lanes(tree: xr.DataTree, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """(draw, lane) mean in days and shape of the last month: what `forecast.day_table` makes the twin's tables of."""
    law = laws(draws_of(tree), sizes)
    return np.exp(np.asarray(law.log_mean)), np.exp(np.asarray(law.log_shape))
