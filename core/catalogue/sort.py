"""Sorting, searching and counting."""

from catalogue.families import FUNCTION, composite, op

_PICK = {"self": "select_along_backward(grad, self_sizes, result1, dim)"}

op("sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)", "Sorted along dim; equal elements keep their order.",
   out=True, vjp=_PICK)  # fmt: skip
composite("sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
          "Sorted along dim; equal elements keep their order.", out=True)  # fmt: skip
composite("argsort(Tensor self, int dim=-1, bool descending=False, *, bool stable=False) -> Tensor", "The order that sorts.")
composite("msort(Tensor self) -> Tensor", "Sorted along the first dimension.", out=True)
op("topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
   "The k largest (or smallest) elements along dim.", out=True, vjp=_PICK)  # fmt: skip
op("kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)", "The k-th smallest element along dim.",
   out=True, vjp={"self": "select_values_backward(grad, self_sizes, result1, dim, keepdim)"})  # fmt: skip
composite("select_along_backward(Tensor grad, int[] sizes, Tensor indices, int dim) -> Tensor", "Gradient of sort and topk.", where=())
for name in ("median", "nanmedian"):
    composite(f"{name}(Tensor self) -> Tensor", "The (lower) median of all elements.")
    composite(f"{name}.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)", "The (lower) median along dim.",
              out=True)  # fmt: skip
composite("mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)", "The most frequent element along dim.", out=True)
composite("quantile(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor", "Quantiles along dim.",
          out=True)  # fmt: skip
composite("quantile.scalar(Tensor self, float q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
          "A quantile along dim.", out=True)  # fmt: skip
composite("nanquantile(Tensor self, Tensor q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
          "Quantiles along dim, NaN left out.", out=True)  # fmt: skip
composite("nanquantile.scalar(Tensor self, float q, int? dim=None, bool keepdim=False, *, str interpolation='linear') -> Tensor",
          "A quantile along dim, NaN left out.", out=True)  # fmt: skip
op("searchsorted(Tensor sorted_sequence, Tensor self, bool out_int32=False, bool right=False, *, str? side=None, Tensor? sorter=None) -> Tensor",
   "Where values go so that the sequence stays sorted.", where=(FUNCTION,))  # fmt: skip
composite("searchsorted.Scalar(Tensor sorted_sequence, Scalar self, bool out_int32=False, bool right=False, *, str? side=None, "
          "Tensor? sorter=None) -> Tensor", "Where a value goes so that the sequence stays sorted.", where=(FUNCTION,))  # fmt: skip
composite("bucketize(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor", "The bucket of each element.",
          where=(FUNCTION,))  # fmt: skip
composite("bucketize.Scalar(Scalar self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor", "The bucket of a number.",
          where=(FUNCTION,))  # fmt: skip
op("raw_unique(Tensor self) -> (Tensor result0, Tensor result1, Tensor result2)", "Sorted unique elements, inverse and counts.", where=())
op("raw_unique_consecutive(Tensor self) -> (Tensor result0, Tensor result1, Tensor result2)", "Elements without repeats, inverse and counts.",
   where=())  # fmt: skip
op("raw_unique_dim(Tensor self, int dim, bool consecutive) -> (Tensor result0, Tensor result1, Tensor result2)",
   "Unique slices along dim, inverse and counts.", where=())  # fmt: skip
op("bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor", "How often each non-negative integer occurs.")
op("histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor", "Counts in equal bins.", out=True)
composite("isin(Operand elements, Operand test_elements, *, flag assume_unique=False, bool invert=False) -> Tensor",
          "Whether each element is among the test elements.", where=(FUNCTION,))  # fmt: skip
