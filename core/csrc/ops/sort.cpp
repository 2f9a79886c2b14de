// Sorting, searching and counting.
#include "kernels/sort.h"

#include <cmath>

#include "native.h"
#include "ops/host.h"
#include "ops/operators.h"

namespace taeda::native {

namespace {

void check_real(const Tensor& self, const char* op) {
    TAEDA_CHECK(!self.is_complex(), op, "(): not implemented for '", dtype_long_name(self.dtype()),
                "'; complex numbers have no order");
}

Tensor rows(const Tensor& self) { return ops::contiguous(self.dim() ? self : ops::reshape(self, Ints{1})); }

std::tuple<Tensor, Tensor> shaped(Tensor values, Tensor indices, Ints sizes) {
    values.impl()->set_contiguous(sizes);
    indices.impl()->set_contiguous(sizes);
    return {values, indices};
}

}  // namespace

std::tuple<Tensor, Tensor> sort(const Tensor& self, int64_t dim, bool descending) {
    check_real(self, "sort");
    int64_t d = wrap_dim(dim, self.dim());
    Tensor in = rows(self), values = empty_tensor(in.sizes(), self.dtype(), self.device()),
           indices = empty_tensor(in.sizes(), DType::int64, self.device());
    if (!in.is_meta() && in.numel()) sort_kernel(in.device().type, values, indices, in, d, descending);
    return shaped(values, indices, self.sizes());
}
std::tuple<Tensor, Tensor> sort(const Tensor& self, std::optional<bool>, int64_t dim, bool descending) {
    return ops::sort(self, dim, descending);
}
Tensor argsort(const Tensor& self, int64_t dim, bool descending, bool) {
    return std::get<1>(ops::sort(self, dim, descending));
}
Tensor msort(const Tensor& self) { return std::get<0>(ops::sort(self, 0, false)); }

std::tuple<Tensor, Tensor> topk(const Tensor& self, int64_t k, int64_t dim, bool largest, bool) {
    check_real(self, "topk");
    int64_t d = wrap_dim(dim, self.dim()), n = self.dim() ? self.sizes()[size_t(d)] : 1;
    TAEDA_CHECK(k >= 0 && k <= n, "selected index k out of range: k = ", k, ", but dimension ", d, " has size ", n);
    Tensor in = rows(self);
    Dims sizes(in.sizes());
    sizes[size_t(d)] = k;
    Tensor values = empty_tensor(sizes, self.dtype(), self.device()),
           indices = empty_tensor(sizes, DType::int64, self.device());
    if (!in.is_meta() && values.numel()) topk_kernel(in.device().type, values, indices, in, d, largest);
    return shaped(values, indices, self.dim() ? Ints(sizes) : k ? Ints() : Ints(sizes));
}

std::tuple<Tensor, Tensor> kthvalue(const Tensor& self, int64_t k, int64_t dim, bool keepdim) {
    check_real(self, "kthvalue");
    int64_t d = wrap_dim(dim, self.dim()), n = self.dim() ? self.sizes()[size_t(d)] : 1;
    TAEDA_CHECK_AS(IndexError, n > 0, "kthvalue(): Expected reduction dim ", d, " to have non-zero size.");
    TAEDA_CHECK(k >= 1 && k <= n, "kthvalue(): selected number k out of range for dimension ", d, ": k = ", k,
                ", size ", n);
    Tensor in = rows(self);
    Dims sizes(in.sizes()), final(self.sizes());
    sizes[size_t(d)] = 1;
    if (self.dim() && keepdim) final[size_t(d)] = 1;
    if (self.dim() && !keepdim) final.erase(size_t(d));
    Tensor values = empty_tensor(sizes, self.dtype(), self.device()),
           indices = empty_tensor(sizes, DType::int64, self.device());
    if (!in.is_meta() && values.numel()) kthvalue_kernel(in.device().type, values, indices, in, k - 1, d);
    return shaped(values, indices, final);
}

Tensor select_along_backward(const Tensor& grad, Ints sizes, const Tensor& indices, int64_t dim) {
    if (sizes.empty()) return ops::reshape(grad, sizes);
    return ops::scatter(ops::zeros(sizes, grad.dtype(), grad.device()), dim, indices, grad);
}

// -- medians and quantiles ----------------------------------------------------------------------------------------------

namespace {

// The lower median; NaN, sorted last, wins over everything unless it is left out.
std::tuple<Tensor, Tensor> median_along(const Tensor& self, int64_t dim, bool keepdim, bool skip_nan) {
    check_real(self, "median");
    int64_t d = wrap_dim(dim, self.dim()), n = self.dim() ? self.sizes()[size_t(d)] : 1;
    TAEDA_CHECK_AS(IndexError, n > 0, "median(): Expected reduction dim ", d, " to have non-zero size.");
    if (self.dim() == 0) return {ops::clone(self), ops::zeros(Ints(), DType::int64, self.device())};
    auto [values, indices] = ops::sort(self, d, false);
    Tensor nans = ops::sum(ops::isnan(ops::detach(self)), Ints{d}, true);
    Tensor at = skip_nan
                    ? ops::floor_divide(ops::clamp_min(n - nans - 1, Scalar(0)), wrapped_number(Scalar(int64_t(2))))
                    : ops::where(nans > 0, n - nans, wrapped_number(Scalar((n - 1) / 2)));
    Tensor v = ops::gather(values, d, at), i = ops::gather(indices, d, at);
    return keepdim ? std::tuple{v, i} : std::tuple{ops::squeeze(v, d), ops::squeeze(i, d)};
}

Tensor median_all(const Tensor& self, bool skip_nan) {
    if (self.numel() == 0) return ops::full(Ints(), Scalar(std::nan("")), self.dtype(), self.device());
    return std::get<0>(median_along(ops::reshape(self, Ints{-1}), 0, false, skip_nan));
}

Tensor quantiles(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                 const std::string& interpolation, bool skip_nan) {
    TAEDA_CHECK(self.numel() > 0, "quantile() input tensor must be non-empty");
    TAEDA_CHECK(self.dtype() == DType::float32 || self.dtype() == DType::float64,
                "quantile() input tensor must be either float or double dtype");
    TAEDA_CHECK(q.dim() <= 1, "quantile() q must be a scalar or 1D tensor, got shape ", q.sizes());
    TAEDA_CHECK(q.dtype() == self.dtype(), "quantile() q tensor must be same dtype as the input tensor");
    TAEDA_CHECK(q.is_meta() || host_truth(ops::all(ops::logical_and(q >= 0, q <= 1))),
                "quantile() q values must be in the range [0, 1]");
    for (const char* known : {"linear", "lower", "higher", "midpoint", "nearest"})
        if (interpolation == known) goto valid;
    raise("quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got ",
          interpolation);
valid:
    Tensor x = dim ? self : ops::reshape(self, Ints{-1});
    int64_t d = wrap_dim(dim.value_or(0), x.dim());
    Tensor sorted =
        x.dim() ? ops::movedim(std::get<0>(ops::sort(x, d, false)), Ints{d}, Ints{-1}) : ops::reshape(x, Ints{1});
    int64_t n = sorted.size(-1);
    Tensor nans = ops::sum(ops::isnan(ops::detach(sorted)), Ints{-1}, true);
    Tensor last = skip_nan ? ops::clamp_min(ops::to(n - nans - 1, self.dtype()), Scalar(0))
                           : ops::full(nans.sizes(), Scalar(n - 1), self.dtype(), self.device());
    Tensor rank = last * ops::reshape(q, Ints{-1});
    if (!skip_nan) rank = ops::where(nans > 0, wrapped_number(Scalar(double(n - 1))), rank);
    if (interpolation == "lower") rank = ops::floor(rank);
    if (interpolation == "higher") rank = ops::ceil(rank);
    if (interpolation == "nearest") rank = ops::round(rank);
    Tensor below = ops::floor(rank), above = ops::ceil(rank);
    Tensor weight =
        interpolation == "midpoint" ? ops::ceil(rank) - below - (ops::ceil(rank) - below) * 0.5 : rank - below;
    Tensor result = ops::lerp(ops::gather(sorted, -1, ops::to(below, DType::int64)),
                              ops::gather(sorted, -1, ops::to(above, DType::int64)), weight);
    if (keepdim) {
        Dims shape(size_t(self.dim()), 1);
        if (dim) {
            shape = self.sizes();
            if (self.dim()) shape[size_t(d)] = 1;
        }
        Dims full{q.numel()};
        for (int64_t s : shape) full.push_back(s);
        result = ops::reshape(ops::movedim(result, Ints{-1}, Ints{0}), full);
    } else {
        result = ops::movedim(result, Ints{-1}, Ints{0});
    }
    return q.dim() == 0 ? ops::squeeze(result, 0) : result;
}

Tensor as_q(const Tensor& self, double q) { return ops::full(Ints(), Scalar(q), self.dtype(), self.device()); }

}  // namespace

Tensor median(const Tensor& self) { return median_all(self, false); }
Tensor nanmedian(const Tensor& self) { return median_all(self, true); }
std::tuple<Tensor, Tensor> median(const Tensor& self, int64_t dim, bool keepdim) {
    return median_along(self, dim, keepdim, false);
}
std::tuple<Tensor, Tensor> nanmedian(const Tensor& self, int64_t dim, bool keepdim) {
    return median_along(self, dim, keepdim, true);
}

namespace {

// Whether an element differs from the one before it along dim.
Tensor begins_run(const Tensor& t, int64_t dim) {
    const int64_t n = t.size(dim);
    Dims first(t.sizes());
    first[size_t(dim)] = std::min<int64_t>(1, n);
    Tensor ones = ops::ones(first, DType::bool_, t.device());
    if (n < 2) return ones;
    return ops::cat(std::array{ones, ops::narrow(t, dim, 1, n - 1) != ops::narrow(t, dim, 0, n - 1)}, dim);
}

}  // namespace

std::tuple<Tensor, Tensor> mode(const Tensor& self, int64_t dim, bool keepdim) {
    check_real(self, "mode");
    int64_t d = wrap_dim(dim, self.dim());
    if (self.dim() == 0) return {ops::clone(self), ops::zeros(Ints(), DType::int64, self.device())};
    TAEDA_CHECK_AS(IndexError, self.sizes()[size_t(d)] > 0, "mode(): Expected reduction dim ", d,
                   " to have non-zero size.");
    // The longest run of the sorted slice; its last element's place is what torch gives. Where a run begins is carried along
    // it, so that the distance to it is greatest at the end of the longest.
    auto [sorted, order] = ops::sort(ops::detach(self), d, false);
    const int64_t n = self.size(d);
    Dims shape(size_t(self.dim()), 1);
    shape[size_t(d)] = n;
    Tensor places = ops::reshape(ops::arange(n, DType::int64, self.device()), shape);
    Tensor starts = ops::where(begins_run(sorted, d), places, wrapped_number(Scalar(0)));
    Tensor longest = ops::argmax(places - std::get<0>(ops::cummax(starts, d)), d, true);
    Tensor picked = ops::squeeze(ops::gather(order, d, longest), d);
    Tensor at = ops::unsqueeze(picked, d), values = ops::gather(self, d, at);
    return keepdim ? std::tuple{values, at} : std::tuple{ops::squeeze(values, d), picked};
}

Tensor quantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim, const std::string& how) {
    return quantiles(self, q, dim, keepdim, how, false);
}
Tensor quantile(const Tensor& self, double q, std::optional<int64_t> dim, bool keepdim, const std::string& how) {
    TAEDA_CHECK(q >= 0 && q <= 1, "quantile() q must be in the range [0, 1] but got ", q);
    return quantiles(self, as_q(self, q), dim, keepdim, how, false);
}
Tensor nanquantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                   const std::string& how) {
    return quantiles(self, q, dim, keepdim, how, true);
}
Tensor nanquantile(const Tensor& self, double q, std::optional<int64_t> dim, bool keepdim, const std::string& how) {
    return quantiles(self, as_q(self, q), dim, keepdim, how, true);
}

