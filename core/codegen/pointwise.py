"""CPU loops of the pointwise operators, compiled once per ISA level."""

from __future__ import annotations

import re

from catalogue.families import Op
from catalogue.schema import Argument

_TYPES = {
    "f": ["float", "double", "Half", "BFloat16"],
    "i": ["uint8_t", "int8_t", "int16_t", "int32_t", "int64_t"],
    "b": ["bool"],
    "c": ["complex64", "complex128"],
}
_DTYPE = {
    "float": "float32", "double": "float64", "Half": "float16", "BFloat16": "bfloat16", "uint8_t": "uint8",
    "int8_t": "int8", "int16_t": "int16", "int32_t": "int32", "int64_t": "int64", "bool": "bool_",
    "complex64": "complex64", "complex128": "complex128",
}  # fmt: skip
_REAL = {"complex64": "float", "complex128": "double"}
_OPERANDS = ("x", "y", "z", "w")
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d+\.?\d*(?:e-?\d+)?|\.\d+|[^\w\s]|\s+")


def _cpp(expression: str, scalars: set[str]) -> str:
    """The expression in C++: functions become vm::, numbers and Scalar names become X."""
    tokens = _TOKEN.findall(expression)
    out = []
    for i, token in enumerate(tokens):
        following = next((t for t in tokens[i + 1 :] if not t.isspace()), "")
        if re.match(r"[A-Za-z_]", token):
            if following == "(":
                out.append(f"vm::{token}")
            elif token in scalars:
                out.append(f"X({token})")
            else:
                out.append(token)
        elif re.match(r"[\d.]", token):
            out.append(f"X(S({token}))")
        else:
            out.append(token)
    return "".join(out)


def _functor(name: str, expression: str, arguments: list[Argument], bool_inputs: tuple[int, ...]) -> str:
    tensors = [a for a in arguments if a.is_tensor]
    scalars = [a.name for a in arguments if not a.is_tensor]
    members = "".join(f"    S {s};\n" for s in scalars)
    parameters, extra = [], []
    for i in range(len(tensors)):
        if i in bool_inputs:
            extra.append(f"class M{i}")
            parameters.append(f"M{i} {_OPERANDS[i]}")
        else:
            parameters.append(f"X {_OPERANDS[i]}")
    templates = ", ".join([*extra, "class X"])
    body = _cpp(expression, set(scalars))
    return (
        f"template <class S> struct {name} {{\n{members}"
        f"    template <{templates}> auto operator()({', '.join(parameters)}) const {{ return {body}; }}\n}};\n"
    )


def loops(op: Op) -> str:
    """The functors of one operator and the function that picks the dtype."""
    how = op.pointwise
    assert how is not None
    unique = op.schema.unique_name
    arguments = list(op.schema.arguments)
    scalars = [a for a in arguments if not a.is_tensor]
    count = len(arguments) - len(scalars)
    parts, cases = [], []
    expressions = {letter: how.exprs.get(letter, how.expr) for letter in how.dtypes}
    functors: dict[str, str] = {}
    for letter, expression in expressions.items():
        if expression not in functors:
            functors[expression] = f"{unique}_{letter}"
            parts.append(_functor(functors[expression], expression, arguments, how.bool_inputs))
        for cpp in _TYPES[letter]:
            out = "bool" if how.rule == "bool" else _REAL.get(cpp, cpp) if how.rule == "real" else cpp
            types = ", ".join([out, *("bool" if i in how.bool_inputs else cpp for i in range(count))])
            given = ", ".join(f"args.params[{i}].to<op_type<{cpp}>>()" for i in range(len(scalars)))
            cases.append(
                f"        case DType::{_DTYPE[cpp]}: "
                f"return cpu::pointwise_loop<{types}>(args, {functors[expression]}<op_type<{cpp}>>{{{given}}});"
            )
    body = "\n".join(cases)
    function = (
        f"void {unique}_cpu(const PointwiseArgs& args) {{\n    switch (args.dtype) {{\n{body}\n"
        f"        default: __builtin_unreachable();\n    }}\n}}\n"
    )
    return (
        "namespace {\n" + "".join(parts) + function + "}  // namespace\n"
        f"TAEDA_REGISTER_POINTWISE(cpu, {unique}, {unique}_cpu)\n"
    )


def pointwise_shard(ops: list[Op]) -> str:
    """One of the generated loop files."""
    declared = "".join(f"extern PointwiseOp {op.schema.unique_name}_pointwise;\n" for op in ops)
    body = "\n".join(loops(op) for op in ops)
    return (
        "// Generated from the operator catalogue; do not edit.\n"
        '#include "dispatch/pointwise.h"\n#include "kernels/cpu/loops.h"\n#include "kernels/vec/vec_math.h"\n\n'
        f"namespace taeda::ops {{\n{declared}}}\n\nnamespace taeda {{\n\n{body}\n}}  // namespace taeda\n"
    )
