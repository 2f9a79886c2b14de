// The layout with channels innermost: (N, C, spatial...) in the memory of (N, spatial..., C).
#pragma once

#include <algorithm>

#include "tensor/tensor.h"

namespace taeda {

inline Dims channels_last_strides(Ints sizes) {
    const size_t n = sizes.size();
    Dims strides(n);
    int64_t step = 1;
    for (size_t i = 0; i < n; ++i) {  // C first, then from the last dimension outward, N last
        size_t d = i == 0 ? 1 : i == n - 1 ? 0 : n - i;
        strides[d] = step;
        step *= std::max<int64_t>(sizes[d], 1);
    }
    return strides;
}

// Whether the elements lie so, whatever the strides of dimensions of size 1 are.
inline bool lies_channels_last(const Tensor& t) {
    if (t.dim() < 3) return false;
    Dims wanted = channels_last_strides(t.sizes());
    for (size_t d = 0; d < wanted.size(); ++d)
        if (t.sizes()[d] != 1 && t.strides()[d] != wanted[d]) return false;
    return true;
}

// Images and volumes that lie so and are not contiguous as well.
inline bool is_channels_last(const Tensor& t) {
    return (t.dim() == 4 || t.dim() == 5) && !t.is_contiguous() && lies_channels_last(t);
}

// Of a tensor that lies so: the matrix (positions of all samples, C).
inline Tensor channel_rows(const Tensor& t) {
    return alias(t, {t.numel() / t.size(1), t.size(1)}, {t.size(1), 1}, t.offset());
}

}  // namespace taeda
