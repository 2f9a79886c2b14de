// Fourier transforms of rows. Several rows are transformed at once, one in each lane of the vectors; few or very long
// rows one at a time.
#include "kernels/fft.h"

#include <list>
#include <mutex>

#include "kernels/cpu/fft_plan.h"
#include "kernels/cpu/parallel.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kPlansKept = 32;
constexpr int64_t kFewRows = 3;        // fewer leave most lanes empty
constexpr int64_t kLongRow = 1 << 14;  // longer ones leave the second-level cache when several are in work

template <class T> struct LanesOf {
    typedef T type __attribute__((vector_size(TAEDA_VEC_BYTES)));
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
    if (int64_t(plans.size()) > kPlansKept) plans.pop_back();
    return made;
}

// A real transform of even length: one of half the length on pairs of reals, and a step that takes the two apart.
template <class T> class RealFftPlan {
public:
    explicit RealFftPlan(int64_t n) : half_(n / 2) {
        for (int64_t k = 0; 4 * k <= n; ++k) {
            auto w = unit_root(-k, n);
            turns_.emplace_back(T(w.real()), T(w.imag()));
        }
    }
    int64_t size() const { return 2 * half_.size(); }
    const FftPlan<T>& half() const { return half_; }

    // z, the transform of x[2 j] + i x[2 j + 1], becomes that of x, elements 0 to n / 2.
    template <class V> void take_apart(Split<V> z) const {
        const int64_t m = half_.size();
        V first = z.re[0];
        z.re[0] = first + z.im[0];
        z.re[m] = first - z.im[0];
        z.im[0] = z.im[m] = V{};
        for (int64_t k = 1; 2 * k <= m; ++k) {
            T wr = turns_[size_t(k)].real(), wi = turns_[size_t(k)].imag();
            V even_r = (z.re[k] + z.re[m - k]) * T(0.5), even_i = (z.im[k] - z.im[m - k]) * T(0.5);
            V odd_r = (z.im[k] + z.im[m - k]) * T(0.5), odd_i = (z.re[m - k] - z.re[k]) * T(0.5);
            V turn_r = odd_r * wr - odd_i * wi, turn_i = odd_r * wi + odd_i * wr;
            z.re[k] = even_r + turn_r;
            z.im[k] = even_i + turn_i;
            z.re[m - k] = even_r - turn_r;
            z.im[m - k] = turn_i - even_i;
        }
    }
    // The way back, times two.
    template <class V> void put_together(Split<V> z) const {
        const int64_t m = half_.size();
        V first = z.re[0];
        z.re[0] = first + z.re[m];
        z.im[0] = first - z.re[m];
        for (int64_t k = 1; 2 * k <= m; ++k) {
            T wr = turns_[size_t(k)].real(), wi = turns_[size_t(k)].imag();
            V even_r = z.re[k] + z.re[m - k], even_i = z.im[k] - z.im[m - k];
            V odd_r = z.re[k] - z.re[m - k], odd_i = z.im[k] + z.im[m - k];
            V turn_r = odd_r * wi - odd_i * wr, turn_i = odd_r * wr + odd_i * wi;  // i conj(w) odd
            z.re[k] = even_r + turn_r;
            z.im[k] = even_i + turn_i;
            z.re[m - k] = even_r - turn_r;
            z.im[m - k] = turn_i - even_i;
        }
    }

private:
    FftPlan<T> half_;
    std::vector<std::complex<T>> turns_;
};

// Loads groups of rows, transforms and stores them. load(buffer, lanes, row) and save(buffer, lanes, row) move one
// row, whose element k is at k * lanes; transform(data, work) works on all lanes. Buffers have `length` elements.
template <class T, class V, class Load, class Transform, class Save>
void each_group(int64_t rows, int64_t length, int64_t work, Load load, Transform transform, Save save) {
    constexpr int64_t lanes = sizeof(V) / sizeof(T);
    const int64_t groups = (rows + lanes - 1) / lanes;
    parallel_for(0, groups, row_grain(length * lanes, kGrainElements / 8), [&](int64_t from, int64_t to) {
        FftBuffer<V> re(length), im(length), work_re(work), work_im(work);
        Split<V> data{re.get(), im.get()};
        for (int64_t group = from; group < to; ++group) {
            const int64_t first = group * lanes, full = std::min(lanes, rows - first);
            if (full < lanes) {
                std::fill(data.re, data.re + length, V{});
                std::fill(data.im, data.im + length, V{});
            }
            auto lane = [&](int64_t l) {
                return Split<T>{reinterpret_cast<T*>(data.re) + l, reinterpret_cast<T*>(data.im) + l};
            };
            for (int64_t l = 0; l < full; ++l) load(lane(l), lanes, first + l);
            transform(data, Split<V>{work_re.get(), work_im.get()});
            for (int64_t l = 0; l < full; ++l) save(lane(l), lanes, first + l);
        }
    });
}

template <class T, class Load, class Transform, class Save>
void each_row(int64_t rows, int64_t length, int64_t work, Load load, Transform transform, Save save) {
    if (rows < kFewRows || length > kLongRow) each_group<T, T>(rows, length, work, load, transform, save);
    else each_group<T, typename LanesOf<T>::type>(rows, length, work, load, transform, save);
}

