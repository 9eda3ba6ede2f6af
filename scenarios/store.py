"""A run on disk: Zarr v3 written beside and renamed, a manifest last. Complete or absent, never torn."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr
from zarr.codecs import BloscCodec, Crc32cCodec

MANIFEST = "manifest.json"
RESULTS = "results.zarr"
# Crc32c finds every flipped bit; lz4 with shuffle is the fastest codec that halves the size (CLUSTER.md 2).
COMPRESSORS = (BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec())


class OutputExists(Exception):
    """The run folder is there already."""


@contextmanager
def new_run(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that becomes `path` when the block ends well, and goes away otherwise."""
    if path.exists():
        raise OutputExists(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        os.rename(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def append(folder: Path, group: str, data: xr.Dataset, along: str) -> None:
    """Add a dataset to a group of the run's store along one of its dimensions."""
    store = folder / RESULTS
    exists = (store / group / "zarr.json").exists()
    encoding = {} if exists else {
        name: {"compressors": COMPRESSORS} for name, variable in data.data_vars.items() if variable.dtype.kind in "fiub"
    }  # fmt: skip
    options: dict[str, Any] = {"append_dim": along} if exists else {"encoding": encoding}
    data.to_zarr(store, group=group, mode="a", zarr_format=3, consolidated=False, **options)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises FileNotFoundError where there is no complete run."""
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found


def read(folder: Path, group: str) -> xr.Dataset:
    """One group of a run, read on demand."""
    return xr.open_zarr(folder / RESULTS, group=group, consolidated=False)
