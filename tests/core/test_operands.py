"""Which operands may be Python numbers."""

from __future__ import annotations

import pytest

import taeda

X = taeda.tensor([4.0, 6.0])
N = taeda.tensor([4, 6])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "true_divide", "floor_divide"])
def test_arithmetic_takes_numbers_alone(name: str) -> None:
    assert getattr(taeda, name)(6, 2).dim() == 0


@pytest.mark.parametrize(
    "name",
    [
        "pow",
        "float_power",
        "remainder",
        "xlogy",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "bitwise_left_shift",
    ],
)
def test_one_operand_is_a_tensor(name: str) -> None:
    function, x = getattr(taeda, name), N if name.startswith("bitwise") else X
    assert function(x, 2).shape == function(2, x).shape == (2,)
    with pytest.raises(
        TypeError, match=rf"{name}\(\): one of the operands must be Tensor, not all of them Number"
    ):
        function(2, 2)


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge", "fmod", "copysign"])
def test_the_first_operand_is_a_tensor(name: str) -> None:
    function = getattr(taeda, name)
    assert function(X, 2).shape == (2,)
    for wrong in ((2, X), (2, 2)):
        with pytest.raises(
            TypeError, match=rf"{name}\(\): argument 'self' \(position 1\) must be Tensor, not int"
        ):
            function(*wrong)


@pytest.mark.parametrize(
    "name",
    ["maximum", "minimum", "fmax", "fmin", "atan2", "hypot", "heaviside", "gcd", "lcm", "logical_and", "logical_or",
     "logical_xor", "nextafter", "logaddexp"],
)  # fmt: skip
def test_both_operands_are_tensors(name: str) -> None:
    function, x = getattr(taeda, name), N if name in ("gcd", "lcm") else X
    assert function(x, x).shape == (2,)
    with pytest.raises(
        TypeError, match=rf"{name}\(\): argument 'other' \(position 2\) must be Tensor, not int"
    ):
        function(x, 2)
    with pytest.raises(
        TypeError, match=rf"{name}\(\): argument 'self' \(position 1\) must be Tensor, not int"
    ):
        function(2, x)


def test_operators_of_python_take_numbers_on_either_side() -> None:
    assert (2**X).tolist() == [16, 64]
    assert (5 < X).tolist() == [False, True]  # noqa: SIM300
    assert (7 & N).tolist() == [4, 6]
    assert (X == 4).tolist() == [True, False]
    assert taeda.where(X > 5, 1, 0).tolist() == [0, 1]
