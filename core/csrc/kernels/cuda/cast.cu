#include "kernels/cuda/cast.h"

#include "kernels/cuda/pointwise.h"

namespace taeda::cuda {

namespace {

// Loaded as op_type, so that 16-bit floats arrive as float.
template <class To> struct Cast {
    template <class From> TAEDA_HD To operator()(From x) const { return converted<To>(x); }
};

}  // namespace

void cast_loop(const PointwiseArgs& args, DType to, DType from) {
    visit_all(to, [&]<class To>() {
        visit_all(from, [&]<class From>() {
            if constexpr (!std::is_same_v<To, From>)
                pointwise_loop<device_type<To>, device_type<From>>(args, Cast<device_type<To>>{});
        });
    });
}

}  // namespace taeda::cuda
