"""Loops of the pointwise operators: for the CPU, compiled once per ISA level, and for GPUs."""

from __future__ import annotations

import re
from dataclasses import dataclass

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


def _functor(
    name: str, expression: str, arguments: list[Argument], bool_inputs: tuple[int, ...], qualifier: str
) -> str:
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
        f"    template <{templates}> {qualifier}auto operator()({', '.join(parameters)}) const "
        f"{{ return {body}; }}\n}};\n"
    )


@dataclass(frozen=True)
class _Target:
    """How the text for one kind of device differs."""

    device: str  # as DeviceType calls it
    loop: str
    qualifier: str  # of functions that kernels call
    element: str  # the type that an element of a C++ type has in kernels
    namespace: str  # of the functors and functions
    includes: tuple[str, ...]


CPU = _Target("cpu", "cpu::pointwise_loop", "", "{}", "", ("kernels/cpu/loops.h", "kernels/vec/vec_math.h"))
CUDA = _Target(
    "cuda",
    "cuda::pointwise_loop",
    "TAEDA_HD ",
    "cuda::device_type<{}>",
    "cuda_pointwise",
    ("kernels/cuda/pointwise.h", "kernels/vec/scalar_math.h"),
)


def loops(op: Op, target: _Target) -> str:
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
            parts.append(
                _functor(functors[expression], expression, arguments, how.bool_inputs, target.qualifier)
            )
        for cpp in _TYPES[letter]:
            element = target.element.format(cpp)
            out = "bool" if how.rule == "bool" else _REAL.get(cpp, element) if how.rule == "real" else element
            types = ", ".join([out, *("bool" if i in how.bool_inputs else element for i in range(count))])
            scalar = f"op_type<{element}>"
            given = ", ".join(f"{scalar}(args.params[{i}].to<op_type<{cpp}>>())" for i in range(len(scalars)))
            cases.append(
                f"        case DType::{_DTYPE[cpp]}: "
                f"return {target.loop}<{types}>(args, {functors[expression]}<{scalar}>{{{given}}});"
            )
    body = "\n".join(cases)
    function = (
        f"void {unique}_{target.device}(const PointwiseArgs& args) {{\n    switch (args.dtype) {{\n{body}\n"
        f"        default: __builtin_unreachable();\n    }}\n}}\n"
    )
    scope = target.namespace + "::" if target.namespace else ""
    return (
        f"namespace {target.namespace} {{\n" + "".join(parts) + function + "}\n"
        f"TAEDA_REGISTER_POINTWISE({target.device}, {unique}, {scope}{unique}_{target.device})\n"
    )


def pointwise_shard(ops: list[Op], target: _Target) -> str:
    """One of the generated loop files."""
    declared = "".join(f"extern PointwiseOp {op.schema.unique_name}_pointwise;\n" for op in ops)
    body = "\n".join(loops(op, target) for op in ops)
    includes = "".join(f'#include "{path}"\n' for path in ("dispatch/pointwise.h", *target.includes))
    return (
        f"// Generated from the operator catalogue; do not edit.\n{includes}\n"
        f"namespace taeda::ops {{\n{declared}}}\n\nnamespace taeda {{\n\n{body}\n}}  // namespace taeda\n"
    )
