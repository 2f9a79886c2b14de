// Gradient of a convolution's weight and bias.
//
// oneDNN splits the sum over the batch by the number of threads. Here the work is cut into tasks by the
// shapes alone: blocks of output channels (which share no sum), and where these are too few, pieces of the
// batch whose partial gradients are added in order. Every task is a single-threaded primitive.
#include "kernels/cpu/parallel.h"
#include "kernels/onednn/conv_plan.h"
#include "kernels/onednn/conv_pointwise.h"

namespace taeda::onednn {
namespace {

constexpr int64_t kTasks = 8;
constexpr int64_t kLanes = 16;     // channels that oneDNN keeps together
constexpr int64_t kGrain = 16384;  // floats of a partial gradient that one thread adds up

struct Split {
    int64_t pieces, samples;   // of the batch: how many, and samples in each
    int64_t blocks, channels;  // of the output channels
};

Split split_of(int64_t batch, int64_t channels, int64_t groups) {
    Split s{1, batch, 1, channels};
    if (groups == 1 && channels % kLanes == 0)
        for (int64_t n = std::min(kTasks, channels / kLanes); n > 1 && s.blocks == 1; --n)
            if (channels / kLanes % n == 0) s.blocks = n;
    s.channels = channels / s.blocks;
    int64_t pieces = std::min(batch, kTasks / s.blocks);
    s.samples = (batch + pieces - 1) / pieces;
    s.pieces = (batch + s.samples - 1) / s.samples;
    return s;
}

Cache<ConvPlan>& cache() {
    thread_local Cache<ConvPlan> plans;
    return plans;
}

class WeightGrad {
public:
    WeightGrad(const Tensor& grad_w, const Tensor& grad_bias, const Tensor& x, const Tensor& grad_out,
               const ConvGeometry& g)
        : grad_w_(grad_w),
          grad_bias_(grad_bias),
          x_(x),
          grad_out_(grad_out),
          shapes_(conv_shapes(x, grad_w, grad_bias, grad_out, g)),
          key_(conv_key(ConvPass::weight_grad, x, grad_w, grad_bias.defined(), grad_out, g)),
          split_(split_of(x.size(0), grad_out.size(1), g.groups)) {}

    void run() {
        SingleThread guard;
        const ConvPlan first = plan(split_.samples, shapes_.any_w);
        partial_floats_ = int64_t((first.w.layout.get_size() + 63) / 64 * 16);
        task_floats_ = partial_floats_ + (grad_bias_.defined() ? (split_.channels + 15) / 16 * 16 : 0);
        piece_bytes_ = first.x.bytes();
        Workspace x(piece_bytes_ * size_t(split_.pieces));
        Workspace partial(size_t(split_.pieces * split_.blocks * task_floats_) * sizeof(float));
        if (piece_bytes_) reorder_x(first, static_cast<char*>(x.data()));
        compute(first, static_cast<char*>(x.data()), static_cast<float*>(partial.data()));
        add_up(static_cast<float*>(partial.data()));
        store(first, static_cast<float*>(partial.data()));
    }

private:
    int64_t samples_of(int64_t piece) const { return std::min(split_.samples, x_.size(0) - piece * split_.samples); }

    const ConvPlan& plan(int64_t samples, const Desc& w_layout) {
        Key key = key_;
        return cache().get(key.add(samples), [&] {
            ConvShapes s = shapes_;
            s.x = piece(s.x, samples);
            s.out = piece(s.out, samples, split_.channels);
            if (split_.blocks > 1) {
                s.w = piece(s.w, split_.channels);
                if (s.has_bias()) s.bias = piece(s.bias, split_.channels);
            }
            s.any_w = w_layout == shapes_.any_w ? Desc(s.w.get_dims(), Type::f32, Tag::any) : w_layout;
            return plan_weight_grad(s);
        });
    }

    char* x_piece(int64_t piece) const {
        return x_.data<char>() + piece * split_.samples * (x_.numel() / x_.size(0)) * x_.item_bytes();
    }

