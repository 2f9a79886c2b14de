// Windows of planes as columns, and back. Every thread owns an element of what is written, so nothing is added twice and
// sums run in a fixed order.
#include "kernels/fold.h"

#include "kernels/cuda/indexing.h"

namespace taeda::cuda {
namespace {

// The geometry of both directions; only height and width count.
struct Windows {
    int64_t kernel[2], stride[2], padding[2], dilation[2], input[2], output[2];
    explicit Windows(const PoolGeometry& g) {
        for (int d = 0; d < 2; ++d) {
            kernel[d] = g.kernel[d + 1], stride[d] = g.stride[d + 1], padding[d] = g.padding[d + 1];
            dilation[d] = g.dilation[d + 1], input[d] = g.input[d + 1], output[d] = g.output[d + 1];
        }
    }
};

// One thread for each element of a row of columns: (plane, kernel row, kernel column, output row, output column).
template <class T> __global__ void image_to_columns(T* columns, const T* x, Windows w, int64_t n, Division output_row,
                                                    Division output_plane, Division taps) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t window = output_plane.quotient(i), at = i - window * output_plane.divisor;
        const int64_t plane = taps.quotient(window), tap = window - plane * taps.divisor;
        const int64_t oh = output_row.quotient(at), ow = at - oh * output_row.divisor;
        const int64_t h = oh * w.stride[0] - w.padding[0] + tap / w.kernel[1] * w.dilation[0];
        const int64_t v = ow * w.stride[1] - w.padding[1] + tap % w.kernel[1] * w.dilation[1];
        const bool is_inside = h >= 0 && h < w.input[0] && v >= 0 && v < w.input[1];
        columns[i] = is_inside ? x[(plane * w.input[0] + h) * w.input[1] + v] : T{};
    }
}

// The output position whose tap lies on `at`, or -1.
__device__ inline int64_t output_under(const Windows& w, int d, int64_t at, int64_t tap) {
    const int64_t shifted = at + w.padding[d] - tap * w.dilation[d];
    if (shifted < 0 || shifted % w.stride[d]) return -1;
    const int64_t o = shifted / w.stride[d];
    return o < w.output[d] ? o : -1;
}

// One thread for each element of the planes: the sum of what lies on it, tap by tap.
template <class S, class T> __global__ void columns_to_image(S* x, const S* columns, Windows w, int64_t n,
                                                             Division input_row, Division input_plane) {
    const int64_t taps = w.kernel[0] * w.kernel[1], outputs = w.output[0] * w.output[1];
    TAEDA_GRID_LOOP(i, n) {
        const int64_t plane = input_plane.quotient(i), at = i - plane * input_plane.divisor;
        const int64_t h = input_row.quotient(at), v = at - h * input_row.divisor;
        T sum{};
        for (int64_t row = 0; row < w.kernel[0]; ++row) {
            const int64_t oh = output_under(w, 0, h, row);
            if (oh < 0) continue;
            for (int64_t column = 0; column < w.kernel[1]; ++column) {
                const int64_t ow = output_under(w, 1, v, column);
                if (ow < 0) continue;
                const int64_t window = plane * taps + row * w.kernel[1] + column;
                sum += T(columns[window * outputs + oh * w.output[1] + ow]);
            }
        }
        x[i] = S(sum);
    }
}

void im2col_cuda(const Tensor& columns, const Tensor& x, const PoolGeometry& g) {
    const int64_t n = columns.numel();
    if (n == 0) return;
    const Grid grid = grid_for(n, 2, columns);
    visit_size(x.item_bytes(), [&]<class T>() {
        launch(stream_of(columns), image_to_columns<T>, grid.blocks, grid.threads, 0, columns.data<T>(), x.data<T>(),
               Windows(g), n, Division(g.output[2]), Division(g.output_size()), Division(g.kernel[1] * g.kernel[2]));
    });
}

void col2im_cuda(const Tensor& x, const Tensor& columns, const PoolGeometry& g) {
    const int64_t n = x.numel();
    if (n == 0) return;
    const Grid grid = grid_for(n, 1, x);
    visit_all(x.dtype(), [&]<class Type>() {
        using S = device_type<Type>;
        using T = std::conditional_t<std::is_same_v<S, bool>, char, op_type<S>>;
        launch(stream_of(x), columns_to_image<S, T>, grid.blocks, grid.threads, 0, x.data<S>(), columns.data<S>(),
               Windows(g), n, Division(g.input[2]), Division(g.input_size()));
    });
}

}  // namespace

TAEDA_REGISTER(cuda, im2col, im2col_cuda)
TAEDA_REGISTER(cuda, col2im, col2im_cuda)

}  // namespace taeda::cuda
