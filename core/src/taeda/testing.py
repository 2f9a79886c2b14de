"""Comparing and making tensors in tests."""

from __future__ import annotations

import cmath
import collections.abc
import numbers
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import taeda
from taeda._make_tensor import make_tensor

if TYPE_CHECKING:
    import numpy as np

    from taeda import Tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

# dtype name -> (relative, absolute) tolerance; all others are compared exactly.
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}
_SCALAR_DTYPES = {int: "int64", float: "float64", complex: "complex128"}

Message = str | Callable[[str], str] | None


@dataclass(frozen=True)
class _Options:
    """The keyword arguments of `assert_close`."""

    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool

    def tolerances(self, *dtypes: str) -> tuple[float, float]:
        """The given tolerances, or the widest of the dtypes' defaults."""
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        pairs = [_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes]
        return max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Asserts that two values are the same up to rounding: |actual - expected| <= atol + rtol * |expected|.

    Tensors, things that become tensors (NumPy arrays), Python numbers, None, and sequences and mappings of
    them. Without tolerances float16 gets (rtol 1e-3, atol 1e-5), bfloat16 (1.6e-2, 1e-5), float32 (1.3e-6,
    1e-5), float64 (1e-7, 1e-7), complex types as their parts, and everything else must be equal.

    Args:
        actual: what a test found.
        expected: what it should be.
        allow_subclasses: may the types be subclasses of each other?
        rtol: relative tolerance; goes with `atol`.
        atol: absolute tolerance; goes with `rtol`.
        equal_nan: does NaN equal NaN?
        check_device: must devices agree?
        check_dtype: must dtypes (of Python numbers: types) agree?
        check_layout: must layouts agree?
        check_stride: must strides agree?
        msg: replaces the message, or makes one from it.

    Raises:
        AssertionError: they differ; the message counts the elements and shows the worst one.
        ValueError: only one of `rtol` and `atol`.
        TypeError: values that cannot be compared.

    Example:
        >>> assert_close(taeda.tensor([1.0, 2.0]), taeda.tensor([1.0, 2.0000001]))
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    options = _Options(
        allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride
    )
    problem = _compare(actual, expected, options, "")
    if problem is None:
        return
    if isinstance(msg, str):
        problem = msg
    elif msg is not None:
        problem = msg(problem)
    raise AssertionError(problem)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The old name of `assert_close`, which converts dtypes and devices first."""
    warnings.warn("assert_allclose is deprecated; use assert_close", FutureWarning, stacklevel=2)
    actual, expected = (
        value if isinstance(value, taeda.Tensor) else taeda.tensor(value) for value in (actual, expected)
    )
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=True,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )


def _compare(actual: Any, expected: Any, options: _Options, where: str) -> str | None:
    """None when the values agree, else what differs."""
    if _is_sequence(actual) and _is_sequence(expected):
        return _compare_sequences(actual, expected, options, where)
    if isinstance(actual, collections.abc.Mapping) and isinstance(expected, collections.abc.Mapping):
        return _compare_mappings(actual, expected, options, where)
    if actual is None or expected is None:
        return None if actual is expected else _at(f"None mismatch: {actual} is not {expected}", where)
    if isinstance(actual, bool) and isinstance(expected, bool):
        return None if actual == expected else _at(f"Booleans mismatch: {actual} is not {expected}", where)
    if isinstance(actual, numbers.Number) and isinstance(expected, numbers.Number):
        return _compare_numbers(actual, expected, options, where)
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if related and (options.allow_subclasses or type(actual) is type(expected)):
        left, right = _as_tensor(actual), _as_tensor(expected)
        if left is not None and right is not None:
            return _compare_tensors(left, right, options, where)
    place = f" The failure occurred for item {where}" if where else ""
    raise TypeError(
        f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.{place}"
    )


def _is_sequence(value: Any) -> bool:
    return isinstance(value, collections.abc.Sequence) and not isinstance(value, (str, bytes))


def _as_tensor(value: Any) -> Tensor | None:
    if isinstance(value, taeda.Tensor):
        return value
    if isinstance(value, (str, bytes)):
        return None
    try:
        return taeda.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        return None


def _at(problem: str, where: str) -> str:
    return f"{problem}\n\nThe failure occurred for item {where}" if where else problem


def _compare_sequences(
    actual: Sequence[Any], expected: Sequence[Any], options: _Options, where: str
) -> str | None:
    if len(actual) != len(expected):
        return _at(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", where)
    for position, (left, right) in enumerate(zip(actual, expected)):
        problem = _compare(left, right, options, f"{where}[{position}]")
        if problem is not None:
            return problem
    return None


def _compare_mappings(
    actual: Mapping[Any, Any], expected: Mapping[Any, Any], options: _Options, where: str
) -> str | None:
    missing = [key for key in expected if key not in actual]
    additional = [key for key in actual if key not in expected]
    if missing or additional:
        return _at(
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {missing}\n"
            f"Additional keys in the actual mapping: {additional}",
            where,
        )
    for key in expected:
        problem = _compare(actual[key], expected[key], options, f"{where}[{key!r}]")
        if problem is not None:
            return problem
    return None


def _compare_numbers(actual: Any, expected: Any, options: _Options, where: str) -> str | None:
    types = type(actual), type(expected)
    if options.check_dtype and types[0] is not types[1]:
        return _at(f"The (d)types do not match: {types[0]} != {types[1]}.", where)
    rtol, atol = options.tolerances(_scalar_dtype(actual), _scalar_dtype(expected))
    difference = abs(actual - expected)
    is_near = cmath.isfinite(expected) and difference <= atol + rtol * abs(expected)
    is_nan = options.equal_nan and cmath.isnan(actual) and cmath.isnan(expected)
    if actual == expected or is_near or is_nan:
        return None
    relative = difference / abs(expected) if expected != 0 else float("inf")
    kind = "equal" if rtol == atol == 0 else "close"
    allowed = [f" (up to {bound} allowed)" if kind == "close" else "" for bound in (atol, rtol)]
    return _at(
        f"Scalars are not {kind}!\n\nExpected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{allowed[0]}\n"
        f"Relative difference: {relative}{allowed[1]}",
        where,
    )


def _scalar_dtype(value: Any) -> str:
    return next((name for kind, name in _SCALAR_DTYPES.items() if isinstance(value, kind)), "")


def _compare_tensors(actual: Tensor, expected: Tensor, options: _Options, where: str) -> str | None:
    problem = _compare_attributes(actual, expected, options)
    if problem is not None:
        return _at(problem, where)
    if "meta" in (actual.device.type, expected.device.type):
        if actual.device.type != expected.device.type:
            return _at(
                "Comparing a tensor on the meta device with one that has values is not possible.", where
            )
        return None
    rtol, atol = options.tolerances(*(_dtype_name(tensor) for tensor in (actual, expected)))
    problem = _compare_values(_to_numpy(actual), _to_numpy(expected), rtol, atol, options.equal_nan)
    return None if problem is None else _at(problem, where)


def _compare_attributes(actual: Tensor, expected: Tensor, options: _Options) -> str | None:
    checked: list[tuple[str, Any, Any, bool]] = [
        ("shape", actual.shape, expected.shape, True),
        ("layout", actual.layout, expected.layout, options.check_layout),
        ("device", actual.device, expected.device, options.check_device),
        ("dtype", actual.dtype, expected.dtype, options.check_dtype),
        ("stride()", actual.stride(), expected.stride(), options.check_stride),
    ]
    for name, left, right, is_checked in checked:
        if is_checked and left != right:
            return f"The values for attribute '{name}' do not match: {left} != {right}."
    return None


def _dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).rpartition(".")[2]


def _to_numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The values in float64, complex128 or int64, which hold those of every dtype exactly."""
    plain = tensor.detach().cpu()
    wide = taeda.int64
    if plain.dtype.is_complex:
        wide = taeda.complex128
    elif plain.dtype.is_floating_point:
        wide = taeda.float64
    values: np.ndarray[Any, Any] = plain.to(wide).numpy()
    return values


