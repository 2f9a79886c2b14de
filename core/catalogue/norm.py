"""Normalisation."""

from catalogue.families import FUNCTION, composite, op

_AFFINE = "Tensor? weight=None, Tensor? bias=None"
_THREE = "(Tensor grad_input, Tensor grad_weight, Tensor grad_bias)"


def _normalisation(name: str, arguments: str, passed: str, doc: str) -> None:
    """NAME_forward with the statistics of each group, and NAME_backward, fused or as a formula that differentiates."""
    op(f"{name}_forward({arguments}, Tensor? weight, Tensor? bias, float eps) -> (Tensor output, Tensor mean, Tensor rstd)",
       f"{doc}, and its statistics.", where=(),
       vjp={"input, weight, bias": f"{name}_backward(grads[0], input, {passed}, result1, result2, weight, eps)"})  # fmt: skip
    backward = f"(Tensor grad, {arguments}, Tensor? mean, Tensor rstd, Tensor? weight, float eps) -> {_THREE}"
    composite(f"{name}_backward{backward}", f"Gradients of {name}.", where=())
    op(f"fused_{name}_backward{backward}", f"Gradients of {name} in one pass.", where=())


composite("batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, "
          "float momentum, float eps, bool cudnn_enabled=False) -> Tensor",
          "Batch normalisation over all dimensions but 1 (Ioffe and Szegedy 2015).", where=(FUNCTION,))  # fmt: skip
op("batch_norm_train(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, float momentum, "
   "float eps) -> (Tensor output, Tensor mean, Tensor invstd)", "Batch normalisation by the batch; updates the running statistics.",
   where=(),
   vjp={"input, weight, bias": "batch_norm_backward(grads[0], input, weight, result1, result2, true, eps)"})  # fmt: skip
op("batch_norm_eval(Tensor input, Tensor? weight, Tensor? bias, Tensor mean, Tensor var, float eps) -> Tensor",
   "Batch normalisation by running statistics.", where=(),
   vjp={"input, weight, bias": "batch_norm_backward(grad, input, weight, mean, rsqrt(var + eps), false, eps)"})  # fmt: skip
_batch = f"(Tensor grad, Tensor input, Tensor? weight, Tensor mean, Tensor invstd, bool training, float eps) -> {_THREE}"
composite(f"batch_norm_backward{_batch}", "Gradients of batch_norm.", where=())
op(f"fused_batch_norm_backward{_batch}", "Gradients of batch_norm in one pass.", where=())
composite("instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
          "bool use_input_stats, float momentum, float eps, bool cudnn_enabled=False) -> Tensor",
          "Each channel of each sample normalised (Ulyanov et al. 2016).", where=(FUNCTION,))  # fmt: skip

_normalisation("layer_norm", "Tensor input, int[] normalized_shape", "normalized_shape", "Layer normalisation")
composite(f"layer_norm(Tensor input, int[0] normalized_shape, {_AFFINE}, float eps=1e-05, bool cudnn_enable=True) -> Tensor",
          "The last dimensions, which have normalized_shape, normalised (Ba et al. 2016).", where=(FUNCTION,))  # fmt: skip
composite("native_layer_norm(Tensor input, int[0] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> "
          "(Tensor output, Tensor mean, Tensor rstd)", "layer_norm with its mean and reciprocal deviation.", where=(FUNCTION,))  # fmt: skip
op("rms_norm_forward(Tensor input, int[] normalized_shape, Tensor? weight, float eps) -> (Tensor output, Tensor rstd)",
   "Root-mean-square normalisation, and its statistics.", where=(),
   vjp={"input, weight": "rms_norm_backward(grads[0], input, normalized_shape, result1, weight, eps)"})  # fmt: skip
composite("rms_norm_backward(Tensor grad, Tensor input, int[] normalized_shape, Tensor rstd, Tensor? weight, float eps) -> "
          "(Tensor grad_input, Tensor grad_weight)", "Gradients of rms_norm.", where=())  # fmt: skip
composite("rms_norm(Tensor input, int[0] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
          "The last dimensions divided by their root mean square (Zhang and Sennrich 2019).", where=(FUNCTION,))  # fmt: skip

_normalisation("group_norm", "Tensor input, int num_groups", "num_groups", "Group normalisation")
composite(f"group_norm(Tensor input, int num_groups, {_AFFINE}, float eps=1e-05, bool cudnn_enabled=True) -> Tensor",
          "Groups of channels of each sample normalised (Wu and He 2018).", where=(FUNCTION,))  # fmt: skip
