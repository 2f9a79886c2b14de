"""What an operator record is, and the families that build records.

Five kinds of operators exist; `docs/adding-an-op.md` says what each costs:

- `pointwise`: everything follows from `expr` (CPU and CUDA kernels, all forms);
- `native`: a body in csrc/ops below autograd, with its derivative in `vjp`;
- `composite`: a body in csrc/ops of other operators, which differentiate it;
- `view`: a body that only computes geometry; the result shares memory;
- `mutating`: a body that changes its first argument; the functional form is a clone plus this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalogue.schema import Schema, parse

FUNCTION, METHOD = "function", "method"
BOTH = (FUNCTION, METHOD)

# Letters of dtype classes: f floating, i integers, b bool, c complex.
ALL_REAL = "fi"


@dataclass(frozen=True)
class Pointwise:
    """How a pointwise operator computes: expressions over x, y, z (the operands) and the schema's Scalar names."""

    expr: str
    dtypes: str = "f"  # dtype classes that are computed
    rule: str = "same"  # same | float (integers become the default float) | bool (result) | real (of complex)
    exprs: Mapping[str, str] = field(default_factory=dict)  # another expression for one dtype class
    bool_inputs: tuple[int, ...] = ()  # operands that are always bool, such as a condition
    ulp: float = 1.0  # largest error in units of the last place, float32
    check: str = ""  # a C++ expression over the arguments, evaluated first: raises for values that are not taken


@dataclass
class Op:
    """One operator; everything else is derived from it."""

    schema: Schema
    kind: str
    doc: str
    where: tuple[str, ...] = BOTH
    vjp: Mapping[str, str] = field(default_factory=dict)
    pointwise: Pointwise | None = None
    inplace: bool = False
    out: bool = False
    functional: bool = False  # of a mutating operator: derive the form that leaves its input alone
    aliases: tuple[str, ...] = ()
    family: str = ""

    @property
    def name(self) -> str:
        return self.schema.name


OPS: list[Op] = []


def _add(text: str, kind: str, doc: str, **options: object) -> Op:
    made = Op(parse(text), kind, doc, **options)  # type: ignore[arg-type]
    OPS.append(made)
    return made


def op(text: str, doc: str, *, vjp: Mapping[str, str] | None = None, where: tuple[str, ...] = BOTH,
       inplace: bool = False, out: bool = False, aliases: tuple[str, ...] = ()) -> Op:  # fmt: skip
    """A native operator. Without `vjp` its results never require gradients."""
    return _add(text, "native", doc, vjp=vjp or {}, where=where, inplace=inplace, out=out, aliases=aliases)


def composite(text: str, doc: str, *, where: tuple[str, ...] = BOTH, inplace: bool = False, out: bool = False,
              aliases: tuple[str, ...] = ()) -> Op:  # fmt: skip
    """An operator made of others."""
    return _add(text, "composite", doc, where=where, inplace=inplace, out=out, aliases=aliases)


def view(text: str, doc: str, *, vjp: Mapping[str, str], where: tuple[str, ...] = BOTH,
         aliases: tuple[str, ...] = ()) -> Op:  # fmt: skip
    """An operator whose result shares its input's memory."""
    return _add(text, "view", doc, vjp=vjp, where=where, aliases=aliases)


def mutating(text: str, doc: str, *, vjp: Mapping[str, str], where: tuple[str, ...] = (METHOD,),
             functional: bool = False) -> Op:  # fmt: skip
    """An operator that changes its first argument; its name ends in an underscore."""
    return _add(text, "mutating", doc, vjp=vjp, where=where, functional=functional)


def pointwise(text: str, expr: str, doc: str, *, vjp: Mapping[str, str] | None = None, dtypes: str = "f",
              rule: str = "same", exprs: Mapping[str, str] | None = None, bool_inputs: tuple[int, ...] = (),
              ulp: float = 1.0, where: tuple[str, ...] = BOTH, inplace: bool = True, out: bool = True,
              aliases: tuple[str, ...] = (), check: str = "") -> Op:  # fmt: skip
    """An operator that works element by element on broadcast operands."""
    how = Pointwise(expr, dtypes, rule, exprs or {}, bool_inputs, ulp, check)
    return _add(text, "pointwise", doc, vjp=vjp or {}, where=where, inplace=inplace, out=out, aliases=aliases,
                pointwise=how)  # fmt: skip


def unary(name: str, doc: str, *, expr: str | None = None, vjp: str | None = None, dtypes: str = "fic",
          rule: str = "same", exprs: Mapping[str, str] | None = None, ulp: float = 1.0,
          where: tuple[str, ...] = BOTH, aliases: tuple[str, ...] = ()) -> Op:  # fmt: skip
    """name(self), computed in self's own dtype."""
    return pointwise(f"{name}(Tensor self) -> Tensor", expr or f"{name}(x)", doc, vjp={"self": vjp} if vjp else {},
                     dtypes=dtypes, rule=rule, exprs=exprs, ulp=ulp, where=where, aliases=aliases)  # fmt: skip


def unary_float(name: str, doc: str, *, expr: str | None = None, vjp: str | None = None, dtypes: str = "fc",
                ulp: float = 1.0, where: tuple[str, ...] = BOTH, aliases: tuple[str, ...] = ()) -> Op:  # fmt: skip
    """name(self) of real analysis: integers are converted to the default floating dtype first."""
    return unary(name, doc, expr=expr, vjp=vjp, dtypes=dtypes, rule="float", ulp=ulp, where=where, aliases=aliases)


# What may be a Python number, in torch, among the two operands of an operator.
_OPERANDS = {
    "both": "AnyOperand self, AnyOperand other",
    "either": "Operand self, Operand other",
    "other": "Tensor self, AnyOperand other",
    "none": "Tensor self, Tensor other",
}


def binary(name: str, expr: str, doc: str, *, vjp: Mapping[str, str] | None = None, dtypes: str = "fic",
           rule: str = "same", exprs: Mapping[str, str] | None = None, ulp: float = 1.0, numbers: str = "either",
           where: tuple[str, ...] = BOTH, aliases: tuple[str, ...] = (), check: str = "") -> Op:  # fmt: skip
    """name(self, other), broadcast and promoted; `numbers`: both, either, other or none may be a Python number."""
    return pointwise(f"{name}({_OPERANDS[numbers]}) -> Tensor", expr, doc, vjp=vjp, dtypes=dtypes, rule=rule,
                     exprs=exprs, ulp=ulp, where=where, aliases=aliases, check=check)  # fmt: skip


def comparison(name: str, expr: str, doc: str, *, dtypes: str = "fib", numbers: str = "other",
               aliases: tuple[str, ...] = ()) -> Op:  # fmt: skip
    """name(self, other) as bool."""
    return binary(name, expr, doc, dtypes=dtypes, rule="bool", numbers=numbers, aliases=aliases)
