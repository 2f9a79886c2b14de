"""Reading and writing audio files."""

import io
import struct
import wave

import numpy as np
import pytest

import taeda
import taeda_audio


def _write_wav(path, samples, rate, width):
    """A PCM file by the standard library; `samples` are raw integers of shape (channels, time)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(width)
        file.setframerate(rate)
        frames = samples.T.reshape(-1)
        if width == 3:
            file.writeframes(b"".join(int(x).to_bytes(3, "little", signed=True) for x in frames))
        else:
            file.writeframes(frames.astype({1: np.uint8, 2: "<i2", 4: "<i4"}[width]).tobytes())


@pytest.mark.parametrize(
    ("width", "low", "high", "bits", "encoding", "dtype"),
    [
        (1, 0, 255, 8, "PCM_U", taeda.uint8),
        (2, -(2**15), 2**15 - 1, 16, "PCM_S", taeda.int16),
        (3, -(2**23), 2**23 - 1, 24, "PCM_S", taeda.int32),
        (4, -(2**31), 2**31 - 1, 32, "PCM_S", taeda.int32),
    ],
)
def test_pcm_files_of_the_standard_library(tmp_path, width, low, high, bits, encoding, dtype):
    path = tmp_path / "x.wav"
    raw = np.array([[low, high, 0, 1, 5], [high // 2, low // 2, 7, 8, 9]])
    _write_wav(path, raw, 22050, width)
    assert taeda_audio.info(path) == (22050, 5, 2, bits, encoding)
    waveform, rate = taeda_audio.load(path)
    assert (rate, tuple(waveform.shape), waveform.dtype) == (22050, (2, 5), taeda.float32)
    offset = 128 if width == 1 else 0
    np.testing.assert_allclose(waveform.numpy(), (raw - offset) / 2 ** (8 * width - 1), atol=1e-7)
    integers, _ = taeda_audio.load(str(path), normalize=False)
    assert integers.dtype == dtype
    shift = 8 if width == 3 else 0
    assert integers.tolist() == (raw << shift).tolist()


def test_part_of_a_file(tmp_path, stereo):
    path = tmp_path / "x.wav"
    taeda_audio.save(path, taeda.from_numpy(stereo), 8000)
    part, _ = taeda_audio.load(path, frame_offset=100, num_frames=50)
    np.testing.assert_array_equal(part.numpy(), stereo[:, 100:150])
    to_the_end, _ = taeda_audio.load(path, frame_offset=3990, num_frames=50)
    assert tuple(to_the_end.shape) == (2, 10)
    last_dim, _ = taeda_audio.load(path, channels_first=False)
    np.testing.assert_array_equal(last_dim.numpy(), stereo.T)


@pytest.mark.parametrize(
    ("name", "options", "bits", "encoding", "tolerance"),
    [
        ("x.wav", {}, 32, "PCM_F", 0),
        ("x.wav", {"bits_per_sample": 16}, 16, "PCM_S", 2**-15),
        ("x.wav", {"encoding": "PCM_S", "bits_per_sample": 24}, 24, "PCM_S", 2**-23),
        ("x.wav", {"bits_per_sample": 8}, 8, "PCM_U", 2**-7),
        ("x.wav", {"encoding": "ULAW"}, 8, "ULAW", 0.02),
        ("x.wav", {"encoding": "ALAW"}, 8, "ALAW", 0.02),
        ("x.wav", {"encoding": "PCM_F", "bits_per_sample": 64}, 64, "PCM_F", 0),
        ("x.flac", {}, 16, "PCM_S", 2**-15),
        ("x.flac", {"bits_per_sample": 24}, 24, "PCM_S", 2**-23),
        ("x.ogg", {}, 0, "VORBIS", 0.08),
        ("x.opus", {}, 0, "OPUS", 0.08),
        ("x.aiff", {"bits_per_sample": 16}, 16, "PCM_S", 2**-15),
        ("x.au", {}, 32, "PCM_F", 0),
    ],
)
def test_round_trips(tmp_path, stereo, name, options, bits, encoding, tolerance):
    path = tmp_path / name
    taeda_audio.save(path, taeda.from_numpy(stereo), 8000, **options)
    meta = taeda_audio.info(path)
    assert (meta.sample_rate, meta.num_frames, meta.num_channels) == (8000, 4000, 2)
    assert (meta.bits_per_sample, meta.encoding) == (bits, encoding)
    back, rate = taeda_audio.load(path)
    assert rate == 8000
    # Opus codes 20 ms at a time and does not restore both ends.
    inside = slice(400, -400) if encoding == "OPUS" else slice(None)
    assert np.abs(back.numpy() - stereo)[:, inside].max() <= tolerance


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_wav_keeps_the_dtype(tmp_path, dtype):
    path = tmp_path / "x.wav"
    samples = (
        np.array([[0, 1, 100, 255]], dtype=dtype) if dtype != np.float32 else np.array([[0, -0.5, 1]], dtype)
    )
    if dtype == np.float64:
        samples = np.array([[1 / 3, -1 / 7]])
    taeda_audio.save(path, taeda.from_numpy(samples), 16000)
    back, _ = taeda_audio.load(path, normalize=False)
    np.testing.assert_array_equal(back.numpy(), samples)
    assert back.numpy().dtype == dtype


def test_the_file_on_disk_is_what_the_format_says(tmp_path):
    path = tmp_path / "x.wav"
    taeda_audio.save(path, taeda.tensor([[0.5, -0.25]]), 16000, bits_per_sample=16)
    content = path.read_bytes()
    assert content[:4] == b"RIFF"
    assert content[8:16] == b"WAVEfmt "
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[20:36])
    assert (code, channels, rate, bits) == (1, 1, 16000, 16)
    assert struct.unpack("<2h", content[-4:]) == (16384, -8192)


def test_file_objects(stereo):
    buffer = io.BytesIO()
    taeda_audio.save(buffer, taeda.from_numpy(stereo), 8000, format="flac")
    assert buffer.getvalue()[:4] == b"fLaC"
    buffer.seek(0)
    assert taeda_audio.info(buffer).num_frames == 4000
    buffer.seek(0)
    assert tuple(taeda_audio.load(buffer)[0].shape) == (2, 4000)


def test_channels_last(tmp_path, stereo):
    taeda_audio.save(tmp_path / "x.wav", taeda.from_numpy(stereo.T.copy()), 8000, channels_first=False)
    np.testing.assert_array_equal(taeda_audio.load(tmp_path / "x.wav")[0].numpy(), stereo)


@pytest.mark.parametrize("read", [taeda_audio.load, taeda_audio.info])
def test_unreadable_files(tmp_path, read):
    name = read.__name__
    with pytest.raises(FileNotFoundError, match=rf"{name}: no file .*gone.wav; check the path"):
        read(tmp_path / "gone.wav")
    with pytest.raises(IsADirectoryError, match=rf"{name}: .* is a folder; expected an audio file"):
        read(tmp_path)
    for content in (b"", b"this is no sound at all", b"RIFF\x00\x00\x00\x00JUNK", b"fLaC"):
        (tmp_path / "bad.wav").write_bytes(content)
        with pytest.raises(
            RuntimeError,
            match=rf"{name}: cannot read .*bad.wav \({len(content)} bytes\) as audio: .* Expected WAV, FLAC",
        ):
            read(tmp_path / "bad.wav")


def test_truncated_flac(tmp_path, stereo):
    path = tmp_path / "x.flac"
    taeda_audio.save(path, taeda.from_numpy(stereo), 8000)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(
        RuntimeError, match=r"load: .*x.flac (cannot be decoded|breaks off after \d+ of 4000 frames)"
    ):
        taeda_audio.load(path)


def test_bad_ranges(tmp_path, stereo):
    path = tmp_path / "x.wav"
    taeda_audio.save(path, taeda.from_numpy(stereo), 8000)
    with pytest.raises(ValueError, match=r"load: frame_offset=4001 is beyond the 4000 frames of .*x.wav"):
        taeda_audio.load(path, frame_offset=4001)
    with pytest.raises(ValueError, match=r"load: expected frame_offset >= 0, got -1"):
        taeda_audio.load(path, frame_offset=-1)
    with pytest.raises(ValueError, match=r"load: expected num_frames > 0, or -1 for all, got 0"):
        taeda_audio.load(path, num_frames=0)


@pytest.mark.parametrize("rate", [0, -8000, 44100.5])
def test_bad_sample_rate(tmp_path, rate):
    with pytest.raises(
        ValueError, match=rf"save: expected sample_rate to be a positive whole number of Hz, got {rate}"
    ):
        taeda_audio.save(tmp_path / "x.wav", taeda.zeros(1, 4), rate)


def test_bad_saves(tmp_path):
    one = taeda.zeros(1, 4)
    with pytest.raises(
        ValueError, match=r"expected samples of shape \(channels, time\), got \(4,\).* src\[None\]"
    ):
        taeda_audio.save(tmp_path / "x.wav", taeda.zeros(4), 8000)
    with pytest.raises(TypeError, match=r"cannot write .*int64 samples; convert to float32 or int16 first"):
        taeda_audio.save(tmp_path / "x.wav", taeda.zeros(1, 4, dtype=taeda.int64), 8000)
    with pytest.raises(
        ValueError, match=r"unknown format 'xyz' for .*x.xyz; expected one of \['aiff', 'au', 'flac'"
    ):
        taeda_audio.save(tmp_path / "x.xyz", one, 8000)
    with pytest.raises(ValueError, match=r"<BytesIO> does not say its format; pass format="):
        taeda_audio.save(io.BytesIO(), one, 8000)
    with pytest.raises(
        ValueError, match=r"FLAC cannot hold encoding='PCM_F' with bits_per_sample=None; it can hold"
    ):
        taeda_audio.save(tmp_path / "x.flac", one, 8000, encoding="PCM_F")
    with pytest.raises(
        ValueError, match=r"OGG has one coding only; drop encoding=None and bits_per_sample=16"
    ):
        taeda_audio.save(tmp_path / "x.ogg", one, 8000, bits_per_sample=16)
    with pytest.raises(FileNotFoundError, match=r"the folder of .*x.wav does not exist; make it first"):
        taeda_audio.save(tmp_path / "gone" / "x.wav", one, 8000)
    with pytest.raises(
        RuntimeError, match=r"cannot write .*x.flac as FLAC PCM_16 at 8000 Hz with 9 channels"
    ):
        taeda_audio.save(tmp_path / "x.flac", taeda.zeros(9, 4), 8000)
