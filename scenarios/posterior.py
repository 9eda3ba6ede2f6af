"""What is not known and what nobody can know: futures on posterior draws of the parameters, and the split of a spread.

Draws come as a Zarr folder or netCDF file that xarray reads: variables named as fields of `twin.exogenous.Params`, each
with the dimension `draw` first and then `node`, `product` or `lane` with their names as coordinates; in what `tandem
calibrate` writes they are the group `parameters` beside the fit. What is not there keeps the table's value. Future d
takes draw d // 2.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import numpy as np
import xarray as xr
from scipy import stats

from scenarios.statistics import LEVEL
from twin.assembly import Model
from twin.assembly.structure import lane_name
from twin.exogenous import Params, inflated_negative_binomial_demand
from twin.simulate import FUTURES_PER_POSTERIOR_DRAW as PAIR
from twin.state import changed

FIELDS = ("demand_mean", "demand_size", "zero_share", "company_year", "company_week", "category_week", "store_day")
BY_PLACE = ("demand_mean", "demand_size", "zero_share")
BY_LANE = ("lead_cdf", "lead_capped")


NAME, GROUP = "posterior.zarr", "parameters"
Mode = Literal["both", "process"]


class NoPosterior(Exception):
    """The file does not hold draws of this company's parameters."""


class Blocked(Exception):
    """The fit behind the draws failed a gate."""


class Short(Exception):
    """Fewer posterior draws than the futures need."""


def adopt(model: Model, path: Path, mode: Mode = "both") -> Model:
    """The model on posterior draws; "process" takes their mean as if it were known (plug-in): the spread is luck alone.

    Demand of a calibration is zero-inflated negative binomial, whatever law the tables ask for. Raises as `read`.
    """
    _ensure_released(path)
    params = read(path, model)
    if mode == "process":
        params = jax.tree.map(lambda x: x.mean(axis=0, keepdims=True), params)
    model = replace(model, params=params)
    calibrated = bool({"demand_size", "zero_share"} & set(_open(path)))
    return replace(model, source=inflated_negative_binomial_demand) if calibrated else model


class Given(NamedTuple):
    """Draws for a run: where they lie, and how they are taken."""

    path: Path
    mode: Mode = "both"

    @property
    def identity(self) -> tuple[str, ...]:
        """What of them decides results."""
        return fingerprint(self.path), self.mode


def taken(model: Model, path: Path, identity: tuple[str, ...]) -> Model:
    """The model of a run: as its plan's `posterior` says, the draws lying at `path`."""
    return adopt(model, path, "process" if "process" in identity else "both") if identity else model


