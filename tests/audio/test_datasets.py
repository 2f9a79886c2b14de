"""Data sets, each on a small archive in the real format."""

import io
import tarfile
import wave

import numpy as np
import pytest

from taeda_audio.datasets import SPEECHCOMMANDS, YESNO

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
        r"get http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz and put it into"
    )
    with pytest.raises(FileNotFoundError, match=message):
        SPEECHCOMMANDS(tmp_path)
    with pytest.raises(ValueError, match=r"unknown subset 'train'; expected None or one of \('training'"):
        SPEECHCOMMANDS(tmp_path, subset="train")


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
    (tmp_path / "waves_yesno").mkdir()
    (tmp_path / "waves_yesno" / "0_1_1_0_0_1_0_1.wav").write_bytes(_wav([5, 6], rate=8000))
    dataset = YESNO(tmp_path)
    waveform, rate, words = dataset[0]
    np.testing.assert_allclose(waveform.numpy(), [[5 / 32768, 6 / 32768]])
    assert (len(dataset), rate, words) == (1, 8000, [0, 1, 1, 0, 0, 1, 0, 1])
    (tmp_path / "waves_yesno" / "0_2.wav").write_bytes(_wav([5]))
    with pytest.raises(ValueError, match=r"0_2.wav is not named by its words"):
        YESNO(tmp_path)[1]
    with pytest.raises(FileNotFoundError, match=r"YESNO: no recordings in .*waves_yesno; get http"):
        YESNO(tmp_path / "waves_yesno")
