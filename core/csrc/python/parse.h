// Reads the arguments of operator calls: table-driven, without making Python objects.
#pragma once

#include "python/object.h"

namespace taeda::python {

enum class Kind : uint8_t {
    tensor,
    operand,      // a tensor or a number; one operand of a call is a tensor
    any_operand,  // a tensor or a number
    tensors,
    optional_tensors,
    scalar,
    integer,
    integers,
    floating,
    floats,
    boolean,
    string,
    dtype,
    device,
    generator,
    memory_format,
    layout,
    flag,
};
enum : uint8_t { kOptional = 1, kHasDefault = 2, kKeywordOnly = 4, kExpands = 8, kSpreads = 16 };

struct Parameter {
    const char* name;
    Kind kind;
    uint8_t flags;
};

struct Signature {
    const char* text;  // "(Tensor self, ...)"
    const Parameter* parameters;
    int count;
    int self_at;  // the parameter that a method's object is given to
};

constexpr int kMaxParameters = 20;

// The objects given for the parameters of the signature that matched; null where the default holds.
struct Slots {
    PyObject* values[kMaxParameters];
    Object spread;  // the tuple made of spread integers
    PyObject* operator[](int i) const { return values[i]; }
};

class Parser {
public:
    Parser(const char* name, const Signature* signatures, int count)
        : name_(name), signatures_(signatures), count_(count) {}
    // The number of the signature that fits; raises TypeError saying what was given and what is expected.
    int match(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, Slots& slots);
    const char* name() const { return name_; }
    // Sets the Python exception for the C++ exception that is being handled, and returns null. Where the arguments were
    // parsed, its text ends with the call: "in sum(float32[2, 3], dim=2)"; errors of parsing say themselves what was given.
    PyObject* failed(bool parsed, PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) const;

private:
    bool fits(const Signature& s, PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
              Slots& slots, std::string* why) const;
    [[noreturn]] void fail(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) const;

    const char* name_;
    const Signature* signatures_;
    int count_;
};

}  // namespace taeda::python
