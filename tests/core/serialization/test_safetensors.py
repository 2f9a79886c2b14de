"""safetensors files, written by hand and compared byte by byte."""

import io
import json
import struct

import pytest

import taeda
from taeda.serialization import load, read_safetensors_metadata, save


def file_of(header, content=b""):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + content


def entry(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def read(content, **options):
    return load(io.BytesIO(content), **options)


def test_reading():
    found = read(
        file_of(
            {
                "__metadata__": {"who": "me"},
                "b": entry("I16", (2, 1), 8, 12),
                "a": entry(),
                "none": entry("U8", (0, 4), 12, 12),
            },
            struct.pack("<2f2h", 1.5, -2, 3, -4),
        )
    )
    assert found["a"].tolist() == [1.5, -2]
    assert found["b"].tolist() == [[3], [-4]]
    assert tuple(found["none"].shape) == (0, 4)
    assert sorted(found) == ["a", "b", "none"]


def test_written_bytes(tmp_path):
    path = tmp_path / "x.safetensors"
    save({"b": taeda.tensor([True]), "a": taeda.tensor([[1.0, 2.0]])}, path, metadata={"format": "pt"})
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    assert json.loads(content[8 : 8 + length]) == {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
        "b": {"dtype": "BOOL", "shape": [1], "data_offsets": [8, 9]},
    }
    assert content[8 + length :] == struct.pack("<2f", 1, 2) + b"\x01"
    assert read_safetensors_metadata(path) == {"format": "pt"}


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize(
    "dtype",
    [
        "float64",
        "float32",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "bool",
        "complex64",
        "complex128",
    ],
)
def test_round_trip(tmp_path, dtype, mmap):
    values = taeda.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(taeda, dtype))
    tensors = {
        "plain": values,
        "turned": values.t(),
        "part": values[1:, ::2],
        "number": values[1, 1],
        "none": values[:0],
    }
    path = tmp_path / "x.safetensors"
    save(tensors, path)
    found = load(path, mmap=mmap)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].is_contiguous()
        assert taeda.equal(found[name], tensor)


def test_mapped_pages_are_copied_on_write(tmp_path):
    path = tmp_path / "x.safetensors"
    save({"a": taeda.ones(1000)}, path)
    load(path, mmap=True)["a"].zero_()
    assert float(load(path)["a"].sum()) == 1000


def test_shared_memory_is_written_twice(tmp_path):
    weight = taeda.ones(4)
    save({"a": weight, "b": weight}, tmp_path / "x.safetensors")
    found = load(tmp_path / "x.safetensors")
    found["a"].zero_()
    assert found["b"].tolist() == [1, 1, 1, 1]


def test_meta_device():
    found = read(file_of({"a": entry()}, b"\0" * 8), map_location="meta")["a"]
    assert (found.device.type, tuple(found.shape), found.dtype) == ("meta", (2,), taeda.float32)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xff\xff\0\0\0\0\0\0{}", "header should have 65535 bytes, but only 2 follow"),
        (file_of(b"{nonsense}"), "header is damaged"),
        (file_of(b'{"a": 1, "a": 2}'), "a name occurs twice"),
        (file_of(b'{"a":' + b"[" * 100000), "header is damaged"),
        (file_of({"__metadata__": {"a": 1}}), "texts as metadata"),
        (file_of({"a": {"dtype": "F32"}}), "entry of tensor 'a' must have dtype, shape and data_offsets"),
        (file_of({"a": 3}), "entry of tensor 'a' must have"),
        (file_of({"a": entry("F33")}, b"\0" * 8), "'a' has the dtype 'F33', which is not supported"),
        (file_of({"a": entry("F32", (-2,))}, b"\0" * 8), "numbers that are no sizes"),
        (file_of({"a": entry("F32", (2.0,))}, b"\0" * 8), "numbers that are no sizes"),
        (
            file_of({"a": entry("F32", (3,))}, b"\0" * 8),
            r"shape \(3,\) and dtype F32 needs 12 bytes, the file gives it 8",
        ),
        (file_of({"a": entry("F32", (2**40, 2**40))}, b"\0" * 8), "needs .* bytes, the file gives it 8"),
        (file_of({"a": entry()}, b"\0" * 7), "should have 8 bytes of tensors and has 7; it is truncated"),
        (file_of({"a": entry()}, b"\0" * 9), "should have 8 bytes of tensors and has 9"),
        (
            file_of({"a": entry(begin=8, end=16)}, b"\0" * 16),
            "begins at byte 8 of the data, expected 0: tensors overlap or leave",
        ),
        (
            file_of({"a": entry(), "b": entry(begin=4, end=12)}, b"\0" * 12),
            "'b' begins at byte 4 of the data, expected 8",
        ),
    ],
)
def test_damaged_files(content, text):
    with pytest.raises(RuntimeError, match=text):
        read(content)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([taeda.ones(1)], "holds a dict from names to tensors, got list"),
        (
            {"epoch": 3},
            "holds tensors under text names only, got int under 'epoch'; save as .pt, or keep texts in",
        ),
        ({1: taeda.ones(1)}, "under text names only, got Tensor under 1"),
        ({"__metadata__": taeda.ones(1)}, "cannot hold '__metadata__'"),
    ],
)
def test_what_cannot_be_written(tmp_path, value, text):
    path = tmp_path / "x.safetensors"
    with pytest.raises(TypeError, match=text):
        save(value, path)
    assert not path.exists()


def test_metadata_are_texts(tmp_path):
    with pytest.raises(TypeError, match=r"must be texts only; json.dumps other values"):
        save({}, tmp_path / "x.safetensors", metadata={"epoch": 3})
    with pytest.raises(ValueError, match=r"metadata= belongs to files whose name ends in \.safetensors"):
        save({}, tmp_path / "x.pt", metadata={"a": "b"})
