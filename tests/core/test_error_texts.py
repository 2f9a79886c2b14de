"""What errors say: the operator and the call, what was expected, and how to mend it; docs/errors.md lists them."""

# ruff: noqa: E501 (rows of tables)

from __future__ import annotations

from pathlib import Path

import pytest
from error_cases import Case, check

import taeda
from taeda import nn
from taeda.nn import functional as F

ones = taeda.ones
tensor = taeda.tensor


BROADCAST = "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension"
POINTWISE: list[Case] = [
    (lambda: ones(2, 3) + ones(4), RuntimeError, f"{BROADCAST} 1: add of shapes [2, 3] and [4]|insert or expand dimensions"),
    (lambda: taeda.mul(ones(2, 3), ones(4)), RuntimeError, f"{BROADCAST} 1|in mul(float32[2, 3], float32[4])"),
    (lambda: ones(2, 3) > ones(4), RuntimeError, f"{BROADCAST} 1: gt of shapes [2, 3] and [4]"),
    (lambda: taeda.where(ones(2, 3) > 0, ones(4), 0), RuntimeError, f"{BROADCAST} 1|in where(bool[2, 3], float32[4], 0)"),
    (lambda: ones(2, 3).clamp(min=ones(4)), RuntimeError, f"{BROADCAST} 1|in clamp(float32[2, 3], min=float32[4])"),
    (lambda: ones(3).lerp(ones(4), 0.5), RuntimeError, f"{BROADCAST} 0|in lerp(float32[3], float32[4], 0.5)"),
    (lambda: ones(3).add_(ones(2, 3)), RuntimeError, "add_: output with shape [3] doesn't match|[2, 3]; use the out-of-place form"),
    (lambda: ones(2).copy_(ones(3)), RuntimeError, "copy_: the size of the source [3] must match, or broadcast to,|[2]"),
    (lambda: F.mse_loss(ones(2, 3), ones(3, 3)), RuntimeError, "must match the size of tensor b (3) at non-singleton dimension 0"),
    (lambda: F.binary_cross_entropy_with_logits(ones(2, 3), ones(3, 2)), ValueError, "Target size|[3, 2]|must be the same as input size|[2, 3]"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("case", POINTWISE)
def test_pointwise(case: Case) -> None:
    check(case)


RANGE = "Dimension out of range (expected to be in range of [-2, 1], but got"
REDUCTIONS: list[Case] = [
    (lambda: ones(2, 3).sum(2), IndexError, f"{RANGE} 2)|in sum(float32[2, 3], 2)"),
    (lambda: ones(2, 3).amax((0, 5)), IndexError, f"{RANGE} 5)|in amax(float32[2, 3], (0, 5))"),
    (lambda: ones(2, 3).var(dim=-3), IndexError, f"{RANGE} -3)|in var(float32[2, 3], dim=-3)"),
    (lambda: ones(2, 3).softmax(5), IndexError, f"{RANGE} 5)|in softmax(float32[2, 3], 5)"),
    (lambda: ones(2, 3).cumsum(3), IndexError, f"{RANGE} 3)|in cumsum(float32[2, 3], 3)"),
    (lambda: ones(2, 3).sort(2), IndexError, f"{RANGE} 2)|in sort(float32[2, 3], 2)"),
    (lambda: ones(0, 3).argmax(0), IndexError, "argmax(): Expected reduction dim 0 to have non-zero size|[0, 3]"),
    (lambda: ones(2, 3).topk(5), RuntimeError, "selected index k out of range: k = 5, but dimension 1 has size 3|in topk(float32[2, 3], 5)"),
    (lambda: ones(2, 3).kthvalue(9), RuntimeError, "kthvalue(): selected number k out of range for dimension 1: k = 9, size 3"),
]  # fmt: skip


@pytest.mark.parametrize("case", REDUCTIONS)
def test_reductions(case: Case) -> None:
    check(case)


VIEWS: list[Case] = [
    (lambda: ones(2, 3).reshape(4, 2), RuntimeError, "shape '[4, 2]' is invalid for input of size 6|must multiply to that, and one may be -1"),
    (lambda: ones(2, 3).t().view(6), RuntimeError, "Use .reshape(...) instead|shape [3, 2], strides [1, 3], wanted [6]"),
    (lambda: ones(2, 3).expand(4, 3), RuntimeError, "expanded size of the tensor (4) must match the existing size (2)|only dimensions of size 1 expand"),
    (lambda: ones(2, 3).permute(0, 0), RuntimeError, "permute(): duplicate dims are not allowed, got [0, 0]"),
    (lambda: ones(2, 3).transpose(0, 4), IndexError, f"{RANGE} 4)|in transpose(float32[2, 3], 0, 4)"),
    (lambda: ones(5).split([2, 2]), RuntimeError, "sum exactly to 5|split_sizes=[2, 2]"),
    (lambda: ones(5).chunk(0), RuntimeError, "chunk expects `chunks` to be greater than 0, got: 0"),
    (lambda: ones(5).narrow(0, 3, 4), RuntimeError, "start (3) + length (4) exceeds dimension size (5)|at most 2 elements are left|in narrow("),
    (lambda: ones(5).unfold(0, 9, 1), RuntimeError, "maximum size for tensor at dimension 0 is 5 but size is 9|in unfold("),
    (lambda: ones(2, 3).flatten(1, 0), RuntimeError, "in flatten(float32[2, 3], 1, 0)"),
]  # fmt: skip


@pytest.mark.parametrize("case", VIEWS)
def test_views(case: Case) -> None:
    check(case)


JOINS: list[Case] = [
    (lambda: taeda.cat([ones(2, 3), ones(2, 4)]), RuntimeError, "must match except in dimension 0|size 3 but got size 4 for tensor number 1|[2, 3] and [2, 4]"),
    (lambda: taeda.stack([ones(2), ones(3)]), RuntimeError, "stack expects each tensor to be equal size|[2] at entry 0 and [3] at entry 1"),
    (lambda: taeda.cat([]), RuntimeError, "cat"),
    (lambda: taeda.cat([ones(2)], 3), IndexError, "expected to be in range of [-1, 0], but got 3|in cat([float32[2]], 3)"),
]  # fmt: skip


@pytest.mark.parametrize("case", JOINS)
def test_joins(case: Case) -> None:
    check(case)


INDICES: list[Case] = [
    (lambda: ones(2, 3)[5], IndexError, "index 5 is out of bounds for dimension 0 with size 2; indices must lie in [-2, 2)"),
    (lambda: ones(2, 3)[tensor([5])], IndexError, "index 5 is out of bounds for dimension 0 with size 2|indices must lie in [-2, 2)"),
    (lambda: ones(2)[tensor([1.0])], IndexError, "got taeda.float32; convert it with .long(), or compare to get a mask"),
    (lambda: list(tensor(1.0)), TypeError, "iteration over a 0-d tensor; .item() gives its value"),
    (lambda: len(tensor(1.0)), TypeError, "len() of a 0-d tensor; .item() gives its value"),
    (lambda: ones(2, 3)[0, 0, 0], IndexError, "too many indices for tensor of dimension 2: 3 given"),
    (lambda: ones(2, 3).gather(1, tensor([[7]])), RuntimeError, "gather: index 7 is out of bounds for dimension 1 with size 3|[0, 3)"),
    (lambda: ones(2, 3).scatter(1, tensor([[7]]), 1.0), RuntimeError, "scatter: index 7 is out of bounds for dimension 1 with size 3|[0, 3)"),
    (lambda: ones(2, 3).index_select(0, tensor([9])), IndexError, "index_select: index 9 is out of bounds for dimension 0 with size 2|[0, 2)"),
    (lambda: ones(2, 3).take(tensor([9])), IndexError, "index 9 is out of bounds for dimension 0 with size 6|in take(float32[2, 3], int64[1])"),
    (lambda: F.embedding(tensor([7]), ones(5, 2)), IndexError, "embedding: index 7 at position 0 is out of range for a table of 5 rows|[0, 4]"),
    (lambda: F.one_hot(tensor([5]), 3), RuntimeError, "smaller than num_classes: got class 5 for num_classes=3"),
]  # fmt: skip


@pytest.mark.parametrize("case", INDICES)
def test_indices(case: Case) -> None:
    check(case)


INDEX_SHAPES: list[Case] = [
    (lambda: ones(2, 3)[tensor([True, False, True])], IndexError, "shape of the mask [3] at index 0 does not match|[2, 3] at index 0"),
    (lambda: ones(5).__setitem__(tensor([0, 1]), ones(3)), RuntimeError, "value tensor of shape [3] cannot be broadcast to indexing result of shape [2]"),
    (lambda: ones(2, 3).gather(1, ones(1, 1)), RuntimeError, "Expected dtype int64 for index, got taeda.float32; convert it with .long()"),
    (lambda: ones(2, 3).gather(1, tensor([0])), RuntimeError, "same number of dimensions as input tensor: gather of [2, 3] with index [1]"),
    (lambda: ones(2, 3).scatter_add(1, taeda.zeros(2, 3).long(), ones(1, 1)), RuntimeError, "Expected index [2, 3] to be no larger than src [1, 1]"),
    (lambda: ones(2, 3).index_add(0, tensor([0]), ones(2, 3)), IndexError, "Number of indices (1) should be equal to source.size(dim): (2)"),
    (lambda: ones(2, 3).masked_fill(ones(2, 3), 0), RuntimeError, "only supports boolean masks, but got mask with dtype taeda.float32; compare to get one"),
    (lambda: F.embedding(ones(2), ones(5, 2)), RuntimeError, "expected indices of dtype int64 or int32, got taeda.float32; convert them with .long()"),
]  # fmt: skip


@pytest.mark.parametrize("case", INDEX_SHAPES)
def test_shapes_of_indices(case: Case) -> None:
    check(case)


PRODUCTS: list[Case] = [
    (lambda: ones(2, 3).mm(ones(4, 5)), RuntimeError, "mm: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)|as many columns as the second has rows"),
    (lambda: ones(2, 3) @ ones(4, 5), RuntimeError, "matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)|the last dim of the first, 3, must equal dim -2 of the second, 4; .mT transposes"),
    (lambda: taeda.bmm(ones(2, 3, 4), ones(3, 4, 5)), RuntimeError, "bmm: Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [3, 4]"),
    (lambda: ones(2, 3, 4) @ ones(2, 3, 5), RuntimeError, "matmul: mat1 and mat2 shapes cannot be multiplied (2x3x4 and 2x3x5)"),
    (lambda: ones(2, 3, 4) @ ones(3, 4, 5), RuntimeError, "The size of tensor a (2) must match the size of tensor b (3)|batch dimensions in matmul of shapes [2] and [3]"),
    (lambda: ones(3) @ ones(4), RuntimeError, "matmul: mat1 and mat2 shapes cannot be multiplied (3 and 4)|the length of the second, 4"),
    (lambda: ones(2, 3) @ ones(4), RuntimeError, "matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 4)"),
    (lambda: ones(2, 3) @ tensor(2.0), RuntimeError, "need to be at least 1D, but they are 2D and 0D; use * for numbers"),
    (lambda: ones(2, 3) @ ones(3, 2).long(), RuntimeError, "matmul: expected both operands to have the same dtype"),
    (lambda: ones(2, 3).mv(ones(4)), RuntimeError, "mv: size mismatch, got input (2x3), vec (4)|as many columns as the vector has elements"),
    (lambda: ones(2).dot(ones(3)), RuntimeError, "dot: inconsistent tensor size, expected two vectors of as many elements, got 2 and 3|in dot(float32[2], float32[3])"),
    (lambda: taeda.addmm(ones(7), ones(2, 3), ones(3, 4)), RuntimeError, "addmm|self has shape [7], the product [2, 4]"),
    (lambda: ones(2).long().addmv(ones(2, 3).long(), ones(3).long(), alpha=0.5), RuntimeError, "addmv: For integral input tensors|got alpha = 0.5 and beta = 1; convert the tensors with .float()"),
    (lambda: F.linear(ones(2, 3), ones(4, 5)), RuntimeError, "linear: mat1 and mat2 shapes cannot be multiplied (2x3 and 5x4)|must equal in_features of the weight [4, 5]"),
    (lambda: F.linear(ones(2, 3), ones(4, 3), ones(5)), RuntimeError, "linear: expected bias of shape (4), got [5]"),
    (lambda: F.bilinear(ones(2, 3), ones(2, 3), ones(4, 5, 6)), RuntimeError, "bilinear(): input sizes [2, 3], [2, 3] do not match weight size [4, 5, 6]"),
    (lambda: taeda.einsum("ij,jk->ik", ones(2, 3), ones(4, 5)), RuntimeError, "einsum(): operands do not broadcast|sizes 3 and 4 of one subscript in 'ij,jk->ik'"),
    (lambda: taeda.tensordot(ones(2, 3), ones(4, 5), 1), RuntimeError, "first has size 3 in dim 1 and second has size 4 in dim 0"),
    (lambda: taeda.cdist(ones(2, 3), ones(2, 4)), RuntimeError, "cdist: X1 and X2 must have the same number of columns. X1: 3 X2: 4"),
    (lambda: ones(2, 3).mm(ones(3, 2).double()), RuntimeError, "same dtype, but got: taeda.float32 != taeda.float64; convert one with .to()"),
]  # fmt: skip


@pytest.mark.parametrize("case", PRODUCTS)
def test_products(case: Case) -> None:
    check(case)


CONVOLUTIONS: list[Case] = [
    (lambda: F.conv1d(ones(1, 3, 8), ones(4, 2, 3)), RuntimeError, "weight of size [4, 2, 3], expected input[1, 3, 8] to have 2 channels, but got 3|in conv1d("),
    (lambda: F.conv2d(ones(8, 3), ones(4, 3, 3, 3)), RuntimeError, "conv2d: Expected 3D (unbatched) or 4D (batched) input|[8, 3]; add the missing batch and channel dims"),
    (lambda: F.conv2d(ones(1, 2, 8, 8), ones(4, 3, 3, 3)), RuntimeError, "to have 3 channels, but got 2 channels instead; change dim 1 of the input"),
    (lambda: F.conv2d(ones(1, 3, 2, 2), ones(4, 3, 3, 3)), RuntimeError, "padded input size per channel: 2 (dim 2). Kernel size: 3|enlarge the input or the padding"),
    (lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), ones(5)), RuntimeError, "expected bias to be 1-dimensional with 4 elements, but got bias of size [5]"),
    (lambda: F.conv_transpose2d(ones(1, 2, 8, 8), ones(3, 4, 3, 3)), RuntimeError, "to have 3 channels, but got 2 channels|in conv_transpose2d("),
    (lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3).double()), RuntimeError, "Input type (taeda.float32) and weight type (taeda.float64)|convert one with .to()"),
]  # fmt: skip


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions(case: Case) -> None:
    check(case)


