// Convolutions: shapes, padding modes, and the general path for dtypes without a fast kernel.
#include "kernels/conv.h"

#include "kernels/copy.h"
#include "native.h"
#include "tensor/channels_last.h"

namespace taeda::native {

namespace {

bool has_fast_kernel(DType d) { return d == DType::float32 || d == DType::bfloat16 || d == DType::float16; }

// Whether kernels take and give this activation with its channels innermost.
bool keeps_channels_last(const Tensor& t) {
    return is_channels_last(t) && has_fast_kernel(t.dtype()) && (t.is_cpu() || t.is_meta());
}
Tensor dense(const Tensor& t, bool channels_last) {
    if (!channels_last) return ops::contiguous(t);
    Dims strides = channels_last_strides(t.sizes());
    if (lies_channels_last(t)) return alias(t, t.sizes(), strides, t.offset());
    Tensor result = empty_strided_tensor(t.sizes(), strides, t.dtype(), t.device());
    copy_kernel(t.device().type, result, t);
    return result;
}

// Sizes of a convolution's output, or of a transposed one's.
Dims output_sizes(Ints in, Ints kernel, const ConvGeometry& g, bool transposed, Ints output_padding) {
    Dims sizes;
    for (size_t d = 0; d < in.size(); ++d) {
        int64_t reach = g.dilation[d] * (kernel[d] - 1) + 1;
        if (transposed) sizes.push_back((in[d] - 1) * g.stride[d] - 2 * g.padding[d] + reach + output_padding[d]);
        else
            sizes.push_back(in[d] + 2 * g.padding[d] < reach ? 0
                                                             : (in[d] + 2 * g.padding[d] - reach) / g.stride[d] + 1);
    }
    return sizes;
}

void check_geometry(const Tensor& input, const Tensor& weight, const Tensor& bias, const ConvGeometry& g,
                    bool transposed, Ints output_padding) {
    size_t n = weight.sizes().size() - 2;
    TAEDA_CHECK(weight.dim() >= 3,
                "convolution: expected weight of 3 to 5 dims (out, in / groups, kernel...), got shape ",
                weight.sizes());
    TAEDA_CHECK(input.dim() == weight.dim(), "convolution: expected ", weight.dim(),
                "D (batched) input for a weight of shape ", weight.sizes(), ", got shape ", input.sizes());
    TAEDA_CHECK(input.dtype() == weight.dtype(), "convolution: Input type (", input.dtype(), ") and weight type (",
                weight.dtype(), ") should be the same; convert one with .to()");
    TAEDA_CHECK(!bias.defined() || bias.dtype() == input.dtype(), "convolution: Input type (", input.dtype(),
                ") and bias type should be the same");
    TAEDA_CHECK(g.groups > 0, "non-positive groups is not supported, got ", g.groups);
    TAEDA_CHECK(weight.sizes()[0] % g.groups == 0, "convolution: expected weight to be divisible by ", g.groups,
                " groups at dimension 0, got shape ", weight.sizes());
    for (size_t d = 0; d < n; ++d) {
        TAEDA_CHECK(g.stride[d] > 0, "non-positive stride is not supported, got ", g.stride);
        TAEDA_CHECK(g.padding[d] >= 0, "negative padding is not supported, got ", g.padding);
        TAEDA_CHECK(g.dilation[d] > 0, "dilation should be greater than zero, got ", g.dilation);
        TAEDA_CHECK(!transposed || (output_padding[d] >= 0 &&
                                    (output_padding[d] < g.stride[d] || output_padding[d] < g.dilation[d])),
                    "output padding must be smaller than either stride or dilation, but got output_padding ",
                    output_padding, ", stride ", g.stride, ", dilation ", g.dilation);
    }
    int64_t channels = transposed ? weight.sizes()[0] : weight.sizes()[1] * g.groups;
    TAEDA_CHECK(input.sizes()[1] == channels, "Given groups=", g.groups, ", weight of size ", weight.sizes(),
                ", expected input", input.sizes(), " to have ", channels, " channels, but got ", input.sizes()[1],
                " channels instead; ",
                input.sizes().back() == channels && input.dim() > 3
                    ? "channels come before height and width here, .movedim(-1, 1) moves them"
                    : "change dim 1 of the input, or the weight's channels");
    int64_t features = transposed ? weight.sizes()[1] * g.groups : weight.sizes()[0];
    TAEDA_CHECK(!bias.defined() || (bias.dim() == 1 && bias.numel() == features), "Given weight of size ",
                weight.sizes(), ", expected bias to be 1-dimensional with ", features,
                " elements, but got bias of size ", bias.defined() ? Dims(bias.sizes()) : Dims(), " instead");
    if (transposed) return;
    for (size_t d = 0; d < n; ++d) {
        int64_t reach = g.dilation[d] * (weight.sizes()[d + 2] - 1) + 1,
                padded = input.sizes()[d + 2] + 2 * g.padding[d];
        TAEDA_CHECK(padded >= reach, "Calculated padded input size per channel: ", padded, " (dim ", d + 2,
                    "). Kernel size: ", reach,
                    ". Kernel size can't be greater than actual input size; enlarge the "
                    "input or the padding");
    }
}

// -- the general path: windows of the padded input, times the weight ----------------------------------------------------

struct Windows {
    Dims sizes, strides, padded;  // of the window view (N, C, out..., kernel...) into a padded, contiguous input
};

Windows windows_of(Ints input_sizes, Ints out, Ints kernel, const ConvGeometry& g) {
    Windows w;
    w.padded = input_sizes;
    for (size_t d = 0; d < kernel.size(); ++d)
        w.padded[d + 2] = std::max(input_sizes[d + 2] + 2 * g.padding[d],
                                   (out[d] - 1) * g.stride[d] + g.dilation[d] * (kernel[d] - 1) + 1);
    Dims strides = contiguous_strides(w.padded);
    w.sizes = {input_sizes[0], input_sizes[1]};
    w.strides = {strides[0], strides[1]};
    for (size_t d = 0; d < kernel.size(); ++d) {
        w.sizes.push_back(out[d]);
        w.strides.push_back(strides[d + 2] * g.stride[d]);
    }
    for (size_t d = 0; d < kernel.size(); ++d) {
        w.sizes.push_back(kernel[d]);
        w.strides.push_back(strides[d + 2] * g.dilation[d]);
    }
    return w;
}

Tensor inside(const Tensor& padded, Ints sizes, const ConvGeometry& g) {
    Dims strides = contiguous_strides(padded.sizes());
    int64_t offset = 0;
    for (size_t d = 0; d < g.padding.size(); ++d) offset += g.padding[d] * strides[d + 2];
    return alias(padded, sizes, strides, offset);
}

// (N, C, out..., kernel...) -> (groups, C / groups * kernel, N * out)
Tensor columns_of(const Tensor& input, Ints out, Ints kernel, const ConvGeometry& g) {
    Windows w = windows_of(input.sizes(), out, kernel, g);
    Tensor padded = ops::zeros(w.padded, input.dtype(), input.device());
    copy_kernel(padded.device().type, inside(padded, input.sizes(), g), input);
    Tensor view = alias(padded, w.sizes, w.strides, 0);
    size_t n = kernel.size();
    Dims order{1};
    for (size_t d = 0; d < n; ++d) order.push_back(int64_t(2 + n + d));
    order.push_back(0);
    for (size_t d = 0; d < n; ++d) order.push_back(int64_t(2 + d));
    return ops::reshape(ops::permute(view, order),
                        Ints{g.groups, input.size(1) / g.groups * product(kernel), input.size(0) * product(out)});
}

// (N, K, out...) -> (groups, K / groups, N * out)
Tensor rows_of(const Tensor& t, int64_t groups) {
    Tensor flat = ops::reshape(t, Ints{t.size(0), t.size(1), -1});
    return ops::reshape(ops::transpose(flat, 0, 1), Ints{groups, t.size(1) / groups, -1});
}

Tensor weight_rows(const Tensor& w, int64_t groups) { return ops::reshape(w, Ints{groups, w.size(0) / groups, -1}); }

void general_forward(const Tensor& out, const Tensor& x, const Tensor& w, const ConvGeometry& g) {
    Ints spatial = out.sizes().slice(2, g.stride.size());
    Tensor y = ops::bmm(weight_rows(w, g.groups), columns_of(x, spatial, w.sizes().slice(2, g.stride.size()), g));
    Dims sizes{out.size(1), out.size(0)};
    for (int64_t s : spatial) sizes.push_back(s);
    copy_kernel(out.device().type, out, ops::transpose(ops::reshape(y, sizes), 0, 1));
}

void general_transposed(const Tensor& out, const Tensor& x, const Tensor& w, const ConvGeometry& g) {
    size_t n = g.stride.size();
    Ints spatial = x.sizes().slice(2, n), kernel = w.sizes().slice(2, n);
    Tensor columns = ops::bmm(ops::transpose(weight_rows(w, g.groups), 1, 2), rows_of(x, g.groups));
    Windows windows = windows_of(out.sizes(), spatial, kernel, g);
    Dims sizes{out.size(1)}, order;
    for (int64_t k : kernel) sizes.push_back(k);
    sizes.push_back(out.size(0));
    for (int64_t s : spatial) sizes.push_back(s);
    order = {int64_t(1 + n), 0};
    for (size_t d = 0; d < n; ++d) order.push_back(int64_t(2 + n + d));
    for (size_t d = 0; d < n; ++d) order.push_back(int64_t(1 + d));
    Tensor values = ops::permute(ops::reshape(columns, sizes), order);
    Tensor padded = ops::as_strided_backward(values, windows.padded, contiguous_strides(windows.padded), 0,
                                             windows.sizes, windows.strides, 0);
    copy_kernel(out.device().type, out, inside(padded, out.sizes(), g));
}

Tensor general_weight(const Tensor& out_side, const Tensor& in_side, Ints sizes, const ConvGeometry& g) {
    size_t n = g.stride.size();
    Tensor columns = columns_of(in_side, out_side.sizes().slice(2, n), sizes.slice(2, n), g);
    return ops::reshape(ops::bmm(rows_of(out_side, g.groups), ops::transpose(columns, 1, 2)), sizes);
}

}  // namespace

Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride, Ints padding,
                   Ints dilation, bool transposed, Ints output_padding, int64_t groups) {
    ConvGeometry g{stride, padding, dilation, groups};
    check_geometry(input, weight, bias, g, transposed, output_padding);
    size_t n = stride.size();
    Dims spatial = output_sizes(input.sizes().slice(2, n), weight.sizes().slice(2, n), g, transposed, output_padding);
    Dims sizes{input.sizes()[0], transposed ? weight.sizes()[1] * groups : weight.sizes()[0]};
    for (int64_t s : spatial) {
        TAEDA_CHECK(s >= 0, "convolution: the output would have negative size ", spatial, " for input ", input.sizes(),
                    " and weight ", weight.sizes());
        sizes.push_back(s);
    }
    const bool last = keeps_channels_last(input);
    Tensor out = empty_strided_tensor(sizes, last ? channels_last_strides(sizes) : contiguous_strides(sizes),
                                      input.dtype(), input.device());
    if (out.is_meta() || out.numel() == 0) return out;
    Tensor x = dense(input, last), w = ops::contiguous(weight);
    if (input.numel() == 0 || weight.numel() == 0) {
        ops::zero_(out);
    } else if (!has_fast_kernel(input.dtype())) {
        (transposed ? general_transposed : general_forward)(out, x, w, g);
    } else if (transposed) {
        conv_input_grad_kernel(out.device().type, out, x, w, g);
    } else {
        conv_kernel(out.device().type, out, x, w, bias.defined() ? ops::contiguous(bias) : bias, g);
        return out;
    }
    if (bias.defined()) {
        Dims shape(size_t(out.dim()), 1);
        shape[1] = bias.numel();
        ops::add_(out, ops::reshape(bias, shape));
    }
    return out;
}

