"""TensorBoard event files, written byte by byte.

A file is a sequence of records: length (uint64), masked CRC-32C of the length, data, masked CRC-32C of the
data, all little-endian (the TFRecord format). The data is an `Event` message in protobuf wire format
(event.proto and summary.proto of TensorBoard); the few fields that are needed are encoded here.
"""

from __future__ import annotations

import bisect
import math
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["EventFile", "masked_crc32c", "read_records"]


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x82F63B78 if crc & 1 else crc >> 1
        table.append(crc)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli polynomial, RFC 3720).

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked_crc32c(data: bytes) -> int:
    """The checksum as records store it: rotated by 15 bits and shifted by a constant."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """Frame one message."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        (length, struct.pack("<I", masked_crc32c(length)), data, struct.pack("<I", masked_crc32c(data)))
    )


def read_records(path: str | Path) -> list[bytes]:
    """The messages of a file, with their checksums verified.

    Raises:
        ValueError: a record is damaged or cut off.
    """
    content = Path(path).read_bytes()
    messages, position = [], 0
    while position < len(content):
        head = content[position : position + 12]
        if len(head) < 12:
            raise ValueError(f"{path}: cut off in a record's head at byte {position}")
        length, head_crc = struct.unpack("<QI", head)
        data = content[position + 12 : position + 12 + length]
        tail = content[position + 12 + length : position + 16 + length]
        if (
            len(tail) < 4
            or masked_crc32c(head[:8]) != head_crc
            or struct.unpack("<I", tail)[0] != masked_crc32c(data)
        ):
            raise ValueError(f"{path}: damaged record at byte {position}")
        messages.append(data)
        position += 16 + length
    return messages


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _single(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("utf-8"))


def _packed_doubles(field: int, values: Iterable[float]) -> bytes:
    return _bytes(field, b"".join(struct.pack("<d", value) for value in values))


def event(step: int, wall_time: float, summary: bytes) -> bytes:
    """`Event` with a summary: wall_time=1, step=2, summary=5."""
    return _double(1, wall_time) + _integer(2, step) + _bytes(5, summary)


def scalar_summary(tag: str, value: float) -> bytes:
    """`Summary` with one number: value=1 {tag=1, simple_value=2}."""
    value = max(min(value, 3.4028234e38), -3.4028234e38) if math.isfinite(value) else value
    return _bytes(1, _text(1, tag) + _single(2, value))


def text_summary(tag: str, text: str) -> bytes:
    """`Summary` for the text page: tensor=8 of strings, metadata=9 names the plugin."""
    tensor = _integer(1, 7) + _bytes(2, _bytes(2, _integer(1, 1))) + _text(8, text)
    metadata = _bytes(1, _text(1, "text"))
    return _bytes(1, _text(1, f"{tag}/text_summary") + _bytes(8, tensor) + _bytes(9, metadata))


def image_summary(tag: str, png: bytes, height: int, width: int, channels: int) -> bytes:
    """`Summary` with a PNG: image=4 {height=1, width=2, colorspace=3, encoded=4}."""
    image = _integer(1, height) + _integer(2, width) + _integer(3, channels) + _bytes(4, png)
    return _bytes(1, _text(1, tag) + _bytes(4, image))


def _bucket_limits() -> list[float]:
    """Limits that grow by a tenth, from 1e-12 to 1e20, with their negatives and zero."""
    positive, value = [], 1e-12
    while value < 1e20:
        positive.append(value)
        value *= 1.1
    return [-value for value in reversed(positive)] + [0.0, *positive, 1.7976931348623157e308]


_LIMITS = _bucket_limits()


def histogram_summary(tag: str, values: Sequence[float]) -> bytes:
    """`Summary` with a histogram: histo=5 {min..sum_squares=1..5, bucket_limit=6, bucket=7}."""
    counts: dict[int, int] = {}
    for value in values:
        index = min(bisect.bisect_left(_LIMITS, value), len(_LIMITS) - 1)
        counts[index] = counts.get(index, 0) + 1
    first, last = min(counts), max(counts)
    indices = range(max(first - 1, 0), last + 1)
    histogram = (
        _double(1, min(values))
        + _double(2, max(values))
        + _double(3, float(len(values)))
        + _double(4, math.fsum(values))
        + _double(5, math.fsum(value * value for value in values))
        + _packed_doubles(6, (_LIMITS[index] for index in indices))
        + _packed_doubles(7, (float(counts.get(index, 0)) for index in indices))
    )
    return _bytes(1, _text(1, tag) + _bytes(5, histogram))


def encode_png(rows: Sequence[bytes], width: int, channels: int) -> bytes:
    """PNG of 8-bit rows with 1 (gray), 3 (RGB) or 4 (RGBA) channels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    color = {1: 0, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, len(rows), 8, color, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


_files_made = 0


class EventFile:
    """Appends events to a new file in `folder`.

    Args:
        folder: made if missing.
    """

    def __init__(self, folder: str | Path) -> None:
        global _files_made
        os.makedirs(folder, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{int(now)}.{socket.gethostname()}.{os.getpid()}.{_files_made}"
        _files_made += 1
        self.path = os.path.join(folder, name)
        self._file = open(self.path, "ab")  # noqa: SIM115 - stays open until close()
        self._file.write(record(_double(1, now) + _text(3, "brain.Event:2")))
        self._file.flush()

    def add(self, summary: bytes, step: int | None, wall_time: float | None = None) -> None:
        """Append a summary at a step."""
        moment = time.time() if wall_time is None else wall_time
        self._file.write(record(event(step or 0, moment, summary)))

    def flush(self) -> None:
        """Write what is buffered."""
        self._file.flush()

    def close(self) -> None:
        """Write what is buffered and close."""
        self._file.close()
