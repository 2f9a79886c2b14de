"""`make_tensor`: random tensors for tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import taeda

if TYPE_CHECKING:
    from taeda import Tensor

__all__ = ["make_tensor"]

_BYTES = {"bool": (0, 2), "uint8": (0, 10), "uint16": (0, 10), "uint32": (0, 10), "uint64": (0, 10)}


def make_tensor(
    *shape: int | Sequence[int],
    dtype: taeda.dtype,
    device: str | taeda.device,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of uniform random values.

    Args:
        *shape: sizes, or one sequence of them.
        dtype: element type.
        device: where it lives.
        low: smallest value (default -9; 0 for bool and unsigned types).
        high: bound above, itself not reached (default 9; 10 for integers, 2 for bool).
        requires_grad: as for any tensor.
        noncontiguous: take every second element of a larger tensor (when there are two or more).
        exclude_zero: replace zeros by one, for floating types by the smallest normal number.
        memory_format: the tensor's memory format.

    Raises:
        ValueError: an empty or NaN range, `requires_grad` for a dtype without gradients, or both
            `noncontiguous` and `memory_format`.

    Example:
        >>> values = make_tensor(2, 3, dtype=taeda.int64, device="cpu", low=4, high=5)
        >>> values.tolist()
        [[4, 4, 4], [4, 4, 4]]
    """
    sizes: tuple[Any, ...] = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    has_gradient = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not has_gradient:
        raise ValueError(
            "make_tensor: `requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"{dtype}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            f"make_tensor: The parameters `noncontiguous` and `memory_format` are mutually exclusive, "
            f"but got noncontiguous={noncontiguous} and memory_format={memory_format}"
        )
    bottom, top = _range(dtype, low, high)
    if noncontiguous and math.prod(sizes) > 1 and sizes:
        result = _random((*sizes[:-1], 2 * sizes[-1]), dtype, device, bottom, top)[..., ::2]
    else:
        result = _random(sizes, dtype, device, bottom, top)
        if memory_format is not None:
            result = result.clone(memory_format=memory_format)
    if exclude_zero:
        tiny: Any = taeda.finfo(dtype).tiny if has_gradient else 1
        result[result == 0] = complex(tiny, tiny) if dtype.is_complex else tiny
    return result.requires_grad_() if requires_grad else result


def _range(dtype: taeda.dtype, low: float | None, high: float | None) -> tuple[float, float]:
    name = str(dtype).rpartition(".")[2]
    has_gradient = dtype.is_floating_point or dtype.is_complex
    default_low, default_high = (-9, 9) if has_gradient else _BYTES.get(name, (-9, 10))
    bottom = default_low if low is None else low
    top = default_high if high is None else high
    if math.isnan(bottom) or math.isnan(top):
        raise ValueError(f"make_tensor: `low` and `high` cannot be NaN, but got low={low} and high={high}")
    if bottom > top or (bottom == top and not has_gradient):
        raise ValueError(f"make_tensor: `low` must be less than `high`, but got {bottom} >= {top}")
    if name == "bool":
        limits: tuple[float, float] = (0, 2)
    elif has_gradient:
        finest = taeda.finfo(dtype)
        limits = (finest.min, finest.max)
    else:
        integers = taeda.iinfo(dtype)
        limits = (integers.min, integers.max + 1)
    if bottom >= limits[1] or top <= limits[0]:
        raise ValueError(
            f"make_tensor: the range from {bottom} to {top} does not meet the range of {dtype}, "
            f"{limits[0]} to {limits[1]}"
        )
    return max(bottom, limits[0]), min(top, limits[1])


def _random(
    sizes: tuple[int, ...], dtype: taeda.dtype, device: str | taeda.device, low: float, high: float
) -> Tensor:
    if dtype.is_complex:
        part = taeda.float64 if dtype == taeda.complex128 else taeda.float32
        real, imaginary = (_random(sizes, part, device, low, high) for _ in range(2))
        return taeda.complex(real, imaginary).to(dtype)
    if dtype.is_floating_point:
        # Halves, so that the whole finite range can be asked for without overflow.
        unit = taeda.rand(sizes, dtype=taeda.float64, device=device)
        return ((unit * (high / 2 - low / 2) + low / 2) * 2).to(dtype)
    return taeda.randint(math.ceil(low), math.ceil(high), sizes, dtype=taeda.int64, device=device).to(dtype)
