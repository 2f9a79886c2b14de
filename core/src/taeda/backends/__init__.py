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

import contextlib
import ctypes
import importlib.util
import os
from collections.abc import Iterator

from taeda import _C

__all__ = ["cuda", "cudnn", "get_float32_matmul_precision", "mps", "set_float32_matmul_precision"]

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


class _Cudnn(_Products):
    """NVIDIA's library for convolutions on GPUs."""

    def __init__(self) -> None:
        super().__init__("convolution")
        self._is_enabled = True
        self.benchmark = False
        """Remembered only: the algorithm is always the first fitting one that cuDNN names, without measuring."""
        self.deterministic = False
        """Remembered only: algorithms that cuDNN does not call deterministic are never used."""

    @property
    def enabled(self) -> bool:
        """Whether cuDNN computes the convolutions of GPUs where it can."""
        return self._is_enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        from taeda.cuda import is_available

        if not value and is_available():
            raise NotImplementedError(
                "backends.cudnn.enabled = False: GPUs have no switch for convolutions without cuDNN; leave it True, "
                "or move the tensors to the CPU"
            )
        self._is_enabled = value

    def version(self) -> int | None:
        """cuDNN's version as one number, such as 91300 for 9.13.0; None where it or a GPU is not there."""
        from taeda.cuda import is_available

        if not is_available():
            return None
        for library in _cudnn_libraries():
            if hasattr(library, "cudnnGetVersion"):
                library.cudnnGetVersion.restype = ctypes.c_size_t
                return int(library.cudnnGetVersion())
        return None

    def is_available(self) -> bool:
        """Whether cuDNN and a GPU are there."""
        return self.version() is not None


def _cudnn_libraries() -> Iterator[ctypes.CDLL]:
    """cuDNN as the system finds it, then the one of the nvidia-cudnn package."""
    package = importlib.util.find_spec("nvidia")
    folders = list(package.submodule_search_locations or ()) if package is not None else []
    for folder in ["", *(os.path.join(each, "cudnn", "lib", "") for each in folders)]:
        for name in ("libcudnn.so.9", "libcudnn.so.8", "libcudnn.so"):
            with contextlib.suppress(OSError):
                yield ctypes.CDLL(folder + name)


class _Mps:
    """GPUs of Apple, which are not supported."""

    def is_available(self) -> bool:
        """False."""
        return False

    def is_built(self) -> bool:
        """False."""
        return False


cuda = _Cuda()
cudnn = _Cudnn()
mps = _Mps()


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
