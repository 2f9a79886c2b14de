#include "kernels/copy.h"

#include "dispatch/pointwise.h"
#include "kernels/cpu/cast.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/strided.h"
#include "kernels/cpu/tiles.h"

namespace taeda::cpu {
namespace {

void copy_bytes(char* to, const char* from, int64_t bytes) {
    if (bytes <= kGrainBytes) {
        std::memcpy(to, from, size_t(bytes));
        return;
    }
    bool stream = bytes >= kStreamBytes;
    parallel_for(0, bytes, kGrainBytes, [&](int64_t begin, int64_t end) {
        if (stream) stream_copy(to + begin, from + begin, end - begin);
        else std::memcpy(to + begin, from + begin, size_t(end - begin));
    });
}

struct Cast {
    DType to, from;
    static void row(const void* self, char* const* data, int64_t n, uint32_t) {
        const auto* cast = static_cast<const Cast*>(self);
        cast_elements(data[0], cast->to, data[1], cast->from, n);
    }
};

void copy(const Tensor& dst, const Tensor& src) {
    if (dst.numel() == 0) return;
    bool same = dst.dtype() == src.dtype();
    if (same && dst.is_contiguous() && src.is_contiguous())
        return copy_bytes(dst.data<char>(), src.data<char>(), dst.numel() * dst.item_bytes());
    PointwiseArgs args;
    const Tensor* operands[] = {&dst, &src};
    args.inputs = 1;
    set_geometry(args, dst.sizes(), operands);
    int items[] = {int(dst.item_bytes()), int(src.item_bytes())};
    if (!same) {
        Cast cast{dst.dtype(), src.dtype()};
        return run_rows(args, items, {&Cast::row, &cast, false});
    }
    if (args.ndim == 1 && args.strides[0][0] == items[0] && args.strides[1][0] == items[1])
        return copy_bytes(args.data[0], args.data[1], args.numel * items[0]);
    Tiling tiling(args, items);
    tiling.each_parallel([&](char* const* at, int64_t rows, int64_t columns) {
        move_block({at[0], tiling.row_stride(0), tiling.column_stride(0)},
                   {at[1], tiling.row_stride(1), tiling.column_stride(1)}, rows, columns, items[0]);
    });
}

template <class T> struct Fill {
    T value;
    static void row(const void* self, char* const* data, int64_t n, uint32_t) {
        std::fill_n(reinterpret_cast<T*>(data[0]), n, static_cast<const Fill*>(self)->value);
    }
};

void fill(const Tensor& dst, const Scalar& value) {
    PointwiseArgs args;
    const Tensor* operands[] = {&dst};
    set_geometry(args, dst.sizes(), operands);
    int items[] = {int(dst.item_bytes())};
    alignas(16) char element[16];
    visit_all(dst.dtype(), [&]<class T>() {
        T v = value.to<T>();
        std::memcpy(element, &v, sizeof v);
    });
    visit_size(items[0], [&]<class T>() {
        Fill<T> functor;
        std::memcpy(&functor.value, element, sizeof(T));
        run_rows(args, items, {&Fill<T>::row, &functor, false});
    });
}

}  // namespace

TAEDA_REGISTER(cpu, copy, copy)
TAEDA_REGISTER(cpu, fill, fill)

}  // namespace taeda::cpu
