// Attention with a warp for each row: for types and sizes that the faster kernels do not take. Lanes share out 32 keys
// (or queries) at a time for the scores, and the elements of the row for the sums.
#include <limits>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

constexpr int kWarps = 4;  // of a block

template <class T> __device__ T warp_sum(T value) {
    for (int bit = 16; bit; bit /= 2) value += __shfl_xor_sync(kFullWarp, value, bit);
    return value;
}
template <class T> __device__ T warp_max(T value) {
    for (int bit = 16; bit; bit /= 2) {
        T other = __shfl_xor_sync(kFullWarp, value, bit);
        value = other > value || other != other ? other : value;
    }
    return value;
}

// A row in shared memory, as the type of the computation; every warp has its own place.
template <class S> __device__ void stage(op_type<S>* to, const S* row, int width) {
    for (int i = int(threadIdx.x) % 32; i < width; i += 32) to[i] = op_type<S>(row[i]);
    __syncwarp();
}
template <class S> __device__ op_type<S> dot(const op_type<S>* staged, const S* row, int width) {
    op_type<S> sum = 0;
    for (int i = 0; i < width; ++i) sum += staged[i] * op_type<S>(row[i]);
    return sum;
}

// sums[i] += the lane's share of weight (of lane j) times row j, for all 32 lanes' rows below `rows`.
template <class S, int N> __device__ void add_rows(op_type<S> (&sums)[N], op_type<S> weight, const S* matrix,
                                                   int64_t stride, int64_t rows, int width) {
    int lane = int(threadIdx.x) % 32;
    for (int j = 0; j < 32; ++j) {
        op_type<S> w = __shfl_sync(kFullWarp, weight, j);
        if (j >= rows) continue;
        for (int i = 0; i < N; ++i)
            if (lane + 32 * i < width) sums[i] += w * op_type<S>(matrix[j * stride + lane + 32 * i]);
    }
}

template <class S, int N> __device__ void store_row(S* to, const op_type<S> (&values)[N], op_type<S> scale, int width) {
    int lane = int(threadIdx.x) % 32;
    for (int i = 0; i < N; ++i)
        if (lane + 32 * i < width) to[lane + 32 * i] = S(values[i] * scale);
}

// The row of a warp, as batch, head and row; false behind the last.
struct Row {
    int64_t index, b, h, row;
    __device__ bool find(int64_t batches, int64_t heads, int64_t rows) {
        index = int64_t(blockIdx.x) * kWarps + threadIdx.x / 32;
        b = index / rows / heads, h = index / rows % heads, row = index % rows;
        return b < batches;
    }
};

template <class S, int N> __global__ void forward_rows(const Attention<S> a, HeadTensor<S> out, op_type<S>* logsumexp) {
    using T = op_type<S>;
    TAEDA_DYNAMIC_SHARED(T, shared);
    Row r;
    if (!r.find(a.batches, a.heads, a.queries)) return;
    T* query = shared + int(threadIdx.x) / 32 * a.width;
    stage(query, a.query.matrix(r.b, r.h) + r.row * a.query.row, a.width);
    const S *key = a.key.matrix(r.b, a.group_of(r.h)), *value = a.value.matrix(r.b, a.group_of(r.h));
    int lane = int(threadIdx.x) % 32;
    T largest = -std::numeric_limits<T>::infinity(), total = 0, sums[N] = {};
    int64_t visible = a.visible(r.row + 1);
    for (int64_t first = 0; first < visible; first += 32) {
        int64_t k = first + lane;
        T score = -std::numeric_limits<T>::infinity();
        if (k < visible) score = a.masked(a.scale * dot(query, key + k * a.key.row, a.width), r.b, r.h, r.row, k);
        T top = warp_max(score);
        top = largest > top ? largest : top;
        T shift = top == -std::numeric_limits<T>::infinity() ? T(0) : top;
        T weight = std::exp(score - shift), fade = std::exp(largest - shift);
        total = total * fade + warp_sum(weight);
        for (T& s : sums) s *= fade;
        largest = top;
        weight *= a.factor(r.b, r.h, r.row, k);
        add_rows(sums, weight, value + first * a.value.row, a.value.row, visible - first, a.depth);
    }
    bool nothing = total == 0;
    store_row(out.matrix(r.b, r.h) + r.row * out.row, sums, nothing ? T(0) : 1 / total, a.depth);
    // For a row that sees nothing: what makes its probabilities zero in the backward pass.
    if (lane == 0) logsumexp[r.index] = nothing ? std::numeric_limits<T>::infinity() : largest + std::log(total);
}