    void reorder_x(const ConvPlan& first, char* to) {
        cpu::parallel_for(0, split_.pieces, 1, [&](int64_t from, int64_t end) {
            SingleThread in_loop;
            for (int64_t p = from; p < end; ++p)
                plan(samples_of(p), first.w.layout).x.reorder.run({x_piece(p), to + size_t(p) * piece_bytes_});
        });
    }

    // Task t: piece t / blocks of the batch, block t % blocks of the channels.
    void compute(const ConvPlan& first, char* x, float* partial) {
        int64_t spatial = grad_out_.numel() / (grad_out_.size(0) * grad_out_.size(1));
        cpu::parallel_for(0, split_.pieces * split_.blocks, 1, [&](int64_t from, int64_t end) {
            SingleThread in_loop;
            for (int64_t t = from; t < end; ++t) {
                int64_t p = t / split_.blocks, block = t % split_.blocks;
                const ConvPlan& own = plan(samples_of(p), first.w.layout);
                int64_t at = p * split_.samples * grad_out_.size(1) * spatial +
                             block * split_.channels * (shapes_.channels_last ? 1 : spatial);
                void* grad = grad_out_.data<char>() + at * grad_out_.item_bytes();
                Workspace inside(own.out.bytes());
                if (inside.data()) own.out.reorder.run({grad, inside.data()});
                void* pg = inside.data() ? inside.data() : grad;
                void* px = piece_bytes_ ? x + size_t(p) * piece_bytes_ : x_piece(p);
                float* result = partial + t * task_floats_;
                if (grad_bias_.defined()) own.program.run({px, pg, result, result + partial_floats_});
                else own.program.run({px, pg, result});
            }
        });
    }

    // The pieces of the batch into the first one, in order.
    void add_up(float* partial) {
        int64_t floats = split_.blocks * task_floats_;
        if (split_.pieces == 1) return;
        cpu::parallel_for(0, floats, kGrain, [&](int64_t from, int64_t end) {
            for (int64_t p = 1; p < split_.pieces; ++p) {
                const float* more = partial + p * floats;
                for (int64_t i = from; i < end; ++i) partial[i] += more[i];
            }
        });
    }

    void store(const ConvPlan& first, float* partial) {
        int64_t w_bytes = grad_w_.numel() / split_.blocks * grad_w_.item_bytes();
        cpu::parallel_for(0, split_.blocks, 1, [&](int64_t from, int64_t end) {
            SingleThread in_loop;
            const ConvPlan& own = plan(split_.samples, first.w.layout);
            for (int64_t b = from; b < end; ++b) {
                float* result = partial + b * task_floats_;
                char* to = grad_w_.data<char>() + b * w_bytes;
                if (own.w.reorder) own.w.reorder.run({result, to});
                else std::memcpy(to, result, size_t(w_bytes));
                if (grad_bias_.defined()) store_bias(b * split_.channels, result + partial_floats_);
            }
        });
    }

    void store_bias(int64_t at, const float* from) {
        visit_floating(grad_bias_.dtype(), "conv_weight_grad", [&]<class T>() {
            for (int64_t i = 0; i < split_.channels; ++i) grad_bias_.data<T>()[at + i] = T(from[i]);
        });
    }

    const Tensor &grad_w_, &grad_bias_, &x_, &grad_out_;
    ConvShapes shapes_;
    Key key_;
    Split split_;
    int64_t partial_floats_ = 0,
            task_floats_ = 0;  // of one task: its weight gradient, with the bias gradient
    size_t piece_bytes_ = 0;   // of a reordered piece of x
};

void conv_weight_grad_onednn(const Tensor& grad_w, const Tensor& grad_bias, const Tensor& x, const Tensor& grad_out,
                             const ConvGeometry& g) {
    if (!grad_bias.defined() && is_pointwise(grad_w, g)) pointwise_weight_grad(grad_w, x, grad_out, g);
    else WeightGrad(grad_w, grad_bias, x, grad_out, g).run();
}

}  // namespace
}  // namespace taeda::onednn

namespace taeda {
TAEDA_REGISTER(cpu, conv_weight_grad, onednn::conv_weight_grad_onednn)
}  // namespace taeda
