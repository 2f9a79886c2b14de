// Random numbers: the words of the Philox stream in the places that kernels/random.h gives them. A thread draws one
// block, whose four words serve elements of one group that lie 16 apart.
#include "kernels/random.h"

#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"
#include "kernels/poisson.h"

namespace taeda::cuda {

namespace {

// Where a thread's numbers go: group and block within it.
struct Place {
    int64_t group;
    int block;
    std::array<uint32_t, 4> words;
};

// f(place) for all blocks of Philox that `groups` groups take.
template <class F> __device__ void each_block(int64_t groups, uint64_t seed, uint64_t offset, F&& f) {
    int64_t blocks = groups * kRandomGroupBlocks, step = int64_t(gridDim.x) * blockDim.x;
    for (int64_t b = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; b < blocks; b += step)
        f(Place{b / kRandomGroupBlocks, int(b % kRandomGroupBlocks), Philox{seed}(offset + uint64_t(b))});
}

__device__ uint64_t joined(uint32_t low, uint32_t high) { return uint64_t(low) | uint64_t(high) << 32; }

// The numbers of a thread in [0, 1), in the order of their elements.
template <class C> struct Uniform;
template <> struct Uniform<float> {
    static constexpr int numbers = 4;
    float u[4];
    __device__ explicit Uniform(const Place& place) {
        for (int k = 0; k < 4; ++k) u[k] = float(int32_t(place.words[size_t(k)] >> 8)) * 0x1p-24f;
    }
};
template <> struct Uniform<double> {
    static constexpr int numbers = 2;
    double u[2];
    __device__ explicit Uniform(const Place& place) {
        for (size_t k = 0; k < 2; ++k)
            u[k] = double(int64_t(joined(place.words[k], place.words[k + 2]) >> 11)) * 0x1p-53;
    }
};

template <class T, class C, int N> __device__ void put(T* out, int64_t n, const Place& place, const C (&values)[N]) {
    int64_t first = place.group * N * kRandomGroupBlocks + place.block;
    for (int k = 0; k < N; ++k) {
        int64_t i = first + k * kRandomGroupBlocks;
        if (i < n) out[i] = T(values[k]);
    }
}

// a * b + c rounded twice, as on the CPU.
__device__ float two_roundings(float a, float b, float c) {
#ifdef __CUDA_ARCH__
    return __fadd_rn(__fmul_rn(a, b), c);
#else
    return a * b + c;
#endif
}
__device__ double two_roundings(double a, double b, double c) {
#ifdef __CUDA_ARCH__
    return __dadd_rn(__dmul_rn(a, b), c);
#else
    return a * b + c;
#endif
}

template <class T, class C>
__global__ void uniform(T* out, int64_t n, int64_t groups, C start, C range, uint64_t seed, uint64_t offset) {
    each_block(groups, seed, offset, [&](const Place& place) {
        Uniform<C> draw(place);
        for (C& u : draw.u) u = two_roundings(range, u, start);
        put(out, n, place, draw.u);
    });
}

// Box and Muller: the first half of a group holds the radii, the second half the angles, which end up in one thread.
template <class T, class C>
__global__ void normal(T* out, int64_t n, int64_t groups, C mean, C std, uint64_t seed, uint64_t offset) {
    each_block(groups, seed, offset, [&](const Place& place) {
        Uniform<C> draw(place);
        constexpr int half = Uniform<C>::numbers / 2;
        for (int k = 0; k < half; ++k) {
            C radius = std::sqrt(std::log(C(1) - draw.u[k]) * C(-2)), angle = draw.u[half + k] * C(6.283185307179586);
            draw.u[k] = two_roundings(radius * std::cos(angle), std, mean);
            draw.u[half + k] = two_roundings(radius * std::sin(angle), std, mean);
        }
        put(out, n, place, draw.u);
    });
}

__global__ void integers(int64_t* out, int64_t n, int64_t groups, int64_t from, uint64_t range, uint64_t seed,
                         uint64_t offset) {
    each_block(groups, seed, offset, [&](const Place& place) {
        int64_t values[2];
        for (size_t k = 0; k < 2; ++k) {
            uint64_t bits = joined(place.words[k], place.words[k + 2]);
            values[k] = int64_t(uint64_t(from) + (range == 0 ? bits : __umul64hi(bits, range)));
        }
        put(out, n, place, values);
    });
}

template <class T, class C> __global__ void dropout(T* out, bool* mask, const T* in, int64_t n, int64_t groups, C scale,
                                                    uint64_t limit, uint64_t seed, uint64_t offset) {
    each_block(groups, seed, offset, [&](const Place& place) {
        int64_t first = place.group * kRandomGroupWords + place.block;
        for (size_t k = 0; k < 4; ++k) {
            int64_t i = first + int64_t(k) * kRandomGroupBlocks;
            if (i >= n) continue;
            bool keep = place.words[k] >= limit;
            mask[i] = keep;
            out[i] = T(keep ? C(in[i]) * scale : C(0));
        }
    });
}

// Groups of n elements, and the launch that draws them.
struct Draw {
    cudaStream_t stream;
    int64_t groups;
    Grid grid;

