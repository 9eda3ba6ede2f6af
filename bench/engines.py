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
    if on_gpu():
        why_not = chip.why_not()
        return {"xla": xla} | ({} if why_not else {ON_CHIP: on_chip}), [f"the {ON_CHIP} engine: {why_not}"] * bool(
            why_not
        )
    why_not = why_not_native()
    if why_not:
        return {"xla": xla}, [f"the native engine: {why_not}"]
    return {"xla": xla, "native": native}, []


ENGINES, ABSENT = engines()
