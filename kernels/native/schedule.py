"""Operations gathered into loops, loops put in order, and memory given to what passes from one loop to another.

A loop runs over one space of indices and holds as many operations as dependence allows: an operation may sit beside
the one it reads if it reads the same element. Loops over small spaces come first, so that large ones grow.
"""

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernels.native.program import (
    DAILY,
    FAR,
    LAST,
    ONCE,
    REDUCTIONS,
    Op,
    Program,
    Unsupported,
    Value,
    View,
    trim,
    whole,
)

_ALIGNMENT = 64


@dataclass(eq=False)
class Loop:
    space: tuple[int, ...]
    varies: bool
    ops: list[Op] = field(default_factory=list)


def plan(program: Program, lanes: int) -> tuple[list[list[Loop]], "Memory"]:
    """Loops of the three phases (once, daily, last) and the memory they share."""
    for k, (view, by_day) in enumerate(program.outputs):
        if view.lay.size:
            params = {"output": k, "by_day": by_day}
            program.ops.append(Op("emit", trim(view.shape), True, DAILY if by_day else LAST, [view], params=params))
    program.ops = _live(program)
    _in_place(program)
    ops = [op for op in program.ops if op.makes is None or op.makes.size]
    phases = [_loops([op for op in ops if op.when == when]) for when in (ONCE, DAILY, LAST)]
    _carry_in_place(program, phases[DAILY])
    phases[ONCE] += _copies(program, ONCE)
    phases[DAILY] += _copies(program, DAILY)
    return phases, _memory(program, phases, lanes)


def _copies(program: Program, when: int) -> list[Loop]:
    """First values into the carries, or a day's last values where they could not be written in place."""
    found = []
    for first, carry, last in program.carried:
        x = first if when == ONCE else last
        if not carry.size or (when == DAILY and x.value.memory is carry):
            continue
        if when == DAILY and x.value.source[:1] == ("carry",):
            raise Unsupported("a carry that becomes another")
        op = Op("place", trim(carry.shape), True, when, [x], into=whole(carry))
        found.append(Loop(op.space, True, [op]))
    return found


def _in_place(program: Program) -> None:
    """Let scatters write into the array they change where every other reader can come first; copy it elsewhere."""
    readers: dict[Value, list[Op]] = defaultdict(list)
    for op in program.ops:
        for x in op.reads:
            readers[x.value].append(op)
    users = _users(program.ops)
    kept = {view.value for _, _, view in program.carried} | {view.value for view, _ in program.outputs}
    scatters = [op for op in program.ops if op.into is not None and "old" in op.params]
    changed = Counter(op.params["old"].value for op in scatters)
    for op in scatters:
        old: View = op.params["old"]
        assert op.into is not None
        # in the last phase a carry means its last value
        value, others = op.into.value, [r for r in readers[old.value] if r is not op and r.when != LAST]
        free = (
            old.is_whole()
            and old.shape == value.shape
            and old.value.varies == value.varies
            and (old.value.source[:1] == ("carry",) or bool(old.value.writers))
            and old.value.when == value.when
            and changed[old.value] == 1
            and (old.value.source[:1] == ("carry",) or old.value not in kept)
            and not (others and _descendants(op, users).intersection(others))
        )
        if free:
            value.same_memory = old.value
            op.after = [*op.after, *others, *old.value.writers]
            for r in (*others, *old.value.writers):
                users[r].append(op)
        else:
            copy = Op("place", trim(value.shape), value.varies, value.when, [old], into=whole(value))
            value.writers.insert(0, copy)
            op.after = [*op.after, copy]
            users[copy].append(op)
            program.ops.append(copy)


def _users(ops: Iterable[Op]) -> dict[Op, list[Op]]:
    found: dict[Op, list[Op]] = defaultdict(list)
    for op in ops:
        for x in op.reads:
            for writer in x.value.writers:
                found[writer].append(op)
        for earlier in op.after:
            found[earlier].append(op)
    return found


