"""Preprocessing as data: a list of named transforms with JSON arguments, built from an allow-list.

The transforms themselves live in `taeda_vision.transforms` (extra `taeda-serve[vision]`), so what is
served is what was trained. Only transforms without randomness are listed: a served model must
answer the same image the same way.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from PIL import Image

import taeda
from taeda_serve.errors import ArchiveError
from taeda_serve.manifest import Json, TransformStep, check_json

__all__ = ["TRANSFORMS", "Pipeline", "describe", "parse_steps"]

TRANSFORMS: dict[str, tuple[str, ...]] = {
    "Grayscale": ("num_output_channels",),
    "Resize": ("size", "interpolation", "max_size", "antialias"),
    "CenterCrop": ("size",),
    "Pad": ("padding", "fill", "padding_mode"),
    "ToTensor": (),
    "PILToTensor": (),
    "ConvertImageDtype": ("dtype",),
    "Normalize": ("mean", "std"),
}
"""Names of `taeda_vision.transforms` that an archive may use, with the arguments that it may give."""

_MODULE = "taeda_vision.transforms"


class Pipeline:
    """The transforms of an archive, ready to run.

    Args:
        steps: what the manifest lists.
        where: path that error texts name.

    Raises:
        ArchiveError: for an unknown transform or argument, or if `taeda_vision` is not installed.
    """

    def __init__(self, steps: Sequence[TransformStep], where: str = "preprocessing") -> None:
        self.steps = tuple(steps)
        transforms = _transforms_module(where) if self.steps else None
        self._transforms: list[Callable[[Any], Any]] = []
        for index, step in enumerate(self.steps):
            place = f"{where}[{index}] {step.name}"
            _check_step(step, place)
            self._transforms.append(_build(transforms, step, place))

    def __call__(self, image: Image.Image) -> taeda.Tensor:
        """Turn a decoded RGB image into one input row, a tensor (C, H, W)."""
        value: Any = image
        for transform in self._transforms:
            value = transform(value)
        if not isinstance(value, taeda.Tensor):
            raise ArchiveError.about(
                "preprocessing",
                expected="a last step that gives a tensor",
                got=f"a {type(value).__name__} after {self.steps[-1].name if self.steps else 'no step'}",
                fix="add ToTensor (or PILToTensor and ConvertImageDtype)",
            )
        return value


def parse_steps(value: object, where: str = "preprocessing") -> tuple[TransformStep, ...]:
    """Read `[{"name": "Resize", "args": {"size": 32}}, ...]`; steps given as `TransformStep` pass through.

    >>> parse_steps([{"name": "ToTensor"}])
    (TransformStep(name='ToTensor', args={}),)
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ArchiveError.about(
            where,
            expected="a list of transforms",
            got=repr(value)[:60],
            fix='pass [{"name": ..., "args": {...}}, ...]',
        )
    steps = []
    for index, item in enumerate(value):
        place = f"{where}[{index}]"
        if isinstance(item, TransformStep):
            step = item
        elif isinstance(item, dict) and isinstance(item.get("name"), str) and set(item) <= {"name", "args"}:
            args = check_json(item.get("args", {}), f"{place}.args")
            if not isinstance(args, dict):
                raise ArchiveError.about(
                    place, expected="args as an object", got=repr(args), fix="name each argument"
                )
            step = TransformStep(item["name"], args)
        else:
            raise ArchiveError.about(
                place,
                expected='{"name": ..., "args": {...}}',
                got=repr(item)[:80],
                fix="write the step in this form",
            )
        _check_step(step, place)
        steps.append(step)
    return tuple(steps)


