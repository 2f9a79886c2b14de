// Matrix products.
#include "kernels/matmul.h"

#include "autograd/meta.h"
#include "native.h"
#include "ops/derivatives.h"

namespace taeda::native {

namespace {

void check_same_dtype(const Tensor& a, const Tensor& b, const char* op) {
    TAEDA_CHECK(a.dtype() == b.dtype(), op, ": expected both operands to have the same dtype, but got: ", a.dtype(),
                " != ", b.dtype(), "; convert one with .to()");
    TAEDA_CHECK(a.dtype() != DType::bool_, "\"", op,
                "\" not implemented for 'Bool'; convert both operands, e.g. with .float()");
}

void check_matrices(const Tensor& a, const Tensor& b, const char* op) {
    TAEDA_CHECK(a.dim() == 2, op, ": self must be a matrix, got shape ", a.sizes());
    TAEDA_CHECK(b.dim() == 2, op, ": mat2 must be a matrix, got shape ", b.sizes());
    TAEDA_CHECK(a.sizes()[1] == b.sizes()[0], op, ": mat1 and mat2 shapes cannot be multiplied (", a.sizes()[0], "x",
                a.sizes()[1], " and ", b.sizes()[0], "x", b.sizes()[1],
                "); the first needs as many columns as the second has rows, .t() transposes");
    check_same_dtype(a, b, op);
}

void check_batches(const Tensor& a, const Tensor& b, const char* op) {
    TAEDA_CHECK(a.dim() == 3, op, ": batch1 must be a 3D tensor, got shape ", a.sizes());
    TAEDA_CHECK(b.dim() == 3, op, ": batch2 must be a 3D tensor, got shape ", b.sizes());
    TAEDA_CHECK(a.sizes()[0] == b.sizes()[0] && a.sizes()[2] == b.sizes()[1], op,
                ": Expected size for first two dimensions of batch2 tensor to be: [", a.sizes()[0], ", ", a.sizes()[2],
                "] but got: [", b.sizes()[0], ", ", b.sizes()[1],
                "]: as many batches as batch1, and as many rows as it has columns; matmul broadcasts batches");
    check_same_dtype(a, b, op);
}

Tensor product(const Tensor& a, const Tensor& b, Ints sizes) {
    Tensor out = empty_tensor(sizes, a.dtype(), a.device());
    if (!out.is_meta()) gemm(out, a, b);
    return out;
}

void check_factors(const Tensor& t, const Scalar& beta, const Scalar& alpha, const char* op) {
    TAEDA_CHECK(
        !is_integral(t.dtype()) || (!beta.is_floating() && !alpha.is_floating()), op,
        ": For integral input tensors, argument alpha and beta must not be a floating point number, got alpha = ",
        alpha, " and beta = ", beta, "; convert the tensors with .float()");
}

// beta * self + alpha * a @ b, self broadcast.
Tensor accumulated(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha,
                   Ints sizes, const char* op) {
    TAEDA_CHECK(self.dtype() == a.dtype(), op, ": self and mat1 must have the same dtype, but got ", self.dtype(),
                " and ", a.dtype());
    TAEDA_CHECK(is_expandable_to(self.sizes(), sizes), op,
                ": The expanded size of the tensor must match the product: self has shape ", self.sizes(),
                ", the product ", sizes);
    check_factors(a, beta, alpha, op);
    if (self.is_complex() && (beta.is_complex() || alpha.is_complex()))
        return ops::mul(product(a, b, sizes), wrapped_number(alpha)) + ops::mul(self, wrapped_number(beta));
    if (self.is_meta()) return empty_tensor(sizes, a.dtype(), a.device());
    if (beta.to_double() == 0) {
        Tensor out = empty_tensor(sizes, a.dtype(), a.device());
        gemm(out, a, b, 0, alpha.to_double());
        return out;
    }
    Tensor out = ops::clone(ops::expand(self, sizes), MemoryFormat::contiguous);
    gemm(out, a, b, beta.to_double(), alpha.to_double());
    return out;
}

}  // namespace

Tensor mm(const Tensor& self, const Tensor& mat2) {
    check_matrices(self, mat2, "mm");
    return product(self, mat2, Ints{self.sizes()[0], mat2.sizes()[1]});
}
Tensor bmm(const Tensor& self, const Tensor& mat2) {
    check_batches(self, mat2, "bmm");
    return product(self, mat2, Ints{self.sizes()[0], self.sizes()[1], mat2.sizes()[2]});
}
Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta, const Scalar& alpha) {
    check_matrices(mat1, mat2, "addmm");
    return accumulated(self, mat1, mat2, beta, alpha, Ints{mat1.sizes()[0], mat2.sizes()[1]}, "addmm");
}
Tensor _addmm_activation(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
                         const Scalar& alpha, bool use_gelu) {
    check_matrices(mat1, mat2, "_addmm_activation");
    bool is_bias = self.dim() == 1 && self.size(0) == mat2.size(1) && beta.equals(1) && alpha.equals(1);
    if (is_bias && is_floating(self.dtype()) && !grad_wanted(self, mat1, mat2))
        return ops::linear_activation(mat1, ops::t(mat2), self, use_gelu);
    Tensor sum = ops::addmm(self, mat1, mat2, beta, alpha);
    return use_gelu ? ops::gelu(sum, "tanh") : ops::relu(sum);
}
Tensor baddbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
               const Scalar& alpha) {
    check_batches(batch1, batch2, "baddbmm");
    return accumulated(self, batch1, batch2, beta, alpha, Ints{batch1.sizes()[0], batch1.sizes()[1], batch2.sizes()[2]},
                       "baddbmm");
}
Tensor addbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta, const Scalar& alpha) {
    check_batches(batch1, batch2, "addbmm");
    check_factors(batch1, beta, alpha, "addbmm");
    int64_t B = batch1.size(0), M = batch1.size(1), K = batch1.size(2), N = batch2.size(2);
    Tensor a = ops::reshape(ops::permute(batch1, Ints{1, 0, 2}), Ints{M, B * K});
    return ops::addmm(self, a, ops::reshape(batch2, Ints{B * K, N}), beta, alpha);
}
Tensor mv(const Tensor& self, const Tensor& vec) {
    TAEDA_CHECK(self.dim() == 2 && vec.dim() == 1, "mv: expected a matrix and a vector, got shapes ", self.sizes(),
                " and ", vec.sizes());
    TAEDA_CHECK(self.sizes()[1] == vec.sizes()[0], "mv: size mismatch, got input (", self.sizes()[0], "x",
                self.sizes()[1], "), vec (", vec.sizes()[0],
                "); the matrix needs as many columns as the vector has elements");
    check_same_dtype(self, vec, "mv");
    Tensor out = empty_tensor(Ints{self.sizes()[0]}, self.dtype(), self.device());
    if (out.is_meta()) return out;
    gemm(alias(out, Ints{out.numel(), 1}, Ints{1, 1}, 0), self,
         alias(vec, Ints{vec.numel(), 1}, Ints{vec.strides()[0], 1}, vec.offset()));
    return out;
}
Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta, const Scalar& alpha) {
    check_factors(self, beta, alpha, "addmv");
    Tensor y = ops::scaled(ops::mv(mat, vec), alpha);
    return beta.equals(0) ? ops::expand(y, broadcast_shapes(self.sizes(), y.sizes(), "addmv"))
                          : ops::scaled(self, beta) + y;
}
Tensor addr(const Tensor& self, const Tensor& vec1, const Tensor& vec2, const Scalar& beta, const Scalar& alpha) {
    TAEDA_CHECK(vec1.dim() == 1 && vec2.dim() == 1, "addr: Expected 1-D argument vec1 and vec2, but got ", vec1.dim(),
                "-D and ", vec2.dim(), "-D");
    Tensor y = ops::outer(vec1, vec2);
    if (y.dtype() == DType::bool_ && self.dtype() == DType::bool_) {
        if (alpha.equals(0)) y = ops::zeros_like(y);
        return beta.equals(0) ? y : ops::logical_or(self, y);
    }
    y = ops::scaled(y, alpha);
    return beta.equals(0) ? y : ops::scaled(self, beta) + y;
}
Tensor dot(const Tensor& self, const Tensor& other) {
    TAEDA_CHECK(self.dim() == 1 && other.dim() == 1, "dot: 1D tensors expected, but got ", self.dim(), "D and ",
                other.dim(), "D tensors; use matmul for matrices");
    TAEDA_CHECK(self.dtype() == other.dtype(), "dot: expected both vectors to have same dtype, but found ",
                dtype_long_name(self.dtype()), " and ", dtype_long_name(other.dtype()), "; convert one with .to()");
    TAEDA_CHECK(self.numel() == other.numel(),
                "dot: inconsistent tensor size, expected two vectors of as many elements, got ", self.numel(), " and ",
                other.numel());
    Tensor out = empty_tensor(Ints(), self.dtype(), self.device());
    if (out.is_meta()) return out;
    gemm(alias(out, Ints{1, 1}, Ints{1, 1}, 0),
         alias(self, Ints{1, self.numel()}, Ints{1, self.strides()[0]}, self.offset()),
         alias(other, Ints{other.numel(), 1}, Ints{other.strides()[0], 1}, other.offset()));
    if (self.numel() == 0) ops::zero_(out);
    return out;
}
Tensor vdot(const Tensor& self, const Tensor& other) { return ops::dot(ops::conj(self), other); }
Tensor outer(const Tensor& self, const Tensor& vec2) {
    TAEDA_CHECK(self.dim() == 1 && vec2.dim() == 1, "outer: Expected 1-D argument self and vec2, but got ", self.dim(),
                "-D and ", vec2.dim(), "-D");
    return ops::unsqueeze(self, 1) * vec2;
}
Tensor inner(const Tensor& self, const Tensor& other) {
    if (self.dim() == 0 || other.dim() == 0) return self * other;
    TAEDA_CHECK(self.size(-1) == other.size(-1),
                "inner(): the last dimension must match on both input tensors but got shapes ", self.sizes(), " and ",
                other.sizes());
    return ops::tensordot_dims(self, other, Ints{-1}, Ints{-1});
}

