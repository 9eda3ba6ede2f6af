"""Operations gathered into loops, loops put in order, and memory given to what passes from one loop to another.

A loop runs over one space of indices and holds as many operations as dependence allows: an operation may sit beside
the one it reads if it reads the same element. Loops over small spaces come first, so that large ones grow.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from kernels.native.program import FAR, LAST, Op, Program, Value, View, trim, whole

REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min", "reduce_or", "reduce_and", "reduce_prod"}
_ALIGNMENT = 64


@dataclass(eq=False)
class Loop:
    space: tuple[int, ...]
    varies: bool
    ops: list[Op] = field(default_factory=list)


def in_place(program: Program) -> None:
    """Let scatters write into the array they change where every other reader can come first; copy it elsewhere."""
    readers: dict[Value, list[Op]] = defaultdict(list)
    for op in program.ops:
        for x in op.reads:
            readers[x.value].append(op)
    users = _users(program.ops)
    kept = {view.value for _, _, view in program.carried} | {view.value for view, _ in program.outputs}
    extra: list[Op] = []
    for op in program.ops:
        if not op.name.startswith("scatter") or op.into is None:
            continue
        old: View = op.params["old"]
        value, others = op.into.value, [r for r in readers[old.value] if r is not op]
        scatters = [o for o in program.ops if o.into is not None and o.params.get("old") is not None]
        taken = any(o.into is not None and o.into.value.same_memory is old.value for o in scatters)
        later = _descendants(op, users)
        free = (
            old.is_whole()
            and old.shape == value.shape
            and old.value.varies == value.varies
            and (old.value.source[:1] == ("carry",) or bool(old.value.writers))
            and old.value.when == value.when
            and not taken
            and (old.value not in kept)
            and not any(r in later for r in others)
            and not any(o is not op and o.params["old"].value is old.value for o in scatters)
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
            extra.append(copy)
    program.ops.extend(extra)


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


def live(program: Program) -> list[Op]:
    """The operations that some output or carry needs."""
    wanted = [view.value for view, _ in program.outputs]
    wanted += [view.value for first, _, last in program.carried for view in (first, last)]
    seen: set[Op] = set()
    stack = [writer for value in wanted for writer in value.writers]
    while stack:
        op = stack.pop()
        if op in seen:
            continue
        seen.add(op)
        reads = [*op.reads, *([op.params["old"]] if "old" in op.params else [])]
        stack += [writer for x in reads for writer in x.value.writers]
        stack += [o for o in op.after if o.name == "place" or o.name.startswith("scatter")]
        if op.into is not None:
            stack += op.into.value.writers
    return [op for op in program.ops if op in seen]


def beside(op: Op, x: View) -> bool:
    """Whether op may read x from the register of its writer: the same element of the same space."""
    value = x.value
    if op.name in FAR or len(value.writers) != 1 or value.writers[0].makes is not value:
        return False
    writer = value.writers[0]
    if writer.name in REDUCTIONS or op.name.startswith("scatter") and x is op.reads[0]:
        return False
    return writer.space == op.space and writer.varies == op.varies and x.is_whole() and writer.when == op.when


def loops(ops: list[Op]) -> list[Loop]:
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
        for op in ready:
            spaces[op.space, op.varies].append(op)
        space, varies = min(spaces, key=lambda s: (s[1], int(np.prod(s[0])), -len(spaces[s]), min(order[o] for o in spaces[s])))
        loop = Loop(space, varies)
        here = len(result)
        queue = sorted(spaces[space, varies], key=order.__getitem__)
        while queue:
            op = queue.pop(0)
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


@dataclass
class Memory:
    """Where values that pass between loops live: offsets in bytes, per lane for those that vary."""

    offset: dict[Value, int]
    varying: int
    shared: int


def item(value: Value) -> int:
    return 1 if value.dtype == np.bool_ else int(value.dtype.itemsize)


def memory(program: Program, phases: list[list[Loop]], lanes: int) -> Memory:
    """Buffers for values that leave their loop; a buffer is used again when nobody reads it any more."""
    place_of = {op: (p, i) for p, phase in enumerate(phases) for i, loop in enumerate(phase) for op in loop.ops}
    last_use: dict[Value, tuple[int, int]] = {}
    first_use: dict[Value, tuple[int, int]] = {}
    needed: set[Value] = set()
    end = (len(phases), 0)

    def use(value: Value, at: tuple[int, int]) -> None:
        root = value.memory
        last_use[root] = max(last_use.get(root, (-1, -1)), at)
        first_use[root] = min(first_use.get(root, end), at)

    for op, at in place_of.items():
        if op.makes is not None:
            use(op.makes, at)
            if op.name in REDUCTIONS:
                needed.add(op.makes)
        if op.into is not None:
            use(op.into.value, at)
            needed.add(op.into.value.memory)
        for x in op.reads:
            if x.value.source[:1] in (("in",), ("each",), ("by_day",), ("const",)) or not x.lay.size:
                continue
            # what is made once is read every day
            use(x.value, at if x.value.when == at[0] else (at[0], len(phases[at[0]])))
            if not (beside(op, x) and place_of[x.value.writers[0]] == at):
                needed.add(x.value.memory)
    for value in _carries(program):
        needed.add(value)
        first_use[value], last_use[value] = (0, 0), end
    for first, _, last in program.carried:
        for x, at in ((first, (LAST, 0)), (last, (LAST, 0))):
            if x.value.writers:
                use(x.value, at)
                if not x.value.same_memory or x.value.memory not in _carries(program):
                    needed.add(x.value.memory)
    offset: dict[Value, int] = {}
    totals = {True: 0, False: 0}
    for varies in (True, False):
        values = sorted((v for v in needed if v.varies == varies and v in first_use), key=lambda v: first_use[v])
        free: list[tuple[int, int, int]] = []  # (when, bytes, offset)
        active: list[tuple[tuple[int, int], int, int, int]] = []
        for value in values:
            free += [(when, size, at) for used, when, size, at in active if used < first_use[value]]
            active = [a for a in active if a[0] >= first_use[value]]
            bytes_ = value.size * item(value) * (lanes if varies else 1)
            size = max(_ALIGNMENT, -(-bytes_ // _ALIGNMENT) * _ALIGNMENT)
            # what is made once may be read again for the next futures
            fitting = sorted(f for f in free if f[:2] == (value.when, size)) if value.when else []
            if fitting:
                free.remove(fitting[0])
                offset[value] = fitting[0][2]
            else:
                offset[value] = totals[varies]
                totals[varies] += size
            active.append((last_use[value], value.when, size, offset[value]))
    return Memory(offset, totals[True], totals[False])


def _carries(program: Program) -> set[Value]:
    return {carry for _, carry, _ in program.carried}
