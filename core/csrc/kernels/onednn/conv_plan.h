// Convolution primitives between reorders of their operands from our layouts into those that oneDNN likes.
#pragma once

#include "kernels/conv.h"
#include "kernels/onednn/program.h"

namespace taeda::onednn {

// One convolution, or one piece of it: operand layouts as they are in memory.
struct ConvShapes {
    Desc x, w, bias, out;  // bias: zero where there is none
    Desc any_w;            // the weight layout that the primitive shall use: any, or that of another plan
    bool channels_last;    // x and out
    dnnl::memory::dims stride, dilation, padding_begin, padding_end;
    bool has_bias() const { return !bias.is_zero(); }
    bool has_groups() const { return w.get_ndims() > x.get_ndims(); }
};

struct ConvPlan {
    struct Operand {
        Desc layout;      // inside the primitive
        Program reorder;  // between ours and that; empty where they are the same
        size_t bytes() const { return reorder ? layout.get_size() : 0; }
    };
    Program program;
    std::string implementation;
    Operand x, w, out, bias;
};

// Whether both lie so. One of them alone, with one channel or position, may lie in both ways.
bool is_channels_last(const Tensor& x, const Tensor& out);
ConvShapes conv_shapes(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& out, const ConvGeometry& g);
// The same layout for `batch` samples; with `channels` > 0 only that many of them.
Desc piece(const Desc& whole, int64_t batch, int64_t channels = 0);

ConvPlan plan_conv(const ConvShapes& s);
ConvPlan plan_input_grad(const ConvShapes& s);
// The gradients of weight and bias are float32 inside.
ConvPlan plan_weight_grad(const ConvShapes& s);

enum class ConvPass : int64_t { forward, input_grad, weight_grad };
Key conv_key(ConvPass pass, const Tensor& x, const Tensor& w, bool bias, const Tensor& out, const ConvGeometry& g);

}  // namespace taeda::onednn
