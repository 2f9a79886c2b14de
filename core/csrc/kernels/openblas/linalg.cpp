// Dense linear algebra through OpenBLAS's LAPACK, each call of it on one thread. Batches are shared out to threads, and
// of large matrices the columns, in pieces of a fixed width.
#include "kernels/linalg.h"

#include <cblas.h>

#include "kernels/cpu/parallel.h"
#include "kernels/openblas/lapack.h"

namespace taeda {
namespace {

constexpr double kParallelFrom = 32.0 * 32 * 32;  // about the multiply-adds of a batch
constexpr int kColumns = 64;                      // of a large matrix that a thread works on at a time

template <class T> struct RealOf {
    using type = T;
};
template <class R> struct RealOf<std::complex<R>> {
    using type = R;
};
template <class T> using Real = typename RealOf<T>::type;

// Calls f.operator()<T>() for the dtypes that LAPACK has.
template <class F> void typed(DType dtype, const char* op, F&& f) {
    static const bool single_threaded = (scipy_openblas_set_num_threads(1), true);
    (void)single_threaded;
    switch (dtype) {
        case DType::float32: return f.template operator()<float>();
        case DType::float64: return f.template operator()<double>();
        case DType::complex64: return f.template operator()<complex64>();
        case DType::complex128: return f.template operator()<complex128>();
        default: raise<NotImplementedError>(op, ": LAPACK has no routine for '", dtype_long_name(dtype), "'");
    }
}

// How many times the multiply-adds of a factorization in closed form a routine needs, roughly.
constexpr double kDirect = 1, kIterative = 16;

// Calls body(from, to) for pieces of the batch.
template <class F> void shared_out(const Tensor& a, double effort, F&& body) {
    const double rows = double(a.size(1)), columns = double(a.size(2));
    const double each = std::max(1.0, effort * rows * columns * std::min(rows, columns));
    cpu::parallel_for(0, a.size(0), std::max<int64_t>(1, int64_t(kParallelFrom / each)), body);
}

// Calls f(b) for every matrix b of the batch.
template <class F> void each(const Tensor& a, F&& f) {
    shared_out(a, kDirect, [&](int64_t from, int64_t to) {
        for (int64_t b = from; b < to; ++b) f(b);
    });
}

// Calls f(column, count) for pieces of `width` columns, each column of `effort` multiply-adds.
template <class F> void each_columns(int columns, int width, double effort, F&& f) {
    const int pieces = (columns + width - 1) / width;
    const auto grain = int64_t(kParallelFrom / std::max(1.0, effort * width));
    cpu::parallel_for(0, pieces, std::max<int64_t>(1, grain), [&](int64_t from, int64_t to) {
        for (auto i = int(from); i < int(to); ++i) f(i * width, std::min(width, columns - i * width));
    });
}

template <class T> T* matrix(const Tensor& t, int64_t b) { return t.data<T>() + b * t.size(1) * t.size(2); }
template <class T> T* row(const Tensor& t, int64_t b) { return t.data<T>() + b * t.size(1); }
int32_t& status(const Tensor& info, int64_t b) { return info.data<int32_t>()[b]; }
int size(const Tensor& t, int64_t d) { return int(t.size(d)); }

// Calls f(b, work, lwork) for every matrix b of the batch, with the work space that f(0, &best, -1) asks for.
template <class T, class F> void each_with_workspace(const Tensor& a, double effort, F&& f) {
    T best(0);
    f(0, &best, -1);
    const int count = std::max(1, int(std::real(best)));
    shared_out(a, effort, [&](int64_t from, int64_t to) {
        std::vector<T> work(static_cast<size_t>(count));
        for (int64_t b = from; b < to; ++b) f(b, work.data(), count);
    });
}

void lu_factor_openblas(const Tensor& a, const Tensor& pivots, const Tensor& info) {
    typed(a.dtype(), "lu_factor", [&]<class T>() {
        const int m = size(a, 1), n = size(a, 2);
        each(a, [&](int64_t b) {
            lapack::getrf(m, n, matrix<T>(a, b), std::max(m, 1), row<int32_t>(pivots, b), status(info, b));
        });
    });
}

void lu_solve_openblas(const Tensor& lu, const Tensor& pivots, const Tensor& b, char transpose) {
    typed(lu.dtype(), "lu_solve", [&]<class T>() {
        const int n = size(lu, 1), k = size(b, 2);
        each(lu, [&](int64_t i) {
            each_columns(k, kColumns, double(n) * n, [&](int column, int count) {
                lapack::getrs(transpose, n, count, matrix<T>(lu, i), n, row<int32_t>(pivots, i),
                              matrix<T>(b, i) + size_t(column) * size_t(n), n);
            });
        });
    });
}

void cholesky_openblas(const Tensor& a, const Tensor& info, bool upper) {
    typed(a.dtype(), "cholesky", [&]<class T>() {
        const int n = size(a, 1);
        each(a, [&](int64_t b) { lapack::potrf(upper ? 'U' : 'L', n, matrix<T>(a, b), n, status(info, b)); });
    });
}

void triangular_solve_openblas(const Tensor& a, const Tensor& b, bool upper, bool left, bool unit) {
    typed(a.dtype(), "triangular_solve", [&]<class T>() {
        const int n = size(a, 1), m = size(b, 1), k = size(b, 2);
        each(b, [&](int64_t i) {
            auto solve = [&](int column, int count) {
                lapack::trsm(left ? 'L' : 'R', upper ? 'U' : 'L', unit ? 'U' : 'N', m, count, matrix<T>(a, i), n,
                             matrix<T>(b, i) + size_t(column) * size_t(m), m);
            };
            if (left) each_columns(k, kColumns, double(m) * m, solve);
            else solve(0, k);
        });
    });
}

void qr_factor_openblas(const Tensor& a, const Tensor& tau) {
    typed(a.dtype(), "qr", [&]<class T>() {
        const int m = size(a, 1), n = size(a, 2);
        each_with_workspace<T>(a, kDirect, [&](int64_t b, T* work, int lwork) {
            int info;
            lapack::geqrf(m, n, matrix<T>(a, b), m, row<T>(tau, b), work, lwork, info);
        });
    });
}

// The reflectors applied to columns of the identity: those behind a column leave it as it is.
template <class T> void product_by_columns(int m, int n, int k, T* a, const T* tau) {
    const std::vector<T> reflectors(a, a + size_t(m) * size_t(k));
    std::fill_n(a, size_t(m) * size_t(n), T(0));
    for (int j = 0; j < n; ++j) a[size_t(j) * size_t(m) + size_t(j)] = T(1);
    each_columns(n, std::max(kColumns, n / 8), double(m) * k, [&](int column, int count) {
        const int needed = std::min(k, column + count);
        T best(0), *at = a + size_t(column) * size_t(m);
        int info;
        lapack::mqr('L', false, m, count, needed, reflectors.data(), m, tau, at, &best, -1, info);
        std::vector<T> work(size_t(std::real(best)));
        lapack::mqr('L', false, m, count, needed, reflectors.data(), m, tau, at, work.data(), int(work.size()), info);
    });
}

void householder_product_openblas(const Tensor& a, const Tensor& tau) {
    typed(a.dtype(), "householder_product", [&]<class T>() {
        const int m = size(a, 1), n = size(a, 2), k = size(tau, 1);
        each_with_workspace<T>(a, kDirect, [&](int64_t b, T* work, int lwork) {
            int info;
            if (lwork >= 0 && n > kColumns) return product_by_columns(m, n, k, matrix<T>(a, b), row<T>(tau, b));
            lapack::gqr(m, n, k, matrix<T>(a, b), m, row<T>(tau, b), work, lwork, info);
        });
    });
}

void householder_apply_openblas(const Tensor& a, const Tensor& tau, const Tensor& c, bool left, bool adjoint) {
    typed(a.dtype(), "ormqr", [&]<class T>() {
        const int m = size(c, 1), n = size(c, 2), k = size(tau, 1), lda = size(a, 1);
        each_with_workspace<T>(c, kDirect, [&](int64_t b, T* work, int lwork) {
            int info;
            lapack::mqr(left ? 'L' : 'R', adjoint, m, n, k, matrix<T>(a, b), lda, row<T>(tau, b), matrix<T>(c, b), work,
                        lwork, info);
        });
    });
}

void svd_openblas(const Tensor& a, const Tensor& u, const Tensor& s, const Tensor& vh, const Tensor& info) {
    typed(a.dtype(), "svd", [&]<class T>() {
        const int m = size(a, 1), n = size(a, 2), k = std::min(m, n), longest = std::max(m, n);
        const char job = !u.defined() ? 'N' : u.size(2) == m && vh.size(1) == n ? 'A' : 'S';
        const int ldvh = u.defined() ? size(vh, 1) : 1;
        const size_t real_work =
            is_complex_type<T>::value ? size_t(std::max(5 * k * k + 5 * k, 2 * longest * k + 2 * k * k + k)) : 0;
        each_with_workspace<T>(a, kIterative, [&](int64_t b, T* work, int lwork) {
            std::vector<Real<T>> rwork(real_work);
            std::vector<int> iwork(size_t(8 * k));
            lapack::gesdd(job, m, n, matrix<T>(a, b), row<Real<T>>(s, b), u.defined() ? matrix<T>(u, b) : nullptr, m,
                          u.defined() ? matrix<T>(vh, b) : nullptr, ldvh, work, lwork, rwork.data(), iwork.data(),
                          status(info, b));
        });
    });
}

void eigh_openblas(const Tensor& a, const Tensor& w, const Tensor& info, bool vectors, bool upper) {
    typed(a.dtype(), "eigh", [&]<class T>() {
        const int n = size(a, 1), integers = vectors ? 3 + 5 * n : 1;
        const int reals = !is_complex_type<T>::value ? 0 : vectors ? 1 + 5 * n + 2 * n * n : n;
        each_with_workspace<T>(a, kIterative, [&](int64_t b, T* work, int lwork) {
            std::vector<int> iwork(static_cast<size_t>(integers));
            std::vector<Real<T>> rwork(static_cast<size_t>(reals));
            lapack::evd(vectors ? 'V' : 'N', upper ? 'U' : 'L', n, matrix<T>(a, b), row<Real<T>>(w, b), work, lwork,
                        rwork.data(), reals, iwork.data(), integers, status(info, b));
        });
    });
}

// LAPACK packs the eigenvectors of a complex pair into two real columns: real and imaginary part of the first.
template <class R>
void unpack_pairs(int n, const R* wr, const R* wi, const R* packed, std::complex<R>* w, std::complex<R>* v) {
    for (int j = 0; j < n; ++j) w[j] = {wr[j], wi[j]};
    if (!v) return;
    for (int j = 0; j < n; ++j) {
        const bool pair = wi[j] != 0 && j + 1 < n;
        for (int i = 0; i < n; ++i) {
            const R real = packed[j * n + i], imag = pair ? packed[(j + 1) * n + i] : R(0);
            v[j * n + i] = {real, imag};
            if (pair) v[(j + 1) * n + i] = {real, -imag};
        }
        j += pair;
    }
}

void eig_openblas(const Tensor& a, const Tensor& w, const Tensor& v, const Tensor& info) {
    typed(a.dtype(), "eig", [&]<class T>() {
        using Complex = std::complex<Real<T>>;
        const int n = size(a, 1);
        const char job = v.defined() ? 'V' : 'N';
        each_with_workspace<T>(a, kIterative, [&](int64_t b, T* work, int lwork) {
            Complex* vectors = v.defined() ? matrix<Complex>(v, b) : nullptr;
            if constexpr (is_complex_type<T>::value) {
                std::vector<Real<T>> rwork(size_t(2 * n));
                lapack::geev(job, n, matrix<T>(a, b), row<T>(w, b), static_cast<T*>(nullptr), vectors, work, lwork,
                             rwork.data(), status(info, b));
            } else {
                std::vector<T> wr(static_cast<size_t>(n)), wi(static_cast<size_t>(n)),
                    packed(v.defined() ? size_t(n) * size_t(n) : 0);
                lapack::geev(job, n, matrix<T>(a, b), wr.data(), wi.data(), packed.data(), work, lwork,
                             static_cast<T*>(nullptr), status(info, b));
                if (lwork >= 0) unpack_pairs(n, wr.data(), wi.data(), packed.data(), row<Complex>(w, b), vectors);
            }
        });
    });
}

void lstsq_openblas(const Tensor& a, const Tensor& b, const Tensor& s, const Tensor& rank, const Tensor& info,
                    double rcond, const char* driver) {
    typed(a.dtype(), "lstsq", [&]<class T>() {
        using R = Real<T>;
        const int m = size(a, 1), n = size(a, 2), k = size(b, 2), ldb = size(b, 1), shortest = std::min(m, n);
        const std::string which = driver;
        each_with_workspace<T>(a, kIterative, [&](int64_t i, T* work, int lwork) {
            T *pa = matrix<T>(a, i), *pb = matrix<T>(b, i);
            int &state = status(info, i), found = 0;
            // Generous bounds of what LAPACK's documentation asks for: its divide-and-conquer tree has at most 32 levels.
            std::vector<R> rwork(
                is_complex_type<T>::value ? size_t(shortest) * 1200 + size_t(k) * 100 + 2000 + 5 * size_t(n) : 0);
            std::vector<int> iwork(size_t(shortest) * 128 + 1), order(static_cast<size_t>(n));
            if (which == "gels") lapack::gels(m, n, k, pa, m, pb, ldb, work, lwork, state);
            else if (which == "gelsy")
                lapack::gelsy(m, n, k, pa, pb, ldb, order.data(), R(rcond), found, work, lwork, rwork.data(), state);
            else if (which == "gelss")
                lapack::gelss(m, n, k, pa, pb, ldb, row<R>(s, i), R(rcond), found, work, lwork, rwork.data(), state);
            else
                lapack::gelsd(m, n, k, pa, pb, ldb, row<R>(s, i), R(rcond), found, work, lwork, rwork.data(),
                              iwork.data(), state);
            if (rank.defined()) rank.data<int64_t>()[i] = found;
        });
    });
}

void ldl_factor_openblas(const Tensor& a, const Tensor& pivots, const Tensor& info, bool hermitian) {
    typed(a.dtype(), "ldl_factor", [&]<class T>() {
        const int n = size(a, 1);
        each_with_workspace<T>(a, kDirect, [&](int64_t b, T* work, int lwork) {
            if (hermitian) lapack::hetrf(matrix<T>(a, b), n, row<int32_t>(pivots, b), work, lwork, status(info, b));
            else lapack::sytrf(matrix<T>(a, b), n, row<int32_t>(pivots, b), work, lwork, status(info, b));
        });
    });
}

void ldl_solve_openblas(const Tensor& a, const Tensor& pivots, const Tensor& b, bool hermitian) {
    typed(a.dtype(), "ldl_solve", [&]<class T>() {
        const int n = size(a, 1), k = size(b, 2);
        each(a, [&](int64_t i) {
            int info;
            if (hermitian) lapack::hetrs(n, k, matrix<T>(a, i), row<int32_t>(pivots, i), matrix<T>(b, i), info);
            else lapack::sytrs(n, k, matrix<T>(a, i), row<int32_t>(pivots, i), matrix<T>(b, i), info);
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, lu_factor, lu_factor_openblas)
TAEDA_REGISTER(cpu, lu_solve, lu_solve_openblas)
TAEDA_REGISTER(cpu, cholesky, cholesky_openblas)
TAEDA_REGISTER(cpu, triangular_solve, triangular_solve_openblas)
TAEDA_REGISTER(cpu, qr_factor, qr_factor_openblas)
TAEDA_REGISTER(cpu, householder_product, householder_product_openblas)
TAEDA_REGISTER(cpu, householder_apply, householder_apply_openblas)
TAEDA_REGISTER(cpu, svd, svd_openblas)
TAEDA_REGISTER(cpu, eigh, eigh_openblas)
TAEDA_REGISTER(cpu, eig, eig_openblas)
TAEDA_REGISTER(cpu, lstsq, lstsq_openblas)
TAEDA_REGISTER(cpu, ldl_factor, ldl_factor_openblas)
TAEDA_REGISTER(cpu, ldl_solve, ldl_solve_openblas)

}  // namespace taeda
