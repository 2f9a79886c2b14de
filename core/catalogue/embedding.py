"""Rows of tables by index."""

from catalogue.families import FUNCTION, composite, op

op("embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
   "Rows of weight (V, D) by int64 or int32 indices of any shape; padding_idx gets no gradient.", where=(FUNCTION,),
   vjp={"weight": "embedding_backward(grad, indices, weight_sizes, padding_idx, scale_grad_by_freq)"})  # fmt: skip
op("embedding_backward(Tensor grad_output, Tensor indices, int[] sizes, int padding_idx, bool scale_grad_by_freq) -> Tensor",
   "Gradient of embedding.", where=(),
   vjp={"grad_output": "embedding_double_backward(grad, indices, padding_idx, scale_grad_by_freq)"})  # fmt: skip
op("embedding_double_backward(Tensor grad_input_grad, Tensor indices, int padding_idx, bool scale_grad_by_freq) -> Tensor",
   "Second gradient of embedding.", where=(),
   vjp={"grad_input_grad": "embedding_backward(grad, indices, grad_input_grad_sizes, padding_idx, scale_grad_by_freq)"})  # fmt: skip

_BAGS = "Tensor indices, Tensor offsets, bool include_last_offset, int padding_idx"
_PASSED = "indices, offsets, include_last_offset, padding_idx"
op(f"embedding_bag_forward(Tensor weight, {_BAGS}, Tensor? per_sample_weights, int mode, bool scale_grad_by_freq)"
   " -> (Tensor output, Tensor chosen)",
   "Sum (mode 0), mean (1) or maximum (2) of the rows of each bag, and for maxima the rows that they came from.", where=(),
   vjp={"weight": f"embedding_bag_backward(grads[0], {_PASSED}, per_sample_weights, mode, scale_grad_by_freq, result1, "
                  "weight_sizes)",
        "per_sample_weights": f"embedding_bag_weights_backward(grads[0], weight, {_PASSED})"})  # fmt: skip
for _form, _made in (("embedding_bag", composite), ("fused_embedding_bag", op)):
    _made(f"{_form}_backward(Tensor grad, {_BAGS}, Tensor? per_sample_weights, int mode, bool scale_grad_by_freq, Tensor chosen, "
          "int[] sizes) -> Tensor", "Gradient of the table of embedding_bag.", where=())  # fmt: skip
    _made(f"{_form}_weights_backward(Tensor grad, Tensor weight, {_BAGS}) -> Tensor",
          "Gradient of the weights of embedding_bag.", where=())  # fmt: skip
