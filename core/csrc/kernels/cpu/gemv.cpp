// Matrix times vector: bound by memory, so every element of the matrix is read once, in order.
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/matmul.h"
#include "kernels/vec/vec.h"

namespace taeda {
namespace {

template <class T> struct Problem {
    T* out;
    const T *a, *x;  // x contiguous
    int64_t M, K, out_stride, leading;
    T beta, alpha;

    void store(int64_t i, T sum) const {
        T& o = out[i * out_stride];
        o = beta != 0 ? alpha * sum + beta * o : alpha * sum;
    }
};

// Rows contiguous: R dot products at once.
template <class T, int R> void dots(const Problem<T>& p, int64_t i) {
    using V = Vec<T>;
    V sum[R][2];
    for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = V(0);
    const T* row = p.a + i * p.leading;
    int64_t k = 0;
    for (; k + 2 * V::size <= p.K; k += 2 * V::size)
        for (int r = 0; r < R; ++r)
            for (int h = 0; h < 2; ++h)
                sum[r][h] =
                    mul_add(V::load(row + r * p.leading + k + h * V::size), V::load(p.x + k + h * V::size), sum[r][h]);
    for (; k < p.K; k += V::size) {
        int64_t n = std::min<int64_t>(V::size, p.K - k);
        for (int r = 0; r < R; ++r)
            sum[r][0] = mul_add(V::load(row + r * p.leading + k, n), V::load(p.x + k, n), sum[r][0]);
    }
    for (int r = 0; r < R; ++r) p.store(i + r, sum_lanes(sum[r][0] + sum[r][1]));
}

template <class T> void by_rows(const Problem<T>& p) {
    constexpr int kRows = 4;
    cpu::parallel_for(0, p.M, cpu::row_grain(p.K), [&](int64_t from, int64_t to) {
        int64_t i = from;
        for (; i + kRows <= to; i += kRows) dots<T, kRows>(p, i);
        for (; i < to; ++i) dots<T, 1>(p, i);
    });
}

// Columns contiguous: a stretch of sums stays in the first-level cache while eight columns at a time are
// added.
template <class T> void by_columns(const Problem<T>& p) {
    using V = Vec<T>;
    constexpr int64_t kStretch = 2048, kColumns = 8;
    cpu::parallel_for(0, (p.M + V::size - 1) / V::size, cpu::row_grain(p.K * V::size), [&](int64_t from, int64_t to) {
        T sums[kStretch];
        int64_t end = std::min(p.M, to * V::size);
        for (int64_t at = from * V::size; at < end; at += kStretch) {
            int64_t n = std::min(kStretch, end - at);
            std::fill(sums, sums + n, T(0));
            for (int64_t k = 0; k < p.K; k += kColumns) {
                int64_t columns = std::min(kColumns, p.K - k);
                const T* a = p.a + k * p.leading + at;
                int64_t i = 0;
                for (; i + V::size <= n; i += V::size) {
                    V sum = V::load(sums + i);
                    for (int64_t c = 0; c < columns; ++c)
                        sum = mul_add(V::load(a + c * p.leading + i), V(p.x[k + c]), sum);
                    sum.store(sums + i);
                }
                if (i == n) continue;
                V sum = V::load(sums + i, n - i);
                for (int64_t c = 0; c < columns; ++c)
                    sum = mul_add(V::load(a + c * p.leading + i, n - i), V(p.x[k + c]), sum);
                sum.store(sums + i, n - i);
            }
            for (int64_t i = 0; i < n; ++i) p.store(at + i, sums[i]);
        }
    });
}

template <class T> void typed(const Tensor& out, const Tensor& a, const Tensor& x, double beta, double alpha) {
    int64_t M = a.size(0), K = a.size(1);
    std::vector<T> dense;
    const T* px = x.data<T>();
    if (x.stride(0) != 1) {
        dense.resize(size_t(K));
        for (int64_t k = 0; k < K; ++k) dense[size_t(k)] = px[k * x.stride(0)];
        px = dense.data();
    }
    bool rows = a.stride(1) == 1 || K == 1;
    Problem<T> p{out.data<T>(), a.data<T>(), px, M, K, out.stride(0), a.stride(rows ? 0 : 1), T(beta), T(alpha)};
    (rows ? by_rows<T> : by_columns<T>)(p);
}

void gemv_cpu(const Tensor& out, const Tensor& a, const Tensor& x, double beta, double alpha) {
    (out.dtype() == DType::float64 ? typed<double> : typed<float>)(out, a, x, beta, alpha);
}

}  // namespace

TAEDA_REGISTER(cpu, gemv, gemv_cpu)

}  // namespace taeda
