"""Order lines as of a day: what is known of each lead time is an interval, and open orders are part of it.

Only what had happened by the end of the day `as_of` counts: a receipt or cancellation after it is not known, so its
order is open at its age. Whoever leaves open orders out keeps the fast ones and believes that suppliers are faster than
they are.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array

from calibration.panel import INTERVAL, MASKED, RIGHT_CENSORED

# Records hold whole days L, time is continuous: the law's T lies in [L - 1 + offset, L + offset].
ROUNDING = {"up": 0.0, "nearest": 0.5, "down": 1.0}
LEAST_WEIGHT = 1e-6  # of a delivery of nothing
RULES = ("received", "received on the day of the order", "received before the order", "open", "cancelled")

Numbers = Array | np.ndarray


class Orders(NamedTuple):
    """What the models take; axis (order,). A lead time between 0 and inf says nothing: its log probability is 0."""

    lower: Numbers  # days, the lead time is longer than this
    upper: Numbers  # days, and at most this; inf where the order is open or was cancelled
    weight: Numbers  # > 0, share of its order line: the deliveries of a line weigh 1 together
    supplier: Numbers  # int32 index
    lane: Numbers  # int32 index
    day: Numbers  # int32, when it was placed, counted from the first order


@dataclass(frozen=True)
class OrderBook:
    """Orders with their names and with the rule that decided each row."""

    orders: Orders
    kind: np.ndarray  # (order,) int8, as in calibration.panel
    rule: np.ndarray  # (order,) int8, index into RULES
    rows: np.ndarray  # (order,) labels of the rows of the frame
    suppliers: tuple[str, ...]
    lanes: tuple[tuple[str, str], ...]  # supplier and destination
    supplier_of: np.ndarray  # (lane,) int32
    first: pd.Timestamp  # the day of the first order
    as_of: pd.Timestamp
    rounding: str

    @property
    def counts(self) -> dict[str, int]:
        """Rows by rule."""
        return {name: int((self.rule == i).sum()) for i, name in enumerate(RULES)}

    @property
    def days(self) -> int:
        """From the first order to the day as of which this is known, both counted."""
        return (self.as_of - self.first).days + 1


def order_book(lines: pd.DataFrame, as_of: pd.Timestamp, rounding: str = "down") -> OrderBook:
    """Classify order lines as of the end of a day.

    lines: one row a delivery or a part not yet delivered, with order_id, product, source, node, ordered and received
    (dates, received missing where it has not come), ordered_units, received_units, `cancelled` (date or missing) and
    `status` where there are cancellations; one without a date says nothing. Deliveries of one line share its
    weight by units; what is still to come has the rest.
    Raises ValueError where no order was placed by then.
    """
    lines = lines[lines["ordered"] <= as_of].reset_index(names="row")
    if lines.empty:
        raise ValueError(f"no order was placed by {as_of.date()}")
    offset = ROUNDING[rounding]
    received = lines["received"].where(lines["received"] <= as_of)
    cancelled = lines["cancelled"] if "cancelled" in lines else pd.Series(pd.NaT, lines.index)
    status = lines["status"] if "status" in lines else pd.Series("open", lines.index)
    undated = (status.eq("cancelled") & lines["received"].isna() & cancelled.isna()).to_numpy()
    cancelled = cancelled.where(cancelled <= as_of)
    came, dropped = received.notna().to_numpy(), (received.isna() & cancelled.notna()).to_numpy() | undated
    days = (received.fillna(cancelled).fillna(as_of) - lines["ordered"]).dt.days.to_numpy()

    rule = np.select([came & (days < 0), came & (days == 0), came, dropped], [2, 1, 0, 4], 3).astype(np.int8)
    known, masked = came & (days >= 0), (came & (days < 0)) | undated
    lower = np.where(masked, 0.0, np.maximum(np.where(known, days - 1, days) + offset, 0.0))
    upper = np.where(known, np.maximum(days + offset, 1.0), np.inf)
    lower = np.where(known & (days == 0), 0.0, lower)
    kind = np.select([masked, known], [MASKED, INTERVAL], RIGHT_CENSORED).astype(np.int8)

    suppliers = tuple(sorted(set(lines["source"])))
    lanes = tuple(sorted(set(zip(lines["source"], lines["node"], strict=True))))
    place = {lane: i for i, lane in enumerate(lanes)}
    supplier_of = np.array([suppliers.index(source) for source, _ in lanes], np.int32)
    lane = np.array([place[key] for key in zip(lines["source"], lines["node"], strict=True)], np.int32)
    orders = Orders(
        lower=lower,
        upper=upper,
        weight=np.maximum(_weights(lines, came), LEAST_WEIGHT),
        supplier=supplier_of[lane],
        lane=lane,
        day=(lines["ordered"] - lines["ordered"].min()).dt.days.to_numpy(np.int32),
    )
    return OrderBook(orders, kind, rule, lines["row"].to_numpy(), suppliers, lanes, supplier_of,
                     lines["ordered"].min(), as_of, rounding)  # fmt: skip


def _weights(lines: pd.DataFrame, came: np.ndarray) -> np.ndarray:
    """(order,) share of the line by units: a closed line is what came, an open one what was ordered."""
    line = lines.groupby(["order_id", "product"], sort=False).ngroup().to_numpy()
    units = np.where(came, lines["received_units"].fillna(0).to_numpy(float), 0.0)
    ordered = np.maximum(lines["ordered_units"].to_numpy(float), 1e-9)
    count = int(line.max()) + 1
    arrived, waiting, rows = (np.bincount(line, x, count)[line] for x in (units, ~came, np.ones(len(line))))
    whole = np.where(waiting > 0, np.maximum(ordered, arrived), arrived)
    rest = np.maximum(whole - arrived, 0.0) / np.maximum(waiting, 1.0)
    return np.where(whole > 0, np.where(came, units, rest) / np.where(whole > 0, whole, 1.0), 1.0 / rows)


def closed_only(orders: Orders) -> Orders:
    """The wrong likelihood that a check must find: open orders are left out. Traceable."""
    is_open = jnp.isinf(orders.upper)
    return orders._replace(lower=jnp.where(is_open, 0.0, orders.lower))


def age_as_lead_time(orders: Orders) -> Orders:
    """The other wrong one: an open order's age is taken for its lead time. Traceable."""
    is_open = jnp.isinf(orders.upper) & (orders.lower > 0)
    return orders._replace(
        lower=jnp.where(is_open, jnp.maximum(orders.lower - 1.0, 0.0), orders.lower),
        upper=jnp.where(is_open, jnp.maximum(orders.lower, 1.0), orders.upper),
    )


def padded(orders: Orders, size: int) -> Orders:
    """Rows that say nothing are added, so that one compiled model serves many days. Raises ValueError if too many."""
    more = size - len(orders.lower)
    if more < 0:
        raise ValueError(f"{len(orders.lower)} orders do not fit into {size}")
    fill = (0.0, np.inf, 1.0, 0, 0, 0)
    return Orders(*(np.concatenate([x, np.full(more, v, x.dtype)]) for x, v in zip(orders, fill, strict=True)))
