// Selection by masks, coordinates of nonzero elements, and triangles.
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/index.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kMaskBlock = 2048;

// f(block begin, block end, true elements before the block), on several threads.
template <class F> void each_mask_block(const bool* mask, int64_t n, F f) {
    int64_t blocks = (n + kMaskBlock - 1) / kMaskBlock;
    std::vector<int64_t> before(size_t(blocks) + 1);
    auto end_of = [&](int64_t block) { return std::min(n, (block + 1) * kMaskBlock); };
    parallel_for(0, blocks, 16, [&](int64_t from, int64_t to) {
        for (int64_t b = from; b < to; ++b) {
            int32_t count = 0;
            for (int64_t i = b * kMaskBlock; i < end_of(b); ++i) count += mask[i];
            before[size_t(b) + 1] = count;
        }
    });
    for (int64_t b = 0; b < blocks; ++b) before[size_t(b) + 1] += before[size_t(b)];
    parallel_for(0, blocks, 8, [&](int64_t from, int64_t to) {
        for (int64_t b = from; b < to; ++b)
            if (before[size_t(b) + 1] > before[size_t(b)]) f(b * kMaskBlock, end_of(b), before[size_t(b)]);
    });
}

void masked_select(const Tensor& out, const Tensor& in, const Tensor& mask) {
    const bool* m = mask.data<bool>();
    visit_size(in.item_bytes(), [&]<class T>() {
        const T* from = in.data<T>();
        T* to = out.data<T>();
        each_mask_block(m, mask.numel(), [&](int64_t begin, int64_t end, int64_t k) {
            // Without branches, which a random mask would mispredict; the block's last write may fall behind its end.
            T chosen[kMaskBlock + 1];
            int64_t count = 0;
            for (int64_t i = begin; i < end; ++i) {
                chosen[count] = from[i];
                count += m[i];
            }
            std::memcpy(to + k, chosen, size_t(count) * sizeof(T));
        });
    });
}

void masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) {
    const bool* m = mask.data<bool>();
    visit_size(self.item_bytes(), [&]<class T>() {
        const T* from = source.data<T>();
        T* to = self.data<T>();
        each_mask_block(m, mask.numel(), [&](int64_t begin, int64_t end, int64_t k) {
            for (int64_t i = begin; i < end; ++i)
                if (m[i]) to[i] = from[k++];
        });
    });
}

// One dimension: the positions of the true elements of a block. Without branches, as above.
void write_positions(int64_t* to, const bool* m, int64_t begin, int64_t end) {
    int64_t chosen[kMaskBlock + 1], count = 0;
    for (int64_t i = begin; i < end; ++i) {
        chosen[count] = i;
        count += m[i];
    }
    std::memcpy(to, chosen, size_t(count) * sizeof(int64_t));
}

// Two and more dimensions: rows of the last one are walked without dividing; only a block's start is located.
void write_coordinates(int64_t* to, const bool* m, int64_t begin, int64_t end, Ints sizes) {
    const size_t dims = sizes.size();
    const int64_t last = sizes[dims - 1];
    Dims at(dims);
    int64_t rest = begin;
    for (size_t d = dims; d-- > 0; rest /= sizes[d]) at[d] = rest % sizes[d];
    int64_t chosen[kMaskBlock + 1];
    for (int64_t i = begin; i < end;) {
        int64_t stop = std::min(end, i + last - at[dims - 1]), shift = at[dims - 1] - i, count = 0;
        for (; i < stop; ++i) {
            chosen[count] = i + shift;
            count += m[i];
        }
        for (int64_t k = 0; k < count; ++k, to += dims) {
            for (size_t d = 0; d + 1 < dims; ++d) to[d] = at[d];
            to[dims - 1] = chosen[k];
        }
        at[dims - 1] = 0;
        for (size_t d = dims - 1; d-- > 0 && ++at[d] == sizes[d];) at[d] = 0;
    }
}

void nonzero(const Tensor& out, const Tensor& mask) {
    const bool* m = mask.data<bool>();
    int64_t* to = out.data<int64_t>();
    Ints sizes = mask.sizes();
    if (sizes.empty()) return;  // one row without coordinates, or none
    each_mask_block(m, mask.numel(), [&](int64_t begin, int64_t end, int64_t k) {
        if (sizes.size() == 1) write_positions(to + k, m, begin, end);
        else write_coordinates(to + k * int64_t(sizes.size()), m, begin, end, sizes);
    });
}

void triangle(const Tensor& out, const Tensor& in, int64_t diagonal, bool upper) {
    if (in.numel() == 0) return;
    int64_t columns = in.size(-1), rows = in.size(-2), item = in.item_bytes();
    const char* from = in.data<char>();
    char* to = out.data<char>();
    parallel_for(0, in.numel() / columns, row_grain(columns), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            int64_t first = std::clamp(i % rows + diagonal + (upper ? 0 : 1), int64_t(0), columns);
            int64_t kept_from = upper ? first : 0, kept_to = upper ? columns : first;
            char* row = to + i * columns * item;
            std::memset(row, 0, size_t(kept_from * item));
            std::memmove(row + kept_from * item, from + (i * columns + kept_from) * item,
                         size_t((kept_to - kept_from) * item));
            std::memset(row + kept_to * item, 0, size_t((columns - kept_to) * item));
        }
    });
}

}  // namespace

TAEDA_REGISTER(cpu, masked_select, masked_select)
TAEDA_REGISTER(cpu, masked_scatter, masked_scatter)
TAEDA_REGISTER(cpu, nonzero, nonzero)
TAEDA_REGISTER(cpu, triangle, triangle)

}  // namespace taeda::cpu
