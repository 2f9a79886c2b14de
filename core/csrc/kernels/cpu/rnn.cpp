// Recurrent layers. A task of a step is a few rows times a few units: one product gives the sums of all gates of these
// units, the activations follow while the sums are in the cache, and only whole steps wait for each other. The weights
// are dealt out once into panels that the products read from front to back.
#include "kernels/rnn.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/small_gemm.h"
#include "kernels/vec/vec_math.h"

// After the functions of kernels/vec that it uses.
#include "kernels/vec/rnn_cell.h"

namespace taeda {
namespace {

using cpu::each_vector;
using cpu::load_some;
using cpu::Scratch;
using cpu::store_some;

constexpr int64_t kRows = 48;                                       // of one task
template <class T> constexpr int64_t kForwardUnits = Vec<T>::size;  // of one task; a panel has them for every gate
template <class T> constexpr int64_t kBackwardUnits = 2 * Vec<T>::size;

struct Shape {
    int64_t steps, N, H;
    bool reverse;

    explicit Shape(const RnnLayer& l) : steps(l.steps()), N(l.rows()), H(l.units()), reverse(l.reverse) {}
    // Where the row `row` of the i-th step to run lies in (T * N, ...); -1 before the first step.
    int64_t place(int64_t i, int64_t row) const { return i < 0 ? -1 : (reverse ? steps - 1 - i : i) * N + row; }

