"""Rearrangements between channels and positions."""

from catalogue.families import FUNCTION, composite, op

_WINDOW = "int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride"
_PASSED = "kernel_size, dilation, padding, stride"
op(f"im2col(Tensor self, {_WINDOW}) -> Tensor", "Windows of (N, C, H, W) as columns (N, C * window, positions).", where=(),
   vjp={"self": f"col2im(grad, Ints(self_sizes).slice(self_sizes.size() - 2, 2), {_PASSED})"})  # fmt: skip
op(f"col2im(Tensor self, int[2] output_size, {_WINDOW}) -> Tensor", "Columns of windows added up where they overlap: the adjoint of im2col.",
   where=(), vjp={"self": f"im2col(grad, {_PASSED})"})  # fmt: skip
composite("pixel_shuffle(Tensor self, int upscale_factor) -> Tensor", "(..., C r^2, H, W) to (..., C, H r, W r) (Shi et al. 2016).",
          where=(FUNCTION,))  # fmt: skip
composite("pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor", "(..., C, H r, W r) to (..., C r^2, H, W).", where=(FUNCTION,))
composite("channel_shuffle(Tensor self, int groups) -> Tensor", "Channels of groups interleaved (Zhang et al. 2018).", where=(FUNCTION,))
composite("native_channel_shuffle(Tensor self, int groups) -> Tensor", "channel_shuffle.", where=(FUNCTION,))
