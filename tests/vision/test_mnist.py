"""MNIST's file format, from files made here."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

import taeda
from taeda_vision.datasets import MNIST, FashionMNIST
from taeda_vision.datasets.mnist import read_idx


def idx_bytes(array):
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def root(tmp_path, rng):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 6), ("t10k", 3)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8)
        (raw / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
        np.save(tmp_path / f"{prefix}.npy", images)
    return tmp_path


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_types(dtype, tmp_path):
    values = np.array([[1, 2, 3], [4, 5, 126]], dtype)
    (tmp_path / "x").write_bytes(idx_bytes(values))
    result = read_idx(tmp_path / "x")
    assert result.numpy().dtype == np.dtype(dtype)
    assert result.tolist() == values.tolist()


def test_reads_plain_and_gzipped_files(root):
    train, test = MNIST(root), MNIST(str(root), train=False)
    assert (len(train), len(test)) == (6, 3)
    assert np.array_equal(train.data.numpy(), np.load(root / "train.npy"))
    assert train.targets.dtype == taeda.int64
    image, label = test[2]
    assert (image.mode, image.size, label) == ("L", (28, 28), 2)
    assert np.array_equal(np.asarray(image), np.load(root / "t10k.npy")[2])
    assert train.class_to_idx["7 - seven"] == 7
    assert "Split: Train" in repr(train)


def test_missing_files_say_where_to_put_them(tmp_path):
    with pytest.raises(RuntimeError) as caught:
        FashionMNIST(tmp_path)
    text = str(caught.value)
    assert text.startswith(
        "Dataset not found. You can use download=True to download it. FashionMNIST looks for"
    )
    assert f"'{tmp_path / 'FashionMNIST' / 'raw'}'" in text
    assert "https://github.com/zalandoresearch/fashion-mnist" in text


@pytest.fixture
def mirror(root, monkeypatch):
    """A mirror that serves the files made here; the first of the two real ones is down."""
    served, asked = {}, []
    for file in (root / "MNIST" / "raw").iterdir():
        content = file.read_bytes()
        served[file.name.removesuffix(".gz") + ".gz"] = (
            content if file.suffix == ".gz" else gzip.compress(content)
        )
    names = [file.name for file in MNIST._files(MNIST(root))]
    monkeypatch.setattr(MNIST, "checksums", tuple(hashlib.md5(served[name]).hexdigest() for name in names))

    def download(url, target, progress):
        asked.append(url)
        if url.startswith(MNIST.mirrors[0]):
            raise RuntimeError("no route to host")
        Path(target).write_bytes(served[url.rsplit("/", 1)[1]])

    monkeypatch.setattr(taeda.hub, "download_url_to_file", download)
    return served, asked


def test_download_tries_the_next_mirror(tmp_path, mirror):
    assert len(MNIST(tmp_path / "new", download=True)) == 6
    assert mirror[1][:2] == [url + "train-images-idx3-ubyte.gz" for url in MNIST.mirrors]
    assert len(mirror[1]) == 8
    MNIST(tmp_path / "new", download=True)
    assert len(mirror[1]) == 8


def test_download_with_a_wrong_checksum_is_thrown_away(tmp_path, mirror):
    mirror[0]["t10k-labels-idx1-ubyte.gz"] += b"!"
    with pytest.raises(RuntimeError, match=r"t10k-labels-idx1-ubyte.gz: its MD5 is \w+ instead of"):
        MNIST(tmp_path / "new", download=True)
    assert not (tmp_path / "new" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").exists()


def test_offline_error_names_the_folder(tmp_path, monkeypatch):
    def download(*args, **options):
        raise RuntimeError("no route to host")

    monkeypatch.setattr(taeda.hub, "download_url_to_file", download)
    with pytest.raises(
        RuntimeError, match=r"no route to host. Without a network, .* put it into '.*MNIST/raw'"
    ):
        MNIST(tmp_path, download=True)


def test_cut_file_says_how_many_bytes(root):
    path = root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ValueError, match=r"holds 12 bytes, its header announces 14 for shape \(6,\)"):
        MNIST(root)


def test_damaged_gzip_and_foreign_files(root):
    path = root / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged gzip file"):
        MNIST(root)
    (root / "x").write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="is not an idx file: it begins with"):
        read_idx(root / "x")


def test_counts_that_differ(root):
    path = root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.zeros(4, np.uint8)))
    with pytest.raises(ValueError, match="6 images but 4 labels"):
        MNIST(root)