// -- searching --------------------------------------------------------------------------------------------------------

Tensor searchsorted(const Tensor& sorted, const Tensor& self, bool out_int32, bool right,
                    const std::optional<std::string>& side, const Tensor& sorter) {
    TAEDA_CHECK(!side || *side == "left" || *side == "right",
                "searchsorted(): side can only be 'left' or 'right' but got ", side.value_or(""));
    TAEDA_CHECK(!(side && *side == "left" && right),
                "searchsorted(): side and right can't be set to opposites, got side of left while right was True");
    TAEDA_CHECK(sorted.dim() > 0,
                "searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1");
    TAEDA_CHECK(
        sorted.dim() == 1 || (sorted.dim() == self.dim() && sorted.sizes().slice(0, sorted.sizes().size() - 1) ==
                                                                self.sizes().slice(0, self.sizes().size() - 1)),
        "searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, but we got boundaries tensor ",
        sorted.sizes(), " and input value tensor ", self.sizes());
    Tensor sequence = sorter.defined() ? ops::gather(sorted, -1, sorter) : sorted;
    DType common = result_type(sequence, self);
    Tensor out = empty_tensor(self.sizes(), DType::int64, self.device());
    if (out.numel() && !out.is_meta())
        searchsorted_kernel(out.device().type, out.dim() ? out : alias(out, Ints{1}, Ints{1}, 0),
                            ops::contiguous(ops::to(sequence, common)), rows(ops::to(self, common)),
                            right || (side && *side == "right"));
    return out_int32 ? ops::to(out, DType::int32) : out;
}
Tensor searchsorted(const Tensor& sorted, const Scalar& value, bool out_int32, bool right,
                    const std::optional<std::string>& side, const Tensor& sorter) {
    return ops::searchsorted(sorted, wrapped_number(value, sorted.dtype()), out_int32, right, side, sorter);
}
Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) {
    TAEDA_CHECK(boundaries.dim() == 1, "boundaries tensor must be 1 dimension, but got dim(", boundaries.dim(), ")");
    return ops::searchsorted(boundaries, self, out_int32, right);
}
Tensor bucketize(const Scalar& self, const Tensor& boundaries, bool out_int32, bool right) {
    return ops::bucketize(wrapped_number(self, boundaries.dtype()), boundaries, out_int32, right);
}

