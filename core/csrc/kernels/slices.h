// A contiguous tensor seen as (outer, length, inner) around one dimension.
#pragma once

#include "tensor/tensor.h"

namespace taeda {

struct Slices {
    int64_t outer = 1, length = 1, inner = 1;

    Slices(Ints sizes, int64_t dim) {
        for (size_t d = 0; d < sizes.size(); ++d) {
            if (int64_t(d) < dim) outer *= sizes[d];
            else if (int64_t(d) == dim) length = sizes[d];
            else inner *= sizes[d];
        }
    }
    Slices(const Tensor& t, int64_t dim) : Slices(t.sizes(), dim) {}
    int64_t numel() const { return outer * length * inner; }
};

}  // namespace taeda
