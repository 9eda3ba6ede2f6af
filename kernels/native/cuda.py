"""The same loops as CUDA C++: a block of threads plays one future from the first day to the last.

No GPU has run this. Seen to hold: the text, built for a processor, gives the bits of XLA, of the CPU engine and of the
oracle, with several threads as a block, without a race that a race detector finds; NVRTC 12.9 builds it for sm_90 in
under a minute (goods: 112 registers, nothing spilled; whole day: 128, the most that fit, and 388 bytes of spills).

The iterations of a loop are dealt out to the threads, who wait for each other at its end. A sum belongs to one thread,
which adds in order. What a day touches most per byte lies in the chip's shared memory, the rest in global memory, one
piece per block. What futures share and is made once is made by a kernel of one block that runs before.

What bounds it, on an H200 (132 processors at 1.98 GHz; each starts 128 float32 or 64 float64 operations a clock and
moves 128 bytes of shared memory; level-two cache 50 MB), for 1,060 store-products, per stocking point and day:

                                        goods       the whole day with money
    operations                          1,158       1,659
    of which float32, float64           720, 158    720, 577
    elements on the chip, off it        91, 45      151, 159
    elements made once for all          30          48
    KiB of a future on it, off it       113, 513    113, 862       (53 store-products: 64 and 95, all on the chip)
    loops a day                         76          284

Even one instruction an operation is 35 and 50 ps, 2.9e10 and 2.0e10 point-days a second; the 720 float32 operations
are the quantile of demand and bound 1e11 by themselves (21 ps; half of it if products and sums were contracted). Nearer
are the 360 and 1,270 bytes off the chip: at 4.8 TB/s of memory, for two blocks on each processor outgrow the level-two
cache, 1.3e10 and 3.8e9. Not counted: addresses, division (a dozen instructions), and waiting at the end of small loops.

Products and sums are not contracted, so that no number is rounded otherwise than by the definition; the CPU engine
does contract, and keeps the bits of exact mode. CUDA's own functions may differ from the C library's in the last bit:
the whole day calls `exp` alone, for lead times, which are rounded to days. Everything else is `kernels.elementary`.
"""

import math
from collections import defaultdict
from pathlib import Path

from kernels.native import indexed, schedule
from kernels.native.expressions import Register, expression, masked
from kernels.native.nest import Nest, neutral
from kernels.native.program import DAILY, LAST, ONCE, REDUCTIONS, Op, Program, Value, trim, whole
from kernels.native.schedule import Loop, Memory, item
from kernels.native.source import Writer

PRELUDE = Path(__file__).parent / "cuda.h"
_ALIGNMENT = 64


def fold(program: Program) -> None:
    """Turn reductions into reads of what they add up: each output belongs to one thread, which adds in order.

    Over several axes the longest is left for the end: (55, 20) to one number is 55 threads with 20 steps each, then 55
    steps. Whole quanta add up to the same bits in any order.
    """
    ops = []
    for op in program.ops:
        if op.name in REDUCTIONS:
            assert op.makes is not None
            x, axes = op.reads[0], sorted(op.params["axes"], key=lambda a: op.reads[0].shape[a])
            if sum(x.shape[a] > 1 for a in axes) > 1:
                *first, last = axes
                shape = tuple(n for a, n in enumerate(x.shape) if a not in first)
                part = Value(shape, op.makes.dtype, op.varies, op.makes.when)
                params = {"how": op.name, "axes": first}
                ops.append(Op("fold", trim(shape), op.varies, op.when, [x], makes=part, params=params))
                part.writers.append(ops[-1])
                op.reads, axes = [whole(part)], [last - sum(a < last for a in first)]
            op.name, op.space, op.params = "fold", trim(op.makes.shape), {"how": op.name, "axes": axes}
        ops.append(op)
    program.ops = ops


def _fold(nest: Nest, op: Op) -> tuple[Register, int]:
    assert op.makes is not None
    (x,), axes = op.reads, op.params["axes"]
    combine, start = neutral(op.params["how"], op.makes)
    kept = iter(nest.indices(op.makes.shape))
    indices = [f"k{a}" if a in axes else next(kept) for a in range(len(x.shape))]
    total = Register(nest.name(), start.kind, start.lanes)
    text = f"{total.type} {total.text} = {start.text};"
    if x.lay.size:
        one = nest.element(x, nest.position(x.lay, x.offset, indices))
        more = expression(combine, {}, [total, one], total.kind)
        loops = "".join(f"for (int k{a} = 0; k{a} < {x.shape[a]}; ++k{a}) " for a in axes)
        text += f" {loops}{total.text} = {masked(more, 64) if more.kind == 'mask' else more.text};"
    nest.before[nest.depth].append(text)
    return total, nest.depth


