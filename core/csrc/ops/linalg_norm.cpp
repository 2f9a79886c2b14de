// Norms of matrices and what only combines other linear algebra.
#include <cmath>

#include "ops/linalg.h"

namespace taeda::native {

using namespace linalg;

namespace {

struct Pair {
    int64_t row, column;
};
Pair matrix_dims(const Tensor& A, Ints dim, const char* name) {
    check_dtype(A, name);
    TAEDA_CHECK(dim.size() == 2, name, ": dim must be a 2-tuple. Got ", dim);
    Pair p{wrap_dim(dim[0], A.dim()), wrap_dim(dim[1], A.dim())};
    TAEDA_CHECK(p.row != p.column, name, ": dims must be different. Got (", dim[0], ", ", dim[1], ")");
    return p;
}
Tensor with_dtype(const Tensor& t, std::optional<DType> dtype) { return dtype ? ops::to(t, *dtype) : t; }

Tensor keep_both(const Tensor& result, Pair p, bool keepdim) {
    if (!keepdim) return result;
    return ops::unsqueeze(ops::unsqueeze(result, std::min(p.row, p.column)), std::max(p.row, p.column));
}

Tensor singular_values_over(const Tensor& A, Pair p) {
    return ops::linalg_svdvals(ops::movedim(A, Ints{p.row, p.column}, Ints{-2, -1}));
}

}  // namespace

Tensor linalg_matrix_norm(const Tensor& self, const Scalar& ord, Ints dim, bool keepdim, std::optional<DType> dtype) {
    Tensor A = with_dtype(self, dtype);
    TAEDA_CHECK(A.dim() >= 2, "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.");
    Pair p = matrix_dims(A, dim, "linalg.matrix_norm");
    const double order = ord.to_double(), size = std::abs(order);
    TAEDA_CHECK(size == 2 || size == 1 || std::isinf(size), "linalg.matrix_norm: Order ", ord, " not supported.");
    if (size == 2) {
        Tensor S = singular_values_over(A, p);
        return keep_both(order > 0 ? ops::amax(S, Ints{-1}, false) : ops::amin(S, Ints{-1}, false), p, keepdim);
    }
    int64_t first = size == 1 ? p.row : p.column, second = size == 1 ? p.column : p.row;
    Tensor sums = ops::linalg_vector_norm(A, Scalar(1), Ints{first}, true);
    Tensor result = order > 0 ? ops::amax(sums, Ints{second}, true) : ops::amin(sums, Ints{second}, true);
    return keepdim ? result : ops::squeeze(result, Ints{p.row, p.column});
}

Tensor linalg_matrix_norm(const Tensor& self, const std::string& ord, Ints dim, bool keepdim,
                          std::optional<DType> dtype) {
    Tensor A = with_dtype(self, dtype);
    TAEDA_CHECK(A.dim() >= 2, "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.");
    Pair p = matrix_dims(A, dim, "linalg.matrix_norm");
    TAEDA_CHECK(ord == "fro" || ord == "nuc", "linalg.matrix_norm: Order ", ord, " not supported.");
    if (ord == "fro") return ops::linalg_vector_norm(A, Scalar(2), Ints{p.row, p.column}, keepdim);
    return keep_both(ops::sum(singular_values_over(A, p), Ints{-1}, false), p, keepdim);
}

Tensor linalg_norm(const Tensor& self, const std::optional<Scalar>& ord, std::optional<Ints> dim, bool keepdim,
                   std::optional<DType> dtype) {
    TAEDA_CHECK(!dim || dim->size() == 1 || dim->size() == 2,
                "linalg.norm: If dim is specified, it must be of length 1 or 2. Got ", *dim);
    if (!ord) {
        Tensor flat = dim ? self : ops::reshape(self, Ints{-1});
        if (dim) return ops::linalg_vector_norm(self, Scalar(2), dim, keepdim, dtype);
        Tensor result = ops::linalg_vector_norm(flat, Scalar(2), std::nullopt, false, dtype);
        return keepdim ? ops::reshape(result, Dims(size_t(self.dim()), 1)) : result;
    }
    TAEDA_CHECK(dim || self.dim() == 1 || self.dim() == 2,
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ", self.dim(), "D.");
    if (dim ? dim->size() == 2 : self.dim() == 2)
        return ops::linalg_matrix_norm(self, *ord, dim ? *dim : Ints{0, 1}, keepdim, dtype);
    return ops::linalg_vector_norm(self, *ord, dim ? dim : std::optional<Ints>(Ints{0}), keepdim, dtype);
}

Tensor linalg_norm(const Tensor& self, const std::string& ord, std::optional<Ints> dim, bool keepdim,
                   std::optional<DType> dtype) {
    TAEDA_CHECK(!dim || dim->size() == 1 || dim->size() == 2,
                "linalg.norm: If dim is specified, it must be of length 1 or 2. Got ", *dim);
    TAEDA_CHECK(dim || self.dim() == 1 || self.dim() == 2,
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ", self.dim(), "D.");
    Dims both{0, 1};
    return ops::linalg_matrix_norm(self, ord, dim ? *dim : Ints(both), keepdim, dtype);
}

Tensor linalg_cond(const Tensor& self, const std::optional<Scalar>& p) {
    check_matrix(self, "linalg.cond");
    if (!p || std::abs(p->to_double()) == 2) {
        Tensor S = ops::linalg_svdvals(self);
        Tensor largest = ops::amax(S, Ints{-1}, false), smallest = ops::amin(S, Ints{-1}, false);
        return p && p->to_double() < 0 ? smallest / largest : largest / smallest;
    }
    check_square(self, "linalg.cond");
    auto [inverse, info] = ops::linalg_inv_ex(self);
    Tensor result = ops::linalg_matrix_norm(self, *p) * ops::linalg_matrix_norm(inverse, *p);
    return ops::where(info == Scalar(0), result, wrapped_number(Scalar(std::numeric_limits<double>::infinity())));
}

Tensor linalg_cond(const Tensor& self, const std::string& p) {
    check_square(self, "linalg.cond");
    if (p == "nuc") {
        Tensor S = ops::linalg_svdvals(self);
        return ops::sum(S, Ints{-1}, false) * ops::sum(ops::reciprocal(S), Ints{-1}, false);
    }
    TAEDA_CHECK(p == "fro", "linalg.cond got an invalid norm type: ", p, "; expected a number, 'fro' or 'nuc'");
    auto [inverse, info] = ops::linalg_inv_ex(self);
    Tensor result = ops::linalg_matrix_norm(self, p) * ops::linalg_matrix_norm(inverse, p);
    return ops::where(info == Scalar(0), result, wrapped_number(Scalar(std::numeric_limits<double>::infinity())));
}

Tensor linalg_vecdot(const Tensor& x, const Tensor& y, int64_t dim) {
    TAEDA_CHECK(is_differentiable(x.dtype()),
                "linalg.vecdot: Expected a floating point or complex tensor as input. Got ",
                dtype_long_name(x.dtype()));
    return ops::sum(ops::conj(x) * y, Ints{dim}, false);
}

Tensor linalg_diagonal(const Tensor& A, int64_t offset, int64_t dim1, int64_t dim2) {
    return ops::diagonal(A, offset, dim1, dim2);
}

// -- products in the cheapest order ----------------------------------------------------------------------------------------

namespace {

// split[i][j]: where the product of matrices i..j is cut, by dynamic programming over the number of multiplications.
std::vector<std::vector<size_t>> best_splits(const Tensors& matrices) {
    const size_t n = matrices.size();
    std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
    std::vector<std::vector<size_t>> split(n, std::vector<size_t>(n, 0));
    for (size_t length = 1; length < n; ++length)
        for (size_t i = 0; i + length < n; ++i) {
            size_t j = i + length;
            cost[i][j] = std::numeric_limits<double>::infinity();
            for (size_t k = i; k < j; ++k) {
                double c = cost[i][k] + cost[k + 1][j] +
                           double(matrices[i].size(0)) * double(matrices[k].size(1)) * double(matrices[j].size(1));
                if (c < cost[i][j]) {
                    cost[i][j] = c;
                    split[i][j] = k;
                }
            }
        }
    return split;
}

Tensor multiplied(const Tensors& matrices, const std::vector<std::vector<size_t>>& split, size_t i, size_t j) {
    if (i == j) return matrices[i];
    size_t k = split[i][j];
    return ops::mm(multiplied(matrices, split, i, k), multiplied(matrices, split, k + 1, j));
}

}  // namespace

Tensor linalg_multi_dot(TensorList tensors) {
    TAEDA_CHECK(tensors.size() >= 2, "multi_dot(): expected at least 2 tensors but got ", tensors.size());
    Tensors matrices(tensors.begin(), tensors.end());
    const bool row = matrices.front().dim() == 1, column = matrices.back().dim() == 1;
    if (row) matrices.front() = ops::unsqueeze(matrices.front(), 0);
    if (column) matrices.back() = ops::unsqueeze(matrices.back(), -1);
    for (size_t i = 0; i < matrices.size(); ++i)
        TAEDA_CHECK(matrices[i].dim() == 2, "multi_dot(): tensor ", i, " must be 2D",
                    i == 0 || i + 1 == matrices.size() ? " or 1D" : "", " but got ", tensors[i].dim(), "D");
    for (size_t i = 0; i + 1 < matrices.size(); ++i)
        TAEDA_CHECK(matrices[i].size(1) == matrices[i + 1].size(0), "multi_dot(): tensors ", i, " and ", i + 1,
                    " with shapes ", matrices[i].sizes(), " and ", matrices[i + 1].sizes(), " cannot be multiplied");
    Tensor result = multiplied(matrices, best_splits(matrices), 0, matrices.size() - 1);
    if (row) result = ops::squeeze(result, 0);
    return column ? ops::squeeze(result, -1) : result;
}

// -- tensors as matrices -----------------------------------------------------------------------------------------------------

Tensor linalg_tensorinv(const Tensor& self, int64_t ind) {
    TAEDA_CHECK(ind > 0, "Expected a strictly positive integer for 'ind', got ", ind);
    Ints sizes = self.sizes();
    TAEDA_CHECK(ind <= self.dim(), "linalg.tensorinv: 'ind' is ", ind, " but the input has ", self.dim(),
                " dimensions");
    Ints first = sizes.slice(0, size_t(ind)), second = sizes.slice(size_t(ind), sizes.size() - size_t(ind));
    TAEDA_CHECK(product(first) == product(second),
                "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got ",
                product(second), " != ", product(first));
    Dims target(second);
    for (int64_t n : first) target.push_back(n);
    return ops::reshape(ops::linalg_inv(ops::reshape(self, Ints{product(first), product(second)})), target);
}

Tensor linalg_tensorsolve(const Tensor& self, const Tensor& other, std::optional<Ints> dims) {
    Tensor A = self;
    if (dims) {
        Dims ends;
        for (size_t i = 0; i < dims->size(); ++i) ends.push_back(A.dim() - int64_t(dims->size()) + int64_t(i));
        A = ops::movedim(A, *dims, ends);
    }
    Ints rest = A.sizes().slice(size_t(other.dim()), size_t(A.dim() - other.dim()));
    TAEDA_CHECK(
        product(rest) == product(A.sizes().slice(0, size_t(other.dim()))),
        "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got ",
        product(rest), " != ", product(A.sizes().slice(0, size_t(other.dim()))));
    Dims target(rest);
    Tensor x = ops::linalg_solve(ops::reshape(A, Ints{product(rest), product(rest)}), ops::reshape(other, Ints{-1}));
    return ops::reshape(x, target);
}

Tensor linalg_vander(const Tensor& x, std::optional<int64_t> N) {
    if (x.dim() == 0) return native::linalg_vander(ops::unsqueeze(x, 0), N);
    const int64_t n = N.value_or(x.size(-1));
    TAEDA_CHECK(n >= 1, "linalg.vander: N must be greater than 1, got ", n);
    Tensor base = is_integral(x.dtype(), true) ? ops::to(x, DType::int64) : x;
    Tensors powers{ops::unsqueeze(ops::ones_like(base), -1)};
    if (n > 1) {
        Dims sizes(base.sizes());
        sizes.push_back(n - 1);
        powers.push_back(ops::cumprod(ops::expand(ops::unsqueeze(base, -1), sizes), -1));
    }
    return ops::cat(powers, -1);
}

}  // namespace taeda::native
