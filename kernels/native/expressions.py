"""One operation as a C++ expression; the same text serves one number and W lanes, by overloading in prelude.h."""

from typing import Any

import numpy as np

from kernels.native.program import Unsupported

KINDS = {
    "float64": "f64",
    "float32": "f32",
    "int64": "i64",
    "uint64": "u64",
    "int32": "i32",
    "uint32": "u32",
    "int8": "i32",
    "uint8": "u32",
}
_INFIX = {"add": "+", "add_any": "+", "sub": "-", "mul": "*", "div": "/", "rem": "%"}
_COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_BITWISE = {"and": "&", "or": "|", "xor": "^"}
_CALLS = {
    "floor": "floor_",
    "ceil": "ceil_",
    "sqrt": "sqrt_",
    "exp": "exp_",
    "log": "log_",
    "log1p": "log1p_",
    "expm1": "expm1_",
    "tanh": "tanh_",
    "erf": "erf_",
    "erfc": "erfc_",
    "lgamma": "lgamma_",
    "abs": "magnitude",
}


class Register:
    """A C++ variable or literal: its text, its kind (f64, .., or "mask"), bits of a mask, and whether it has lanes."""

    def __init__(self, text: str, kind: str, lanes: bool, width: int = 64) -> None:
        self.text, self.kind, self.lanes, self.width = text, kind, lanes, width

    @property
    def type(self) -> str:
        if self.kind == "mask":
            return f"i{self.width}v" if self.lanes else "bool"
        return self.kind + ("v" if self.lanes else "")


def bits(kind: str) -> int:
    return int(kind[1:])


def kind_of(dtype: Any) -> str:
    name = np.dtype(dtype).name
    if name == "bool":
        return "mask"
    if name not in KINDS:
        raise Unsupported(f"arrays of {name}")
    return KINDS[name]


def literal(value: Any, kind: str) -> str:
    if kind == "mask":
        return "true" if value else "false"
    if kind in ("f64", "f32"):
        number = float(value)
        if np.isnan(number):
            return f'({kind})__builtin_nan("")'
        if np.isinf(number):
            return f"({kind})({'-' if number < 0 else ''}__builtin_inf())"
        return f"({kind}){number.hex()}"
    suffix = {"i64": "LL", "u64": "ULL", "i32": "", "u32": "u"}[kind]
    if kind == "i64" and int(value) == -(2**63):
        return "INT64_MIN"
    if kind == "i32" and int(value) == -(2**31):
        return "INT32_MIN"
    return f"({kind}){int(value)}{suffix}"


def spread(x: Register) -> Register:
    """A number as lanes."""
    if x.lanes:
        return x
    if x.kind == "mask":
        return Register(f"splat<i64v>(-(i64)({x.text}))", "mask", True)
    return Register(f"splat<{x.kind}v>({x.text})", x.kind, True)


def masked(x: Register, width: int) -> str:
    """The text of a truth value with lanes of so many bits."""
    if not x.lanes or x.width == width:
        return x.text
    return f"{'wide' if width == 64 else 'narrow'}({x.text})"


