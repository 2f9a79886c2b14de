#include "kernels/sequence.h"

namespace taeda::cpu {
namespace {

void sequence(const Tensor& out, const Scalar& start, const Scalar& step) {
    visit_all(out.dtype(), [&]<class T>() {
        T* data = out.data<T>();
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
            int64_t a = start.to_int(), d = step.to_int();
            for (int64_t i = 0; i < out.numel(); ++i) data[i] = T(a + i * d);
        } else {
            double a = start.to_double(), d = step.to_double();
            for (int64_t i = 0; i < out.numel(); ++i) data[i] = Scalar(a + double(i) * d).to<T>();
        }
    });
}

}  // namespace

TAEDA_REGISTER(cpu, sequence, sequence)

}  // namespace taeda::cpu
