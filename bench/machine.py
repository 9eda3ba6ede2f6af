"""Where and with what this was measured."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from bench.engines import cores

ROOT = Path(__file__).parent.parent
LIBRARIES = ("jax", "jaxlib", "numpy", "numba", "torch", "gymnasium", "stockpyl")


def machine() -> dict[str, Any]:
    """Processor, device, memory, versions, commit, date; the load is that of others before we began."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": cores(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "memory_bytes": memory_bytes(),
        "device": jax.devices()[0].device_kind,
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "versions": {name: found for name in LIBRARIES if (found := installed(name))},
        "absent": [name for name in LIBRARIES if not installed(name)],
    }


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def memory_bytes() -> int:
    """What may be allocated now: of the device if it says so, else of the host."""
    stats = jax.devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    available = _line("/proc/meminfo", "MemAvailable")
    if available:
        return int(available.split()[0]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _line(file: str, name: str) -> str | None:
    path = Path(file)
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)


def commit() -> str:
    """The commit, with a + where files have changed since."""
    try:
        return _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
