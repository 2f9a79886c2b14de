#include "autograd/meta.h"

#include "ops.h"
#include "tensor/interpreter.h"

namespace taeda {

thread_local ThreadState thread_state TAEDA_TLS;

namespace {

std::mutex accumulator_mutex;  // guards AutogradMeta::accumulator against a node that is just being destroyed

// Adds gradients into a leaf's .grad.
struct AccumulateGrad : Node {
    Tensor leaf;

    explicit AccumulateGrad(const Tensor& t) : leaf(t) {
        sequence = UINT64_MAX;  // as early as possible
        add_output(t);
    }
    ~AccumulateGrad() override {
        std::lock_guard lock(accumulator_mutex);
        AutogradMeta* meta = leaf.impl()->autograd;
        if (meta && meta->accumulator == this) meta->accumulator = nullptr;
    }
    const char* name() const override { return "AccumulateGrad"; }
    Tensor variable() const override { return leaf; }

    Tensors apply(Tensors grads) override {
        Tensor incoming = grads[0];
        if (!incoming.defined()) return {};
        AutogradMeta& meta = autograd_meta(leaf);
        for (auto& [id, hook] : meta.hooks) {
            Tensor changed = hook(incoming);
            if (changed.defined()) incoming = changed;
        }
        KeepLocked adding;  // other threads may add to the same leaf
        if (!meta.grad.defined()) {
            bool record = thread_state.grad_enabled;
            // A gradient nobody else holds may become .grad itself; `grads` and `incoming` are the two references.
            bool own = !record && incoming.impl()->refs.load() <= 2 && incoming.storage()->refs.load() == 1 &&
                       incoming.is_contiguous() && !incoming.impl()->autograd;
            meta.grad = own ? incoming : record ? ops::clone(incoming) : detach_alias(ops::clone(incoming));
        } else if (thread_state.grad_enabled) {
            meta.grad = ops::add(meta.grad, incoming);
        } else {
            ops::add_(meta.grad, incoming);
        }
        for (auto& [id, hook] : meta.after_accumulate) hook(leaf);
        return {};
    }
};

// Puts the gradient of a view that was rebuilt from its base back into the base's shape.
struct AsStridedBackward : Node {
    Dims base_sizes, base_strides, sizes, strides;
    int64_t base_offset = 0, offset = 0;
    const char* name() const override { return "AsStridedBackward0"; }
    Tensors apply(Tensors grads) override {
        return {ops::as_strided_backward(grads[0], base_sizes, base_strides, base_offset, sizes, strides, offset)};
    }
};

// The history of a base after one of its views was changed in place by `inner`.
struct CopySlices : Node {
    Ref<Node> inner;
    Dims base_sizes, base_strides, sizes, strides;
    int64_t base_offset = 0, offset = 0;
    const char* name() const override { return "CopySlices"; }
    Tensors apply(Tensors grads) override {
        TAEDA_CHECK(inner,
                    "Trying to backward through the graph a second time (or directly access saved tensors after "
                    "they have already been freed). Specify retain_graph=True when calling backward the first time.");
        Tensors result(edges.size());
        if (!grads[0].defined()) return result;
        // The base is dense, so that its gradient can take the base's own strides.
        Tensor whole = ops::copy_into_strides(grads[0], base_sizes, base_strides);
        Tensor part = ops::as_strided(whole, sizes, strides, offset - base_offset);
        Tensors inner_grads = inner->apply({ops::clone(part)});
        for (size_t i = 0; i < edges.size() && i < inner_grads.size(); ++i) {
            if (!edges[i]) continue;
            if (i > 0) {
                result[i] = inner_grads[i];
                continue;
            }
            if (inner_grads[0].defined()) ops::copy_(part, inner_grads[0]);
            else ops::zero_(part);
            result[0] = whole;
        }
        return result;
    }
    void release() override {
        if (inner) inner->release();
        inner.reset();
    }
};

template <class N> void take_geometry(N& node, const Tensor& base, const Tensor& view) {
    node.base_sizes = base.sizes();
    node.base_strides = base.strides();
    node.base_offset = base.offset();
    node.sizes = view.sizes();
    node.strides = view.strides();
    node.offset = view.offset();
}

ViewInfo* view_info(const Tensor& t) { return t.impl()->autograd ? t.impl()->autograd->view.get() : nullptr; }

// A view whose memory was changed through another view gets a fresh grad_fn that leads to the base.
void refresh_view(const Tensor& t, ViewInfo& view) {
    if (view.version == t.version()) return;
    view.version = t.version();
    AutogradMeta& meta = *t.impl()->autograd;
    if (!view.base.requires_grad()) return;
    auto* node = new AsStridedBackward;
    Ref<Node> holder(node);
    take_geometry(*node, view.base, t);
    node->edges.push_back(gradient_edge(view.base));
    node->add_output(t);
    meta.grad_fn = holder;
    meta.output_index = 0;
}

}  // namespace

AutogradMeta::~AutogradMeta() = default;

AutogradMeta& autograd_meta(const Tensor& t) {
    if (!t.impl()->autograd) t.impl()->autograd = new AutogradMeta;
    return *t.impl()->autograd;
}

bool Tensor::has_grad_fn() const {
    const AutogradMeta& meta = *impl_->autograd;
    if (meta.grad_fn) return true;
    return meta.view && meta.view->version != version() && meta.view->base.requires_grad();
}

Ref<Node> grad_fn(const Tensor& t) {
    if (!t.impl()->autograd) return {};
    if (ViewInfo* view = view_info(t)) refresh_view(t, *view);
    return t.impl()->autograd->grad_fn;
}

Edge gradient_edge(const Tensor& t) {
    if (!t.defined()) return {};
    if (Ref<Node> node = grad_fn(t)) return {node, t.impl()->autograd->output_index};
    if (!t.impl()->requires_grad) return {};
    AutogradMeta& meta = autograd_meta(t);
    std::lock_guard lock(accumulator_mutex);
    if (meta.accumulator) {
        int32_t held = meta.accumulator->refs.load();
        while (held > 0 && !meta.accumulator->refs.compare_exchange_weak(held, held + 1)) {}
        if (held > 0) return {Ref<Node>(meta.accumulator, false), 0};
    }
    Ref<Node> made(new AccumulateGrad(t));
    meta.accumulator = made.get();
    return {made, 0};
}

void set_history(const Tensor& output, const Ref<Node>& node) {
    if (!output.defined() || !is_differentiable(output.dtype())) {
        node->outputs.push_back({});
        return;
    }
    AutogradMeta& meta = autograd_meta(output);
    meta.output_index = node->add_output(output);
    meta.grad_fn = node;
}

void rebase_history(const Tensor& t, const Ref<Node>& node) {
    ViewInfo* view = view_info(t);
    if (!view) {
        set_history(t, node);
        return;
    }
    auto* slices = new CopySlices;
    Ref<Node> holder(slices);
    const Tensor& base = view->base;
    take_geometry(*slices, base, t);
    slices->edges.reserve(node->edges.size());
    for (size_t i = 0; i < node->edges.size(); ++i)
        slices->edges.push_back(i == 0 ? gradient_edge(base) : node->edges[i]);
    node->add_output(t);
    // The inner node sees wanted inputs through its own edges; a base without gradient still passes through here.
    slices->inner = node;
    slices->add_output(base);
    AutogradMeta& meta = autograd_meta(base);
    meta.grad_fn = holder;
    meta.output_index = 0;
    view->version = t.version() - 1;  // stale: rebuilt from the base at the next look
}

void check_inplace(const Tensor& t, const char* op, bool needs_grad) {
    TAEDA_CHECK(!t.impl()->is_inference || thread_state.inference, op,
                ": Inplace update to inference tensor outside InferenceMode is not allowed; clone() it first");
    if (!thread_state.grad_enabled) return;
    bool leaf = t.impl()->requires_grad && !(t.impl()->autograd && t.impl()->autograd->grad_fn);
    TAEDA_CHECK(!leaf, "a leaf Variable that requires grad is being used in an in-place operation: ", op,
                "; wrap the change in `with taeda.no_grad():` or work on a clone()");
    if (ViewInfo* view = view_info(t)) {
        const Tensor& base = view->base;
        bool base_leaf = base.impl()->requires_grad && !(base.impl()->autograd && base.impl()->autograd->grad_fn);
        TAEDA_CHECK(!base_leaf,
                    "a view of a leaf Variable that requires grad is being used in an in-place operation: ", op,
                    "; wrap the change in `with taeda.no_grad():` or work on a clone()");
        if (needs_grad || base.requires_grad()) TAEDA_CHECK(!view->frozen, op, ": ", view->frozen ? view->frozen : "");
    }
}

void track_view(const Tensor& view, const Tensor& base) {
    if (thread_state.inference || !thread_state.grad_enabled) return;
    auto info = std::make_unique<ViewInfo>();
    ViewInfo* above = view_info(base);
    info->base = above ? above->base : base;
    info->frozen = above ? above->frozen : nullptr;
    info->version = view.version();
    autograd_meta(view).view = std::move(info);
}

void set_requires_grad(const Tensor& t, bool value) {
    TAEDA_CHECK(!value || is_differentiable(t.dtype()),
                "only Tensors of floating point and complex dtype can require gradients; this one is ", t.dtype(),
                ", convert it first, e.g. with .float()");
    TAEDA_CHECK(
        value || !grad_fn(t),
        "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
        "subgraph that doesn't require differentiation use var_no_grad = var.detach().");
    TAEDA_CHECK(!value || !t.impl()->is_inference || thread_state.inference,
                "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
    if (!grad_fn(t)) t.impl()->requires_grad = value;
}

Tensor detach_alias(const Tensor& t) { return alias(t); }

}  // namespace taeda
