// OpenBLAS's LAPACK routines as overloads of one C++ name per routine. Matrices are column-major; workspace is the
// caller's, and `lwork` -1 asks for its size.
#pragma once

#include <cblas.h>

#include "tensor/dtype.h"

namespace taeda::lapack {

using Length = size_t;  // of a Fortran character argument, passed last

// NOLINTBEGIN
#define TAEDA_LAPACK_BOTH(X) X(s, float) X(d, double) X(c, complex64) X(z, complex128)
#define TAEDA_LAPACK_REAL(X) X(s, float) X(d, double)
#define TAEDA_LAPACK_COMPLEX(X) X(c, complex64, float) X(z, complex128, double)

#define TAEDA_DECLARE(p, T) \
    extern "C" void scipy_##p##getrf_(const int*, const int*, T*, const int*, int*, int*); \
    extern "C" void scipy_##p##getrs_(const char*, const int*, const int*, const T*, const int*, const int*, T*, \
                                      const int*, int*, Length); \
    extern "C" void scipy_##p##potrf_(const char*, const int*, T*, const int*, int*, Length); \
    extern "C" void scipy_##p##trsm_(const char*, const char*, const char*, const char*, const int*, const int*, \
                                     const T*, const T*, const int*, T*, const int*, Length, Length, Length, Length); \
    extern "C" void scipy_##p##geqrf_(const int*, const int*, T*, const int*, T*, T*, const int*, int*); \
    extern "C" void scipy_##p##gels_(const char*, const int*, const int*, const int*, T*, const int*, T*, const int*, \
                                     T*, const int*, int*, Length); \
    extern "C" void scipy_##p##sytrf_(const char*, const int*, T*, const int*, int*, T*, const int*, int*, Length); \
    extern "C" void scipy_##p##sytrs_(const char*, const int*, const int*, const T*, const int*, const int*, T*, \
                                      const int*, int*, Length); \
    inline void getrf(int m, int n, T* a, int lda, int* pivots, int& info) { \
        scipy_##p##getrf_(&m, &n, a, &lda, pivots, &info); \
    } \
    inline void getrs(char t, int n, int k, const T* a, int lda, const int* pivots, T* b, int ldb) { \
        int info; \
        scipy_##p##getrs_(&t, &n, &k, a, &lda, pivots, b, &ldb, &info, 1); \
    } \
    inline void potrf(char uplo, int n, T* a, int lda, int& info) { scipy_##p##potrf_(&uplo, &n, a, &lda, &info, 1); } \
    inline void trsm(char side, char uplo, char diag, int m, int n, const T* a, int lda, T* b, int ldb) { \
        const T one(1); \
        const char plain = 'N'; \
        scipy_##p##trsm_(&side, &uplo, &plain, &diag, &m, &n, &one, a, &lda, b, &ldb, 1, 1, 1, 1); \
    } \
    inline void geqrf(int m, int n, T* a, int lda, T* tau, T* work, int lwork, int& info) { \
        scipy_##p##geqrf_(&m, &n, a, &lda, tau, work, &lwork, &info); \
    } \
    inline void gels(int m, int n, int k, T* a, int lda, T* b, int ldb, T* work, int lwork, int& info) { \
        const char plain = 'N'; \
        scipy_##p##gels_(&plain, &m, &n, &k, a, &lda, b, &ldb, work, &lwork, &info, 1); \
    } \
    inline void sytrf(T* a, int n, int* pivots, T* work, int lwork, int& info) { \
        const char lower = 'L'; \
        scipy_##p##sytrf_(&lower, &n, a, &n, pivots, work, &lwork, &info, 1); \
    } \
    inline void sytrs(int n, int k, const T* a, const int* pivots, T* b, int& info) { \
        const char lower = 'L'; \
        scipy_##p##sytrs_(&lower, &n, &k, a, &n, pivots, b, &n, &info, 1); \
    }
TAEDA_LAPACK_BOTH(TAEDA_DECLARE)
#undef TAEDA_DECLARE

#define TAEDA_DECLARE(p, T) \
    extern "C" void scipy_##p##orgqr_(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*, \
                                      int*); \
    extern "C" void scipy_##p##ormqr_(const char*, const char*, const int*, const int*, const int*, const T*, \
                                      const int*, const T*, T*, const int*, T*, const int*, int*, Length, Length); \
    extern "C" void scipy_##p##gesdd_(const char*, const int*, const int*, T*, const int*, T*, T*, const int*, T*, \
                                      const int*, T*, const int*, int*, int*, Length); \
    extern "C" void scipy_##p##syevd_(const char*, const char*, const int*, T*, const int*, T*, T*, const int*, int*, \
                                      const int*, int*, Length, Length); \
    extern "C" void scipy_##p##geev_(const char*, const char*, const int*, T*, const int*, T*, T*, T*, const int*, T*, \
                                     const int*, T*, const int*, int*, Length, Length); \
    extern "C" void scipy_##p##gelsd_(const int*, const int*, const int*, T*, const int*, T*, const int*, T*, \
                                      const T*, int*, T*, const int*, int*, int*); \
    extern "C" void scipy_##p##gelss_(const int*, const int*, const int*, T*, const int*, T*, const int*, T*, \
                                      const T*, int*, T*, const int*, int*); \
    extern "C" void scipy_##p##gelsy_(const int*, const int*, const int*, T*, const int*, T*, const int*, int*, \
                                      const T*, int*, T*, const int*, int*); \
    inline void gqr(int m, int n, int k, T* a, int lda, const T* tau, T* work, int lwork, int& info) { \
        scipy_##p##orgqr_(&m, &n, &k, a, &lda, tau, work, &lwork, &info); \
    } \
    inline void mqr(char side, bool adjoint, int m, int n, int k, const T* a, int lda, const T* tau, T* c, T* work, \
                    int lwork, int& info) { \
        const char how = adjoint ? 'T' : 'N'; \
        scipy_##p##ormqr_(&side, &how, &m, &n, &k, a, &lda, tau, c, &m, work, &lwork, &info, 1, 1); \
    } \
    inline void gesdd(char job, int m, int n, T* a, T* s, T* u, int ldu, T* vh, int ldvh, T* work, int lwork, T*, \
                      int* iwork, int& info) { \
        scipy_##p##gesdd_(&job, &m, &n, a, &m, s, u, &ldu, vh, &ldvh, work, &lwork, iwork, &info, 1); \
    } \
    inline void evd(char job, char uplo, int n, T* a, T* w, T* work, int lwork, T*, int, int* iwork, int liwork, \
                    int& info) { \
        scipy_##p##syevd_(&job, &uplo, &n, a, &n, w, work, &lwork, iwork, &liwork, &info, 1, 1); \
    } \
    inline void geev(char job, int n, T* a, T* wr, T* wi, T* v, T* work, int lwork, T*, int& info) { \
        const char none = 'N'; \
        const int one = 1; \
        scipy_##p##geev_(&none, &job, &n, a, &n, wr, wi, nullptr, &one, v, &n, work, &lwork, &info, 1, 1); \
    } \
    inline void gelsd(int m, int n, int k, T* a, T* b, int ldb, T* s, T rcond, int& rank, T* work, int lwork, T*, \
                      int* iwork, int& info) { \
        scipy_##p##gelsd_(&m, &n, &k, a, &m, b, &ldb, s, &rcond, &rank, work, &lwork, iwork, &info); \
    } \
    inline void gelss(int m, int n, int k, T* a, T* b, int ldb, T* s, T rcond, int& rank, T* work, int lwork, T*, \
                      int& info) { \
        scipy_##p##gelss_(&m, &n, &k, a, &m, b, &ldb, s, &rcond, &rank, work, &lwork, &info); \
    } \
    inline void gelsy(int m, int n, int k, T* a, T* b, int ldb, int* order, T rcond, int& rank, T* work, int lwork, \
                      T*, int& info) { \
        scipy_##p##gelsy_(&m, &n, &k, a, &m, b, &ldb, order, &rcond, &rank, work, &lwork, &info); \
    } \
    inline void hetrf(T* a, int n, int* pivots, T* work, int lwork, int& info) { \
        sytrf(a, n, pivots, work, lwork, info); \
    } \
    inline void hetrs(int n, int k, const T* a, const int* pivots, T* b, int& info) { sytrs(n, k, a, pivots, b, info); }
