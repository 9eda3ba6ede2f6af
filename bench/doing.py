"""What the bench is at, on standard error, so that ten minutes are not silent."""

import sys
import time

_BEGAN = time.perf_counter()


def doing(what: str) -> None:
    print(f"{time.perf_counter() - _BEGAN:5.0f} s  {what}", file=sys.stderr, flush=True)