def _descendants(op: Op, users: dict[Op, list[Op]]) -> set[Op]:
    seen: set[Op] = set()
    stack = [op]
    while stack:
        for user in users[stack.pop()]:
            if user not in seen:
                seen.add(user)
                stack.append(user)
    return seen


def _live(program: Program) -> list[Op]:
    """The operations that some output needs; carries that no output needs are dropped."""
    ends = {carry: (first.value, last.value) for first, carry, last in program.carried}
    seen: set[Op] = set()
    held: set[Value] = set()
    stack = [op for op in program.ops if op.name == "emit" or (op.into is not None and op.into.value.outside)]
    while stack:
        op = stack.pop()
        if op in seen:
            continue
        seen.add(op)
        reads = [*op.reads, *([op.params["old"]] if "old" in op.params else [])]
        stack += [writer for x in reads for writer in x.value.writers]
        for carry in {x.value for x in reads}.intersection(ends).difference(held):
            held.add(carry)
            stack += [writer for value in ends[carry] for writer in value.writers]
        stack += [o for o in op.after if o.name == "place" or o.name.startswith("scatter")]
        if op.into is not None:
            stack += op.into.value.writers
    program.carried = [found for found in program.carried if found[1] in held]
    return [op for op in program.ops if op in seen]


def beside(op: Op, x: View) -> bool:
    """Whether op may read x from the register of its writer: the same element of the same space."""
    value = x.value
    if op.name in FAR or len(value.writers) != 1 or value.writers[0].makes is not value:
        return False
    writer = value.writers[0]
    if writer.name in REDUCTIONS or (op.name.startswith("scatter") and x is op.reads[1]):
        return False
    return writer.space == op.space and writer.varies == op.varies and x.is_whole() and writer.when == op.when


def _loops(ops: list[Op]) -> list[Loop]:
    """The loops of operations that are all done at one time (once, daily or last), in order."""
    mine = set(ops)
    needs: dict[Op, list[tuple[Op, bool]]] = {}
    for op in ops:
        found = [(w, beside(op, x)) for x in op.reads for w in x.value.writers if w in mine]
        found += [(o, False) for o in op.after if o in mine]
        needs[op] = found
    users: dict[Op, list[Op]] = defaultdict(list)
    for op, found in needs.items():
        for earlier, _ in found:
            users[earlier].append(op)
    waiting = {op: len(found) for op, found in needs.items()}
    done: dict[Op, int] = {}
    ready = {op for op in ops if not waiting[op]}
    order = {op: i for i, op in enumerate(ops)}
    result: list[Loop] = []
    while ready:
        # small spaces first; between equals the one with most to do
        spaces: dict[tuple[tuple[int, ...], bool], list[Op]] = defaultdict(list)
        for op in sorted(ready, key=order.__getitem__):
            spaces[op.space, op.varies].append(op)
        space, varies = min(spaces, key=lambda s: (s[1], math.prod(s[0]), -len(spaces[s])))
        loop = Loop(space, varies)
        here = len(result)
        queue = deque(spaces[space, varies])
        while queue:
            op = queue.popleft()
            if op in done or any(done[w] == here and not near for w, near in needs[op]):
                continue
            done[op] = here
            loop.ops.append(op)
            ready.discard(op)
            for user in users[op]:
                waiting[user] -= 1
                if not waiting[user]:
                    ready.add(user)
                    if user.space == space and user.varies == varies:
                        queue.append(user)
        result.append(loop)
    assert len(done) == len(ops), "operations wait for each other"
    return result


def _carry_in_place(program: Program, daily: list[Loop]) -> None:
    """Let a day's last values be written over the first ones where nobody reads those afterwards."""
    at = {op: i for i, loop in enumerate(daily) for op in loop.ops}
    readers: dict[Value, list[tuple[Op, View]]] = defaultdict(list)
    for op in at:
        for x in op.reads:
            readers[x.value].append((op, x))
    scattered = {op.into.value.memory for op in at if op.into is not None}
    for _, carry, last in program.carried:
        value = last.value
        if carry in scattered or value.source or value.same_memory or len(value.writers) != 1 or not last.is_whole():
            continue
        writer = value.writers[0]
        if writer.makes is not value or writer.name in REDUCTIONS or not value.varies or writer not in at:
            continue

        def before(op: Op, x: View, writer: Op = writer) -> bool:
            same = op.space == writer.space and x.is_whole() and op.name not in FAR
            return at[op] < at[writer] or (at[op] == at[writer] and same)

        if all(before(op, x) for op, x in readers[carry]):
            value.same_memory = carry


