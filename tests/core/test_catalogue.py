"""The catalogue itself: schemas, descriptions, bodies, names and derivatives of every record."""

from __future__ import annotations

import pytest
from samples import load as load_samples

from catalogue import load
from catalogue.families import Op
from catalogue.schema import parse
from taeda import _C

RECORDS = load()


def name_of(record: Op) -> str:
    return record.schema.text.partition("(")[0]


each = pytest.mark.parametrize("record", RECORDS, ids=name_of)


@each
def test_record(record: Op):
    assert parse(record.schema.text) == record.schema
    assert record.doc.strip().endswith("."), "a description is a sentence"
    assert hasattr(_C.ops, record.name), "not callable from Python"
    assert all(hasattr(_C.ops, alias) for alias in record.aliases)


@each
def test_body(record: Op):
    """An expression for both of its device kernels; other bodies are C++ that the linker asks for."""
    assert (record.pointwise is not None) == (record.kind == "pointwise")
    if record.pointwise is not None:
        assert record.pointwise.expr
        assert set(record.pointwise.dtypes) <= set("fibc")
        assert 0 < record.pointwise.ulp <= 16


@each
def test_derivatives_name_arguments(record: Op):
    names = {
        argument.name for argument in record.schema.arguments if argument.is_tensor or argument.is_tensor_list
    }
    for key in record.vjp:
        assert {part.strip() for part in key.split(",")} <= names


def test_names_are_unique():
    names = [record.schema.unique_name for record in RECORDS]
    assert len(names) == len(set(names))


def test_aliases_shadow_no_operator():
    names = {record.name for record in RECORDS}
    shadowing = [
        alias for record in RECORDS for alias in record.aliases if alias in names and alias != record.name
    ]
    assert not shadowing


def test_every_sampled_operator_is_in_the_catalogue():
    known = {record.name.removesuffix("_") for record in RECORDS} | {record.name for record in RECORDS}
    assert {operator.name for operator in load_samples()} - known == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("add(Tensor self", "expected 'name"),
        ("add(Tensr self) -> Tensor", "unknown type 'Tensr'"),
        ("add(Tensor self) -> Tensr", "unknown return 'Tensr'"),
        ("add(Tensor) -> Tensor", "expected 'Type name'"),
    ],
)
def test_malformed_schemas(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_parts_of_a_schema():
    schema = parse(
        "f.two(Tensor self, int[2] k=1, *, str mode='a, b', Scalar? x=None) -> (Tensor values, Tensor indices)"
    )
    assert (schema.name, schema.overload, schema.unique_name) == ("f", "two", "f_o_two")
    self, k, mode, x = schema.arguments
    assert (self.type, self.is_tensor) == ("Tensor", True)
    assert (k.type, k.expand, k.default) == ("int[]", 2, "1")
    assert (mode.default, mode.keyword_only) == ("'a, b'", True)
    assert (x.type, x.keyword_only) == ("Scalar?", True)
    assert schema.return_names == ("values", "indices")
