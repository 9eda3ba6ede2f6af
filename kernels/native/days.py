"""A loop over days as native code inside a programme of XLA, and its derivative.

    carry, series = loop(step, carry, days, otherwise)

Called inside `vmap` over futures, the loop plays groups of LANES futures in the processor's cache; what surrounds it
stays XLA's. Going forward only the carry at the start of each block of about sqrt(days) is kept. Going back, a block
is played again with a tape of what the transposed day reads, then day by day backwards, all while it is in the cache
(Griewank & Walther, ACM TOMS 26 (2000), 19-45). The tape holds the carry of each morning and what is dear to make
again or small beside what it is read from (`_worth_a_tape`); the rest is computed again within the transposed day.
"""

import hashlib
import math
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend import core
from jax.interpreters import batching, mlir

from kernels.native import LANES, schedule, source
from kernels.native.compiler import NoCompiler, built
from kernels.native.program import Program, Unsupported, Value
from kernels.native.trace import read_turn

Step = Callable[[Any, Any], tuple[Any, Any]]
Loop = Callable[[Step, Any, Any], tuple[Any, Any]]
Flags = tuple[bool, ...]
Rule = Callable[..., tuple[list[Array], list[bool]]]
_SMALL = 4  # an element of a ring, beside the ring
_registered: set[str] = set()


def loop(step: Step, carry: Any, days: Any, otherwise: Loop) -> tuple[Any, Any]:
    """The numbers of `lax.scan(step, carry, days)`, and derivatives of the first order.

    otherwise: the loop that takes its place, with a warning, where a machine has no compiler or a step does what the
    generator does not know.
    """
    today = jax.tree.map(lambda x: _shape(x.shape[1:], x.dtype), days)
    closed, shapes = jax.make_jaxpr(step, return_shape=True)(carry, today)
    parts = [jnp.asarray(x) for x in (*closed.consts, *jax.tree.leaves(carry), *jax.tree.leaves(days))]
    consts, carries = len(closed.consts), len(jax.tree.leaves(carry))
    turn = Turn(closed.jaxpr, consts, carries, jax.tree.leaves(days)[0].shape[0])

    def by_xla(*given: Array) -> list[Array]:
        again = partial(_again, turn, given[:consts])
        end, series = otherwise(again, list(given[consts : consts + carries]), list(given[consts + carries :]))
        return [*end, *series]

    @jax.custom_vjp
    def played(*given: Array) -> list[Array]:
        try:
            return _forward(turn, None)(*given)[:-1]
        except (NoCompiler, Unsupported) as error:
            _warn(error)
            return by_xla(*given)

    def forward(*given: Any) -> tuple[list[Array], Any]:
        values, moved = [x.value for x in given], tuple(x.perturbed for x in given)
        try:
            *found, kept = _forward(turn, moved)(*values)
        except (NoCompiler, Unsupported) as error:
            _warn(error)
            return jax.vjp(by_xla, *values)
        return found, jax.tree_util.Partial(partial(_backward, turn, moved), values, kept)  # type: ignore[no-untyped-call]

    def backward(pull: Any, slopes: list[Any]) -> tuple[Any, ...]:
        return tuple(pull([_instantiated(x) for x in slopes]))

    played.defvjp(forward, backward, symbolic_zeros=True)
    return jax.tree.unflatten(jax.tree.structure(shapes), played(*parts))


def _warn(error: Exception) -> None:
    warnings.warn(f"XLA plays the days, more slowly: the native engine stopped at {error}", stacklevel=2)


def _again(turn: "Turn", consts: Sequence[Array], carry: list[Array], today: list[Array]) -> tuple[Any, Any]:
    found = turn.step(consts, carry, today)
    return found[: turn.carries], found[turn.carries :]


def _instantiated(x: Any) -> Any:
    if not isinstance(x, jax.custom_derivatives.SymbolicZero):
        return x
    return np.zeros(x.shape, x.dtype) if x.dtype == jax.dtypes.float0 else jnp.zeros(x.shape, x.dtype)


