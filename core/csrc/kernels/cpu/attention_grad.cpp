// Attention backward: the probabilities of a block are computed again from the scores and the saved
// log-sum-exp.
#include "kernels/cpu/attention.h"
#include "kernels/cpu/parallel.h"
#include "kernels/vec/vec_math.h"

namespace taeda {
namespace {

using namespace cpu;

// One head of keys and values with all heads of queries that share it: all sums of a task stay in the task.
template <class S> class Backward {
public:
    using T = op_type<S>;
    Backward(const Tensor& grad_query, const Tensor& grad_key, const Tensor& grad_value, const Tensor& grad_out,
             const Tensor& out, const Tensor& logsumexp, const AttentionArgs& args)
        : grad_query_(grad_query),
          grad_key_(grad_key),
          grad_value_(grad_value),
          grad_out_(grad_out),
          out_(out),
          logsumexp_(logsumexp),
          a_(args),
          probabilities_(kQueryBlock * kKeyBlock),
          scores_(kQueryBlock * kKeyBlock) {}

    void run(int64_t batch, int64_t shared) {
        HeadMatrix<S> key(a_.key, batch, shared), value(a_.value, batch, shared);
        transpose_blocks(keys_, key);
        transpose_blocks(values_, value);
        Strided<const T> plain_keys = widened(key, 0, key.rows, key_space_);
        key_sums_.assign(size_t(key.rows * key.width), T(0));
        value_sums_.assign(size_t(value.rows * value.width), T(0));
        int64_t group = a_.query.size(1) / a_.key.size(1), L = a_.query.size(2);
        for (int64_t head = shared * group; head < (shared + 1) * group; ++head)
            for (int64_t q = 0; q < L; q += kQueryBlock)
                block(batch, head, q, std::min(L, q + kQueryBlock), plain_keys);
        int64_t which = batch * a_.key.size(1) + shared;
        narrow(grad_key_.data<S>() + which * key.rows * key.width, key_sums_);
        narrow(grad_value_.data<S>() + which * value.rows * value.width, value_sums_);
    }

private:
    static void narrow(S* to, const std::vector<T>& from) {
        each_vector<T>(int64_t(from.size()),
                       [&](int64_t i, auto count) { store_some(to + i, load_some(from.data() + i, count), count); });
    }

    void block(int64_t batch, int64_t head, int64_t from, int64_t to, Strided<const T> plain_keys) {
        HeadMatrix<S> query(a_.query, batch, head), grad(grad_out_, batch, head), out(out_, batch, head);
        int64_t rows = to - from, E = query.width, D = grad.width, L = query.rows;
        Strided<const T> queries = widened(query, from, to, query_space_), grads = widened(grad, from, to, grad_space_);
        const T* logsumexp = logsumexp_.data<T>() + (batch * a_.query.size(1) + head) * L + from;
        for (int64_t r = 0; r < rows; ++r)
            dots_[r] = vector_sum<T>(D, [&](int64_t i, auto count) {
                return load_some(out.data + (from + r) * out.stride + i, count) * load_some(&grads.at(r, i), count);
            });
        query_sums_.assign(size_t(rows * E), T(0));
        int64_t seen = visible_keys(a_, to);
        Strided<T> p{probabilities_.data(), kKeyBlock, 1}, s{scores_.data(), kKeyBlock, 1};
        for (int64_t key = 0; key < seen; key += kKeyBlock) {
            int64_t keys = std::min(kKeyBlock, seen - key);
            product<T>(p, queries, transposed_block(keys_, key, E), rows, kKeyBlock, E, {T(0), T(a_.scale), nullptr});
            apply_mask<S>(a_, p.data, batch, head, from, rows, key, keys);
            product<T>(s, grads, transposed_block(values_, key, D), rows, kKeyBlock, D, {T(0), T(1), nullptr});
            for (int64_t r = 0; r < rows; ++r) score_gradients(r, logsumexp[r]);
            constexpr Epilogue<T> add{T(1), T(1), nullptr};
            product<T>({value_sums_.data() + key * D, D, 1}, {p.data, 1, kKeyBlock}, grads, keys, D, rows, add);
            product<T>({key_sums_.data() + key * E, E, 1}, {s.data, 1, kKeyBlock}, queries, keys, E, rows, add);
            product<T>({query_sums_.data(), E, 1}, {s.data, kKeyBlock, 1}, {&plain_keys.at(key, 0), plain_keys.row, 1},
                       rows, E, keys, add);
        }
        narrow(grad_query_.data<S>() + ((batch * a_.query.size(1) + head) * L + from) * E, query_sums_);
    }

    // Probabilities from masked scores; gradients of the scores from those of the probabilities.
    void score_gradients(int64_t r, T logsumexp) {
        T *p = probabilities_.data() + r * kKeyBlock, *s = scores_.data() + r * kKeyBlock;
        Vec<T> shift(logsumexp), dot(dots_[r]), scale(T(a_.scale));
        for (int64_t j = 0; j < kKeyBlock; j += Vec<T>::size) {
            Vec<T> e = vm::exp(Vec<T>::load(p + j) - shift);
            e.store(p + j);
            ((Vec<T>::load(s + j) - dot) * e * scale).store(s + j);
        }
    }

    const Tensor &grad_query_, &grad_key_, &grad_value_, &grad_out_, &out_, &logsumexp_;
    const AttentionArgs& a_;
    std::vector<T> probabilities_, scores_, keys_, values_, key_sums_, value_sums_, query_sums_;
    std::vector<T> key_space_, query_space_, grad_space_;
    T dots_[kQueryBlock];
};

void attention_grad_cpu(const Tensor& grad_query, const Tensor& grad_key, const Tensor& grad_value,
                        const Tensor& grad_out, const Tensor& out, const Tensor& logsumexp, const AttentionArgs& a) {
    visit_floating(a.query.dtype(), "scaled_dot_product_attention", [&]<class S>() {
        int64_t groups = a.key.size(1);
        parallel_for(0, a.query.size(0) * groups, 1, [&](int64_t from, int64_t to) {
            Backward<S> backward(grad_query, grad_key, grad_value, grad_out, out, logsumexp, a);
            for (int64_t t = from; t < to; ++t) backward.run(t / groups, t % groups);
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, attention_grad, attention_grad_cpu)

}  // namespace taeda
