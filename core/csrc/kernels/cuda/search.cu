// Searching in sorted sequences, and counting by bins.
#include "kernels/cuda/indexing.h"
#include "kernels/cuda/sort_keys.h"
#include "kernels/sort.h"

namespace taeda::cuda {
namespace {

static __global__ void find_places(int64_t* out, const void* sorted, const void* values, DType dtype, int64_t n,
                                   int64_t length, Division per_row, bool right) {
    TAEDA_GRID_LOOP(i, n) {
        const uint64_t key = load_key(values, dtype, i);
        const int64_t row = per_row.quotient(i) * length;
        int64_t low = 0, high = length;
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            const uint64_t other = load_key(sorted, dtype, row + middle);
            if (right ? other <= key : other < key) low = middle + 1;
            else high = middle;
        }
        out[i] = low;
    }
}

void searchsorted_cuda(const Tensor& out, const Tensor& sorted, const Tensor& values, bool right) {
    const int64_t n = values.numel();
    if (n == 0) return;
    const int64_t length = sorted.dim() ? sorted.size(-1) : 1;
    const int64_t per_row = sorted.dim() <= 1 ? n : values.size(-1);
    const Grid grid = grid_for(n, 1, out);
    launch(stream_of(out), find_places, grid.blocks, grid.threads, 0, out.data<int64_t>(), sorted.raw(), values.raw(),
           sorted.dtype(), n, length, Division(per_row), right);
}

constexpr int64_t kSharedBins = 4096;
using Counter = unsigned long long;

template <class T> __global__ void count_bins(Counter* counts, const T* in, int64_t n, int64_t bins, double low,
                                              double high, bool is_shared) {
    TAEDA_DYNAMIC_SHARED(unsigned, of_block);
    if (is_shared) {
        for (int64_t b = threadIdx.x; b < bins; b += blockDim.x) of_block[b] = 0;
        __syncthreads();
    }
    TAEDA_GRID_LOOP(i, n) {
        const double x = double(op_type<T>(in[i]));
        if (!(x >= low && x <= high)) continue;
        int64_t bin = int64_t((x - low) / (high - low) * double(bins));
        bin = bin < bins ? bin : bins - 1;
        if (is_shared) atomicAdd(&of_block[bin], 1u);
        else atomicAdd(&counts[bin], Counter(1));
    }
    if (!is_shared) return;
    __syncthreads();
    for (int64_t b = threadIdx.x; b < bins; b += blockDim.x)
        if (of_block[b]) atomicAdd(&counts[b], Counter(of_block[b]));
}

template <class T> __global__ void convert_counts(T* out, const Counter* counts, int64_t bins) {
    TAEDA_GRID_LOOP(b, bins) { out[b] = T(op_type<T>(counts[b])); }
}

void histogram_cuda(const Tensor& out, const Tensor& in, double low, double high) {
    const int64_t bins = out.numel(), n = in.numel();
    const cudaStream_t stream = stream_of(in);
    const Workspace counts(size_t(bins) * sizeof(Counter), in);
    TAEDA_CUDA_CHECK(cudaMemsetAsync(counts.as<void>(), 0, size_t(bins) * sizeof(Counter), stream));
    const bool is_shared = bins <= kSharedBins;
    const Grid grid = grid_for(n, 16, in), bin_grid = grid_for(bins, 1, in);
    visit_floating(in.dtype(), "histc", [&]<class T>() {
        launch(stream, count_bins<T>, grid.blocks, grid.threads, is_shared ? size_t(bins) * sizeof(unsigned) : 0,
               counts.as<Counter>(), in.data<T>(), n, bins, low, high, is_shared);
        launch(stream, convert_counts<T>, bin_grid.blocks, bin_grid.threads, 0, out.data<T>(), counts.as<Counter>(),
               bins);
    });
}

}  // namespace

TAEDA_REGISTER(cuda, searchsorted, searchsorted_cuda)
TAEDA_REGISTER(cuda, histogram, histogram_cuda)

}  // namespace taeda::cuda
