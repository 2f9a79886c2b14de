"""Hyper-parameters: what a module or data module was made with, kept in checkpoints and `hparams.yaml`."""

from __future__ import annotations

import copy
import inspect
import types
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["AttributeDict", "HyperparametersMixin", "constructor_arguments"]


class AttributeDict(dict[str, Any]):
    """A dict whose keys can be read and written as attributes.

    Example:
        >>> options = AttributeDict(lr=0.1)
        >>> options.lr
        0.1
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no hyper-parameter {name!r}; there are {sorted(self)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __repr__(self) -> str:
        return "\n".join(f'"{key}": {value!r}' for key, value in sorted(self.items()))


def constructor_arguments(frame: types.FrameType, owner: object) -> dict[str, Any]:
    """Arguments of the `__init__` that runs in `frame` and of the subclasses' `__init__`s that called it.

    Args:
        frame: a frame inside an `__init__` of `owner`.
        owner: the object being made.

    Returns:
        Name to value; the most derived class wins where names repeat; `**kwargs` are merged in.
    """
    collected: dict[str, Any] = {}
    current: types.FrameType | None = frame
    while current is not None and current.f_code.co_name == "__init__":
        info = inspect.getargvalues(current)
        if not info.args or info.locals.get(info.args[0]) is not owner:
            break
        values = {name: info.locals[name] for name in info.args[1:] if name in info.locals}
        if info.keywords:
            values.update(info.locals.get(info.keywords, {}))
        collected.update(values)
        current = current.f_back
    return collected


class HyperparametersMixin:
    """`save_hyperparameters`, `hparams` and `hparams_initial`."""

    _hparams: AttributeDict
    _hparams_initial: AttributeDict
    _log_hyperparams: bool = False

    def save_hyperparameters(
        self,
        *args: Any,
        ignore: Sequence[str] | str | None = None,
        frame: types.FrameType | None = None,
        logger: bool = True,
    ) -> None:
        """Keep the arguments of `__init__` in `self.hparams`, in checkpoints and in the loggers.

        Args:
            args: names of arguments to keep (all by default), or one dict / namespace to keep instead.
            ignore: names to leave out.
            frame: the frame of the `__init__`; found by itself.
            logger: whether the loggers write them.

        Raises:
            ValueError: a name is no argument of `__init__`.
        """
        if len(args) == 1 and not isinstance(args[0], str):
            values = dict(args[0]) if isinstance(args[0], Mapping) else dict(vars(args[0]))
        else:
            if frame is None:
                here = inspect.currentframe()
                assert here is not None
                frame = here.f_back
            assert frame is not None
            values = constructor_arguments(frame, self)
            unknown = [name for name in args if name not in values]
            if unknown:
                raise ValueError(
                    f"save_hyperparameters: {type(self).__name__}.__init__ has no arguments {unknown}; it "
                    f"has {sorted(values)}"
                )
            if args:
                values = {name: values[name] for name in args}
        ignored = {ignore} if isinstance(ignore, str) else set(ignore or ())
        values = {name: value for name, value in values.items() if name not in ignored}
        merged = AttributeDict(self.hparams)
        merged.update(values)
        object.__setattr__(self, "_hparams", merged)
        object.__setattr__(self, "_hparams_initial", AttributeDict(_copied(merged)))
        object.__setattr__(self, "_log_hyperparams", logger)

    @property
    def hparams(self) -> AttributeDict:
        """The hyper-parameters, as `save_hyperparameters` kept them and as changed since."""
        found = self.__dict__.get("_hparams")
        if found is None:
            found = AttributeDict()
            object.__setattr__(self, "_hparams", found)
        return found

    @property
    def hparams_initial(self) -> AttributeDict:
        """A copy of the hyper-parameters as `save_hyperparameters` found them."""
        return AttributeDict(_copied(self.__dict__.get("_hparams_initial", AttributeDict())))


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    """Copy containers deeply and leave everything else (modules, data sets) shared."""
    return {
        name: copy.deepcopy(value) if isinstance(value, (list, dict, set)) else value
        for name, value in values.items()
    }
