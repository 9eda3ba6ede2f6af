"""The engines under test, one column each: `xla` is the definition, whatever else can run the day stands beside it."""

import os

import jax

from kernels.native import NoCompiler, Unsupported, find_compiler
from twin.engines import Engine, native, xla

CANNOT = (NoCompiler, Unsupported)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_gpu() -> bool:
    return jax.default_backend() == "gpu"


def engines() -> tuple[dict[str, Engine], list[str]]:
    """Those that run here by name, and why others do not."""
    if on_gpu():
        return {"xla": xla}, ["the native engine: it is for processors"]
    if find_compiler() is None:
        return {"xla": xla}, ["the native engine: no C++ compiler"]
    return {"xla": xla, "native": native}, []


ENGINES, ABSENT = engines()
