// Attention: which kernels run for which types and sizes. None of them has a buffer of query times key size.
#include "kernels/cuda/attention.h"

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

template <class S> bool fits_fast(const Attention<S>& a) { return a.width <= kFastWidth && a.depth <= kFastWidth; }

template <class S> bool has_tensor_cores(const Tensor& t) {
    return is_reduced_float<S> && limits(t.device().index).major >= 8;
}

bool fits_tiled(const Attention<float>& a, bool grad, const Tensor& t) {
    return fits_fast(a) && attention_tiled_bytes(a.width, a.depth, grad) <= limits(t.device().index).shared_bytes;
}

void attention_cuda(const Tensor& out, const Tensor& logsumexp, const AttentionArgs& args) {
    if (logsumexp.numel() == 0) return;
    visit_floating(args.query.dtype(), "scaled_dot_product_attention", [&]<class S>() {
        Attention<S> a(args);
        if constexpr (is_reduced_float<S>)
            if (fits_fast(a) && has_tensor_cores<S>(out)) return attention_mma<S>(out, logsumexp, a);
        if constexpr (std::is_same_v<S, float>)
            if (fits_tiled(a, false, out)) return attention_tiled(out, logsumexp, a);
        attention_rows<S>(out, logsumexp, a);
    });
}

void attention_grad_cuda(const Tensor& grad_query, const Tensor& grad_key, const Tensor& grad_value,
                         const Tensor& grad_out, const Tensor& out, const Tensor& logsumexp,
                         const AttentionArgs& args) {
    cudaStream_t stream = stream_of(out);
    if (logsumexp.numel() == 0 || args.key.size(2) == 0) {
        for (const Tensor& t : {grad_query, grad_key, grad_value})
            if (t.numel()) TAEDA_CUDA_CHECK(cudaMemsetAsync(t.raw(), 0, size_t(t.numel() * t.item_bytes()), stream));
        return;
    }
    visit_floating(args.query.dtype(), "scaled_dot_product_attention", [&]<class S>() {
        using T = op_type<S>;
        Workspace dots(size_t(logsumexp.numel()) * sizeof(T), out);
        AttentionGrad<S> g{Attention<S>(args),  HeadTensor<const S>(grad_out), logsumexp.data<T>(),
                           dots.as<T>(),        grad_query.data<S>(),          grad_key.data<S>(),
                           grad_value.data<S>()};
        attention_dots<S>(dots.as<T>(), grad_out, out, g.a);
        if constexpr (is_reduced_float<S>)
            if (fits_fast(g.a) && has_tensor_cores<S>(out)) return attention_mma_grad<S>(g, out);
        if constexpr (std::is_same_v<S, float>)
            if (fits_tiled(g.a, true, out)) return attention_tiled_grad(g, out);
        attention_rows_grad<S>(g, out);
    });
}

void attention_factors_cuda(const Tensor& out, const AttentionArgs& args) {
    if (out.numel() == 0) return;
    visit_floating(out.dtype(), "scaled_dot_product_attention",
                   [&]<class S>() { attention_factors<S>(out, Attention<S>(args)); });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, attention, cuda::attention_cuda)
TAEDA_REGISTER(cuda, attention_grad, cuda::attention_grad_cuda)
TAEDA_REGISTER(cuda, attention_factors, cuda::attention_factors_cuda)
}  // namespace taeda
