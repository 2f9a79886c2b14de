"""The Python calls of all operators: signature tables and the code from parsed arguments to the typed function."""

from __future__ import annotations

from catalogue.families import METHOD, Op
from catalogue.schema import Argument
from codegen.functions import FUNCTIONAL, OUT, Form, forms
from codegen.text import literal, quoted

_HOLDER = {
    "Tensor": "TensorArg", "Tensor?": "TensorArg", "Operand": "OperandArg", "AnyOperand": "OperandArg",
    "Tensor[]": "TensorListArg", "Tensor?[]": "TensorListArg", "Scalar": "ScalarArg", "Scalar?": "OptionalScalarArg",
    "int": "IntArg", "int?": "OptionalIntArg", "int[]": "IntsArg", "int[]?": "OptionalIntsArg", "float": "FloatArg",
    "float?": "OptionalFloatArg", "float[]": "FloatsArg", "float[]?": "OptionalFloatsArg", "bool": "BoolArg",
    "bool?": "OptionalBoolArg", "str": "StringArg", "str?": "OptionalStringArg", "dtype": "DTypeArg",
    "dtype?": "OptionalDTypeArg", "device?": "OptionalDeviceArg", "Generator?": "GeneratorArg",
    "memory_format?": "OptionalMemoryFormatArg",
}  # fmt: skip
_KIND = {
    "Tensor": "tensor", "Operand": "operand", "AnyOperand": "any_operand", "Tensor[]": "tensors",
    "Scalar": "scalar", "int": "integer", "int[]": "integers", "float": "floating", "float[]": "floats",
    "bool": "boolean", "str": "string", "dtype": "dtype", "device": "device", "Generator": "generator",
    "memory_format": "memory_format", "layout": "layout", "flag": "flag",
}  # fmt: skip


class PythonName:
    """All signatures that one Python name accepts."""

    def __init__(self, name: str):
        self.name = name
        self.signatures: list[Form] = []
        self.outs: dict[int, Form] = {}
        self.method = False

    def add(self, form: Form) -> None:
        if form.form == OUT:
            at = next(i for i, f in enumerate(self.signatures) if f.op is form.op)
            self.outs[at] = form
        else:
            self.signatures.append(form)
        self.method |= METHOD in form.op.where


def python_names(ops: list[Op]) -> list[PythonName]:
    """Forms grouped by the name that Python calls; aliases are names of their own."""
    found: dict[str, PythonName] = {}
    for op in ops:
        for form in forms(op):
            base = form.name.removesuffix("_out") if form.form == OUT else form.name
            suffix = "_" if form.form == "inplace" else ""
            for name in (base, *(f"{alias}{suffix}" for alias in op.aliases)):
                found.setdefault(name, PythonName(name)).add(form)
    return list(found.values())


def _kind(a: Argument) -> str:
    if a.type == "Tensor?[]":
        return "optional_tensors"
    return _KIND[a.type.removesuffix("?")]


def _parameter(a: Argument) -> str:
    flags = []
    if a.type.endswith("?"):
        flags.append("kOptional")
    if a.default is not None or a.type in ("layout?", "flag"):
        flags.append("kHasDefault")
    if a.keyword_only:
        flags.append("kKeywordOnly")
    if a.expand is not None:
        flags.append("kExpands")
    if a.spread:
        flags.append("kSpreads")
    return f'{{"{a.name}", Kind::{_kind(a)}, {" | ".join(flags) or "0"}}}'


def self_position(form: Form) -> int:
    """Which argument the object of a method call is: the one named self, else the first."""
    return next((i for i, a in enumerate(form.schema.all_arguments) if a.name == "self"), 0)


def _shown(form: Form, out: Form | None) -> str:
    parts, starred = [], False
    for a in form.schema.all_arguments:
        if a.keyword_only and not starred:
            parts.append("*")
            starred = True
        parts.append(f"{a.python} {a.name}" + (f"={a.default}" if a.default is not None else ""))
    if out:
        parts += [] if starred else ["*"]
        parts.append("Tensor out=None")
    return f"({', '.join(parts)})"


