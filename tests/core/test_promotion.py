"""Result dtypes of tensors, 0-dim tensors and Python numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import taeda

NAMES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
PAIRS = list(itertools.combinations_with_replacement(NAMES, 2))
CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def numpys(first: str, second: str) -> str:
    """NumPy's rule, except that an integer never widens a floating dtype."""
    first, second = sorted((first, second), key=lambda name: CATEGORY[np.dtype(name).kind])
    low, high = (CATEGORY[np.dtype(name).kind] for name in (first, second))
    if low < 2 <= high:
        return second
    return str(np.promote_types(first, second))


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_tensors(first: str, second: str):
    wanted = getattr(taeda, numpys(first, second))
    one, other = getattr(taeda, first), getattr(taeda, second)
    assert taeda.promote_types(one, other) == taeda.promote_types(other, one) == wanted
    assert (taeda.ones(2, dtype=one) + taeda.ones(2, dtype=other)).dtype == wanted


@pytest.mark.parametrize("name", NAMES)
def test_numbers_only_raise_the_category(name: str):
    x = taeda.ones(2, dtype=getattr(taeda, name))
    category = CATEGORY[np.dtype(name).kind]
    assert (x + 1).dtype == (taeda.int64 if category == 0 else x.dtype)
    assert (x * 2.5).dtype == (taeda.float32 if category < 2 else x.dtype)
    wide = taeda.complex128 if name == "float64" else taeda.complex64
    if name != "float16":  # float16 has no complex counterpart
        assert (x * 1j).dtype == (x.dtype if category == 3 else wide)
    assert (x == 1.5).dtype == taeda.bool


def test_zero_dim_tensors_only_raise_the_category():
    assert (taeda.ones(2) + taeda.tensor(1.0, dtype=taeda.float64)).dtype == taeda.float32
    assert (taeda.ones(2, dtype=taeda.int8) + taeda.tensor(1)).dtype == taeda.int8
    assert (taeda.ones(2, dtype=taeda.int8) + taeda.tensor(1.0)).dtype == taeda.float32
    assert (
        taeda.tensor(1, dtype=taeda.int32) + taeda.tensor(1.0, dtype=taeda.float64)
    ).dtype == taeda.float64


def test_numbers_keep_their_precision():
    assert (taeda.ones(1, dtype=taeda.float64) * 0.1).item() == 0.1
    assert (taeda.tensor([2**53 + 1]) + 2).item() == 2**53 + 3
    assert taeda.where(taeda.tensor([True]), 0.5, 1.5).dtype == taeda.float32


def test_numbers_beyond_float16_work_on_float16():
    x = taeda.tensor([0.001, 3.0], dtype=taeda.float16)
    wanted = [65.5625, float("inf")]  # 0.001 is 0.00100040436 in float16
    for result in (
        x * 65536.0,
        65536 * x,
        x.clone().mul_(65536.0),
        taeda.mul(x, 65536.0, out=taeda.empty_like(x)),
    ):
        assert result.dtype == taeda.float16
        assert result.tolist() == wanted
    assert (taeda.tensor([60000.0], dtype=taeda.float16) / 1e6).item() == np.float16(0.06)
    assert (taeda.full((2,), -65504.0, dtype=taeda.float16) + 1e5).tolist() == [np.float16(34496)] * 2
    assert (taeda.tensor([float("inf")], dtype=taeda.float16) == 1e6).item()
    y = x.clone().requires_grad_()
    (y * 65536.0 * 1e-4).sum().backward()
    assert y.grad is not None
    np.testing.assert_allclose(y.grad.tolist(), [6.5536] * 2, rtol=1e-3)


def test_integers_become_floating_where_results_are():
    for function in (taeda.sqrt, taeda.exp, taeda.sin, lambda x: x / 2, lambda x: taeda.true_divide(x, x)):
        assert function(taeda.tensor([1, 4])).dtype == taeda.float32
    assert taeda.tensor([1, 4]).sum().dtype == taeda.int64
    assert taeda.tensor([1, 4], dtype=taeda.int8).sum().dtype == taeda.int64
    assert taeda.tensor([True, True]).sum().item() == 2
    with pytest.raises(RuntimeError, match="floating"):
        taeda.tensor([1, 4]).mean()


def test_in_place_results_must_fit():
    x = taeda.ones(2, dtype=taeda.int64)
    with pytest.raises(RuntimeError, match=r"result type .* can't be cast"):
        x.add_(1.5)
    x.add_(True)
    assert x.tolist() == [2, 2]


def test_default_dtype():
    taeda.set_default_dtype(taeda.float64)
    assert taeda.ones(1).dtype == taeda.tensor(1.0).dtype == (taeda.tensor(1) / 2).dtype == taeda.float64
    with pytest.raises(TypeError, match="floating"):
        taeda.set_default_dtype(taeda.int64)


def test_operators_of_floats_convert_integers_and_bools() -> None:
    bits = taeda.tensor([True, False])
    assert taeda.angle(taeda.tensor([-2, 3])).dtype == taeda.float32
    np.testing.assert_allclose(taeda.angle(taeda.tensor([-2, 3])).numpy(), [np.pi, 0.0])
    np.testing.assert_allclose(taeda.logit(bits, 0.25).numpy(), [np.log(3.0), -np.log(3.0)], rtol=1e-6)


def test_outer_products_of_bools_are_bool() -> None:
    rows, columns = taeda.tensor([True, False]), taeda.tensor([True, True])
    base = taeda.tensor([[False, False], [True, False]])
    assert base.addr(rows, columns, beta=3, alpha=2).tolist() == [[True, True], [True, False]]
    assert base.addr(rows, columns, beta=0).tolist() == [[True, True], [False, False]]
    assert base.addr(rows, columns, alpha=0).tolist() == base.tolist()


def test_integer_powers_by_tensors_are_cut_off():
    base = taeda.tensor([2, 1, -1])
    for exponent in (taeda.tensor(-1), taeda.tensor([-1, -1, -1])):
        assert (base**exponent).tolist() == [0, 1, -1]
