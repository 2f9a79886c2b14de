// New tensors, copies and conversions.
#include <cmath>

#include "autograd/meta.h"
#include "kernels/copy.h"
#include "kernels/sequence.h"
#include "native.h"
#include "ops/host.h"
#include "tensor/backend.h"
#include "tensor/channels_last.h"

namespace taeda::native {

using namespace ops;

namespace {

Device where(std::optional<Device> device) { return device.value_or(Device{}); }

Tensor filled(Tensor t, const Scalar& value) {
    if (!t.is_meta() && t.numel()) fill_kernel(t.device().type, t, value);
    return t;
}

Dims format_strides(Ints sizes, MemoryFormat format) {
    if (format == MemoryFormat::channels_last || format == MemoryFormat::channels_last_3d) {
        size_t n = format == MemoryFormat::channels_last ? 4 : 5;
        TAEDA_CHECK(sizes.size() == n, "required rank ", n, " tensor to use channels_last format, got shape ", sizes);
        return channels_last_strides(sizes);
    }
    return contiguous_strides(sizes);
}

Tensor like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
            std::optional<MemoryFormat> format) {
    DType type = dtype.value_or(self.dtype());
    Device to = device.value_or(self.device());
    MemoryFormat wanted = format.value_or(MemoryFormat::preserve);
    if (wanted == MemoryFormat::preserve) {
        if (to == self.device()) return empty_like_tensor(self, type);
        return empty_tensor(self.sizes(), type, to);
    }
    return empty_strided_tensor(self.sizes(), format_strides(self.sizes(), wanted), type, to);
}

bool in_format(const Tensor& t, MemoryFormat format) {
    if (format == MemoryFormat::preserve) return true;
    if (format == MemoryFormat::contiguous) return t.is_contiguous();
    return t.dim() == (format == MemoryFormat::channels_last ? 4 : 5) && lies_channels_last(t);
}

void copy_values(const Tensor& to, const Tensor& from, bool non_blocking = false) {
    if (to.is_meta() || from.is_meta() || to.numel() == 0) return;
    if (to.device() != from.device() && !(to.is_cpu() && from.is_cpu())) [[unlikely]]
        copy_across(to, from, non_blocking);
    else copy_kernel(to.device().type, to, from);
}

// arange and range: the dtype of integers is int64, of anything floating the default.
DType number_dtype(std::initializer_list<Scalar> numbers, std::optional<DType> dtype) {
    if (dtype) return *dtype;
    for (const Scalar& s : numbers)
        if (!s.is_integral(true)) return default_dtype();
    return DType::int64;
}

Tensor sequence(const Scalar& start, const Scalar& step, int64_t count, DType dtype, Device device) {
    Tensor t = empty_tensor(Ints{count}, dtype, device);
    if (!t.is_meta()) sequence_kernel(t.device().type, t, start, step);
    return t;
}

Tensor triangle(int64_t rows, int64_t columns, int64_t offset, std::optional<DType> dtype, std::optional<Device> device,
                bool lower) {
    TAEDA_CHECK(rows >= 0 && columns >= 0, "tril_indices: row and col must be non-negative, got ", rows, " and ",
                columns);
    std::vector<int64_t> r, c;
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
            if (lower ? j - i <= offset : j - i >= offset) {
                r.push_back(i);
                c.push_back(j);
            }
    Tensor t = empty_tensor(Ints{2, int64_t(r.size())}, DType::int64);
    std::copy(r.begin(), r.end(), t.data<int64_t>());
    std::copy(c.begin(), c.end(), t.data<int64_t>() + r.size());
    return ops::to(t, device, dtype.value_or(DType::int64));
}

}  // namespace

Tensor empty(Ints size, std::optional<DType> dtype, std::optional<Device> device, std::optional<MemoryFormat> format) {
    DType type = dtype.value_or(default_dtype());
    if (!format || *format == MemoryFormat::contiguous) return empty_tensor(size, type, where(device));
    return empty_strided_tensor(size, format_strides(size, *format), type, where(device));
}

Tensor empty_strided(Ints size, Ints stride, std::optional<DType> dtype, std::optional<Device> device) {
    return empty_strided_tensor(size, stride, dtype.value_or(default_dtype()), where(device));
}