def need(model: Model, futures: int) -> None:
    """Raises Short, with the numbers, where the draws do not feed so many futures."""
    stored, wanted = model.params.demand_mean.shape[0], -(-futures // PAIR)
    if 1 < stored < wanted:
        raise Short(f"{futures:,} futures need {wanted:,} posterior draws, {stored:,} are stored: "
                    f"--draws {stored * PAIR}, or tandem calibrate --draws {wanted}")  # fmt: skip


def fingerprint(path: Path) -> str:
    """SHA-256 of the draws, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, values in sorted(_open(path).data_vars.items(), key=lambda one: str(one[0])):
        digest.update(f"{name} {values.dims} {values.shape}".encode())
        for axis in sorted(map(str, values.coords)):
            digest.update("\n".join(map(str, values[axis].values)).encode())
        digest.update(np.ascontiguousarray(values.values, float).tobytes())
    return digest.hexdigest()


def copy(path: Path, to: Path) -> None:
    """The draws and where they come from, without the fit itself."""
    _open(path).load().to_zarr(to, group=GROUP, mode="w", consolidated=False)


def _ensure_released(path: Path) -> None:
    """Raises Blocked where the file holds the fit's gates and one of them failed that nobody explained."""
    if path.is_dir() and (path / "diagnostics").is_dir():
        gates = xr.open_zarr(path, group="diagnostics", consolidated=False)
        stands = gates["passed"].values.astype(bool)
        if "explained" in gates:
            stands |= gates["explained"].values != ""
        failed = [str(name) for name in gates["gate"].values[~stands]]
        if failed:
            raise Blocked(f"{path}: the fit failed {', '.join(failed)}; tandem calibrate says what to do")


def about(path: Path) -> dict[str, str]:
    """Where the draws come from: engine, as_of and so on, as far as the file says."""
    return {str(name): str(value) for name, value in _open(path).attrs.items()}


def _open(path: Path) -> xr.Dataset:
    try:
        if not path.is_dir():
            return xr.open_dataset(path)
        group = GROUP if (path / GROUP).is_dir() else None
        return xr.open_zarr(path, group=group, consolidated=False)
    except (OSError, ValueError, KeyError) as error:
        raise NoPosterior(f"{path}: cannot be read as Zarr or netCDF: {error}") from error


def read(path: Path, model: Model) -> Params:
    """Parameters with their draws on the leading axis. Raises NoPosterior with what is wrong and what is right."""
    data = _open(path)
    allowed = (*FIELDS, *BY_LANE)
    strange = sorted(set(map(str, data.data_vars)) - set(allowed))
    if strange or not data.data_vars:
        raise NoPosterior(f"{path}: found {', '.join(strange) or 'nothing'}; allowed are {', '.join(allowed)}")
    if "draw" not in data.sizes:
        raise NoPosterior(f"{path}: has no dimension 'draw'")
    fields = {
        name: (_of_lanes if name in BY_LANE else _field)(path, name, data[name], model)
        for name in map(str, data.data_vars)
    }
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
    table = np.asarray(getattr(model.params, name))
    known = np.broadcast_to(table, (found.sizes["draw"], *map(len, wanted.values())))
    values = np.asarray(found.transpose("draw", *wanted).values, float)
    demanded: np.ndarray = np.asarray(model.params.demand_mean)[0] > 0 if wanted else np.ones((), bool)
    for place, (axis, names) in enumerate(wanted.items()):
        there = {str(label): n for n, label in enumerate(found[axis].values)}
        sells = np.asarray(demanded.any(axis=1 - place))
        lacking = [label for label, sold in zip(names, sells, strict=True) if sold and label not in there]
        if lacking:
            raise NoPosterior(f"{path}: {name} lacks {axis} {', '.join(lacking[:3])}")
        # places that sell nothing need no draws
        values = values.take([there.get(label, 0) for label in names], axis=1 + place)
    # a place without demand stays so, whatever the file says of it
    values = np.where(demanded, values, known)
    if not np.isfinite(values).all() or (values < 0).any():
        raise NoPosterior(f"{path}: {name} must be finite and not below 0")
    return values


def _of_lanes(path: Path, name: str, found: xr.DataArray, model: Model) -> np.ndarray:
    """Laws of lead times: (draw, lane, lead_day) or (draw, lane), for the lanes of the company as it is now."""
    wanted = ("draw", "lane", "lead_day")[: 3 if name == "lead_cdf" else 2]
    lanes = [lane_name(lane) for lane in model.structure.lanes]
    if set(found.dims) != set(wanted) or list(map(str, found["lane"].values)) != lanes:
        raise NoPosterior(f"{path}: {name} is not of this company's {len(lanes)} lanes; run tandem calibrate again")
    values = np.asarray(found.transpose(*wanted).values, float)
    days = model.params.lead_cdf.shape[-1]
    if name == "lead_cdf" and values.shape[2] != days:
        raise NoPosterior(f"{path}: lead times up to {values.shape[2]} days, in the tables up to {days}; "
                          "run tandem calibrate again")  # fmt: skip
    if not ((values >= 0) & (values <= 1)).all():
        raise NoPosterior(f"{path}: {name} must lie between 0 and 1")
    return values


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
