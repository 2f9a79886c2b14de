// Writes into views of a copy, and splits along NumPy's named axes.
#include "native.h"

namespace taeda::native {

// -- writes into a view of a copy ------------------------------------------------------------------------------------------

namespace {

template <class View> Tensor written(const Tensor& self, const Tensor& src, const char* op, View&& view) {
    Tensor out = ops::clone(self);
    Tensor part = view(out);
    TAEDA_CHECK(part.sizes() == src.sizes(), op,
                ": expected src to have a size equal to the slice of self. src size = ", src.sizes(),
                ", slice size = ", part.sizes());
    ops::copy_(part, src);
    return out;
}

}  // namespace

Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) {
    return written(self, src, "select_scatter", [&](const Tensor& t) { return ops::select(t, dim, index); });
}
Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim, std::optional<int64_t> start,
                     std::optional<int64_t> end, int64_t step) {
    return written(self, src, "slice_scatter", [&](const Tensor& t) { return ops::slice(t, dim, start, end, step); });
}
Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset, int64_t dim1, int64_t dim2) {
    return written(self, src, "diagonal_scatter",
                   [&](const Tensor& t) { return ops::diagonal(t, offset, dim1, dim2); });
}
Tensor as_strided_scatter(const Tensor& self, const Tensor& src, Ints size, Ints stride,
                          std::optional<int64_t> offset) {
    return written(self, src, "as_strided_scatter",
                   [&](const Tensor& t) { return ops::as_strided(t, size, stride, offset); });
}

// -- splits along NumPy's named axes -----------------------------------------------------------------------------------------

namespace {

void check_split(const Tensor& self, int64_t least, int64_t dim, int64_t sections, const char* op) {
    TAEDA_CHECK(self.dim() >= least, op, " requires a tensor with at least ", least,
                " dimension, but got a tensor with ", self.dim(), " dimensions!");
    TAEDA_CHECK(sections < 0 || (sections > 0 && self.size(dim) % sections == 0), op,
                " attempted to split along dimension ", dim, ", but the size of the dimension ", self.size(dim),
                " is not divisible by the split_size ", sections, "!");
}

int64_t column_dim(const Tensor& self) { return self.dim() == 1 ? 0 : 1; }

}  // namespace

Tensors hsplit(const Tensor& self, int64_t sections) {
    TAEDA_CHECK(sections > 0, "hsplit: the number of sections must be positive, got ", sections);
    check_split(self, 1, column_dim(self), sections, "taeda.hsplit");
    return ops::tensor_split(self, sections, column_dim(self));
}
Tensors hsplit(const Tensor& self, Ints indices) {
    check_split(self, 1, 0, -1, "taeda.hsplit");
    return ops::tensor_split(self, indices, column_dim(self));
}
Tensors vsplit(const Tensor& self, int64_t sections) {
    check_split(self, 2, 0, sections, "taeda.vsplit");
    return ops::tensor_split(self, sections, 0);
}
Tensors vsplit(const Tensor& self, Ints indices) {
    check_split(self, 2, 0, -1, "taeda.vsplit");
    return ops::tensor_split(self, indices, 0);
}
Tensors dsplit(const Tensor& self, int64_t sections) {
    check_split(self, 3, 2, sections, "taeda.dsplit");
    return ops::tensor_split(self, sections, 2);
}
Tensors dsplit(const Tensor& self, Ints indices) {
    check_split(self, 3, 2, -1, "taeda.dsplit");
    return ops::tensor_split(self, indices, 2);
}

}  // namespace taeda::native
