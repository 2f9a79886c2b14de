"""Checkpoint files written by hand, byte by byte, so that no other program is needed to test the readers."""

import io
import pickle
import struct
import zipfile

import pytest

FLOATS = struct.pack("<6f", *range(6))


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value):
    return b"J" + struct.pack("<i", value)


def integers(*values):
    return b"(" + b"".join(integer(value) for value in values) + b"t"


def storage_id(key="0", kind="FloatStorage", count=6, location="cpu"):
    count_code = (
        integer(count) if abs(count) < 2**31 else b"\x8a\x09" + count.to_bytes(9, "little", signed=True)
    )
    return (
        b"("
        + text("storage")
        + b"ctorch\n"
        + kind.encode()
        + b"\n"
        + text(key)
        + text(location)
        + count_code
        + b"tQ"
    )


def tensor_code(size=(2, 3), stride=(3, 1), offset=0, **storage):
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage_id(**storage)
        + integer(offset)
        + integers(*size)
        + integers(*stride)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def dict_code(**items):
    return b"\x80\x02}(" + b"".join(text(name) + code for name, code in items.items()) + b"u."


def zip_file(code, records=None, *, folder="archive", compression=zipfile.ZIP_STORED, **more):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(f"{folder}/data.pkl", code)
        for name, content in ({"data/0": FLOATS} if records is None else records).items():
            archive.writestr(f"{folder}/{name}", content)
        for name, content in more.items():
            archive.writestr(name, content)
    return file.getvalue()


def legacy_file(
    code, storages=(("0", FLOATS, 4),), *, magic=0x1950A86A20F9469CFC6C, version=1001, little=True
):
    system = {
        "protocol_version": 1001,
        "little_endian": little,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    parts = [pickle.dumps(value, 2) for value in (magic, version, system)]
    parts += [code, pickle.dumps([key for key, _, _ in storages], 2)]
    order = "little" if little else "big"
    for _, content, width in storages:
        parts.append((len(content) // width).to_bytes(8, order) + content)
    return b"".join(parts)


class Builder:
    """The functions above, for tests."""

    floats = FLOATS
    text = staticmethod(text)
    integer = staticmethod(integer)
    integers = staticmethod(integers)
    storage_id = staticmethod(storage_id)
    tensor = staticmethod(tensor_code)
    dict = staticmethod(dict_code)
    zip = staticmethod(zip_file)
    legacy = staticmethod(legacy_file)


@pytest.fixture
def build():
    return Builder
