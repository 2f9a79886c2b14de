"""Data sets, each on a small archive in the real format."""

import hashlib
import io
import tarfile
import wave

import numpy as np
import pytest

import taeda
import taeda_audio
from taeda_audio.datasets import LIBRISPEECH, LJSPEECH, SPEECHCOMMANDS, YESNO, yesno
from taeda_audio.datasets._archives import Archive

FILES = [
    "bed/0a7c2a8d_nohash_0.wav",
    "bed/0a7c2a8d_nohash_1.wav",
    "cat/1b4c9b89_nohash_0.wav",
    "cat/f0ac2de2_nohash_12.wav",
    "_background_noise_/white_noise.wav",
]
LISTS = {
    "validation_list.txt": "bed/0a7c2a8d_nohash_1.wav\n",
    "testing_list.txt": "cat/f0ac2de2_nohash_12.wav\n",
}


def _wav(samples, rate=16000):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, dtype="<i2").tobytes())
    return buffer.getvalue()


def _add(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def root(tmp_path):
    """The archive as Google ships it: word folders, lists and README at the top, names with ./ before."""
    with tarfile.open(tmp_path / "speech_commands_v0.02.tar.gz", "w:gz") as archive:
        for number, name in enumerate(FILES):
            _add(archive, f"./{name}", _wav([number, -number, 100 * number]))
        for name, content in LISTS.items():
            _add(archive, f"./{name}", content.encode())
        _add(archive, "./README.md", b"Speech Commands Data Set v0.02")
    return tmp_path


def test_all_recordings(root):
    dataset = SPEECHCOMMANDS(root)
    assert len(dataset) == 4
    assert dataset.labels == ["bed", "cat"]
    waveform, rate, label, speaker, number = dataset[3]
    np.testing.assert_allclose(waveform.numpy(), [[3 / 32768, -3 / 32768, 300 / 32768]])
    assert (rate, label, speaker, number) == (16000, "cat", "f0ac2de2", 12)
    path = "speech_commands_v0.02/bed/0a7c2a8d_nohash_0.wav"
    assert dataset.get_metadata(0) == (path, 16000, "bed", "0a7c2a8d", 0)
    assert (root / "SpeechCommands" / path).is_file()


def test_subsets_share_nothing(root):
    parts = {}
    for subset in ("training", "validation", "testing"):
        dataset = SPEECHCOMMANDS(root, subset=subset)
        parts[subset] = [dataset.get_metadata(i)[2:] for i in range(len(dataset))]
    assert parts == {
        "training": [("bed", "0a7c2a8d", 0), ("cat", "1b4c9b89", 0)],
        "validation": [("bed", "0a7c2a8d", 1)],
        "testing": [("cat", "f0ac2de2", 12)],
    }


def test_missing_data(tmp_path):
    message = (
        r"SPEECHCOMMANDS: found neither .*SpeechCommands/speech_commands_v0.02 nor .*v0.02.tar.gz; "
        r"pass download=True, or get https://.*speech_commands_v0.02.tar.gz and put it into"
    )
    with pytest.raises(FileNotFoundError, match=message):
        SPEECHCOMMANDS(tmp_path)
    with pytest.raises(ValueError, match=r"unknown subset 'train'; expected None or one of \('training'"):
        SPEECHCOMMANDS(tmp_path, subset="train")
    with pytest.raises(ValueError, match=r"unknown version 'v3'; expected one of \['speech_commands_v0.01'"):
        SPEECHCOMMANDS(tmp_path, url="v3")


def test_damaged_archive_leaves_nothing_that_looks_complete(tmp_path):
    path = tmp_path / "speech_commands_v0.02.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(
        ValueError, match=r"(?s)cannot unpack .*speech_commands_v0.02.tar.gz: .*; download it again"
    ):
        SPEECHCOMMANDS(tmp_path)
    assert not (tmp_path / "SpeechCommands" / "speech_commands_v0.02").exists()


def test_wrong_sample_rate(root):
    dataset = SPEECHCOMMANDS(root)
    (dataset.folder / "bed" / "0a7c2a8d_nohash_0.wav").write_bytes(_wav([1], rate=8000))
    with pytest.raises(
        ValueError, match=r"nohash_0.wav has a sample rate of 8000 Hz; expected 16000 Hz; resample"
    ):
        dataset[0]


def test_unreadable_recording_missing_list_and_odd_names(root):
    dataset = SPEECHCOMMANDS(root)
    (dataset.folder / "bed" / "0a7c2a8d_nohash_0.wav").write_bytes(b"junk")
    with pytest.raises(RuntimeError, match=r"load: cannot read .*nohash_0.wav \(4 bytes\) as audio"):
        dataset[0]
    (dataset.folder / "testing_list.txt").write_text("cat/odd.wav\n")
    with pytest.raises(ValueError, match=r"odd.wav is not named SPEAKER_nohash_NUMBER.wav"):
        SPEECHCOMMANDS(root, subset="testing")[0]
    (dataset.folder / "testing_list.txt").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"testing_list.txt is missing, which names the files of a subset"
    ):
        SPEECHCOMMANDS(root, subset="training")


