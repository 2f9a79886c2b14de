"""Transport of batches from a worker process to the main process through shared memory.

The worker pickles a batch; the memory of large tensors and NumPy arrays does not go through the pickle but
lies in *segments*: anonymous memory files that both processes map. Their file descriptors travel over the
worker's socket. When the main process has dropped every tensor that lies in a segment, it tells the worker,
which then fills the same segment again: after the first few batches no memory is allocated, cleared or
mapped any more.
"""

from __future__ import annotations

import ctypes
import io
import mmap
import os
import pickle
import socket
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import taeda

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from taeda import Tensor

__all__ = ["BatchReader", "BatchWriter"]

# Smaller storages are cheaper inside the pickle than as a segment of their own.
MINIMUM_SEGMENT_BYTES = 16 * 1024
# A worker keeps at most this many unused segments for later batches.
MAXIMUM_FREE_SEGMENTS = 64

_incoming = threading.local()


class _Segment:
    """One anonymous memory file, mapped."""

    def __init__(self, number: int, descriptor: int, size: int) -> None:
        self.number = number
        self.size = size
        flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
        self.mapping = mmap.mmap(descriptor, size, flags=flags)
        self._lent: weakref.ref[Any] | None = None

    def lend(self, nbytes: int) -> Any:
        """A new buffer object over the first bytes. It stays alive as long as anything made from it does.

        A ctypes array and not a memoryview: consumers of a memoryview keep its exporter alive, not the view.
        """
        buffer = (ctypes.c_char * nbytes).from_buffer(self.mapping)
        self._lent = weakref.ref(buffer)
        return buffer

    @property
    def is_lent(self) -> bool:
        """Does anything in this process still use the last buffer from `lend`?"""
        return self._lent is not None and self._lent() is not None


def _memory_file(size: int) -> int:
    """Descriptor of a new anonymous file of `size` bytes."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("taeda-batch", os.MFD_CLOEXEC)
    else:
        handle, path = tempfile.mkstemp(prefix="taeda-batch-")
        os.unlink(path)
        descriptor = handle
    try:
        os.ftruncate(descriptor, size)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class BatchWriter:
    """The worker's end.

    Args:
        connection: the socket to the main process; must be able to carry file descriptors.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._segments: dict[int, _Segment] = {}
        self._free: list[_Segment] = []
        self._next_number = 0
        self._begin()

    def _begin(self) -> None:
        self._taken: list[_Segment] = []  # for the batch being made
        self._address: dict[int, _Segment] = {}  # data pointer -> segment in which a tensor was made
        self._new: list[
            tuple[int, int]
        ] = []  # (segment number, descriptor) that the reader does not have yet

    def empty(self, shape: Sequence[int], dtype: taeda.dtype) -> Tensor:
        """An uninitialised tensor in a segment, to make a batch in place; small ones are ordinary tensors."""
        nbytes = dtype.itemsize
        for size in shape:
            nbytes *= size
        if nbytes < MINIMUM_SEGMENT_BYTES:
            return taeda.empty(tuple(shape), dtype=dtype)
        segment = self._take(nbytes)
        tensor = taeda.frombuffer(segment.lend(nbytes), dtype=dtype).view(tuple(shape))
        self._address[tensor.data_ptr()] = segment
        return tensor

    def _take(self, nbytes: int) -> _Segment:
        segment = self._reuse(nbytes) or self._create(nbytes)
        self._taken.append(segment)
        return segment

    def _reuse(self, nbytes: int) -> _Segment | None:
        most = 2 * nbytes + mmap.PAGESIZE
        fitting = [
            segment for segment in self._free if nbytes <= segment.size <= most and not segment.is_lent
        ]
        if not fitting:
            return None
        segment = min(fitting, key=lambda candidate: candidate.size)
        self._free.remove(segment)
        return segment

    def _create(self, nbytes: int) -> _Segment:
        size = -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
        try:
            descriptor = _memory_file(size)
            segment = _Segment(self._next_number, descriptor, size)
        except OSError as error:
            raise RuntimeError(
                f"DataLoader worker: cannot get {size} bytes of shared memory for a batch "
                f"({error.strerror}); "
                "use a smaller batch_size or prefetch_factor, or num_workers=0"
            ) from error
        self._next_number += 1
        self._segments[segment.number] = segment
        self._new.append((segment.number, descriptor))
        return segment

    def release(self, numbers: Sequence[int]) -> None:
        """The main process does not use these segments any more."""
        for number in numbers:
            self._free.append(self._segments[number])

    def abandon(self) -> None:
        """Takes back what was taken for a batch that failed."""
        self._free.extend(self._taken)
        self._taken, self._address = [], {}

    def send(self, header: Any, batch: Any) -> None:
        """Sends a picklable header and a batch."""
        pickled = _BatchPickler(self._place)
        payload = pickled.dump_batch(batch)
        self._free.extend(
            segment for address, segment in self._address.items() if address not in pickled.used_addresses
        )
        dropped = [self._free.pop(0).number for _ in range(len(self._free) - MAXIMUM_FREE_SEGMENTS)]
        fresh = [(number, self._segments[number].size) for number, _ in self._new]
        for number in dropped:
            del self._segments[number]
        message = (header, fresh, dropped, pickled.storages, payload)
        self._connection.send_bytes(pickle.dumps(message, protocol=5))
        for _, descriptor in self._new:
            socket.send_fds(self._socket, [b"F"], [descriptor])
            os.close(descriptor)
        self._begin()

    def _place(self, address: int, content: Callable[[], memoryview], nbytes: int) -> Any:
        """Where the receiver finds a storage: (segment number, size), or the bytes themselves."""
        if address in self._address:
            return self._address[address].number, nbytes
        if nbytes < MINIMUM_SEGMENT_BYTES:
            return bytes(content())
        segment = self._take(nbytes)
        segment.mapping[:nbytes] = content()
        return segment.number, nbytes


