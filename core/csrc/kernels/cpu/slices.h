// A contiguous tensor seen as (outer, length, inner) around one dimension.
#pragma once

#include "kernels/cpu/parallel.h"
#include "tensor/tensor.h"

namespace taeda::cpu {

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

    // f(offset of the first element, columns, outer index, first column) for strips of at most `width` neighbouring
    // slices, on several threads. A slice's elements are `inner` apart.
    template <class F> void each_strip(int64_t width, F&& f, int64_t grain_elements = kGrainElements) const {
        if (outer * length * inner == 0) return;
        int64_t strips = (inner + width - 1) / width, size = std::min(width, inner);
        parallel_for(0, outer * strips, row_grain(length * size, grain_elements), [&](int64_t from, int64_t to) {
            int64_t o = from / strips, column = from % strips * width;
            for (int64_t i = from; i < to; ++i) {
                f(o * length * inner + column, std::min(width, inner - column), o, column);
                column += width;
                if (column >= inner) column = 0, ++o;
            }
        });
    }
};

}  // namespace taeda::cpu
