"""Random numbers."""

from catalogue.families import mutating

mutating("uniform_(Tensor self, float from_=0, float to=1, *, Generator? generator=None) -> Tensor",
         "Uniform on [from, to).", vjp={"self": "zeros_like(grad)"})  # fmt: skip
