"""How exact float32 products are on devices that have something faster.

NVIDIA GPUs from Ampere on multiply in TF32: float32's range with 10 bits of mantissa. It is off until it is asked for,
so that a GPU gives the CPU's numbers. On the CPU these settings change nothing.

Example:
    >>> cuda.matmul.allow_tf32
    False
    >>> set_float32_matmul_precision("high")
    >>> cuda.matmul.allow_tf32, get_float32_matmul_precision()
    (True, 'high')
    >>> set_float32_matmul_precision("highest")
"""

from __future__ import annotations

from taeda import _C

__all__ = ["cuda", "cudnn", "get_float32_matmul_precision", "set_float32_matmul_precision"]

_PRECISIONS = {"highest": False, "high": True, "medium": True}
_last_precision = "highest"


class _Products:
    """A family of operators whose float32 products may be rounded to TF32."""

    def __init__(self, family: str) -> None:
        self._family = family

    @property
    def allow_tf32(self) -> bool:
        """Whether float32 operands may be rounded to TF32."""
        return _C._allow_tf32(self._family)

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        _C._set_allow_tf32(self._family, value)


class _Cuda:
    """Matrix products on NVIDIA GPUs, which cuBLASLt computes."""

    def __init__(self) -> None:
        self.matmul = _Products("matmul")


cuda = _Cuda()
cudnn = _Products("convolution")


def set_float32_matmul_precision(precision: str) -> None:
    """Choose between exact and fast float32 matrix products.

    Args:
        precision: "highest" for float32 throughout; "high" and "medium" allow TF32.

    Raises:
        ValueError: for another word.
    """
    global _last_precision
    if precision not in _PRECISIONS:
        raise ValueError(
            f"set_float32_matmul_precision: expected one of {', '.join(map(repr, _PRECISIONS))}, got {precision!r}"
        )
    _last_precision = precision
    cuda.matmul.allow_tf32 = _PRECISIONS[precision]


def get_float32_matmul_precision() -> str:
    """The word that `set_float32_matmul_precision` was last given, or what `allow_tf32` amounts to."""
    allowed = cuda.matmul.allow_tf32
    if _PRECISIONS[_last_precision] == allowed:
        return _last_precision
    return "high" if allowed else "highest"