Tensor full(Ints size, const Scalar& value, std::optional<DType> dtype, std::optional<Device> device) {
    return filled(empty_tensor(size, dtype.value_or(value.dtype()), where(device)), value);
}
Tensor zeros(Ints size, std::optional<DType> dtype, std::optional<Device> device) {
    return filled(empty_tensor(size, dtype.value_or(default_dtype()), where(device)), 0);
}
Tensor ones(Ints size, std::optional<DType> dtype, std::optional<Device> device) {
    return filled(empty_tensor(size, dtype.value_or(default_dtype()), where(device)), 1);
}

Tensor arange(const Scalar& end, std::optional<DType> dtype, std::optional<Device> device) {
    return arange(Scalar(0), end, Scalar(1), number_dtype({end}, dtype), device);
}
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, std::optional<DType> dtype,
              std::optional<Device> device) {
    DType type = number_dtype({start, end, step}, dtype);
    double a = start.to_double(), b = end.to_double(), d = step.to_double();
    TAEDA_CHECK(d != 0, "arange: step must be nonzero");
    TAEDA_CHECK(std::isfinite(a) && std::isfinite(b), "unsupported range: ", a, " -> ", b);
    TAEDA_CHECK((d > 0) == (b >= a) || a == b, "arange: upper bound and larger bound inconsistent with step sign: ", a,
                ", ", b, ", ", d, "; step must have the sign of end - start");
    // Whole numbers are counted as such: exact, and fractions are cut off first.
    if (type == DType::int64 && int64_t(d) != 0) {
        auto whole = [](const Scalar& s) { return s.is_integral(true) ? s.to_int() : int64_t(s.to_double()); };
        const int64_t first = whole(start), by = whole(step);
        const int64_t count = (whole(end) - first + by - (by > 0 ? 1 : -1)) / by;
        return sequence(Scalar(first), Scalar(by), std::max<int64_t>(count, 0), type, where(device));
    }
    return sequence(start, step, std::max<int64_t>(int64_t(std::ceil((b - a) / d)), 0), type, where(device));
}
Tensor range(const Scalar& start, const Scalar& end, const Scalar& step, std::optional<DType> dtype,
             std::optional<Device> device) {
    TAEDA_CHECK(step.to_double() != 0, "range: step must be nonzero");
    int64_t count = int64_t(std::floor((end.to_double() - start.to_double()) / step.to_double())) + 1;
    TAEDA_CHECK(
        count >= 0,
        "range: upper bound and larger bound inconsistent with step sign; step must have the sign of end - start");
    return sequence(start, step, count, dtype.value_or(default_dtype()), where(device));
}

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, std::optional<DType> dtype,
                std::optional<Device> device) {
    TAEDA_CHECK(steps >= 0, "number of steps must be non-negative, got ", steps);
    DType type =
        dtype.value_or(start.is_complex() || end.is_complex() ? complex_dtype(default_dtype()) : default_dtype());
    if (where(device).is_meta()) return empty_tensor(Ints{steps}, type, where(device));
    Tensor t = empty_tensor(Ints{steps}, type);
    visit_all(type, [&]<class T>() {
        using C = std::conditional_t<is_complex_type<T>::value, std::complex<double>, double>;
        C a = start.to<C>(), b = end.to<C>(), step = steps > 1 ? (b - a) / C(double(steps - 1)) : C(0);
        for (int64_t i = 0; i < steps; ++i)  // from the nearer end, so that both ends are exact
            t.data<T>()[i] =
                Scalar(i < steps / 2 ? a + step * C(double(i)) : b - step * C(double(steps - 1 - i))).to<T>();
        if (steps == 1) t.data<T>()[0] = start.to<T>();
    });
    return on_device(t, resolve_device(where(device)));
}
Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base, std::optional<DType> dtype,
                std::optional<Device> device) {
    Tensor exponents = linspace(start, end, steps, DType::float64, device);
    return ops::to(ops::pow(wrapped_number(Scalar(base), DType::float64), exponents), dtype.value_or(default_dtype()));
}

Tensor eye(int64_t n, std::optional<int64_t> m, std::optional<DType> dtype, std::optional<Device> device) {
    TAEDA_CHECK(n >= 0 && m.value_or(0) >= 0, "n must be greater or equal to 0, got ", n, " and m = ", m.value_or(0));
    Tensor t = zeros(Ints{n, m.value_or(n)}, dtype, device);
    filled(taeda::alias(t, Ints{std::min(n, m.value_or(n))}, Ints{m.value_or(n) + 1}, 0), 1);
    return t;
}

