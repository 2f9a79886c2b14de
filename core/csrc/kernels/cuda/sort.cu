// Sorting by keys, with positions behind them, so that all are different and every correct method is stable: short slices
// in shared memory, long ones by a radix sort of all slices together, the first few of a long slice by radix selection.
#include "kernels/sort.h"

#include "kernels/cuda/indexing.h"
#include "kernels/cuda/runs.h"
#include "kernels/cuda/scan.h"
#include "kernels/cuda/sort_keys.h"

namespace taeda::cuda {
namespace {

constexpr int kShort = 1024;                       // slices that one block sorts
constexpr int64_t kBatch = int64_t(1) << 28;       // elements that are sorted at a time
constexpr int64_t kSelectable = int64_t(1) << 20;  // longer slices are sorted unless they are many

struct Item {
    uint64_t key;
    uint32_t at;
    __device__ bool operator<(const Item& o) const { return key != o.key ? key < o.key : at < o.at; }
};

// Batcher's bitonic sort of `width` items (a power of two) by the threads in x; every thread of the block takes part.
__device__ inline void sort_items(Item* items, int width) {
    for (int run = 2; run <= width; run *= 2)
        for (int distance = run / 2; distance > 0; distance /= 2) {
            __syncthreads();
            for (int t = int(threadIdx.x); t < width / 2; t += int(blockDim.x)) {
                const int low = 2 * t - (t & (distance - 1)), high = low + distance;
                if ((items[high] < items[low]) != ((low & run) == 0)) continue;
                const Item moved = items[low];
                items[low] = items[high], items[high] = moved;
            }
        }
    __syncthreads();
}

// Slices of at most `width` elements: width / 2 threads in x for each, in y several.
static __global__ void sort_short_slices(KeySlices k, int width) {
    __shared__ Item shared[2 * 256 > kShort ? 2 * 256 : kShort];
    const int64_t slice = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    const bool is_inside = slice < k.slices.outer * k.slices.inner;
    Item* items = shared + int(threadIdx.y) * width;
    for (int i = int(threadIdx.x); i < width; i += int(blockDim.x))
        items[i] = is_inside && i < k.slices.length ? Item{k.key(slice, i), uint32_t(i)}
                                                    : Item{~uint64_t(0), 0x80000000u + uint32_t(i)};
    sort_items(items, width);
    if (!is_inside) return;
    for (int rank = int(threadIdx.x); rank < k.count; rank += int(blockDim.x)) k.write(slice, rank, items[rank].at);
}

void sort_short(const KeySlices& k, cudaStream_t stream) {
    int width = 2;
    while (width < k.slices.length) width *= 2;
    const unsigned x = unsigned(width / 2), y = std::max(1u, 256 / x);
    launch(stream, sort_short_slices, unsigned(divide_up(k.slice_count(), y)), dim3(x, y), 0, k, width);
}

// -- radix sort -------------------------------------------------------------------------------------------------------

static __global__ void fill_slice_keys(KeySlices k, int64_t first_slice, int64_t n, Division length, bool with_slice,
                                       uint64_t* keys, uint32_t* positions) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t slice = length.quotient(i);
        const uint64_t key = k.key(first_slice + slice, i - slice * length.divisor);
        keys[i] = with_slice ? uint64_t(slice) << k.bits | key : key;
        positions[i] = uint32_t(i);
    }
}
static __global__ void fill_slice_numbers(const uint32_t* positions, int64_t n, Division length, uint64_t* keys) {
    TAEDA_GRID_LOOP(i, n) { keys[i] = uint64_t(length.quotient(positions[i])); }
}
static __global__ void write_sorted(KeySlices k, int64_t first_slice, int64_t n, Division length, int64_t first_rank,
                                    const uint32_t* positions) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t slice = length.quotient(i), rank = i - slice * length.divisor - first_rank;
        if (rank >= 0 && rank < k.count) k.write(first_slice + slice, rank, positions[i] - slice * length.divisor);
    }
}

// Writes the elements from `first_rank` on of all slices.
void sort_long(const KeySlices& k, const char* op, const Tensor& in, int64_t first_rank = 0) {
    const int64_t length = k.slices.length, slices = k.slice_count();
    TAEDA_CHECK(length <= kMostWrites, op, ": a dimension of ", length, " elements is too long on a GPU; at most ",
                kMostWrites);
    const int64_t batch = std::clamp<int64_t>(kBatch / length, 1, slices), most = batch * length;
    const cudaStream_t stream = stream_of(in);
    const Workspace key_space(size_t(2 * most) * sizeof(uint64_t), in);
    const Workspace position_space(size_t(2 * most) * sizeof(uint32_t), in);
    uint64_t *keys = key_space.as<uint64_t>(), *sorted_keys = keys + most;
    uint32_t *positions = position_space.as<uint32_t>(), *sorted = positions + most;
    const Division by_length(length);
    for (int64_t first = 0; first < slices; first += batch) {
        const int64_t count = std::min(batch, slices - first), n = count * length;
        const int slice_bits = count > 1 ? bits_of(count - 1) : 0;
        const bool with_slice = slice_bits > 0 && k.bits + slice_bits <= 64;
        const Grid grid = grid_for(n, 4, in);
        launch(stream, fill_slice_keys, grid.blocks, grid.threads, 0, k, first, n, by_length, with_slice, keys,
               positions);
        sort_pairs(keys, sorted_keys, positions, sorted, n, k.bits + (with_slice ? slice_bits : 0), in);
        if (slice_bits > 0 && !with_slice) {  // by key first, then by slice
            launch(stream, fill_slice_numbers, grid.blocks, grid.threads, 0, sorted, n, by_length, keys);
            sort_pairs(keys, sorted_keys, sorted, positions, n, slice_bits, in);
            std::swap(positions, sorted);
        }
        launch(stream, write_sorted, grid.blocks, grid.threads, 0, k, first, n, by_length, first_rank, sorted);
    }
}

