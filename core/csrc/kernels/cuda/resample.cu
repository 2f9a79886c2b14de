// Resampling along one dimension: a thread for each output element, the weights from a table on the device.
#include "kernels/resample.h"

#include <cstring>
#include <vector>

#include "kernels/cuda/indexing.h"
#include "kernels/slices.h"

namespace taeda::cuda {
namespace {

// The table in device memory, with weights of type T.
template <class T> struct WeightTable {
    const int64_t *first, *begin;
    const T* weight;
};

template <class S, class T> __device__ S from_sum(T sum) {
    if constexpr (std::is_same_v<S, uint8_t>)
        return uint8_t(std::nearbyint(sum < T(0) ? T(0) : sum > T(255) ? T(255) : sum));
    else return S(sum);
}

template <class S, class T> __global__ void resample_elements(S* out, const S* in, int64_t n, int64_t length,
                                                              Division inner, Division outputs, WeightTable<T> table) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t row = inner.quotient(i), column = i - row * inner.divisor;
        const int64_t outer = outputs.quotient(row), o = row - outer * outputs.divisor;
        const int64_t begin = table.begin[o], count = table.begin[o + 1] - begin;
        const S* from = in + (outer * length + table.first[o]) * inner.divisor + column;
        T sum = 0;
        for (int64_t k = 0; k < count; ++k) sum += table.weight[begin + k] * T(from[k * inner.divisor]);
        out[i] = from_sum<S>(sum);
    }
}

template <class S, class T>
void resample_as(const Tensor& out, const Tensor& in, int64_t dim, const ResampleWeights& w) {
    const cudaStream_t stream = stream_of(out);
    const size_t firsts = w.first.size() * sizeof(int64_t), begins = w.begin.size() * sizeof(int64_t);
    const std::vector<T> weights(w.weight.begin(), w.weight.end());
    const Workspace space(firsts + begins + weights.size() * sizeof(T) + 8, out);
    // From pageable memory: the call returns when the table has been read.
    auto upload = [&](size_t at, const void* data, size_t bytes) {
        TAEDA_CUDA_CHECK(cudaMemcpyAsync(space.as<char>(at), data, bytes, cudaMemcpyHostToDevice, stream));
    };
    upload(0, w.first.data(), firsts), upload(firsts, w.begin.data(), begins);
    if (!weights.empty()) upload(firsts + begins, weights.data(), weights.size() * sizeof(T));
    const WeightTable<T> table{space.as<int64_t>(), space.as<int64_t>(firsts), space.as<T>(firsts + begins)};
    const Slices to(out, dim), from(in, dim);
    const Grid grid = grid_for(out.numel(), 1, out);
    launch(stream, resample_elements<S, T>, grid.blocks, grid.threads, 0, out.data<S>(), in.data<S>(), out.numel(),
           from.length, Division(to.inner), Division(to.length), table);
}

void resample_cuda(const Tensor& out, const Tensor& in, int64_t dim, const ResampleWeights& weights) {
    if (out.numel() == 0) return;
    if (in.dtype() == DType::uint8) return resample_as<uint8_t, float>(out, in, dim, weights);
    visit_floating(in.dtype(), "interpolate", [&]<class S>() { resample_as<S, op_type<S>>(out, in, dim, weights); });
}

}  // namespace

TAEDA_REGISTER(cuda, resample, resample_cuda)

}  // namespace taeda::cuda
