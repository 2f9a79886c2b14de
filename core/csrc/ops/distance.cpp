// Distances: compositions of differences and norms.
#include "native.h"
#include "ops/operators.h"

namespace taeda::native {

namespace {

Tensor norms(const Tensor& difference, double p, int64_t dim, bool keepdim) {
    return ops::linalg_vector_norm(difference, Scalar(p), Ints{dim}, keepdim);
}

}  // namespace

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
    return norms(x1 - x2 + Scalar(eps), p, -1, keepdim);
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim, double eps) {
    TAEDA_CHECK(x1.is_floating() || x2.is_floating() || x1.is_complex() || x2.is_complex(),
                "cosine_similarity: expected common dtype to be floating point, got ", x1.dtype(), " and ", x2.dtype());
    auto unit = [&](const Tensor& t) { return t / ops::clamp_min(norms(t, 2, dim, true), Scalar(eps)); };
    Dims sizes = broadcast_shapes(x1.sizes(), x2.sizes(), "cosine_similarity");
    return ops::sum(unit(ops::expand(x1, sizes)) * unit(ops::expand(x2, sizes)), Ints{dim});
}

Tensor cdist(const Tensor& x1, const Tensor& x2, double p, const std::optional<std::string>&) {
    TAEDA_CHECK(x1.dim() >= 2 && x2.dim() >= 2, "cdist: expected x1 (..., P, M) and x2 (..., R, M), got shapes ",
                x1.sizes(), " and ", x2.sizes());
    TAEDA_CHECK(x1.size(-1) == x2.size(-1), "cdist: X1 and X2 must have the same number of columns. X1: ", x1.size(-1),
                " X2: ", x2.size(-1));
    TAEDA_CHECK(p >= 0, "cdist: only supports non-negative p values, got ", p);
    return norms(ops::unsqueeze(x1, -2) - ops::unsqueeze(x2, -3), p, -1, false);
}

Tensor pdist(const Tensor& self, double p) {
    TAEDA_CHECK(self.dim() == 2, "pdist: only supports 2D tensors, got: ", self.dim(), "D");
    TAEDA_CHECK(p >= 0, "pdist: only supports non-negative p values, got ", p);
    Tensor pairs = ops::triu_indices(self.size(0), self.size(0), 1, DType::int64, self.device());
    auto rows = [&](int64_t which) { return ops::index_select(self, 0, ops::select(pairs, 0, which)); };
    return norms(rows(0) - rows(1), p, 1, false);
}

Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p) {
    return ops::linalg_vector_norm(self - other, p, std::nullopt, false);
}
Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
    TAEDA_CHECK(p.to_double() > 0, "renorm: non-positive-norm not supported, got p = ", p);
    TAEDA_CHECK(self.dim() > 1, "renorm: input needs at least 2 dimensions, got ", self.dim(), " dimensions");
    TAEDA_CHECK(maxnorm.to_double() >= 0, "renorm: expected maxnorm to be >= 0 but got ", maxnorm);
    int64_t d = wrap_dim(dim, self.dim());
    Dims others;
    for (int64_t i = 0; i < self.dim(); ++i)
        if (i != d) others.push_back(i);
    Tensor length = ops::linalg_vector_norm(self, p, Ints(others), true);
    Tensor factor = ops::where(length > maxnorm, maxnorm / (length + 1e-7), wrapped_number(Scalar(1.0)));
    return self * factor;
}

}  // namespace taeda::native
