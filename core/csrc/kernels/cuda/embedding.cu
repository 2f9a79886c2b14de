// Embedding tables. Gradients are summed over the sorted indices, so that each row adds up in the order of the indices.
#include "kernels/embedding.h"

#include "kernels/cuda/element.h"
#include "kernels/cuda/indexing.h"
#include "kernels/cuda/runs.h"

namespace taeda::cuda {
namespace {

// Raises for the first index that a kernel noted. Waits for the stream.
void raise_row_fault(const Fault& fault, const char* op, const Tensor& indices, int64_t rows) {
    if (const std::optional<int64_t> wrong = fault.read())
        raise_wrong_row(op, read_value(indices.data<int64_t>() + *wrong, stream_of(indices)), *wrong, rows);
}

static __global__ void find_wrong_row(const int64_t* indices, int64_t n, int64_t rows, unsigned long long* fault) {
    TAEDA_GRID_LOOP(i, n) {
        if (indices[i] < 0 || indices[i] >= rows) report_fault(fault, i);
    }
}
void check_rows(const char* op, const Tensor& indices, int64_t rows) {
    if (indices.numel() == 0) return;
    const Fault fault(indices);
    const Grid grid = grid_for(indices.numel(), 4, indices);
    launch(stream_of(indices), find_wrong_row, grid.blocks, grid.threads, 0, indices.data<int64_t>(), indices.numel(),
           rows, fault.device());
    raise_row_fault(fault, op, indices, rows);
}

// Rows of `units` accesses of type T each.
template <class T> __global__ void copy_rows(T* out, const T* table, const int64_t* indices, int64_t n, int64_t rows,
                                             Division units, unsigned long long* fault) {
    TAEDA_GRID_LOOP(i, n * units.divisor) {
        const int64_t entry = units.quotient(i), row = indices[entry];
        if (row < 0 || row >= rows) report_fault(fault, entry);
        else out[i] = table[row * units.divisor + i - entry * units.divisor];
    }
}

void embedding_cuda(const Tensor& out, const Tensor& table, const Tensor& indices) {
    const int64_t n = indices.numel(), rows = table.size(0), bytes = table.size(1) * table.item_bytes();
    if (n == 0 || bytes == 0) return check_rows("embedding", indices, rows);
    const Fault fault(out);
    const cudaStream_t stream = stream_of(out);
    visit_size(unit_bytes(bytes, {out.raw(), table.raw()}), [&]<class T>() {
        const int64_t units = bytes / int64_t(sizeof(T));
        const Grid grid = grid_for(n * units, 4, out);
        launch(stream, copy_rows<T>, grid.blocks, grid.threads, 0, out.data<T>(), table.data<T>(),
               indices.data<int64_t>(), n, rows, Division(units), fault.device());
    });
    raise_row_fault(fault, "embedding", indices, rows);
}

struct TableRow {
    const int64_t* indices;
    __device__ int64_t operator()(int64_t i) const { return indices[i]; }
};

// What an entry adds to its row: row `source(entry)` of the gradient (negative: nothing), times `scale(entry)`.
template <class S> struct EmbeddingShare {
    using T = op_type<S>;
    bool by_frequency;
    __device__ int64_t source(int64_t entry) const { return entry; }
    __device__ T scale(int64_t, int64_t occurrences) const { return by_frequency ? T(1) / T(occurrences) : T(1); }
};
template <class S> struct BagShare {
    using T = op_type<S>;
    const int64_t *bag_of_entry, *counted;
    const S* weights;  // or null
    bool is_mean, by_frequency;
    __device__ int64_t source(int64_t entry) const { return bag_of_entry[entry]; }
    __device__ T scale(int64_t entry, int64_t occurrences) const {
        T weight = weights ? T(weights[entry]) : T(1);
        if (is_mean) weight /= T(counted[bag_of_entry[entry]]);
        return by_frequency ? weight / T(occurrences) : weight;
    }
};

// A thread for each column of each row that occurs: the first of its entries adds them all up.
template <class S, class Share> __global__ void add_rows(S* grad_table, const S* grad, const uint64_t* rows,
                                                         const uint32_t* entries, int64_t n, int64_t table_rows,
                                                         Division width, int64_t padding, Share share) {
    using T = op_type<S>;
    TAEDA_GRID_LOOP(i, n * width.divisor) {
        const int64_t first = width.quotient(i), column = i - first * width.divisor, row = int64_t(rows[first]);
        if (row < 0 || row >= table_rows || row == padding || (first > 0 && int64_t(rows[first - 1]) == row)) continue;
        int64_t end = first + 1;
        while (end < n && int64_t(rows[end]) == row) ++end;
        T sum = 0;
        for (int64_t k = first; k < end; ++k) {
            const int64_t entry = entries[k], source = share.source(entry);
            if (source >= 0) sum += T(grad[source * width.divisor + column]) * share.scale(entry, end - first);
        }
        grad_table[row * width.divisor + column] = S(sum);
    }
}

void clear(const Tensor& t) {
    if (t.numel()) TAEDA_CUDA_CHECK(cudaMemsetAsync(t.raw(), 0, size_t(t.numel() * t.item_bytes()), stream_of(t)));
}

template <class S, class Share> void add_entries(const Tensor& grad_table, const Tensor& grad_out,
                                                 const Tensor& indices, int64_t padding, const Share& share,
                                                 const char* op) {
    clear(grad_table);
    const int64_t n = indices.numel(), width = grad_table.size(1);
    if (n * width == 0) return;
    const Runs runs(TableRow{indices.data<int64_t>()}, n, grad_table.size(0), op, grad_table);
    const Grid grid = grid_for(n * width, 1, grad_table);
    launch(stream_of(grad_table), add_rows<S, Share>, grid.blocks, grid.threads, 0, grad_table.data<S>(),
           grad_out.data<S>(), runs.keys(), runs.positions(), n, grad_table.size(0), Division(width), padding, share);
}

void embedding_grad_cuda(const Tensor& grad_table, const Tensor& grad_out, const Tensor& indices, int64_t padding_idx,
                         bool by_frequency) {
    visit_floating(grad_table.dtype(), "embedding", [&]<class S>() {
        add_entries<S>(grad_table, grad_out, indices, padding_idx, EmbeddingShare<S>{by_frequency}, "embedding");
    });
}

// -- bags -------------------------------------------------------------------------------------------------------------

// Where the entries of each bag lie.
struct Bags {
    const int64_t *indices, *offsets;
    int64_t entries, count, offset_count, padding;

