// Recurrent networks: the input's share of all gates in one product, then step by step.
#include "autograd/state.h"
#include "native.h"
#include "ops/operators.h"

namespace taeda::native {

namespace {

struct State {
    Tensor h, c;  // c: LSTM only
};

struct Weights {
    Tensor input, hidden, input_bias, hidden_bias;
};

// One step from the input's share of the gates.
using Step = State (*)(const Tensor& share, const State& state, const Weights& w);

Tensor hidden_share(const State& s, const Weights& w) { return ops::linear(s.h, w.hidden, w.hidden_bias); }

State lstm_step(const Tensor& share, const State& s, const Weights& w) {
    Tensors gates = ops::chunk(share + hidden_share(s, w), 4, 1);
    Tensor c = ops::sigmoid(gates[1]) * s.c + ops::sigmoid(gates[0]) * ops::tanh(gates[2]);
    return {ops::sigmoid(gates[3]) * ops::tanh(c), c};
}

State gru_step(const Tensor& share, const State& s, const Weights& w) {
    Tensors x = ops::chunk(share, 3, 1), h = ops::chunk(hidden_share(s, w), 3, 1);
    Tensor reset = ops::sigmoid(x[0] + h[0]), update = ops::sigmoid(x[1] + h[1]);
    Tensor fresh = ops::tanh(x[2] + reset * h[2]);
    return {(s.h - fresh) * update + fresh, Tensor()};
}

State tanh_step(const Tensor& share, const State& s, const Weights& w) {
    return {ops::tanh(share + hidden_share(s, w)), Tensor()};
}
State relu_step(const Tensor& share, const State& s, const Weights& w) {
    return {ops::relu(share + hidden_share(s, w)), Tensor()};
}

// From this many rows on, over all steps, dealing out the weights of a whole layer pays.
constexpr int64_t kWholeLayerRows = 16;

// Dtypes differ where a mode converts products; single steps take that as it comes.
bool whole_layer(Step step, const Tensor& shares, const State& state, const Weights& w) {
    DType dtype = shares.dtype();
    for (const Tensor& t : {state.h, state.c, w.hidden, w.hidden_bias})
        if (t.defined() && t.dtype() != dtype) return false;
    return (step == lstm_step || step == gru_step) && (dtype == DType::float32 || dtype == DType::float64) &&
           shares.size(0) * shares.size(1) >= kWholeLayerRows;
}

// run_layer by a kernel for all steps.
std::pair<Tensor, State> run_whole_layer(Step step, const Tensor& shares, const State& state, const Weights& w,
                                         bool backwards) {
    bool keep = false;
    for (const Tensor& t : {shares, state.h, state.c, w.hidden, w.hidden_bias})
        keep |= thread_state.grad_enabled && t.defined() && t.requires_grad();
    if (step == lstm_step) {
        auto [output, h, c, cells, gates] = ops::lstm_layer(shares, state.h, state.c, w.hidden, backwards, keep);
        return {output, {h, c}};
    }
    auto [output, h, gates] = ops::gru_layer(shares, state.h, w.hidden, w.hidden_bias, backwards, keep);
    return {output, {h, Tensor()}};
}

// One layer in one direction over (T, N, C): all outputs (T, N, H), and the last state.
std::pair<Tensor, State> run_layer(Step step, const Tensor& input, State state, Weights w, bool backwards) {
    if (step == lstm_step && w.input_bias.defined()) {  // the biases of an LSTM are only ever added up
        w.input_bias = w.input_bias + w.hidden_bias;
        w.hidden_bias = Tensor();
    }
    Tensor all = ops::linear(input, w.input, w.input_bias);
    if (whole_layer(step, all, state, w)) return run_whole_layer(step, all, state, w, backwards);
    Tensors shares = ops::unbind(all, 0), outputs(shares.size());
    for (size_t i = 0; i < shares.size(); ++i) {
        size_t t = backwards ? shares.size() - 1 - i : i;
        state = step(shares[t], state, w);
        outputs[t] = state.h;
    }
    return {ops::stack(outputs, 0), state};
}

struct Network {
    const char* name;
    Step step;
    int64_t num_layers;
    bool has_biases, bidirectional, batch_first, train;
    double dropout;

    size_t directions() const { return bidirectional ? 2 : 1; }
    Weights weights(TensorList params, size_t which) const {
        if (!has_biases) return {params[2 * which], params[2 * which + 1], Tensor(), Tensor()};
        return {params[4 * which], params[4 * which + 1], params[4 * which + 2], params[4 * which + 3]};
    }

