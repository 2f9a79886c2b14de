"""Activation layers."""

from __future__ import annotations

import warnings
from typing import Any

import taeda
from taeda import Tensor

from .. import functional as F
from .. import init
from .._functional._shared import ops
from ..parameter import Parameter
from .attention import MultiheadAttention
from .module import Module

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "MultiheadAttention",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


def _flag(inplace: bool, before: str = "") -> str:
    """', inplace=True' where it is set, for reprs."""
    return f"{before}inplace=True" if inplace else ""


class _InPlace(Module):
    """An activation that may change its input, and has no other option."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Whether the input is changed."""
        return _flag(self.inplace)


class ReLU(_InPlace):
    """max(0, x).

    Args:
        inplace: whether the input itself is changed.

    Example:
        >>> import taeda
        >>> taeda.nn.ReLU()(taeda.tensor([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return ops.relu_(input) if self.inplace else ops.relu(input)


class SELU(_InPlace):
    """The self-normalising scaled ELU (Klambauer et al., 2017).

    Args:
        inplace: whether the input itself is changed.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return ops.selu_(input) if self.inplace else ops.selu(input)


class SiLU(_InPlace):
    """x * sigmoid(x).

    Args:
        inplace: whether the input itself is changed.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return ops.silu_(input) if self.inplace else ops.silu(input)


class Mish(_InPlace):
    """x * tanh(softplus(x)).

    Args:
        inplace: whether the input itself is changed.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return ops.mish_(input) if self.inplace else ops.mish(input)


class Hardsigmoid(_InPlace):
    """relu6(x + 3) / 6.

    Args:
        inplace: whether the input itself is changed.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing."""
        return ""


class Hardswish(_InPlace):
    """x * relu6(x + 3) / 6.

    Args:
        inplace: whether the input itself is changed.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing."""
        return ""


class Threshold(Module):
    """x where greater than the threshold, value elsewhere.

    Args:
        threshold: the limit.
        value: what replaces the others.
        inplace: whether the input itself is changed.
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Options."""
        return f"threshold={self.threshold}, value={self.value}" + _flag(self.inplace, ", ")


class RReLU(Module):
    """Leaky ReLU whose slope is drawn from [lower, upper) in training, and is their mean in evaluation.

    Args:
        lower: least slope.
        upper: greatest slope.
        inplace: whether the input itself is changed.
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Options."""
        return f"lower={self.lower}, upper={self.upper}" + _flag(self.inplace, ", ")


class Hardtanh(Module):
    """x limited to [min_val, max_val].

    Args:
        min_val: lower limit.
        max_val: upper limit.
        inplace: whether the input itself is changed.
        min_value: older name of min_val.
        max_value: older name of max_val.

    Raises:
        AssertionError: the limits are in the wrong order.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for old, new, given in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if given is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and rename to `{new}`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        assert self.max_val > self.min_val, (
            f"Hardtanh: max_val {self.max_val} must exceed min_val {self.min_val}"
        )

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """Options."""
        return f"min_val={self.min_val}, max_val={self.max_val}" + _flag(self.inplace, ", ")


class ReLU6(Hardtanh):
    """min(max(0, x), 6).

    Args:
        inplace: whether the input itself is changed.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Whether the input is changed."""
        return _flag(self.inplace)


class ELU(Module):
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al., 2015).

    Args:
        alpha: the limit for x to minus infinity, negated.
        inplace: whether the input itself is changed.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Options."""
        return f"alpha={self.alpha}" + _flag(self.inplace, ", ")


class CELU(ELU):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) (Barron, 2017).

    Args:
        alpha: the limit for x to minus infinity, negated.
        inplace: whether the input itself is changed.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.celu(input, self.alpha, self.inplace)


class LeakyReLU(Module):
    """x where positive, negative_slope * x elsewhere.

    Args:
        negative_slope: the slope there.
        inplace: whether the input itself is changed.
    """

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """Options."""
        return f"negative_slope={self.negative_slope}" + _flag(self.inplace, ", ")


class PReLU(Module):
    """x where positive, a learnt slope times x elsewhere (He et al., 2015).

    Args:
        num_parameters: 1, or the number of channels, for a slope each.
        init: first value of the slopes.
        device: where the parameter is.
        dtype: element type of the parameter.
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(taeda.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets the slopes to `init`."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Number of slopes."""
        return f"num_parameters={self.num_parameters}"


class GELU(Module):
    """x times the normal distribution's share below x (Hendrycks & Gimpel, 2016).

    Args:
        approximate: 'none', or 'tanh' for the approximation.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The approximation."""
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """First half times sigmoid of the second half of a dimension.

    Args:
        dim: dimension that is halved.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Half as large in that dimension."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta.

    Args:
        beta: sharpness.
        threshold: beta * x above which x itself is returned.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Options."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardshrink(Module):
    """x outside [-lambd, lambd], 0 inside.

    Args:
        lambd: the limit.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The limit."""
        return f"{self.lambd}"


class Softshrink(Hardshrink):
    """x moved towards 0 by lambd, 0 where it is nearer than that.

    Args:
        lambd: by how much.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.softshrink(input, self.lambd)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return ops.sigmoid(input)


class LogSigmoid(Module):
    """log(1 / (1 + exp(-x)))."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return ops.tanh(input)


class Tanhshrink(Module):
    """x - tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.tanhshrink(input)


class Softsign(Module):
    """x / (1 + abs(x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.softsign(input)


class _AlongDim(Module):
    """An activation along one dimension."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """exp(x) over its sum along a dimension.

    Args:
        dim: dimension along which the result sums to 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongDim):
    """softmax(-x).

    Args:
        dim: dimension along which the result sums to 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongDim):
    """The logarithm of softmax.

    Args:
        dim: dimension along which the exponentials of the result sum to 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3, _stacklevel=5)
