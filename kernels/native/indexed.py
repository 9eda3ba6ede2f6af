"""Operations that reach for elements by index: gather, slices that move, products of matrices, scatters."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kernels.native.expressions import Register, expression, kind_of, literal
from kernels.native.program import Op, Unsupported, View, dense

if TYPE_CHECKING:
    from kernels.native.nest import Nest

_SCATTER = {"scatter": "", "scatter-add": "add", "scatter_add": "add", "scatter-sub": "sub"}


def _start(nest: "Nest", x: View, indices: list[str]) -> Register:
    """One whole number of an array of indices."""
    return nest.get(x, indices)[0]


def _reach(parts: Sequence[tuple[int, Register]], base: str) -> tuple[str, bool]:
    """The text of base + sum of stride x index; whether it differs by lane."""
    varies = any(i.lanes for _, i in parts)
    terms = [base] if base != "0" else []
    terms += [f"{stride} * (long){i.text}{'[w]' if i.lanes else ''}" for stride, i in parts]
    return " + ".join(terms) or "0", varies


def _fetch(nest: "Nest", x: View, at: str, by_lane: bool) -> tuple[Register, int]:
    """x[at], where the position may differ by lane. Positions come from memory: known at the full depth."""
    kind = kind_of(x.value.dtype)
    if not by_lane:
        return nest.say(nest.element(x, at), nest.depth), nest.depth
    name, pointer = nest.name(), nest.programme.pointer(x.value)
    if kind == "mask":
        raise Unsupported("truth values at positions that differ by future")
    lane = " * W + w" if x.value.varies else ""
    nest.before[nest.depth].append(
        f"{kind}v {name}; for (int w = 0; w < W; ++w) {name}[w] = ((const {kind}*){pointer})[({at}){lane}];"
    )
    return Register(name, kind, True), nest.depth


def gather(nest: "Nest", op: Op) -> tuple[Register, int]:
    assert op.makes is not None
    x, starts = op.reads
    d = op.params["dimension_numbers"]
    checked, filled = "PROMISE" not in str(op.params["mode"]), "FILL" in str(op.params["mode"])
    if filled and op.params["fill_value"] != 0:
        raise Unsupported(f"gather that fills with {op.params['fill_value']}")
    axes = nest.indices(op.makes.shape)
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
    parts, moved = [], []
    for k, axis in enumerate(d.start_index_map):
        index = given = _start(nest, starts, [*batch, str(k)])
        if checked:
            index = _clipped(nest, given, x.shape[axis] - op.params["slice_sizes"][axis])
            moved.append(expression("ne", {}, [given, index], "mask"))
        parts.append((x.strides[axis], index))
    at, by_lane = _reach(parts, " + ".join(base) or "0")
    found, depth = _fetch(nest, x, at, by_lane)
    for outside in moved if filled else ():
        zero = Register(literal(0, found.kind), found.kind, False)
        found = nest.say(expression("select_n", {}, [outside, found, zero], found.kind), depth)
    return found, depth


def _clipped(nest: "Nest", index: Register, most: int) -> Register:
    kind = index.kind
    low, high = Register(f"({kind})0", kind, False), Register(f"({kind}){most}", kind, False)
    return nest.say(expression("clamp", {}, [low, index, high], kind), nest.depth)


def dynamic_slice(nest: "Nest", op: Op) -> tuple[Register, int]:
    assert op.makes is not None
    x, *starts = op.reads
    axes = nest.indices(op.makes.shape)
    base = nest.position(x.lay, x.offset, axes)
    parts = []
    for axis, start in enumerate(starts):
        index, _ = nest.get(start)
        index = _clipped(nest, index, x.shape[axis] - op.makes.shape[axis])
        parts.append((x.strides[axis], index))
    at, by_lane = _reach(parts, base)
    return _fetch(nest, x, at, by_lane)


def dot(nest: "Nest", op: Op) -> tuple[Register, int]:
    assert op.makes is not None
    a, b = op.reads
    (ca, cb), (ba, bb) = op.params["dimension_numbers"]
    axes = nest.indices(op.makes.shape)
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
    kind, name = kind_of(op.makes.dtype), nest.name()
    x = nest.element(a, nest.position(a.lay, a.offset, ia))
    y = nest.element(b, nest.position(b.lay, b.offset, ib))
    product = expression("mul", {}, [x, y], kind)
    kind_text = kind + ("v" if op.varies else "")
    loops = "".join(f"for (long k{n} = 0; k{n} < {a.shape[d]}; ++k{n}) " for n, d in enumerate(ca))
    nest.before[nest.depth].append(f"{kind_text} {name}{{}}; {loops}{name} += {product.text};")
    return Register(name, kind, op.varies), nest.depth


def arg(nest: "Nest", op: Op) -> tuple[Register, int]:
    assert op.makes is not None
    (x,) = op.reads
    (axis,) = op.params["axes"]
    axes = nest.indices(op.makes.shape)
    kind, to = kind_of(x.value.dtype), kind_of(op.makes.dtype)
    at = nest.position(x.lay, x.offset, [*axes[:axis], "k", *axes[axis:]])
    first = nest.position(x.lay, x.offset, [*axes[:axis], "0", *axes[axis:]])
    best, where = nest.name(), nest.name()
    lanes = x.value.varies
    suffix = "v" if lanes else ""
    m = expression(
        "lt" if op.name == "argmin" else "gt", {}, [nest.element(x, at), Register(best, kind, lanes)], "mask"
    )
    k = Register(f"({to})k", to, False)
    at_text = expression("select_n", {}, [m, Register(where, to, lanes), k], to).text
    best_text = expression("select_n", {}, [m, Register(best, kind, lanes), nest.element(x, at)], kind).text
    nest.before[nest.depth].append(
        f"{to}{suffix} {where}{{}}; {kind}{suffix} {best} = {nest.element(x, first).text};\n"
        f"for (long k = 1; k < {x.shape[axis]}; ++k) {{ {where} = {at_text}; {best} = {best_text}; }}"
    )
    return Register(where, to, lanes), nest.depth


def scatter(nest: "Nest", op: Op) -> None:
    updates, starts = op.reads
    assert op.into is not None
    value = op.into.value
    d = op.params["dimension_numbers"]
    if op.name not in _SCATTER:
        raise Unsupported(op.name)
    axes = nest.indices(updates.shape)
    window = iter(axes[i] for i in d.update_window_dims)
    batch = [axes[i] for i in range(len(axes)) if i not in d.update_window_dims]
    lay = dense(value.shape)
    base = []
    sizes = {}
    for axis in range(len(value.shape)):
        if axis in d.inserted_window_dims:
            continue
        if axis in d.operand_batching_dims:
            index = batch[d.scatter_indices_batching_dims[d.operand_batching_dims.index(axis)]]
        else:
            position = [
                i for i in range(len(value.shape)) if i not in (*d.inserted_window_dims, *d.operand_batching_dims)
            ]
            sizes[axis] = updates.shape[d.update_window_dims[position.index(axis)]]
            index = next(window)
        if index != "0" and lay.strides[axis]:
            base.append(f"{lay.strides[axis]} * {index}")
    parts, tests = [], []
    for k, axis in enumerate(d.scatter_dims_to_operand_dims):
        index = _start(nest, starts, [*batch, str(k)])
        parts.append((lay.strides[axis], index))
        tests.append((index, value.shape[axis] - sizes.get(axis, 1)))
    at, by_lane = _reach(parts, " + ".join(base) or "0")
    update, _ = nest.get(updates)
    checked = bool(tests) and "PROMISE" not in str(op.params["mode"])
    test = " && ".join(f"(u64)(long){i.text}{'[w]' if i.lanes else ''} <= {most}u" for i, most in tests)
    combine = _SCATTER[op.name]
    kind = kind_of(value.dtype)
    if by_lane:
        if kind == "mask":
            raise Unsupported("truth values at positions that differ by future")
        place = f"(({kind}*){nest.programme.pointer(value)})[({at}) * W + w]"
        one = f"{update.text}[w]" if update.lanes else update.text
        sign = {"": "=", "add": "+=", "sub": "-="}[combine]
        guard = f"if ({test}) " if checked else ""
        nest.last.append(f"for (int w = 0; w < W; ++w) {guard}{place} {sign} {one};")
        return
    result = update
    if combine:
        result = expression(combine, {}, [nest.element(View(value, lay), at), update], kind)
    guard = f"if ({test}) " if checked else ""
    nest.last.append(guard + nest.stored(value, at, result))


def update_slice(nest: "Nest", op: Op) -> None:
    update, *starts = op.reads
    assert op.into is not None
    value, parts = op.into.value, []
    for axis, start in enumerate(starts):
        index, _ = nest.get(start)
        parts.append((op.into.strides[axis], _clipped(nest, index, value.shape[axis] - update.shape[axis])))
    at, by_lane = _reach(parts, nest.position(op.into.lay, 0, nest.indices(update.shape)))
    if by_lane:
        raise Unsupported("a slice written at positions that differ by future")
    nest.last.append(nest.stored(value, at, nest.get(update)[0]))


READS: dict[str, Callable[["Nest", Op], tuple[Register, int]]] = {
    "gather": gather,
    "dynamic_slice": dynamic_slice,
    "dot_general": dot,
    "argmin": arg,
    "argmax": arg,
}
