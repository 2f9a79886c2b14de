"""The type stub of the native module: what is written by hand in `_C.pyi.in`, and all operators."""

from __future__ import annotations

import keyword
import re

from catalogue.schema import Argument
from codegen.functions import Form
from codegen.python_glue import PythonName, self_position

_RETURN = {
    "Tensor": "Tensor", "Tensor[]": "tuple[Tensor, ...]", "bool": "builtins.bool", "int": "builtins.int",
    "float": "builtins.float", "Scalar": "Number", "()": "None",
}  # fmt: skip
_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
_COMPARISON = "eq ne lt le gt ge".split()


def _qualified(text: str) -> str:
    """The type, where methods and dtypes have the names of builtins and of the module's own classes."""
    text = re.sub(r"\b(int|float|bool|complex|str)\b", r"builtins.\1", text)
    return re.sub(r"\b(dtype|device|layout|memory_format)\b", r"_\1", text)


def _parameter(a: Argument) -> str:
    name = f"{a.name}_" if keyword.iskeyword(a.name) else a.name
    optional = a.default is not None or a.type in ("layout?", "flag")
    return f"{name}: {_qualified(a.python)}" + (" = ..." if optional else "")


def _named_result(names: tuple[str, ...]) -> str:
    """The class of the named tuples with these fields."""
    return "_" + "_".join(names)


def _number_methods(methods: set[str]) -> list[str]:
    """Operators of Python on tensors, but for those that are methods of the catalogue."""
    names = [f"__{prefix}{name}__" for name in _BINARY for prefix in ("", "r", "i")]
    names.remove("__imatmul__")  # x @= y is x = x @ y
    names += [f"__{name}__" for name in _COMPARISON]
    return [f"    def {name}(self, other: Any) -> Tensor: ..." for name in names if name not in methods]


def _signature(form: Form, out: Form | None, method: bool) -> str:
    parts, starred = [], False
    arguments = list(form.schema.all_arguments)
    if method:
        parts.append("self")
        del arguments[self_position(form)]
    for a in arguments:
        if a.spread:
            parts.append(f"*{a.name}: builtins.int | Sequence[builtins.int]")
            starred = True
            continue
        if a.keyword_only and not starred:
            parts.append("*")
            starred = True
        parts.append(_parameter(a))
    if out:
        parts += [] if starred else ["*"]
        parts.append("out: Any = ...")
    names = form.schema.return_names
    returned = f"tuple[{', '.join(['Tensor'] * len(names))}]" if names else _RETURN[form.schema.returns]
    if form.schema.has_named_results:
        returned = _named_result(names)
    return f"({', '.join(parts)}) -> {returned}: ..."


def stub(names: list[PythonName], template: str) -> str:
    """The whole .pyi file: the template's `# methods` and similar lines replaced."""
    methods, functions, results = [], [], set()
    for n in names:
        if keyword.iskeyword(n.name):
            continue
        many = len(n.signatures) > 1
        for i, form in enumerate(n.signatures):
            out = n.outs.get(i)
            if form.schema.has_named_results:
                results.add(form.schema.return_names)
            if n.method:
                methods += ["    @overload"] * many + [f"    def {n.name}{_signature(form, out, True)}"]
            functions += (
                ["    @staticmethod"]
                + ["    @overload"] * many
                + [f"    def {n.name}{_signature(form, out, False)}"]
            )
    classes = [
        f"class {_named_result(fields)}(NamedTuple):\n"
        + "\n".join(f"    {field}: Tensor" for field in fields)
        for fields in sorted(results)
    ]
    for marker, lines in (
        ("# named results", classes),
        ("    # number methods", _number_methods({n.name for n in names if n.method})),
        ("    # methods", methods),
        ("    # operators", functions),
    ):
        template = template.replace(marker + "\n", "\n".join(lines) + "\n")
    return template


def functions_module(names: list[PythonName]) -> str:
    """taeda/_functions.py: the operators that are public as taeda.NAME."""
    public = [
        n.name
        for n in names
        if not n.name.startswith("_") and any("function" in f.op.where for f in n.signatures)
    ]
    lines = "\n".join(f"{name} = ops.{name}" for name in public)
    listed = "".join(f'    "{name}",\n' for name in sorted(public))
    return (
        '"""Generated: the operators that are public in the taeda namespace."""\n\n'
        f"from taeda._C import ops\n\n__all__ = [\n{listed}]\n\n{lines}\n"
    )
