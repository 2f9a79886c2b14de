"""The typed C++ function of every operator, its in-place and out= forms, and their boxed forms."""

from __future__ import annotations

from dataclasses import dataclass

from catalogue.families import Op
from catalogue.schema import Argument, Schema
from codegen.nodes import Derivatives
from codegen.text import literal, quoted

FUNCTIONAL, INPLACE, OUT = "functional", "inplace", "out"
_RULES = {"same": "same", "float": "to_float", "bool": "to_bool", "real": "to_real"}
_CLASS_BITS = {"f": 1, "i": 2, "b": 4, "c": 8}


@dataclass(frozen=True)
class Form:
    """One callable form of an operator."""

    op: Op
    form: str  # functional | inplace | out

    @property
    def schema(self) -> Schema:
        return self.op.schema

    @property
    def name(self) -> str:
        """C++ and Python name."""
        name = self.op.name
        if self.op.kind == "mutating" and self.form == FUNCTIONAL:
            return name.rstrip("_")
        return {INPLACE: f"{name}_", OUT: f"{name}_out"}.get(self.form, name)

    @property
    def mutates(self) -> bool:
        return self.form == INPLACE or (self.op.kind == "mutating" and self.form != FUNCTIONAL)

    @property
    def unique(self) -> str:
        """Unlike any other form of any operator."""
        overload = f"_o_{self.schema.overload}" if self.schema.overload else ""
        return f"{self.name}{overload}"

    @property
    def registered(self) -> str:
        """'add', 'sum.dim', 'add_', 'add.out'"""
        base = self.name.removesuffix("_out") if self.form == OUT else self.name
        overload = ".".join(filter(None, [self.schema.overload, "out" if self.form == OUT else ""]))
        return f"{base}.{overload}" if overload else base

    @property
    def cpp_return(self) -> str:
        return self.schema.cpp_return

    @property
    def outputs(self) -> list[str]:
        """Names of the out= tensors."""
        if self.form != OUT:
            return []
        if self.schema.returns == "tuple":
            return [f"out{i}" for i in range(len(self.schema.return_names))]
        return ["out"]

    @property
    def parameters(self) -> list[str]:
        """C++ parameter declarations without defaults."""
        outs = [f"const Tensor& {name}" for name in self.outputs]
        return outs + [f"{a.cpp} {a.name}" for a in self.schema.arguments]

    @property
    def names(self) -> list[str]:
        return self.outputs + [a.name for a in self.schema.arguments]

    def declaration(self) -> str:
        """With default values, for ops.h."""
        outs = [f"const Tensor& {name}" for name in self.outputs]
        shown = list(outs)
        defaults_from = len(self.schema.arguments)
        for i in range(len(self.schema.arguments) - 1, -1, -1):
            if self.schema.arguments[i].default is None:
                break
            defaults_from = i
        for i, a in enumerate(self.schema.arguments):
            default = (
                f" = {literal(a.default, a.cpp)}" if i >= defaults_from and a.default is not None else ""
            )
            shown.append(f"{a.cpp} {a.name}{default}")
        return f"{self.cpp_return} {self.name}({', '.join(shown)});"


def forms(op: Op) -> list[Form]:
    """All forms of an operator."""
    if op.kind == "mutating":
        return [Form(op, "primary")] + ([Form(op, FUNCTIONAL)] if op.functional else [])
    found = [Form(op, FUNCTIONAL)]
    if op.inplace:
        found.append(Form(op, INPLACE))
    if op.out:
        found.append(Form(op, OUT))
    return found


def pointwise_record(op: Op) -> str:
    """The PointwiseOp that drives a pointwise operator."""
    how = op.pointwise
    assert how is not None
    classes = sum(_CLASS_BITS[c] for c in how.dtypes)
    bits = sum(1 << i for i in how.bool_inputs)
    unique = op.schema.unique_name
    return f'PointwiseOp {unique}_pointwise{{"{op.name}", PointwiseOp::Rule::{_RULES[how.rule]}, {classes}, {bits}}};'


def _pointwise_call(op: Op, out: str = "Tensor()", inplace: bool = False) -> str:
    tensors = [a.name for a in op.schema.arguments if a.is_tensor]
    scalars = [a for a in op.schema.arguments if not a.is_tensor]
    inputs = "".join(f"&{name}, " for name in tensors).rstrip(", ")
    params = ", ".join(a.name if a.cpp == "const Scalar&" else f"Scalar({a.name})" for a in scalars)
    assert op.pointwise is not None
    setup = f"{op.pointwise.check}; " if op.pointwise.check else ""
    setup += f"const Tensor* const inputs[] = {{{inputs}}}; "
    if scalars:
        setup += f"const Scalar params[] = {{{params}}}; "
    given = "params" if scalars else "{}"
    rest = f"inputs, {given}, {out}, {str(inplace).lower()}"
    return f"[&] {{ {setup}return pointwise({op.schema.unique_name}_pointwise, {rest}); }}()"


