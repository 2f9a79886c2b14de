// gemm and linear through oneDNN's matmul.
#include "kernels/matmul.h"
#include "kernels/onednn/product.h"
#include "kernels/onednn/program.h"

namespace taeda::onednn {
namespace {

// With a transposed left operand and this much K, oneDNN splits K by the number of threads: then the split is
// ours.
constexpr int64_t kSplitK = 1984, kSplitBelow = int64_t(1) << 21;

// The tensor's layout with what oneDNN wants: size-1 dimensions get the stride a dense tensor has, expanded
// batches size 1.
Desc layout_of(const Tensor& t) {
    Dims sizes = t.sizes(), strides = t.strides();
    size_t n = sizes.size(), row = n - 2, column = n - 1;
    int64_t rows = sizes[row], columns = sizes[column];
    if (columns == 1) strides[column] = strides[row] == 1 ? rows : 1;
    if (rows == 1) strides[row] = strides[column] == 1 ? columns : 1;
    if (n == 3 && strides[0] == 0) sizes[0] = 1;
    if (n == 3 && sizes[0] == 1) strides[0] = rows * columns;
    return describe(sizes, strides, t.dtype());
}

bool by_columns(const Tensor& t) { return t.stride(-1) != 1 && t.size(-1) > 1 && t.size(-2) > 1; }

bool needs_float32(DType dtype) {
    static const bool has_bfloat16 =
        (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
    return dtype == DType::float16 || (dtype == DType::bfloat16 && !has_bfloat16);
}

void convert(const Tensor& to, const Tensor& from) {
    thread_local Cache<Program> cache;
    Key key{0};
    key.add(to).add(from);
    cache.get(key, [&] { return reorder_program(describe(from), describe(to)); }).run({from.raw(), to.raw()});
}

Tensor to_float32(const Tensor& t) {
    Tensor result = empty_tensor(t.sizes(), DType::float32);
    convert(result, t);
    return result;
}

Program make_product(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta, double alpha,
                     Activation activation) {
    dnnl::primitive_attr attr = attributes();
    dnnl::post_ops after;
    if (alpha != 1) after.append_eltwise(dnnl::algorithm::eltwise_linear, float(alpha), 0.0f);
    if (beta != 0) after.append_sum(float(beta));
    if (activation == Activation::gelu_tanh) after.append_eltwise(dnnl::algorithm::eltwise_gelu_tanh, 0.0f, 0.0f);
    attr.set_post_ops(after);
    Desc a_desc = layout_of(a), b_desc = layout_of(b), out_desc = layout_of(out);
    std::vector<std::pair<int, Desc>> arguments = {
        {DNNL_ARG_SRC, a_desc}, {DNNL_ARG_WEIGHTS, b_desc}, {DNNL_ARG_DST, out_desc}};
    if (!bias.defined()) {
        dnnl::matmul::primitive_desc desc(engine(), a_desc, b_desc, out_desc, attr);
        return Program(desc, dnnl::matmul(desc), arguments);
    }
    Desc bias_desc = describe({1, bias.size(0)}, {bias.size(0), 1}, bias.dtype());
    arguments.emplace_back(DNNL_ARG_BIAS, bias_desc);
    dnnl::matmul::primitive_desc desc(engine(), a_desc, b_desc, bias_desc, out_desc, attr);
    return Program(desc, dnnl::matmul(desc), arguments);
}

void product(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta, double alpha,
             Activation activation) {
    thread_local Cache<Program> cache;
    Key key{int64_t(out.dtype()), int64_t(a.dtype()), bias.defined(), int64_t(activation)};
    key.add(beta).add(alpha).add(out.sizes()).add(out.strides()).add(a.size(-1)).add(a.strides()).add(b.strides());
    const Program& program = cache.get(key, [&] { return make_product(out, a, b, bias, beta, alpha, activation); });
    if (bias.defined()) program.run({a.raw(), b.raw(), out.raw(), bias.raw()});
    else program.run({a.raw(), b.raw(), out.raw()});
}

// The same sum by fixed pieces of K, one after the other.
void split_product(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta, double alpha,
                   Activation activation) {
    int64_t K = a.size(-1);
    for (int64_t k = 0; k < K; k += kSplitK) {
        int64_t length = std::min(kSplitK, K - k);
        Dims a_sizes = a.sizes(), b_sizes = b.sizes();
        a_sizes.back() = b_sizes[b_sizes.size() - 2] = length;
        Tensor a_part = alias(a, a_sizes, a.strides(), a.offset() + k * a.stride(-1));
        Tensor b_part = alias(b, b_sizes, b.strides(), b.offset() + k * b.stride(-2));
        product(out, a_part, b_part, k ? Tensor() : bias, k ? 1.0 : beta, alpha,
                k + length == K ? activation : Activation::none);
    }
}

bool splits(const Tensor& out, const Tensor& a) {
    return a.size(-1) > kSplitK && by_columns(a) && out.size(-1) * out.size(-2) < kSplitBelow;
}

void run(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta, double alpha,
         Activation activation) {
    bool split = splits(out, a);
    if (out.dtype() == DType::float32 || (!split && !needs_float32(out.dtype()))) {
        (split ? split_product : product)(out, a, b, bias, beta, alpha, activation);
        return;
    }
    Tensor sum = beta != 0 ? to_float32(out) : empty_tensor(out.sizes(), DType::float32);
    Tensor wide_bias = bias.defined() ? to_float32(bias) : bias;
    if (needs_float32(a.dtype())) run(sum, to_float32(a), to_float32(b), wide_bias, beta, alpha, activation);
    else split_product(sum, a, b, wide_bias, beta, alpha, activation);
    convert(out, sum);
}

void linear_onednn(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias, Activation activation) {
    Tensor transposed = alias(w, {w.size(1), w.size(0)}, {w.stride(1), w.stride(0)}, w.offset());
    run(out, x, transposed, bias, 0, 1, activation);
}

}  // namespace

void multiply(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    run(out, a, b, Tensor(), beta, alpha, Activation::none);
}

void multiply_wide(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    if (needs_float32(a.dtype())) run(out, to_float32(a), to_float32(b), Tensor(), beta, alpha, Activation::none);
    else (splits(out, a) ? split_product : product)(out, a, b, Tensor(), beta, alpha, Activation::none);
}

}  // namespace taeda::onednn

namespace taeda {
TAEDA_REGISTER(cpu, gemm, onednn::multiply)
TAEDA_REGISTER(cpu, linear, onednn::linear_onednn)
}  // namespace taeda
