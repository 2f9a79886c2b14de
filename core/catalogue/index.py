"""Reading and writing by indices and masks."""

from catalogue.families import FUNCTION, METHOD, composite, mutating, op

op("index(Tensor self, Tensor?[] indices) -> Tensor", "Advanced indexing: int64 indices per dimension, None keeps one.", where=(),
   vjp={"self": "index_backward(grad, self_sizes, indices)"})  # fmt: skip
composite("index_backward(Tensor grad, int[] sizes, Tensor?[] indices) -> Tensor", "Gradient of index.", where=())
mutating("index_put_(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
         "Writes (or adds) values at the indices.", functional=True, where=(FUNCTION, METHOD),
         vjp={"self": "accumulate ? grad : index_put(grad, indices, zeros(Ints(), grad.dtype()), false)",
              "values": "sum_to_size(index(grad, indices), values_sizes)"})  # fmt: skip
op("nonzero(Tensor self) -> Tensor", "Coordinates of the elements that are not zero, one per row.", out=True)
