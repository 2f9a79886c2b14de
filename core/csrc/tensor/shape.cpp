#include "tensor/shape.h"

#include "tensor/scalar.h"

namespace taeda {

std::ostream& operator<<(std::ostream& out, Ints ints) {
    out << '[';
    for (size_t i = 0; i < ints.size(); ++i) out << (i ? ", " : "") << ints[i];
    return out << ']';
}

std::ostream& operator<<(std::ostream& out, const Scalar& value) {
    if (value.is_boolean()) return out << (value.to_bool() ? "True" : "False");
    if (value.is_integral()) return out << value.to_int();
    if (value.is_floating()) return out << value.to_double();
    return out << value.to_complex();
}

int64_t wrap_dim(int64_t dim, int64_t ndim, bool scalar_counts_as_one) {
    int64_t n = ndim == 0 && scalar_counts_as_one ? 1 : ndim;
    if (dim < -n || dim >= n) [[unlikely]] {
        if (n == 0) raise<IndexError>("Dimension specified as ", dim, " but tensor has no dimensions");
        raise<IndexError>("Dimension out of range (expected to be in range of [", -n, ", ", n - 1, "], but got ", dim,
                          ")");
    }
    return dim < 0 ? dim + n : dim;
}

Dims wrap_dims(Ints dims, int64_t ndim) {
    Dims wrapped;
    if (dims.empty()) {
        for (int64_t d = 0; d < ndim; ++d) wrapped.push_back(d);
        return wrapped;
    }
    for (int64_t dim : dims) {
        int64_t d = wrap_dim(dim, ndim);
        TAEDA_CHECK(std::find(wrapped.begin(), wrapped.end(), d) == wrapped.end(), "dim ", d,
                    " appears multiple times in the list of dims ", dims);
        wrapped.push_back(d);
    }
    return wrapped;
}

Dims contiguous_strides(Ints sizes) {
    Dims strides(sizes.size());
    int64_t step = 1;
    for (size_t d = sizes.size(); d-- > 0;) {
        strides[d] = step;
        step *= std::max<int64_t>(sizes[d], 1);
    }
    return strides;
}

Dims broadcast_shapes(Ints a, Ints b, const char* op) {
    if (a == b) return a;
    size_t n = std::max(a.size(), b.size());
    Dims result(n);
    for (size_t i = 0; i < n; ++i) {
        int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
        if (x != y && x != 1 && y != 1)
            raise("The size of tensor a (", x, ") must match the size of tensor b (", y,
                  ") at non-singleton dimension ", n - 1 - i, ": ", op, " of shapes ", a, " and ", b,
                  "; insert or expand dimensions so that they broadcast");
        result[n - 1 - i] = x == 1 ? y : x;
    }
    return result;
}

bool is_expandable_to(Ints from, Ints to) {
    if (from.size() > to.size()) return false;
    for (size_t i = 1; i <= from.size(); ++i) {
        int64_t x = from[from.size() - i];
        if (x != 1 && x != to[to.size() - i]) return false;
    }
    return true;
}

Dims infer_size(Ints shape, int64_t numel) {
    Dims result(shape);
    int64_t known = 1, unknown = -1;
    for (size_t d = 0; d < shape.size(); ++d) {
        if (shape[d] == -1) {
            TAEDA_CHECK(unknown < 0, "only one dimension can be inferred, got shape ", shape);
            unknown = int64_t(d);
        } else {
            TAEDA_CHECK(shape[d] >= 0, "invalid shape dimension ", shape[d], " at index ", d, " of shape ", shape);
            known *= shape[d];
        }
    }
    if (unknown >= 0 && known > 0 && numel % known == 0) {
        result[size_t(unknown)] = numel / known;
        return result;
    }
    if (unknown >= 0 && known == 0)
        TAEDA_CHECK(numel != 0, "cannot reshape tensor of 0 elements into shape ", shape,
                    " because the unspecified dimension size -1 can be any value and is ambiguous");
    TAEDA_CHECK(unknown < 0 && known == numel, "shape '", shape, "' is invalid for input of size ", numel,
                "; its sizes must multiply to that, and one may be -1");
    return result;
}

std::optional<Dims> view_strides(Ints sizes, Ints strides, Ints new_sizes) {
    if (product(sizes) == 0) {
        if (sizes == new_sizes) return Dims(strides);
        return contiguous_strides(new_sizes);
    }
    Dims result(new_sizes.size());
    int64_t new_dim = int64_t(new_sizes.size()) - 1;
    // Chunks are runs of old dimensions that are contiguous among themselves; each must be used up exactly.
    int64_t base = sizes.empty() ? 1 : strides.back();
    int64_t chunk = 1, used = 1;
    for (int64_t d = int64_t(sizes.size()) - 1; d >= 0; --d) {
        size_t i = size_t(d);
        chunk *= sizes[i];
        bool ends = d == 0 || (sizes[i - 1] != 1 && strides[i - 1] != chunk * base);
        if (!ends) continue;
        while (new_dim >= 0 && (used < chunk || new_sizes[size_t(new_dim)] == 1)) {
            result[size_t(new_dim)] = used * base;
            used *= new_sizes[size_t(new_dim--)];
        }
        if (used != chunk) return {};
        if (d > 0) {
            base = strides[i - 1];
            chunk = used = 1;
        }
    }
    while (new_dim >= 0) {
        if (new_sizes[size_t(new_dim)] != 1) return {};
        result[size_t(new_dim--)] = used * base;
    }
    return result;
}

}  // namespace taeda
