"""A programme of `cuda` behind `jax.ffi`: on a GPU, or, the same text, on threads of this processor."""

import ctypes
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels.native import cuda
from kernels.native.compiler import NoCompiler, built, cached, find_compiler
from kernels.native.trace import read

THREADS, BLOCKS = 256, 2  # threads of a block, blocks of a processor at once
ROOM = 113 * 1024  # of 227 KiB of a Hopper processor, two blocks' share
ROOMY = ("8.0", "9.0", "10.0")
# fmad: a product and a sum rounded once would change what is not a whole number
FLAGS = ("--std=c++17", "--fmad=false", "--device-as-default-execution-space", "--disable-warnings")
NO_NVRTC = "no NVRTC found: jax[cuda12] and jax[cuda13] bring it"
_UNHURRIED = ("-O0",)  # what only starts a kernel, or is only held to the definition, need not be fast
_LAUNCH = Path(__file__).parent / "launch.cpp"


class OnChip:
    """A compiled function. threads: None for the first GPU that JAX sees, else a block's threads on this processor.

    Raises NoCompiler or Unsupported.
    """

    def __init__(self, threads: int | None, function: Callable[..., Any], shared: tuple[Any, ...], each: Any) -> None:
        one = jax.eval_shape(lambda every: jax.tree.map(lambda x: x[0], every), each)
        trace, shape = jax.make_jaxpr(function, return_shape=True)(*shared, one)
        self.program = read(trace, len(jax.tree.leaves(each)))
        text, self.place = cuda.written(self.program, ROOM, THREADS, BLOCKS)
        self.tree = jax.tree.structure(shape)
        self.threads = threads or THREADS
        if threads is None:
            card = jax.local_devices(backend="gpu")[0]
            self.blocks = BLOCKS * card.core_count
            self.file = cubin(text, f"sm_{card.compute_capability.replace('.', '')}")
        else:
            self.blocks = 1
            self.file = Path(built([text], _UNHURRIED)._name)
        self.target = launcher(threads is not None)
        self.play = jax.jit(self._play)

    def __call__(self, shared: tuple[Any, ...], each: Any) -> Any:
        """Outputs, leading axis future."""
        leaves = zip(jax.tree.leaves((shared, each)), self.program.shared + self.program.each, strict=True)
        return jax.tree.unflatten(self.tree, self.play([jnp.asarray(x, value.dtype) for x, value in leaves]))

    def _play(self, given: list[jax.Array]) -> list[jax.Array]:
        futures = len(given[-1])
        blocks, size = min(self.blocks, futures), self.place.bytes
        shapes: list[tuple[tuple[int, ...], Any]] = [
            ((futures, *([self.program.days] if by_day else []), *view.shape), view.value.dtype)
            for view, by_day in self.program.outputs
        ]
        shapes += [((size["once"],), np.uint8), ((size["own"] * blocks,), np.uint8)]
        call = jax.ffi.ffi_call(self.target, [jax.ShapeDtypeStruct(*x) for x in shapes])  # type: ignore[no-untyped-call]
        numbers = {"futures": futures, "threads": self.threads, "blocks": blocks, "chip": size["chip"]}
        found = call(*given, file=str(self.file), **{name: np.int64(n) for name, n in numbers.items()})
        return list(found[:-2])


on_gpu = partial(OnChip, None)


def why_not() -> str | None:
    """What is missing here to play on a GPU's chip, or None."""
    if jax.default_backend() != "gpu":
        return "JAX sees no GPU"
    if find_compiler() is None:
        return "no C++ compiler found: install g++ or clang++"
    capability = jax.local_devices()[0].compute_capability
    if capability not in ROOMY:
        roomy = " or ".join(ROOMY)
        return f"{ROOM // 1024} KiB on the chip are there where compute capability is {roomy}, not {capability}"
    return None if nvrtc() else NO_NVRTC


@cache
def launcher(host: bool) -> str:
    """The name by which XLA knows launch.cpp."""
    flags = (f"-isystem{jax.ffi.include_dir()}", *_UNHURRIED, *(["-DHOST"] * host))
    library = built([f"// {jax.__version__}\n{_LAUNCH.read_text(encoding='utf-8')}"], flags)
    name = "tandem_on_chip"
    start = jax.ffi.pycapsule(library.launch_on_xla)  # type: ignore[no-untyped-call]
    jax.ffi.register_ffi_target(name, start, platform="cpu" if host else "CUDA")
    return name


@cache
def nvrtc() -> ctypes.CDLL | None:
    """NVIDIA's compiler as a library, which JAX's own CUDA packages bring along, or None."""
    spec = find_spec("nvidia")
    places = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(str(file) for place in places for file in Path(place).glob("*/lib/libnvrtc.so.*"))
    for name in (*files, "libnvrtc.so.13", "libnvrtc.so.12"):
        with suppress(OSError):
            return ctypes.CDLL(name)
    return None


def cubin(text: str, architecture: str) -> Path:
    """The file of machine code of a GPU, "sm_90" or another, from the cache where it was built before.

    Raises NoCompiler, with the compiler's first complaint if there is one.
    """
    library = nvrtc()
    if library is None:
        raise NoCompiler(NO_NVRTC)
    version = (ctypes.c_int(), ctypes.c_int())
    library.nvrtcVersion(*map(ctypes.byref, version))
    flags = (f"--gpu-architecture={architecture}", *FLAGS)
    path = cached(".cubin", text, *flags, *(str(x.value) for x in version))
    if path.exists():
        return path
    options = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
    one = ctypes.c_void_p()
    library.nvrtcCreateProgram(ctypes.byref(one), text.encode(), b"cuda.h", 0, None, None)
    try:
        failed = library.nvrtcCompileProgram(one, len(flags), options)
        if failed:
            said = [x for x in _from(library, "ProgramLog", one).decode().splitlines() if "error" in x]
            raise NoCompiler(f"NVRTC failed: {(said or ['no word of why'])[0]}")
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".build-") as place:
            whole = Path(place) / "whole.cubin"
            whole.write_bytes(_from(library, "CUBIN", one))
            os.replace(whole, path)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(one))
    return path


def _from(library: ctypes.CDLL, what: str, one: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    library[f"nvrtcGet{what}Size"](one, ctypes.byref(size))
    found = ctypes.create_string_buffer(size.value)
    library[f"nvrtcGet{what}"](one, found)
    return found.raw
