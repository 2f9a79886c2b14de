#include "python/parse.h"

#include <cstring>

namespace taeda::python {

namespace {

bool is_number(PyObject* o) {
    if (PyFloat_CheckExact(o) || PyLong_Check(o) || PyFloat_Check(o) || PyComplex_Check(o)) return true;
    if (is_tensor(o) || PySequence_Check(o)) return false;
    PyNumberMethods* number = Py_TYPE(o)->tp_as_number;  // NumPy's scalars among others
    return number && (number->nb_index || number->nb_float);
}

// Stands for a number; one that requires grad does not, so that an overload that takes tensors is found.
bool is_zero_dim(PyObject* o) { return is_tensor(o) && tensor_of(o).dim() == 0 && !tensor_of(o).requires_grad(); }

bool is_integer(PyObject* o) {
    if (PyLong_Check(o)) return true;
    if (is_tensor(o)) return tensor_of(o).numel() == 1 && is_integral(tensor_of(o).dtype(), true);
    return PyIndex_Check(o) && !PySequence_Check(o);
}

bool is_numpy_bool(PyObject* o) {
    const char* name = Py_TYPE(o)->tp_name;
    return std::strcmp(name, "numpy.bool") == 0 || std::strcmp(name, "numpy.bool_") == 0;
}

bool is_list(PyObject* o) { return PyTuple_Check(o) || PyList_Check(o); }

bool list_of(PyObject* o, bool (*check)(PyObject*)) {
    if (!is_list(o)) return false;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    for (Py_ssize_t i = 0; i < n; ++i)
        if (!check(PySequence_Fast_GET_ITEM(o, i))) return false;
    return true;
}

bool is_tensor_or_none(PyObject* o) { return o == Py_None || is_tensor(o); }

bool accepts(const Parameter& p, PyObject* o) {
    if (o == Py_None) return p.flags & kOptional || p.kind == Kind::layout;
    switch (p.kind) {
        case Kind::tensor: return is_tensor(o);
        case Kind::operand:
        case Kind::any_operand: return is_tensor(o) || is_number(o);
        case Kind::tensors: return list_of(o, is_tensor);
        case Kind::optional_tensors: return list_of(o, is_tensor_or_none);
        case Kind::scalar: return is_number(o) || is_zero_dim(o);
        case Kind::integer: return is_integer(o);
        case Kind::integers: return list_of(o, is_integer) || (p.flags & (kExpands | kSpreads) && is_integer(o));
        case Kind::floating: return (is_number(o) && !PyComplex_Check(o)) || is_zero_dim(o);
        case Kind::floats: return list_of(o, is_number);
        // An int is no bool: var(x, 1) reduces dimension 1.
        case Kind::boolean:
        case Kind::flag: return PyBool_Check(o) || is_numpy_bool(o) || is_zero_dim(o);
        case Kind::string: return PyUnicode_Check(o);
        case Kind::dtype:
            return Py_TYPE(o) == dtype_type || o == reinterpret_cast<PyObject*>(&PyFloat_Type) ||
                   o == reinterpret_cast<PyObject*>(&PyLong_Type) || o == reinterpret_cast<PyObject*>(&PyBool_Type) ||
                   o == reinterpret_cast<PyObject*>(&PyComplex_Type);
        case Kind::device: return Py_TYPE(o) == device_type || PyUnicode_Check(o) || PyLong_Check(o);
        case Kind::generator: return PyObject_TypeCheck(o, generator_type);
        case Kind::memory_format: return Py_TYPE(o) == memory_format_type;
        case Kind::layout: return Py_TYPE(o) == layout_type;
    }
    return false;
}

const char* expected(const Parameter& p) {
    switch (p.kind) {
        case Kind::tensor: return "Tensor";
        case Kind::operand:
        case Kind::any_operand: return "Tensor or Number";
        case Kind::tensors:
        case Kind::optional_tensors: return "tuple of Tensors";
        case Kind::scalar: return "Number";
        case Kind::integer: return "int";
        case Kind::integers: return "tuple of ints";
        case Kind::floating: return "float";
        case Kind::floats: return "tuple of floats";
        case Kind::boolean:
        case Kind::flag: return "bool";
        case Kind::string: return "str";
        case Kind::dtype: return "taeda.dtype";
        case Kind::device: return "taeda.device";
        case Kind::generator: return "taeda.Generator";
        case Kind::memory_format: return "taeda.memory_format";
        case Kind::layout: return "taeda.layout";
    }
    return "?";
}

// Why `o` does not fit: its type, or that of the first item of a list that does not, and how to convert what is near.
std::string mismatch(const Parameter& p, PyObject* o) {
    const bool wants_list = p.kind == Kind::tensors || p.kind == Kind::optional_tensors || p.kind == Kind::integers ||
                            p.kind == Kind::floats;
    std::string text = join("must be ", expected(p), ", not ", Py_TYPE(o)->tp_name);
    const bool wants_tensor = p.kind == Kind::tensor || p.kind == Kind::operand || p.kind == Kind::any_operand;
    if (wants_list && is_list(o)) {
        Parameter item = p;
        item.flags = 0;
        item.kind = p.kind == Kind::integers ? Kind::integer : p.kind == Kind::floats ? Kind::floating : Kind::tensor;
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
            PyObject* each = PySequence_Fast_GET_ITEM(o, i);
            if (!accepts(item, each) && !(each == Py_None && p.kind == Kind::optional_tensors))
                return join("must be ", expected(p), ", but the item at position ", i, " is ", Py_TYPE(each)->tp_name);
        }
    } else if (p.kind == Kind::tensors && is_tensor(o)) {
        text += "; put the tensors into a list";
    } else if (wants_tensor && std::strcmp(Py_TYPE(o)->tp_name, "numpy.ndarray") == 0) {
        text += "; taeda.from_numpy() makes one of it";
    } else if (wants_tensor && is_list(o)) {
        text += "; taeda.tensor() makes one of it";
    } else if (p.kind == Kind::dtype) {
        text += "; dtypes are objects such as taeda.float32";
    }
    return text;
}

// NumPy's names for some parameters, and torch's name of the first tensor in functions.
bool same_name(const char* parameter, const char* given) {
    if (std::strcmp(parameter, given) == 0) return true;
    constexpr const char* synonyms[][2] = {{"self", "input"}, {"dim", "axis"},   {"keepdim", "keepdims"},
                                           {"other", "x2"},   {"input", "self"}, {"tensors", "tensor"}};
    for (auto& pair : synonyms)
        if (std::strcmp(parameter, pair[0]) == 0 && std::strcmp(given, pair[1]) == 0) return true;
    return false;
}

int find_keyword(const Signature& s, PyObject* key) {
    const char* text = PyUnicode_AsUTF8(key);
    for (int i = 0; i < s.count; ++i)
        if (same_name(s.parameters[i].name, text)) return i;
    return -1;
}

// x.view(2, 3): the integers from `first` on become one tuple.
bool gather_spread(PyObject* const* args, Py_ssize_t nargs, Slots& slots, int at) {
    for (Py_ssize_t i = 0; i < nargs; ++i)
        if (!is_integer(args[i])) return false;
    slots.spread = Object(checked(PyTuple_New(nargs)));
    for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(slots.spread.get(), i, Py_NewRef(args[i]));
    slots.values[at] = slots.spread.get();
    return true;
}

}  // namespace

