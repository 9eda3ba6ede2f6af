"""How long the first answer of a company waits for the compiler: `python -m bench.compiling`

Fresh processes, with empty caches and with filled ones, on the engine that a stress run takes. The loop over days
compiles once whatever its length, so a short horizon tells compiling from running.
"""

import os
import subprocess
import sys
import tempfile

import jax

from bench import forward
from bench.clock import timed
from bench.company import MIDDLE
from twin.engines import fastest

DAYS, FUTURES = 14, 64


def seconds() -> dict[str, dict[str, float]]:
    """Seconds of a first `simulate` beyond a second one, "cold" and "warm", by wall clock and by processor time."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cold", "warm"):
            done = subprocess.run(
                [sys.executable, "-m", "bench.compiling", folder], check=True, capture_output=True, text=True,
                env=os.environ | {"XDG_CACHE_HOME": folder},
            )  # fmt: skip
            wall, processor = map(float, done.stdout.split()[-2:])
            found[name] = {"wall": wall, "processor": processor}
    return found


def _first_call(folder: str) -> tuple[float, float]:
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    run = forward.contender(MIDDLE, DAYS, "exact", fastest)
    wall, processor = timed(lambda: run(FUTURES)) - timed(lambda: run(FUTURES))
    return float(wall), float(processor)


if __name__ == "__main__":
    print(*_first_call(sys.argv[1]))
