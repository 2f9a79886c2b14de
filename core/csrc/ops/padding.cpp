// Padding: a constant border, or one made of the tensor's own elements.
#include "kernels/copy.h"
#include "kernels/cpu/parallel.h"
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

// Dimension d continued by its ends, or cut; `s` may be negative.
Tensor replicated(const Tensor& t, int64_t d, Sides s) {
    const int64_t size = t.size(d), length = size + s.before + s.after;
    TAEDA_CHECK(size > 0 && length >= 0, "pad: dimension ", d, " of input ", t.sizes(), " is too small for padding (",
                s.before, ", ", s.after, ") in mode replicate");
    Tensor places = ops::arange(Scalar(-s.before), Scalar(length - s.before), Scalar(1), DType::int64, t.device());
    return ops::index_select(t, d, ops::clamp(places, Scalar(0), Scalar(size - 1)));
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

// The border of a tensor from its own elements: sides are wide enough for what `mode` needs.
Tensor with_border(const Tensor& self, Ints pad, const std::string& mode) {
    auto spatial = int64_t(pad.size()) / 2;
    bool fits = spatial >= 1 && spatial <= 3 && (self.dim() == spatial + 1 || self.dim() == spatial + 2);
    TAEDA_CHECK_AS(NotImplementedError, fits,
                   "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: mode '", mode,
                   "' takes pad of 2 values for 2 or 3 dims, 4 for 3 or 4, 6 for 4 or 5; got ", pad.size(),
                   " values for shape ", self.sizes());
    Dims widths(pad);
    Tensor inside = self;
    // What negative padding cuts off may still be what the other side repeats.
    for (int64_t d = self.dim() - spatial; mode == "replicate" && d < self.dim(); ++d) {
        Sides sides = sides_of(widths, self.dim(), d);
        if (sides.before >= 0 && sides.after >= 0) continue;
        inside = replicated(inside, d, sides);
        size_t place = 2 * size_t(self.dim() - 1 - d);
        widths[place] = widths[place + 1] = 0;
    }
    inside = cut(inside, widths);
    for (int64_t& width : widths) width = std::max<int64_t>(width, 0);
    bool any = false;
    for (int64_t d = self.dim() - spatial; d < self.dim(); ++d) {
        Sides sides = sides_of(widths, self.dim(), d);
        if (sides.before || sides.after) check_border(inside, d, sides, mode), any = true;
    }
    if (any) return ops::pad_with_itself(inside, widths, mode);
    return inside.is_same(self) ? ops::clone(self) : inside;
}

// Where along its dimension the elements of a border come from: the first one, and the way to the next.
struct Origin {
    int64_t first, step;
};
Origin front_origin(int64_t size, int64_t before, const std::string& mode) {
    return mode == "reflect" ? Origin{before, -1} : mode == "replicate" ? Origin{0, 0} : Origin{size - before, 1};
}
Origin back_origin(int64_t size, const std::string& mode) {
    return mode == "reflect" ? Origin{size - 2, -1} : mode == "replicate" ? Origin{size - 1, 0} : Origin{0, 1};
}

// Fills `out`: the middle first, then the borders of each dimension from what is there already.
void fill_with_border(const Tensor& out, const Tensor& self, Ints pad, const std::string& mode) {
    const Dims strides(out.strides());
    Dims filled(self.sizes());
    int64_t start = out.offset();
    for (int64_t d = 0; d < self.dim(); ++d) start += sides_of(pad, self.dim(), d).before * strides[size_t(d)];
    copy_kernel(out.device().type, alias(out, filled, strides, start), self);
    for (int64_t d = self.dim() - 1; d >= 0; --d) {
        auto [before, after] = sides_of(pad, self.dim(), d);
        const int64_t size = self.size(d), stride = strides[size_t(d)];
        auto fill = [&](int64_t to, int64_t count, Origin origin) {
            if (count == 0) return;
            Dims strip(filled), steps(strides);
            strip[size_t(d)] = count;
            steps[size_t(d)] = origin.step * stride;
            copy_kernel(out.device().type, alias(out, strip, strides, start + to * stride),
                        alias(out, strip, steps, start + origin.first * stride));
        };
        fill(-before, before, front_origin(size, before, mode));
        fill(size, after, back_origin(size, mode));
        filled[size_t(d)] = out.size(d);
        start -= before * stride;
    }
}

// The part of t at place `index` of its first `dims` dimensions.
Tensor part_of(const Tensor& t, int64_t dims, int64_t index) {
    int64_t offset = t.offset();
    for (int64_t d = dims; d-- > 0; index /= t.size(d)) offset += index % t.size(d) * t.strides()[size_t(d)];
    const auto first = size_t(dims), rest = size_t(t.dim() - dims);
    return alias(t, t.sizes().slice(first, rest), t.strides().slice(first, rest), offset);
}

}  // namespace

Tensor pad_with_itself(const Tensor& self, Ints pad, const std::string& mode) {
    Dims sizes(self.sizes());
    for (int64_t d = 0; d < self.dim(); ++d) {
        auto [before, after] = sides_of(pad, self.dim(), d);
        sizes[size_t(d)] += before + after;
    }
    Tensor out = empty_tensor(sizes, self.dtype(), self.device());
    if (out.is_meta() || out.numel() == 0) return out;
    int64_t dims = self.dim() - int64_t(pad.size()) / 2, parts = 1;
    for (int64_t d = 0; d < dims; ++d) parts *= self.size(d);
    if (out.device().type != DeviceType::cpu || parts == 1) {
        fill_with_border(out, self, pad, mode);
        return out;
    }
    // Picture by picture: what the borders repeat is still in the caches.
    UnlockedKernel unlocked(out.device().type, out.numel());
    cpu::parallel_for(0, parts, cpu::row_grain(out.numel() / parts), [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i) fill_with_border(part_of(out, dims, i), part_of(self, dims, i), pad, mode);
    });
    return out;
}

// The middle of the gradient, with what lies on the borders added where their elements came from.
Tensor pad_with_itself_backward(const Tensor& grad, Ints pad, const std::string& mode) {
    Tensor g = grad;
    for (int64_t d = 0; d < grad.dim(); ++d) {
        auto [before, after] = sides_of(pad, grad.dim(), d);
        const int64_t size = g.size(d) - before - after;
        Tensor sum = ops::narrow(g, d, before, size);
        auto add = [&](int64_t from, int64_t count, Origin origin) {
            if (count == 0) return;
            Tensor border = ops::narrow(g, d, from, count);
            if (origin.step < 0) border = ops::flip(border, Ints{d});
            if (origin.step == 0) border = ops::sum(border, Ints{d}, true);
            int64_t first = origin.step < 0 ? origin.first - count + 1 : origin.first;
            Dims zeros(size_t(2 * (grad.dim() - d)));
            zeros[zeros.size() - 2] = first;
            zeros[zeros.size() - 1] = size - first - border.size(d);
            sum = sum + ops::constant_pad_nd(border, zeros, Scalar(0));
        };
        add(0, before, front_origin(size, before, mode));
        add(before + size, after, back_origin(size, mode));
        g = sum;
    }
    return g;
}

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
    return with_border(self, pad, mode);
}

}  // namespace taeda::native
