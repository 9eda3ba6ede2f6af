"""C++ text: one function per loop, and one that plays all days of a block of futures."""

import numpy as np
from jax.extend import core

from kernels.native.expressions import kind_of, literal
from kernels.native.nest import Nest
from kernels.native.program import DAILY, LAST, ONCE, Program, Unsupported, Value
from kernels.native.scalars import scalar_function
from kernels.native.schedule import Loop, Memory, item


def units(program: Program, phases: list[list[Loop]], memory: Memory, lanes: int, count: int) -> list[str]:
    """The programme as `count` translation units of about equal length, to be compiled side by side."""
    texts, names = _written(program, phases, memory, lanes, count, "loop")
    texts[0] += _PLAY.format(
        declared="".join(f"void {name}(const Run& r, long t);\n" for phase in names for name, _ in phase),
        days=program.days,
        once="".join(f"  {name}(r, t);\n" for name, varies in names[ONCE] if not varies),
        first="".join(f"    {name}(r, t);\n" for name, varies in names[ONCE] if varies),
        daily="".join(f"      {name}(r, t);\n" for name, _ in names[DAILY]),
        last="".join(f"    {name}(r, t);\n" for name, _ in names[LAST]),
    )
    return texts


def stages(program: Program, phases: list[list[Loop]], memory: Memory, lanes: int, count: int, name: str) -> list[str]:
    """The same as functions `name`_once, _first (of a group of futures), _day and _last, for days.h to call."""
    texts, names = _written(program, phases, memory, lanes, count, name)
    once = [function for function, varies in names[ONCE] if not varies]
    first = [function for function, varies in names[ONCE] if varies]
    daily, last = ([function for function, _ in names[phase]] for phase in (DAILY, LAST))
    for stage, called in (("once", once), ("first", first), ("day", daily), ("last", last)):
        texts[0] += "".join(f"void {function}(const Run& r, long t);\n" for function in called)
        body = "".join(f"  {function}(r, t);\n" for function in called)
        texts[0] += f"void {name}_{stage}(const Run& r, long t) {{\n{body}}}\n"
    return texts


def _written(
    program: Program, phases: list[list[Loop]], memory: Memory, lanes: int, count: int, prefix: str
) -> tuple[list[str], list[list[tuple[str, bool]]]]:
    """Units, and by phase the name of each loop and whether it differs by future."""
    writer = Writer(program, memory, lanes, prefix)
    names = [[(writer.function(loop), loop.varies) for loop in phase] for phase in phases]
    head = f'#define W {lanes}\n#include "prelude.h"\n'
    common = head + "\n".join(writer.header) + "\n"
    parts: list[list[str]] = [[] for _ in range(count)]
    for function in sorted(writer.functions, key=len, reverse=True):
        min(parts, key=lambda part: sum(map(len, part))).append(function)
    return [common + "\n".join(part) for part in parts], names


_PLAY = """
{declared}
extern "C" void play(const char* const* in, const char* const* each, char* const* out, char* varying, char* shared,
                     long groups) {{
  Run r{{in, each, out, varying, shared, 0}};
  long t = 0;
{once}
  for (long group = 0; group < groups; ++group) {{
    r.first = group * W;
{first}
    for (t = 0; t < {days}; ++t) {{
{daily}
    }}
    t = 0;
{last}
  }}
}}
"""


class Writer:
    """Turns loops into C++ functions."""

    nest = Nest

    def __init__(self, program: Program, memory: Memory, lanes: int, prefix: str) -> None:
        self.days, self.memory, self.lanes, self.prefix = program.days, memory, lanes, prefix
        self.functions: list[str] = []
        self.constants: dict[int, str] = {}
        self.slow: dict[int, str] = {}
        self.header: list[str] = []
        self.count = 0

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
        lanes = value.size * item(value) * self.lanes
        if source in (("lanes",), ("out",)):
            return f"((char*)r.{'in' if source == ('lanes',) else 'out'}[{value.source[1]}] + r.group * {lanes}L)"
        if source in (("lanes_by_day",), ("out_by_day",)):
            array = "in" if source == ("lanes_by_day",) else "out"
            return f"((char*)r.{array}[{value.source[1]}] + (r.group * r.days + t) * {lanes}L)"
        if source == ("tape",):
            return f"(r.tape + (t - r.from) * r.step + {value.source[1]}L)"
        # only what `Nest.taken` reads element by element needs no memory of its own
        raise Unsupported(f"a look-up by index in {value.source or value.writers[0].name}")

    def kept(self, value: Value) -> bool:
        """Whether a value is needed outside the loop that makes it."""
        return value in self.memory.offset or value.same_memory is not None

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
        name = f"{self.prefix}_{self.count}"
        self.count += 1
        body = self.nest(self, loop).text()
        self.functions.append(f"void {name}(const Run& r, long t) {{\n{body}\n}}\n")
        return name

    def slow_function(self, jaxpr: core.ClosedJaxpr) -> str:
        if id(jaxpr) not in self.slow:
            name = f"slow_{len(self.slow)}"
            self.header.append(scalar_function(name, jaxpr))
            self.slow[id(jaxpr)] = name
        return self.slow[id(jaxpr)]
