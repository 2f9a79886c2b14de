// Whole layers of LSTM and GRU, in one direction: one kernel forward and one backward, and the backward pass again of
// operators that can be differentiated.
#include "autograd/state.h"
#include "kernels/copy.h"
#include "kernels/matmul.h"
#include "kernels/rnn.h"
#include "native.h"
#include "ops/operators.h"

namespace taeda::native {

namespace {

using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;
using Five = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;

// The steps in the order in which they run.
struct Order {
    int64_t length;
    bool reverse;
    int64_t operator[](int64_t i) const { return reverse ? length - 1 - i : i; }
    int64_t last() const { return (*this)[length - 1]; }
};

// Steps [from, from + count) of a contiguous (T, N, C) as one matrix (count * N, C).
Tensor steps_of(const Tensor& t, int64_t from, int64_t count) {
    return alias(t, {count * t.size(1), t.size(2)}, {t.size(2), 1}, t.offset() + from * t.stride(0));
}

Tensor copy_of(const Tensor& t) {
    Tensor result = empty_tensor(t.sizes(), t.dtype(), t.device());
    if (!result.is_meta()) copy_kernel(result.device().type, result, t);
    return result;
}

// The gradient of w_hh: the states before each step are the outputs one step earlier, and h_0.
Tensor hidden_weight_grad(const Tensor& grad_hidden, const Tensor& output, const Tensor& h_0, const Tensor& w_hh,
                          Order order) {
    Tensor grad = empty_tensor(w_hh.sizes(), w_hh.dtype(), w_hh.device());
    gemm(grad, ops::t(steps_of(grad_hidden, order[0], 1)), h_0);
    int64_t others = order.length - 1;
    if (others)
        gemm(grad, ops::t(steps_of(grad_hidden, order.reverse ? 0 : 1, others)),
             steps_of(output, order.reverse ? 1 : 0, others), 1);
    return grad;
}

Dims with_width(const Tensor& shares, int64_t width) { return {shares.size(0), shares.size(1), width}; }

Tensor stacked(const Tensors& steps) { return ops::stack(steps, 0); }

const Scalar kOne(1.0);

// The kernels read all of these as one dtype.
void check_dtypes(const char* name, const Tensor& shares, std::initializer_list<Tensor> others) {
    for (const Tensor& t : others)
        TAEDA_CHECK(!t.defined() || t.dtype() == shares.dtype(), name,
                    ": expected states, weights and shares of one dtype, got ", t.dtype(), " and ", shares.dtype());
}

}  // namespace

Five lstm_layer(const Tensor& shares, const Tensor& h_0, const Tensor& c_0, const Tensor& w_hh, bool reverse,
                bool keep) {
    check_dtypes("lstm_layer", shares, {h_0, c_0, w_hh});
    int64_t H = w_hh.size(1);
    auto empty = [&](int64_t width) {
        return empty_tensor(with_width(shares, width), shares.dtype(), shares.device());
    };
    Tensor output = empty(H), cells = empty(H), gates = empty(keep ? 4 * H : 0);
    Order order{shares.size(0), reverse};
    if (!output.is_meta())
        lstm_layer_kernel(output.device().type, output, cells, keep ? gates : Tensor(),
                          {ops::contiguous(shares), ops::contiguous(w_hh), reverse}, ops::contiguous(h_0),
                          ops::contiguous(c_0));
    return {output, copy_of(ops::select(output, 0, order.last())), copy_of(ops::select(cells, 0, order.last())), cells,
            gates};
}

Four fused_lstm_layer_backward(const Tensor& grad_output, const Tensor& grad_h_n, const Tensor& grad_c_n,
                               const Tensor& shares, const Tensor& h_0, const Tensor& c_0, const Tensor& w_hh,
                               const Tensor& output, const Tensor& cells, const Tensor& gates, bool reverse) {
    Tensor grad_shares = empty_tensor(shares.sizes(), shares.dtype(), shares.device());
    Tensor grad_h = copy_of(grad_h_n), grad_c = copy_of(grad_c_n);
    if (shares.is_meta()) return {grad_shares, grad_h, grad_c, ops::empty_like(w_hh)};
    lstm_layer_grad_kernel(shares.device().type, grad_shares, grad_h, grad_c, ops::contiguous(grad_output), cells,
                           gates, {shares, ops::contiguous(w_hh), reverse}, ops::contiguous(c_0));
    return {grad_shares, grad_h, grad_c, hidden_weight_grad(grad_shares, output, h_0, w_hh, {shares.size(0), reverse})};
}

Four lstm_layer_backward(const Tensor& grad_output, const Tensor& grad_h_n, const Tensor& grad_c_n,
                         const Tensor& shares, const Tensor& h_0, const Tensor& c_0, const Tensor& w_hh,
                         const Tensor& output, const Tensor& cells, const Tensor& gates, bool reverse) {
    if (!thread_state.grad_enabled)
        return ops::fused_lstm_layer_backward(grad_output, grad_h_n, grad_c_n, shares, h_0, c_0, w_hh, output, cells,
                                              gates, reverse);
    Order order{shares.size(0), reverse};
    Tensors h{h_0}, c{c_0};
    std::vector<Tensors> activations;
    for (int64_t i = 0; i < order.length; ++i) {
        Tensors g = ops::chunk(ops::select(shares, 0, order[i]) + ops::linear(h.back(), w_hh, Tensor()), 4, 1);
        g = {ops::sigmoid(g[0]), ops::sigmoid(g[1]), ops::tanh(g[2]), ops::sigmoid(g[3])};
        c.push_back(g[1] * c.back() + g[0] * g[2]);
        h.push_back(g[3] * ops::tanh(c.back()));
        activations.push_back(g);
    }
    Tensors grad_steps(size_t(order.length));
    Tensor grad_h = grad_h_n, grad_c = grad_c_n, grad_w = ops::zeros_like(w_hh);
    for (int64_t i = order.length - 1; i >= 0; --i) {
        const Tensors& g = activations[size_t(i)];
        Tensor bent = ops::tanh(c[size_t(i) + 1]), dh = grad_h + ops::select(grad_output, 0, order[i]);
        Tensor dc = grad_c + dh * g[3] * (kOne - bent * bent);
        Tensors parts{dc * g[2] * g[0] * (kOne - g[0]), dc * c[size_t(i)] * g[1] * (kOne - g[1]),
                      dc * g[0] * (kOne - g[2] * g[2]), dh * bent * g[3] * (kOne - g[3])};
        Tensor step = grad_steps[size_t(order[i])] = ops::cat(parts, 1);
        grad_h = ops::mm(step, w_hh);
        grad_c = dc * g[1];
        grad_w = grad_w + ops::mm(ops::t(step), h[size_t(i)]);
    }
    return {stacked(grad_steps), grad_h, grad_c, grad_w};
}

std::tuple<Tensor, Tensor, Tensor> gru_layer(const Tensor& shares, const Tensor& h_0, const Tensor& w_hh,
                                             const Tensor& b_hh, bool reverse, bool keep) {
    check_dtypes("gru_layer", shares, {h_0, w_hh, b_hh});
    int64_t H = w_hh.size(1);
    Tensor output = empty_tensor(with_width(shares, H), shares.dtype(), shares.device());
    Tensor gates = empty_tensor(with_width(shares, keep ? 4 * H : 0), shares.dtype(), shares.device());
    if (!output.is_meta())
        gru_layer_kernel(output.device().type, output, keep ? gates : Tensor(),
                         {ops::contiguous(shares), ops::contiguous(w_hh), reverse}, ops::contiguous(h_0),
                         b_hh.defined() ? ops::contiguous(b_hh) : b_hh);
    return {output, copy_of(ops::select(output, 0, Order{shares.size(0), reverse}.last())), gates};
}

Four fused_gru_layer_backward(const Tensor& grad_output, const Tensor& grad_h_n, const Tensor& shares,
                              const Tensor& h_0, const Tensor& w_hh, const Tensor& output, const Tensor& gates,
                              bool reverse) {
    Tensor grad_shares = empty_tensor(shares.sizes(), shares.dtype(), shares.device());
    Tensor grad_hidden = ops::empty_like(grad_shares), grad_h = copy_of(grad_h_n);
    Dims bias{shares.size(2)};
    if (shares.is_meta())
        return {grad_shares, grad_h, ops::empty_like(w_hh), empty_tensor(bias, shares.dtype(), shares.device())};
    gru_layer_grad_kernel(shares.device().type, grad_shares, grad_hidden, grad_h, ops::contiguous(grad_output), output,
                          gates, {shares, ops::contiguous(w_hh), reverse}, ops::contiguous(h_0));
    return {grad_shares, grad_h, hidden_weight_grad(grad_hidden, output, h_0, w_hh, {shares.size(0), reverse}),
            ops::sum(grad_hidden, Ints{0, 1})};
}

Four gru_layer_backward(const Tensor& grad_output, const Tensor& grad_h_n, const Tensor& shares, const Tensor& h_0,
                        const Tensor& w_hh, const Tensor& b_hh, const Tensor& output, const Tensor& gates,
                        bool reverse) {
    if (!thread_state.grad_enabled)
        return ops::fused_gru_layer_backward(grad_output, grad_h_n, shares, h_0, w_hh, output, gates, reverse);
    Order order{shares.size(0), reverse};
    Tensors h{h_0};
    std::vector<Tensors> activations;  // reset, update, fresh, inner
    for (int64_t i = 0; i < order.length; ++i) {
        Tensors x = ops::chunk(ops::select(shares, 0, order[i]), 3, 1);
        Tensors y = ops::chunk(ops::linear(h.back(), w_hh, b_hh), 3, 1);
        Tensor reset = ops::sigmoid(x[0] + y[0]), update = ops::sigmoid(x[1] + y[1]);
        Tensor fresh = ops::tanh(x[2] + reset * y[2]);
        h.push_back((h.back() - fresh) * update + fresh);
        activations.push_back({reset, update, fresh, y[2]});
    }
    Tensors share_steps(size_t(order.length)), hidden_steps(size_t(order.length));
    Tensor grad_h = grad_h_n, grad_w = ops::zeros_like(w_hh);
    for (int64_t i = order.length - 1; i >= 0; --i) {
        const Tensors& g = activations[size_t(i)];
        Tensor dh = grad_h + ops::select(grad_output, 0, order[i]);
        Tensor of_fresh = dh * (kOne - g[1]) * (kOne - g[2] * g[2]);
        Tensor of_update = dh * (h[size_t(i)] - g[2]) * g[1] * (kOne - g[1]);
        Tensor of_reset = of_fresh * g[3] * g[0] * (kOne - g[0]);
        share_steps[size_t(order[i])] = ops::cat(Tensors{of_reset, of_update, of_fresh}, 1);
        Tensor step = hidden_steps[size_t(order[i])] = ops::cat(Tensors{of_reset, of_update, of_fresh * g[0]}, 1);
        grad_h = dh * g[1] + ops::mm(step, w_hh);
        grad_w = grad_w + ops::mm(ops::t(step), h[size_t(i)]);
    }
    return {stacked(share_steps), grad_h, grad_w, ops::sum(stacked(hidden_steps), Ints{0, 1})};
}

}  // namespace taeda::native
