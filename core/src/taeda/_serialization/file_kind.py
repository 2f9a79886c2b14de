"""What a file is, judged by its first bytes: so that the error for a wrong file says what was found."""

from __future__ import annotations

__all__ = ["HEAD_BYTES", "describe", "is_pickle", "is_safetensors", "is_zip"]

# Enough for every signature below, the tar one included.
HEAD_BYTES = 512
# A safetensors header may be this long; the format's own limit.
LARGEST_SAFETENSORS_HEADER = 100_000_000

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a git-lfs pointer, not the file it points to; run `git lfs pull`"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras keeps weights in those); read it with h5py"),
    (b"\x93NUMPY", "a NumPy array file; read it with numpy.load and taeda.from_numpy"),
    (b"GGUF", "a GGUF file; this reader does not know that format"),
    (b"\x7fELF", "a program or shared library"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"RIFF", "a RIFF file (wav, avi or webp)"),
    (b"fLaC", "a FLAC audio file"),
    (b"OggS", "an Ogg audio file"),
    (b"Rar!", "a rar archive; unpack it first"),
)


def is_zip(head: bytes) -> bool:
    """Does it begin like a zip archive?"""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def is_pickle(head: bytes) -> bool:
    """Does it begin like a pickle of protocol 2 or later?"""
    return len(head) >= 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def is_safetensors(head: bytes) -> bool:
    """Does it begin like a safetensors file?"""
    length = int.from_bytes(head[:8], "little")
    return len(head) > 8 and 2 <= length <= LARGEST_SAFETENSORS_HEADER and head[8:9] == b"{"


def describe(head: bytes) -> str:
    """What a file that nobody can read seems to be, and what to do about it."""
    for signature, description in _SIGNATURES:
        if head.startswith(signature):
            return description
    if head[257:262] == b"ustar":
        return (
            "a tar archive; unpack it first (checkpoints of PyTorch 0.1: save them again with torch >= 0.4)"
        )
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return (
            "a web page (HTML); the download probably led to a login or error page, download the file again"
        )
    if text.startswith((b"<?xml", b"<")):
        return "an XML file"
    if text.startswith((b"{", b"[")):
        return "a JSON text; read it with json.load"
    if head.strip(b"\x00") == b"":
        return "a file that begins with zero bytes only; the download or copy was probably interrupted"
    if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head):
        return "a text file"
    return f"unknown data beginning with {head[:8]!r}"
