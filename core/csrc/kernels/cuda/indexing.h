// What the indexing kernels share: checks of indices, and how values are combined where they meet.
#pragma once

#include "kernels/cuda/block.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/offsets.h"
#include "kernels/cuda/runtime.h"
#include "kernels/index.h"
#include "kernels/index_error.h"

namespace taeda::cuda {

inline Grid grid_for(int64_t items, int64_t per_thread, const Tensor& beside) {
    return loop_grid(items, per_thread, limits(beside.device().index).multiprocessors);
}
// For all i below n, shared out to the threads of the grid.
#define TAEDA_GRID_LOOP(i, n) \
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < (n); i += int64_t(gridDim.x) * blockDim.x)

// Units of equal size side by side: the largest that a row of `bytes` consists of, given where the rows begin.
inline int64_t unit_bytes(int64_t bytes, std::initializer_list<const void*> starts) {
    for (int64_t unit = 16; unit > 1; unit /= 2)
        if (bytes % unit == 0 &&
            std::all_of(starts.begin(), starts.end(), [unit](const void* p) { return is_aligned(p, unit); }))
            return unit;
    return 1;
}

static __global__ void find_wrong_index(const int64_t* index, int64_t n, int64_t lowest, int64_t size,
                                        unsigned long long* fault) {
    TAEDA_GRID_LOOP(i, n) {
        if (index[i] < lowest || index[i] >= size) report_fault(fault, i);
    }
}

// Raises E for the first index that a kernel noted in `fault`. Waits for the stream.
template <class E> void raise_fault(const Fault& fault, const char* op, const int64_t* index, int64_t dim, int64_t size,
                                    int64_t lowest, cudaStream_t stream) {
    if (const std::optional<int64_t> wrong = fault.read())
        raise_wrong_index<E>(op, read_value(index + *wrong, stream), dim, size, lowest);
}

// Raises E naming the first index outside [0, size), or [-size, size) if negative ones count. Waits for the stream:
// kernels that write through indices run only when all of them are right.
template <class E>
void check_indices(const char* op, const Tensor& index, int64_t dim, int64_t size, bool negative_counts = false) {
    const int64_t n = index.numel(), lowest = negative_counts ? -size : 0;
    if (n == 0) return;
    const cudaStream_t stream = stream_of(index);
    const Fault fault(index);
    const Grid grid = grid_for(n, 4, index);
    launch(stream, find_wrong_index, grid.blocks, grid.threads, 0, index.data<int64_t>(), n, lowest, size,
           fault.device());
    raise_fault<E>(fault, op, index.data<int64_t>(), dim, size, lowest, stream);
}

// The indices of advanced indexing and the dimensions that they belong to; negative ones count from the end.
struct IndexedPlaces {
    int count = 0;
    const int64_t* index[kMaxAxes];
    int64_t size[kMaxAxes], stride[kMaxAxes];

    // Strides in units of `unit` elements.
    IndexedPlaces(const Tensor& t, Ints dims, TensorList indices, int64_t unit = 1) {
        TAEDA_CHECK(dims.size() <= size_t(kMaxAxes), "index: ", dims.size(), " index tensors are too many on a GPU; ",
                    "at most ", kMaxAxes);
        for (; count < int(dims.size()); ++count) {
            index[count] = indices[size_t(count)].data<int64_t>();
            size[count] = t.size(dims[size_t(count)]), stride[count] = t.stride(dims[size_t(count)]) / unit;
        }
    }
    // The offset of a position; `wrong` becomes the number of the first index that is out of range.
    __device__ int64_t at(int64_t position, int& wrong) const {
        int64_t offset = 0;
        for (int d = count; d-- > 0;) {
            const int64_t k = index[d][position];
            if (k < -size[d] || k >= size[d]) wrong = d;
            offset += (k < 0 ? k + size[d] : k) * stride[d];
        }
        return offset;
    }
    // Raises IndexError for a fault noted at position * kMaxAxes + wrong. Waits for the stream.
    void raise_fault(const char* op, const Fault& fault, const Tensor& t, Ints dims, TensorList indices,
                     cudaStream_t stream) const {
        const std::optional<int64_t> found = fault.read();
        if (!found) return;
        const size_t which = size_t(*found % kMaxAxes);
        const int64_t wrong = read_value(indices[which].data<int64_t>() + *found / kMaxAxes, stream);
        const int64_t length = t.size(dims[which]);
        raise_wrong_index<IndexError>(op, wrong, dims[which], length, -length);
    }
};

// The dimensions of t that have no index.
inline std::vector<Axis<1>> other_axes(const Tensor& t, Ints dims) {
    std::vector<Axis<1>> axes;
    for (int64_t d = 0; d < t.dim(); ++d)
        if (std::find(dims.begin(), dims.end(), d) == dims.end()) axes.push_back({t.size(d), {t.stride(d)}});
    join_axes(axes);
    return axes;
}

// b joins a. As the CPU's kernels do it: rounded to T each time, a NaN stays.
template <class T> __device__ T combined(Combine how, T a, T b) {
    switch (how) {
        case Combine::add:
            if constexpr (std::is_same_v<T, bool>) return a || b;
            else return T(a + b);
        case Combine::multiply:
            if constexpr (std::is_same_v<T, bool>) return a && b;
            else return T(a * b);
        case Combine::smallest:
            if constexpr (is_complex_type<T>::value) return b;
            else return b != b || b < a ? b : a;
        case Combine::largest:
            if constexpr (is_complex_type<T>::value) return b;
            else return b != b || b > a ? b : a;
        default: return b;
    }
}

// f.operator()<T>() with the device's type of the dtype; raises where it has no order but one is asked for.
template <class F> void visit_combined(DType dtype, Combine how, const char* op, F&& f) {
    const bool is_order = how == Combine::smallest || how == Combine::largest;
    TAEDA_CHECK_AS(NotImplementedError, !is_order || !is_complex(dtype), op, ": not implemented for '",
                   dtype_long_name(dtype), "'");
    visit_all(dtype, [&]<class T>() { f.template operator()<device_type<T>>(); });
}

}  // namespace taeda::cuda
