"""What a machine offers and what may be in our way: device, memory, versions, cache, clashing import names."""

import os
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import packages_distributions, version

import jax

from scenarios.sweep.machine import versions
from twin.engines import why_not_native
from twin.plan import cores

OURS = "tandem-twin"
NAMES = ("twin", "scenarios", "calibration", "kernels")


def findings() -> tuple[list[list[str]], bool]:
    """Rows (what, found), and False if another distribution owns one of our import names."""
    rows = [
        ["python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"],
        ["device", ", ".join(f"{d.platform} {d.device_kind}" for d in jax.devices())],
        ["cores", str(cores())],
        ["memory", memory()],
        ["engine", why_not_native() or "native: C++ for this processor"],
        ["cache of compiled programmes", os.environ.get("JAX_COMPILATION_CACHE_DIR", "none")],
        *[[name, number] for name, number in versions().items()],
    ]
    others = strangers(packages_distributions())
    for name in NAMES:
        owners = others.get(name)
        rows.append([f"import name '{name}'", f"also owned by {', '.join(owners)}" if owners else "ours alone"])
    return rows, not others


def strangers(owners: Mapping[str, list[str]], version_of: Callable[[str], str] = version) -> dict[str, list[str]]:
    """Distributions other than ours that own one of our import names, with their versions."""
    found = {name: sorted(set(owners.get(name, [])) - {OURS}) for name in NAMES}
    return {name: [f"{x} {version_of(x)}" for x in names] for name, names in found.items() if names}


def memory() -> str:
    """Free and total memory where the system tells."""
    try:
        page, total = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
        free = os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{page * free / 2**30:.1f} GiB free of {page * total / 2**30:.1f} GiB"