    // f(first row, rows, first unit) for the tasks of one step, whose sums have `depth` terms.
    template <class F> void each_task(int64_t units, int64_t depth, F&& f) const {
        int64_t groups = (H + units - 1) / units, chunks = (N + kRows - 1) / kRows;
        int64_t grain = cpu::row_grain(std::min(N, kRows) * units * depth / 16);
        cpu::parallel_for(0, groups * chunks, grain, [&](int64_t from, int64_t to) {
            for (int64_t t = from; t < to; ++t) {
                int64_t row = t / groups * kRows;
                f(row, std::min(kRows, N - row), t % groups * units);
            }
        });
    }
};

// The columns of w_hh.T in panels (H, gates, units): those of a few units for every gate, zeros behind the last unit.
template <class T> Scratch<T> forward_panels(const T* w, int64_t gates, int64_t H) {
    constexpr int64_t units = kForwardUnits<T>;
    int64_t count = (H + units - 1) / units, columns = gates * units;
    Scratch<T> panels(count * columns * H);
    cpu::parallel_for(0, count, cpu::row_grain(columns * H), [&](int64_t from, int64_t to) {
        for (int64_t p = from; p < to; ++p) {
            T* panel = panels.data() + p * columns * H;
            int64_t first = p * units, inside = std::min(units, H - first);
            if (inside < units) std::fill(panel, panel + columns * H, T(0));
            for (int64_t gate = 0; gate < gates; ++gate)
                cpu::pack_columns<T>(panel + gate * units, columns, {w + (gate * H + first) * H, 1, H}, H, inside);
        }
    });
    return panels;
}

// The columns of w_hh (gates * H, H) in panels of a few units, zeros behind the last.
template <class T> Scratch<T> backward_panels(const T* w, int64_t gates, int64_t H) {
    constexpr int64_t units = kBackwardUnits<T>;
    int64_t count = (H + units - 1) / units;
    Scratch<T> panels(count * units * gates * H);
    cpu::parallel_for(0, count, cpu::row_grain(units * gates * H), [&](int64_t from, int64_t to) {
        for (int64_t p = from; p < to; ++p)
            for (int64_t k = 0; k < gates * H; ++k) {
                T* panel = panels.data() + (p * gates * H + k) * units;
                int64_t inside = std::min(units, H - p * units);
                std::copy_n(w + k * H + p * units, inside, panel);
                std::fill(panel + inside, panel + units, T(0));
            }
    });
    return panels;
}

template <class T> const T* data_or_null(const Tensor& t) { return t.defined() ? t.data<T>() : nullptr; }

// A row of the states (T * N, H), or of the first state.
template <class T> const T* state_row(const T* states, const T* first, int64_t place, int64_t row, int64_t H) {
    return place < 0 ? first + row * H : states + place * H;
}

// Four numbers of a unit, H apart.
template <class T, class Count> void store_four(T* to, int64_t H, const std::array<Vec<T>, 4>& values, Count count) {
    for (int64_t i = 0; i < 4; ++i) store_some(to + i * H, values[size_t(i)], count);
}

template <class T> struct Lstm {
    static constexpr int64_t kGates = 4;
    using V = Vec<T>;
    int64_t H;
    const T *shares, *c_0;
    T *output, *cells, *gates;

    template <class Count>
    void forward(int64_t now, int64_t before, int64_t row, int64_t unit, const T* sums, Count count) const {
        const T *share = shares + now * 4 * H + unit, *c = state_row<T>(cells, c_0, before, row, H) + unit;
        auto sum = [&](int64_t gate) {
            return V::load(sums + gate * kForwardUnits<T>) + load_some(share + gate * H, count);
        };
        const LstmGates<V> g = lstm_gates(sum(0), sum(1), sum(2), sum(3));
        const LstmState<V> state = lstm_state(g, load_some(c, count));
        store_some(cells + now * H + unit, state.c, count);
        store_some(output + now * H + unit, state.h, count);
        if (gates) store_four(gates + now * 4 * H + unit, H, {g.in, g.keep, g.fresh, g.out}, count);
    }
};

template <class T> struct LstmGrad {
    static constexpr int64_t kGates = 4;
    using V = Vec<T>;
    int64_t H;
    const T *gates, *cells, *c_0;
    T *grad_shares, *grad_c;

    const T* hidden_grad() const { return grad_shares; }
    // From the gradient of h after the step; returns what reaches h before it without the gates.
    template <class Count>
    V backward(int64_t now, int64_t before, int64_t row, int64_t unit, V grad_h, Count count) const {
        const T *kept = gates + now * 4 * H + unit, *c = state_row(cells, c_0, before, row, H) + unit;
        auto gate = [&](int64_t i) { return load_some(kept + i * H, count); };
        T* of_c = grad_c + row * H + unit;
        const LstmGradients<V> d =
            lstm_gradients<V>({gate(0), gate(1), gate(2), gate(3)}, load_some(cells + now * H + unit, count),
                              load_some(c, count), load_some(of_c, count), grad_h);
        store_four(grad_shares + now * 4 * H + unit, H, {d.sums.in, d.sums.keep, d.sums.fresh, d.sums.out}, count);
        store_some(of_c, d.c_before, count);
        return V(0);
    }
};

template <class T> struct Gru {
    static constexpr int64_t kGates = 3;
    using V = Vec<T>;
    int64_t H;
    const T *shares, *h_0, *bias;
    T *output, *gates;

    template <class Count>
    void forward(int64_t now, int64_t before, int64_t row, int64_t unit, const T* sums, Count count) const {
        const T *share = shares + now * 3 * H + unit, *h = state_row<T>(output, h_0, before, row, H) + unit;
        auto hidden = [&](int64_t gate) {
            V sum = V::load(sums + gate * kForwardUnits<T>);
            return bias ? sum + load_some(bias + gate * H + unit, count) : sum;
        };
        auto input = [&](int64_t gate) { return load_some(share + gate * H, count); };
        const GruGates<V> g = gru_gates(input(0), input(1), input(2), hidden(0), hidden(1), hidden(2));
        store_some(output + now * H + unit, gru_state(g, load_some(h, count)), count);
        if (gates) store_four(gates + now * 4 * H + unit, H, {g.reset, g.update, g.fresh, g.inner}, count);
    }
};

template <class T> struct GruGrad {
    static constexpr int64_t kGates = 3;
    using V = Vec<T>;
    int64_t H;
    const T *gates, *output, *h_0;
    T *grad_shares, *grad_hidden;

    const T* hidden_grad() const { return grad_hidden; }
    template <class Count>
    V backward(int64_t now, int64_t before, int64_t row, int64_t unit, V grad_h, Count count) const {
        const T *kept = gates + now * 4 * H + unit, *h = state_row(output, h_0, before, row, H) + unit;
        auto gate = [&](int64_t i) { return load_some(kept + i * H, count); };
        const GruGradients<V> d = gru_gradients<V>({gate(0), gate(1), gate(2), gate(3)}, load_some(h, count), grad_h);
        T *share = grad_shares + now * 3 * H + unit, *hidden = grad_hidden + now * 3 * H + unit;
        store_some(share, d.reset, count), store_some(share + H, d.update, count);
        store_some(share + 2 * H, d.fresh, count);
        store_some(hidden, d.reset, count), store_some(hidden + H, d.update, count);
        store_some(hidden + 2 * H, d.inner, count);
        return d.h_before;
    }
};

template <class T, class Cell> void run_forward(const Cell& cell, const Shape& s, const T* w, const T* h_0) {
    constexpr int64_t units = kForwardUnits<T>, G = Cell::kGates, columns = G * units;
    Scratch<T> panels = forward_panels(w, G, s.H);
    for (int64_t i = 0; i < s.steps; ++i)
        s.each_task(units, G * s.H, [&](int64_t first, int64_t rows, int64_t unit) {
            alignas(64) T sums[kRows * columns];
            const T* h = state_row<T>(cell.output, h_0, s.place(i - 1, first), first, s.H);
            cpu::product<T>({sums, columns, 1}, {h, s.H, 1}, {panels.data() + unit * G * s.H, columns, 1}, rows,
                            columns, s.H, {T(0), T(1), nullptr});
            for (int64_t row = first; row < first + rows; ++row)
                each_vector<T>(std::min(units, s.H - unit), [&](int64_t, auto count) {
                    cell.forward(s.place(i, row), s.place(i - 1, row), row, unit, sums + (row - first) * columns,
                                 count);
                });
        });
}

// grad_h: what reaches the state after the last step; at the end, the gradient of the first state.
template <class T, class Cell>
void run_backward(const Cell& cell, const Shape& s, const T* w, const T* grad_output, T* grad_h) {
    constexpr int64_t units = kBackwardUnits<T>;
    const int64_t depth = Cell::kGates * s.H;
    Scratch<T> panels = backward_panels(w, Cell::kGates, s.H);
    for (int64_t i = s.steps - 1; i >= -1; --i)
        s.each_task(units, depth, [&](int64_t first, int64_t rows, int64_t unit) {
            alignas(64) T sums[kRows * units];
            if (i + 1 == s.steps) std::fill(sums, sums + rows * units, T(0));
            else
                cpu::product<T>({sums, units, 1}, {cell.hidden_grad() + s.place(i + 1, first) * depth, depth, 1},
                                {panels.data() + unit * depth, units, 1}, rows, units, depth, {T(0), T(1), nullptr});
            for (int64_t row = first; row < first + rows; ++row)
                each_vector<T>(std::min(units, s.H - unit), [&](int64_t at, auto count) {
                    T* carried = grad_h + row * s.H + unit + at;
                    Vec<T> grad = load_some(carried, count) + Vec<T>::load(sums + (row - first) * units + at);
                    int64_t now = s.place(i, row);
                    if (i >= 0)
                        grad = cell.backward(now, s.place(i - 1, row), row, unit + at,
                                             grad + load_some(grad_output + now * s.H + unit + at, count), count);
                    store_some(carried, grad, count);
                });
        });
}

// f.operator()<T>() for the dtypes that these kernels know.
template <class F> void visit(const RnnLayer& layer, F&& f) {
    if (layer.shares.dtype() == DType::float64) f.template operator()<double>();
    else f.template operator()<float>();
}

void lstm_layer_cpu(const Tensor& output, const Tensor& cells, const Tensor& gates, const RnnLayer& layer,
                    const Tensor& h_0, const Tensor& c_0) {
    visit(layer, [&]<class T>() {
        Shape s(layer);
        Lstm<T> cell{s.H,
                     layer.shares.data<T>(),
                     c_0.data<T>(),
                     output.data<T>(),
                     cells.data<T>(),
                     gates.defined() ? gates.data<T>() : nullptr};
        run_forward(cell, s, layer.w_hh.data<T>(), h_0.data<T>());
    });
}

void lstm_layer_grad_cpu(const Tensor& grad_shares, const Tensor& grad_h, const Tensor& grad_c,
                         const Tensor& grad_output, const Tensor& cells, const Tensor& gates, const RnnLayer& layer,
                         const Tensor& c_0) {
    visit(layer, [&]<class T>() {
        Shape s(layer);
        LstmGrad<T> cell{s.H, gates.data<T>(), cells.data<T>(), c_0.data<T>(), grad_shares.data<T>(), grad_c.data<T>()};
        run_backward(cell, s, layer.w_hh.data<T>(), grad_output.data<T>(), grad_h.data<T>());
    });
}

void gru_layer_cpu(const Tensor& output, const Tensor& gates, const RnnLayer& layer, const Tensor& h_0,
                   const Tensor& b_hh) {
    visit(layer, [&]<class T>() {
        Shape s(layer);
        Gru<T> cell{s.H,
                    layer.shares.data<T>(),
                    h_0.data<T>(),
                    data_or_null<T>(b_hh),
                    output.data<T>(),
                    gates.defined() ? gates.data<T>() : nullptr};
        run_forward(cell, s, layer.w_hh.data<T>(), h_0.data<T>());
    });
}

void gru_layer_grad_cpu(const Tensor& grad_shares, const Tensor& grad_hidden, const Tensor& grad_h,
                        const Tensor& grad_output, const Tensor& output, const Tensor& gates, const RnnLayer& layer,
                        const Tensor& h_0) {
    visit(layer, [&]<class T>() {
        Shape s(layer);
        GruGrad<T> cell{s.H,           gates.data<T>(),       output.data<T>(),
                        h_0.data<T>(), grad_shares.data<T>(), grad_hidden.data<T>()};
        run_backward(cell, s, layer.w_hh.data<T>(), grad_output.data<T>(), grad_h.data<T>());
    });
}

}  // namespace

TAEDA_REGISTER(cpu, lstm_layer, lstm_layer_cpu)
TAEDA_REGISTER(cpu, lstm_layer_grad, lstm_layer_grad_cpu)
TAEDA_REGISTER(cpu, gru_layer, gru_layer_cpu)
TAEDA_REGISTER(cpu, gru_layer_grad, gru_layer_grad_cpu)

}  // namespace taeda
