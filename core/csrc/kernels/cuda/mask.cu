// Selection by masks and coordinates of nonzero elements, as scans of the mask: how many true elements come up to each
// says where it goes. Triangles.
#include "kernels/cuda/indexing.h"
#include "kernels/cuda/scan.h"

namespace taeda::cuda {
namespace {

struct MaskScan {
    using A = int64_t;
    const bool* mask;
    __device__ A identity() const { return 0; }
    __device__ A load(int64_t at, int64_t) const { return mask[at]; }
    __device__ A combine(A earlier, A later) const { return earlier + later; }
};

template <class T> struct Select : MaskScan {
    T* out;
    const T* in;
    __device__ void store(int64_t at, A count) const {
        if (mask[at]) out[count - 1] = in[at];
    }
};

template <class T> struct Scatter : MaskScan {
    T* out;
    const T* source;
    __device__ void store(int64_t at, A count) const {
        if (mask[at]) out[at] = source[count - 1];
    }
};

struct Coordinates : MaskScan {
    int64_t* out;
    int dims;
    int64_t size[kMaxAxes];
    __device__ void store(int64_t at, A count) const {
        if (!mask[at]) return;
        int64_t* row = out + (count - 1) * dims;
        for (int d = dims; d-- > 0; at /= size[d]) row[d] = at % size[d];
    }
};

Slices whole(const Tensor& mask) { return Slices(Ints{mask.numel()}, 0); }

void masked_select_cuda(const Tensor& out, const Tensor& in, const Tensor& mask) {
    visit_size(in.item_bytes(), [&]<class T>() {
        run_scan(Select<T>{{mask.data<bool>()}, out.data<T>(), in.data<T>()}, whole(mask), mask);
    });
}

void masked_scatter_cuda(const Tensor& self, const Tensor& mask, const Tensor& source) {
    visit_size(self.item_bytes(), [&]<class T>() {
        run_scan(Scatter<T>{{mask.data<bool>()}, self.data<T>(), source.data<T>()}, whole(mask), mask);
    });
}

void nonzero_cuda(const Tensor& out, const Tensor& mask) {
    if (mask.dim() == 0) return;  // one row without coordinates, or none
    TAEDA_CHECK(mask.dim() <= kMaxAxes, "nonzero: ", mask.dim(), " dimensions are too many on a GPU; at most ",
                kMaxAxes);
    Coordinates op{{mask.data<bool>()}, out.data<int64_t>(), int(mask.dim()), {}};
    for (int d = 0; d < op.dims; ++d) op.size[d] = mask.size(d);
    run_scan(op, whole(mask), mask);
}

template <class T> __global__ void keep_triangle(T* out, const T* in, int64_t n, Division columns, Division rows,
                                                 int64_t diagonal, bool upper) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t line = columns.quotient(i), column = i - line * columns.divisor;
        const int64_t above = column - rows.rest(line) - diagonal;  // of the diagonal, negative below it
        out[i] = (upper ? above >= 0 : above <= 0) ? in[i] : T{};
    }
}

void triangle_cuda(const Tensor& out, const Tensor& in, int64_t diagonal, bool upper) {
    const int64_t n = in.numel();
    if (n == 0) return;
    const Grid grid = grid_for(n, 4, out);
    const cudaStream_t stream = stream_of(out);
    visit_size(in.item_bytes(), [&]<class T>() {
        launch(stream, keep_triangle<T>, grid.blocks, grid.threads, 0, out.data<T>(), in.data<T>(), n,
               Division(in.size(-1)), Division(in.size(-2)), diagonal, upper);
    });
}

}  // namespace

TAEDA_REGISTER(cuda, masked_select, masked_select_cuda)
TAEDA_REGISTER(cuda, masked_scatter, masked_scatter_cuda)
TAEDA_REGISTER(cuda, nonzero, nonzero_cuda)
TAEDA_REGISTER(cuda, triangle, triangle_cuda)

}  // namespace taeda::cuda
