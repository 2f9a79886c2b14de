"""The type stub of the native module: what is written by hand in `_C.pyi.in`, and all operators."""

from __future__ import annotations

import keyword

from catalogue.schema import Argument
from codegen.functions import Form
from codegen.python_glue import PythonName

_RETURN = {"Tensor": "Tensor", "Tensor[]": "tuple[Tensor, ...]", "bool": "bool", "int": "int", "float": "float",
           "Scalar": "Number", "()": "None"}  # fmt: skip


def _parameter(a: Argument) -> str:
    name = f"{a.name}_" if keyword.iskeyword(a.name) else a.name
    return f"{name}: {a.python}" + (" = ..." if a.default is not None or a.type in ("layout?", "flag") else "")


def _signature(form: Form, out: Form | None, method: bool) -> str:
    parts, starred, spread = [], False, False
    arguments = list(form.schema.all_arguments)
    if method:
        parts.append("self")
        arguments.remove(next((a for a in arguments if a.name == "self"), arguments[0]))
    for a in arguments:
        if a.spread:
            parts.append(f"*{a.name}: int | Sequence[int]")
            starred = spread = True
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
    if names and not names[0].startswith("result"):
        returned = "Any"
    return f"({', '.join(parts)}) -> {returned}: ..."


def stub(names: list[PythonName], template: str) -> str:
    """The whole .pyi file: the template's `# methods` and `# operators` lines replaced."""
    methods, functions = [], []
    for n in names:
        if keyword.iskeyword(n.name):
            continue
        many = len(n.signatures) > 1
        for i, form in enumerate(n.signatures):
            out = n.outs.get(i)
            if n.method:
                methods += ["    @overload"] * many + [f"    def {n.name}{_signature(form, out, True)}"]
            functions += ["    @staticmethod"] + ["    @overload"] * many + [f"    def {n.name}{_signature(form, out, False)}"]
    return template.replace("    # methods", "\n".join(methods)).replace("    # operators", "\n".join(functions))


def functions_module(names: list[PythonName]) -> str:
    """taeda/_functions.py: the operators that are public as taeda.NAME."""
    public = [n.name for n in names if any("function" in f.op.where for f in n.signatures)]
    lines = "\n".join(f"{name} = ops.{name}" for name in public)
    listed = "".join(f'    "{name}",\n' for name in sorted(public))
    return (
        '"""Generated: the operators that are public in the taeda namespace."""\n\n'
        f"from taeda._C import ops\n\n__all__ = [\n{listed}]\n\n{lines}\n"
    )
