"""`assert_close` and `make_tensor`."""

import math

import numpy as np
import pytest

import taeda
from taeda.testing import assert_allclose, assert_close, make_tensor

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (1, 1),
        (1.0, 1.0 + 1e-8),
        (1j, 1j),
        (True, True),
        (None, None),
        (INF, INF),
        ([1, (2.0, None)], [1, (2.0, None)]),
        ({"a": [1]}, {"a": [1]}),
        (np.arange(3), np.arange(3)),
        (taeda.ones(2), taeda.ones(2) + 1e-6),
        (taeda.tensor([INF, -INF]), taeda.tensor([INF, -INF])),
        (taeda.ones(2, dtype=taeda.bfloat16), taeda.ones(2, dtype=taeda.bfloat16) * 1.01),
        (taeda.ones(0), taeda.ones(0)),
        (taeda.ones(2, requires_grad=True), taeda.ones(2)),
    ],
)
def test_what_is_close(actual, expected):
    assert_close(actual, expected)


@pytest.mark.parametrize(
    ("actual", "expected", "text"),
    [
        (
            1,
            2,
            "Scalars are not equal!\n\nExpected 2 but got 1.\nAbsolute difference: 1\nRelative",
        ),
        (1.0, 2.0, r"Expected 2.0 but got 1.0.\nAbsolute difference: 1.0 \(up to 1e-07 allowed\)"),
        (1.0, INF, "Scalars are not close"),
        (NAN, NAN, "Scalars are not close"),
        (1, 1.0, r"The \(d\)types do not match: <class 'int'> != <class 'float'>"),
        (True, False, "Booleans mismatch: True is not False"),
        (None, 1, "None mismatch"),
        ([1], [1, 2], "The length of the sequences mismatch: 1 != 2"),
        (
            {"a": 1, "b": 2},
            {"a": 1, "c": 2},
            r"Missing keys .*: \['c'\]\nAdditional keys .*: \['b'\]",
        ),
        ({"a": [1, 2]}, {"a": [1, 3]}, r"The failure occurred for item \['a'\]\[1\]"),
        (taeda.ones(2), taeda.ones(3), r"The values for attribute 'shape' do not match: .*2.* != .*3"),
        (taeda.ones(2), taeda.ones(2, dtype=taeda.float64), "The values for attribute 'dtype' do not match"),
        (
            taeda.tensor([1, 2, 3]),
            taeda.tensor([1, 2, 5]),
            r"Mismatched elements: 1 / 3 \(33.3%\)\nGreatest absolute difference: 2 at index \(2,\): got "
            r"3, expected 5",
        ),
        (
            taeda.tensor([[1.0, 2.0], [3.0, 4.0]]),
            taeda.tensor([[1.0, 2.5], [3.0, 4.0]]),
            r"difference: 0.5 at index \(0, 1\) \(up to 1e-05 allowed\): got 2.0, expected 2.5\n"
            r"Greatest relative difference: 0.2 at index \(0, 1\)",
        ),
        (taeda.tensor(1.0), taeda.tensor(2.0), "Expected 2.0 but got 1.0"),
        (taeda.tensor([NAN]), taeda.tensor([NAN]), "Mismatched elements: 1 / 1"),
        (taeda.tensor([1.0]), taeda.tensor([INF]), "Mismatched elements: 1 / 1"),
        (taeda.tensor([True]), taeda.tensor([False]), "Tensor-likes are not equal"),
    ],
)
def test_what_is_not(actual, expected, text):
    with pytest.raises(AssertionError, match=text):
        assert_close(actual, expected)


def test_options():
    assert_close(taeda.tensor([NAN, 1.0]), taeda.tensor([NAN, 1.0]), equal_nan=True)
    assert_close(1.0, 1.4, rtol=0.5, atol=0)
    assert_close(taeda.ones(2), taeda.ones(2, dtype=taeda.float64), check_dtype=False)
    with pytest.raises(AssertionError, match=r"up to 0\.1 allowed"):
        assert_close(taeda.tensor([1.0, 5.0]), taeda.tensor([1.0, 1.0]), rtol=0, atol=0.1)
    with pytest.raises(AssertionError, match=r"stride\(\)' do not match: \(2, 1\) != \(1, 2\)"):
        assert_close(taeda.ones(2, 2), taeda.ones(2, 2).t(), check_stride=True)
    with pytest.raises(
        ValueError, match="Both 'rtol' and 'atol' must be either specified or omitted, but got no atol"
    ):
        assert_close(1, 1, rtol=1)
    with pytest.raises(TypeError, match="No comparison pair was able to handle inputs of type <class 'str'>"):
        assert_close("a", "a")
    with pytest.raises(TypeError, match="No comparison pair"):
        assert_close(taeda.ones(1), 1.0)


def test_messages():
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(1, 2, msg="mine")
    with pytest.raises(AssertionError, match=r"^before: Scalars are not equal"):
        assert_close(1, 2, msg=lambda text: "before: " + text)


def test_the_old_name():
    with pytest.warns(FutureWarning, match="use assert_close"):
        assert_allclose(taeda.ones(2), [1.0, 1.0])


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("float32", -9, 9),
        ("bfloat16", -9, 9),
        ("int16", -9, 9),
        ("uint8", 0, 9),
        ("bool", 0, 1),
        ("complex64", -9, 9),
    ],
)
def test_made_tensors_lie_in_their_range(dtype, low, high):
    made = make_tensor((50, 40), dtype=getattr(taeda, dtype), device="cpu")
    assert (made.dtype, tuple(made.shape)) == (getattr(taeda, dtype), (50, 40))
    values = made.to(taeda.complex128).numpy()
    parts = [values.real] + ([values.imag] if dtype == "complex64" else [])
    for part in parts:
        assert low <= part.min() <= low + 1
        assert high - 1 <= part.max() <= high


def test_made_tensors_follow_the_options():
    assert make_tensor(2, 3, dtype=taeda.float32, device="cpu", noncontiguous=True).stride() == (6, 2)
    assert make_tensor((3,), dtype=taeda.float32, device="cpu", requires_grad=True).requires_grad
    narrow = make_tensor(100, dtype=taeda.int64, device="cpu", low=-1, high=2)
    assert set(narrow.tolist()) == {-1, 0, 1}
    assert set(
        make_tensor(100, dtype=taeda.int64, device="cpu", low=-1, high=2, exclude_zero=True).tolist()
    ) == {-1, 1}
    clipped = make_tensor(500, dtype=taeda.int8, device="cpu", low=-1000, high=1000)
    assert clipped.to(taeda.int64).min().item() >= -128


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"dtype": taeda.int64, "requires_grad": True},
            "`requires_grad=True` is not supported for boolean and integral",
        ),
        ({"dtype": taeda.float32, "low": 2, "high": 1}, "`low` must be less than `high`, but got 2 >= 1"),
        ({"dtype": taeda.float32, "low": NAN}, "cannot be NaN"),
        ({"dtype": taeda.uint8, "low": 300, "high": 400}, "does not meet the range of"),
        (
            {"dtype": taeda.float32, "noncontiguous": True, "memory_format": taeda.contiguous_format},
            "mutually exclusive",
        ),
    ],
)
def test_what_cannot_be_made(options, text):
    with pytest.raises(ValueError, match=text):
        make_tensor(2, device="cpu", **options)
