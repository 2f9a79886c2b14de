#include "kernels/cpu/indexing.h"

#include <atomic>

#include "kernels/cpu/parallel.h"
#include "kernels/index_error.h"

namespace taeda::cpu {

template <class E>
void check_indices(const char* op, const int64_t* index, int64_t n, int64_t dim, int64_t size, bool negative_counts) {
    const int64_t lowest = negative_counts ? -size : 0;
    std::atomic<int64_t> wrong{n};
    parallel_for(0, n, 4 * kGrainElements, [&](int64_t from, int64_t to) {
        int64_t least = 0, most = -1;
        for (int64_t i = from; i < to; ++i) least = std::min(least, index[i]), most = std::max(most, index[i]);
        if (least >= lowest && most < size) return;
        int64_t i = from;
        while (index[i] >= lowest && index[i] < size) ++i;
        for (int64_t seen = wrong; i < seen && !wrong.compare_exchange_weak(seen, i);) {}
    });
    if (wrong == n) return;
    raise_wrong_index<E>(op, index[wrong], dim, size, lowest);
}
template void check_indices<IndexError>(const char*, const int64_t*, int64_t, int64_t, int64_t, bool);
template void check_indices<Error>(const char*, const int64_t*, int64_t, int64_t, int64_t, bool);

OffsetMap::OffsetMap(Ints sizes, Ints strides) {
    for (size_t d = 0; d < sizes.size(); ++d) {
        numel_ *= sizes[d];
        if (sizes[d] == 1) continue;
        if (!axes_.empty() && axes_.back().stride == strides[d] * sizes[d])
            axes_.back() = {axes_.back().size * sizes[d], strides[d]};
        else axes_.push_back({sizes[d], strides[d]});
    }
    if (axes_.empty()) axes_.push_back({1, 1});
}

}  // namespace taeda::cpu
