"""Pooling over one to three spatial dimensions."""

from catalogue.families import FUNCTION, composite, op

_SHAPES = {1: "(N, C, L) or (C, L)", 2: "(N, C, H, W) or (C, H, W)", 3: "(N, C, D, H, W) or (C, D, H, W)"}

for _dims in (1, 2, 3):
    _zeros, _ones = str([0] * _dims), str([1] * _dims)
    _window = f"int[{_dims}] kernel_size, int[{_dims}] stride=[], int[{_dims}] padding={_zeros}"
    _max = f"Tensor self, {_window}, int[{_dims}] dilation={_ones}, bool ceil_mode=False"
    _function = (FUNCTION,)
    op(f"max_pool{_dims}d_with_indices({_max}) -> (Tensor output, Tensor indices)",
       f"Largest element of each window of {_SHAPES[_dims]}, and its position in the plane.",
       where=_function if _dims == 1 else (),
       vjp={"self": f"max_pool_backward(grads[0], result1, self_sizes, {_dims})"})  # fmt: skip
    composite(f"max_pool{_dims}d({_max}) -> Tensor", f"Largest element of each window of {_SHAPES[_dims]}.", where=_function)
    _divisor = ", int? divisor_override=None" if _dims > 1 else ""
    _given = "divisor_override" if _dims > 1 else "std::nullopt"
    op(f"avg_pool{_dims}d(Tensor self, {_window}, bool ceil_mode=False, bool count_include_pad=True{_divisor}) -> Tensor",
       f"Mean of each window of {_SHAPES[_dims]}.", where=_function if _dims == 1 else (),
       vjp={"self": f"avg_pool_backward(grad, self_sizes, kernel_size, stride, padding, ceil_mode, count_include_pad, {_given})"})  # fmt: skip
    op(f"adaptive_avg_pool{_dims}d(Tensor self, int[{_dims}] output_size) -> Tensor",
       f"Means of nearly equal parts of {_SHAPES[_dims]}.", where=_function if _dims == 1 else (),
       vjp={"self": "adaptive_avg_pool_backward(grad, self_sizes, output_size)"})  # fmt: skip
    op(f"adaptive_max_pool{_dims}d(Tensor self, int[{_dims}] output_size) -> (Tensor output, Tensor indices)",
       f"Largest elements of nearly equal parts of {_SHAPES[_dims]}, and their positions in the plane.",
       where=_function if _dims == 1 else (),
       vjp={"self": f"max_pool_backward(grads[0], result1, self_sizes, {_dims})"})  # fmt: skip

op("max_pool_values(Tensor self, int[] kernel_size, int[] stride, int[] padding, int[] dilation, bool ceil_mode) -> Tensor",
   "max_pool1d, 2d or 3d by the length of kernel_size, where no gradient is wanted.", where=())  # fmt: skip
op("max_pool_backward(Tensor grad_output, Tensor indices, int[] sizes, int dims) -> Tensor", "Gradient of pooling that gives indices.",
   where=(), vjp={"grad_output": "pick_from_planes(grad, indices, dims)"})  # fmt: skip
op("pick_from_planes(Tensor self, Tensor indices, int dims) -> Tensor", "Elements of planes (the last dims dimensions) by position.",
   where=(), vjp={"self": "max_pool_backward(grad, indices, self_sizes, dims)"})  # fmt: skip
op("avg_pool_backward(Tensor grad_output, int[] sizes, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, "
   "bool count_include_pad, int? divisor_override) -> Tensor", "Gradient of avg_pool.", where=(),
   vjp={"grad_output": "avg_pool(grad, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)"})  # fmt: skip
composite("avg_pool(Tensor self, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, bool count_include_pad, "
          "int? divisor_override) -> Tensor", "avg_pool1d, 2d or 3d by the length of kernel_size.", where=())  # fmt: skip
op("adaptive_avg_pool_backward(Tensor grad_output, int[] sizes, int[] output_size) -> Tensor", "Gradient of adaptive_avg_pool.", where=(),
   vjp={"grad_output": "adaptive_avg_pool(grad, output_size)"})  # fmt: skip
composite("adaptive_avg_pool(Tensor self, int[] output_size) -> Tensor", "adaptive_avg_pool1d, 2d or 3d by the length of output_size.",
          where=())  # fmt: skip