def expression(name: str, params: dict[str, Any], reads: list[Register], kind: str) -> Register:
    """The result of an elementwise operation. kind: of the result. Raises Unsupported."""
    lanes = any(x.lanes for x in reads)
    if lanes:
        reads = [spread(x) for x in reads]
    texts = [x.text for x in reads]

    def answer(text: str, width: int = 64) -> Register:
        return Register(text, kind, lanes, width)

    if name in _COMPARE:
        if reads[0].kind == "mask":
            same = f"({masked(reads[0], 64)} ^ {masked(reads[1], 64)})"
            return answer({"ne": same, "eq": f"negate({same})"}[name])
        return answer(f"({texts[0]} {_COMPARE[name]} {texts[1]})", bits(reads[0].kind))
    if name in _BITWISE or name == "not":
        if kind != "mask":
            return answer(f"~{texts[0]}" if name == "not" else f"({texts[0]} {_BITWISE[name]} {texts[1]})")
        width = max(x.width for x in reads)
        parts = [masked(x, width) for x in reads]
        if name == "not":
            return answer(f"negate({parts[0]})", width)
        return answer(f"({parts[0]} {_BITWISE[name]} {parts[1]})", width)
    if name == "select_n":
        return _select(reads, kind, lanes)
    if name == "rem" and kind in ("f64", "f32"):
        return answer(f"fmod_({texts[0]}, {texts[1]})")
    if name in _INFIX:
        return answer(f"({texts[0]} {_INFIX[name]} {texts[1]})")
    if name in _CALLS:
        return answer(f"{_CALLS[name]}({texts[0]})")
    if name == "pow":
        return answer(f"pow_({texts[0]}, {texts[1]})")
    if name == "round":
        if int(params["rounding_method"]) != 1:
            raise Unsupported("rounding half away from zero")
        return answer(f"nearest({texts[0]})")
    if name == "neg":
        return answer(f"(-{texts[0]})")
    if name == "sign":
        zero, one = (f"splat<{kind}v>(({kind}){n})" if lanes else f"({kind}){n}" for n in (0, 1))
        return answer(f"(pick({texts[0]} > {zero}, {one}, {zero}) - pick({texts[0]} < {zero}, {one}, {zero}))")
    if name in ("max", "min"):
        if kind == "mask":
            return expression("or" if name == "max" else "and", params, reads, kind)
        return answer(f"{'higher' if name == 'max' else 'lower'}({texts[0]}, {texts[1]})")
    if name == "clamp":
        return answer(f"lower(higher({texts[1]}, {texts[0]}), {texts[2]})")
    if name in ("square", "integer_pow"):
        power = 2 if name == "square" else int(params["y"])
        product = "(" + " * ".join([texts[0]] * max(abs(power), 1)) + ")"
        if power < 1:  # of derivatives; XLA's own rounding of it is not promised
            one = f"splat<{kind}v>(({kind})1)" if lanes else f"({kind})1"
            return answer(one if power == 0 else f"({one} / {product})")
        return answer(product)
    if name == "one_minus_square":  # of the derivative of tanh, since JAX 0.12
        one = f"splat<{kind}v>(({kind})1)" if lanes else f"({kind})1"
        return answer(f"({one} - {texts[0]} * {texts[0]})")
    if name == "is_finite":
        return answer(f"(({texts[0]} - {texts[0]}) == ({texts[0]} - {texts[0]}))", bits(reads[0].kind))
    if name == "convert_element_type":
        return _converted(reads[0], kind)
    if name == "bitcast_convert_type":
        return answer(f"bits<{kind}{'v' if lanes else ''}>({texts[0]})")
    if name in ("shift_left", "shift_right_logical", "shift_right_arithmetic"):
        return answer(_shift(name, texts, kind, lanes))
    if name == "identity":
        return Register(texts[0], kind, lanes, reads[0].width)
    raise Unsupported(name)


def _select(reads: list[Register], kind: str, lanes: bool) -> Register:
    which, *cases = reads
    if len(cases) != 2:
        raise Unsupported(f"a choice between {len(cases)}")
    no, yes = cases
    test = which
    if which.kind != "mask":
        zero = f"splat<{which.kind}v>(({which.kind})0)" if lanes else "0"
        test = Register(f"({which.text} != {zero})", "mask", lanes, bits(which.kind))
    if kind == "mask":
        if not lanes:
            return Register(f"({test.text} ? {yes.text} : {no.text})", kind, lanes)
        m, a, b = (masked(x, 64) for x in (test, yes, no))
        return Register(f"(({m} & {a}) | (~{m} & {b}))", kind, lanes, 64)
    return Register(f"pick({masked(test, bits(kind))}, {yes.text}, {no.text})", kind, lanes)


def _converted(x: Register, kind: str) -> Register:
    if x.kind == kind:
        return x
    to = kind + ("v" if x.lanes else "")
    if kind == "mask":
        zero = f"splat<{x.type}>(({x.kind})0)" if x.lanes else "0"
        return Register(f"({x.text} != {zero})", kind, x.lanes, bits(x.kind))
    if x.kind == "mask":
        one, zero = (f"splat<{to}>(({kind}){n})" if x.lanes else f"({kind}){n}" for n in (1, 0))
        return Register(f"pick({masked(x, bits(kind))}, {one}, {zero})", kind, x.lanes)
    call = "convert_lanes" if x.lanes else "convert"
    return Register(f"{call}<{to}>({x.text})", kind, x.lanes)


def _shift(name: str, texts: list[str], kind: str, lanes: bool) -> str:
    suffix = "v" if lanes else ""
    if name == "shift_left":
        return f"({texts[0]} << {texts[1]})"
    signed = "i" if name.endswith("arithmetic") else "u"
    other = signed + kind[1:] + suffix
    back = kind + suffix
    return f"bits<{back}>(bits<{other}>({texts[0]}) >> bits<{other}>({texts[1]}))"
