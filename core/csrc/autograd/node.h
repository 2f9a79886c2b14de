// Node: one recorded operation of the backward graph.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace taeda {

struct Node;

// Where a gradient goes: input `index` of `node`. A null node: no gradient is wanted.
struct Edge {
    Ref<Node> node;
    uint32_t index = 0;
    explicit operator bool() const { return bool(node); }
};

// Shape, dtype and device of a forward output, which its gradient must have.
struct GradientMeta {
    Dims sizes;
    DType dtype = DType::float32;
    Device device;
};

using TensorHook = std::function<Tensor(const Tensor& grad)>;  // undefined result: unchanged
using NodePreHook = std::function<Tensors(Tensors grads)>;
using NodePostHook = std::function<Tensors(Tensors outputs, const Tensors& grads)>;

// Hooks are rare: they live behind one pointer.
struct NodeHooks {
    struct OfTensor {
        uint64_t id;
        uint32_t index;
        TensorHook hook;
    };
    std::vector<OfTensor> tensor;  // on the gradient of one forward output
    std::vector<OfTensor> retain;  // retain_grad(), after all others
    std::vector<std::pair<uint64_t, NodePreHook>> before;
    std::vector<std::pair<uint64_t, NodePostHook>> after;
};

struct Node {
    std::atomic<int32_t> refs{0};
    uint64_t sequence;                  // later nodes run earlier in backward
    std::vector<Edge> edges;            // one per differentiable input of the forward operation
    std::vector<GradientMeta> outputs;  // one per forward output
    std::unique_ptr<NodeHooks> hooks;
    void* python = nullptr;  // borrowed wrapper

    Node();
    virtual ~Node() = default;
    static void destroy(Node* node);  // iterative: long chains must not overflow the stack

    // The gradients of the forward inputs; undefined where none is wanted or it is zero.
    virtual Tensors apply(Tensors grads) = 0;
    virtual const char* name() const = 0;
    virtual void release() {}  // drops what was saved
    // AccumulateGrad answers with its variable.
    virtual Tensor variable() const { return {}; }

    bool wants(size_t input) const { return bool(edges[input]); }
    NodeHooks& hook_list() {
        if (!hooks) hooks = std::make_unique<NodeHooks>();
        return *hooks;
    }
    uint32_t add_output(const Tensor& t) {
        outputs.push_back({t.sizes(), t.dtype(), t.device()});
        return uint32_t(outputs.size() - 1);
    }
};

uint64_t next_hook_id();

}  // namespace taeda
