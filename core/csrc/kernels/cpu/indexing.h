// What the indexing kernels share: checks of indices and offsets of coordinates.
#pragma once

#include <vector>

#include "kernels/index.h"

namespace taeda::cpu {

// Raises E (IndexError or Error) naming the first index outside [0, size), or [-size, size) if negative ones count.
template <class E> void check_indices(const char* op, const int64_t* index, int64_t n, int64_t dim, int64_t size,
                                      bool negative_counts = false);

// The same on the calling thread, for a few indices that are used right afterwards.
template <class E>
inline void check_few_indices(const char* op, const int64_t* index, int64_t n, int64_t dim, int64_t size) {
    uint64_t most = 0;  // negative ones are the largest unsigned numbers
    for (int64_t i = 0; i < n; ++i) most = std::max(most, uint64_t(index[i]));
    if (most >= uint64_t(size)) [[unlikely]]
        check_indices<E>(op, index, n, dim, size);
}

// The element offset of the i-th coordinate, in row-major order, of some dimensions.
class OffsetMap {
public:
    OffsetMap(Ints sizes, Ints strides);
    int64_t numel() const { return numel_; }
    int64_t operator()(int64_t i) const {
        if (axes_.size() == 1) return i * axes_[0].stride;
        int64_t offset = 0;
        for (size_t d = axes_.size(); d-- > 1; i /= axes_[d].size) offset += i % axes_[d].size * axes_[d].stride;
        return offset + i * axes_[0].stride;
    }
    // Elements that lie side by side: runs of the last axis if its stride is one.
    int64_t run() const { return axes_.back().stride == 1 ? axes_.back().size : 1; }

private:
    struct Axis {
        int64_t size, stride;
    };
    std::vector<Axis> axes_;
    int64_t numel_ = 1;
};

// f.operator()<T>(op) with the element type and a function (T, T) -> T; `set` moves elements by size alone.
template <class F> void visit_combine(DType dtype, Combine how, const char* op, F&& f) {
    auto minmax = [&]<class T>() {
        if (how == Combine::smallest) f.template operator()<T>([](T a, T b) { return b != b || (b < a) ? b : a; });
        else f.template operator()<T>([](T a, T b) { return b != b || (b > a) ? b : a; });
    };
    switch (how) {
        case Combine::set:
            return visit_size(item_size(dtype),
                              [&]<class T>() { f.template operator()<T>([](const T&, const T& b) { return b; }); });
        case Combine::add:
            return visit_all(dtype, [&]<class T>() { f.template operator()<T>([](T a, T b) { return T(a + b); }); });
        case Combine::multiply:
            return visit_all(dtype, [&]<class T>() { f.template operator()<T>([](T a, T b) { return T(a * b); }); });
        default: return visit_real(dtype == DType::bool_ ? DType::uint8 : dtype, op, minmax);
    }
}

}  // namespace taeda::cpu
