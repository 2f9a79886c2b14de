// Count, mean and sum of squared deviations, combined by Chan, Golub and LeVeque's formula.
#pragma once

#include "kernels/cuda/device.h"

namespace taeda::cuda {

template <class T> struct Moments {
    T count, mean, squares;

    __device__ void merge(const Moments& later) {
        if (later.count == 0) return;
        const T total = count + later.count, delta = later.mean - mean, share = later.count / total;
        squares += later.squares + delta * delta * count * share;
        mean += delta * share;
        count = total;
    }
    // The moments of a few elements come from two passes over them.
    template <int n> __device__ void add(const T (&x)[n]) {
        T sum = 0, apart = 0;
        for (int k = 0; k < n; ++k) sum += x[k];
        const T center = sum / T(n);
        for (int k = 0; k < n; ++k) apart += (x[k] - center) * (x[k] - center);
        merge({T(n), center, apart});
    }
};

}  // namespace taeda::cuda
