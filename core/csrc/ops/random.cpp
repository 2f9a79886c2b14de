// Random numbers: each element takes its own place in the Philox stream, so that the thread count does not matter.
#include "native.h"

namespace taeda::native {

Tensor uniform_(const Tensor& self, double from, double to, const Generator& generator) {
    TAEDA_CHECK(from <= to, "uniform_ expects to return a [from, to) range, but found from=", from, " > to=", to);
    Tensor flat = self.is_contiguous() ? self : empty_tensor(self.sizes(), self.dtype());
    int64_t n = self.numel();
    auto [stream, start] = generator_or_default(generator).take(uint64_t(n + 3) / 4);
    visit_floating(self.dtype(), "uniform_", [&]<class T>() {
        T* data = flat.data<T>();
        for (int64_t i = 0; i < n; i += 4) {
            auto block = stream(start + uint64_t(i / 4));
            for (int64_t k = 0; k < 4 && i + k < n; ++k)
                data[i + k] = T(op_type<T>(from + (to - from) * (double(block[size_t(k)] >> 8) * 0x1p-24)));
        }
    });
    if (!self.is_contiguous()) ops::copy_(self, flat);
    return self;
}

}  // namespace taeda::native