Tensor empty_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                  std::optional<MemoryFormat> f) {
    return like(self, dtype, device, f);
}
Tensor zeros_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                  std::optional<MemoryFormat> f) {
    return filled(like(self, dtype, device, f), 0);
}
Tensor ones_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                 std::optional<MemoryFormat> f) {
    return filled(like(self, dtype, device, f), 1);
}
Tensor full_like(const Tensor& self, const Scalar& value, std::optional<DType> dtype, std::optional<Device> device,
                 std::optional<MemoryFormat> f) {
    return filled(like(self, dtype, device, f), value);
}
Tensor new_empty(const Tensor& self, Ints size, std::optional<DType> dtype, std::optional<Device> device) {
    return empty_tensor(size, dtype.value_or(self.dtype()), device.value_or(self.device()));
}
Tensor new_zeros(const Tensor& self, Ints size, std::optional<DType> dtype, std::optional<Device> device) {
    return filled(new_empty(self, size, dtype, device), 0);
}
Tensor new_ones(const Tensor& self, Ints size, std::optional<DType> dtype, std::optional<Device> device) {
    return filled(new_empty(self, size, dtype, device), 1);
}
Tensor new_full(const Tensor& self, Ints size, const Scalar& value, std::optional<DType> dtype,
                std::optional<Device> device) {
    return filled(new_empty(self, size, dtype, device), value);
}
Tensor new_empty_strided(const Tensor& self, Ints size, Ints stride, std::optional<DType> dtype,
                         std::optional<Device> device) {
    return empty_strided_tensor(size, stride, dtype.value_or(self.dtype()), device.value_or(self.device()));
}
Tensor tril_indices(int64_t row, int64_t col, int64_t offset, std::optional<DType> dtype,
                    std::optional<Device> device) {
    return triangle(row, col, offset, dtype, device, true);
}
Tensor triu_indices(int64_t row, int64_t col, int64_t offset, std::optional<DType> dtype,
                    std::optional<Device> device) {
    return triangle(row, col, offset, dtype, device, false);
}

Tensor complex(const Tensor& real, const Tensor& imag) {
    TAEDA_CHECK(real.dtype() == imag.dtype() && is_floating(real.dtype()),
                "complex: expected two floating tensors of one dtype, got ", real.dtype(), " and ", imag.dtype());
    Tensors parts = ops::broadcast_tensors(std::array{real, imag});
    return ops::view_as_complex(ops::stack(parts, -1));
}
Tensor polar(const Tensor& abs, const Tensor& angle) {
    return ops::complex(abs * ops::cos(angle), abs * ops::sin(angle));
}

// -- copies -----------------------------------------------------------------------------------------------------------

Tensor clone(const Tensor& self, std::optional<MemoryFormat> format) {
    Tensor t = like(self, {}, {}, format);
    copy_values(t, self);
    return t;
}

Tensor cast(const Tensor& self, DType dtype, std::optional<MemoryFormat> format) {
    Tensor t = like(self, dtype, {}, format);
    copy_values(t, self);
    return t;
}

Tensor to(const Tensor& self, DType dtype, bool, bool copy, std::optional<MemoryFormat> format) {
    if (self.dtype() == dtype && !copy && (!format || in_format(self, *format))) return self;
    return self.dtype() == dtype ? ops::clone(self, format) : ops::cast(self, dtype, format);
}
Tensor to(const Tensor& self, std::optional<Device> device, std::optional<DType> dtype, bool non_blocking, bool copy,
          std::optional<MemoryFormat> format) {
    Device target = device ? resolve_device(*device) : self.device();
    bool moves = target != self.device() && !(target.is_cpu() && self.is_cpu());
    Tensor t = moves ? ops::move_to(self, target, non_blocking) : self;
    return ops::to(t, dtype.value_or(self.dtype()), non_blocking, copy && !moves, format);
}
Tensor to(const Tensor& self, const Tensor& other, bool non_blocking, bool copy, std::optional<MemoryFormat> format) {
    return native::to(self, other.device(), other.dtype(), non_blocking, copy, format);
}
Tensor move_to(const Tensor& self, std::optional<Device> device, bool non_blocking) {
    Device target = resolve_device(device.value_or(Device{}));
    if (target == self.device()) return ops::clone(self);
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "Cannot copy out of meta tensor; no data! Use Module.to_empty() to move it");
    Tensor moved = empty_like_tensor(self, {}, target);
    copy_values(moved, self, non_blocking);
    return moved;
}
Tensor type_as(const Tensor& self, const Tensor& other) { return ops::to(self, other.dtype()); }