def _compare_values(
    actual: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], rtol: float, atol: float, equal_nan: bool
) -> str | None:
    import numpy as np

    if actual.dtype != expected.dtype:
        wide = np.result_type(actual, expected)
        actual, expected = actual.astype(wide), expected.astype(wide)
    with np.errstate(all="ignore"):
        difference = np.abs(actual - expected)
        is_close = np.asarray(actual == expected)
        if rtol or atol:
            is_close |= np.isfinite(expected) & (difference <= atol + rtol * np.abs(expected))
        if equal_nan:
            is_close |= np.isnan(actual) & np.isnan(expected)
        if is_close.all():
            return None
        difference = np.where(is_close, 0, difference)
        relative = np.where(is_close, 0, difference / np.abs(expected))
    kind = "equal" if rtol == atol == 0 else "close"
    wrong = int(is_close.size - is_close.sum())
    lines = [
        f"Tensor-likes are not {kind}!\n",
        f"Mismatched elements: {wrong} / {is_close.size} ({wrong / is_close.size:.1%})",
    ]
    if actual.ndim == 0:
        lines[1:] = [f"Expected {expected.item()} but got {actual.item()}."]
    for name, values, bound in (("absolute", difference, atol), ("relative", relative, rtol)):
        allowed = f" (up to {bound} allowed)" if kind == "close" else ""
        if actual.ndim == 0:
            lines.append(f"{name.capitalize()} difference: {values.item()}{allowed}")
            continue
        worst = tuple(int(index) for index in np.unravel_index(int(np.argmax(values)), values.shape))
        lines.append(
            f"Greatest {name} difference: {values[worst]} at index {worst}{allowed}: "
            f"got {actual[worst]}, expected {expected[worst]}"
        )
    return "\n".join(lines)