    Draw(const Tensor& out, int bits)
        : stream(stream_of(out)), groups(int64_t(random_blocks(out.numel(), bits)) / kRandomGroupBlocks) {
        grid = loop_grid(groups * kRandomGroupBlocks, 1, limits(out.device().index).multiprocessors);
    }
};

void random_uniform_cuda(const Tensor& out, double from, double to, uint64_t seed, uint64_t offset) {
    if (out.numel() == 0) return;
    Draw d(out, random_bits(out.dtype()));
    visit_floating(out.dtype(), "uniform_", [&]<class T>() {
        using C = op_type<T>;
        launch(d.stream, uniform<T, C>, d.grid.blocks, d.grid.threads, 0, out.data<T>(), out.numel(), d.groups, C(from),
               C(to - from), seed, offset);
    });
}

void random_normal_cuda(const Tensor& out, double mean, double std, uint64_t seed, uint64_t offset) {
    if (out.numel() == 0) return;
    Draw d(out, random_bits(out.dtype()));
    visit_floating(out.dtype(), "normal_", [&]<class T>() {
        using C = op_type<T>;
        launch(d.stream, normal<T, C>, d.grid.blocks, d.grid.threads, 0, out.data<T>(), out.numel(), d.groups, C(mean),
               C(std), seed, offset);
    });
}

void random_integers_cuda(const Tensor& out, int64_t from, uint64_t range, uint64_t seed, uint64_t offset) {
    if (out.numel() == 0) return;
    Draw d(out, 64);
    launch(d.stream, integers, d.grid.blocks, d.grid.threads, 0, out.data<int64_t>(), out.numel(), d.groups, from,
           range, seed, offset);
}

void random_dropout_cuda(const Tensor& out, const Tensor& mask, const Tensor& in, double p, uint64_t seed,
                         uint64_t offset) {
    if (out.numel() == 0) return;
    Draw d(out, 32);
    visit_floating(out.dtype(), "dropout", [&]<class T>() {
        using C = op_type<T>;
        C scale = p < 1 ? C(1 / (1 - p)) : C(0);
        launch(d.stream, dropout<T, C>, d.grid.blocks, d.grid.threads, 0, out.data<T>(), mask.data<bool>(),
               in.data<T>(), out.numel(), d.groups, scale, uint64_t(p * 0x1p32), seed, offset);
    });
}

__global__ void poisson(double* out, const double* rates, int64_t n, Philox philox, uint64_t offset) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x)
        out[i] = poisson_number(philox, offset + uint64_t(i) + 1, rates[i]);
}

void random_poisson_cuda(const Tensor& out, const Tensor& rates, uint64_t seed, uint64_t offset) {
    if (out.numel() == 0) return;
    const Grid grid = loop_grid(out.numel(), 1, limits(out.device().index).multiprocessors);
    launch(stream_of(out), poisson, grid.blocks, grid.threads, 0, out.data<double>(), rates.data<double>(), out.numel(),
           Philox{seed}, offset);
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, random_poisson, cuda::random_poisson_cuda)
TAEDA_REGISTER(cuda, random_uniform, cuda::random_uniform_cuda)
TAEDA_REGISTER(cuda, random_normal, cuda::random_normal_cuda)
TAEDA_REGISTER(cuda, random_integers, cuda::random_integers_cuda)
TAEDA_REGISTER(cuda, random_dropout, cuda::random_dropout_cuda)
}  // namespace taeda
