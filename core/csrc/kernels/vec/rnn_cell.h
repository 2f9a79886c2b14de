// What the gates of recurrent cells do, for a number or a vector of numbers at a time: V is either, with the functions of
// kernels/vec.
#pragma once

#include "tensor/host_device.h"

namespace taeda {

template <class V> struct LstmGates {
    V in, keep, fresh, out;  // after their activations
};
template <class V> struct LstmState {
    V c, h;
};

template <class V> TAEDA_HD LstmGates<V> lstm_gates(V in, V keep, V fresh, V out) {
    return {vm::sigmoid(in), vm::sigmoid(keep), vm::tanh(fresh), vm::sigmoid(out)};
}
template <class V> TAEDA_HD LstmState<V> lstm_state(const LstmGates<V>& g, V c_before) {
    V c = g.keep * c_before + g.in * g.fresh;
    return {c, g.out * vm::tanh(c)};
}

// Gradients of the sums of the gates, and of the cell's state before the step; from those of the states after it.
template <class V> struct LstmGradients {
    LstmGates<V> sums;
    V c_before;
};
template <class V>
TAEDA_HD LstmGradients<V> lstm_gradients(const LstmGates<V>& g, V c, V c_before, V grad_c, V grad_h) {
    const V one(1), bent = vm::tanh(c), d = grad_c + grad_h * g.out * (one - bent * bent);
    return {{d * g.fresh * g.in * (one - g.in), d * c_before * g.keep * (one - g.keep),
             d * g.in * (one - g.fresh * g.fresh), grad_h * bent * g.out * (one - g.out)},
            d * g.keep};
}

// `inner` is the hidden state's share of the candidate, which the reset gate scales.
template <class V> struct GruGates {
    V reset, update, fresh, inner;
};
// From the shares of the input and of the hidden state.
template <class V>
TAEDA_HD GruGates<V> gru_gates(V in_reset, V in_update, V in_fresh, V of_reset, V of_update, V inner) {
    const V reset = vm::sigmoid(in_reset + of_reset), update = vm::sigmoid(in_update + of_update);
    return {reset, update, vm::tanh(in_fresh + reset * inner), inner};
}
template <class V> TAEDA_HD V gru_state(const GruGates<V>& g, V h_before) {
    return (h_before - g.fresh) * g.update + g.fresh;
}

// Gradients of the sums of the gates, of the hidden state's share of the candidate, and of the state before the step as far
// as it reaches that directly.
template <class V> struct GruGradients {
    V reset, update, fresh, inner, h_before;
};
template <class V> TAEDA_HD GruGradients<V> gru_gradients(const GruGates<V>& g, V h_before, V grad_h) {
    const V one(1), fresh = grad_h * (one - g.update) * (one - g.fresh * g.fresh);
    return {fresh * g.inner * g.reset * (one - g.reset), grad_h * (h_before - g.fresh) * g.update * (one - g.update),
            fresh, fresh * g.reset, grad_h * g.update};
}

}  // namespace taeda
