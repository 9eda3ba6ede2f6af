"""What is not known and what nobody can know: futures on posterior draws of the parameters, and the split of a spread.

Draws come as a Zarr folder or netCDF file that xarray reads: variables named as fields of `twin.exogenous.Params`, each
with the dimension `draw` first and then `node`, `product` or `lane` with their names as coordinates. What is not there
keeps the table's value. Future d takes draw d // 2.
"""

from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from scipy import stats

from scenarios.statistics import LEVEL
from twin.assembly import Model
from twin.exogenous import Params
from twin.simulate import FUTURES_PER_POSTERIOR_DRAW as PAIR
from twin.state import changed

FIELDS = ("demand_mean", "demand_size", "zero_share", "company_year", "company_week", "category_week", "store_day")
BY_PLACE = ("demand_mean", "demand_size", "zero_share")


class NoPosterior(Exception):
    """The file does not hold draws of this company's parameters."""


def read(path: Path, model: Model) -> Params:
    """Parameters with their draws on the leading axis. Raises NoPosterior with what is wrong and what is right."""
    try:
        data = xr.open_zarr(path, consolidated=False) if path.is_dir() else xr.open_dataset(path)
    except (OSError, ValueError, KeyError) as error:
        raise NoPosterior(f"{path}: cannot be read as Zarr or netCDF: {error}") from error
    strange = sorted(set(map(str, data.data_vars)) - set(FIELDS))
    if strange or not data.data_vars:
        raise NoPosterior(f"{path}: found {', '.join(strange) or 'nothing'}; allowed are {', '.join(FIELDS)}")
    if "draw" not in data.sizes:
        raise NoPosterior(f"{path}: has no dimension 'draw'")
    fields = {name: _field(path, name, data[name], model) for name in map(str, data.data_vars)}
    # what has no draws of its own is the same in all of them
    return changed(
        jax.tree.map(lambda x: np.broadcast_to(x, (data.sizes["draw"], *x.shape[1:])), model.params), **fields
    )


def _field(path: Path, name: str, found: xr.DataArray, model: Model) -> np.ndarray:
    s = model.structure
    wanted = {"node": s.nodes, "product": s.products} if name in BY_PLACE else {}
    if set(found.dims) != {"draw", *wanted}:
        raise NoPosterior(f"{path}: {name} has dimensions {', '.join(map(str, found.dims))}; "
                          f"expected {', '.join(('draw', *wanted))}")  # fmt: skip
    known = np.broadcast_to(np.asarray(getattr(model.params, name)), (found.sizes["draw"], *map(len, wanted.values())))
    try:
        mine = found.transpose("draw", *wanted).sel({axis: list(names) for axis, names in wanted.items()})
    except KeyError as error:
        raise NoPosterior(f"{path}: {name} lacks {error}") from error
    values = np.asarray(mine.values, float)
    if not np.isfinite(values[known > 0]).all() or (values[known > 0] < 0).any():
        raise NoPosterior(f"{path}: {name} must be finite and not below 0")
    # a place without demand stays so, whatever the file says of it
    return np.where(known > 0, values, known) if wanted else values


class Split(NamedTuple):
    """Variance of a figure over futures: total = parameters + luck; share of the parameters with its 95 % interval."""

    parameters: float
    luck: float
    share: float
    low: float
    high: float
    draws: int


def split(figure: np.ndarray) -> Split:
    """One-way analysis of variance, two futures per posterior draw, in the order of futures.

    luck = mean within pairs, parameters = (mean square between - mean square within) / 2, both unbiased; the second can
    fall below 0, and is left so. Interval of the share: Searle, Linear Models (1971), section 9.9, exact for normal
    data.
    """
    pairs = np.asarray(figure, float).reshape(-1, PAIR)
    k = len(pairs)
    if k < 2:
        raise ValueError(f"{k} posterior draws: a split needs at least 2")
    within = float(pairs.var(axis=1, ddof=1).mean())
    between = float(PAIR * pairs.mean(axis=1).var(ddof=1))
    parameters = (between - within) / PAIR
    total = parameters + within
    if within == 0 or total <= 0:
        share = float(between > 0)
        return Split(parameters, within, share, share, share, k)
    f, tail = between / within, (1 - LEVEL) / 2
    upper, lower = (f / stats.f.ppf(p, k - 1, k * (PAIR - 1)) for p in (tail, 1 - tail))
    low, high = ((x - 1) / (x + PAIR - 1) for x in (lower, upper))
    return Split(parameters, within, parameters / total, max(float(low), 0.0), min(max(float(high), 0.0), 1.0), k)
