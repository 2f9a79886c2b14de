"""`taeda.save` and `taeda.load`: checkpoints that are data, never programs.

`load` reads safetensors files and the `.pt`/`.pth` files of torch, both the zip form and the one before
torch 1.6. It executes nothing that a file names. `save` writes `.pt` files that
`torch.load(weights_only=True)` opens, or safetensors files when the name ends in `.safetensors`; a file
appears complete or not at all.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

# The formats (and with them zipfile, json and pickle) are imported when they are used, since this module is
# part of `import taeda`, which has to be fast.
if TYPE_CHECKING:
    from taeda._serialization.storage import MapLocation

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_crc32_options",
    "get_safe_globals",
    "load",
    "read_safetensors_metadata",
    "safe_globals",
    "save",
    "set_crc32_options",
]

FileLike = str | os.PathLike[str] | IO[bytes]

_check_crc = True


def save(
    obj: object,
    f: FileLike,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Saves tensors and plain containers.

    Tensors that share a storage still share it after loading. The file takes the place of an old one only
    when it is complete and on the disk.

    Args:
        obj: tensors, numbers, texts, bytes, None, and lists, tuples, dicts, sets of them. For a name that
        ends in
            `.safetensors`: a dict from names to tensors.
        f: a path, or a file object open for writing in binary mode.
        pickle_module: must be None; the pickle is written by taeda itself.
        pickle_protocol: must be 2.
        metadata: texts to put into a safetensors file.

    Raises:
        TypeError: `obj` holds something else; the message says where.
        FileNotFoundError: the folder does not exist.
        ValueError: an option that cannot be honoured.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> save({"step": 3, "weight": taeda.ones(2)}, file)
        >>> _ = file.seek(0)
        >>> load(file)["step"]
        3
    """
    from taeda._serialization.atomic_file import open_target
    from taeda._serialization.safetensors import write_safetensors
    from taeda._serialization.torch_zip import write_zip

    if pickle_module is not None or pickle_protocol != 2:
        raise ValueError(
            "save: taeda writes its pickles itself, with protocol 2; leave out pickle_module and protocol"
        )
    if not _use_new_zipfile_serialization:
        raise ValueError("save: only the zip form is written; the form before torch 1.6 is read only")
    is_safetensors = isinstance(f, (str, os.PathLike)) and os.fspath(f).lower().endswith(".safetensors")
    if metadata is not None and not is_safetensors:
        raise ValueError(
            "save: metadata= belongs to files whose name ends in .safetensors; put it into obj here"
        )
    with open_target(f) as file:
        if is_safetensors:
            write_safetensors(obj, file, metadata)
        else:
            write_zip(obj, file)