POOLING: list[Case] = [
    (lambda: F.max_pool2d(ones(1, 2, 2), 5), RuntimeError, "max_pool2d: the window (kernel_size [5, 5], padding [0, 0]) does not fit into an input of shape [1, 2, 2]"),
    (lambda: F.avg_pool2d(ones(2, 2), 2), RuntimeError, "avg_pool2d: expected input of shape (N, C, H, W) or (C, H, W), got shape [2, 2]"),
    (lambda: F.adaptive_avg_pool2d(ones(2), 2), RuntimeError, "adaptive_avg_pool2d: Expected 3D or 4D tensor|got shape (2,)"),
    (lambda: F.interpolate(ones(2, 3), size=4), NotImplementedError, "Only 3D, 4D and 5D input Tensors supported (got 2D)"),
    (lambda: F.pixel_shuffle(ones(1, 3, 2, 2), 2), RuntimeError, "pixel_shuffle|input.size(-3)=3 is not divisible by 4"),
]  # fmt: skip


@pytest.mark.parametrize("case", POOLING)
def test_pooling(case: Case) -> None:
    check(case)


NORMALISATION: list[Case] = [
    (lambda: F.batch_norm(ones(2, 3), ones(4), ones(4)), RuntimeError, "batch_norm: running_mean should contain 3 elements, not 4; the input has 3 channels"),
    (lambda: F.layer_norm(ones(2, 3), (4,)), RuntimeError, "layer_norm: given normalized_shape=[4], expected input whose last dimensions are that, got shape [2, 3]"),
    (lambda: F.group_norm(ones(2, 3), 2), RuntimeError, "group_norm: expected number of channels in input to be divisible by num_groups|[2, 3] and num_groups=2"),
    (lambda: F.rms_norm(ones(2, 3), (4,)), RuntimeError, "rms_norm: given normalized_shape=[4]|got shape [2, 3]"),
    (lambda: nn.BatchNorm2d(3)(ones(2, 3)), ValueError, "BatchNorm2d: expected 4D input (got 2D input of shape [2, 3]); add the missing dimensions"),
]  # fmt: skip