@dataclass(frozen=True, eq=False)
class Turn:
    """The step of a loop: (consts, carry, today) -> (carry, by day), all flat."""

    jaxpr: core.Jaxpr
    consts: int
    carries: int
    days: int

    def step(self, consts: Sequence[Any], carry: Sequence[Any], today: Sequence[Any]) -> list[Array]:
        return core.jaxpr_as_fun(core.ClosedJaxpr(self.jaxpr, list(consts)))(*carry, *today)

    @property
    def given(self) -> list[jax.ShapeDtypeStruct]:
        """Shapes of constants, carry and one day."""
        return _shapes([*self.jaxpr.constvars, *self.jaxpr.invars])

    @property
    def made(self) -> list[jax.ShapeDtypeStruct]:
        return _shapes(self.jaxpr.outvars)

    @property
    def length(self) -> int:
        """Days in a block."""
        return math.isqrt(self.days - 1) + 1

    @property
    def blocks(self) -> int:
        return -(-self.days // self.length)

    @property
    def carried(self) -> int:
        """Bytes of the carries of a group of futures."""
        return sum(schedule.room(x, LANES) for x in self.made[: self.carries])

    def all_days(self, x: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        return _shape((self.days, *x.shape), x.dtype)

    def sources(self, batched: Flags) -> list[tuple[Any, ...]]:
        """Where each argument lies; argument 0 of a call is its extent."""
        found: list[tuple[Any, ...]] = []
        for i, by_future in enumerate(batched):
            if i < self.consts:
                found.append(("lanes" if by_future else "in", i + 1))
            elif i < self.consts + self.carries:
                found.append(("carry", i - self.consts, i + 1))
            else:
                found.append(("lanes_by_day" if by_future else "by_day", i + 1))
        return found

    def moving(self, moved: Flags) -> tuple[Flags, Flags]:
        """Which arguments, and which results, a derivative passes through, if it enters at those that are moved."""
        given = [*moved]
        inside = slice(self.consts, self.consts + self.carries)
        while True:
            reached = {v for v, m in zip([*self.jaxpr.constvars, *self.jaxpr.invars], given, strict=True) if m}
            for eqn in self.jaxpr.eqns:
                if any(not isinstance(v, core.Literal) and v in reached for v in eqn.invars):
                    reached |= {v for v in eqn.outvars if _real(v.aval)}
            made = [not isinstance(v, core.Literal) and v in reached for v in self.jaxpr.outvars]
            grown = [a or b for a, b in zip(given[inside], made[: self.carries], strict=True)]
            if grown == given[inside]:
                # every carry that moves has a derivative, even one that no turn moves again
                return tuple(given), (*grown, *made[self.carries :])
            given[inside] = grown


def _shape(shape: Sequence[int], dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(shape), dtype)  # type: ignore[no-untyped-call]


def _real(aval: Any) -> bool:
    return bool(jnp.issubdtype(aval.dtype, jnp.floating))


def _shapes(variables: Sequence[Any]) -> list[jax.ShapeDtypeStruct]:
    return [_shape(v.aval.shape, v.aval.dtype) for v in variables]


# -------------------- programmes


@dataclass(frozen=True)
class Written:
    """A programme with its loops and memory."""

    program: Program
    phases: list[list[schedule.Loop]]
    memory: schedule.Memory

    def units(self, name: str) -> list[str]:
        return source.stages(self.program, self.phases, self.memory, LANES, min(os.cpu_count() or 1, 8), name)

    def declared(self, name: str) -> str:
        stages = ("once", "first", "day", "last")
        functions = "".join(f"void {name}_{stage}(const Run& r, long t);\n" for stage in stages)
        called = ", ".join(f"{name}_{stage}" for stage in stages)
        return f"{functions}static const Stages {name}{{{called}, {self.memory.varying}, {self.memory.shared}}};\n"

    @property
    def carried(self) -> dict[int, tuple[int, int]]:
        """Offset and bytes of each carry, by its number."""
        return {
            carry.source[1]: (self.memory.offset[carry], carry.size * schedule.item(carry) * LANES)
            for _, carry, _ in self.program.carried
        }

    @property
    def bytes(self) -> int:
        return self.memory.varying + self.memory.shared


def _written(program: Program) -> Written:
    return Written(program, *schedule.plan(program, LANES))


def _handler(name: str, body: str) -> str:
    return f'extern "C" XLA_FFI_Error* {name}(XLA_FFI_CallFrame* frame) {{ {body} }}\n'


def _target(units: list[str], handlers: Sequence[str], declared: str) -> dict[str, str]:
    """Names under which XLA knows the handlers of a library."""
    driver = f'#define W {LANES}\n#include "days.h"\n{declared}'
    library = built([*units, driver], (f"-I{jax.ffi.include_dir()}",))
    names = {}
    for handler in handlers:
        names[handler] = f"tandem_{hashlib.sha256(str(library._name).encode()).hexdigest()[:16]}_{handler}"
        if names[handler] not in _registered:
            handle = jax.ffi.pycapsule(getattr(library, handler))  # type: ignore[no-untyped-call]
            jax.ffi.register_ffi_target(names[handler], handle, platform="cpu")
            _registered.add(names[handler])
    return names


@lru_cache(maxsize=64)
def _playing(turn: Turn, batched: Flags) -> tuple[Written, dict[str, str]]:
    """The loop, with handlers that keep the carries of blocks or do not."""
    leaving = [("out", k) if k < turn.carries else ("out_by_day", k) for k in range(len(turn.made))]
    written = _written(read_turn(turn.jaxpr, turn.carries, turn.sources(batched), leaving))
    called = f"return play(frame, day, {written.memory.carried}, "
    assert written.memory.carried == turn.carried
    handlers = {"play": called + "false);", "play_and_keep": called + "true);"}
    declared = written.declared("day") + "".join(_handler(name, body) for name, body in handlers.items())
    return written, _target(written.units("day"), tuple(handlers), declared)


@lru_cache(maxsize=64)
def _pulling(turn: Turn, batched: Flags, moved: Flags) -> tuple[str, int, int]:
    """The loop played back: the name of its handler, and the bytes of scratch and of a day's tape."""
    forth, _ = _playing(turn, batched)
    again, back = _transposed(turn, moved)
    sources = [s if s[0] != "carry" else s[:2] for s in turn.sources(batched)]
    ends = len(turn.made)

    # what the transposed day reads: an argument or a constant where it lies, else what the day before it leaves
    lies: dict[Any, Any] = dict(zip(again.jaxpr.constvars, map(np.asarray, again.consts), strict=True))
    lies |= {v: s for v, s in zip(again.jaxpr.invars, sources, strict=True) if s[0] != "carry"}
    leaves = again.jaxpr.outvars[ends:]
    read = [
        np.asarray(v.val) if isinstance(v, core.Literal) else lies.get(v, ("tape", k)) for k, v in enumerate(leaves)
    ]
    given, made = turn.moving(moved)
    inside = slice(turn.consts, turn.consts + turn.carries)
    states, sums = sum(given[inside]), sum(given[: turn.consts])
    daily, series = sum(given[inside.stop :]), sum(made[turn.carries :])
    at = 1 + len(given)
    read += [("carry", k, at + k) for k in range(states)] + [("carry", states + k) for k in range(sums)]
    read += [("lanes_by_day", at + states + k) for k in range(series)]
    leaving = [("out" if k < states + sums else "out_by_day", k) for k in range(states + sums + daily)]
    backward = _written(read_turn(back.jaxpr, states + sums, [*map(np.asarray, back.consts), *read], leaving))

    # places on the tape for what is really read
    step = 0
    kept: list[tuple[Any, ...]] = [()] * len(leaves)
    for value in _taped(backward):
        kept[value.source[1]] = value.source = ("tape", step)
        step += schedule.room(value, LANES)
    forward = _written(
        read_turn(again.jaxpr, turn.carries, [*map(np.asarray, again.consts), *sources], [()] * ends + kept)
    )

    ours, theirs = forth.carried, forward.carried
    segments = [(ours[k][0], *theirs[k]) for k in theirs]
    declared = (
        forward.declared("again") + backward.declared("back") + "static const std::vector<Segment> segments{"
        + ", ".join(f"{{{a}, {b}, {size}}}" for a, b, size in segments) + "};\n"
        + _handler("pull", f"return play_back(frame, again, back, {forth.memory.carried}, segments, {step});")
    )  # fmt: skip
    units = [*forward.units("again"), *backward.units("back")]
    name = _target(units, ("pull",), declared)["pull"]
    return name, forward.bytes + backward.bytes, step


def _taped(written: Written) -> list[Value]:
    """The values that a programme reads from the tape."""
    reads = [x for phase in written.phases for loop in phase for op in loop.ops for x in op.reads]
    olds = [op.params["old"] for phase in written.phases for loop in phase for op in loop.ops if "old" in op.params]
    return list(dict.fromkeys(x.value for x in (*reads, *olds) if x.value.source[:1] == ("tape",)))


def _transposed(turn: Turn, moved: Flags) -> tuple[core.ClosedJaxpr, core.ClosedJaxpr]:
    """The day with what its transpose needs, (consts, carry, today) -> (carry, by day, kept); and its transpose,
    (kept, slopes of carry, sums of slopes of constants, slopes by day) -> (slopes of carry, sums, slopes of today)."""
    given, made = turn.moving(moved)
    trees = []

    def again(*values: Array) -> tuple[list[Array], list[Array]]:
        def moving(*some: Array) -> tuple[list[Array], list[Array]]:
            new = iter(some)
            now = [next(new) if m else x for x, m in zip(values, given, strict=True)]
            found = turn.step(now[: turn.consts], now[turn.consts :], [])
            return [x for x, m in zip(found, made, strict=True) if m], found

        some = [x for x, m in zip(values, given, strict=True) if m]
        _, pull, found = jax.vjp(jax.checkpoint(moving, policy=_worth_a_tape), *some, has_aux=True)
        leaves, tree = jax.tree.flatten(pull)
        trees.append(tree)
        return found, leaves

    def back(leaves: list[Array], states: list[Array], sums: list[Array], series: list[Array]) -> list[Array]:
        found = jax.tree.unflatten(trees[0], leaves)([*states, *series])
        today = len(sums) + len(states)
        return [
            *found[len(sums) : today], *(a + b for a, b in zip(sums, found, strict=False)), *found[today:]
        ]  # fmt: skip

    forth, (_, leaves) = jax.make_jaxpr(again, return_shape=True)(*turn.given)
    slopes = [x for x, m in zip(turn.made, made, strict=True) if m]
    states = sum(made[: turn.carries])
    sums = [x for x, m in zip(turn.given[: turn.consts], given, strict=False) if m]
    return forth, jax.make_jaxpr(back)(leaves, slopes[:states], sums, slopes[states:])


def _worth_a_tape(primitive: Any, *avals: Any, **params: Any) -> bool:
    """Whether a result is kept for the transposed day: what the step names, and little that is read out of much."""
    if primitive.name == "name":
        return True
    return primitive.name == "gather" and math.prod(avals[0].shape) > _SMALL * math.prod(avals[1].shape[:-1])


# -------------------- calls


def _forward(turn: Turn, moved: Flags | None) -> Callable[..., list[Array]]:
    """(consts, carry, days) -> (carry, series, carries of blocks); of no blocks without `moved`."""
    made = [turn.all_days(x) if k >= turn.carries else x for k, x in enumerate(turn.made)]
    kept_of_group = _shape((1, 0 if moved is None else turn.blocks, turn.carried), jnp.uint8)

    def rule(futures: int, batched: list[bool], *given: Array) -> tuple[list[Array], list[bool]]:
        written, names = _playing(turn, tuple(batched))
        if moved is not None:
            _pulling(turn, tuple(batched), moved)  # what it cannot do is said before anything is played
        groups = -(-futures // LANES)
        inside = range(turn.consts, turn.consts + turn.carries)
        lanes = [
            _into_lanes(x if b else jnp.broadcast_to(x, (futures, *x.shape)), groups) if b or i in inside else x
            for i, (x, b) in enumerate(zip(given, batched, strict=True))
        ]
        results = [_shape((groups, *x.shape, LANES), x.dtype) for x in made]
        kept = _shape((groups, *kept_of_group.shape[1:]), jnp.uint8)
        scratch = _shape((written.bytes,), jnp.uint8)
        call = jax.ffi.ffi_call(names["play" if moved is None else "play_and_keep"], [*results, kept, scratch])
        *found, states, _ = call(_extent(turn, groups), *lanes)
        return [*(_from_lanes(x, futures) for x in found), states], [True] * len(found) + [False]

    return lambda *given: _bound(rule, (*made, kept_of_group), *given)


def _backward(turn: Turn, moved: Flags, values: list[Array], kept: Array, slopes: list[Array]) -> list[Array | None]:
    """Slopes of the values that moved; None for others."""
    given, made = turn.moving(moved)
    inside = slice(turn.consts, turn.consts + turn.carries)
    shapes = [turn.all_days(x) if i >= inside.stop else x for i, x in enumerate(turn.given)]

    def rule(futures: int, batched: list[bool], *arrays: Array) -> tuple[list[Array], list[bool]]:
        count = len(values)
        name, scratch, step = _pulling(turn, tuple(batched[:count]), moved)
        groups = -(-futures // LANES)
        ours = [
            _into_lanes(x, groups) if b and not inside.start <= i < inside.stop else x
            for i, (x, b) in enumerate(zip(arrays[:count], batched, strict=False))
        ]
        theirs = [
            _into_lanes(x if b else jnp.broadcast_to(x, (futures, *x.shape)), groups)
            for x, b in zip(arrays[count:-1], batched[count:], strict=False)
        ]
        order = [*range(*inside.indices(count)), *range(inside.start), *range(inside.stop, count)]
        results = [_shape((groups, *shapes[i].shape, LANES), shapes[i].dtype) for i in order if given[i]]
        bytes_ = _shape((scratch + turn.length * step,), jnp.uint8)
        *found, _ = jax.ffi.ffi_call(name, [*results, bytes_])(_extent(turn, groups), *ours, *theirs, arrays[-1])
        by_argument = dict(zip([i for i in order if given[i]], found, strict=True))
        return [_from_lanes(by_argument[i], futures) for i in sorted(by_argument)], [True] * len(found)

    some = [x for x, m in zip(slopes, made, strict=True) if m]
    moving = tuple(x for x, g in zip(shapes, given, strict=True) if g)
    found = iter(_bound(rule, moving, *values, *some, kept))
    every = [next(found) if g else None for g in given]
    return [x if m else None for x, m in zip(every, moved, strict=True)]


# A function of one future with a rule for many: (futures, which arguments differ by future, arguments) -> results and
# which of them differ by future. Unlike `custom_vmap` it is not traced, and so not compiled, for one future in passing.
_by_future = core.Primitive("by_future")
_by_future.multiple_results = True


def _bound(rule: Rule, shapes: tuple[jax.ShapeDtypeStruct, ...], *given: Array) -> list[Array]:
    """shapes: of the results of one future."""
    found: list[Array] = _by_future.bind(*given, rule=rule, shapes=shapes)  # type: ignore[no-untyped-call]
    return found


def _shapes_of_one(*_: Any, rule: Rule, shapes: Any) -> list[Any]:
    return [jax.core.ShapedArray(x.shape, x.dtype) for x in shapes]


def _of_one(*given: Array, rule: Rule, shapes: Any) -> list[Array]:
    found, by_future = rule(1, [False] * len(given), *given)
    return [x[0] if b else x for x, b in zip(found, by_future, strict=True)]


def _of_many(given: Sequence[Array], axes: Sequence[Any], *, rule: Rule, shapes: Any) -> tuple[list[Array], list[Any]]:
    batched = [axis is not None for axis in axes]
    futures = next(x.shape[axis] for x, axis in zip(given, axes, strict=True) if axis is not None)
    leading = [jnp.moveaxis(x, axis, 0) if b else x for x, axis, b in zip(given, axes, batched, strict=True)]
    found, by_future = rule(futures, batched, *leading)
    return found, [0 if b else None for b in by_future]


_by_future.def_impl(_of_one)  # type: ignore[no-untyped-call]
_declare = _by_future.def_abstract_eval
_declare(_shapes_of_one)  # type: ignore[no-untyped-call]
batching.primitive_batchers[_by_future] = _of_many
mlir.register_lowering(_by_future, mlir.lower_fun(_of_one, multiple_results=True))


def _extent(turn: Turn, groups: int) -> np.ndarray:
    return np.array([groups, turn.days, turn.length], np.int64)


def _into_lanes(x: Array, groups: int) -> Array:
    """(future, ..) to (group, .., lane); the last group is filled up by repeating the last future."""
    spare = groups * LANES - x.shape[0]
    filled = jnp.concatenate([x, jnp.repeat(x[-1:], spare, axis=0)]) if spare else x
    return jnp.moveaxis(filled.reshape(groups, LANES, *x.shape[1:]), 1, -1)


def _from_lanes(x: Array, futures: int) -> Array:
    return jnp.moveaxis(x, -1, 1).reshape(x.shape[0] * LANES, *x.shape[1:-1])[:futures]
