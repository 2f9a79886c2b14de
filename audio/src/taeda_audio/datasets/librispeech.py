"""LibriSpeech (Panayotov et al. 2015, https://www.openslr.org/12): read English with transcripts."""

from __future__ import annotations

from pathlib import Path

from taeda import Tensor
from taeda.utils.data import Dataset

from .._files import load
from ._archives import Archive, obtain

__all__ = ["LIBRISPEECH"]

SAMPLE_RATE = 16000
HASHES = {
    "dev-clean": "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
    "dev-other": "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
    "test-clean": "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
    "test-other": "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
    "train-clean-100": "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
    "train-clean-360": "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
    "train-other-500": "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
}


class LIBRISPEECH(Dataset[tuple[Tensor, int, str, int, int, int]]):
    """Utterances of audio books.

    Files are ``ROOT/LibriSpeech/PART/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac``, and
    ``SPEAKER-CHAPTER.trans.txt`` beside them has a transcript a line.

    Args:
        root: folder with `LibriSpeech/`, or with the archive of the part (`dev-clean.tar.gz`), which is
            unpacked.
        url: the part: "dev-clean", "dev-other", "test-clean", "test-other", "train-clean-100",
            "train-clean-360" or "train-other-500".
        folder_in_archive: the folder between `root` and the part.
        download: fetch the archive when neither is there.

    Raises:
        FileNotFoundError: neither folder nor archive is there, or a chapter has no transcripts.
        ValueError: the part is unknown, the archive is damaged, or there are no recordings.
    """

    def __init__(
        self,
        root: str | Path,
        url: str = "train-clean-100",
        folder_in_archive: str = "LibriSpeech",
        download: bool = False,
    ) -> None:
        if url not in HASHES:
            raise ValueError(f"LIBRISPEECH: unknown part {url!r}; expected one of {sorted(HASHES)}")
        mirrors = tuple(f"https://{host}openslr.org/resources/12/{url}.tar.gz" for host in ("www.", "us."))
        self.folder = Path(root) / folder_in_archive / url
        obtain("LIBRISPEECH", self.folder, Path(root), Archive(mirrors, HASHES[url]), Path(root), download)
        self._files = sorted(self.folder.glob("*/*/*.flac"))
        if not self._files:
            raise ValueError(
                f"LIBRISPEECH: no recordings in {self.folder}; expected "
                "SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac"
            )
        self._transcripts: dict[Path, dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self._files)

    def _transcript(self, path: Path) -> str:
        chapter = path.parent / f"{path.stem.rpartition('-')[0]}.trans.txt"
        if chapter not in self._transcripts:
            if not chapter.is_file():
                raise FileNotFoundError(
                    f"LIBRISPEECH: {chapter} is missing, which holds the transcript of {path.name}"
                )
            lines = chapter.read_text(encoding="utf-8").splitlines()
            self._transcripts[chapter] = dict(
                line.strip().split(" ", 1) for line in lines if " " in line.strip()
            )
        if path.stem not in self._transcripts[chapter]:
            raise ValueError(f"LIBRISPEECH: {chapter} has no line for {path.stem}")
        return self._transcripts[chapter][path.stem]

    def get_metadata(self, n: int) -> tuple[str, int, str, int, int, int]:
        """What `__getitem__` gives, with the path below `root/LibriSpeech` in place of the samples.

        Raises:
            FileNotFoundError, ValueError: the transcript is missing.
        """
        path = self._files[n]
        speaker, chapter, number = (int(part) for part in path.stem.split("-"))
        relative = str(path.relative_to(self.folder.parent))
        return relative, SAMPLE_RATE, self._transcript(path), speaker, chapter, number

    def __getitem__(self, n: int) -> tuple[Tensor, int, str, int, int, int]:
        """Samples (1, time), sample rate (Hz), transcript, speaker, chapter and number of the utterance."""
        metadata = self.get_metadata(n)
        waveform, sample_rate = load(self._files[n])
        return waveform, sample_rate, *metadata[2:]
