"""The context in which operators choose their precision."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

from taeda import _C

from ._operators import LOWER, install

__all__ = [
    "autocast",
    "clear_autocast_cache",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_cache_enabled",
    "is_autocast_cpu_enabled",
    "is_autocast_enabled",
    "set_autocast_cache_enabled",
    "set_autocast_dtype",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_DEVICE_TYPES = ("cpu", "cuda", "meta")
_DTYPES = {
    "cpu": (_C.bfloat16, _C.float16),
    "cuda": (_C.float16, _C.bfloat16),
}  # the first one is the default

install()


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` can convert on devices of this type.

    Raises:
        ValueError: there is no such type.
    """
    if device_type not in _DEVICE_TYPES:
        raise ValueError(
            f"is_autocast_available: expected a device type of {', '.join(_DEVICE_TYPES)}, got {device_type!r}"
        )
    return device_type in LOWER


class autocast:  # noqa: N801 (torch's name)
    """Converts the arguments of operators: products to a lower precision, losses and others to float32.

    A context manager, or a decorator of functions. Parameters stay float32 and get float32 gradients; a parameter that
    is used several times is converted once. Leave the context before `backward()`.

    Args:
        device_type: "cpu" or "cuda": tensors of other devices are left alone.
        dtype: the lower precision, bfloat16 (the default of "cpu") or float16 (the default of "cuda").
        enabled: False switches conversion off, also within another `autocast`.
        cache_enabled: whether conversions of parameters are kept until the outermost context ends.

    Raises:
        ValueError: there is no such device type.

    Example:
        >>> import taeda
        >>> a = taeda.ones(2, 2)
        >>> with taeda.autocast("cpu", dtype=taeda.bfloat16):
        ...     product = a @ a
        ...     with taeda.autocast("cpu", enabled=False):
        ...         exact = a @ a
        >>> product.dtype, exact.dtype
        (taeda.bfloat16, taeda.float32)
    """

    def __init__(
        self,
        device_type: str,
        dtype: _C.dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(
                f"autocast: expected `device_type` of type `str`, got {type(device_type).__name__}"
            )
        if device_type not in _defaults:
            raise ValueError(
                f"autocast: expected a device type of {', '.join(_defaults)}, got {device_type!r}"
            )
        self.device = device_type
        self.fast_dtype = dtype if dtype is not None else get_autocast_dtype(device_type)
        self._enabled = enabled and self._can_convert()
        self._cache_enabled = is_autocast_cache_enabled() if cache_enabled is None else cache_enabled

    def _can_convert(self) -> bool:
        if not is_autocast_available(self.device):
            warnings.warn(
                f"User provided device_type of {self.device!r}, but autocast has no operators for it. "
                "Disabling autocast.",
                stacklevel=3,
            )
            return False
        if self.fast_dtype not in _DTYPES[self.device]:
            possible = " and ".join(str(d) for d in _DTYPES[self.device])
            warnings.warn(
                f"In {self.device.upper()} autocast, but the target dtype {self.fast_dtype} is not supported; it may "
                f"be {possible}. Disabling autocast.",
                stacklevel=3,
            )
            return False
        return True

    def __enter__(self) -> autocast:
        _C._autocast_push(self, self.device, self.fast_dtype if self._enabled else None, self._cache_enabled)
        return self

    def __exit__(self, *exception: object) -> None:
        _C._pop_mode(self)

    def __call__(self, function: _Function) -> _Function:
        """The function, running under this autocast."""

        @functools.wraps(function)
        def converted(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast(_Function, converted)


# -- what torch has beside the class ---------------------------------------------------------------------------------

_defaults: dict[str, _C.dtype] = {device_type: dtypes[0] for device_type, dtypes in _DTYPES.items()}
_cache_enabled = True


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether operators on devices of this type are converted here and now."""
    return _C._autocast_active(device_type) is not None


def is_autocast_cpu_enabled() -> bool:
    """Whether operators on the CPU are converted here and now."""
    return is_autocast_enabled("cpu")


def get_autocast_dtype(device_type: str) -> _C.dtype:
    """The lower precision: of the context around, else what a new one takes.

    Raises:
        ValueError: no conversion exists for this device type.
    """
    if device_type not in _defaults:
        raise ValueError(
            f"get_autocast_dtype: expected a device type of {', '.join(_defaults)}, got {device_type!r}"
        )
    return _C._autocast_active(device_type) or _defaults[device_type]


def set_autocast_dtype(device_type: str, dtype: _C.dtype) -> None:
    """Sets what `autocast` takes when it is given no dtype."""
    get_autocast_dtype(device_type)
    _defaults[device_type] = dtype


def is_autocast_cache_enabled() -> bool:
    """Whether `autocast` keeps conversions when it is not told."""
    return _cache_enabled


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Sets whether `autocast` keeps conversions when it is not told."""
    global _cache_enabled
    _cache_enabled = enabled


def clear_autocast_cache() -> None:
    """Forgets the conversions that this thread keeps."""
    _C._autocast_clear_cache()
