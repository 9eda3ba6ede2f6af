"""What a run is made on: device, locked versions, code; and what a block of futures takes of its memory."""

import hashlib
import platform
import shutil
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jax

import twin.plan
from scenarios.sweep.plan import Plan
from scenarios.sweep.products import Product
from twin.assembly import Model
from twin.plan import Footprint, block_size, blocks_at_once
from twin.record import COMPANY

LOCKED = ("tandem-twin", "jax", "jaxlib", "numpy", "xarray", "zarr")
# Instruction sets by which compilers choose other roundings of the same formula.
INSTRUCTIONS = ("avx512f", "avx2", "asimd", "sve")
DEVICES = ("auto", "cpu", "gpu")
# A guess, until a block has been timed: stocking-point-days a second of the whole day, by kind of device.
GUESSED_RATE = {"cpu": 2e6, "gpu": 1e8}
SAVED_BY_COMPRESSION = 1.8  # CLUSTER.md 2


class NoDevice(Exception):
    """The device that was asked for is not there."""


class Mixed(Exception):
    """The run was begun on another kind of device or with other versions: its bytes would not be of one kind."""


def choose(device: str) -> None:
    """Hold JAX to a kind of device. Raises NoDevice: a sweep never falls back silently."""
    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]
    if device == "gpu":
        try:
            gpu = jax.devices("gpu")[0]
        except RuntimeError as error:
            raise NoDevice("no GPU was found that JAX can use: install the extra [cuda], or --device cpu") from error
        jax.config.update("jax_default_device", gpu)  # type: ignore[no-untyped-call]


@cache
def versions() -> dict[str, str]:
    """Versions of what decides the bits, and of our own code."""
    found = {}
    for name in LOCKED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def code() -> str:
    """Fingerprint of the source that decides the results; 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for package in ("kernels", "twin", "scenarios"):
        root = Path(str(files(package)))
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.h")]):
            if package != "scenarios" or path.name in ("stress.py", "measured.py", "plan.py"):
                digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def device_kind() -> str:
    """Kind of the device in use; of a processor, its architecture and the instruction sets that change roundings."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return str(device.device_kind)
    described = Path("/proc/cpuinfo")
    words = set(described.read_text(encoding="utf-8").split()) if described.exists() else set()
    return " ".join([platform.machine(), *(name for name in INSTRUCTIONS if name in words)])


def made_on() -> dict[str, Any]:
    """What the bytes are promised for: one kind of device, one lock file, one state of the code."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"device": device_kind(), "versions": versions() | {"python": python, "code": code()}}


def ensure_same(begun: dict[str, Any], here: dict[str, Any]) -> None:
    """Raises Mixed with what differs."""
    then = {"device": begun["device"], **begun["versions"]}
    now = {"device": here["device"], **here["versions"]}
    differing = [f"{key} {then.get(key)} then, {now.get(key)} now" for key in now if then.get(key) != now.get(key)]
    if differing:
        raise Mixed("; ".join(differing))


def footprint(model: Model) -> Footprint:
    """Bytes that a case of this company takes of the device, for each future and for all."""
    inputs = model.inputs["base"]
    shared = model.network, model.policy, model.params, inputs
    return twin.plan.footprint(model.network, model.opening, shared, COMPANY, len(inputs.days.day))


def needs(plan: Plan, model: Model, found: dict[str, Product]) -> dict[str, float]:
    """What a run will take, before it takes it: bytes of memory, of results, of scratch; and how fast, at a guess."""
    need = footprint(model)
    device = need.shared + need.future * min(plan.block, blocks_at_once() * block_size(model.network))
    # a block's daily series pass through the host three times: recorded, named, stacked
    host = 3 * found["daily"].bytes_per_shard
    size = dict.fromkeys(("results.zarr", "scratch.zarr"), 0.0)
    for product in found.values():
        total = 8.0
        for length in product.axes.values():
            total *= length
        if product.place == "scratch.zarr":
            total /= len(plan.joint)  # of one scenario at a time
        size[product.place] += total / SAVED_BY_COMPRESSION
    work = sum(plan.point_days(task) for task in plan.tasks)
    return {
        "memory": device + host,
        "future": need.future,
        "results": size["results.zarr"],
        "scratch": size["scratch.zarr"],
        "point_days": work,
        "rate": GUESSED_RATE["cpu" if jax.default_backend() == "cpu" else "gpu"],
    }


def free_disk(path: Path) -> int:
    """Free bytes where a run will be written."""
    above = next(parent for parent in (path.resolve(), *path.resolve().parents) if parent.exists())
    return shutil.disk_usage(above).free
