// Max and average pooling. An output row is computed as a whole: for every tap of the window one vector loop
// over the row. With stride s the input row is first dealt out into s contiguous phases, so that these loops
// read contiguously.
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/pool.h"

namespace taeda {
namespace {

using cpu::each_vector;

// Taps [first, last) of a window along dimension d that lie inside the input, and where tap 0 lies.
struct Taps {
    int64_t first, last, start;
};
Taps taps(const PoolGeometry& g, int d, int64_t out) {
    int64_t start = out * g.stride[d] - g.padding[d], dilation = g.dilation[d];
    int64_t first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    int64_t room = g.input[d] - start;
    int64_t last = room <= 0 ? 0 : std::min(g.kernel[d], (room + dilation - 1) / dilation);
    return {first, std::max(first, last), start};
}

// One input row with its padding, in phases: element j of the padded row lies at phase j % stride, place j /
// stride.
template <class S> class Phases {
public:
    using T = op_type<S>;
    Phases(const PoolGeometry& g, T fill) : stride_(g.stride[2]), padding_(g.padding[2]), input_(g.input[2]) {
        int64_t reach = (g.output[2] - 1) * stride_ + (g.kernel[2] - 1) * g.dilation[2] + 1;
        length_ = (std::max(reach, padding_ + input_) + stride_ - 1) / stride_ + Vec<T>::size;
        values_.assign(size_t(length_ * stride_), fill);
    }
    void clear() { std::fill(values_.begin(), values_.end(), T(0)); }
    void fill(const S* row) {
        if (stride_ == 1) {
            each_vector<T>(input_, [&](int64_t i, auto count) {
                cpu::store_some(values_.data() + padding_ + i, cpu::load_some(row + i, count), count);
            });
            return;
        }
        int64_t done = std::min(input_, (stride_ - padding_ % stride_) % stride_);
        deal(row, 0, done);
        if (stride_ == 2) done = deal_vectors<2>(row, done);
        if (stride_ == 4) done = deal_vectors<4>(row, done);
        deal(row, done, input_);
    }
    // The row that `fill` would have read.
    void collect(T* row) const {
        for (int64_t phase = 0; phase < stride_; ++phase) {
            int64_t place = phase >= padding_ ? 0 : (padding_ - phase + stride_ - 1) / stride_;
            const T* from = values_.data() + phase * length_ + place;
            for (int64_t i = place * stride_ + phase - padding_; i < input_; i += stride_) row[i] = *from++;
        }
    }
    // Where tap `offset` (in elements) of the first window lies; the following windows lie behind it.
    const T* tap(int64_t offset) const { return values_.data() + offset % stride_ * length_ + offset / stride_; }
    T* tap(int64_t offset) { return const_cast<T*>(std::as_const(*this).tap(offset)); }

private:
    // Deals out elements [from, to) of the row.
    void deal(const S* row, int64_t from, int64_t to) {
        for (int64_t start = from; start < std::min(to, from + stride_); ++start) {
            T* place = tap(start + padding_);
            for (int64_t i = start; i < to; i += stride_) *place++ = T(row[i]);
        }
    }
    // Deals out whole vectors from element `i` on, which belongs to phase 0; returns where it stopped.
    template <int stride> int64_t deal_vectors(const S* row, int64_t i) {
        constexpr int64_t V = Vec<T>::size;
        T* to = tap(i + padding_);
        for (; i + stride * V <= input_; i += stride * V, to += V) {
            Vec<T> v[stride];
            for (int k = 0; k < stride; ++k) v[k] = load_vec(row + i + k * V);
            for (int k = 0; k < stride; k += 2) unzip(v[k], v[k + 1]);
            if constexpr (stride == 4) unzip(v[0], v[2]), unzip(v[1], v[3]);
            for (int k = 0; k < stride; ++k) v[k].store(to + k * length_);
        }
        return i;
    }
    // The even elements of both into a, the odd ones into b.
    static void unzip(Vec<T>& a, Vec<T>& b) {
        native::integers<T> even;
        for (int i = 0; i < Vec<T>::size; ++i) even[i] = native::int_of<T>(2 * i);
        Vec<T> first(__builtin_shuffle(a.v, b.v, even));
        b = Vec<T>(__builtin_shuffle(a.v, b.v, even + native::int_of<T>(1)));
        a = first;
    }

    int64_t stride_, padding_, input_, length_;
    std::vector<T> values_;
};

// f(plane, depth, row) with scratch space made once per piece of the loop.
template <class Make, class F> void each_plane(int64_t planes, const PoolGeometry& g, Make&& make, F&& f) {
    int64_t work = g.output_size() * g.kernel[0] * g.kernel[1] * g.kernel[2];
    cpu::parallel_for(0, planes, cpu::row_grain(work), [&](int64_t from, int64_t to) {
        auto scratch = make();
        for (int64_t p = from; p < to; ++p)
            for (int64_t od = 0; od < g.output[0]; ++od)
                for (int64_t oh = 0; oh < g.output[1]; ++oh) f(scratch, p, od, oh);
    });
}

template <class S> struct MaxScratch {
    using T = op_type<S>;
    Phases<S> row;
    std::vector<int64_t> offsets;         // of the taps, in elements of the plane
    std::vector<T> best, tap, first_tap;  // tap: the number of a tap, as T
    MaxScratch(const PoolGeometry& g)
        : row(g, -std::numeric_limits<T>::infinity()),
          best(size_t(g.output[2] + Vec<T>::size)),
          tap(best.size()),
          first_tap(best.size()) {
        for (int64_t o = 0; o < g.output[2]; ++o) first_tap[size_t(o)] = T(taps(g, 2, o).first);
        for (int64_t kd = 0; kd < g.kernel[0]; ++kd)
            for (int64_t kh = 0; kh < g.kernel[1]; ++kh)
                for (int64_t kw = 0; kw < g.kernel[2]; ++kw)
                    offsets.push_back((kd * g.dilation[0] * g.input[1] + kh * g.dilation[1]) * g.input[2] +
                                      kw * g.dilation[2]);
    }
};

// Takes the taps of one input row into the running maxima of an output row.
template <class T> void take_max(T* best, T* which, const T* from, T tap, int64_t n) {
    for (int64_t i = 0; i < n; i += Vec<T>::size) {
        Vec<T> v = Vec<T>::load(from + i), old = Vec<T>::load(best + i);
        Mask<T> better = (v > old) | (v != v);
        select(better, v, old).store(best + i);
        select(better, Vec<T>(tap), Vec<T>::load(which + i)).store(which + i);
    }
}

template <class S> void max_row(MaxScratch<S>& s, S* out, int64_t* indices, const S* plane, const PoolGeometry& g,
                                int64_t od, int64_t oh) {
    using T = op_type<S>;
    Taps depth = taps(g, 0, od), height = taps(g, 1, oh);
    int64_t width = g.output[2], first = depth.first * g.kernel[1] + height.first;
    std::fill(s.best.begin(), s.best.end(), -std::numeric_limits<T>::infinity());
    for (int64_t o = 0; o < width; ++o) s.tap[size_t(o)] = s.first_tap[size_t(o)] + T(first * g.kernel[2]);
    for (int64_t kd = depth.first; kd < depth.last; ++kd)
        for (int64_t kh = height.first; kh < height.last; ++kh) {
            int64_t d = depth.start + kd * g.dilation[0], h = height.start + kh * g.dilation[1];
            s.row.fill(plane + (d * g.input[1] + h) * g.input[2]);
            for (int64_t kw = 0; kw < g.kernel[2]; ++kw)
                take_max(s.best.data(), s.tap.data(), s.row.tap(kw * g.dilation[2]),
                         T((kd * g.kernel[1] + kh) * g.kernel[2] + kw), width);
        }
    int64_t start = (depth.start * g.input[1] + height.start) * g.input[2] - g.padding[2];
    for (int64_t o = 0; o < width; ++o) {
        out[o] = S(s.best[size_t(o)]);
        indices[o] = start + o * g.stride[2] + s.offsets[size_t(s.tap[size_t(o)])];
    }
}

// How the windows of avg_pool divide: along each dimension the elements that count.
class Divisor {
public:
    Divisor(const PoolGeometry& g, bool count_padding, int64_t divisor) : divisor_(divisor) {
        for (int d = 0; d < 3; ++d)
            for (int64_t o = 0; o < g.output[d]; ++o) {
                int64_t start = o * g.stride[d] - g.padding[d];
                int64_t end = std::min(start + g.kernel[d], g.input[d] + g.padding[d]);
                if (!count_padding) end = std::min(end, g.input[d]), start = std::max<int64_t>(start, 0);
                counts_[d].push_back(end - start);
            }
    }
    // The divisors of an output row.
    template <class T> void row(T* to, int64_t od, int64_t oh) const {
        T outer = T(counts_[0][size_t(od)] * counts_[1][size_t(oh)]);
        for (size_t o = 0; o < counts_[2].size(); ++o) to[o] = divisor_ ? T(divisor_) : outer * T(counts_[2][o]);
    }

private:
    int64_t divisor_;
    std::vector<int64_t> counts_[3];
};

// -- integers: window by window, since counts and labels are pooled seldom ---------------------------------------------

// f(position in the plane) for every element of a window.
template <class F> void each_tap(const PoolGeometry& g, int64_t od, int64_t oh, int64_t ow, F&& f) {
    Taps depth = taps(g, 0, od), height = taps(g, 1, oh), width = taps(g, 2, ow);
    for (int64_t kd = depth.first; kd < depth.last; ++kd)
        for (int64_t kh = height.first; kh < height.last; ++kh)
            for (int64_t kw = width.first; kw < width.last; ++kw)
                f(((depth.start + kd * g.dilation[0]) * g.input[1] + height.start + kh * g.dilation[1]) * g.input[2] +
                  width.start + kw * g.dilation[2]);
}

template <class S> void max_pool_integers(S* out, int64_t* indices, const S* x, int64_t planes, const PoolGeometry& g) {
    each_plane(
        planes, g, [] { return 0; },
        [&](int, int64_t p, int64_t od, int64_t oh) {
            const S* plane = x + p * g.input_size();
            for (int64_t ow = 0; ow < g.output[2]; ++ow) {
                int64_t at = ((p * g.output[0] + od) * g.output[1] + oh) * g.output[2] + ow, best = -1;
                each_tap(g, od, oh, ow, [&](int64_t i) {
                    if (best < 0 || plane[i] > plane[best]) best = i;
                });
                out[at] = best < 0 ? std::numeric_limits<S>::lowest() : plane[best];
                if (indices) indices[at] = std::max<int64_t>(best, 0);
            }
        });
}

template <class S>
void avg_pool_integers(S* out, const S* x, int64_t planes, const PoolGeometry& g, const Divisor& divide) {
    each_plane(
        planes, g, [&] { return std::vector<int64_t>(size_t(g.output[2])); },
        [&](std::vector<int64_t>& divisors, int64_t p, int64_t od, int64_t oh) {
            const S* plane = x + p * g.input_size();
            divide.row(divisors.data(), od, oh);
            for (int64_t ow = 0; ow < g.output[2]; ++ow) {
                int64_t sum = 0;
                each_tap(g, od, oh, ow, [&](int64_t i) { sum += int64_t(plane[i]); });
                out[((p * g.output[0] + od) * g.output[1] + oh) * g.output[2] + ow] = S(sum / divisors[size_t(ow)]);
            }
        });
}

// As visit_real, with integers for `integers` and floating numbers for `floats`.
template <class I, class F> void visit_kinds(DType dtype, const char* op, I&& integers, F&& floats) {
    if (!is_integral(dtype)) return visit_floating(dtype, op, floats);
    visit_real(dtype, op, [&]<class S>() {
        if constexpr (std::is_integral_v<S>) integers.template operator()<S>();
    });
}

void max_pool_cpu(const Tensor& out, const Tensor& indices, const Tensor& x, const PoolGeometry& g) {
    if (out.numel() == 0) return;
    int64_t planes = out.numel() / g.output_size();
    auto floats = [&]<class S>() {
        each_plane(
            planes, g, [&] { return MaxScratch<S>(g); },
            [&](MaxScratch<S>& s, int64_t p, int64_t od, int64_t oh) {
                int64_t at = ((p * g.output[0] + od) * g.output[1] + oh) * g.output[2];
                max_row(s, out.data<S>() + at, indices.data<int64_t>() + at, x.data<S>() + p * g.input_size(), g, od,
                        oh);
            });
    };
    auto integers = [&]<class S>() {
        max_pool_integers(out.data<S>(), indices.data<int64_t>(), x.data<S>(), planes, g);
    };
    visit_kinds(x.dtype(), "max_pool", integers, floats);
}

// The maxima alone.
template <class S> struct MaxOnly {
    using T = op_type<S>;
    Phases<S> row;
    std::vector<T> best;
    explicit MaxOnly(const PoolGeometry& g)
        : row(g, -std::numeric_limits<T>::infinity()), best(size_t(g.output[2] + Vec<T>::size)) {}

    void operator()(S* out, const S* plane, const PoolGeometry& g, int64_t od, int64_t oh) {
        Taps depth = taps(g, 0, od), height = taps(g, 1, oh);
        std::fill(best.begin(), best.end(), -std::numeric_limits<T>::infinity());
        for (int64_t kd = depth.first; kd < depth.last; ++kd)
            for (int64_t kh = height.first; kh < height.last; ++kh) {
                int64_t d = depth.start + kd * g.dilation[0], h = height.start + kh * g.dilation[1];
                row.fill(plane + (d * g.input[1] + h) * g.input[2]);
                for (int64_t kw = 0; kw < g.kernel[2]; ++kw) {
                    const T* from = std::as_const(row).tap(kw * g.dilation[2]);
                    for (int64_t i = 0; i < g.output[2]; i += Vec<T>::size) {
                        Vec<T> v = Vec<T>::load(from + i), old = Vec<T>::load(best.data() + i);
                        select((v > old) | (v != v), v, old).store(best.data() + i);
                    }
                }
            }
        each_vector<T>(g.output[2], [&](int64_t i, auto count) {
            cpu::store_some(out + i, cpu::load_some(best.data() + i, count), count);
        });
    }
};

void max_pool_values_cpu(const Tensor& out, const Tensor& x, const PoolGeometry& g) {
    if (out.numel() == 0) return;
    int64_t planes = out.numel() / g.output_size();
    auto floats = [&]<class S>() {
        each_plane(
            planes, g, [&] { return MaxOnly<S>(g); },
            [&](MaxOnly<S>& maximum, int64_t p, int64_t od, int64_t oh) {
                int64_t at = ((p * g.output[0] + od) * g.output[1] + oh) * g.output[2];
                maximum(out.data<S>() + at, x.data<S>() + p * g.input_size(), g, od, oh);
            });
    };
    auto integers = [&]<class S>() { max_pool_integers<S>(out.data<S>(), nullptr, x.data<S>(), planes, g); };
    visit_kinds(x.dtype(), "max_pool", integers, floats);
}

void max_pool_grad_cpu(const Tensor& grad_x, const Tensor& grad_out, const Tensor& indices, int64_t planes) {
    if (grad_x.numel() == 0) return;
    visit_floating(grad_x.dtype(), "max_pool", [&]<class S>() {
        using T = op_type<S>;
        int64_t in = grad_x.numel() / planes, n = grad_out.numel() / planes;
        cpu::parallel_for(0, planes, cpu::row_grain(in + n), [&](int64_t from, int64_t to) {
            std::vector<T> sums(is_reduced_float<S> ? size_t(in) : 0);
            for (int64_t p = from; p < to; ++p) {
                const S* grad = grad_out.data<S>() + p * n;
                const int64_t* index = indices.data<int64_t>() + p * n;
                S* result = grad_x.data<S>() + p * in;
                T* total;
                if constexpr (is_reduced_float<S>) total = sums.data();
                else total = result;
                std::fill(total, total + in, T(0));
                for (int64_t i = 0; i < n; ++i) total[index[i]] += T(grad[i]);
                if constexpr (is_reduced_float<S>)
                    for (int64_t i = 0; i < in; ++i) result[i] = S(total[i]);
            }
        });
    });
}

template <class S> struct AvgScratch {
    Phases<S> row;
    std::vector<op_type<S>> sum, divisors;
    AvgScratch(const PoolGeometry& g)
        : row(g, 0), sum(size_t(g.output[2] + Vec<op_type<S>>::size)), divisors(size_t(g.output[2])) {}
};

void avg_pool_cpu(const Tensor& out, const Tensor& x, const PoolGeometry& g, bool count_padding, int64_t divisor) {
    if (out.numel() == 0) return;
    Divisor divide(g, count_padding, divisor);
    int64_t planes = out.numel() / g.output_size();
    auto floats = [&]<class S>() {
        using T = op_type<S>;
        auto row = [&](AvgScratch<S>& s, int64_t p, int64_t od, int64_t oh) {
            Taps depth = taps(g, 0, od), height = taps(g, 1, oh);
            std::fill(s.sum.begin(), s.sum.end(), T(0));
            for (int64_t kd = depth.first; kd < depth.last; ++kd)
                for (int64_t kh = height.first; kh < height.last; ++kh) {
                    int64_t at = ((p * g.input[0] + depth.start + kd) * g.input[1] + height.start + kh) * g.input[2];
                    s.row.fill(x.data<S>() + at);
                    for (int64_t kw = 0; kw < g.kernel[2]; ++kw) {
                        const T* from = s.row.tap(kw);
                        for (int64_t i = 0; i < g.output[2]; i += Vec<T>::size)
                            (Vec<T>::load(s.sum.data() + i) + Vec<T>::load(from + i)).store(s.sum.data() + i);
                    }
                }
            S* to = out.data<S>() + ((p * g.output[0] + od) * g.output[1] + oh) * g.output[2];
            divide.row(s.divisors.data(), od, oh);
            for (size_t o = 0; o < size_t(g.output[2]); ++o) to[o] = S(s.sum[o] / s.divisors[o]);
        };
        each_plane(planes, g, [&] { return AvgScratch<S>(g); }, row);
    };
    auto integers = [&]<class S>() { avg_pool_integers(out.data<S>(), x.data<S>(), planes, g, divide); };
    visit_kinds(x.dtype(), "avg_pool", integers, floats);
}

// The gradient of a plane. What an output row gives is the same for every input row that its windows cover.
template <class S> struct AvgGrad {
    using T = op_type<S>;
    const PoolGeometry& g;
    const Divisor& divide;
    Phases<S> phases;
    std::vector<T> total, line, shares;
    AvgGrad(const PoolGeometry& g, const Divisor& divide)
        : g(g), divide(divide), phases(g, 0), line(size_t(g.input[2])), shares(size_t(g.output[2] + Vec<T>::size)) {
        if constexpr (is_reduced_float<S>) total.resize(size_t(g.input_size()));
    }

    void plane(S* result, const S* grad) {
        int64_t in = g.input_size();
        T* sums;
        if constexpr (is_reduced_float<S>) sums = total.data();
        else sums = result;
        std::fill(sums, sums + in, T(0));
        for (int64_t od = 0; od < g.output[0]; ++od)
            for (int64_t oh = 0; oh < g.output[1]; ++oh)
                add_row(sums, grad + (od * g.output[1] + oh) * g.output[2], od, oh);
        if constexpr (is_reduced_float<S>)
            for (int64_t i = 0; i < in; ++i) result[i] = S(sums[i]);
    }

    void add_row(T* sums, const S* grad, int64_t od, int64_t oh) {
        divide.row(shares.data(), od, oh);
        for (int64_t o = 0; o < g.output[2]; ++o) shares[size_t(o)] = T(grad[o]) / shares[size_t(o)];
        phases.clear();
        for (int64_t kw = 0; kw < g.kernel[2]; ++kw) {
            T* to = phases.tap(kw);
            for (int64_t o = 0; o < g.output[2]; ++o) to[o] += shares[size_t(o)];
        }
        phases.collect(line.data());
        Taps depth = taps(g, 0, od), height = taps(g, 1, oh);
        for (int64_t kd = depth.first; kd < depth.last; ++kd)
            for (int64_t kh = height.first; kh < height.last; ++kh) {
                T* to = sums + ((depth.start + kd) * g.input[1] + height.start + kh) * g.input[2];
                for (int64_t i = 0; i < g.input[2]; ++i) to[i] += line[size_t(i)];
            }
    }
};

void avg_pool_grad_cpu(const Tensor& grad_x, const Tensor& grad_out, const PoolGeometry& g, bool count_padding,
                       int64_t divisor) {
    if (grad_x.numel() == 0) return;
    Divisor divide(g, count_padding, divisor);
    visit_floating(grad_x.dtype(), "avg_pool", [&]<class S>() {
        int64_t in = g.input_size(), planes = grad_x.numel() / in;
        int64_t grain = cpu::row_grain(in + g.output_size() * g.kernel[1] * g.kernel[2]);
        cpu::parallel_for(0, planes, grain, [&](int64_t from, int64_t to) {
            AvgGrad<S> grad(g, divide);
            for (int64_t p = from; p < to; ++p)
                grad.plane(grad_x.data<S>() + p * in, grad_out.data<S>() + p * g.output_size());
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, max_pool, max_pool_cpu)
TAEDA_REGISTER(cpu, max_pool_values, max_pool_values_cpu)
TAEDA_REGISTER(cpu, max_pool_grad, max_pool_grad_cpu)
TAEDA_REGISTER(cpu, avg_pool, avg_pool_cpu)
TAEDA_REGISTER(cpu, avg_pool_grad, avg_pool_grad_cpu)

}  // namespace taeda
