// Exceptions that become Python exceptions of the same name, and the one helper that builds their text.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace taeda {

// Base of all errors; on its own it becomes Python's RuntimeError.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct IndexError : Error {
    using Error::Error;
};
struct ValueError : Error {
    using Error::Error;
};
struct TypeError : Error {
    using Error::Error;
};
struct NotImplementedError : Error {
    using Error::Error;
};
struct OutOfMemoryError : Error {
    using Error::Error;
};

template <class... Parts> std::string join(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    return text.str();
}

template <class E = Error, class... Parts> [[noreturn, gnu::cold, gnu::noinline]] void raise(const Parts&... parts) {
    throw E(join(parts...));
}

}  // namespace taeda

// TAEDA_CHECK(cond, parts...) raises RuntimeError; TAEDA_CHECK_AS(IndexError, cond, parts...) another one.
#define TAEDA_CHECK(condition, ...) \
    do { \
        if (!(condition)) [[unlikely]] \
            ::taeda::raise<::taeda::Error>(__VA_ARGS__); \
    } while (0)
#define TAEDA_CHECK_AS(type, condition, ...) \
    do { \
        if (!(condition)) [[unlikely]] \
            ::taeda::raise<::taeda::type>(__VA_ARGS__); \
    } while (0)
