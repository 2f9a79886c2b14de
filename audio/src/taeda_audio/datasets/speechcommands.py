"""Google's Speech Commands (Warden 2018, https://arxiv.org/abs/1804.03209) and data in its layout."""

from __future__ import annotations

from pathlib import Path

from taeda import Tensor
from taeda.utils.data import Dataset

from .._files import load
from ._archives import Archive, obtain

__all__ = ["SPEECHCOMMANDS"]

SAMPLE_RATE = 16000
DIVIDER = "_nohash_"
SUBSETS = ("training", "validation", "testing")
ARCHIVES = {
    version: Archive(
        (
            f"https://storage.googleapis.com/download.tensorflow.org/data/{version}.tar.gz",
            f"http://download.tensorflow.org/data/{version}.tar.gz",
        ),
        sha256,
    )
    for version, sha256 in (
        ("speech_commands_v0.01", "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d"),
        ("speech_commands_v0.02", "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"),
    )
}


class SPEECHCOMMANDS(Dataset[tuple[Tensor, int, str, str, int]]):
    """One-second recordings of single words, in a folder for each word.

    Files are ``ROOT/SpeechCommands/speech_commands_v0.02/WORD/SPEAKER_nohash_NUMBER.wav``; the lists
    `validation_list.txt` and `testing_list.txt` beside the word folders name the files of these subsets, and
    all others are for training. The noises in `_background_noise_` are left out.

    Args:
        root: folder with `SpeechCommands/`, or with the archive `speech_commands_v0.02.tar.gz`, which is
            unpacked.
        url: the version: "speech_commands_v0.02" or "speech_commands_v0.01".
        folder_in_archive: the folder between `root` and the version.
        download: fetch the archive (2.3 GB) when neither is there.
        subset: "training", "validation" or "testing"; None takes all.

    Attributes:
        labels: the words, sorted.

    Raises:
        FileNotFoundError: neither folder nor archive is there, or a list is missing.
        ValueError: version or subset are unknown, the archive is damaged, or there are no recordings.
    """

    def __init__(
        self,
        root: str | Path,
        url: str = "speech_commands_v0.02",
        folder_in_archive: str = "SpeechCommands",
        download: bool = False,
        subset: str | None = None,
    ) -> None:
        if subset is not None and subset not in SUBSETS:
            raise ValueError(f"SPEECHCOMMANDS: unknown subset {subset!r}; expected None or one of {SUBSETS}")
        version = url.rpartition("/")[2].removesuffix(".tar.gz")
        if version not in ARCHIVES:
            raise ValueError(
                f"SPEECHCOMMANDS: unknown version {version!r}; expected one of {sorted(ARCHIVES)}"
            )
        self.folder = Path(root) / folder_in_archive / version
        obtain("SPEECHCOMMANDS", self.folder, Path(root), ARCHIVES[version], self.folder, download)
        self._files = self._choose(subset)
        if not self._files:
            raise ValueError(
                f"SPEECHCOMMANDS: no recordings for subset={subset!r} in {self.folder}; "
                f"expected WORD/SPEAKER{DIVIDER}NUMBER.wav"
            )
        self.labels = sorted({path.parent.name for path in self._files})

    def _choose(self, subset: str | None) -> list[Path]:
        if subset == "validation":
            return self._listed("validation_list.txt")
        if subset == "testing":
            return self._listed("testing_list.txt")
        recordings = sorted(path for path in self.folder.glob("*/*.wav") if DIVIDER in path.name)
        if subset is None:
            return recordings
        held_out = {*self._listed("validation_list.txt"), *self._listed("testing_list.txt")}
        return [path for path in recordings if path not in held_out]

    def _listed(self, name: str) -> list[Path]:
        path = self.folder / name
        if not path.is_file():
            raise FileNotFoundError(
                f"SPEECHCOMMANDS: {path} is missing, which names the files of a subset; "
                "use subset=None, or unpack the archive again"
            )
        lines = path.read_text(encoding="utf-8").splitlines()
        return [self.folder / line.strip() for line in lines if line.strip()]

    def __len__(self) -> int:
        return len(self._files)

    def get_metadata(self, n: int) -> tuple[str, int, str, str, int]:
        """What `__getitem__` gives, with the path below `root/SpeechCommands` in place of the samples.

        Raises:
            ValueError: a file name does not follow the pattern.
        """
        path = self._files[n]
        # Some archives of test sets hold names that end in .wav twice.
        speaker, divider, number = path.name.removesuffix(".wav").removesuffix(".wav").partition(DIVIDER)
        if not divider or not number.isdecimal():
            raise ValueError(f"SPEECHCOMMANDS: {path} is not named SPEAKER{DIVIDER}NUMBER.wav")
        return str(path.relative_to(self.folder.parent)), SAMPLE_RATE, path.parent.name, speaker, int(number)

    def __getitem__(self, n: int) -> tuple[Tensor, int, str, str, int]:
        """Samples (1, time), sample rate (Hz), word, speaker and number of the utterance.

        Raises:
            ValueError: the recording has another sample rate than 16 kHz.
            RuntimeError: the recording cannot be read.
        """
        _, expected, label, speaker, number = self.get_metadata(n)
        waveform, sample_rate = load(self._files[n])
        if sample_rate != expected:
            raise ValueError(
                f"SPEECHCOMMANDS: {self._files[n]} has a sample rate of {sample_rate} Hz; "
                f"expected {expected} Hz; resample the file"
            )
        return waveform, sample_rate, label, speaker, number
