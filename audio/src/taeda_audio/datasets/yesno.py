"""YesNo (https://www.openslr.org/1): sixty recordings of eight Hebrew words, each "yes" or "no"."""

from __future__ import annotations

from pathlib import Path

from taeda import Tensor
from taeda.utils.data import Dataset

from .._files import load

__all__ = ["YESNO"]


class YESNO(Dataset[tuple[Tensor, int, list[int]]]):
    """Recordings named by what is said, such as ``0_1_1_0_0_1_0_1.wav`` (1 is yes).

    Args:
        root: folder with `waves_yesno/`.
        folder_in_archive: name of the folder with the recordings.

    Raises:
        FileNotFoundError: the folder is missing or holds no recording.
    """

    def __init__(self, root: str | Path, folder_in_archive: str = "waves_yesno") -> None:
        folder = Path(root) / folder_in_archive
        self._files = sorted(folder.glob("*.wav"))
        if not self._files:
            raise FileNotFoundError(
                f"YESNO: no recordings in {folder}; get "
                "http://www.openslr.org/resources/1/waves_yesno.tar.gz "
                f"and unpack it in {root}"
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
