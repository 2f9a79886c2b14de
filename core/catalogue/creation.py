"""New tensors, copies and conversions."""

from catalogue.families import FUNCTION, METHOD, composite, mutating, op

_LIKE = "*, dtype? dtype=None, layout? layout=None, device? device=None, flag pin_memory=False, flag requires_grad=False"

# C++ calls them with dtype and device right after the shape, so these are not keyword-only there.
op(f"empty(int[*] size, {_LIKE}, memory_format? memory_format=None) -> Tensor", "Uninitialised memory.", where=(FUNCTION,))
op(f"empty_strided(int[] size, int[] stride, {_LIKE}) -> Tensor", "Uninitialised memory with these strides.", where=(FUNCTION,))
op(f"full(int[] size, Scalar fill_value, {_LIKE}) -> Tensor", "Filled with one value.", where=(FUNCTION,), out=True)
op(f"zeros(int[*] size, {_LIKE}) -> Tensor", "Filled with 0.", where=(FUNCTION,), out=True)
op(f"ones(int[*] size, {_LIKE}) -> Tensor", "Filled with 1.", where=(FUNCTION,), out=True)
op(f"arange(Scalar end, {_LIKE}) -> Tensor", "0, 1, ... below end.", where=(FUNCTION,), out=True)
op(f"arange.start(Scalar start, Scalar end, Scalar step=1, {_LIKE}) -> Tensor", "start, start + step, ... below end.",
   where=(FUNCTION,), out=True)  # fmt: skip
op(f"range(Scalar start, Scalar end, Scalar step=1, {_LIKE}) -> Tensor", "start, start + step, ... up to end.", where=(FUNCTION,))
op(f"linspace(Scalar start, Scalar end, int steps, {_LIKE}) -> Tensor", "steps evenly spaced numbers, both ends included.",
   where=(FUNCTION,), out=True)  # fmt: skip
op(f"logspace(Scalar start, Scalar end, int steps, float base=10.0, {_LIKE}) -> Tensor", "base to the power of linspace.",
   where=(FUNCTION,), out=True)  # fmt: skip
op(f"eye(int n, int? m=None, {_LIKE}) -> Tensor", "The identity matrix.", where=(FUNCTION,), out=True)
for name, doc in (("empty", "Uninitialised"), ("zeros", "0"), ("ones", "1")):
    op(f"{name}_like(Tensor self, {_LIKE}, memory_format? memory_format=None) -> Tensor", f"{doc}, shaped like the input.",
       where=(FUNCTION,))  # fmt: skip
    op(f"new_{name}(Tensor self, int[*] size, {_LIKE}) -> Tensor", f"{doc}, with self's dtype and device.", where=(METHOD,))
op(f"full_like(Tensor self, Scalar fill_value, {_LIKE}, memory_format? memory_format=None) -> Tensor", "One value, shaped like the input.",
   where=(FUNCTION,))  # fmt: skip
op(f"new_full(Tensor self, int[] size, Scalar fill_value, {_LIKE}) -> Tensor", "One value, with self's dtype and device.",
   where=(METHOD,))  # fmt: skip
op(f"new_empty_strided(Tensor self, int[] size, int[] stride, {_LIKE}) -> Tensor", "Uninitialised, with self's dtype and device.",
   where=(METHOD,))  # fmt: skip
op("tril_indices(int row, int col, int offset=0, *, dtype? dtype=None, layout? layout=None, device? device=None) -> Tensor", "Coordinates of the lower triangle.",
   where=(FUNCTION,))  # fmt: skip
op("triu_indices(int row, int col, int offset=0, *, dtype? dtype=None, layout? layout=None, device? device=None) -> Tensor", "Coordinates of the upper triangle.",
   where=(FUNCTION,))  # fmt: skip
composite("complex(Tensor real, Tensor imag) -> Tensor", "real + i imag.", where=(FUNCTION,), out=True)
composite("polar(Tensor abs, Tensor angle) -> Tensor", "Complex numbers from magnitude and angle.", where=(FUNCTION,), out=True)

op("clone(Tensor self, *, memory_format? memory_format=None) -> Tensor", "A copy that gradients flow through.",
   vjp={"self": "grad"})  # fmt: skip
op("cast(Tensor self, dtype dtype, memory_format? memory_format=None) -> Tensor", "A copy with another dtype.", where=(),
   vjp={"self": "grad"})  # fmt: skip
composite("to(Tensor self, dtype dtype, bool non_blocking=False, bool copy=False, *, memory_format? memory_format=None) -> Tensor",
          "Converted to a dtype.", where=(METHOD,))  # fmt: skip
composite("to.device(Tensor self, device? device=None, dtype? dtype=None, bool non_blocking=False, bool copy=False, *, "
          "memory_format? memory_format=None) -> Tensor", "Moved to a device, converted to a dtype.", where=(METHOD,))  # fmt: skip
composite("to.other(Tensor self, Tensor other, bool non_blocking=False, bool copy=False, *, memory_format? memory_format=None) "
          "-> Tensor", "As other's dtype and device.", where=(METHOD,))  # fmt: skip
op("move_to(Tensor self, device? device, bool non_blocking=False) -> Tensor", "Moved to a device.", where=(), vjp={"self": "move_to(grad, self_meta.device)"})
composite("type_as(Tensor self, Tensor other) -> Tensor", "Converted to other's dtype.", where=(METHOD,))
for name, dtype in (("float", "float32"), ("double", "float64"), ("half", "float16"), ("bfloat16", "bfloat16"),
                    ("long", "int64"), ("int", "int32"), ("short", "int16"), ("char", "int8"), ("byte", "uint8"),
                    ("bool", "bool"), ("cfloat", "complex64"), ("cdouble", "complex128")):  # fmt: skip
    composite(f"to_{name}(Tensor self, *, memory_format? memory_format=None) -> Tensor", f"Converted to {dtype}.",
              where=(METHOD,), aliases=(name,))  # fmt: skip

mutating("copy_(Tensor self, AnyOperand src, bool non_blocking=False) -> Tensor", "Takes over the values of src, broadcast and converted.",
         vjp={"self": "zeros_like(grad)", "src": "to(grad, src_meta.device, std::nullopt)"})  # fmt: skip
mutating("fill_(Tensor self, Scalar value) -> Tensor", "Fills with one value.", vjp={"self": "zeros_like(grad)"}, functional=True,
         where=(FUNCTION, METHOD))  # fmt: skip
mutating("fill_.Tensor(Tensor self, Tensor value) -> Tensor", "Fills with the value of a 0-dim tensor.",
         vjp={"self": "zeros_like(grad)", "value": "sum(grad)"}, functional=True, where=(FUNCTION, METHOD))  # fmt: skip
mutating("zero_(Tensor self) -> Tensor", "Fills with 0.", vjp={"self": "zeros_like(grad)"})
mutating("set_(Tensor self, Tensor source) -> Tensor", "Becomes a view of source's memory.", vjp={})
mutating("resize_(Tensor self, int[*] size, *, memory_format? memory_format=None) -> Tensor", "Changes the shape, growing the memory if needed.", vjp={})
mutating("resize_as_(Tensor self, Tensor the_template, *, memory_format? memory_format=None) -> Tensor", "resize_ to the shape of the_template.", vjp={})