template <class S> __global__ void dot_rows(op_type<S>* dots, HeadTensor<const S> grad_out, HeadTensor<const S> out,
                                            int64_t batches, int64_t heads, int64_t queries, int depth) {
    Row r;
    if (!r.find(batches, heads, queries)) return;
    const S* g = grad_out.matrix(r.b, r.h) + r.row * grad_out.row;
    const S* o = out.matrix(r.b, r.h) + r.row * out.row;
    op_type<S> sum = 0;
    for (int i = int(threadIdx.x) % 32; i < depth; i += 32) sum += op_type<S>(g[i]) * op_type<S>(o[i]);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) dots[r.index] = sum;
}

template <class S, int N> __global__ void query_grad_rows(const AttentionGrad<S> g) {
    using T = op_type<S>;
    TAEDA_DYNAMIC_SHARED(T, shared);
    const Attention<S>& a = g.a;
    Row r;
    if (!r.find(a.batches, a.heads, a.queries)) return;
    T* query = shared + int(threadIdx.x) / 32 * (a.width + a.depth);
    T* grad = query + a.width;
    stage(query, a.query.matrix(r.b, r.h) + r.row * a.query.row, a.width);
    stage(grad, g.grad_out.matrix(r.b, r.h) + r.row * g.grad_out.row, a.depth);
    const S *key = a.key.matrix(r.b, a.group_of(r.h)), *value = a.value.matrix(r.b, a.group_of(r.h));
    T logsumexp = g.logsumexp[r.index], own = g.dots[r.index], sums[N] = {};
    int64_t visible = a.visible(r.row + 1);
    for (int64_t first = 0; first < visible; first += 32) {
        int64_t k = first + int(threadIdx.x) % 32;
        T change = 0;
        if (k < visible) {
            T score = a.masked(a.scale * dot(query, key + k * a.key.row, a.width), r.b, r.h, r.row, k);
            T of_weight = a.factor(r.b, r.h, r.row, k) * dot(grad, value + k * a.value.row, a.depth);
            change = std::exp(score - logsumexp) * (of_weight - own);
        }
        add_rows(sums, change, key + first * a.key.row, a.key.row, visible - first, a.width);
    }
    store_row(g.grad_query + r.index * a.width, sums, a.scale, a.width);
}

// A warp a key, over all queries of all heads that share it.
template <class S, int N> __global__ void key_grad_rows(const AttentionGrad<S> g) {
    using T = op_type<S>;
    TAEDA_DYNAMIC_SHARED(T, shared);
    const Attention<S>& a = g.a;
    Row r;
    if (!r.find(a.batches, a.groups, a.keys)) return;
    T* key = shared + int(threadIdx.x) / 32 * (a.width + a.depth);
    T* value = key + a.width;
    stage(key, a.key.matrix(r.b, r.h) + r.row * a.key.row, a.width);
    stage(value, a.value.matrix(r.b, r.h) + r.row * a.value.row, a.depth);
    T key_sums[N] = {}, value_sums[N] = {};
    int64_t shared_by = a.heads / a.groups;
    for (int64_t head = r.h * shared_by; head < (r.h + 1) * shared_by; ++head) {
        const S *query = a.query.matrix(r.b, head), *grad = g.grad_out.matrix(r.b, head);
        int64_t rows = (r.b * a.heads + head) * a.queries;
        for (int64_t first = a.causal ? r.row / 32 * 32 : 0; first < a.queries; first += 32) {
            int64_t q = first + int(threadIdx.x) % 32;
            T weight = 0, change = 0;
            if (q < a.queries) {
                T score = a.masked(a.scale * dot(key, query + q * a.query.row, a.width), r.b, head, q, r.row);
                T factor = a.factor(r.b, head, q, r.row), of_weight = dot(value, grad + q * g.grad_out.row, a.depth);
                weight = std::exp(score - g.logsumexp[rows + q]);
                change = weight * (factor * of_weight - g.dots[rows + q]);
                weight *= factor;
            }
            add_rows(key_sums, change, query + first * a.query.row, a.query.row, a.queries - first, a.width);
            add_rows(value_sums, weight, grad + first * g.grad_out.row, g.grad_out.row, a.queries - first, a.depth);
        }
    }
    store_row(g.grad_key + r.index * a.width, key_sums, a.scale, a.width);
    store_row(g.grad_value + r.index * a.depth, value_sums, T(1), a.depth);
}