@pytest.mark.parametrize("case", NORMALISATION)
def test_normalisation(case: Case) -> None:
    check(case)


ATTENTION: list[Case] = [
    (lambda: F.scaled_dot_product_attention(ones(1, 2, 3, 4), ones(1, 2, 3, 5), ones(1, 2, 3, 5)), RuntimeError, "query of shape [1, 2, 3, 4] needs a key of the same last dimension|[1, 2, 3, 5]"),
    (lambda: F.scaled_dot_product_attention(ones(1, 2, 3, 4), ones(1, 2, 5, 4), ones(1, 2, 5, 4), attn_mask=ones(9, 9) > 0), RuntimeError, "Target sizes: [1, 2, 3, 5].  Tensor sizes: [1, 1, 9, 9]|attn_mask=bool[9, 9]"),
    (lambda: F.scaled_dot_product_attention(*[ones(1, 1, 2, 4)] * 3, attn_mask=ones(2, 2), is_causal=True), RuntimeError, "explicit attn_mask should not be set when is_causal=True"),
    (lambda: nn.MultiheadAttention(5, 2), AssertionError, "embed_dim must be divisible by num_heads, got embed_dim=5 and num_heads=2"),
]  # fmt: skip


@pytest.mark.parametrize("case", ATTENTION)
def test_attention(case: Case) -> None:
    check(case)


