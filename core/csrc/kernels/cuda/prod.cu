// Products.
#include "kernels/cuda/reduce_outputs.h"

namespace taeda::cuda {
namespace {

template <class Type> struct Product : PlainReduction {
    using S = Type;
    using C = sum_type<Type>;
    using A = C;
    Outputs out;

    __device__ A identity() const { return C(1); }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const {
        for (int k = 0; k < n; ++k) acc *= x[k];
    }
    __device__ void merge(A& acc, const A& later) const { acc *= later; }
    __device__ void write(int64_t output, const A& acc) const { out.write(output, acc); }
};

template <class Real> struct ComplexProduct : Product<device_complex<Real>> {
    __device__ void write(int64_t output, const device_complex<Real>& acc) const {
        const Outputs& o = this->out;
        int64_t offset[2];
        o.at.locate(output, offset);
        const DType real = o.dtype[0] == DType::complex64    ? DType::float32
                           : o.dtype[0] == DType::complex128 ? DType::float64
                                                             : o.dtype[0];
        if (real == o.dtype[0]) return store_as(o.data[0], real, offset[0], acc.re);
        store_as(o.data[0], real, 2 * offset[0], acc.re);
        store_as(o.data[0], real, 2 * offset[0] + 1, acc.im);
    }
};

template <class Op> void product_of(const Tensor& out, const Tensor& in, Ints dims) {
    reduce_with<Op>(out, Tensor(), in, dims, [](const Outputs& o) {
        Op op{};
        op.out = o;
        return op;
    });
}

void prod_cuda(const Tensor& out, const Tensor& in, Ints dims) {
    if (in.dtype() == DType::complex64) return product_of<ComplexProduct<float>>(out, in, dims);
    if (in.dtype() == DType::complex128) return product_of<ComplexProduct<double>>(out, in, dims);
    const DType dtype = in.dtype() == DType::bool_ ? DType::uint8 : in.dtype();
    visit_real(dtype, "prod", [&]<class T>() { product_of<Product<T>>(out, in, dims); });
}

}  // namespace

TAEDA_REGISTER(cuda, prod, prod_cuda)

}  // namespace taeda::cuda
