"""Ready-made parametrizations: weight norm, spectral norm and orthogonal matrices."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from .. import functional as F
from .. import init
from ..modules.module import Module
from . import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def norm_except_dim(v: Tensor, dim: int) -> Tensor:
    """Euclidean norms of the slices along a dimension, all other sizes 1; of the whole tensor for -1."""
    if dim == -1:
        return v.norm()
    others = [d for d in range(v.dim()) if d != dim]
    return v.norm(2, others, keepdim=True) if others else v.abs()


class _WeightNorm(Module):
    """weight = g * v / norm(v), from the originals g and v."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """The weight."""
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """g and v of a weight."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Separates a weight's direction from its length (Salimans & Kingma, 2016).

    Args:
        module: owner of the weight.
        name: its name.
        dim: dimension along whose slices there is a length each; None is one length for all.

    Returns:
        The module.
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def read_older_names(state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(read_older_names)
    return module


class _SpectralNorm(Module):
    """weight / its largest singular value, which power iteration follows in training."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if dim >= weight.dim() or dim < -weight.dim():
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{weight.dim()}, {weight.dim() - 1}] "
                f"but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + weight.dim()
        self.eps = eps
        if weight.dim() > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight)
            rows, columns = matrix.shape
            u = matrix.detach().new_empty(rows).normal_(0, 1)
            v = matrix.detach().new_empty(columns).normal_(0, 1)
            self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        order = [self.dim, *(d for d in range(weight.dim()) if d != self.dim)]
        return weight.permute(order).flatten(1)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        with taeda.no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.t().mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight divided by its spectral norm."""
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        sigma: Tensor = self._u.clone().dot(matrix.mv(self._v.clone()))
        return weight / sigma

    def right_inverse(self, value: Tensor) -> Tensor:
        """The weight itself: it may already have norm 1."""
        return value


def _default_dim(module: Module) -> int:
    """The dimension of the outputs: 1 for transposed convolutions, 0 otherwise."""
    return 1 if getattr(module, "transposed", False) else 0


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divides a weight by its largest singular value (Miyato et al., 2018).

    Args:
        module: owner of the weight.
        name: its name.
        n_power_iterations: steps of the estimation in each forward pass of the training.
        eps: least norm that is divided by.
        dim: dimension of the outputs; None is 0, and 1 for transposed convolutions.

    Returns:
        The module.

    Raises:
        ValueError: there is no such tensor, or the number of steps is not positive.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    dim = _default_dim(module) if dim is None else dim
    parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


class _Orthogonal(Module):
    """base @ an orthogonal matrix that is computed from an unconstrained one."""

    def __init__(self, weight: Tensor, how: str, use_trivialization: bool) -> None:
        super().__init__()
        self.base: Tensor | None
        self.how = how
        self.shape = weight.shape
        if use_trivialization and how != "householder":
            base = weight.detach().clone()
            init.orthogonal_(base)
            self.register_buffer("base", base)
        else:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        """(..., n, k) to a matrix of that shape with orthonormal rows or columns."""
        wide = x.size(-2) < x.size(-1)
        tall = x.mT if wide else x
        n, k = tall.shape[-2:]
        if self.how == "householder":
            q, r = taeda.linalg.qr(tall)
            result = q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)
        else:
            lower = tall.tril(-1 if k == n or self.base is not None else 0)
            if k < n:
                filler = taeda.zeros(*tall.shape[:-2], n, n - k, dtype=tall.dtype, device=tall.device)
                lower = taeda.cat([lower, filler], -1)
            skew = lower - lower.mH
            if self.how == "matrix_exp":
                square = taeda.linalg.matrix_exp(skew)
            else:
                identity = taeda.eye(n, dtype=tall.dtype, device=tall.device)
                square = taeda.linalg.solve(identity - 0.5 * skew, identity + 0.5 * skew)
            result = square[..., :k]
            if self.base is not None:
                base = self.base.mT if wide else self.base
                result = square @ base
        return result.mT if wide else result

    def right_inverse(self, q: Tensor) -> Tensor:
        """What `forward` makes an orthogonal matrix from.

        Raises:
            ValueError: another shape.
        """
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{q.shape}."
            )
        if self.base is None:
            return q
        projected, r = taeda.linalg.qr(q.mT if q.size(-2) < q.size(-1) else q)
        projected = projected * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)
        self.base = projected.mT if q.size(-2) < q.size(-1) else projected
        return taeda.zeros_like(q)


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keeps a matrix orthogonal, or its rows or columns orthonormal.

    Args:
        module: owner of the matrix.
        name: its name.
        orthogonal_map: 'matrix_exp', 'cayley' or 'householder'; None chooses.
        use_trivialization: whether the first two move along from a fixed orthogonal matrix.

    Returns:
        The module.

    Raises:
        ValueError: there is no such tensor, it is no matrix, or the map is unknown.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.size(-2) == weight.size(-1) else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    parametrize.register_parametrization(
        module, name, _Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True
    )
    return module
