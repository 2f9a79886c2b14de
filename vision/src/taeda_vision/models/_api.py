"""The model registry and the types that describe published weights."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any, TypeVar

from taeda import nn

__all__ = [
    "Weights",
    "WeightsEnum",
    "get_model",
    "get_model_builder",
    "get_model_weights",
    "get_weight",
    "list_models",
    "register_model",
]

Builder = TypeVar("Builder", bound=Callable[..., nn.Module])


@dataclass(eq=False)
class Weights:
    """One set of published weights.

    Attributes:
        url: where the file is: ``https://...``, or ``package:NAME`` for a file of this package.
        transforms: called without arguments, gives the preprocessing the weights were trained with.
        url: ``https://...``, or ``package:NAME`` for a file that this package carries.
    """

    url: str
    transforms: Callable[..., Any]
    meta: dict[str, Any]


class WeightsEnum(Enum):
    """Base of the enumerations of weights, one per model; each member's value is a ``Weights``.

    Example:
        >>> from taeda_vision.models import ResNet18_Weights
        >>> ResNet18_Weights.DEFAULT.meta["num_params"]
        11689512
    """

    @classmethod
    def verify(cls, obj: Any) -> WeightsEnum | None:
        """Turn a member, a member's name or ``None`` into a member or ``None``.

        Raises:
            ValueError: no member has that name.
            TypeError: a member of another enumeration, or not a weights object at all.
        """
        if obj is None or isinstance(obj, cls):
            return obj
        if isinstance(obj, str):
            return cls._by_name(obj)
        raise TypeError(
            f"{cls.__name__}: expected a member of it or its name, got {type(obj).__name__} {obj!r}; "
            f"valid names: {cls._names()}"
        )

    @classmethod
    def _by_name(cls, text: str) -> WeightsEnum:
        name = text.removeprefix(cls.__name__ + ".")
        if name not in cls.__members__:
            raise ValueError(f"{cls.__name__}: no weights named {text!r}; valid names: {cls._names()}")
        return cls[name]

    @classmethod
    def _names(cls) -> str:
        return ", ".join(cls.__members__) or "(none)"

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}.{self._name_}"

    @property
    def url(self) -> str:
        """Address of the file."""
        return self._weights.url

    @property
    def transforms(self) -> Callable[..., Any]:
        """Builds the preprocessing that the weights expect."""
        return self._weights.transforms

    @property
    def meta(self) -> dict[str, Any]:
        """Facts about the weights."""
        return self._weights.meta

    @property
    def _weights(self) -> Weights:
        value = self.value
        assert isinstance(value, Weights)
        return value

    def get_state_dict(self, progress: bool = True, check_hash: bool = True) -> dict[str, Any]:
        """The weights as a state dict; downloaded on first use, checked against its file name's hash."""
        from ._loading import read_published

        return read_published(self, progress, check_hash)


_BUILDERS: dict[str, Callable[..., nn.Module]] = {}
_WEIGHTS: dict[str, type[WeightsEnum]] = {}


def register_model(
    weights: type[WeightsEnum] | None = None, *, name: str | None = None
) -> Callable[[Builder], Builder]:
    """Decorator that enters a builder function, and its weights, into the registry under ``name``.

    Raises:
        ValueError: the name is taken.
    """

    def enter(builder: Builder) -> Builder:
        key = name if name is not None else builder.__name__
        if key in _BUILDERS:
            raise ValueError(
                f"register_model: a model named {key!r} is already registered; pass another name="
            )
        _BUILDERS[key] = builder
        if weights is not None:
            _WEIGHTS[key] = weights
        return builder

    return enter


def get_model_builder(name: str) -> Callable[..., nn.Module]:
    """The function that builds the model called ``name``.

    Raises:
        ValueError: no such model.
    """
    key = name.lower()
    if key not in _BUILDERS:
        close = difflib.get_close_matches(key, _BUILDERS, n=3)
        hint = f"did you mean {' or '.join(repr(match) for match in close)}? " if close else ""
        raise ValueError(f"Unknown model {name!r}; {hint}known models: {', '.join(list_models())}")
    return _BUILDERS[key]


def get_model(name: str, **config: Any) -> nn.Module:
    """Build the model called ``name`` with the given arguments.

    Example:
        >>> get_model("resnet18", num_classes=3).fc.out_features
        3
    """
    return get_model_builder(name)(**config)


def get_model_weights(name: Callable[..., nn.Module] | str) -> type[WeightsEnum]:
    """The weights enumeration of a model, by its name or builder.

    Raises:
        ValueError: no such model, or it has no published weights.
    """
    key = name.lower() if isinstance(name, str) else name.__name__
    get_model_builder(key)
    if key not in _WEIGHTS:
        raise ValueError(f"Model {key!r} has no published weights; pass a local file as weights= instead")
    return _WEIGHTS[key]


def get_weight(name: str) -> WeightsEnum:
    """The member with this full name.

    Raises:
        ValueError: not of the form ``EnumName.MEMBER``, or unknown.

    Example:
        >>> get_weight("ResNet50_Weights.IMAGENET1K_V2")
        ResNet50_Weights.IMAGENET1K_V2
    """
    enums = {enum.__name__: enum for enum in _WEIGHTS.values()}
    enum_name, dot, member = name.partition(".")
    if not dot or not member:
        raise ValueError(
            f"Invalid weight name {name!r}; expected 'EnumName.MEMBER', as 'ResNet18_Weights.DEFAULT'"
        )
    if enum_name not in enums:
        raise ValueError(f"Unknown weights enumeration {enum_name!r}; known: {', '.join(sorted(enums))}")
    return enums[enum_name]._by_name(member)


def list_models(
    module: ModuleType | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> list[str]:
    """Sorted names of the registered models.

    Args:
        module: only models defined in this module's package.
        include: glob pattern or patterns of names to keep; all by default.
        exclude: glob pattern or patterns of names to drop.

    Example:
        >>> list_models(include="resnet*", exclude=["resnet1??"])
        ['resnet18', 'resnet34', 'resnet50']
    """
    names = {
        name
        for name, builder in _BUILDERS.items()
        if module is None or builder.__module__.rsplit(".", 1)[0] == module.__name__
    }
    kept = names if include is None else _matching(names, include)
    dropped = set() if exclude is None else _matching(names, exclude)
    return sorted(kept - dropped)


def _matching(names: set[str], patterns: Iterable[str] | str) -> set[str]:
    globs = [patterns] if isinstance(patterns, str) else list(patterns)
    return {name for pattern in globs for name in fnmatch.filter(names, pattern)}
