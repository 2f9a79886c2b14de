"""Reading and writing by indices and masks."""

from catalogue.families import BOTH, composite, mutating, op

op("index(Tensor self, Tensor?[] indices) -> Tensor", "Advanced indexing: int64 indices per dimension, None keeps one.", where=(),
   vjp={"self": "index_backward(grad, self_sizes, indices)"})  # fmt: skip
composite("index_backward(Tensor grad, int[] sizes, Tensor?[] indices) -> Tensor", "Gradient of index.", where=())
mutating("index_put_(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
         "Writes (or adds) values at the indices.", functional=True, where=BOTH,
         vjp={"self": "accumulate ? grad : index_put(grad, indices, zeros(Ints(), grad.dtype()), false)",
              "values": "sum_to_size(index(grad, indices), values_sizes)"})  # fmt: skip
op("nonzero_coordinates(Tensor self) -> Tensor", "Coordinates of the elements that are not zero, one per row.", where=())
composite("nonzero(Tensor self) -> Tensor", "Coordinates of the elements that are not zero, one per row.", where=(), out=True)
composite("argwhere(Tensor self) -> Tensor", "Coordinates of the elements that are not zero, one per row.")

op("gather(Tensor self, int dim, Tensor index, *, flag sparse_grad=False) -> Tensor", "Elements picked along dim by index.", out=True,
   vjp={"self": "gather_backward(grad, self_sizes, dim, index)"})  # fmt: skip
composite("gather_backward(Tensor grad, int[] sizes, int dim, Tensor index) -> Tensor", "Gradient of gather.", where=())
composite("take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor", "gather with broadcasting.", out=True)
composite("take(Tensor self, Tensor index) -> Tensor", "Elements of the flattened tensor.", out=True)
mutating("put_(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor", "Writes into the flattened tensor.",
         functional=True, where=BOTH,
         vjp={"self": "accumulate ? grad : put(grad, index, zeros_like(source.defined() ? to(source, grad.dtype()) : source), false)",
              "source": "reshape(take(grad, index), source.sizes())"})  # fmt: skip

mutating("scatter_(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", "Writes src along dim at index.", functional=True, where=BOTH,
         vjp={"self": "scatter(grad, dim, index, wrapped_number(Scalar(0)))", "src": "gather_part(grad, dim, index, src_sizes)"})
mutating("scatter_.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor", "Writes a value along dim at index.", functional=True,
         where=BOTH, vjp={"self": "scatter(grad, dim, index, Scalar(0))"})  # fmt: skip
composite("scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor", "Combines src by 'add' or 'multiply'.",
          inplace=True)  # fmt: skip
mutating("scatter_add_(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", "Adds src along dim at index.", functional=True, where=BOTH,
         vjp={"self": "grad", "src": "gather_part(grad, dim, index, src_sizes)"})  # fmt: skip
composite("gather_part(Tensor grad, int dim, Tensor index, int[] sizes) -> Tensor", "Gradient of scatter's source.", where=())
op("scatter_product(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", "Multiplied by src along dim at index.", where=(),
   vjp={"self": "scatter_product_backward_self(grad, self, dim, index, src)",
        "src": "scatter_product_backward_src(grad, self, dim, index, src, result)"})  # fmt: skip
composite("scatter_product_backward_self(Tensor grad, Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
          "Gradient of scatter_product.", where=())  # fmt: skip
composite("scatter_product_backward_src(Tensor grad, Tensor self, int dim, Tensor index, Tensor src, Tensor result) -> Tensor",
          "Gradient of scatter_product.", where=())  # fmt: skip
op("scatter_combine(Tensor self, int dim, Tensor index, Tensor src, str how) -> Tensor", "Combined without gradients.", where=())
composite("scatter_reduce(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor",
          "Combines src along dim at index by 'sum', 'prod', 'mean', 'amax' or 'amin'.", inplace=True, out=True)  # fmt: skip

op("index_select(Tensor self, int dim, Tensor index) -> Tensor", "Slices along dim, by a one-dimensional index.", out=True,
   vjp={"self": "index_select_backward(grad, self_sizes, dim, index)"})  # fmt: skip
composite("index_select_backward(Tensor grad, int[] sizes, int dim, Tensor index) -> Tensor", "Gradient of index_select.", where=())
mutating("index_add_(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor", "Adds slices of source along dim.",
         functional=True, where=BOTH,
         vjp={"self": "grad", "source": "scaled(index_select_like(grad, dim, index, source_sizes), conj_scalar(alpha))"})  # fmt: skip
mutating("index_copy_(Tensor self, int dim, Tensor index, Tensor source) -> Tensor", "Writes slices of source along dim.", functional=True,
         where=BOTH, vjp={"self": "index_fill(grad, dim, index, Scalar(0))",
                          "source": "index_select_like(grad, dim, index, source_sizes)"})  # fmt: skip
composite("index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True) -> Tensor",
          "Combines slices of source along dim by 'prod', 'mean', 'amax' or 'amin'.", inplace=True, out=True)  # fmt: skip
composite("index_select_like(Tensor grad, int dim, Tensor index, int[] sizes) -> Tensor", "Gradient of slices that were written.", where=())
mutating("index_fill_(Tensor self, int dim, Tensor index, Scalar value) -> Tensor", "Writes a value into slices along dim.", functional=True,
         where=BOTH, vjp={"self": "index_fill(grad, dim, index, Scalar(0))"})  # fmt: skip
composite("index_fill.Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor", "Writes a 0-dim tensor into slices along dim.",
          inplace=True)  # fmt: skip

composite("masked_fill(Tensor self, Tensor mask, Scalar value) -> Tensor", "value where mask, else self.", inplace=True)
composite("masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor", "A 0-dim value where mask, else self.", inplace=True)
composite("masked_select(Tensor self, Tensor mask) -> Tensor", "The elements where mask is true, in one dimension.", out=True)
op("raw_masked_select(Tensor self, Tensor mask) -> Tensor", "masked_select of equal shapes.", where=(),
   vjp={"self": "masked_scatter(zeros(self_sizes, grad.dtype(), grad.device()), mask, grad)"})  # fmt: skip
mutating("masked_scatter_(Tensor self, Tensor mask, Tensor source) -> Tensor", "Writes source, in order, where mask is true.",
         vjp={"self": "masked_fill(grad, mask, Scalar(0))",
                          "source": "masked_scatter_source(grad, mask, source_sizes)"})  # fmt: skip
composite("masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
          "A copy, broadcast with mask, into which source is written where mask is true.")  # fmt: skip
composite("masked_scatter_source(Tensor grad, Tensor mask, int[] sizes) -> Tensor", "Gradient of masked_scatter's source.", where=())

for name, word in (("tril", "above"), ("triu", "below")):
    op(f"{name}(Tensor self, int diagonal=0) -> Tensor", f"Matrices with zeros {word} the diagonal.", inplace=True, out=True,
       vjp={"self": f"{name}(grad, diagonal)"})  # fmt: skip
composite("roll(Tensor self, int[0] shifts, int[0] dims=[]) -> Tensor", "Elements shifted round along dims.")
composite("fliplr(Tensor self) -> Tensor", "Columns in reverse order.")
composite("flipud(Tensor self) -> Tensor", "Rows in reverse order.")
op("one_hot(Tensor self, int num_classes=-1) -> Tensor", "A new last dimension with a 1 at each class.", where=())
composite("repeat_interleave(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor", "Each element repeated.")
composite("repeat_interleave.Tensor(Tensor self, Tensor repeats, int? dim=None, *, int? output_size=None) -> Tensor",
          "Each element repeated its own number of times.")  # fmt: skip
