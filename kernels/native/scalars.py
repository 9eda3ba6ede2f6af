"""C++ functions of one element: what `kernels.stragglers.decide` does to the elements that are marked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend import core

from kernels.native.expressions import Register, expression, kind_of, literal
from kernels.native.program import REDUCTIONS, Unsupported, scan_counts
from kernels.native.trace import called

# of one element nothing is left of these
_NOTHING = {"broadcast_in_dim", "reshape", "squeeze", "expand_dims", "copy", "stop_gradient"} | REDUCTIONS


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
    head = f"static __attribute__((noinline)) {result.type} {name}({', '.join(arguments)})"
    return head + " {\n" + "\n".join(lines) + "\n}"


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
        name, p = eqn.primitive.name, eqn.params
        if name == "cond":
            return self.cond(eqn, reads)
        if name == "while":
            return self.loop(p, reads)
        if name == "scan":
            return self.rounds(p, reads)
        inner = called(eqn)
        if inner is not None:
            return self.run(inner, reads)
        if name in _NOTHING:
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
        consts, carries = scan_counts(p)
        if len(reads) != consts + carries or p["reverse"]:
            raise Unsupported("a scan over arrays in a function of one element")
        state = [self.say(x, const=False) for x in reads[consts:]]
        self.names += 1
        k = f"k{self.names}"
        self.lines.append(f"for (long {k} = 0; {k} < {p['length']}; ++{k}) {{")
        self.block(p["jaxpr"], [*reads[:consts], *state], state)
        self.lines.append("}")
        return state
