"""Reading and writing audio files through libsndfile (the `soundfile` package)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import soundfile

import taeda
from taeda import Tensor

__all__ = ["AudioMetaData", "info", "load", "save"]

Source = str | os.PathLike[str] | BinaryIO

READABLE = "WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF or AU"
SUFFIX_FORMATS = {
    "wav": "WAV",
    "flac": "FLAC",
    "ogg": "OGG",
    "opus": "OGG",
    "mp3": "MP3",
    "aiff": "AIFF",
    "au": "AU",
}

# libsndfile's sub-types: torchaudio's name of the encoding, and the bits of a sample (0 for lossy codings).
SUBTYPES = {
    "PCM_S8": ("PCM_S", 8),
    "PCM_U8": ("PCM_U", 8),
    "PCM_16": ("PCM_S", 16),
    "PCM_24": ("PCM_S", 24),
    "PCM_32": ("PCM_S", 32),
    "FLOAT": ("PCM_F", 32),
    "DOUBLE": ("PCM_F", 64),
    "ULAW": ("ULAW", 8),
    "ALAW": ("ALAW", 8),
    "VORBIS": ("VORBIS", 0),
    "OPUS": ("OPUS", 0),
    "MPEG_LAYER_III": ("MP3", 0),
}

# What `save` writes when the caller names no encoding, by format and dtype of the samples.
DEFAULT_SUBTYPES = {
    "WAV": {
        taeda.float32: "FLOAT",
        taeda.float64: "DOUBLE",
        taeda.int32: "PCM_32",
        taeda.int16: "PCM_16",
        taeda.uint8: "PCM_U8",
    },
    "FLAC": {taeda.int32: "PCM_24"},
    "OGG": {},
    "MP3": {},
    "AIFF": {taeda.int32: "PCM_32", taeda.float32: "FLOAT", taeda.float64: "DOUBLE"},
    "AU": {taeda.int32: "PCM_32", taeda.float32: "FLOAT", taeda.float64: "DOUBLE"},
}
FALLBACK_SUBTYPES = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}

# The dtype that keeps every bit of a sub-type when nothing is to be scaled; others are read as float32.
NATIVE_DTYPES = {
    "PCM_S8": "int16",
    "PCM_16": "int16",
    "PCM_24": "int32",
    "PCM_32": "int32",
    "DOUBLE": "float64",
}


class AudioMetaData(NamedTuple):
    """What a file says about its sound.

    Attributes:
        sample_rate: samples a second and channel (Hz).
        num_frames: samples of one channel.
        num_channels: number of channels.
        bits_per_sample: bits of one sample; 0 for lossy codings such as Vorbis.
        encoding: "PCM_S", "PCM_U", "PCM_F", "ULAW", "ALAW", "VORBIS", "OPUS", "MP3", or "UNKNOWN".
    """

    sample_rate: int
    num_frames: int
    num_channels: int
    bits_per_sample: int
    encoding: str


def _name(uri: Source) -> str:
    return os.fspath(uri) if isinstance(uri, (str, os.PathLike)) else f"<{type(uri).__name__}>"


def _open(operation: str, uri: Source) -> soundfile.SoundFile:
    """Open for reading; errors say which file, how long it is and what was expected."""
    size = ""
    if isinstance(uri, (str, os.PathLike)):
        path = Path(uri)
        if not path.exists():
            raise FileNotFoundError(f"{operation}: no file {path}; check the path")
        if path.is_dir():
            raise IsADirectoryError(f"{operation}: {path} is a folder; expected an audio file")
        size = f" ({path.stat().st_size} bytes)"
    try:
        return soundfile.SoundFile(uri)
    except soundfile.LibsndfileError as error:
        raise RuntimeError(
            f"{operation}: cannot read {_name(uri)}{size} as audio: {error.error_string} Expected "
            f"{READABLE}; "
            "convert the file, or fetch it again if it is damaged"
        ) from error


def info(uri: Source) -> AudioMetaData:
    """Read what a file says about its sound, without decoding it.

    Args:
        uri: path, or binary file object.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: the file is not audio that libsndfile reads.
    """
    with _open("info", uri) as file:
        encoding, bits = SUBTYPES.get(file.subtype, ("UNKNOWN", 0))
        return AudioMetaData(file.samplerate, file.frames, file.channels, bits, encoding)


def load(
    uri: Source,
    frame_offset: int = 0,
    num_frames: int = -1,
    normalize: bool = True,
    channels_first: bool = True,
) -> tuple[Tensor, int]:
    """Read a sound.

    Args:
        uri: path, or binary file object.
        frame_offset: samples of each channel to skip.
        num_frames: at most so many samples of each channel; -1 reads to the end.
        normalize: give float32 between -1 and 1; otherwise integer files give integers (uint8, int16 or, for
            24 and 32 bits, int32; 24-bit samples fill the upper bits).
        channels_first: shape (channels, time); otherwise (time, channels).

    Returns:
        The samples and the sample rate (Hz).

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: the file is not audio that libsndfile reads, or breaks off.
        ValueError: `frame_offset` or `num_frames` does not fit.
    """
    if frame_offset < 0:
        raise ValueError(f"load: expected frame_offset >= 0, got {frame_offset}")
    if num_frames == 0 or num_frames < -1:
        raise ValueError(f"load: expected num_frames > 0, or -1 for all, got {num_frames}")
    with _open("load", uri) as file:
        if frame_offset > file.frames:
            raise ValueError(
                f"load: frame_offset={frame_offset} is beyond the {file.frames} frames of {_name(uri)}"
            )
        dtype = "float32" if normalize else NATIVE_DTYPES.get(file.subtype, "float32")
        unsigned = not normalize and file.subtype == "PCM_U8"
        try:
            file.seek(frame_offset)
            samples = file.read(num_frames, dtype="int16" if unsigned else dtype, always_2d=True)
        except soundfile.LibsndfileError as error:
            raise RuntimeError(f"load: {_name(uri)} cannot be decoded: {error.error_string}") from error
        if unsigned:
            # libsndfile moves 8 unsigned bits to the upper half of an int16.
            samples = ((samples >> 8) + 128).astype(np.uint8)
        sample_rate = int(file.samplerate)
    waveform = taeda.from_numpy(np.ascontiguousarray(samples.T) if channels_first else samples)
    return waveform, sample_rate


def save(
    uri: Source,
    src: Tensor,
    sample_rate: int,
    channels_first: bool = True,
    format: str | None = None,
    encoding: str | None = None,
    bits_per_sample: int | None = None,
) -> None:
    """Write a sound.

    Float samples outside -1 .. 1 are clipped by integer and lossy codings.

    Args:
        uri: path, or binary file object (which needs `format`).
        src: samples of shape (channels, time), or (time, channels) with ``channels_first=False``; float32,
            float64, int32, int16, or uint8 (WAV only).
        sample_rate: samples a second and channel (Hz).
        channels_first: which dimension of `src` is the channel.
        format: "wav", "flac", "ogg", "opus", "mp3", "aiff" or "au"; None goes by the file name.
        encoding: "PCM_S", "PCM_U", "PCM_F", "ULAW" or "ALAW"; None keeps the dtype where the format can
            (WAV), and is 16 bits for FLAC, Vorbis for OGG.
        bits_per_sample: 8, 16, 24, 32 or 64.

    Raises:
        FileNotFoundError: the folder does not exist.
        ValueError: shape, sample rate, format, encoding or bits do not fit; the message says what does.
        TypeError: the dtype cannot be written.
        RuntimeError: the file cannot be written.
    """
    if src.dim() != 2:
        raise ValueError(
            f"save: expected samples of shape (channels, time), got {tuple(src.shape)}; a single channel "
            "needs src[None]"
        )
    if isinstance(sample_rate, bool) or int(sample_rate) != sample_rate or sample_rate <= 0:
        raise ValueError(
            f"save: expected sample_rate to be a positive whole number of Hz, got {sample_rate!r}"
        )
    kind = _format_of(uri, format)
    if src.dtype not in (taeda.float32, taeda.float64, taeda.int32, taeda.int16, taeda.uint8):
        raise TypeError(f"save: cannot write {src.dtype} samples; convert to float32 or int16 first")
    wants_opus = (format or str(uri).rpartition(".")[2]).lower() == "opus"
    subtype = "OPUS" if wants_opus else _subtype(kind, src.dtype, encoding, bits_per_sample)
    if not soundfile.check_format(kind, subtype):
        offered = sorted(name for name in SUBTYPES if soundfile.check_format(kind, name))
        raise ValueError(
            f"save: {kind} cannot hold {subtype} (encoding={encoding!r}, "
            f"bits_per_sample={bits_per_sample}); it can hold {offered}"
        )
    samples = src.detach().cpu().numpy()
    if src.dtype == taeda.uint8:
        # libsndfile takes no uint8: centre on zero and fill the upper half of an int16.
        samples = (samples.astype(np.int16) - 128) << 8
    if isinstance(uri, (str, os.PathLike)) and not Path(uri).absolute().parent.is_dir():
        raise FileNotFoundError(f"save: the folder of {_name(uri)} does not exist; make it first")
    try:
        soundfile.write(uri, samples.T if channels_first else samples, int(sample_rate), subtype, format=kind)
    except soundfile.LibsndfileError as error:
        raise RuntimeError(
            f"save: cannot write {_name(uri)} as {kind} {subtype} at {sample_rate} Hz with "
            f"{src.size(0 if channels_first else 1)} channels: {error.error_string}"
        ) from error


def _format_of(uri: Source, format: str | None) -> str:
    named = format
    if named is None and isinstance(uri, (str, os.PathLike)):
        named = Path(uri).suffix[1:]
    if not named:
        raise ValueError(
            f"save: {_name(uri)} does not say its format; pass format=, one of {sorted(SUFFIX_FORMATS)}"
        )
    kind = SUFFIX_FORMATS.get(named.lower())
    if kind is None:
        raise ValueError(
            f"save: unknown format {named!r} for {_name(uri)}; expected one of {sorted(SUFFIX_FORMATS)}"
        )
    return kind


def _subtype(kind: str, dtype: Any, encoding: str | None, bits: int | None) -> str:
    """libsndfile's sub-type for an encoding and a number of bits, either of which may be left open."""
    if encoding is None and bits is None:
        return DEFAULT_SUBTYPES[kind].get(dtype) or FALLBACK_SUBTYPES.get(kind, "PCM_16")
    if kind in FALLBACK_SUBTYPES:
        raise ValueError(
            f"save: {kind} has one coding only; drop encoding={encoding!r} and bits_per_sample={bits}"
        )
    matches = [
        name
        for name, (named, width) in SUBTYPES.items()
        if (encoding is None or named == encoding) and (bits is None or width == bits)
    ]
    writable = [name for name in matches if soundfile.check_format(kind, name)]
    # Sixteen bits are the usual choice for signed integers, 32 for float.
    for preferred in ("PCM_16", "FLOAT", *writable):
        if preferred in writable:
            return preferred
    raise ValueError(
        f"save: {kind} cannot hold encoding={encoding!r} with bits_per_sample={bits}; it can hold "
        f"{sorted(name for name in SUBTYPES if soundfile.check_format(kind, name))}"
    )
