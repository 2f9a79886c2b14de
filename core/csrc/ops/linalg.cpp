#include "ops/linalg.h"

namespace taeda::linalg {

Tensor columns(Ints batch, int64_t rows, int64_t count, DType dtype, Device device) {
    Dims sizes = with_tail(batch, {count, rows}), strides = contiguous_strides(sizes);
    std::swap(sizes[sizes.size() - 2], sizes[sizes.size() - 1]);
    std::swap(strides[strides.size() - 2], strides[strides.size() - 1]);
    return empty_strided_tensor(sizes, strides, dtype, device);
}

Tensor in_columns(const Tensor& t) {
    Tensor copy = columns(batch_of(t), t.size(-2), t.size(-1), t.dtype(), t.device());
    if (!copy.is_meta() && copy.numel()) copy_kernel(copy.device().type, copy, t);
    return copy;
}

Tensor flat(const Tensor& matrices) {
    const int64_t rows = matrices.size(-2), count = matrices.size(-1);
    return alias(matrices, Ints{product(batch_of(matrices)), rows, count}, Ints{rows * count, 1, rows},
                 matrices.offset());
}

Tensor flat_vectors(const Tensor& vectors) {
    const int64_t n = vectors.size(-1);
    const Ints batch = vectors.sizes().slice(0, vectors.sizes().size() - 1);
    return alias(vectors, Ints{product(batch), n}, Ints{n, 1}, vectors.offset());
}

Tensor new_info(Ints batch, Device device) { return ops::zeros(batch, DType::int32, device); }

void check_dtype(const Tensor& a, const char* name) {
    TAEDA_CHECK(is_differentiable(a.dtype()), name, ": Expected a floating point or complex tensor as input. Got ",
                dtype_long_name(a.dtype()), "; convert it first, e.g. with .float()");
    TAEDA_CHECK(a.dtype() != DType::float16 && a.dtype() != DType::bfloat16, name,
                ": Low precision dtypes not supported. Got ", dtype_long_name(a.dtype()),
                "; convert it first, e.g. with .float()");
}

void check_matrix(const Tensor& a, const char* name, const char* argument) {
    TAEDA_CHECK(a.dim() >= 2, name, ": The input tensor ", argument, " must have at least 2 dimensions, got shape ",
                a.sizes(), ".");
    check_dtype(a, name);
}

void check_square(const Tensor& a, const char* name, const char* argument) {
    check_matrix(a, name, argument);
    TAEDA_CHECK(a.size(-1) == a.size(-2), name, ": ", argument, " must be batches of square matrices, but they are ",
                a.size(-2), " by ", a.size(-1), " matrices");
}

void check_same_dtype(const Tensor& a, const Tensor& b, const char* name) {
    TAEDA_CHECK(a.dtype() == b.dtype(), name, ": Expected A and B to have the same dtype, but found ", a.dtype(),
                " and ", b.dtype(), " instead");
}

void check_singular(const Tensor& info, const char* name) {
    check_info(info, name, [](int) { return std::string("The solver failed because the input matrix is singular."); });
}
void check_inverse(const Tensor& info, const char* name) {
    check_info(info, name, [](int code) {
        return join("The diagonal element ", code,
                    " is zero, the inversion could not be completed because the input matrix is singular.");
    });
}
void check_positive(const Tensor& info, const char* name) {
    check_info(info, name, [](int code) {
        return join(
            "The factorization could not be completed because the input is not positive-definite (the leading minor of order ",
            code, " is not positive-definite).");
    });
}
void check_converged(const Tensor& info, const char* name) {
    check_info(info, name, [](int code) {
        return join(
            "The algorithm failed to converge because the input matrix is ill-conditioned, has too many repeated values, or "
            "holds NaN or infinity (error code: ",
            code, ").");
    });
}

}  // namespace taeda::linalg
