"""From an architecture reference to a module, without letting an archive run code of its choice.

A reference `package.module:attribute` resolves only when one of these holds:

- the module is in `ALLOWED_MODULES` and the attribute is one of its public model classes or builders;
- an installed distribution registers exactly this reference under the entry point group `taeda.models`;
- the person who loads the archive passed exactly this reference as trusted (`--trust module:attribute`).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection
from importlib import import_module
from importlib.metadata import entry_points

import taeda
from taeda_serve.errors import ArchiveError
from taeda_serve.manifest import Architecture

__all__ = ["ALLOWED_MODULES", "ENTRY_POINT_GROUP", "build", "resolve"]

ALLOWED_MODULES = ("taeda_vision.models", "taeda_text.models", "taeda_audio.models")
ENTRY_POINT_GROUP = "taeda.models"

_DOWNLOADS = ("weights", "weights_backbone", "pretrained")


def resolve(reference: str, trust: Collection[str] = ()) -> Callable[..., object]:
    """Return the class or builder that a reference names.

    Args:
        reference: `module:attribute`.
        trust: references that the caller vouches for.

    Raises:
        ArchiveError: if the reference is not allowed, or does not lead to a model.
    """
    module_name, _, attribute = reference.partition(":")
    trusted = reference in trust or any(
        point.value == reference for point in entry_points(group=ENTRY_POINT_GROUP)
    )
    if not trusted and module_name not in ALLOWED_MODULES:
        raise ArchiveError.about(
            f"architecture {reference!r}",
            expected=f"a model of {', '.join(ALLOWED_MODULES)} or one registered under {ENTRY_POINT_GROUP!r}",
            got=f"module {module_name!r}, which is not on this list",
            fix=f"if you trust this code, pass --trust {reference} (trust=[{reference!r}] in Python)",
        )
    try:
        target = getattr(import_module(module_name), attribute)
    except ImportError as error:
        distribution = module_name.partition(".")[0].replace("_", "-")
        raise ArchiveError.about(
            f"architecture {reference!r}",
            expected="an importable module",
            got=f"ImportError: {error}",
            fix=f"install the package that holds it, for example `pip install {distribution}`",
        ) from None
    except AttributeError:
        raise ArchiveError.about(
            f"architecture {reference!r}",
            expected=f"a name in {module_name}",
            got=f"no attribute {attribute!r}",
            fix="install the version of the package that the archive was written with",
        ) from None
    if not trusted and not _is_public_model(target, attribute):
        raise ArchiveError.about(
            f"architecture {reference!r}",
            expected="a model class, or a builder annotated to return one",
            got=f"{type(target).__name__} {attribute!r}",
            fix=f"name a model; to run it all the same, pass --trust {reference}",
        )
    return typing.cast(Callable[..., object], target)


def build(architecture: Architecture, trust: Collection[str] = ()) -> taeda.nn.Module:
    """Build the module with fresh weights, in evaluation mode.

    Raises:
        ArchiveError: if the reference is not allowed, an argument would download weights, or building fails.
    """
    builder = resolve(architecture.reference, trust)
    where = f"architecture {architecture.reference!r}"
    for name in _DOWNLOADS:
        if architecture.arguments.get(name):
            raise ArchiveError.about(
                where,
                expected=f"no {name!r} argument, the archive brings its own weights",
                got=f"{name}={architecture.arguments[name]!r}",
                fix="leave it out",
            )
    try:
        module = builder(**architecture.arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArchiveError.about(
            where,
            expected=f"arguments of {inspect.signature(builder)}",
            got=f"{architecture.arguments}, which fails with {type(error).__name__}: {error}",
            fix="correct the constructor arguments",
        ) from error
    if not isinstance(module, taeda.nn.Module):
        raise ArchiveError.about(
            where,
            expected="a taeda.nn.Module",
            got=f"a {type(module).__name__}",
            fix="name a model class or builder",
        )
    return module.eval()


def _is_public_model(target: object, attribute: str) -> bool:
    if attribute.startswith("_"):
        return False
    if inspect.isclass(target):
        return issubclass(target, taeda.nn.Module)
    if not inspect.isfunction(target):
        return False
    try:
        answer = typing.get_type_hints(target).get("return")
    except NameError:
        return False
    return inspect.isclass(answer) and issubclass(answer, taeda.nn.Module)
