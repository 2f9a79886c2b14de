// Random numbers. Every draw takes its own place in the Philox stream, so that the thread count does not matter.
#include <cmath>

#include "kernels/random.h"
#include "native.h"
#include "ops/host.h"

namespace taeda::native {

namespace {

struct Draw {
    uint64_t seed, offset;
};

Draw reserve(const Generator& generator, Device device, int64_t elements, int bits) {
    auto [stream, start] = generator_or_default(generator, device).take(random_blocks(elements, bits));
    return {stream.seed, start};
}

// Fills `self` through a contiguous tensor of dtype `work`; fill(tensor).
template <class F> Tensor filled_by(const Tensor& self, DType work, F&& fill) {
    if (self.is_meta() || self.numel() == 0) return self;
    bool direct = self.is_contiguous() && self.dtype() == work;
    Tensor target = direct ? self : empty_tensor(self.sizes(), work, self.device());
    fill(target);
    if (!direct) ops::copy_(self, target);
    return self;
}

void check_floating(const Tensor& self, const char* op) {
    TAEDA_CHECK(is_floating(self.dtype()), "\"", op, "\" not implemented for '", dtype_long_name(self.dtype()),
                "'; expected a floating-point tensor");
}

// u in [0, 1) of self's dtype, transformed by pointwise operators.
Tensor uniform_like(const Tensor& self, const Generator& generator, DType dtype) {
    Tensor u = empty_tensor(self.sizes(), dtype, self.device());
    return native::uniform_(u, 0, 1, generator);
}

void fill_integers(const Tensor& self, int64_t from, uint64_t range, const Generator& generator) {
    filled_by(self, DType::int64, [&](const Tensor& t) {
        Draw d = reserve(generator, t.device(), t.numel(), 64);
        random_integers_kernel(t.device().type, t, from, range, d.seed, d.offset);
    });
}

}  // namespace

Tensor uniform_(const Tensor& self, double from, double to, const Generator& generator) {
    if (self.is_complex()) {
        native::uniform_(ops::view_as_real(self), from, to, generator);
        return self;
    }
    check_floating(self, "uniform_");
    TAEDA_CHECK(from <= to, "uniform_ expects to return a [from, to) range, but found from=", from, " > to=", to);
    return filled_by(self, self.dtype(), [&](const Tensor& t) {
        Draw d = reserve(generator, t.device(), t.numel(), random_bits(t.dtype()));
        random_uniform_kernel(t.device().type, t, from, to, d.seed, d.offset);
    });
}

Tensor normal_(const Tensor& self, double mean, double std, const Generator& generator) {
    TAEDA_CHECK(std >= 0, "normal expects std >= 0.0, but found std ", std);
    if (self.is_complex()) {
        native::normal_(ops::view_as_real(self), mean, std / std::sqrt(2.0), generator);
        return self;
    }
    check_floating(self, "normal_");
    return filled_by(self, self.dtype(), [&](const Tensor& t) {
        Draw d = reserve(generator, t.device(), t.numel(), random_bits(t.dtype()));
        random_normal_kernel(t.device().type, t, mean, std, d.seed, d.offset);
    });
}

Tensor bernoulli_(const Tensor& self, double p, const Generator& generator) {
    TAEDA_CHECK(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
    return ops::copy_(self, uniform_like(self, generator, DType::float64) < p);
}
Tensor bernoulli_(const Tensor& self, const Tensor& p, const Generator& generator) {
    TAEDA_CHECK(p.is_meta() || p.numel() == 0 || host_truth(ops::all(ops::logical_and(p >= 0, p <= 1))),
                "Expected p_in >= 0 && p_in <= 1 to be true: probabilities must lie in [0, 1]");
    return ops::copy_(self, uniform_like(self, generator, DType::float64) < ops::to(p, DType::float64));
}
Tensor exponential_(const Tensor& self, double lambd, const Generator& generator) {
    check_floating(self, "exponential_");
    TAEDA_CHECK(lambd > 0, "exponential_ expects lambda > 0.0, but found lambda=", lambd);
    return ops::copy_(self, -ops::log1p(-uniform_like(self, generator, DType::float64)) / lambd);
}
Tensor geometric_(const Tensor& self, double p, const Generator& generator) {
    TAEDA_CHECK(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p=", p);
    Tensor u = uniform_like(self, generator, DType::float64);
    return ops::copy_(self, ops::clamp_min(ops::ceil(ops::log1p(-u) / std::log1p(-p)), Scalar(1.0)));
}
Tensor cauchy_(const Tensor& self, double median, double sigma, const Generator& generator) {
    check_floating(self, "cauchy_");
    TAEDA_CHECK(sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
    Tensor u = uniform_like(self, generator, DType::float64);
    return ops::copy_(self, ops::tan((u - 0.5) * 3.141592653589793) * sigma + median);
}
Tensor log_normal_(const Tensor& self, double mean, double std, const Generator& generator) {
    check_floating(self, "log_normal_");
    TAEDA_CHECK(std > 0, "log_normal_ expects std > 0.0, but found std=", std);
    return ops::exp_(native::normal_(self, mean, std, generator));
}

Tensor random_(const Tensor& self, const Generator& generator) {
    uint64_t range = 0;  // all 64 bits
    switch (self.dtype()) {
        case DType::bool_: range = 2; break;
        case DType::uint8: range = 256; break;
        case DType::int8: range = 128; break;
        case DType::int16: range = 1 << 15; break;
        case DType::int32: range = uint64_t(1) << 31; break;
        case DType::float16: range = (1 << 11) + 1; break;
        case DType::bfloat16: range = (1 << 8) + 1; break;
        case DType::float32: range = (1 << 24) + 1; break;
        case DType::float64: range = (uint64_t(1) << 53) + 1; break;
        default: range = uint64_t(1) << 63;
    }
    fill_integers(self, 0, range, generator);
    return self;
}
Tensor random_(const Tensor& self, int64_t to, const Generator& generator) {
    return native::random_(self, 0, to, generator);
}
Tensor random_(const Tensor& self, int64_t from, std::optional<int64_t> to, const Generator& generator) {
    int64_t end = to.value_or(INT64_MAX);
    TAEDA_CHECK(from < end, "random_ expects 'from' to be less than 'to', but got from=", from, " >= to=", end);
    fill_integers(self, from, uint64_t(end) - uint64_t(from), generator);
    return self;
}

// -- new tensors ------------------------------------------------------------------------------------------------------

namespace {

Tensor fresh(Ints size, std::optional<DType> dtype, std::optional<Device> device, DType otherwise) {
    return empty_tensor(size, dtype.value_or(otherwise), device.value_or(Device{}));
}

Tensor like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
            std::optional<MemoryFormat> format) {
    return ops::empty_like(self, dtype, device, format);
}

}  // namespace

Tensor rand(Ints size, const Generator& g, std::optional<DType> dtype, std::optional<Device> device) {
    return native::uniform_(fresh(size, dtype, device, default_dtype()), 0, 1, g);
}
Tensor randn(Ints size, const Generator& g, std::optional<DType> dtype, std::optional<Device> device) {
    return native::normal_(fresh(size, dtype, device, default_dtype()), 0, 1, g);
}
Tensor randint(int64_t high, Ints size, const Generator& g, std::optional<DType> dtype, std::optional<Device> device) {
    return native::randint(0, high, size, g, dtype, device);
}
Tensor randint(int64_t low, int64_t high, Ints size, const Generator& g, std::optional<DType> dtype,
               std::optional<Device> device) {
    return native::random_(fresh(size, dtype, device, DType::int64), low, high, g);
}
Tensor rand_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                 std::optional<MemoryFormat> f) {
    return native::uniform_(like(self, dtype, device, f), 0, 1, Generator());
}
Tensor randn_like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                  std::optional<MemoryFormat> f) {
    return native::normal_(like(self, dtype, device, f), 0, 1, Generator());
}
Tensor randint_like(const Tensor& self, int64_t high, std::optional<DType> dtype, std::optional<Device> device,
                    std::optional<MemoryFormat> f) {
    return native::random_(like(self, dtype, device, f), 0, high, Generator());
}
Tensor randint_like(const Tensor& self, int64_t low, int64_t high, std::optional<DType> dtype,
                    std::optional<Device> device, std::optional<MemoryFormat> f) {
    return native::random_(like(self, dtype, device, f), low, high, Generator());
}

Tensor randperm(int64_t n, const Generator& g, std::optional<DType> dtype, std::optional<Device> device) {
    TAEDA_CHECK(n >= 0, "n must be non-negative, got ", n);
    Tensor out = empty_tensor(Ints{n}, DType::int64);
    auto [stream, start] = generator_or_default(g, device.value_or(Device{})).take(uint64_t(n / 2 + 1));
    random_permutation_kernel(DeviceType::cpu, out, stream.seed, start);
    return ops::to(out, device, dtype.value_or(DType::int64));
}

Tensor bernoulli(const Tensor& self, const Generator& g) {
    check_floating(self, "bernoulli");
    return native::bernoulli_(ops::empty_like(self), self, g);
}
Tensor bernoulli(const Tensor& self, double p, const Generator& g) {
    return native::bernoulli_(ops::empty_like(self), p, g);
}

Tensor poisson(const Tensor& self, const Generator& g) {
    check_floating(self, "poisson");
    Tensor rates = ops::contiguous(ops::to(self, DType::float64)), out = ops::empty_like(rates);
    if (out.is_meta()) return ops::empty_like(self);
    if (out.numel()) {
        auto [low, high] = ops::aminmax(rates, std::nullopt, false);
        const double lowest = host_value<double>(low), highest = host_value<double>(high);
        TAEDA_CHECK(lowest >= 0 && std::isfinite(highest),
                    "invalid Poisson rate, expected rate to be non-negative and finite, got ",
                    lowest >= 0 ? highest : lowest);
        auto [stream, start] = generator_or_default(g, self.device()).take(uint64_t(self.numel()));
        random_poisson_kernel(out.device().type, out, rates, stream.seed, start);
    }
    return ops::to(out, self.dtype());
}

// The largest of p / e with exponential e: a draw without replacement (Gumbel's trick); with it, inverse sums.
Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement, const Generator& g) {
    TAEDA_CHECK(self.dim() == 1 || self.dim() == 2, "prob_dist must be 1 or 2 dim, got shape ", self.sizes());
    check_floating(self, "multinomial");
    int64_t classes = self.size(-1);
    TAEDA_CHECK(num_samples > 0, "cannot sample n_sample <= 0 samples, got ", num_samples);
    TAEDA_CHECK(replacement || num_samples <= classes,
                "cannot sample n_sample > prob_dist.size(-1) samples without replacement: ", num_samples, " > ",
                classes, "; draw fewer, or pass replacement=True");
    Tensor p = ops::to(self, DType::float64);
    Tensor valid = ops::logical_and(ops::isfinite(p), p >= 0);
    TAEDA_CHECK(
        host_truth(ops::all(valid)),
        "multinomial: probability tensor contains either `inf`, `nan` or element < 0; pass weights of at least 0, such as "
        "those of softmax()");
    TAEDA_CHECK(host_truth(ops::all(ops::sum(p, Ints{-1}, false) > 0)),
                "multinomial: invalid distribution (sum of probabilities <= 0); one weight a row must be positive");
    if (replacement) {
        Tensor cumulative = ops::cumsum(p, -1);
        Tensor total = ops::narrow(cumulative, -1, classes - 1, 1);
        Dims shape(self.sizes());
        shape.back() = num_samples;
        Tensor u = native::rand(shape, g, DType::float64, p.device()) * total;
        return ops::clamp_max(ops::searchsorted(cumulative, u, false, true), Scalar(classes - 1));
    }
    Tensor keys = p / -ops::log1p(-uniform_like(p, g, DType::float64));
    if (num_samples == 1) return ops::argmax(keys, -1, true);
    return std::get<1>(ops::topk(keys, num_samples, -1, true, true));
}