Tensor conv_grad_input(const Tensor& grad, const Tensor& weight, Ints input_sizes, Ints stride, Ints padding,
                       Ints dilation, bool transposed, int64_t groups) {
    size_t n = stride.size();
    if (transposed) {
        // Output padding can leave room for windows behind the last one that there was.
        Tensor g =
            ops::convolution(grad, ops::conj(weight), Tensor(), stride, padding, dilation, false, Dims(n), groups);
        for (size_t d = 0; d < n; ++d)
            if (g.sizes()[d + 2] > input_sizes[d + 2]) g = ops::slice(g, int64_t(d + 2), 0, input_sizes[d + 2], 1);
        return g;
    }
    Dims extra(n);
    for (size_t d = 0; d < n; ++d)
        extra[d] = input_sizes[d + 2] - ((grad.sizes()[d + 2] - 1) * stride[d] - 2 * padding[d] +
                                         dilation[d] * (weight.sizes()[d + 2] - 1) + 1);
    return ops::convolution(grad, ops::conj(weight), Tensor(), stride, padding, dilation, true, extra, groups);
}

Tensor conv_weight(const Tensor& out_side, const Tensor& in_side, Ints sizes, Ints stride, Ints padding, Ints dilation,
                   int64_t groups) {
    ConvGeometry g{stride, padding, dilation, groups};
    Tensor out = empty_tensor(sizes, out_side.dtype(), out_side.device());
    if (out.is_meta()) return out;
    if (out_side.numel() == 0 || in_side.numel() == 0) return ops::zero_(out);
    const bool last = keeps_channels_last(out_side) || keeps_channels_last(in_side);
    Tensor y = dense(out_side, last), x = dense(in_side, last);
    if (!has_fast_kernel(out.dtype())) return general_weight(y, x, sizes, g);
    conv_weight_grad_kernel(out.device().type, out, Tensor(), x, y, g);
    return out;
}