bool Parser::fits(const Signature& s, PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                  Slots& slots, std::string* why) const {
    std::fill(slots.values, slots.values + s.count, nullptr);
    int at = 0;
    if (self) {
        if (!accepts(s.parameters[s.self_at], self)) return false;
        slots.values[s.self_at] = self;
    }
    for (Py_ssize_t i = 0; i < nargs; ++i, ++at) {
        if (self && at == s.self_at) ++at;
        bool positional = at < s.count && !(s.parameters[at].flags & kKeywordOnly);
        if (positional && s.parameters[at].flags & kSpreads && is_integer(args[i])) {
            if (gather_spread(args + i, nargs - i, slots, at)) {
                ++at;
                break;
            }
        }
        if (!positional) {
            if (why) *why = join("takes ", at, " positional arguments but ", nargs + (self ? 1 : 0), " were given");
            return false;
        }
        if (!accepts(s.parameters[at], args[i])) {
            if (why)
                *why = join("argument '", s.parameters[at].name, "' (position ", at + (self ? 0 : 1), ") ",
                            mismatch(s.parameters[at], args[i]));
            return false;
        }
        slots.values[at] = args[i];
    }
    if (self && at == s.self_at) ++at;
    // x.view() of no integers at all is the empty shape
    if (at < s.count && s.parameters[at].flags & kSpreads && nargs == 0 && !kwnames &&
        !(s.parameters[at].flags & kHasDefault)) {
        slots.spread = Object(checked(PyTuple_New(0)));
        slots.values[at] = slots.spread.get();
    }
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < keywords; ++i) {
        PyObject* key = PyTuple_GET_ITEM(kwnames, i);
        int found = find_keyword(s, key);
        if (found < 0) {
            if (why) *why = join("got an unexpected keyword argument '", PyUnicode_AsUTF8(key), "'");
            return false;
        }
        if (slots.values[found]) {
            if (why) *why = join("got multiple values for argument '", s.parameters[found].name, "'");
            return false;
        }
        PyObject* value = args[nargs + i];
        // out=None and the like mean the default.
        if (value == Py_None && s.parameters[found].flags & kHasDefault) continue;
        if (!accepts(s.parameters[found], value)) {
            if (why) *why = join("argument '", s.parameters[found].name, "' ", mismatch(s.parameters[found], value));
            return false;
        }
        slots.values[found] = value;
    }
    bool has_operands = false, has_tensor = false;
    for (int i = 0; i < s.count; ++i) {
        if (s.parameters[i].kind == Kind::operand && slots.values[i]) {
            has_operands = true;
            has_tensor = has_tensor || is_tensor(slots.values[i]);
        }
        if (!slots.values[i] && !(s.parameters[i].flags & kHasDefault)) {
            if (why)
                *why =
                    join("missing a required argument: '", s.parameters[i].name, "' (", expected(s.parameters[i]), ")");
            return false;
        }
    }
    if (has_operands && !has_tensor) {
        if (why) *why = "one of the operands must be Tensor, not all of them Number";
        return false;
    }
    return true;
}

