#include "kernels/onednn/conv_plan.h"

#include "tensor/channels_last.h"

namespace taeda::onednn {
namespace {

using dnnl::algorithm;

// float16 is computed in float32: the reorders convert.
Type inside_type(const Desc& d) { return d.get_data_type() == Type::f16 ? Type::f32 : d.get_data_type(); }
Desc any_layout(const Desc& d) { return Desc(d.get_dims(), inside_type(d), Tag::any); }
Desc plain_bias(const Desc& d, Type type) { return d.is_zero() ? Desc() : Desc(d.get_dims(), type, Tag::a); }

// An activation inside of a primitive: as it lies if that is channels last, which needs no reorder then.
Desc activation_layout(const ConvShapes& s, const Desc& d) {
    const bool as_it_lies = s.channels_last && !s.has_groups() && inside_type(d) == d.get_data_type();
    return as_it_lies ? d : any_layout(d);
}

Desc describe_activation(const Tensor& t, bool channels_last) {
    return describe(t.sizes(), channels_last ? channels_last_strides(t.sizes()) : contiguous_strides(t.sizes()),
                    t.dtype());
}

// w with its groups as a dimension of its own.
Desc describe_weight(const Tensor& w, int64_t groups) {
    Dims sizes = w.sizes();
    if (groups == 1) return describe(w);
    sizes[0] /= groups;
    sizes.insert(0, groups);
    return describe(sizes, contiguous_strides(sizes), w.dtype());
}

constexpr algorithm kDirect = algorithm::convolution_direct;

dnnl::convolution_forward::primitive_desc forward_desc(const ConvShapes& s, const Desc& w) {
    Desc x = activation_layout(s, s.x), out = activation_layout(s, s.out);
    constexpr auto kind = dnnl::prop_kind::forward_training;
    if (!s.has_bias())
        return {engine(), kind, kDirect, x, w, out, s.stride, s.dilation, s.padding_begin, s.padding_end, attributes()};
    return {engine(),
            kind,
            kDirect,
            x,
            w,
            plain_bias(s.bias, inside_type(s.bias)),
            out,
            s.stride,
            s.dilation,
            s.padding_begin,
            s.padding_end,
            attributes()};
}

ConvPlan::Operand entering(const Desc& ours, const Desc& inside) { return {inside, reorder_program(ours, inside)}; }
ConvPlan::Operand leaving(const Desc& inside, const Desc& ours) { return {inside, reorder_program(inside, ours)}; }

}  // namespace

bool is_channels_last(const Tensor& x, const Tensor& out) {
    return taeda::is_channels_last(x) || taeda::is_channels_last(out);
}

ConvShapes conv_shapes(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& out, const ConvGeometry& g) {
    ConvShapes s;
    s.channels_last = is_channels_last(x, out);
    s.x = describe_activation(x, s.channels_last), s.out = describe_activation(out, s.channels_last);
    s.w = describe_weight(w, g.groups);
    if (bias.defined()) s.bias = describe(bias);
    s.any_w = any_layout(s.w);
    for (size_t i = 0; i < g.stride.size(); ++i) {
        int64_t in = x.size(int64_t(i) + 2), result = out.size(int64_t(i) + 2), padding = g.padding[i];
        int64_t extent = (w.size(int64_t(i) + 2) - 1) * g.dilation[i] + 1;
        int64_t exact = (result - 1) * g.stride[i] + extent - in - padding;
        bool symmetric = (in + 2 * padding - extent) / g.stride[i] + 1 == result;
        s.stride.push_back(g.stride[i]);
        s.dilation.push_back(g.dilation[i] - 1);
        s.padding_begin.push_back(padding);
        s.padding_end.push_back(symmetric ? padding : exact);
    }
    return s;
}

Desc piece(const Desc& whole, int64_t batch, int64_t channels) {
    dnnl::memory::dims sizes = whole.get_dims();
    sizes[0] = batch;
    if (channels) sizes[1] = channels;
    return Desc(sizes, whole.get_data_type(), whole.get_strides());
}

ConvPlan plan_conv(const ConvShapes& s) {
    auto desc = forward_desc(s, s.any_w);
    std::vector<std::pair<int, Desc>> arguments = {
        {DNNL_ARG_SRC, desc.src_desc()}, {DNNL_ARG_WEIGHTS, desc.weights_desc()}, {DNNL_ARG_DST, desc.dst_desc()}};
    Desc bias = plain_bias(s.bias, s.has_bias() ? inside_type(s.bias) : Type::f32);
    if (s.has_bias()) arguments.emplace_back(DNNL_ARG_BIAS, bias);
    return {Program(desc, dnnl::convolution_forward(desc), arguments),
            desc.impl_info_str(),
            entering(s.x, desc.src_desc()),
            entering(s.w, desc.weights_desc()),
            leaving(desc.dst_desc(), s.out),
            entering(s.bias, bias)};
}

ConvPlan plan_input_grad(const ConvShapes& s) {
    dnnl::convolution_backward_data::primitive_desc desc(
        engine(), kDirect, activation_layout(s, s.x), s.any_w, activation_layout(s, s.out), s.stride, s.dilation,
        s.padding_begin, s.padding_end, forward_desc(s, any_layout(s.w)), attributes());
    return {Program(desc, dnnl::convolution_backward_data(desc),
                    {{DNNL_ARG_DIFF_DST, desc.diff_dst_desc()},
                     {DNNL_ARG_WEIGHTS, desc.weights_desc()},
                     {DNNL_ARG_DIFF_SRC, desc.diff_src_desc()}}),
            desc.impl_info_str(),
            leaving(desc.diff_src_desc(), s.x),
            entering(s.w, desc.weights_desc()),
            entering(s.out, desc.diff_dst_desc()),
            {}};
}

namespace {

// What a weight gradient is computed with. oneDNN's bfloat16 kernel adds what lies behind the input where a stride leaves
// one column of positions, and of volumes reads and writes beyond its memory: float32 is used there.
ConvShapes inside_weight_grad(const ConvShapes& s) {
    ConvShapes inside = s;
    inside.channels_last = false;
    if (s.stride.size() == 3 || (s.out.get_dims().back() == 1 && s.stride.back() > 1))
        for (Desc* d : {&inside.x, &inside.w, &inside.out, &inside.bias})
            if (!d->is_zero()) *d = Desc(d->get_dims(), Type::f32, d->get_strides());
    return inside;
}

}  // namespace

ConvPlan plan_weight_grad(const ConvShapes& s) {
    using Backward = dnnl::convolution_backward_weights;
    const ConvShapes inside = inside_weight_grad(s);
    Desc w(s.any_w), bias = plain_bias(s.bias, Type::f32), x = any_layout(inside.x), out = any_layout(inside.out);
    auto hint = forward_desc(inside, any_layout(inside.w));
    auto desc = s.has_bias() ? Backward::primitive_desc(engine(), kDirect, x, w, bias, out, s.stride, s.dilation,
                                                        s.padding_begin, s.padding_end, hint, attributes())
                             : Backward::primitive_desc(engine(), kDirect, x, w, out, s.stride, s.dilation,
                                                        s.padding_begin, s.padding_end, hint, attributes());
    std::vector<std::pair<int, Desc>> arguments = {{DNNL_ARG_SRC, desc.src_desc()},
                                                   {DNNL_ARG_DIFF_DST, desc.diff_dst_desc()},
                                                   {DNNL_ARG_DIFF_WEIGHTS, desc.diff_weights_desc()}};
    if (s.has_bias()) arguments.emplace_back(DNNL_ARG_DIFF_BIAS, bias);
    return {Program(desc, Backward(desc), arguments), desc.impl_info_str(),
            entering(s.x, desc.src_desc()),           leaving(desc.diff_weights_desc(), s.w),
            entering(s.out, desc.diff_dst_desc()),    {}};
}

Key conv_key(ConvPass pass, const Tensor& x, const Tensor& w, bool bias, const Tensor& out, const ConvGeometry& g) {
    Key key{int64_t(pass), g.groups, int64_t(x.dtype()), bias, is_channels_last(x, out)};
    key.add(x.sizes()).add(w.sizes()).add(out.sizes()).add(g.stride).add(g.padding).add(g.dilation);
    return key;
}

}  // namespace taeda::onednn