    explicit Bags(const BagArgs& a)
        : indices(a.indices.data<int64_t>()),
          offsets(a.offsets.data<int64_t>()),
          entries(a.indices.numel()),
          count(a.count),
          offset_count(a.offsets.numel()),
          padding(a.padding_idx) {}
    __device__ int64_t begin(int64_t bag) const { return offsets[bag]; }
    __device__ int64_t end(int64_t bag) const { return bag + 1 < offset_count ? offsets[bag + 1] : entries; }
    __device__ bool is_wrong(int64_t offset) const {
        if (offset == 0) return offsets[0] != 0;
        return offsets[offset] < offsets[offset - 1] || offsets[offset] > entries;
    }
};

static __global__ void find_wrong_offset(Bags bags, unsigned long long* fault) {
    TAEDA_GRID_LOOP(i, bags.offset_count) {
        if (bags.is_wrong(i)) report_fault(fault, i);
    }
}

// Checks indices and offsets; waits for the stream.
void check_bags(const Bags& bags, const BagArgs& a, int64_t rows) {
    check_rows("embedding_bag", a.indices, rows);
    if (bags.offset_count == 0) return;
    const cudaStream_t stream = stream_of(a.offsets);
    const Fault fault(a.offsets);
    const Grid grid = grid_for(bags.offset_count, 4, a.offsets);
    launch(stream, find_wrong_offset, grid.blocks, grid.threads, 0, bags, fault.device());
    if (const std::optional<int64_t> wrong = fault.read())
        raise_wrong_offset(*wrong, read_value(bags.offsets + *wrong, stream), bags.entries);
}

// For each bag the entries that count; for each entry its bag, -1 behind the last one.
static __global__ void look_at_bags(Bags bags, int64_t* counted, int64_t* bag_of_entry) {
    TAEDA_GRID_LOOP(bag, bags.count) {
        int64_t number = 0;
        for (int64_t i = bags.begin(bag); i < bags.end(bag); ++i) {
            number += bags.indices[i] != bags.padding;
            bag_of_entry[i] = bag;
        }
        counted[bag] = number;
    }
}

// What gradients need to know of bags with checked offsets.
struct BagTable {
    Workspace counted, bag_of_entry;
    BagTable(const Bags& bags, const Tensor& beside)
        : counted(size_t(bags.count) * sizeof(int64_t), beside),
          bag_of_entry(size_t(bags.entries) * sizeof(int64_t), beside) {
        const cudaStream_t stream = stream_of(beside);
        TAEDA_CUDA_CHECK(
            cudaMemsetAsync(bag_of_entry.as<void>(), 0xFF, size_t(bags.entries) * sizeof(int64_t), stream));
        const Grid grid = grid_for(bags.count, 1, beside);
        launch(stream, look_at_bags, grid.blocks, grid.threads, 0, bags, counted.as<int64_t>(),
               bag_of_entry.as<int64_t>());
    }
};

// A thread for each column of each bag.
template <class S> __global__ void combine_bags(S* out, int64_t* chosen, const S* table, const S* weights, Bags bags,
                                                Division width, BagMode mode) {
    using T = op_type<S>;
    TAEDA_GRID_LOOP(i, bags.count * width.divisor) {
        const int64_t bag = width.quotient(i), column = i - bag * width.divisor;
        T result = 0;
        int64_t from = -1, counted = 0;
        for (int64_t e = bags.begin(bag); e < bags.end(bag); ++e) {
            const int64_t row = bags.indices[e];
            if (row == bags.padding) continue;
            ++counted;
            const T value = T(table[row * width.divisor + column]);
            if (mode != BagMode::max) result += weights ? value * T(weights[e]) : value;
            else if (from < 0 || value > result) result = value, from = row;
        }
        if (mode == BagMode::max) chosen[i] = from;
        out[i] = S(mode == BagMode::mean && counted ? result / T(counted) : result);
    }
}

void embedding_bag_cuda(const Tensor& out, const Tensor& chosen, const Tensor& table, const BagArgs& a) {
    const Bags bags(a);
    check_bags(bags, a, table.size(0));
    if (out.numel() == 0) return;
    const Grid grid = grid_for(out.numel(), 1, out);
    visit_floating(table.dtype(), "embedding_bag", [&]<class S>() {
        launch(stream_of(out), combine_bags<S>, grid.blocks, grid.threads, 0, out.data<S>(),
               data_or_null<int64_t>(chosen), table.data<S>(), data_or_null<S>(a.weights), bags,
               Division(table.size(1)), a.mode);
    });
}

// Where the maxima of a column came from: the place in the table, or one behind its end for empty bags.
struct ChosenPlace {
    const int64_t* chosen;
    Division width;
    int64_t none;
    __device__ int64_t operator()(int64_t i) const {
        return chosen[i] < 0 ? none : chosen[i] * width.divisor + width.rest(i);
    }
};

template <class S> __global__ void add_chosen(S* grad_table, const S* grad, const uint64_t* places,
                                              const uint32_t* positions, int64_t n, int64_t none) {
    using T = op_type<S>;
    TAEDA_GRID_LOOP(i, n) {
        const uint64_t place = places[i];
        if (int64_t(place) == none || (i > 0 && places[i - 1] == place)) continue;
        T sum = 0;
        for (int64_t k = i; k < n && places[k] == place; ++k) sum += T(grad[positions[k]]);
        grad_table[place] = S(sum);
    }
}

// A warp for each entry.
template <class S> __global__ void weight_gradients(S* grad_weights, const S* grad, const S* table, Bags bags,
                                                    const int64_t* bag_of_entry, int64_t width) {
    using T = op_type<S>;
    const int64_t entry = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    const int64_t bag = entry < bags.entries && bags.indices[entry] != bags.padding ? bag_of_entry[entry] : -1;
    T sum = 0;
    if (bag >= 0)
        for (int64_t j = threadIdx.x; j < width; j += kWarp)
            sum += T(table[bags.indices[entry] * width + j]) * T(grad[bag * width + j]);
    sum = warp_sum(sum);
    if (threadIdx.x == 0 && entry < bags.entries) grad_weights[entry] = S(sum);
}

void embedding_bag_grad_cuda(const Tensor& grad_table, const Tensor& grad_out, const Tensor& chosen, const BagArgs& a) {
    const int64_t rows = grad_table.size(0), width = grad_table.size(1);
    const Bags bags(a);
    if (bags.entries == 0 || bags.count == 0 || width == 0) return clear(grad_table);
    visit_floating(grad_table.dtype(), "embedding_bag", [&]<class S>() {
        if (a.mode == BagMode::max) {
            clear(grad_table);
            const int64_t none = rows * width;
            const Runs runs(ChosenPlace{chosen.data<int64_t>(), Division(width), none}, chosen.numel(), none,
                            "embedding_bag", grad_table);
            const Grid grid = grid_for(runs.size(), 1, grad_table);
            return launch(stream_of(grad_table), add_chosen<S>, grid.blocks, grid.threads, 0, grad_table.data<S>(),
                          grad_out.data<S>(), runs.keys(), runs.positions(), runs.size(), none);
        }
        const BagTable table(bags, grad_table);
        const BagShare<S> share{table.bag_of_entry.as<int64_t>(), table.counted.as<int64_t>(),
                                data_or_null<S>(a.weights), a.mode == BagMode::mean, a.by_frequency};
        add_entries<S>(grad_table, grad_out, a.indices, a.padding_idx, share, "embedding_bag");
    });
}

void embedding_bag_weights_grad_cuda(const Tensor& grad_weights, const Tensor& grad_out, const Tensor& table,
                                     const BagArgs& a) {
    const Bags bags(a);
    if (bags.entries == 0 || bags.count == 0) return clear(grad_weights);
    const BagTable at(bags, grad_weights);
    visit_floating(table.dtype(), "embedding_bag", [&]<class S>() {
        launch(stream_of(grad_weights), weight_gradients<S>, unsigned(divide_up(bags.entries, 8)), dim3(kWarp, 8), 0,
               grad_weights.data<S>(), grad_out.data<S>(), table.data<S>(), bags, at.bag_of_entry.as<int64_t>(),
               table.size(1));
    });
}

}  // namespace

TAEDA_REGISTER(cuda, embedding, embedding_cuda)
TAEDA_REGISTER(cuda, embedding_grad, embedding_grad_cuda)
TAEDA_REGISTER(cuda, embedding_bag, embedding_bag_cuda)
TAEDA_REGISTER(cuda, embedding_bag_grad, embedding_bag_grad_cuda)
TAEDA_REGISTER(cuda, embedding_bag_weights_grad, embedding_bag_weights_grad_cuda)

}  // namespace taeda::cuda