def test_yesno(tmp_path):
    with tarfile.open(tmp_path / "waves_yesno.tar.gz", "w:gz") as archive:
        _add(archive, "waves_yesno/0_1_1_0_0_1_0_1.wav", _wav([5, 6], rate=8000))
    dataset = YESNO(tmp_path)
    waveform, rate, words = dataset[0]
    np.testing.assert_allclose(waveform.numpy(), [[5 / 32768, 6 / 32768]])
    assert (len(dataset), rate, words) == (1, 8000, [0, 1, 1, 0, 0, 1, 0, 1])
    (tmp_path / "waves_yesno" / "0_2.wav").write_bytes(_wav([5]))
    with pytest.raises(ValueError, match=r"0_2.wav is not named by its words"):
        YESNO(tmp_path)[1]
    with pytest.raises(
        FileNotFoundError, match=r"YESNO: found neither .*waves_yesno nor .*; pass download=True, or get"
    ):
        YESNO(tmp_path / "other")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"YESNO: .*empty holds no .wav file"):
        YESNO(tmp_path, folder_in_archive="empty")


def _flac(samples):
    buffer = io.BytesIO()
    taeda_audio.save(buffer, taeda.tensor([samples], dtype=taeda.int16), 16000, format="flac")
    return buffer.getvalue()


@pytest.fixture
def libri(tmp_path):
    """Two parts, whose archives share their upper folder, as on openslr.org."""
    for part, speaker in (("dev-clean", "1272"), ("test-clean", "61")):
        with tarfile.open(tmp_path / f"{part}.tar.gz", "w:gz") as archive:
            chapter = f"LibriSpeech/{part}/{speaker}/128104/{speaker}-128104"
            _add(archive, "LibriSpeech/README.TXT", b"LibriSpeech")
            _add(archive, f"{chapter}.trans.txt", f"{speaker}-128104-0000 MISTER QUILTER IS\n".encode())
            _add(archive, f"{chapter}-0000.flac", _flac([1, 2, 3]))
    return tmp_path


def test_librispeech(libri):
    first, second = LIBRISPEECH(libri, "dev-clean"), LIBRISPEECH(libri, "test-clean")
    waveform, *rest = first[0]
    np.testing.assert_allclose(waveform.numpy(), [[1 / 32768, 2 / 32768, 3 / 32768]])
    assert rest == [16000, "MISTER QUILTER IS", 1272, 128104, 0]
    path = "test-clean/61/128104/61-128104-0000.flac"
    assert (len(second), second.get_metadata(0)[0]) == (1, path)
    assert sorted(entry.name for entry in libri.iterdir() if entry.is_dir()) == ["LibriSpeech"]


def test_librispeech_errors(libri):
    with pytest.raises(ValueError, match=r"LIBRISPEECH: unknown part 'dev'; expected one of \['dev-clean'"):
        LIBRISPEECH(libri, "dev")
    with pytest.raises(FileNotFoundError, match=r"LIBRISPEECH: found neither .*LibriSpeech/dev-other nor"):
        LIBRISPEECH(libri, "dev-other")
    dataset = LIBRISPEECH(libri, "dev-clean")
    transcripts = dataset.folder / "1272" / "128104" / "1272-128104.trans.txt"
    transcripts.write_text("1272-128104-0001 OTHER\n")
    with pytest.raises(ValueError, match=r"1272-128104.trans.txt has no line for 1272-128104-0000"):
        dataset[0]
    transcripts.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"1272-128104.trans.txt is missing, which holds the transcript of"
    ):
        LIBRISPEECH(libri, "dev-clean")[0]


def test_ljspeech(tmp_path):
    with tarfile.open(tmp_path / "LJSpeech-1.1.tar.bz2", "w:bz2") as archive:
        _add(archive, "LJSpeech-1.1/metadata.csv", b'LJ001-0001|Said "so", 1881|Said "so", eighteen\n')
        _add(archive, "LJSpeech-1.1/wavs/LJ001-0001.wav", _wav([7], rate=22050))
    dataset = LJSPEECH(tmp_path)
    waveform, *rest = dataset[0]
    np.testing.assert_allclose(waveform.numpy(), [[7 / 32768]])
    assert (len(dataset), rest) == (1, [22050, 'Said "so", 1881', 'Said "so", eighteen'])
    (tmp_path / "LJSpeech-1.1" / "metadata.csv").write_text("a|b|c\nd|e\n")
    with pytest.raises(
        ValueError, match=r"metadata.csv, line 2: expected ID\|text\|normalised text, got 2 fields"
    ):
        LJSPEECH(tmp_path)


def test_archive_of_something_else(tmp_path):
    with tarfile.open(tmp_path / "waves_yesno.tar.gz", "w:gz") as archive:
        _add(archive, "readme.txt", b"wrong")
    with pytest.raises(
        ValueError, match=r"YESNO: .*waves_yesno.tar.gz does not hold waves_yesno; download it again"
    ):
        YESNO(tmp_path)


def test_download(tmp_path, monkeypatch):
    """From a file:// mirror: fetched, checked by its hash, unpacked; a wrong hash is refused."""
    source = tmp_path / "mirror" / "waves_yesno.tar.gz"
    source.parent.mkdir()
    with tarfile.open(source, "w:gz") as archive:
        _add(archive, "waves_yesno/1_1_1_1_1_1_1_1.wav", _wav([5], rate=8000))
    good = hashlib.sha256(source.read_bytes()).hexdigest()
    monkeypatch.setattr(yesno, "ARCHIVE", Archive((source.as_uri(),), good))
    assert YESNO(tmp_path / "good", download=True)[0][2] == [1] * 8
    monkeypatch.setattr(yesno, "ARCHIVE", Archive((source.as_uri(),), "0" * 64))
    with pytest.raises(RuntimeError, match=r"waves_yesno.tar.gz"):
        YESNO(tmp_path / "bad", download=True)
    assert not (tmp_path / "bad" / "waves_yesno").exists()
