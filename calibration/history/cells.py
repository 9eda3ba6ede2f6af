"""What one cell says of demand: decided once, in one order of rules, and the rule is kept with the cell.

Sales are not demand. Stock at the opening is known before the day's demand, so given covariates the censoring is
non-informative (CALIBRATION.md 1.2): a day that sold out says that demand was at least what was sold.
"""

from typing import NamedTuple

import numpy as np

from calibration.panel import EXACT, INTERVAL, MASKED, RIGHT_CENSORED

# In order: the first rule that holds decides. Name and kind.
RULES = (
    ("not listed", MASKED),
    ("closed", MASKED),
    ("quarantined", MASKED),
    ("not recorded", MASKED),
    ("never in stock", MASKED),
    ("sold out", RIGHT_CENSORED),
    ("in stock part of the day", RIGHT_CENSORED),
    ("not in whole units", INTERVAL),
    ("stock not recorded, long run of zeros", EXACT),
    ("stock not recorded", EXACT),
    ("stock left", EXACT),
)
NAMES = [name for name, _ in RULES]
KINDS = np.array([kind for _, kind in RULES], np.int8)
RARE = 1e-3  # a run of zeros less likely than this is asked whether the shelf was empty (CALIBRATION.md 3.1)


class Observed(NamedTuple):
    """What was recorded, axes (store, item, day); NaN is "not recorded". Whole days, consecutive."""

    units: np.ndarray  # sold, gross of returns
    on_hand_open: np.ndarray
    on_hand_close: np.ndarray
    in_stock: np.ndarray  # share of the day's opening hours
    open: np.ndarray  # bool
    listed: np.ndarray  # bool
    quarantined: np.ndarray  # bool


class Cells(NamedTuple):
    """As in `Panel`; axes (store, item, day)."""

    value: np.ndarray
    bound: np.ndarray
    kind: np.ndarray
    weight: np.ndarray
    rule: np.ndarray
    stock: np.ndarray


def classify(seen: Observed) -> Cells:
    """Every cell by the first rule that holds. Where stock is not recorded, `weight` is P(there was stock | zeros)."""
    sold = np.nan_to_num(seen.units)
    unknown = np.isnan(seen.on_hand_close)
    doubt = _doubt(seen, unknown)
    holds = (
        ~seen.listed,
        ~seen.open,
        seen.quarantined,
        np.isnan(seen.units),
        (sold == 0) & ((seen.in_stock == 0) | ((seen.on_hand_close == 0) & ~(seen.on_hand_open > 0))),
        seen.on_hand_close == 0,
        seen.in_stock < 1,
        sold != np.floor(sold),
        doubt < 1,
        unknown & np.isnan(seen.in_stock),
        np.ones(sold.shape, bool),
    )
    rule = np.argmax(np.stack(holds), axis=0).astype(np.int8)
    kind = KINDS[rule]
    weight = np.where(rule == NAMES.index("stock not recorded, long run of zeros"), doubt, 1.0)
    value = np.floor(sold).astype(np.int64)
    # half a unit sold is a whole unit wanted
    bound = np.ceil(sold).astype(np.int64)
    # a shelf that was empty for part of the day sold from more or less than what is left says
    stock = np.where((kind == MASKED) | (seen.in_stock < 1), np.nan, sold + seen.on_hand_close)
    return Cells(np.where(kind == MASKED, 0, value), np.where(kind == MASKED, 0, bound), kind,
                 np.where(kind == MASKED, 0.0, weight), rule, stock)  # fmt: skip


def _doubt(seen: Observed, unknown: np.ndarray) -> np.ndarray:
    """(store, item, day) P(there was stock | the run of zeros), 1 where nothing speaks against it.

    Two states, and no more is claimed: either the shelf was full and each day had no demand with probability z, or it
    was empty. z is the pair's share of zeros on days with stock for certain, else on all its days; the prior of an
    empty shelf is the share of sold-out days among those with a record, 3 % where there is none. Runs with P >= 1e-3
    under a full shelf keep weight 1: a latent mixture, not a hard rule (CALIBRATION.md 3.1).
    """
    judged = seen.listed & seen.open & ~seen.quarantined & ~np.isnan(seen.units)
    zero = judged & unknown & np.isnan(seen.in_stock) & (seen.units == 0)
    run = _run_lengths(zero)
    certain = judged & (seen.on_hand_close > 0)
    some = judged & np.where(certain.sum(axis=2, keepdims=True) >= 28, certain, ~zero | (run < 7))
    counted = some.sum(axis=2, keepdims=True)
    none = ((seen.units == 0) & some).sum(axis=2, keepdims=True)
    z = (none + 0.5) / (counted + 1)  # Jeffreys: never 0 or 1
    recorded = judged & ~unknown
    empty = (recorded & (seen.on_hand_close == 0)).sum() / recorded.sum() if recorded.any() else 0.03
    full = z**run
    return np.where(zero & (full < RARE), (1 - empty) * full / ((1 - empty) * full + empty + 1e-300), 1.0)


def _run_lengths(mask: np.ndarray) -> np.ndarray:
    """Length of the run of true days that each true cell stands in, along the last axis."""
    edge = np.pad(mask.astype(np.int8), [(0, 0)] * (mask.ndim - 1) + [(1, 1)])
    change = np.diff(edge, axis=-1)
    begin = np.nonzero(change == 1)[-1]
    end = np.nonzero(change == -1)[-1]
    length = np.zeros(mask.shape, np.int64)
    length[mask] = np.repeat(end - begin, end - begin)
    return length
