// Reading at positions that other tensors hold. A wrong index is noted by the kernel that meets it and raises after it.
#include "kernels/cuda/indexing.h"
#include "kernels/slices.h"

namespace taeda::cuda {
namespace {

// Zero-dimensional tensors count as one element.
Tensor at_least_1d(const Tensor& t) { return t.dim() ? t : alias(t, {1}, {1}, t.offset()); }

template <class T> __global__ void gather_elements(T* out, const T* in, const int64_t* index, int64_t n,
                                                   OffsetMap<1> around, int64_t size, int64_t stride,
                                                   unsigned long long* fault) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t k = index[i];
        if (k < 0 || k >= size) report_fault(fault, i);
        else out[i] = in[around(i) + k * stride];
    }
}

// Offsets of the elements of `index` in `t`, without what the index itself adds along `dim`.
OffsetMap<1> around_dim(const Tensor& index, const Tensor& t, int64_t dim) {
    std::vector<Axis<1>> axes;
    for (int64_t d = 0; d < index.dim(); ++d) axes.push_back({index.size(d), {d == dim ? 0 : t.stride(d)}});
    join_axes(axes);
    return OffsetMap<1>(axes);
}

void gather_cuda(const Tensor& out, const Tensor& in0, int64_t dim, const Tensor& index0) {
    const Tensor in = at_least_1d(in0), index = at_least_1d(index0);
    const int64_t n = index.numel(), size = in.size(dim);
    if (n == 0) return;
    const cudaStream_t stream = stream_of(out);
    const Fault fault(out);
    const Grid grid = grid_for(n, 4, out);
    visit_size(in.item_bytes(), [&]<class T>() {
        launch(stream, gather_elements<T>, grid.blocks, grid.threads, 0, out.data<T>(), in.data<T>(),
               index.data<int64_t>(), n, around_dim(index, in, dim), size, in.stride(dim), fault.device());
    });
    raise_fault<Error>(fault, "gather", index.data<int64_t>(), dim, size, 0, stream);
}

// out[o][j][:] = in[o][index[j]][:], rows of `units` units.
template <class T> __global__ void select_rows(T* out, const T* in, const int64_t* index, int64_t n, int64_t outer,
                                               int64_t length, OffsetMap<1> rows, int64_t units,
                                               unsigned long long* fault) {
    TAEDA_GRID_LOOP(i, outer * n * units) {
        const int64_t row = rows.axes ? rows(i) : i, j = row % n, k = index[j];
        if (k < 0 || k >= length) report_fault(fault, j);
        else out[i] = in[(row / n * length + k) * units + i - row * units];
    }
}

void index_select_cuda(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index) {
    const Slices from(in, in.dim() ? dim : 0);
    const int64_t n = index.numel(), bytes = from.inner * in.item_bytes();
    if (from.outer * n * from.inner == 0) return check_indices<IndexError>("index_select", index, dim, from.length);
    const cudaStream_t stream = stream_of(out);
    const Fault fault(out);
    visit_size(unit_bytes(bytes, {out.raw(), in.raw()}), [&]<class T>() {
        const int64_t units = bytes / int64_t(sizeof(T));
        std::vector<Axis<1>> axes;  // the row of a unit: rows count one, units none
        if (units > 1) axes = {{from.outer * n, {1}}, {units, {0}}};
        const Grid grid = grid_for(from.outer * n * units, 4, out);
        launch(stream, select_rows<T>, grid.blocks, grid.threads, 0, out.data<T>(), in.data<T>(), index.data<int64_t>(),
               n, from.outer, from.length, OffsetMap<1>(axes), units, fault.device());
    });
    raise_fault<IndexError>(fault, "index_select", index.data<int64_t>(), dim, from.length, 0, stream);
}

// out (positions, elements): what lies at each indexed place.
template <class T> __global__ void read_places(T* out, const T* in, IndexedPlaces places, OffsetMap<1> rest,
                                               Division elements, int64_t n, unsigned long long* fault) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t position = elements.quotient(i);
        int wrong = -1;
        const int64_t place = places.at(position, wrong);
        if (wrong >= 0) report_fault(fault, position * kMaxAxes + wrong);
        else out[i] = in[place + rest(i - position * elements.divisor)];
    }
}

// How many elements one access may move: they lie side by side, and all strides and sizes are multiples.
int64_t elements_per_unit(const Tensor& in, const Tensor& out, const std::vector<Axis<1>>& rest, Ints dims) {
    if (rest.empty() || rest.back().stride[0] != 1) return 1;
    for (int64_t unit = 16 / in.item_bytes(); unit > 1; unit /= 2) {
        bool fits = rest.back().size % unit == 0 && is_aligned(in.raw(), unit * in.item_bytes()) &&
                    is_aligned(out.raw(), unit * in.item_bytes());
        for (size_t d = 0; d + 1 < rest.size(); ++d) fits = fits && rest[d].stride[0] % unit == 0;
        for (int64_t d : dims) fits = fits && in.stride(d) % unit == 0;
        if (fits) return unit;
    }
    return 1;
}

void index_cuda(const Tensor& out, const Tensor& in, Ints dims, TensorList indices) {
    if (out.numel() == 0) return;
    std::vector<Axis<1>> rest = other_axes(in, dims);
    const int64_t unit = elements_per_unit(in, out, rest, dims), n = out.numel() / unit;
    const int64_t positions = indices[0].numel();
    if (unit > 1) {
        rest.back().size /= unit;
        for (size_t d = 0; d + 1 < rest.size(); ++d) rest[d].stride[0] /= unit;
    }
    const IndexedPlaces places(in, dims, indices, unit);
    const cudaStream_t stream = stream_of(out);
    const Fault fault(out);
    const Grid grid = grid_for(n, 4, out);
    visit_size(unit * in.item_bytes(), [&]<class T>() {
        launch(stream, read_places<T>, grid.blocks, grid.threads, 0, out.data<T>(), in.data<T>(), places,
               OffsetMap<1>(rest), Division(n / positions), n, fault.device());
    });
    places.raise_fault("index", fault, in, dims, indices, stream);
}

}  // namespace

TAEDA_REGISTER(cuda, gather, gather_cuda)
TAEDA_REGISTER(cuda, index_select, index_select_cuda)
TAEDA_REGISTER(cuda, index, index_cuda)

}  // namespace taeda::cuda
