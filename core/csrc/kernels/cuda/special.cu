#include "kernels/special.h"

#include "kernels/cuda/bessel.h"
#include "kernels/cuda/indexing.h"
#include "kernels/incomplete_gamma.h"

namespace taeda::cuda {
namespace {

__device__ inline double value(SpecialFunction function, double x) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    switch (function) {
        case SpecialFunction::bessel_j0: return ::j0(x);
        case SpecialFunction::bessel_j1: return ::j1(x);
        case SpecialFunction::bessel_y0: return x < 0 ? nan : ::y0(x);
        case SpecialFunction::bessel_y1: return x < 0 ? nan : ::y1(x);
        case SpecialFunction::k0: return std::exp(-x) * scaled_bessel_k(0, x);
        case SpecialFunction::k1: return std::exp(-x) * scaled_bessel_k(1, x);
        case SpecialFunction::scaled_k0: return scaled_bessel_k(0, x);
        case SpecialFunction::scaled_k1: return scaled_bessel_k(1, x);
        case SpecialFunction::airy_ai: return airy_ai(x);
    }
    return nan;
}

template <class T> __global__ void special_elements(T* out, const T* x, int64_t n, SpecialFunction function) {
    TAEDA_GRID_LOOP(i, n) { out[i] = T(value(function, double(x[i]))); }
}

template <class T> __global__ void gamma_elements(T* out, const T* a, const T* x, int64_t n, bool upper) {
    TAEDA_GRID_LOOP(i, n) { out[i] = T(incomplete_gamma_value(double(a[i]), double(x[i]), upper)); }
}

// f.operator()<T>() for float32 and float64.
template <class F> void visit_wide(DType dtype, F&& f) {
    if (dtype == DType::float64) f.template operator()<double>();
    else f.template operator()<float>();
}

void special_cuda(const Tensor& out, const Tensor& x, SpecialFunction function) {
    const Grid grid = grid_for(out.numel(), 1, out);
    visit_wide(out.dtype(), [&]<class T>() {
        launch(stream_of(out), special_elements<T>, grid.blocks, grid.threads, 0, out.data<T>(), x.data<T>(),
               out.numel(), function);
    });
}

void incomplete_gamma_cuda(const Tensor& out, const Tensor& a, const Tensor& x, bool upper) {
    const Grid grid = grid_for(out.numel(), 1, out);
    visit_wide(out.dtype(), [&]<class T>() {
        launch(stream_of(out), gamma_elements<T>, grid.blocks, grid.threads, 0, out.data<T>(), a.data<T>(), x.data<T>(),
               out.numel(), upper);
    });
}

}  // namespace

TAEDA_REGISTER(cuda, special, special_cuda)
TAEDA_REGISTER(cuda, incomplete_gamma, incomplete_gamma_cuda)

}  // namespace taeda::cuda
