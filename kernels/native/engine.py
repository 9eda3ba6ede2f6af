"""Compile a traced function of one future to a library of this machine, and run blocks of futures with it."""

import ctypes
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

from kernels.native import schedule
from kernels.native.program import DAILY, LAST, ONCE, Op, Program, Unsupported, read, trim, whole
from kernels.native.schedule import Loop, Memory, loops
from kernels.native.source import Writer


def plan(program: Program, lanes: int) -> tuple[list[list[Loop]], Memory]:
    for k, (view, by_day) in enumerate(program.outputs):
        if view.lay.size:
            when = DAILY if by_day else LAST
            program.ops.append(Op("emit", trim(view.shape), True, when, [view], params={"output": k, "by_day": by_day}))
    schedule.in_place(program)
    ops = [op for op in live(program) if op.makes is None or op.makes.size]
    phases = [loops([op for op in ops if op.when == when]) for when in (ONCE, DAILY, LAST)]
    phases[ONCE] += _carried(program, ONCE)
    phases[DAILY] += _carried(program, DAILY)
    return phases, schedule.memory(program, phases, lanes)


def live(program: Program) -> list[Op]:
    emits = [op for op in program.ops if op.name == "emit"]
    found = schedule.live(program)
    return [*(op for op in found if op.name != "emit"), *emits]


def _carried(program: Program, when: int) -> list[Loop]:
    """Copies of first values into the carries, or of a day's last values."""
    result = []
    for first, carry, last in program.carried:
        x = first if when == ONCE else last
        if not carry.size or (when == DAILY and x.value.memory is carry):
            continue
        if when == DAILY and x.value.source[:1] == ("carry",):
            raise Unsupported("a carry that becomes another")
        op = Op("place", trim(carry.shape), True, when, [x], into=whole(carry))
        result.append(Loop(op.space, True, [op]))
    return result


class Futures:
    """A compiled function of one future. `shared` and `each` are the flat arguments it was traced with."""

    def __init__(self, program: Program, memory: Memory, lanes: int, library: ctypes.CDLL, outs: Sequence[Any]) -> None:
        self.program, self.memory, self.lanes, self.library, self.outs = program, memory, lanes, library, outs

    def __call__(self, shared: Sequence[np.ndarray], each: Sequence[np.ndarray], workers: int = 1) -> list[np.ndarray]:
        futures = len(each[0])
        groups = -(-futures // self.lanes)
        padded = groups * self.lanes
        rows = [np.ascontiguousarray(np.resize(x, (padded, *x.shape[1:])) if len(x) != padded else x) for x in each]
        given = [np.asarray(x, v.dtype, order="C") for x, v in zip(shared, self.program.shared, strict=True)]
        for x, value in zip(given, self.program.shared, strict=True):
            assert x.shape == value.shape, (x.shape, value.shape)
        out = [np.zeros((padded, *shape), dtype) for shape, dtype in self.outs]
        blocks = [(a[0], len(a)) for a in np.array_split(np.arange(groups), min(workers, groups))]

        def work(block: tuple[int, int]) -> None:
            varying, shared_memory = (_aligned(n) for n in (self.memory.varying, self.memory.shared))
            self.library.play(
                _pointers(given), _pointers(rows), _pointers(out), _address(varying), _address(shared_memory),
                ctypes.c_long(block[0] * self.lanes), ctypes.c_long(block[1]),
            )  # fmt: skip

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, blocks))
        return [x[:futures] for x in out]


def _aligned(size: int) -> np.ndarray:
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


def _address(x: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


def _pointers(arrays: Sequence[np.ndarray]) -> Any:
    return (ctypes.c_void_p * max(len(arrays), 1))(*(x.ctypes.data for x in arrays))


FLAGS = ("-std=c++17", "-O2", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fwrapv", "-fPIC", "-Wno-psabi")


def build(units: list[str], folder: Path) -> ctypes.CDLL:
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for i, text in enumerate(units):
        (folder / f"unit_{i}.cpp").write_text(text)
        command = ["g++", *FLAGS, "-I", str(Path(__file__).parent), "-c", f"unit_{i}.cpp", "-o", f"unit_{i}.o"]
        jobs.append(subprocess.Popen(command, cwd=folder))
    for job in jobs:
        if job.wait():
            raise RuntimeError("compile")
    objects = [f"unit_{i}.o" for i in range(len(units))]
    subprocess.run(["g++", "-shared", *objects, "-o", "play.so"], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "play.so"))


def compiled(function: Callable[..., Any], shared: Any, each: Any, lanes: int = 8, units: int = 2, folder: Path = Path("/tmp/native")) -> Any:
    one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), each)
    t = time.time()
    closed, shape = jax.make_jaxpr(function, return_shape=True)(shared, one)
    count = len(jax.tree.leaves(each))
    print("trace", time.time() - t, file=sys.stderr); t = time.time()
    program = read(closed, count)
    phases, memory = plan(program, lanes)
    print("plan", time.time() - t, [len(p) for p in phases], memory.varying, memory.shared, file=sys.stderr); t = time.time()
    writer = Writer(program, memory)
    names = [[(writer.function(loop), loop.varies) for loop in phase] for phase in phases]
    text = sources(writer, names, lanes, program.days, units)
    print("write", time.time() - t, sum(map(len, text)), file=sys.stderr); t = time.time()
    library = build(text, folder)
    print("build", time.time() - t, file=sys.stderr)
    leaves = jax.tree.leaves(shape)
    outs = [((program.days, *v.shape) if by_day else v.shape, v.value.dtype) for v, by_day in program.outputs]
    futures = Futures(program, memory, lanes, library, outs)
    tree = jax.tree.structure(shape)

    def run(shared: Any, each: Any, workers: int = 1) -> Any:
        flat = [np.asarray(x) for x in jax.tree.leaves(shared)]
        rows = [np.asarray(x) for x in jax.tree.leaves(each)]
        return jax.tree.unflatten(tree, futures(flat, rows, workers))

    run.phases, run.memory, run.program = phases, memory, program
    return run


def sources(writer: Writer, names: list[list[tuple[str, bool]]], lanes: int, days: int, units: int) -> list[str]:
    head = f"#define W {lanes}\n#include \"prelude.h\"\n"
    common = head + "\n".join(writer.header) + "\n"
    parts: list[list[str]] = [[] for _ in range(units)]
    for f in sorted(writer.functions, key=len, reverse=True):
        min(parts, key=lambda p: sum(map(len, p))).append(f)
    declared = "".join(f"void {name}(const Run& r, long t);\n" for phase in names for name, _ in phase)

    def calls(phase: int, varies: bool | None = None) -> str:
        return "".join(f"{name}(r, t);\n" for name, v in names[phase] if varies is None or v == varies)

    main = f"""{declared}
extern "C" void play(const char* const* in, const char* const* each, char* const* out, char* varying, char* shared,
                     long first, long groups) {{
  Run r{{in, each, out, varying, shared, first}};
  long t = 0;
  {calls(ONCE, False)}
  for (long g = 0; g < groups; ++g) {{
    r.first = first + g * W;
    t = 0;
    {calls(ONCE, True)}
    for (; t < {days}; ++t) {{
{calls(DAILY)}
    }}
    {calls(LAST)}
  }}
}}
"""
    texts = [common + "\n".join(part) for part in parts]
    texts[0] += head + main if False else main
    return texts