Tensor normal(const Tensor& mean, const Tensor& std, const Generator& g) {
    TAEDA_CHECK(std.is_meta() || std.numel() == 0 || host_truth(ops::all(std >= 0)),
                "normal expects all elements of std >= 0.0");
    Tensor shape = mean + std;
    return ops::randn(shape.sizes(), g, shape.dtype(), shape.device()) * std + mean;
}
Tensor normal(double mean, const Tensor& std, const Generator& g) {
    return native::normal(wrapped_number(Scalar(mean)), std, g);
}
Tensor normal(const Tensor& mean, double std, const Generator& g) {
    TAEDA_CHECK(std >= 0, "normal expects std >= 0.0, but found std ", std);
    return native::normal(mean, wrapped_number(Scalar(std)), g);
}
Tensor normal(double mean, double std, Ints size, const Generator& g, std::optional<DType> dtype,
              std::optional<Device> device) {
    return ops::normal_(ops::empty(size, dtype, device), mean, std, g);
}

// -- dropout ----------------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> native_dropout(const Tensor& self, double p) {
    check_floating(self, "dropout");
    Tensor in = ops::contiguous(self), out = empty_tensor(self.sizes(), self.dtype(), self.device());
    Tensor mask = empty_tensor(self.sizes(), DType::bool_, self.device());
    if (!self.is_meta() && self.numel()) {
        Draw d = reserve(Generator(), self.device(), self.numel(), 32);
        random_dropout_kernel(out.device().type, out, mask, in, p, d.seed, d.offset);
    }
    return {out, mask};
}
Tensor dropout_backward(const Tensor& grad, const Tensor& mask, double p) {
    return p < 1 ? ops::mul(ops::mul(grad, mask), wrapped_number(Scalar(1 / (1 - p)))) : ops::zeros_like(grad);
}