// -- unique -----------------------------------------------------------------------------------------------------------

namespace {

// Groups of equal neighbours: the position of each group's first element, each element's group, each group's size.
template <class Same>
void group_runs(int64_t n, Same&& same, std::vector<int64_t>& firsts, std::vector<int64_t>& group) {
    for (int64_t i = 0; i < n; ++i) {
        if (i == 0 || !same(i - 1, i)) firsts.push_back(i);
        group.push_back(int64_t(firsts.size()) - 1);
    }
}

Tensor from_vector(const std::vector<int64_t>& v) {
    Tensor t = empty_tensor(Ints{int64_t(v.size())}, DType::int64);
    std::copy(v.begin(), v.end(), t.data<int64_t>());
    return t;
}

Tensor counts_of(const std::vector<int64_t>& firsts, int64_t n) {
    std::vector<int64_t> counts;
    for (size_t g = 0; g < firsts.size(); ++g)
        counts.push_back((g + 1 < firsts.size() ? firsts[g + 1] : n) - firsts[g]);
    return from_vector(counts);
}

template <class Same> std::tuple<Tensor, Tensor, Tensor> unique_runs(const Tensor& ordered, const Tensor& order,
                                                                     Ints inverse_sizes, int64_t dim, Same&& same) {
    int64_t n = ordered.dim() ? ordered.size(dim) : 1;
    std::vector<int64_t> firsts, group;
    group_runs(n, same, firsts, group);
    Tensor inverse = empty_tensor(Ints{n}, DType::int64);
    Tensor places = order.defined() ? on_host(order) : order;
    for (int64_t i = 0; i < n; ++i)
        inverse.data<int64_t>()[places.defined() ? places.data<int64_t>()[i] : i] = group[size_t(i)];
    inverse.impl()->set_contiguous(inverse_sizes);
    Device device = ordered.device();
    return {ops::index_select(ordered, dim, on_device(from_vector(firsts), device)), on_device(inverse, device),
            on_device(counts_of(firsts, n), device)};
}

// unique_runs of a vector on a device; only the number of groups comes to the host.
std::tuple<Tensor, Tensor, Tensor> device_runs(const Tensor& ordered, const Tensor& order, Ints inverse_sizes) {
    Tensor begins = begins_run(ordered, 0), group = ops::cumsum(begins, 0, DType::int64) - Scalar(1);
    Tensor firsts = ops::reshape(ops::nonzero(begins), Ints{-1});
    Tensor end = ops::full(Ints{1}, Scalar(ordered.numel()), DType::int64, ordered.device());
    Tensor ends = ops::narrow(ops::cat(std::array{firsts, end}, 0), 0, 1, firsts.numel());
    Tensor inverse = order.defined() ? ops::scatter(ops::empty_like(order), 0, order, group) : group;
    return {ops::index_select(ordered, 0, firsts), ops::reshape(inverse, inverse_sizes), ends - firsts};
}

// Integers of a short range, from `low` on, are counted instead of sorted.
template <class T>
std::tuple<Tensor, Tensor, Tensor> unique_by_counting(const Tensor& flat, Ints inverse_sizes, T low, size_t range) {
    const T* v = flat.data<T>();
    const int64_t n = flat.numel();
    auto slot = [low](T x) { return size_t(uint64_t(x) - uint64_t(low)); };
    std::vector<int64_t> places(range), seen;
    for (int64_t i = 0; i < n; ++i) ++places[slot(v[i])];
    for (size_t k = 0; k < range; ++k)
        if (places[k]) seen.push_back(std::exchange(places[k], int64_t(seen.size())));
    Tensor values = empty_tensor(Ints{int64_t(seen.size())}, flat.dtype()),
           inverse = empty_tensor(Ints{n}, DType::int64);
    int64_t* to = inverse.data<int64_t>();
    for (int64_t i = 0; i < n; ++i) {
        int64_t group = places[slot(v[i])];
        values.data<T>()[group] = v[i];
        to[i] = group;
    }
    inverse.impl()->set_contiguous(inverse_sizes);
    return {values, inverse, from_vector(seen)};
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> raw_unique(const Tensor& self) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "unique: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    Tensor flat = ops::contiguous(ops::reshape(self, Ints{-1}));
    if (!self.is_cpu()) {
        auto [ordered, order] = ops::sort(flat, 0, false);
        return device_runs(ordered, order, self.sizes());
    }
    return visit_all(self.dtype(), [&]<class T>() {
        if constexpr (std::is_integral_v<T>) {
            constexpr uint64_t kAlwaysShort = 65536;
            const T* x = flat.data<T>();
            if (flat.numel()) {
                auto [low, high] = std::minmax_element(x, x + flat.numel());
                uint64_t range = uint64_t(*high) - uint64_t(*low);
                if (range < std::max<uint64_t>(kAlwaysShort, 2 * uint64_t(flat.numel())))
                    return unique_by_counting<T>(flat, self.sizes(), *low, size_t(range + 1));
            }
        }
        auto [ordered, order] = ops::sort(flat, 0, false);
        const Tensor& sorted = ordered;
        const T* v = sorted.template data<T>();
        return unique_runs(sorted, order, self.sizes(), 0, [v](int64_t a, int64_t b) { return v[a] == v[b]; });
    });
}
std::tuple<Tensor, Tensor, Tensor> raw_unique_consecutive(const Tensor& self) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "unique_consecutive: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    Tensor flat = ops::contiguous(ops::reshape(self, Ints{-1}));
    if (!self.is_cpu()) return device_runs(flat, Tensor(), self.sizes());
    return visit_all(self.dtype(), [&]<class T>() {
        const T* v = flat.data<T>();
        return unique_runs(flat, Tensor(), self.sizes(), 0, [v](int64_t a, int64_t b) { return v[a] == v[b]; });
    });
}
std::tuple<Tensor, Tensor, Tensor> raw_unique_dim(const Tensor& self, int64_t dim, bool consecutive) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "unique: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    check_real(self, "unique");
    int64_t d = wrap_dim(dim, self.dim()), n = self.size(d);
    TAEDA_CHECK(self.numel() > 0 || n == 0,
                "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
    Tensor slices = on_host(ops::contiguous(ops::movedim(self, Ints{d}, Ints{0})));
    int64_t width = n ? slices.numel() / n : 0;
    std::vector<int64_t> order(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) order[size_t(i)] = i;
    return visit_all(self.dtype(), [&]<class T>() -> std::tuple<Tensor, Tensor, Tensor> {
        if constexpr (is_complex_type<T>::value) {
            raise("unique: complex numbers have no order");
        } else {
            const T* v = slices.data<T>();
            if (!consecutive)
                std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
                    return std::lexicographical_compare(v + a * width, v + (a + 1) * width, v + b * width,
                                                        v + (b + 1) * width);
                });
            Tensor at = on_device(from_vector(order), self.device()), ordered = ops::index_select(self, d, at);
            return unique_runs(ordered, at, Ints{n}, d, [&](int64_t a, int64_t b) {
                const T *x = v + order[size_t(a)] * width, *y = v + order[size_t(b)] * width;
                return std::equal(x, x + width, y);
            });
        }
    });
}

