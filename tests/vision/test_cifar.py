"""CIFAR's archives, made here in the real layout, and pickles that must not be executed."""

import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from taeda_vision.datasets import CIFAR10, CIFAR100
from taeda_vision.datasets._safe_pickle import read_plain_pickle


def archive(path, folder, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else pickle.dumps(content, protocol=2)
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def batch(pixels, labels, key=b"labels"):
    return {b"batch_label": b"made by a test", key: labels, b"data": pixels.reshape(len(pixels), -1)}


@pytest.fixture
def ten(tmp_path, rng):
    pixels = rng.integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
    files = {
        f"data_batch_{number + 1}": batch(pixels[2 * number : 2 * number + 2], [number, 9])
        for number in range(5)
    }
    files["test_batch"] = batch(pixels[10:], [3, 4])
    files["batches.meta"] = {b"label_names": [f"kind {index}".encode() for index in range(10)]}
    archive(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", files)
    return tmp_path, pixels


def test_reads_the_archive(ten):
    root, pixels = ten
    train, test = CIFAR10(root), CIFAR10(root, train=False)
    assert (len(train), len(test)) == (10, 2)
    assert train.targets == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert np.array_equal(train.data, pixels[:10].transpose(0, 2, 3, 1))
    image, target = test[1]
    assert (image.mode, image.size, target) == ("RGB", (32, 32), 4)
    assert np.array_equal(np.asarray(image), pixels[11].transpose(1, 2, 0))
    assert train.classes[3] == "kind 3"


def test_unpacked_files_are_used_without_the_archive(ten):
    root, _ = ten
    CIFAR10(root)
    os.remove(root / "cifar-10-python.tar.gz")
    assert len(CIFAR10(root)) == 10


def test_fine_labels_of_cifar100(tmp_path, rng):
    pixels = rng.integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    files = {name: batch(pixels, [7, 99], b"fine_labels") for name in ("train", "test")}
    files["meta"] = {"fine_label_names": [str(index) for index in range(100)]}
    archive(tmp_path / "cifar-100-python.tar.gz", "cifar-100-python", files)
    assert CIFAR100(tmp_path).targets == [7, 99]


def test_missing_archive_says_where_to_put_it(tmp_path):
    with pytest.raises(
        RuntimeError, match=r"Dataset not found or corrupted. .*CIFAR10 looks for cifar-10-python.tar.gz in"
    ):
        CIFAR10(tmp_path)


def test_damaged_archive(ten):
    root, _ = ten
    path = root / "cifar-10-python.tar.gz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="is damaged or another archive"):
        CIFAR10(root)


class _Hostile:
    def __reduce__(self):
        return os.system, ("touch hacked",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_hostile_pickle_is_refused_and_not_run(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_bytes(pickle.dumps({b"data": _Hostile()}, protocol=protocol))
    with pytest.raises(ValueError, match=r"asks for (posix|nt)\.system, which is not permitted"):
        read_plain_pickle(tmp_path / "p")
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_plain_pickles_of_every_protocol(tmp_path, protocol):
    content = {
        "a": np.arange(6, dtype=">i4").reshape(2, 3),
        "b": ["x", b"y", 1.5, None],
        "f": np.asfortranarray(np.eye(2, 3)),
    }
    (tmp_path / "p").write_bytes(pickle.dumps(content, protocol=protocol))
    result = read_plain_pickle(tmp_path / "p")
    assert np.array_equal(result["a"], content["a"])
    assert np.array_equal(result["f"], content["f"])
    assert result["b"] == ["x", "y", 1.5, None]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "Ran out of input"),
        (pickle.dumps(np.array([_Hostile], dtype=object)), "not permitted|only numbers"),
        (b"not a pickle", "plain values"),
    ],
)
def test_other_content_is_refused(tmp_path, content, text):
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(ValueError, match=text):
        read_plain_pickle(tmp_path / "p")


def test_wrong_shapes_are_named(ten):
    root, pixels = ten
    CIFAR10(root)
    wrong = pickle.dumps({b"labels": [1, 2, 3], b"data": pixels[:2].reshape(2, -1)}, protocol=2)
    (root / "cifar-10-batches-py" / "test_batch").write_bytes(wrong)
    with pytest.raises(ValueError, match=r"expected data of 3 x 3072 bytes, got uint8 of shape \(2, 3072\)"):
        CIFAR10(root, train=False)
    (root / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps({b"data": 1}, protocol=2))
    with pytest.raises(ValueError, match="labels is missing"):
        CIFAR10(root, train=False)
