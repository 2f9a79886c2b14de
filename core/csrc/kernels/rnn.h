// Layers of gated recurrent networks, in one direction, from the input's shares of the gates.
//
// T steps, N rows, H units. All tensors contiguous, float32 or float64, one dtype. `reverse`: the last step of the
// sequence comes first. What the gates are called is the order of their H columns in shares and w_hh.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

struct RnnLayer {
    Tensor shares;  // (T, N, G H): the input's share of the sums of the gates; G is 4 for LSTM, 3 for GRU
    Tensor w_hh;    // (G H, H)
    bool reverse = false;

    int64_t steps() const { return shares.size(0); }
    int64_t rows() const { return shares.size(1); }
    int64_t units() const { return w_hh.size(1); }
};

// Input gate, forget gate, candidate, output gate. output and cells (T, N, H): the states after each step. gates
// (T, N, 4 H): the gates after their activations; undefined: not wanted.
TAEDA_KERNEL("cpu", lstm_layer, const Tensor& output, const Tensor& cells, const Tensor& gates, const RnnLayer& layer,
             const Tensor& h_0, const Tensor& c_0)
// grad_shares like shares. grad_h, grad_c (N, H): in, the gradients of the last states; out, those of the first.
TAEDA_KERNEL("cpu", lstm_layer_grad, const Tensor& grad_shares, const Tensor& grad_h, const Tensor& grad_c,
             const Tensor& grad_output, const Tensor& cells, const Tensor& gates, const RnnLayer& layer,
             const Tensor& c_0)

// Reset gate, update gate, candidate. b_hh (3 H) or undefined. gates (T, N, 4 H): the gates after their activations, and
// the hidden state's share of the candidate; undefined: not wanted.
TAEDA_KERNEL("cpu", gru_layer, const Tensor& output, const Tensor& gates, const RnnLayer& layer, const Tensor& h_0,
             const Tensor& b_hh)
// grad_hidden like grad_shares: the gradient of h @ w_hh.T + b_hh. output: what gru_layer gave.
TAEDA_KERNEL("cpu", gru_layer_grad, const Tensor& grad_shares, const Tensor& grad_hidden, const Tensor& grad_h,
             const Tensor& grad_output, const Tensor& output, const Tensor& gates, const RnnLayer& layer,
             const Tensor& h_0)

}  // namespace taeda