template <class T> void transform_rows(const Tensor& out, const Tensor& in, bool forward, double scale) {
    const int64_t n = out.size(-1), rows = out.numel() / std::max<int64_t>(n, 1);
    const auto plan = plan_of<FftPlan<T>>(n);
    const auto* from = in.data<std::complex<T>>();
    auto* to = out.data<std::complex<T>>();
    each_row<T>(
        rows, n, plan->work_size(),
        [=](Split<T> lane, int64_t lanes, int64_t row) {
            for (int64_t k = 0; k < n; ++k) {
                lane.re[k * lanes] = from[row * n + k].real();
                lane.im[k * lanes] = from[row * n + k].imag();
            }
        },
        [&]<class V>(Split<V> data, Split<V> work) {
            if (forward) plan->run(data, work);
            else plan->run(Split<V>{data.im, data.re}, Split<V>{work.im, work.re});
        },
        [=](Split<T> lane, int64_t lanes, int64_t row) {
            for (int64_t k = 0; k < n; ++k)
                to[row * n + k] = {lane.re[k * lanes] * T(scale), lane.im[k * lanes] * T(scale)};
        });
}

template <class T> void transform_real_rows(const Tensor& out, const Tensor& in, double scale) {
    const int64_t n = in.size(-1), half = n / 2 + 1, rows = in.numel() / n;
    const T* from = in.data<T>();
    auto* to = out.data<std::complex<T>>();
    auto save = [=](Split<T> lane, int64_t lanes, int64_t row) {
        for (int64_t k = 0; k < half; ++k)
            to[row * half + k] = {lane.re[k * lanes] * T(scale), lane.im[k * lanes] * T(scale)};
    };
    if (n % 2) {
        const auto plan = plan_of<FftPlan<T>>(n);
        auto load = [=](Split<T> lane, int64_t lanes, int64_t row) {
            for (int64_t k = 0; k < n; ++k) lane.re[k * lanes] = from[row * n + k], lane.im[k * lanes] = T(0);
        };
        return each_row<T>(
            rows, n, plan->work_size(), load, [&](auto data, auto work) { plan->run(data, work); }, save);
    }
    const auto plan = plan_of<RealFftPlan<T>>(n);
    auto load = [=](Split<T> lane, int64_t lanes, int64_t row) {
        for (int64_t k = 0; k < n / 2; ++k) {
            lane.re[k * lanes] = from[row * n + 2 * k];
            lane.im[k * lanes] = from[row * n + 2 * k + 1];
        }
    };
    auto transform = [&](auto data, auto work) {
        plan->half().run(data, work);
        plan->take_apart(data);
    };
    each_row<T>(rows, half, plan->half().work_size(), load, transform, save);
}

template <class T> void transform_rows_to_real(const Tensor& out, const Tensor& in, double scale) {
    const int64_t n = out.size(-1), half = n / 2 + 1, rows = out.numel() / n;
    const auto* from = in.data<std::complex<T>>();
    T* to = out.data<T>();
    if (n % 2) {
        const auto plan = plan_of<FftPlan<T>>(n);
        auto load = [=](Split<T> lane, int64_t lanes, int64_t row) {
            const auto* x = from + row * half;
            lane.re[0] = x[0].real(), lane.im[0] = T(0);
            for (int64_t k = 1; k < half; ++k) {
                lane.re[k * lanes] = lane.re[(n - k) * lanes] = x[k].real();
                lane.im[k * lanes] = x[k].imag();
                lane.im[(n - k) * lanes] = -x[k].imag();
            }
        };
        auto transform = [&]<class V>(Split<V> data, Split<V> work) {
            plan->run(Split<V>{data.im, data.re}, Split<V>{work.im, work.re});
        };
        auto save = [=](Split<T> lane, int64_t lanes, int64_t row) {
            for (int64_t k = 0; k < n; ++k) to[row * n + k] = lane.re[k * lanes] * T(scale);
        };
        return each_row<T>(rows, n, plan->work_size(), load, transform, save);
    }
    const auto plan = plan_of<RealFftPlan<T>>(n);
    auto load = [=](Split<T> lane, int64_t lanes, int64_t row) {
        for (int64_t k = 0; k < half; ++k) {
            lane.re[k * lanes] = from[row * half + k].real();
            lane.im[k * lanes] = from[row * half + k].imag();
        }
    };
    auto transform = [&]<class V>(Split<V> data, Split<V> work) {
        plan->put_together(data);
        plan->half().run(Split<V>{data.im, data.re}, Split<V>{work.im, work.re});
    };
    auto save = [=](Split<T> lane, int64_t lanes, int64_t row) {
        for (int64_t k = 0; k < n / 2; ++k) {
            to[row * n + 2 * k] = lane.re[k * lanes] * T(scale);
            to[row * n + 2 * k + 1] = lane.im[k * lanes] * T(scale);
        }
    };
    each_row<T>(rows, half, plan->half().work_size(), load, transform, save);
}

void fft_cpu(const Tensor& out, const Tensor& in, bool forward, double scale) {
    if (out.dtype() == DType::complex64) return transform_rows<float>(out, in, forward, scale);
    transform_rows<double>(out, in, forward, scale);
}
void real_fft_cpu(const Tensor& out, const Tensor& in, double scale) {
    if (in.dtype() == DType::float32) return transform_real_rows<float>(out, in, scale);
    transform_real_rows<double>(out, in, scale);
}
void inverse_real_fft_cpu(const Tensor& out, const Tensor& in, double scale) {
    if (out.dtype() == DType::float32) return transform_rows_to_real<float>(out, in, scale);
    transform_rows_to_real<double>(out, in, scale);
}

}  // namespace

TAEDA_REGISTER(cpu, fft, fft_cpu)
TAEDA_REGISTER(cpu, real_fft, real_fft_cpu)
TAEDA_REGISTER(cpu, inverse_real_fft, inverse_real_fft_cpu)

}  // namespace taeda::cpu
