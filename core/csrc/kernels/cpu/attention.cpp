// Attention forward: blocks of queries against blocks of keys with a running maximum and sum per query
// (Milakov and Gimelshein 2018; Dao et al. 2022).
#include <cmath>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/scratch.h"
#include "kernels/vec/vec_math.h"

namespace taeda {
namespace {

using namespace cpu;

constexpr int64_t kBlocks = 2;  // blocks of queries of one task: they share a block of keys while it is in the cache

template <class S> class Forward {
public:
    using T = op_type<S>;
    Forward(const Tensor& out, const Tensor& logsumexp, const AttentionArgs& args)
        : out_(out),
          logsumexp_(logsumexp),
          a_(args),
          scores_(kKeyBlock * kQueryBlock),
          factors_(args.dropout > 0 ? kKeyBlock * kQueryBlock : 0) {}

    // Queries [from, to) of one head, at most kBlocks * kQueryBlock.
    void run(int64_t batch, int64_t head, int64_t from, int64_t to) {
        int64_t shared = head * a_.key.size(1) / a_.query.size(1);
        HeadMatrix<S> key(a_.key, batch, shared), value(a_.value, batch, shared);
        int64_t count = (to - from + kQueryBlock - 1) / kQueryBlock;
        for (int64_t b = 0; b < count; ++b) start(blocks_[b], batch, head, from + b * kQueryBlock, to);
        int64_t seen = visible_keys(a_, to);
        for (int64_t k = 0; k < seen; k += kKeyBlock) {
            int64_t end = std::min(k + kKeyBlock, seen);
            Strided<const T> keys = widened(key, k, end, key_space_), values = widened(value, k, end, value_space_);
            for (int64_t b = 0; b < count; ++b) {
                int64_t visible = std::min(end, visible_keys(a_, blocks_[b].from + blocks_[b].rows));
                if (visible > k) step(blocks_[b], batch, head, k, visible - k, keys, values);
            }
        }
        for (int64_t b = 0; b < count; ++b) store(blocks_[b], batch, head);
    }

private:
    struct Block {
        int64_t from, rows, lanes;
        std::vector<T> queries, sums;  // (E, kQueryBlock) and (rows, D)
        alignas(64) T largest[kQueryBlock], total[kQueryBlock];
    };

    void start(Block& b, int64_t batch, int64_t head, int64_t from, int64_t end) {
        HeadMatrix<S> query(a_.query, batch, head);
        b.from = from, b.rows = std::min(kQueryBlock, end - from), b.lanes = lanes_of<T>(b.rows);
        transpose_rows(b.queries, widened(query, from, from + b.rows, query_space_), b.rows, query.width);
        b.sums.assign(size_t(b.rows * a_.value.size(3)), T(0));
        std::fill(b.largest, b.largest + kQueryBlock, -std::numeric_limits<T>::infinity());
        std::fill(b.total, b.total + kQueryBlock, T(0));
    }

    void step(Block& b, int64_t batch, int64_t head, int64_t key, int64_t count, Strided<const T> keys,
              Strided<const T> values) {
        int64_t D = a_.value.size(3), E = a_.query.size(3);
        T* scores = scores_.data();
        product<T>({scores, kQueryBlock, 1}, keys, {b.queries.data(), kQueryBlock, 1}, count, b.lanes, E,
                   {T(0), T(a_.scale), nullptr});
        apply_mask<S>(a_, scores, batch, head, b.from, b.rows, key, count);
        for (int64_t q = 0; q < b.lanes; q += Vec<T>::size) exponentials(b, q, count);
        if (a_.dropout > 0) drop(b, batch * a_.query.size(1) + head, key, count);
        product<T>({b.sums.data(), D, 1}, {scores, 1, kQueryBlock}, values, b.rows, D, count, {T(1), T(1), nullptr});
    }

    // Turns a vector of queries' scores into exponentials, and rescales what was summed under a smaller maximum.
    void exponentials(Block& b, int64_t q, int64_t count) {
        using V = Vec<T>;
        T* scores = scores_.data() + q;
        V before = V::load(b.largest + q), largest = before, sum(0);
        for (int64_t j = 0; j < count; ++j) largest = vm::maximum(largest, V::load(scores + j * kQueryBlock));
        // A query that has seen nothing yet: exp(-inf - 0) is what it needs.
        V shift = select(largest == V(-std::numeric_limits<T>::infinity()), V(0), largest);
        for (int64_t j = 0; j < count; ++j) {
            V e = vm::exp_nonpositive(V::load(scores + j * kQueryBlock) - shift);
            e.store(scores + j * kQueryBlock);
            sum += e;
        }
        V fade = vm::exp_nonpositive(before - shift);
        mul_add(V::load(b.total + q), fade, sum).store(b.total + q);
        largest.store(b.largest + q);
        if ((fade != V(1)).any()) rescale(b, q, fade);
    }

    void drop(const Block& b, int64_t head, int64_t key, int64_t count) {
        drop_factors(a_, factors_.data(), head, b.from, key, count);
        for (int64_t i = 0; i < count * kQueryBlock; ++i) scores_[i] *= factors_[i];
    }

    void rescale(Block& b, int64_t q, Vec<T> fade) {
        int64_t D = a_.value.size(3);
        for (int64_t r = q; r < std::min(b.rows, q + Vec<T>::size); ++r) {
            Vec<T> factor(fade[int(r - q)]);
            T* sums = b.sums.data() + r * D;
            each_vector<T>(D, [&](int64_t i, auto n) { store_some(sums + i, load_some(sums + i, n) * factor, n); });
        }
    }

    void store(const Block& b, int64_t batch, int64_t head) {
        int64_t D = a_.value.size(3);
        T* logsumexp = logsumexp_.data<T>() + (batch * a_.query.size(1) + head) * a_.query.size(2) + b.from;
        for (int64_t r = 0; r < b.rows; ++r) {
            S* to = out_.data<S>() + batch * out_.stride(0) + head * out_.stride(1) + (b.from + r) * out_.stride(2);
            bool nothing = b.total[r] == 0;
            Vec<T> scale(nothing ? T(0) : T(1) / b.total[r]);
            const T* sums = b.sums.data() + r * D;
            each_vector<T>(D, [&](int64_t i, auto n) { store_some(to + i, load_some(sums + i, n) * scale, n); });
            // For a row that sees nothing: what makes its probabilities zero in the backward pass.
            logsumexp[r] = nothing ? std::numeric_limits<T>::infinity() : b.largest[r] + std::log(b.total[r]);
        }
    }

    const Tensor &out_, &logsumexp_;
    const AttentionArgs& a_;
    Block blocks_[kBlocks];
    Scratch<T> scores_, factors_;
    std::vector<T> query_space_, key_space_, value_space_;
};

void attention_cpu(const Tensor& out, const Tensor& logsumexp, const AttentionArgs& a) {
    if (logsumexp.numel() == 0) return;
    visit_floating(a.query.dtype(), "scaled_dot_product_attention", [&]<class S>() {
        constexpr int64_t kQueries = kBlocks * kQueryBlock;
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

void attention_factors_cpu(const Tensor& out, const AttentionArgs& a) {
    int64_t L = out.size(2), S_ = out.size(3), blocks = (L + kQueryBlock - 1) / kQueryBlock;
    visit_floating(out.dtype(), "scaled_dot_product_attention", [&]<class S>() {
        parallel_for(0, out.size(0) * out.size(1) * blocks, 1, [&](int64_t from, int64_t to) {
            std::vector<op_type<S>> factors(size_t(S_ * kQueryBlock));
            for (int64_t t = from; t < to; ++t) {
                int64_t head = t / blocks, query = t % blocks * kQueryBlock;
                drop_factors(a, factors.data(), head, query, 0, S_);
                for (int64_t r = 0; r < std::min(kQueryBlock, L - query); ++r)
                    for (int64_t j = 0; j < S_; ++j)
                        out.data<S>()[(head * L + query + r) * S_ + j] = S(factors[size_t(j * kQueryBlock + r)]);
            }
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, attention, attention_cpu)
TAEDA_REGISTER(cpu, attention_factors, attention_factors_cpu)

}  // namespace taeda
