#include "dispatch/autocast.h"

#include <array>
#include <unordered_map>

#include "ops.h"

namespace taeda::autocast {
namespace {

using Policies = std::unordered_map<std::string, Policy>;

Policies& policies(DeviceType device) {
    static auto* tables = new std::array<Policies, kDeviceTypes>;
    return (*tables)[size_t(device)];
}

struct CachedCast {
    Tensor original, converted;  // the original is kept so that its address stays its own
    uint32_t version;
    bool recorded;
};

class AutocastMode;
struct ThreadAutocast {
    std::vector<const AutocastMode*> active;
    std::unordered_map<const TensorImpl*, CachedCast> cache;
    std::array<bool, kDeviceTypes> running{};  // an operator below a mode: outer modes of its device let it pass
};
thread_local ThreadAutocast state;

// "add" of "add.out" and "add.Scalar"; empty for the forms that write into an argument.
std::string operator_name(const OpEntry& entry) {
    std::string name = entry.name;
    if (name.ends_with(".out")) return "";
    name = name.substr(0, name.find('.'));
    return name.ends_with("_") ? "" : name;
}

class AutocastMode : public Mode {
public:
    AutocastMode(DeviceType device, std::optional<DType> lower, bool cached)
        : device_(device), lower_(lower), cached_(cached) {
        state.active.push_back(this);
    }
    ~AutocastMode() override {
        std::erase(state.active, this);
        if (state.active.empty()) state.cache.clear();
    }
    std::optional<DType> lower() const { return lower_; }
    DeviceType device() const { return device_; }

    void handle(const OpEntry& entry, const Stack& arguments, Stack& results) override {
        bool& is_running = state.running[size_t(device_)];
        const Policy* policy = is_running || !lower_ ? nullptr : find(entry);
        struct Running {
            bool& flag;
            bool before = std::exchange(flag, true);
            ~Running() { flag = before; }
        } running{is_running};
        if (!policy) return entry.boxed(arguments, results);
        const DType target = target_dtype(*policy, arguments);
        Stack converted = arguments;
        for (Value& value : converted) {
            if (auto* tensor = std::get_if<Tensor>(&value)) *tensor = convert(*tensor, target);
            else if (auto* list = std::get_if<Tensors>(&value))
                for (Tensor& each : *list) each = convert(each, target);
        }
        entry.boxed(converted, results);
    }

private:
    const Policy* find(const OpEntry& entry) {
        auto [known, fresh] = of_entry_.try_emplace(&entry, nullptr);
        if (fresh) {
            const Policies& table = policies(device_);
            auto named = table.find(operator_name(entry));
            if (named != table.end()) known->second = &named->second;
        }
        return known->second;
    }

    bool is_eligible(const Tensor& t) const {
        return t.defined() && t.is_floating() && t.dtype() != DType::float64 && t.device().type == device_;
    }

    DType target_dtype(Policy policy, const Stack& arguments) const {
        if (policy != Policy::widest) return policy == Policy::lower ? *lower_ : DType::float32;
        auto is_single = [this](const Tensor& t) { return is_eligible(t) && t.dtype() == DType::float32; };
        for (const Value& value : arguments) {
            if (auto* tensor = std::get_if<Tensor>(&value); tensor && is_single(*tensor)) return DType::float32;
            if (auto* list = std::get_if<Tensors>(&value); list && std::any_of(list->begin(), list->end(), is_single))
                return DType::float32;
        }
        return *lower_;
    }

    Tensor convert(const Tensor& t, DType target) const {
        if (!is_eligible(t) || t.dtype() == target) return t;
        const bool is_weight = t.impl()->requires_grad && t.dtype() == DType::float32;
        if (!cached_ || !is_weight || target != *lower_) return ops::to(t, target);
        CachedCast& kept = state.cache[t.impl()];
        const bool recorded = thread_state.grad_enabled;
        if (!kept.original.defined() || kept.version != t.version() || kept.recorded != recorded ||
            kept.converted.dtype() != target)
            kept = {t, ops::to(t, target), t.version(), recorded};
        return kept.converted;
    }

    DeviceType device_;
    std::optional<DType> lower_;
    bool cached_;
    std::unordered_map<const OpEntry*, const Policy*> of_entry_;
};

}  // namespace

void set_policy(DeviceType device, const std::string& name, Policy policy) { policies(device)[name] = policy; }

std::shared_ptr<Mode> make_mode(DeviceType device, std::optional<DType> lower, bool cached) {
    return std::make_shared<AutocastMode>(device, lower, cached);
}

void clear_cache() { state.cache.clear(); }

std::optional<DType> active(DeviceType device) {
    for (auto mode = state.active.rbegin(); mode != state.active.rend(); ++mode)
        if ((*mode)->device() == device) return (*mode)->lower();
    return std::nullopt;
}

}  // namespace taeda::autocast
