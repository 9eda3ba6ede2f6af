"""The statements of one loop nest: what is read, computed and written at one element of its space."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from jax.extend import core

from kernels.native import indexed
from kernels.native.expressions import Register, expression, kind_of, literal, masked, spread
from kernels.native.program import REDUCTIONS, Op, Unsupported, Value, View, dense
from kernels.native.schedule import Loop

_COMBINE = {
    "reduce_sum": ("add", 0), "reduce_prod": ("mul", 1), "reduce_max": ("max", -np.inf), "reduce_min": ("min", np.inf),
    "reduce_or": ("or", False), "reduce_and": ("and", True),
}  # fmt: skip


def neutral(reduction: str, value: Value) -> tuple[str, Register]:
    """The operation that a reduction repeats, and what it begins with."""
    combine, first = _COMBINE[reduction]
    kind = kind_of(value.dtype)
    if kind[0] in "iu" and first not in (0, 1):
        info = np.iinfo(value.dtype)
        first = info.min if combine == "max" else info.max
    start = Register(literal(first, kind), kind, False)
    return combine, spread(start) if value.varies else start


class Surroundings(Protocol):
    """What a nest asks of the programme it is part of."""

    days: int

    def pointer(self, value: Value) -> str: ...
    def kept(self, value: Value) -> bool: ...
    def slow_function(self, jaxpr: core.ClosedJaxpr) -> str: ...


class Nest:
    """The statements of one loop."""

    reads = indexed.READS

    def __init__(self, programme: Surroundings, loop: Loop) -> None:
        self.programme, self.loop = programme, loop
        self.depth = len(loop.space)
        # statements by depth, before the deeper loop and after it; stores come last in the innermost body
        self.before: list[list[str]] = [[] for _ in range(self.depth + 1)]
        self.after: list[list[str]] = [[] for _ in range(self.depth + 1)]
        self.last: list[str] = []
        self.here: dict[Value, tuple[Register, int]] = {}
        self.loaded: dict[Any, tuple[Register, int]] = {}
        self.names = 0
        for op in loop.ops:
            self.write(op)

    def text(self) -> str:
        lines = []
        for d in range(self.depth + 1):
            lines += self.before[d]
            if d < self.depth:
                n = self.loop.space[d]
                lines.append(f"for (long i{d} = 0; i{d} < {n}; ++i{d}) {{")
        lines += self.last
        for d in reversed(range(self.depth)):
            lines.append("}")
            lines += self.after[d]
        return "\n".join(lines)

    def name(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def say(self, register: Register, depth: int) -> Register:
        """Give an expression a name at a depth of the nest."""
        name = self.name()
        self.before[depth].append(f"const {register.type} {name} = {register.text};")
        return Register(name, register.kind, register.lanes, register.width)

    # -------------------- reading

    def indices(self, shape: Sequence[int]) -> list[str]:
        """The loop variable of each axis; 0 for axes of length 1."""
        names = iter(f"i{d}" for d in range(self.depth))
        return [next(names) if n != 1 else "0" for n in shape]

    def position(self, lay: np.ndarray, offset: int, indices: Sequence[str]) -> str:
        terms = [str(offset)] if offset else []
        for stride, index in zip(lay.strides, indices, strict=True):
            if stride and index != "0":
                terms.append(index if stride == 1 else f"{stride} * {index}")
        return " + ".join(terms) or "0"

    def deepest(self, text: str) -> int:
        return max((d + 1 for d in range(self.depth) if f"i{d}" in text), default=0)

    def element(self, x: View, at: str) -> Register:
        """An element of memory as an expression."""
        value, kind = x.value, kind_of(x.value.dtype)
        pointer = self.programme.pointer(value)
        if value.varies:
            if kind == "mask":
                return Register(f"load_mask64({pointer}, {at})", kind, True, 64)
            return Register(f"load<{kind}v>({pointer}, {at})", kind, True)
        return Register(f"((const {'bool' if kind == 'mask' else kind}*){pointer})[{at}]", kind, False)

    def get(self, x: View, indices: Sequence[str] | None = None) -> tuple[Register, int]:
        """The element that this iteration reads, and the depth from which it is known."""
        value = x.value
        if not x.lay.size:  # nothing of it is ever read: the loop has no iterations
            kind = kind_of(value.dtype)
            return Register(literal(0, kind), kind, False), 0
        if value in self.here and x.is_whole():
            return self.here[value]
        if value.data is not None and value.data.size == 1:
            kind = kind_of(value.dtype)
            return Register(literal(value.data.ravel().tolist()[0], kind), kind, False), 0
        at = self.position(x.lay, x.offset, indices or self.indices(x.shape))
        if value.source[:1] == ("each",):
            return self.taken(value, at)
        key = (value.memory, at)
        if key not in self.loaded:
            depth = self.deepest(at)
            self.loaded[key] = self.say(self.element(x, at), depth), depth
        return self.loaded[key]

    def taken(self, value: Value, at: str) -> tuple[Register, int]:
        """Elements of an argument with one row per future."""
        kind, depth, name = kind_of(value.dtype), self.deepest(at), self.name()
        if kind == "mask":
            raise Unsupported("truth values by future")
        row = f"((const {kind}*)r.each[{value.source[1]}])[(r.first + w) * {value.size}L + {at}]"
        self.before[depth].append(f"{kind}v {name}; for (int w = 0; w < W; ++w) {name}[w] = {row};")
        return Register(name, kind, True), depth

    # -------------------- operations

    def write(self, op: Op) -> None:
        if op.name in REDUCTIONS:
            return self.reduction(op)
        if op.name == "place":
            x, _ = self.get(op.reads[0])
            assert op.into is not None
            at = self.position(op.into.lay, op.into.offset, self.indices(op.into.shape))
            return self.store(op.into.value, at, x)
        if op.name == "emit":
            return self.emit(op)
        if op.name.startswith("scatter"):
            return indexed.scatter(self, op)
        if op.name == "dynamic_update_slice":
            return indexed.update_slice(self, op)
        assert op.makes is not None
        if op.name in self.reads:
            register, depth = self.reads[op.name](self, op)
        elif op.name == "iota":
            register, depth = self.iota(op)
        elif op.name == "decide":
            register, depth = self.decide(op)
        else:
            found = [self.get(x) for x in op.reads]
            depth = max((d for _, d in found), default=0)
            result = expression(op.name, op.params, [x for x, _ in found], kind_of(op.makes.dtype))
            register = self.say(result, depth)
        if op.varies and not register.lanes:
            register = spread(register)
        self.here[op.makes] = register, depth
        if self.programme.kept(op.makes):
            at = self.position(dense(op.makes.shape), 0, self.indices(op.makes.shape))
            self.store(op.makes, at, register)
        return None

    def stored(self, value: Value, at: str, x: Register) -> str:
        pointer, kind = self.programme.pointer(value), kind_of(value.dtype)
        if not value.varies:
            return f"(({'bool' if kind == 'mask' else kind}*){pointer})[{at}] = {x.text};"
        x = spread(x)
        if kind == "mask":
            return f"store_mask({pointer}, {at}, {x.text});"
        return f"store<{kind}v>({pointer}, {at}, {x.text});"

    def store(self, value: Value, at: str, x: Register) -> None:
        self.last.append(self.stored(value, at, x))

    def reduction(self, op: Op) -> None:
        assert op.makes is not None
        x, value = op.reads[0], op.makes
        register, _ = self.get(x)
        combine, start = neutral(op.name, value)
        kind = start.kind
        if value.varies:
            register = spread(register)
        all_axes = self.indices(x.shape)
        gone = {all_axes[a] for a in op.params["axes"]} - {"0"}
        kept = [i for a, i in enumerate(all_axes) if a not in op.params["axes"]]
        prefix = [f"i{d}" for d in range(self.depth - len(gone))]
        at = self.position(dense(value.shape), 0, kept)
        if not gone & set(prefix):
            depth, name = len(prefix), self.name()
            self.before[depth].append(f"{start.type} {name} = {start.text};")
            total = expression(combine, {}, [Register(name, kind, start.lanes), register], kind)
            self.last.append(f"{name} = {masked(total, 64) if kind == 'mask' else total.text};")
            done = self.stored(value, at, Register(name, kind, start.lanes))
            if depth < self.depth:
                self.after[depth].insert(0, done)
            else:
                self.last.append(done)
            return
        fill = self.stored(value, "k", start)
        self.before[0].append(f"for (long k = 0; k < {value.size}; ++k) {fill}")
        so_far = self.element(View(value, dense(value.shape)), at)
        total = expression(combine, {}, [so_far, register], kind)
        self.store(value, at, total)

    def emit(self, op: Op) -> None:
        """Write an output where the caller wants it: (future, .., element) or (future, day, .., element)."""
        x, _ = self.get(op.reads[0])
        view = op.reads[0]
        kind = kind_of(view.value.dtype)
        size = math.prod(view.shape)
        at = self.position(dense(view.shape), 0, self.indices(view.shape))
        row = f"(r.first + w) * {self.programme.days}L + t" if op.params["by_day"] else "(r.first + w)"
        to = f"(({'bool' if kind == 'mask' else kind}*)r.out[{op.params['output']}])[({row}) * {size}L + {at}]"
        one = f"{x.text}[w]" if x.lanes else x.text
        self.last.append(f"for (int w = 0; w < W; ++w) {to} = {one}{' != 0' if kind == 'mask' else ''};")

    # -------------------- operations of their own

    def iota(self, op: Op) -> tuple[Register, int]:
        assert op.makes is not None
        index = self.indices(op.makes.shape)[op.params["dimension"]]
        kind = kind_of(op.makes.dtype)
        return Register(f"({kind}){index}", kind, False), self.deepest(index)

    def decide(self, op: Op) -> tuple[Register, int]:
        assert op.makes is not None
        slow = self.programme.slow_function(op.params["slow"])
        found = [self.get(x) for x in op.reads]
        depth, kind, name = max(d for _, d in found), kind_of(op.makes.dtype), self.name()
        code, *rest = (x for x, _ in found)
        if not op.varies:
            arguments = ", ".join(x.text for x in rest)
            text = f"{kind} {name} = {code.text}; if ({name} < 0) {name} = {slow}({name}, {arguments});"
        else:
            arguments = ", ".join(f"{x.text}[w]" if x.lanes else x.text for x in rest)
            text = (
                f"{kind}v {name} = {spread(code).text}; if (any({name} < 0)) "
                f"for (int w = 0; w < W; ++w) if ({name}[w] < 0) {name}[w] = {slow}({name}[w], {arguments});"
            )
        self.before[depth].append(text)
        return Register(name, kind, op.varies), depth
