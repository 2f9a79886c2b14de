"""Fourier transforms; `taeda.fft` is made of these. normalization: 0 none, 1 by the root of the size, 2 by the size."""

from catalogue.families import FUNCTION, composite, op

op("_fft_c2c(Tensor self, int[] dim, int normalization, bool forward) -> Tensor",
   "Complex transform over dims.", where=(FUNCTION,),
   vjp={"self": "_fft_c2c(grad, dim, normalization, !forward)"})  # fmt: skip
op("_fft_r2c(Tensor self, int[] dim, int normalization) -> Tensor",
   "Forward transform of real values; the last of dims keeps its first n / 2 + 1 frequencies.", where=(FUNCTION,),
   vjp={"self": "fft_r2c_backward(grad, dim, normalization, self_sizes[size_t(wrap_dim(dim[dim.size() - 1], "
                "int64_t(self_sizes.size())))])"})  # fmt: skip
op("_fft_c2r(Tensor self, int[] dim, int normalization, int last_dim_size) -> Tensor",
   "Backward transform to real values; the last of dims holds the first half of the frequencies.", where=(FUNCTION,),
   vjp={"self": "fft_c2r_backward(grad, dim, normalization, last_dim_size)"})  # fmt: skip
composite("fft_r2c_backward(Tensor grad, int[] dim, int normalization, int last_size) -> Tensor",
          "Gradient of _fft_r2c.", where=())  # fmt: skip
composite("fft_c2r_backward(Tensor grad, int[] dim, int normalization, int last_dim_size) -> Tensor",
          "Gradient of _fft_c2r.", where=())  # fmt: skip
