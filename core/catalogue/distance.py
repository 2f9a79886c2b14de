"""Distances and similarities of vectors."""

from catalogue.families import FUNCTION, composite

_WHERE = (FUNCTION,)
composite("pairwise_distance(Tensor x1, Tensor x2, float p=2, float eps=1e-06, bool keepdim=False) -> Tensor",
          "p-norms of x1 - x2 + eps over the last dimension.", where=_WHERE)  # fmt: skip
composite("cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
          "Cosines of the angles between vectors along dim.", where=_WHERE)  # fmt: skip
composite("cdist(Tensor x1, Tensor x2, float p=2, str? compute_mode=None) -> Tensor",
          "p-norms of the differences of all rows of x1 (..., P, M) and all of x2 (..., R, M).", where=_WHERE)  # fmt: skip
composite("pdist(Tensor self, float p=2) -> Tensor", "p-norms of the differences of all pairs of rows of (N, M).", where=_WHERE)
composite("dist(Tensor self, Tensor other, Scalar p=2) -> Tensor", "The p-norm of self - other.")
composite("renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor", "Slices along dim whose p-norm is above maxnorm, scaled to it.",
          inplace=True, out=True)  # fmt: skip
