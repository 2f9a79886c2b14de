// Tensors kept for backward, and the hooks that replace how they are kept.
#include "autograd/meta.h"

namespace taeda {

namespace {

thread_local std::vector<SavedTensorHooks> hook_stack;
thread_local std::optional<std::string> forbidden;

}  // namespace

void push_saved_tensor_hooks(SavedTensorHooks hooks) {
    TAEDA_CHECK(!forbidden, *forbidden);
    hook_stack.push_back(std::move(hooks));
    thread_state.saves_packed = true;
}

void pop_saved_tensor_hooks() {
    TAEDA_CHECK(!hook_stack.empty(), "saved_tensors_hooks: no hooks are active, every exit needs its enter");
    hook_stack.pop_back();
    thread_state.saves_packed = !hook_stack.empty();
}

std::optional<std::string> forbid_saved_tensor_hooks(std::optional<std::string> message) {
    TAEDA_CHECK(!message || hook_stack.empty(), *message);
    return std::exchange(forbidden, std::move(message));
}

SavedTensor::SavedTensor(const Tensor& t, bool is_output) : is_output_(is_output) {
    if (!t.defined()) return;
    TAEDA_CHECK(!t.impl()->is_inference,
                "Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal "
                "tensor and use it in autograd.");
    if (is_output) {
        needs_history_ = t.impl()->autograd && t.impl()->autograd->grad_fn;
        output_index_ = needs_history_ ? t.impl()->autograd->output_index : 0;
    }
    if (thread_state.saves_packed) [[unlikely]] {
        pack(t);
        return;
    }
    version_ = t.version_counter()->value.load();
    data_ = is_output ? detach_alias(t) : t;
}

void SavedTensor::pack(const Tensor& t) {
    GradMode off(false);
    SavedTensorHooks hooks = hook_stack.back();
    const Tensor given = detach_alias(t);
    const uint32_t before = given.version_counter()->value.load();
    packed_ = std::make_shared<Packed>(hooks.pack(given), hooks.unpack, is_output_ ? Edge{} : gradient_edge(t));
    TAEDA_CHECK(
        before == given.version(),
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook can "
        "not be modified by in-place operations as this can lead to unexpected side-effects; change a clone().");
}

Tensor SavedTensor::with_history(const Tensor& data, const Edge& edge) const {
    if (!edge) return data;
    Tensor t = detach_alias(data);
    AutogradMeta& meta = autograd_meta(t);
    meta.grad_fn = edge.node;
    meta.output_index = edge.index;
    return t;
}

Tensor SavedTensor::unpack(Node& owner) const {
    TAEDA_CHECK(!released_,
                "Trying to backward through the graph a second time (or directly access saved tensors after "
                "they have already been freed). Saved intermediate values of the graph are freed when you "
                "call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
                "through the graph a second time or if you need to access saved tensors after calling "
                "backward.");
    const Edge own = is_output_ && needs_history_ ? Edge{Ref<Node>(&owner), output_index_} : Edge{};
    if (packed_) return with_history(packed_->unpack(packed_->value), is_output_ ? own : packed_->edge);
    if (!data_.defined()) return data_;
    TAEDA_CHECK(
        version_ == data_.version(),
        "one of the variables needed for gradient computation has been modified by an inplace operation: [taeda.",
        dtype_long_name(data_.dtype()), "Tensor ", data_.sizes(), "], saved for ", owner.name(), ", is at version ",
        data_.version(), "; expected version ", version_,
        " instead. Hint: use the out-of-place form of the operation that changed it.");
    return with_history(data_, own);
}

}  // namespace taeda