#define TAEDA_TO(name, type) \
    Tensor to_##name(const Tensor& self, std::optional<MemoryFormat> format) { \
        return ops::to(self, DType::type, false, false, format); \
    }
// clang-format off: a list of macro calls
TAEDA_TO(float, float32) TAEDA_TO(double, float64) TAEDA_TO(half, float16) TAEDA_TO(bfloat16, bfloat16)
TAEDA_TO(long, int64) TAEDA_TO(int, int32) TAEDA_TO(short, int16) TAEDA_TO(char, int8) TAEDA_TO(byte, uint8)
TAEDA_TO(bool, bool_) TAEDA_TO(cfloat, complex64) TAEDA_TO(cdouble, complex128)
// clang-format on
#undef TAEDA_TO

            Tensor copy_(const Tensor& self, const Tensor& src, bool non_blocking) {
    TAEDA_CHECK(is_expandable_to(src.sizes(), self.sizes()), "copy_: the size of the source ", src.sizes(),
                " must match, or broadcast to, the size of the destination ", self.sizes());
    if (self.is_same(src)) return self;
    bool shares = self.storage() == src.storage() && self.numel() > 0;
    Tensor from = shares ? ops::clone(src) : src;
    // What is repeated crosses once.
    if (from.numel() < self.numel() && from.device() != self.device() && !from.is_meta() && !self.is_meta())
        from = ops::move_to(from, self.device());
    if (from.sizes() != self.sizes()) from = ops::expand(from, self.sizes());
    copy_values(self, from, non_blocking);
    return self;
}
Tensor fill_(const Tensor& self, const Scalar& value) { return filled(self, value); }
Tensor fill_(const Tensor& self, const Tensor& value) {
    TAEDA_CHECK(value.dim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with ", value.dim(),
                " dimensions.");
    bool elsewhere = value.device() != self.device() && !value.is_meta() && !self.is_meta();
    copy_values(self, ops::expand(elsewhere ? ops::move_to(value, self.device()) : value, self.sizes()));
    return self;
}
Tensor zero_(const Tensor& self) { return filled(self, 0); }

Tensor set_(const Tensor& self, const Tensor& source) {
    TAEDA_CHECK(self.dtype() == source.dtype(), "set_: expected a source of dtype ", self.dtype(), ", got ",
                source.dtype());
    TensorImpl* impl = self.impl();
    impl->storage = source.storage();
    impl->offset = source.offset();
    impl->set_geometry(source.sizes(), source.strides());
    return self;
}
Tensor resize_(const Tensor& self, Ints size, std::optional<MemoryFormat>) {
    TAEDA_CHECK(!self.requires_grad(), "cannot resize variables that require grad");
    TensorImpl* impl = self.impl();
    impl->set_contiguous(size);
    size_t wanted = size_t(impl->numel + impl->offset) * size_t(self.item_bytes());
    if (impl->storage->bytes < wanted) {
        Storage grown = allocate(wanted, impl->device);
        if (!self.is_meta())
            copy_memory(grown->data, impl->device, impl->storage->data, impl->device, impl->storage->bytes);
        impl->storage = grown;
    }
    return self;
}
Tensor resize_as_(const Tensor& self, const Tensor& other, std::optional<MemoryFormat> f) {
    return resize_(self, other.sizes(), f);
}

Tensor copy_into_strides(const Tensor& self, Ints sizes, Ints strides) {
    Tensor t = empty_strided_tensor(sizes, strides, self.dtype(), self.device());
    copy_values(t, self);
    return t;
}
Tensor contiguous_copy(const Tensor& self, std::optional<MemoryFormat> format) {
    Tensor t = like(self, {}, {}, format.value_or(MemoryFormat::contiguous));
    copy_values(t, self);
    return t;
}
Tensor contiguous(const Tensor& self, std::optional<MemoryFormat> format) {
    MemoryFormat wanted = format.value_or(MemoryFormat::contiguous);
    TAEDA_CHECK(wanted != MemoryFormat::preserve, "preserve memory format is unsupported by the contiguous operator");
    return in_format(self, wanted) ? self : ops::contiguous_copy(self, wanted);
}
bool is_contiguous_as(const Tensor& self, std::optional<MemoryFormat> format) {
    return in_format(self, format.value_or(MemoryFormat::contiguous));
}

}  // namespace taeda::native
