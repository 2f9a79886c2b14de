#include "dispatch/registry.h"

#include <map>

namespace taeda {

namespace {

std::vector<const OpEntry*>& ops() {
    static std::vector<const OpEntry*> list;
    return list;
}

thread_local std::vector<std::shared_ptr<Mode>> mode_stack;

}  // namespace

RegisterOp::RegisterOp(const OpEntry& entry) { ops().push_back(&entry); }

const std::vector<const OpEntry*>& all_ops() { return ops(); }

const OpEntry& find_op(const std::string& name) {
    static const auto* by_name = [] {
        auto* map = new std::map<std::string, const OpEntry*>;
        for (const OpEntry* entry : ops()) (*map)[entry->name] = entry;
        return map;
    }();
    auto found = by_name->find(name);
    if (found != by_name->end()) return *found->second;
    std::string near;
    for (const auto& [other, entry] : *by_name)
        if (other.starts_with(name.substr(0, 3))) near += (near.empty() ? "" : ", ") + other;
    raise<ValueError>("there is no operator '", name, "'", near.empty() ? "" : "; names that begin alike: ", near);
}

namespace modes {

void push(std::shared_ptr<Mode> mode) {
    mode_stack.push_back(std::move(mode));
    thread_state.modes = uint32_t(mode_stack.size());
}

std::shared_ptr<Mode> pop() {
    TAEDA_CHECK(!mode_stack.empty(), "no mode is active: every pop needs its push");
    auto mode = std::move(mode_stack.back());
    mode_stack.pop_back();
    thread_state.modes = uint32_t(mode_stack.size());
    return mode;
}

void leave(const void* owner) {
    size_t at = mode_stack.size();
    while (at > 0 && mode_stack[at - 1]->owner != owner) --at;
    TAEDA_CHECK(at > 0,
                "a mode (autocast, OperatorMode) ends that is not active on this thread; leave its block once, on "
                "the thread that entered it");
    std::shared_ptr<Mode> ended = std::move(mode_stack[at - 1]);
    mode_stack.erase(mode_stack.begin() + std::ptrdiff_t(at - 1));
    thread_state.modes = uint32_t(mode_stack.size());
    size_t inside = mode_stack.size() + 1 - at;
    TAEDA_CHECK(inside == 0, "a mode (autocast, OperatorMode) ends before ", inside,
                inside == 1 ? " mode that began" : " modes that began",
                " inside it; leave such blocks in the reverse order of entering them");
}

void call_boxed(const OpEntry& entry, const Stack& arguments, Stack& results) {
    struct Lowered {
        std::shared_ptr<Mode> mode = pop();
        ~Lowered() { push(mode); }
    } lowered;
    lowered.mode->handle(entry, arguments, results);
}

}  // namespace modes

}  // namespace taeda
