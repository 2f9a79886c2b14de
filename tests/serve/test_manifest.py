import pytest

from taeda_serve.errors import ArchiveError
from taeda_serve.manifest import Architecture, Manifest, TensorSpec, TransformStep, check_json

EXAMPLE = Manifest(
    name="digits",
    version="1.2",
    architecture=Architecture("taeda_vision.models:resnet18", {"num_classes": 10}),
    preprocessing=(TransformStep("Resize", {"size": [32, 32]}), TransformStep("ToTensor")),
    inputs=(TensorSpec("image", "FP32", (-1, 3, 32, 32)),),
    outputs=(TensorSpec("probabilities", "FP32", (-1, 10)),),
    members={"labels.json": "0" * 64},
    provenance={"accuracy": 0.99, "checkpoint": "best.ckpt"},
)


def test_writing_and_reading_gives_the_same_manifest():
    assert Manifest.from_bytes(EXAMPLE.to_bytes(), "m") == EXAMPLE


def test_the_order_of_arguments_does_not_change_the_bytes():
    one, other = (
        Manifest(**{**EXAMPLE.__dict__, "provenance": dict(order)})
        for order in ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)])
    )
    assert one.to_bytes() == other.to_bytes()


def test_a_model_with_preprocessing_has_one_input():
    two = Manifest(**{**EXAMPLE.__dict__, "inputs": (*EXAMPLE.inputs, TensorSpec("y", "FP32", (-1,)))})
    with pytest.raises(ArchiveError, match="expected exactly one input when there is preprocessing, got 2"):
        Manifest.from_bytes(two.to_bytes(), "m")


@pytest.mark.parametrize("value", [None, True, 3, 1.5, "x", [1, [2]], {"a": {"b": []}}])
def test_json_values_pass(value):
    assert check_json(value, "x") == value


def test_tuples_become_lists():
    assert check_json({"size": (8, 8)}, "x") == {"size": [8, 8]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, {2}]}, r"x\.a\[1\]: expected a JSON value .* got set \{2\}; pass plain values"),
        ({1: 2}, "x: expected string keys, got 1"),
        (float("nan"), "x: expected a JSON value .* got float nan"),
        ({"f": print}, r"x\.f: expected a JSON value .* got builtin_function_or_method"),
    ],
)
def test_other_values_are_named_with_their_place(value, text):
    with pytest.raises(ArchiveError, match=text):
        check_json(value, "x")
