"""Random numbers: one counter-based stream for all devices."""

from catalogue.families import FUNCTION, composite, mutating, op

_GEN = "*, Generator? generator=None"
_NEW = ("Generator? generator=None, dtype? dtype=None, layout? layout=None, device? device=None, flag pin_memory=False, "
        "flag requires_grad=False")  # fmt: skip
_LIKE = ("*, dtype? dtype=None, layout? layout=None, device? device=None, flag pin_memory=False, flag requires_grad=False, "
         "memory_format? memory_format=None")  # fmt: skip
_ZERO = {"self": "zeros_like(grad)"}

for text, doc in (
    (f"uniform_(Tensor self, float from_=0, float to=1, {_GEN})", "Uniform on [from, to)."),
    (f"normal_(Tensor self, float mean=0, float std=1, {_GEN})", "Normal with this mean and standard deviation."),
    (f"bernoulli_(Tensor self, float p=0.5, {_GEN})", "1 with probability p, else 0."),
    (f"bernoulli_.Tensor(Tensor self, Tensor p, {_GEN})", "1 with the probabilities p, else 0."),
    (f"exponential_(Tensor self, float lambd=1, {_GEN})", "Exponential with rate lambd."),
    (f"geometric_(Tensor self, float p, {_GEN})", "Number of trials up to the first success of probability p."),
    (f"cauchy_(Tensor self, float median=0, float sigma=1, {_GEN})", "Cauchy distribution."),
    (f"log_normal_(Tensor self, float mean=1, float std=2, {_GEN})", "exp of a normal distribution."),
    (f"random_(Tensor self, {_GEN})", "Uniform integers over the whole range of the dtype (2 ** mantissa bits for floats)."),
    (f"random_.to(Tensor self, int to, {_GEN})", "Uniform integers on [0, to)."),
    (f"random_.from(Tensor self, int from_, int? to, {_GEN})", "Uniform integers on [from, to)."),
):
    mutating(f"{text} -> Tensor", doc, vjp=_ZERO)

op(f"rand(int[*] size, *, {_NEW}) -> Tensor", "Uniform on [0, 1).", where=(FUNCTION,))
op(f"randn(int[*] size, *, {_NEW}) -> Tensor", "Standard normal.", where=(FUNCTION,))
op(f"randint(int high, int[] size, *, {_NEW}) -> Tensor", "Uniform integers on [0, high).", where=(FUNCTION,))
op(f"randint.low(int low, int high, int[] size, *, {_NEW}) -> Tensor", "Uniform integers on [low, high).", where=(FUNCTION,))
op(f"randperm(int n, *, {_NEW}) -> Tensor", "A random permutation of 0 .. n - 1.", where=(FUNCTION,))
op(f"rand_like(Tensor self, {_LIKE}) -> Tensor", "Uniform on [0, 1), shaped like the input.", where=(FUNCTION,))
op(f"randn_like(Tensor self, {_LIKE}) -> Tensor", "Standard normal, shaped like the input.", where=(FUNCTION,))
op(f"randint_like(Tensor self, int high, {_LIKE}) -> Tensor", "Uniform integers on [0, high), shaped like the input.", where=(FUNCTION,))
op(f"randint_like.low(Tensor self, int low, int high, {_LIKE}) -> Tensor", "Uniform integers on [low, high), shaped like the input.",
   where=(FUNCTION,))  # fmt: skip
op(f"bernoulli(Tensor self, {_GEN}) -> Tensor", "1 with the probabilities self, else 0.", vjp=_ZERO, out=True)
op(f"bernoulli.p(Tensor self, float p, {_GEN}) -> Tensor", "1 with probability p, else 0, shaped like self.", vjp=_ZERO)
op("poisson(Tensor self, Generator? generator=None) -> Tensor", "Poisson numbers with the rates self.", vjp=_ZERO, where=(FUNCTION,))
op(f"multinomial(Tensor self, int num_samples, bool replacement=False, {_GEN}) -> Tensor",
   "Indices drawn with probabilities proportional to self.", out=True)  # fmt: skip
composite(f"normal(Tensor mean, Tensor std, {_GEN}) -> Tensor", "Normal with these means and deviations.", where=(FUNCTION,))
composite(f"normal.float_Tensor(float mean, Tensor std, {_GEN}) -> Tensor", "Normal with these deviations.", where=(FUNCTION,))
composite(f"normal.Tensor_float(Tensor mean, float std=1, {_GEN}) -> Tensor", "Normal with these means.", where=(FUNCTION,))
composite(f"normal.float_float(float mean, float std, int[] size, *, {_NEW}) -> Tensor", "Normal numbers of this shape.",
          where=(FUNCTION,))  # fmt: skip

op("native_dropout(Tensor self, float p) -> (Tensor result, Tensor mask)", "Dropout and the mask of what was kept.",
   where=(), vjp={"self": "dropout_backward(grad, result1, p)"})  # fmt: skip
op("dropout_backward(Tensor grad, Tensor mask, float p) -> Tensor", "Gradient of dropout.", where=(),
   vjp={"grad": "dropout_backward(grad, mask, p)"})  # fmt: skip
for name, doc in (
    ("dropout", "Elements zeroed with probability p while training, the others scaled by 1 / (1 - p)."),
    ("feature_dropout", "Whole channels zeroed with probability p while training."),
    ("alpha_dropout", "Dropout that keeps mean and variance of selu networks (Klambauer et al. 2017)."),
    ("feature_alpha_dropout", "alpha_dropout of whole channels."),
):
    composite(f"{name}(Tensor input, float p=0.5, bool train=True) -> Tensor", doc, where=(FUNCTION,), inplace=True)
