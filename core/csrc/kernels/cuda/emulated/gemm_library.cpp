// Matrix products of the emulated device: plain loops.
#include "kernels/cuda/gemm_library.h"

#include <cmath>
#include <vector>

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

template <class T> T element(const MatrixView& m, int64_t batch, int64_t row, int64_t column) {
    int64_t at = m.by_rows ? row * m.leading + column : column * m.leading + row;
    return static_cast<const T*>(m.data)[batch * m.batch_stride + at];
}

template <class C> C activated(C x, Activation activation) {
    if constexpr (std::is_floating_point_v<C>) {
        if (activation == Activation::relu) return std::max(x, C(0));
        if (activation == Activation::gelu_tanh) {
            const double sum = double(x), inner = 0.7978845608028654 * (sum + 0.044715 * sum * sum * sum);
            return C(0.5 * sum * (1 + std::tanh(inner)));
        }
    }
    return x;
}

template <class T> void product(const GemmCall& c) {
    using C = op_type<T>;
    std::vector<C> sums(static_cast<size_t>(c.N));
    for (int64_t batch = 0; batch < c.batches; ++batch)
        for (int64_t i = 0; i < c.M; ++i) {
            std::fill(sums.begin(), sums.end(), C(0));
            for (int64_t k = 0; k < c.K; ++k) {
                C a = C(element<T>(c.a, batch, i, k));
                for (int64_t j = 0; j < c.N; ++j) sums[size_t(j)] += a * C(element<T>(c.b, batch, k, j));
            }
            T* row = static_cast<T*>(c.out) + batch * c.out_batch_stride + i * c.out_leading;
            for (int64_t j = 0; j < c.N; ++j) {
                C value = C(c.alpha) * sums[size_t(j)];
                if (c.beta != 0) value += C(c.beta) * C(row[j]);
                if (c.bias) value += C(static_cast<const T*>(c.bias)[j]);
                row[j] = T(activated(value, c.activation));
            }
        }
}

}  // namespace

void library_gemm(const GemmCall& c, const Tensor& out) {
    auto run = [&]<class T>() { emulated::submit(current_stream(out.device().index), [c] { product<T>(c); }); };
    switch (c.dtype) {
        case DType::float32: return run.template operator()<float>();
        case DType::float64: return run.template operator()<double>();
        case DType::float16: return run.template operator()<Half>();
        case DType::bfloat16: return run.template operator()<BFloat16>();
        case DType::complex64: return run.template operator()<complex64>();
        case DType::complex128: return run.template operator()<complex128>();
        default: raise<NotImplementedError>("matmul: not implemented for '", dtype_long_name(c.dtype), "'");
    }
}

}  // namespace taeda::cuda
