// What autograd knows about one tensor, and the operations that tie tensors to the graph.
#pragma once

#include <mutex>

#include "autograd/node.h"
#include "autograd/state.h"

namespace taeda {

// A view remembers the tensor that owns the memory and its own geometry in it; that is enough to rebuild its history
// after the base was changed in place, and to write a change of the view back into the base's history.
struct ViewInfo {
    Tensor base;
    uint32_t version = 0;          // of the shared counter when grad_fn was made
    const char* frozen = nullptr;  // why in-place changes with gradients are not allowed, if so
};

struct AutogradMeta {
    Tensor grad;
    Ref<Node> grad_fn;
    uint32_t output_index = 0;
    bool retains_grad = false;
    Node* accumulator = nullptr;  // weak; see gradient_edge
    std::unique_ptr<ViewInfo> view;
    std::vector<std::pair<uint64_t, TensorHook>> hooks;  // of a leaf
    std::vector<std::pair<uint64_t, std::function<void(const Tensor&)>>> after_accumulate;
    ~AutogradMeta();
};

AutogradMeta& autograd_meta(const Tensor& t);  // made if absent

// The node that produced t (rebuilt first if t is a view of something changed since); null for leaves.
Ref<Node> grad_fn(const Tensor& t);
// Where t's gradient flows: its grad_fn, or a leaf's accumulator; null if t needs no gradient.
Edge gradient_edge(const Tensor& t);

// Ties a fresh output to the node that made it.
void set_history(const Tensor& output, const Ref<Node>& node);
// The same after an in-place change: through the base where `t` is a view.
void rebase_history(const Tensor& t, const Ref<Node>& node);
// Raises where an in-place change would lose gradients (leaf that requires grad, view of such a leaf, frozen view).
void check_inplace(const Tensor& t, const char* op, bool needs_grad);
// Marks `view` as sharing `base`'s memory.
void track_view(const Tensor& view, const Tensor& base);

void set_requires_grad(const Tensor& t, bool value);
// The same memory without history, as `.detach()`; shares the version counter.
Tensor detach_alias(const Tensor& t);

inline bool any_requires_grad(TensorList list) {
    for (const Tensor& t : list)
        if (t.requires_grad()) return true;
    return false;
}
template <class... T> bool grad_wanted(const T&... tensors) {
    auto one = [](const auto& t) {
        if constexpr (std::is_same_v<std::decay_t<decltype(t)>, Tensor>) return t.requires_grad();
        else return any_requires_grad(t);
    };
    return thread_state.grad_enabled && (one(tensors) || ...);
}

// A tensor kept for backward. Notices in-place changes since; outputs are kept without their history to avoid cycles.
class SavedTensor {
public:
    SavedTensor() = default;
    SavedTensor(const Tensor& t, bool is_output);
    // `owner`: the node that holds this, for outputs.
    Tensor unpack(Node& owner) const;
    void release() {
        *this = SavedTensor();
        released_ = true;
    }
    bool defined() const { return data_.defined() || packed_; }

private:
    // What a pack hook made of the tensor, how to get it back, and where its gradient flows.
    struct Packed {
        std::shared_ptr<void> value;
        std::function<Tensor(const std::shared_ptr<void>&)> unpack;
        Edge edge;
    };
    void pack(const Tensor& t);
    Tensor with_history(const Tensor& data, const Edge& edge) const;

    Tensor data_;
    std::shared_ptr<Packed> packed_;
    uint32_t version_ = 0, output_index_ = 0;
    bool is_output_ = false, needs_history_ = false, released_ = false;
};

// Hooks of this thread that replace how tensors are saved (graph.saved_tensors_hooks); the innermost pair is used.
struct SavedTensorHooks {
    std::function<std::shared_ptr<void>(const Tensor&)> pack;
    std::function<Tensor(const std::shared_ptr<void>&)> unpack;
};
void push_saved_tensor_hooks(SavedTensorHooks hooks);  // raises while they are forbidden
void pop_saved_tensor_hooks();
// Forbids hooks with this message, or allows them again; returns the message before.
std::optional<std::string> forbid_saved_tensor_hooks(std::optional<std::string> message);

}  // namespace taeda
