// Attention backward: the probabilities of a block are computed again from the scores and the saved
// log-sum-exp.
#include "kernels/cpu/attention.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/scratch.h"
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
          probabilities_(kKeyBlock * kQueryBlock),
          scores_(kKeyBlock * kQueryBlock),
          factors_(args.dropout > 0 ? kKeyBlock * kQueryBlock : 0) {}

    void run(int64_t batch, int64_t shared) {
        int64_t group = a_.query.size(1) / a_.key.size(1), L = a_.query.size(2), S_ = a_.key.size(2);
        int64_t E = a_.key.size(3), D = a_.value.size(3);
        key_sums_.assign(size_t(S_ * E), T(0));
        value_sums_.assign(size_t(S_ * D), T(0));
        for (int64_t head = shared * group; head < (shared + 1) * group; ++head)
            for (int64_t q = 0; q < L; q += kQueryBlock) block(batch, head, shared, q, std::min(L, q + kQueryBlock));
        int64_t which = batch * a_.key.size(1) + shared;
        narrow(grad_key_.data<S>() + which * S_ * E, key_sums_, T(a_.scale));
        narrow(grad_value_.data<S>() + which * S_ * D, value_sums_, T(1));
    }

private:
    static void narrow(S* to, const std::vector<T>& from, T scale) {
        each_vector<T>(int64_t(from.size()), [&](int64_t i, auto count) {
            store_some(to + i, load_some(from.data() + i, count) * Vec<T>(scale), count);
        });
    }

    void block(int64_t batch, int64_t head, int64_t shared, int64_t from, int64_t to) {
        HeadMatrix<S> query(a_.query, batch, head), grad(grad_out_, batch, head), out(out_, batch, head);
        HeadMatrix<S> key(a_.key, batch, shared), value(a_.value, batch, shared);
        int64_t rows = to - from, lanes = lanes_of<T>(rows), E = query.width, D = grad.width;
        int64_t flat_head = batch * a_.query.size(1) + head;
        Strided<const T> queries = widened(query, from, to, query_space_), grads = widened(grad, from, to, grad_space_);
        transpose_rows(queries_, queries, rows, E);
        transpose_rows(grads_, grads, rows, D);
        const T* logsumexp = logsumexp_.data<T>() + flat_head * query.rows + from;
        for (int64_t r = 0; r < rows; ++r) {
            shifts_[r] = logsumexp[r];
            dots_[r] = vector_sum<T>(D, [&](int64_t i, auto count) {
                return load_some(out.data + (from + r) * out.stride + i, count) * load_some(&grads.at(r, i), count);
            });
        }
        for (int64_t r = rows; r < lanes; ++r) shifts_[r] = dots_[r] = 0;
        query_sums_.assign(size_t(rows * E), T(0));
        T *p = probabilities_.data(), *s = scores_.data();
        const Strided<const T> by_key{s, kQueryBlock, 1}, by_query{s, 1, kQueryBlock};
        constexpr Epilogue<T> set{T(0), T(1), nullptr}, add{T(1), T(1), nullptr};
        int64_t seen = visible_keys(a_, to);
        for (int64_t k = 0; k < seen; k += kKeyBlock) {
            int64_t count = std::min(kKeyBlock, seen - k);
            Strided<const T> keys = widened(key, k, k + count, key_space_);
            Strided<const T> values = widened(value, k, k + count, value_space_);
            product<T>({p, kQueryBlock, 1}, keys, {queries_.data(), kQueryBlock, 1}, count, lanes, E,
                       {T(0), T(a_.scale), nullptr});
            apply_mask<S>(a_, p, batch, head, from, rows, k, count);
            product<T>({s, kQueryBlock, 1}, values, {grads_.data(), kQueryBlock, 1}, count, lanes, D, set);
            if (a_.dropout > 0) drop_factors(a_, factors_.data(), flat_head, from, k, count);
            score_gradients(count, lanes);
            product<T>({value_sums_.data() + k * D, D, 1}, {p, kQueryBlock, 1}, grads, count, D, rows, add);
            product<T>({key_sums_.data() + k * E, E, 1}, by_key, queries, count, E, rows, add);
            product<T>({query_sums_.data(), E, 1}, by_query, keys, rows, E, count, add);
        }
        narrow(grad_query_.data<S>() + (flat_head * query.rows + from) * E, query_sums_, T(a_.scale));
    }

    // Probabilities, after dropout, from masked scores; gradients of the scores from those of the probabilities.
    void score_gradients(int64_t count, int64_t lanes) {
        using V = Vec<T>;
        const bool drops = a_.dropout > 0;
        for (int64_t q = 0; q < lanes; q += V::size) {
            V shift = V::load(shifts_ + q), dot = V::load(dots_ + q);
            for (int64_t at = q; at < count * kQueryBlock; at += kQueryBlock) {
                T *p = probabilities_.data() + at, *s = scores_.data() + at;
                V e = vm::exp(V::load(p) - shift), grad = V::load(s), factor(1);
                if (drops) factor = V::load(factors_.data() + at);
                (e * factor).store(p);
                ((grad * factor - dot) * e).store(s);
            }
        }
    }

    const Tensor &grad_query_, &grad_key_, &grad_value_, &grad_out_, &out_, &logsumexp_;
    const AttentionArgs& a_;
    Scratch<T> probabilities_, scores_, factors_;
    std::vector<T> queries_, grads_, key_sums_, value_sums_, query_sums_;
    std::vector<T> key_space_, value_space_, query_space_, grad_space_;
    T dots_[kQueryBlock], shifts_[kQueryBlock];
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