@dataclass
class Memory:
    """Where values that pass between loops live: offsets in bytes, of all lanes for those that vary. Carries lie first.

    carried: bytes of all carries.
    """

    offset: dict[Value, int]
    varying: int
    shared: int
    carried: int


def item(value: Value) -> int:
    return 1 if value.dtype == np.bool_ else int(value.dtype.itemsize)


def room(value: Any, lanes: int) -> int:
    """Bytes that an array of so many lanes takes of memory; none for an array without elements."""
    return -(-math.prod(value.shape) * value.dtype.itemsize * lanes // _ALIGNMENT) * _ALIGNMENT


def _memory(program: Program, phases: list[list[Loop]], lanes: int) -> Memory:
    """Buffers for values that leave their loop; a buffer is used again when nobody reads it any more."""
    place_of = {op: (p, i) for p, phase in enumerate(phases) for i, loop in enumerate(phase) for op in loop.ops}
    last_use: dict[Value, tuple[int, int]] = {}
    first_use: dict[Value, tuple[int, int]] = {}
    needed: dict[Value, None] = {}  # in order: the same programme has the same text every time
    end = (len(phases), 0)

    def use(value: Value, at: tuple[int, int]) -> None:
        root = value.memory
        last_use[root] = max(last_use.get(root, (-1, -1)), at)
        first_use[root] = min(first_use.get(root, end), at)

    for op, at in place_of.items():
        if op.makes is not None:
            use(op.makes, at)
            if op.name in REDUCTIONS:
                needed[op.makes] = None
        if op.into is not None and not op.into.value.outside:
            use(op.into.value, at)
            needed[op.into.value.memory] = None
        for x in op.reads:
            if x.value.outside or not x.lay.size:
                continue
            # what is made once is read every day
            use(x.value, at if x.value.when == at[0] else (at[0], len(phases[at[0]])))
            if not (beside(op, x) and place_of[x.value.writers[0]] == at):
                needed[x.value.memory] = None
    carries = [carry for _, carry, _ in program.carried]
    for value in carries:
        needed[value] = None
        first_use[value], last_use[value] = (0, 0), end
    for first, _, last in program.carried:
        for x, at in ((first, (LAST, 0)), (last, (LAST, 0))):
            if x.value.writers:
                use(x.value, at)
                if not x.value.same_memory or x.value.memory not in carries:
                    needed[x.value.memory] = None
    offset: dict[Value, int] = {}
    totals = {True: 0, False: 0}
    carried = 0
    for varies in (True, False):
        values = sorted(
            (v for v in needed if v.varies == varies and v in first_use),
            key=lambda v: (first_use[v], v.source[:1] != ("carry",)),
        )
        free: list[tuple[int, int, int]] = []  # (when, bytes, offset)
        active: list[tuple[tuple[int, int], int, int, int]] = []
        for value in values:
            free += [(when, size, at) for used, when, size, at in active if used < first_use[value]]
            active = [a for a in active if a[0] >= first_use[value]]
            size = room(value, lanes if varies else 1)
            # what is made once may be read again for the next futures
            fitting = sorted(f for f in free if f[:2] == (value.when, size)) if value.when else []
            if fitting:
                free.remove(fitting[0])
                offset[value] = fitting[0][2]
            else:
                offset[value] = totals[varies]
                totals[varies] += size
            active.append((last_use[value], value.when, size, offset[value]))
            if value.source:
                carried = offset[value] + size
    return Memory(offset, totals[True], totals[False], carried)
