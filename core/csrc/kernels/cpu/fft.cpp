// Fourier transforms. A long row is transformed in two steps on vectors of its own neighbours; several short rows at
// once, one in each lane of the vectors; and along a dimension that others follow, the lanes are these others.
#include "kernels/fft.h"

#include <list>
#include <mutex>

#include "kernels/cpu/fft_real.h"
#include "kernels/cpu/fft_two_step.h"

namespace taeda::cpu {
namespace {

constexpr size_t kPlansKept = 32;
constexpr int64_t kFewRows = 3;          // fewer leave most lanes empty
constexpr int64_t kLongRow = 1 << 14;    // longer ones leave the second-level cache when several are in work
constexpr int64_t kSharedRow = 1 << 14;  // longer ones are worth several threads, where there are few of them
constexpr int64_t kSharedRows = 8;

// How complex rows of length n are transformed.
template <class T> class RowPlan {
public:
    explicit RowPlan(int64_t n) : n_(n) {
        if (int64_t p = TwoStepPlan<T>::split(n)) two_step_ = std::make_unique<TwoStepPlan<T>>(n, p);
        else plain_ = std::make_unique<FftPlan<T>>(n);
    }
    int64_t size() const { return n_; }
    const TwoStepPlan<T>* two_step() const { return two_step_.get(); }
    const FftPlan<T>& plain() const { return *plain_; }

private:
    int64_t n_;
    std::unique_ptr<TwoStepPlan<T>> two_step_;
    std::unique_ptr<FftPlan<T>> plain_;
};

// The plan of length n; the ones used last are kept.
template <class Plan> std::shared_ptr<const Plan> plan_of(int64_t n) {
    static std::mutex mutex;
    static std::list<std::shared_ptr<const Plan>> plans;
    {
        std::lock_guard lock(mutex);
        for (auto at = plans.begin(); at != plans.end(); ++at)
            if ((*at)->size() == n) {
                plans.splice(plans.begin(), plans, at);
                return plans.front();
            }
    }
    auto made = std::make_shared<const Plan>(n);
    std::lock_guard lock(mutex);
    plans.push_front(made);
    if (plans.size() > kPlansKept) plans.pop_back();
    return made;
}

// -- rows in lanes ---------------------------------------------------------------------------------------------------------

// f(data, work, first, count) for groups of `count` rows from `first` on, in buffers of `length` elements.
template <class V, class F> void each_group(int64_t rows, int64_t length, int64_t work, F f) {
    constexpr int64_t lanes = LaneTraits<V>::count;
    const int64_t groups = (rows + lanes - 1) / lanes;
    parallel_for(0, groups, row_grain(length * lanes, kGrainElements / 8), [&](int64_t from, int64_t to) {
        FftBuffer<V> buffer(2 * length + 2 * work);
        V* memory = buffer.get();
        for (int64_t group = from; group < to; ++group)
            f(Split<V>{memory, memory + length}, Split<V>{memory + 2 * length, memory + 2 * length + work},
              group * lanes, std::min(lanes, rows - group * lanes));
    });
}

// Calls f.operator()<V>() with the vector that suits so many rows of this length.
template <class T, class F> void with_lanes(int64_t rows, int64_t length, F f) {
    if (rows < kFewRows || length > kLongRow) f.template operator()<T>();
    else f.template operator()<Lanes<T>>();
}

template <class T, class V> Split<V> run(const FftPlan<T>& plan, Split<V> data, Split<V> work, bool forward) {
    return forward ? plan.run(data, work) : plan.run_backward(data, work);
}

template <class T> void rows_in_lanes(const FftPlan<T>& plan, const std::complex<T>* in, std::complex<T>* out,
                                      int64_t rows, bool forward, T scale) {
    const int64_t n = plan.size();
    with_lanes<T>(rows, n, [&]<class V>() {
        each_group<V>(rows, n, plan.work_size(), [&](Split<V> data, Split<V> work, int64_t first, int64_t count) {
            load_rows(in + first * n, n, count, n, data);
            store_rows(out + first * n, n, count, n, run(plan, data, work, forward), scale);
        });
    });
}

// -- long rows in two steps -------------------------------------------------------------------------------------------------

// f(row, work) for every row; `work` is null where threads share the work of a row.
template <class T, class F> void each_long_row(const TwoStepPlan<T>& plan, int64_t rows, F f) {
    if (plan.size() >= kSharedRow && rows < kSharedRows) {
        for (int64_t row = 0; row < rows; ++row) f(row, nullptr);
        return;
    }
    parallel_for(0, rows, row_grain(plan.size(), kGrainElements / 8), [&](int64_t from, int64_t to) {
        FftBuffer<Lanes<T>> work(plan.work_size());
        for (int64_t row = from; row < to; ++row) f(row, work.get());
    });
}

template <class T>
void transform_rows(const std::complex<T>* in, std::complex<T>* out, int64_t rows, int64_t n, bool forward, T scale) {
    const auto plan = plan_of<RowPlan<T>>(n);
    const TwoStepPlan<T>* two_step = plan->two_step();
    if (!two_step) return rows_in_lanes(plan->plain(), in, out, rows, forward, scale);
    each_long_row(*two_step, rows, [&](int64_t row, Lanes<T>* work) {
        two_step->run(in + row * n, out + row * n, work, forward, scale);
    });
}

// in and out (outer, n, inner): the lanes are neighbours of the inner dimension.
template <class T> void transform_columns(const std::complex<T>* in, std::complex<T>* out, int64_t outer, int64_t n,
                                          int64_t inner, bool forward, T scale) {
    using V = Lanes<T>;
    const auto plan = plan_of<FftPlan<T>>(n);
    // The vector that overlaps the last whole one is part of its group: no two threads write to the same place.
    const int64_t groups = std::max<int64_t>(1, inner / kLanes<T>);
    each_group<V>(outer * groups * kLanes<T>, n, plan->work_size(),
                  [&](Split<V> data, Split<V> work, int64_t first, int64_t) {
                      const int64_t group = first / kLanes<T>, at = group % groups * kLanes<T>;
                      const int64_t start = group / groups * n * inner + at;
                      const int64_t width = at + 2 * kLanes<T> > inner ? inner - at : kLanes<T>;
                      each_vector<V>(width, [&](int64_t l, int64_t count) {
                          for (int64_t k = 0; k < n; ++k)
                              load_complex(in + start + k * inner + l, data.re[k], data.im[k], count);
                          const Split<V> y = run(*plan, data, work, forward);
                          for (int64_t k = 0; k < n; ++k)
                              store_complex(out + start + k * inner + l, y.re[k] * scale, y.im[k] * scale, count);
                      });
                  });
}

template <class T> void fft(const Tensor& out, const Tensor& in, bool forward, double scale) {
    const int64_t outer = in.size(0), inner = in.size(1), n = in.size(2);
    const auto* from = in.data<std::complex<T>>();
    auto* to = out.data<std::complex<T>>();
    if (inner == 1) transform_rows(from, to, outer, n, forward, T(scale));
    else transform_columns(from, to, outer, n, inner, forward, T(scale));
}

// -- real transforms ---------------------------------------------------------------------------------------------------------

// Odd lengths: complex transforms of the whole length.
template <class T> void odd_real_fft(const T* in, std::complex<T>* out, int64_t rows, int64_t n, T scale) {
    const auto plan = plan_of<FftPlan<T>>(n);
    with_lanes<T>(rows, n, [&]<class V>() {
        constexpr int64_t lanes = LaneTraits<V>::count;
        each_group<V>(rows, n, plan->work_size(), [&](Split<V> data, Split<V> work, int64_t first, int64_t count) {
            T* lane = reinterpret_cast<T*>(data.re);
            std::fill(data.re, data.re + n, V{});
            std::fill(data.im, data.im + n, V{});
            for (int64_t l = 0; l < count; ++l)
                for (int64_t k = 0; k < n; ++k) lane[k * lanes + l] = in[(first + l) * n + k];
            store_rows(out + first * (n / 2 + 1), n / 2 + 1, count, n / 2 + 1, plan->run(data, work), scale);
        });
    });
}

template <class T> void odd_inverse_real_fft(const std::complex<T>* in, T* out, int64_t rows, int64_t n, T scale) {
    const auto plan = plan_of<FftPlan<T>>(n);
    const int64_t half = n / 2 + 1;
    with_lanes<T>(rows, n, [&]<class V>() {
        constexpr int64_t lanes = LaneTraits<V>::count;
        each_group<V>(rows, n, plan->work_size(), [&](Split<V> data, Split<V> work, int64_t first, int64_t count) {
            load_rows(in + first * half, half, count, half, data);
            data.im[0] = V{};
            for (int64_t k = 1; k < half; ++k) data.re[n - k] = data.re[k], data.im[n - k] = -data.im[k];
            const T* lane = reinterpret_cast<const T*>(plan->run_backward(data, work).re);
            for (int64_t l = 0; l < count; ++l)
                for (int64_t k = 0; k < n; ++k) out[(first + l) * n + k] = lane[k * lanes + l] * scale;
        });
    });
}

template <class T> void even_real_fft(const T* in, std::complex<T>* out, int64_t rows, int64_t n, T scale) {
    const int64_t m = n / 2;
    const auto plan = plan_of<RowPlan<T>>(m);
    const auto step = plan_of<RealStep<T>>(n);
    const auto* pairs = reinterpret_cast<const std::complex<T>*>(in);
    if (const TwoStepPlan<T>* two_step = plan->two_step())
        return each_long_row(*two_step, rows, [&](int64_t row, Lanes<T>* work) {
            std::complex<T>* to = out + row * (m + 1);
            two_step->run(pairs + row * m, to, work, true, scale);
            step->take_apart(to, to);
        });
    const FftPlan<T>& plain = plan->plain();
    with_lanes<T>(rows, m, [&]<class V>() {
        auto group = [&](Split<V> data, Split<V> work, int64_t first, int64_t count) {
            load_rows(pairs + first * m, m, count, m, data);
            const Split<V> z = plain.run(data, work);
            step->take_apart(z);
            store_rows(out + first * (m + 1), m + 1, count, m + 1, z, scale);
        };
        each_group<V>(rows, m + 1, std::max(m + 1, plain.work_size()), group);
    });
}

template <class T> void even_inverse_real_fft(const std::complex<T>* in, T* out, int64_t rows, int64_t n, T scale) {
    const int64_t m = n / 2;
    const auto plan = plan_of<RowPlan<T>>(m);
    const auto step = plan_of<RealStep<T>>(n);
    auto* pairs = reinterpret_cast<std::complex<T>*>(out);
    if (const TwoStepPlan<T>* two_step = plan->two_step())
        return each_long_row(*two_step, rows, [&](int64_t row, Lanes<T>* work) {
            FftBuffer<std::complex<T>> joined(m);
            step->put_together(in + row * (m + 1), joined.get());
            two_step->run(joined.get(), pairs + row * m, work, false, scale);
        });
    const FftPlan<T>& plain = plan->plain();
    with_lanes<T>(rows, m, [&]<class V>() {
        auto group = [&](Split<V> data, Split<V> work, int64_t first, int64_t count) {
            load_rows(in + first * (m + 1), m + 1, count, m + 1, data);
            step->put_together(data);
            store_rows(pairs + first * m, m, count, m, plain.run_backward(data, work), scale);
        };
        each_group<V>(rows, m + 1, std::max(m + 1, plain.work_size()), group);
    });
}

template <class T> void real_fft(const Tensor& out, const Tensor& in, double scale) {
    const int64_t n = in.size(-1), rows = in.numel() / n;
    (n % 2 ? odd_real_fft<T> : even_real_fft<T>)(in.data<T>(), out.data<std::complex<T>>(), rows, n, T(scale));
}

template <class T> void inverse_real_fft(const Tensor& out, const Tensor& in, double scale) {
    const int64_t n = out.size(-1), rows = out.numel() / n;
    (n % 2 ? odd_inverse_real_fft<T> : even_inverse_real_fft<T>)(in.data<std::complex<T>>(), out.data<T>(), rows, n,
                                                                 T(scale));
}

void fft_cpu(const Tensor& out, const Tensor& in, bool forward, double scale) {
    (out.dtype() == DType::complex64 ? fft<float> : fft<double>)(out, in, forward, scale);
}
void real_fft_cpu(const Tensor& out, const Tensor& in, double scale) {
    (in.dtype() == DType::float32 ? real_fft<float> : real_fft<double>)(out, in, scale);
}
void inverse_real_fft_cpu(const Tensor& out, const Tensor& in, double scale) {
    (out.dtype() == DType::float32 ? inverse_real_fft<float> : inverse_real_fft<double>)(out, in, scale);
}

}  // namespace

TAEDA_REGISTER(cpu, fft, fft_cpu)
TAEDA_REGISTER(cpu, real_fft, real_fft_cpu)
TAEDA_REGISTER(cpu, inverse_real_fft, inverse_real_fft_cpu)

}  // namespace taeda::cpu
