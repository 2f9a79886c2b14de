// Writing to positions that other tensors hold. All indices are checked first, which waits for the stream. Values that
// meet at one place are combined in index order: either a thread walks along each slice, or the writes are sorted.
#include "kernels/cuda/indexing.h"
#include "kernels/cuda/runs.h"
#include "kernels/slices.h"

namespace taeda::cuda {
namespace {

constexpr int64_t kManySlices = 8192;  // from here on a thread walks along each

Tensor at_least_1d(const Tensor& t) { return t.dim() ? t : alias(t, {1}, {1}, t.offset()); }

// One thread for each slice of `index` along the dimension.
template <class T> __global__ void scatter_slices(T* self, const int64_t* index, const T* src, Slices s,
                                                  OffsetMap<1> around, int64_t stride, Combine how) {
    TAEDA_GRID_LOOP(slice, s.outer * s.inner) {
        const int64_t start = slice / s.inner * s.length * s.inner + slice % s.inner, base = around(slice);
        for (int64_t k = 0; k < s.length; ++k) {
            const int64_t i = start + k * s.inner;
            T& place = self[base + index[i] * stride];
            place = combined(how, place, src[i]);
        }
    }
}

// One thread for each column of each place: the first of a place's writes makes all of them.
template <class T> __global__ void combine_runs(T* self, const T* values, const uint64_t* keys,
                                                const uint32_t* positions, int64_t n, OffsetMap<2> columns,
                                                Division count, int64_t position_stride, Combine how) {
    TAEDA_GRID_LOOP(i, n * count.divisor) {
        const int64_t first = count.quotient(i);
        const uint64_t place = keys[first];
        if (first > 0 && keys[first - 1] == place) continue;
        int64_t offset[2];
        columns.locate(i - first * count.divisor, offset);
        T& to = self[int64_t(place) + offset[0]];
        T result = to;
        for (int64_t k = first; k < n && keys[k] == place; ++k)
            result = combined(how, result, values[positions[k] * position_stride + offset[1]]);
        to = result;
    }
}

// values[position * position_stride + column], for all columns, go to the offset that is the key of the position.
void combine_sorted(const char* op, const Tensor& self, const Tensor& values, const Runs& runs,
                    const std::vector<Axis<2>>& columns, int64_t position_stride, Combine how) {
    int64_t count = 1;
    for (const Axis<2>& axis : columns) count *= axis.size;
    const Grid grid = grid_for(runs.size() * count, 1, self);
    const cudaStream_t stream = stream_of(self);
    visit_combined(self.dtype(), how, op, [&]<class T>() {
        launch(stream, combine_runs<T>, grid.blocks, grid.threads, 0, self.data<T>(), values.data<T>(), runs.keys(),
               runs.positions(), runs.size(), OffsetMap<2>(columns), Division(count), position_stride, how);
    });
}

// The largest element offset of t.
int64_t last_offset(const Tensor& t) {
    int64_t last = 0;
    for (int64_t d = 0; d < t.dim(); ++d) last += (t.size(d) - 1) * t.stride(d);
    return last;
}

struct ScatterPlace {
    const int64_t* index;
    OffsetMap<1> around;
    int64_t stride;
    __device__ int64_t operator()(int64_t i) const { return around(i) + index[i] * stride; }
};

void scatter_cuda(const Tensor& self0, int64_t dim, const Tensor& index0, const Tensor& src, Combine how) {
    const Tensor self = at_least_1d(self0), index = at_least_1d(index0);
    check_indices<Error>("scatter", index, dim, self.size(dim));
    const int64_t n = index.numel(), stride = self.stride(dim);
    if (n == 0) return;
    const Slices s(index, dim);
    std::vector<Axis<1>> all, other;
    for (int64_t d = 0; d < index.dim(); ++d) {
        all.push_back({index.size(d), {d == dim ? 0 : self.stride(d)}});
        if (d != dim) other.push_back(all.back());
    }
    join_axes(all), join_axes(other);
    if (s.outer * s.inner < kManySlices && s.length > 1) {
        const ScatterPlace place{index.data<int64_t>(), OffsetMap<1>(all), stride};
        const Runs runs(place, n, last_offset(self), "scatter", self);
        return combine_sorted("scatter_reduce", self, src, runs, {}, 1, how);
    }
    const Grid grid = grid_for(s.outer * s.inner, 1, self);
    const cudaStream_t stream = stream_of(self);
    visit_combined(self.dtype(), how, "scatter_reduce", [&]<class T>() {
        launch(stream, scatter_slices<T>, grid.blocks, grid.threads, 0, self.data<T>(), index.data<int64_t>(),
               src.data<T>(), s, OffsetMap<1>(other), stride, how);
    });
}

struct RowPlace {
    const int64_t* index;
    int64_t inner;
    __device__ int64_t operator()(int64_t i) const { return index[i] * inner; }
};

void index_combine_cuda(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, Combine how,
                        const char* op) {
    const Slices to(self, self.dim() ? dim : 0);
    check_indices<IndexError>(op, index, dim, to.length);
    const int64_t n = index.numel();
    if (n * to.outer * to.inner == 0) return;
    const Runs runs(RowPlace{index.data<int64_t>(), to.inner}, n, to.length * to.inner, op, self);
    std::vector<Axis<2>> columns{{to.outer, {to.length * to.inner, n * to.inner}}, {to.inner, {1, 1}}};
    join_axes(columns);
    combine_sorted(op, self, source, runs, columns, to.inner, how);
}

static __global__ void find_wrong_place(IndexedPlaces places, int64_t n, unsigned long long* fault) {
    TAEDA_GRID_LOOP(i, n) {
        int wrong = -1;
        places.at(i, wrong);
        if (wrong >= 0) report_fault(fault, i * kMaxAxes + wrong);
    }
}

struct IndexedPlace {
    IndexedPlaces places;
    __device__ int64_t operator()(int64_t i) const {
        int wrong;
        return places.at(i, wrong);
    }
};

void index_put_cuda(const Tensor& self, Ints dims, TensorList indices, const Tensor& values, bool accumulate) {
    if (values.numel() == 0) return;
    const int64_t n = indices[0].numel();
    const IndexedPlaces places(self, dims, indices);
    const cudaStream_t stream = stream_of(self);
    const Fault fault(self);
    const Grid grid = grid_for(n, 4, self);
    launch(stream, find_wrong_place, grid.blocks, grid.threads, 0, places, n, fault.device());
    places.raise_fault("index_put", fault, self, dims, indices, stream);
    const Runs runs(IndexedPlace{places}, n, last_offset(self), "index_put", self);
    std::vector<Axis<2>> columns;
    int64_t count = 1;
    const std::vector<Axis<1>> rest = other_axes(self, dims);
    for (size_t d = rest.size(); d-- > 0; count *= rest[d].size)
        columns.insert(columns.begin(), {rest[d].size, {rest[d].stride[0], count}});
    combine_sorted("index_put", self, values, runs, columns, count, accumulate ? Combine::add : Combine::set);
}

}  // namespace

TAEDA_REGISTER(cuda, scatter, scatter_cuda)
TAEDA_REGISTER(cuda, index_combine, index_combine_cuda)
TAEDA_REGISTER(cuda, index_put, index_put_cuda)

}  // namespace taeda::cuda
