// Where the i-th element of a strided shape lies: axes joined on the host, divisions by multiplication on the device.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/cuda/device.h"
#include "kernels/cuda/divisor.h"

namespace taeda::cuda {

constexpr int kMaxAxes = 16;

// Quotient and rest by a fixed divisor, for any index.
struct Division {
    int64_t divisor;
    Divisor narrow;
    explicit Division(int64_t by)
        : divisor(std::max<int64_t>(1, by)), narrow(uint32_t(std::min<int64_t>(divisor, 0xffffffff))) {}
    __device__ int64_t quotient(int64_t n) const {
        return n < int64_t(1) << 32 && divisor < int64_t(1) << 32 ? int64_t(narrow.quotient(uint32_t(n))) : n / divisor;
    }
    __device__ int64_t rest(int64_t n) const { return n - quotient(n) * divisor; }
};

// One dimension of several tensors that are walked together; strides in elements.
template <int tensors> struct Axis {
    int64_t size;
    int64_t stride[tensors];
};

// Joins neighbouring axes that are one in all tensors. The order of axes stays as it is.
template <int tensors> void join_axes(std::vector<Axis<tensors>>& axes) {
    std::vector<Axis<tensors>> joined;
    for (const Axis<tensors>& axis : axes) {
        if (axis.size == 1) continue;
        bool continues = !joined.empty();
        for (int t = 0; t < tensors && continues; ++t)
            continues = joined.back().stride[t] == axis.stride[t] * axis.size;
        if (!continues) {
            joined.push_back(axis);
            continue;
        }
        const int64_t size = joined.back().size * axis.size;
        joined.back() = axis;
        joined.back().size = size;
    }
    axes = std::move(joined);
}

// Offsets in `tensors` tensors of the i-th element, in row-major order, of joined axes.
template <int tensors> struct OffsetMap {
    int axes = 0;
    bool is_narrow = true;  // all indices fit into 32 bits
    int64_t size[kMaxAxes], stride[tensors][kMaxAxes];
    Divisor divisors[kMaxAxes];

    OffsetMap() = default;
    explicit OffsetMap(const std::vector<Axis<tensors>>& from) : axes(int(from.size())) {
        TAEDA_CHECK(axes <= kMaxAxes, "a tensor with ", axes,
                    " dimensions that cannot be joined has too many for a "
                    "GPU kernel; at most ",
                    kMaxAxes, ": call .contiguous() first");
        int64_t numel = 1;
        for (int d = 0; d < axes; ++d) {
            size[d] = from[size_t(d)].size;
            for (int t = 0; t < tensors; ++t) stride[t][d] = from[size_t(d)].stride[t];
            numel *= size[d];
        }
        is_narrow = numel < int64_t(1) << 32;
        for (int d = 0; d < axes && is_narrow; ++d) divisors[d] = Divisor(uint32_t(std::max<int64_t>(1, size[d])));
    }

    __device__ void locate(int64_t i, int64_t (&offset)[tensors]) const {
        for (int t = 0; t < tensors; ++t) offset[t] = 0;
        for (int d = axes; d-- > 0;) {
            const int64_t quotient = d == 0 ? 0 : is_narrow ? divisors[d].quotient(uint32_t(i)) : i / size[d];
            const int64_t rest = i - quotient * size[d];
            for (int t = 0; t < tensors; ++t) offset[t] += rest * stride[t][d];
            i = quotient;
        }
    }
    __device__ int64_t operator()(int64_t i) const {
        int64_t offset[tensors];
        locate(i, offset);
        return offset[0];
    }
};

}  // namespace taeda::cuda
