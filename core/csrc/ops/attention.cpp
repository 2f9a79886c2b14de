// Scaled dot-product attention: the fused kernels where they apply, else the formula.
#include "kernels/attention.h"

#include <cmath>
#include <limits>

#include "autograd/state.h"
#include "native.h"
#include "ops/operators.h"
#include "random/generator.h"

namespace taeda::native {

namespace {

using Three = std::tuple<Tensor, Tensor, Tensor>;
constexpr const char* kName = "scaled_dot_product_attention";

void check(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask, double dropout_p,
           bool causal) {
    TAEDA_CHECK(query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2, kName,
                ": expected query, key and value of shape (..., L, E), "
                "(..., S, E) and (..., S, D), got shapes ",
                query.sizes(), ", ", key.sizes(), " and ", value.sizes());
    TAEDA_CHECK(query.dtype() == key.dtype() && query.dtype() == value.dtype(), kName,
                ": expected query, key, and value to have the same dtype, got ", query.dtype(), ", ", key.dtype(),
                " and ", value.dtype());
    TAEDA_CHECK(query.size(-1) == key.size(-1) && key.size(-2) == value.size(-2), kName, ": query of shape ",
                query.sizes(), " needs a key of the same last dimension, and key ", key.sizes(), " and value ",
                value.sizes(), " the same number of rows");
    TAEDA_CHECK(!causal || !mask.defined(), kName,
                ": explicit attn_mask should not be set when is_causal=True; put the causal mask "
                "into attn_mask, or leave one of them out");
    TAEDA_CHECK(!mask.defined() || mask.dtype() == DType::bool_ || mask.dtype() == query.dtype() || mask.is_floating(),
                kName, ": expected attn_mask of dtype bool or the dtype of query (", query.dtype(), "), got ",
                mask.dtype());
    TAEDA_CHECK(dropout_p >= 0 && dropout_p <= 1, kName, ": dropout_p must be between 0 and 1, got ", dropout_p);
}

// Leading dimensions joined to (B, H, rows, width).
Tensor four_dims(const Tensor& t) {
    if (t.dim() > 4) return ops::reshape(t, {-1, t.size(-3), t.size(-2), t.size(-1)});
    Tensor result = t;
    while (result.dim() < 4) result = ops::unsqueeze(result, 0);
    return result;
}

Tensor unit_stride(const Tensor& t) { return t.stride(-1) == 1 || t.size(-1) == 1 ? t : ops::contiguous(t); }

bool batches_agree(const Tensor& query, const Tensor& key, const Tensor& value, bool grouped) {
    if (query.dim() != key.dim() || query.dim() != value.dim() || key.dim() < 2) return false;
    size_t batch = query.sizes().size() - 2;
    Ints q = query.sizes().slice(0, batch), k = key.sizes().slice(0, batch), v = value.sizes().slice(0, batch);
    if (!(k == v)) return false;
    if (q == k) return true;
    return grouped && batch >= 1 && q.slice(0, batch - 1) == k.slice(0, batch - 1) && k.back() > 0 &&
           q.back() % k.back() == 0;
}

// What an attention drops and where it draws from: seed and offset of the random stream, as the catalogue's integers.
struct Dropout {
    double p;
    int64_t seed, offset;
};

AttentionArgs arguments(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask, bool causal,
                        double scale, const Dropout& dropout) {
    Tensor used = mask;
    if (mask.defined()) {
        if (mask.dtype() != DType::bool_) used = ops::to(mask, query.dtype());
        used = ops::expand(used, {query.size(0), query.size(1), query.size(2), key.size(2)});
    }
    return {unit_stride(query), unit_stride(key),       unit_stride(value),      used, causal, scale,
            dropout.p,          uint64_t(dropout.seed), uint64_t(dropout.offset)};
}

// The next piece of the random stream, large enough for these scores.
Dropout draw(const Tensor& query, const Tensor& key, double p) {
    if (p == 0 || query.is_meta()) return {p, 0, 0};
    AttentionArgs args;
    args.query = query, args.key = key;
    auto [stream, start] = generator_or_default(Generator()).take(args.random_blocks());
    return {p, int64_t(stream.seed), int64_t(start)};
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask, double dropout_p, bool is_causal,
                                    std::optional<double> scale, bool enable_gqa) {
    check(query, key, value, attn_mask, dropout_p, is_causal);
    double factor = scale.value_or(1 / std::sqrt(double(query.size(-1))));
    bool mask_fits = !attn_mask.defined() || (attn_mask.dim() <= 4 && query.dim() <= 4 &&
                                              !(thread_state.grad_enabled && attn_mask.requires_grad()));
    if (dropout_p < 1 && mask_fits && query.is_floating() && query.size(-1) > 0 &&
        batches_agree(query, key, value, enable_gqa)) {
        Tensor mask = attn_mask.defined() ? four_dims(attn_mask) : attn_mask;
        Tensor q = four_dims(query), k = four_dims(key);
        Dropout dropout = draw(q, k, dropout_p);
        Tensor out = std::get<0>(ops::fused_attention(q, k, four_dims(value), mask, is_causal, factor, dropout.p,
                                                      dropout.seed, dropout.offset));
        Dims sizes(query.sizes());
        sizes.back() = value.size(-1);
        return ops::reshape(out, sizes);
    }
    Tensor k = key, v = value;
    if (enable_gqa && query.dim() >= 3 && key.size(-3) != query.size(-3)) {
        k = ops::repeat_interleave(key, query.size(-3) / key.size(-3), -3);
        v = ops::repeat_interleave(value, query.size(-3) / value.size(-3), -3);
    }
    return ops::attention_formula(query, k, v, attn_mask, dropout_p, is_causal, factor);
}

Tensor attention_formula(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                         double dropout_p, bool causal, double scale) {
    Tensor scores = ops::matmul(query * Scalar(scale), ops::transpose(key, -2, -1));
    Tensor used = mask;
    if (causal) used = ops::tril(ops::ones({query.size(-2), key.size(-2)}, DType::bool_, query.device()));
    if (used.defined() && used.dtype() == DType::bool_)
        scores = ops::masked_fill(scores, ops::logical_not(used), Scalar(-std::numeric_limits<double>::infinity()));
    else if (used.defined()) scores = scores + used;
    Tensor weights = ops::softmax(scores, -1);
    // A query that sees nothing has no weights; softmax gives NaN there.
    if (used.defined())
        weights = ops::masked_fill(
            weights, ops::all(scores == Scalar(-std::numeric_limits<double>::infinity()), -1, true), Scalar(0.0));
    if (dropout_p > 0) weights = ops::dropout(weights, dropout_p, true);
    return ops::matmul(weights, value);
}

std::tuple<Tensor, Tensor> fused_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                           const Tensor& mask, bool causal, double scale, double dropout_p,
                                           int64_t seed, int64_t offset) {
    Dims sizes(query.sizes());
    sizes.back() = value.size(3);
    Tensor out = empty_tensor(sizes, query.dtype(), query.device());
    DType wide = query.dtype() == DType::float64 ? DType::float64 : DType::float32;
    Tensor logsumexp = empty_tensor(Ints(sizes).slice(0, 3), wide, query.device());
    if (!out.is_meta())
        attention_kernel(out.device().type, out, logsumexp,
                         arguments(query, key, value, mask, causal, scale, {dropout_p, seed, offset}));
    return {out, logsumexp};
}

Tensor attention_dropout_factors(const Tensor& query, const Tensor& key, double dropout_p, int64_t seed,
                                 int64_t offset) {
    Tensor out =
        empty_tensor(Ints{query.size(0), query.size(1), query.size(2), key.size(2)}, query.dtype(), query.device());
    if (!out.is_meta())
        attention_factors_kernel(out.device().type, out,
                                 arguments(query, key, key, Tensor(), false, 1, {dropout_p, seed, offset}));
    return out;
}

Three fused_attention_backward(const Tensor& grad, const Tensor& query, const Tensor& key, const Tensor& value,
                               const Tensor& mask, const Tensor& output, const Tensor& logsumexp, bool causal,
                               double scale, double dropout_p, int64_t seed, int64_t offset) {
    if (!thread_state.grad_enabled)
        return ops::blockwise_attention_backward(grad, query, key, value, mask, output, logsumexp, causal, scale,
                                                 dropout_p, seed, offset);
    // softmax(s) has the gradient p * (g - sum(p * g)), of ordinary operators here so that it can be differentiated.
    int64_t group = query.size(1) / key.size(1), G = key.size(1);
    auto repeated = [&](const Tensor& t) { return group == 1 ? t : ops::repeat_interleave(t, group, 1); };
    auto shared = [&](const Tensor& t) {
        return group == 1 ? t : ops::sum(ops::reshape(t, {t.size(0), G, group, t.size(2), t.size(3)}), Ints{2});
    };
    Tensor k = repeated(key), v = repeated(value);
    Tensor eye = ops::eye(k.size(2), k.size(2), key.dtype(), key.device());
    Tensor weights = ops::attention_formula(query, k, eye, mask, 0, causal, scale);
    Tensor grad_weights = ops::matmul(grad, ops::transpose(v, -2, -1)), kept = weights;
    if (dropout_p > 0) {
        Tensor factors = ops::attention_dropout_factors(query, key, dropout_p, seed, offset);
        grad_weights = grad_weights * factors;
        kept = weights * factors;
    }
    Tensor grad_scores = weights * (grad_weights - ops::sum(weights * grad_weights, Ints{-1}, true)) * Scalar(scale);
    return {ops::matmul(grad_scores, k), shared(ops::matmul(ops::transpose(grad_scores, -2, -1), query)),
            shared(ops::matmul(ops::transpose(kept, -2, -1), grad))};
}

Three blockwise_attention_backward(const Tensor& grad, const Tensor& query, const Tensor& key, const Tensor& value,
                                   const Tensor& mask, const Tensor& output, const Tensor& logsumexp, bool causal,
                                   double scale, double dropout_p, int64_t seed, int64_t offset) {
    Tensor grad_query = empty_tensor(query.sizes(), query.dtype(), query.device());
    Tensor grad_key = empty_tensor(key.sizes(), key.dtype(), key.device());
    Tensor grad_value = empty_tensor(value.sizes(), value.dtype(), value.device());
    if (!grad_query.is_meta())
        attention_grad_kernel(grad_query.device().type, grad_query, grad_key, grad_value, unit_stride(grad), output,
                              logsumexp, arguments(query, key, value, mask, causal, scale, {dropout_p, seed, offset}));
    return {grad_query, grad_key, grad_value};
}

}  // namespace taeda::native
