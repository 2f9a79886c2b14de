"""How tensors are printed: torch's layout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from taeda import _C

__all__ = ["set_printoptions", "tensor_repr"]


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Changes how tensors are printed.

    Args:
        precision: digits after the point (4).
        threshold: number of elements from which the middle is left out (1000).
        edgeitems: elements shown at each end of a shortened dimension (3).
        linewidth: characters of a line (80).
        profile: "default", "short" or "full", applied first.
        sci_mode: scientific notation always (True), never (False), or where it is shorter (None).
    """
    profiles = {"default": _Options(), "short": _Options(2, 1000, 2), "full": _Options(4, math.inf)}
    if profile is not None:
        if profile not in profiles:
            raise ValueError(f"set_printoptions: profile must be one of {sorted(profiles)}, got {profile!r}")
        _options.__dict__.update(profiles[profile].__dict__)
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.__dict__.update({k: v for k, v in given.items() if v is not None})
    _options.sci_mode = sci_mode


class _Formatter:
    """Formats numbers of one tensor alike."""

    def __init__(self, values: list[Any], floating: bool) -> None:
        self.floating, self.scientific, self.integral = floating, False, False
        if floating:
            finite = [v for v in values if math.isfinite(v) and v != 0]
            self.integral = all(v == math.ceil(v) for v in values if math.isfinite(v))
            if finite:
                low, high = min(map(abs, finite)), max(map(abs, finite))
                wide = high / low > 1000.0 or high > 1.0e8
                self.scientific = wide if self.integral else wide or low < 1.0e-4
            if _options.sci_mode is not None:
                self.scientific = _options.sci_mode
        self.width = max((len(self.plain(v)) for v in values), default=0)

    def plain(self, value: Any) -> str:
        """Without padding."""
        if not self.floating:
            return str(value)
        if self.scientific:
            return f"{value:.{_options.precision}e}"
        if self.integral:
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        return f"{value:.{_options.precision}f}"

    def __call__(self, value: Any) -> str:
        return self.plain(value).rjust(self.width)


def _formatter(t: _C.Tensor) -> Any:
    values = t.reshape(-1).tolist()
    if t.dtype.is_complex:
        real, imag = _Formatter([v.real for v in values], True), _Formatter([v.imag for v in values], True)
        return lambda v: (
            f"{real(v.real)}{'+' if not str(v.imag).startswith('-') else ''}{imag.plain(v.imag)}j"
        )
    return _Formatter(values, t.dtype.is_floating_point)


def _summarized(t: _C.Tensor) -> _C.Tensor:
    """The elements that a shortened print shows."""
    edge = _options.edgeitems
    for d in range(t.dim()):
        if t.size(d) > 2 * edge:
            t = _C.ops.cat((t.narrow(d, 0, edge), t.narrow(d, t.size(d) - edge, edge)), d)
    return t


def _body(values: Any, sizes: list[int], indent: int, summarize: bool, show: Any) -> str:
    edge = _options.edgeitems
    shortened = summarize and sizes[0] > 2 * edge
    if len(sizes) == 1:
        cells = [show(v) for v in values]
        if shortened:
            cells = [*cells[:edge], "...", *cells[edge:]]
        width = max((len(c) for c in cells), default=1) + 2
        per_line = max(1, (_options.linewidth - indent) // width)
        lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = [_body(v, sizes[1:], indent + 1, summarize, show) for v in values]
    if shortened:
        parts = [*parts[:edge], "...", *parts[edge:]]
    return "[" + ("," + "\n" * (len(sizes) - 1) + " " * (indent + 1)).join(parts) + "]"


def _suffixes(t: _C.Tensor) -> list[str]:
    found = []
    if t.device.type != "cpu":
        found.append(f"device='{t.device}'")
    if (t.numel() == 0 and t.dim() != 1) or t.is_meta:
        found.append(f"size={tuple(t.shape)}")
    default = (_C.get_default_dtype(), _C.int64, _C.bool, _C.complex64)
    if t.dtype not in default or (t.numel() == 0 and t.dtype != _C.get_default_dtype()):
        found.append(f"dtype={t.dtype}")
    if t.grad_fn is not None:
        found.append(f"grad_fn=<{t.grad_fn.name()}>")
    elif t.requires_grad:
        found.append("requires_grad=True")
    return found


def tensor_repr(self: _C.Tensor, *, tensor_contents: str | None = None) -> str:
    """As torch prints: values to four digits, then what is not the default."""
    name = "Parameter containing:\ntensor" if type(self).__name__ == "Parameter" else "tensor"
    data = self.detach()
    if tensor_contents is not None:
        body = tensor_contents
    elif self.is_meta:
        body = "..."
    elif self.numel() == 0:
        body = "[]"
    else:
        summarize = self.numel() > _options.threshold
        shown = _summarized(data) if summarize else data
        if shown.dtype in (_C.bfloat16, _C.float16):
            shown = shown.to(_C.float32)
        show = _formatter(shown)
        body = (
            show(shown.tolist())
            if self.dim() == 0
            else _body(shown.tolist(), list(self.shape), 7, summarize, show)
        )
    return f"{name}({', '.join([body, *_suffixes(self)])})"
