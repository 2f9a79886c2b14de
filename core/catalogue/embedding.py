"""Rows of tables by index."""

from catalogue.families import FUNCTION, op

op("embedding(Tensor weight, Tensor indices, int padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
   "Rows of weight (V, D) by int64 or int32 indices of any shape; padding_idx gets no gradient.", where=(FUNCTION,),
   vjp={"weight": "embedding_backward(grad, indices, weight_sizes, padding_idx, scale_grad_by_freq)"})  # fmt: skip
op("embedding_backward(Tensor grad_output, Tensor indices, int[] sizes, int padding_idx, bool scale_grad_by_freq) -> Tensor",
   "Gradient of embedding.", where=(),
   vjp={"grad_output": "embedding_double_backward(grad, indices, padding_idx, scale_grad_by_freq)"})  # fmt: skip
op("embedding_double_backward(Tensor grad_input_grad, Tensor indices, int padding_idx, bool scale_grad_by_freq) -> Tensor",
   "Second gradient of embedding.", where=(),
   vjp={"grad_input_grad": "embedding_backward(grad, indices, grad_input_grad_sizes, padding_idx, scale_grad_by_freq)"})  # fmt: skip