def describe(pipeline: object) -> tuple[TransformStep, ...]:
    """Write down live `taeda_vision.transforms` objects (one, a `Compose`, or a preset of weights) as steps.

    Raises:
        ArchiveError: for a transform that is not in `TRANSFORMS`, such as a random one.
    """
    inner = getattr(pipeline, "transforms", None)
    if isinstance(inner, list | tuple):
        return tuple(step for transform in inner for step in describe(transform))
    name = type(pipeline).__name__
    if name in _PRESETS:
        return _PRESETS[name](pipeline)
    args = {}
    for argument in TRANSFORMS.get(name, ()):
        value = getattr(pipeline, argument, None)
        if value is not None:
            args[argument] = check_json(_plain(value), f"{name}.{argument}")
    step = TransformStep(name, args)
    _check_step(step, name)
    return (step,)


def _describe_classification(preset: Any) -> tuple[TransformStep, ...]:
    """Write down `ImageClassification`, the preset of ImageNet weights."""
    resize = {
        "size": _plain(preset.resize_size),
        "interpolation": _plain(preset.interpolation),
        "antialias": preset.antialias,
    }
    return (
        TransformStep("Resize", check_json(resize, "Resize")),
        TransformStep("CenterCrop", {"size": check_json(_plain(preset.crop_size), "CenterCrop.size")}),
        *_scaled(list(preset.mean), list(preset.std)),
    )


def _describe_glyphs(preset: Any) -> tuple[TransformStep, ...]:
    """Write down `GlyphClassification`, the preset of the glyph weights."""
    return (
        TransformStep("Grayscale", {"num_output_channels": 1}),
        TransformStep("Resize", {"size": [preset.size, preset.size], "interpolation": "bilinear"}),
        *_scaled([0.5], [0.5]),
    )


def _scaled(mean: list[float], std: list[float]) -> tuple[TransformStep, ...]:
    return (
        TransformStep("PILToTensor"),
        TransformStep("ConvertImageDtype", {"dtype": "float32"}),
        TransformStep("Normalize", check_json({"mean": mean, "std": std}, "Normalize")),
    )


_PRESETS: dict[str, Callable[[Any], tuple[TransformStep, ...]]] = {
    "ImageClassification": _describe_classification,
    "GlyphClassification": _describe_glyphs,
}


def _plain(value: object) -> Json:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, taeda.dtype):
        return str(value).rpartition(".")[2]
    return value


def _check_step(step: TransformStep, place: str) -> None:
    if step.name not in TRANSFORMS:
        raise ArchiveError.about(
            place,
            expected=f"one of {', '.join(TRANSFORMS)}",
            got=repr(step.name),
            fix="use transforms of this list; random ones belong to training only",
        )
    unknown = sorted(set(step.args) - set(TRANSFORMS[step.name]))
    if unknown:
        known = ", ".join(TRANSFORMS[step.name]) or "no arguments"
        raise ArchiveError.about(
            place, expected=known, got=f"the argument {unknown[0]!r}", fix="remove or rename it"
        )


def _transforms_module(where: str) -> ModuleType:
    try:
        return import_module(_MODULE)
    except ImportError as error:
        raise ArchiveError.about(
            where,
            expected=f"the package that holds {_MODULE}",
            got=f"ImportError: {error}",
            fix="pip install 'taeda-serve[vision]'",
        ) from None


def _build(transforms: Any, step: TransformStep, place: str) -> Callable[[Any], Any]:
    args = dict(step.args)
    try:
        if "interpolation" in args:
            args["interpolation"] = transforms.InterpolationMode(args["interpolation"])
        if "dtype" in args:
            args["dtype"] = _dtype(args["dtype"])
        transform: Callable[[Any], Any] = getattr(transforms, step.name)(**args)
    except (TypeError, ValueError, AttributeError) as error:
        raise ArchiveError.about(
            place, expected="valid arguments", got=f"{step.args} ({error})", fix="correct the step"
        ) from error
    return transform


def _dtype(name: object) -> taeda.dtype:
    dtype = getattr(taeda, name, None) if isinstance(name, str) else None
    if not isinstance(dtype, taeda.dtype):
        raise ValueError(f"{name!r} is no dtype; write for example 'float32'")
    return dtype
