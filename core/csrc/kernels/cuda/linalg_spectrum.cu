// Eigenvalues of Hermitian matrices and singular values by Jacobi's rotations. One block a matrix; a sweep rotates every
// pair of columns once, in rounds of disjoint pairs (Brent and Luk 1985).
#include "kernels/cuda/matrix.h"
#include "kernels/linalg.h"

namespace taeda::cuda {

namespace {

constexpr int kSweeps = 60;  // at most; ten or so are usual

struct Pair {
    int64_t p, q;  // p < q; or q < 0: nothing to do
};
// Pair `i` of round `round` of a tournament among n columns: rounds are players - 1, and pairs players / 2 a round.
__device__ int64_t players(int64_t n) { return n + n % 2; }
__device__ Pair pair_of(int64_t n, int64_t round, int64_t i) {
    int64_t ring = players(n) - 1;
    int64_t one = (round + i) % ring, other = i ? (round - i + ring) % ring : ring;
    if (one >= n || other >= n) return {-1, -1};
    return one < other ? Pair{one, other} : Pair{other, one};
}

// Columns p and q become c p - s conj(phase) q and s p + c conj(phase) q; that makes (p^H p, p^H q; ..., q^H q) diagonal.
template <class T> struct Rotation {
    Real<T> c = 1, s = 0;
    T phase = T(1);

    __device__ static Rotation of(Real<T> pp, Real<T> qq, T pq) {
        Rotation r;
        Real<T> size = modulus(pq);
        if (size == 0) return r;
        r.phase = pq / T(size);
        Real<T> tau = (qq - pp) / (2 * size), t = 1 / (std::abs(tau) + std::sqrt(1 + tau * tau));
        if (tau < 0) t = -t;
        r.c = 1 / std::sqrt(1 + t * t), r.s = t * r.c;
        return r;
    }
    __device__ void apply(T& p, T& q, T unit) const {
        T old = p, turned = unit * q;
        p = T(c) * old - T(s) * turned;
        q = T(s) * old + T(c) * turned;
    }
    __device__ void to_columns(T& p, T& q) const { apply(p, q, conjugate(phase)); }
    __device__ void to_rows(T& p, T& q) const { apply(p, q, phase); }
};

template <class T> __device__ Real<T> squares_off_diagonal(const Matrix<T>& a) {
    Real<T> own = 0;
    each_place(0, a.rows, 0, a.columns,
               [&](int64_t i, int64_t j) { own += i == j ? Real<T>(0) : squared_size(a(i, j)); });
    return sum_of_block(own);
}

// How many of n numbers come before number i in ascending order.
template <class R> __device__ int64_t rank_of(const R* numbers, int64_t n, int64_t i) {
    int64_t rank = 0;
    for (int64_t j = 0; j < n; ++j) rank += numbers[j] < numbers[i] || (numbers[j] == numbers[i] && j < i);
    return rank;
}

// Memory of a matrix in a workspace, part by part.
class Parts {
public:
    __device__ Parts(char* workspace, size_t bytes) : next_(workspace + blockIdx.x * bytes) {}
    template <class E> __device__ E* take(int64_t count) {
        E* part = reinterpret_cast<E*>(next_);
        next_ += (size_t(count) * sizeof(E) + 15) / 16 * 16;
        return part;
    }

private:
    char* next_;
};

// vectors: whether the eigenvectors replace the matrix.
template <class T> __global__ void eigh(Matrix<T> batch, Real<T>* all_w, int32_t* info, bool vectors, bool upper,
                                        char* workspace, size_t bytes) {
    using R = Real<T>;
    Matrix<T> a = batch.of_batch(blockIdx.x);
    int64_t n = a.rows, pairs = players(n) / 2;
    Parts parts(workspace, bytes);
    Matrix<T> v{parts.take<T>(n * n), n, n};
    auto* rotations = parts.take<Rotation<T>>(pairs);
    R* diagonal = parts.take<R>(n);
    each_place(0, n, 0, n, [&](int64_t i, int64_t j) {
        v(i, j) = T(i == j ? 1 : 0);
        if (i == j) a(i, j) = T(real_of(a(i, j)));
        else if (upper ? i < j : i > j) a(j, i) = conjugate(a(i, j));
    });
    __syncthreads();
    R total = 0, own = 0;
    each_in_block(0, n, [&](int64_t i) { own += squared_size(a(i, i)); });
    total = sum_of_block(own) + squares_off_diagonal(a);
    // What rounding leaves in n rows.
    R bound = 4 * R(n) * total * std::numeric_limits<R>::epsilon() * std::numeric_limits<R>::epsilon();
    bool done = false;
    for (int sweep = 0; sweep < kSweeps && !done; ++sweep) {
        done = squares_off_diagonal(a) <= bound;
        for (int64_t round = 0; round + 1 < players(n) && !done; ++round) {
            __syncthreads();
            each_in_block(0, pairs, [&](int64_t i) {
                Pair k = pair_of(n, round, i);
                if (k.q >= 0) rotations[i] = Rotation<T>::of(real_of(a(k.p, k.p)), real_of(a(k.q, k.q)), a(k.p, k.q));
            });
            __syncthreads();
            each_place(0, n, 0, pairs, [&](int64_t row, int64_t i) {
                Pair k = pair_of(n, round, i);
                if (k.q < 0) return;
                rotations[i].to_columns(a(row, k.p), a(row, k.q));
                if (vectors) rotations[i].to_columns(v(row, k.p), v(row, k.q));
            });
            __syncthreads();
            each_place(0, pairs, 0, n, [&](int64_t i, int64_t column) {
                Pair k = pair_of(n, round, i);
                if (k.q >= 0) rotations[i].to_rows(a(k.p, column), a(k.q, column));
            });
            __syncthreads();
        }
    }
    each_in_block(0, n, [&](int64_t i) { diagonal[i] = real_of(a(i, i)); });
    __syncthreads();
    each_in_block(0, n, [&](int64_t i) { all_w[blockIdx.x * n + rank_of(diagonal, n, i)] = diagonal[i]; });
    if (vectors) each_place(0, n, 0, n, [&](int64_t row, int64_t i) { a(row, rank_of(diagonal, n, i)) = v(row, i); });
    if (threadIdx.x == 0) info[blockIdx.x] = done || n == 0 ? 0 : int32_t(n);
}

// Rotates columns of w (and of v alike) until all are orthogonal; whether that was reached.
template <class T> __device__ bool make_orthogonal(const Matrix<T>& w, const Matrix<T>& v) {
    using R = Real<T>;
    int64_t n = w.columns;
    int lane = int(threadIdx.x) % 32;
    R bound = std::numeric_limits<R>::epsilon() * std::sqrt(R(w.rows));
    R nothing = std::numeric_limits<R>::min() / std::numeric_limits<R>::epsilon();  // squares below have lost digits
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
        int turned = 0;
        for (int64_t round = 0; round + 1 < players(n); ++round) {
            each_for_warps(0, players(n) / 2, [&](int64_t i) {
                Pair k = pair_of(n, round, i);
                if (k.q < 0) return;
                R pp = 0, qq = 0;
                T pq(0);
                for (int64_t row = lane; row < w.rows; row += 32) {
                    pp += squared_size(w(row, k.p)), qq += squared_size(w(row, k.q));
                    pq += conjugate(w(row, k.p)) * w(row, k.q);
                }
                pp = sum_of_warp(pp), qq = sum_of_warp(qq), pq = sum_of_warp(pq);
                if (!(modulus(pq) > bound * std::sqrt(pp) * std::sqrt(qq)) || pp < nothing || qq < nothing) return;
                turned = 1;
                auto rotation = Rotation<T>::of(pp, qq, pq);
                for (int64_t row = lane; row < w.rows; row += 32) rotation.to_columns(w(row, k.p), w(row, k.q));
                for (int64_t row = lane; row < n; row += 32) rotation.to_columns(v(row, k.p), v(row, k.q));
            });
            __syncthreads();
        }
        if (!__syncthreads_or(turned)) return true;
    }
    return false;
}

// Fills columns of q that are zero so that all are orthonormal, from the unit vectors that lie furthest from the others.
template <class T> __device__ void complete_basis(const Matrix<T>& q, const Real<T>* sizes, int64_t given) {
    using R = Real<T>;
    __shared__ R rests[kMatrixThreads];
    __shared__ int64_t rows[kMatrixThreads];
    for (int64_t column = 0; column < q.columns; ++column) {
        if (column < given && sizes[column] != 0) continue;
        R best = -1;
        int64_t at = 0;
        each_in_block(0, q.rows, [&](int64_t i) {
            R rest = 1;
            for (int64_t j = 0; j < q.columns; ++j) rest -= squared_size(q(i, j));
            if (rest > best) best = rest, at = i;
        });
        rests[threadIdx.x] = best, rows[threadIdx.x] = at;
        __syncthreads();
        for (int t = 0; t < kMatrixThreads; ++t)
            if (rests[t] > best || (rests[t] == best && rows[t] < at)) best = rests[t], at = rows[t];
        __syncthreads();
        each_in_block(0, q.rows, [&](int64_t i) { q(i, column) = T(i == at ? 1 : 0); });
        __syncthreads();
        for (int pass = 0; pass < 2; ++pass)  // the second takes out what rounding left
            for (int64_t j = 0; j < q.columns; ++j) {
                if (j == column) continue;
                T own(0);
                each_in_block(0, q.rows, [&](int64_t i) { own += conjugate(q(i, j)) * q(i, column); });
                T dot = sum_of_block(own);
                each_in_block(0, q.rows, [&](int64_t i) { q(i, column) -= dot * q(i, j); });
                __syncthreads();
            }
        R own = 0;
        each_in_block(0, q.rows, [&](int64_t i) { own += squared_size(q(i, column)); });
        R scale = 1 / std::sqrt(sum_of_block(own));
        each_in_block(0, q.rows, [&](int64_t i) { q(i, column) = q(i, column) * T(scale); });
        __syncthreads();
    }
}

// The sides of a matrix, or of its adjoint where it is wider than high: `across` >= `along`. basis: columns of the long
// side's basis, none if only the values are wanted.
struct Sides {
    int64_t across, along, basis;
    bool adjoint;
};

template <class T> __global__ void svd(Matrix<T> all_a, Matrix<T> all_u, Real<T>* all_s, Matrix<T> all_vh,
                                       int32_t* info, Sides sides, char* workspace, size_t bytes) {
    using R = Real<T>;
    Matrix<T> a = all_a.of_batch(blockIdx.x);
    int64_t along = sides.along;
    Parts parts(workspace, bytes);
    Matrix<T> w{parts.take<T>(sides.across * along), sides.across, along},
        v{parts.take<T>(along * along), along, along};
    Matrix<T> q{parts.take<T>(sides.across * sides.basis), sides.across, sides.basis};
    R *sizes = parts.take<R>(along), *negated = parts.take<R>(along), *s = all_s + blockIdx.x * along;
    each_place(0, w.rows, 0, along,
               [&](int64_t i, int64_t j) { w(i, j) = sides.adjoint ? conjugate(a(j, i)) : a(i, j); });
    each_place(0, along, 0, along, [&](int64_t i, int64_t j) { v(i, j) = T(i == j ? 1 : 0); });
    each_place(0, q.rows, 0, q.columns, [&](int64_t i, int64_t j) { q(i, j) = T(0); });
    __syncthreads();
    bool good = make_orthogonal(w, v);
    if (threadIdx.x == 0) info[blockIdx.x] = good ? 0 : 1;
    each_for_warps(0, along, [&](int64_t j) {
        R sum = 0;
        for (int64_t i = threadIdx.x % 32; i < w.rows; i += 32) sum += squared_size(w(i, j));
        negated[j] = -std::sqrt(sum_of_warp(sum));
    });
    __syncthreads();
    // What is lost in rounding has no direction.
    R largest = 0;
    for (int64_t j = 0; j < along; ++j) largest = -negated[j] > largest ? -negated[j] : largest;
    R nothing = largest * std::numeric_limits<R>::epsilon() * R(sides.across);
    each_in_block(0, along, [&](int64_t j) {
        int64_t rank = rank_of(negated, along, j);
        s[rank] = -negated[j];
        sizes[rank] = -negated[j] > nothing ? -negated[j] : R(0);
    });
    if (!sides.basis) return;
    __syncthreads();
    each_place(0, w.rows, 0, along, [&](int64_t i, int64_t j) {
        int64_t rank = rank_of(negated, along, j);
        if (sizes[rank] != 0) q(i, rank) = w(i, j) * T(1 / sizes[rank]);
    });
    __syncthreads();
    complete_basis(q, sizes, along);
    Matrix<T> u = all_u.of_batch(blockIdx.x), vh = all_vh.of_batch(blockIdx.x);
    each_place(0, q.rows, 0, q.columns, [&](int64_t i, int64_t j) {
        if (sides.adjoint) vh(j, i) = conjugate(q(i, j));
        else u(i, j) = q(i, j);
    });
    each_place(0, along, 0, along, [&](int64_t i, int64_t j) {
        int64_t rank = rank_of(negated, along, j);
        if (sides.adjoint) u(i, rank) = v(i, j);
        else vh(rank, i) = conjugate(v(i, j));
    });
}

size_t part_bytes(int64_t count, size_t each) { return (size_t(count) * each + 15) / 16 * 16; }

void eigh_cuda(const Tensor& a, const Tensor& w, const Tensor& info, bool vectors, bool upper) {
    visit_linalg(a.dtype(), "eigh", [&]<class T>() {
        int64_t n = a.size(1);
        size_t bytes = part_bytes(n * n, sizeof(T)) + part_bytes((n + 1) / 2, sizeof(Rotation<T>)) +
                       part_bytes(n, sizeof(Real<T>));
        Workspace workspace(bytes * size_t(a.size(0)), a);
        launch_batch(a, a.size(0), eigh<T>, matrix_of<T>(a), w.data<Real<T>>(), info.data<int32_t>(), vectors, upper,
                     workspace.as<char>(), bytes);
    });
}

void svd_cuda(const Tensor& a, const Tensor& u, const Tensor& s, const Tensor& vh, const Tensor& info) {
    visit_linalg(a.dtype(), "svd", [&]<class T>() {
        int64_t m = a.size(1), n = a.size(2);
        Sides sides{std::max(m, n), std::min(m, n), 0, m < n};
        if (u.defined()) sides.basis = sides.adjoint ? vh.size(1) : u.size(2);
        size_t bytes = part_bytes(sides.across * sides.along, sizeof(T)) +
                       part_bytes(sides.along * sides.along, sizeof(T)) +
                       part_bytes(sides.across * sides.basis, sizeof(T)) + 2 * part_bytes(sides.along, sizeof(Real<T>));
        Workspace workspace(bytes * size_t(a.size(0)), a);
        launch_batch(a, a.size(0), svd<T>, matrix_of<T>(a), u.defined() ? matrix_of<T>(u) : Matrix<T>{},
                     s.data<Real<T>>(), u.defined() ? matrix_of<T>(vh) : Matrix<T>{}, info.data<int32_t>(), sides,
                     workspace.as<char>(), bytes);
    });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, eigh, cuda::eigh_cuda)
TAEDA_REGISTER(cuda, svd, cuda::svd_cuda)
}  // namespace taeda