def load(
    f: FileLike,
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Loads what `save`, `torch.save` or a safetensors writer stored. Never executes code from the file.

    Args:
        f: a path, or a file object open for reading in binary mode.
        map_location: where tensors go: a device, a dict from the file's device names to others, or a
            function (storage, device name) -> storage or None.
        pickle_module: must be None.
        weights_only: True or None. Files are always read that way.
        mmap: map the file's memory instead of reading it; pages come from the disk when they are used, and
        changes
            to the tensors are not written back. Needs a path.
        **pickle_load_args: `encoding`, for byte strings of Python 2.

    Raises:
        pickle.UnpicklingError: the file holds more than data (the message names what it asks for), or is of
            another kind (the message says which).
        RuntimeError: the file is truncated or corrupt, or a device is missing.
        EOFError: the file, or a pickle in it, ends early.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "weights.safetensors")
        ...     save({"weight": taeda.ones(2)}, path)
        ...     load(path)
        {'weight': tensor([1., 1.])}
    """
    if weights_only is False:
        raise ValueError(
            "load: weights_only=False would run whatever program the file contains; taeda never does that. "
            "Leave the "
            "option out: tensors and plain containers load. For a file with whole objects, load it once "
            "where it was "
            "made and save its state_dict()"
        )
    if pickle_module is not None:
        raise ValueError("load: taeda reads pickles with its own reader; leave out pickle_module")
    encoding = pickle_load_args.pop("encoding", "utf-8")
    if pickle_load_args:
        raise TypeError(f"load: unknown options {sorted(pickle_load_args)}")
    if mmap and not isinstance(f, (str, os.PathLike)):
        raise ValueError("load: f must be a path in order to use the mmap argument, got a file object")
    with _open_source(f) as file, _named(f):
        return _load_file(file, map_location, bool(mmap), encoding)


def _load_file(file: IO[bytes], map_location: MapLocation, use_mmap: bool, encoding: str) -> Any:
    """Reads a file in the format that its first bytes say."""
    import pickle

    from taeda._serialization import file_kind
    from taeda._serialization.safetensors import read_safetensors
    from taeda._serialization.storage import Placement
    from taeda._serialization.torch_legacy import read_legacy
    from taeda._serialization.torch_zip import read_zip

    placement = Placement(map_location)
    start = file.tell()
    head = file.read(file_kind.HEAD_BYTES)
    file.seek(start)
    if not head:
        raise EOFError("load: Ran out of input: the file is empty; its download or copy probably failed")
    if file_kind.is_zip(head):
        return read_zip(file, placement, use_mmap, _check_crc, encoding)
    if file_kind.is_safetensors(head):
        return read_safetensors(file, placement, use_mmap)
    if file_kind.is_pickle(head):
        if use_mmap:
            raise RuntimeError("load: mmap can only be used with files saved in the zip form (torch >= 1.6)")
        return read_legacy(file, placement, encoding)
    raise pickle.UnpicklingError(
        f"load: expected a checkpoint (.safetensors, .pt, .pth), but this is {file_kind.describe(head)}"
    )


@contextlib.contextmanager
def _open_source(source: FileLike) -> Iterator[IO[bytes]]:
    """A seekable file for reading."""
    if isinstance(source, (str, os.PathLike)):
        if os.path.isdir(source):
            raise IsADirectoryError(f"load: {os.fspath(source)} is a folder; name the file inside it")
        with open(source, "rb") as file:
            yield file
        return
    if not hasattr(source, "read"):
        raise AttributeError(
            "load: expected 'f' to be a path or a file-like object with a 'read' attribute, got "
            f"{type(source).__name__}"
        )
    if hasattr(source, "seekable") and source.seekable() and source.tell() == 0:
        yield source
    else:
        content = source.read()
        if isinstance(content, str):
            raise TypeError("load: the file is open in text mode; open it with mode 'rb'")
        yield io.BytesIO(content)


@contextlib.contextmanager
def _named(source: FileLike) -> Iterator[None]:
    """Adds the file's name to errors about its content."""
    from pickle import UnpicklingError

    try:
        yield
    except (RuntimeError, EOFError, UnpicklingError) as error:
        if isinstance(source, (str, os.PathLike)) and error.args and isinstance(error.args[0], str):
            error.args = (f"{error.args[0]} [file: {os.fspath(source)}]", *error.args[1:])
        raise


def read_safetensors_metadata(f: FileLike) -> dict[str, str]:
    """The texts that a safetensors file carries beside its tensors.

    Raises:
        RuntimeError: the file is truncated or corrupt.
    """
    from taeda._serialization.safetensors import read_metadata

    with _open_source(f) as file, _named(f):
        return read_metadata(file)


def get_crc32_options() -> bool:
    """Does `load` compare checksums?"""
    return _check_crc


def set_crc32_options(compute_crc32: bool) -> None:
    """Switches the comparison of checksums in `load`; off for files that torch wrote without them."""
    global _check_crc
    _check_crc = bool(compute_crc32)


def add_safe_globals(safe_globals: Sequence[Any]) -> None:
    """Allows `load` to use further classes or functions: your word that calling them with any data is
    harmless.

    Args:
        safe_globals: classes or functions, or pairs of one and its full name in the file.
    """
    from taeda._serialization.pickle_globals import allowed_by_user

    for item in safe_globals:
        value, name = item if isinstance(item, tuple) else (item, f"{item.__module__}.{item.__qualname__}")
        allowed_by_user[name] = value


def get_safe_globals() -> list[Any]:
    """What was added with `add_safe_globals`."""
    from taeda._serialization.pickle_globals import allowed_by_user

    return list(allowed_by_user.values())


def clear_safe_globals() -> None:
    """Forgets everything that was added with `add_safe_globals`."""
    from taeda._serialization.pickle_globals import allowed_by_user

    allowed_by_user.clear()


@contextlib.contextmanager
def safe_globals(safe_globals: Sequence[Any]) -> Iterator[None]:
    """Inside the block `load` may use the given classes or functions as well."""
    from taeda._serialization.pickle_globals import allowed_by_user

    before = dict(allowed_by_user)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        allowed_by_user.clear()
        allowed_by_user.update(before)
