#include "ops/host.h"

#include "kernels/copy.h"
#include "tensor/backend.h"

namespace taeda {

namespace {

// Whether both hold the same elements in the same order of memory, without gaps.
bool same_layout(const Tensor& a, const Tensor& b) {
    if (a.dtype() != b.dtype()) return false;
    if (a.is_contiguous() && b.is_contiguous()) return true;
    if (a.strides() != b.strides()) return false;
    int64_t last = 0;
    for (size_t d = 0; d < a.sizes().size(); ++d) last += (a.sizes()[d] - 1) * a.strides()[d];
    return last + 1 == a.numel() && empty_like_tensor(alias(a)).strides() == a.strides();
}

}  // namespace

void copy_across(const Tensor& to, const Tensor& from, bool non_blocking) {
    Tensor source = from, target = to;
    if (!same_layout(to, from)) {
        if (!from.is_contiguous()) {
            source = empty_tensor(from.sizes(), from.dtype(), from.device());
            copy_kernel(from.device().type, source, from);
        }
        if (to.dtype() != from.dtype() || !to.is_contiguous())
            target = empty_tensor(to.sizes(), from.dtype(), to.device());
    }
    copy_memory(target.raw(), target.device(), source.raw(), source.device(),
                size_t(source.numel()) * size_t(source.item_bytes()), !non_blocking || !target.is_same(to));
    if (!target.is_same(to)) copy_kernel(to.device().type, to, target);
}

}  // namespace taeda
