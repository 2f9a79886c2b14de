// Matrix products too small for a library call, on one thread: blocks of rows times panels of columns in
// registers.
#include <vector>

#include "kernels/cpu/small_gemm.h"
#include "kernels/matmul.h"

namespace taeda {
namespace {

using cpu::Epilogue;
using cpu::Strided;

template <class T> Strided<T> matrix(const Tensor& t) { return {t.data<T>(), t.stride(-2), t.stride(-1)}; }

template <class T>
void typed(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta, double alpha) {
    Epilogue<T> e{T(beta), T(alpha), bias.defined() ? bias.data<T>() : nullptr};
    Strided<T> o = matrix<T>(out);
    Strided<const T> pa = matrix<const T>(a), pb = matrix<const T>(b);
    int64_t M = out.size(-2), N = out.size(-1), K = a.size(-1), batches = out.dim() == 3 ? out.size(0) : 1;
    for (int64_t i = 0; i < batches; ++i) {
        cpu::product(o, pa, pb, M, N, K, e);
        if (batches > 1) o.data += out.stride(0), pa.data += a.stride(0), pb.data += b.stride(0);
    }
}

void small_gemm_cpu(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta,
                    double alpha) {
    (out.dtype() == DType::float64 ? typed<double> : typed<float>)(out, a, b, bias, beta, alpha);
}

void integer_gemm_cpu(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    visit_real(out.dtype(), "matmul", [&]<class T>() {
        if constexpr (std::is_integral_v<T>) {
            using U = std::make_unsigned_t<T>;  // wraps without undefined behaviour
            Strided<T> o = matrix<T>(out);
            Strided<const T> pa = matrix<const T>(a), pb = matrix<const T>(b);
            const U scale_out = U(int64_t(beta)), scale = U(int64_t(alpha));
            std::vector<U> row(size_t(out.size(-1)));
            for (int64_t batch = 0; batch < (out.dim() == 3 ? out.size(0) : 1); ++batch) {
                for (int64_t i = 0; i < out.size(-2); ++i) {
                    std::fill(row.begin(), row.end(), U(0));
                    for (int64_t k = 0; k < a.size(-1); ++k) {
                        U aik = U(pa.at(i, k));
                        for (size_t j = 0; j < row.size(); ++j) row[j] = U(row[j] + aik * U(pb.at(k, int64_t(j))));
                    }
                    for (size_t j = 0; j < row.size(); ++j) {
                        T& to = o.at(i, int64_t(j));
                        to = T(U(row[j] * scale + (beta != 0 ? U(U(to) * scale_out) : U(0))));
                    }
                }
                if (out.dim() == 3) o.data += out.stride(0), pa.data += a.stride(0), pb.data += b.stride(0);
            }
        }
    });
}

}  // namespace

TAEDA_REGISTER(cpu, small_gemm, small_gemm_cpu)
TAEDA_REGISTER(cpu, integer_gemm, integer_gemm_cpu)

}  // namespace taeda
