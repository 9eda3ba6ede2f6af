"""The engines under test, one column each: `xla` is the definition, whatever else can run the day stands beside it."""

import os

import jax

from kernels.native import find_compiler
from twin.engines import Engine, native, xla

ENGINES: dict[str, Engine] = {"xla": xla} | ({"native": native} if find_compiler() else {})
ABSENT = [] if find_compiler() else ["the native engine: no C++ compiler"]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_gpu() -> bool:
    return jax.default_backend() == "gpu"