class FunctionWriter:
    """Writes the C++ definitions of one operator."""

    def __init__(self, op: Op):
        self.op = op
        self.schema = op.schema
        unique = op.schema.unique_name
        self.derivatives = Derivatives(op, unique) if op.vjp else None

    def definitions(self) -> str:
        """Node, functions, boxed forms and registration."""
        parts = []
        if self.op.kind == "pointwise":
            parts.append(pointwise_record(self.op))
        if self.derivatives:
            parts.append(
                "namespace {\n"
                + self.derivatives.declaration()
                + self.derivatives.definition()
                + "}  // namespace\n"
            )
        for form in forms(self.op):
            parts.append(f"extern const OpEntry {form.unique}_entry;")
            parts.append(self._function(form))
            parts.append(self._boxed(form))
        return "\n".join(parts)

    def _function(self, form: Form) -> str:
        head = f"{form.cpp_return} {form.name}({', '.join(form.parameters)}) {{"
        interposed = (
            f"    if (thread_state.modes) [[unlikely]]\n"
            f"        return modes::call<{form.cpp_return}>({', '.join([f'{form.unique}_entry', *form.names])});"
        )
        if form.form == OUT:
            body = self._out_body(form)
        elif form.mutates:
            body = self._mutating_body(form)
        elif self.op.kind == "mutating":
            body = self._derived_functional()
        else:
            body = self._functional_body()
        return "\n".join([head, interposed, *(f"    {line}" for line in body), "}\n"])

    def _arguments(self) -> str:
        return ", ".join(a.name for a in self.schema.arguments)

    def _functional_body(self) -> list[str]:
        kind, d = self.op.kind, self.derivatives
        if kind == "composite":
            return [f"return native::{self.op.name}({self._arguments()});"]
        value = self._pure_call()
        if kind == "view":
            lines = [f"Tensor result = {value};"]
            if d:  # a view without derivative is cut off: changing it is no business of its base
                lines.append("track_view(result, self);")
        elif self.schema.returns == "()":
            return [f"{value};"]
        else:
            lines = [f"auto result = {value};"]
        if d:
            lines += self._history("result", d)
        return [*lines, "return result;"]

    def _pure_call(self) -> str:
        if self.op.kind == "pointwise":
            return _pointwise_call(self.op)
        call = f"native::{self.op.name}({self._arguments()})"
        return f"[&] {{ {self._device_check()}GradMode off(false); return {call}; }}()"

    def _device_check(self) -> str:
        """For bodies that compute on several tensors; copy_ and set_ may take from elsewhere."""
        tensors = [a.name for a in self.schema.arguments if a.is_tensor or a.is_tensor_list]
        several = len(tensors) > 1 or any(a.is_tensor_list for a in self.schema.arguments)
        if (
            not several
            or self.op.kind not in ("native", "mutating")
            or self.op.name in ("copy_", "set_", "resize_as_")
        ):
            return ""
        return f'check_same_device("{self.op.name}", {", ".join(tensors)}); '

    def _history(self, result: str, d: Derivatives) -> list[str]:
        inputs = ", ".join(a.name for a in d.inputs)
        block = d.record(result) + d.save_inputs()
        if self.schema.returns == "tuple":
            block += [
                f"set_history(std::get<{i}>(result), holder);" for i in range(len(self.schema.return_names))
            ]
        elif self.schema.returns == "Tensor[]":
            block.append("for (const Tensor& t : result) set_history(t, holder);")
        else:
            block.append("set_history(result, holder);")
        block += d.save_outputs()
        return [f"if (grad_wanted({inputs})) {{", *(f"    {line}" for line in block), "}"]

    def _mutating_body(self, form: Form) -> list[str]:
        d = self.derivatives
        me = self.schema.arguments[0].name
        if self.op.kind in ("native", "composite", "view"):
            tensors = ", ".join(a.name for a in self.schema.arguments if a.is_tensor or a.is_tensor_list)
            # What the operator saves of its input must not be what is about to be overwritten.
            start = f"const Tensor start = grad_wanted({tensors}) ? clone({me}) : {me};"
            rest = [a.name for a in self.schema.arguments[1:]]
            result = f"{self.op.name}({', '.join(['start', *rest])})"
            check = f'check_in_place_result({me}, changed, "{self.op.name}");'
            return [start, f"const Tensor changed = {result};", check, f"return copy_({me}, changed);"]
        if self.op.kind == "pointwise":
            call = _pointwise_call(self.op, out=me, inplace=True)
        else:
            call = self._pure_call()
        if not d:
            return [f'check_inplace({me}, "{form.name}", false);', f"{call};", f"{me}.bump_version();",
                    f"return {me};"]  # fmt: skip
        inputs = ", ".join(a.name for a in d.inputs)
        block = d.record(me) + d.save_inputs(mutated=me)
        return [
            f"const bool wanted = grad_wanted({inputs});",
            f'check_inplace({me}, "{form.name}", wanted);',
            "Ref<Node> made;",
            "if (wanted) {",
            *(f"    {line}" for line in block),
            "    made = holder;",
            "}",
            f"{call};",
            f"{me}.bump_version();",
            "if (wanted) {",
            f"    rebase_history({me}, made);",
            *(f"    {line}" for line in self._late_outputs(d, me)),
            "}",
            f"return {me};",
        ]

    def _late_outputs(self, d: Derivatives, me: str) -> list[str]:
        saves = d.save_outputs()
        if not saves:
            return []
        lines = [
            f"auto* node = static_cast<{d.class_name}*>(made.get());",
            f"const Tensor& result = {me};",
            "(void)node;",
        ]
        return lines + saves

    def _derived_functional(self) -> list[str]:
        me = self.schema.arguments[0].name
        rest = ", ".join([f"ops::clone({me})", *(a.name for a in self.schema.arguments[1:])])
        return [f"return {self.op.name}({rest});"]

    def _out_body(self, form: Form) -> list[str]:
        inputs = ", ".join(a.name for a in self.schema.arguments if a.is_tensor or a.is_tensor_list)
        outs = ", ".join(form.outputs)
        checked = ", ".join(filter(None, [outs, inputs]))
        lines = [
            f"TAEDA_CHECK(!grad_wanted({checked}), \"{self.op.name}(): functions with out=... arguments don't support "
            f'automatic differentiation, but one of the arguments requires grad.");'
        ]
        if self.op.kind == "pointwise":
            return [*lines, f"{_pointwise_call(self.op, out='out')};", "out.bump_version();", "return out;"]
        lines.append(f"auto result = {self.op.name}({self._arguments()});")
        if len(form.outputs) == 1:
            lines += [f'write_output(out, result, "{self.op.name}");', "return out;"]
        else:
            lines += [
                f'write_output({o}, std::get<{i}>(result), "{self.op.name}");'
                for i, o in enumerate(form.outputs)
            ]
            lines.append(f"return {{{outs}}};")
        return lines

    def _boxed(self, form: Form) -> str:
        types = ["const Tensor&"] * len(form.outputs) + [a.cpp for a in self.schema.arguments]
        unpacked = ", ".join(f"unbox<{t}>(arguments[{i}])" for i, t in enumerate(types))
        call = f"ops::{form.name}({unpacked})"
        body = f"{call};" if form.cpp_return == "void" else f"boxing::push(results, {call});"
        results = "Stack&" if form.cpp_return == "void" else "Stack& results"
        stack = "const Stack& arguments" if types else "const Stack&"
        text = _registered_schema(form)
        return (
            f"static void {form.unique}_boxed({stack}, {results}) {{ {body} }}\n"
            f'const OpEntry {form.unique}_entry{{"{form.registered}", {quoted(text)}, {form.unique}_boxed}};\n'
            f"static const RegisterOp {form.unique}_registration({form.unique}_entry);\n"
        )


