// Attention forward: blocks of queries against blocks of keys with a running maximum and sum per query
// (Milakov and Gimelshein 2018; Dao et al. 2022).
#include <cmath>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/parallel.h"
#include "kernels/vec/vec_math.h"

namespace taeda {
namespace {

using namespace cpu;

constexpr int64_t kQueries = 256;  // of one task: enough to pay for transposing the keys

template <class S> class Forward {
public:
    using T = op_type<S>;
    Forward(const Tensor& out, const Tensor& logsumexp, const AttentionArgs& args)
        : out_(out),
          logsumexp_(logsumexp),
          a_(args),
          scores_(kQueryBlock * kKeyBlock),
          sums_(size_t(kQueryBlock * args.value.size(3))) {}

    // Queries [from, to) of one head.
    void run(int64_t batch, int64_t head, int64_t from, int64_t to) {
        int64_t shared = head * a_.key.size(1) / a_.query.size(1);
        HeadMatrix<S> key(a_.key, batch, shared), value(a_.value, batch, shared);
        key.rows = value.rows = visible_keys(a_, to);
        transpose_blocks(keys_, key);
        Strided<const T> values = widened(value, 0, value.rows, value_space_);
        for (int64_t q = from; q < to; q += kQueryBlock) block(batch, head, q, std::min(to, q + kQueryBlock), values);
    }

private:
    void block(int64_t batch, int64_t head, int64_t from, int64_t to, Strided<const T> values) {
        HeadMatrix<S> query(a_.query, batch, head);
        int64_t rows = to - from, width = query.width, depth = a_.value.size(3);
        Strided<const T> queries = widened(query, from, to, query_space_);
        for (int64_t r = 0; r < rows; ++r) largest_[r] = -std::numeric_limits<T>::infinity(), total_[r] = 0;
        std::fill(sums_.begin(), sums_.end(), T(0));
        int64_t seen = visible_keys(a_, to);
        for (int64_t key = 0; key < seen; key += kKeyBlock) {
            int64_t keys = std::min(kKeyBlock, seen - key);
            product<T>({scores_.data(), kKeyBlock, 1}, queries, transposed_block(keys_, key, width), rows, kKeyBlock,
                       width, {T(0), T(a_.scale), nullptr});
            apply_mask<S>(a_, scores_.data(), batch, head, from, rows, key, keys);
            for (int64_t r = 0; r < rows; ++r) exponentials(r, depth);
            product<T>({sums_.data(), depth, 1}, {scores_.data(), kKeyBlock, 1},
                       {values.data + key * values.row, values.row, 1}, rows, depth, keys, {T(1), T(1), nullptr});
        }
        for (int64_t r = 0; r < rows; ++r) store(batch, head, from, r, depth);
    }

    // Turns a row of scores into exponentials, and rescales what was summed under a smaller maximum.
    void exponentials(int64_t r, int64_t depth) {
        T* row = scores_.data() + r * kKeyBlock;
        Vec<T> top = Vec<T>::load(row);
        for (int64_t j = Vec<T>::size; j < kKeyBlock; j += Vec<T>::size) top = vm::maximum(top, Vec<T>::load(row + j));
        T lanes[Vec<T>::size], largest = largest_[r];
        top.store(lanes);
        for (T lane : lanes) largest = lane > largest || lane != lane ? lane : largest;
        if (largest == -std::numeric_limits<T>::infinity()) return std::fill(row, row + kKeyBlock, T(0));
        Vec<T> shift(largest), sum(0);
        for (int64_t j = 0; j < kKeyBlock; j += Vec<T>::size) {
            Vec<T> e = vm::exp(Vec<T>::load(row + j) - shift);
            e.store(row + j);
            sum += e;
        }
        T fade = std::exp(largest_[r] - largest);
        if (fade != 1) {
            T* sums = sums_.data() + r * depth;
            each_vector<T>(depth, [&](int64_t i, auto count) {
                store_some(sums + i, load_some(sums + i, count) * Vec<T>(fade), count);
            });
        }
        total_[r] = total_[r] * fade + sum_lanes(sum);
        largest_[r] = largest;
    }

    void store(int64_t batch, int64_t head, int64_t from, int64_t r, int64_t depth) {
        S* to = out_.data<S>() + batch * out_.stride(0) + head * out_.stride(1) + (from + r) * out_.stride(2);
        bool nothing = total_[r] == 0;
        Vec<T> scale(nothing ? T(0) : T(1) / total_[r]);
        const T* sums = sums_.data() + r * depth;
        each_vector<T>(depth,
                       [&](int64_t i, auto count) { store_some(to + i, load_some(sums + i, count) * scale, count); });
        T* logsumexp = logsumexp_.data<T>() + (batch * a_.query.size(1) + head) * a_.query.size(2);
        // For a row that sees nothing: what makes its probabilities zero in the backward pass.
        logsumexp[from + r] = nothing ? std::numeric_limits<T>::infinity() : largest_[r] + std::log(total_[r]);
    }

    const Tensor &out_, &logsumexp_;
    const AttentionArgs& a_;
    std::vector<T> scores_, sums_, keys_, query_space_, value_space_;
    T largest_[kQueryBlock], total_[kQueryBlock];
};

void attention_cpu(const Tensor& out, const Tensor& logsumexp, const AttentionArgs& a) {
    if (logsumexp.numel() == 0) return;
    visit_floating(a.query.dtype(), "scaled_dot_product_attention", [&]<class S>() {
        int64_t heads = a.query.size(1), L = a.query.size(2), parts = (L + kQueries - 1) / kQueries;
        int64_t work = std::min(L, kQueries) * a.key.size(2) * (a.query.size(3) + a.value.size(3));
        parallel_for(0, a.query.size(0) * heads * parts, row_grain(work), [&](int64_t from, int64_t to) {
            Forward<S> forward(out, logsumexp, a);
            for (int64_t t = from; t < to; ++t) {
                int64_t start = t % parts * kQueries;
                forward.run(t / parts / heads, t / parts % heads, start, std::min(L, start + kQueries));
            }
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, attention, attention_cpu)

}  // namespace taeda