template <class S> __global__ void factors(const Attention<S> a, S* out, int64_t n) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
        int64_t row = i / a.keys, head = row / a.queries;
        out[i] = S(a.factor(head / a.heads, head % a.heads, row % a.queries, i % a.keys));
    }
}

// f.operator()<N>() with N * 32 elements of a row for a warp.
template <class F> void with_share(int width, F&& f) {
    if (width <= 128) return f.template operator()<4>();
    TAEDA_CHECK_AS(NotImplementedError, width <= 1024,
                   "scaled_dot_product_attention: head dimensions above 1024 are not implemented for CUDA, got ",
                   width);
    f.template operator()<32>();
}

dim3 blocks_for(int64_t rows) { return dim3(unsigned(divide_up(rows, kWarps))); }

}  // namespace

template <class S> void attention_rows(const Tensor& out, const Tensor& logsumexp, const Attention<S>& a) {
    using T = op_type<S>;
    with_share(a.depth, [&]<int N>() {
        launch(stream_of(out), forward_rows<S, N>, blocks_for(logsumexp.numel()), dim3(kWarps * 32),
               kWarps * size_t(a.width) * sizeof(T), a, HeadTensor<S>(out), logsumexp.data<T>());
    });
}

template <class S>
void attention_dots(op_type<S>* dots, const Tensor& grad_out, const Tensor& out, const Attention<S>& a) {
    launch(stream_of(out), dot_rows<S>, blocks_for(a.batches * a.heads * a.queries), dim3(kWarps * 32), 0, dots,
           HeadTensor<const S>(grad_out), HeadTensor<const S>(out), a.batches, a.heads, a.queries, a.depth);
}

template <class S> void attention_rows_grad(const AttentionGrad<S>& g, const Tensor& beside) {
    const Attention<S>& a = g.a;
    size_t bytes = kWarps * size_t(a.width + a.depth) * sizeof(op_type<S>);
    with_share(a.width, [&]<int N>() {
        launch(stream_of(beside), query_grad_rows<S, N>, blocks_for(a.batches * a.heads * a.queries), dim3(kWarps * 32),
               bytes, g);
    });
    with_share(std::max(a.width, a.depth), [&]<int N>() {
        launch(stream_of(beside), key_grad_rows<S, N>, blocks_for(a.batches * a.groups * a.keys), dim3(kWarps * 32),
               bytes, g);
    });
}

template <class S> void attention_factors(const Tensor& out, const Attention<S>& a) {
    Grid grid = loop_grid(out.numel(), 1, limits(out.device().index).multiprocessors);
    launch(stream_of(out), factors<S>, grid.blocks, grid.threads, 0, a, out.data<S>(), out.numel());
}

#define TAEDA_ROWS(S) \
    template void attention_rows<S>(const Tensor&, const Tensor&, const Attention<S>&); \
    template void attention_dots<S>(op_type<S>*, const Tensor&, const Tensor&, const Attention<S>&); \
    template void attention_factors<S>(const Tensor&, const Attention<S>&); \
    template void attention_rows_grad<S>(const AttentionGrad<S>&, const Tensor&);
TAEDA_ROWS(float)
TAEDA_ROWS(double)
TAEDA_ROWS(Half)
TAEDA_ROWS(BFloat16)
#undef TAEDA_ROWS

}  // namespace taeda::cuda