    void check(const Tensor& input, TensorList states, TensorList params) const {
        size_t runs = size_t(num_layers) * directions();
        TAEDA_CHECK(input.dim() == 3, name, ": expected input of shape ", batch_first ? "(N, T, C)" : "(T, N, C)",
                    ", got shape ", input.sizes());
        TAEDA_CHECK(params.size() == runs * (has_biases ? 4 : 2), name, ": expected ", runs * (has_biases ? 4 : 2),
                    " parameters (", has_biases ? "w_ih, w_hh, b_ih, b_hh" : "w_ih, w_hh",
                    " for each layer and direction), got ", params.size());
        TAEDA_CHECK(input.size(2) == params[0].size(1), name, ": input.size(-1) must be equal to input_size. Expected ",
                    params[0].size(1), ", got ", input.size(2));
        Dims expected{int64_t(runs), input.size(batch_first ? 0 : 1), params[1].size(1)};
        for (const Tensor& s : states)
            TAEDA_CHECK(s.sizes() == Ints(expected), name, ": Expected hidden size ", expected, ", got ", s.sizes());
        TAEDA_CHECK(input.size(batch_first ? 1 : 0) > 0, name, ": expected sequence length to be larger than 0 in RNN");
    }

    // states: h, or h and c.
    std::tuple<Tensor, Tensor, Tensor> run(const Tensor& input, TensorList states, TensorList params) const {
        check(input, states, params);
        Tensor data = batch_first ? ops::transpose(input, 0, 1) : input;
        Tensors last_h, last_c;
        for (size_t layer = 0; layer < size_t(num_layers); ++layer) {
            Tensors outputs;
            for (size_t direction = 0; direction < directions(); ++direction) {
                size_t which = layer * directions() + direction;
                State first{ops::select(states[0], 0, int64_t(which)),
                            states.size() > 1 ? ops::select(states[1], 0, int64_t(which)) : Tensor()};
                auto [output, last] = run_layer(step, data, first, weights(params, which), direction == 1);
                outputs.push_back(output);
                last_h.push_back(last.h);
                last_c.push_back(last.c);
            }
            data = outputs.size() == 1 ? outputs[0] : ops::cat(outputs, 2);
            if (dropout > 0 && train && layer + 1 < size_t(num_layers)) data = ops::dropout(data, dropout, true);
        }
        return {batch_first ? ops::transpose(data, 0, 1) : data, ops::stack(last_h, 0),
                states.size() > 1 ? ops::stack(last_c, 0) : Tensor()};
    }
};

State cell(const char* name, Step step, const Tensor& input, const State& state, const Weights& w) {
    TAEDA_CHECK(input.dim() == 2 && input.size(1) == w.input.size(1), name, ": expected input of shape (N, ",
                w.input.size(1), "), got shape ", input.sizes());
    TAEDA_CHECK(state.h.dim() == 2 && state.h.size(0) == input.size(0) && state.h.size(1) == w.hidden.size(1), name,
                ": expected a hidden state of shape (", input.size(0), ", ", w.hidden.size(1), "), got shape ",
                state.h.sizes());
    return step(ops::linear(input, w.input, w.input_bias), state, w);
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& input, TensorList hx, TensorList params, bool has_biases,
                                        int64_t num_layers, double dropout, bool train, bool bidirectional,
                                        bool batch_first) {
    TAEDA_CHECK(hx.size() == 2, "lstm: expected two states (h_0, c_0), got ", hx.size());
    Network network{"lstm", lstm_step, num_layers, has_biases, bidirectional, batch_first, train, dropout};
    return network.run(input, hx, params);
}

std::tuple<Tensor, Tensor> lstm_cell(const Tensor& input, TensorList hx, const Tensor& w_ih, const Tensor& w_hh,
                                     const Tensor& b_ih, const Tensor& b_hh) {
    TAEDA_CHECK(hx.size() == 2, "lstm_cell: expected two states (h_0, c_0), got ", hx.size());
    State last = cell("lstm_cell", lstm_step, input, {hx[0], hx[1]}, {w_ih, w_hh, b_ih, b_hh});
    return {last.h, last.c};
}

#define TAEDA_RECURRENT(NAME, STEP) \
    std::tuple<Tensor, Tensor> NAME(const Tensor& input, const Tensor& hx, TensorList params, bool has_biases, \
                                    int64_t num_layers, double dropout, bool train, bool bidirectional, \
                                    bool batch_first) { \
        Network network{#NAME, STEP, num_layers, has_biases, bidirectional, batch_first, train, dropout}; \
        auto [output, last, unused] = network.run(input, TensorList(&hx, 1), params); \
        return {output, last}; \
    } \
    Tensor NAME##_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh, \
                       const Tensor& b_ih, const Tensor& b_hh) { \
        return cell(#NAME "_cell", STEP, input, {hx, Tensor()}, {w_ih, w_hh, b_ih, b_hh}).h; \
    }
TAEDA_RECURRENT(gru, gru_step)
TAEDA_RECURRENT(rnn_tanh, tanh_step)
TAEDA_RECURRENT(rnn_relu, relu_step)
#undef TAEDA_RECURRENT

}  // namespace taeda::native
