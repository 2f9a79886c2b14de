"""Memory layout of convolution weights."""

from __future__ import annotations

from typing import Any

from ..modules import conv

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def _convert(module: Any, memory_format: Any, dims: int) -> Any:
    kinds = (getattr(conv, f"Conv{dims}d"), getattr(conv, f"ConvTranspose{dims}d"))
    for layer in module.modules():
        if isinstance(layer, kinds):
            layer.weight.data = layer.weight.detach().clone().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Has the weights of all 2-d convolutions of a module lie in memory in a certain order."""
    return _convert(module, memory_format, 2)


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Has the weights of all 3-d convolutions of a module lie in memory in a certain order."""
    return _convert(module, memory_format, 3)
