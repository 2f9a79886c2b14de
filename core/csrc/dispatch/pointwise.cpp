#include "dispatch/pointwise.h"

#include <cmath>
#include <numeric>

#include "autograd/state.h"
#include "ops.h"
#include "tensor/cast.h"

namespace taeda {

namespace {

constexpr int kMaxInputs = kMaxOperands - 1;

uint8_t class_bit(DType d) { return is_complex(d) ? 8 : d == DType::bool_ ? 4 : is_floating(d) ? 1 : 2; }

bool is_number(const Tensor& t) { return t.impl()->is_wrapped_number; }

// A tensor and a number that does not raise its category: the tensor's dtype, without asking result_type.
bool number_follows(const Tensor& t, const Tensor& number) {
    return is_number(number) && !is_number(t) &&
           (is_complex(t.dtype()) || (is_floating(t.dtype()) && !is_complex(number.dtype())) ||
            (is_integral(t.dtype()) && is_integral(number.dtype(), true)));
}

DType compute_dtype(const PointwiseOp& op, std::span<const Tensor* const> inputs) {
    DType dtype = DType::bool_;
    const Tensor* first = nullptr;
    bool same = true;
    Tensor list[kMaxInputs];
    int n = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (op.bool_inputs >> i & 1) continue;
        if (!first) first = inputs[i];
        same = same && inputs[i]->dtype() == first->dtype();
        n++;
    }
    if (!first) return DType::bool_;
    bool pair = inputs.size() == 2 && !op.bool_inputs;
    if (pair && number_follows(*inputs[0], *inputs[1])) {
        dtype = inputs[0]->dtype();
    } else if (pair && number_follows(*inputs[1], *inputs[0])) {
        dtype = inputs[1]->dtype();
    } else if (same && !is_number(*first)) {
        dtype = first->dtype();
    } else {
        n = 0;
        for (size_t i = 0; i < inputs.size(); ++i)
            if (!(op.bool_inputs >> i & 1)) list[n++] = *inputs[i];
        dtype = result_type(TensorList(list, size_t(n)));
    }
    // Where a real result is asked of operands that are floating, integers become floating as well.
    const bool floats_only = op.rule == PointwiseOp::Rule::to_float ||
                             (op.rule == PointwiseOp::Rule::to_real && !(op.classes & class_bit(DType::int64)));
    if (floats_only && is_integral(dtype, true)) dtype = default_dtype();
    if (!(op.classes & class_bit(dtype))) {
        // bool computes as the smallest integer where integers are known, but keeps its name in the result's rule.
        raise<Error>("\"", op.name, "\" not implemented for '", dtype_long_name(dtype),
                     "'; convert the operands first, e.g. with ",
                     is_complex(dtype)    ? ".real"
                     : is_floating(dtype) ? ".long() or .bool()"
                                          : ".float()");
    }
    return dtype;
}

DType output_dtype(const PointwiseOp& op, DType compute) {
    if (op.rule == PointwiseOp::Rule::to_bool) return DType::bool_;
    if (op.rule == PointwiseOp::Rule::to_real) return real_dtype(compute);
    return compute;
}

Device common_device(const PointwiseOp& op, std::span<const Tensor* const> inputs) {
    Device device = inputs[0]->device();
    for (const Tensor* t : inputs) {
        if (t->device() == device) continue;
        if (t->dim() == 0 && t->is_cpu()) continue;
        if (device.is_cpu() &&
            std::all_of(inputs.begin(), inputs.end(), [&](const Tensor* u) { return u->dim() == 0 || !u->is_cpu(); })) {
            device = t->device();
            continue;
        }
        raise(op.name, ": Expected all tensors to be on the same device, but found at least two devices, ", device,
              " and ", t->device(), "; move one with .to(device)");
    }
    return device;
}

// The output keeps the layout of a dense, permuted input of full size.
Tensor allocate_like_inputs(std::span<const Tensor* const> inputs, Ints sizes, DType dtype, Device device) {
    if (sizes.size() >= 2) {
        for (const Tensor* t : inputs) {
            if (t->sizes() != sizes) continue;
            if (!t->is_contiguous()) {
                Tensor out = empty_like_tensor(*t, dtype);
                if (out.device() == device) return out;
            }
            break;
        }
    }
    return empty_tensor(sizes, dtype, device);
}

bool flat(std::span<const Tensor* const> operands, Ints sizes) {
    for (const Tensor* t : operands)
        if (!(t->is_contiguous() && t->sizes() == sizes)) return false;
    return true;
}

}  // namespace

