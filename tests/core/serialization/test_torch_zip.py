"""Zip-form `.pt` files, written by hand."""

import io
import pickle
import struct
import zipfile
import zlib

import pytest

import taeda
from taeda.serialization import load, set_crc32_options


def read(content, **options):
    return load(io.BytesIO(content), **options)


def test_a_tensor(build):
    found = read(build.zip(build.dict(weight=build.tensor())))
    assert list(found) == ["weight"]
    assert found["weight"].dtype == taeda.float32
    assert found["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_views_share_their_storage(build):
    found = read(
        build.zip(
            build.dict(
                whole=build.tensor(), row=build.tensor((3,), (1,), 3), turned=build.tensor((3, 2), (1, 3))
            )
        )
    )
    found["whole"][1, 0] = 30
    assert found["row"].tolist() == [30, 4, 5]
    assert found["turned"].tolist() == [[0, 30], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("kind", "dtype", "content", "values"),
    [
        ("DoubleStorage", "float64", struct.pack("<2d", 1.5, -2), [1.5, -2]),
        ("HalfStorage", "float16", struct.pack("<2e", 1.5, -2), [1.5, -2]),
        ("BFloat16Storage", "bfloat16", b"\xc0\x3f\x00\xc0", [1.5, -2]),
        ("LongStorage", "int64", struct.pack("<2q", 1, -(2**40)), [1, -(2**40)]),
        ("IntStorage", "int32", struct.pack("<2i", 1, -2), [1, -2]),
        ("ShortStorage", "int16", struct.pack("<2h", 1, -2), [1, -2]),
        ("CharStorage", "int8", struct.pack("<2b", 1, -2), [1, -2]),
        ("ByteStorage", "uint8", b"\x01\xff", [1, 255]),
        ("BoolStorage", "bool", b"\x01\x00", [True, False]),
        ("ComplexFloatStorage", "complex64", struct.pack("<4f", 1, 2, 3, 4), [1 + 2j, 3 + 4j]),
        ("ComplexDoubleStorage", "complex128", struct.pack("<4d", 1, 2, 3, 4), [1 + 2j, 3 + 4j]),
    ],
)
def test_every_dtype(build, kind, dtype, content, values):
    code = build.dict(x=build.tensor((2,), (1,), kind=kind, count=2))
    found = read(build.zip(code, {"data/0": content}))["x"]
    assert found.dtype == getattr(taeda, dtype)
    assert found.tolist() == values
    width = len(content) // 2
    part = width // 2 if dtype.startswith("complex") else width
    swapped = b"".join(content[at : at + part][::-1] for at in range(0, len(content), part))
    big = build.zip(code, {"data/0": swapped, "byteorder": b"big"})
    assert read(big)["x"].tolist() == values


def test_parameters_and_other_names(build):
    code = (
        b"\x80\x02}("
        + build.text("parameter")
        + b"ctorch._utils\n_rebuild_parameter\n("
        + build.tensor()
        + b"\x88ccollections\nOrderedDict\n)RtR"
        + build.text("dtype")
        + b"ctorch\nint16\n"
        + build.text("size")
        + b"ctorch\nSize\n"
        + build.integers(2, 3)
        + b"\x85R"
        + build.text("device")
        + b"ctorch\ndevice\n"
        + build.text("cpu")
        + b"\x85Ru."
    )
    found = read(build.zip(code))
    assert isinstance(found["parameter"], taeda.nn.Parameter)
    assert found["parameter"].requires_grad
    assert (found["dtype"], found["device"]) == (taeda.int16, taeda.device("cpu"))
    assert isinstance(found["size"], taeda.Size)


def test_mapped_files_are_copied_on_write(build, tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(build.zip(build.dict(weight=build.tensor())))
    found = load(path, mmap=True)
    assert found["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    found["weight"].zero_()
    assert load(path)["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="f must be a path in order to use the mmap argument"):
        load(io.BytesIO(path.read_bytes()), mmap=True)


def test_places(build):
    on_gpu = build.zip(build.dict(weight=build.tensor(location="cuda:0")))
    assert read(on_gpu, map_location="cpu")["weight"].device.type == "cpu"
    assert read(on_gpu, map_location={"cuda:0": "cpu"})["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    seen = []
    read(on_gpu, map_location=lambda storage, location: seen.append((storage.nbytes(), location)) or storage)
    assert seen == [(24, "cuda:0")]
    nothing = read(on_gpu, map_location="meta")["weight"]
    assert (nothing.device.type, tuple(nothing.shape), nothing.stride()) == ("meta", (2, 3), (3, 1))
    with pytest.raises(
        RuntimeError,
        match=r"device 'xpu:1', but device 'xpu:1' is not available here; pass map_location='cpu'",
    ):
        read(build.zip(build.dict(weight=build.tensor(location="xpu:1"))))
    with pytest.raises(
        TypeError, match="map_location must be a device, its name, a dict of names or a function, got int"
    ):
        read(on_gpu, map_location=3)


@pytest.mark.parametrize(
    ("geometry", "text"),
    [
        (
            {"size": (2, 4), "stride": (4, 1)},
            r"reaches element 7 of a storage of 6 elements; the file is corrupt",
        ),
        ({"offset": 1}, r"size \(2, 3\), stride \(3, 1\) and storage_offset 1 that reaches element 6"),
        ({"offset": -1}, "expected non-negative integers"),
        ({"stride": (-3, 1)}, "expected non-negative integers"),
        ({"stride": (3,)}, "as many strides as sizes"),
        ({"size": (2**30, 2**30), "stride": (2**30, 2**30)}, "reaches element"),
        (
            {"count": 7},
            r"storage '0' should have 28 bytes in the record 'data/0', but the archive has a record of 24",
        ),
        ({"key": "9"}, r"storage '9' should have .* the archive has no such record"),
        ({"count": -6}, "refers to a storage in a way that is not known"),
        ({"count": 2**62}, "refers to a storage in a way that is not known"),
        ({"kind": "DoubleStorage"}, "should have 48 bytes"),
    ],
)
def test_tensors_stay_inside_their_storage(build, geometry, text):
    with pytest.raises(RuntimeError, match=text):
        read(build.zip(build.dict(weight=build.tensor(**geometry))))


def test_one_storage_named_with_two_sizes(build):
    code = build.dict(a=build.tensor(), b=build.tensor((2,), (1,), kind="DoubleStorage", count=6))
    with pytest.raises(RuntimeError, match="names storage '0' with 24 bytes and with 48 bytes"):
        read(build.zip(code))


def test_empty_tensors_need_no_bytes(build):
    found = read(build.zip(build.dict(x=build.tensor((0, 3), (3, 1), count=0)), {"data/0": b""}))["x"]
    assert tuple(found.shape) == (0, 3)


def test_expanded_tensors(build):
    found = read(build.zip(build.dict(x=build.tensor((1000, 6), (0, 1)))))["x"]
    assert found[999].tolist() == [0, 1, 2, 3, 4, 5]


def test_truncated_anywhere(build):
    content = build.zip(build.dict(weight=build.tensor()), {"data/0": build.floats, "version": b"3\n"})
    for end in range(1, len(content) - 1, 5):
        with pytest.raises((RuntimeError, EOFError, pickle.UnpicklingError)):
            read(content[:end])
    with pytest.raises(
        RuntimeError, match=r"failed reading zip archive.*truncated or corrupt, copy or download it again"
    ):
        read(content[:-30])


def test_damaged_bytes_are_noticed_by_the_checksum(build):
    content = bytearray(build.zip(build.dict(weight=build.tensor())))
    at = content.index(build.floats)
    content[at + 5] ^= 1
    with pytest.raises(
        RuntimeError, match=r"checksum of the record 'data/0' is wrong: the file says 0x[0-9a-f]{8}"
    ):
        read(bytes(content))
    set_crc32_options(False)
    try:
        assert read(bytes(content))["weight"][0, 0].item() == 0
    finally:
        set_crc32_options(True)


def test_any_damage_is_an_error_or_harmless(build):
    content = build.zip(build.dict(weight=build.tensor()), {"data/0": build.floats, "byteorder": b"little"})
    for position in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        try:
            found = read(bytes(damaged))
        except (RuntimeError, EOFError, pickle.UnpicklingError):
            continue
        assert found["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_compressed_archives_are_refused(build):
    bomb = build.zip(
        build.dict(weight=build.tensor()), {"data/0": b"\0" * 10_000_000}, compression=zipfile.ZIP_DEFLATED
    )
    assert len(bomb) < 20_000
    with pytest.raises(RuntimeError, match=r"is compressed; .pt files are never compressed"):
        read(bomb)


def test_overlapping_records_are_refused(build):
    """A central directory whose two entries point to the same bytes: how zip bombs of stored records are
    made."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", build.dict(weight=build.tensor()))
        archive.writestr("archive/data/0", build.floats)
        twin = zipfile.ZipInfo("archive/data/1")
        for name in ("header_offset", "file_size", "compress_size", "CRC"):
            setattr(twin, name, getattr(archive.filelist[1], name))
        archive.filelist.append(twin)
        archive.NameToInfo[twin.filename] = twin
    with pytest.raises(RuntimeError, match="overlaps another one"):
        read(file.getvalue())


def test_sizes_beyond_the_file_are_refused(build):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", build.dict(weight=build.tensor()))
        archive.writestr("archive/data/0", build.floats)
        archive.filelist[1].file_size = archive.filelist[1].compress_size = 2**31
    with pytest.raises(RuntimeError, match=r"reaches beyond the end of the file"):
        read(file.getvalue())


def test_other_archives_are_named(build):
    with pytest.raises(
        RuntimeError,
        match=r"no single FOLDER/data.pkl, .*'weights.npy' \(NumPy arrays: read it with numpy.load",
    ):
        read(_archive({"weights.npy": b"x"}))
    with pytest.raises(
        RuntimeError, match=r"'model.safetensors'.*a checkpoint lies inside: unpack the archive first"
    ):
        read(_archive({"model.safetensors": b"x", "readme.txt": b"y"}))
    with pytest.raises(RuntimeError, match="is a TorchScript program"):
        read(build.zip(build.dict(), {"constants.pkl": b"x"}))
    with pytest.raises(RuntimeError, match="unknown endianness type: 'middle'"):
        read(build.zip(build.dict(), {"byteorder": b"middle"}))
    with pytest.raises(RuntimeError, match="it holds nothing"):
        read(_archive({}))


def _archive(records):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_hostile_pickles_inside(build):
    with pytest.raises(pickle.UnpicklingError, match=r"asks for the global os\.system"):
        read(build.zip(b"\x80\x02cos\nsystem\n" + build.text("true") + b"\x85R."))


def test_checksums_are_those_of_zlib(build):
    content = build.zip(build.dict(weight=build.tensor()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert zlib.crc32(build.floats) == archive.getinfo("archive/data/0").CRC
