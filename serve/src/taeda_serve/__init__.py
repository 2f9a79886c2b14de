"""Package a taeda model into one archive, and serve it over HTTP.

- `package` writes an archive, `load_archive` predicts with one in this process, `taeda serve` serves it.
- `Client` asks a server; `RunningServer` runs one as a child process.
"""

from typing import TYPE_CHECKING

from taeda_serve.archive import Archive, read_archive
from taeda_serve.client import Client
from taeda_serve.errors import ArchiveError, PortInUseError, RequestError, ServeError, ServerStartError
from taeda_serve.manifest import Architecture, Manifest, TensorSpec, TransformStep
from taeda_serve.running import RunningServer
from taeda_serve.version import VERSION

if TYPE_CHECKING:
    from taeda_serve.model import ServableModel, load_archive
    from taeda_serve.packaging import package

__all__ = [
    "Architecture",
    "Archive",
    "ArchiveError",
    "Client",
    "Manifest",
    "PortInUseError",
    "RequestError",
    "RunningServer",
    "ServableModel",
    "ServeError",
    "ServerStartError",
    "TensorSpec",
    "TransformStep",
    "load_archive",
    "package",
    "read_archive",
]
__version__ = VERSION

_NEED_TENSORS = {"ServableModel": "model", "load_archive": "model", "package": "packaging"}


def __getattr__(name: str) -> object:
    """Import what needs the tensor library when first asked for: clients and the server do without."""
    if name in _NEED_TENSORS:
        from importlib import import_module

        return getattr(import_module(f"taeda_serve.{_NEED_TENSORS[name]}"), name)
    raise AttributeError(f"module 'taeda_serve' has no attribute {name!r}")
