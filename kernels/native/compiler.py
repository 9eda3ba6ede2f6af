"""From C++ text to a loaded library: built once on this machine, kept in the cache folder, found by its content."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

COMPILERS = ("c++", "g++", "clang++")
# Contraction of a*b+c changes no exact number (kernels/ratio.py).
FLAGS = (
    "-std=c++17", "-O2", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fwrapv",
    "-fPIC", "-w",
)  # fmt: skip
PRELUDE = Path(__file__).parent / "prelude.h"


class NoCompiler(RuntimeError):
    """There is no C++ compiler here, or it refused the text."""


@cache
def find_compiler() -> str | None:
    """The path of a C++ compiler, or None. CXX is asked first."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else list(COMPILERS)
    return next((found for found in map(shutil.which, names) if found), None)


@cache
def _machine() -> str:
    """What a library depends on besides its text: the compiler's version and the processor's instructions."""
    path = find_compiler()
    if path is None:
        raise NoCompiler("no C++ compiler found: install g++ or clang++, or set CXX")
    asked = subprocess.run(
        [path, *FLAGS, "-Q", "--help=target", "-v"], capture_output=True, text=True, check=False, timeout=60
    )
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60)
    return version.stdout + asked.stdout


def folder() -> Path:
    """Where libraries are kept: XDG_CACHE_HOME/tandem/native."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "tandem" / "native"


def built(units: list[str], flags: tuple[str, ...] = ()) -> ctypes.CDLL:
    """The library of these translation units, from the cache where they were built before.

    Raises NoCompiler, with the compiler's first complaint if there is one.
    """
    headers = (path.read_text(encoding="utf-8") for path in sorted(PRELUDE.parent.glob("*.h")))
    path = cached(".so", *units, *headers, *FLAGS, *flags, _machine())
    if not path.exists():
        _build(units, path, flags)
    return ctypes.CDLL(str(path))


def cached(suffix: str, *parts: str) -> Path:
    """Where what is built of these texts stands, or will stand."""
    folder().mkdir(parents=True, exist_ok=True)
    return folder() / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}{suffix}"


def _build(units: list[str], path: Path, flags: tuple[str, ...] = ()) -> None:
    """Units side by side, one per process; the library is renamed into place when it is whole."""
    command = find_compiler()
    assert command is not None
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as place:
        jobs = []
        for i, text in enumerate(units):
            (Path(place) / f"{i}.cpp").write_text(text, encoding="utf-8")
            parts = [command, *FLAGS, *flags, f"-I{PRELUDE.parent}", "-c", f"{i}.cpp", "-o", f"{i}.o"]
            jobs.append(subprocess.Popen(parts, cwd=place, stderr=subprocess.PIPE, text=True))
        for job in jobs:
            _, complaint = job.communicate()
            if job.returncode:
                said = [line for line in complaint.splitlines() if "error" in line] or ["no word of why"]
                raise NoCompiler(f"{command} failed: {said[0]}")
        objects = [f"{i}.o" for i in range(len(units))]
        subprocess.run([command, "-shared", *objects, "-o", "whole.so"], cwd=place, check=True)
        os.replace(Path(place) / "whole.so", path)