// -- counting -----------------------------------------------------------------------------------------------------------

namespace {

constexpr int64_t kMostBins = int64_t(1) << 48;

DType sums_dtype(const Tensor& weights) { return weights.dtype() == DType::float32 ? DType::float32 : DType::float64; }

// bincount of int64 values in [0, bins) on a device.
Tensor device_counts(const Tensor& values, const Tensor& weights, int64_t bins) {
    if (weights.defined()) {
        Tensor sums = ops::zeros(Ints{bins}, sums_dtype(weights), values.device());
        return ops::index_add(sums, 0, values, ops::to(weights, sums.dtype()));
    }
    Tensor edges = ops::searchsorted(std::get<0>(ops::sort(values, 0, false)),
                                     ops::arange(bins + 1, DType::int64, values.device()));
    return ops::narrow(edges, 0, 1, bins) - ops::narrow(edges, 0, 0, bins);
}

}  // namespace

Tensor bincount(const Tensor& self, const Tensor& weights, int64_t minlength) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "bincount: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    TAEDA_CHECK(self.dim() == 1 && is_integral(self.dtype()),
                "bincount only supports 1-d non-negative integral inputs, got ", self.dtype(), " of shape ",
                self.sizes());
    TAEDA_CHECK(minlength >= 0, "minlength should be >= 0, got ", minlength);
    TAEDA_CHECK(!weights.defined() || weights.sizes() == self.sizes(),
                "weights should be 1-d and have the same length as input");
    if (!self.is_cpu() && self.numel()) {
        Tensor values = ops::to(self, DType::int64);
        Tensor ends = on_host(ops::stack(std::array{ops::min(values), ops::max(values)}, 0));
        const int64_t low = ends.data<int64_t>()[0], high = ends.data<int64_t>()[1];
        if (low >= 0 && high < kMostBins) return device_counts(values, weights, std::max(minlength, high + 1));
    }  // the host finds which one is wrong
    Tensor in = on_host(ops::contiguous(ops::to(self, DType::int64)));
    const int64_t *at = in.data<int64_t>(), n = in.numel();
    int64_t size = minlength;
    for (int64_t i = 0; i < n; ++i) {
        TAEDA_CHECK(at[i] >= 0, "bincount only supports 1-d non-negative integral inputs, got ", at[i], " at index ",
                    i);
        TAEDA_CHECK(at[i] < kMostBins, "bincount: the value ", at[i], " at index ", i,
                    " would need more bins than memory holds; count unique values with taeda.unique");
        size = std::max(size, at[i] + 1);
    }
    auto add_up = [&]<class T>(auto weight) {
        Tensor out = ops::zeros(Ints{size}, dtype_of<T>);
        T* sums = out.data<T>();
        for (int64_t i = 0; i < n; ++i) sums[at[i]] += weight(i);
        return on_device(out, self.device());
    };
    if (!weights.defined()) return add_up.template operator()<int64_t>([](int64_t) { return 1; });
    Tensor w = on_host(ops::contiguous(ops::to(weights, sums_dtype(weights))));
    if (w.dtype() == DType::float32)
        return add_up.template operator()<float>([p = w.data<float>()](int64_t i) { return p[i]; });
    return add_up.template operator()<double>([p = w.data<double>()](int64_t i) { return p[i]; });
}
Tensor histc(const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
    TAEDA_CHECK(bins > 0, "bins must be > 0, but got ", bins);
    TAEDA_CHECK(is_floating(self.dtype()), "\"histc\" not implemented for '", dtype_long_name(self.dtype()),
                "'; convert the input with .float()");
    if (self.is_meta()) return empty_tensor(Ints{bins}, self.dtype(), self.device());
    double low = min.to_double(), high = max.to_double();
    TAEDA_CHECK(low <= high, "max must be larger than min, got ", low, " and ", high);
    if (low == high && self.numel() > 0) {
        low = host_value<double>(ops::to(ops::min(self), DType::float64));
        high = host_value<double>(ops::to(ops::max(self), DType::float64));
    }
    if (low == high) low -= 1, high += 1;
    TAEDA_CHECK(std::isfinite(low) && std::isfinite(high), "range of [", low, ", ", high, "] is not finite");
    Tensor out = ops::zeros(Ints{bins}, self.dtype(), self.device());
    if (self.numel()) histogram_kernel(out.device().type, out, rows(self), low, high);
    return out;
}
Tensor isin(const Tensor& elements, const Tensor& tests, bool invert) {
    DType common = result_type(elements, tests);
    Tensor x = ops::to(elements, common), found;
    if (tests.numel() == 0) found = ops::zeros(x.sizes(), DType::bool_, x.device());
    else {
        Tensor sorted = std::get<0>(ops::sort(ops::reshape(ops::to(tests, common), Ints{-1}), 0, false));
        Tensor at = ops::clamp_max(ops::searchsorted(sorted, x), Scalar(sorted.numel() - 1));
        found = ops::take(sorted, at) == x;
    }
    return invert ? ops::logical_not(found) : found;
}

}  // namespace taeda::native
