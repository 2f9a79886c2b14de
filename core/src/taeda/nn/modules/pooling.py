"""Pooling layers."""

from __future__ import annotations

from typing import Any

from taeda import Tensor

from .. import functional as F
from .._functional._shared import sizes
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _MaxPoolNd(Module):
    _function: str

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Maxima, or maxima and indices."""
        pooled: Tensor = getattr(F, self._function)(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )
        return pooled

    def extra_repr(self) -> str:
        """Sizes of the windows."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """Largest element of each window of (N, C, L) or (C, L).

    Args:
        kernel_size: size of a window.
        stride: distance of the windows; None is kernel_size.
        padding: elements of minus infinity on both sides.
        dilation: distance of the elements of a window.
        return_indices: whether to return (values, indices).
        ceil_mode: whether a window may end beyond the input.
    """

    _function = "max_pool1d"


class MaxPool2d(_MaxPoolNd):
    """Largest element of each window of (N, C, H, W) or (C, H, W); arguments as in `MaxPool1d`."""

    _function = "max_pool2d"


class MaxPool3d(_MaxPoolNd):
    """Largest element of each window of (N, C, D, H, W) or (C, D, H, W); arguments as in `MaxPool1d`."""

    _function = "max_pool3d"


class _MaxUnpoolNd(Module):
    _dims: int
    _function: str

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = sizes(kernel_size, self._dims)
        self.stride = sizes(kernel_size if stride is None else stride, self._dims)
        self.padding = sizes(padding, self._dims)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """The values at their places, 0 elsewhere."""
        pooled: Tensor = getattr(F, self._function)(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )
        return pooled

    def extra_repr(self) -> str:
        """Sizes of the windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts what `MaxPool1d` kept back where it was; everything else is 0.

    Args:
        kernel_size: that of the pooling, and so are the others.
        stride: None is kernel_size.
        padding: elements of padding.
    """

    _dims = 1
    _function = "max_unpool1d"


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts what `MaxPool2d` kept back where it was; arguments as in `MaxUnpool1d`."""

    _dims = 2
    _function = "max_unpool2d"


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts what `MaxPool3d` kept back where it was; arguments as in `MaxUnpool1d`."""

    _dims = 3
    _function = "max_unpool3d"


class AvgPool1d(Module):
    """Mean of each window of (N, C, L) or (C, L).

    Args:
        kernel_size: size of a window.
        stride: distance of the windows; None is kernel_size.
        padding: zeros on both sides.
        ceil_mode: whether a window may end beyond the input.
        count_include_pad: whether the zeros count in the mean.
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = sizes(kernel_size, 1)
        self.stride = sizes(kernel_size if stride is None else stride, 1)
        self.padding = sizes(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Means of windows."""
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        """Sizes of the windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    _function: str

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Means of windows."""
        pooled: Tensor = getattr(F, self._function)(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )
        return pooled

    def extra_repr(self) -> str:
        """Sizes of the windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """Mean of each window of (N, C, H, W) or (C, H, W).

    Args:
        kernel_size: size of a window.
        stride: distance of the windows; None is kernel_size.
        padding: zeros on both sides.
        ceil_mode: whether a window may end beyond the input.
        count_include_pad: whether the zeros count in the mean.
        divisor_override: what sums are divided by, instead of the number of elements.
    """

    _function = "avg_pool2d"


class AvgPool3d(_AvgPoolNd):
    """Mean of each window of (N, C, D, H, W) or (C, D, H, W); arguments as in `AvgPool2d`."""

    _function = "avg_pool3d"


class _LPPoolNd(Module):
    _function: str

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """p-norms of windows."""
        pooled: Tensor = getattr(F, self._function)(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )
        return pooled

    def extra_repr(self) -> str:
        """Exponent, and sizes of the windows."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """p-th root of the sum of p-th powers over windows of (N, C, L) or (C, L).

    Args:
        norm_type: the exponent p.
        kernel_size: size of a window.
        stride: distance of the windows; None is kernel_size.
        ceil_mode: whether a window may end beyond the input.
    """

    _function = "lp_pool1d"


class LPPool2d(_LPPoolNd):
    """p-th root of the sum of p-th powers over windows of (N, C, H, W); arguments as in `LPPool1d`."""

    _function = "lp_pool2d"


class LPPool3d(_LPPoolNd):
    """p-th root of the sum of p-th powers over windows of (N, C, D, H, W); arguments as in `LPPool1d`."""

    _function = "lp_pool3d"


class _AdaptiveAvgPoolNd(Module):
    _function: str

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Means over a grid of output_size windows."""
        pooled: Tensor = getattr(F, self._function)(input, self.output_size)
        return pooled

    def extra_repr(self) -> str:
        """Size of the output."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means over output_size stretches of (N, C, L) or (C, L).

    Args:
        output_size: size of the result.
    """

    _function = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means over a grid of windows over (N, C, H, W) or (C, H, W).

    Args:
        output_size: sizes of the result; None keeps the input's.
    """

    _function = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means over a grid of windows over (N, C, D, H, W) or (C, D, H, W).

    Args:
        output_size: sizes of the result; None keeps the input's.
    """

    _function = "adaptive_avg_pool3d"


class _AdaptiveMaxPoolNd(Module):
    _function: str

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Maxima over a grid of output_size windows, or maxima and indices."""
        pooled: Tensor = getattr(F, self._function)(input, self.output_size, self.return_indices)
        return pooled

    def extra_repr(self) -> str:
        """Size of the output."""
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Largest elements of output_size stretches of (N, C, L) or (C, L).

    Args:
        output_size: size of the result.
        return_indices: whether to return (values, indices).
    """

    _function = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Largest elements of a grid of windows over (N, C, H, W); arguments as in `AdaptiveMaxPool1d`."""

    _function = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Largest elements of a grid of windows over (N, C, D, H, W); arguments as in `AdaptiveMaxPool1d`."""

    _function = "adaptive_max_pool3d"


class _FractionalMaxPoolNd(Module):
    _dims: int
    _function: str

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        self.kernel_size = sizes(kernel_size, self._dims)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else sizes(output_size, self._dims)
        self.output_ratio = None if output_ratio is None else sizes(output_ratio, self._dims)
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        """Maxima of randomly placed windows, or maxima and indices."""
        pooled: Tensor = getattr(F, self._function)(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            self._random_samples,
        )
        return pooled


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Largest elements of randomly placed windows of (N, C, H, W) or (C, H, W) (Graham, 2014).

    Args:
        kernel_size: size of a window.
        output_size: size of the result; or
        output_ratio: size of the result as a share of the input's, in (0, 1).
        return_indices: whether to return (values, indices).

    Raises:
        ValueError: neither or both of output_size and output_ratio, or a ratio outside (0, 1).
    """

    _dims = 2
    _function = "fractional_max_pool2d"


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Largest elements of randomly placed windows of (N, C, D, H, W); see `FractionalMaxPool2d`."""

    _dims = 3
    _function = "fractional_max_pool3d"
