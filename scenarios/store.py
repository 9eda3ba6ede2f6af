"""A run on disk: Zarr v3 arrays of which each task writes whole shards, a plan before and a manifest last.

RUN/plan.json      the plan, its hash, and what the run was begun with
RUN/inputs/        the company, as tables
RUN/markers/       one small file per finished task, written after its shards
RUN/results.zarr   per_draw, summary, paths, service, places, told; daily on request
RUN/manifest.json  written last: the run is complete
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from scenarios.sweep.plan import DAILY, HARDEST, Plan
from scenarios.sweep.products import RESULTS, Product, products
from scenarios.sweep.sealed import write_sealed
from twin.assembly import Model
from twin.results import MONEY, labels

MANIFEST, PLAN, INPUTS, MARKERS, QUARANTINE, LOGS = (
    "manifest.json", "plan.json", "inputs", "markers", "quarantine", "logs",
)  # fmt: skip
# Crc32c finds every flipped bit; lz4 with shuffle is the fastest codec that halves the size (CLUSTER.md 2).
COMPRESSORS = (BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec())


class OutputExists(Exception):
    """The run folder is there already, and is no run of this plan."""


@contextmanager
def new_run(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that becomes `path` when the block ends well, and goes away otherwise.

    Of two that finish at once the first stays; the other one's goes away and OutputExists is raised.
    """
    if path.exists():
        raise OutputExists(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        try:
            os.rename(temporary, path)
        except OSError as error:
            if path.exists():
                raise OutputExists(str(path)) from error
            raise
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def lay_out(folder: Path, plan: Plan, model: Model) -> dict[str, Product]:
    """Create every array of a run, empty: NaN where nothing has been written."""
    found = products(plan, model)
    dates = pd.to_datetime(model.calendar.dates)
    for product in found.values():
        measures = product.measures
        units = [model.company.settings.currency if about.unit == MONEY else about.unit for about in measures.values()]
        coords = product.coords | {
            "measure": labels(measures),
            "unit": ("measure", labels(units)),
            "long_name": ("measure", labels(about.name for about in measures.values())),
        }
        if "day" in product.axes:
            coords["date"] = ("day", dates)
        attrs = {
            "company": model.company.settings.name,
            "currency": model.company.settings.currency,
            "covenants": [row.covenant for row in model.company.covenants],  # what the measure `covenant` counts
        }
        xr.Dataset({}, coords, attrs).to_zarr(
            folder / product.place, group=product.group, mode="a", zarr_format=3, consolidated=False
        )
        zarr.create_array(
            folder / product.place, name=f"{product.group}/values",
            shape=tuple(product.axes.values()), dtype="float64", fill_value=np.nan,
            shards=tuple(product.shard.values()), chunks=product.chunk,
            compressors=COMPRESSORS, dimension_names=tuple(product.axes),
        )  # fmt: skip
    return found


class Shards:
    """The arrays of a run, kept open: an open costs more than a shard."""

    def __init__(self, folder: Path, found: dict[str, Product]) -> None:
        self.folder, self.products = folder, found
        self._arrays: dict[str, Any] = {}

    def _array(self, group: str) -> Any:
        if group not in self._arrays:
            place = self.folder / self.products[group].place
            self._arrays[group] = zarr.open_array(place, path=f"{group}/values", mode="r+")
        return self._arrays[group]

    def write(self, group: str, at: dict[str, int], values: np.ndarray) -> str:
        """Write one whole shard and return its path; what is there is replaced in one step."""
        product = self.products[group]
        region = product.region(at)
        wanted = tuple(part.stop - part.start for part in region)
        self._array(group)[region] = np.asarray(values, np.float64).reshape(wanted)
        return product.path(at)

    def read(self, group: str, **at: int | slice) -> np.ndarray:
        """A part of an array by its axes."""
        where = tuple(at.get(axis, slice(None)) for axis in self.products[group].axes)
        return np.asarray(self._array(group)[where])


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    write_sealed(folder / MANIFEST, manifest)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises FileNotFoundError where there is no complete run."""
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found


def read(folder: Path, group: str) -> xr.Dataset:
    """One group of a run, read on demand: a variable per measure, money in currency units."""
    opened = xr.open_zarr(folder / RESULTS, group=group, consolidated=False, chunks=None)
    about = zip(*(opened[name].values for name in ("measure", "unit", "long_name")), strict=True)
    values = opened["values"].drop_vars(["measure", "unit", "long_name"])
    found = {
        str(name): values.isel(measure=i).assign_attrs(units=str(unit), long_name=str(long_name))
        for i, (name, unit, long_name) in enumerate(about)
    }
    return xr.Dataset(found, attrs=opened.attrs)


def cases(folder: Path) -> xr.Dataset:
    """One number per future: dimensions case ("scenario/variant") and draw."""
    data = read(folder, "per_draw")
    story = read_manifest(folder).get("story")
    hardest = str(story["scenario"]) if story else ""
    return data.assign_coords(case=labels(str(name).replace(HARDEST, hardest) for name in data["case"].values))


def joint(folder: Path) -> xr.Dataset:
    """The scenarios as they are: figures of every future, service, places; every daily series where it was kept."""
    names = ["base", *read_manifest(folder)["scenarios"]]
    data = cases(folder)
    figures = data.sel(case=[f"{name}/joint" for name in names])
    figures = figures.rename(case="scenario").assign_coords(scenario=labels(names))
    groups = ["service", "places"] + [DAILY] * (folder / RESULTS / DAILY).exists()
    parts = [figures, *(read(folder, group).sel(scenario=names) for group in groups)]
    return xr.merge(parts, compat="override", join="outer", combine_attrs="override")


def variants(folder: Path) -> xr.Dataset:
    """One number per future of what is not joint: one half of the twin alone, and the levers."""
    manifest, data = read_manifest(folder), cases(folder)

    def there(name: str) -> bool:
        scenario, _, variant = name.rpartition("/")
        known = scenario in ("base", *manifest["scenarios"])
        return known and variant != "joint" and name not in manifest["left_out"]

    return data.sel(case=[name for name in data["case"].values if there(str(name))])
