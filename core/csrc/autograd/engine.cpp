#include "autograd/engine.h"

#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "ops.h"

namespace taeda {

namespace {

thread_local uint64_t next_sequence = 0;
thread_local int backward_depth = 0;
thread_local std::vector<Node*>* dying = nullptr;

struct BySequence {
    bool operator()(Node* a, Node* b) const { return a->sequence < b->sequence; }
};

// Whether a task's node has to run, and where its incoming gradients are to be captured.
struct Plan {
    bool needed = true;
    std::vector<std::pair<uint32_t, size_t>> captures;  // (forward output of the node, position among the inputs)
};

class Run {
public:
    Run(bool keep_graph, bool create_graph, bool accumulate)
        : keep_graph_(keep_graph), create_graph_(create_graph), accumulate_(accumulate) {}

    Tensors operator()(const Tensors& roots, Tensors grads, const Tensors& inputs) {
        std::vector<Edge> starts;
        for (const Tensor& root : roots) starts.push_back(gradient_edge(root));
        count_dependencies(starts);
        if (!inputs.empty()) plan_for(inputs);
        captured_.resize(inputs.size());
        for (size_t i = 0; i < starts.size(); ++i) {
            Node* node = starts[i].node.get();
            add(node, starts[i].index, fit_gradient(grads[i], node->outputs[starts[i].index], node->name()));
        }
        for (const Edge& start : starts)
            if (dependencies_[start.node.get()] == 0 && queued_.insert(start.node.get()).second)
                ready_.push(start.node.get());
        while (!ready_.empty()) {
            Node* node = ready_.top();
            ready_.pop();
            run(node);
        }
        return std::move(captured_);
    }

private:
    void count_dependencies(const std::vector<Edge>& starts) {
        std::vector<Node*> stack;
        for (const Edge& start : starts)
            if (dependencies_.try_emplace(start.node.get(), 0).second) stack.push_back(start.node.get());
        while (!stack.empty()) {
            Node* node = stack.back();
            stack.pop_back();
            order_.push_back(node);
            for (const Edge& edge : node->edges) {
                if (!edge) continue;
                auto [entry, fresh] = dependencies_.try_emplace(edge.node.get(), 0);
                ++entry->second;
                if (fresh) stack.push_back(edge.node.get());
            }
        }
    }

    // Only nodes on a path to an input need to run.
    void plan_for(const Tensors& inputs) {
        selective_ = true;
        for (size_t i = 0; i < inputs.size(); ++i) {
            Edge edge = gradient_edge(inputs[i]);
            held_.push_back(edge.node);
            Plan& plan = plans_[edge.node.get()];
            plan.needed = accumulate_ && bool(edge.node->variable().defined());
            plan.captures.emplace_back(edge.index, i);
        }
        std::unordered_map<Node*, int> reaches;  // 1 in work, 2 no, 3 yes
        for (Node* root : order_) mark(root, reaches);
        for (auto& [node, state] : reaches)
            if (state == 3) plans_[node].needed = true;
    }

    void mark(Node* root, std::unordered_map<Node*, int>& reaches) {
        std::vector<std::pair<Node*, size_t>> stack{{root, 0}};
        while (!stack.empty()) {
            auto& [node, next] = stack.back();
            int& state = reaches[node];
            if (next == 0 && state >= 2) {
                stack.pop_back();
                continue;
            }
            if (state == 0) state = 1;
            if (next > 0) {
                const Edge& before = node->edges[next - 1];
                if (before && (reaches[before.node.get()] == 3 || captures(before.node.get()))) reaches[node] = 3;
            }
            if (next == node->edges.size()) {
                int& done = reaches[node];
                if (done == 1) done = 2;
                stack.pop_back();
                continue;
            }
            const Edge& edge = node->edges[next++];
            if (edge && reaches[edge.node.get()] == 0) stack.emplace_back(edge.node.get(), 0);
        }
    }

    bool captures(Node* node) const {
        auto found = plans_.find(node);
        return found != plans_.end() && !found->second.captures.empty();
    }

    void add(Node* node, uint32_t index, Tensor grad) {
        auto [entry, fresh] = buffers_.try_emplace(node);
        Tensors& buffer = entry->second;
        if (fresh) buffer.resize(node->outputs.size());
        if (!grad.defined()) return;
        Tensor& slot = buffer[index];
        if (!slot.defined()) {
            slot = std::move(grad);
        } else {
            bool own = !create_graph_ && slot.impl()->refs.load() == 1 && slot.storage()->refs.load() == 1 &&
                       slot.is_contiguous() && slot.dtype() == grad.dtype() && slot.sizes() == grad.sizes();
            if (own) ops::add_(slot, grad);
            else slot = ops::add(slot, grad);
        }
    }

    void call_hooks(Node* node, Tensors& grads) {
        if (!node->hooks) return;
        for (auto& [id, hook] : node->hooks->before) grads = hook(std::move(grads));
        for (auto* list : {&node->hooks->tensor, &node->hooks->retain}) {
            for (auto& entry : *list) {
                if (!grads[entry.index].defined()) continue;
                Tensor changed = entry.hook(grads[entry.index]);
                if (changed.defined()) grads[entry.index] = changed;
            }
        }
    }

