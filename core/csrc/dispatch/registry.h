// Every operator, in boxed form, by number and by name; and the modes that may stand between a call and its operator.
#pragma once

#include "autograd/state.h"
#include "dispatch/values.h"

namespace taeda {

struct OpEntry {
    const char* name;  // "add", or "sum.dim" for an overload
    const char* schema;
    void (*boxed)(const Stack& arguments, Stack& results);
};

const std::vector<const OpEntry*>& all_ops();
const OpEntry& find_op(const std::string& name);  // raises with near names if there is none
struct RegisterOp {
    explicit RegisterOp(const OpEntry& entry);
};

// Sees every operator call of its thread while it is on the stack. handle() may call entry.boxed itself: the mode is off
// the stack meanwhile.
struct Mode {
    const void* owner = nullptr;  // who entered it and has to leave it
    virtual ~Mode() = default;
    virtual void handle(const OpEntry& entry, const Stack& arguments, Stack& results) = 0;
};

namespace modes {

void push(std::shared_ptr<Mode> mode);
std::shared_ptr<Mode> pop();
// Ends the innermost mode of this owner on this thread; raises if there is none, or (having ended it) if modes that began
// inside it are still active.
void leave(const void* owner);
void call_boxed(const OpEntry& entry, const Stack& arguments, Stack& results);

template <class R, class... Args> R call(const OpEntry& entry, const Args&... args) {
    Stack arguments, results;
    arguments.reserve(sizeof...(args));
    (arguments.push_back(boxing::pack(args)), ...);
    call_boxed(entry, arguments, results);
    return boxing::Results<R>::get(results);
}

}  // namespace modes

}  // namespace taeda