class Spread(Nest):
    """A loop whose iterations are dealt out to the threads of a block; all wait for each other at its end."""

    reads = indexed.READS | {"fold": _fold}

    def in_order(self) -> int:
        """How many outer axes every thread walks itself: those along which a scatter may meet an element twice."""
        most = 0
        for op in self.loop.ops:
            if op.name.startswith("scatter") and not op.params["unique_indices"]:
                shape, window = op.reads[0].shape, op.params["dimension_numbers"].update_window_dims
                most = max(
                    [most, *(len(trim(shape[: a + 1])) for a, n in enumerate(shape) if n > 1 and a not in window)]
                )
        return most

    def text(self) -> str:
        apart = self.in_order()
        sizes = self.loop.space[apart:]
        lines = [*self.before[0]]
        for d in range(apart):
            lines.append(f"for (int i{d} = 0; i{d} < {self.loop.space[d]}; ++i{d}) {{")
            lines += self.before[d + 1]
        lines.append(f"for (int i = threadIdx.x; i < {math.prod(sizes)}; i += blockDim.x) {{")
        for d, n in enumerate(sizes):
            inner = math.prod(sizes[d + 1 :])
            lines.append(f"const int i{apart + d} = i{f' / {inner}' if inner > 1 else ''}{f' % {n}' if d else ''};")
        for statements in self.before[apart + 1 :]:
            lines += statements
        return "\n".join([*lines, *self.last, "}" * (apart + 1), "__syncthreads();"])


class Place:
    """Where what passes between loops lives: `once` for all blocks; `chip` and `own` of one block, in bytes.

    What a day touches most often per byte goes on the chip until `room` is full.
    """

    def __init__(self, phases: list[list[Loop]], memory: Memory, room: int) -> None:
        size: dict[tuple[bool, int], int] = defaultdict(int)
        traffic: dict[tuple[bool, int], int] = defaultdict(int)
        for value, offset in memory.offset.items():
            buffer = value.varies, offset
            size[buffer] = max(size[buffer], -(-value.size * item(value) // _ALIGNMENT) * _ALIGNMENT, _ALIGNMENT)
        for loop in phases[DAILY]:
            for buffer, elements in _touched(loop, memory).items():
                traffic[buffer] += elements
        once = {(False, at) for value, at in memory.offset.items() if not value.varies and value.when == ONCE}
        self.bytes = {"once": 0, "chip": 0, "own": 0}
        at: dict[tuple[bool, int], str] = {}
        for buffer in sorted(size, key=lambda b: (-traffic[b] / size[b], b)):
            fits = self.bytes["chip"] + size[buffer] <= room
            where = "once" if buffer in once else "chip" if fits else "own"
            at[buffer] = f"({'' if where == 'chip' else 'r.'}{where} + {self.bytes[where]}L)"
            self.bytes[where] += size[buffer]
        self.of = {value: at[value.varies, offset] for value, offset in memory.offset.items()}


def _touched(loop: Loop, memory: Memory) -> dict[tuple[bool, int], int]:
    """Elements of each buffer that a loop reads or writes."""
    found: dict[tuple[bool, int], int] = {}
    for op in loop.ops:
        values = [*(x.value for x in op.reads), op.makes, op.into.value if op.into else None]
        for root in (value.memory for value in values if value is not None):
            if root in memory.offset:
                elements = root.size if op.name in ("fold", "dot_general") else math.prod(op.space)
                buffer = root.varies, memory.offset[root]
                found[buffer] = max(found.get(buffer, 0), elements)
    return found


class Block(Writer):
    """Turns loops into functions of a block of threads."""

    nest = Spread

    def __init__(self, program: Program, memory: Memory, place: Place) -> None:
        super().__init__(program, memory, 1, "loop")
        self.place = place

    def pointer(self, value: Value) -> str:
        return self.place.of.get(value.memory) or super().pointer(value)


def written(program: Program, room: int, threads: int, blocks: int) -> tuple[str, Place]:
    """The text for blocks of so many threads, so many at once on a processor, and the bytes that it needs."""
    fold(program)
    phases, memory = schedule.plan(program, 1)
    place = Place(phases, memory, room)
    writer = Block(program, memory, place)
    calls = [[(f"{writer.function(loop)}(r, t);", loop.varies) for loop in phase] for phase in phases]
    text = _TEXT.format(
        ins=len(program.shared), each=len(program.each), outs=len(program.outputs), chip=max(place.bytes["chip"], 1),
        prelude=PRELUDE.read_text(encoding="utf-8"), header="\n".join(writer.header),
        loops="\n".join(writer.functions), threads=threads, blocks=blocks, own=place.bytes["own"], days=program.days,
        once="\n  ".join(call for call, varies in calls[ONCE] if not varies),
        first="\n    ".join(call for call, varies in calls[ONCE] if varies),
        daily="\n      ".join(call for call, _ in calls[DAILY]), last="\n    ".join(call for call, _ in calls[LAST]),
    )  # fmt: skip
    return text, place


_TEXT = """#define INS {ins}
#define EACH {each}
#define OUTS {outs}
#define CHIP {chip}
{prelude}
{header}
{loops}
extern "C" __global__ void __launch_bounds__({threads}) once(Run r) {{
  long t = 0;
  {once}
}}
extern "C" __global__ void __launch_bounds__({threads}, {blocks}) play(Run r) {{
  r.own += blockIdx.x * {own}L;
  for (r.first = blockIdx.x; r.first < r.futures; r.first += gridDim.x) {{
    long t = 0;
    {first}
    for (; t < {days}; ++t) {{
      {daily}
    }}
    t = 0;
    {last}
  }}
}}
#if !defined(__CUDACC__)
extern "C" void play_on_host(const Run* r, int threads) {{
  on_host(once, *r, threads);
  on_host(play, *r, threads);
}}
#endif
"""