    void run(Node* node) {
        Tensors grads = std::move(buffers_[node]);
        buffers_.erase(node);
        if (grads.empty()) grads.resize(node->outputs.size());
        auto plan = selective_ ? plans_.find(node) : plans_.end();
        bool needed = !selective_ || (plan != plans_.end() && plan->second.needed);
        if (needed || plan != plans_.end()) {
            call_hooks(node, grads);
            capture(node, plan, grads);
        }
        Tensors outputs(node->edges.size());
        bool any = std::any_of(grads.begin(), grads.end(), [](const Tensor& g) { return g.defined(); });
        if (needed && any) {
            bool hooked = node->hooks && !node->hooks->after.empty();
            Tensors kept = hooked ? grads : Tensors();
            outputs = node->apply(std::move(grads));
            if (hooked)
                for (auto& [id, hook] : node->hooks->after) outputs = hook(std::move(outputs), kept);
            outputs.resize(node->edges.size());
            if (!keep_graph_) node->release();
        }
        for (size_t i = 0; i < outputs.size(); ++i) pass_on(node, i, std::move(outputs[i]));
    }

    template <class Found> void capture(Node* node, Found plan, const Tensors& grads) {
        if (!selective_ || plan == plans_.end()) return;
        for (auto [index, position] : plan->second.captures) {
            Tensor g = grads[index];
            if (g.defined() && node->variable().defined() && !accumulate_)
                for (auto& [id, hook] : autograd_meta(node->variable()).hooks) {
                    Tensor changed = hook(g);
                    if (changed.defined()) g = changed;
                }
            captured_[position] = g;
        }
    }

    void pass_on(Node* from, size_t i, Tensor grad) {
        const Edge& edge = from->edges[i];
        if (!edge) return;
        Node* next = edge.node.get();
        if (grad.defined()) grad = fit_gradient(std::move(grad), next->outputs[edge.index], from->name());
        add(next, edge.index, std::move(grad));
        if (--dependencies_[next] == 0 && queued_.insert(next).second) ready_.push(next);
    }

    bool keep_graph_, create_graph_, accumulate_, selective_ = false;
    std::unordered_map<Node*, int> dependencies_;
    std::unordered_map<Node*, Tensors> buffers_;
    std::unordered_map<Node*, Plan> plans_;
    std::unordered_set<Node*> queued_;
    std::vector<Node*> order_;
    std::vector<Ref<Node>> held_;
    std::priority_queue<Node*, std::vector<Node*>, BySequence> ready_;
    Tensors captured_;
};

}  // namespace

Node::Node() : sequence(next_sequence++) {}

void Node::destroy(Node* node) {
    // The destructor of a node drops edges that may hold the last reference to the next node: queue instead of recursing.
    if (dying) {
        dying->push_back(node);
        return;
    }
    std::vector<Node*> queue{node};
    dying = &queue;
    while (!queue.empty()) {
        Node* next = queue.back();
        queue.pop_back();
        delete next;
    }
    dying = nullptr;
}

uint64_t next_hook_id() {
    static std::atomic<uint64_t> id{0};
    return ++id;
}

bool in_backward() { return backward_depth > 0; }

Tensor fit_gradient(Tensor grad, const GradientMeta& meta, const char* node) {
    if (grad.sizes() != Ints(meta.sizes)) {
        TAEDA_CHECK(is_expandable_to(meta.sizes, grad.sizes()), "Function ", node,
                    " returned an invalid gradient: got ", grad.sizes(), " but expected shape compatible with ",
                    meta.sizes);
        grad = ops::sum_to_size(grad, meta.sizes);
    }
    if (grad.dtype() != meta.dtype) {
        if (is_complex(grad.dtype()) && !is_complex(meta.dtype)) grad = ops::real(grad);
        if (grad.dtype() != meta.dtype) grad = ops::to(grad, meta.dtype);
    }
    // A 0-dim tensor on the CPU takes part in operators of any device, so its gradient comes from there.
    if (grad.device() != meta.device && grad.dim() == 0) grad = ops::move_to(grad, meta.device);
    TAEDA_CHECK(grad.device() == meta.device, "Function ", node, " returned a gradient on ", grad.device(),
                " but expected it on ", meta.device);
    return grad;
}

Tensors run_backward(const Tensors& roots, Tensors grads, bool keep_graph, bool create_graph, const Tensors& inputs,
                     bool accumulate) {
    for (size_t i = 0; i < roots.size(); ++i) {
        const Tensor& root = roots[i];
        TAEDA_CHECK(
            root.requires_grad(), "element ", i,
            " of tensors does not require grad and does not have a grad_fn; call .requires_grad_() on a tensor that it is "
            "computed from, outside of taeda.no_grad() and without .detach(), .item() or .numpy() on the way");
        if (grads[i].defined()) {
            TAEDA_CHECK(grads[i].sizes() == root.sizes(), "Mismatch in shape: grad_output[", i, "] has a shape of ",
                        grads[i].sizes(), " and output[", i, "] has a shape of ", root.sizes());
            continue;
        }
        TAEDA_CHECK(root.numel() == 1, "grad can be implicitly created only for scalar outputs; got shape ",
                    root.sizes(), ", pass a gradient of that shape or reduce the output, e.g. with .sum()");
        grads[i] = ops::full(root.sizes(), Scalar(1), root.dtype(), root.device());
    }
    for (size_t i = 0; i < inputs.size(); ++i)
        TAEDA_CHECK(inputs[i].requires_grad(), "One of the differentiated Tensors does not require grad (inputs[", i,
                    "]); call .requires_grad_() on it before it is used");
    GradMode mode(create_graph);
    struct Depth {
        Depth() { ++backward_depth; }
        ~Depth() { --backward_depth; }
    } depth;
    return Run(keep_graph, create_graph, accumulate)(roots, std::move(grads), inputs);
}

}  // namespace taeda
