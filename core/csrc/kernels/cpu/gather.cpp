// gather and scatter: one index per element.
#include "kernels/cpu/indexing.h"
#include "kernels/cpu/slices.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kStrip = 64;

// The coordinates around `dim` of a tensor that is addressed through an index tensor.
struct Around {
    OffsetMap outer, inner;
    int64_t stride;
    Around(const Tensor& t, const Tensor& index, int64_t dim)
        : outer(index.sizes().slice(0, size_t(dim)), t.strides().slice(0, size_t(dim))),
          inner(index.sizes().slice(size_t(dim) + 1, index.sizes().size() - size_t(dim) - 1),
                t.strides().slice(size_t(dim) + 1, t.strides().size() - size_t(dim) - 1)),
          stride(t.strides()[size_t(dim)]) {}
};

// f(place in the addressed tensor, i): for all elements i of the index tensor; elements that differ only along `dim`
// are visited by one thread, in order. `check` sees each stretch of indices first.
template <class Check, class F>
void each_element(const Slices& s, const Around& around, const int64_t* index, Check check, F f) {
    if (s.length * s.inner == 1)
        return parallel_for(0, s.outer, kGrainElements, [&](int64_t from, int64_t to) {
            check(index + from, to - from);
            for (int64_t i = from; i < to; ++i) f(around.outer(i) + index[i] * around.stride, i);
        });
    s.each_strip(kStrip, [&](int64_t at, int64_t columns, int64_t outer, int64_t column) {
        const int64_t base = around.outer(outer), stride = around.stride;
        if (s.inner == 1) {
            check(index + at, s.length);
            for (int64_t k = 0; k < s.length; ++k) f(base + index[at + k] * stride, at + k);
            return;
        }
        int64_t start[kStrip];
        for (int64_t j = 0; j < columns; ++j) start[j] = base + around.inner(column + j);
        for (int64_t k = 0; k < s.length; ++k) {
            const int64_t* row = index + at + k * s.inner;
            check(row, columns);
            for (int64_t j = 0; j < columns; ++j) f(start[j] + row[j] * stride, at + k * s.inner + j);
        }
    });
}

// Zero-dimensional tensors count as one element.
Tensor at_least_1d(const Tensor& t) { return t.dim() ? t : alias(t, {1}, {1}, t.offset()); }

void gather(const Tensor& out0, const Tensor& in0, int64_t dim, const Tensor& index0) {
    Tensor out = at_least_1d(out0), in = at_least_1d(in0), index = at_least_1d(index0);
    const int64_t* positions = index.data<int64_t>();
    const int64_t size = in.size(dim);
    auto check = [&](const int64_t* some, int64_t n) { check_few_indices<Error>("gather", some, n, dim, size); };
    Slices s(index, dim);
    Around around(in, index, dim);
    visit_size(in.item_bytes(), [&]<class T>() {
        const T* from = in.data<T>();
        T* to = out.data<T>();
        each_element(s, around, positions, check, [&](int64_t place, int64_t i) { to[i] = from[place]; });
    });
}

void scatter(const Tensor& self0, int64_t dim, const Tensor& index0, const Tensor& src, Combine how) {
    Tensor self = at_least_1d(self0), index = at_least_1d(index0);
    const int64_t* positions = index.data<int64_t>();
    check_indices<Error>("scatter", positions, index.numel(), dim, self.size(dim));
    Slices s(index, dim);
    Around around(self, index, dim);
    visit_combine(self.dtype(), how, "scatter_reduce", [&]<class T>(auto combine) {
        T* to = self.data<T>();
        const T* from = src.data<T>();
        each_element(
            s, around, positions, [](const int64_t*, int64_t) {},
            [&](int64_t place, int64_t i) { to[place] = combine(to[place], from[i]); });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, gather, gather)
TAEDA_REGISTER(cpu, scatter, scatter)

}  // namespace taeda::cpu