// -- matmul -----------------------------------------------------------------------------------------------------------

namespace {

std::string by_x(Ints sizes) {
    std::string text;
    for (int64_t s : sizes) text += (text.empty() ? "" : "x") + std::to_string(s);
    return text;
}

// In the name of matmul, so that what it calls need not.
void check_operands(const Tensor& self, const Tensor& other) {
    int64_t m = self.dim(), n = other.dim();
    TAEDA_CHECK(m > 0 && n > 0, "both arguments to matmul need to be at least 1D, but they are ", m, "D and ", n,
                "D; use * for numbers");
    check_same_dtype(self, other, "matmul");
    TAEDA_CHECK(self.size(-1) == other.size(n > 1 ? -2 : -1), "matmul: mat1 and mat2 shapes cannot be multiplied (",
                by_x(self.sizes()), " and ", by_x(other.sizes()), "); the last dim of the first, ", self.size(-1),
                ", must equal ", n > 1 ? "dim -2 of the second, " : "the length of the second, ",
                other.size(n > 1 ? -2 : -1), n > 1 ? "; .mT transposes matrices" : "");
}

// A batch of matrices times one matrix is one product of tall matrices.
Tensor folded(const Tensor& a, const Tensor& b) {
    Dims sizes(a.sizes());
    sizes.back() = b.sizes()[1];
    return ops::reshape(ops::mm(ops::reshape(a, Ints{-1, a.size(-1)}), b), sizes);
}

Tensor batched(const Tensor& self, const Tensor& other) {
    Ints a = self.sizes(), b = other.sizes();
    Dims batch = broadcast_shapes(a.slice(0, a.size() - 2), b.slice(0, b.size() - 2), "batch dimensions in matmul");
    auto spread = [&](const Tensor& t) {
        Dims full(batch);
        full.push_back(t.size(-2));
        full.push_back(t.size(-1));
        return ops::reshape(ops::expand(t, full), Ints{taeda::product(batch), t.size(-2), t.size(-1)});
    };
    Dims sizes(batch);
    sizes.push_back(self.size(-2));
    sizes.push_back(other.size(-1));
    return ops::reshape(ops::bmm(spread(self), spread(other)), sizes);
}

}  // namespace

