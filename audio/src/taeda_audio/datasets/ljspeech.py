"""LJ Speech (Ito and Johnson 2017, https://keithito.com/LJ-Speech-Dataset): one English voice with texts."""

from __future__ import annotations

from pathlib import Path

from taeda import Tensor
from taeda.utils.data import Dataset

from .._files import load
from ._archives import Archive, obtain

__all__ = ["LJSPEECH"]

ARCHIVE = Archive(
    ("https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",),
    "be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
)


class LJSPEECH(Dataset[tuple[Tensor, int, str, str]]):
    """Sentences, read aloud.

    ``ROOT/LJSpeech-1.1/metadata.csv`` has a line ``ID|text|normalised text`` for each ``wavs/ID.wav``.

    Args:
        root: folder with `LJSpeech-1.1/`, or with the archive `LJSpeech-1.1.tar.bz2`, which is unpacked.
        folder_in_archive: name of the folder with the recordings.
        download: fetch the archive (2.6 GB) when neither is there.

    Raises:
        FileNotFoundError: neither folder nor archive is there.
        ValueError: the archive is damaged, or a line of the metadata is malformed.
    """

    def __init__(self, root: str | Path, folder_in_archive: str = "wavs", download: bool = False) -> None:
        base = Path(root) / "LJSpeech-1.1"
        self.folder = base / folder_in_archive
        obtain("LJSPEECH", self.folder, Path(root), ARCHIVE, Path(root), download)
        self._rows: list[tuple[str, str, str]] = []
        with (base / "metadata.csv").open(encoding="utf-8") as file:
            for line, content in enumerate(file, 1):
                fields = content.rstrip("\n").split("|")
                if len(fields) != 3:
                    raise ValueError(
                        f"LJSPEECH: {base / 'metadata.csv'}, line {line}: expected ID|text|normalised text, "
                        f"got {len(fields)} fields"
                    )
                self._rows.append((fields[0], fields[1], fields[2]))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, n: int) -> tuple[Tensor, int, str, str]:
        """Samples (1, time), sample rate (Hz), text and normalised text."""
        name, text, normalised = self._rows[n]
        waveform, sample_rate = load(self.folder / f"{name}.wav")
        return waveform, sample_rate, text, normalised
