"""Neural networks: layers, losses, initial values and tools around them."""

from typing import TYPE_CHECKING, NoReturn

from . import attention, functional, init, modules, parameter, utils
from .modules import *
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "attention",
    "functional",
    "init",
    "modules",
    "parameter",
    "utils",
]
__all__ += modules.__all__


if not TYPE_CHECKING:  # type checkers must keep finding misspelt names

    def __getattr__(name: str) -> NoReturn:
        from taeda._missing import missing_attribute

        raise missing_attribute(name, __all__, "nn")
