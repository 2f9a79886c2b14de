// Recurrent layers: for each step a matrix product and one launch for what the gates do with its sums.
#include "kernels/rnn.h"

#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"
#include "kernels/matmul.h"
#include "kernels/vec/scalar_math.h"

// After the functions of kernels/vec that it uses.
#include "kernels/vec/rnn_cell.h"

namespace taeda::cuda {

namespace {

// A place in the sequence: rows [now, now + N) of the states (T * N, ...) follow rows [before, before + N); before the
// first step, before is -1.
struct Step {
    int64_t now, before;
};

struct Shape {
    int64_t steps, N, H;
    bool reverse;

    explicit Shape(const RnnLayer& l) : steps(l.steps()), N(l.rows()), H(l.units()), reverse(l.reverse) {}
    int64_t place(int64_t i) const { return i < 0 ? -1 : (reverse ? steps - 1 - i : i) * N; }
    Step step(int64_t i) const { return {place(i), place(i - 1)}; }
    // Rows [place, place + N) of a tensor (T, N, width).
    Tensor rows_of(const Tensor& t, int64_t place) const {
        int64_t width = t.size(2);
        return alias(t, {N, width}, {width, 1}, t.offset() + place * width);
    }
};

// Unit `unit` of a row of a tensor (rows, gates * H), as gate 0; further gates lie H apart.
template <class T> __device__ T* gate(T* data, int64_t row, int gates, int64_t H, int64_t unit) {
    return data + row * gates * H + unit;
}
// The state before a step.
template <class T>
__device__ T state(const T* states, const T* first, const Step& s, int64_t row, int64_t H, int64_t unit) {
    return s.before < 0 ? first[row * H + unit] : states[(s.before + row) * H + unit];
}

// Four numbers of a unit.
template <class T> __device__ void store_four(T* to, int64_t H, T a, T b, T c, T d) {
    to[0] = a, to[H] = b, to[2 * H] = c, to[3 * H] = d;
}

template <class T> struct Lstm {
    static constexpr int kGates = 4;
    int64_t H;
    const T *shares, *c_0;
    T *output, *cells, *gates;

    __device__ void forward(const Step& s, int64_t row, int64_t unit, const T* sums) const {
        int64_t now = s.now + row;
        const T* share = gate(shares, now, 4, H, unit);
        const LstmGates<T> g =
            lstm_gates(sums[0] + share[0], sums[H] + share[H], sums[2 * H] + share[2 * H], sums[3 * H] + share[3 * H]);
        const LstmState<T> after = lstm_state(g, state<T>(cells, c_0, s, row, H, unit));
        cells[now * H + unit] = after.c;
        output[now * H + unit] = after.h;
        if (gates) store_four(gate(gates, now, 4, H, unit), H, g.in, g.keep, g.fresh, g.out);
    }
};

template <class T> struct LstmGrad {
    int64_t H;
    const T *gates, *cells, *c_0;
    T *grad_shares, *grad_c;

    // From the gradient of h after the step; returns what reaches h before it without the gates.
    __device__ T backward(const Step& s, int64_t row, int64_t unit, T grad_h) const {
        int64_t now = s.now + row;
        const T* kept = gate(gates, now, 4, H, unit);
        const LstmGradients<T> d =
            lstm_gradients<T>({kept[0], kept[H], kept[2 * H], kept[3 * H]}, cells[now * H + unit],
                              state<T>(cells, c_0, s, row, H, unit), grad_c[row * H + unit], grad_h);
        store_four(gate(grad_shares, now, 4, H, unit), H, d.sums.in, d.sums.keep, d.sums.fresh, d.sums.out);
        grad_c[row * H + unit] = d.c_before;
        return 0;
    }
};

template <class T> struct Gru {
    static constexpr int kGates = 3;
    int64_t H;
    const T *shares, *h_0, *bias;
    T *output, *gates;

    __device__ void forward(const Step& s, int64_t row, int64_t unit, const T* sums) const {
        int64_t now = s.now + row;
        const T* share = gate(shares, now, 3, H, unit);
        T hidden[3];
        for (int g = 0; g < 3; ++g) hidden[g] = sums[g * H] + (bias ? bias[g * H + unit] : T(0));
        const GruGates<T> g = gru_gates(share[0], share[H], share[2 * H], hidden[0], hidden[1], hidden[2]);
        output[now * H + unit] = gru_state(g, state<T>(output, h_0, s, row, H, unit));
        if (gates) store_four(gate(gates, now, 4, H, unit), H, g.reset, g.update, g.fresh, g.inner);
    }
};

template <class T> struct GruGrad {
    int64_t H;
    const T *gates, *output, *h_0;
    T *grad_shares, *grad_hidden;

    __device__ T backward(const Step& s, int64_t row, int64_t unit, T grad_h) const {
        int64_t now = s.now + row;
        const T* kept = gate(gates, now, 4, H, unit);
        const GruGradients<T> d = gru_gradients<T>({kept[0], kept[H], kept[2 * H], kept[3 * H]},
                                                   state<T>(output, h_0, s, row, H, unit), grad_h);
        T *share = gate(grad_shares, now, 3, H, unit), *hidden = gate(grad_hidden, now, 3, H, unit);
        share[0] = hidden[0] = d.reset, share[H] = hidden[H] = d.update;
        share[2 * H] = d.fresh, hidden[2 * H] = d.inner;
        return d.h_before;
    }
};

template <class T, class Cell> __global__ void forward_step(const Cell cell, Step s, int64_t N, const T* sums) {
    int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i < N * cell.H)
        cell.forward(s, i / cell.H, i % cell.H, gate(sums, i / cell.H, Cell::kGates, cell.H, i % cell.H));
}

// carried (N, H): the gradient of the state after the step, in; of the state before it, out. `sums`: what the gates of
// the next step add to it, or null behind the last. With s.now < 0 there is no step, only the sums are added.
template <class T, class Cell>
__global__ void backward_step(const Cell cell, Step s, int64_t N, const T* sums, const T* grad_output, T* carried) {
    int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= N * cell.H) return;
    T grad = carried[i] + (sums ? sums[i] : T(0));
    if (s.now >= 0) grad = cell.backward(s, i / cell.H, i % cell.H, grad + grad_output[s.now * cell.H + i]);
    carried[i] = grad;
}