namespace {

constexpr size_t kLongestArgument = 60;

std::string described(PyObject* o) {
    if (is_tensor(o)) return join(dtype_name(tensor_of(o).dtype()), tensor_of(o).sizes());
    if (is_list(o)) {
        std::string items;
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o) && items.size() < kLongestArgument; ++i)
            items += (i ? ", " : "") + described(PySequence_Fast_GET_ITEM(o, i));
        if (items.size() >= kLongestArgument) items += ", ...";
        return PyTuple_Check(o) ? "(" + items + ")" : "[" + items + "]";
    }
    const bool is_plain = o == Py_None || PyUnicode_CheckExact(o) || PyLong_Check(o) || PyFloat_CheckExact(o) ||
                          PyComplex_CheckExact(o) || Py_TYPE(o) == dtype_type || Py_TYPE(o) == device_type;
    Object text(is_plain ? PyObject_Repr(o) : nullptr);
    const char* shown = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
    PyErr_Clear();
    if (!shown || std::strlen(shown) > kLongestArgument) return join("<", Py_TYPE(o)->tp_name, ">");
    return shown;
}

}  // namespace

PyObject* Parser::failed(bool parsed, PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                         PyObject* kwnames) const {
    if (!parsed || PyErr_Occurred()) {
        set_python_error();
        return nullptr;
    }
    std::string given;
    auto add = [&](const std::string& text) { given += (given.empty() ? "" : ", ") + text; };
    if (self) add(described(self));
    for (Py_ssize_t i = 0; i < nargs; ++i) add(described(args[i]));
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); ++i)
        add(join(PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i)), "=", described(args[nargs + i])));
    set_python_error(join(name_, "(", given, ")"));
    return nullptr;
}

int Parser::match(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, Slots& slots) {
    for (int i = 0; i < count_; ++i)
        if (fits(signatures_[i], self, args, nargs, kwnames, slots, nullptr)) return i;
    fail(self, args, nargs, kwnames);
}

void Parser::fail(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) const {
    Slots slots;
    if (count_ == 1) {
        std::string why = join("'self' must be ", expected(signatures_[0].parameters[signatures_[0].self_at]), ", not ",
                               self ? Py_TYPE(self)->tp_name : "nothing");
        fits(signatures_[0], self, args, nargs, kwnames, slots, &why);
        raise<TypeError>(name_, "(): ", why, "; the signature is ", name_, signatures_[0].text);
    }
    std::string given;
    auto add = [&](const std::string& text) { given += (given.empty() ? "" : ", ") + text; };
    for (Py_ssize_t i = 0; i < nargs; ++i) add(Py_TYPE(args[i])->tp_name);
    for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); ++i)
        add(join(PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i)), "=", Py_TYPE(args[nargs + i])->tp_name));
    std::string options;
    for (int i = 0; i < count_; ++i) {
        std::string why;
        fits(signatures_[i], self, args, nargs, kwnames, slots, &why);
        options += join("\n * ", signatures_[i].text, why.empty() ? "" : "\n      ", why);
    }
    raise<TypeError>(name_, "() received an invalid combination of arguments - got (", given,
                     "), but expected one of:", options);
}

}  // namespace taeda::python