Tensor matmul(const Tensor& self, const Tensor& other) {
    int64_t m = self.dim(), n = other.dim();
    check_operands(self, other);
    if (m == 2 && n == 2) return ops::mm(self, other);
    if (m == 1 && n == 1) return ops::dot(self, other);
    if (m == 2 && n == 1) return ops::mv(self, other);
    if (m == 1 && n == 2) return ops::squeeze(ops::mm(ops::unsqueeze(self, 0), other), 0);
    if (m == 1) return ops::squeeze(ops::matmul(ops::unsqueeze(self, 0), other), -2);
    if (n == 1) return ops::squeeze(ops::matmul(self, ops::unsqueeze(other, 1)), -1);
    if (n == 2 && self.numel() > 0) return folded(self, other);
    return batched(self, other);
}
Tensor __rmatmul__(const Tensor& self, const Tensor& other) { return ops::matmul(other, self); }

// -- linear -----------------------------------------------------------------------------------------------------------

namespace {

// activation(input @ weight.T + bias) for a weight of two dimensions; bias may be undefined.
Tensor affine(const Tensor& input, const Tensor& weight, const Tensor& bias, Activation activation) {
    int64_t K = input.size(-1), N = weight.sizes()[0],
            rows = K ? input.numel() / K : taeda::product(input.sizes().slice(0, input.sizes().size() - 1));
    TAEDA_CHECK(K == weight.sizes()[1], "linear: mat1 and mat2 shapes cannot be multiplied (", rows, "x", K, " and ",
                weight.sizes()[1], "x", N, "): the last dim of the input ", input.sizes(),
                " must equal in_features of the weight ", weight.sizes());
    check_same_dtype(input, weight, "linear");
    if (bias.defined()) {
        check_same_dtype(input, bias, "linear");
        TAEDA_CHECK(bias.numel() == N || bias.numel() == 1, "linear: expected bias of shape (", N, "), got ",
                    bias.sizes());
    }
    Dims sizes(input.sizes());
    sizes.back() = N;
    Tensor out = empty_tensor(sizes, input.dtype(), input.device());
    if (out.is_meta()) return out;
    Tensor x = input.dim() == 2 ? input : ops::reshape(input, Ints{rows, K});
    Tensor y = input.dim() == 2 ? out : alias(out, Ints{rows, N}, Ints{N, 1}, 0);
    Tensor b = bias.defined() && bias.numel() != N ? ops::expand(ops::reshape(bias, Ints{1}), Ints{N}) : bias;
    if (taeda::linear(y, x, weight, b.defined() ? ops::contiguous(b) : b, activation)) return out;
    return activation == Activation::relu ? ops::relu_(out) : ops::gelu(out, "tanh");
}

}  // namespace

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
    TAEDA_CHECK(weight.dim() == 2 || weight.dim() == 1,
                "linear: expected weight of shape (out_features, in_features), got ", weight.sizes());
    TAEDA_CHECK(input.dim() >= 1, "linear: expected input of at least 1 dim, got shape ", input.sizes());
    if (weight.dim() == 1) {
        TAEDA_CHECK(!bias.defined() || bias.dim() == 0, "linear: a weight vector takes a 0-dim bias, got ",
                    bias.sizes());
        Tensor y = ops::matmul(input, weight);
        return bias.defined() ? y + bias : y;
    }
    return affine(input, weight, bias, Activation::none);
}
Tensor linear_activation(const Tensor& input, const Tensor& weight, const Tensor& bias, bool use_gelu) {
    return affine(input, weight, bias, use_gelu ? Activation::gelu_tanh : Activation::relu);
}
Tensor linear_grad_input(const Tensor& grad, const Tensor& weight) {
    if (weight.dim() == 1) return ops::unsqueeze(grad, -1) * ops::conj(weight);
    return ops::matmul(grad, ops::conj(weight));
}
Tensor linear_grad_weight(const Tensor& grad, const Tensor& input) {
    if (grad.dim() == input.dim() - 1)
        return ops::sum_to_size(ops::unsqueeze(grad, -1) * ops::conj(input), Ints{input.size(-1)});
    Tensor g = grad.dim() == 2 ? grad : ops::reshape(grad, Ints{-1, grad.size(-1)});
    Tensor x = input.dim() == 2 ? input : ops::reshape(input, Ints{-1, input.size(-1)});
    return ops::mm(ops::t(g), ops::conj(x));
}
Tensor linear_grad_bias(const Tensor& grad) {
    if (grad.dim() <= 1) return grad;
    return ops::sum(ops::reshape(grad, Ints{-1, grad.size(-1)}), Ints{0}, false);
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias) {
    TAEDA_CHECK(input1.dim() == input2.dim(), "bilinear(): input dimensions do not match: got ", input1.dim(), " and ",
                input2.dim());
    TAEDA_CHECK(weight.dim() == 3 && input1.size(-1) == weight.size(1) && input2.size(-1) == weight.size(2),
                "bilinear(): input sizes ", input1.sizes(), ", ", input2.sizes(), " do not match weight size ",
                weight.sizes());
    int64_t rows = input1.numel() / std::max<int64_t>(input1.size(-1), 1);
    Tensor x1 = ops::reshape(input1, Ints{rows, input1.size(-1)}),
           x2 = ops::reshape(input2, Ints{rows, input2.size(-1)});
    Tensor w = ops::reshape(ops::permute(weight, Ints{1, 0, 2}), Ints{weight.size(1), -1});  // (in1, out * in2)
    Tensor inner = ops::reshape(ops::mm(x1, w), Ints{rows, weight.size(0), weight.size(2)});
    Tensor y = ops::squeeze(ops::bmm(inner, ops::unsqueeze(x2, 2)), -1);
    Dims sizes(input1.sizes());
    sizes.back() = weight.size(0);
    y = ops::reshape(y, sizes);
    return bias.defined() ? y + bias : y;
}

