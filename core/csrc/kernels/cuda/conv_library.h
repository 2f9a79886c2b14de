// Convolutions by a library: cuDNN (cudnn.cpp), or plain loops where the GPU is emulated.
#pragma once

#include "kernels/conv.h"

namespace taeda::cuda {

enum class ConvPass : int64_t { forward, input_grad, weight_grad };

// The three tensors of a convolution (kernels/conv.h); the one that the pass computes is written, the others are read.
// Contiguous, of one dtype: float32, float16 or bfloat16. `allow_tf32`: float32 operands may be rounded to TF32.
struct ConvCall {
    ConvPass pass;
    const Tensor &x, &w, &out;
    const ConvGeometry& geometry;
    bool allow_tf32;
};

// Runs on the current stream of the tensors' device.
void library_conv(const ConvCall& call);

}  // namespace taeda::cuda