TAEDA_LAPACK_REAL(TAEDA_DECLARE)
#undef TAEDA_DECLARE

#define TAEDA_DECLARE(p, T, R) \
    extern "C" void scipy_##p##ungqr_(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*, \
                                      int*); \
    extern "C" void scipy_##p##unmqr_(const char*, const char*, const int*, const int*, const int*, const T*, \
                                      const int*, const T*, T*, const int*, T*, const int*, int*, Length, Length); \
    extern "C" void scipy_##p##gesdd_(const char*, const int*, const int*, T*, const int*, R*, T*, const int*, T*, \
                                      const int*, T*, const int*, R*, int*, int*, Length); \
    extern "C" void scipy_##p##heevd_(const char*, const char*, const int*, T*, const int*, R*, T*, const int*, R*, \
                                      const int*, int*, const int*, int*, Length, Length); \
    extern "C" void scipy_##p##geev_(const char*, const char*, const int*, T*, const int*, T*, T*, const int*, T*, \
                                     const int*, T*, const int*, R*, int*, Length, Length); \
    extern "C" void scipy_##p##gelsd_(const int*, const int*, const int*, T*, const int*, T*, const int*, R*, \
                                      const R*, int*, T*, const int*, R*, int*, int*); \
    extern "C" void scipy_##p##gelss_(const int*, const int*, const int*, T*, const int*, T*, const int*, R*, \
                                      const R*, int*, T*, const int*, R*, int*); \
    extern "C" void scipy_##p##gelsy_(const int*, const int*, const int*, T*, const int*, T*, const int*, int*, \
                                      const R*, int*, T*, const int*, R*, int*); \
    extern "C" void scipy_##p##hetrf_(const char*, const int*, T*, const int*, int*, T*, const int*, int*, Length); \
    extern "C" void scipy_##p##hetrs_(const char*, const int*, const int*, const T*, const int*, const int*, T*, \
                                      const int*, int*, Length); \
    inline void gqr(int m, int n, int k, T* a, int lda, const T* tau, T* work, int lwork, int& info) { \
        scipy_##p##ungqr_(&m, &n, &k, a, &lda, tau, work, &lwork, &info); \
    } \
    inline void mqr(char side, bool adjoint, int m, int n, int k, const T* a, int lda, const T* tau, T* c, T* work, \
                    int lwork, int& info) { \
        const char how = adjoint ? 'C' : 'N'; \
        scipy_##p##unmqr_(&side, &how, &m, &n, &k, a, &lda, tau, c, &m, work, &lwork, &info, 1, 1); \
    } \
    inline void gesdd(char job, int m, int n, T* a, R* s, T* u, int ldu, T* vh, int ldvh, T* work, int lwork, \
                      R* rwork, int* iwork, int& info) { \
        scipy_##p##gesdd_(&job, &m, &n, a, &m, s, u, &ldu, vh, &ldvh, work, &lwork, rwork, iwork, &info, 1); \
    } \
    inline void evd(char job, char uplo, int n, T* a, R* w, T* work, int lwork, R* rwork, int lrwork, int* iwork, \
                    int liwork, int& info) { \
        scipy_##p##heevd_(&job, &uplo, &n, a, &n, w, work, &lwork, rwork, &lrwork, iwork, &liwork, &info, 1, 1); \
    } \
    inline void geev(char job, int n, T* a, T* w, T*, T* v, T* work, int lwork, R* rwork, int& info) { \
        const char none = 'N'; \
        const int one = 1; \
        scipy_##p##geev_(&none, &job, &n, a, &n, w, nullptr, &one, v, &n, work, &lwork, rwork, &info, 1, 1); \
    } \
    inline void gelsd(int m, int n, int k, T* a, T* b, int ldb, R* s, R rcond, int& rank, T* work, int lwork, \
                      R* rwork, int* iwork, int& info) { \
        scipy_##p##gelsd_(&m, &n, &k, a, &m, b, &ldb, s, &rcond, &rank, work, &lwork, rwork, iwork, &info); \
    } \
    inline void gelss(int m, int n, int k, T* a, T* b, int ldb, R* s, R rcond, int& rank, T* work, int lwork, \
                      R* rwork, int& info) { \
        scipy_##p##gelss_(&m, &n, &k, a, &m, b, &ldb, s, &rcond, &rank, work, &lwork, rwork, &info); \
    } \
    inline void gelsy(int m, int n, int k, T* a, T* b, int ldb, int* order, R rcond, int& rank, T* work, int lwork, \
                      R* rwork, int& info) { \
        scipy_##p##gelsy_(&m, &n, &k, a, &m, b, &ldb, order, &rcond, &rank, work, &lwork, rwork, &info); \
    } \
    inline void hetrf(T* a, int n, int* pivots, T* work, int lwork, int& info) { \
        const char lower = 'L'; \
        scipy_##p##hetrf_(&lower, &n, a, &n, pivots, work, &lwork, &info, 1); \
    } \
    inline void hetrs(int n, int k, const T* a, const int* pivots, T* b, int& info) { \
        const char lower = 'L'; \
        scipy_##p##hetrs_(&lower, &n, &k, a, &n, pivots, b, &n, &info, 1); \
    }
TAEDA_LAPACK_COMPLEX(TAEDA_DECLARE)
#undef TAEDA_DECLARE
// NOLINTEND

}  // namespace taeda::lapack
