"""C++ text: one function per loop, and one that plays all days of a block of futures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.extend import core

from kernels.native.expressions import Register, expression, kind_of, literal, masked, spread
from kernels.native.program import DAILY, LAST, ONCE, Op, Program, Unsupported, Value, View, trim
from kernels.native.schedule import REDUCTIONS, Loop, Memory, beside, item

_COMBINE = {
    "reduce_sum": ("add", 0), "reduce_prod": ("mul", 1), "reduce_max": ("max", -np.inf), "reduce_min": ("min", np.inf),
    "reduce_or": ("or", False), "reduce_and": ("and", True),
}  # fmt: skip
_SCATTER = {"scatter": "", "scatter-add": "add", "scatter_add": "add", "scatter-sub": "sub"}
PROMISED = "PROMISE_IN_BOUNDS"


@dataclass
class Text:
    """Statements of one loop nest by depth: before the deeper loop, and after it."""

    before: list[list[str]]
    after: list[list[str]]
    last: list[str] = field(default_factory=list)  # stores, at the end of the innermost body


class Writer:
    """Turns loops into C++ functions."""

    def __init__(self, program: Program, memory: Memory) -> None:
        self.program, self.memory = program, memory
        self.functions: list[str] = []
        self.constants: dict[int, str] = {}
        self.slow: dict[int, str] = {}
        self.header: list[str] = []
        self.count = 0

    # -------------------- addresses

    def pointer(self, value: Value) -> str:
        """Where the elements of a value lie, as a C++ expression of type char*."""
        value = value.memory
        if value in self.memory.offset:
            return f"(r.{'varying' if value.varies else 'shared'} + {self.memory.offset[value]}L)"
        source = value.source[:1]
        if source == ("const",):
            return f"((char*){self.constant(value)})"
        if source == ("in",):
            return f"((char*)r.in[{value.source[1]}])"
        if source == ("by_day",):
            return f"((char*)r.in[{value.source[1]}] + t * {value.size * item(value)}L)"
        raise AssertionError(f"no memory for {value.source or value.writers[0].name}")

    def constant(self, value: Value) -> str:
        if id(value) not in self.constants:
            name = f"constant_{len(self.constants)}"
            assert value.data is not None
            kind = "bool" if value.dtype == np.bool_ else kind_of(value.dtype)
            numbers = ", ".join(literal(x, kind_of(value.dtype)) for x in value.data.ravel().tolist())
            self.header.append(f"alignas(64) static const {kind} {name}[] = {{{numbers}}};")
            self.constants[id(value)] = name
        return self.constants[id(value)]

    def function(self, loop: Loop) -> str:
        """Write one loop; returns its name."""
        name = f"loop_{self.count}"
        self.count += 1
        body = Nest(self, loop).text()
        self.functions.append(f"void {name}(const Run& r, long t) {{\n{body}\n}}\n")
        return name

    def slow_function(self, jaxpr: core.ClosedJaxpr) -> str:
        if id(jaxpr) not in self.slow:
            name = f"slow_{len(self.slow)}"
            self.header.append(scalar_function(name, jaxpr))
            self.slow[id(jaxpr)] = name
        return self.slow[id(jaxpr)]


class Nest:
    """The statements of one loop."""

    def __init__(self, writer: Writer, loop: Loop) -> None:
        self.writer, self.loop = writer, loop
        self.depth = len(loop.space)
        self.text_ = Text([[] for _ in range(self.depth + 1)], [[] for _ in range(self.depth + 1)])
        self.here: dict[Value, tuple[Register, int]] = {}
        self.loaded: dict[Any, tuple[Register, int]] = {}
        self.names = 0
        for op in loop.ops:
            self.write(op)

    def text(self) -> str:
        lines = []
        for d in range(self.depth + 1):
            lines += self.text_.before[d]
            if d < self.depth:
                n = self.loop.space[d]
                lines.append(f"for (long i{d} = 0; i{d} < {n}; ++i{d}) {{")
        lines += self.text_.last
        for d in reversed(range(self.depth)):
            lines.append("}")
            lines += self.text_.after[d]
        return "\n".join(lines)

    def name(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def say(self, register: Register, depth: int) -> Register:
        """Give an expression a name at a depth of the nest."""
        name = self.name()
        self.text_.before[depth].append(f"const {register.type} {name} = {register.text};")
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
        pointer = self.writer.pointer(value)
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
        self.text_.before[depth].append(f"{kind}v {name}; for (int w = 0; w < W; ++w) {name}[w] = {row};")
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
            return self.scatter(op)
        assert op.makes is not None
        special = {"gather": self.gather, "dynamic_slice": self.dynamic_slice, "dot_general": self.dot,
                   "argmin": self.arg, "argmax": self.arg, "iota": self.iota, "decide": self.decide}  # fmt: skip
        if op.name in special:
            register, depth = special[op.name](op)
        else:
            found = [self.get(x) for x in op.reads]
            depth = max((d for _, d in found), default=0)
            result = expression(op.name, op.params, [x for x, _ in found], kind_of(op.makes.dtype))
            register = self.say(result, depth)
        if op.varies and not register.lanes:
            register = spread(register)
        self.here[op.makes] = register, depth
        if op.makes in self.writer.memory.offset or op.makes.memory is not op.makes:
            at = self.position(_c_order(op.makes.shape), 0, self.indices(op.makes.shape))
            self.store(op.makes, at, register)
        return None

    def stored(self, value: Value, at: str, x: Register) -> str:
        pointer, kind = self.writer.pointer(value), kind_of(value.dtype)
        if not value.varies:
            return f"(({'bool' if kind == 'mask' else kind}*){pointer})[{at}] = {x.text};"
        x = spread(x)
        if kind == "mask":
            return f"store_mask({pointer}, {at}, {x.text});"
        return f"store<{kind}v>({pointer}, {at}, {x.text});"

    def store(self, value: Value, at: str, x: Register) -> None:
        self.text_.last.append(self.stored(value, at, x))

    def reduction(self, op: Op) -> None:
        assert op.makes is not None
        x, value = op.reads[0], op.makes
        register, _ = self.get(x)
        combine, first = _COMBINE[op.name]
        kind = kind_of(value.dtype)
        if kind[0] in "iu" and first not in (0, 1):
            info = np.iinfo(value.dtype)
            first = info.min if combine == "max" else info.max
        start = Register(literal(first, kind), kind, False)
        if value.varies:
            start, register = spread(start), spread(register)
        all_axes = self.indices(x.shape)
        gone = {all_axes[a] for a in op.params["axes"]} - {"0"}
        kept = [i for a, i in enumerate(all_axes) if a not in op.params["axes"]]
        prefix = [f"i{d}" for d in range(self.depth - len(gone))]
        at = self.position(_c_order(value.shape), 0, kept)
        if not gone & set(prefix):
            depth, name = len(prefix), self.name()
            self.text_.before[depth].append(f"{start.type} {name} = {start.text};")
            total = expression(combine, {}, [Register(name, kind, start.lanes), register], kind)
            self.text_.last.append(f"{name} = {masked(total, 64) if kind == 'mask' else total.text};")
            done = self.stored(value, at, Register(name, kind, start.lanes))
            if depth < self.depth:
                self.text_.after[depth].insert(0, done)
            else:
                self.text_.last.append(done)
            return
        fill = self.stored(value, "k", start)
        self.text_.before[0].append(f"for (long k = 0; k < {value.size}; ++k) {fill}")
        so_far = self.element(View(value, _c_order(value.shape)), at)
        total = expression(combine, {}, [so_far, register], kind)
        self.store(value, at, total)

    def emit(self, op: Op) -> None:
        """Write an output where the caller wants it: (future, .., element) or (future, day, .., element)."""
        x, _ = self.get(op.reads[0])
        view = op.reads[0]
        kind = kind_of(view.value.dtype)
        size = int(np.prod(view.shape))
        at = self.position(_c_order(view.shape), 0, self.indices(view.shape))
        row = f"(r.first + w) * {self.writer.program.days}L + t" if op.params["by_day"] else "(r.first + w)"
        to = f"(({'bool' if kind == 'mask' else kind}*)r.out[{op.params['output']}])[({row}) * {size}L + {at}]"
        one = f"{x.text}[w]" if x.lanes else x.text
        self.text_.last.append(f"for (int w = 0; w < W; ++w) {to} = {one}{' != 0' if kind == 'mask' else ''};")

    # -------------------- indexed access

    def iota(self, op: Op) -> tuple[Register, int]:
        assert op.makes is not None
        index = self.indices(op.makes.shape)[op.params["dimension"]]
        kind = kind_of(op.makes.dtype)
        return Register(f"({kind}){index}", kind, False), self.deepest(index)

    def start(self, x: View, indices: list[str]) -> Register:
        """One whole number of an array of indices."""
        return self.get(x, indices)[0]

    def reach(self, parts: Sequence[tuple[int, Register]], base: str) -> tuple[str, bool, int]:
        """The text of base + sum of stride x index; whether it differs by lane; the depth from which it is known."""
        varies = any(i.lanes for _, i in parts)
        terms = [base] if base != "0" else []
        terms += [f"{stride} * (long){i.text}{'[w]' if i.lanes else ''}" for stride, i in parts]
        return " + ".join(terms) or "0", varies, 0

    def fetch(self, x: View, at: str, by_lane: bool) -> tuple[Register, int]:
        """x[at], where the position may differ by lane. Positions come from memory: known at the full depth."""
        kind = kind_of(x.value.dtype)
        if not by_lane:
            return self.say(self.element(x, at), self.depth), self.depth
        name, pointer = self.name(), self.writer.pointer(x.value)
        if kind == "mask":
            raise Unsupported("truth values at positions that differ by future")
        lane = " * W + w" if x.value.varies else ""
        self.text_.before[self.depth].append(
            f"{kind}v {name}; for (int w = 0; w < W; ++w) {name}[w] = ((const {kind}*){pointer})[({at}){lane}];"
        )
        return Register(name, kind, True), self.depth

    def gather(self, op: Op) -> tuple[Register, int]:
        assert op.makes is not None
        x, starts = op.reads
        d = op.params["dimension_numbers"]
        if "PROMISE" not in str(op.params["mode"]) and "CLIP" not in str(op.params["mode"]):
            raise Unsupported(f"gather with mode {op.params['mode']}")
        axes = self.indices(op.makes.shape)
        offsets = [axes[i] for i in d.offset_dims]
        batch = [axes[i] for i in range(len(axes)) if i not in d.offset_dims]
        base = [str(x.offset)] if x.offset else []
        window = iter(offsets)
        for axis in range(len(x.shape)):
            if axis in d.collapsed_slice_dims:
                continue
            if axis in d.operand_batching_dims:
                which = d.start_indices_batching_dims[d.operand_batching_dims.index(axis)]
                index = batch[which]
            else:
                index = next(window)
            if index != "0" and x.strides[axis]:
                base.append(f"{x.strides[axis]} * {index}")
        parts = []
        for k, axis in enumerate(d.start_index_map):
            index = self.start(starts, [*batch, str(k)])
            if "CLIP" in str(op.params["mode"]):
                index = self.clipped(index, x.shape[axis] - op.params["slice_sizes"][axis])
            parts.append((x.strides[axis], index))
        at, by_lane, _ = self.reach(parts, " + ".join(base) or "0")
        return self.fetch(x, at, by_lane)

    def clipped(self, index: Register, most: int) -> Register:
        kind = index.kind
        low, high = Register(f"({kind})0", kind, False), Register(f"({kind}){most}", kind, False)
        return self.say(expression("clamp", {}, [low, index, high], kind), self.depth)

    def dynamic_slice(self, op: Op) -> tuple[Register, int]:
        assert op.makes is not None
        x, *starts = op.reads
        axes = self.indices(op.makes.shape)
        base = self.position(x.lay, x.offset, axes)
        parts = []
        for axis, start in enumerate(starts):
            index, _ = self.get(start)
            index = self.clipped(index, x.shape[axis] - op.makes.shape[axis])
            parts.append((x.strides[axis], index))
        at, by_lane, _ = self.reach(parts, base)
        return self.fetch(x, at, by_lane)

    def dot(self, op: Op) -> tuple[Register, int]:
        assert op.makes is not None
        a, b = op.reads
        (ca, cb), (ba, bb) = op.params["dimension_numbers"]
        axes = self.indices(op.makes.shape)
        free_a = [d for d in range(len(a.shape)) if d not in (*ca, *ba)]
        free_b = [d for d in range(len(b.shape)) if d not in (*cb, *bb)]
        ia, ib = [""] * len(a.shape), [""] * len(b.shape)
        for n, (d, e) in enumerate(zip(ba, bb, strict=True)):
            ia[d] = ib[e] = axes[n]
        for n, d in enumerate(free_a):
            ia[d] = axes[len(ba) + n]
        for n, d in enumerate(free_b):
            ib[d] = axes[len(ba) + len(free_a) + n]
        for n, (d, e) in enumerate(zip(ca, cb, strict=True)):
            ia[d] = ib[e] = f"k{n}"
        kind, name = kind_of(op.makes.dtype), self.name()
        x = self.element(a, self.position(a.lay, a.offset, ia))
        y = self.element(b, self.position(b.lay, b.offset, ib))
        product = expression("mul", {}, [x, y], kind)
        kind_text = kind + ("v" if op.varies else "")
        loops = "".join(f"for (long k{n} = 0; k{n} < {a.shape[d]}; ++k{n}) " for n, d in enumerate(ca))
        self.text_.before[self.depth].append(f"{kind_text} {name}{{}}; {loops}{name} += {product.text};")
        return Register(name, kind, op.varies), self.depth

    def arg(self, op: Op) -> tuple[Register, int]:
        assert op.makes is not None
        (x,) = op.reads
        (axis,) = op.params["axes"]
        axes = self.indices(op.makes.shape)
        kind, to = kind_of(x.value.dtype), kind_of(op.makes.dtype)
        at = self.position(x.lay, x.offset, [*axes[:axis], "k", *axes[axis:]])
        first = self.position(x.lay, x.offset, [*axes[:axis], "0", *axes[axis:]])
        best, where = self.name(), self.name()
        lanes = x.value.varies
        suffix = "v" if lanes else ""
        m = expression("lt" if op.name == "argmin" else "gt", {}, [self.element(x, at), Register(best, kind, lanes)], "mask")
        k = Register(f"({to})k", to, False)
        at_text = expression("select_n", {}, [m, Register(where, to, lanes), k], to).text
        best_text = expression("select_n", {}, [m, Register(best, kind, lanes), self.element(x, at)], kind).text
        self.text_.before[self.depth].append(
            f"{to}{suffix} {where}{{}}; {kind}{suffix} {best} = {self.element(x, first).text};\n"
            f"for (long k = 1; k < {x.shape[axis]}; ++k) {{ {where} = {at_text}; {best} = {best_text}; }}"
        )
        return Register(where, to, lanes), self.depth

    def scatter(self, op: Op) -> None:
        starts, updates = op.reads
        assert op.into is not None
        value = op.into.value
        d = op.params["dimension_numbers"]
        if op.name not in _SCATTER:
            raise Unsupported(op.name)
        axes = self.indices(updates.shape)
        window = iter(axes[i] for i in d.update_window_dims)
        batch = [axes[i] for i in range(len(axes)) if i not in d.update_window_dims]
        lay = _c_order(value.shape)
        base = []
        sizes = {}
        for axis in range(len(value.shape)):
            if axis in d.inserted_window_dims:
                continue
            if axis in d.operand_batching_dims:
                index = batch[d.scatter_indices_batching_dims[d.operand_batching_dims.index(axis)]]
            else:
                position = [i for i in range(len(value.shape)) if i not in (*d.inserted_window_dims, *d.operand_batching_dims)]
                sizes[axis] = updates.shape[d.update_window_dims[position.index(axis)]]
                index = next(window)
            if index != "0" and lay.strides[axis]:
                base.append(f"{lay.strides[axis]} * {index}")
        parts, tests = [], []
        for k, axis in enumerate(d.scatter_dims_to_operand_dims):
            index = self.start(starts, [*batch, str(k)])
            parts.append((lay.strides[axis], index))
            tests.append((index, value.shape[axis] - sizes.get(axis, 1)))
        at, by_lane, _ = self.reach(parts, " + ".join(base) or "0")
        update, _ = self.get(updates)
        checked = "PROMISE" not in str(op.params["mode"])
        test = " && ".join(
            f"(u64)(long){i.text}{'[w]' if i.lanes else ''} <= {most}u" for i, most in tests
        )
        combine = _SCATTER[op.name]
        kind = kind_of(value.dtype)
        if by_lane:
            if kind == "mask":
                raise Unsupported("truth values at positions that differ by future")
            place = f"(({kind}*){self.writer.pointer(value)})[({at}) * W + w]"
            one = f"{update.text}[w]" if update.lanes else update.text
            sign = {"": "=", "add": "+=", "sub": "-="}[combine]
            guard = f"if ({test}) " if checked else ""
            self.text_.last.append(f"for (int w = 0; w < W; ++w) {guard}{place} {sign} {one};")
            return
        result = update
        if combine:
            result = expression(combine, {}, [self.element(View(value, lay), at), update], kind)
        guard = f"if ({test}) " if checked else ""
        self.text_.last.append(guard + self.stored(value, at, result))

    def decide(self, op: Op) -> tuple[Register, int]:
        assert op.makes is not None
        slow = self.writer.slow_function(op.params["slow"])
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
        self.text_.before[depth].append(text)
        return Register(name, kind, op.varies), depth


def _c_order(shape: Sequence[int]) -> np.ndarray:
    strides = [int(np.prod(shape[i + 1 :], dtype=np.int64)) for i in range(len(shape))]
    return np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), tuple(shape), strides)


# -------------------- functions of one element


def scalar_function(name: str, closed: core.ClosedJaxpr) -> str:
    """A jaxpr whose arrays all have one shape, for one element of each: what `decide` does to marked elements."""
    jaxpr = closed.jaxpr
    lines: list[str] = []
    env: dict[Any, Register] = {}
    arguments = []
    for i, var in enumerate(jaxpr.invars):
        kind = kind_of(var.aval.dtype)
        arguments.append(f"{kind} a{i}")
        env[var] = Register(f"a{i}", kind, False)
    scalar = Scalars(lines)
    results = scalar.run(closed, [env[v] for v in jaxpr.invars])
    result = results[0]
    lines.append(f"return {result.text};")
    return f"static __attribute__((noinline)) {result.type} {name}({', '.join(arguments)}) {{\n" + "\n".join(lines) + "\n}"


class Scalars:
    """Statements for one element."""

    def __init__(self, lines: list[str]) -> None:
        self.lines, self.names = lines, 0

    def say(self, x: Register, const: bool = True) -> Register:
        self.names += 1
        self.lines.append(f"{'const ' if const else ''}{x.type} s{self.names} = {x.text};")
        return Register(f"s{self.names}", x.kind, False)

    def run(self, closed: core.ClosedJaxpr, given: Sequence[Register]) -> list[Register]:
        env: dict[Any, Any] = dict(zip(closed.jaxpr.invars, given, strict=True))
        for var, data in zip(closed.jaxpr.constvars, closed.consts, strict=True):
            env[var] = self.const(data)

        def get(atom: Any) -> Any:
            return self.const(atom.val) if isinstance(atom, core.Literal) else env[atom]

        for eqn in closed.jaxpr.eqns:
            found = self.equation(eqn, [get(v) for v in eqn.invars])
            env.update(zip(eqn.outvars, found, strict=True))
        return [get(v) for v in closed.jaxpr.outvars]

    def const(self, data: Any) -> Register:
        array = np.asarray(data)
        if array.size != 1:
            raise Unsupported(f"an array of shape {array.shape} in a function of one element")
        kind = kind_of(array.dtype)
        return Register(literal(array.ravel().tolist()[0], kind), kind, False)

    def equation(self, eqn: Any, reads: list[Register]) -> list[Register]:
        from kernels.native.program import _called

        name, p = eqn.primitive.name, eqn.params
        if name == "cond":
            return self.cond(eqn, reads)
        if name == "while":
            return self.loop(p, reads)
        if name == "scan":
            return self.rounds(p, reads)
        inner = _called(eqn)
        if inner is not None:
            return self.run(inner, reads)
        if name in ("broadcast_in_dim", "reshape", "squeeze", "expand_dims", "copy", "stop_gradient") or name in REDUCTIONS:
            return [reads[0]]
        kind = kind_of(eqn.outvars[0].aval.dtype)
        return [self.say(expression(name, p, reads, kind))]

    def block(self, closed: core.ClosedJaxpr, reads: Sequence[Register], into: Sequence[Register]) -> None:
        results = self.run(closed, reads)
        copies = [self.say(x) for x in results]  # all are read before any is written
        self.lines += [f"{to.text} = {x.text};" for to, x in zip(into, copies, strict=True)]

    def cond(self, eqn: Any, reads: list[Register]) -> list[Register]:
        which, rest = reads[0], reads[1:]
        no, yes = eqn.params["branches"]
        out = [self.say(Register("0", kind_of(v.aval.dtype), False), const=False) for v in eqn.outvars]
        self.lines.append(f"if ({which.text}) {{")
        self.block(yes, rest, out)
        self.lines.append("} else {")
        self.block(no, rest, out)
        self.lines.append("}")
        return out

    def loop(self, p: Any, reads: list[Register]) -> list[Register]:
        a, b = p["cond_nconsts"], p["body_nconsts"]
        state = [self.say(x, const=False) for x in reads[a + b :]]
        self.lines.append("for (;;) {")
        (go,) = self.run(p["cond_jaxpr"], [*reads[:a], *state])
        self.lines.append(f"if (!{go.text}) break;")
        self.block(p["body_jaxpr"], [*reads[a : a + b], *state], state)
        self.lines.append("}")
        return state

    def rounds(self, p: Any, reads: list[Register]) -> list[Register]:
        consts, carries = p["num_consts"], p["num_carry"]
        if len(reads) != consts + carries or p["reverse"]:
            raise Unsupported("a scan over arrays in a function of one element")
        state = [self.say(x, const=False) for x in reads[consts:]]
        self.names += 1
        k = f"k{self.names}"
        self.lines.append(f"for (long {k} = 0; {k} < {p['length']}; ++{k}) {{")
        self.block(p["jaxpr"], [*reads[:consts], *state], state)
        self.lines.append("}")
        return state


__all__ = ["DAILY", "LAST", "ONCE", "Writer", "beside", "scalar_function", "trim"]
