"""Operators whose result shares memory with their input, and those that rearrange by views or a copy."""

from catalogue.families import FUNCTION, METHOD, composite, op, view

view("alias(Tensor self) -> Tensor", "A view of everything.", where=(), vjp={"self": "grad"})
view("as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
     "A view of the storage with these sizes and strides, in elements.",
     vjp={"self": "as_strided_backward(grad, self_sizes, self_strides, self_offset, size, stride, "
                  "storage_offset.value_or(self_offset))"})  # fmt: skip
composite("as_strided_backward(Tensor grad, int[] base_sizes, int[] base_strides, int base_offset, int[] sizes, int[] strides, "
          "int offset) -> Tensor", "Gradient of as_strided.", where=())  # fmt: skip
op("copy_into_strides(Tensor self, int[] sizes, int[] strides) -> Tensor", "A copy with the given strides.", where=(),
   vjp={"self": "grad"})  # fmt: skip
op("detach_view(Tensor self) -> Tensor", "The same memory, unknown to autograd.", where=())
composite("detach(Tensor self) -> Tensor", "The same memory, cut from the graph.")
composite("detach_(Tensor self) -> Tensor", "Cuts the tensor from the graph, in place.")
view("select(Tensor self, int dim, int index) -> Tensor", "One slice along dim, which is dropped.",
     vjp={"self": "select_backward(grad, self_sizes, dim, index)"})  # fmt: skip
composite("select_backward(Tensor grad, int[] sizes, int dim, int index) -> Tensor", "Gradient of select.", where=())
view("slice(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
     "Elements start, start + step, ... below end along dim.", where=(),
     vjp={"self": "slice_backward(grad, self_sizes, dim, start, end, step)"})  # fmt: skip
composite("slice_backward(Tensor grad, int[] sizes, int dim, int? start, int? end, int step) -> Tensor", "Gradient of slice.",
          where=())  # fmt: skip
composite("narrow(Tensor self, int dim, int start, int length) -> Tensor", "length elements from start along dim.")
composite("narrow_copy(Tensor self, int dim, int start, int length) -> Tensor", "A copy of narrow().", out=True)
view("unsqueeze(Tensor self, int dim) -> Tensor", "A new dimension of size 1 at dim.", vjp={"self": "squeeze(grad, wrap_dim(dim, int64_t(self_sizes.size()) + 1))"})
view("squeeze_dims(Tensor self, int[] dim) -> Tensor", "Without these dimensions where they have size 1.", where=(),
     vjp={"self": "reshape(grad, self_sizes)"})  # fmt: skip
composite("squeeze(Tensor self) -> Tensor", "Without dimensions of size 1.")
composite("squeeze.dim(Tensor self, int dim) -> Tensor", "Without dimension dim if it has size 1.")
composite("squeeze.several(Tensor self, int[] dim) -> Tensor", "Without these dimensions where they have size 1.")
view("permute(Tensor self, int[*] dims) -> Tensor", "Dimensions in the given order.",
     vjp={"self": "permute(grad, inverse_permutation(dims))"})  # fmt: skip
view("transpose(Tensor self, int dim0, int dim1) -> Tensor", "Two dimensions swapped.", aliases=("swapaxes", "swapdims"),
     vjp={"self": "transpose(grad, dim0, dim1)"})  # fmt: skip
composite("t(Tensor self) -> Tensor", "A matrix transposed.")
composite("adjoint(Tensor self) -> Tensor", "Conjugate transpose of the last two dimensions.")
composite("movedim(Tensor self, int[0] source, int[0] destination) -> Tensor", "Dimensions moved to new places.",
          aliases=("moveaxis",))  # fmt: skip
view("expand(Tensor self, int[*] size, *, bool implicit=False) -> Tensor", "Dimensions of size 1 repeated without a copy.",
     where=(METHOD,), vjp={"self": "sum_to_size(grad, self_sizes)"})  # fmt: skip
composite("expand_as(Tensor self, Tensor other) -> Tensor", "Expanded to other's shape.", where=(METHOD,))
composite("broadcast_to(Tensor self, int[] size) -> Tensor", "Expanded to size.")
composite("broadcast_tensors(Tensor[] tensors) -> Tensor[]", "All expanded to one shape.", where=())
view("view_as_shape(Tensor self, int[] size) -> Tensor", "A view with other dimensions.", where=(),
     vjp={"self": "reshape(grad, self_sizes)"})  # fmt: skip
composite("view(Tensor self, int[*] size) -> Tensor", "The same elements in other dimensions, without a copy.", where=(METHOD,))
composite("view.dtype(Tensor self, dtype dtype) -> Tensor", "The same bytes as elements of another dtype.", where=(METHOD,))
composite("view_as(Tensor self, Tensor other) -> Tensor", "view(other.size()).", where=(METHOD,))
composite("reshape(Tensor self, int[*] shape) -> Tensor", "The same elements in other dimensions, a view where possible.")
composite("reshape_as(Tensor self, Tensor other) -> Tensor", "reshape(other.shape).", where=(METHOD,))
composite("flatten(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor", "Dimensions start_dim to end_dim joined.")
composite("unflatten(Tensor self, int dim, int[] sizes) -> Tensor", "One dimension split into several.")
composite("ravel(Tensor self) -> Tensor", "One dimension.")
view("diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor", "A diagonal as the last dimension.",
     vjp={"self": "diagonal_backward(grad, self_sizes, offset, dim1, dim2)"})  # fmt: skip
