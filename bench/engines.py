"""The engines under test, one column each: `xla` is the definition, whatever else can run the day stands beside it."""

import os

import jax

from kernels.native import NoCompiler, Unsupported, chip
from twin.engines import Engine, native, on_chip, why_not_native, xla

ON_CHIP = "on-chip"
CANNOT = (NoCompiler, Unsupported)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_gpu() -> bool:
    return jax.default_backend() == "gpu"


def engines() -> tuple[dict[str, Engine], list[str]]:
    """Those that run here by name, and why others do not."""
    name, other, why_not = (
        (ON_CHIP, on_chip, chip.why_not()) if on_gpu() else ("native", native, why_not_native())
    )  # fmt: skip
    if why_not:
        return {"xla": xla}, [f"the {name} engine: {why_not}"]
    return {"xla": xla, name: other}, []


ENGINES, ABSENT = engines()