RECURRENT: list[Case] = [
    (lambda: nn.LSTM(3, 4)(ones(5, 2, 7)), RuntimeError, "LSTM: input.size(-1) must be equal to input_size. Expected 3, got 7 in shape [5, 2, 7]"),
    (lambda: nn.LSTM(3, 4)(ones(5, 2, 3), (ones(1, 3, 4), ones(1, 3, 4))), RuntimeError, "Expected hidden[0] size (1, 2, 4), got [1, 3, 4]"),
    (lambda: nn.GRU(3, 4)(ones(5)), ValueError, "GRU: Expected input to be 2D or 3D, got 1D"),
]  # fmt: skip


@pytest.mark.parametrize("case", RECURRENT)
def test_recurrent_layers(case: Case) -> None:
    check(case)


LOSSES: list[Case] = [
    (lambda: F.cross_entropy(ones(2, 3), tensor([0, 1, 2])), ValueError, "cross_entropy: expected input batch_size (2) to match target batch_size (3)|[2, 3]|[3]"),
    (lambda: F.cross_entropy(ones(2, 3), tensor([0, 9])), IndexError, "target class 9 is out of range for 3 classes|[0, 2]|ignore_index (-100)"),
    (lambda: F.cross_entropy(ones(2, 3), tensor([[0], [1]])), RuntimeError, "expected target of shape [2] for input of shape [2, 3], got shape [2, 1]|.squeeze(1)"),
    (lambda: F.cross_entropy(ones(2, 3), tensor([[0, 1, 0]] * 2)), RuntimeError, "got shape [2, 3]; pass classes, as from .argmax(1), or probabilities"),
    (lambda: F.binary_cross_entropy(ones(2) * 3, ones(2)), RuntimeError, "all elements of input should be between 0 and 1, got values from 3 to 3; apply sigmoid()"),
    (lambda: F.binary_cross_entropy(ones(2), -ones(2)), RuntimeError, "all elements of target should be between 0 and 1, got values from -1 to -1"),
    (lambda: F.nll_loss(ones(2, 3), tensor([0, 9])), IndexError, "nll_loss: target class 9 is out of range for 3 classes"),
    (lambda: F.cross_entropy(ones(2, 3), tensor([0, 1]).int()), RuntimeError, "expected target classes of dtype int64 (Long), got taeda.int32; convert them with .long()"),
]  # fmt: skip


