// With S positions, a sample of x is a matrix (C, S) and one of out is (K, S): out = w x, grad_x = w^T grad_out and
// grad_w = sum of grad_out x^T. Where S is small, the samples are packed into one matrix (C, N S) first; with a stride,
// the positions of x that count are. With channels last, the whole of x is a matrix (N S, C), and that of out (N S, K).
#include "kernels/onednn/conv_pointwise.h"

#include <algorithm>

#include "kernels/copy.h"
#include "kernels/matmul.h"
#include "kernels/onednn/conv_plan.h"
#include "kernels/onednn/product.h"
#include "tensor/channels_last.h"

namespace taeda::onednn {
namespace {

constexpr int64_t kFewPositions = 256;

struct Samples {
    Tensor whole;  // (N, channels, S)
    explicit Samples(const Tensor& t)
        : whole(alias(t, {t.size(0), t.size(1), positions(t)}, {t.size(1) * positions(t), positions(t), 1},
                      t.offset())) {}
    static int64_t positions(const Tensor& t) { return t.numel() / (t.size(0) * t.size(1)); }
    int64_t count() const { return whole.size(0); }
    int64_t channels() const { return whole.size(1); }
    bool packs() const { return count() > 1 && whole.size(2) < kFewPositions; }

    Tensor sample(int64_t n) const {
        return alias(whole, {whole.size(1), whole.size(2)}, {whole.stride(1), 1}, whole.offset() + n * whole.stride(0));
    }
    // The matrix (channels, N S), uninitialized.
    Tensor like_packed() const { return empty_tensor({channels(), count() * whole.size(2)}, whole.dtype()); }
    Tensor packed() const {
        Tensor result = like_packed();
        copy_kernel(DeviceType::cpu, in_three(result), channels_first());
        return result;
    }
    void unpack(const Tensor& from) const { copy_kernel(DeviceType::cpu, channels_first(), in_three(from)); }

private:
    // (channels, N, S), of the samples and of a packed matrix.
    Tensor channels_first() const {
        return alias(whole, {channels(), count(), whole.size(2)}, {whole.stride(1), whole.stride(0), 1},
                     whole.offset());
    }
    Tensor in_three(const Tensor& packed) const {
        int64_t S = whole.size(2);
        return alias(packed, {channels(), count(), S}, {count() * S, S, 1}, packed.offset());
    }
};

Tensor matrix(const Tensor& w) { return alias(w, {w.size(0), w.size(1)}, {w.size(1), 1}, w.offset()); }
Tensor turned(const Tensor& m) { return alias(m, {m.size(1), m.size(0)}, {m.stride(1), m.stride(0)}, m.offset()); }
Tensor repeated(const Tensor& m, int64_t count) {
    return alias(m, {count, m.size(0), m.size(1)}, {0, m.stride(0), m.stride(1)}, m.offset());
}

// to = m from for every sample, to = beta to + m from where `beta` is not 0.
void apply(const Samples& to, const Tensor& m, const Samples& from, double beta) {
    if (!to.packs()) return multiply(to.whole, repeated(m, to.count()), from.whole, beta, 1);
    Tensor result = beta != 0 ? to.packed() : to.like_packed();
    multiply(result, m, from.packed(), beta, 1);
    to.unpack(result);
}

// The positions of t that a stride leaves, as a view of the sizes of `out` but for the channels.
Tensor strided(const Tensor& t, const Tensor& out, Ints stride) {
    Dims sizes = out.sizes(), strides = t.strides();
    sizes[1] = t.size(1);
    for (size_t d = 0; d < stride.size(); ++d) strides[d + 2] *= stride[d];
    return alias(t, sizes, strides, t.offset());
}
// Fresh memory for the positions that `view` has, in the layout of x.
Tensor like_positions(const Tensor& view, const Tensor& x) {
    Ints sizes = view.sizes();
    return is_channels_last(x) ? empty_strided_tensor(sizes, channels_last_strides(sizes), x.dtype())
                               : empty_tensor(sizes, x.dtype());
}
Tensor taken(const Tensor& x, const Tensor& out, const ConvGeometry& g) {
    if (same_positions(x, out)) return x;
    Tensor view = strided(x, out, g.stride), result = like_positions(view, x);
    copy_kernel(DeviceType::cpu, result, view);
    return result;
}

}  // namespace

bool same_positions(const Tensor& x, const Tensor& out) {
    return std::equal(x.sizes().begin() + 2, x.sizes().end(), out.sizes().begin() + 2);
}

bool is_pointwise(const Tensor& w, const ConvGeometry& g) {
    if (g.groups != 1 || w.dtype() == DType::float16) return false;
    for (size_t d = 0; d < g.stride.size(); ++d)
        if (w.size(int64_t(d) + 2) != 1 || g.padding[d] != 0) return false;
    return true;
}

void pointwise(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& g) {
    if (is_channels_last(x, out)) {
        linear(channel_rows(out), channel_rows(taken(x, out, g)), matrix(w), bias);
        return;
    }
    Samples to(out);
    if (bias.defined()) copy_kernel(DeviceType::cpu, to.whole, alias(bias, to.whole.sizes(), {0, 1, 0}, bias.offset()));
    apply(to, matrix(w), Samples(taken(x, out, g)), bias.defined() ? 1 : 0);
}

void pointwise_input_grad(const Tensor& grad_x, const Tensor& grad_out, const Tensor& w, const ConvGeometry& g) {
    auto multiplied = [&](const Tensor& to) {
        if (is_channels_last(grad_x, grad_out)) gemm(channel_rows(to), channel_rows(grad_out), matrix(w));
        else apply(Samples(to), turned(matrix(w)), Samples(grad_out), 0);
    };
    if (same_positions(grad_x, grad_out)) return multiplied(grad_x);
    Tensor view = strided(grad_x, grad_out, g.stride), result = like_positions(view, grad_x);
    multiplied(result);
    fill_kernel(DeviceType::cpu, grad_x, Scalar(0));
    copy_kernel(DeviceType::cpu, view, result);
}

void pointwise_weight_grad(const Tensor& grad_w, const Tensor& x, const Tensor& grad_out, const ConvGeometry& g) {
    Tensor result = matrix(grad_w);
    if (is_channels_last(x, grad_out))
        return gemm(result, turned(channel_rows(grad_out)), channel_rows(taken(x, grad_out, g)));
    Samples in(taken(x, grad_out, g)), grad(grad_out);
    if (in.packs()) return multiply(result, grad.packed(), turned(in.packed()), 0, 1);
    const bool narrow = grad_w.dtype() != DType::float32;
    Tensor sum = narrow ? empty_tensor(result.sizes(), DType::float32) : result;
    for (int64_t n = 0; n < in.count(); ++n) multiply_wide(sum, grad.sample(n), turned(in.sample(n)), n ? 1 : 0, 1);
    if (narrow) copy_kernel(DeviceType::cpu, result, sum);
}

}  // namespace taeda::onednn
