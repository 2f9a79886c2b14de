#include "ops/derivatives.h"

namespace taeda::ops {

Dims inverse_permutation(Ints dims) {
    Dims inverse(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) inverse[size_t(wrap_dim(dims[i], int64_t(dims.size())))] = int64_t(i);
    return inverse;
}

Tensor keep_reduced(const Tensor& grad, Ints sizes, std::optional<Ints> dims, bool keepdim) {
    if (keepdim || sizes.empty()) return grad;
    Dims kept(sizes);
    for (int64_t d : wrap_dims(dims.value_or(Ints()), int64_t(sizes.size()))) kept[size_t(d)] = 1;
    return reshape(grad, kept);
}

Tensors cat_backward(const Tensor& grad, const std::vector<Dims>& sizes, int64_t dim) {
    int64_t d = wrap_dim(dim, grad.dim()), at = 0;
    Tensors parts;
    for (const Dims& s : sizes) {
        if (s.size() == 1 && s[0] == 0 && grad.dim() != 1) {
            parts.push_back(zeros(s, grad.dtype()));
            continue;
        }
        parts.push_back(narrow(grad, d, at, s[size_t(d)]));
        at += s[size_t(d)];
    }
    return parts;
}

}  // namespace taeda::ops
