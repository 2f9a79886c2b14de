"""YesNo (https://www.openslr.org/1): sixty recordings of eight Hebrew words, each "yes" or "no"."""

from __future__ import annotations

from pathlib import Path

from taeda import Tensor
from taeda.utils.data import Dataset

from .._files import load
from ._archives import Archive, obtain

__all__ = ["YESNO"]

ARCHIVE = Archive(
    (
        "https://www.openslr.org/resources/1/waves_yesno.tar.gz",
        "https://us.openslr.org/resources/1/waves_yesno.tar.gz",
    ),
    "c3f49e0cca421f96b75b41640749167b52118f232498667ca7a5f9416aef8e73",
)


class YESNO(Dataset[tuple[Tensor, int, list[int]]]):
    """Recordings named by what is said, such as ``0_1_1_0_0_1_0_1.wav`` (1 is yes).

    Args:
        root: folder with `waves_yesno/`, or with the archive `waves_yesno.tar.gz`, which is unpacked.
        folder_in_archive: name of the folder with the recordings.
        download: fetch the archive (5 MB) when neither is there.

    Raises:
        FileNotFoundError: neither folder nor archive is there, or the folder holds no recording.
        ValueError: the archive is damaged.
    """

    def __init__(
        self, root: str | Path, folder_in_archive: str = "waves_yesno", download: bool = False
    ) -> None:
        folder = Path(root) / folder_in_archive
        obtain("YESNO", folder, Path(root), ARCHIVE, Path(root), download)
        self._files = sorted(folder.glob("*.wav"))
        if not self._files:
            raise FileNotFoundError(
                f"YESNO: {folder} holds no .wav file; remove it and unpack the archive again"
            )

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, n: int) -> tuple[Tensor, int, list[int]]:
        """Samples (1, time), sample rate (Hz) and the eight words.

        Raises:
            ValueError: the file name is not a list of 0 and 1.
        """
        path = self._files[n]
        words = path.stem.split("_")
        if any(word not in ("0", "1") for word in words):
            raise ValueError(f"YESNO: {path} is not named by its words, such as 0_1_1_0_0_1_0_1.wav")
        waveform, sample_rate = load(path)
        return waveform, sample_rate, [int(word) for word in words]