// -- radix selection --------------------------------------------------------------------------------------------------

struct Selected {
    uint64_t key;  // of the element of that rank
    int64_t rank;  // counted from 1, among the elements of the same key
};

// The element of rank `rank` (from 1) of a slice, digit by digit from the highest; by all threads of the block.
__device__ inline Selected select_key(const KeySlices& k, int64_t slice, int64_t rank) {
    __shared__ unsigned counts[256];
    __shared__ Selected state;
    if (threadIdx.x == 0) state = {0, rank};
    for (int shift = k.bits - 8; shift >= 0; shift -= 8) {
        for (int d = int(threadIdx.x); d < 256; d += int(blockDim.x)) counts[d] = 0;
        __syncthreads();
        const uint64_t prefix = state.key;
        for (int64_t i = threadIdx.x; i < k.slices.length; i += blockDim.x) {
            const uint64_t key = k.key(slice, i);
            if (shift + 8 == k.bits || key >> (shift + 8) == prefix >> (shift + 8))
                atomicAdd(&counts[key >> shift & 255], 1u);
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            int digit = 0;
            while (state.rank > int64_t(counts[digit])) state.rank -= counts[digit++];
            state.key |= uint64_t(digit) << shift;
        }
        __syncthreads();
    }
    return state;
}

struct Place {
    unsigned below, equal;  // how many elements come before this one, of smaller keys and of the same
};
struct AddPlaces {
    __device__ Place identity() const { return {0, 0}; }
    __device__ Place combine(Place a, Place b) const { return {a.below + b.below, a.equal + b.equal}; }
};

// f(i, key, place) for the elements of the slice that do not come after the selected one.
template <class F> __device__ void each_selected(const KeySlices& k, int64_t slice, Selected s, F f) {
    __shared__ Place shared[kScanThreads / kWarp];
    const AddPlaces add;
    Place carry = add.identity();
    for (int64_t begin = 0; begin < k.slices.length; begin += kScanThreads) {
        const int64_t i = begin + threadIdx.x;
        const uint64_t key = i < k.slices.length ? k.key(slice, i) : 0;
        const Place mine{i < k.slices.length && key < s.key, i < k.slices.length && key == s.key};
        Place total;
        const Place before = add.combine(carry, scan_block(add, mine, shared, total));
        if (mine.below || (mine.equal && int64_t(before.equal) < s.rank)) f(i, key, before);
        carry = add.combine(carry, total);
    }
}

// The first k.count elements of a slice for each block: at most kShort.
static __global__ void __launch_bounds__(kScanThreads) select_first(KeySlices k, int width) {
    __shared__ Item items[kShort];
    const int64_t slice = blockIdx.x;
    const Selected s = select_key(k, slice, k.count);
    for (int i = int(threadIdx.x); i < width; i += kScanThreads)
        items[i] = Item{~uint64_t(0), 0x80000000u + uint32_t(i)};
    __syncthreads();
    const int below = int(k.count - s.rank);
    each_selected(k, slice, s, [&](int64_t i, uint64_t key, Place p) {
        items[key < s.key ? int(p.below) : below + int(p.equal)] = Item{key, uint32_t(i)};
    });
    sort_items(items, width);
    for (int rank = int(threadIdx.x); rank < k.count; rank += kScanThreads) k.write(slice, rank, items[rank].at);
}

static __global__ void __launch_bounds__(kScanThreads) select_one(KeySlices k, int64_t rank) {
    const int64_t slice = blockIdx.x;
    const Selected s = select_key(k, slice, rank + 1);
    each_selected(k, slice, s, [&](int64_t i, uint64_t key, Place p) {
        if (key == s.key && int64_t(p.equal) + 1 == s.rank) k.write(slice, 0, i);
    });
}

void sort_cuda(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim, bool descending) {
    const KeySlices k(values, indices, in, dim, descending);
    if (k.slices.length <= kShort) sort_short(k, stream_of(in));
    else sort_long(k, "sort", in);
}

// Whether one block for each slice is the quicker way.
bool is_selectable(const KeySlices& k) { return k.slices.length <= kSelectable || k.slice_count() >= 64; }

void topk_cuda(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim, bool largest) {
    const KeySlices k(values, indices, in, dim, largest);
    if (k.slices.length <= kShort) return sort_short(k, stream_of(in));
    if (k.count > kShort || !is_selectable(k)) return sort_long(k, "topk", in);
    int width = 2;
    while (width < k.count) width *= 2;
    launch(stream_of(in), select_first, unsigned(k.slice_count()), kScanThreads, 0, k, width);
}

void kthvalue_cuda(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t rank, int64_t dim) {
    const KeySlices k(values, indices, in, dim, false);
    if (!is_selectable(k)) return sort_long(k, "kthvalue", in, rank);
    launch(stream_of(in), select_one, unsigned(k.slice_count()), kScanThreads, 0, k, rank);
}

}  // namespace

TAEDA_REGISTER(cuda, sort, sort_cuda)
TAEDA_REGISTER(cuda, topk, topk_cuda)
TAEDA_REGISTER(cuda, kthvalue, kthvalue_cuda)

}  // namespace taeda::cuda
