// Rearrangements between channels and positions.
#include "kernels/fold.h"

#include "native.h"

namespace taeda::native {

namespace {

PoolGeometry geometry(Ints plane, Ints kernel, Ints dilation, Ints padding, Ints stride, const char* op) {
    PoolGeometry g;
    for (size_t i = 0; i < 2; ++i) {
        TAEDA_CHECK(kernel[i] > 0 && dilation[i] > 0 && stride[i] > 0, op,
                    ": kernel_size, dilation and stride must be greater than zero, got ", kernel, ", ", dilation,
                    " and ", stride);
        TAEDA_CHECK(padding[i] >= 0, op, ": padding must not be negative, got ", padding);
        g.kernel[i + 1] = kernel[i], g.dilation[i + 1] = dilation[i], g.padding[i + 1] = padding[i],
                     g.stride[i + 1] = stride[i];
        g.input[i + 1] = plane[i];
        int64_t room = plane[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1;
        TAEDA_CHECK(room >= 0, op, ": windows of kernel_size ", kernel, " and dilation ", dilation,
                    " do not fit into planes of shape ", plane, " with padding ", padding,
                    "; there would be no positions");
        g.output[i + 1] = room / stride[i] + 1;
    }
    return g;
}

}  // namespace

Tensor im2col(const Tensor& self, Ints kernel_size, Ints dilation, Ints padding, Ints stride) {
    TAEDA_CHECK((self.dim() == 3 || self.dim() == 4) && self.size(-1) > 0 && self.size(-2) > 0 && self.size(-3) > 0,
                "im2col: expected input of shape (N, C, H, W) or (C, H, W), not empty but for the batch, got shape ",
                self.sizes());
    PoolGeometry g =
        geometry(self.sizes().slice(self.sizes().size() - 2, 2), kernel_size, dilation, padding, stride, "im2col");
    Dims sizes(self.sizes().slice(0, self.sizes().size() - 2));
    sizes.back() *= g.kernel[1] * g.kernel[2];
    sizes.push_back(g.output_size());
    Tensor out = empty_tensor(sizes, self.dtype(), self.device());
    if (!out.is_meta()) im2col_kernel(out.device().type, out, ops::contiguous(self), g);
    return out;
}

Tensor col2im(const Tensor& self, Ints output_size, Ints kernel_size, Ints dilation, Ints padding, Ints stride) {
    PoolGeometry g = geometry(output_size, kernel_size, dilation, padding, stride, "col2im");
    int64_t window = g.kernel[1] * g.kernel[2];
    TAEDA_CHECK(self.dim() == 2 || self.dim() == 3,
                "col2im: expected input of shape (N, C * window, positions) or (C * window, positions), "
                "got shape ",
                self.sizes());
    TAEDA_CHECK(self.size(-2) % window == 0, "col2im: expected size of input's dimension ", self.dim() - 2,
                " to be divisible by the window's ", window, " elements, got shape ", self.sizes());
    TAEDA_CHECK(self.size(-1) == g.output_size(), "col2im: expected ", g.output_size(), " positions for output_size ",
                output_size, ", kernel_size ", kernel_size, ", dilation ", dilation, ", padding ", padding,
                " and stride ", stride, ", got shape ", self.sizes());
    Dims sizes(self.sizes().slice(0, self.sizes().size() - 1));
    sizes.back() /= window;
    sizes.push_back(output_size[0]);
    sizes.push_back(output_size[1]);
    Tensor out = empty_tensor(sizes, self.dtype(), self.device());
    if (!out.is_meta()) col2im_kernel(out.device().type, out, ops::contiguous(self), g);
    return out;
}

Tensor pixel_shuffle(const Tensor& self, int64_t r) {
    TAEDA_CHECK(self.dim() >= 3, "pixel_shuffle: expects input to have at least 3 dimensions, but got input with ",
                self.dim(), " dimension(s)");
    TAEDA_CHECK(r > 0, "pixel_shuffle: expects a positive upscale_factor, but got ", r);
    int64_t C = self.size(-3), H = self.size(-2), W = self.size(-1);
    TAEDA_CHECK(
        C % (r * r) == 0,
        "pixel_shuffle: expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
        "but input.size(-3)=",
        C, " is not divisible by ", r * r);
    Dims sizes(self.sizes());
    sizes[sizes.size() - 3] = C / (r * r), sizes[sizes.size() - 2] = H * r, sizes[sizes.size() - 1] = W * r;
    if (self.numel() == 0) return ops::reshape(self, sizes);
    Tensor split = ops::reshape(self, {-1, C / (r * r), r, r, H, W});
    return ops::reshape(ops::permute(split, {0, 1, 4, 2, 5, 3}), sizes);
}

Tensor pixel_unshuffle(const Tensor& self, int64_t r) {
    TAEDA_CHECK(self.dim() >= 3, "pixel_unshuffle: expects input to have at least 3 dimensions, but got input with ",
                self.dim(), " dimension(s)");
    TAEDA_CHECK(r > 0, "pixel_unshuffle: expects a positive downscale_factor, but got ", r);
    int64_t C = self.size(-3), H = self.size(-2), W = self.size(-1);
    TAEDA_CHECK(H % r == 0 && W % r == 0,
                "pixel_unshuffle: expects height and width to be divisible by downscale_factor, but input of shape ",
                self.sizes(), " and downscale_factor ", r, " do not fit");
    Dims sizes(self.sizes());
    sizes[sizes.size() - 3] = C * r * r, sizes[sizes.size() - 2] = H / r, sizes[sizes.size() - 1] = W / r;
    if (self.numel() == 0) return ops::reshape(self, sizes);
    Tensor split = ops::reshape(self, {-1, C, H / r, r, W / r, r});
    return ops::reshape(ops::permute(split, {0, 1, 3, 5, 2, 4}), sizes);
}

Tensor channel_shuffle(const Tensor& self, int64_t groups) {
    TAEDA_CHECK(self.dim() > 2, "channel_shuffle expects input with > 2 dims, but got input with sizes ", self.sizes());
    TAEDA_CHECK(groups > 0, "Number of groups to divide channels in must be positive. Value of groups:", groups);
    int64_t C = self.size(1);
    TAEDA_CHECK(C % groups == 0, "Number of channels must be divisible by groups. Got ", C, " channels and ", groups,
                " groups.");
    if (self.numel() == 0) return ops::reshape(self, self.sizes());
    Tensor split = ops::reshape(self, {self.size(0), groups, C / groups, -1});
    return ops::reshape(ops::transpose(split, 1, 2), self.sizes());
}

Tensor native_channel_shuffle(const Tensor& self, int64_t groups) { return ops::channel_shuffle(self, groups); }

}  // namespace taeda::native
