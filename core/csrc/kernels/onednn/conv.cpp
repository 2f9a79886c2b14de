// Convolution forward and its input gradient.
#include "kernels/cpu/parallel.h"
#include "kernels/onednn/conv_plan.h"
#include "kernels/onednn/conv_pointwise.h"

namespace taeda::onednn {
namespace {

constexpr int64_t kPieces = 16;           // of a batch that is split by us
constexpr int64_t kManyPositions = 2048;  // of all samples of an output

Cache<ConvPlan>& cache() {
    thread_local Cache<ConvPlan> plans;
    return plans;
}

// These implementations order their sums by the number of threads, unless that is one.
bool depends_on_threads(const ConvPlan& plan) {
    const std::string& name = plan.implementation;
    return name.find("gemm:") != name.npos || name.find("brgconv_strided") != name.npos ||
           name.find("brg_fwd") != name.npos;
}

ConvPlan make(ConvPass pass, const ConvShapes& shapes) {
    return pass == ConvPass::forward ? plan_conv(shapes) : plan_input_grad(shapes);
}

// What is read and written, in the layouts of the tensors.
struct Data {
    ConvPass pass;
    char *x, *out;
    void *w, *bias;
};

void run(const ConvPlan& plan, const Data& data, void* w) {
    Workspace x(plan.x.bytes()), out(plan.out.bytes()), bias(plan.bias.bytes());
    void* pb = bias.data() ? bias.data() : data.bias;
    void* px = x.data() ? x.data() : data.x;
    void* po = out.data() ? out.data() : data.out;
    if (data.pass == ConvPass::forward) {
        if (x.data()) plan.x.reorder.run({data.x, px});
        if (bias.data()) plan.bias.reorder.run({data.bias, pb});
        if (pb) plan.program.run({px, w, po, pb});
        else plan.program.run({px, w, po});
        if (out.data()) plan.out.reorder.run({po, data.out});
    } else {
        if (out.data()) plan.out.reorder.run({data.out, po});
        plan.program.run({po, w, px});
        if (x.data()) plan.x.reorder.run({px, data.x});
    }
}

void run_whole(const ConvPlan& plan, const Data& data) {
    Workspace w(plan.w.bytes());
    if (w.data()) plan.w.reorder.run({data.w, w.data()});
    run(plan, data, w.data() ? w.data() : data.w);
}

// The batch in pieces that depend on the shapes only, each on one thread.
void run_pieces(const ConvShapes& shapes, const Key& key, const Data& data, int64_t batch, int64_t x_bytes,
                int64_t out_bytes) {
    int64_t size = (batch + kPieces - 1) / kPieces;
    auto plan_of = [&](int64_t samples, const Desc& w_layout) -> const ConvPlan& {
        Key own = key;
        return cache().get(own.add(samples), [&] {
            ConvShapes s = shapes;
            s.x = piece(s.x, samples), s.out = piece(s.out, samples), s.any_w = w_layout;
            return make(data.pass, s);
        });
    };
    SingleThread guard;
    const ConvPlan first = plan_of(size, shapes.any_w);
    Workspace w(first.w.bytes());
    if (w.data()) first.w.reorder.run({data.w, w.data()});
    void* pw = w.data() ? w.data() : data.w;
    cpu::parallel_for(0, (batch + size - 1) / size, 1, [&](int64_t from, int64_t to) {
        SingleThread in_loop;
        for (int64_t at = from; at < to; ++at) {
            int64_t start = at * size, samples = std::min(size, batch - start);
            Data part = data;
            part.x += start * x_bytes, part.out += start * out_bytes;
            run(plan_of(samples, first.w.layout), part, pw);
        }
    });
}

void convolve(ConvPass pass, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& out,
              const ConvGeometry& g) {
    Data data{pass, x.data<char>(), out.data<char>(), w.raw(), bias.defined() ? bias.raw() : nullptr};
    Key key = conv_key(pass, x, w, bias.defined(), out, g);
    const ConvPlan& plan = cache().get(key, [&] { return make(pass, conv_shapes(x, w, bias, out, g)); });
    if (!depends_on_threads(plan)) return run_whole(plan, data);
    int64_t batch = x.size(0);
    run_pieces(conv_shapes(x, w, bias, out, g), key, data, batch, x.numel() / batch * x.item_bytes(),
               out.numel() / batch * out.item_bytes());
}

// Channels last, oneDNN's convolutions of one point are faster than products of few channels. They reorder the weight,
// which pays for many positions only, and lose where a stride leaves most of x out.
bool by_products(const Tensor& x, const Tensor& w, const Tensor& out, const ConvGeometry& g) {
    if (!is_pointwise(w, g)) return false;
    const bool few_positions = out.numel() / out.size(1) < kManyPositions;
    return !is_channels_last(x, out) || few_positions || !same_positions(x, out);
}

void conv_onednn(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& g) {
    if (by_products(x, w, out, g)) pointwise(out, x, w, bias, g);
    else convolve(ConvPass::forward, x, w, bias, out, g);
}

void conv_input_grad_onednn(const Tensor& grad_x, const Tensor& grad_out, const Tensor& w, const ConvGeometry& g) {
    if (by_products(grad_x, w, grad_out, g)) pointwise_input_grad(grad_x, grad_out, w, g);
    else convolve(ConvPass::input_grad, grad_x, w, Tensor(), grad_out, g);
}

}  // namespace
}  // namespace taeda::onednn

namespace taeda {
TAEDA_REGISTER(cpu, conv, onednn::conv_onednn)
TAEDA_REGISTER(cpu, conv_input_grad, onednn::conv_input_grad_onednn)
}  // namespace taeda
