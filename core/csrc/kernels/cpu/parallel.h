// parallel_for, and the grain sizes of all CPU kernels.
#pragma once

#include <algorithm>
#include <type_traits>

#include "tensor/threads.h"

namespace taeda::cpu {

// How much work justifies a second thread.
constexpr int64_t kGrainElements = 32768;   // elements of cheap arithmetic
constexpr int64_t kGrainBytes = 256 << 10;  // bytes moved
constexpr int64_t kBlock = 1024;            // elements that stay in the first-level cache

// f(from, to) for consecutive pieces of [begin, end); one piece up to `grain` steps.
template <class F> void parallel_for(int64_t begin, int64_t end, int64_t grain, F&& f) {
    using Body = std::remove_reference_t<F>;
    parallel_run(
        begin, end, grain, [](void* context, int64_t from, int64_t to) { (*static_cast<Body*>(context))(from, to); },
        const_cast<void*>(static_cast<const void*>(&f)));
}

// The grain in rows for rows of `row_elements`.
inline int64_t row_grain(int64_t row_elements, int64_t grain_elements = kGrainElements) {
    return std::max<int64_t>(1, grain_elements / std::max<int64_t>(1, row_elements));
}

}  // namespace taeda::cpu