Tensor kron(const Tensor& self, const Tensor& other) {
    int64_t n = std::max(self.dim(), other.dim());
    Dims a, b, sizes;
    for (int64_t d = 0; d < n; ++d) {
        int64_t x = d < n - self.dim() ? 1 : self.sizes()[size_t(d - (n - self.dim()))];
        int64_t y = d < n - other.dim() ? 1 : other.sizes()[size_t(d - (n - other.dim()))];
        a.push_back(x);
        a.push_back(1);
        b.push_back(1);
        b.push_back(y);
        sizes.push_back(x * y);
    }
    return ops::reshape(ops::reshape(self, a) * ops::reshape(other, b), sizes);
}

Tensor linalg_matrix_power(const Tensor& self, int64_t n) {
    TAEDA_CHECK(self.dim() >= 2 && self.size(-1) == self.size(-2),
                "linalg.matrix_power: A must be batches of square matrices, got shape ", self.sizes());
    TAEDA_CHECK(n >= 0, "linalg.matrix_power: negative powers need an inverse; got n = ", n,
                ", invert the matrix first");
    if (n == 0)  // written over a copy, so that the result has a gradient: zero
        return ops::copy_(ops::clone(self), ops::eye(self.size(-1), std::nullopt, self.dtype(), self.device()));
    Tensor result, square = self;
    for (; n > 0; n /= 2) {
        if (n % 2) result = result.defined() ? ops::matmul(result, square) : square;
        if (n > 1) square = ops::matmul(square, square);
    }
    return result.is_same(self) ? ops::clone(self) : result;
}

