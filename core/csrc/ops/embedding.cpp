// Embedding tables.
#include "kernels/embedding.h"

#include <vector>

#include "native.h"
#include "ops/host.h"
#include "ops/operators.h"

namespace taeda::native {

namespace {

Tensor as_indices(const Tensor& indices) {
    TAEDA_CHECK(indices.dtype() == DType::int64 || indices.dtype() == DType::int32,
                "embedding: expected indices of dtype int64 or int32, got ", indices.dtype(),
                "; convert them with .long()");
    return ops::contiguous(ops::to(indices, DType::int64));
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t, bool, bool sparse) {
    TAEDA_CHECK(weight.dim() == 2, "embedding: expected weight of shape (rows, width), got shape ", weight.sizes());
    TAEDA_CHECK(!sparse, "embedding: sparse gradients do not exist here; pass sparse=False");
    Dims sizes(indices.sizes());
    sizes.push_back(weight.size(1));
    Tensor out = empty_tensor(sizes, weight.dtype(), weight.device());
    if (!out.is_meta()) embedding_kernel(out.device().type, out, ops::contiguous(weight), as_indices(indices));
    return out;
}

Tensor embedding_backward(const Tensor& grad, const Tensor& indices, Ints sizes, int64_t padding_idx,
                          bool scale_grad_by_freq) {
    Tensor out = empty_tensor(sizes, grad.dtype(), grad.device());
    if (!out.is_meta())
        embedding_grad_kernel(out.device().type, out, ops::contiguous(grad), as_indices(indices), padding_idx,
                              scale_grad_by_freq);
    return out;
}

Tensor embedding_double_backward(const Tensor& grad, const Tensor& indices, int64_t padding_idx,
                                 bool scale_grad_by_freq) {
    // What each row of the table was multiplied with on its way into a gradient.
    int64_t rows = grad.size(0);
    Tensor index = as_indices(indices), factors = ops::ones({rows, 1}, DType::float64);
    double* factor = factors.data<double>();
    if (scale_grad_by_freq) {
        std::vector<int64_t> counts(static_cast<size_t>(rows));
        Tensor at = on_host(index);
        for (int64_t i = 0; i < at.numel(); ++i) ++counts[size_t(at.data<int64_t>()[i])];
        for (int64_t r = 0; r < rows; ++r) factor[r] = 1.0 / double(std::max<int64_t>(1, counts[size_t(r)]));
    }
    if (padding_idx >= 0) factor[padding_idx] = 0;
    return ops::embedding(grad * on_device(ops::to(factors, grad.dtype()), grad.device()), index);
}

}  // namespace taeda::native