void set_geometry(PointwiseArgs& args, Ints sizes, std::span<const Tensor* const> operands) {
    size_t n = sizes.size();
    TAEDA_CHECK(n <= 16, "tensors of more than 16 dimensions are not supported, got ", n);
    int64_t strides[kMaxOperands][16];
    for (size_t k = 0; k < operands.size(); ++k) {
        const Tensor& t = *operands[k];
        size_t lead = n - size_t(t.dim());
        for (size_t d = 0; d < n; ++d)
            strides[k][d] =
                d < lead || (t.sizes()[d - lead] == 1 && sizes[d] != 1) ? 0 : t.strides()[d - lead] * t.item_bytes();
        args.data[k] = static_cast<char*>(t.raw());
    }
    size_t order[16];
    std::iota(order, order + n, size_t(0));
    // Outermost first: larger strides of the first operand that tells, outputs before inputs.
    auto before = [&](size_t a, size_t b) {
        for (size_t k = 0; k < operands.size(); ++k) {
            int64_t x = strides[k][a], y = strides[k][b];
            if (x == 0 || y == 0 || x == y) continue;
            return x > y;
        }
        return false;
    };
    for (size_t i = 1; i < n; ++i)
        for (size_t j = i; j > 0 && before(order[j], order[j - 1]); --j) std::swap(order[j], order[j - 1]);
    int m = 0;
    for (size_t i = 0; i < n; ++i) {
        size_t d = order[i];
        if (sizes[d] == 1) continue;
        bool joins = m > 0;
        for (size_t k = 0; joins && k < operands.size(); ++k)
            joins = args.strides[k][m - 1] == strides[k][d] * sizes[d];
        if (!joins) {
            ++m;
            args.sizes[m - 1] = 1;
        }
        args.sizes[m - 1] *= sizes[d];
        for (size_t k = 0; k < operands.size(); ++k) args.strides[k][m - 1] = strides[k][d];
    }
    if (m == 0) {
        m = 1;
        args.sizes[0] = 1;
        for (size_t k = 0; k < operands.size(); ++k) args.strides[k][0] = 0;
    }
    args.ndim = m;
    args.numel = product(sizes);
}

Meta pointwise_meta(const PointwiseOp& op, std::span<const Tensor* const> inputs) {
    Dims sizes(inputs[0]->sizes());
    for (const Tensor* t : inputs.subspan(1)) sizes = broadcast_shapes(sizes, t->sizes(), op.name);
    return {sizes, output_dtype(op, compute_dtype(op, inputs)), common_device(op, inputs)};
}

