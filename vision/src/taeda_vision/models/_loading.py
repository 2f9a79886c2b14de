"""Weights from an enumeration, a name, a local file or a Hugging Face folder into a freshly built model."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import taeda
from taeda import Tensor, nn

from ._api import WeightsEnum

__all__ = ["WeightsSource", "build_with_weights", "read_published", "read_weights_file", "replace_classifier"]

WeightsSource = WeightsEnum | str | os.PathLike[str] | None
Model = TypeVar("Model", bound=nn.Module)

_FOLDER_FILES = ("model.safetensors", "pytorch_model.bin")
_FILE_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
_LISTED_KEYS = 4


def build_with_weights(
    name: str,
    constructor: Callable[..., Model],
    enum: type[WeightsEnum],
    weights: WeightsSource,
    progress: bool,
    kwargs: dict[str, Any],
) -> Model:
    """Build a model and, unless ``weights`` is ``None``, fill it.

    The number of classes follows the weights; asking for another is an error that says what to do instead.
    """
    if "pretrained" in kwargs:
        raise TypeError(
            f"{name}: there is no argument 'pretrained'; pass weights='DEFAULT' for pretrained weights, or nothing for "
            "random ones"
        )
    source = _resolve(name, enum, weights)
    if source is None:
        return constructor(**kwargs)
    if isinstance(source, WeightsEnum):
        label, state = repr(source), read_published(source, progress, check_hash=True)
    else:
        label, state = f"'{source}'", read_weights_file(source)
    classes = state["fc.weight"].shape[0] if "fc.weight" in state else None
    if classes is not None and kwargs.setdefault("num_classes", classes) != classes:
        raise ValueError(
            f"{name}: weights {label} have {classes} classes, got num_classes={kwargs['num_classes']}; leave "
            f"num_classes out and change the head afterwards: "
            f"replace_classifier(model, {kwargs['num_classes']})"
        )
    model = constructor(**kwargs)
    load_checked(model, state, f"{name}: weights {label}")
    return model


def _resolve(name: str, enum: type[WeightsEnum], weights: WeightsSource) -> WeightsEnum | Path | None:
    if weights is None or isinstance(weights, WeightsEnum):
        return enum.verify(weights)
    if not isinstance(weights, (str, os.PathLike)):
        return enum.verify(weights)
    text = os.fspath(weights)
    if text.removeprefix(enum.__name__ + ".") in enum.__members__:
        return enum.verify(text)
    path = Path(text).expanduser()
    if path.exists():
        return path
    looks_like_path = not isinstance(weights, str) or path.suffix in _FILE_SUFFIXES or len(path.parts) > 1
    if looks_like_path:
        raise FileNotFoundError(f"{name}: weights file or folder {text!r} does not exist")
    raise ValueError(
        f"{name}: unknown weights {text!r}; valid names: {', '.join(enum.__members__)}; "
        "or the path of a .pth or .safetensors file, or of a Hugging Face folder"
    )


def read_published(member: WeightsEnum, progress: bool, check_hash: bool) -> dict[str, Tensor]:
    """State dict of an enumeration's member, from the package or downloaded once into the hub's folder."""
    if member.url.startswith("package:"):
        file = resources.files(__package__).joinpath("weights").joinpath(member.url.removeprefix("package:"))
        with resources.as_file(file) as path:
            return read_weights_file(path)
    state = taeda.hub.load_state_dict_from_url(
        member.url, map_location="cpu", progress=progress, check_hash=check_hash
    )
    return dict(state)


def read_weights_file(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """State dict of a ``.pth`` or ``.safetensors`` file or a Hugging Face folder, never executing code.

    Keys of Transformers' ResNet are renamed to torchvision's, and weights stored in half precision come back
    as float32.

    Raises:
        FileNotFoundError: the folder holds none of the known file names.
        RuntimeError: the file is damaged, or asks for code to be run.
        ValueError: the file does not hold a state dict.
    """
    path = Path(path)
    if path.is_dir():
        path = _file_in_folder(path)
    try:
        content = taeda.load(str(path), map_location="cpu")
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise RuntimeError(
            f"weights file '{path}' ({path.stat().st_size} bytes) cannot be read: {error}"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(
            f"'{path}': expected a state dict (names to tensors), got {type(content).__name__}; "
            "save it with taeda.save(model.state_dict(), path)"
        )
    half = (taeda.float16, taeda.bfloat16)
    return {_rename(key): value.float() if value.dtype in half else value for key, value in content.items()}


def _file_in_folder(folder: Path) -> Path:
    for name in _FOLDER_FILES:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"folder '{folder}' holds no weights; expected {' or '.join(_FOLDER_FILES)} in it, "
        f"found {sorted(item.name for item in folder.iterdir())[:8]}"
    )


_TRANSFORMERS_NAMES = [
    (re.compile(r"^resnet\.embedder\.embedder\.convolution\."), "conv1."),
    (re.compile(r"^resnet\.embedder\.embedder\.normalization\."), "bn1."),
    (re.compile(r"^classifier\.1\."), "fc."),
]
_TRANSFORMERS_BLOCK = re.compile(
    r"^resnet\.encoder\.stages\.(\d+)\.layers\.(\d+)\.(?:layer\.(\d+)|(shortcut))\.(convolution|normalization)\."
)


def _rename(key: str) -> str:
    """Transformers' ResNet names to torchvision's; other keys unchanged."""
    block = _TRANSFORMERS_BLOCK.match(key)
    if block:
        stage, layer, part, shortcut, kind = block.groups()
        rest = key[block.end() :]
        is_conv = kind == "convolution"
        if shortcut:
            inner = f"downsample.{0 if is_conv else 1}"
        else:
            inner = f"{'conv' if is_conv else 'bn'}{int(part) + 1}"
        return f"layer{int(stage) + 1}.{layer}.{inner}.{rest}"
    for pattern, replacement in _TRANSFORMERS_NAMES:
        if pattern.match(key):
            return pattern.sub(replacement, key)
    return key


def load_checked(model: nn.Module, state: Mapping[str, Tensor], context: str) -> None:
    """``model.load_state_dict`` after a check whose error names file, keys and shapes.

    Raises:
        RuntimeError: missing keys, unexpected keys or shapes that differ.
    """
    own = model.state_dict()
    optional = {key for key in own if key.endswith("num_batches_tracked")}
    missing = [key for key in own if key not in state and key not in optional]
    unexpected = [key for key in state if key not in own]
    differing = [
        f"{key} is {tuple(state[key].shape)}, the model has {tuple(value.shape)}"
        for key, value in own.items()
        if key in state and tuple(state[key].shape) != tuple(value.shape)
    ]
    problems = [
        f"{len(keys)} {what}: {', '.join(keys[:_LISTED_KEYS])}{', ...' if len(keys) > _LISTED_KEYS else ''}"
        for what, keys in (
            ("missing keys", missing),
            ("unexpected keys", unexpected),
            ("keys of another shape", differing),
        )
        if keys
    ]
    if problems:
        raise RuntimeError(
            f"{context} do not fit {type(model).__name__}: {'; '.join(problems)}; "
            "check that the file was saved from this architecture"
        )
    model.load_state_dict({key: state.get(key, value) for key, value in own.items()})


def replace_classifier(model: Model, num_classes: int) -> Model:
    """Put a fresh linear head with ``num_classes`` outputs in place of ``model.fc`` and return the model.

    Raises:
        AttributeError: the model has no linear layer called ``fc``.

    Example:
        >>> from taeda_vision.models import resnet18
        >>> replace_classifier(resnet18(), 7).fc.out_features
        7
    """
    head = getattr(model, "fc", None)
    if not isinstance(head, nn.Linear):
        raise AttributeError(
            f"replace_classifier: {type(model).__name__} has no linear layer named 'fc' to replace; "
            f"got {type(head).__name__}"
        )
    model.fc = nn.Linear(head.in_features, num_classes, bias=head.bias is not None)
    return model
