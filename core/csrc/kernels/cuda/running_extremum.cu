// Running maxima and minima with their positions.
#include "kernels/cuda/element.h"
#include "kernels/cuda/scan.h"
#include "kernels/scan.h"

namespace taeda::cuda {
namespace {

// Of equal elements the last one's index counts; a NaN stays, and later ones move its index.
template <class S> struct RunningExtremum {
    using C = typename Elements<S>::C;
    struct A {
        C value;
        int64_t index;  // negative: no element yet
    };
    Elements<S> values, in;
    int64_t* indices;
    bool largest;

    __device__ A identity() const { return {C(0), -1}; }
    __device__ A load(int64_t at, int64_t i) const { return {in.load(at), i}; }
    __device__ A combine(const A& earlier, const A& later) const {
        if (later.index < 0) return earlier;
        if (earlier.index < 0 || later.value != later.value) return later;
        if (earlier.value != earlier.value) return earlier;
        return (largest ? later.value >= earlier.value : later.value <= earlier.value) ? later : earlier;
    }
    __device__ void store(int64_t at, const A& a) const { values.store(at, a.value), indices[at] = a.index; }
};

template <bool largest>
void running_extremum(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
    visit_elements(in.dtype(), largest ? "cummax" : "cummin", [&]<class S>() {
        run_scan(RunningExtremum<S>{Elements<S>(values), Elements<S>(in), indices.data<int64_t>(), largest},
                 Slices(in, dim), in);
    });
}

}  // namespace

TAEDA_REGISTER(cuda, cummax, running_extremum<true>)
TAEDA_REGISTER(cuda, cummin, running_extremum<false>)

}  // namespace taeda::cuda
