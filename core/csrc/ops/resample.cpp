// Interpolation: the weights of each mode, and the operators that apply them dimension by dimension.
#include "kernels/resample.h"

#include <cmath>

#include "native.h"

namespace taeda::native {

namespace {

enum class Filter { nearest, nearest_exact, linear, cubic };

Filter parse_filter(const std::string& name) {
    if (name == "nearest") return Filter::nearest;
    if (name == "nearest-exact") return Filter::nearest_exact;
    if (name == "linear") return Filter::linear;
    TAEDA_CHECK_AS(ValueError, name == "cubic", "_resample: unknown filter '", name,
                   "'; use nearest, nearest-exact, linear or cubic");
    return Filter::cubic;
}

struct Options {
    Filter filter;
    bool align_corners;
    std::optional<double> scale;
    bool antialias;
};

// Input elements per output element, in the precision of the data so that ties fall as they do in torch.
template <class T> T element_step(int64_t in, int64_t out, const Options& o) {
    if (o.align_corners) return out > 1 ? T(in - 1) / T(out - 1) : T(0);
    return o.scale && *o.scale > 0 ? T(1.0 / *o.scale) : T(in) / T(out);
}

// Collects the taps of one output element; elements beyond the border count for the border's.
class Taps {
public:
    Taps(ResampleWeights& table, int64_t in) : table_(table), in_(in) {
        table_.begin.push_back(int64_t(table_.weight.size()));
    }
    void add(int64_t position, double weight) {
        position = std::clamp<int64_t>(position, 0, in_ - 1);
        int64_t start = table_.begin.back();
        if (int64_t(table_.weight.size()) == start) table_.first.push_back(position);
        auto k = size_t(start + position - table_.first.back());
        if (k >= table_.weight.size()) table_.weight.resize(k + 1, 0.0);
        table_.weight[k] += weight;
    }

private:
    ResampleWeights& table_;
    int64_t in_;
};

// Keys' cubic convolution kernel.
template <class T> T cubic(T x, T a) {
    x = std::abs(x);
    if (x < T(1)) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < T(2) ? ((x - 5) * x + 8) * x * a - 4 * a : T(0);
}

template <class T> void nearest_taps(Taps&& taps, int64_t i, int64_t in, T step, bool exact) {
    taps.add(std::min(int64_t(std::floor((T(i) + (exact ? T(0.5) : T(0))) * step)), in - 1), 1.0);
}

template <class T> void smooth_taps(Taps&& taps, int64_t i, int64_t in, T step, const Options& o) {
    T source = o.align_corners ? step * T(i) : step * (T(i) + T(0.5)) - T(0.5);
    if (o.filter == Filter::linear) source = std::max(source, T(0));
    auto below = std::min(int64_t(std::floor(source)), in - 1);
    T share = std::clamp(source - T(below), T(0), T(1));
    if (o.filter == Filter::linear) {
        taps.add(below, double(T(1) - share));
        taps.add(below + 1, double(share));
        return;
    }
    for (int64_t k = -1; k <= 2; ++k) taps.add(below + k, double(cubic<T>(share - T(k), T(-0.75))));
}

// A triangle or cubic stretched to the width of an output element, normalised inside the input.
template <class T> void antialiased_taps(Taps&& taps, int64_t i, int64_t in, T step, Filter filter) {
    T stretch = std::max(step, T(1)), reach = (filter == Filter::linear ? T(1) : T(2)) * stretch;
    T center = step * (T(i) + T(0.5));
    auto from = std::max<int64_t>(int64_t(center - reach + T(0.5)), 0);
    auto to = std::min<int64_t>(int64_t(center + reach + T(0.5)), in);
    std::vector<T> weights;
    T total = 0;
    for (int64_t k = from; k < to; ++k) {
        T distance = (T(k) - center + T(0.5)) / stretch;
        weights.push_back(filter == Filter::linear ? std::max(T(0), T(1) - std::abs(distance))
                                                   : cubic<T>(distance, T(-0.5)));
        total += weights.back();
    }
    for (int64_t k = from; k < to; ++k) taps.add(k, double(weights[size_t(k - from)] / total));
}

template <class T> ResampleWeights make_weights(int64_t in, int64_t out, const Options& o) {
    ResampleWeights table;
    T step = element_step<T>(in, out, o);
    for (int64_t i = 0; i < out; ++i) {
        Taps taps(table, in);
        if (in == out && o.filter != Filter::cubic && !o.antialias) taps.add(i, 1.0);
        else if (o.filter == Filter::nearest || o.filter == Filter::nearest_exact)
            nearest_taps<T>(std::move(taps), i, in, step, o.filter == Filter::nearest_exact);
        else if (o.antialias) antialiased_taps<T>(std::move(taps), i, in, step, o.filter);
        else smooth_taps<T>(std::move(taps), i, in, step, o);
    }
    table.begin.push_back(int64_t(table.weight.size()));
    return table;
}

// Both ends of the taps grow with the output, so the outputs that an input element reaches are neighbours too.
ResampleWeights transposed(const ResampleWeights& table, int64_t in) {
    std::vector<std::vector<double>> columns{size_t(in)};
    ResampleWeights result;
    result.first.assign(size_t(in), 0);
    for (int64_t i = 0; i < table.outputs(); ++i)
        for (int64_t k = table.begin[size_t(i)]; k < table.begin[size_t(i) + 1]; ++k) {
            auto j = size_t(table.first[size_t(i)] + k - table.begin[size_t(i)]);
            if (columns[j].empty()) result.first[j] = i;
            columns[j].resize(size_t(i - result.first[j]), 0.0);
            columns[j].push_back(table.weight[size_t(k)]);
        }
    for (const auto& column : columns) {
        result.begin.push_back(int64_t(result.weight.size()));
        result.weight.insert(result.weight.end(), column.begin(), column.end());
    }
    result.begin.push_back(int64_t(result.weight.size()));
    return result;
}

ResampleWeights weights_for(DType dtype, int64_t in, int64_t out, const Options& o) {
    return dtype == DType::float64 ? make_weights<double>(in, out, o) : make_weights<float>(in, out, o);
}

Tensor apply(const Tensor& self, int64_t dim, int64_t size, const std::string& filter, bool align_corners,
             std::optional<double> scale, bool antialias, bool is_adjoint) {
    Options options{parse_filter(filter), align_corners, scale, antialias};
    int64_t length = self.size(dim);
    Dims sizes(self.sizes());
    sizes[size_t(dim)] = size;
    Tensor out = empty_tensor(sizes, self.dtype(), self.device());
    if (out.is_meta() || out.numel() == 0) return out;
    ResampleWeights weights = is_adjoint ? transposed(weights_for(self.dtype(), size, length, options), size)
                                         : weights_for(self.dtype(), length, size, options);
    resample_kernel(self.device().type, out, ops::contiguous(self), dim, weights);
    return out;
}

// The dimensions behind batch and channels, last one first: rows shrink before they are read often.
Tensor each_dimension(const Tensor& self, Ints output_size, const char* op, const char* filter, bool align_corners,
                      std::initializer_list<std::optional<double>> scales, bool antialias = false) {
    auto dims = int64_t(output_size.size());
    TAEDA_CHECK(self.dim() == dims + 2, op, ": expected an input of ", dims + 2, " dims (N, C, and ", dims,
                " spatial), got shape ", self.sizes());
    for (int64_t d = 0; d < dims; ++d)
        TAEDA_CHECK(output_size[size_t(d)] > 0 && self.sizes()[size_t(d + 2)] > 0,
                    "Input and output sizes should be greater than 0, but got input ", self.sizes(), " and output ",
                    output_size);
    TAEDA_CHECK(self.numel() != 0 || self.sizes()[0] == 0, "Non-empty ", dims + 2,
                "D data tensor expected but got a tensor with sizes ", self.sizes());
    Tensor result = self;
    for (int64_t d = dims - 1; d >= 0; --d)
        result =
            ops::_resample(result, d + 2, output_size[size_t(d)], filter, align_corners, scales.begin()[d], antialias);
    return result;
}

using Scale = std::optional<double>;

}  // namespace

Tensor _resample(const Tensor& self, int64_t dim, int64_t size, const std::string& filter, bool align_corners,
                 Scale scale, bool antialias) {
    return apply(self, dim, size, filter, align_corners, scale, antialias, false);
}
Tensor _resample_adjoint(const Tensor& self, int64_t dim, int64_t size, const std::string& filter, bool align_corners,
                         Scale scale, bool antialias) {
    return apply(self, dim, size, filter, align_corners, scale, antialias, true);
}

Tensor upsample_nearest1d(const Tensor& self, Ints size, Scale s) {
    return each_dimension(self, size, "upsample_nearest1d", "nearest", false, {s});
}
Tensor upsample_nearest2d(const Tensor& self, Ints size, Scale h, Scale w) {
    return each_dimension(self, size, "upsample_nearest2d", "nearest", false, {h, w});
}
Tensor upsample_nearest3d(const Tensor& self, Ints size, Scale d, Scale h, Scale w) {
    return each_dimension(self, size, "upsample_nearest3d", "nearest", false, {d, h, w});
}
Tensor _upsample_nearest_exact1d(const Tensor& self, Ints size, Scale s) {
    return each_dimension(self, size, "_upsample_nearest_exact1d", "nearest-exact", false, {s});
}
Tensor _upsample_nearest_exact2d(const Tensor& self, Ints size, Scale h, Scale w) {
    return each_dimension(self, size, "_upsample_nearest_exact2d", "nearest-exact", false, {h, w});
}
Tensor _upsample_nearest_exact3d(const Tensor& self, Ints size, Scale d, Scale h, Scale w) {
    return each_dimension(self, size, "_upsample_nearest_exact3d", "nearest-exact", false, {d, h, w});
}
Tensor upsample_linear1d(const Tensor& self, Ints size, bool align_corners, Scale s) {
    return each_dimension(self, size, "upsample_linear1d", "linear", align_corners, {s});
}
Tensor upsample_bilinear2d(const Tensor& self, Ints size, bool align_corners, Scale h, Scale w) {
    return each_dimension(self, size, "upsample_bilinear2d", "linear", align_corners, {h, w});
}
Tensor upsample_trilinear3d(const Tensor& self, Ints size, bool align_corners, Scale d, Scale h, Scale w) {
    return each_dimension(self, size, "upsample_trilinear3d", "linear", align_corners, {d, h, w});
}
Tensor upsample_bicubic2d(const Tensor& self, Ints size, bool align_corners, Scale h, Scale w) {
    return each_dimension(self, size, "upsample_bicubic2d", "cubic", align_corners, {h, w});
}
Tensor _upsample_bilinear2d_aa(const Tensor& self, Ints size, bool align_corners, Scale h, Scale w) {
    return each_dimension(self, size, "_upsample_bilinear2d_aa", "linear", align_corners, {h, w}, true);
}
Tensor _upsample_bicubic2d_aa(const Tensor& self, Ints size, bool align_corners, Scale h, Scale w) {
    return each_dimension(self, size, "_upsample_bicubic2d_aa", "cubic", align_corners, {h, w}, true);
}

}  // namespace taeda::native