constexpr unsigned kThreads = 256;
dim3 blocks_of(const Shape& s) { return dim3(unsigned(divide_up(s.N * s.H, kThreads))); }

template <class T, class Cell>
void run_forward(const Cell& cell, const Shape& s, const RnnLayer& layer, const Tensor& output, const Tensor& h_0) {
    if (s.N * s.H == 0) return;
    cudaStream_t stream = stream_of(output);
    Tensor sums = empty_tensor({s.N, Cell::kGates * s.H}, output.dtype(), output.device());
    for (int64_t i = 0; i < s.steps; ++i) {
        linear(sums, i ? s.rows_of(output, s.place(i - 1)) : h_0, layer.w_hh, Tensor());
        launch(stream, forward_step<T, Cell>, blocks_of(s), dim3(kThreads), 0, cell, s.step(i), s.N, sums.data<T>());
    }
}

// hidden_grad (T, N, gates * H): what the cell writes the gradients of its sums to.
template <class T, class Cell> void run_backward(const Cell& cell, const Shape& s, const RnnLayer& layer,
                                                 const Tensor& hidden_grad, const Tensor& grad_output, T* carried) {
    if (s.N * s.H == 0) return;
    cudaStream_t stream = stream_of(hidden_grad);
    Tensor sums = empty_tensor({s.N, s.H}, hidden_grad.dtype(), hidden_grad.device());
    for (int64_t i = s.steps - 1; i >= -1; --i) {
        bool last = i + 1 == s.steps;
        if (!last) gemm(sums, s.rows_of(hidden_grad, s.place(i + 1)), layer.w_hh);
        launch(stream, backward_step<T, Cell>, blocks_of(s), dim3(kThreads), 0, cell, s.step(i), s.N,
               last ? nullptr : sums.data<T>(), grad_output.data<T>(), carried);
    }
}

template <class T> T* data_or_null(const Tensor& t) { return t.defined() ? t.data<T>() : nullptr; }

// f.operator()<T>() for the dtypes that these kernels know.
template <class F> void visit(const RnnLayer& layer, F&& f) {
    if (layer.shares.dtype() == DType::float64) f.template operator()<double>();
    else f.template operator()<float>();
}

void lstm_layer_cuda(const Tensor& output, const Tensor& cells, const Tensor& gates, const RnnLayer& layer,
                     const Tensor& h_0, const Tensor& c_0) {
    visit(layer, [&]<class T>() {
        Shape s(layer);
        Lstm<T> cell{
            s.H, layer.shares.data<T>(), c_0.data<T>(), output.data<T>(), cells.data<T>(), data_or_null<T>(gates)};
        run_forward<T>(cell, s, layer, output, h_0);
    });
}

void lstm_layer_grad_cuda(const Tensor& grad_shares, const Tensor& grad_h, const Tensor& grad_c,
                          const Tensor& grad_output, const Tensor& cells, const Tensor& gates, const RnnLayer& layer,
                          const Tensor& c_0) {
    visit(layer, [&]<class T>() {
        Shape s(layer);
        LstmGrad<T> cell{s.H, gates.data<T>(), cells.data<T>(), c_0.data<T>(), grad_shares.data<T>(), grad_c.data<T>()};
        run_backward<T>(cell, s, layer, grad_shares, grad_output, grad_h.data<T>());
    });
}

void gru_layer_cuda(const Tensor& output, const Tensor& gates, const RnnLayer& layer, const Tensor& h_0,
                    const Tensor& b_hh) {
    visit(layer, [&]<class T>() {
        Shape s(layer);
        Gru<T> cell{s.H,
                    layer.shares.data<T>(),
                    h_0.data<T>(),
                    data_or_null<const T>(b_hh),
                    output.data<T>(),
                    data_or_null<T>(gates)};
        run_forward<T>(cell, s, layer, output, h_0);
    });
}

void gru_layer_grad_cuda(const Tensor& grad_shares, const Tensor& grad_hidden, const Tensor& grad_h,
                         const Tensor& grad_output, const Tensor& output, const Tensor& gates, const RnnLayer& layer,
                         const Tensor& h_0) {
    visit(layer, [&]<class T>() {
        Shape s(layer);
        GruGrad<T> cell{s.H,           gates.data<T>(),       output.data<T>(),
                        h_0.data<T>(), grad_shares.data<T>(), grad_hidden.data<T>()};
        run_backward<T>(cell, s, layer, grad_hidden, grad_output, grad_h.data<T>());
    });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, lstm_layer, cuda::lstm_layer_cuda)
TAEDA_REGISTER(cuda, lstm_layer_grad, cuda::lstm_layer_grad_cuda)
TAEDA_REGISTER(cuda, gru_layer, cuda::gru_layer_cuda)
TAEDA_REGISTER(cuda, gru_layer_grad, cuda::gru_layer_grad_cuda)
}  // namespace taeda
