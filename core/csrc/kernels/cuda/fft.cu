// Fourier transforms: the library's, brought into the layout it is good at, and the scale.
#include "kernels/fft.h"

#include "kernels/copy.h"
#include "kernels/cuda/fft_library.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

// Up to so many blocks of interleaved transforms are run one by one; more are made contiguous first.
constexpr int64_t kFewBlocks = 8;

template <class T> __global__ void scale_all(T* data, int64_t n, T scale) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x)
        data[i] *= scale;
}

// in (rows, bins) to out: where the sequence is Hermitian, its first number and, for even n, its last are real.
template <class T> __global__ void as_hermitian(device_complex<T>* out, const device_complex<T>* in, int64_t rows,
                                                int64_t bins, bool even) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < rows * bins;
         i += int64_t(gridDim.x) * blockDim.x) {
        int64_t bin = i % bins;
        bool real = bin == 0 || (even && bin == bins - 1);
        out[i] = {in[i].re, real ? T(0) : in[i].im};
    }
}

bool is_double(const Tensor& t) { return real_dtype(t.dtype()) == DType::float64; }

// f.operator()<T>() with the real type.
template <class F> void visit(const Tensor& t, F&& f) {
    if (is_double(t)) f.template operator()<double>();
    else f.template operator()<float>();
}

Grid grid_of(const Tensor& t) { return loop_grid(t.numel(), 2, limits(t.device().index).multiprocessors); }

// All elements of a tensor without gaps, whatever the order of its dimensions.
void multiply(const Tensor& t, double scale) {
    if (scale == 1 || t.numel() == 0) return;
    visit(t, [&]<class T>() {
        int64_t reals = t.numel() * (t.is_complex() ? 2 : 1);
        launch(stream_of(t), scale_all<T>, grid_of(t).blocks, grid_of(t).threads, 0, t.data<T>(), reals, T(scale));
    });
}

void fft_cuda(const Tensor& out, const Tensor& in, bool forward, double scale) {
    if (out.numel() == 0) return;
    int64_t outer = in.size(0), inner = in.size(1), n = in.size(2), bytes = in.item_bytes();
    FftCall call{forward ? FftKind::forward : FftKind::backward,
                 is_double(in),
                 n,
                 inner,
                 in.raw(),
                 out.raw(),
                 inner,
                 1,
                 inner,
                 1};
    if (inner == 1) {
        call.count = outer, call.in_stride = call.out_stride = 1, call.in_distance = call.out_distance = n;
        library_fft(call, out);
    } else if (outer <= kFewBlocks) {
        for (int64_t o = 0; o < outer; ++o) {
            call.in = static_cast<char*>(in.raw()) + o * n * inner * bytes;
            call.out = static_cast<char*>(out.raw()) + o * n * inner * bytes;
            library_fft(call, out);
        }
    } else {
        Tensor dense = empty_tensor(in.sizes(), in.dtype(), in.device());
        copy_kernel(DeviceType::cuda, dense, in);
        library_fft({call.kind, call.doubles, n, outer * inner, dense.raw(), dense.raw(), 1, n, 1, n}, out);
        copy_kernel(DeviceType::cuda, out, dense);
    }
    multiply(out, scale);
}

void real_fft_cuda(const Tensor& out, const Tensor& in, double scale) {
    if (out.numel() == 0) return;
    int64_t n = in.size(-1), bins = n / 2 + 1;
    library_fft({FftKind::real, is_double(in), n, in.numel() / n, in.raw(), out.raw(), 1, n, 1, bins}, out);
    multiply(out, scale);
}

void inverse_real_fft_cuda(const Tensor& out, const Tensor& in, double scale) {
    if (out.numel() == 0) return;
    int64_t n = out.size(-1), bins = in.size(-1), rows = in.numel() / bins;
    Workspace copy(size_t(in.numel() * in.item_bytes()), in);  // the library may overwrite what it reads
    visit(in, [&]<class T>() {
        using C = device_complex<T>;
        launch(stream_of(in), as_hermitian<T>, grid_of(in).blocks, grid_of(in).threads, 0, copy.as<C>(), in.data<C>(),
               rows, bins, n % 2 == 0);
    });
    library_fft({FftKind::inverse_real, is_double(in), n, rows, copy.as<void>(), out.raw(), 1, bins, 1, n}, out);
    multiply(out, scale);
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, fft, cuda::fft_cuda)
TAEDA_REGISTER(cuda, real_fft, cuda::real_fft_cuda)
TAEDA_REGISTER(cuda, inverse_real_fft, cuda::inverse_real_fft_cuda)
}  // namespace taeda