@pytest.mark.parametrize("case", LOSSES)
def test_losses(case: Case) -> None:
    check(case)


PADDING: list[Case] = [
    (lambda: F.pad(ones(2), (1, 2, 3)), RuntimeError, "Padding length must be divisible by 2, got 3 values: [1, 2, 3]"),
    (lambda: F.pad(ones(1, 1, 3), (5, 5), mode="reflect"), RuntimeError, "Padding size should be less than|(5, 5) at dimension 2 of input [1, 1, 3]"),
    (lambda: F.pad(ones(1, 1, 3), (5, 5), mode="abc"), NotImplementedError, "Unrecognised padding mode abc; use constant, reflect, replicate or circular"),
    (lambda: F.fold(ones(1, 3, 4), (4, 4), 2), RuntimeError, "divisible by the window's 4 elements, got shape [1, 3, 4]"),
]  # fmt: skip


@pytest.mark.parametrize("case", PADDING)
def test_padding(case: Case) -> None:
    check(case)


LINEAR_ALGEBRA: list[Case] = [
    (lambda: taeda.linalg.inv(ones(2, 3)), RuntimeError, "linalg.inv: A must be batches of square matrices, but they are 2 by 3 matrices"),
    (lambda: taeda.linalg.solve(ones(3, 3), ones(4)), RuntimeError, "linalg.solve: Incompatible shapes of A and B for the equation AX = B (3x3 and 4x1)"),
    (lambda: taeda.linalg.inv(ones(2, 2)), taeda.linalg.LinAlgError, "linalg.inv: The diagonal element 2 is zero"),
    (lambda: taeda.linalg.cholesky(-taeda.eye(2)), taeda.linalg.LinAlgError, "linalg.cholesky|not positive-definite (the leading minor of order 1"),
    (lambda: taeda.linalg.det(ones(2, 2).long()), RuntimeError, "linalg.det|Long"),
]  # fmt: skip


