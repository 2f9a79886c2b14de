// Which kernel a matrix product goes to.
#include "kernels/copy.h"
#include "kernels/matmul.h"
#include "kernels/tf32.h"

namespace taeda {

Tf32Switches allow_tf32;

namespace {

// Up to so many multiply-adds, the set-up of a library call costs more than it gains.
constexpr int64_t kSmall = 64 * 64 * 32;
constexpr int64_t kSmallVector = 256;
constexpr int64_t kSmallOnDevice = 16 * 16 * 16;  // for GPUs, where a thread would walk alone along a sum

Tensor transposed(const Tensor& t) {
    Dims sizes = t.sizes(), strides = t.strides();
    size_t n = sizes.size();
    std::swap(sizes[n - 1], sizes[n - 2]);
    std::swap(strides[n - 1], strides[n - 2]);
    return alias(t, sizes, strides, t.offset());
}

void copy(const Tensor& to, const Tensor& from) { copy_kernel(to.device().type, to, from); }

Tensor ready(const Tensor& t) {
    if (gemm_ready(t)) return t;
    Tensor dense = empty_tensor(t.sizes(), t.dtype(), t.device());
    copy(dense, t);
    return dense;
}

bool by_rows(const Tensor& out) {
    int64_t columns = out.size(-1), rows = out.size(-2);
    return (out.stride(-1) == 1 || columns == 1) && (out.stride(-2) >= columns || rows == 1);
}

// The sum over nothing: beta * out.
void scale(const Tensor& out, double beta) {
    if (beta == 0) return fill_kernel(out.device().type, out, Scalar(0.0));
    Dims a_sizes = out.sizes(), b_sizes = out.sizes();
    a_sizes.back() = b_sizes[b_sizes.size() - 2] = 1;
    Tensor a = empty_tensor(a_sizes, out.dtype(), out.device()), b = empty_tensor(b_sizes, out.dtype(), out.device());
    fill_kernel(out.device().type, a, Scalar(0.0));
    fill_kernel(out.device().type, b, Scalar(0.0));
    gemm(out, a, b, beta, 1);
}

bool small(const Tensor& out, int64_t K) {
    if (out.dtype() != DType::float32 && out.dtype() != DType::float64) return false;
    bool vectors = out.dim() == 2 && (out.size(0) == 1 || out.size(1) == 1);
    if (!out.is_cpu()) return out.numel() * K <= kSmallOnDevice && K <= kSmallVector;
    return out.numel() * K <= (vectors ? kSmallVector : kSmall);
}

Tensor vector_of(const Tensor& t, int64_t dim) { return alias(t, {t.size(dim)}, {t.stride(dim)}, t.offset()); }

}  // namespace

void gemm(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    if (out.numel() == 0) return;
    if (a.size(-1) == 0) return scale(out, beta);
    DType dtype = out.dtype();
    DeviceType device = out.device().type;
    if (is_integral(dtype)) return integer_gemm_kernel(device, out, a, b, beta, alpha);
    if (small(out, a.size(-1))) return small_gemm_kernel(device, out, a, b, Tensor(), beta, alpha);
    if (!by_rows(out)) {
        Tensor turned = transposed(out);
        if (by_rows(turned)) return gemm(turned, transposed(b), transposed(a), beta, alpha);
        Tensor dense = empty_tensor(out.sizes(), dtype, out.device());
        if (beta != 0) copy(dense, out);
        gemm(dense, a, b, beta, alpha);
        return copy(out, dense);
    }
    Tensor left = ready(a), right = ready(b);
    bool vectors = out.dim() == 2 && (dtype == DType::float32 || dtype == DType::float64);
    if (vectors && out.size(1) == 1)
        return gemv_kernel(device, vector_of(out, 0), left, vector_of(right, 0), beta, alpha);
    if (vectors && out.size(0) == 1)
        return gemv_kernel(device, vector_of(out, 1), transposed(right), vector_of(left, 1), beta, alpha);
    if (dtype == DType::float64 || is_complex(dtype)) return blas_gemm_kernel(device, out, left, right, beta, alpha);
    gemm_kernel(device, out, left, right, beta, alpha);
}

bool linear(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias, Activation activation) {
    if (out.numel() == 0) return true;
    DType dtype = out.dtype();
    DeviceType device = out.device().type;
    Tensor turned = transposed(w);
    bool is_small = small(out, x.size(1)), done = activation == Activation::none;
    if (bias.defined() && is_small && x.size(1)) {
        small_gemm_kernel(device, out, x, turned, bias, 0, 1);
        return done;
    }
    bool one_pass = dtype == DType::float32 || dtype == DType::bfloat16 || dtype == DType::float16;
    if (bias.defined() && one_pass && out.size(0) > 1 && x.size(1) && by_rows(out)) {
        bool fused = activation != Activation::relu || device != DeviceType::cpu;
        linear_kernel(device, out, ready(x), ready(w), bias, fused ? activation : Activation::none);
        return fused;
    }
    if (bias.defined()) copy(out, alias(bias, out.sizes(), {0, bias.stride(0)}, bias.offset()));
    gemm(out, x, turned, bias.defined(), 1);
    return done;
}

}  // namespace taeda
