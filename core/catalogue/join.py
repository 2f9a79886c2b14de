"""Joining tensors, and moving elements around."""

from catalogue.families import FUNCTION, composite, op

op("cat(Tensor[] tensors, int dim=0) -> Tensor", "Joined along an existing dimension.", where=(FUNCTION,), out=True,
   aliases=("concat", "concatenate"), vjp={"tensors": "cat_backward(grad, tensors_sizes, dim)"})  # fmt: skip
composite("stack(Tensor[] tensors, int dim=0) -> Tensor", "Joined along a new dimension.", where=(FUNCTION,), out=True)
composite("hstack(Tensor[] tensors) -> Tensor", "Joined along columns (dimension 1, or 0 for one dimension).", where=(FUNCTION,), out=True)
composite("vstack(Tensor[] tensors) -> Tensor", "Joined along rows, one-dimensional tensors being rows.", where=(FUNCTION,), out=True,
          aliases=("row_stack",))  # fmt: skip
composite("dstack(Tensor[] tensors) -> Tensor", "Joined along a third dimension.", where=(FUNCTION,), out=True)
composite("column_stack(Tensor[] tensors) -> Tensor", "Joined as columns.", where=(FUNCTION,), out=True)
op("flip(Tensor self, int[0] dims) -> Tensor", "Order reversed along dims.", vjp={"self": "flip(grad, dims)"})
