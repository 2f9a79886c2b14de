// Sorting by keys: each element becomes an unsigned integer that orders as the element does, with its position behind
// it. Such pairs are all different, so every correct method gives the same, stable result.
#include "kernels/sort.h"

#include <array>
#include <vector>

#include "kernels/cpu/slices.h"
#include "kernels/sort_key.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kRadixFrom = 512;     // shorter slices are sorted by comparisons
constexpr int64_t kGrainSorted = 2048;  // elements that justify a thread

// Key and position in one integer for keys of up to 32 bits, side by side for 64.
struct Packed {
    uint64_t bits;
    static constexpr int first_byte = 4;  // where the key begins
    Packed() = default;
    Packed(uint64_t key, int64_t position) : bits(key << 32 | uint64_t(position)) {}
    int64_t position() const { return int64_t(bits & 0xffffffffu); }
    uint8_t digit(int byte) const { return uint8_t(bits >> (8 * byte)); }
    bool operator<(const Packed& o) const { return bits < o.bits; }
};
struct Wide {
    uint64_t key;
    int64_t at;
    static constexpr int first_byte = 0;
    Wide() = default;
    Wide(uint64_t k, int64_t position) : key(k), at(position) {}
    int64_t position() const { return at; }
    uint8_t digit(int byte) const { return uint8_t(key >> (8 * byte)); }
    bool operator<(const Wide& o) const { return key != o.key ? key < o.key : at < o.at; }
};

// By key bytes from the lowest on; stable, so positions stay in order within equal keys.
template <class E> void radix_sort(std::vector<E>& items, std::vector<E>& other, int key_bytes) {
    size_t n = items.size();
    std::vector<std::array<uint32_t, 256>> counts(static_cast<size_t>(key_bytes), std::array<uint32_t, 256>{});
    for (const E& e : items)
        for (int b = 0; b < key_bytes; ++b) ++counts[size_t(b)][e.digit(E::first_byte + b)];
    other.resize(n);
    for (int b = 0; b < key_bytes; ++b) {
        auto& count = counts[size_t(b)];
        int byte = E::first_byte + b;
        if (count[items[0].digit(byte)] == n) continue;
        uint32_t start = 0;
        for (uint32_t& c : count) start += std::exchange(c, start);
        for (const E& e : items) other[count[e.digit(byte)]++] = e;
        std::swap(items, other);
    }
}

// The work on one slice of keys, and the memory it needs.
template <class T> struct Sorter {
    using E = std::conditional_t<sizeof(T) == 8, Wide, Packed>;
    std::vector<E> items, other;

    // Keys complemented where the order is to be descending.
    void load(const T* in, int64_t n, int64_t stride, bool descending) {
        items.resize(size_t(n));
        const uint64_t flip = descending ? key_type<T>(~key_type<T>(0)) : 0;
        for (int64_t i = 0; i < n; ++i) items[size_t(i)] = E(key_of(in[i * stride]) ^ flip, i);
    }
    void sort_all() {
        if (int64_t(items.size()) >= kRadixFrom) radix_sort(items, other, int(sizeof(T)));
        else std::sort(items.begin(), items.end());
    }
    // Brings the k first to the front, in order.
    void sort_first(int64_t k) {
        int64_t n = int64_t(items.size());
        if (k >= n) return sort_all();
        if (k <= n / 16) return std::partial_sort(items.begin(), items.begin() + k, items.end());
        std::nth_element(items.begin(), items.begin() + k, items.end());
        std::sort(items.begin(), items.begin() + k);
    }
    void store(T* values, int64_t* indices, const T* in, int64_t first, int64_t n, int64_t stride) const {
        for (int64_t i = 0; i < n; ++i) {
            int64_t at = items[size_t(first + i)].position();
            values[i * stride] = in[at * stride], indices[i * stride] = at;
        }
    }
};

