"""Which operators autocast converts the arguments of, as torch does on each kind of device.

An operator's overloads are meant alike. What is in neither list runs in the dtypes that it gets.
"""

from __future__ import annotations

from taeda import _C

__all__ = ["FLOAT32", "LOWER", "WIDEST", "install"]

# Products: the time goes here, and sums are kept in float32 inside.
LOWER = {
    "cpu": (
        "addbmm addmm addmv addr baddbmm bilinear bmm conv1d conv2d conv3d conv_transpose1d conv_transpose2d "
        "conv_transpose3d einsum linalg_multi_dot linalg_vecdot linear matmul mm mv prelu "
        "scaled_dot_product_attention"
    ).split(),
    "cuda": (
        "addbmm addmm addmv addr baddbmm bmm conv1d conv2d conv3d conv_transpose1d conv_transpose2d "
        "conv_transpose3d einsum linalg_multi_dot linalg_vecdot linear matmul mm mv prelu "
        "scaled_dot_product_attention"
    ).split(),
}
# Losses, decompositions and others whose results would be rough.
FLOAT32 = {
    "cpu": (
        "_fft_c2c _fft_c2r _fft_r2c adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d binary_cross_entropy "
        "binary_cross_entropy_with_logits cdist cholesky cholesky_inverse cholesky_solve cross_entropy_loss geqrf "
        "huber_loss inverse kl_div l1_loss linalg_cholesky linalg_cholesky_ex linalg_cond linalg_eig linalg_eigh "
        "linalg_eigvals linalg_eigvalsh linalg_householder_product linalg_inv linalg_inv_ex linalg_lstsq "
        "linalg_matrix_rank linalg_qr linalg_solve linalg_svd linalg_svdvals linalg_tensorinv linalg_tensorsolve "
        "lu_solve max_pool3d max_pool3d_with_indices mse_loss nanquantile nll_loss nll_loss2d ormqr pinverse polar "
        "prod quantile smooth_l1_loss svd trace triangular_solve view_as_complex"
    ).split(),
    "cuda": (
        "acos asin binary_cross_entropy_with_logits cdist cosh cosine_similarity cross_entropy_loss cumprod cumsum "
        "dist erfinv exp expm1 group_norm huber_loss kl_div l1_loss layer_norm linalg_matrix_norm "
        "linalg_vector_norm log log10 log1p log2 log_softmax logsumexp mse_loss nll_loss nll_loss2d norm pdist pow "
        "prod reciprocal renorm rsqrt sinh smooth_l1_loss softmax softmin softplus sum tan"
    ).split(),
}
# Joins of tensors that may differ.
WIDEST = {
    "cpu": ["cat", "index_copy", "stack"],
    "cuda": "addcdiv addcmul atan2 bilinear cat cross dot index_put scatter_add stack vdot".split(),
}


def install() -> None:
    """Tells the core; needed once."""
    for policy, lists in enumerate((LOWER, FLOAT32, WIDEST)):
        for device_type, names in lists.items():
            for name in names:
                _C._autocast_set_policy(device_type, name, policy)