class _BatchPickler:
    """Pickles one batch; collects the places of its storages and array buffers in `storages`."""

    def __init__(self, place: Callable[[int, Callable[[], memoryview], int], Any]) -> None:
        self._place = place
        self._index_of: dict[int, int] = {}
        self._alive: list[Tensor] = []
        self.storages: list[Any] = []
        self.used_addresses: set[int] = set()

    def dump_batch(self, batch: Any) -> bytes:
        stream = io.BytesIO()
        pickler = _Pickler(stream, protocol=5, buffer_callback=self._array_buffer)
        pickler.reduce_tensor = self.reduce_tensor
        pickler.dump(batch)
        return stream.getvalue()

    def _array_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Keeps small buffers in the pickle (True), puts large ones into a segment."""
        with memoryview(buffer) as view:
            if view.nbytes < MINIMUM_SEGMENT_BYTES or not view.contiguous:
                return True
        raw = buffer.raw()
        self.storages.append(("array", self._place(-1, lambda: raw, raw.nbytes)))
        return False

    def reduce_tensor(self, tensor: Tensor) -> tuple[Any, ...]:
        """Recipe of a tensor: the number of its storage and its geometry.

        A tensor that covers its storage is sent with it, so that views keep sharing memory; of a larger
        storage only the tensor's own elements are sent.
        """
        if tensor.requires_grad and not tensor.is_leaf:
            raise RuntimeError(
                "DataLoader worker: cannot send a non-leaf tensor which requires_grad to the main process, "
                "since "
                "autograd does not cross process boundaries; call detach() on it in the dataset or collate_fn"
            )
        is_parameter = type(tensor) is not taeda.Tensor
        requires_grad = tensor.requires_grad
        plain = tensor.detach()
        if plain.numel() * plain.element_size() != plain.untyped_storage().nbytes():
            plain = plain.clone(memory_format=taeda.contiguous_format)
        self._alive.append(plain)  # no other storage may get this address while the batch is pickled
        storage = plain.untyped_storage()
        address, nbytes = storage.data_ptr(), storage.nbytes()
        if nbytes == 0 or address not in self._index_of:
            place = self._place(address, lambda: _storage_bytes(storage, nbytes), nbytes)
            self._index_of[address] = len(self.storages)
            self.storages.append(("tensor", place))
            self.used_addresses.add(address)
        geometry = (plain.storage_offset(), tuple(plain.shape), plain.stride())
        name = str(plain.dtype).rpartition(".")[2]
        return _rebuild_tensor, (self._index_of[address], name, *geometry, requires_grad, is_parameter)


class _Pickler(pickle.Pickler):
    reduce_tensor: Callable[[Tensor], tuple[Any, ...]]

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if kind is taeda.Tensor or (isinstance(value, taeda.Tensor) and kind is taeda.nn.Parameter):
            return self.reduce_tensor(value)
        return NotImplemented


def _storage_bytes(storage: Any, nbytes: int) -> memoryview:
    flat = taeda._C._tensor_from_storage(storage, taeda.uint8, 0, (nbytes,), (1,))
    return flat.numpy().data


def _rebuild_tensor(
    index: int,
    dtype: str,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    is_parameter: bool,
) -> Tensor:
    storage = _incoming.storages[index]
    tensor = taeda._C._tensor_from_storage(storage, getattr(taeda, dtype), offset, shape, stride)
    if is_parameter:
        return taeda.nn.Parameter(tensor, requires_grad)
    return tensor.requires_grad_() if requires_grad else tensor


class BatchReader:
    """The main process's end: rebuilds batches on the worker's segments.

    Args:
        connection: the socket to the worker.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._segments: dict[int, _Segment] = {}
        # Filled by finalizers, which may run at any moment in any thread; deque.append is atomic.
        self._released: deque[int] = deque()

    def released(self) -> list[int]:
        """Numbers of segments whose tensors are gone since the last call, to be sent back to the worker."""
        numbers = []
        while self._released:
            numbers.append(self._released.popleft())
        return numbers

    def receive(self) -> tuple[Any, Callable[[], Any]]:
        """The next message: its header, and a function that rebuilds the batch.

        Raises:
            EOFError: the worker is gone.
        """
        header, fresh, dropped, places, payload = pickle.loads(self._connection.recv_bytes())
        for number, size in fresh:
            _, descriptors, _, _ = socket.recv_fds(self._socket, 1, 1)
            if not descriptors:
                raise EOFError("the worker closed its socket")
            self._segments[number] = _Segment(number, descriptors[0], size)
            os.close(descriptors[0])
        for number in dropped:
            del self._segments[number]
        storages: list[Any] = []
        arrays: list[Any] = []
        for kind, place in places:
            buffer = self._buffer(*place) if isinstance(place, tuple) else bytearray(place)
            if kind == "array":
                arrays.append(buffer)
                storages.append(None)
            else:
                storages.append(_storage_over(buffer))
        return header, lambda: _unpickle(payload, storages, arrays)

    def _buffer(self, number: int, nbytes: int) -> Any:
        buffer = self._segments[number].lend(nbytes)
        weakref.finalize(buffer, self._released.append, number).atexit = False
        return buffer

    def close(self) -> None:
        """Gives up the socket; batches received so far stay valid."""
        self._socket.close()


def _storage_over(buffer: Any) -> Any:
    if len(buffer) == 0:
        return taeda.empty(0, dtype=taeda.uint8).untyped_storage()
    return taeda.frombuffer(buffer, dtype=taeda.uint8).untyped_storage()


def _unpickle(payload: bytes, storages: list[Any], arrays: list[Any]) -> Any:
    _incoming.storages = storages
    try:
        return pickle.loads(payload, buffers=arrays)
    finally:
        del _incoming.storages