Tensor linalg_cross(const Tensor& self, const Tensor& other, int64_t dim) {
    Tensors both = ops::broadcast_tensors(std::array{self, other});
    TAEDA_CHECK(self.dim() == other.dim(), "linalg.cross: inputs must have the same number of dimensions, got ",
                self.sizes(), " and ", other.sizes());
    TAEDA_CHECK(self.size(dim) == 3 && other.size(dim) == 3, "linalg.cross: inputs dimension ", dim,
                " must have length 3. Got ", self.size(dim), " and ", other.size(dim));
    auto turned = [&](const Tensor& t, int64_t by) {
        Tensors p = ops::unbind(t, dim);
        return ops::stack(std::array{p[size_t(by % 3)], p[size_t((by + 1) % 3)], p[size_t((by + 2) % 3)]}, dim);
    };
    return turned(both[0], 1) * turned(both[1], 2) - turned(both[0], 2) * turned(both[1], 1);
}
Tensor cross(const Tensor& self, const Tensor& other, std::optional<int64_t> dim) {
    if (dim) return ops::linalg_cross(self, other, *dim);
    for (int64_t d = 0; d < self.dim(); ++d)
        if (self.sizes()[size_t(d)] == 3) return ops::linalg_cross(self, other, d);
    raise("no dimension of size 3 in input of shape ", self.sizes());
}