// prepare(sorter) puts the wanted elements in order at `first`; then `count` of them are written per slice.
template <class F> void sort_slices(const char* op, const Tensor& values, const Tensor& indices, const Tensor& in,
                                    int64_t dim, bool descending, int64_t first, F prepare) {
    Slices s(in, dim);
    int64_t count = values.dim() ? values.size(dim) : 1;
    TAEDA_CHECK(s.length < int64_t(1) << 32, op, ": a dimension of ", s.length,
                " elements is too long; at most 2^32 - 1");
    DType dtype = in.dtype() == DType::bool_ ? DType::uint8 : in.dtype();
    visit_real(dtype, op, [&]<class T>() {
        parallel_for(0, s.outer * s.inner, row_grain(s.length, kGrainSorted), [&](int64_t begin, int64_t end) {
            Sorter<T> sorter;
            for (int64_t i = begin; i < end; ++i) {
                int64_t outer = i / s.inner, column = i % s.inner, at = outer * count * s.inner + column;
                const T* from = in.data<T>() + outer * s.length * s.inner + column;
                sorter.load(from, s.length, s.inner, descending);
                prepare(sorter);
                sorter.store(values.data<T>() + at, indices.data<int64_t>() + at, from, first, count, s.inner);
            }
        });
    });
}

void sort(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim, bool descending) {
    sort_slices("sort", values, indices, in, dim, descending, 0, [](auto& sorter) { sorter.sort_all(); });
}
void topk(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim, bool largest) {
    int64_t k = values.dim() ? values.size(dim) : 1;
    sort_slices("topk", values, indices, in, dim, largest, 0, [k](auto& sorter) { sorter.sort_first(k); });
}
void kthvalue(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t k, int64_t dim) {
    sort_slices("kthvalue", values, indices, in, dim, false, k, [k](auto& sorter) {
        std::nth_element(sorter.items.begin(), sorter.items.begin() + k, sorter.items.end());
    });
}

void searchsorted(const Tensor& out, const Tensor& sorted, const Tensor& values, bool right) {
    if (values.numel() == 0) return;
    int64_t length = sorted.dim() ? sorted.size(-1) : 1;
    int64_t per_row = sorted.dim() <= 1 ? values.numel() : values.size(-1);
    DType dtype = sorted.dtype() == DType::bool_ ? DType::uint8 : sorted.dtype();
    visit_real(dtype, "searchsorted", [&]<class T>() {
        const T* table = sorted.data<T>();
        const T* value = values.data<T>();
        int64_t* to = out.data<int64_t>();
        parallel_for(0, values.numel(), kGrainSorted, [&](int64_t from, int64_t end) {
            for (int64_t i = from; i < end; ++i) {
                const T* row = table + i / per_row * length;
                auto key = key_of(value[i]);
                auto before = [&](const T& x) { return right ? key_of(x) <= key : key_of(x) < key; };
                to[i] = std::partition_point(row, row + length, before) - row;
            }
        });
    });
}

void histogram(const Tensor& out, const Tensor& in, double low, double high) {
    const int64_t bins = out.numel();
    std::vector<int64_t> counts(static_cast<size_t>(bins));
    visit_floating(in.dtype(), "histc", [&]<class T>() {
        const T* p = in.data<T>();
        for (int64_t i = 0; i < in.numel(); ++i) {
            double x = double(op_type<T>(p[i]));
            if (!(x >= low && x <= high)) continue;
            int64_t bin = int64_t((x - low) / (high - low) * double(bins));
            ++counts[size_t(std::min(bin, bins - 1))];
        }
        for (int64_t b = 0; b < bins; ++b) out.data<T>()[b] = T(op_type<T>(counts[size_t(b)]));
    });
}

}  // namespace

TAEDA_REGISTER(cpu, sort, sort)
TAEDA_REGISTER(cpu, topk, topk)
TAEDA_REGISTER(cpu, kthvalue, kthvalue)
TAEDA_REGISTER(cpu, searchsorted, searchsorted)
TAEDA_REGISTER(cpu, histogram, histogram)

}  // namespace taeda::cpu