namespace {

void check_p(double p, const char* op) {
    TAEDA_CHECK(p >= 0 && p <= 1, op, ": dropout probability has to be between 0 and 1, but got ", p);
}

// Shape of a mask with one element per channel.
Dims feature_shape(const Tensor& input) {
    TAEDA_CHECK(input.dim() >= 2, "Feature dropout requires at least 2 dimensions in the input, got ", input.dim());
    Dims sizes(size_t(input.dim()), 1);
    sizes[0] = input.sizes()[0];
    sizes[1] = input.sizes()[1];
    return sizes;
}

Tensor alpha_dropped(const Tensor& input, const Tensor& noise_shape, double p) {
    constexpr double alpha = 1.7580993408473766;
    double a = 1 / std::sqrt((alpha * alpha * p + 1) * (1 - p));
    Tensor kept = ops::bernoulli(noise_shape, 1 - p);
    return input * (kept * a) + (kept - 1) * (alpha * a) + alpha * a * p;
}

}  // namespace

Tensor dropout(const Tensor& input, double p, bool train) {
    check_p(p, "dropout");
    if (p == 0 || !train || input.numel() == 0) return input;
    if (p == 1 || input.is_complex())
        return p == 1 ? input * 0 : input * (ops::bernoulli(ops::real(ops::empty_like(input)), 1 - p) / (1 - p));
    return std::get<0>(ops::native_dropout(input, p));
}
Tensor feature_dropout(const Tensor& input, double p, bool train) {
    check_p(p, "feature_dropout");
    if (p == 0 || !train || input.numel() == 0) return input;
    if (p == 1) return input * 0;
    return input * (ops::bernoulli(ops::empty(feature_shape(input), input.dtype(), input.device()), 1 - p) / (1 - p));
}
Tensor alpha_dropout(const Tensor& input, double p, bool train) {
    check_p(p, "alpha_dropout");
    if (p == 0 || !train || input.numel() == 0) return input;
    return p == 1 ? input * 0 : alpha_dropped(input, ops::empty_like(ops::detach(input)), p);
}
Tensor feature_alpha_dropout(const Tensor& input, double p, bool train) {
    check_p(p, "feature_alpha_dropout");
    if (p == 0 || !train || input.numel() == 0) return input;
    return p == 1 ? input * 0
                  : alpha_dropped(input, ops::empty(feature_shape(input), input.dtype(), input.device()), p);
}

}  // namespace taeda::native
