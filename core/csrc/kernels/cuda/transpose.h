// Copies whose source runs along another dimension than the target: tiles through shared memory, so that both sides are
// read and written in the order of memory.
#pragma once

#include "kernels/cuda/pointwise.h"

namespace taeda::cuda {

constexpr int kTile = 32, kTileRows = 8;  // a block of 32 x 8 threads moves a tile of 32 x 32 elements

// out[b, r, c] = in[b, r, c] where c is dense in `out` and r in `in`; the other strides in bytes.
template <class T> __global__ void transpose_kernel(uint32_t rows, uint32_t columns, uint32_t batches,
                                                    StridedLayout<2> batch, char* out, int64_t out_row, const char* in,
                                                    int64_t in_column) {
    __shared__ T tile[kTile][kTile + 1];
    uint32_t across = (columns + kTile - 1) / kTile;
    uint32_t first_row = blockIdx.x / across * kTile, first_column = blockIdx.x % across * kTile;
    for (uint32_t b = blockIdx.y; b < batches; b += gridDim.y) {
        int64_t at[2];
        batch.offsets(b, at);
        for (int j = 0; j < kTile; j += kTileRows) {
            uint32_t column = first_column + threadIdx.y + j, row = first_row + threadIdx.x;
            if (column < columns && row < rows)
                tile[threadIdx.y + j][threadIdx.x] =
                    reinterpret_cast<const T*>(in + at[1] + int64_t(column) * in_column)[row];
        }
        __syncthreads();
        for (int j = 0; j < kTile; j += kTileRows) {
            uint32_t row = first_row + threadIdx.y + j, column = first_column + threadIdx.x;
            if (column < columns && row < rows)
                reinterpret_cast<T*>(out + at[0] + int64_t(row) * out_row)[column] = tile[threadIdx.x][threadIdx.y + j];
        }
        __syncthreads();
    }
}

// The dimension that is dense in the source, where the tiles pay; -1 otherwise.
inline int tiled_dimension(const PointwiseArgs& args, int64_t item) {
    int last = args.ndim - 1;
    if (args.ndim < 2 || !fits_32_bits(args.numel) || args.sizes[last] < kTile / 2) return -1;
    if (args.strides[0][last] != item || args.strides[1][last] == item) return -1;
    for (int d = 0; d < last; ++d)
        if (args.strides[1][d] == item && args.sizes[d] >= kTile / 2) return d;
    return -1;
}

// Copies args.data[1] to args.data[0]; `d` as tiled_dimension gives it.
template <class T> void transpose_loop(const PointwiseArgs& args, int d) {
    int last = args.ndim - 1;
    StridedLayout<2> batch;
    batch.ndim = 0;
    for (int i = 0; i < last; ++i) {
        if (i == d) continue;
        batch.sizes[batch.ndim] = Divisor(uint32_t(args.sizes[i]));
        for (int k = 0; k < 2; ++k) batch.strides[k][batch.ndim] = args.strides[k][i];
        ++batch.ndim;
    }
    auto rows = uint32_t(args.sizes[d]), columns = uint32_t(args.sizes[last]);
    auto batches = uint32_t(args.numel / (args.sizes[d] * args.sizes[last]));
    int64_t tiles = divide_up(rows, kTile) * divide_up(columns, kTile);
    use_device(args.device.index);
    launch(current_stream(args.device.index), transpose_kernel<T>,
           dim3(unsigned(tiles), unsigned(std::min<int64_t>(batches, 65535))), dim3(kTile, kTileRows), 0, rows, columns,
           batches, batch, args.data[0], args.strides[0][d], static_cast<const char*>(args.data[1]),
           args.strides[1][last]);
}

}  // namespace taeda::cuda
