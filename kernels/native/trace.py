"""A traced function of one future as a flat list of operations on arrays.

Calls are inlined; what only renames elements (broadcast, slice, reshape, transpose) becomes a strided view that costs
nothing. Each value knows whether it differs between futures (`varies`) and how often it is computed: once, or once a
day inside the function's one scan.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend import core

from kernels.native.program import (
    DAILY,
    FAR,
    LAST,
    ONCE,
    REDUCTIONS,
    Op,
    Program,
    Shape,
    Unsupported,
    Value,
    View,
    dense,
    scan_counts,
    spread,
    trim,
    whole,
)

VIEWS: dict[str, Callable[..., Any]] = {
    "reshape": lambda x, new_sizes, **_: _reshaped(x, new_sizes),
    "squeeze": lambda x, dimensions, **_: np.squeeze(x, dimensions),
    "expand_dims": lambda x, dimensions, **_: np.expand_dims(x, dimensions),
    "transpose": lambda x, permutation, **_: np.transpose(x, permutation),
    "slice": lambda x, start_indices, limit_indices, strides, **_: x[
        tuple(map(slice, start_indices, limit_indices, strides or [1] * x.ndim))
    ],
    "rev": lambda x, dimensions, **_: np.flip(x, dimensions),
    "broadcast_in_dim": lambda x, shape, broadcast_dimensions, **_: _broadcast(x, shape, broadcast_dimensions),
    "copy": lambda x, **_: x,
    "name": lambda x, **_: x,
    "stop_gradient": lambda x, **_: x,
    "optimization_barrier": lambda x, **_: x,
}


def _reshaped(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    return np.reshape(x, tuple(shape), copy=False)  # raises ValueError where a copy is needed


def _broadcast(x: np.ndarray, shape: Sequence[int], dimensions: Sequence[int]) -> np.ndarray:
    sizes, strides = [1] * len(shape), [0] * len(shape)
    for axis, at in enumerate(dimensions):
        sizes[at], strides[at] = x.shape[axis], x.strides[axis]
    placed = np.lib.stride_tricks.as_strided(x, sizes, strides)
    return np.broadcast_to(placed, tuple(shape))


def read(jaxpr: core.ClosedJaxpr, each: int) -> Program:
    """The programme of a closed jaxpr with one scan at its top; its last `each` arguments differ between futures.

    Raises Unsupported for what the generator cannot carry.
    """
    return _Reader(each).program(jaxpr)


def read_turn(
    jaxpr: core.Jaxpr, carries: int, given: Sequence[tuple[Any, ...] | np.ndarray], leaving: Sequence[tuple[Any, ...]]
) -> Program:
    """The programme of one turn of a loop, (.., carry, ..) -> (carry, .., by day, ..), with lanes innermost outside it.

    given: the source of each constvar and invar (`Value`), or its numbers; ("carry", k, i): carry k, whose first value
    is argument i, ("carry", k): zeros. leaving: the destination of each outvar; () for a carry whose last value nobody
    asks for.
    """
    return _Reader(0).turn(jaxpr, carries, given, leaving)


class _Reader:
    def __init__(self, each: int) -> None:
        self.each_count = each
        self.ops: list[Op] = []
        self.known: dict[Any, Any] = {}
        self.when = ONCE

    def program(self, closed: core.ClosedJaxpr) -> Program:
        jaxpr = closed.jaxpr
        env: dict[Any, View] = {}
        inputs = []
        for i, var in enumerate(jaxpr.invars):
            one = i >= len(jaxpr.invars) - self.each_count
            kind = ("each", i - len(jaxpr.invars) + self.each_count) if one else ("in", i)
            inputs.append(Value(var.aval.shape, np.dtype(var.aval.dtype), one, ONCE, kind))
            env[var] = whole(inputs[-1])
        for var, data in zip(jaxpr.constvars, closed.consts, strict=True):
            env[var] = self.const(data)
        scans = [i for i, eqn in enumerate(jaxpr.eqns) if eqn.primitive.name == "scan"]
        if len(scans) != 1:
            raise Unsupported(f"{len(scans)} scans at the top; exactly one, over the days, is expected")
        self.equations(jaxpr.eqns[: scans[0]], env)
        eqn = jaxpr.eqns[scans[0]]
        carried, by_day, series = self.scan(eqn, env)
        for i, var in enumerate(eqn.outvars):
            if i < len(carried):
                env[var] = whole(carried[i][1])
        self.when = LAST
        # a carry now means its last value
        self.known = {key: x for key, x in self.known.items() if key[0] == "const"}
        self.equations(jaxpr.eqns[scans[0] + 1 :], env)
        stacked = dict(zip(eqn.outvars[len(carried) :], series, strict=True))
        daily = [not isinstance(v, core.Literal) and v in stacked for v in jaxpr.outvars]
        outputs = [
            (stacked[v] if by_day else self.get(env, v), by_day) for v, by_day in zip(jaxpr.outvars, daily, strict=True)
        ]
        split = len(inputs) - self.each_count
        return Program(
            self.ops, eqn.params["length"], inputs[:split], inputs[split:], by_day, carried, outputs
        )  # fmt: skip

    def scan(self, eqn: Any, env: dict[Any, View]) -> tuple[list[Any], list[Value], list[View]]:
        p = eqn.params
        if p["reverse"]:
            raise Unsupported("a scan backwards")
        body = p["jaxpr"]
        consts, carries = scan_counts(p)
        given = [self.get(env, v) for v in eqn.invars]
        inner: dict[Any, View] = {}
        for var, data in zip(body.jaxpr.constvars, body.consts, strict=True):
            inner[var] = self.const(data)
        variables = body.jaxpr.invars
        inner.update(zip(variables[:consts], given[:consts], strict=True))
        values, by_day = [], []
        for i, var in enumerate(variables[consts : consts + carries]):
            values.append(Value(var.aval.shape, np.dtype(var.aval.dtype), True, DAILY, ("carry", i)))
            inner[var] = whole(values[-1])
        for var, all_days in zip(variables[consts + carries :], given[consts + carries :], strict=True):
            if all_days.value.source[:1] != ("in",) or not all_days.is_whole():
                raise Unsupported("what is scanned must be an argument")
            by_day.append(
                Value(var.aval.shape, np.dtype(var.aval.dtype), False, DAILY, ("by_day", all_days.value.source[1]))
            )
            inner[var] = whole(by_day[-1])
        self.when = DAILY
        self.equations(body.jaxpr.eqns, inner)
        outs = [self.get(inner, v) for v in body.jaxpr.outvars]
        first = given[consts : consts + carries]
        return list(zip(first, values, outs[:carries], strict=True)), by_day, outs[carries:]

    def turn(self, jaxpr: core.Jaxpr, carries: int, given: Sequence[Any], leaving: Sequence[Any]) -> Program:
        env: dict[Any, View] = {}
        first, values = [], []
        for var, source in zip([*jaxpr.constvars, *jaxpr.invars], given, strict=True):
            aval: Any = var.aval
            shape, dtype = aval.shape, np.dtype(aval.dtype)
            if isinstance(source, np.ndarray):
                env[var] = self.const(source)
                continue
            when = ONCE if source[0] in ("in", "lanes") else DAILY
            value = Value(shape, dtype, source[0] not in ("in", "by_day"), when, source[:2])
            env[var] = whole(value)
            if source[0] == "carry":
                values.append(value)
                lies = Value(shape, dtype, True, ONCE, ("lanes", source[2])) if source[2:] else None
                first.append(whole(lies) if lies else self.const(np.zeros(shape, dtype)))
        self.when = DAILY
        self.equations(jaxpr.eqns, env)
        found = [self.get(env, v) for v in jaxpr.outvars]
        for x, to in zip(found[carries:], leaving[carries:], strict=True):
            self.leave(x, to, DAILY)
        for carry, to in zip(values, leaving[:carries], strict=True):
            self.leave(whole(carry), to, LAST)
        # a carry that becomes another, or itself in another order, is a value of its own
        last = [
            self.op("identity", Shape(x.shape, x.value.dtype), [x], {})
            if x.value.source[:1] == ("carry",) and not (x.value is carry and x.is_whole())
            else x
            for x, carry in zip(found[:carries], values, strict=True)
        ]
        return Program(self.ops, 0, [], [], [], list(zip(first, values, last, strict=True)), [])

    def leave(self, x: View, to: tuple[Any, ...], when: int) -> None:
        if to and x.lay.size:
            into = whole(Value(x.shape, x.value.dtype, True, when, to))
            self.ops.append(Op("place", trim(x.shape), True, when, [x], into=into))

    # -------------------- one equation

    def get(self, env: dict[Any, View], atom: Any) -> View:
        if isinstance(atom, core.Literal):
            return self.const(atom.val)
        if atom not in env:
            raise Unsupported("the series of all days, used after them")
        return env[atom]

    def const(self, data: Any) -> View:
        array = np.asarray(data)
        if array.size > 1 and array.tobytes() == array.ravel()[0].tobytes() * array.size:
            return spread(self.const(array.ravel()[0]), array.shape)
        key = ("const", array.dtype.str, array.shape, array.tobytes())
        if key not in self.known:
            self.known[key] = whole(Value(array.shape, array.dtype, False, ONCE, ("const",), array))
        found: View = self.known[key]
        return found

    def equations(self, equations: Sequence[Any], env: dict[Any, View]) -> None:
        for eqn in equations:
            reads = [self.get(env, v) for v in eqn.invars]
            for var, found in zip(eqn.outvars, self.equation(eqn, reads), strict=True):
                env[var] = found

    def equation(self, eqn: Any, reads: list[View]) -> list[View]:
        name, params = eqn.primitive.name, eqn.params
        inner = called(eqn)
        if name in ("jit", "pjit") and params.get("name") == "decide":
            return [self.op("decide", eqn.outvars[0].aval, reads, {"slow": _slow(inner)})]
        if inner is not None and name not in ("cond", "while", "scan"):
            return self.call(inner, reads)
        if name == "cond":
            return self.cond(params["branches"], reads)
        out = eqn.outvars[0].aval
        if name in VIEWS:
            return [self.view(name, x, params) for x in reads]
        if name == "split":
            ends = np.cumsum(params["sizes"])[:-1]
            return [View(reads[0].value, piece) for piece in np.split(reads[0].lay, ends, params["axis"])]
        if name == "unstack":
            lay, axis = reads[0].lay, params["axis"]
            pieces = np.split(lay, lay.shape[axis], axis)
            return [View(reads[0].value, np.squeeze(piece, axis)) for piece in pieces]
        if name == "concatenate":
            return [self.joined(out, reads, params["dimension"])]
        if name == "stack":
            axis = params["axis"]
            return [self.joined(out, [View(x.value, np.expand_dims(x.lay, axis)) for x in reads], axis)]
        if name == "pad":
            return [self.pad(out, reads[0], reads[1], params["padding_config"])]
        if name.startswith("scatter"):
            return [self.scatter(name, out, reads, params)]
        if name == "dynamic_update_slice":
            return [self.changed(name, out, reads[0], reads[1:], params)]
        if name.startswith("empty"):
            return [self.const(np.zeros(out.shape, out.dtype))]
        if name == "reduce_precision" and params["mantissa_bits"] == np.finfo(out.dtype).nmant:
            return reads
        if name == "add_any":
            return [self.summed(out, reads)]
        if len(eqn.outvars) != 1:
            raise Unsupported(name)
        return [self.op(name, out, reads, params)]

    def call(self, inner: core.ClosedJaxpr, reads: list[View]) -> list[View]:
        env = dict(zip(inner.jaxpr.invars, reads, strict=True))
        for var, data in zip(inner.jaxpr.constvars, inner.consts, strict=True):
            env[var] = self.const(data)
        self.equations(inner.jaxpr.eqns, env)
        return [self.get(env, v) for v in inner.jaxpr.outvars]

    def cond(self, branches: Sequence[core.ClosedJaxpr], reads: list[View]) -> list[View]:
        """All branches are computed and one is taken: there are no effects, and a day has few of them."""
        which, rest = reads[0], reads[1:]
        results = [self.call(branch, rest) for branch in branches]
        return [
            self.op("select_n", Shape(cases[0].shape, cases[0].value.dtype), [which, *cases], {})
            for cases in zip(*results, strict=True)
        ]  # fmt: skip

    def view(self, name: str, x: View, params: dict[str, Any]) -> View:
        try:
            return View(x.value, VIEWS[name](x.lay, **params))
        except ValueError:  # a reshape that needs a copy
            copied = self.op("identity", Shape(x.shape, x.value.dtype), [x], {})
            return View(copied.value, VIEWS[name](copied.lay, **params))

    # -------------------- operations

    def when_of(self, reads: Sequence[View]) -> int:
        latest = max((x.value.when for x in reads), default=ONCE)
        return self.when if latest > ONCE else ONCE

    def op(self, name: str, out: Any, reads: list[View], params: dict[str, Any]) -> View:
        """A value computed element by element, or by a reduction; equal operations are computed once."""
        if name not in FAR and name not in REDUCTIONS:
            reads = [spread(x, out.shape) for x in reads]
        key = (name, *(x.key for x in reads), tuple(out.shape), str(out.dtype), _told(params))
        if key in self.known:
            found: View = self.known[key]
            return found
        varies, when = any(x.value.varies for x in reads), self.when_of(reads)
        value = Value(tuple(out.shape), np.dtype(out.dtype), varies, when)
        space = trim(reads[0].shape if name in REDUCTIONS else out.shape)
        op = Op(name, space, varies, when, reads, makes=value, params=params)
        value.writers.append(op)
        self.ops.append(op)
        self.known[key] = whole(value)
        return whole(value)

    def place(self, x: View, into: View, after: Sequence[Op] = ()) -> Op:
        value = into.value
        op = Op("place", trim(x.shape), value.varies, value.when, [x], into=into, after=list(after))
        value.writers.append(op)
        self.ops.append(op)
        return op

    def joined(self, out: Any, pieces: list[View], axis: int) -> View:
        pieces = [x for x in pieces if x.lay.size]
        value = Value(tuple(out.shape), np.dtype(out.dtype), any(x.value.varies for x in pieces), self.when_of(pieces))
        if not pieces:
            return whole(value)
        at = 0
        for x in pieces:
            piece = tuple(slice(at, at + x.shape[d]) if d == axis else slice(None) for d in range(len(out.shape)))
            self.place(x, View(value, dense(out.shape)[piece]))
            at += x.shape[axis]
        return whole(value)

    def pad(self, out: Any, x: View, fill: View, config: Sequence[tuple[int, int, int]]) -> View:
        value = Value(tuple(out.shape), np.dtype(out.dtype), x.value.varies, self.when_of([x, fill]))
        first = self.place(spread(fill, out.shape), whole(value))
        # where padding is negative the elements outside are left away
        taken, inside = [], []
        for n, (low, _, gap), size in zip(x.shape, config, out.shape, strict=True):
            places = [(i, at) for i in range(n) if 0 <= (at := low + i * (gap + 1)) < size]
            if not places:
                return whole(value)
            (i, begin), (j, end) = places[0], places[-1]
            taken.append(slice(i, j + 1))
            inside.append(slice(begin, end + 1, gap + 1))
        self.place(View(x.value, x.lay[tuple(taken)]), View(value, dense(out.shape)[tuple(inside)]), after=[first])
        return whole(value)

    def scatter(self, name: str, out: Any, reads: list[View], params: dict[str, Any]) -> View:
        """In place where nobody else needs the old array (`schedule` makes sure of the order), else on a copy."""
        old, indices, updates = reads
        return self.changed(name, out, old, [updates, indices], params)

    def changed(self, name: str, out: Any, old: View, reads: list[View], params: dict[str, Any]) -> View:
        """An array with some elements written over. reads: the new ones, then where they go."""
        varies = any(x.value.varies for x in (old, *reads))
        value = Value(tuple(out.shape), np.dtype(out.dtype), varies, self.when_of([old, *reads]))
        params = params | {"old": old}
        op = Op(name, trim(reads[0].shape), varies, value.when, reads, into=whole(value), params=params)
        value.writers.append(op)
        self.ops.append(op)
        return whole(value)

    def summed(self, out: Any, reads: list[View]) -> View:
        """What was scattered into zeros, and is then added to an array, is scattered into that array: a ring of
        derivatives is never passed over as a whole."""
        for x, other in (reads, reads[::-1]):
            writer = x.value.writers[0] if len(x.value.writers) == 1 else None
            if writer is None or writer.name not in ("scatter-add", "scatter_add") or not x.is_whole():
                continue
            zeros = writer.params["old"].value.data
            if zeros is not None and not zeros.any():
                return self.changed(writer.name, out, other, writer.reads, writer.params)
        return self.op("add_any", out, reads, {})


def called(eqn: Any) -> core.ClosedJaxpr | None:
    for name in ("jaxpr", "call_jaxpr", "call", "fun_jaxpr"):
        inner = eqn.params.get(name)
        if isinstance(inner, core.ClosedJaxpr):
            return inner
        if isinstance(inner, core.Jaxpr):
            return core.ClosedJaxpr(inner, ())
    return None


def _told(params: dict[str, Any]) -> str:
    return ",".join(f"{k}={params[k]}" for k in sorted(params) if k not in ("slow",)) + str(id(params.get("slow")))


def _slow(decide: core.ClosedJaxpr | None) -> core.ClosedJaxpr:
    """The function that `kernels.stragglers.decide` applies to marked elements: the second branch of its only cond."""
    assert decide is not None
    for eqn in _all_equations(decide.jaxpr):
        if eqn.primitive.name == "cond":
            found: core.ClosedJaxpr = eqn.params["branches"][1]
            return found
    raise Unsupported("decide without a slow branch")


def _all_equations(jaxpr: Any) -> Any:
    for eqn in jaxpr.eqns:
        yield eqn
        for inner in (called(eqn), eqn.params.get("body_jaxpr")):
            if inner is not None:
                yield from _all_equations(inner.jaxpr)