namespace {

// Whether writing `out` element by element would destroy elements of `in` that are still to be read.
bool overlaps_badly(const Tensor& out, const Tensor& in) {
    if (out.storage().get() != in.storage().get() || out.numel() == 0) return false;
    return !(out.offset() == in.offset() && out.sizes() == in.sizes() && out.strides() == in.strides());
}

bool widened(bool v) { return v; }
template <class T> std::complex<double> widened(std::complex<T> v) { return {double(v.real()), double(v.imag())}; }

Tensor converted_number(const Tensor& number, DType dtype) {
    Tensor t = empty_tensor(Ints(), dtype);
    visit_all(number.dtype(), [&]<class From>() {
        Scalar value;
        if constexpr (std::is_same_v<From, bool> || is_complex_type<From>::value)
            value = Scalar(widened(*number.data<From>()));
        else if constexpr (std::is_integral_v<From>) value = Scalar(int64_t(*number.data<From>()));
        else value = Scalar(double(*number.data<From>()));
        visit_all(dtype, [&]<class To>() { *t.data<To>() = value.to<To>(); });
    });
    return t;
}

// float16's own range must not end a number that it is multiplied by: 0.001 * 65536.0 is well within it. Comparisons
// are made between numbers of the dtype.
DType kernel_dtype(const PointwiseOp& op, std::span<const Tensor* const> inputs, DType compute) {
    constexpr double kRoundsToInfinity = 65520;
    if (compute != DType::float16 || op.rule == PointwiseOp::Rule::to_bool) return compute;
    for (const Tensor* t : inputs) {
        if (!is_number(*t)) continue;
        const double value = std::abs(*converted_number(*t, DType::float64).data<double>());
        if (value >= kRoundsToInfinity && std::isfinite(value)) return DType::float32;
    }
    return compute;
}

Tensor run_pointwise(const PointwiseOp& op, std::span<const Tensor* const> inputs, std::span<const Scalar> params,
                     const Tensor& out, DType asked, Ints sizes, Device device) {
    const DType compute = kernel_dtype(op, inputs, asked);
    DType out_dtype = output_dtype(op, compute);
    bool direct = out.defined() && out.dtype() == out_dtype;
    Tensor converted[kMaxInputs];
    const Tensor* operands[kMaxOperands];
    for (size_t i = 0; i < inputs.size(); ++i) {
        DType wanted = op.bool_inputs >> i & 1 ? DType::bool_ : compute;
        operands[i + 1] = inputs[i];
        if (inputs[i]->dtype() != wanted) {
            converted[i] = is_number(*inputs[i]) ? converted_number(*inputs[i], wanted) : ops::to(*inputs[i], wanted);
            operands[i + 1] = &converted[i];
        } else if (direct && overlaps_badly(out, *inputs[i])) {
            converted[i] = ops::clone(*inputs[i]);
            operands[i + 1] = &converted[i];
        }
    }
    Tensor result = direct ? out : allocate_like_inputs({operands + 1, inputs.size()}, sizes, out_dtype, device);
    operands[0] = &result;
    if (result.numel() > 0 && !result.is_meta()) {
        PointwiseArgs args;
        std::span<const Tensor* const> all(operands, inputs.size() + 1);
        args.inputs = int(inputs.size());
        args.dtype = compute;
        args.out_dtype = out_dtype;
        std::copy(params.begin(), params.end(), args.params);
        if (flat(all, sizes)) {
            args.numel = args.sizes[0] = result.numel();
            for (size_t k = 0; k < all.size(); ++k) {
                args.data[k] = static_cast<char*>(all[k]->raw());
                args.strides[k][0] = all[k]->item_bytes();
            }
        } else {
            set_geometry(args, sizes, all);
        }
        args.device = device;
        if (!device.is_cpu()) [[unlikely]]
            for (size_t k = 1; k < all.size(); ++k)
                if (all[k]->is_cpu()) args.host_operands |= 1u << k;
        PointwiseFunction function = op.table[int(device.type)];
        if (!function) load_kernel_library("cpu", op.name, device.type);
        UnlockedKernel unlocked(device.type, result.numel());
        function(args);
    }
    if (out.defined() && !direct) {
        ops::copy_(out, result);
        return out;
    }
    return compute == asked ? result : ops::to(result, output_dtype(op, asked));
}

}  // namespace

Tensor pointwise(const PointwiseOp& op, std::span<const Tensor* const> inputs, std::span<const Scalar> params,
                 const Tensor& out, bool inplace) {
    GradMode off(false);
    DType compute = compute_dtype(op, inputs);
    Device device = common_device(op, inputs);
    bool same_shape = true;
    for (const Tensor* t : inputs.subspan(1)) same_shape = same_shape && t->sizes() == inputs[0]->sizes();
    Dims broadcast;
    Ints sizes = inputs[0]->sizes();
    if (!same_shape) {
        broadcast = sizes;
        for (const Tensor* t : inputs.subspan(1)) broadcast = broadcast_shapes(broadcast, t->sizes(), op.name);
        sizes = broadcast;
    }
    if (out.defined()) {
        Meta meta{sizes, output_dtype(op, compute), device};
        if (inplace) {
            check_in_place_dtype(out, meta.dtype, op.name);
            TAEDA_CHECK(out.sizes() == sizes, op.name, "_: output with shape ", out.sizes(),
                        " doesn't match the broadcast shape ", sizes, "; use the out-of-place form");
            for (size_t d = 0; d < out.sizes().size(); ++d)
                TAEDA_CHECK(
                    out.strides()[d] != 0 || out.sizes()[d] <= 1, op.name,
                    "_: unsupported operation: more than one element of the written-to tensor refers to a single "
                    "memory location. Please clone() the tensor before performing the operation.");
        }
        if (!inplace || out.dtype() != meta.dtype || out.device() != device) resize_output(out, meta, op.name);
        if (!same_shape) sizes = broadcast;
    }
    return run_pointwise(op, inputs, params, out, compute, sizes, device);
}

}  // namespace taeda
