// Slices of a contiguous tensor, shared out to threads.
#pragma once

#include "kernels/cpu/parallel.h"
#include "kernels/slices.h"

namespace taeda::cpu {

struct Slices : taeda::Slices {
    using taeda::Slices::Slices;

    // f(offset of the first element, columns, outer index, first column) for strips of at most `width` neighbouring
    // slices, on several threads. A slice's elements are `inner` apart.
    template <class F> void each_strip(int64_t width, F&& f, int64_t grain_elements = kGrainElements) const {
        if (numel() == 0) return;
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
