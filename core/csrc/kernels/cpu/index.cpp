// Indexing by whole rows (index_select and its like) and by several index tensors at once.
#include "kernels/cpu/indexing.h"
#include "kernels/cpu/slices.h"
#include "kernels/cpu/strided.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kRowPiece = 64;  // elements of a row that one thread combines at least

void index_select(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index) {
    Slices from(in, in.dim() ? dim : 0);
    const int64_t* positions = index.data<int64_t>();
    int64_t n = index.numel();
    check_indices<IndexError>("index_select", positions, n, dim, from.length);
    const int64_t row_bytes = from.inner * in.item_bytes();
    if (from.inner > 1) {
        const char* source = in.data<char>();
        char* target = out.data<char>();
        return parallel_for(0, from.outer * n, row_grain(row_bytes, kGrainBytes), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
                copy_run(target + i * row_bytes, source + (i / n * from.length + positions[i % n]) * row_bytes,
                         row_bytes);
        });
    }
    visit_size(in.item_bytes(), [&]<class T>() {
        T* target = out.data<T>();
        parallel_for(0, from.outer * n, kGrainElements, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end;) {
                int64_t outer = i / n, first = outer * n, stop = std::min(end, first + n);
                const T* row = in.data<T>() + outer * from.length;
                for (; i < stop; ++i) target[i] = row[positions[i - first]];
            }
        });
    });
}

// Threads share the columns, so that each place gets its rows in order.
void index_combine(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, Combine how,
                   const char* op) {
    Slices to(self, self.dim() ? dim : 0);
    const int64_t* positions = index.data<int64_t>();
    int64_t n = index.numel();
    check_indices<IndexError>(op, positions, n, dim, to.length);
    visit_combine(self.dtype(), how, op, [&]<class T>(auto combine) {
        const T* from = source.data<T>();
        T* target = self.data<T>();
        int64_t piece = std::max<int64_t>(kRowPiece, (to.inner + num_threads() - 1) / num_threads());
        int64_t pieces = (to.inner + piece - 1) / piece;
        parallel_for(0, to.outer * pieces, row_grain(n * piece), [&](int64_t begin, int64_t end) {
            for (int64_t unit = begin; unit < end; ++unit) {
                int64_t outer = unit / pieces, column = unit % pieces * piece,
                        columns = std::min(piece, to.inner - column);
                if (to.inner == 1) {
                    T* slice = target + outer * to.length;
                    for (int64_t k = 0; k < n; ++k)
                        slice[positions[k]] = combine(slice[positions[k]], from[outer * n + k]);
                    continue;
                }
                for (int64_t k = 0; k < n; ++k) {
                    const T* row = from + (outer * n + k) * to.inner + column;
                    T* place = target + (outer * to.length + positions[k]) * to.inner + column;
#pragma GCC ivdep
                    for (int64_t j = 0; j < columns; ++j) place[j] = combine(place[j], row[j]);
                }
            }
        });
    });
}

// Element offsets of the indexed places, and what lies at each: the dimensions without an index.
struct Places {
    std::vector<int64_t> at;
    Dims sizes, strides;

    Places(const char* op, const Tensor& t, Ints dims, TensorList indices) : at(size_t(indices[0].numel())) {
        size_t next = 0;
        for (int64_t d = 0; d < t.dim(); ++d) {
            int64_t size = t.size(d), stride = t.stride(d);
            if (next == dims.size() || dims[next] != d) {
                sizes.push_back(size), strides.push_back(stride);
                continue;
            }
            const int64_t* positions = indices[next++].data<int64_t>();
            check_indices<IndexError>(op, positions, int64_t(at.size()), d, size, true);
            parallel_for(0, int64_t(at.size()), kGrainElements, [&](int64_t from, int64_t to) {
                for (int64_t i = from; i < to; ++i)
                    at[size_t(i)] += (positions[i] < 0 ? positions[i] + size : positions[i]) * stride;
            });
        }
    }
};

void index(const Tensor& out, const Tensor& in, Ints dims, TensorList indices) {
    if (out.numel() == 0) return;
    Places places("index", in, dims, indices);
    OffsetMap rest(places.sizes, places.strides);
    int64_t count = rest.numel(), run = rest.run(), runs = count / run;
    auto copy = [&]<class T>(int64_t units, int64_t scale) {
        const T* from = in.data<T>();
        T* to = out.data<T>();
        parallel_for(0, int64_t(places.at.size()) * runs, row_grain(units), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                const T* block = from + (places.at[size_t(i / runs)] + (runs == 1 ? 0 : rest(i % runs * run))) * scale;
                if (units == 1) to[i] = *block;
                else std::memcpy(to + i * units, block, size_t(units) * sizeof(T));
            }
        });
    };
    if (run == 1) visit_size(in.item_bytes(), [&]<class T>() { copy.template operator()<T>(1, 1); });
    else copy.template operator()<char>(run * in.item_bytes(), in.item_bytes());
}

void index_put(const Tensor& self, Ints dims, TensorList indices, const Tensor& values, bool accumulate) {
    if (values.numel() == 0) return;
    Places places("index_put", self, dims, indices);
    OffsetMap rest(places.sizes, places.strides);
    int64_t count = rest.numel(), n = int64_t(places.at.size());
    std::vector<int64_t> offsets(static_cast<size_t>(count));
    for (int64_t r = 0; r < count; ++r) offsets[size_t(r)] = rest(r);
    visit_combine(self.dtype(), accumulate ? Combine::add : Combine::set, "index_put", [&]<class T>(auto combine) {
        T* to = self.data<T>();
        const T* from = values.data<T>();
        // Threads share what lies at each place, so that it gets its values in order.
        parallel_for(0, count, std::max(row_grain(n), kRowPiece), [&](int64_t begin, int64_t end) {
            for (int64_t k = 0; k < n; ++k)
                for (int64_t r = begin; r < end; ++r) {
                    T& place = to[places.at[size_t(k)] + offsets[size_t(r)]];
                    place = combine(place, from[k * count + r]);
                }
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, index_select, index_select)
TAEDA_REGISTER(cpu, index_combine, index_combine)
TAEDA_REGISTER(cpu, index, index)
TAEDA_REGISTER(cpu, index_put, index_put)

}  // namespace taeda::cpu
