// Stands in for cuDNN where there is no GPU, so that cudnn.cpp runs in tests: the documented meaning of every call by plain
// loops, and a status where a call does not agree with another.
#include "kernels/cuda/cudnn_api.h"

#include <algorithm>
#include <array>
#include <vector>

#include "kernels/cuda/emulated/arena.h"
#include "tensor/dtype.h"

namespace taeda::cuda::cudnn {

using Three = std::array<int, 3>;

struct HandleStruct {
    bool has_stream = false;
};
struct TensorDescriptorStruct {
    DataType type;
    std::vector<int> sizes, strides;
};
struct FilterDescriptorStruct {
    DataType type;
    std::vector<int> sizes;
};
struct ConvDescriptorStruct {
    std::vector<int> padding, stride, dilation;
    int groups = 1;
    MathType math = DEFAULT_MATH, asked = DEFAULT_MATH;  // `asked`: when algorithms were
};

namespace {

constexpr Status kFine = 0, kWrong = 2000, kUnsupported = 3000;
constexpr size_t kWorkspace = 256;
// As the real library's: one that adds up in any order is recommended first, and here its result is of no use.
constexpr Algorithm kAnyOrder = 0, kInOrder = 1;

// The sizes of spatial dimensions, as three.
Three three(const std::vector<int>& values, size_t skipped, int fill) {
    Three result{fill, fill, fill};
    std::copy(values.begin() + long(skipped), values.end(), result.end() - long(values.size() - skipped));
    return result;
}

bool shapes_agree(const TensorDescriptorStruct& x, const FilterDescriptorStruct& w, const ConvDescriptorStruct& g,
                  const TensorDescriptorStruct& out) {
    const size_t spatial = g.padding.size();
    if (x.sizes.size() != spatial + 2 || w.sizes.size() != spatial + 2 || out.sizes.size() != spatial + 2) return false;
    if (x.type != w.type || x.type != out.type || x.sizes[0] != out.sizes[0] || w.sizes[0] != out.sizes[1])
        return false;
    if (x.sizes[1] != w.sizes[1] * g.groups || w.sizes[0] % g.groups) return false;
    for (size_t d = 0; d < spatial; ++d) {
        const int reach = (w.sizes[d + 2] - 1) * g.dilation[d] + 1;
        if (out.sizes[d + 2] != 1 + (x.sizes[d + 2] + 2 * g.padding[d] - reach) / g.stride[d]) return false;
    }
    return true;
}

template <class F> void each_place(const Three& size, F&& f) {
    for (int i = 0; i < size[0]; ++i)
        for (int j = 0; j < size[1]; ++j)
            for (int k = 0; k < size[2]; ++k) f(Three{i, j, k});
}
int64_t offset(int64_t outer, const Three& at, const Three& size) {
    return ((outer * size[0] + at[0]) * size[1] + at[1]) * size[2] + at[2];
}

// f(x element, w element, out element) for every product.
template <class F> void each_product(const TensorDescriptorStruct& x, const FilterDescriptorStruct& w,
                                     const ConvDescriptorStruct& g, const TensorDescriptorStruct& out, F&& f) {
    const Three in = three(x.sizes, 2, 1), kernel = three(w.sizes, 2, 1), to = three(out.sizes, 2, 1);
    const Three pad = three(g.padding, 0, 0), stride = three(g.stride, 0, 1), dilation = three(g.dilation, 0, 1);
    const int C = x.sizes[1], K = w.sizes[0], per_group = w.sizes[1];
    for (int n = 0; n < x.sizes[0]; ++n)
        for (int k = 0; k < K; ++k)
            for (int c = 0; c < per_group; ++c)
                each_place(to, [&](const Three& o) {
                    each_place(kernel, [&](const Three& tap) {
                        Three i;
                        for (size_t d = 0; d < 3; ++d) i[d] = o[d] * stride[d] - pad[d] + tap[d] * dilation[d];
                        for (size_t d = 0; d < 3; ++d)
                            if (i[d] < 0 || i[d] >= in[d]) return;
                        f(offset(n * C + k / (K / g.groups) * per_group + c, i, in),
                          offset(k * per_group + c, tap, kernel), offset(n * K + k, o, to));
                    });
                });
}

int64_t count(const std::vector<int>& sizes) {
    int64_t total = 1;
    for (int s : sizes) total *= s;
    return total;
}

enum Role { X, W, OUT };

template <class S> void convolve(Role written, void* const (&data)[3], const TensorDescriptorStruct& x,
                                 const FilterDescriptorStruct& w, const ConvDescriptorStruct& g,
                                 const TensorDescriptorStruct& out) {
    const int64_t numbers = count(written == X ? x.sizes : written == W ? w.sizes : out.sizes);
    std::vector<double> sums(static_cast<size_t>(numbers));
    each_product(x, w, g, out, [&](int64_t ix, int64_t iw, int64_t io) {
        const int64_t at[3] = {ix, iw, io};
        double product = 1;
        for (int role = X; role <= OUT; ++role)
            if (role != written) product *= double(float(static_cast<const S*>(data[role])[at[role]]));
        sums[size_t(at[written])] += product;
    });
    for (size_t i = 0; i < sums.size(); ++i) static_cast<S*>(data[written])[i] = S(float(sums[i]));
}

struct Call {
    Role written;
    void* data[3];  // X, W, OUT
    Handle handle;
    const void *alpha, *beta;
    Algorithm algorithm;
    void* workspace;
    size_t bytes;
};

Status run(const Call& c, const TensorDescriptorStruct& x, const FilterDescriptorStruct& w,
           const ConvDescriptorStruct& g, const TensorDescriptorStruct& out) {
    const bool factors = *static_cast<const float*>(c.alpha) == 1 && *static_cast<const float*>(c.beta) == 0;
    if (!c.handle->has_stream || !factors || !shapes_agree(x, w, g, out)) return kWrong;
    if (c.algorithm != kInOrder || !c.workspace || c.bytes < kWorkspace) return kWrong;
    // float32 that is not to be rounded stays so, and 16-bit floats go through tensor cores.
    if (g.asked == FMA_MATH && g.math != FMA_MATH) return kWrong;
    emulated::DeviceAccess access;
    switch (x.type) {
        case FLOAT: convolve<float>(c.written, c.data, x, w, g, out); return kFine;
        case HALF: convolve<Half>(c.written, c.data, x, w, g, out); return kFine;
        case BFLOAT16: convolve<BFloat16>(c.written, c.data, x, w, g, out); return kFine;
    }
    return kUnsupported;
}

Status recommend(Handle handle, const TensorDescriptorStruct& x, const FilterDescriptorStruct& w,
                 ConvDescriptorStruct& g, const TensorDescriptorStruct& out, int wanted, int* found,
                 Performance* list) {
    if (!handle->has_stream || wanted < 2 || !shapes_agree(x, w, g, out)) return kWrong;
    if (x.type != FLOAT && g.math != TENSOR_OP_MATH) return kWrong;
    g.asked = g.math;
    list[0] = {kAnyOrder, kFine, 1, 0, NON_DETERMINISTIC, DEFAULT_MATH, {}};
    list[1] = {kInOrder, kFine, 2, kWorkspace, DETERMINISTIC, DEFAULT_MATH, {}};
    *found = 2;
    return kFine;
}

void* unconst(const void* data) { return const_cast<void*>(data); }

}  // namespace

extern "C" {

Status cudnnCreate(Handle* handle) {
    *handle = new HandleStruct;
    return kFine;
}
Status cudnnSetStream(Handle handle, CUstream_st*) {
    handle->has_stream = true;
    return kFine;
}
const char* cudnnGetErrorString(Status) { return "calls that do not agree"; }
Status cudnnCreateTensorDescriptor(TensorDescriptor* t) {
    *t = new TensorDescriptorStruct;
    return kFine;
}
Status cudnnDestroyTensorDescriptor(TensorDescriptor t) {
    delete t;
    return kFine;
}
Status cudnnSetTensorNdDescriptor(TensorDescriptor t, DataType type, int dims, const int* sizes, const int* strides) {
    if (dims < 4 || dims > 5) return kUnsupported;
    *t = {type, {sizes, sizes + dims}, {strides, strides + dims}};
    int64_t expected = 1;
    for (int d = dims; d-- > 0; expected *= sizes[d])
        if (sizes[d] < 1 || strides[d] != expected) return kWrong;
    return kFine;
}
Status cudnnCreateFilterDescriptor(FilterDescriptor* w) {
    *w = new FilterDescriptorStruct;
    return kFine;
}
Status cudnnDestroyFilterDescriptor(FilterDescriptor w) {
    delete w;
    return kFine;
}
Status cudnnSetFilterNdDescriptor(FilterDescriptor w, DataType type, Format format, int dims, const int* sizes) {
    if (format != NCHW || dims < 4 || dims > 5) return kUnsupported;
    *w = {type, {sizes, sizes + dims}};
    return kFine;
}
Status cudnnCreateConvolutionDescriptor(ConvDescriptor* g) {
    *g = new ConvDescriptorStruct;
    return kFine;
}
Status cudnnDestroyConvolutionDescriptor(ConvDescriptor g) {
    delete g;
    return kFine;
}
Status cudnnSetConvolutionNdDescriptor(ConvDescriptor g, int dims, const int* padding, const int* stride,
                                       const int* dilation, ConvMode mode, DataType compute) {
    if (mode != CROSS_CORRELATION || compute != FLOAT || dims < 2 || dims > 3) return kUnsupported;
    *g = {{padding, padding + dims}, {stride, stride + dims}, {dilation, dilation + dims}};
    return kFine;
}
Status cudnnSetConvolutionGroupCount(ConvDescriptor g, int groups) {
    g->groups = groups;
    return kFine;
}
Status cudnnSetConvolutionMathType(ConvDescriptor g, MathType math) {
    g->math = math;
    return kFine;
}
Status cudnnGetConvolutionForwardAlgorithm_v7(Handle handle, TensorDescriptor x, FilterDescriptor w, ConvDescriptor g,
                                              TensorDescriptor out, int wanted, int* found, Performance* list) {
    return recommend(handle, *x, *w, *g, *out, wanted, found, list);
}
Status cudnnGetConvolutionBackwardDataAlgorithm_v7(Handle handle, FilterDescriptor w, TensorDescriptor out,
                                                   ConvDescriptor g, TensorDescriptor x, int wanted, int* found,
                                                   Performance* list) {
    return recommend(handle, *x, *w, *g, *out, wanted, found, list);
}
Status cudnnGetConvolutionBackwardFilterAlgorithm_v7(Handle handle, TensorDescriptor x, TensorDescriptor out,
                                                     ConvDescriptor g, FilterDescriptor w, int wanted, int* found,
                                                     Performance* list) {
    return recommend(handle, *x, *w, *g, *out, wanted, found, list);
}
Status cudnnConvolutionForward(Handle handle, const void* alpha, TensorDescriptor xd, const void* x,
                               FilterDescriptor wd, const void* w, ConvDescriptor g, Algorithm algorithm,
                               void* workspace, size_t bytes, const void* beta, TensorDescriptor od, void* out) {
    return run({OUT, {unconst(x), unconst(w), out}, handle, alpha, beta, algorithm, workspace, bytes}, *xd, *wd, *g,
               *od);
}
Status cudnnConvolutionBackwardData(Handle handle, const void* alpha, FilterDescriptor wd, const void* w,
                                    TensorDescriptor od, const void* out, ConvDescriptor g, Algorithm algorithm,
                                    void* workspace, size_t bytes, const void* beta, TensorDescriptor xd, void* x) {
    return run({X, {x, unconst(w), unconst(out)}, handle, alpha, beta, algorithm, workspace, bytes}, *xd, *wd, *g, *od);
}
Status cudnnConvolutionBackwardFilter(Handle handle, const void* alpha, TensorDescriptor xd, const void* x,
                                      TensorDescriptor od, const void* out, ConvDescriptor g, Algorithm algorithm,
                                      void* workspace, size_t bytes, const void* beta, FilterDescriptor wd, void* w) {
    return run({W, {unconst(x), w, unconst(out)}, handle, alpha, beta, algorithm, workspace, bytes}, *xd, *wd, *g, *od);
}

}  // extern "C"

}  // namespace taeda::cuda::cudnn
