"""Losses. reduction: 0 every element's, 1 their mean, 2 their sum."""

from catalogue.families import composite, op, pointwise

_REDUCTION = "int reduction=1"


def _elements(text: str, expr: str, doc: str, vjp: dict[str, str]) -> None:
    """The loss of each element, before it is reduced."""
    pointwise(f"{text} -> Tensor", expr, doc, vjp=vjp, where=(), inplace=False, out=False)


# -- of numbers --------------------------------------------------------------------------------------------------------

_elements("squared_difference(Operand self, Operand target)", "(x - y) * (x - y)", "(self - target)^2.",
          {"self": "grad * (self - target) * 2", "target": "grad * (target - self) * 2"})  # fmt: skip
_elements("smooth_difference(Operand self, Operand target, Scalar beta)",
          "where(abs(x - y) < beta, (x - y) * (x - y) * 0.5 / beta, abs(x - y) - 0.5 * beta)",
          "Squares of differences below beta, their sizes above.",
          {"self": "grad * smooth_slope(self, target, beta)", "target": "-grad * smooth_slope(self, target, beta)"})  # fmt: skip
_elements("smooth_slope(Operand self, Operand target, Scalar beta)", "minimum(maximum((x - y) / beta, -1), 1)",
          "Derivative of smooth_difference.",
          {"self": "where(abs(self - target) < beta, grad / beta, zeros_like(grad))",
           "target": "where(abs(self - target) < beta, -grad / beta, zeros_like(grad))"})  # fmt: skip
_elements("binary_cross_entropy_elements(Operand self, Operand target)",
          "-(y * maximum(log(x), -100) + (1 - y) * maximum(log1p(-x), -100))",
          "-(target log(self) + (1 - target) log(1 - self)).",
          {"self": "grad * (self - target) / clamp_min((1 - self) * self, 1e-12)",
           "target": "grad * (clamp_min(log1p(-self), -100) - clamp_min(log(self), -100))"})  # fmt: skip
_elements("logistic_elements(Operand self, Operand target)", "(1 - y) * x + log1p(exp(-abs(x))) + maximum(-x, 0)",
          "binary_cross_entropy_elements of sigmoid(self).",
          {"self": "grad * (sigmoid(self) - target)", "target": "-grad * self"})  # fmt: skip

composite(f"mse_loss(Tensor self, Tensor target, {_REDUCTION}) -> Tensor", "Squared differences.", where=())
composite(f"l1_loss(Tensor self, Tensor target, {_REDUCTION}) -> Tensor", "Absolute differences.", where=())
composite(f"smooth_l1_loss(Tensor self, Tensor target, {_REDUCTION}, float beta=1.0) -> Tensor",
          "Differences squared below beta, absolute above (Girshick 2015).", where=())  # fmt: skip
composite(f"huber_loss(Tensor self, Tensor target, {_REDUCTION}, float delta=1.0) -> Tensor",
          "Differences squared below delta, absolute above (Huber 1964).", where=())  # fmt: skip
composite(f"binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, {_REDUCTION}) -> Tensor",
          "Cross entropy of probabilities of two classes.", where=())  # fmt: skip
composite(f"binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, {_REDUCTION}) "
          "-> Tensor", "Cross entropy of logits of two classes.")  # fmt: skip
composite(f"kl_div(Tensor self, Tensor target, {_REDUCTION}, *, bool log_target=False) -> Tensor",
          "Kullback-Leibler divergence of the log-probabilities self from target.")  # fmt: skip

# -- of classes --------------------------------------------------------------------------------------------------------

_CLASSES = f"Tensor self, Tensor target, Tensor? weight=None, {_REDUCTION}, int ignore_index=-100"
composite(f"cross_entropy_loss({_CLASSES}, float label_smoothing=0.0) -> Tensor",
          "Cross entropy of logits (N, C, ...) against classes (N, ...) or class probabilities.", where=())  # fmt: skip
_FUSED = "Tensor self, Tensor target, Tensor? weight, int reduction, int ignore_index, float label_smoothing"
op(f"cross_entropy_forward({_FUSED}) -> (Tensor loss, Tensor logsumexp, Tensor total_weight)",
   "cross_entropy_loss of (N, C) against (N).", where=(),
   vjp={"self": "cross_entropy_backward(grads[0], self, target, weight, reduction, ignore_index, label_smoothing, result1, "
                "result2)"})  # fmt: skip
composite(f"cross_entropy_backward(Tensor grad, {_FUSED}, Tensor logsumexp, Tensor total_weight) -> Tensor",
          "Gradient of cross_entropy_forward.", where=())  # fmt: skip
op(f"fused_cross_entropy_backward(Tensor grad, {_FUSED}, Tensor logsumexp, Tensor total_weight) -> Tensor",
   "Gradient of cross_entropy_forward in one pass.", where=())  # fmt: skip
composite(f"nll_loss({_CLASSES}) -> Tensor", "Negative log-likelihood of classes (N, ...) under log-probabilities (N, C, ...).",
          where=())  # fmt: skip
composite(f"nll_loss2d({_CLASSES}) -> Tensor", "nll_loss of (N, C, H, W).", where=())
_NLL = "Tensor target, Tensor? weight, int reduction, int ignore_index"
op(f"nll_loss_forward(Tensor self, {_NLL}) -> (Tensor loss, Tensor total_weight)", "nll_loss, and the weights it divided by.", where=(),
   vjp={"self": "nll_loss_backward(grads[0], self_sizes, target, weight, reduction, ignore_index, result1)"})  # fmt: skip
op(f"nll_loss_backward(Tensor grad_output, int[] sizes, {_NLL}, Tensor total_weight) -> Tensor", "Gradient of nll_loss.", where=(),
   vjp={"grad_output": "nll_loss(grad, target, weight, reduction, ignore_index)"})  # fmt: skip
