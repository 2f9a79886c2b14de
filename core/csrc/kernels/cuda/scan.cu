// Running sums, products and logarithms of sums of exponentials.
#include "kernels/scan.h"

#include "kernels/cuda/element.h"
#include "kernels/cuda/scan.h"
#include "kernels/vec/scalar_math.h"

namespace taeda::cuda {
namespace {

// float32 and 16-bit floats run in double.
template <class C> using running_type = std::conditional_t<std::is_same_v<C, float>, double, C>;

template <class S> struct RunningFold {
    using A = running_type<typename Elements<S>::C>;
    Elements<S> out, in;
    bool multiplies;

    __device__ A identity() const { return multiplies ? A(1) : A(0); }
    __device__ A load(int64_t at, int64_t) const { return A(in.load(at)); }
    __device__ A combine(A earlier, A later) const { return multiplies ? earlier * later : earlier + later; }
    __device__ void store(int64_t at, A value) const { out.store(at, value); }
};

template <class S> struct RunningLogSum {
    using A = double;
    Elements<S> out, in;

    __device__ A identity() const { return -std::numeric_limits<double>::infinity(); }
    __device__ A load(int64_t at, int64_t) const { return double(in.load(at)); }
    __device__ A combine(A earlier, A later) const { return vm::logaddexp(earlier, later); }
    __device__ void store(int64_t at, A value) const { out.store(at, value); }
};

template <bool multiplies> void fold(const Tensor& out, const Tensor& in, int64_t dim) {
    auto run = [&]<class S>() {
        run_scan(RunningFold<S>{Elements<S>(out), Elements<S>(in), multiplies}, Slices(in, dim), in);
    };
    if (in.dtype() == DType::complex64) run.template operator()<device_complex<float>>();
    else if (in.dtype() == DType::complex128) run.template operator()<device_complex<double>>();
    else visit_elements(in.dtype(), multiplies ? "cumprod" : "cumsum", run);
}

void logcumsumexp_cuda(const Tensor& out, const Tensor& in, int64_t dim) {
    visit_floating(in.dtype(), "logcumsumexp", [&]<class S>() {
        run_scan(RunningLogSum<S>{Elements<S>(out), Elements<S>(in)}, Slices(in, dim), in);
    });
}

}  // namespace

TAEDA_REGISTER(cuda, cumsum, fold<false>)
TAEDA_REGISTER(cuda, cumprod, fold<true>)
TAEDA_REGISTER(cuda, logcumsumexp, logcumsumexp_cuda)

}  // namespace taeda::cuda