@pytest.mark.parametrize("case", LINEAR_ALGEBRA)
def test_linear_algebra(case: Case) -> None:
    check(case)


TRANSFORMS: list[Case] = [
    (lambda: taeda.fft.fft(ones(3), dim=2), IndexError, "fft: Dimension out of range (expected to be in range of [-1, 0], got 2)"),
    (lambda: taeda.fft.fft(ones(3), n=0), RuntimeError, "fft: invalid number of data points (0)"),
    (lambda: taeda.fft.rfft(ones(3).cfloat()), RuntimeError, "rfft: expected a real input, got taeda.complex64; use the transform without r"),
    (lambda: taeda.stft(ones(4), 16, center=False, return_complex=True), RuntimeError, "stft: expected 0 < n_fft <= 4 samples, but got n_fft=16"),
]  # fmt: skip


@pytest.mark.parametrize("case", TRANSFORMS)
def test_transforms(case: Case) -> None:
    check(case)


RANDOM: list[Case] = [
    (lambda: F.dropout(ones(2), 2.0), ValueError, "dropout probability has to be between 0 and 1, but got 2.0"),
    (lambda: taeda.multinomial(ones(3), 5), RuntimeError, "without replacement: 5 > 3; draw fewer, or pass replacement=True"),
    (lambda: taeda.bernoulli(ones(2) * 3), RuntimeError, "probabilities must lie in [0, 1]|in bernoulli(float32[2])"),
    (lambda: taeda.randperm(-1), RuntimeError, "n must be non-negative, got -1|in randperm(-1)"),
    (lambda: taeda.randint(3, 3, (2,)), RuntimeError, "in randint(3, 3, (2))"),
]  # fmt: skip


