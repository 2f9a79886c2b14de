// Convolutions of the emulated device: plain loops over every product.
#include "kernels/cuda/conv_library.h"

#include <array>
#include <vector>

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

using Three = std::array<int64_t, 3>;

// The last `n` numbers behind as many `fill` as three need.
Three three(Ints values, size_t n, int64_t fill) {
    Three result{fill, fill, fill};
    for (size_t d = 0; d < n; ++d) result[3 - n + d] = values[values.size() - n + d];
    return result;
}

struct Shape {
    int64_t N, C, K, groups;
    Three in, out, kernel, stride, padding, dilation;
    explicit Shape(const ConvCall& c) {
        size_t n = c.geometry.stride.size();
        N = c.x.size(0), C = c.x.size(1), K = c.out.size(1), groups = c.geometry.groups;
        in = three(c.x.sizes(), n, 1), out = three(c.out.sizes(), n, 1), kernel = three(c.w.sizes(), n, 1);
        stride = three(c.geometry.stride, n, 1), padding = three(c.geometry.padding, n, 0);
        dilation = three(c.geometry.dilation, n, 1);
    }
};

int64_t offset(int64_t outer, const Three& at, const Three& size) {
    return ((outer * size[0] + at[0]) * size[1] + at[1]) * size[2] + at[2];
}

// f(place) for all places of a box.
template <class F> void each_place(const Three& size, F&& f) {
    for (int64_t d = 0; d < size[0]; ++d)
        for (int64_t h = 0; h < size[1]; ++h)
            for (int64_t w = 0; w < size[2]; ++w) f(Three{d, h, w});
}

// f(x element, w element, out element) for every product of the convolution.
template <class F> void each_product(const Shape& s, F&& f) {
    int64_t in_group = s.C / s.groups, out_group = s.K / s.groups;
    for (int64_t n = 0; n < s.N; ++n)
        for (int64_t k = 0; k < s.K; ++k)
            for (int64_t c = 0; c < in_group; ++c)
                each_place(s.out, [&](const Three& o) {
                    each_place(s.kernel, [&](const Three& tap) {
                        Three i;
                        for (size_t d = 0; d < 3; ++d) {
                            i[d] = o[d] * s.stride[d] - s.padding[d] + tap[d] * s.dilation[d];
                            if (i[d] < 0 || i[d] >= s.in[d]) return;
                        }
                        f(offset(n * s.C + k / out_group * in_group + c, i, s.in),
                          offset(k * in_group + c, tap, s.kernel), offset(n * s.K + k, o, s.out));
                    });
                });
}

template <class S> void convolve(const ConvCall& call) {
    Shape shape(call);
    ConvPass pass = call.pass;
    const Tensor& written = pass == ConvPass::forward ? call.out : pass == ConvPass::input_grad ? call.x : call.w;
    S *x = call.x.data<S>(), *w = call.w.data<S>(), *out = call.out.data<S>(), *to = written.data<S>();
    size_t elements = size_t(written.numel());
    emulated::submit(current_stream(written.device().index), [=] {
        std::vector<float> sums(elements);
        each_product(shape, [&](int64_t ix, int64_t iw, int64_t io) {
            switch (pass) {
                case ConvPass::forward: sums[size_t(io)] += float(x[ix]) * float(w[iw]); break;
                case ConvPass::input_grad: sums[size_t(ix)] += float(out[io]) * float(w[iw]); break;
                case ConvPass::weight_grad: sums[size_t(iw)] += float(x[ix]) * float(out[io]); break;
            }
        });
        for (size_t i = 0; i < elements; ++i) to[i] = S(sums[i]);
    });
}

}  // namespace

void library_conv(const ConvCall& call) {
    visit_floating(call.out.dtype(), "convolution", [&]<class S>() { convolve<S>(call); });
}

}  // namespace taeda::cuda
