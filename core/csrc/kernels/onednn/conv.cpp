// Convolution through oneDNN. oneDNN picks the layouts it likes; tensors are reordered into and out of them.
#include "kernels/conv.h"
#include "kernels/onednn/program.h"

namespace taeda::onednn {
namespace {

using dnnl::algorithm;
using dnnl::memory;

// A primitive between reorders of its operands from our layouts into its own.
struct Plan {
    struct Operand {
        Program reorder;
        size_t bytes = 0;  // of the reordered copy
    };
    Program program;
    Operand inputs[2], output;
};

struct Shapes {
    Desc x, w, bias, out;              // as the tensors are
    Desc any_x, any_w, any_out;        // as oneDNN likes
    memory::dims stride, dilation, padding_begin, padding_end;
};

Desc any_layout(const Desc& d) { return Desc(d.get_dims(), d.get_data_type(), Tag::any); }

// w with its groups as a dimension of its own.
Desc describe_weight(const Tensor& w, int64_t groups) {
    Dims sizes = w.sizes();
    if (groups == 1) return describe(w);
    sizes[0] /= groups;
    sizes.insert(0, groups);
    return describe(sizes, contiguous_strides(sizes), w.dtype());
}

Shapes shapes_of(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& out, const ConvGeometry& g) {
    Shapes s;
    s.x = describe(x), s.w = describe_weight(w, g.groups), s.out = describe(out);
    if (bias.defined()) s.bias = describe(bias);
    s.any_x = any_layout(s.x), s.any_w = any_layout(s.w), s.any_out = any_layout(s.out);
    for (size_t i = 0; i < g.stride.size(); ++i) {
        int64_t in = x.size(int64_t(i) + 2), result = out.size(int64_t(i) + 2), p = g.padding[i];
        int64_t extent = (w.size(int64_t(i) + 2) - 1) * g.dilation[i] + 1;
        int64_t exact = (result - 1) * g.stride[i] + extent - in - p;
        bool symmetric = (in + 2 * p - extent) / g.stride[i] + 1 == result;
        s.stride.push_back(g.stride[i]);
        s.dilation.push_back(g.dilation[i] - 1);
        s.padding_begin.push_back(p);
        s.padding_end.push_back(symmetric ? p : exact);
    }
    return s;
}

Plan::Operand reordered(const Desc& from, const Desc& to) {
    Plan::Operand operand{reorder_program(from, to), 0};
    if (operand.reorder) operand.bytes = from == to ? 0 : std::max(from.get_size(), to.get_size());
    return operand;
}

Key key_of(int64_t kind, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& out, const ConvGeometry& g) {
    Key key{kind, g.groups, int64_t(x.dtype()), bias.defined()};
    key.add(x.sizes()).add(w.sizes()).add(out.sizes()).add(g.stride).add(g.padding).add(g.dilation);
    return key;
}

// Runs the plan: inputs in, `extra` (bias) untouched, output out.
void run(const Plan& plan, void* first, void* second, void* output, void* extra) {
    Workspace a(plan.inputs[0].bytes), b(plan.inputs[1].bytes), o(plan.output.bytes);
    if (a.data()) plan.inputs[0].reorder.run({first, a.data()});
    if (b.data()) plan.inputs[1].reorder.run({second, b.data()});
    void* pa = a.data() ? a.data() : first;
    void* pb = b.data() ? b.data() : second;
    void* po = o.data() ? o.data() : output;
    if (extra) plan.program.run({pa, pb, po, extra});
    else plan.program.run({pa, pb, po});
    if (o.data()) plan.output.reorder.run({o.data(), output});
}

Plan plan_forward(const Shapes& s, bool has_bias) {
    auto desc = has_bias ? dnnl::convolution_forward::primitive_desc(
                               engine(), dnnl::prop_kind::forward_training, algorithm::convolution_auto, s.any_x, s.any_w,
                               s.bias, s.any_out, s.stride, s.dilation, s.padding_begin, s.padding_end, attributes())
                         : dnnl::convolution_forward::primitive_desc(
                               engine(), dnnl::prop_kind::forward_training, algorithm::convolution_auto, s.any_x, s.any_w,
                               s.any_out, s.stride, s.dilation, s.padding_begin, s.padding_end, attributes());
    std::vector<std::pair<int, Desc>> arguments = {
        {DNNL_ARG_SRC, desc.src_desc()}, {DNNL_ARG_WEIGHTS, desc.weights_desc()}, {DNNL_ARG_DST, desc.dst_desc()}};
    if (has_bias) arguments.emplace_back(DNNL_ARG_BIAS, s.bias);
    return {Program(desc, dnnl::convolution_forward(desc), arguments),
            {reordered(s.x, desc.src_desc()), reordered(s.w, desc.weights_desc())},
            reordered(desc.dst_desc(), s.out)};
}

dnnl::convolution_forward::primitive_desc forward_hint(const Shapes& s, bool has_bias) {
    if (has_bias)
        return {engine(), dnnl::prop_kind::forward_training, algorithm::convolution_direct, s.any_x, s.any_w, s.bias,
                s.any_out, s.stride, s.dilation, s.padding_begin, s.padding_end, attributes()};
    return {engine(), dnnl::prop_kind::forward_training, algorithm::convolution_direct, s.any_x, s.any_w, s.any_out,
            s.stride, s.dilation, s.padding_begin, s.padding_end, attributes()};
}

Plan plan_input_grad(const Shapes& s) {
    dnnl::convolution_backward_data::primitive_desc desc(engine(), algorithm::convolution_direct, s.any_x, s.any_w,
                                                         s.any_out, s.stride, s.dilation, s.padding_begin, s.padding_end,
                                                         forward_hint(s, false), attributes());
    return {Program(desc, dnnl::convolution_backward_data(desc),
                    {{DNNL_ARG_DIFF_DST, desc.diff_dst_desc()},
                     {DNNL_ARG_WEIGHTS, desc.weights_desc()},
                     {DNNL_ARG_DIFF_SRC, desc.diff_src_desc()}}),
            {reordered(s.out, desc.diff_dst_desc()), reordered(s.w, desc.weights_desc())},
            reordered(desc.diff_src_desc(), s.x)};
}

Plan plan_weight_grad(const Shapes& s, bool has_bias) {
    auto hint = forward_hint(s, has_bias);
    auto desc = has_bias ? dnnl::convolution_backward_weights::primitive_desc(
                               engine(), algorithm::convolution_direct, s.any_x, s.any_w, s.bias, s.any_out, s.stride,
                               s.dilation, s.padding_begin, s.padding_end, hint, attributes())
                         : dnnl::convolution_backward_weights::primitive_desc(
                               engine(), algorithm::convolution_direct, s.any_x, s.any_w, s.any_out, s.stride, s.dilation,
                               s.padding_begin, s.padding_end, hint, attributes());
    std::vector<std::pair<int, Desc>> arguments = {{DNNL_ARG_SRC, desc.src_desc()},
                                                   {DNNL_ARG_DIFF_DST, desc.diff_dst_desc()},
                                                   {DNNL_ARG_DIFF_WEIGHTS, desc.diff_weights_desc()}};
    if (has_bias) arguments.emplace_back(DNNL_ARG_DIFF_BIAS, s.bias);
    return {Program(desc, dnnl::convolution_backward_weights(desc), arguments),
            {reordered(s.x, desc.src_desc()), reordered(s.out, desc.diff_dst_desc())},
            reordered(desc.diff_weights_desc(), s.w)};
}

Cache<Plan>& cache() {
    thread_local Cache<Plan> plans;
    return plans;
}

void conv_onednn(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& g) {
    const Plan& plan = cache().get(key_of(0, x, w, bias, out, g), [&] {
        return plan_forward(shapes_of(x, w, bias, out, g), bias.defined());
    });
    run(plan, x.raw(), w.raw(), out.raw(), bias.defined() ? bias.raw() : nullptr);
}

void conv_input_grad_onednn(const Tensor& grad_x, const Tensor& grad_out, const Tensor& w, const ConvGeometry& g) {
    const Plan& plan = cache().get(key_of(1, grad_x, w, Tensor(), grad_out, g),
                                   [&] { return plan_input_grad(shapes_of(grad_x, w, Tensor(), grad_out, g)); });
    run(plan, grad_out.raw(), w.raw(), grad_x.raw(), nullptr);
}

void conv_weight_grad_onednn(const Tensor& grad_w, const Tensor& grad_bias, const Tensor& x, const Tensor& grad_out,
                             const ConvGeometry& g) {
    const Plan& plan = cache().get(key_of(2, x, grad_w, grad_bias, grad_out, g), [&] {
        return plan_weight_grad(shapes_of(x, grad_w, grad_bias, grad_out, g), grad_bias.defined());
    });
    run(plan, x.raw(), grad_out.raw(), grad_w.raw(), grad_bias.defined() ? grad_bias.raw() : nullptr);
}

}  // namespace
}  // namespace taeda::onednn

namespace taeda {
TAEDA_REGISTER(cpu, conv, onednn::conv_onednn)
TAEDA_REGISTER(cpu, conv_input_grad, onednn::conv_input_grad_onednn)
TAEDA_REGISTER(cpu, conv_weight_grad, onednn::conv_weight_grad_onednn)
}  // namespace taeda
