// Sorting by CUB's radix sort.
#include <cub/device/device_radix_sort.cuh>

#include "kernels/cuda/sorted_pairs.h"

namespace taeda::cuda {

void sort_pairs(const uint64_t* keys, uint64_t* sorted_keys, const uint32_t* positions, uint32_t* sorted_positions,
                int64_t n, int bits, const Tensor& beside) {
    const cudaStream_t stream = stream_of(beside);
    auto sort = [&](void* space, size_t& bytes) {
        TAEDA_CUDA_CHECK(cub::DeviceRadixSort::SortPairs(space, bytes, keys, sorted_keys, positions, sorted_positions,
                                                         int(n), 0, bits, stream));
    };
    size_t bytes = 0;
    sort(nullptr, bytes);
    Workspace space(bytes, beside);
    sort(space.as<void>(), bytes);
}

}  // namespace taeda::cuda
