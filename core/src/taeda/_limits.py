"""Numerical limits of dtypes."""

from __future__ import annotations

import math

from taeda._C import (
    bfloat16,
    bool,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    uint8,
)

__all__ = ["finfo", "iinfo"]

# mantissa bits (without the hidden one), largest exponent, smallest normal exponent
_FLOATS = {
    float16: (10, 15, -14),
    bfloat16: (7, 127, -126),
    float32: (23, 127, -126),
    float64: (52, 1023, -1022),
}
_INTEGERS = {uint8: (0, 255), int8: (-(2**7), 2**7 - 1), int16: (-(2**15), 2**15 - 1),
             int32: (-(2**31), 2**31 - 1), int64: (-(2**63), 2**63 - 1)}  # fmt: skip


class finfo:
    """Limits of a floating-point dtype (the default one if none is given).

    Example:
        >>> import taeda
        >>> taeda.finfo(taeda.float32).bits
        32
    """

    def __init__(self, type: dtype | None = None) -> None:
        type = type or get_default_dtype()
        real = type.to_real()
        if real not in _FLOATS:
            raise TypeError(
                f"taeda.finfo() requires a floating point input type. Use taeda.iinfo to handle {type!r}"
            )
        mantissa, largest, smallest = _FLOATS[real]
        self.dtype = str(real).removeprefix("taeda.")
        self.bits = real.itemsize * 8
        self.eps = 2.0**-mantissa
        self.max = math.ldexp(2 - self.eps, largest)
        self.min = -self.max
        self.tiny = self.smallest_normal = math.ldexp(1.0, smallest)
        self.resolution = 10.0 ** -math.floor(mantissa * math.log10(2))

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype.

    Example:
        >>> import taeda
        >>> taeda.iinfo(taeda.int8).max
        127
    """

    def __init__(self, type: dtype) -> None:
        if type not in _INTEGERS:
            hint = (
                "taeda.bool is not supported by taeda.iinfo"
                if type is bool
                else f"Use taeda.finfo to handle {type!r}"
            )
            raise TypeError(f"taeda.iinfo() requires an integer input type. {hint}")
        self.min, self.max = _INTEGERS[type]
        self.bits = type.itemsize * 8
        self.dtype = str(type).removeprefix("taeda.")

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
