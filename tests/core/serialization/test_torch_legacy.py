"""`.pt` files in the form before torch 1.6, written by hand."""

import io
import pickle
import struct

import pytest

import taeda
from taeda.serialization import load


def read(content, **options):
    return load(io.BytesIO(content), **options)


def legacy_tensor(build, **options):
    """In this form the persistent id has a sixth part, the view's metadata."""
    return build.tensor(**options).replace(b"tQ", b"NtQ")


def test_a_tensor_and_a_view(build):
    code = build.dict(whole=legacy_tensor(build), row=legacy_tensor(build, size=(3,), stride=(1,), offset=3))
    found = read(build.legacy(code))
    assert found["whole"].tolist() == [[0, 1, 2], [3, 4, 5]]
    found["whole"][1, 1] = 40
    assert found["row"].tolist() == [3, 40, 5]


def test_storages_come_in_the_order_of_the_list(build):
    code = build.dict(
        a=legacy_tensor(build, key="7", size=(1,), stride=(1,), count=1),
        b=legacy_tensor(build, key="3", size=(2,), stride=(1,), count=2, kind="ShortStorage"),
    )
    found = read(build.legacy(code, (("3", struct.pack("<2h", 5, -6), 2), ("7", struct.pack("<f", 1.5), 4))))
    assert found["a"].tolist() == [1.5]
    assert found["b"].tolist() == [5, -6]


def test_the_other_byte_order(build):
    code = build.dict(x=legacy_tensor(build))
    assert read(build.legacy(code, (("0", struct.pack(">6f", *range(6)), 4),), little=False))[
        "x"
    ].tolist() == [
        [0, 1, 2],
        [3, 4, 5],
    ]


def test_places(build):
    code = build.dict(x=legacy_tensor(build, location="cuda:0"))
    assert read(build.legacy(code), map_location="cpu")["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read(build.legacy(code), map_location="meta")["x"].device == taeda.device("meta")


def test_truncated_anywhere(build):
    content = build.legacy(build.dict(x=legacy_tensor(build)))
    for end in range(1, len(content)):
        with pytest.raises((RuntimeError, EOFError, pickle.UnpicklingError)):
            read(content[:end])
    with pytest.raises(RuntimeError, match=r"storage '0' ends after 20 of 24 bytes; the file is truncated"):
        read(content[:-4])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda b: b.legacy(b.dict(), (), magic=5),
            pickle.UnpicklingError,
            "Invalid magic number.*not written by torch.save",
        ),
        (lambda b: pickle.dumps({"a": 1}), pickle.UnpicklingError, "Invalid magic number"),
        (
            lambda b: b.legacy(b.dict(), (), version=7),
            RuntimeError,
            "Invalid protocol version: 7; expected 1001",
        ),
        (lambda b: b.legacy(b.dict(), (), little="yes"), RuntimeError, "in which byte order it was written"),
        (lambda b: b.legacy(b.dict()), RuntimeError, "list of storages does not match its tensors"),
        (
            lambda b: b.legacy(b.dict(x=legacy_tensor(b, count=2**33))),
            RuntimeError,
            r"storage '0' should have 34359738368 bytes, but the whole file has only",
        ),
        (
            lambda b: b.legacy(b.dict(x=legacy_tensor(b)), (("0", b"\0" * 20, 4),)),
            RuntimeError,
            "storage '0' has 5 elements in the file's data, but the tensors expect 6",
        ),
        (
            lambda b: b.legacy(b.dict(x=legacy_tensor(b, offset=4))),
            RuntimeError,
            "reaches element 9 of a storage of 6",
        ),
        (
            lambda b: b.legacy(b.dict(x=b.tensor().replace(b"tQ", b"K\x01tQ"))),
            RuntimeError,
            "storages that are views of others, as torch 0.1 wrote",
        ),
        (
            lambda b: b.legacy(b"\x80\x02cposix\nsystem\n" + b.text("true") + b"\x85R."),
            pickle.UnpicklingError,
            "asks for the global posix.system",
        ),
    ],
)
def test_damaged_and_hostile_files(build, make, error, text):
    with pytest.raises(error, match=text):
        read(make(build))


def test_it_cannot_be_mapped(build, tmp_path):
    path = tmp_path / "old.pt"
    path.write_bytes(build.legacy(build.dict(x=legacy_tensor(build))))
    with pytest.raises(
        RuntimeError, match=r"mmap can only be used with files saved in the zip form .*\[file: .*old.pt\]"
    ):
        load(path, mmap=True)
