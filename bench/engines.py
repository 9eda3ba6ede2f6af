"""The engines under test, one column each: `xla` is the definition, whatever else can run the day stands beside it."""

import os

import jax

from kernels.native import NoCompiler, Unsupported
from twin.engines import Engine, native, why_not_native, xla

CANNOT = (NoCompiler, Unsupported)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_gpu() -> bool:
    return jax.default_backend() == "gpu"


def engines() -> tuple[dict[str, Engine], list[str]]:
    """Those that run here by name, and why others do not."""
    why_not = why_not_native()
    if why_not:
        return {"xla": xla}, [f"the native engine: {why_not}"]
    return {"xla": xla, "native": native}, []


ENGINES, ABSENT = engines()