composite("diagonal_backward(Tensor grad, int[] sizes, int offset, int dim1, int dim2) -> Tensor", "Gradient of diagonal.",
          where=())  # fmt: skip
composite("diag(Tensor self, int diagonal=0) -> Tensor", "The diagonal of a matrix, or a matrix with that diagonal.", out=True)
composite("diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor", "Matrices with these diagonals.")
composite("diagflat(Tensor self, int offset=0) -> Tensor", "A matrix whose diagonal is the flattened input.")
view("unfold(Tensor self, int dimension, int size, int step) -> Tensor", "Windows along a dimension, as a new last one.",
     where=(METHOD,), vjp={"self": "unfold_backward(grad, self_sizes, dimension, size, step)"})  # fmt: skip
composite("unfold_backward(Tensor grad, int[] sizes, int dimension, int size, int step) -> Tensor", "Gradient of unfold.",
          where=(FUNCTION,))  # fmt: skip
composite("unbind(Tensor self, int dim=0) -> Tensor[]", "All slices along dim.")
composite("split(Tensor self, int split_size, int dim=0) -> Tensor[]", "Parts of split_size along dim.")
composite("split.sizes(Tensor self, int[] split_size, int dim=0) -> Tensor[]", "Parts of these sizes along dim.")
composite("split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]", "Parts of these sizes along dim.")
composite("chunk(Tensor self, int chunks, int dim=0) -> Tensor[]", "At most this many parts along dim.")
composite("tensor_split(Tensor self, int sections, int dim=0) -> Tensor[]", "This many parts along dim, as equal as can be.")
composite("tensor_split.tensor(Tensor self, Tensor tensor_indices_or_sections, int dim=0) -> Tensor[]",
          "As with an int (0-dim tensor) or with a list (1-dim).")  # fmt: skip
composite("tensor_split.indices(Tensor self, int[] indices, int dim=0) -> Tensor[]", "Parts between these indices along dim.")
view("view_as_real(Tensor self) -> Tensor", "Complex numbers as pairs in a new last dimension.",
     vjp={"self": "view_as_complex(contiguous(grad))"})  # fmt: skip
view("view_as_complex(Tensor self) -> Tensor", "Pairs in the last dimension as complex numbers.",
     vjp={"self": "view_as_real(contiguous(grad))"})  # fmt: skip
view("view_dtype(Tensor self, dtype dtype) -> Tensor", "The same bytes as another dtype.", where=(), vjp={})
composite("real(Tensor self) -> Tensor", "Real part, a view.", where=(FUNCTION,))
composite("imag(Tensor self) -> Tensor", "Imaginary part, a view.", where=(FUNCTION,))
op("contiguous_copy(Tensor self, memory_format? memory_format=None) -> Tensor", "A dense copy.", where=(), vjp={"self": "grad"})
composite("contiguous(Tensor self, *, memory_format? memory_format=None) -> Tensor", "The tensor itself if dense, else a dense copy.",
          where=(METHOD,))  # fmt: skip
composite("is_contiguous_as(Tensor self, memory_format? memory_format) -> bool", "Whether it is dense in that format.", where=())
composite("sum_to_size(Tensor self, int[*] size) -> Tensor", "Summed over the dimensions that size was broadcast in.",
          where=(METHOD,))  # fmt: skip
composite("atleast_1d(Tensor self) -> Tensor", "At least one dimension.", where=())
composite("rot90(Tensor self, int k=1, int[] dims=[0,1]) -> Tensor", "Rotated by k quarter turns in the plane of dims.")
composite("repeat(Tensor self, int[*] repeats) -> Tensor", "Repeated along each dimension.", where=(METHOD,))
composite("tile(Tensor self, int[*] dims) -> Tensor", "Repeated along each dimension, as NumPy's tile.")

# Changes of geometry in place.
for _text, _doc, _aliases in (
    ("unsqueeze_(Tensor self, int dim)", "A new dimension of size 1 at dim.", ()),
    ("squeeze_(Tensor self)", "Without dimensions of size 1.", ()),
    ("squeeze_.dim(Tensor self, int dim)", "Without dimension dim if it has size 1.", ()),
    ("squeeze_.several(Tensor self, int[] dim)", "Without these dimensions where they have size 1.", ()),
    ("transpose_(Tensor self, int dim0, int dim1)", "Two dimensions swapped.", ("swapaxes_", "swapdims_")),
    ("t_(Tensor self)", "A matrix transposed.", ()),
    ("as_strided_(Tensor self, int[] size, int[] stride, int? storage_offset=None)", "Other sizes and strides.", ()),
):
    composite(f"{_text} -> Tensor", f"In place: {_doc}", where=(METHOD,), aliases=_aliases)