def _registered_schema(form: Form) -> str:
    def shown(a: Argument) -> str:
        return f"{a.type} {a.name}" + (f"={a.default}" if a.default is not None else "")

    arguments = [f"Tensor {o}" for o in form.outputs] + [shown(a) for a in form.schema.arguments]
    arrow = form.schema.text.rsplit("->", 1)[1].strip()
    return f"{form.registered}({', '.join(arguments)}) -> {arrow}"


def ops_header(ops: list[Op]) -> str:
    """ops.h: the declarations of everything."""
    lines = [
        "// Generated from the operator catalogue; do not edit.\n"
        "// Every operator as a typed function.\n#pragma once\n",
        '#include "dispatch/pointwise.h"\n#include "dispatch/values.h"\n',
        "namespace taeda::ops {\n",
    ]
    for op in ops:
        if op.kind == "pointwise":
            lines.append(f"extern PointwiseOp {op.schema.unique_name}_pointwise;")
        lines += [form.declaration() for form in forms(op)]
    lines.append("\n}  // namespace taeda::ops\n")
    lines.append('#include "ops/operators.h"')
    return "\n".join(lines) + "\n"


def native_header(ops: list[Op]) -> str:
    """native.h: what csrc/ops has to define."""
    lines = [
        "// Generated from the operator catalogue; do not edit.\n// The bodies that csrc/ops defines.\n#pragma once\n",
        '#include "ops.h"\n\nnamespace taeda::native {\n',
    ]
    for op in ops:
        if op.kind != "pointwise":
            parameters = ", ".join(f"{a.cpp} {a.name}" for a in op.schema.arguments)
            lines.append(f"{op.schema.cpp_return} {op.name}({parameters});")
    lines.append("\n}  // namespace taeda::native\n")
    return "\n".join(lines)


def ops_shard(ops: list[Op]) -> str:
    """One of the generated .cpp files."""
    body = "\n".join(FunctionWriter(op).definitions() for op in ops)
    return (
        "// Generated from the operator catalogue; do not edit.\n"
        '#include "dispatch/generated.h"\n#include "native.h"\n\n'
        f"namespace taeda::ops {{\n\n{body}\n}}  // namespace taeda::ops\n"
    )
