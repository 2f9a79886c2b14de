// Joins: one copy of rows for each part.
#include "kernels/copy.h"
#include "kernels/cuda/indexing.h"
#include "kernels/slices.h"

namespace taeda::cuda {
namespace {

// Rows of `width` units go into rows of `pitch` units.
template <class T> __global__ void copy_into_rows(T* out, const T* in, int64_t n, Division width, int64_t pitch) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t row = width.quotient(i);
        out[row * pitch + i - row * width.divisor] = in[i];
    }
}

void cat_cuda(const Tensor& out, TensorList parts, int64_t dim) {
    const cudaStream_t stream = stream_of(out);
    const Slices to(out, dim);
    const int64_t pitch = to.length * to.inner * out.item_bytes();
    char* start = out.data<char>();
    for (const Tensor& part : parts) {
        const int64_t width = part.numel() / to.outer * part.item_bytes();
        const int64_t unit = std::min(unit_bytes(width, {start, part.raw()}), unit_bytes(pitch, {start}));
        visit_size(unit, [&]<class T>() {
            const int64_t n = to.outer * width / unit;
            const Grid grid = grid_for(n, 4, out);
            launch(stream, copy_into_rows<T>, grid.blocks, grid.threads, 0, reinterpret_cast<T*>(start), part.data<T>(),
                   n, Division(width / unit), pitch / unit);
        });
        start += width;
    }
}

}  // namespace

TAEDA_REGISTER(cuda, cat, cat_cuda)

}  // namespace taeda::cuda