class GlueWriter:
    """Writes the C++ of one Python name."""

    def __init__(self, name: PythonName):
        self.name = name

    def text(self) -> str:
        n = self.name.name
        tables, rows, cases = [], [], []
        for i, form in enumerate(self.name.signatures):
            out = self.name.outs.get(i)
            parameters = [_parameter(a) for a in form.schema.all_arguments]
            if out:
                many = len(out.outputs) > 1
                parameters.append(
                    f'{{"out", Kind::{"tensors" if many else "tensor"}, kOptional | kHasDefault | kKeywordOnly}}'
                )
            tables.append(f"const Parameter {n}_p{i}[] = {{{', '.join(parameters) or '{}'}}};")
            rows.append(
                f"{{{quoted(_shown(form, out))}, {n}_p{i}, {len(parameters)}, {self_position(form)}}}"
            )
            cases.append(self._case(i, form, out))
        body = "\n".join(cases)
        return (
            "\n".join(tables) + f"\nconst Signature {n}_signatures[] = {{{', '.join(rows)}}};\n"
            f'Parser {n}_parser("{n}", {n}_signatures, {len(rows)});\n'
            f"PyObject* call_{n}(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {{\n"
            f"    return guarded_call({n}_parser, self, args, nargs, kwnames,\n"
            f"                        [&](int which, [[maybe_unused]] Slots& v) -> PyObject* {{\n"
            f"        switch (which) {{\n{body}\n"
            f"            default: return nullptr;\n        }}\n    }});\n}}\n"
            f"TAEDA_CALLABLE({n}, call_{n})\n"
        )

    def _case(self, number: int, form: Form, out: Form | None) -> str:
        lines = [f"            case {number}: {{"]
        passed = []
        grad_flag = None
        for i, a in enumerate(form.schema.all_arguments):
            if a.type == "layout?":
                lines.append(f"                check_layout(v[{i}]);")
                continue
            if a.type == "flag":
                if a.name == "requires_grad":
                    grad_flag = i
                continue
            holder = _HOLDER[a.type]
            default = (
                f", {literal(a.default, a.cpp)}" if a.default is not None and a.default != "None" else ""
            )
            extra = f", {a.expand}" if a.expand else ""
            if extra and not default:
                default = f", {holder}::none()"
            lines.append(f"                const {holder} {a.name}(v[{i}]{default}{extra});")
            passed.append(f"{a.name}.get()")
        if out:
            slot = len(form.schema.all_arguments)
            outs = [f"out_tensor(v[{slot}], {i})" for i in range(len(out.outputs))] if len(out.outputs) > 1 else [
                f"out_tensor(v[{slot}])"]  # fmt: skip
            call = f"ops::{out.name}({', '.join([*outs, *passed])})"
            lines.append(
                f"                if (v[{slot}] && v[{slot}] != Py_None) return give_out(v[{slot}], [&] {{ {call}; }});"
            )
        call = f"ops::{form.name}({', '.join(passed)})"
        lines.append(f"                {self._return(form, call, grad_flag)}")
        lines.append("            }")
        return "\n".join(lines)

    def _return(self, form: Form, call: str, grad_flag: int | None) -> str:
        if form.cpp_return == "void":
            return f"{call}; Py_RETURN_NONE;"
        if grad_flag is not None:
            return f"return wrap(with_requires_grad({call}, v[{grad_flag}]));"
        if form.schema.has_named_results:
            fields = ", ".join(f'"{n}"' for n in form.schema.return_names)
            return (
                f'static NamedResult type("taeda.return_types.{self.name.name}", {{{fields}}}); '
                f"return type.wrap({call});"
            )
        if form.mutates and form.form != FUNCTIONAL and form.cpp_return == "Tensor":
            return f"{call}; return same(v[{self_position(form)}]);"
        return f"return wrap({call});"


def glue_shard(names: list[PythonName]) -> str:
    """One of the generated .cpp files."""
    body = "\n".join(GlueWriter(n).text() for n in names)
    return (
        '// Generated from the operator catalogue; do not edit.\n#include "ops.h"\n#include "python/glue.h"\n\n'
        f"namespace taeda::python {{\n\n{body}\n}}  // namespace taeda::python\n"
    )


def glue_table(names: list[PythonName]) -> str:
    """The list of all Python names, with their docs."""
    declared = "\n".join(f"extern const Callable {n.name}_callable;" for n in names)
    rows = []
    for n in names:
        forms_ = n.signatures
        doc = (
            "\n".join(f"{n.name}{_shown(f, n.outs.get(i))}" for i, f in enumerate(forms_))
            + "\n\n"
            + forms_[0].op.doc
        )
        function = any("function" in f.op.where for f in forms_)
        rows.append(
            f'    {{"{n.name}", &{n.name}_callable, {str(n.method).lower()}, {str(function).lower()}, {quoted(doc)}}},'
        )
    body = "\n".join(rows)
    return (
        '// Generated from the operator catalogue; do not edit.\n#include "python/glue.h"\n\n'
        f"namespace taeda::python {{\n\n{declared}\n\nconst NamedCallable kCallables[] = {{\n{body}\n}};\n"
        f"const size_t kCallableCount = {len(names)};\n\n}}  // namespace taeda::python\n"
    )
