"""Batch normalisation folded into the layer before it, for evaluation."""

from __future__ import annotations

import copy
from typing import Any

import taeda
from taeda import Tensor

from ..parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that does what `bn(conv(x))` does in evaluation.

    Args:
        conv: convolution, in evaluation mode.
        bn: batch normalisation with running statistics, in evaluation mode.
        transpose: whether the convolution is transposed.

    Raises:
        AssertionError: one of them is in training mode.
    """
    assert not any(m.training for m in (conv, bn)), "Fusion only for eval!"
    fused = copy.deepcopy(conv)
    assert bn.track_running_stats, "Fusion needs running statistics"
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the fused convolution.

    Args:
        conv_w: (out, in, *kernel), with transpose (in, out, *kernel).
        conv_b: (out); None is 0.
        bn_rm: running mean (out).
        bn_rv: running variance (out).
        bn_eps: added to the variance.
        bn_w: factor (out); None is 1.
        bn_b: summand (out); None is 0.
        transpose: whether the convolution is transposed.
    """
    scale = (bn_rv + bn_eps).rsqrt()
    if bn_w is not None:
        scale = scale * bn_w
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    bias = (-bn_rm if conv_b is None else conv_b - bn_rm) * scale
    if bn_b is not None:
        bias = bias + bn_b
    bias_dtype = conv_w.dtype if conv_b is None else conv_b.dtype
    needs = conv_w.requires_grad
    with taeda.no_grad():
        return (
            Parameter((conv_w * scale.reshape(shape)).to(conv_w.dtype), needs),
            Parameter(bias.to(bias_dtype), needs if conv_b is None else conv_b.requires_grad),
        )


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A Linear that does what `bn(linear(x))` does in evaluation.

    Args:
        linear: in evaluation mode.
        bn: batch normalisation with running statistics, in evaluation mode.

    Raises:
        AssertionError: one of them is in training mode, or their widths differ.
    """
    assert not any(m.training for m in (linear, bn)), "Fusion only for eval!"
    fused = copy.deepcopy(linear)
    assert linear.out_features == bn.num_features or bn.num_features == 1, (
        "To fuse, linear.out_features == bn.num_features or bn.num_features == 1"
    )
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the fused Linear; arguments as in `fuse_conv_bn_weights`."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