@pytest.mark.parametrize("case", RANDOM)
def test_random_numbers(case: Case) -> None:
    check(case)


CREATION: list[Case] = [
    (lambda: taeda.zeros(2, -1), RuntimeError, "negative dimension -1: [2, -1]|in zeros(2, -1)"),
    (lambda: taeda.arange(0, 1, 0), RuntimeError, "step must be nonzero|in arange(0, 1, 0)"),
    (lambda: taeda.linspace(0, 1, -1), RuntimeError, "number of steps must be non-negative, got -1"),
    (lambda: tensor([[1, 2], [3]]), ValueError, "expected sequence of length 2 at dim 1 (got 1); all rows of nested data must have the same length"),
]  # fmt: skip


@pytest.mark.parametrize("case", CREATION)
def test_creation(case: Case) -> None:
    check(case)


DTYPES: list[Case] = [
    (lambda: ones(2, 3).long().mean(), RuntimeError, "mean(): could not infer output dtype|floating point or complex dtype. Got: Long; convert with .float() or pass dtype="),
    (lambda: taeda.bitwise_and(ones(2), ones(2)), RuntimeError, "\"bitwise_and\" not implemented for 'Float'; convert the operands first"),
    (lambda: taeda.sub(ones(2) > 0, ones(2) > 0), RuntimeError, "\"sub\" not implemented for 'Bool'; convert the operands first"),
    (lambda: tensor([1]).requires_grad_(), RuntimeError, "only Tensors of floating point and complex dtype can require gradients; this one is taeda.int64, convert it first"),
    (lambda: taeda.fft.fft(ones(4).half()), RuntimeError, "fft: unsupported dtype taeda.float16; convert to float32 first"),
]  # fmt: skip


@pytest.mark.parametrize("case", DTYPES)
def test_dtypes(case: Case) -> None:
    check(case)


RESULTS: list[Case] = [
    (lambda: taeda.add(ones(2), 1, out=taeda.zeros(2).long()), RuntimeError, "result type Float can't be cast to the desired output type Long; pass an out= tensor of dtype taeda.float32"),
    (lambda: ones(2).long().add_(0.5), RuntimeError, "add_: result type Float can't be cast to the desired output type Long; use add(), or convert the tensor first with .to(taeda.float32)"),
    (lambda: tensor([2]) ** -1, RuntimeError, "pow: Integers to negative integer powers are not allowed, got -1; convert the base, e.g. with .float()|in pow(int64[1], -1)"),
    (lambda: tensor([2]).pow_(-2), RuntimeError, "pow: Integers to negative integer powers are not allowed, got -2|in pow_(int64[1], -2)"),
    (lambda: ones(2).long().div_(2), RuntimeError, "div_: result type Float can't be cast to the desired output type Long; use div()|in div_(int64[2], 2)"),
    (lambda: ones(2).long().clamp_(0.5), RuntimeError, "clamp_: result type Float can't be cast"),
    (lambda: ones(2).long().logit_(), RuntimeError, "logit_: result type Float can't be cast"),
    (lambda: taeda.add(ones(3), 1, out=taeda.zeros(1).expand(3)), RuntimeError, "more than one element of the written-to tensor|Please clone() the tensor"),
    (lambda: taeda.index_select(ones(3, 6), 1, tensor([0, 1]), out=ones(6).expand(2, 6)), RuntimeError, "more than one element of the written-to tensor"),
    (lambda: taeda.add(ones(2, requires_grad=True), 1, out=ones(2)), RuntimeError, "out=... arguments don't support automatic differentiation"),
]  # fmt: skip