Tensor conv_grad_bias(const Tensor& grad) {
    Dims dims{0};
    for (int64_t d = 2; d < grad.dim(); ++d) dims.push_back(d);
    return ops::sum(grad, Ints(dims), false);
}

namespace {

// Adds the batch dimension that unbatched input lacks.
Tensor batched_convolution(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride,
                           Ints padding, Ints dilation, bool transposed, Ints output_padding, int64_t groups,
                           int64_t n) {
    TAEDA_CHECK(input.dim() == n + 2 || input.dim() == n + 1, op, ": Expected ", n + 1, "D (unbatched) or ", n + 2,
                "D (batched) input to ", op, ", but got input of size: ", input.sizes(),
                "; add the missing batch and channel dims");
    TAEDA_CHECK(weight.dim() == n + 2, op, ": expected weight of ", n + 2, " dims, got shape ", weight.sizes());
    auto spread = [&](Ints v) { return v.size() == 1 && n > 1 ? Dims(size_t(n), v[0]) : Dims(v); };
    for (Ints v : {stride, padding, dilation})
        TAEDA_CHECK(v.size() == 1 || v.size() == size_t(n), op, ": expected 1 or ", n,
                    " numbers for stride, padding and dilation, got ", v);
    bool single = input.dim() == n + 1;
    Tensor y = ops::convolution(single ? ops::unsqueeze(input, 0) : input, weight, bias, spread(stride),
                                spread(padding), spread(dilation), transposed, spread(output_padding), groups);
    return single ? ops::squeeze(y, 0) : y;
}

// 'same' needs the same total padding on both sides; where it is odd, the end gets one more.
Tensor same_convolution(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride,
                        const std::string& padding, Ints dilation, int64_t groups, int64_t n) {
    Dims zero(size_t(n), 0);
    if (padding == "valid")
        return batched_convolution(op, input, weight, bias, stride, zero, dilation, false, zero, groups, n);
    TAEDA_CHECK(padding == "same", "Invalid padding string: '", padding, "'; expected 'valid' or 'same'");
    for (int64_t s : stride)
        TAEDA_CHECK(s == 1, "padding='same' is not supported for strided convolutions, got stride ", stride);
    Dims both, odd(size_t(2 * n), 0);
    bool uneven = false;
    for (int64_t d = 0; d < n; ++d) {
        int64_t total = (dilation.size() == 1 ? dilation[0] : dilation[size_t(d)]) * (weight.size(d + 2) - 1);
        both.push_back(total / 2);
        odd[size_t(2 * (n - 1 - d) + 1)] = total % 2;
        uneven = uneven || total % 2;
    }
    Tensor x = uneven ? ops::constant_pad_nd(input, odd) : input;
    return batched_convolution(op, x, weight, bias, stride, both, dilation, false, zero, groups, n);
}

}  // namespace

#define TAEDA_CONV(n) \
    Tensor conv##n##d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride, Ints padding, \
                      Ints dilation, int64_t groups) { \
        return batched_convolution("conv" #n "d", input, weight, bias, stride, padding, dilation, false, Dims(n, 0), \
                                   groups, n); \
    } \
    Tensor conv##n##d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride, \
                      const std::string& padding, Ints dilation, int64_t groups) { \
        return same_convolution("conv" #n "d", input, weight, bias, stride, padding, dilation, groups, n); \
    } \
    Tensor conv_transpose##n##d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride, \
                                Ints padding, Ints output_padding, int64_t groups, Ints dilation) { \
        return batched_convolution("conv_transpose" #n "d", input, weight, bias, stride, padding, dilation, true, \
                                   output_padding, groups, n); \
    }
TAEDA_CONV(1)
TAEDA_CONV(2)
TAEDA_CONV(3)
#undef TAEDA_CONV

}  // namespace taeda::native
