// Padding: a constant border, or one made of the tensor's own elements.
#include "kernels/copy.h"
#include "native.h"

namespace taeda::native {

namespace {

// Sides along dimension d of a tensor of `dims` dimensions; (0, 0) for those that `pad` does not reach.
struct Sides {
    int64_t before, after;
};
Sides sides_of(Ints pad, int64_t dims, int64_t d) {
    auto k = size_t(2 * (dims - 1 - d));
    return k < pad.size() ? Sides{pad[k], pad[k + 1]} : Sides{0, 0};
}

void check_pad(const Tensor& self, Ints pad) {
    TAEDA_CHECK(pad.size() % 2 == 0, "Padding length must be divisible by 2, got ", pad.size(), " values: ", pad);
    TAEDA_CHECK(int64_t(pad.size()) <= 2 * self.dim(),
                "Padding length should be less than or equal to two times the input dimension but got padding length ",
                pad.size(), " and input of dimension ", self.dim());
}

// The tensor without what negative padding cuts off.
Tensor cut(Tensor self, Ints pad) {
    for (int64_t d = 0; d < self.dim(); ++d) {
        auto [before, after] = sides_of(pad, self.dim(), d);
        int64_t start = std::max<int64_t>(-before, 0), length = self.size(d) - start - std::max<int64_t>(-after, 0);
        TAEDA_CHECK(length >= 0, "The input size ", self.size(d), ", plus negative padding ", before, " and ", after,
                    ", resulted in a negative output size, which is invalid. Check dimension ", d, " of your input.");
        if (length != self.size(d)) self = ops::narrow(self, d, start, length);
    }
    return self;
}

Tensor repeated(const Tensor& edge, int64_t d, int64_t times) {
    Dims sizes(edge.sizes());
    sizes[size_t(d)] = times;
    return ops::expand(edge, sizes);
}

// The border of `count` elements in front of (or behind) dimension d.
Tensor border(const Tensor& t, int64_t d, int64_t count, bool is_front, const std::string& mode) {
    int64_t size = t.size(d);
    if (mode == "reflect") return ops::flip(ops::narrow(t, d, is_front ? 1 : size - 1 - count, count), Ints{d});
    if (mode == "replicate") return repeated(ops::narrow(t, d, is_front ? 0 : size - 1, 1), d, count);
    return ops::narrow(t, d, is_front ? size - count : 0, count);
}

void check_border(const Tensor& t, int64_t d, Sides s, const std::string& mode) {
    int64_t size = t.size(d), most = mode == "reflect" ? size - 1 : mode == "circular" ? size : INT64_MAX;
    TAEDA_CHECK(size > 0, "pad: dimension ", d, " of input ", t.sizes(), " is empty, so that there is nothing to ",
                mode);
    if (mode == "circular")
        TAEDA_CHECK(s.before <= most && s.after <= most,
                    "Padding value causes wrapping around more than once: got padding (", s.before, ", ", s.after,
                    ") at dimension ", d, " of input ", t.sizes());
    TAEDA_CHECK(s.before <= most && s.after <= most,
                "Padding size should be less than the corresponding input dimension, but got: padding (", s.before,
                ", ", s.after, ") at dimension ", d, " of input ", t.sizes());
}

Tensor pad_with_itself(const Tensor& self, Ints pad, const std::string& mode) {
    auto spatial = int64_t(pad.size()) / 2;
    bool fits = spatial >= 1 && spatial <= 3 && (self.dim() == spatial + 1 || self.dim() == spatial + 2);
    TAEDA_CHECK_AS(NotImplementedError, fits,
                   "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: mode '", mode,
                   "' takes pad of 2 values for 2 or 3 dims, 4 for 3 or 4, 6 for 4 or 5; got ", pad.size(),
                   " values for shape ", self.sizes());
    Tensor result = cut(self, pad);
    for (int64_t d = self.dim() - 1; d >= self.dim() - spatial; --d) {
        auto [before, after] = sides_of(pad, self.dim(), d);
        before = std::max<int64_t>(before, 0), after = std::max<int64_t>(after, 0);
        if (before == 0 && after == 0) continue;
        check_border(result, d, {before, after}, mode);
        Tensor parts[3];
        size_t count = 0;
        if (before > 0) parts[count++] = border(result, d, before, true, mode);
        parts[count++] = result;
        if (after > 0) parts[count++] = border(result, d, after, false, mode);
        result = ops::cat(TensorList(parts, count), d);
    }
    return result.is_same(self) ? ops::clone(self) : result;
}

}  // namespace

Tensor constant_pad_nd(const Tensor& self, Ints pad, const Scalar& value) {
    check_pad(self, pad);
    Tensor inside = cut(self, pad);
    Dims sizes(inside.sizes());
    int64_t offset = 0;
    for (int64_t d = 0; d < self.dim(); ++d) {
        auto [before, after] = sides_of(pad, self.dim(), d);
        sizes[size_t(d)] += std::max<int64_t>(before, 0) + std::max<int64_t>(after, 0);
    }
    Tensor out = ops::full(sizes, value, self.dtype(), self.device());
    if (out.is_meta()) return out;
    for (int64_t d = 0; d < self.dim(); ++d)
        offset += std::max<int64_t>(sides_of(pad, self.dim(), d).before, 0) * out.strides()[size_t(d)];
    if (inside.numel() > 0) copy_kernel(out.device().type, alias(out, inside.sizes(), out.strides(), offset), inside);
    return out;
}

Tensor pad(const Tensor& self, Ints pad, const std::string& mode, std::optional<double> value) {
    check_pad(self, pad);
    if (mode == "constant") return ops::constant_pad_nd(self, pad, Scalar(value.value_or(0.0)));
    TAEDA_CHECK_AS(NotImplementedError, mode == "reflect" || mode == "replicate" || mode == "circular",
                   "Unrecognised padding mode ", mode, "; use constant, reflect, replicate or circular");
    TAEDA_CHECK_AS(ValueError, !value || *value == 0.0, "Padding mode \"", mode, "\" doesn't take in value argument");
    return pad_with_itself(self, pad, mode);
}

}  // namespace taeda::native
