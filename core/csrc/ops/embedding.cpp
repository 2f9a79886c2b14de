// Embedding tables.
#include "kernels/embedding.h"

#include <vector>

#include "autograd/meta.h"
#include "native.h"
#include "ops/host.h"
#include "ops/operators.h"

namespace taeda::native {

namespace {

Tensor as_indices(const Tensor& indices, const char* op = "embedding", const char* what = "indices") {
    TAEDA_CHECK(indices.dtype() == DType::int64 || indices.dtype() == DType::int32, op, ": expected ", what,
                " of dtype int64 or int32, got ", indices.dtype(), "; convert them with .long()");
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

// -- bags -------------------------------------------------------------------------------------------------------------

namespace {

int64_t bag_count(const Tensor& offsets, bool include_last_offset) { return offsets.numel() - include_last_offset; }

BagArgs bags(const Tensor& indices, const Tensor& offsets, const Tensor& weights, bool include_last_offset,
             int64_t mode, int64_t padding_idx, bool by_frequency) {
    return {as_indices(indices, "embedding_bag"),
            as_indices(offsets, "embedding_bag", "offsets"),
            weights.defined() ? ops::contiguous(weights) : weights,
            bag_count(offsets, include_last_offset),
            BagMode(mode),
            padding_idx,
            by_frequency};
}

void check_bags(const Tensor& weight, const Tensor& indices, const Tensor& offsets, bool include_last_offset,
                const Tensor& per_sample_weights, int64_t mode) {
    TAEDA_CHECK(weight.dim() == 2, "embedding_bag: expected weight of shape (rows, width), got shape ", weight.sizes());
    TAEDA_CHECK(indices.dim() == 1 && offsets.dim() == 1,
                "embedding_bag: expected indices and offsets of one dimension, got shapes ", indices.sizes(), " and ",
                offsets.sizes());
    TAEDA_CHECK(bag_count(offsets, include_last_offset) >= 0,
                "embedding_bag: with include_last_offset, offsets needs at least one element");
    if (!per_sample_weights.defined()) return;
    TAEDA_CHECK(BagMode(mode) == BagMode::sum && per_sample_weights.sizes() == indices.sizes() &&
                    per_sample_weights.dtype() == weight.dtype(),
                "embedding_bag: expected per_sample_weights of indices' shape ", indices.sizes(),
                " and of weight's dtype ", weight.dtype(), ", for sums alone; got ", per_sample_weights.dtype(),
                per_sample_weights.sizes());
}

// Row `bag` of grad for every index, zeros behind the last bag; as a differentiable function of grad (count, D).
struct BagRows {
    Tensor bag, rows;
    BagRows(const Tensor& grad, const Tensor& indices, const Tensor& offsets) {
        Tensor positions = ops::arange(indices.numel(), DType::int64, indices.device());
        bag = ops::searchsorted(as_indices(offsets), positions, false, true) - Scalar(1);
        Tensor none = ops::zeros(Ints{1, grad.size(1)}, grad.dtype(), grad.device());
        rows = ops::index_select(ops::cat(std::array{grad, none}, 0), 0, bag);
    }
};

}  // namespace

std::tuple<Tensor, Tensor> embedding_bag_forward(const Tensor& weight, const Tensor& indices, const Tensor& offsets,
                                                 bool include_last_offset, int64_t padding_idx,
                                                 const Tensor& per_sample_weights, int64_t mode, bool by_frequency) {
    check_bags(weight, indices, offsets, include_last_offset, per_sample_weights, mode);
    const Dims sizes{bag_count(offsets, include_last_offset), weight.size(1)};
    Tensor out = empty_tensor(sizes, weight.dtype(), weight.device());
    Tensor chosen = empty_tensor(BagMode(mode) == BagMode::max ? sizes : Dims{0}, DType::int64, weight.device());
    if (!out.is_meta())
        embedding_bag_kernel(
            out.device().type, out, BagMode(mode) == BagMode::max ? chosen : Tensor(), ops::contiguous(weight),
            bags(indices, offsets, per_sample_weights, include_last_offset, mode, padding_idx, by_frequency));
    return {out, chosen};
}

Tensor embedding_bag_backward(const Tensor& grad, const Tensor& indices, const Tensor& offsets,
                              bool include_last_offset, int64_t padding_idx, const Tensor& per_sample_weights,
                              int64_t mode, bool by_frequency, const Tensor& chosen, Ints sizes) {
    if (!grad_wanted(grad, per_sample_weights))
        return ops::fused_embedding_bag_backward(grad, indices, offsets, include_last_offset, padding_idx,
                                                 per_sample_weights, mode, by_frequency, chosen, sizes);
    if (BagMode(mode) == BagMode::max) {  // empty bags go to a row behind the table
        Tensor place = ops::where(chosen < Scalar(0), wrapped_number(Scalar(sizes[0])), chosen);
        Tensor table = ops::zeros(Ints{sizes[0] + 1, sizes[1]}, grad.dtype(), grad.device());
        return ops::narrow(ops::scatter_add(table, 0, place, grad), 0, 0, sizes[0]);
    }
    BagRows entries(grad, indices, offsets);
    Tensor rows = entries.rows;
    if (BagMode(mode) == BagMode::mean) {
        Tensor counted = ops::zeros(Ints{grad.size(0) + 1}, grad.dtype(), grad.device());
        counted = ops::index_add(counted, 0, entries.bag, ops::to(indices != Scalar(padding_idx), grad.dtype()));
        rows = rows / ops::unsqueeze(ops::index_select(ops::clamp_min(counted, Scalar(1)), 0, entries.bag), 1);
    }
    if (per_sample_weights.defined()) rows = rows * ops::unsqueeze(per_sample_weights, 1);
    return ops::embedding_backward(rows, indices, sizes, padding_idx, by_frequency);
}

Tensor fused_embedding_bag_backward(const Tensor& grad, const Tensor& indices, const Tensor& offsets,
                                    bool include_last_offset, int64_t padding_idx, const Tensor& per_sample_weights,
                                    int64_t mode, bool by_frequency, const Tensor& chosen, Ints sizes) {
    Tensor out = empty_tensor(sizes, grad.dtype(), grad.device());
    if (!out.is_meta())
        embedding_bag_grad_kernel(
            out.device().type, out, ops::contiguous(grad), chosen,
            bags(indices, offsets, per_sample_weights, include_last_offset, mode, padding_idx, by_frequency));
    return out;
}

Tensor embedding_bag_weights_backward(const Tensor& grad, const Tensor& weight, const Tensor& indices,
                                      const Tensor& offsets, bool include_last_offset, int64_t padding_idx) {
    if (!grad_wanted(grad, weight))
        return ops::fused_embedding_bag_weights_backward(grad, weight, indices, offsets, include_last_offset,
                                                         padding_idx);
    Tensor rows = ops::embedding(weight, indices, padding_idx, false, false);
    Tensor sums = ops::sum(BagRows(grad, indices, offsets).rows * rows, Ints{1}, false);
    return ops::masked_fill(sums, indices == Scalar(padding_idx), Scalar(0));
}

Tensor fused_embedding_bag_weights_backward(const Tensor& grad, const Tensor& weight, const Tensor& indices,
                                            const Tensor& offsets, bool include_last_offset, int64_t padding_idx) {
    Tensor out = empty_tensor(indices.sizes(), grad.dtype(), grad.device());
    if (!out.is_meta())
        embedding_bag_weights_grad_kernel(
            out.device().type, out, ops::contiguous(grad), ops::contiguous(weight),
            bags(indices, offsets, Tensor(), include_last_offset, int64_t(BagMode::sum), padding_idx, false));
    return out;
}

}  // namespace taeda::native