Tensor tensordot_dims(const Tensor& self, const Tensor& other, Ints dims_self, Ints dims_other) {
    TAEDA_CHECK(dims_self.size() == dims_other.size(), "tensordot: both dimension lists should have same length, got ",
                dims_self, " and ", dims_other);
    Dims a = dims_self.empty() ? Dims() : wrap_dims(dims_self, self.dim()),
         b = dims_other.empty() ? Dims() : wrap_dims(dims_other, other.dim());
    Tensor x = self, y = other;
    for (size_t i = 0; i < a.size(); ++i) {
        int64_t s = self.size(a[i]), t = other.size(b[i]);
        TAEDA_CHECK(s == t || s == 1 || t == 1, "tensordot: contracted dimensions need to match, but first has size ",
                    s, " in dim ", a[i], " and second has size ", t, " in dim ", b[i]);
        if (s == 1 && t != 1) y = ops::sum(y, Ints{b[i]}, true);
        if (t == 1 && s != 1) x = ops::sum(x, Ints{a[i]}, true);
    }
    auto kept = [](const Tensor& t, const Dims& dims) {
        Dims rest;
        for (int64_t d = 0; d < t.dim(); ++d)
            if (std::find(dims.begin(), dims.end(), d) == dims.end()) rest.push_back(d);
        return rest;
    };
    Dims rest_x = kept(x, a), rest_y = kept(y, b), order_x(rest_x), order_y(b), sizes;
    int64_t inner = 1, rows = 1, columns = 1;
    for (int64_t d : a) {
        order_x.push_back(d);
        inner *= x.size(d);
    }
    for (int64_t d : rest_y) order_y.push_back(d);
    for (int64_t d : rest_x) {
        sizes.push_back(x.size(d));
        rows *= x.size(d);
    }
    for (int64_t d : rest_y) {
        sizes.push_back(y.size(d));
        columns *= y.size(d);
    }
    Tensor flat_x = ops::reshape(ops::permute(x, order_x), Ints{rows, inner});
    return ops::reshape(ops::mm(flat_x, ops::reshape(ops::permute(y, order_y), Ints{inner, columns})), sizes);
}

}  // namespace taeda::native
