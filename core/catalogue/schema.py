"""Operator schemas: `name.overload(Type arg=default, *, Type keyword) -> Return`, parsed into typed records.

Argument types: Tensor, Tensor?, Tensor[], Tensor?[], Operand (a Tensor, or a Python number that becomes one; one
operand of a call has to be a Tensor), AnyOperand (the same, and all may be numbers), Scalar,
Scalar?, int, int?, int[], int[]?, int[N] (an int stands for N equal ones; 0 for any number), int[*] (may be spread over
the positional arguments), float, float?, float[]?, bool, bool?, str, str?, dtype, dtype?, device?, Generator?,
memory_format?, and two that only the Python call sees: layout? and flag (accepted, checked, not passed on).
Returns: Tensor, Tensor[], (Tensor name, ...), bool, int, float, Scalar, or () for nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

CPP_ARGUMENT = {
    "Tensor": "const Tensor&",
    "Tensor?": "const Tensor&",
    "Operand": "const Tensor&",
    "AnyOperand": "const Tensor&",
    "Tensor[]": "TensorList",
    "Tensor?[]": "TensorList",
    "Scalar": "const Scalar&",
    "Scalar?": "const std::optional<Scalar>&",
    "int": "int64_t",
    "int?": "std::optional<int64_t>",
    "int[]": "Ints",
    "int[]?": "std::optional<Ints>",
    "float": "double",
    "float?": "std::optional<double>",
    "float[]": "Floats",
    "float[]?": "std::optional<Floats>",
    "bool": "bool",
    "bool?": "std::optional<bool>",
    "str": "const std::string&",
    "str?": "const std::optional<std::string>&",
    "dtype": "DType",
    "dtype?": "std::optional<DType>",
    "device?": "std::optional<Device>",
    "Generator?": "const Generator&",
    "memory_format?": "std::optional<MemoryFormat>",
}
# How a node keeps an argument until backward.
CPP_OWNED = {
    "const Scalar&": "Scalar",
    "const std::optional<Scalar>&": "std::optional<Scalar>",
    "Ints": "Dims",
    "std::optional<Ints>": "OptionalDims",
    "Floats": "std::vector<double>",
    "std::optional<Floats>": "OptionalFloats",
    "const std::string&": "std::string",
    "const std::optional<std::string>&": "std::optional<std::string>",
    "const Generator&": "Generator",
}
CPP_RETURN = {
    "Tensor": "Tensor",
    "Tensor[]": "Tensors",
    "bool": "bool",
    "int": "int64_t",
    "float": "double",
    "Scalar": "Scalar",
    "()": "void",
}
PYTHON_ARGUMENT = {
    "Tensor": "Tensor",
    "Operand": "Tensor | Number",
    "AnyOperand": "Tensor | Number",
    "Tensor[]": "Sequence[Tensor]",
    "Tensor?[]": "Sequence[Tensor | None]",
    "Scalar": "Number | Tensor",
    "int": "int",
    "int[]": "Sequence[int] | int",
    "float": "float",
    "float[]": "Sequence[float]",
    "bool": "bool",
    "str": "str",
    "dtype": "dtype",
    "device": "device | str | int",
    "Generator": "Generator",
    "memory_format": "memory_format",
    "layout": "layout",
    "flag": "bool",
}
PYTHON_ONLY = {"layout?", "flag"}


@dataclass(frozen=True)
class Argument:
    """One argument of a schema."""

    type: str
    name: str
    default: str | None = None
    keyword_only: bool = False
    expand: int | None = None  # of int[N]
    spread: bool = False  # of int[*]

    @property
    def cpp(self) -> str:
        return CPP_ARGUMENT[self.type]

    @property
    def owned(self) -> str:
        return CPP_OWNED.get(self.cpp, self.cpp)

    @property
    def is_tensor(self) -> bool:
        return self.type in ("Tensor", "Tensor?", "Operand", "AnyOperand")

    @property
    def is_tensor_list(self) -> bool:
        return self.type in ("Tensor[]", "Tensor?[]")

    @property
    def python(self) -> str:
        optional = self.type.endswith("?")
        text = PYTHON_ARGUMENT[self.type.removesuffix("?")]
        return f"{text} | None" if optional else text


@dataclass(frozen=True)
class Schema:
    """A parsed operator signature."""

    text: str
    name: str
    overload: str
    all_arguments: tuple[Argument, ...]
    returns: str  # a key of CPP_RETURN, or "tuple"
    return_names: tuple[str, ...] = field(default=())

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments that C++ sees."""
        return tuple(a for a in self.all_arguments if a.type not in PYTHON_ONLY)

    @property
    def has_named_results(self) -> bool:
        """Whether Python gets a named tuple; the names result0, result1, ... stand for none."""
        return bool(self.return_names) and not any(re.fullmatch(r"result\d+", n) for n in self.return_names)

    @property
    def cpp_return(self) -> str:
        if self.returns == "tuple":
            return f"std::tuple<{', '.join(['Tensor'] * len(self.return_names))}>"
        return CPP_RETURN[self.returns]

    @property
    def unique_name(self) -> str:
        return f"{self.name}_o_{self.overload}" if self.overload else self.name


_SCHEMA = re.compile(r"(\w+)(?:\.(\w+))?\((.*)\)\s*->\s*(.+)$", re.DOTALL)
_ARGUMENT = re.compile(r"([A-Za-z_]+(?:\?\[\]|\[[\d*]*\])?\??)\s+(\w+)(?:=(.+))?$", re.DOTALL)


def _split(text: str) -> list[str]:
    """Splits at commas outside brackets and quotes."""
    parts, depth, current, quoted = [], 0, "", False
    for char in text:
        quoted ^= char == "'"
        depth += (char in "[(") - (char in "])")
        if char == "," and depth == 0 and not quoted:
            parts.append(current.strip())
            current = ""
        else:
            current += char
    return [*parts, current.strip()] if current.strip() else parts


def _argument(text: str, keyword_only: bool) -> Argument:
    match = _ARGUMENT.match(text)
    if not match:
        raise ValueError(f"schema argument {text!r}: expected 'Type name' or 'Type name=default'")
    kind, name, default = match.groups()
    expand, spread = None, False
    if sized := re.match(r"(int|float)\[(\d+|\*)\](\??)$", kind):
        spread = sized[2] == "*"
        expand = None if spread else int(sized[2])
        kind = f"{sized[1]}[]{sized[3]}"
    if kind not in CPP_ARGUMENT and kind not in PYTHON_ONLY:
        raise ValueError(f"schema argument {text!r}: unknown type {kind!r}")
    return Argument(kind, name, default, keyword_only, expand, spread)


def parse(text: str) -> Schema:
    """The record of one schema; ValueError says which part is malformed."""
    match = _SCHEMA.match(" ".join(text.split()))
    if not match:
        raise ValueError(f"schema {text!r}: expected 'name(arguments) -> return'")
    name, overload, arguments, returns = match.groups()
    parsed, keyword_only = [], False
    for part in _split(arguments):
        if part == "*":
            keyword_only = True
        else:
            parsed.append(_argument(part, keyword_only))
    names: tuple[str, ...] = ()
    returns = returns.strip()
    if returns.startswith("(") and returns != "()":
        names = tuple(
            part.split()[1] if " " in part else f"result{i}" for i, part in enumerate(_split(returns[1:-1]))
        )
        returns = "tuple"
    elif returns not in CPP_RETURN:
        raise ValueError(f"schema {text!r}: unknown return {returns!r}")
    return Schema(text, name, overload or "", tuple(parsed), returns, names)