@pytest.mark.parametrize("case", RESULTS)
def test_results(case: Case) -> None:
    check(case)


ARGUMENTS: list[Case] = [
    (lambda: taeda.relu("x"), TypeError, "relu(): argument 'self' (position 1) must be Tensor, not str; the signature is relu(Tensor self"),
    (lambda: ones(2).sum(dims=1), TypeError, "sum() received an invalid combination of arguments - got (dims=int)|got an unexpected keyword argument 'dims'"),
    (lambda: taeda.mm(ones(2, 2)), TypeError, "mm(): missing a required argument: 'mat2' (Tensor)"),  # type: ignore[call-arg]
    (lambda: taeda.mm(*[ones(2, 2)] * 3), TypeError, "mm(): takes 2 positional arguments but 3 were given"),
    (lambda: nn.Linear(2, 2)(ones(1, 2), 3), TypeError, "forward() takes 2 positional arguments but 3 were given"),
]  # fmt: skip


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments(case: Case) -> None:
    check(case)


def test_devices() -> None:
    check(
        (lambda: ones(2, device="abacus"), RuntimeError, "Expected one of cpu, meta, cuda device type|abacus")
    )


def test_state_dicts() -> None:
    state = {"weight": ones(3, 3), "extra": ones(1)}
    check((
        lambda: nn.Sequential(nn.Linear(2, 3)).load_state_dict({f"0.{k}": v for k, v in state.items()}),
        RuntimeError,
        'Error(s) in loading state_dict for Sequential|Missing key(s) in state_dict: "0.bias"|'
        'Unexpected key(s) in state_dict: "0.extra"|size mismatch for 0.weight|[3, 3]) from checkpoint|[3, 2]',
    ))  # fmt: skip


BACKWARD: list[Case] = [
    (lambda: (ones(2, requires_grad=True) * 2).backward(), RuntimeError, "only for scalar outputs; got shape [2], pass a gradient of that shape or reduce the output"),
    (lambda: ones(1).backward(), RuntimeError, "does not require grad"),
    (lambda: ones(2, requires_grad=True).numpy(), RuntimeError, "Use tensor.detach().numpy() instead"),
    (lambda: ones(2).item(), RuntimeError, "a Tensor with 2 elements cannot be converted to Scalar; it has shape [2], use .tolist() or index one element"),
    (lambda: bool(ones(2)), RuntimeError, "more than one value is ambiguous; use .any() or .all() (shape [2])"),
]  # fmt: skip


@pytest.mark.parametrize("case", BACKWARD)
def test_backward(case: Case) -> None:
    check(case)


OPTIMIZERS: list[Case] = [
    (lambda: taeda.optim.SGD([], lr=0.1), ValueError, "optimizer got an empty parameter list"),
    (lambda: taeda.optim.SGD([ones(1)], lr=-1), ValueError, "Invalid learning rate: -1; expected at least 0"),
    (lambda: taeda.optim.AdamW([ones(1)], betas=(2, 0)), ValueError, "Invalid beta parameter at index 0: 2; expected at least 0 and less than 1"),
    (lambda: taeda.optim.SGD(ones(1), lr=0.1), TypeError, "should be an iterable of Tensors or dicts, but got Tensor"),
]  # fmt: skip


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_options_of_optimizers(case: Case) -> None:
    check(case)


def test_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "none.pt"
    check((lambda: taeda.load(path), FileNotFoundError, str(path)))
