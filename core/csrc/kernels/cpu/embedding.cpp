// Embedding tables. Gradients are shared out by rows of the table: each row adds up in the order of the
// indices.
#include "kernels/embedding.h"

#include <limits>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/index_error.h"

namespace taeda {
namespace {

using cpu::each_vector;
using cpu::load_some;
using cpu::store_some;

void check(const Tensor& indices, int64_t rows, const char* op) {
    const int64_t* index = indices.data<int64_t>();
    for (int64_t i = 0; i < indices.numel(); ++i)
        if (index[i] < 0 || index[i] >= rows) raise_wrong_row(op, index[i], i, rows);
}

void embedding_cpu(const Tensor& out, const Tensor& table, const Tensor& indices) {
    check(indices, table.size(0), "embedding");
    int64_t bytes = table.size(1) * table.item_bytes();
    const int64_t* index = indices.data<int64_t>();
    cpu::parallel_for(0, indices.numel(), cpu::row_grain(bytes, cpu::kGrainBytes), [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i)
            std::memcpy(out.data<char>() + i * bytes, table.data<char>() + index[i] * bytes, size_t(bytes));
    });
}

// sums (V, D) in op_type: f(row) for every entry i of the list whose row is index[i], rows shared out in
// ranges.
template <class F> void each_entry(const int64_t* index, int64_t n, int64_t rows, int64_t width, F&& f) {
    int64_t ranges = n * width > cpu::kGrainElements ? std::min<int64_t>(rows, 16) : 1;
    cpu::parallel_for(0, ranges, 1, [&](int64_t from, int64_t to) {
        int64_t begin = from * rows / ranges, end = to * rows / ranges;
        for (int64_t i = 0; i < n; ++i)
            if (index[i] >= begin && index[i] < end) f(i, index[i]);
    });
}

// 16-bit tables add up in float32 first.
template <class S> class Sums {
public:
    using T = op_type<S>;
    explicit Sums(const Tensor& grad_table) : result_(grad_table) {
        if constexpr (is_reduced_float<S>) wide_.resize(size_t(grad_table.numel()));
        else std::memset(grad_table.raw(), 0, size_t(grad_table.numel()) * sizeof(S));
    }
    T* row(int64_t i) {
        if constexpr (is_reduced_float<S>) return wide_.data() + i * result_.size(1);
        else return result_.data<S>() + i * result_.size(1);
    }
    void add(int64_t i, const S* grad, T scale) {
        T* to = row(i);
        each_vector<T>(result_.size(1), [&](int64_t j, auto count) {
            store_some(to + j, load_some(to + j, count) + load_some(grad + j, count) * Vec<T>(scale), count);
        });
    }
    ~Sums() {
        if constexpr (is_reduced_float<S>)
            for (int64_t i = 0; i < result_.numel(); ++i) result_.data<S>()[i] = S(wide_[size_t(i)]);
    }

private:
    const Tensor& result_;
    std::vector<T> wide_;
};

// How often each row occurs.
std::vector<int64_t> frequencies(const Tensor& indices, int64_t rows) {
    std::vector<int64_t> counts(static_cast<size_t>(rows));
    const int64_t* index = indices.data<int64_t>();
    for (int64_t i = 0; i < indices.numel(); ++i)
        if (index[i] >= 0 && index[i] < rows) ++counts[size_t(index[i])];
    return counts;
}

void embedding_grad_cpu(const Tensor& grad_table, const Tensor& grad_out, const Tensor& indices, int64_t padding_idx,
                        bool by_frequency) {
    int64_t rows = grad_table.size(0), width = grad_table.size(1), n = indices.numel();
    const int64_t* index = indices.data<int64_t>();
    const std::vector<int64_t> counts = by_frequency ? frequencies(indices, rows) : std::vector<int64_t>();
    visit_floating(grad_table.dtype(), "embedding", [&]<class S>() {
        using T = op_type<S>;
        Sums<S> sums(grad_table);
        each_entry(index, n, rows, width, [&](int64_t i, int64_t row) {
            if (row != padding_idx)
                sums.add(row, grad_out.data<S>() + i * width, by_frequency ? T(1) / T(counts[size_t(row)]) : T(1));
        });
    });
}

// Where a bag's entries lie, and how many of them count.
struct Bag {
    int64_t begin, end, counted;
};

void check_offsets(const BagArgs& a) {
    const int64_t *offsets = a.offsets.data<int64_t>(), n = a.indices.numel();
    for (int64_t i = 0; i < a.offsets.numel(); ++i)
        if (i == 0 ? offsets[0] != 0 : offsets[i] < offsets[i - 1] || offsets[i] > n)
            raise_wrong_offset(i, offsets[i], n);
}

Bag bag_of(const BagArgs& a, int64_t b) {
    const int64_t* offsets = a.offsets.data<int64_t>();
    Bag bag{offsets[b], b + 1 < a.offsets.numel() ? offsets[b + 1] : a.indices.numel(), 0};
    for (int64_t i = bag.begin; i < bag.end; ++i) bag.counted += a.indices.data<int64_t>()[i] != a.padding_idx;
    return bag;
}

template <class S> void sum_bag(S* out, const Tensor& table, const BagArgs& a, Bag bag, std::vector<op_type<S>>& sum) {
    using T = op_type<S>;
    int64_t width = table.size(1);
    std::fill(sum.begin(), sum.end(), T(0));
    for (int64_t i = bag.begin; i < bag.end; ++i) {
        int64_t row = a.indices.data<int64_t>()[i];
        if (row == a.padding_idx) continue;
        Vec<T> weight(a.weights.defined() ? T(a.weights.data<S>()[i]) : T(1));
        each_vector<T>(width, [&](int64_t j, auto count) {
            Vec<T> v = load_some(table.data<S>() + row * width + j, count) * weight;
            store_some(sum.data() + j, load_some(sum.data() + j, count) + v, count);
        });
    }
    T divisor = a.mode == BagMode::mean && bag.counted ? T(bag.counted) : T(1);
    for (int64_t j = 0; j < width; ++j) out[j] = S(sum[size_t(j)] / divisor);
}

template <class S> void max_bag(S* out, int64_t* chosen, const Tensor& table, const BagArgs& a, Bag bag) {
    int64_t width = table.size(1);
    for (int64_t j = 0; j < width; ++j) out[j] = S(0), chosen[j] = -1;
    for (int64_t i = bag.begin; i < bag.end; ++i) {
        int64_t row = a.indices.data<int64_t>()[i];
        if (row == a.padding_idx) continue;
        const S* from = table.data<S>() + row * width;
        for (int64_t j = 0; j < width; ++j)
            if (chosen[j] < 0 || op_type<S>(from[j]) > op_type<S>(out[j])) out[j] = from[j], chosen[j] = row;
    }
}

void embedding_bag_cpu(const Tensor& out, const Tensor& chosen, const Tensor& table, const BagArgs& a) {
    check(a.indices, table.size(0), "embedding_bag");
    check_offsets(a);
    int64_t width = table.size(1);
    visit_floating(table.dtype(), "embedding_bag", [&]<class S>() {
        int64_t per_bag = a.indices.numel() / std::max<int64_t>(1, a.count) + 1;
        cpu::parallel_for(0, a.count, cpu::row_grain(width * per_bag), [&](int64_t from, int64_t to) {
            std::vector<op_type<S>> sum(static_cast<size_t>(width));
            for (int64_t b = from; b < to; ++b) {
                S* row = out.data<S>() + b * width;
                if (a.mode == BagMode::max) max_bag(row, chosen.data<int64_t>() + b * width, table, a, bag_of(a, b));
                else sum_bag(row, table, a, bag_of(a, b), sum);
            }
        });
    });
}

// Each entry's bag (-1 behind the last one), and how many entries of each bag count.
struct BagTable {
    std::vector<int64_t> bag, counted;
    explicit BagTable(const BagArgs& a) : bag(static_cast<size_t>(a.indices.numel()), -1) {
        for (int64_t b = 0; b < a.count; ++b) {
            Bag found = bag_of(a, b);
            std::fill(bag.begin() + found.begin, bag.begin() + found.end, b);
            counted.push_back(found.counted);
        }
    }
};

void embedding_bag_grad_cpu(const Tensor& grad_table, const Tensor& grad_out, const Tensor& chosen, const BagArgs& a) {
    int64_t rows = grad_table.size(0), width = grad_table.size(1), n = a.indices.numel();
    visit_floating(grad_table.dtype(), "embedding_bag", [&]<class S>() {
        using T = op_type<S>;
        Sums<S> sums(grad_table);
        const S* grad = grad_out.data<S>();
        if (a.mode == BagMode::max) {
            const int64_t* from = chosen.data<int64_t>();
            for (int64_t i = 0; i < grad_out.numel(); ++i)
                if (from[i] >= 0) sums.row(from[i])[i % width] += T(grad[i]);
            return;
        }
        const BagTable at(a);
        const std::vector<int64_t> counts = a.by_frequency ? frequencies(a.indices, rows) : std::vector<int64_t>();
        each_entry(a.indices.data<int64_t>(), n, rows, width, [&](int64_t i, int64_t row) {
            int64_t b = at.bag[size_t(i)];
            if (row == a.padding_idx || b < 0) return;
            T scale = a.weights.defined() ? T(a.weights.data<S>()[i]) : T(1);
            if (a.mode == BagMode::mean) scale /= T(at.counted[size_t(b)]);
            if (a.by_frequency) scale /= T(counts[size_t(row)]);
            sums.add(row, grad + b * width, scale);
        });
    });
}

void embedding_bag_weights_grad_cpu(const Tensor& grad_weights, const Tensor& grad_out, const Tensor& table,
                                    const BagArgs& a) {
    const int64_t width = table.size(1), *index = a.indices.data<int64_t>();
    const BagTable at(a);
    visit_floating(table.dtype(), "embedding_bag", [&]<class S>() {
        using T = op_type<S>;
        for (int64_t i = 0; i < a.indices.numel(); ++i) {
            int64_t b = at.bag[size_t(i)];
            bool counts = b >= 0 && index[i] != a.padding_idx;
            const S *row = table.data<S>() + index[i] * width,
                    *g = grad_out.data<S>() + std::max<int64_t>(b, 0) * width;
            grad_weights.data<S>()[i] = S(!counts ? T(0) : cpu::vector_sum<T>(width, [&](int64_t j, auto count) {
                return load_some(row + j, count) * load_some(g + j, count);
            }));
        }
    });
}

}  // namespace

TAEDA_REGISTER(cpu, embedding, embedding_cpu)
TAEDA_REGISTER(cpu, embedding_grad, embedding_grad_cpu)
TAEDA_REGISTER(cpu, embedding_bag, embedding_bag_cpu)
TAEDA_REGISTER(cpu, embedding_bag_grad, embedding_bag_grad_cpu)
TAEDA_REGISTER(cpu, embedding_bag_weights_grad, embedding_bag_weights_grad_cpu)

}  // namespace taeda
