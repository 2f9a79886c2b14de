// Fourier transforms of the emulated device: the sums of the definition, in double.
#include "kernels/cuda/fft_library.h"

#include <cmath>
#include <complex>
#include <vector>

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

using Complex = std::complex<double>;

// Element k of the whole sequence: of real input, and of the half that stands for a Hermitian sequence.
template <class T> Complex element(const FftCall& c, int64_t row, int64_t k) {
    auto at = [&](int64_t i) { return row * c.in_distance + i * c.in_stride; };
    if (c.kind == FftKind::real) return static_cast<const T*>(c.in)[at(k)];
    const auto* in = static_cast<const std::complex<T>*>(c.in);
    bool mirrored = c.kind == FftKind::inverse_real && k > c.n / 2;
    Complex value(in[at(mirrored ? c.n - k : k)]);
    return mirrored ? std::conj(value) : value;
}

template <class T> void transform(const FftCall& c) {
    bool forward = c.kind == FftKind::forward || c.kind == FftKind::real;
    int64_t results = c.kind == FftKind::real ? c.n / 2 + 1 : c.n;
    std::vector<Complex> roots, in(size_t(c.n));
    for (int64_t k = 0; k < c.n; ++k)
        roots.push_back(std::polar(1.0, (forward ? -2 : 2) * 3.14159265358979323846 * double(k) / double(c.n)));
    for (int64_t row = 0; row < c.count; ++row) {
        for (int64_t k = 0; k < c.n; ++k) in[size_t(k)] = element<T>(c, row, k);
        for (int64_t j = 0; j < results; ++j) {
            Complex sum = 0;
            for (int64_t k = 0; k < c.n; ++k) sum += in[size_t(k)] * roots[size_t(j * k % c.n)];
            int64_t at = row * c.out_distance + j * c.out_stride;
            if (c.kind == FftKind::inverse_real) static_cast<T*>(c.out)[at] = T(sum.real());
            else static_cast<std::complex<T>*>(c.out)[at] = std::complex<T>(sum);
        }
    }
}

}  // namespace

void library_fft(const FftCall& call, const Tensor& beside) {
    emulated::submit(current_stream(beside.device().index),
                     [call] { call.doubles ? transform<double>(call) : transform<float>(call); });
}

}  // namespace taeda::cuda
